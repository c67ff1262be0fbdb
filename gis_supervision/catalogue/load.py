"""Reading layers and maps from TOML, with every mistake told at once."""

from __future__ import annotations

import tomllib
import typing
from dataclasses import dataclass
from types import UnionType
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from gis_supervision.catalogue.models import Catalogue, Layer, Map
from gis_supervision.catalogue.problems import Problem, nearest
from gis_supervision.catalogue.references import broken_references
from gis_supervision.domain.rule_errors import mistake_of
from gis_supervision.errors import InvalidInputError
from gis_supervision.messages import Message, Parts, joined
from gis_supervision.settings import project_dir

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydantic_core import ErrorDetails

_Entry = TypeVar("_Entry", Layer, Map)


@dataclass(frozen=True)
class Reading:
    """What could be read of the catalogue.

    Attributes
    ----------
    catalogue
        Layers and maps whose files are well-formed.
    files
        Where each comes from, by kind (``layers`` or ``maps``) and name.
    problems
        Mistakes of form.
    """

    catalogue: Catalogue
    files: dict[tuple[str, str], str]
    problems: tuple[Problem, ...]


def load(*directories: Path, shipped: bool = True) -> Catalogue:
    """Read the catalogue.

    Parameters
    ----------
    *directories
        Directories with a ``layers`` or a ``maps`` folder, or both, beside the shipped ones.
    shipped
        Whether the shipped layers and maps belong to it.

    Returns
    -------
    Catalogue
        Well-formed, and free of broken references.

    Raises
    ------
    InvalidInputError
        There are mistakes; the message names all of them, one a line.
    """
    reading = read(*directories, shipped=shipped)
    problems = [*reading.problems, *broken_references(reading.catalogue, reading.files)]
    if problems:
        raise InvalidInputError(
            "the catalogue has mistakes:\n%(problems)s",
            problems=joined(problem.told for problem in problems),
        )
    return reading.catalogue


def read(*directories: Path, shipped: bool = True) -> Reading:
    """Read what can be read, and collect mistakes of form.

    Parameters
    ----------
    *directories, shipped
        As `load` takes them.

    Returns
    -------
    Reading
    """
    problems = [
        Problem(str(directory), "", Message("expected a directory with layers/ or maps/ in it"))
        for directory in directories
        if not any((directory / kind).is_dir() for kind in ("layers", "maps"))
    ]
    files: dict[tuple[str, str], str] = {}
    layers: dict[str, Layer] = {}
    maps: dict[str, Map] = {}
    for place in _places("layers", directories, shipped=shipped):
        _read_into(layers, Layer, "layers", place, files, problems)
    for place in _places("maps", directories, shipped=shipped):
        _read_into(maps, Map, "maps", place, files, problems)
    catalogue = Catalogue.model_construct(layers=layers, maps=maps)
    return Reading(catalogue, files, tuple(problems))


def _places(
    kind: typing.Literal["layers", "maps"], directories: tuple[Path, ...], *, shipped: bool
) -> Iterator[Path]:
    folders = [project_dir(kind)] if shipped else []
    folders += [directory / kind for directory in directories]
    for folder in folders:
        yield from sorted(folder.glob("*.toml"))


def _read_into(
    entries: dict[str, _Entry],
    model: type[_Entry],
    kind: str,
    path: Path,
    files: dict[tuple[str, str], str],
    problems: list[Problem],
) -> None:
    file, name = str(path), path.stem
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        problems.append(
            Problem(file, "", Message("cannot be read as TOML in UTF-8: %(error)s", error=error))
        )
        return
    if "name" in content:
        problems.append(Problem(file, "name", Message("unknown key: the name is that of the file")))
    if name in entries:
        problems.append(
            Problem(file, "", Message("%(files)s has this name already", files=files[kind, name]))
        )
        return
    try:
        entries[name] = model.model_validate(content | {"name": name})
        files[kind, name] = file
    except ValidationError as error:
        problems.extend(_problem(file, model, item, content) for item in error.errors())


def _problem(file: str, model: type[BaseModel], error: ErrorDetails, content: Any) -> Problem:
    place = error["loc"]
    path = _path(place, content)
    key = ".".join(str(part) for part in path)
    if error["type"] == "extra_forbidden":
        allowed = _fields(model, path[:-1])
        if not path[:-1]:
            allowed -= {"name"}
        return Problem(
            file, key, Message("unknown key; %(hint)s", hint=nearest(str(path[-1]), allowed))
        )
    if error["type"] == "missing":
        return Problem(file, ".".join(str(part) for part in (*path,)), Message("missing"))
    if error["type"] == "string_pattern_mismatch" and place == ("name",):
        return Problem(
            file, "", Message("the file's name must be small letters, digits and underscores")
        )
    message: Message | Parts = mistake_of(error)
    got = error.get("input")
    if error["type"] == "literal_error" and isinstance(got, str):
        options = [
            part.strip("' ")
            for part in str(error.get("ctx", {}).get("expected", ""))
            .replace(" or ", ",")
            .split(",")
        ]
        message = Message("%(message)s; %(hint)s", message=message, hint=nearest(got, options))
    return Problem(file, key, Message("%(message)s (got %(got)r)", message=message, got=got))


def _path(place: tuple[int | str, ...], content: Any) -> tuple[int | str, ...]:
    """Leave out what the validator adds for members of unions, which stands in no file."""
    path: list[int | str] = []
    here = content
    for index, part in enumerate(place):
        last = index == len(place) - 1
        in_list = isinstance(here, list) and isinstance(part, int) and part < len(here)
        if in_list or (isinstance(here, dict) and part in here):
            here = here[part]
        elif not (
            last and isinstance(here, dict) and not str(part).startswith(("literal[", "function-"))
        ):
            continue
        path.append(part)
    return tuple(path)


def _fields(model: type[BaseModel], path: tuple[int | str, ...]) -> set[str]:
    """Return the keys that are known at a place of a file."""
    here: set[Any] = {model}
    for part in path:
        below: set[Any] = set()
        for kind in here:
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                field = kind.model_fields.get(str(part))
                below |= set() if field is None else _members(field.annotation)
            elif typing.get_origin(kind) is tuple:
                below |= _members(typing.get_args(kind)[0])
            elif typing.get_origin(kind) is dict:
                below |= _members(typing.get_args(kind)[1])
        here = below
    return {
        name
        for kind in here
        if isinstance(kind, type) and issubclass(kind, BaseModel)
        for name in kind.model_fields
    }


def _members(kind: Any) -> set[Any]:
    if typing.get_origin(kind) in {typing.Union, UnionType}:
        return {member for part in typing.get_args(kind) for member in _members(part)}
    if typing.get_origin(kind) is typing.Annotated:
        return _members(typing.get_args(kind)[0])
    return {kind}

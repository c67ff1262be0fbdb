"""Mistakes in a TOML file, told by key and with the nearest right name."""

import difflib
import types
from collections.abc import Iterable
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gis_supervision.library_texts import recognised
from gis_supervision.messages import Message, Parts, joined


def near_name(name: str, names: Iterable[str]) -> Message | str:
    """`` (did you mean 'x'?)`` where a name close to `name` exists, else an empty text."""
    near = difflib.get_close_matches(name, list(names), n=1)
    return Message(" (did you mean %(name)r?)", name=near[0]) if near else ""


def describe_errors(error: ValidationError, model: type[BaseModel]) -> list[Message | Parts]:
    """One line for each mistake: dotted key, what was expected, what was found.

    Parameters
    ----------
    error : ValidationError
        What pydantic raised for data of `model`.
    model : type[BaseModel]
        The strict model that the file has to follow.

    Returns
    -------
    list of Message or Parts
        Such as ``visits.clases: unknown key (did you mean 'classes'?)``.
    """
    lines: list[Message | Parts] = []
    for problem in error.errors(include_url=False):
        # a wrong key of a mapping is reported below the key, with "[key]" as the last part
        wrong_key = problem["loc"][-1:] == ("[key]",)
        place = [str(part) for part in problem["loc"] if part != "[key]"]
        key = ".".join(place) or "file"
        message: Message | Parts = mistake_of(problem)
        if problem["type"] == "extra_forbidden":
            hint = near_name(place[-1], _names_at(model, place[:-1]))
            message = Message("unknown key%(hint)s", hint=hint)
        elif problem["type"] == "missing":
            message = Message("missing; it is required")
        elif problem["type"] == "literal_error" and isinstance(problem["input"], str):
            expected = _names_at(model, place, of_key=wrong_key)
            message = Message(
                "%(mistake)s, found %(found)r%(hint)s",
                mistake=message,
                found=problem["input"],
                hint=near_name(problem["input"], expected),
            )
        elif not isinstance(problem["input"], dict | list):
            message = Message(
                "%(mistake)s, found %(found)r", mistake=message, found=problem["input"]
            )
        if problem["loc"]:
            message = Message("%(key)s: %(mistake)s", key=key, mistake=message)
        lines.append(message)
    return lines


def mistake_of(problem: ErrorDetails) -> Message | Parts:
    """Words for one mistake: the validator's own, else those of pydantic."""
    error = problem.get("ctx", {}).get("error")
    if not isinstance(error, ValueError):
        return joined([recognised(problem["msg"])])
    told = joined([error])
    return told if isinstance(told.parts[0], Message | Parts) else joined([recognised(str(error))])


def _names_at(model: type[BaseModel], place: list[str], *, of_key: bool = False) -> list[str]:
    """Names that are right at a place of the file: fields, literal values or literal keys."""
    kind: Any = model
    for depth, part in enumerate(place, start=1):
        kind = _plain(kind)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            field = kind.model_fields.get(part)
            kind = None if field is None else field.annotation
        elif get_origin(kind) is dict:
            kind = get_args(kind)[0 if of_key and depth == len(place) else 1]
        elif get_origin(kind) is tuple:
            kind = get_args(kind)[0]
        else:
            return []
    kind = _plain(kind)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return list(kind.model_fields)
    if get_origin(kind) is Literal:
        return [str(value) for value in get_args(kind)]
    return []


def _plain(kind: Any) -> Any:
    """Strip Annotated and None from a type."""
    if get_origin(kind) is Annotated:
        return _plain(get_args(kind)[0])
    if get_origin(kind) in {Union, types.UnionType}:
        inner = [part for part in get_args(kind) if part is not type(None)]
        return _plain(inner[0]) if len(inner) == 1 else kind
    return kind

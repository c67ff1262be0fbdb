"""Partitioned GeoParquet of premises with their inspections and hazards: reading and checking it.

A dataset is a directory (or one file) of GeoParquet files, https://geoparquet.org/releases/v1.1.0/.
Each row is one premises with all its inspections and hazards, so that any division into files and
row groups gives the same result, and no file needs another. Names that begin with ``_`` or ``.``
are no partitions; further columns are passed over.

| column | type | meaning |
| --- | --- | --- |
| primary geometry | point, WKB or native, WGS84 (longitude first), null | where it is |
| ``location`` | text | what the point is: ``exact``, ``approximate`` or ``none`` |
| ``risk_class``, ``credit_class``, ``responsibility_tier`` | text, null | its classes |
| ``category`` | text, null | its category |
| ``external`` | boolean | of another administration |
| ``opened_on``, ``closed_on`` | date, null | null: not known, not closed |
| ``cell_id``, ``division_id`` | integer, null | grid cell and division it lies in |
| ``inspections`` | list of ``inspected_on`` date, ``channel`` text, ``kind`` text or null | all |
| ``hazards`` | list of ``found_on`` date, ``resolved_on`` date or null | all, in any order |

``premises_id``, an integer, is asked for where an analysis is stored in the register.

``_zones.parquet`` says which zone a cell belongs to: ``cell_id``, ``zone_id``, ``valid_from`` and
``valid_to`` (the first day no longer, or null). ``_dataset.json`` is written last and names every
partition with its rows; where it is, no file may be missing, added or of another length.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyproj
from pyarrow import parquet

from gis_supervision.errors import ConflictError, InvalidInputError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

MANIFEST: Final = "_dataset.json"
ZONES: Final = "_zones.parquet"
FORMAT: Final = "gis-supervision premises 1"
PIECE_ROWS: Final = 500_000
"""Row groups are read together, in one task, up to about so many rows."""
_MOST_MESSAGES: Final = 20
_EPOCH: Final = date(1970, 1, 1)


def _text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_string_view(kind)
        or pa.types.is_null(kind)
    )


def _date(kind: pa.DataType) -> bool:
    return bool(pa.types.is_date32(kind) or pa.types.is_null(kind))


def _integer(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_null(kind))


_KINDS: Final = {
    "text": _text,
    "date": _date,
    "integer": _integer,
    "boolean": pa.types.is_boolean,
}
_PLAIN: Final = {
    "location": "text",
    "risk_class": "text",
    "credit_class": "text",
    "responsibility_tier": "text",
    "category": "text",
    "external": "boolean",
    "opened_on": "date",
    "closed_on": "date",
    "cell_id": "integer",
    "division_id": "integer",
}
_NESTED: Final = {
    "inspections": {"inspected_on": "date", "channel": "text", "kind": "text"},
    "hazards": {"found_on": "date", "resolved_on": "date"},
}


@dataclass(frozen=True)
class Piece:
    """Row groups of one file that are read in one task.

    Attributes
    ----------
    path
        The file.
    geometry
        Name of its geometry column.
    groups
        Numbers of the row groups, in order.
    first_row
        Number of their first row in the file, from 0.
    rows, file_rows
        Rows in the groups, and in the whole file.
    """

    path: str
    geometry: str
    groups: tuple[int, ...]
    first_row: int
    rows: int
    file_rows: int


@dataclass(frozen=True)
class Manifest:
    """What a writer says of its dataset: rows by file, and the register it was read from."""

    files: dict[str, int]
    register_version: int | None
    current_day: date | None

    def to_json(self) -> str:
        """Return the text of `MANIFEST`."""
        day = self.current_day.isoformat() if self.current_day else None
        content = {
            "format": FORMAT,
            "register_version": self.register_version,
            "current_day": day,
            "files": self.files,
        }
        return json.dumps(content, indent=1) + "\n"


@dataclass(frozen=True)
class Dataset:
    """A dataset whose files have been checked as far as their footers tell."""

    path: Path
    pieces: tuple[Piece, ...]
    manifest: Manifest | None

    @property
    def rows(self) -> int:
        """Number of premises."""
        return sum(piece.rows for piece in self.pieces)


def open_dataset(path: Path, *, piece_rows: int = PIECE_ROWS) -> Dataset:
    """Find the partitions of a dataset and check what their footers tell.

    Parameters
    ----------
    path
        Directory, or one file.
    piece_rows
        Row groups are read together up to so many rows.

    Returns
    -------
    Dataset

    Raises
    ------
    NotFoundError
        There is nothing of that name, or nothing in it.
    InvalidInputError
        With one line for each mistake: file, column, what was expected.
    """
    if not path.exists():
        raise NotFoundError("%(path)s: no such directory", path=path)
    manifest = _manifest(path)
    files = [path] if path.is_file() else _partitions(path)
    if not files and manifest is None:
        raise NotFoundError(
            "%(path)s: no partition in it, expected files named *.parquet", path=path
        )
    problems: list[str] = []
    pieces: list[Piece] = []
    found: dict[str, int] = {}
    for file in files:
        try:
            of_file = _pieces(file, piece_rows)
        except InvalidInputError as error:
            problems.extend(str(error).splitlines())
            continue
        pieces += of_file
        found[_name(file, path)] = of_file[0].file_rows
    if not problems and manifest is not None:
        problems = _differences(path, manifest.files, found)
    if problems:
        more = len(problems) - _MOST_MESSAGES
        shown = problems[:_MOST_MESSAGES] + ([f"... and {more} more"] if more > 0 else [])
        raise InvalidInputError.told(*shown)
    return Dataset(path, tuple(pieces), manifest)


def zones(path: Path, as_of: date) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Read which zone each cell belongs to on a day.

    Returns
    -------
    tuple
        Cells in ascending order, and the zone of each; empty where the dataset tells of none.

    Raises
    ------
    InvalidInputError
        A column is missing or of another type, or a cell has two zones.
    """
    file = path / ZONES
    nothing = np.empty(0, dtype=np.int64)
    if path.is_file() or not file.exists():
        return nothing, nothing
    wanted = {
        "cell_id": "integer",
        "zone_id": "integer",
        "valid_from": "date",
        "valid_to": "date",
    }
    table = _opened(file).read()
    problems = _wrong_columns(file, table.schema, wanted)
    if problems:
        raise InvalidInputError.told(*problems)
    day = (as_of - _EPOCH).days
    begins, ends = (days(table.column(name)) for name in ("valid_from", "valid_to"))
    holds = ~(begins > day) & ~(ends <= day)
    cell, zone = (integers(table.column(name))[holds] for name in ("cell_id", "zone_id"))
    order = np.argsort(cell, kind="stable")
    cell, zone = cell[order], zone[order]
    twice = np.flatnonzero(cell[1:] == cell[:-1])
    if twice.size:
        raise InvalidInputError(
            "%(file)s: column cell_id: cell %(cell)s has two zones on %(as_of)s, expected one",
            file=file,
            cell=cell[twice[0]],
            as_of=as_of,
        )
    return cell, zone


def record_batches(
    piece: Piece, batch_rows: int, *, identified: bool = False
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Read a piece, some rows at a time.

    Parameters
    ----------
    piece
        What to read.
    batch_rows
        Most rows at a time; memory follows from it, not from the size of row groups.
    identified
        Whether the column ``premises_id`` is read too.

    Yields
    ------
    tuple
        The number of the first row in the file, from 0, and the rows.

    Raises
    ------
    ConflictError
        The file has changed since it was checked.
    InvalidInputError
        It cannot be read.
    NotFoundError
        It is not there (any more).
    """
    file = _opened(Path(piece.path))
    with file:
        first = piece.first_row
        if file.metadata.num_rows != piece.file_rows:
            raise ConflictError(
                "%(path)s: %(num_rows)s rows, there were %(file_rows)s a moment ago; expected a "
                "dataset that nobody changes",
                path=piece.path,
                num_rows=file.metadata.num_rows,
                file_rows=piece.file_rows,
            )
        columns = [piece.geometry, *_PLAIN, *_NESTED]
        if identified:
            wrong = _wrong_columns(Path(piece.path), file.schema_arrow, {"premises_id": "integer"})
            if wrong:
                raise InvalidInputError.told(wrong[0])
            columns.append("premises_id")
        try:
            for batch in file.iter_batches(
                batch_rows, row_groups=list(piece.groups), columns=columns, use_threads=False
            ):
                yield first, batch
                first += batch.num_rows
        except (pa.ArrowException, OSError) as error:
            raise InvalidInputError(
                "%(path)s: row %(first)s or later cannot be read (%(error)s); expected a complete "
                "Parquet file",
                path=piece.path,
                first=first + 1,
                error=_said(error),
            ) from error


def integers(column: pa.ChunkedArray | pa.Array) -> NDArray[np.int64]:
    """Return whole numbers; null becomes -1."""
    filled = column.cast(pa.int64()).fill_null(-1)
    return np.asarray(filled.to_numpy(), dtype=np.int64)


def days(column: pa.ChunkedArray | pa.Array) -> NDArray[np.float64]:
    """Return dates as days since 1970-01-01; null becomes NaN."""
    numbers = column.cast(pa.date32()).cast(pa.int32()).cast(pa.float64())
    return np.asarray(numbers.fill_null(float("nan")).to_numpy(), dtype=np.float64)


def _name(file: Path, path: Path) -> str:
    return file.name if file == path else file.relative_to(path).as_posix()


def _partitions(path: Path) -> list[Path]:
    return sorted(
        file
        for file in path.rglob("*.parquet")
        if not any(part.startswith(("_", ".")) for part in file.relative_to(path).parts)
        and file.is_file()
    )


def _manifest(path: Path) -> Manifest | None:
    file = path / MANIFEST
    if path.is_file() or not file.exists():
        return None
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise InvalidInputError(
                "%(file)s: format %(format)r, expected %(known)r; export it again",
                file=file,
                format=content["format"],
                known=FORMAT,
            )
        day = content["current_day"]
        return Manifest(
            {str(name): int(rows) for name, rows in content["files"].items()},
            content["register_version"],
            date.fromisoformat(day) if day else None,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInputError(
            "%(file)s: expected JSON as `gis-supervision export partitions` writes it (%(error)r)",
            file=file,
            error=error,
        ) from error


def _differences(path: Path, told: dict[str, int], found: dict[str, int]) -> list[str]:
    """Compare the files of a dataset with what its writer said of them."""
    wrong = [
        f"{path / name}: missing, {MANIFEST} names it with {told[name]} rows"
        for name in sorted(told.keys() - found.keys())
    ]
    wrong += [
        f"{path / name}: not named in {MANIFEST}; expected only the files of one export"
        for name in sorted(found.keys() - told.keys())
    ]
    wrong += [
        f"{path / name}: {found[name]} rows, expected {told[name]} as {MANIFEST} says"
        for name in sorted(told.keys() & found.keys())
        if told[name] != found[name]
    ]
    return wrong


def _opened(file: Path) -> parquet.ParquetFile:
    try:
        if file.stat().st_size == 0:
            raise InvalidInputError("%(file)s: empty file, expected GeoParquet", file=file)
        return parquet.ParquetFile(file, buffer_size=1 << 20)
    except FileNotFoundError as error:
        raise NotFoundError(
            "%(file)s: not there; expected a directory that every worker sees under this path",
            file=file,
        ) from error
    except (pa.ArrowException, OSError) as error:
        raise InvalidInputError(
            "%(file)s: expected a Parquet file (%(error)s)", file=file, error=_said(error)
        ) from error


def _said(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]


def _pieces(path: Path, piece_rows: int) -> list[Piece]:
    with _opened(path) as file:
        metadata, schema = file.metadata, file.schema_arrow
        geometry, problems = _geometry(path, schema)
        problems += _wrong_columns(path, schema, _PLAIN)
        problems += _wrong_lists(path, schema)
        if metadata.num_rows == 0:
            problems.append(f"{path}: no rows, expected at least one premises in a partition")
        if problems:
            raise InvalidInputError.told(*problems)
        sizes = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
    pieces: list[Piece] = []
    first, group = 0, 0
    while group < len(sizes):
        end = group + 1
        while end < len(sizes) and sum(sizes[group : end + 1]) <= piece_rows:
            end += 1
        rows = sum(sizes[group:end])
        groups = tuple(range(group, end))
        # workers have working directories of their own
        pieces.append(Piece(str(path.absolute()), geometry, groups, first, rows, metadata.num_rows))
        first, group = first + rows, end
    return pieces


def _wrong_columns(file: Path, schema: pa.Schema, wanted: dict[str, str]) -> list[str]:
    wrong = []
    for name, kind in wanted.items():
        at = schema.get_field_index(name)
        if at < 0:
            wrong.append(f"{file}: column {name}: missing, expected {kind}")
        elif not _KINDS[kind](schema.field(at).type):
            wrong.append(f"{file}: column {name}: {schema.field(at).type}, expected {kind}")
    return wrong


def _wrong_lists(file: Path, schema: pa.Schema) -> list[str]:
    wrong = []
    for name, wanted in _NESTED.items():
        expected = "a list of " + ", ".join(f"{inner} ({kind})" for inner, kind in wanted.items())
        at = schema.get_field_index(name)
        if at < 0:
            wrong.append(f"{file}: column {name}: missing, expected {expected}")
            continue
        kind = schema.field(at).type
        if pa.types.is_null(kind):
            continue
        listed = pa.types.is_list(kind) or pa.types.is_large_list(kind)
        if not listed or not pa.types.is_struct(kind.value_type):
            wrong.append(f"{file}: column {name}: {kind}, expected {expected}")
            continue
        inner = {field.name: field.type for field in kind.value_type}
        wrong += [
            f"{file}: column {name}.{field}: {inner.get(field, 'missing')}, expected {of}"
            for field, of in wanted.items()
            if field not in inner or not _KINDS[of](inner[field])
        ]
    return wrong


def _geometry(file: Path, schema: pa.Schema) -> tuple[str, list[str]]:
    """Find the geometry column and check what the metadata say of it."""
    text = (schema.metadata or {}).get(b"geo")
    if text is None:
        expected = "expected the metadata `geo` of GeoParquet, with a point in WGS84"
        return "", [f"{file}: column geometry: {expected}"]
    try:
        meaning = json.loads(text)
        name = meaning["primary_column"]
        column = meaning["columns"][name]
        encoding = column["encoding"]
    except (ValueError, KeyError, TypeError):
        return "", [f"{file}: metadata geo: expected those of GeoParquet 1.0 or 1.1"]
    at = schema.get_field_index(name)
    if at < 0:
        return name, [f"{file}: column {name}: missing, expected the primary geometry"]
    wrong = []
    kind = schema.field(at).type
    binary = pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
    native = pa.types.is_struct(kind) and {"x", "y"} <= {field.name for field in kind}
    if not (encoding == "WKB" and binary) and not (encoding == "point" and native):
        wrong.append(
            f"{file}: column {name}: {kind} with encoding {encoding!r}, expected WKB or point"
        )
    others = set(column.get("geometry_types") or ()) - {"Point", "Point Z"}
    if others:
        wrong.append(f"{file}: column {name}: {', '.join(sorted(others))}, expected Point alone")
    datum = _foreign_datum(column)
    if datum is not None:
        wrong.append(
            f"{file}: column {name}: coordinate system {datum}, expected WGS84 or CGCS2000 "
            "longitude and latitude (OGC:CRS84, EPSG:4326, EPSG:4490)"
        )
    return name, wrong


def _foreign_datum(column: dict[str, Any]) -> str | None:
    """Name the coordinate system of a column where it is not WGS84 or CGCS2000."""
    if "crs" not in column:
        return None  # GeoParquet: OGC:CRS84
    given = column["crs"]
    if given is None:
        return "unknown (null)"
    try:
        system = pyproj.CRS.from_user_input(given)
    except pyproj.exceptions.CRSError:
        return "that cannot be read"
    for code in (4326, 4490):
        if system.equals(pyproj.CRS.from_epsg(code), ignore_axis_order=True):
            return None
    if system.to_authority() == ("OGC", "CRS84"):
        return None
    return repr(system.name)

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
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from gis_supervision.errors import ConflictError, InvalidInputError, NotFoundError
from gis_supervision.messages import Message, parts_of
from gis_supervision.storage.partition_columns import (
    NESTED,
    PLAIN,
    primary_geometry,
    wrong_columns,
    wrong_lists,
)

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
    problems: list[object] = []
    pieces: list[Piece] = []
    found: dict[str, int] = {}
    for file in files:
        try:
            of_file = _pieces(file, piece_rows)
        except InvalidInputError as error:
            problems.extend(parts_of(error.message))
            continue
        pieces += of_file
        found[_name(file, path)] = of_file[0].file_rows
    if not problems and manifest is not None:
        problems += _differences(path, manifest.files, found)
    if problems:
        more = len(problems) - _MOST_MESSAGES
        shown = problems[:_MOST_MESSAGES]
        if more > 0:
            shown.append(Message("... and %(count)s more", count=more))
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
    problems = wrong_columns(file, table.schema, wanted)
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
        columns = [piece.geometry, *PLAIN, *NESTED]
        if identified:
            wrong = wrong_columns(Path(piece.path), file.schema_arrow, {"premises_id": "integer"})
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
            "%(file)s: expected JSON as `gis-supervision export partitions` writes it (%(error)s)",
            file=file,
            error=error,
        ) from error


def _differences(path: Path, told: dict[str, int], found: dict[str, int]) -> list[Message]:
    """Compare the files of a dataset with what its writer said of them."""
    wrong = [
        Message(
            "%(path)s: missing, %(manifest)s names it with %(told)s rows",
            path=path / name,
            manifest=MANIFEST,
            told=told[name],
        )
        for name in sorted(told.keys() - found.keys())
    ]
    wrong += [
        Message(
            "%(path)s: not named in %(manifest)s; expected only the files of one export",
            path=path / name,
            manifest=MANIFEST,
        )
        for name in sorted(found.keys() - told.keys())
    ]
    wrong += [
        Message(
            "%(path)s: %(found)s rows, expected %(told)s as %(manifest)s says",
            path=path / name,
            found=found[name],
            told=told[name],
            manifest=MANIFEST,
        )
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
        geometry, problems = primary_geometry(path, schema)
        problems += wrong_columns(path, schema, PLAIN)
        problems += wrong_lists(path, schema)
        if metadata.num_rows == 0:
            problems.append(
                Message(
                    "%(path)s: no rows, expected at least one premises in a partition", path=path
                )
            )
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

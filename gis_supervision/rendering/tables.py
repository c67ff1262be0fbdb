"""Tables as files: CSV, XLSX, GeoPackage and GeoParquet, written as the rows arrive.

Memory does not grow with the rows. A file appears under its name only when it is complete. Text
stays text: codes keep their leading zeros, and what a spreadsheet would take for a formula is
defused in the formats that spreadsheets open (OWASP, CSV Injection).

CSV
    UTF-8 with a byte order mark, lines end in CRLF (RFC 4180). A text that begins with ``=``,
    ``+``, ``-``, ``@``, tab or carriage return gets an apostrophe in front, and one that begins
    with apostrophes and such a sign one apostrophe more, so that `DEFUSED` takes away exactly what
    was added. Points are two columns, other shapes one column of WKT.
XLSX
    Every text is a text cell with the prefix of a quoted text, which is no part of its value.
    More rows than a sheet holds go on in further sheets. Points are two columns; other shapes do
    not fit into cells and are left out.
GeoPackage, GeoParquet 1.1
    WGS84 (EPSG:4326), longitude first.
"""

from __future__ import annotations

import csv
import os
import re
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import shapely

from gis_supervision.errors import InvalidInputError
from gis_supervision.rendering import geotables

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Kind = Literal["text", "integer", "number", "date", "boolean"]
GeometryKind = Literal["point", "line", "polygon"]
Format = Literal["csv", "xlsx", "gpkg", "geoparquet"]

SUFFIXES: Final[dict[str, Format]] = {
    ".csv": "csv",
    ".xlsx": "xlsx",
    ".gpkg": "gpkg",
    ".parquet": "geoparquet",
    ".geoparquet": "geoparquet",
}
"""Format of a file by the end of its name."""

DEFUSED: Final = r"(?s)^'('*[=+\-@\t\r].*)$"
"""Regular expression of a text of a CSV file that was defused; the first group is what it was."""

SHEET_ROWS: Final = 1_048_575
"""Rows of a sheet below its header."""
_CELL_CHARACTERS: Final = 32_767
_EXACT_INTEGER: Final = 2**53
_DANGEROUS: Final = re.compile(r"'*[=+\-@\t\r]")
_FIRST_SHEET_DATE: Final = date(1900, 3, 1)


@dataclass(frozen=True)
class Column:
    """One column: its name in the register, its title in the reader's language, its type."""

    name: str
    title: str
    kind: Kind = "text"


@dataclass(frozen=True)
class Table:
    """Rows to be written.

    Attributes
    ----------
    name
        Name of the layer or table, ASCII.
    title
        Title in the reader's language.
    columns
        Columns in order.
    batches
        Rows, some at a time; values in the order of the columns and, where there is geometry, WKB
        or None at the end. Read once.
    geometry
        Kind of the geometry, WGS84 longitude first; None where there is none.
    coordinates
        Titles of longitude, latitude and shape, for formats without geometry.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    batches: Iterable[Sequence[tuple[Any, ...]]]
    geometry: GeometryKind | None = None
    coordinates: tuple[str, str, str] = ("lng", "lat", "wkt")


def format_of(path: Path) -> Format:
    """Tell the format by the end of a file's name.

    Raises
    ------
    InvalidInputError
        It is none of `SUFFIXES`.
    """
    try:
        return SUFFIXES[path.suffix.lower()]
    except KeyError:
        raise InvalidInputError(
            "%(file)s: expected a name that ends in %(suffixes)s",
            file=path.name,
            suffixes=", ".join(SUFFIXES),
        ) from None


def write(table: Table, path: Path, format_: Format | None = None) -> int:
    """Write a table to a file; it replaces one of that name when it is complete.

    Parameters
    ----------
    table
        What to write.
    path
        The file.
    format_
        Left out: by the end of its name.

    Returns
    -------
    int
        Number of rows.

    Raises
    ------
    InvalidInputError
        The format is unknown, a format with geometry is asked for a table without, the directory
        is not there, or a text is longer than a cell of a spreadsheet.
    """
    chosen = format_ or format_of(path)
    unique = _unique_titles(table)
    with _completed(path, chosen) as temporary:
        if chosen == "csv":
            return _write_csv(table, unique, temporary)
        if chosen == "xlsx":
            return _write_xlsx(table, unique, temporary)
        if table.geometry is None and chosen == "gpkg":
            raise InvalidInputError(
                "%(name)s has no geometry: expected CSV, XLSX or Parquet, not a GeoPackage",
                name=table.name,
            )
        kinds = tuple(column.kind for column in table.columns)
        layer = geotables.Layer(table.name, table.title, unique, kinds, table.geometry)
        if chosen == "gpkg":
            return geotables.write_geopackage(layer, table.batches, temporary)
        return geotables.write_geoparquet(layer, table.batches, temporary)


def defused(value: str) -> str:
    """Put an apostrophe before a text that a spreadsheet would take for a formula."""
    return f"'{value}" if _DANGEROUS.match(value) else value


@contextmanager
def _completed(path: Path, format_: Format) -> Iterator[Path]:
    """Yield a name beside the file; give it the file's name at the end."""
    if not path.parent.is_dir():
        raise InvalidInputError(
            "%(path)s: there is no directory %(parent)s", path=path, parent=path.parent
        )
    if path.is_dir():
        raise InvalidInputError("%(path)s: is a directory", path=path)
    with tempfile.TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as directory:
        temporary = Path(directory) / f"export.{format_}"
        yield temporary
        temporary.replace(path)


def _unique_titles(table: Table) -> tuple[str, ...]:
    """Return titles of which none is there twice, whatever the case of its letters."""
    taken = {"fid", "geom", "geometry"}
    found = []
    for column in table.columns:
        title, number = column.title, 1
        while title.casefold() in taken:
            number += 1
            title = f"{column.title} ({number})"
        taken.add(title.casefold())
        found.append(title)
    return tuple(found)


def _places(table: Table, *, shapes: bool) -> tuple[str, ...]:
    if table.geometry == "point":
        return table.coordinates[:2]
    return table.coordinates[2:] if table.geometry and shapes else ()


def _point(data: bytes | memoryview | None) -> tuple[float | None, float | None]:
    if data is None:
        return None, None
    point = shapely.from_wkb(bytes(data))
    return (None, None) if point.is_empty else (float(point.x), float(point.y))


def _write_csv(table: Table, titles: tuple[str, ...], path: Path) -> int:
    texts = [column.kind == "text" for column in table.columns]
    width = len(texts)
    count = 0
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([defused(title) for title in (*titles, *_places(table, shapes=True))])
        for batch in table.batches:
            for row in batch:
                cells: list[Any] = [
                    defused(str(value)) if text and value is not None else _plain(value)
                    for value, text in zip(row[:width], texts, strict=True)
                ]
                if table.geometry == "point":
                    cells.extend(_plain(value) for value in _point(row[width]))
                elif table.geometry:
                    shape = row[width]
                    cells.append("" if shape is None else shapely.from_wkb(bytes(shape)).wkt)
                writer.writerow(cells)
            count += len(batch)
        file.flush()
        os.fsync(file.fileno())
    return count


def _plain(value: object) -> str:
    """Write numbers with all their digits, dates as ISO 8601, flags as true and false."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, float) else str(value)


def _write_xlsx(table: Table, titles: tuple[str, ...], path: Path) -> int:
    # loaded here: it is needed for this format only
    import xlsxwriter  # noqa: PLC0415 - see above

    options = {
        "constant_memory": True,
        "tmpdir": str(path.parent),
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "nan_inf_to_errors": True,
    }
    count = 0
    places = _places(table, shapes=False)
    kinds = [column.kind for column in table.columns] + ["number"] * len(places)
    with xlsxwriter.Workbook(str(path), options) as book:
        styles = {
            "head": book.add_format({"bold": True, "num_format": "@", "quote_prefix": True}),
            "text": book.add_format({"num_format": "@", "quote_prefix": True}),
            "date": book.add_format({"num_format": "yyyy-mm-dd"}),
        }
        writer = _SheetWriter(book, table.title, (*titles, *places), styles)
        for batch in table.batches:
            for row in batch:
                cells = row[: len(titles)] + (_point(row[-1]) if places else ())
                writer.write(cells, kinds)
            count += len(batch)
    return count


class _SheetWriter:
    """Writes rows to a sheet, and to a further one when it is full."""

    def __init__(
        self, book: Any, title: str, header: tuple[str, ...], styles: dict[str, Any]
    ) -> None:
        self._book, self._header, self._styles = book, header, styles
        self._title = re.sub(r"[\[\]:*?/\\']", " ", title)[:25].strip() or "1"
        self._sheets = 0
        self._begin()

    def _begin(self) -> None:
        self._sheets += 1
        more = f" ({self._sheets})" if self._sheets > 1 else ""
        self._sheet = self._book.add_worksheet(f"{self._title}{more}")
        self._sheet.freeze_panes(1, 0)
        for column, title in enumerate(self._header):
            self._sheet.set_column(column, column, min(max(10, 2 * len(title)), 40))
            self._sheet.write_string(0, column, title, self._styles["head"])
        self._row = 0

    def write(self, cells: tuple[Any, ...], kinds: Sequence[str]) -> None:
        if self._row == SHEET_ROWS:
            self._begin()
        self._row += 1
        for column, (value, kind) in enumerate(zip(cells, kinds, strict=True)):
            if value is None or value == "":
                continue
            if isinstance(value, bool):
                self._sheet.write_boolean(self._row, column, value)
            elif isinstance(value, date) and value >= _FIRST_SHEET_DATE:
                self._sheet.write_datetime(self._row, column, value, self._styles["date"])
            elif kind in {"integer", "number"} and _exact(value):
                exact = _Exact(value) if isinstance(value, float) else value
                self._sheet.write_number(self._row, column, exact)
            else:
                self._text(column, str(value))

    def _text(self, column: int, value: str) -> None:
        if len(value) > _CELL_CHARACTERS:
            raise InvalidInputError(
                "row %(row)s, column %(header)r: %(count)s characters, a cell of a spreadsheet "
                "holds %(cell_characters)s; export CSV instead",
                row=self._row,
                header=self._header[column],
                count=len(value),
                cell_characters=_CELL_CHARACTERS,
            )
        self._sheet.write_string(self._row, column, value, self._styles["text"])


class _Exact(float):
    """A number that is written with all its digits; the library would write 16 of them."""

    def __format__(self, spec: str) -> str:
        return repr(float(self)) if spec == ".16G" else super().__format__(spec)


def _exact(value: object) -> bool:
    """Tell whether a number is the same in a spreadsheet, which knows doubles only."""
    return isinstance(value, float) or (isinstance(value, int) and abs(value) <= _EXACT_INTEGER)

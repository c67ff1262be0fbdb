"""Sources as batches of text columns, whatever the format, with memory that does not grow.

Every batch is a `polars.DataFrame` whose columns are text, besides ``#row`` (the row as a
spreadsheet counts it; features of geographic files count from 1) and, for geographic files,
``#geometry`` (WKB).
"""

import json
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, time
from pathlib import Path
from typing import Any, Final

import openpyxl
import polars as pl
import polars.selectors as cs
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pyogrio
import pyogrio.errors
import pyproj
import pyproj.exceptions

from gis_supervision.errors import InvalidInputError
from gis_supervision.importing import files
from gis_supervision.importing.mapping import Source

ROW: Final = "#row"
GEOMETRY: Final = "#geometry"

_BLOCK_BYTES: Final = 3 << 20
_BATCH_ROWS: Final = 50_000
_EXACT_INTEGER: Final = 2**53


@dataclass
class Table:
    """An open source.

    Attributes
    ----------
    columns
        Names of its columns.
    header_row
        Row of the header, 0 where there is none.
    datum
        Datum that the file itself declares, None where it does not.
    broken
        Rows that are no rows of this table, filled while reading: row, text, what was expected.
    batches
        The rows; can be read once.
    """

    columns: list[str]
    header_row: int
    datum: str | None
    batches: Iterator[pl.DataFrame]
    broken: list[tuple[int, str, str]] = field(default_factory=list)


@contextmanager
def opened(path: Path, source: Source, name: str | None = None) -> Iterator[Table]:
    """Open a source.

    Parameters
    ----------
    path
        The file.
    source
        What the mapping says of it.
    name
        Name of the source: a workbook that has a sheet of this name is read there, where the
        mapping names no other.

    Raises
    ------
    InvalidInputError
        The file is not what its name or the mapping says.
    """
    inside = files.member(path, source.layer)
    kind = source.format or files.format_of(path, inside)
    try:
        if kind == "csv":
            with _delimited(path, inside, source) as table:
                yield table
        elif kind == "xlsx":
            with _workbook(path, inside, source, name) as table:
                yield table
        elif kind == "geoparquet":
            with files.opened(path, inside) as file:
                yield _parquet(file)
        else:
            with _features(path, inside, source) as table:
                yield table
    except (pa.ArrowException, pyogrio.errors.DataSourceError, EOFError) as error:
        raise InvalidInputError(
            "%(file)s cannot be read as %(kind)s: %(error)s", file=path.name, kind=kind, error=error
        ) from None


@contextmanager
def _delimited(path: Path, inside: str | None, source: Source) -> Iterator[Table]:
    start = files.sample(path, inside)
    encoding = source.encoding or files.encoding_of(start)
    try:
        names, delimiter = files.header_of(start, encoding, source.delimiter, source.header_row)
    except LookupError:
        raise InvalidInputError(
            "%(file)s: no encoding %(encoding)r", file=path.name, encoding=encoding
        ) from None
    except InvalidInputError as error:
        raise InvalidInputError("%(file)s: %(error)s", file=path.name, error=error) from None
    table = Table(names, source.header_row, None, iter(()))

    def remember(row: Any) -> str:
        if row.text.strip():
            expected = f"{row.expected_columns} cells, found {row.actual_columns}"
            table.broken.append((row.number, row.text, expected))
        return "skip"

    with files.opened(path, inside) as file:
        reader = pa.csv.open_csv(
            pa.PythonFile(file, mode="r"),
            read_options=pa.csv.ReadOptions(
                use_threads=False,
                block_size=_BLOCK_BYTES,
                encoding="utf8" if encoding in {"utf-8", "utf-8-sig"} else encoding,
                column_names=names,
                skip_rows=source.header_row - 1,
                skip_rows_after_names=1,
            ),
            parse_options=pa.csv.ParseOptions(
                delimiter=delimiter,
                newlines_in_values=True,
                ignore_empty_lines=False,
                invalid_row_handler=remember,
            ),
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                strings_can_be_null=False,
            ),
        )
        table.batches = _numbered(path, reader, table)
        yield table


def _numbered(path: Path, reader: Any, table: Table) -> Iterator[pl.DataFrame]:
    """Give the rows their numbers; broken rows and empty ones count, as in a spreadsheet."""
    row = table.header_row
    passed = 0
    try:
        for batch in reader:
            numbers: list[int] = []
            while len(numbers) < batch.num_rows:
                # up to the next broken row, whose number the parser has told beforehand
                stop = row + 1 + batch.num_rows - len(numbers)
                if passed < len(table.broken) and table.broken[passed][0] < stop:
                    stop = table.broken[passed][0]
                    passed += 1
                    numbers.extend(range(row + 1, stop))
                    row = stop
                else:
                    numbers.extend(range(row + 1, stop))
                    row = stop - 1
            frame = pl.DataFrame(pl.from_arrow(batch)).with_columns(
                pl.Series(ROW, numbers, dtype=pl.Int64)
            )
            yield frame.filter(~pl.all_horizontal(cs.string() == ""))
    except UnicodeDecodeError as error:
        raise InvalidInputError(
            "%(file)s is not %(encoding)s; set its encoding",
            file=path.name,
            encoding=error.encoding,
        ) from None
    except (pa.ArrowException, EOFError, OSError) as error:
        raise InvalidInputError(
            "%(file)s cannot be read after row %(row)s: %(error)s",
            file=path.name,
            row=row,
            error=error,
        ) from None


@contextmanager
def _workbook(path: Path, inside: str | None, source: Source, name: str | None) -> Iterator[Table]:
    with files.opened(path, inside) as file, warnings.catch_warnings():
        # about styles and extensions of the workbook, which hold no data
        warnings.simplefilter("ignore", UserWarning)
        try:
            book = openpyxl.load_workbook(file, read_only=True, data_only=True)
        except (zipfile.BadZipFile, KeyError, OSError, ValueError) as error:
            raise InvalidInputError(
                "%(file)s is not a workbook: %(error)s", file=path.name, error=error
            ) from None
        try:
            wanted = source.layer if inside is None else None
            if wanted is not None and wanted not in book.sheetnames:
                raise InvalidInputError(
                    "%(file)s has no sheet %(wanted)r; it has %(sheetnames)s",
                    file=path.name,
                    wanted=wanted,
                    sheetnames=", ".join(book.sheetnames),
                )
            own = name if name in book.sheetnames else book.sheetnames[0]
            sheet: Any = book[wanted or own]
            sheet.reset_dimensions()
            rows = sheet.iter_rows(min_row=source.header_row, values_only=True)
            cells = [_text(cell) or "" for cell in next(rows, ())]
            while cells and not cells[-1].strip():
                cells.pop()
            if not cells:
                raise InvalidInputError(
                    "%(file)s: no header in row %(header_row)s",
                    file=path.name,
                    header_row=source.header_row,
                )
            names = files.unique_names(cells)
            table = Table(names, source.header_row, None, iter(()))
            table.batches = _sheet_batches(rows, table)
            yield table
        finally:
            book.close()


def _sheet_batches(rows: Iterator[tuple[Any, ...]], table: Table) -> Iterator[pl.DataFrame]:
    width = len(table.columns)
    schema = {ROW: pl.Int64, **dict.fromkeys(table.columns, pl.String)}
    held: list[tuple[Any, ...]] = []
    for number, cells in enumerate(rows, start=table.header_row + 1):
        texts = [_text(cell) for cell in cells[:width]]
        if any(texts):
            held.append((number, *texts, *[None] * (width - len(texts))))
        if len(held) == _BATCH_ROWS:
            yield pl.DataFrame(held, schema=schema, orient="row")
            held = []
    if held:
        yield pl.DataFrame(held, schema=schema, orient="row")


def _text(cell: object) -> str | None:
    """Write a cell as a person would have typed it."""
    if cell is None:
        return None
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < _EXACT_INTEGER:
        return str(int(cell))
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat()
    return str(cell)


def _parquet(file: Any) -> Table:
    reader = pa.parquet.ParquetFile(file)
    # GeoParquet keeps its description in the file's metadata, which the Arrow schema may not repeat
    kept = (reader.metadata.metadata or {}) | (reader.schema_arrow.metadata or {})
    about = json.loads(kept.get(b"geo", b"{}"))
    shape = about.get("primary_column")
    datum = None
    if shape is not None:
        column = about["columns"][shape]
        if column.get("encoding") != "WKB":
            raise InvalidInputError(
                "geometry as %(encoding)s; expected WKB", encoding=column.get("encoding")
            )
        crs = column.get("crs", "OGC:CRS84")
        datum = _datum(json.dumps(crs) if isinstance(crs, dict) else crs)
    names = [name for name in reader.schema_arrow.names if name != shape]
    batches = reader.iter_batches(batch_size=_BATCH_ROWS)
    return Table(names, 0, datum, _texts(batches, names, shape))


@contextmanager
def _features(path: Path, inside: str | None, source: Source) -> Iterator[Table]:
    place = str(path)
    if inside is not None:
        place = f"/vsizip/{path.absolute()}/{inside}"
    elif path.suffix.lower() == ".gz":
        place = f"/vsigzip/{path.absolute()}"
    layer = source.layer if inside is None else None
    # GDAL's own Arrow stream of FlatGeobuf gives wrong offsets after a missing shape
    pyogrio.set_gdal_config_options({"OGR_FLATGEOBUF_STREAM_BASE_IMPL": "YES"})
    with pyogrio.open_arrow(
        place, layer=layer, batch_size=_BATCH_ROWS, encoding=source.encoding, use_pyarrow=True
    ) as (about, reader):
        shape = about["geometry_name"] or "wkb_geometry"
        names = [str(name) for name in about["fields"]]
        shape = shape if shape in reader.schema.names else None
        yield Table(names, 0, _datum(about["crs"]), _texts(reader, names, shape))


def _texts(batches: Any, names: list[str], shape: str | None) -> Iterator[pl.DataFrame]:
    row = 0
    for batch in batches:
        # a stream with wrong offsets would end the program
        batch.validate(full=True)
        columns: dict[str, Any] = {
            ROW: pl.Series(range(row + 1, row + batch.num_rows + 1), dtype=pl.Int64)
        }
        for name in names:
            columns[name] = _as_text(pl.Series(name, _plain(batch.column(name))))
        if shape is not None:
            columns[GEOMETRY] = pl.Series(batch.column(shape), dtype=pl.Binary)
        row += batch.num_rows
        yield pl.DataFrame(columns)


def _plain(column: Any) -> Any:
    """Look through types such as arrow.json at what they are made of."""
    return column.storage if isinstance(column, pa.ExtensionArray) else column


def _as_text(values: pl.Series) -> pl.Series:
    kind = values.dtype
    if isinstance(kind, pl.Datetime):
        text = values.dt.to_string("%Y-%m-%dT%H:%M:%S")
        return text.str.strip_suffix("T00:00:00")
    if kind.is_float():
        whole = (values == values.floor()) & (values.abs() < _EXACT_INTEGER)
        short = values.set(~whole.fill_null(value=False), None).cast(pl.Int64).cast(pl.String)
        return short.zip_with(whole.fill_null(value=False), values.cast(pl.String))
    if kind == pl.Binary or kind.is_nested():
        return pl.Series(values.name, [None if v is None else str(v) for v in values.to_list()])
    return values.cast(pl.String)


def _datum(crs: str | None) -> str | None:
    if crs is None:
        return None
    try:
        found = pyproj.CRS.from_user_input(crs)
    except pyproj.exceptions.CRSError:
        return None
    if found.to_authority() == ("OGC", "CRS84"):
        return "EPSG:4326"
    code = found.to_epsg(min_confidence=70)
    return None if code is None else f"EPSG:{code}"

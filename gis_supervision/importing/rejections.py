"""Rejected rows as a table that can be mended and loaded again.

The table of a source has the columns of its file, so that it can be imported under the same
mapping, and before them the row, the column, the value and the reason. A row that has several
wrong values stands once.
"""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import xlsxwriter

from gis_supervision.errors import InvalidInputError
from gis_supervision.importing import readers
from gis_supervision.importing.mapping import Mapping
from gis_supervision.importing.reports import ImportReport, Rejection
from gis_supervision.importing.values import REASONS
from gis_supervision.language import Translator, gettext_noop

HEADINGS = (
    gettext_noop("Rejected row"),
    gettext_noop("Rejected column"),
    gettext_noop("Rejected value"),
    gettext_noop("Reason of rejection"),
)


def write(
    report: ImportReport,
    mapping: Mapping,
    paths: dict[str, Path],
    target: Path,
    translate: Translator,
) -> list[Path]:
    """Write the rejected rows of an import.

    Parameters
    ----------
    report
        Of the import.
    mapping, paths
        The mapping, and the file of each source.
    target
        ``.csv`` (UTF-8 with byte-order mark; one file for each source, its name added where there
        are several) or ``.xlsx`` (one sheet for each source). Nothing is written over the sources.
    translate
        Language of headings and reasons.

    Returns
    -------
    list of Path
        What was written; empty when nothing was rejected.

    Raises
    ------
    InvalidInputError
        The name ends in something else, or is that of a source.
    """
    if target.suffix.lower() not in {".csv", ".xlsx"}:
        raise InvalidInputError(
            "%(file)s: expected a name that ends in .csv or .xlsx", file=target.name
        )
    if any(target.exists() and target.samefile(path) for path in paths.values()):
        raise InvalidInputError(
            "%(file)s is a file that was imported; name another one", file=target.name
        )
    by_source: dict[str, list[Rejection]] = {}
    for rejection in report.rejections:
        by_source.setdefault(rejection.source, []).append(rejection)
    tables = {
        name: _table(mapping, name, paths[name], rejected, translate)
        for name, rejected in by_source.items()
    }
    if not tables:
        return []
    if target.suffix.lower() == ".xlsx":
        _workbook(target, tables)
        return [target]
    written = []
    for name, rows in tables.items():
        path = target if len(tables) == 1 else target.with_stem(f"{target.stem}_{name}")
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file).writerows(rows)
        written.append(path)
    return written


def _table(
    mapping: Mapping, name: str, path: Path, rejected: Sequence[Rejection], translate: Translator
) -> list[list[str | None]]:
    _ = translate
    told: dict[int, list[Rejection]] = {}
    for rejection in rejected:
        told.setdefault(rejection.row, []).append(rejection)
    with readers.opened(path, mapping.sources[name], name) as table:
        columns = table.columns
        rows = dict(_rows(table.batches, columns, set(told)))
    lines: list[list[str | None]] = [[*(_(heading) for heading in HEADINGS), *columns]]
    for row, wrong in sorted(told.items()):
        lines.append(
            [
                str(row),
                "; ".join(one.column or "" for one in wrong),
                "; ".join(one.value or "" for one in wrong),
                "; ".join(_reason(one, _) for one in wrong),
                *rows.get(row, [None] * len(columns)),
            ]
        )
    return lines


def _rows(
    batches: Iterator[pl.DataFrame], columns: list[str], wanted: set[int]
) -> Iterator[tuple[int, list[Any]]]:
    for batch in batches:
        chosen = batch.filter(pl.col(readers.ROW).is_in(sorted(wanted)))
        for cells in chosen.select(readers.ROW, *columns).iter_rows():
            yield cells[0], list(cells[1:])


def _reason(rejection: Rejection, translate: Translator) -> str:
    reason = translate(REASONS[rejection.reason])
    expected = rejection.expected_in(translate)
    return f"{reason} ({expected})" if expected else reason


def _workbook(target: Path, tables: dict[str, list[list[str | None]]]) -> None:
    # texts stay texts: codes keep their zeros, and nothing becomes a formula or a link
    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(str(target), options) as book:
        bold = book.add_format({"bold": True})
        for name, rows in tables.items():
            sheet = book.add_worksheet(name[:31])
            for index, cells in enumerate(rows):
                sheet.write_row(index, 0, cells, bold if index == 0 else None)
            sheet.freeze_panes(1, 0)

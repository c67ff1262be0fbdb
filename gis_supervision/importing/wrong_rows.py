"""Rows that are not taken, as frames: source, row, column, value, reason, what was expected."""

import re
from collections.abc import Iterable
from typing import Final

import polars as pl

from gis_supervision.domain.rule_errors import near_name
from gis_supervision.importing.mapping import Source
from gis_supervision.importing.readers import ROW, Table

REJECTION_SCHEMA: Final = {
    "source": pl.String,
    "row": pl.Int64,
    "column": pl.String,
    "value": pl.String,
    "reason": pl.String,
    "expected": pl.String,
}
LONGEST_VALUE: Final = 200
"""Characters of a rejected value that are shown."""


def rejected(
    source: str, wide: pl.DataFrame, shown: str, reason: str, expected: str = ""
) -> pl.DataFrame:
    """Tell rows with a wrong value.

    Parameters
    ----------
    source
        Name of the source.
    wide
        The rows, with the columns of the file.
    shown
        Names of the columns that the value comes from, joined by ", ".
    reason
        Key of `gis_supervision.importing.values.REASONS`.
    expected
        What was expected.

    Returns
    -------
    polars.DataFrame
        See `REJECTION_SCHEMA`.
    """
    parts = [shown] if shown in wide.columns else shown.split(", ")
    parts = [part for part in parts if part in wide.columns]
    text = pl.concat_str(parts, separator=", ", ignore_nulls=True) if parts else pl.lit(None)
    return wide.select(
        pl.lit(source).alias("source"),
        pl.col(ROW).alias("row"),
        pl.lit(shown).alias("column"),
        text.cast(pl.String).str.slice(0, LONGEST_VALUE).alias("value"),
        pl.lit(reason).alias("reason"),
        pl.lit(expected).alias("expected"),
    )


def missing_columns(name: str, source: Source, table: Table) -> pl.DataFrame:
    """List the columns that a mapping names and a file lacks.

    Parameters
    ----------
    name
        Name of the source.
    source
        Its mapping.
    table
        The open file.

    Returns
    -------
    polars.DataFrame
        See `REJECTION_SCHEMA`; the row is that of the header.
    """
    wanted = [part for _, _, column in source.columns() for part in column.names()]
    wanted += [rule.column for rule in (*source.skip, *source.keep)]
    lacking = [part for part in dict.fromkeys(wanted) if part not in table.columns]
    rows = [
        (
            name,
            table.header_row,
            part,
            None,
            "missing_column",
            str(near_name(part, table.columns)).strip(),
        )
        for part in lacking
    ]
    finding = source.finding
    if finding is not None and finding.items_from is not None:
        pattern = finding.items_from
        if not any(re.search(pattern, column) for column in table.columns):
            rows.append((name, table.header_row, pattern, None, "missing_column", ""))
    return pl.DataFrame(rows, schema=REJECTION_SCHEMA, orient="row")


def broken_rows(name: str, broken: Iterable[tuple[int, str, str]]) -> pl.DataFrame:
    """List rows that the reader could not take apart; see `readers.Table.broken`."""
    rows = [(name, row, None, text[:LONGEST_VALUE], "broken_row", how) for row, text, how in broken]
    return pl.DataFrame(rows, schema=REJECTION_SCHEMA, orient="row")

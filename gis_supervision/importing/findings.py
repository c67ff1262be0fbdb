"""Findings of checked rows: one, several in a cell, or one column for each item."""

import re

import polars as pl

from gis_supervision.importing.fields import FIELDS
from gis_supervision.importing.mapping import FindingRecord, Source
from gis_supervision.importing.readers import ROW
from gis_supervision.importing.values import Problem, changed, severity_of
from gis_supervision.importing.wrong_rows import rejected


class Findings:
    """Takes the findings out of the rows of one source.

    Parameters
    ----------
    name
        Name of the source.
    source
        Its mapping, which has findings.
    """

    def __init__(self, name: str, source: Source) -> None:
        if source.finding is None:
            raise ValueError(f"source {name} has no findings")
        self.name = name
        self.source = source
        self.finding: FindingRecord = source.finding

    def check(self, wide: pl.DataFrame) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
        """Take the findings out of rows.

        Parameters
        ----------
        wide
            Rows with their columns and the values read from them, each with an inspection.

        Returns
        -------
        findings : polars.DataFrame
            Source, row, inspection number, item, severity, times.
        rejections : list of polars.DataFrame
            See `wrong_rows.REJECTION_SCHEMA`.
        """
        finding = self.finding
        owner = "finding" if finding.inspection_number is not None else "inspection"
        base = [
            pl.col(ROW),
            pl.col(f"{owner}.inspection_number").alias("inspection_number"),
            *(
                [pl.col("finding.severity").alias("severity")]
                if finding.severity is not None
                else []
            ),
        ]
        times = pl.lit(1, dtype=pl.Int64)
        if finding.times is not None:
            times = pl.coalesce(pl.col("finding.times"), times)
        found: list[pl.DataFrame] = []
        if finding.items_from is not None:
            rows, found = self._from_columns(wide, base, finding.items_from)
        else:
            rows, found = self._from_cells(wide, base, times)
        severity = (
            pl.coalesce(pl.col("severity"), pl.lit("unclassified"))
            if finding.severity is not None
            else severity_of(pl.col("item"), finding.severity_rules)
        )
        return (
            rows.select(
                pl.lit(self.name).alias("source"),
                pl.col(ROW).alias("row"),
                "inspection_number",
                "item",
                severity.alias("severity"),
                "times",
            ),
            found,
        )

    def _from_cells(
        self, wide: pl.DataFrame, base: list[pl.Expr], times: pl.Expr
    ) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
        finding, column = self.finding, self.finding.item
        if column is None:
            raise AssertionError
        accepts = FIELDS["finding"]["item"]
        shown = ", ".join(column.names())
        found: list[pl.DataFrame] = []
        optional = finding.optional
        if optional is None:
            optional = self.source.inspection is not None or column.split is not None
        if not optional:
            empty = wide.filter(pl.col("text:finding.item").is_null())
            if empty.height:
                found.append(rejected(self.name, empty, shown, "missing"))
        rows = wide.select(*base, pl.col("finding.item").alias("item"), times.alias("times"))
        rows = rows.filter(pl.col("item").is_not_null())
        if column.split is None:
            return rows, found
        rows = rows.with_columns(pl.col("item").str.split(column.split, literal=False))
        rows = rows.explode("item").with_columns(pl.col("item").str.strip_chars())
        rows = rows.filter(pl.col("item") != "").with_columns(pl.col("item").alias("part"))
        item, problems = changed(pl.col("part"), column)
        problems.append(
            Problem(item.str.len_chars() > accepts.longest, "too_long", str(accepts.longest))
        )
        for problem in problems:
            found += self._parts(rows, shown, problem.where, problem.reason, problem.expected)
        rows = rows.with_columns(item.alias("item")).filter(pl.col("item").is_not_null())
        return rows, found

    def _parts(
        self, rows: pl.DataFrame, shown: str, where: pl.Expr, reason: str, expected: str
    ) -> list[pl.DataFrame]:
        wrong = rows.filter(where)
        if not wrong.height:
            return []
        told = wrong.select(ROW, pl.col("part").alias(shown))
        return [rejected(self.name, told, shown, reason, expected)]

    def _from_columns(
        self, wide: pl.DataFrame, base: list[pl.Expr], pattern: str
    ) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
        items = {}
        for column in wide.columns:
            match = re.search(pattern, column)
            if match is not None and ":" not in column and not column.startswith("#"):
                items[column] = match[1] if match.re.groups else match[0]
        index = wide.select(*base).columns
        rows = wide.select(
            *base, *(pl.col(column).str.strip_chars().str.to_lowercase() for column in items)
        ).unpivot(on=list(items), index=index, variable_name="column", value_name="cell")
        rows = rows.filter(pl.col("cell").is_not_null() & ~pl.col("cell").is_in(self.source.null))
        number = pl.col("cell").cast(pl.Float64, strict=False)
        yes = pl.col("cell").is_in(["true", "yes", "y", "t", "x", "是", "有"])
        no = pl.col("cell").is_in(["false", "no", "n", "f", "否", "无"])
        times = pl.when(yes).then(1).when(no).then(0).when(number == number.floor()).then(number)
        rows = rows.with_columns(times.cast(pl.Int64, strict=False).alias("times"))
        wrong = rows.filter(pl.col("times").is_null() | (pl.col("times") < 0))
        found = [
            rejected(self.name, part.rename({"cell": name}), name, "not_an_integer")
            for (name,), part in wrong.group_by("column")
        ]
        rows = rows.filter(pl.col("times") > 0).with_columns(
            pl.col("column").replace_strict(items).alias("item")
        )
        return rows, found

"""Checks of every row: what becomes a record, and what is wrong with the rows that do not."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import polars as pl

from gis_supervision.domain.datums import Datum, DatumKind
from gis_supervision.importing import locations
from gis_supervision.importing.codes import (
    credit_code,
    wrong_credit_codes,
    wrong_division_code,
)
from gis_supervision.importing.fields import FIELDS, RecordName
from gis_supervision.importing.findings import Findings
from gis_supervision.importing.mapping import Located, Source
from gis_supervision.importing.readers import GEOMETRY, ROW
from gis_supervision.importing.values import (
    Problem,
    text_of,
    value_of,
)
from gis_supervision.importing.wrong_rows import REJECTION_SCHEMA, rejected
from gis_supervision.messages import Message
from gis_supervision.storage.tables import H3_RESOLUTIONS


@dataclass
class Checked:
    """What one batch of rows became.

    Attributes
    ----------
    records
        Frames of records by kind; columns are fields of the register, ``source`` and ``row``.
    rejections
        One row for each wrong value; see `REJECTION_SCHEMA`.
    notes
        What was mended in rows that were taken: row and what.
    read, skipped
        Number of rows, and of those that the mapping leaves out.
    """

    records: dict[RecordName, pl.DataFrame]
    rejections: pl.DataFrame
    notes: list[tuple[int, Message]] = field(default_factory=list)
    read: int = 0
    skipped: int = 0


class Checker:
    """Checks the rows of one source.

    Parameters
    ----------
    name
        Name of the source.
    source
        Its mapping.
    datum
        Datum of its coordinates.
    """

    def __init__(self, name: str, source: Source, datum: str) -> None:
        self.name = name
        self.source = source
        self.datum = datum
        self._values: list[pl.Expr] = []
        self._problems: list[tuple[str, pl.Expr, Problem]] = []
        self._prepare()

    def _prepare(self) -> None:
        for record, name, column in self.source.columns():
            accepts = FIELDS[record][name]
            text, problems = text_of(
                column, self.source.null, numeric=accepts.kind in {"number", "integer"}
            )
            key = f"{record}.{name}"
            self._values.append(text.alias(f"text:{key}"))
            shown = ", ".join(column.names()) or name
            if column.split is not None:
                self._values.append(text.alias(key))
                continue
            value, more = value_of(pl.col(f"text:{key}"), accepts, column)
            self._values.append(value.alias(key))
            if key == "premises.credit_code":
                value = credit_code(value)
                self._values[-1] = value.alias(key)
                more = [*more, Problem(_wrong_credit_code(key), "bad_code")]
            if key == "division.code":
                level = pl.col("text:division.level")
                more = [*more, Problem(wrong_division_code(pl.col(key), level), "bad_code")]
            present = self._present(record)
            problems = [*problems, *more]
            if accepts.required and not (record == "finding" and name == "item"):
                problems.append(Problem(pl.col(f"text:{key}").is_null(), "missing"))
            for problem in problems:
                where = problem.where if present is None else problem.where & present
                self._problems.append(
                    (shown, where, Problem(where, problem.reason, problem.expected))
                )

    def _present(self, record: RecordName) -> pl.Expr | None:
        """Return where a row has the record, None where each row has."""
        inspection = self.source.inspection
        if record in {"inspection", "finding"} and inspection is not None and inspection.optional:
            return (
                pl.col("text:inspection.inspection_number").is_not_null()
                & pl.col("text:inspection.inspected_on").is_not_null()
            )
        return None

    def check(self, rows: pl.DataFrame) -> Checked:
        """Check a batch of rows.

        Parameters
        ----------
        rows
            As `readers` gives them.

        Returns
        -------
        Checked
        """
        read = rows.height
        for rule in self.source.skip:
            named = pl.col(rule.column).fill_null("").str.strip_chars().is_in(rule.values)
            rows = rows.filter(~named)
        for rule in self.source.keep:
            named = pl.col(rule.column).fill_null("").str.strip_chars().is_in(rule.values)
            rows = rows.filter(named)
        # in two steps: values are read from texts
        texts = [one for one in self._values if one.meta.output_name().startswith("text:")]
        others = [one for one in self._values if not one.meta.output_name().startswith("text:")]
        wide = rows.with_columns(texts).with_columns(others)
        found = self._simple_problems(wide)
        notes: list[tuple[int, Message]] = []
        located = self.source.located()
        if located is not None:
            wide, more = self._place(wide, located)
            found += more
        if self.source.division is not None:
            wide, more, notes = self._outline(wide)
            found += more
        findings: pl.DataFrame | None = None
        if self.source.finding is not None:
            present = self._present("finding")
            rows_with = wide if present is None else wide.filter(present)
            findings, more = Findings(self.name, self.source).check(rows_with)
            found += more
        rejections = pl.concat(found) if found else pl.DataFrame(schema=REJECTION_SCHEMA)
        bad = rejections.get_column("row").unique()
        if bad.len():
            wide = wide.filter(~pl.col(ROW).is_in(bad.implode()))
            if findings is not None:
                findings = findings.filter(~pl.col("row").is_in(bad.implode()))
            gone = set(bad)
            notes = [note for note in notes if note[0] not in gone]
        records = {record: self._records(wide, record) for record in self.source.records()}
        if findings is not None:
            records["finding"] = findings
        return Checked(records, rejections, notes, read=read, skipped=read - rows.height)

    def _simple_problems(self, wide: pl.DataFrame) -> list[pl.DataFrame]:
        if not self._problems or not wide.height:
            return []
        counts = wide.select(
            where.fill_null(value=False).sum().alias(str(index))
            for index, (_, where, _) in enumerate(self._problems)
        ).row(0)
        return [
            rejected(self.name, wide.filter(where), shown, problem.reason, problem.expected)
            for count, (shown, where, problem) in zip(counts, self._problems, strict=True)
            if count
        ]

    def _place(
        self, wide: pl.DataFrame, record: Literal["premises", "complaint"]
    ) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
        columns: Located | None = getattr(self.source, record)
        if columns is None:
            return wide, []
        found: list[pl.DataFrame] = []
        if columns.geometry:
            if GEOMETRY not in wide.columns:
                return wide, [rejected(self.name, wide, GEOMETRY, "not_a_point")]
            x, y, wrong = locations.points(wide.get_column(GEOMETRY))
            found.append(rejected(self.name, wide.filter(wrong), "geometry", "not_a_point"))
            shown = "geometry"
        elif columns.lat is not None and columns.lng is not None:
            x, y = (wide.get_column(f"{record}.{name}") for name in ("lng", "lat"))
            shown = ", ".join([*columns.lng.names(), *columns.lat.names()])
        elif columns.x is not None and columns.y is not None:
            x, y = (wide.get_column(f"{record}.{name}") for name in ("x", "y"))
            shown = ", ".join([*columns.x.names(), *columns.y.names()])
        else:
            return wide, []
        half = x.is_null() != y.is_null()
        if not columns.geometry:
            pair = ("lng", "lat") if columns.lat is not None else ("x", "y")
            texts = [wide.get_column(f"text:{record}.{name}").is_null() for name in pair]
            half = texts[0] != texts[1]
        if half.any():
            found.append(rejected(self.name, wide.filter(half), shown, "half_a_pair"))
        whole = x.is_not_null() & y.is_not_null() & _plausible(x, y, self.datum)
        x, y = x.set(~whole, None), y.set(~whole, None)
        places = locations.located(x, y, self.datum)
        lost = x.is_not_null() & places.get_column("lat").is_null()
        if lost.any():
            found.append(rejected(self.name, wide.filter(lost), shown, "out_of_range", self.datum))
        return (
            wide.with_columns(
                x.alias("place:original_x"),
                y.alias("place:original_y"),
                *(one.alias(f"place:{one.name}") for one in places.get_columns()),
            ),
            found,
        )

    def _outline(
        self, wide: pl.DataFrame
    ) -> tuple[pl.DataFrame, list[pl.DataFrame], list[tuple[int, Message]]]:
        if self.source.division is None or not self.source.division.geometry:
            return wide, [], []
        if GEOMETRY not in wide.columns:
            return wide, [rejected(self.name, wide, "geometry", "not_a_polygon")], []
        areas = locations.outlines(wide.get_column(GEOMETRY), self.datum)
        found = []
        if areas.wrong.any():
            found = [rejected(self.name, wide.filter(areas.wrong), "geometry", "not_a_polygon")]
        notes = [
            (row, Message("invalid outline repaired: %(reason)s", reason=note))
            for row, note in zip(wide.get_column(ROW), areas.repaired, strict=True)
            if note is not None
        ]
        return wide.with_columns(areas.wkb.alias("division.geom")), found, notes

    def _records(self, wide: pl.DataFrame, record: RecordName) -> pl.DataFrame:
        if record == "finding":
            return wide
        present = self._present(record)
        if present is not None:
            wide = wide.filter(present)
        columns: list[pl.Expr] = [pl.lit(self.name).alias("source"), pl.col(ROW).alias("row")]
        for one, name, _ in self.source.columns():
            if one == record and name not in {"lat", "lng", "x", "y"}:
                columns.append(pl.col(f"{record}.{name}").alias(name))
        if record == "division" and "division.geom" in wide.columns:
            columns.append(pl.col("division.geom").alias("geom"))
        if record == self.source.located() and "place:lat" in wide.columns:
            columns += self._point_columns(
                H3_RESOLUTIONS if record == "premises" else H3_RESOLUTIONS[-1:]
            )
        if record == "premises" and self.source.inspection is not None:
            for what in ("described", "located"):
                columns += [
                    pl.col("inspection.inspected_on").alias(f"{what}_on"),
                    pl.col("inspection.inspection_number").alias(f"{what}_by"),
                ]
        if record == "inspection" and self.source.inspection and not self.source.inspection.licence:
            columns.append(pl.col("premises.licence").alias("licence"))
        return wide.select(columns)

    def _point_columns(self, resolutions: Sequence[int]) -> list[pl.Expr]:
        return [
            pl.col("place:original_x").alias("original_x"),
            pl.col("place:original_y").alias("original_y"),
            pl.lit(Datum.parse(self.datum).name).alias("datum"),
            *(
                pl.col(f"place:{name}").alias(name)
                for name in ("lat", "lng", *(f"h3_{n}" for n in resolutions))
            ),
        ]


def _wrong_credit_code(key: str) -> pl.Expr:
    return pl.col(key).map_batches(wrong_credit_codes, return_dtype=pl.Boolean)


def _plausible(x: pl.Series, y: pl.Series, datum: str) -> pl.Series:
    """Leave out pairs that no transformation takes; they have been reported by their range."""
    if Datum.parse(datum).kind is DatumKind.EPSG:
        return pl.Series(
            np.isfinite(x.fill_null(0).to_numpy()) & np.isfinite(y.fill_null(0).to_numpy())
        )
    return (x.abs() <= 180) & (y.abs() <= 90)  # noqa: PLR2004 - degrees

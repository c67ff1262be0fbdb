"""Values of cells: from text to what a field holds, and what is wrong with those that are not."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from gis_supervision.importing.fields import Field
from gis_supervision.importing.mapping import ISO_FORMATS, Column, SeverityRule
from gis_supervision.language import gettext_noop

REASONS: Final[dict[str, str]] = {
    "missing_column": gettext_noop("the file has no such column"),
    "broken_row": gettext_noop("not a row of this table"),
    "missing": gettext_noop("a value is required"),
    "unknown_value": gettext_noop("the mapping does not know this value"),
    "no_match": gettext_noop("the value does not match the pattern"),
    "not_a_number": gettext_noop("not a number"),
    "not_an_integer": gettext_noop("not a whole number"),
    "out_of_range": gettext_noop("outside the allowed range"),
    "not_a_date": gettext_noop("not a date"),
    "not_a_flag": gettext_noop("neither yes nor no"),
    "not_a_choice": gettext_noop("not one of the allowed values"),
    "too_long": gettext_noop("too long"),
    "not_text": gettext_noop("holds a character that is no text"),
    "half_a_pair": gettext_noop("one coordinate without the other"),
    "bad_code": gettext_noop("the code is not valid"),
    "not_a_point": gettext_noop("the shape is not a point"),
    "not_a_polygon": gettext_noop("the shape is not an area"),
    "before_opening": gettext_noop("closed before it opened"),
    "duplicate": gettext_noop("the same key with other values stands in an earlier row"),
    "no_parent": gettext_noop(
        "the record it belongs to is neither in the files nor in the register"
    ),
}
"""Why a row can be rejected; English texts, to be translated where they are shown."""

_YES: Final = ("1", "true", "yes", "y", "t", "x", "是", "有")
_NO: Final = ("0", "false", "no", "n", "f", "否", "无")
_FIRST_YEAR: Final = 1900
_LAST_YEAR: Final = 2199
_EXCEL_EPOCH: Final = pl.date(1899, 12, 30)


@dataclass(frozen=True)
class Problem:
    """One way in which the values of a field can be wrong.

    Attributes
    ----------
    where
        Expression that is true in the rows concerned.
    reason
        Key of `REASONS`.
    expected
        What was expected, such as a date format or a range.
    """

    where: pl.Expr
    reason: str
    expected: str = ""


def text_of(
    column: Column, nulls: Sequence[str], *, numeric: bool
) -> tuple[pl.Expr, list[Problem]]:
    """Find the text of a field.

    Parameters
    ----------
    column
        Where it comes from.
    nulls
        Values that mean "none" throughout the source.
    numeric
        Whether null markers that are numbers are compared as numbers, so that ``0`` is ``0.000``.

    Returns
    -------
    expr : polars.Expr
        Trimmed text, null where there is none.
    problems : list of Problem
    """
    problems: list[Problem] = []
    if column.constant is not None:
        return pl.lit(str(column.constant)), problems
    markers = [*nulls, *column.null]
    if column.column is not None:
        text = _trimmed(column.column, markers, numeric=numeric)
    else:
        parts = [_trimmed(name, markers, numeric=numeric) for name in column.columns or []]
        joined = pl.concat_str(parts, separator=column.separator, ignore_nulls=True)
        text = pl.when(joined != "").then(joined)
    if column.split is not None:
        return text, problems
    text, problems = changed(text, column)
    if column.fallback is not None:
        other, more = text_of(column.fallback, nulls, numeric=numeric)
        problems += [Problem(p.where & text.is_null(), p.reason, p.expected) for p in more]
        text = pl.coalesce(text, other)
    return text, problems


def changed(text: pl.Expr, column: Column) -> tuple[pl.Expr, list[Problem]]:
    """Apply the pattern and the value map of a column; see `text_of`."""
    problems: list[Problem] = []
    steps: list[tuple[Callable[[pl.Expr], pl.Expr], str, str]] = []
    if column.pattern is not None:
        pattern = column.pattern
        steps.append((lambda before: extracted(before, pattern), "no_match", pattern))
    if column.values:
        steps.append(
            (
                lambda before: before.replace_strict(
                    column.values, default=None, return_dtype=pl.String
                ),
                "unknown_value",
                _listed(list(column.values)),
            )
        )
    for step, reason, expected in steps:
        before, text = text, step(text)
        if column.otherwise == "keep":
            text = pl.coalesce(text, before)
        elif column.otherwise == "reject":
            problems.append(Problem(before.is_not_null() & text.is_null(), reason, expected))
    if steps:
        text = pl.when(text != "").then(text)
    return text, problems


def _trimmed(name: str, markers: Sequence[str], *, numeric: bool) -> pl.Expr:
    # beside white space: the byte-order mark and no-break spaces that office programs leave
    text = pl.col(name).str.strip_chars().str.strip_chars("\ufeff\u00a0\u3000 \t\r\n")
    empty = text.is_in([marker.strip() for marker in markers]) | (text == "")
    if numeric:
        numbers = [number for number in map(_number, markers) if number is not None]
        if numbers:
            empty |= text.cast(pl.Float64, strict=False).is_in(numbers).fill_null(value=False)
    return pl.when(~empty).then(text)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def extracted(text: pl.Expr, pattern: str) -> pl.Expr:
    """Take the first group of a pattern, or its whole match; null where there is no match."""
    found = text.str.extract(pattern, 1 if re.compile(pattern).groups else 0)
    return found.str.strip_chars()


def _listed(values: list[str]) -> str:
    shown = ", ".join(values[:8])
    return shown if len(values) <= 8 else f"{shown}, ..."  # noqa: PLR2004 - as many as fit a line


def value_of(text: pl.Expr, field: Field, column: Column) -> tuple[pl.Expr, list[Problem]]:
    """Read the value of a field from its text.

    Parameters
    ----------
    text
        From `text_of`.
    field
        What is accepted.
    column
        Formats and decimal sign.

    Returns
    -------
    expr : polars.Expr
        Of the field's type; null where there is none, and where it is wrong.
    problems : list of Problem
    """
    given = text.is_not_null()
    if field.kind in {"number", "integer"}:
        return _numeric(text, field, column)
    if field.kind == "date":
        formats = column.formats or list(ISO_FORMATS)
        value = pl.coalesce([_date(text, one) for one in formats])
        wrong = value.is_null() | ~value.dt.year().is_between(_FIRST_YEAR, _LAST_YEAR)
        return value, [Problem(given & wrong, "not_a_date", _listed(formats))]
    if field.kind == "flag":
        low = text.str.to_lowercase()
        flag = pl.when(low.is_in(_YES)).then(True).when(low.is_in(_NO)).then(False)
        return flag, [Problem(given & flag.is_null(), "not_a_flag", "1, yes, 0, no")]
    if field.kind == "choice":
        wrong = given & ~text.is_in(field.choices)
        return text, [Problem(wrong, "not_a_choice", _listed(list(field.choices)))]
    return text, [
        Problem(text.str.len_chars() > field.longest, "too_long", str(field.longest)),
        Problem(text.str.contains("\x00", literal=True), "not_text"),
    ]


def _numeric(text: pl.Expr, field: Field, column: Column) -> tuple[pl.Expr, list[Problem]]:
    digits = text.str.replace(",", ".", literal=True) if column.decimal == "," else text
    value = digits.cast(pl.Float64, strict=False)
    wrong = value.is_null() | ~value.is_finite()
    problems = [Problem(text.is_not_null() & wrong, "not_a_number")]
    if field.kind == "integer":
        problems.append(Problem(value.is_finite() & (value != value.floor()), "not_an_integer"))
    if field.low is not None or field.high is not None:
        low = -float("inf") if field.low is None else field.low
        high = float("inf") if field.high is None else field.high
        problems.append(
            Problem(
                value.is_finite() & ~value.is_between(low, high),
                "out_of_range",
                f"{low:g} to {high:g}",
            )
        )
    if field.kind == "integer":
        value = value.cast(pl.Int64, strict=False)
    return value, problems


def _date(text: pl.Expr, how: str) -> pl.Expr:
    if how == "excel":
        days = text.cast(pl.Float64, strict=False).floor().cast(pl.Int64, strict=False)
        inside = days.is_between(1, 110_000)
        return pl.when(inside).then(_EXCEL_EPOCH + pl.duration(days=days))
    if any(sign in how for sign in ("%H", "%I", "%M", "%T", "%R", "%p")):
        if "%z" in how or "%Z" in how:
            moment = text.str.to_datetime(how, strict=False, time_zone="UTC")
            return moment.dt.date()
        return text.str.to_datetime(how, strict=False, time_unit="us").dt.date()
    return text.str.to_date(how, strict=False)


def severity_of(item: pl.Expr, rules: Sequence[SeverityRule]) -> pl.Expr:
    """Find the severity of items by the first rule that covers them, else ``unclassified``."""
    number = item.cast(pl.Int64, strict=False)
    severity = pl.lit("unclassified")
    for rule in reversed(rules):
        if rule.pattern is not None:
            covered = item.str.contains(rule.pattern)
        else:
            covered = pl.any_horizontal([number.is_between(*ends) for ends in rule.ranges()])
        severity = (
            pl.when(covered.fill_null(value=False)).then(pl.lit(rule.severity)).otherwise(severity)
        )
    return severity

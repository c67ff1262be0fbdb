"""Stops that an office names in a file: who, by when, how long, when open."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from gis_supervision.assignment.travel import read_rows, wrong_rows
from gis_supervision.domain.day_rules import Span, spans
from gis_supervision.errors import InvalidInputError
from gis_supervision.messages import Message

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from gis_supervision.assignment.travel import Sent

COLUMNS = ("licence", "due_on", "minutes", "people", "hours")
_TWO = 2


@dataclass(frozen=True)
class Wanted:
    """A stop of a file; None where the file says nothing and the rules hold."""

    licence: str
    due_on: date | None = None
    minutes: float | None = None
    people: int | None = None
    hours: tuple[Span, ...] | None = None


def read(
    path: Path | Sent, known: Callable[[Collection[str]], Collection[str]]
) -> tuple[Wanted, ...]:
    """Read stops from a CSV file.

    Parameters
    ----------
    path
        CSV with the column ``licence``, and any of ``due_on`` (such as 2026-05-04), ``minutes`` of
        the visit, ``people`` (1 or 2) and ``hours`` (such as ``09:00-11:00 14:00-16:00``, or
        ``closed``).
    known
        Tells which licences the register has.

    Raises
    ------
    NotFoundError
        There is no such file.
    InvalidInputError
        A column is unknown or missing, or rows are wrong: every one is named.
    """
    names, rows = read_rows(path)
    unknown = [name for name in names if name not in COLUMNS]
    if unknown or "licence" not in names:
        raise InvalidInputError(
            "%(path)s: expected the column licence, and any of %(columns)s; found %(names)s",
            path=path,
            columns=", ".join(COLUMNS[1:]),
            names=", ".join(names) or Message("none"),
        )
    there = known({(row["licence"] or "").strip() for _, row in rows})
    found: dict[str, Wanted] = {}
    wrong = []
    for number, row in rows:
        try:
            one = _wanted(row, there, found)
        except InvalidInputError as error:
            wrong.append(
                Message("%(file)s: row %(row)s: %(error)s", file=path, row=number, error=error)
            )
        else:
            found[one.licence] = one
    wrong_rows(wrong)
    return tuple(found.values())


def _wanted(row: dict[str, Any], there: Collection[str], before: Collection[str]) -> Wanted:
    given = {name: (value or "").strip() for name, value in row.items() if name in COLUMNS}
    licence = given["licence"]
    if licence not in there:
        raise InvalidInputError("licence: %(licence)r is not in the register", licence=licence)
    if licence in before:
        raise InvalidInputError("licence: %(licence)r stands there twice", licence=licence)
    minutes, people = given.get("minutes"), given.get("people")
    hours, due_on = given.get("hours"), given.get("due_on")
    return Wanted(
        licence,
        _day(due_on) if due_on else None,
        _minutes(minutes) if minutes else None,
        _people(people) if people else None,
        None if not hours else () if hours == "closed" else spans(hours),
    )


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInputError(
            "due_on: expected such as 2026-05-04, got %(text)r", text=text
        ) from None


def _minutes(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 24 * 60:
        raise InvalidInputError(
            "minutes: expected more than 0 and less than a day, got %(text)r", text=text
        )
    return value


def _people(text: str) -> int:
    if text not in {"1", "2"}:
        raise InvalidInputError("people: expected 1 or %(two)s, got %(text)r", two=_TWO, text=text)
    return int(text)

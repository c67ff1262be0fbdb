"""Periods of whole months that end with a given day, for series and for what was found lately."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from gis_supervision.errors import InvalidInputError

MOST_STEPS = 120


@dataclass(frozen=True)
class Period:
    """Days from the first to the last one, both included."""

    first: date
    last: date


def back_from(day: date, *, months: int, count: int = 1) -> tuple[Period, ...]:
    """Cut the time before a day into steps of equally many months, with no part step at the end.

    Parameters
    ----------
    day
        Last day of the last step. If it ends its month, so does every other step; else a step ends
        on the same day of its month, or on the last one of a shorter month.
    months
        Months in each step.
    count
        Number of steps.

    Returns
    -------
    tuple of Period
        Oldest first; each begins on the day after the one before it.

    Raises
    ------
    InvalidInputError
        When a number is below 1, there are more than `MOST_STEPS` steps, or they begin before the
        year 1.
    """
    for name, number in (("months", months), ("steps", count)):
        if number < 1:
            raise InvalidInputError(
                "%(name)s %(number)s: expected at least 1", name=name, number=number
            )
    if count > MOST_STEPS:
        raise InvalidInputError(
            "steps %(count)s: expected at most %(most_steps)s", count=count, most_steps=MOST_STEPS
        )
    if months * count >= 12 * (day.year - 1):
        raise InvalidInputError(
            "%(count)s steps of %(months)s months before %(day)s: too long ago",
            count=count,
            months=months,
            day=day,
        )
    ends = [_earlier(day, months * step) for step in range(count, -1, -1)]
    return tuple(Period(before + timedelta(days=1), end) for before, end in pairwise(ends))


def _earlier(day: date, months: int) -> date:
    """Return the day so many months before, the end of a month for the end of a month."""
    year, month = divmod(12 * day.year + day.month - 1 - months, 12)
    longest = monthrange(year, month + 1)[1]
    is_end = day.day == monthrange(day.year, day.month)[1]
    return date(year, month + 1, longest if is_end else min(day.day, longest))

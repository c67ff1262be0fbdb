"""Coverage at the end of every month, in one pass over the visits.

Visits are walked through in the order of their days; at the end of each month the last visit of
every premises is known without looking at any visit twice.
"""

from __future__ import annotations

import calendar
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from gis_supervision.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import ArrayLike, NDArray

MONTHS_A_YEAR = 12


def period_ends(as_of: date, months: int) -> tuple[date, ...]:
    """Return the days that a series speaks of.

    Parameters
    ----------
    as_of
        Last day of the series; a month that it does not end counts up to it.
    months
        Number of periods, at least 1.

    Returns
    -------
    tuple of date
        Ends of the months before that of ``as_of``, then ``as_of``; ascending.

    Raises
    ------
    InvalidInputError
        When ``months`` is below 1, or goes back before year 1.
    """
    if months < 1:
        raise InvalidInputError("months %(months)s: expected at least 1", months=months)
    this = as_of.year * MONTHS_A_YEAR + as_of.month - 1
    if this - months + 1 < MONTHS_A_YEAR:
        raise InvalidInputError(
            "months %(months)s: the calendar does not go back so far", months=months
        )
    ends = []
    for month in range(this - months + 1, this):
        year, number = divmod(month, MONTHS_A_YEAR)
        ends.append(date(year, number + 1, calendar.monthrange(year, number + 1)[1]))
    return (*ends, as_of)


def last_visits(
    premises: ArrayLike, days: ArrayLike, ends: ArrayLike, size: int
) -> Iterator[NDArray[np.float64]]:
    """Give the last visit of every premises at the end of each period.

    Parameters
    ----------
    premises
        Shape (m,), index of the visited premises, 0 to ``size - 1``; visits in any order.
    days
        Shape (m,), day of the visit as a whole number.
    ends
        Shape (k,), last days of the periods, ascending; visits on the day count.
    size
        Number of premises, n.

    Yields
    ------
    ndarray of float64
        Shape (n,), day of the last visit by the end of the period, NaN for none; one array per
        period, changed by the next.

    Raises
    ------
    InvalidInputError
        When lengths differ, an index is out of range or the ends do not ascend.
    """
    who = np.asarray(premises, dtype=np.int64)
    when = np.asarray(days, dtype=np.int64)
    last_days = np.asarray(ends, dtype=np.int64)
    if who.shape != when.shape or who.ndim != 1:
        raise InvalidInputError("premises, days: expected one-dimensional arrays of one length")
    if who.size and not (who.min() >= 0 and who.max() < size):
        raise InvalidInputError("premises: expected indexes from 0 to %(last)s", last=size - 1)
    if np.any(np.diff(last_days) <= 0):
        raise InvalidInputError("ends: expected days in ascending order")
    order = np.argsort(when, kind="stable")
    who, when = who[order], when[order]
    last = np.full(size, np.nan)
    start = 0
    for stop in np.searchsorted(when, last_days, side="right"):
        # days ascend, so of several visits to a premises the last one written is the latest
        last[who[start:stop]] = when[start:stop]
        start = int(stop)
        yield last


def days_of(dates: Iterable[date]) -> NDArray[np.int64]:
    """Return dates as days since 1970-01-01."""
    return np.array(list(dates), dtype="datetime64[D]").astype(np.int64)

"""What happened to whom before a day: sums of events by owner, strictly of the past."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from gis_supervision.analysis.arrays import Floats

Whole = npt.NDArray[np.int64]

UNIT = 2.0**-24
"""Values are summed as whole multiples of this, so that no sum depends on other owners' events."""


@dataclass(frozen=True)
class Timeline:
    """Events in the order of their owner and day, with running totals.

    Attributes
    ----------
    events
        Number of the event, as it was handed in, at each place of the order.
    keys
        Owner and day of the event at each place, as one number.
    totals
        Totals of the values before each place, shape (events + 1, values), multiples of `UNIT`.
    first_day
        Earliest day of an event.
    span_days
        Days that the numbers of two owners are apart.
    """

    events: Whole
    keys: Whole
    totals: Whole
    first_day: int
    span_days: int

    def _places(self, owners: Whole, days: Whole) -> Whole:
        within = np.clip(days - self.first_day, 0, self.span_days - 1)
        return np.searchsorted(self.keys, owners * self.span_days + within).astype(np.int64)

    def sums(self, owners: Whole, before: Whole, since: Whole | None = None) -> Floats:
        """Sum the values of owners' events from one day until before another.

        Parameters
        ----------
        owners
            One owner for each question; below 0 is nobody, whose sums are 0.
        before
            Days since 1970-01-01: events of that day and later do not count.
        since
            Earliest day that counts; left out: every day before.

        Returns
        -------
        ndarray
            Shape (questions, values).
        """
        start = np.full(owners.size, self.first_day) if since is None else np.minimum(since, before)
        known = owners >= 0
        asked = np.where(known, owners, 0)
        found = self.totals[self._places(asked, before)] - self.totals[self._places(asked, start)]
        return np.where(known[:, None], found * UNIT, 0.0)

    def last(self, owners: Whole, before: Whole) -> Whole:
        """Return the number of each owner's last event before a day, -1 where there is none.

        Parameters
        ----------
        owners, before
            As for `sums`. Of several events on one day the last handed in counts.
        """
        asked = np.where(owners >= 0, owners, 0)
        end = self._places(asked, before)
        start = self._places(asked, np.full(owners.size, self.first_day))
        if not self.events.size:
            return np.full(owners.size, -1)
        found = self.events[np.maximum(end - 1, 0)]
        return np.where((owners >= 0) & (end > start), found, -1)


def timeline(owners: Whole, days: Whole, values: npt.ArrayLike) -> Timeline:
    """Put events in order.

    Parameters
    ----------
    owners
        Whose each event is, from 0; events of nobody (below 0) are left out.
    days
        Days since 1970-01-01.
    values
        What is summed, shape (events, values), rounded to multiples of `UNIT`.

    Returns
    -------
    Timeline
    """
    counted = np.rint(np.asarray(values, dtype=np.float64) / UNIT).astype(np.int64)
    known = np.flatnonzero(owners >= 0)
    first = int(days[known].min()) if known.size else 0
    span = (int(days[known].max()) - first + 2) if known.size else 1
    keys = owners[known] * span + (days[known] - first)
    order = np.argsort(keys, kind="stable")
    totals = np.zeros((known.size + 1, counted.shape[1]), dtype=np.int64)
    np.cumsum(counted[known][order], axis=0, out=totals[1:])
    return Timeline(known[order], keys[order], totals, first, span)

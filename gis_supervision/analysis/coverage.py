"""Coverage: which premises had their required visits in time, by unit, as of a day.

A premises is *due* when the rules demand visits of it. It is *in time* when its last visit lies no
further back than the required interval, *overdue* when it lies further back, and *never inspected*
when there was none; the three add up to due. Every premises of the register is in the totals,
located or not; those that the rules say nothing about, and those out of scope, are counted under
their reason.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from gis_supervision.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray


class Status(IntEnum):
    """What coverage says of one premises."""

    IN_TIME = 0
    OVERDUE = 1
    NEVER = 2
    NO_RULE = 3
    EXTERNAL = 4
    NOT_OPEN = 5
    CLOSED = 6


OUT_OF_SCOPE = (Status.EXTERNAL, Status.NOT_OPEN, Status.CLOSED)


@dataclass(frozen=True)
class Coverage:
    """Counts by unit; all arrays have one entry per unit, in ascending order of ``units``."""

    units: NDArray[np.int64]
    premises: NDArray[np.int64]
    due: NDArray[np.int64]
    in_time: NDArray[np.int64]
    overdue: NDArray[np.int64]
    never: NDArray[np.int64]
    no_rule: NDArray[np.int64]
    not_located: NDArray[np.int64]
    outside: NDArray[np.int64]
    share_on_time: NDArray[np.float64]


def status(
    days_since_visit: ArrayLike,
    interval_days: ArrayLike,
    *,
    external: ArrayLike | None = None,
    days_since_opening: ArrayLike | None = None,
    days_since_closing: ArrayLike | None = None,
) -> NDArray[np.int8]:
    """Classify every premises.

    Parameters
    ----------
    days_since_visit
        Shape (n,), days from the last counted visit to the day of the report; NaN for none.
    interval_days
        Shape (n,), longest time between two visits; NaN where the rules demand none.
    external
        Shape (n,), true for premises of another administration.
    days_since_opening, days_since_closing
        Shape (n,), days; NaN where the date is not known. A premises counts from the day that it
        opens (difference 0) and no longer on the day that it closes.

    Returns
    -------
    ndarray of int8
        Shape (n,), values of `Status`.

    Raises
    ------
    InvalidInputError
        When shapes differ or a visit lies in the future.

    Notes
    -----
    A visit exactly ``interval_days`` ago is in time. The interval is the one of the rule pack, as
    SAMR Order 49 art. 22 leaves it to the plan of each administration.
    """
    visited = np.asarray(days_since_visit, dtype=np.float64)
    interval = np.asarray(interval_days, dtype=np.float64)
    absent = np.full(visited.shape, np.nan)
    opened = absent if days_since_opening is None else np.asarray(days_since_opening, float)
    closed = absent if days_since_closing is None else np.asarray(days_since_closing, float)
    outside = (
        np.zeros(visited.shape, dtype=bool) if external is None else np.asarray(external, bool)
    )
    shapes = {array.shape for array in (visited, interval, opened, closed, outside)}
    if visited.ndim != 1 or len(shapes) != 1:
        raise InvalidInputError(
            "expected one-dimensional arrays of one length, got %(shapes)s", shapes=shapes
        )
    if np.any(visited < 0):
        raise InvalidInputError("days_since_visit: a visit lies after the day of the report")
    return np.select(
        [
            outside,
            closed >= 0,
            opened < 0,
            np.isnan(interval),
            np.isnan(visited),
            visited > interval,
        ],
        [
            Status.EXTERNAL,
            Status.CLOSED,
            Status.NOT_OPEN,
            Status.NO_RULE,
            Status.NEVER,
            Status.OVERDUE,
        ],
        default=Status.IN_TIME,
    ).astype(np.int8)


def by_unit(
    statuses: ArrayLike,
    located: ArrayLike,
    units: ArrayLike,
    *,
    in_grid: ArrayLike | None = None,
) -> Coverage:
    """Count statuses by unit.

    Parameters
    ----------
    statuses
        Shape (n,), values of `Status`.
    located
        Shape (n,), true for premises with an exact point.
    units
        Shape (n,), the unit of every premises; negative for none (such premises are left out here
        and belong into the totals of a wider unit).
    in_grid
        Shape (n,), true for premises that lie in a cell; left out: all that are located. Located
        premises in no cell are counted as ``outside``.

    Returns
    -------
    Coverage
        Only units with a premises in scope. ``share_on_time`` is NaN where none is due.

    Raises
    ------
    InvalidInputError
        When shapes differ.
    """
    unit = np.asarray(units, dtype=np.int64)
    if unit.ndim != 1:
        raise InvalidInputError("expected one-dimensional arrays of one length")
    names, index = np.unique(unit, return_inverse=True)
    return tally(
        statuses, located, np.where(unit < 0, -1, index), names, in_grid=in_grid, empty=False
    )


def tally(
    statuses: ArrayLike,
    located: ArrayLike,
    index: ArrayLike,
    names: NDArray[np.int64],
    *,
    in_grid: ArrayLike | None = None,
    empty: bool = True,
) -> Coverage:
    """`by_unit` where the units are numbered already, as for a series of days.

    Parameters
    ----------
    statuses, located, in_grid
        As `by_unit` takes them.
    index
        Shape (n,), place of every premises' unit in ``names``; negative for none.
    names
        The units, shape (u,).
    empty
        Whether units without a premises in scope are returned too.

    Returns
    -------
    Coverage

    Raises
    ------
    InvalidInputError
        When shapes differ.
    """
    state = np.asarray(statuses, dtype=np.int64)
    place = np.asarray(located, dtype=bool)
    unit = np.asarray(index, dtype=np.int64)
    held = place if in_grid is None else np.asarray(in_grid, dtype=bool)
    if not state.shape == place.shape == unit.shape == held.shape or state.ndim != 1:
        raise InvalidInputError("expected one-dimensional arrays of one length")
    # One count for all: a code of the status, and of whether there is a point and a cell.
    codes = (state * 2 + place) * 2 + held
    width = 4 * len(Status)
    kept = unit >= 0
    flat = np.bincount(unit[kept] * width + codes[kept], minlength=names.size * width)
    table = flat.reshape(names.size, len(Status), 2, 2)
    table[:, [int(status) for status in OUT_OF_SCOPE]] = 0
    of_status = table.sum(axis=(2, 3))
    premises = of_status.sum(axis=1)
    shown = slice(None) if empty else premises > 0
    in_time, overdue, never, no_rule = (
        of_status[shown, which]
        for which in (Status.IN_TIME, Status.OVERDUE, Status.NEVER, Status.NO_RULE)
    )
    due = in_time + overdue + never
    return Coverage(
        units=names[shown],
        premises=premises[shown],
        due=due,
        in_time=in_time,
        overdue=overdue,
        never=never,
        no_rule=no_rule,
        not_located=table[shown, :, 0].sum(axis=(1, 2)),
        outside=table[shown, :, 1, 0].sum(axis=1),
        share_on_time=_share(in_time, due),
    )


def due_in_days(
    days_since_visit: ArrayLike,
    interval_days: ArrayLike,
    *,
    days_since_opening: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """Tell in how many days the next visit is due at the latest.

    Parameters
    ----------
    days_since_visit, interval_days, days_since_opening
        As `status` takes them.

    Returns
    -------
    ndarray of float64
        Shape (n,), whole days from the day of the report to the last day that is in time; negative
        for an overdue visit, NaN where the rules demand none. Without a visit the interval begins
        with the opening; where that is not known the visit is due at once (0).

    Raises
    ------
    InvalidInputError
        When shapes differ.
    """
    visited = np.asarray(days_since_visit, dtype=np.float64)
    interval = np.asarray(interval_days, dtype=np.float64)
    opened = (
        np.full(visited.shape, np.nan)
        if days_since_opening is None
        else np.asarray(days_since_opening, dtype=np.float64)
    )
    if visited.ndim != 1 or not visited.shape == interval.shape == opened.shape:
        raise InvalidInputError("expected one-dimensional arrays of one length")
    since = np.where(np.isnan(visited), opened, visited)
    left = np.floor(interval) - since
    return np.where(np.isnan(since) & ~np.isnan(interval), 0.0, left)


def merged(parts: Sequence[Coverage]) -> Coverage:
    """Add up the counts of parts of a register, such as those of its partitions.

    Parameters
    ----------
    parts
        Results of `by_unit` for premises that are in one part each, at least one.

    Returns
    -------
    Coverage
        What `by_unit` gives for all premises together, whatever the order of the parts.
    """
    units, index = np.unique(np.concatenate([part.units for part in parts]), return_inverse=True)
    sums: dict[str, NDArray[np.int64]] = {}
    for field in fields(Coverage):
        if field.name not in {"units", "share_on_time"}:
            total = np.zeros(units.size, dtype=np.int64)
            np.add.at(total, index, np.concatenate([getattr(part, field.name) for part in parts]))
            sums[field.name] = total
    return Coverage(units=units, share_on_time=_share(sums["in_time"], sums["due"]), **sums)


def _share(in_time: NDArray[np.int64], due: NDArray[np.int64]) -> NDArray[np.float64]:
    share = np.full(due.size, np.nan)
    np.divide(in_time, due, out=share, where=due > 0)
    return share

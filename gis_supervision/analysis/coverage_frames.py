"""Coverage of the premises of a register: frames as storage reads them, in and out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from gis_supervision.analysis import coverage as coverage_of
from gis_supervision.analysis.coverage import Coverage, Status, by_unit, tally
from gis_supervision.analysis.coverage_months import days_of, last_visits
from gis_supervision.analysis.findings import table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date

    from numpy.typing import NDArray

    from gis_supervision.domain.rules import RulePack

    Zones = Callable[[int], NDArray[np.int64]]

WHOLE_AREA = 0
"""The unit id of the totals of everything."""

NO_CATEGORY = 0
"""The unit id of premises without a category."""


@dataclass(frozen=True)
class Standing:
    """What coverage says of each premises on a day; arrays of shape (n,).

    ``due_days`` and ``checklist_due_days`` are days from the day of the report to the last day
    that is in time, NaN where no visit is due.
    """

    statuses: NDArray[np.int8]
    due_days: NDArray[np.float64]
    checklist_statuses: NDArray[np.int8]
    checklist_due_days: NDArray[np.float64]


def standing(premises: pl.DataFrame, rules: RulePack) -> Standing:
    """Classify every premises under a rule pack.

    Parameters
    ----------
    premises
        As `gis_supervision.storage.analyses.visits` reads them.
    rules
        The pack in force on the day.
    """
    external = premises["external"].to_numpy()
    opened, closed, visited, checked = (
        _floats(premises[f"{name}_days"]) for name in ("opened", "closed", "visited", "checklist")
    )
    intervals = intervals_days(premises, rules)
    statuses = coverage_of.status(
        visited,
        intervals,
        external=external,
        days_since_opening=opened,
        days_since_closing=closed,
    )
    months = rules.checklist_interval_days()
    whole = np.full(statuses.size, np.nan if months is None else months)
    checklist = coverage_of.status(
        checked, whole, external=external, days_since_opening=opened, days_since_closing=closed
    )
    left_out = np.isin(statuses, coverage_of.OUT_OF_SCOPE)

    def due(since: NDArray[np.float64], interval: NDArray[np.float64]) -> NDArray[np.float64]:
        days = coverage_of.due_in_days(since, interval, days_since_opening=opened)
        return np.where(left_out, np.nan, days)

    return Standing(statuses, due(visited, intervals), checklist, due(checked, whole))


def intervals_days(premises: pl.DataFrame, rules: RulePack) -> NDArray[np.float64]:
    """Return the longest time between two visits of every premises, NaN where none is due."""
    kinds = premises.select(
        pl.col(rules.class_column).alias("class"),
        pl.col("credit_class").alias("credit"),
        "category",
    )
    distinct = kinds.unique()
    days = rules.required_intervals_days(*(column.to_list() for column in distinct.iter_columns()))
    found = kinds.join(
        distinct.with_columns(pl.Series("days", days)),
        on=kinds.columns,
        how="left",
        nulls_equal=True,
        maintain_order="left",
    )
    return found["days"].to_numpy()


def units_of(premises: pl.DataFrame, categories: Mapping[str, int]) -> dict[str, NDArray[np.int64]]:
    """Return the unit of every premises, of each kind; -1 for none."""
    named = premises["category"].replace_strict(categories, default=None, return_dtype=pl.Int64)
    return {
        "area": np.full(premises.height, WHOLE_AREA),
        **{
            unit: premises[f"{unit}_id"].fill_null(-1).to_numpy()
            for unit in ("cell", "zone", "division")
        },
        "h3": premises["h3"].fill_null(-1).to_numpy(),
        "category": named.fill_null(NO_CATEGORY).to_numpy(),
    }


def counted(
    premises: pl.DataFrame, found: Standing, units: Mapping[str, NDArray[np.int64]]
) -> tuple[dict[str, Coverage], dict[str, Coverage]]:
    """Count the premises of every unit by their visits, and by their full checklists.

    The second is empty where no full checklist is demanded.
    """
    located = premises["located"].to_numpy()
    in_grid = premises["cell_id"].is_not_null().to_numpy()

    def count(statuses: NDArray[np.int8]) -> dict[str, Coverage]:
        return {
            unit: by_unit(statuses, located, ids, in_grid=in_grid) for unit, ids in units.items()
        }

    demanded = bool(np.any(found.checklist_statuses < Status.NO_RULE))
    return count(found.statuses), count(found.checklist_statuses) if demanded else {}


def rows(premises: pl.DataFrame, found: Standing, as_of: date) -> pl.DataFrame:
    """Return one row per premises, as `storage.coverage.store_premises` takes it."""
    names = np.array([status.name.lower() for status in Status])
    day = pl.lit(as_of)

    def after(days: NDArray[np.float64]) -> pl.Expr:
        whole = pl.Series(days).fill_nan(None).cast(pl.Int64)
        return day + pl.duration(days=pl.lit(whole))

    return premises.select(
        "premises_id",
        pl.Series("status", names[found.statuses]),
        (day - pl.duration(days=pl.col("visited_days"))).alias("visited_on"),
        after(found.due_days).alias("due_on"),
        after(found.checklist_due_days).alias("checklist_due_on"),
    )


def series(
    premises: pl.DataFrame,
    visits: Mapping[Sequence[str], pl.DataFrame],
    ends: Sequence[date],
    rules: Sequence[RulePack],
    categories: Mapping[str, int],
    zones: Zones,
) -> list[tuple[str, pl.DataFrame]]:
    """Count the premises of every unit at the end of each period.

    Parameters
    ----------
    premises
        As of the last end, as `gis_supervision.storage.analyses.visits` reads them.
    visits
        By the channels that a pack counts: as `gis_supervision.storage.coverage.visit_days` reads
        them.
    ends
        Last days of the periods, ascending.
    rules
        The pack in force on each of them.
    categories
        Numbers of the categories by name.
    zones
        Gives the zone of every premises on a day (days since 1970-01-01), -1 for none.

    Returns
    -------
    list
        Pairs of unit kind and frame with ``unit_id``, ``period_end`` and the counts; units without
        a premises in scope at that time are left out.
    """
    days = days_of(ends)
    ids = premises["premises_id"].to_numpy()
    known = units_of(premises, categories)
    numbered = {unit: _numbered(known[unit]) for unit in ("area", "cell", "division", "category")}
    located = premises["located"].to_numpy()
    in_grid = premises["cell_id"].is_not_null().to_numpy()
    external = premises["external"].to_numpy()
    opened, closed = (days[-1] - _floats(premises[f"{name}_days"]) for name in ("opened", "closed"))
    intervals = {pack.sha256: intervals_days(premises, pack) for pack in rules}
    walked = {
        channels: last_visits(
            np.searchsorted(ids, of["premises_id"].to_numpy()), of["day"].to_numpy(), days, ids.size
        )
        for channels, of in visits.items()
    }
    found: dict[str, list[pl.DataFrame]] = {unit: [] for unit in (*numbered, "zone")}
    for day, end, pack in zip(days, ends, rules, strict=True):
        last = {channels: next(one) for channels, one in walked.items()}
        statuses = coverage_of.status(
            day - last[pack.counted_channels()],
            intervals[pack.sha256],
            external=external,
            days_since_opening=day - opened,
            days_since_closing=day - closed,
        )
        for unit, (names, index) in (numbered | {"zone": _numbered(zones(int(day)))}).items():
            counted = tally(statuses, located, index, names, in_grid=in_grid, empty=False)
            found[unit].append(
                table(counted).drop("share_on_time").with_columns(period_end=pl.lit(end))
            )
    return [(unit, pl.concat(frames)) for unit, frames in found.items()]


def zones_on(memberships: pl.DataFrame, cells: NDArray[np.int64]) -> Zones:
    """Return what gives the zone of every premises on a day.

    Parameters
    ----------
    memberships
        As `gis_supervision.storage.coverage.zone_memberships` reads them.
    cells
        Cell of every premises, shape (n,), -1 for none.
    """
    names, index = _numbered(cells)
    since = memberships["since"].fill_null(np.iinfo(np.int64).min).to_numpy()
    until = memberships["until"].fill_null(np.iinfo(np.int64).max).to_numpy()
    cell, zone = memberships["cell_id"].to_numpy(), memberships["zone_id"].to_numpy()

    def on(day: int) -> NDArray[np.int64]:
        held = (since <= day) & (day < until) & np.isin(cell, names)
        of_cell = np.full(names.size + 1, -1)
        of_cell[np.searchsorted(names, cell[held])] = zone[held]
        return of_cell[index]

    return on


def _numbered(units: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the distinct units in order, and the place of each unit among them; -1 for none."""
    names, index = np.unique(units, return_inverse=True)
    none = int(names.size > 0 and names[0] < 0)
    return names[none:], np.asarray(index - none, dtype=np.int64)


def _floats(column: pl.Series) -> NDArray[np.float64]:
    return column.cast(pl.Float64).to_numpy()

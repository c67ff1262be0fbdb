"""Counts of the partitions of a large register, which add up to those of the whole.

Each partition is counted by itself, by the functions that count a whole register: coverage by
`coverage_frames`, cells by `h3_index`. Results are sums of whole numbers by unit, so that they add
up to the same in whatever order, and however the register is divided.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from gis_supervision.analysis import coverage as coverage_of
from gis_supervision.analysis import coverage_frames
from gis_supervision.analysis.coverage import OUT_OF_SCOPE, Coverage, Status, by_unit
from gis_supervision.domain import h3_index
from gis_supervision.storage import partition_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

    from numpy.typing import NDArray

    from gis_supervision.analysis.coverage_frames import Standing
    from gis_supervision.domain.rules import RulePack
    from gis_supervision.storage.partition_files import Piece
    from gis_supervision.storage.partition_rows import Labels, Premises

BATCH_ROWS: Final = 65_536
"""Premises held at once while a partition is counted."""
UNITS: Final = ("area", "cell", "zone", "division", "h3", "category")
"""Kinds of units that coverage is counted by."""
_EPOCH: Final = np.datetime64("1970-01-01")


@dataclass(frozen=True, eq=False)
class Question:
    """What is counted.

    Attributes
    ----------
    as_of
        Day of the report.
    rules
        Rule pack in force on the day.
    coverage_resolution, hotspot_resolution
        H3 resolutions of the cells that coverage and hazards are counted by.
    zone_cells, zone_ids
        Grid cells in ascending order, and the zone that each belongs to on the day.
    """

    as_of: date
    rules: RulePack
    coverage_resolution: int
    hotspot_resolution: int
    zone_cells: NDArray[np.int64]
    zone_ids: NDArray[np.int64]

    @property
    def day(self) -> int:
        """The day of the report in days since 1970-01-01."""
        return int((np.datetime64(self.as_of) - _EPOCH).astype(np.int64))


@dataclass(frozen=True, eq=False)
class Counts:
    """Counts of some premises.

    Attributes
    ----------
    rows
        Number of premises, in scope or not.
    statuses
        Number of premises by `Status`.
    categories
        Names of categories in ascending order; the first has the number 1.
    coverage
        Coverage by kind of unit (`UNITS`).
    checklists
        The same for full checklists; empty where none are demanded of these premises.
    cells
        H3 cells in ascending order, shape (n,).
    premises, hazards
        Premises in scope with an exact point, and their unresolved hazards, by H3 cell.
    """

    rows: int
    statuses: NDArray[np.int64]
    categories: tuple[str, ...]
    coverage: Mapping[str, Coverage]
    checklists: Mapping[str, Coverage]
    cells: NDArray[np.int64]
    premises: NDArray[np.int64]
    hazards: NDArray[np.int64]


def count(premises: Premises, question: Question) -> Counts:
    """Count premises.

    Parameters
    ----------
    premises
        Some or all of a register.
    question
        What is counted.
    """
    frame = frame_of(premises, question)
    standing = coverage_frames.standing(frame, question.rules)
    names = sorted(frame["category"].drop_nulls().unique().to_list())
    units = coverage_frames.units_of(frame, {name: at for at, name in enumerate(names, start=1)})
    visits, checklists = coverage_frames.counted(frame, standing, units)
    scope = frame["located"].to_numpy() & ~np.isin(standing.statuses, OUT_OF_SCOPE)
    cells, index = np.unique(frame["hotspot_h3"].to_numpy()[scope], return_inverse=True)
    hazards = np.zeros(cells.size, dtype=np.int64)
    np.add.at(hazards, index, _unresolved(premises, question.day)[scope])
    return Counts(
        rows=frame.height,
        statuses=np.bincount(standing.statuses, minlength=len(Status)).astype(np.int64),
        categories=tuple(names),
        coverage=visits,
        checklists=checklists,
        cells=cells,
        premises=np.bincount(index, minlength=cells.size).astype(np.int64),
        hazards=hazards,
    )


def count_piece(piece: Piece, question: Question, *, batch_rows: int = BATCH_ROWS) -> Counts:
    """Count the premises of a piece of a dataset, of which only some rows are held at a time."""
    total = nothing()
    for premises in partition_rows.premises(piece, batch_rows):
        total = merged([total, count(premises, question)])
    return total


def standings(
    piece: Piece, question: Question, *, batch_rows: int = BATCH_ROWS
) -> Iterator[tuple[pl.DataFrame, Standing]]:
    """Tell what coverage says of each premises of a piece, some at a time."""
    for premises in partition_rows.premises(piece, batch_rows, identified=True):
        frame = frame_of(premises, question)
        yield frame, coverage_frames.standing(frame, question.rules)


def merged(parts: Sequence[Counts]) -> Counts:
    """Add up the counts of different premises, in any order; at least one part."""
    cells, index = np.unique(np.concatenate([part.cells for part in parts]), return_inverse=True)
    premises, hazards = (np.zeros(cells.size, dtype=np.int64) for _ in range(2))
    np.add.at(premises, index, np.concatenate([part.premises for part in parts]))
    np.add.at(hazards, index, np.concatenate([part.hazards for part in parts]))
    statuses = np.zeros(len(Status), dtype=np.int64)
    for part in parts:
        statuses += part.statuses
    names = tuple(sorted({name for part in parts for name in part.categories}))
    numbers = {name: at for at, name in enumerate(names, start=1)}
    demanded = any(part.checklists for part in parts)
    return Counts(
        rows=sum(part.rows for part in parts),
        statuses=statuses,
        categories=names,
        coverage={
            unit: coverage_of.merged([renumbered(part, numbers).coverage[unit] for part in parts])
            for unit in UNITS
        },
        checklists={
            unit: coverage_of.merged(
                [
                    (renumbered(part, numbers).checklists or _no_checklists(part, numbers))[unit]
                    for part in parts
                ]
            )
            for unit in UNITS
            if demanded
        },
        cells=cells,
        premises=premises,
        hazards=hazards,
    )


def nothing() -> Counts:
    """Return the counts of no premises."""
    none = np.empty(0, dtype=np.int64)
    return Counts(
        rows=0,
        statuses=np.zeros(len(Status), dtype=np.int64),
        categories=(),
        coverage=dict.fromkeys(UNITS, by_unit(none, none, none)),
        checklists={},
        cells=none,
        premises=none,
        hazards=none,
    )


def renumbered(counts: Counts, numbers: Mapping[str, int]) -> Counts:
    """Give categories other numbers, those of ``numbers`` by name."""
    of_old = np.array([coverage_frames.NO_CATEGORY, *(numbers[name] for name in counts.categories)])

    def changed(found: Mapping[str, Coverage]) -> Mapping[str, Coverage]:
        if not found:
            return found
        one = found["category"]
        return {**found, "category": coverage_of.merged([replace(one, units=of_old[one.units])])}

    return replace(counts, coverage=changed(counts.coverage), checklists=changed(counts.checklists))


def frame_of(premises: Premises, question: Question) -> pl.DataFrame:
    """Return premises as `gis_supervision.storage.analyses.visits` reads them of a register.

    ``hotspot_h3`` is added, -1 without an exact point.
    """
    day, rules, located = question.day, question.rules, premises.frame["located"].to_numpy()
    checklist = rules.full_checklist
    visited = _last(premises, day, _named(premises.channel, rules.counted_channels()))
    checked = np.full(visited.size, np.nan)
    if checklist is not None:
        counts = _named(premises.channel, checklist.channels)
        counts &= ~_named(premises.kind, checklist.kinds_left_out)
        checked = _last(premises, day, counts)
    resolutions = question.coverage_resolution, question.hotspot_resolution
    cells = h3_index.cells_at(premises.lat[located], premises.lng[located], resolutions)
    of_coverage, of_hotspots = (np.full(located.size, -1, dtype=np.int64) for _ in range(2))
    of_coverage[located], of_hotspots[located] = (cells[resolution] for resolution in resolutions)
    return premises.frame.with_columns(
        (day - pl.col("opened_on")).alias("opened_days"),
        (day - pl.col("closed_on")).alias("closed_days"),
        pl.Series("visited_days", day - visited).fill_nan(None),
        pl.Series("checklist_days", day - checked).fill_nan(None),
        pl.Series("zone_id", _zones(premises.frame["cell_id"].fill_null(-1).to_numpy(), question)),
        pl.Series("h3", of_coverage),
        pl.Series("hotspot_h3", of_hotspots),
    )


def _named(labels: Labels, names: Sequence[str]) -> NDArray[np.bool_]:
    """Tell which labels are among some names."""
    return np.array([name in names for name in labels.names], dtype=np.bool_)[labels.codes]


def _last(premises: Premises, day: int, counts: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the day of the last inspection that counts, up to a day; NaN for none."""
    days = np.where(counts & (premises.inspected_on <= day), premises.inspected_on, -np.inf)
    last = np.full(premises.inspections.size, np.nan)
    visited = np.flatnonzero(premises.inspections)
    if visited.size:
        ends = np.cumsum(premises.inspections)
        latest = np.maximum.reduceat(days, (ends - premises.inspections)[visited])
        last[visited] = np.where(np.isinf(latest), np.nan, latest)
    return last


def _unresolved(premises: Premises, day: int) -> NDArray[np.int64]:
    """Return the number of hazards of each premises that were found and not resolved by a day."""
    still_open = (premises.found_on <= day) & ~(premises.resolved_on <= day)
    owner = np.repeat(np.arange(premises.hazards.size), premises.hazards)
    return np.bincount(owner[still_open], minlength=premises.hazards.size).astype(np.int64)


def _zones(cells: NDArray[np.int64], question: Question) -> NDArray[np.int64]:
    """Return the zone of each cell; -1 for none."""
    if not question.zone_cells.size:
        return np.full(cells.size, -1, dtype=np.int64)
    place = np.searchsorted(question.zone_cells, cells)
    place[place == question.zone_cells.size] = 0
    return np.where(question.zone_cells[place] == cells, question.zone_ids[place], -1)


def _no_checklists(counts: Counts, numbers: Mapping[str, int]) -> Mapping[str, Coverage]:
    """Return the counts of premises of which no full checklist is demanded."""
    found = {}
    for unit, one in renumbered(counts, numbers).coverage.items():
        none = np.zeros(one.units.size, dtype=np.int64)
        found[unit] = replace(
            one,
            due=none,
            in_time=none,
            overdue=none,
            never=none,
            no_rule=one.premises,
            share_on_time=np.full(one.units.size, np.nan),
        )
    return found

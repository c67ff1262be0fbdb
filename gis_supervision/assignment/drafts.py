"""What proposals are made from, and what a draft of one says before it has a number."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from gis_supervision.assignment import cell_work, ground
from gis_supervision.assignment.areas import FREE
from gis_supervision.domain.proposals import Period, joined
from gis_supervision.domain.rules import DAYS_PER_MONTH
from gis_supervision.errors import ConflictError, NotFoundError
from gis_supervision.storage import grid, workload, zone_periods

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import date

    from numpy.typing import NDArray
    from sqlalchemy.orm import Session

    from gis_supervision.assignment.ground import Ground
    from gis_supervision.assignment.zone_plan import Reason
    from gis_supervision.domain.proposals import Kind
    from gis_supervision.domain.rules import RulePack
    from gis_supervision.storage.zone_periods import HeldZone, Person, Timeline

CELL_CHANGES: dict[str, type[pl.DataType]] = {
    "cell_id": pl.Int64,
    "from_zone_id": pl.Int64,
    "to_number": pl.Int64,
    "first": pl.Date,
    "until": pl.Date,
}


@dataclass(frozen=True, eq=False)
class Basis:
    """The state that a proposal is made from; arrays follow the order of the cells' codes.

    Attributes
    ----------
    timeline
        Zones and responsibilities in the time of the proposal.
    ground
        The cells in force, measured.
    hours, premises, unresolved
        Work of each cell in hours a year, its premises and their unresolved hazards.
    as_of
        Day whose premises and hazards make the work.
    pack
        The rule pack.
    numbers
        Number of each zone in force, by id: its place by code.
    held
        The zones by number.
    last
        Number of the zone that each cell is in for good, -1 for none: at the end of all absences.
    """

    timeline: Timeline
    ground: Ground
    hours: NDArray[np.float64]
    premises: NDArray[np.int64]
    unresolved: NDArray[np.int64]
    as_of: date
    pack: RulePack
    numbers: dict[int, int]
    held: tuple[HeldZone, ...]
    last: NDArray[np.int32]

    @property
    def rules(self) -> str:
        """Reference of the rule pack."""
        return self.pack.reference

    def labels(self, day: date) -> NDArray[np.int32]:
        """Return the number of the zone of each cell on a day, -1 for none."""
        zone_of = self.timeline.zone_of(day)
        ids = self.ground.cells.ids.tolist()
        return np.array(
            [self.numbers[zone_of[cell]] if cell in zone_of else FREE for cell in ids],
            dtype=np.int32,
        )

    def number(self, code: str) -> int:
        """Return the number of a zone.

        Raises
        ------
        NotFoundError
            No zone in force has the code.
        """
        for number, zone in enumerate(self.held):
            if zone.code == code:
                return number
        raise NotFoundError("no zone in force has the code %(code)r", code=code)

    def places(self, codes: Sequence[str]) -> NDArray[np.int64]:
        """Return the places of cells.

        Raises
        ------
        NotFoundError
            Naming the codes that no cell in force has.
        """
        known = {code: place for place, code in enumerate(self.ground.cells.codes)}
        missing = [code for code in codes if code not in known]
        if missing:
            raise NotFoundError(
                "no cell in force has the code %(missing)s", missing=", ".join(map(repr, missing))
            )
        return np.array([known[code] for code in codes], dtype=np.int64)

    def person(self, staff_number: str) -> Person:
        """Return an inspector.

        Raises
        ------
        NotFoundError
            There is no inspector of that staff number.
        """
        for one in self.timeline.people.values():
            if one.staff_number == staff_number:
                return one
        raise NotFoundError(
            "no inspector has the staff number %(staff_number)r", staff_number=staff_number
        )


@dataclass(frozen=True)
class DraftZone:
    """A zone of a draft; ``id`` is None for one that it would make."""

    id: int | None
    code: str
    name: str
    emptied: bool = False


@dataclass(frozen=True)
class Handover:
    """Someone takes over a role in a zone from someone for a time; None stands for nobody."""

    number: int
    role: str
    from_id: int | None
    to_id: int | None
    period: Period


@dataclass(frozen=True, eq=False)
class Draft:
    """A proposal before it is stored.

    Attributes
    ----------
    kind, period, seed, parameters
        What it is, the time that it is for, and how it was made.
    zones
        Its zones by number: those in force, then those that it would make.
    before, after
        Number of the zone of each cell on the day that is shown, -1 for none.
    cells
        Columns as `CELL_CHANGES`: which cell would leave which zone for which, and when.
    handovers
        Changes of responsibility.
    shown_on
        Day that the figures speak of.
    absent_id
        The inspector on leave.
    notes
        What could not be met, and what else the dispatcher must know.
    """

    kind: Kind
    period: Period
    seed: int
    parameters: dict[str, Any]
    zones: tuple[DraftZone, ...]
    before: NDArray[np.int32]
    after: NDArray[np.int32]
    cells: pl.DataFrame
    handovers: tuple[Handover, ...]
    shown_on: date
    absent_id: int | None = None
    notes: tuple[Reason, ...] = ()


def basis(
    session: Session,
    rules: RulePack,
    period: Period,
    as_of: date,
    *,
    also: Collection[int] = (),
) -> Basis:
    """Read the state that a proposal is made from.

    Parameters
    ----------
    session
        An open session.
    rules
        Rule pack with required visits and hours of work.
    period
        The time of the proposal.
    as_of
        Day whose premises and unresolved hazards make the work.
    also
        Ids of zones that count though they have no cell in that time.

    Raises
    ------
    ConflictError
        When there is no grid, or no zones are in force in that time.
    """
    cells = grid.current(session)
    if cells.ids.size == 0:
        raise ConflictError("there is no grid: run `gis-supervision grid build` first")
    timeline = zone_periods.read(session, period, also=also)
    if not timeline.zones:
        raise ConflictError(
            "no zones are in force on %(first)s: run `gis-supervision zones design` first",
            first=period.first,
        )
    work = workload.work(session, as_of, rules.workload.complaint_months * DAYS_PER_MONTH)
    held = tuple(timeline.zones.values())
    numbers = {zone.id: number for number, zone in enumerate(held)}
    ends = timeline.members.group_by("cell_id", maintain_order=True).last()
    last = dict(zip(ends["cell_id"], ends["zone_id"], strict=True))
    return Basis(
        timeline=timeline,
        ground=ground.measured(cells),
        hours=cell_work.measured(
            session, rules, cells, as_of, set_on=max(as_of, period.first)
        ).hours,
        premises=_by_cell(cells, work, "premises"),
        unresolved=_by_cell(cells, work, "unresolved"),
        as_of=as_of,
        pack=rules,
        numbers=numbers,
        held=held,
        last=np.array(
            [numbers[last[cell]] if cell in last else FREE for cell in cells.ids.tolist()],
            dtype=np.int32,
        ),
    )


def zones_in_force(of: Basis, emptied: Collection[int] = ()) -> list[DraftZone]:
    """Return the zones in force as those of a draft."""
    return [
        DraftZone(zone.id, zone.code, zone.name, number in emptied)
        for number, zone in enumerate(of.held)
    ]


def cell_changes(rows: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """Return changes of cells as a frame with the columns of `CELL_CHANGES`."""
    return pl.DataFrame(list(rows), schema=CELL_CHANGES)


def changing_days(of: Basis) -> Iterable[date]:
    """Return the days on which something changes in the time."""
    held = of.timeline.members
    people = (one.period for one in of.timeline.holdings)
    leaves = chain.from_iterable(of.timeline.leaves.values())
    return [
        *held["first"].unique().to_list(),
        *held["until"].drop_nulls().unique().to_list(),
        *(
            day
            for period in chain(people, leaves)
            for day in (period.first, period.until)
            if day is not None
        ),
    ]


def changed_cells(
    of: Basis, spans: Iterable[tuple[Period, NDArray[np.int32], NDArray[np.int32]]]
) -> list[dict[str, Any]]:
    """Return what changes for which cell and when, days with the same change together.

    Each span has its days and the number of every cell's zone before and after.
    """
    found: dict[tuple[int, int, int], list[Period]] = {}
    for days, was, will_be in spans:
        for place in np.flatnonzero(will_be != was).tolist():
            key = (place, int(was[place]), int(will_be[place]))
            found.setdefault(key, []).append(days)
    ids = of.ground.cells.ids.tolist()
    rows: list[dict[str, Any]] = [
        {
            "cell_id": ids[place],
            "from_zone_id": None if before == FREE else of.held[before].id,
            "to_number": after,
            "first": period.first,
            "until": period.until,
        }
        for (place, before, after), periods in found.items()
        for period in joined(periods)
    ]
    return sorted(rows, key=lambda row: (row["cell_id"], row["first"]))


def joined_handovers(handovers: Sequence[Handover]) -> list[Handover]:
    """Join handovers of following days."""
    found: dict[tuple[int, str, int | None, int | None], list[Period]] = {}
    for one in handovers:
        found.setdefault((one.number, one.role, one.from_id, one.to_id), []).append(one.period)
    return [Handover(*key, period) for key, periods in found.items() for period in joined(periods)]


def _by_cell(cells: grid.Cells, work: pl.DataFrame, column: str) -> NDArray[np.int64]:
    sums = work.group_by("cell_id").agg(pl.col(column).sum())
    known = dict(zip(sums["cell_id"], sums[column], strict=True))
    return np.array([known.get(cell, 0) for cell in cells.ids.tolist()], dtype=np.int64)

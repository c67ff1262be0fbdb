"""Back early from an absence: cells and roles return before the day that was set for it.

What the absence moved goes where it would be without it, on every day that is left: to the zone
that it was taken from or, from the day on which it was moved for good, to the one that has it then.
A second absence that begins in the first stays covered.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from gis_supervision.assignment.drafts import (
    Draft,
    Handover,
    cell_changes,
    changed_cells,
    changing_days,
    joined_handovers,
    zones_in_force,
)
from gis_supervision.assignment.zone_plan import Reason
from gis_supervision.domain.proposals import Kind, Period, segments
from gis_supervision.language import gettext_noop

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from sqlalchemy import Row

    from gis_supervision.assignment.drafts import Basis
    from gis_supervision.storage.absences import Covered
    from gis_supervision.storage.zone_periods import Person

_Spans = list[tuple[Period, "NDArray[np.int32]", "NDArray[np.int32]"]]


@dataclass(frozen=True, eq=False)
class Absences:
    """What accepted absences changed, those of others as well.

    Attributes
    ----------
    covered
        The absences by number of their proposal.
    moved, handed_over
        Rows of `gis_supervision.storage.absences.moved_cells` and ``handed_over``.
    ends
        First day on which the absence that is ended would be over.
    afterwards
        Zone id by cell id on that day.
    for_good
        Rows of `gis_supervision.storage.absences.moved_for_good` on that day.
    """

    covered: Mapping[int, Covered]
    moved: Sequence[Row[Any]]
    handed_over: Sequence[Row[Any]]
    ends: date
    afterwards: Mapping[int, int]
    for_good: Sequence[Row[Any]]

    def holds(self, row: Row[Any], day: date) -> bool:
        """Tell whether a row of an absence holds on a day, no return having taken it away."""
        return day in Period(row.first, row.until) and any(
            day in one for one in self.covered[row.proposal_id].periods
        )

    def zones(self, who: int) -> set[int]:
        """Return the ids of the zones that have to be known for a return."""
        cells = self.of(self.moved, who)
        roles = self.of(self.handed_over, who)
        days = [date.min, *(row.first for row in self.for_good)]
        back = {self.home(row, day) for row in cells for day in days}
        found = {*(row.from_zone_id for row in cells), *back, *(row.zone_id for row in roles)}
        return found - {None}

    def home(self, moved: Row[Any], day: date) -> int | None:
        """Return the id of the zone that a moved cell belongs to on a day without any absence."""
        zone: int | None = self.afterwards.get(moved.cell_id, moved.from_zone_id)
        for row in self.for_good:
            if row.cell_id != moved.cell_id:
                continue
            if row.first <= day:
                break
            zone = row.from_zone_id
        # on the day after, another absence may have it elsewhere
        for _ in self.covered:
            other = next(
                (
                    one
                    for one in self.moved
                    if (one.cell_id, one.to_zone_id) == (moved.cell_id, zone)
                    and self.holds(one, self.ends)
                ),
                None,
            )
            if other is None:
                break
            zone = other.from_zone_id
        return zone

    def of(self, rows: Sequence[Row[Any]], who: int) -> list[Row[Any]]:
        """Return the rows of one inspector's absences."""
        return [row for row in rows if self.covered[row.proposal_id].inspector_id == who]


def early_return(of: Basis, person: Person, absences: Absences) -> Draft | None:
    """End the absence of an inspector for the time of the basis.

    Parameters
    ----------
    of
        The state from the day of the return to the end of the absence.
    person
        Who is back.
    absences
        What accepted absences changed.

    Returns
    -------
    Draft or None
        None where nothing that covers the absence is left.
    """
    whole = of.timeline.period
    cells, roles = (absences.of(rows, person.id) for rows in (absences.moved, absences.handed_over))
    cuts = [
        *changing_days(of),
        *_ends(Period(row.first, row.until) for row in (*absences.moved, *absences.handed_over)),
        *_ends(period for one in absences.covered.values() for period in one.periods),
        *(row.first for row in absences.for_good),
    ]
    spans: _Spans = []
    handovers: list[Handover] = []
    notes: list[Reason] = []
    for period in segments(whole, cuts):
        before = of.labels(period.first)
        after = _returned(of, absences, cells, period.first, person, before, notes)
        spans.append((period, before, after))
        handovers += _handed_back(of, absences, roles, period)
    changes, people = changed_cells(of, spans), joined_handovers(handovers)
    if not changes and not people:
        return None
    first = min([row["first"] for row in changes] + [one.period.first for one in people])
    shown = next(span for span in spans if first in span[0])
    return Draft(
        kind=Kind.RETURN,
        period=whole,
        seed=0,
        parameters={
            "as_of": of.as_of.isoformat(),
            "rules": of.rules,
            "staff_number": person.staff_number,
            "absences": sorted({row.proposal_id for row in (*cells, *roles)}),
        },
        zones=tuple(zones_in_force(of)),
        before=shown[1],
        after=shown[2],
        cells=cell_changes(changes),
        handovers=tuple(people),
        shown_on=first,
        absent_id=person.id,
        notes=tuple({str(note): note for note in notes}.values()),
    )


def _ends(periods: Iterable[Period]) -> list[date]:
    return [day for one in periods for day in (one.first, one.until) if day is not None]


def _returned(
    of: Basis,
    absences: Absences,
    cells: Sequence[Row[Any]],
    day: date,
    person: Person,
    labels: NDArray[np.int32],
    notes: list[Reason],
) -> NDArray[np.int32]:
    """Return the zones of the cells on a day once the inspector is back."""
    away = of.timeline.away(day) - {person.id}
    responsible = {
        of.numbers[zone]: who
        for zone, who in of.timeline.responsible(day).items()
        if zone in of.numbers
    }
    places = {cell: place for place, cell in enumerate(of.ground.cells.ids.tolist())}
    stays = gettext_noop("Zone %(zone)s stays covered: %(name)s is away on %(day)s.")
    result = labels.copy()
    for row in cells:
        place = places.get(row.cell_id)
        if place is None or not absences.holds(row, day):
            continue
        zone = absences.home(row, day)
        home = None if zone is None else of.numbers.get(zone)
        if home is None:
            continue
        who = responsible.get(home)
        if who in away and home != labels[place]:
            name = of.timeline.people[who].name if who is not None else ""
            values = {"zone": of.held[home].code, "name": name, "day": day.isoformat()}
            notes.append(Reason("stays_covered", stays, dict(values)))
            continue
        result[place] = home
    return result


def _handed_back(
    of: Basis, absences: Absences, roles: Sequence[Row[Any]], period: Period
) -> list[Handover]:
    """Return the roles that go back on the days of a period."""
    day = period.first
    result = []
    for row in roles:
        if row.zone_id not in of.numbers or not absences.holds(row, day):
            continue
        holder = row.to_id
        for _ in absences.covered:
            # who stood in is absent too, and somebody else stands in for that one
            other = next(
                (
                    one
                    for one in absences.handed_over
                    if holder is not None
                    and (one.zone_id, one.role, one.from_id) == (row.zone_id, row.role, holder)
                    and one.proposal_id != row.proposal_id
                    and absences.holds(one, day)
                ),
                None,
            )
            if other is None:
                break
            holder = other.to_id
        held = of.timeline.held(day, row.role).get(row.zone_id, [])
        leaves = holder if holder in held else None
        comes = row.from_id if row.from_id not in held else None
        if leaves is not None or comes is not None:
            number = of.numbers[row.zone_id]
            result.append(Handover(number, row.role, leaves, comes, period))
    return result

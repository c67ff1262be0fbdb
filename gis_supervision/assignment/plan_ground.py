"""The ground of a plan: which premises and people are its own, and what other plans have taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gis_supervision.errors import ConflictError
from gis_supervision.storage import day_stops, plan_units, plans_in_force

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import polars as pl
    from sqlalchemy.orm import Session

    from gis_supervision.storage.plan_units import PlanUnit
    from gis_supervision.storage.plans_in_force import Elsewhere


@dataclass(frozen=True)
class Ground:
    """Where a plan is for, and who goes there.

    Attributes
    ----------
    unit
        The part of the ground.
    people
        Ids of those who are responsible there or deputies; None: everybody.
    elsewhere
        What plans in force beside it have.
    engaged
        Inspector and day of the plan, where they go in another plan.
    """

    unit: PlanUnit
    people: frozenset[int] | None
    elsewhere: Elsewhere
    engaged: frozenset[tuple[int, int]]

    @property
    def missed(self) -> int:
        """Days on which people of the unit go in another plan."""
        return sum(one in (self.people or ()) for one, _ in self.engaged)

    def own(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return those premises that are in the unit, and that no other plan visits."""
        taken = rows["id"].is_in(list(self.elsewhere.premises))
        if self.unit.licences is None:
            return rows.filter(~taken)
        return rows.filter(~taken & rows["licence"].is_in(list(self.unit.licences)))


def survey(
    session: Session,
    planned: Sequence[date],
    *,
    division: str | None,
    zones: Sequence[str],
    only: Sequence[str],
    replace: bool,
) -> Ground:
    """Look up the ground of a plan, and what plans in force leave of it.

    Parameters
    ----------
    session
        An open session.
    planned
        Days of the plan.
    division, zones
        Codes (`gis_supervision.storage.plan_units.find`).
    only
        Staff numbers of those who are planned; empty: those whose zones these are.
    replace
        Whether plans in force may be replaced.

    Raises
    ------
    NotFoundError
        When there is no such division or zone.
    ConflictError
        When a plan is in force that would have to be replaced, or those who are planned go in
        another one.
    """
    unit = plan_units.find(session, planned[0], division, zones)
    plans_in_force.require_free(session, planned, unit.name, replace=replace)
    elsewhere = plans_in_force.elsewhere(session, planned, unit.name)
    people, own = None, frozenset[int]()
    if unit.licences is not None and not only:
        responsible, deputies = day_stops.responsible(session, planned[0])
        own = frozenset(one for zone in unit.zones for one in responsible.get(zone, ()))
        people = own | {one for zone in unit.zones for one in deputies.get(zone, ())}
    for taken in elsewhere.people:
        # whom a draw sends elsewhere is away like somebody on leave: deputies go
        if (taken.inspector_id in own and not taken.drawn) or taken.staff_number in only:
            raise ConflictError(
                "%(day)s: inspector %(staff_number)s goes in plan %(plan)s (%(unit)s): leave them "
                "out (--inspector names who goes), or replace that plan",
                day=taken.day,
                staff_number=taken.staff_number,
                plan=taken.plan_id,
                unit=taken.unit,
            )
    at = {day: number for number, day in enumerate(planned)}
    engaged = frozenset((taken.inspector_id, at[taken.day]) for taken in elsewhere.people)
    return Ground(unit, people, elsewhere, engaged)

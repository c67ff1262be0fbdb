"""Plans of days that are in force beside others: what they have, so that no other one takes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import select, text

from gis_supervision.errors import ConflictError
from gis_supervision.messages import Message
from gis_supervision.storage import plan_units, register
from gis_supervision.storage.route_tables import DayPlanDay

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from sqlalchemy.orm import Session

    from gis_supervision.storage.day_plans import NewRoute

WHOLE_OFFICE: Final = Message("whole office")
"""What the unit of everything is called."""

GOING: Final = """
SELECT
    i.id, i.staff_number,
    EXISTS (SELECT 1 FROM day_stop AS s WHERE s.route_id = r.id AND s.purpose = 'draw') AS drawn
FROM day_route AS r
INNER JOIN inspector AS i ON i.id IN (r.lead_id, r.assistant_id)
WHERE r.plan_id = :plan AND r.day = :day
ORDER BY i.staff_number
"""

VISITED: Final = """
SELECT s.premises_id
FROM day_route AS r
INNER JOIN day_stop AS s ON r.id = s.route_id
WHERE
    r.plan_id = :plan AND r.day = :day
    AND (
        r.day >= :first
        OR NOT EXISTS (
            SELECT 1 FROM inspection AS i
            WHERE i.premises_id = s.premises_id AND i.inspected_on >= r.day
        )
    )
"""


@dataclass(frozen=True)
class Taken:
    """A day of an inspector that a plan in force has; ``drawn``: with the pair of a draw."""

    inspector_id: int
    staff_number: str
    day: date
    plan_id: int
    unit: str | Message
    drawn: bool


@dataclass(frozen=True)
class Elsewhere:
    """What plans have that stay in force beside another one.

    Attributes
    ----------
    people
        Who goes in them on its days.
    premises
        Plan by id of the premises that they visit from its first day on, or from today on where
        that is before it, as long as the register has no inspection of them since.
    """

    people: tuple[Taken, ...]
    premises: dict[int, int]


def require_free(session: Session, days: Sequence[date], unit: str, *, replace: bool) -> list[int]:
    """Return the plans in force that one of a unit takes the place of, if it may.

    Raises
    ------
    ConflictError
        When there is one, and it may not be replaced.
    """
    held = session.execute(
        select(DayPlanDay.day, DayPlanDay.plan_id, DayPlanDay.unit)
        .where(DayPlanDay.day.in_(list(days)), DayPlanDay.replaced_by.is_(None))
        .order_by(DayPlanDay.day, DayPlanDay.plan_id)
    ).all()
    given = [one for one in held if plan_units.gives_way(one.unit, unit)]
    if given and not replace:
        raise ConflictError(
            "%(day)s: plan %(plan_id)s (%(unit)s) is in force: replace it (--replace), which keeps"
            " it as history",
            day=given[0].day,
            plan_id=given[0].plan_id,
            unit=given[0].unit or WHOLE_OFFICE,
        )
    return sorted({one.plan_id for one in given})


def elsewhere(session: Session, days: Sequence[date], unit: str) -> Elsewhere:
    """Read what plans have that stay in force beside one of a unit.

    Parameters
    ----------
    session
        An open session.
    days
        Days of the plan.
    unit
        Its unit: of these days, plans that give way to it are left out.
    """
    since = min(*days, register.current_day(session))
    rows = session.execute(
        select(DayPlanDay.day, DayPlanDay.plan_id, DayPlanDay.unit).where(
            DayPlanDay.day >= since, DayPlanDay.replaced_by.is_(None)
        )
    ).all()
    stay = [row for row in rows if row.day not in days or not plan_units.gives_way(row.unit, unit)]
    people: list[Taken] = []
    premises: dict[int, int] = {}
    for row in sorted(stay, key=lambda one: (one.day, one.plan_id)):
        here = {"plan": row.plan_id, "day": row.day}
        if row.day in days:
            people += [
                Taken(person, number, row.day, row.plan_id, row.unit or WHOLE_OFFICE, drawn=drawn)
                for person, number, drawn in session.execute(text(GOING), here)
            ]
        for one in session.scalars(text(VISITED), {**here, "first": min(days)}):
            premises.setdefault(one, row.plan_id)
    return Elsewhere(tuple(people), premises)


def require_apart(others: Elsewhere, routes: Sequence[NewRoute]) -> None:
    """Refuse routes of people or to premises that plans beside have.

    Raises
    ------
    ConflictError
        When there is one.
    """
    going = {(one.inspector_id, one.day): one for one in others.people}
    for route in routes:
        for person in (route.lead_id, route.assistant_id):
            if person is not None and (person, route.day) in going:
                taken = going[person, route.day]
                raise ConflictError(
                    "%(day)s: inspector %(staff_number)s goes in plan %(plan)s (%(unit)s) by now:"
                    " plan again",
                    day=route.day,
                    staff_number=taken.staff_number,
                    plan=taken.plan_id,
                    unit=taken.unit,
                )
        for stop in route.stops:
            if stop.premises_id in others.premises:
                raise ConflictError(
                    "plan %(plan)s visits one of these premises by now: plan again",
                    plan=others.premises[stop.premises_id],
                )

"""What draws ask of days: premises with the pairs that visit them, and why one is left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gis_supervision.assignment import drawn_pairs
from gis_supervision.errors import InvalidInputError
from gis_supervision.storage import drawn_visits, draws, inspectors
from gis_supervision.storage.day_plans import NewLeftOut

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date

    import polars as pl
    from sqlalchemy.orm import Session

    from gis_supervision.assignment.day_crews import Unit
    from gis_supervision.assignment.route_reasons import Reason
    from gis_supervision.domain.rules import RulePack
    from gis_supervision.storage.drawn_visits import DrawnVisit

SOURCE = "draw"
PEOPLE = 2
"""Every visit of a draw is made by the two who were drawn for it."""


@dataclass(frozen=True)
class Drawn:
    """What draws ask for in the days of a plan.

    Attributes
    ----------
    visits
        By licence, those that are left out too.
    days
        Pairs that go together, by day of the plan.
    left_out
        Reason by licence.
    unregistered
        Licences that the register has no longer.
    """

    visits: dict[str, DrawnVisit]
    days: Mapping[int, Sequence[tuple[int, int]]]
    left_out: dict[str, Reason]
    unregistered: tuple[str, ...] = ()

    def crews(self, licence: str, units: Sequence[Unit]) -> frozenset[str]:
        """Return the crews that are the pair of a premises."""
        visit = self.visits[licence]
        pair = {visit.lead_id, visit.assistant_id}
        return frozenset(
            unit.key for unit in units if {member.id for member in unit.members} == pair
        )

    def rows(self) -> list[NewLeftOut]:
        """Return what is left out, as plans keep it."""
        visits = (self.visits[licence] for licence in self.left_out)
        return [
            NewLeftOut(one.premises_id, SOURCE, one.due_on, self.left_out[one.licence].value)
            for one in visits
            if one.premises_id is not None
        ]


NONE = Drawn({}, {}, {})


def waiting(
    session: Session,
    rules: RulePack,
    planned: Sequence[date],
    sources: Sequence[str],
    names: Sequence[str],
) -> tuple[list[DrawnVisit], frozenset[str]]:
    """Read what draws ask for in the days of a plan, with what other draws ask for.

    Parameters
    ----------
    session
        An open session.
    rules
        Channels whose inspections count.
    planned
        The days.
    sources
        Of the plan: where draws are none of them, it asks for nothing that was drawn.
    names
        Names or numbers of draws; empty: all that have been carried out.

    Returns
    -------
    asked : list of DrawnVisit
        What the plan asks for.
    held : frozenset of str
        Licences that are left to their pairs: what draws ask for beside that, whose days are not
        over before the plan begins.

    Raises
    ------
    NotFoundError
        When there is no such draw.
    ConflictError
        When one has not been carried out.
    """
    numbers = []
    for name in names:
        record = draws.find(session, name)
        record.drawn()
        numbers.append(record.plan.id)
    every = drawn_visits.waiting(session, planned[0], planned[-1], rules.counted_channels())
    asked = [one for one in every if SOURCE in sources and (not numbers or one.plan_id in numbers)]
    here = {one.licence for one in asked}
    held = {one.licence for one in every if one.due_on >= planned[0]} - here
    return asked, frozenset(held)


def paired(
    session: Session,
    rules: RulePack,
    planned: Sequence[date],
    visits: Sequence[DrawnVisit],
    rows: pl.DataFrame,
    *,
    minutes: Mapping[str, float],
    only: Sequence[str],
    busy: Collection[tuple[int, int]] = (),
) -> Drawn:
    """Choose the days on which drawn pairs go together.

    Parameters
    ----------
    session
        An open session.
    rules
        Skills by category, length of visits and days.
    planned
        The days.
    visits
        What draws ask for (`waiting`).
    rows
        Premises under supervision (`gis_supervision.storage.day_stops.premises`).
    minutes
        Length of visits that the office has set, by licence.
    only
        Staff numbers of those who are planned; empty: everybody.
    busy
        Inspector and day of the plan, where they go in another plan.
    """
    staff = [inspectors.on(session, day) for day in planned]
    certified = any(one.certificates for people in staff for one in people)
    work = sum(end - begin for begin, end in rules.days.work.spans)
    way = 3600 * (rules.workload.travel.hours if rules.workload.travel else 0.0)
    asked = {visit.licence for visit in visits}
    categories = {
        row["licence"]: row["category"]
        for row in rows.iter_rows(named=True)
        if row["licence"] in asked
    }
    registered = [visit for visit in visits if visit.premises_id is not None]
    found = drawn_pairs.pairing(
        registered,
        planned,
        staff,
        skills={
            licence: rules.skill_for(category) if certified else None
            for licence, category in categories.items()
        },
        loads={
            licence: (
                60 * minutes.get(licence, 60 * rules.workload.visit_hours(category)) + way / 2
            )
            / work
            for licence, category in categories.items()
        },
        only=only,
        both_skilled=rules.both_skilled,
        busy=busy,
    )
    return Drawn(
        found.visits,
        found.days,
        found.left_out,
        tuple(dict.fromkeys(visit.licence for visit in visits if visit.premises_id is None)),
    )


def require(sources: Sequence[str], names: Sequence[str]) -> None:
    """Refuse names of draws where draws are no source.

    Raises
    ------
    InvalidInputError
        Then.
    """
    if names and SOURCE not in sources:
        raise InvalidInputError("draws: expected %(source)s among the sources", source=SOURCE)

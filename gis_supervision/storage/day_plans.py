"""Day plans: kept with everything they were made from; a newer one takes a day over.

Plans are secret until their days are over, for inspections are not announced (SAMR Order 49
art. 46): they have no view in schema ``map``, and the reader's login cannot see them.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, insert, select, text, update

from gis_supervision.errors import NotFoundError
from gis_supervision.storage import plan_units, plans_in_force
from gis_supervision.storage.route_tables import DayLeftOut, DayPlan, DayPlanDay, DayRoute, DayStop

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date, datetime

    from sqlalchemy.orm import Session


@dataclass(frozen=True)
class NewStop:
    """A visit to be stored; times in seconds of the day."""

    premises_id: int
    purpose: str
    due_on: date | None
    arrival_s: int
    start_s: int
    departure_s: int
    travel_s: int
    late: bool


@dataclass(frozen=True)
class NewRoute:
    """A route to be stored; ``starts_at`` tells what kind of place it begins at."""

    day: date
    lead_id: int
    assistant_id: int | None
    starts_at: str
    leaves_s: int
    returns_s: int
    travel_s: int
    stops: tuple[NewStop, ...]


@dataclass(frozen=True)
class NewLeftOut:
    """A premises without a visit, to be stored."""

    premises_id: int
    purpose: str
    due_on: date | None
    reason: str


@dataclass(frozen=True)
class PlanOn:
    """A plan as it is listed; ``unit`` is empty for the whole office."""

    id: int
    day: date
    version: int
    in_force: bool
    unit: str
    made_by: str
    made_at: datetime
    matrix: str
    routes: int
    stops: int
    left_out: int

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as JSON takes it."""
        told = asdict(self)
        return {**told, "day": self.day.isoformat(), "made_at": self.made_at.isoformat()}


@dataclass(frozen=True)
class StopOn:
    """A visit with what the inspector needs on the way.

    ``lead`` and ``lead_name`` are of who leads it: of a draw, the first of the pair that was drawn
    for it, who need not be the first of the route.
    """

    position: int
    licence: str
    name: str
    address: str | None
    lat: float
    lng: float
    purpose: str
    due_on: date | None
    arrival_s: int
    start_s: int
    departure_s: int
    travel_s: int
    late: bool
    lead: str
    lead_name: str


@dataclass(frozen=True)
class RouteOn:
    """A route with its stops."""

    id: int
    plan_id: int
    version: int
    day: date
    lead: str
    lead_name: str
    assistant: str | None
    assistant_name: str | None
    starts_at: str
    leaves_s: int
    returns_s: int
    travel_s: int
    stops: tuple[StopOn, ...]

    @property
    def people(self) -> str:
        """The names of those who go."""
        names = (self.lead_name, self.assistant_name)
        return ", ".join(name for name in names if name is not None)

    def to_dict(self) -> dict[str, Any]:
        """Return the route as JSON takes it: times of the day as text."""
        return {
            "plan": self.plan_id,
            "version": self.version,
            "day": self.day.isoformat(),
            "lead": self.lead,
            "assistant": self.assistant,
            "starts_at": self.starts_at,
            "leaves": clock(self.leaves_s),
            "returns": clock(self.returns_s),
            "travel_minutes": round(self.travel_s / 60, 1),
            "stops": [
                {
                    "position": stop.position,
                    "licence": stop.licence,
                    "name": stop.name,
                    "address": stop.address,
                    "lat": stop.lat,
                    "lng": stop.lng,
                    "purpose": stop.purpose,
                    "due_on": None if stop.due_on is None else stop.due_on.isoformat(),
                    "arrives": clock(stop.arrival_s),
                    "starts": clock(stop.start_s),
                    "ends": clock(stop.departure_s),
                    "late": stop.late,
                    "lead": stop.lead,
                }
                for stop in self.stops
            ],
        }


@dataclass(frozen=True)
class LeftOutOn:
    """A premises without a visit."""

    licence: str
    name: str
    purpose: str
    due_on: date | None
    reason: str


@dataclass(frozen=True)
class Shown:
    """A route that a map shows: its number, its day and what it is called there."""

    id: int
    at: date
    title: str


SHOWN_ROUTES: Final = """
SELECT
    r.id AS route_id, t.title AS route, count(*) AS stops,
    CAST(round(r.travel_s / 60.0) AS bigint) AS travel_minutes,
    to_char(make_interval(secs => r.leaves_s), 'HH24:MI') AS leaves,
    to_char(make_interval(secs => r.returns_s), 'HH24:MI') AS returns,
    CASE WHEN count(*) > 1 THEN ST_MakeLine(p.geom ORDER BY s.position) END AS geom
FROM shown_route AS t
INNER JOIN day_route AS r ON t.id = r.id
INNER JOIN day_stop AS s ON r.id = s.route_id
INNER JOIN premises AS p ON s.premises_id = p.id
GROUP BY r.id, t.title
"""
"""Lines from stop to stop: where a route begins may be a home, which no map shows."""

SHOWN_STOPS: Final = """
SELECT
    s.route_id || '/' || s.position AS stop_id, t.title AS route, s.position, p.name, p.licence,
    p.address, to_char(make_interval(secs => s.arrival_s), 'HH24:MI') AS arrives,
    to_char(make_interval(secs => s.start_s), 'HH24:MI') AS starts,
    to_char(make_interval(secs => s.departure_s), 'HH24:MI') AS ends, s.purpose, s.due_on, p.geom
FROM shown_route AS t
INNER JOIN day_stop AS s ON t.id = s.route_id
INNER JOIN premises AS p ON s.premises_id = p.id
"""


STOPS: Final = """
SELECT
    s.position, p.licence, p.name, p.address, ST_Y(p.geom) AS lat, ST_X(p.geom) AS lng, s.purpose,
    s.due_on, s.arrival_s, s.start_s, s.departure_s, s.travel_s, s.late, a.staff_number AS lead,
    a.name AS lead_name
FROM day_stop AS s
INNER JOIN day_route AS r ON s.route_id = r.id
INNER JOIN premises AS p ON s.premises_id = p.id
LEFT JOIN LATERAL (
    SELECT k.lead_id
    FROM draw_visit AS k
    INNER JOIN draw_plan AS d ON k.plan_id = d.id
    WHERE
        s.purpose = 'draw' AND k.licence = p.licence
        AND least(k.lead_id, k.assistant_id) = least(r.lead_id, r.assistant_id)
        AND greatest(k.lead_id, k.assistant_id) = greatest(r.lead_id, r.assistant_id)
    ORDER BY d.planned_on + d.period_days - 1 <> s.due_on, d.id
    LIMIT 1
) AS v ON true
INNER JOIN inspector AS a ON coalesce(v.lead_id, r.lead_id) = a.id
WHERE s.route_id = :route
ORDER BY s.position
"""
"""Stops of a route. Two may go to premises that were drawn for one and the other as the lead."""


@contextmanager
def shown(session: Session, route_ids: Sequence[int]) -> Iterator[list[Shown]]:
    """Let `SHOWN_ROUTES` and `SHOWN_STOPS` speak of some routes, in this session alone.

    A route is called by the names of those who go, with the day where there are several, and with
    their numbers where names are the same.
    """
    session.execute(
        text(
            "CREATE TEMPORARY TABLE shown_route AS"
            " WITH named AS (SELECT r.id, r.day AS at,"
            " a.name || coalesce(', ' || b.name, '') AS people,"
            " CASE WHEN min(r.day) OVER () < max(r.day) OVER ()"
            " THEN to_char(r.day, 'MM-DD') || ' ' ELSE '' END AS day,"
            " concat_ws(', ', a.staff_number, b.staff_number) AS numbers"
            " FROM day_route AS r INNER JOIN inspector AS a ON r.lead_id = a.id"
            " LEFT JOIN inspector AS b ON r.assistant_id = b.id WHERE r.id = ANY(:ids))"
            " SELECT id, at, day || people ||"
            " CASE WHEN count(*) OVER (PARTITION BY day, people) > 1"
            " THEN ' (' || numbers || ')' ELSE '' END AS title FROM named"
        ),
        {"ids": list(route_ids)},
    )
    try:
        rows = session.execute(text("SELECT id, at, title FROM shown_route ORDER BY title, id"))
        yield [Shown(**row) for row in rows.mappings()]
    finally:
        session.execute(text("DROP TABLE shown_route"))


def clock(seconds: int) -> str:
    """Return seconds from midnight as a time of day; ends are rounded up to the minute."""
    minutes = -(-seconds // 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def store(
    session: Session,
    days: Sequence[date],
    routes: Sequence[NewRoute],
    left_out: Sequence[NewLeftOut],
    *,
    by: str,
    matrix: str,
    seed: int,
    rules: str,
    register_version: int,
    parameters: Mapping[str, Any],
    summary: Mapping[str, Any],
    unit: str = plan_units.WHOLE,
    replace: bool = False,
) -> int:
    """Keep a plan and put it in force for its days.

    Parameters
    ----------
    session
        An open session; the caller commits.
    days
        Days of the plan.
    routes, left_out
        What is planned and what is not.
    by, matrix, seed, rules, register_version, parameters, summary
        Who made it, and from what.
    unit
        The part of the ground that it is for; plans of other units stay in force beside it.
    replace
        Whether plans in force for these days may be replaced; they stay as history, and go on for
        their other days.

    Returns
    -------
    int
        Id of the plan.

    Raises
    ------
    ConflictError
        When a plan is in force for one of the days and may not be replaced, or a plan beside it
        has one of its inspectors or premises.
    """
    # two dispatchers take turns: the second sees what the first has stored
    session.execute(text("LOCK TABLE day_plan_day IN SHARE ROW EXCLUSIVE MODE"))
    given_way = plans_in_force.require_free(session, days, unit, replace=replace)
    plans_in_force.require_apart(plans_in_force.elsewhere(session, days, unit), routes)
    plan = DayPlan(
        made_by=by,
        matrix=matrix,
        seed=seed,
        rules=rules,
        register_version=register_version,
        parameters=dict(parameters),
        summary=dict(summary),
    )
    session.add(plan)
    session.flush()
    session.execute(
        update(DayPlanDay)
        .where(
            DayPlanDay.day.in_(list(days)),
            DayPlanDay.plan_id.in_(given_way),
            DayPlanDay.replaced_by.is_(None),
        )
        .values(replaced_by=plan.id)
    )
    numbers = session.execute(
        select(DayPlanDay.day, func.max(DayPlanDay.version).label("last"))
        .where(DayPlanDay.day.in_(list(days)))
        .group_by(DayPlanDay.day)
    )
    versions = {row.day: int(row.last) for row in numbers}
    session.execute(
        insert(DayPlanDay),
        [
            {"plan_id": plan.id, "day": day, "version": versions.get(day, 0) + 1, "unit": unit}
            for day in days
        ],
    )
    for route in routes:
        row = DayRoute(
            plan_id=plan.id,
            day=route.day,
            lead_id=route.lead_id,
            assistant_id=route.assistant_id,
            starts_at=route.starts_at,
            leaves_s=route.leaves_s,
            returns_s=route.returns_s,
            travel_s=route.travel_s,
        )
        session.add(row)
        session.flush()
        session.execute(
            insert(DayStop),
            [
                {"route_id": row.id, "position": position, **asdict(stop)}
                for position, stop in enumerate(route.stops, start=1)
            ],
        )
    if left_out:
        session.execute(
            insert(DayLeftOut), [{"plan_id": plan.id, **asdict(one)} for one in left_out]
        )
    return plan.id


def listed(session: Session, first: date | None = None, *, history: bool = False) -> list[PlanOn]:
    """List the plans by day: those in force, or all; no premises is named."""
    rows = session.execute(
        text(
            "SELECT p.id, d.day, d.version, d.replaced_by IS NULL AS in_force, d.unit, p.made_by,"
            " p.made_at, p.matrix,"
            " (SELECT count(*) FROM day_route AS r WHERE r.plan_id = p.id AND r.day = d.day)"
            " AS routes,"
            " (SELECT count(*) FROM day_route AS r INNER JOIN day_stop AS s ON s.route_id = r.id"
            " WHERE r.plan_id = p.id AND r.day = d.day) AS stops,"
            " (SELECT count(*) FROM day_left_out AS l WHERE l.plan_id = p.id) AS left_out"
            " FROM day_plan_day AS d INNER JOIN day_plan AS p ON d.plan_id = p.id"
            " WHERE (CAST(:first AS date) IS NULL OR d.day >= :first)"
            " AND (:history OR d.replaced_by IS NULL)"
            " ORDER BY d.day, d.version"
        ),
        {"first": first, "history": history},
    ).mappings()
    return [PlanOn(**row) for row in rows]


def routes(
    session: Session,
    first: date,
    last: date | None = None,
    *,
    staff_number: str | None = None,
    version: int | None = None,
) -> list[RouteOn]:
    """Read the routes of a day, or of some days.

    Parameters
    ----------
    session
        An open session of the owner.
    first, last
        The days; ``last`` left out: the first alone.
    staff_number
        Only the routes that this inspector goes.
    version
        That version of the days' plan; left out: the one in force.

    Raises
    ------
    NotFoundError
        When there is no plan for any of the days.
    """
    there = session.execute(
        select(DayPlanDay.plan_id, DayPlanDay.day, DayPlanDay.version).where(
            DayPlanDay.day.between(first, last or first),
            DayPlanDay.replaced_by.is_(None) if version is None else DayPlanDay.version == version,
        )
    ).all()
    if not there:
        if last is None:
            raise NotFoundError("there is no plan for %(first)s", first=first)
        raise NotFoundError("there is no plan for %(first)s to %(last)s", first=first, last=last)
    found = []
    for row in session.execute(
        text(
            "SELECT r.id, r.plan_id, d.version, r.day, a.staff_number AS lead,"
            " a.name AS lead_name, b.staff_number AS assistant, b.name AS assistant_name,"
            " r.starts_at, r.leaves_s, r.returns_s, r.travel_s"
            " FROM day_route AS r"
            " INNER JOIN day_plan_day AS d ON r.plan_id = d.plan_id AND r.day = d.day"
            " INNER JOIN inspector AS a ON r.lead_id = a.id"
            " LEFT JOIN inspector AS b ON r.assistant_id = b.id"
            " WHERE d.day BETWEEN :first AND :last"
            " AND (CASE WHEN CAST(:version AS integer) IS NULL THEN d.replaced_by IS NULL"
            " ELSE d.version = :version END)"
            " AND (CAST(:staff AS text) IS NULL OR :staff IN (a.staff_number, b.staff_number))"
            ' ORDER BY r.day, a.staff_number COLLATE "C"'
        ),
        {"first": first, "last": last or first, "version": version, "staff": staff_number},
    ).mappings():
        stops = session.execute(text(STOPS), {"route": row["id"]}).mappings()
        found.append(RouteOn(**row, stops=tuple(StopOn(**stop) for stop in stops)))
    return found


def ids(session: Session, day: date, version: int | None = None) -> list[int]:
    """Return the plans of a day: the one in force, or that of a version; none if there is none."""
    chosen = DayPlanDay.replaced_by.is_(None) if version is None else DayPlanDay.version == version
    found = select(DayPlanDay.plan_id).where(DayPlanDay.day == day, chosen)
    return list(session.scalars(found.order_by(DayPlanDay.plan_id)))


def left_out(session: Session, plan_id: int) -> list[LeftOutOn]:
    """Read what a plan leaves out, the earliest deadline first."""
    rows = session.execute(
        text(
            "SELECT p.licence, p.name, l.purpose, l.due_on, l.reason FROM day_left_out AS l"
            " INNER JOIN premises AS p ON l.premises_id = p.id WHERE l.plan_id = :plan"
            " ORDER BY l.due_on NULLS LAST, p.licence"
        ),
        {"plan": plan_id},
    ).mappings()
    return [LeftOutOn(**row) for row in rows]


def made_at(session: Session, plan_ids: Sequence[int]) -> datetime:
    """Return when the newest of some plans was made; now for none."""
    newest = session.scalar(select(func.max(DayPlan.made_at)).where(DayPlan.id.in_(plan_ids)))
    return newest or session.scalars(select(func.now())).one()

"""Plan days from the register: who is due, who is there, how far it is; keep the plan."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from gis_supervision import __version__
from gis_supervision.assignment import (
    day_candidates,
    drawn_stops,
    plan_ground,
    routing,
    travel,
    wanted_stops,
)
from gis_supervision.assignment.day_crews import Unit, units_on
from gis_supervision.assignment.route_reasons import Reason
from gis_supervision.assignment.routing import Crew, Routes, Shift, Stop
from gis_supervision.assignment.travel import OFFICE, Place
from gis_supervision.domain.actors import checked_actor
from gis_supervision.errors import InvalidInputError
from gis_supervision.language import gettext_noop
from gis_supervision.storage import analyses, day_plans, day_stops, roads
from gis_supervision.storage.day_plans import NewLeftOut, NewRoute, NewStop

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    import polars as pl
    from sqlalchemy.orm import Session

    from gis_supervision.assignment.day_candidates import Candidate
    from gis_supervision.assignment.drawn_stops import Drawn
    from gis_supervision.assignment.plan_ground import Ground
    from gis_supervision.assignment.travel import Sent
    from gis_supervision.assignment.wanted_stops import Wanted
    from gis_supervision.domain.rules import RulePack
    from gis_supervision.domain.working_days import WorkingCalendar

SOURCES = ("due", "hazards")
"""What is planned where nothing is said."""
ALL_SOURCES = (*SOURCES, drawn_stops.SOURCE)
MATRICES = ("straight_line", "roads", "file")
MOST_DAYS = 31
_WEEKEND = 5

NOTES = {
    "no_home": gettext_noop(
        "without home or office, the day begins in the middle of the stops: {}"
    ),
    "not_considered": gettext_noop("stops not looked at, since more urgent ones fill the days: {}"),
    "no_way": gettext_noop("pairs of places without a way in the matrix: {}"),
    "no_calendar": gettext_noop(
        "no table of working days tells of {} of the days: weekends alone were passed over"
    ),
    "unverified_days": gettext_noop(
        "days off, or worked, by entries of the table of working days that are not verified: {}"
    ),
    "off_road": gettext_noop("places too far from every road: {}"),
    "engaged": gettext_noop("days of people whose zones these are in other plans: {}"),
    "drawn": gettext_noop(
        "drawn premises that are left to their pairs, whom the source draw plans: {}"
    ),
    "unregistered": gettext_noop("drawn licences that the register has no longer: {}"),
    "skills_unchecked": gettext_noop(
        "no certificate is recorded of anybody: skills were not looked at ({} crews)"
    ),
    "time_limited": gettext_noop("the time limit ended the search: another run may differ"),
    "late": gettext_noop("visits after their deadline: {}"),
}
"""What people are told beside the routes."""


@dataclass(frozen=True)
class Request:
    """What is to be planned.

    Attributes
    ----------
    first
        First day; days off are passed over unless ``weekends``.
    days
        Number of days.
    sources
        Any of `ALL_SOURCES`: premises due by the last day, hazards due by then, premises that draws
        ask for, which only the pairs go to that were drawn for them.
    draws
        Names or numbers of the draws; empty: all that have been carried out.
    wanted
        Stops of a file beside those.
    only
        Staff numbers of those who are planned; empty: everybody who is there.
    office
        Latitude and longitude of the office, for those whose home is not known.
    from_office
        Whether everybody begins and ends at the office.
    division, zones
        Codes: the plan is for the premises there and for those whose zones these are; plans of
        other parts stay in force beside it. Left out: for the whole office.
    any_zone
        Whether inspectors visit other zones than their own too.
    matrix, matrix_file
        One of `MATRICES`, and the file of an own matrix.
    seed, iterations, max_seconds
        Of the search.
    """

    first: date
    days: int = 1
    sources: tuple[str, ...] = SOURCES
    draws: tuple[str, ...] = ()
    wanted: tuple[Wanted, ...] = ()
    only: tuple[str, ...] = ()
    office: tuple[float, float] | None = None
    from_office: bool = False
    weekends: bool = False
    any_zone: bool = False
    division: str | None = None
    zones: tuple[str, ...] = ()
    matrix: str = "straight_line"
    matrix_file: Path | Sent | None = None
    seed: int = 0
    iterations: int = routing.ITERATIONS
    max_seconds: float | None = None


@dataclass(frozen=True)
class Planned:
    """A plan that was made and kept."""

    plan_id: int
    days: tuple[date, ...]
    routes: Routes
    left_out: dict[str, Reason]
    notes: dict[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON takes them."""
        return {
            "plan": self.plan_id,
            "days": [day.isoformat() for day in self.days],
            **self.routes.to_dict(),
            "left_out": {key: reason.value for key, reason in self.left_out.items()},
            "notes": self.notes,
        }


def dates(
    first: date, days: int, *, weekends: bool = False, calendar: WorkingCalendar | None = None
) -> tuple[date, ...]:
    """Return the days of a plan.

    Parameters
    ----------
    first
        The first day that may be one.
    days
        How many.
    weekends
        Whether days off are taken too.
    calendar
        Working days; days that it does not cover are off if they are Saturdays or Sundays.

    Raises
    ------
    InvalidInputError
        When there are none, or more than `MOST_DAYS`.
    """
    if not 1 <= days <= MOST_DAYS:
        raise InvalidInputError(
            "days: expected 1 to %(most_days)s, got %(days)s", most_days=MOST_DAYS, days=days
        )
    found: list[date] = []
    day = first
    while len(found) < days:
        if weekends or _worked(day, calendar):
            found.append(day)
        day += timedelta(days=1)
    return tuple(found)


def _worked(day: date, calendar: WorkingCalendar | None) -> bool:
    covered = calendar is not None and calendar.first <= day <= calendar.last
    return calendar.is_working_day(day) if calendar and covered else day.weekday() < _WEEKEND


def _told_of_days(
    planned: Sequence[date], request: Request, calendar: WorkingCalendar | None
) -> dict[str, int]:
    """Count the days of a plan of which the calendar knows nothing, or nothing for certain."""
    if request.weekends:
        return {}
    if calendar is None:
        return {"no_calendar": len(planned)}
    seen = {
        request.first + timedelta(days=at) for at in range((planned[-1] - request.first).days + 1)
    }
    return {
        "no_calendar": sum(not calendar.first <= day <= calendar.last for day in planned),
        "unverified_days": len(seen & calendar.unverified),
    }


def plan(
    session: Session,
    rules: RulePack,
    request: Request,
    *,
    by: str,
    calendar: WorkingCalendar | None = None,
    replace_plan: bool = False,
) -> Planned:
    """Plan days and keep the plan.

    Parameters
    ----------
    session
        An open session; the caller commits.
    rules
        Hours, speed and how many go (``[days]``), length of visits, skills.
    request
        What is to be planned.
    by
        Who plans.
    calendar
        Working days of the place; left out: weekends alone are off.
    replace_plan
        Whether a plan in force for one of the days may be replaced.

    Returns
    -------
    Planned

    Raises
    ------
    InvalidInputError
        When the request is wrong.
    ConflictError
        When a plan is in force for one of the days and may not be replaced.
    UnavailableError
        When the matrix asks for a road network that is not there.
    """
    if request.matrix not in MATRICES or (request.matrix == "file") != bool(request.matrix_file):
        raise InvalidInputError(
            "matrix: expected one of %(matrices)s, a file with file", matrices=", ".join(MATRICES)
        )
    unknown = set(request.sources) - set(ALL_SOURCES)
    if unknown:
        raise InvalidInputError(
            "source %(unknown)s: expected any of %(sources)s",
            unknown=", ".join(sorted(unknown)),
            sources=", ".join(ALL_SOURCES),
        )
    drawn_stops.require(request.sources, request.draws)
    by = checked_actor(by)
    planned = dates(request.first, request.days, weekends=request.weekends, calendar=calendar)
    notes: Counter[str] = Counter(_told_of_days(planned, request, calendar))
    ground = plan_ground.survey(
        session,
        planned,
        division=request.division,
        zones=request.zones,
        only=request.only,
        replace=replace_plan,
    )
    rows, drawn, held = _asked(session, rules, request, planned, ground)
    notes["drawn"] = len(held)
    notes["unregistered"] = len(drawn.unregistered)
    notes["engaged"] = ground.missed
    units = units_on(
        session,
        rules,
        planned,
        request.only,
        drawn.days,
        people=ground.people,
        engaged=ground.engaged,
    )
    candidates = day_candidates.read(session, rules, request, planned, units, rows, drawn)
    if not any(member.certificates for unit in units for member in unit.members):
        candidates = [
            replace(one, stop=replace(one.stop, skills=frozenset())) for one in candidates
        ]
        notes["skills_unchecked"] = len(units)
    chosen = day_candidates.choose(rules, candidates, units)
    notes["not_considered"] = chosen.passed
    places, stops, crews, starts = _placed(rules, chosen.stops, units, request, notes)
    times = _times(session, rules, request, places, notes)
    found = routing.plan_routes(
        stops,
        crews,
        times,
        days=len(planned),
        seed=request.seed,
        iterations=request.iterations,
        max_seconds=request.max_seconds,
    )
    by_key = {one.stop.key: one for one in candidates}
    left_out = {one.key: one.reason for one in found.left_out}
    left_out |= {one.stop.key: Reason.NOT_LOCATED for one in chosen.nowhere}
    left_out |= {one.stop.key: Reason.NO_TIME_LEFT for one in chosen.full}
    unplaced = [
        NewLeftOut(by_key[key].id, by_key[key].purpose, by_key[key].due_on, reason.value)
        for key, reason in left_out.items()
    ]
    missing = _missing(session, request, rows, ground, drawn, held)
    unplaced += missing.values()
    left_out |= {licence: Reason(one.reason) for licence, one in missing.items()}
    left_out |= drawn.left_out
    notes["late"], notes["time_limited"] = found.late, int(found.time_limited)
    told = {name: count for name, count in notes.items() if count}
    summary = {**found.to_dict(), "notes": told}
    summary["left_out"] = dict(Counter(reason.value for reason in left_out.values()))
    plan_id = day_plans.store(
        session,
        planned,
        _new_routes(found, planned, units, starts, by_key),
        [*unplaced, *drawn.rows()],
        by=by,
        matrix=request.matrix,
        seed=request.seed,
        rules=rules.reference,
        register_version=analyses.registry_version(session),
        parameters=_parameters(request, calendar),
        summary=summary,
        unit=ground.unit.name,
        replace=replace_plan,
    )
    return Planned(plan_id, planned, found, left_out, told)


def _parameters(request: Request, calendar: WorkingCalendar | None) -> dict[str, Any]:
    told = asdict(request)
    told["first"] = request.first.isoformat()
    told["wanted"] = len(request.wanted)
    told["matrix_file"] = None if request.matrix_file is None else request.matrix_file.name
    told["working_days"] = None if calendar is None else f"{calendar.name} {calendar.version}"
    told["version"] = __version__
    return told


def _asked(
    session: Session, rules: RulePack, request: Request, planned: Sequence[date], ground: Ground
) -> tuple[pl.DataFrame, Drawn, frozenset[str]]:
    """Read the premises that may be visited, what draws ask for, and what is left to their pairs.

    Of the last, those licences that the plan would else have looked at.
    """
    asked, held = drawn_stops.waiting(session, rules, planned, request.sources, request.draws)
    visits = [
        visit
        for visit in asked
        if visit.licence in ground.unit and visit.premises_id not in ground.elsewhere.premises
    ]
    licences = None
    if not {*request.sources} & {*SOURCES}:
        named = {one.licence for one in request.wanted} | {one.licence for one in visits}
        licences = sorted(named)
    rows = ground.own(day_stops.premises(session, planned[0], rules.counted_channels(), licences))
    held &= frozenset(rows["licence"])
    rows = rows.filter(~rows["licence"].is_in(list(held)))
    if not visits:
        return rows, drawn_stops.NONE, held
    minutes = {one.licence: one.minutes for one in request.wanted if one.minutes is not None}
    drawn = drawn_stops.paired(
        session,
        rules,
        planned,
        visits,
        rows,
        minutes=minutes,
        only=request.only,
        busy=ground.engaged,
    )
    return rows, drawn, held


def _missing(
    session: Session,
    request: Request,
    rows: pl.DataFrame,
    ground: Ground,
    drawn: Drawn,
    held: Collection[str],
) -> dict[str, NewLeftOut]:
    """Tell why stops of a file are none of the premises that may be visited."""
    there = {*rows["licence"], *drawn.left_out}
    due = {one.licence: one.due_on for one in request.wanted if one.licence not in there}
    found = {}
    for licence, premises in day_stops.ids_of(session, due).items():
        reason = Reason.NOT_SUPERVISED
        if premises in ground.elsewhere.premises:
            reason = Reason.PLANNED_ELSEWHERE
        elif licence not in ground.unit:
            reason = Reason.OUTSIDE
        elif licence in held:
            reason = Reason.DRAWN
        found[licence] = NewLeftOut(premises, "file", due[licence], reason.value)
    return found


def _placed(
    rules: RulePack,
    chosen: Sequence[Candidate],
    units: Sequence[Unit],
    request: Request,
    notes: Counter[str],
) -> tuple[list[Place], list[Stop], list[Crew], dict[str, str]]:
    """Give stops and crews their rows of the matrix; tell where each crew begins."""
    places = [Place(one.stop.key, one.lat or 0.0, one.lng or 0.0) for one in chosen]
    stops = [replace(one.stop, place=at) for at, one in enumerate(chosen)]
    work = rules.days.work.spans
    crews, starts = [], {}
    for unit in units:
        home = next((one for one in unit.members if one.lat is not None), None)
        if home is not None and not request.from_office:
            place = Place(home.staff_number, float(home.lat or 0), float(home.lng or 0))
            starts[unit.key] = "home"
        elif request.office is not None:
            place, starts[unit.key] = Place(OFFICE, *request.office), "office"
        else:
            near = zip(places[: len(stops)], stops, strict=True)
            own = [p for p, one in near if _may(unit, one)] or places[: len(stops)]
            lat = float(np.median([p.lat for p in own])) if own else 0.0
            lng = float(np.median([p.lng for p in own])) if own else 0.0
            place, starts[unit.key] = Place(OFFICE, lat, lng), "middle"
            notes["no_home"] += 1
        at = len(places)
        places.append(place)
        crews.append(
            Crew(
                key=unit.key,
                shifts=tuple(
                    Shift(day, work[0][0], work[-1][1], at, at, rules.days.pause)
                    for day in unit.days
                ),
                skills=unit.skills,
                people=len(unit.members),
                recused=frozenset(one.stop.key for one in chosen if one.id in unit.recused),
            )
        )
    return places, stops, crews, starts


def _may(unit: Unit, stop: Stop) -> bool:
    return stop.crews is None or unit.key in stop.crews


def _times(
    session: Session,
    rules: RulePack,
    request: Request,
    places: Sequence[Place],
    notes: Counter[str],
) -> travel.Times:
    speed = rules.days.speed.km_per_hour
    if request.matrix == "roads":
        times, far = roads.times(
            session,
            [place.lat for place in places],
            [place.lng for place in places],
            km_per_hour=speed,
        )
        notes["off_road"] = far
        return times
    if request.matrix_file is not None:
        times, missing = travel.own_matrix(
            request.matrix_file,
            places,
            km_per_hour=speed,
            known=lambda keys: day_stops.known(session, keys),
        )
        notes["no_way"] = missing
        return times
    return travel.straight_line(places, detour=rules.days.detour.factor, km_per_hour=speed)


def _new_routes(
    found: Routes,
    planned: Sequence[date],
    units: Sequence[Unit],
    starts: dict[str, str],
    by_key: dict[str, Candidate],
) -> list[NewRoute]:
    unit_of = {unit.key: unit for unit in units}
    return [
        NewRoute(
            day=planned[route.day],
            lead_id=unit_of[route.crew].lead.id,
            assistant_id=None if (second := unit_of[route.crew].assistant) is None else second.id,
            starts_at=starts[route.crew],
            leaves_s=route.leaves_s,
            returns_s=route.returns_s,
            travel_s=route.travel_s,
            stops=tuple(
                NewStop(
                    premises_id=by_key[visit.key].id,
                    purpose=by_key[visit.key].purpose,
                    due_on=by_key[visit.key].due_on,
                    arrival_s=visit.arrival_s,
                    start_s=visit.start_s,
                    departure_s=visit.departure_s,
                    travel_s=visit.travel_s,
                    late=visit.late or _overdue(by_key[visit.key].due_on, planned[route.day]),
                )
                for visit in route.visits
            ),
        )
        for route in found.routes
    ]


def _overdue(due_on: date | None, day: date) -> bool:
    return due_on is not None and due_on < day


def stops_of_file(session: Session, path: Path | Sent) -> tuple[Wanted, ...]:
    """Read the stops of a file (`wanted_stops.read`) whose licences the register has."""
    return wanted_stops.read(path, lambda keys: day_stops.ids_of(session, keys))

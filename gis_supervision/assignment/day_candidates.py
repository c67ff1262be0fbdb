"""Who is to be visited in the days of a plan, the most urgent first, and how many are looked at."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from gis_supervision.assignment import drawn_stops
from gis_supervision.assignment.day_crews import owners
from gis_supervision.assignment.routing import Stop, Window

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl
    from sqlalchemy.orm import Session

    from gis_supervision.assignment.day_crews import Unit
    from gis_supervision.assignment.day_planning import Request
    from gis_supervision.assignment.drawn_stops import Drawn
    from gis_supervision.assignment.wanted_stops import Wanted
    from gis_supervision.domain.rules import RulePack
    from gis_supervision.storage.drawn_visits import DrawnVisit

_SPARE = 1.3
"""How many more stops than time are looked at for each crew: some lie better than others."""


@dataclass(frozen=True)
class Candidate:
    """A premises that is wanted: everything but its place in the matrix."""

    id: int
    stop: Stop
    lat: float | None
    lng: float | None
    purpose: str
    due_on: date | None


@dataclass(frozen=True)
class Chosen:
    """What is looked at, and what is not: without a point, of draws, of everything else."""

    stops: list[Candidate]
    nowhere: list[Candidate]
    full: list[Candidate]
    passed: int


def read(
    session: Session,
    rules: RulePack,
    request: Request,
    planned: Sequence[date],
    units: Sequence[Unit],
    rows: pl.DataFrame,
    drawn: Drawn,
) -> list[Candidate]:
    """Tell who is to be visited, the most urgent first."""
    wanted = {one.licence: one for one in request.wanted}
    intervals = rules.required_intervals_days(
        rows["risk_class"].to_list(), rows["credit_class"].to_list(), rows["category"].to_list()
    )
    zones = {} if request.any_zone else owners(session, planned, units)
    found = []
    for row, interval in zip(rows.iter_rows(named=True), intervals, strict=True):
        licence = row["licence"]
        if licence in drawn.left_out:
            continue
        visit = drawn.visits.get(licence)
        one = _candidate(rules, request, planned, row, float(interval), wanted.get(licence), visit)
        if one is not None:
            crews = zones.get(row["zone_id"]) if visit is None else drawn.crews(licence, units)
            found.append(replace(one, stop=replace(one.stop, crews=crews)))
    return sorted(found, key=lambda one: (*one.stop.rank, one.stop.key))


def _candidate(
    rules: RulePack,
    request: Request,
    planned: Sequence[date],
    row: dict[str, Any],
    interval: float,
    wanted: Wanted | None,
    drawn: DrawnVisit | None,
) -> Candidate | None:
    """Tell whether and how a premises is wanted; an inspection counts before a follow-up."""
    last = planned[-1]
    purpose, due_on, people, hours = None, None, rules.days.people.count, 0.0
    due = _due(row, interval, planned[0])
    if drawn is not None:
        purpose, due_on, people = drawn_stops.SOURCE, drawn.due_on, drawn_stops.PEOPLE
        hours = rules.workload.visit_hours(row["category"])
    elif wanted is not None:
        purpose, due_on = "file", wanted.due_on
        hours = rules.workload.visit_hours(row["category"])
    elif "due" in request.sources and due is not None and due <= last:
        purpose, due_on = "due", due
        hours = rules.workload.visit_hours(row["category"])
    elif (
        "hazards" in request.sources
        and row["hazards"]
        and (row["hazard_due"] is None or row["hazard_due"] <= last)
    ):
        purpose, due_on, people = "hazard", row["hazard_due"], rules.days.follow_up.count
        each = rules.workload.open_hazard
        hours = rules.workload.visit.hours if each is None else each.hours
    if purpose is None:
        return None
    service = math.ceil(3600 * hours)
    opens = rules.days.open.spans
    if wanted is not None:
        people = people if drawn is not None else wanted.people or people
        service = service if wanted.minutes is None else math.ceil(60 * wanted.minutes)
        opens = opens if wanted.hours is None else wanted.hours
    skill = rules.skill_for(row["category"])
    yearly = 0.0 if math.isnan(interval) or interval <= 0 else 365.25 / interval
    return Candidate(
        id=row["id"],
        stop=Stop(
            key=row["licence"],
            place=0,
            service_s=service,
            windows=tuple(
                Window(at, *span)
                for at, day in enumerate(planned)
                for span in opens
                if drawn is None or day >= drawn.planned_on
            ),
            skills=frozenset() if skill is None else frozenset({skill.value}),
            people=people,
            due_day=None if due_on is None else _index(due_on, planned),
            risk=yearly + row["critical"],
        ),
        lat=row["lat"],
        lng=row["lng"],
        purpose=purpose,
        due_on=due_on,
    )


def _due(row: dict[str, Any], interval: float, first: date) -> date | None:
    """Return the day by which a visit is due, None where the rules ask for none."""
    if math.isnan(interval):
        return None
    begun: date | None = row["last_visit"] or row["opened_on"]
    return first - timedelta(days=1) if begun is None else begun + timedelta(days=int(interval))


def _index(day: date, planned: Sequence[date]) -> int:
    """Return the last day of a plan up to a deadline; below 0: days that it is overdue."""
    if day < planned[0]:
        return (day - planned[0]).days
    return sum(one <= day for one in planned) - 1


def choose(rules: RulePack, candidates: Sequence[Candidate], units: Sequence[Unit]) -> Chosen:
    """Take the most urgent stops, about as many as the crews have time for.

    What draws ask for is taken until the visits alone, without the way, fill the days of the pair:
    what is left then has no time for certain, and is left out by name.
    """
    work = sum(end - begin for begin, end in rules.days.work.spans)
    left = {unit.key: _SPARE * work * len(unit.days) for unit in units}
    way = 3600 * (rules.workload.travel.hours if rules.workload.travel else 0.0)
    chosen, nowhere, full, passed = [], [], [], 0
    for one in candidates:
        if one.lat is None or one.lng is None:
            nowhere.append(one)
            continue
        crews = [key for key in left if one.stop.crews is None or key in one.stop.crews]
        roomy = max(crews, key=lambda key: left[key], default=None)
        drawn = one.purpose == drawn_stops.SOURCE
        if roomy is not None and left[roomy] <= 0:
            if drawn:
                full.append(one)
            else:
                passed += 1
            continue
        if roomy is not None:
            left[roomy] -= one.stop.service_s + (0 if drawn else way / 2)
        chosen.append(one)
    return Chosen(chosen, nowhere, full, passed)

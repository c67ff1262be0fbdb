"""Why a stop is left out of the routes, and that nobody less urgent has its place."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np

from gis_supervision.assignment import route_plan, route_search
from gis_supervision.assignment.route_plan import NEVER, Plan, Tour
from gis_supervision.language import gettext_noop

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gis_supervision.assignment.routing import Crew, Shift, Stop


class Reason(StrEnum):
    """Why a stop is left out; the first that holds, in this order."""

    NOT_LOCATED = "not_located"
    NOT_SUPERVISED = "not_supervised"
    OUTSIDE = "outside"
    PLANNED_ELSEWHERE = "planned_elsewhere"
    DRAWN = "drawn"
    NO_PAIR = "no_pair"
    PAIR_NOT_PLANNED = "pair_not_planned"
    PAIR_RECUSED = "pair_recused"
    PAIR_ABSENT = "pair_absent"
    PAIR_APART = "pair_apart"
    PAIR_UNSKILLED = "pair_unskilled"
    PAIR_TAKEN = "pair_taken"
    NO_SKILL = "no_skill"
    NO_TEAM = "no_team"
    RECUSED = "recused"
    NOT_RESPONSIBLE = "not_responsible"
    CLOSED = "closed"
    ABSENT = "absent"
    WINDOW_TOO_SHORT = "window_too_short"
    UNREACHABLE = "unreachable"
    DAY_TOO_SHORT = "day_too_short"
    OUTRANKED = "outranked"
    NO_TIME_LEFT = "no_time_left"


REASONS: Final = {
    Reason.NOT_LOCATED: gettext_noop("its location is not known"),
    Reason.NOT_SUPERVISED: gettext_noop(
        "closed for good, or not supervised: of a draw its next reserve can stand for it"
    ),
    Reason.OUTSIDE: gettext_noop("outside the division or the zones of the plan"),
    Reason.PLANNED_ELSEWHERE: gettext_noop("visited in another plan that is in force"),
    Reason.DRAWN: gettext_noop("drawn by lot: only its pair goes there (--source draw)"),
    Reason.NO_PAIR: gettext_noop("no pair of inspectors was drawn for it"),
    Reason.PAIR_NOT_PLANNED: gettext_noop("not both who were drawn for it are planned"),
    Reason.PAIR_RECUSED: gettext_noop("one of the two drawn for it is recused"),
    Reason.PAIR_ABSENT: gettext_noop("one of the two drawn for it is there on no day of the plan"),
    Reason.PAIR_APART: gettext_noop("the two drawn for it are there on no day together"),
    Reason.PAIR_UNSKILLED: gettext_noop("the two drawn for it have the skill no longer"),
    Reason.PAIR_TAKEN: gettext_noop(
        "the two drawn for it go with others on all days that they have in common"
    ),
    Reason.NO_SKILL: gettext_noop("nobody has the skill"),
    Reason.NO_TEAM: gettext_noop("needs two inspectors, and no team has the skill"),
    Reason.RECUSED: gettext_noop("all who could go are recused"),
    Reason.NOT_RESPONSIBLE: gettext_noop("none of those who could go is responsible for the zone"),
    Reason.CLOSED: gettext_noop("closed on all days of the plan"),
    Reason.ABSENT: gettext_noop("nobody who could go is there while it is open"),
    Reason.WINDOW_TOO_SHORT: gettext_noop("open for less time than the visit takes"),
    Reason.UNREACHABLE: gettext_noop("there is no way to it"),
    Reason.DAY_TOO_SHORT: gettext_noop("way and visit do not fit into opening and working hours"),
    Reason.OUTRANKED: gettext_noop(
        "the time is taken by stops with earlier deadlines or more risk"
    ),
    Reason.NO_TIME_LEFT: gettext_noop("the time is taken by stops that are as urgent"),
}
"""What people are told for each reason."""


def may_visit(crew: Crew, stop: Stop) -> bool:
    """Tell whether a crew may visit a stop, whatever the time."""
    return (
        stop.skills <= crew.skills
        and crew.people >= stop.people
        and stop.key not in crew.recused
        and (stop.crews is None or crew.key in stop.crews)
    )


def fits(tour: Tour, plan: Plan, shift: int, seat: int, stop: int) -> bool:
    """Tell whether a stop can be put before the stop at a seat of a route."""
    at = stop * tour.days + int(tour.day[shift])
    pause, on = int(tour.pause_from[shift]), int(tour.pause_to[shift])
    time, here = int(tour.start[shift]), int(tour.origin[shift])
    if seat > 0:
        last = int(plan.order[shift, seat - 1])
        time = int(plan.early[shift, seat - 1] + tour.service[last])
        here = int(tour.place[last])
    due, ahead = int(tour.end[shift]), int(tour.destination[shift])
    if seat < plan.size[shift]:
        due = int(plan.late[shift, seat])
        ahead = int(tour.place[plan.order[shift, seat]])
    there, service = int(tour.place[stop]), int(tour.service[stop])
    way, onward = int(tour.travel[here, there]), int(tour.travel[there, ahead])
    if not tour.allowed[shift, stop] or way >= NEVER or onward >= NEVER:
        return False
    start = route_plan.earliest(
        tour.opens,
        tour.closes,
        int(tour.first[at]),
        int(tour.first[at + 1]),
        service,
        route_plan.after(time, way, pause, on),
        pause,
        on,
    )
    return bool(start < NEVER and route_plan.after(start + service, onward, pause, on) <= due)


def settle(
    stops: Sequence[Stop],
    crews: Sequence[Crew],
    shifts: Sequence[tuple[int, Shift]],
    tour: Tour,
    plan: Plan,
) -> list[tuple[str, Reason]]:
    """Give every stop left out a place that a less urgent one has, or its reason.

    Parameters
    ----------
    stops, crews, shifts, tour
        The problem.
    plan
        The routes; they are changed.

    Returns
    -------
    list of tuple
        Key and reason of each stop left out, the most urgent first.
    """
    state = np.array([1], np.uint64)
    urgency = {rank: at for at, rank in enumerate(sorted({stop.rank for stop in stops}))}
    ranks = np.array([urgency[stop.rank] for stop in stops], np.int64)
    alone = {
        stop: [s for s in range(len(shifts)) if _alone(tour, plan, s, stop)]
        for stop in map(int, np.flatnonzero(plan.shift < 0))
    }
    order = sorted(range(len(stops)), key=lambda stop: (ranks[stop], stops[stop].key))
    for stop in order:
        if plan.shift[stop] >= 0:
            continue
        for shift in alone.setdefault(
            stop, [s for s in range(len(shifts)) if _alone(tour, plan, s, stop)]
        ):
            if _displace(tour, plan, shift, stop, ranks, state):
                break
    out = [stop for stop in order if plan.shift[stop] < 0]
    return [
        (
            stops[stop].key,
            _never(stops[stop], crews, tour, shifts, stop)
            or (Reason.DAY_TOO_SHORT if not alone[stop] else None)
            or _crowded(tour, plan, alone[stop], stop, ranks),
        )
        for stop in out
    ]


def _alone(tour: Tour, plan: Plan, shift: int, stop: int) -> bool:
    """Tell whether a stop would fit into a shift that has nothing else."""
    return fits(tour, _without(plan, shift), shift, 0, stop)


def _without(plan: Plan, shift: int) -> Plan:
    size = plan.size.copy()
    size[shift] = 0
    return plan._replace(size=size)


def _displace(
    tour: Tour, plan: Plan, shift: int, stop: int, ranks: np.ndarray, state: np.ndarray
) -> bool:
    """Put a stop into a route, in the place of less urgent ones where that is needed."""
    before = plan.order[shift, : int(plan.size[shift])].copy()
    if not route_search.put_among(tour, plan, shift, before[ranks[before] <= ranks[stop]], stop):
        route_plan.put(tour, plan, shift, before)
        return False
    width = plan.order.shape[1] + 1
    less = before[ranks[before] > ranks[stop]]
    for one in map(int, less[np.argsort(ranks[less], kind="stable")]):
        found = route_search.any_seat(tour, plan, one, state)
        if found >= 0:
            route_plan.insert(tour, plan, found // width, found % width, one)
    return True


def _never(
    stop: Stop,
    crews: Sequence[Crew],
    tour: Tour,
    shifts: Sequence[tuple[int, Shift]],
    number: int,
) -> Reason | None:
    """Tell a reason that does not depend on the other stops."""
    skilled = [crew for crew in crews if stop.skills <= crew.skills]
    enough = [crew for crew in skilled if crew.people >= stop.people]
    free = [crew for crew in enough if stop.key not in crew.recused]
    own = [crew for crew in free if may_visit(crew, stop)]
    at = [number * tour.days + day for day in range(tour.days)]
    long = {
        day
        for day in range(tour.days)
        for w in range(int(tour.first[at[day]]), int(tour.first[at[day] + 1]))
        if tour.closes[w] - tour.opens[w] >= stop.service_s
    }
    days = {shift.day for crew in own for shift in crew.shifts}
    able = [s for s in range(len(shifts)) if tour.allowed[s, number]]
    there = tour.place[number]
    checks = (
        (not skilled, Reason.NO_SKILL),
        (not enough, Reason.NO_TEAM),
        (not free, Reason.RECUSED),
        (not own, Reason.NOT_RESPONSIBLE),
        (not stop.windows, Reason.CLOSED),
        (not any(window.day in days for window in stop.windows), Reason.ABSENT),
        (not days & long, Reason.WINDOW_TOO_SHORT),
        (
            all(
                tour.travel[tour.origin[s], there] >= NEVER
                or tour.travel[there, tour.destination[s]] >= NEVER
                for s in able
            ),
            Reason.UNREACHABLE,
        ),
    )
    return next((reason for holds, reason in checks if holds), None)


def _crowded(tour: Tour, plan: Plan, shifts: Sequence[int], stop: int, ranks: np.ndarray) -> Reason:
    """Tell whether only more urgent stops stand against a visit, or as urgent ones too."""
    trial = Plan(*(part.copy() for part in plan))
    for shift in shifts:
        order = plan.order[shift, : int(plan.size[shift])]
        if route_search.put_among(tour, trial, shift, order[ranks[order] < ranks[stop]], stop):
            return Reason.NO_TIME_LEFT
    return Reason.OUTRANKED

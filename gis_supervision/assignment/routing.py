"""Routes for days: which inspectors visit which premises when, and why a stop is left out.

Every stop is wanted. A crew is one inspector or a team of two, who go together and have the skills
of both. The search (`route_population`) improves several plans by ruin and recreate
(`route_search`) and crosses them; the first is that of PyVRP (`route_start`). Where not all stops
fit, those with the earlier deadline come first, then those with the higher risk, and every stop
left out has its reason (`route_reasons`).

Times are whole seconds; those of a day count from its midnight.
"""

from __future__ import annotations

import functools
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from gis_supervision.assignment import route_plan, route_reasons
from gis_supervision.assignment.route_plan import NEVER, Plan, Tour
from gis_supervision.assignment.route_population import (
    PLAN_ITERATIONS,
    Found,
    empty_plan,
    evolved,
)
from gis_supervision.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

DAY_S = 86_400
LATE_S = 14_400
"""What a day after the deadline weighs, in seconds of travel: four hours."""
SEEDS = 2**31
"""Number of seeds that there are."""

ITERATIONS = 60_000


@dataclass(frozen=True)
class Window:
    """When a premises can be visited: the visit begins and ends in it."""

    day: int
    opens_s: int
    closes_s: int


@dataclass(frozen=True)
class Stop:
    """A premises to be visited.

    Attributes
    ----------
    key
        Unique, such as the licence.
    place
        Row of the travel matrix.
    service_s
        Length of the visit in seconds.
    windows
        Opening hours on the days of the plan; none: closed on all of them.
    skills
        What the crew must have.
    people
        How many must come: two for an inspection (SAMR Order 49 art. 23), one for a follow-up.
    due_day
        Day of the plan by which the visit is due; below 0 overdue, None without a deadline.
    risk
        The higher, the sooner among equal deadlines.
    crews
        Keys of those who may go, such as the inspector of the zone; None: all.
    """

    key: str
    place: int
    service_s: int
    windows: tuple[Window, ...]
    skills: frozenset[str] = frozenset()
    people: int = 1
    due_day: int | None = None
    risk: float = 0.0
    crews: frozenset[str] | None = None

    @property
    def rank(self) -> tuple[float, float]:
        """What decides who is left out: the lower, the more urgent."""
        return (np.inf if self.due_day is None else float(self.due_day), -self.risk)


@dataclass(frozen=True)
class Shift:
    """A crew's work on one day, from ``start_s`` at ``origin`` to ``end_s`` at ``destination``.

    Neither visits nor travel take place in the break, which is a pair of seconds.
    """

    day: int
    start_s: int
    end_s: int
    origin: int
    destination: int
    pause: tuple[int, int] | None = None


@dataclass(frozen=True)
class Crew:
    """Inspectors who go together."""

    key: str
    shifts: tuple[Shift, ...]
    skills: frozenset[str] = frozenset()
    people: int = 1
    recused: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Visit:
    """A stop of a route: arrival, begin and end in seconds of the day, travel before it."""

    key: str
    arrival_s: int
    start_s: int
    departure_s: int
    travel_s: int
    late: bool = False


@dataclass(frozen=True)
class Route:
    """What a crew does on a day; it leaves as late as the first visit allows."""

    crew: str
    day: int
    leaves_s: int
    returns_s: int
    travel_s: int
    visits: tuple[Visit, ...]


@dataclass(frozen=True)
class LeftOut:
    """A stop that is not visited, and why."""

    key: str
    reason: route_reasons.Reason


@dataclass(frozen=True)
class Routes:
    """The result.

    Attributes
    ----------
    routes
        By crew and day; crews without a visit have none.
    left_out
        By urgency.
    travel_s
        All travel in seconds.
    late
        Visits after their deadline that could have been before it within the plan.
    relaxed
        Whether no way was found to visit every stop.
    iterations
        Rounds of ruin and recreate of each of the two threads.
    seconds
        Time spent.
    time_limited
        Whether the time limit ended the search: then another run may give another result.
    seed
        Of the search.
    """

    routes: tuple[Route, ...]
    left_out: tuple[LeftOut, ...]
    travel_s: int
    late: int
    relaxed: bool
    iterations: int
    seconds: float
    time_limited: bool
    seed: int

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON takes them."""
        return {
            "stops": sum(len(route.visits) for route in self.routes),
            "left_out": {one.key: one.reason.value for one in self.left_out},
            "routes": len(self.routes),
            "travel_minutes": round(self.travel_s / 60, 1),
            "late": self.late,
            "iterations": self.iterations,
            "seconds": round(self.seconds, 2),
            "time_limited": self.time_limited,
            "seed": self.seed,
        }


def plan_routes(
    stops: Sequence[Stop],
    crews: Sequence[Crew],
    travel_s: npt.NDArray[Any],
    *,
    days: int = 1,
    seed: int = 0,
    iterations: int = ITERATIONS,
    max_seconds: float | None = None,
) -> Routes:
    """Plan routes for one or more days.

    Parameters
    ----------
    stops
        Who is to be visited.
    crews
        Who visits.
    travel_s
        Seconds from place to place, square; a negative, infinite or missing value means that there
        is no way. It need not be symmetric.
    days
        Days of the plan.
    seed
        Of the search: the same input and seed give the same routes unless time was short.
    iterations
        Rounds of ruin and recreate of each of the two threads.
    max_seconds
        Time limit; left out: none.

    Returns
    -------
    Routes

    Raises
    ------
    InvalidInputError
        When a key is there twice, a place is not in the matrix, a time is not of the plan, or the
        seed is not from 0 to 2^31 - 1.
    """
    if not 0 <= seed < SEEDS:
        raise InvalidInputError(
            "seed: expected 0 to %(last)s, got %(seed)s", last=SEEDS - 1, seed=seed
        )
    _check(stops, crews, travel_s, days, iterations)
    _compile()
    begun = time.monotonic()
    tour, shifts = _tour(stops, crews, travel_s, days)
    if not stops or not shifts:
        found = Found(empty_plan(tour), 0, limited=False)
    else:
        until = None if max_seconds is None else begun + max_seconds
        found = evolved(tour, seed, iterations, until)
    best = found.plan
    left_out = route_reasons.settle(stops, crews, shifts, tour, best)
    routes = _routes(stops, crews, shifts, tour, best)
    return Routes(
        routes=routes,
        left_out=tuple(LeftOut(key, reason) for key, reason in left_out),
        travel_s=sum(route.travel_s for route in routes),
        late=sum(visit.late for route in routes for visit in route.visits),
        relaxed=bool(left_out),
        iterations=found.iterations,
        seconds=time.monotonic() - begun,
        time_limited=found.limited,
        seed=seed,
    )


@functools.cache
def _compile() -> None:
    """Search a tiny plan, so that no time limit pays for the compilation of the kernels."""
    stops = [Stop(key, 0, 1, (Window(0, 0, 9),)) for key in "AB"]
    crews = [Crew(key, (Shift(0, 0, 9, 0, 0),)) for key in "AB"]
    tour, _ = _tour(stops, crews, np.zeros((1, 1)), 1)
    evolved(tour, 0, PLAN_ITERATIONS + 1, None)


def _check(
    stops: Sequence[Stop],
    crews: Sequence[Crew],
    travel_s: npt.NDArray[Any],
    days: int,
    iterations: int,
) -> None:
    size = travel_s.shape[0]
    if travel_s.shape != (size, size):
        raise InvalidInputError(
            "travel: expected a square matrix, got %(shape)s", shape=travel_s.shape
        )
    if days < 1 or iterations < 0:
        raise InvalidInputError("expected at least one day and no negative number of iterations")
    for what, keys in (("stop", [s.key for s in stops]), ("crew", [c.key for c in crews])):
        twice = sorted(key for key, number in Counter(keys).items() if number > 1)
        if twice:
            raise InvalidInputError(
                "%(what)s %(twice)s: there twice", what=what, twice=", ".join(twice)
            )
    for stop in stops:
        _check_stop(stop, size, days)
    for crew in crews:
        for shift in crew.shifts:
            _check_shift(crew, shift, size, days)
        if len({shift.day for shift in crew.shifts}) < len(crew.shifts):
            raise InvalidInputError("crew %(key)s: two shifts on one day", key=crew.key)


def _check_stop(stop: Stop, size: int, days: int) -> None:
    if not 0 <= stop.place < size:
        raise InvalidInputError(
            "stop %(key)s: place %(place)s is not in the matrix", key=stop.key, place=stop.place
        )
    if not 0 <= stop.service_s < DAY_S:
        raise InvalidInputError(
            "stop %(key)s: a visit of %(service_s)s seconds", key=stop.key, service_s=stop.service_s
        )
    for window in stop.windows:
        if not (0 <= window.day < days and 0 <= window.opens_s <= window.closes_s <= DAY_S):
            raise InvalidInputError(
                "stop %(key)s: %(window)s is not within %(days)s days",
                key=stop.key,
                window=window,
                days=days,
            )


def _check_shift(crew: Crew, shift: Shift, size: int, days: int) -> None:
    pause = shift.pause or (shift.start_s, shift.start_s)
    ordered = 0 <= shift.start_s <= pause[0] <= pause[1] <= shift.end_s <= DAY_S
    if not ordered or not 0 <= shift.day < days:
        raise InvalidInputError(
            "crew %(key)s: %(shift)s is not within %(days)s days, or its break not in it",
            key=crew.key,
            shift=shift,
            days=days,
        )
    if not (0 <= shift.origin < size and 0 <= shift.destination < size):
        raise InvalidInputError("crew %(key)s: starts or ends outside the matrix", key=crew.key)


def _tour(
    stops: Sequence[Stop], crews: Sequence[Crew], travel_s: npt.NDArray[Any], days: int
) -> tuple[Tour, list[tuple[int, Shift]]]:
    """Put everything into arrays; shifts are pairs of crew and shift."""
    ways = np.asarray(travel_s, dtype=np.float64)
    missing = ~np.isfinite(ways) | (ways < 0)
    travel = np.where(missing, float(NEVER), np.rint(np.where(missing, 0, ways))).astype(np.int64)
    np.fill_diagonal(travel, 0)
    shifts = [(number, shift) for number, crew in enumerate(crews) for shift in crew.shifts]
    first, opens, closes, late = [0], [], [], []
    for stop in stops:
        for day in range(days):
            for window in sorted(_joined(stop, day)):
                opens.append(day * DAY_S + window[0])
                closes.append(day * DAY_S + window[1])
            first.append(len(opens))
            due = days if stop.due_day is None else max(stop.due_day, 0)
            late.append(LATE_S * max(day - due, 0))
    places = np.array([stop.place for stop in stops], np.int64)
    between = travel[np.ix_(places, places)] if stops else np.zeros((0, 0), np.int64)
    ranks = {rank: at for at, rank in enumerate(sorted({stop.rank for stop in stops}))}
    largest = float(np.where(travel < NEVER, travel, 0).max(initial=0))
    unit = 2 * largest + LATE_S * days + 1

    def of(values: list[int]) -> npt.NDArray[np.int64]:
        return np.array(values, np.int64)

    base = [shift.day * DAY_S for _, shift in shifts]
    return Tour(
        travel=travel,
        place=places,
        onward=np.ascontiguousarray(between),
        back=np.ascontiguousarray(between.T),
        out=np.array([travel[shift.origin, places] for _, shift in shifts], np.int64).reshape(
            len(shifts), len(stops)
        ),
        home=np.array([travel[places, shift.destination] for _, shift in shifts], np.int64).reshape(
            len(shifts), len(stops)
        ),
        service=of([stop.service_s for stop in stops]),
        first=of(first),
        opens=of(opens),
        closes=of(closes),
        penalty=np.array([unit * (3 - ranks[stop.rank] / len(ranks)) for stop in stops]),
        late=of(late),
        near=np.argsort(between + between.T, axis=1, kind="stable").astype(np.int64),
        day=of([shift.day for _, shift in shifts]),
        start=of([b + shift.start_s for b, (_, shift) in zip(base, shifts, strict=True)]),
        end=of([b + shift.end_s for b, (_, shift) in zip(base, shifts, strict=True)]),
        pause_from=of(
            [
                b + shift.pause[0] if shift.pause and shift.pause[0] < shift.pause[1] else -1
                for b, (_, shift) in zip(base, shifts, strict=True)
            ]
        ),
        pause_to=of(
            [
                b + shift.pause[1] if shift.pause and shift.pause[0] < shift.pause[1] else -1
                for b, (_, shift) in zip(base, shifts, strict=True)
            ]
        ),
        origin=of([shift.origin for _, shift in shifts]),
        destination=of([shift.destination for _, shift in shifts]),
        allowed=np.array(
            [
                [route_reasons.may_visit(crews[number], stop) for stop in stops]
                for number, _ in shifts
            ],
            np.bool_,
        ).reshape(len(shifts), len(stops)),
        days=days,
    ), shifts


def _joined(stop: Stop, day: int) -> list[tuple[int, int]]:
    """Return the windows of a day, those that touch made one."""
    joined: list[tuple[int, int]] = []
    for opens, closes in sorted((w.opens_s, w.closes_s) for w in stop.windows if w.day == day):
        if joined and opens <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], closes))
        else:
            joined.append((opens, closes))
    return joined


def _routes(
    stops: Sequence[Stop],
    crews: Sequence[Crew],
    shifts: Sequence[tuple[int, Shift]],
    tour: Tour,
    plan: Plan,
) -> tuple[Route, ...]:
    """Tell the routes in seconds of their days."""
    found = []
    for at, (number, shift) in enumerate(shifts):
        order = [int(stop) for stop in plan.order[at, : int(plan.size[at])]]
        if not order:
            continue
        base = shift.day * DAY_S
        pause, on = int(tour.pause_from[at]), int(tour.pause_to[at])
        way = int(tour.travel[shift.origin, stops[order[0]].place])
        leaves = int(route_plan.before(int(plan.early[at, 0]), way, pause, on))
        clock, here, visits = leaves, shift.origin, []
        for seat, one in enumerate(order):
            stop = stops[one]
            way = int(tour.travel[here, stop.place])
            start = int(plan.early[at, seat])
            visits.append(
                Visit(
                    key=stop.key,
                    arrival_s=int(route_plan.after(clock, way, pause, on)) - base,
                    start_s=start - base,
                    departure_s=start + stop.service_s - base,
                    travel_s=way,
                    late=bool(tour.late[one * tour.days + shift.day] > 0),
                )
            )
            clock, here = start + stop.service_s, stop.place
        home = int(tour.travel[here, shift.destination])
        found.append(
            Route(
                crew=crews[number].key,
                day=shift.day,
                leaves_s=leaves - base,
                returns_s=int(route_plan.after(clock, home, pause, on)) - base,
                travel_s=int(plan.travel[at]),
                visits=tuple(visits),
            )
        )
    return tuple(sorted(found, key=lambda route: (route.day, route.crew)))

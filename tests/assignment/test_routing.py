"""Routes: nothing is broken, nothing is lost, reasons are true, tiny cases are optimal."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis_supervision.assignment import route_plan, route_reasons
from gis_supervision.assignment.route_plan import Plan
from gis_supervision.assignment.route_population import cross, empty_plan, evolved
from gis_supervision.assignment.route_reasons import REASONS, Reason, may_visit
from gis_supervision.assignment.routing import Crew, Shift, Stop, Window, _tour, plan_routes
from gis_supervision.errors import InvalidInputError

HOUR = 3600
NOWHERE = -1.0


def travelled(clock, way, pause):
    """When a journey ends; independent of the kernels: minute by minute of the break."""
    if pause is None or pause[0] == pause[1] or way == 0:
        if pause and pause[0] < clock < pause[1] and way:
            clock = pause[1]
        return clock + way
    if pause[0] <= clock < pause[1]:
        return pause[1] + way
    before = max(pause[0] - clock, 0) if clock < pause[0] else way
    return clock + way if way <= before else pause[1] + way - before


def opening(stop, day):
    """Opening hours of a day; those that touch are one."""
    joined = []
    for opens, closes in sorted((w.opens_s, w.closes_s) for w in stop.windows if w.day == day):
        if joined and opens <= joined[-1][1]:
            joined[-1][1] = max(closes, joined[-1][1])
        else:
            joined.append([opens, closes])
    return joined


def begin(clock, stop, day, pause):
    """First start of a visit, None where there is none."""
    starts = []
    for opens, closes in opening(stop, day):
        at = max(clock, opens)
        if pause and pause[0] < pause[1] and at < pause[1] and at + stop.service_s > pause[0]:
            at = pause[1]
        if at + stop.service_s <= closes:
            starts.append(at)
    return min(starts, default=None)


def walk(order, stops, shift, travel):
    """Travel of an order of stops, None where it does not work."""
    clock, here, total = shift.start_s, shift.origin, 0
    for key in order:
        way = travel[here, stops[key].place]
        if way < 0:
            return None
        start = begin(travelled(clock, way, shift.pause), stops[key], shift.day, shift.pause)
        if start is None:
            return None
        clock, here, total = start + stops[key].service_s, stops[key].place, total + way
    way = travel[here, shift.destination] if order else 0
    if way < 0 or travelled(clock, way, shift.pause) > shift.end_s:
        return None
    return total + way


def verify(stops, crews, travel, found):
    """Every stop once, every rule kept, every time consistent with the matrix."""
    by_key = {stop.key: stop for stop in stops}
    teams = {crew.key: crew for crew in crews}
    served = [visit.key for route in found.routes for visit in route.visits]
    assert sorted(served + [one.key for one in found.left_out]) == sorted(by_key)
    assert found.relaxed == bool(found.left_out)
    seen = set()
    for route in found.routes:
        assert (route.crew, route.day) not in seen
        seen.add((route.crew, route.day))
        crew = teams[route.crew]
        (shift,) = [one for one in crew.shifts if one.day == route.day]
        order = [visit.key for visit in route.visits]
        assert walk(order, by_key, shift, travel) == route.travel_s
        assert shift.start_s <= route.leaves_s
        clock, here = route.leaves_s, shift.origin
        for visit in route.visits:
            stop = by_key[visit.key]
            assert may_visit(crew, stop)
            assert visit.key not in crew.recused
            assert stop.skills <= crew.skills
            assert visit.travel_s == travel[here, stop.place]
            assert visit.arrival_s == travelled(clock, visit.travel_s, shift.pause)
            assert visit.arrival_s <= visit.start_s
            assert visit.departure_s == visit.start_s + stop.service_s
            assert any(
                opens <= visit.start_s and visit.departure_s <= closes
                for opens, closes in opening(stop, route.day)
            )
            if shift.pause and stop.service_s and shift.pause[0] < shift.pause[1]:
                assert visit.departure_s <= shift.pause[0] or visit.start_s >= shift.pause[1]
            clock, here = visit.departure_s, stop.place
        assert route.returns_s == travelled(clock, travel[here, shift.destination], shift.pause)
        assert route.returns_s <= shift.end_s
    assert found.travel_s == sum(route.travel_s for route in found.routes)
    for one in found.left_out:
        check_reason(by_key[one.key], one.reason, by_key, crews, travel, found)


def check_reason(stop, reason, by_key, crews, travel, found):
    skilled = [crew for crew in crews if stop.skills <= crew.skills]
    enough = [crew for crew in skilled if crew.people >= stop.people]
    free = [crew for crew in enough if stop.key not in crew.recused]
    own = [crew for crew in free if stop.crews is None or crew.key in stop.crews]
    shifts = [(crew, shift) for crew in own for shift in crew.shifts]
    days = {shift.day for _, shift in shifts}
    alone = [
        (crew, shift)
        for crew, shift in shifts
        if walk([stop.key], by_key, shift, travel) is not None
    ]
    long = {day for day in range(9) for w in opening(stop, day) if w[1] - w[0] >= stop.service_s}
    if reason in {Reason.OUTRANKED, Reason.NO_TIME_LEFT}:
        room = []
        for crew, shift in alone:
            order = [
                visit.key
                for route in found.routes
                if route.crew == crew.key and route.day == shift.day
                for visit in route.visits
            ]
            kept = [key for key in order if by_key[key].rank <= stop.rank]
            seats = [[*kept[:at], stop.key, *kept[at:]] for at in range(len(kept) + 1)]
            assert all(walk(one, by_key, shift, travel) is None for one in seats)
            kept = [key for key in kept if by_key[key].rank < stop.rank]
            seats = [[*kept[:at], stop.key, *kept[at:]] for at in range(len(kept) + 1)]
            room.append(any(walk(one, by_key, shift, travel) is not None for one in seats))
        assert alone
        assert any(room) == (reason is Reason.NO_TIME_LEFT)
        return
    assert not alone
    truth = {
        Reason.NO_SKILL: not skilled,
        Reason.NO_TEAM: skilled and not enough,
        Reason.RECUSED: enough and not free,
        Reason.NOT_RESPONSIBLE: free and not own,
        Reason.CLOSED: own and not stop.windows,
        Reason.ABSENT: stop.windows and not any(w.day in days for w in stop.windows),
        Reason.WINDOW_TOO_SHORT: not days & long,
        Reason.UNREACHABLE: days & long
        and all(
            travel[shift.origin, stop.place] < 0 or travel[stop.place, shift.destination] < 0
            for _, shift in shifts
        ),
        Reason.DAY_TOO_SHORT: days & long,
    }
    assert truth[reason]


def plane(points, *, speed=10.0):
    """Seconds between points in metres."""
    points = np.asarray(points, dtype=float)
    far = np.linalg.norm(points[:, None] - points[None], axis=2)
    return np.ceil(far / speed)


times = st.integers(8, 17).map(lambda hour: hour * HOUR)


@st.composite
def problems(draw, *, metric=True, most=7):
    """Small problems with everything in them."""
    days = draw(st.integers(1, 2))
    count = draw(st.integers(0, most))
    size = count + 2
    if metric:
        places = draw(
            st.lists(
                st.tuples(st.integers(0, 30_000), st.integers(0, 30_000)),
                min_size=size,
                max_size=size,
            )
        )
        travel = plane(places)
    else:
        values = st.one_of(st.integers(0, 4000).map(float), st.just(NOWHERE))
        travel = np.array(
            [draw(st.lists(values, min_size=size, max_size=size)) for _ in range(size)]
        )
    np.fill_diagonal(travel, 0)
    skills = st.frozensets(st.sampled_from(["catering", "production"]), max_size=2)
    keys = [f"P{number}" for number in range(count)]
    crews = []
    for number in range(draw(st.integers(0, 2))):
        shifts = []
        for day in draw(st.sets(st.integers(0, days - 1))):
            pause = draw(st.sampled_from([None, (12 * HOUR, 13 * HOUR), (12 * HOUR, 14 * HOUR)]))
            end = draw(st.sampled_from([14, 17, 18])) * HOUR
            ends = draw(st.integers(0, 1))
            shifts.append(Shift(day, 8 * HOUR, end, draw(st.integers(0, 1)), ends, pause))
        recused = draw(st.frozensets(st.sampled_from(keys), max_size=2)) if keys else frozenset()
        people = draw(st.integers(1, 2))
        crews.append(Crew(f"C{number}", tuple(shifts), draw(skills), people, recused))
    stops = []
    for number, key in enumerate(keys):
        windows = []
        for day in range(days):
            for opens, length in draw(st.lists(st.tuples(times, st.integers(0, 8)), max_size=2)):
                windows.append(Window(day, opens, min(opens + length * HOUR, 24 * HOUR)))
        stops.append(
            Stop(
                key,
                number + 2,
                draw(st.sampled_from([0, 1200, 3600, 7200])),
                tuple(windows),
                draw(skills),
                draw(st.integers(1, 2)),
                draw(st.sampled_from([None, -3, 0, 1])),
                float(draw(st.integers(0, 1))),
                draw(st.sampled_from([None, None, frozenset({"C0"})])),
            )
        )
    return stops, crews, travel, days


@settings(max_examples=60, deadline=None)
@given(problems())
def test_every_stop_is_served_by_the_rules_or_left_out_for_a_true_reason(problem):
    stops, crews, travel, days = problem
    verify(stops, crews, travel, plan_routes(stops, crews, travel, days=days, iterations=100))


@settings(max_examples=40, deadline=None)
@given(problems(metric=False))
def test_ways_that_are_longer_than_detours_and_missing_ways_break_nothing(problem):
    stops, crews, travel, days = problem
    verify(stops, crews, travel, plan_routes(stops, crews, travel, days=days, iterations=100))


def least(stops, shifts, travel):
    """Least travel that serves every stop, by trying everything; None where nothing does."""
    by_key = {stop.key: stop for stop in stops}
    costs = []
    for owners in itertools.product(range(len(shifts)), repeat=len(stops)):
        total = 0
        for number, (crew, shift) in enumerate(shifts):
            own = [s for s, owner in zip(stops, owners, strict=True) if owner == number]
            if not all(may_visit(crew, stop) for stop in own):
                break
            ways = [
                walk([s.key for s in order], by_key, shift, travel)
                for order in itertools.permutations(own)
            ]
            feasible = [way for way in ways if way is not None]
            if not feasible:
                break
            total += min(feasible)
        else:
            costs.append(total)
    return min(costs, default=None)


@pytest.mark.parametrize("seed", range(12))
def test_tiny_cases_are_optimal(seed):
    rng = np.random.default_rng(seed)
    travel = plane(rng.uniform(0, 20_000, (7, 2)))
    crews = [
        Crew(
            f"C{number}",
            tuple(
                Shift(day, 8 * HOUR, 18 * HOUR, number, number, (12 * HOUR, 13 * HOUR))
                for day in range(1 + seed % 2)
            ),
            frozenset({"catering"}) if number else frozenset({"catering", "production"}),
        )
        for number in range(2)
    ]
    stops = []
    for number in range(5):
        opens = int(rng.integers(8, 15)) * HOUR
        windows = (
            (Window(0, opens, opens + 3 * HOUR),)
            if number % 2
            else (Window(0, 9 * HOUR, 11 * HOUR), Window(seed % 2, 14 * HOUR, 17 * HOUR))
        )
        need = frozenset({"production"}) if number == 3 else frozenset({"catering"})
        stops.append(Stop(f"P{number}", 2 + number, 1800, windows, need))
    found = plan_routes(stops, crews, travel, days=1 + seed % 2, iterations=2000, seed=seed)
    verify(stops, crews, travel, found)
    shifts = [(crew, shift) for crew in crews for shift in crew.shifts]
    best = least(stops, shifts, travel)
    assert best is not None
    assert not found.left_out
    assert found.travel_s == best


def office(stops, *, people=1, shifts=1, **values):
    crew = Crew(
        "C",
        tuple(Shift(day, 9 * HOUR, 17 * HOUR, 0, 0) for day in range(shifts)),
        frozenset({"catering"}),
        people,
        **values,
    )
    return plan_routes(stops, [crew], np.full((9, 9), 600.0) - 600 * np.eye(9), days=shifts)


def stop(key="P", place=1, service=HOUR, day=0, opens=9, closes=17, **values):
    return Stop(key, place, service, (Window(day, opens * HOUR, closes * HOUR),), **values)


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (stop(skills=frozenset({"production"})), Reason.NO_SKILL),
        (stop(people=2), Reason.NO_TEAM),
        (stop("R"), Reason.RECUSED),
        (stop(crews=frozenset({"D"})), Reason.NOT_RESPONSIBLE),
        (replace(stop(), windows=()), Reason.CLOSED),
        (stop(opens=9, closes=9), Reason.WINDOW_TOO_SHORT),
        (stop(opens=7, closes=10, service=3 * HOUR), Reason.DAY_TOO_SHORT),
        (stop(service=8 * HOUR), Reason.DAY_TOO_SHORT),
    ],
)
def test_each_reason(one, reason):
    found = office([one], recused=frozenset({"R"}))
    assert [each.reason for each in found.left_out] == [reason]
    assert found.relaxed


def test_a_stop_that_nobody_reaches_and_one_whose_only_crew_is_away():
    travel = np.array([[0.0, np.inf], [np.inf, 0.0]])
    crew = Crew("C", (Shift(0, 9 * HOUR, 17 * HOUR, 0, 0),))
    (left,) = plan_routes([stop()], [crew], travel).left_out
    assert left.reason is Reason.UNREACHABLE
    (left,) = plan_routes([stop(day=1)], [crew], travel, days=2).left_out
    assert left.reason is Reason.ABSENT


def test_earlier_deadlines_win_and_the_others_are_told_so():
    many = [stop(f"P{n}", 1 + n, due_day=-n if n < 4 else None) for n in range(8)]
    found = office(many)
    served = {visit.key for route in found.routes for visit in route.visits}
    left = {one.key: one.reason for one in found.left_out}
    assert {"P0", "P1", "P2", "P3"} <= served
    assert set(left.values()) == {Reason.NO_TIME_LEFT}
    urgent = [stop(f"U{n}", 1 + n, due_day=0) for n in range(7)]
    found = office([*urgent[:6], stop("late", 8)])
    assert [(one.key, one.reason) for one in found.left_out] == [("late", Reason.OUTRANKED)]


def test_risk_decides_among_equal_deadlines():
    many = [stop(f"P{n}", 1 + n, due_day=0, risk=float(n)) for n in range(8)]
    assert {one.key for one in office(many).left_out} == {"P0", "P1"}


def test_over_a_week_deadlines_decide_the_day():
    both = [
        Stop(f"P{n}", 1 + n, HOUR, tuple(Window(d, 9 * HOUR, 17 * HOUR) for d in range(3)))
        for n in range(6)
    ]
    dated = [replace(one, due_day=n // 2) for n, one in enumerate(both)]
    found = office(dated, shifts=3)
    day = {visit.key: route.day for route in found.routes for visit in route.visits}
    assert all(day[one.key] <= one.due_day for one in dated)
    assert found.late == 0
    closed = replace(dated[0], windows=(Window(2, 9 * HOUR, 17 * HOUR),))
    found = office([closed, *dated[1:]], shifts=3)
    assert found.late == 1
    assert [v.key for r in found.routes for v in r.visits if v.late] == ["P0"]


def city(seed, count=60):
    rng = np.random.default_rng(seed)
    travel = plane(rng.uniform(0, 20_000, (count + 3, 2)))
    crews = [
        Crew(f"C{n}", (Shift(0, 8 * HOUR, 18 * HOUR, n, n, (12 * HOUR, 13 * HOUR)),))
        for n in range(3)
    ]
    stops = [
        stop(f"P{n}", 3 + n, 600, opens=int(rng.integers(8, 13)), closes=int(rng.integers(15, 19)))
        for n in range(count)
    ]
    return stops, crews, travel


def test_the_same_seed_gives_the_same_routes():
    problem = city(1)
    first, again = (plan_routes(*problem, seed=5, iterations=600) for _ in range(2))
    assert first.routes == again.routes
    assert not first.time_limited
    verify(*problem, first)


def test_a_time_limit_ends_the_search_and_is_said():
    problem = city(2)
    found = plan_routes(*problem, iterations=10**9, max_seconds=0.4)
    assert found.time_limited
    assert found.seconds < 4
    verify(*problem, found)


def test_a_stop_that_gives_way_finds_a_place_elsewhere():
    window = (Window(0, 8 * HOUR, 9 * HOUR),)
    stops = [
        Stop("LATER", 1, HOUR, window, due_day=5),
        Stop("URGENT", 2, HOUR, window, due_day=0, crews=frozenset({"A"})),
    ]
    crews = [Crew(key, (Shift(0, 8 * HOUR, 9 * HOUR, 0, 0),)) for key in "AB"]
    tour, shifts = _tour(stops, crews, np.zeros((3, 3)), 1)
    plan = empty_plan(tour)
    route_plan.insert(tour, plan, 0, 0, 0)
    assert route_reasons.settle(stops, crews, shifts, tour, plan) == []
    assert plan.shift.tolist() == [1, 0]


@pytest.mark.parametrize("kind", ["one_day", "week"])
def test_children_are_made_of_both_parents_and_work(kind):
    stops, crews, travel = city(4)
    days = 1
    if kind == "week":
        days = 3
        stops = [
            replace(stop, windows=tuple(replace(w, day=d) for w in stop.windows for d in range(3)))
            for stop in stops
        ]
        crews = [
            replace(c, shifts=tuple(replace(s, day=d) for s in c.shifts for d in range(3)))
            for c in crews
        ]
    tour, _ = _tour(stops, crews, travel, days)
    parents = [evolved(tour, seed, 300, None).plan for seed in (1, 2)]
    state = np.array([7], np.uint64)
    alike = np.arange(tour.day.size) // days
    for _ in range(50):
        child = empty_plan(tour)
        cross(tour, *parents, child, alike, state)
        arcs = [
            {
                (int(a), int(b))
                for shift in range(tour.day.size)
                for a, b in itertools.pairwise(plan.order[shift, : plan.size[shift]])
            }
            for plan in (child, *parents)
        ]
        kept = len(arcs[0] & (arcs[1] | arcs[2])) / max(len(arcs[0]), 1)
        assert kept > 0.6
        visited = [
            int(s)
            for shift in range(tour.day.size)
            for s in child.order[shift, : child.size[shift]]
        ]
        assert len(visited) == len(set(visited)) == int((child.shift >= 0).sum())
        afresh = Plan(*(part.copy() for part in child))
        for shift in range(tour.day.size):
            route_plan.settle(tour, afresh, shift)
            size = child.size[shift]
            assert child.travel[shift] == afresh.travel[shift]
            for name in ("early", "late"):
                ours, theirs = (getattr(plan, name)[shift, :size] for plan in (child, afresh))
                assert ours.tolist() == theirs.tolist()
            assert size == 0 or child.early[shift, 0] <= child.late[shift, 0]


def test_more_search_makes_no_longer_ways():
    problem = city(3)
    assert (
        plan_routes(*problem, iterations=4000).travel_s
        <= 0.9 * plan_routes(*problem, iterations=0).travel_s
    )


@pytest.mark.parametrize(
    ("stops", "crews", "message"),
    [
        ([stop(), stop()], [], "stop P: there twice"),
        ([stop(place=9)], [], "place 9 is not in the matrix"),
        ([stop(service=-1)], [], "a visit of -1 seconds"),
        ([stop(day=1)], [], "not within 1 days"),
        ([], [Crew("C", (Shift(0, 10, 5, 0, 0),))], "crew C"),
        ([], [Crew("C", (Shift(0, 0, 5, 0, 0), Shift(0, 6, 9, 0, 0)))], "two shifts on one day"),
        ([], [Crew("C", (Shift(0, 0, 5, 0, 7),))], "outside the matrix"),
    ],
)
def test_wrong_input_is_named(stops, crews, message):
    with pytest.raises(InvalidInputError, match=message):
        plan_routes(stops, crews, np.zeros((3, 3)))


@pytest.mark.parametrize("seed", [-1, 2**31, 10**20])
def test_a_seed_that_the_search_cannot_take_is_refused(seed):
    crew = Crew("C", (Shift(0, 9 * HOUR, 17 * HOUR, 0, 0),))
    with pytest.raises(InvalidInputError, match="seed: expected 0 to"):
        plan_routes([stop()], [crew], np.zeros((3, 3)), seed=seed)


def test_every_reason_has_a_text():
    assert set(REASONS) == set(Reason)

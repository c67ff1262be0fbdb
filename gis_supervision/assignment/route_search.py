"""Search for routes: ruin and recreate by strings of stops, as compiled kernels.

The method is the slack induction by string removals of Christiaens and Vanden Berghe
(Transportation Science 54, 2020): strings of stops near a seed leave their routes and are put in
again at the cheapest place, with a small chance to overlook one; simulated annealing decides. Stops
that find no place stay out and cost their penalty.

Times are whole seconds from midnight of the first day. Arriving early is always allowed, so that a
route is feasible exactly when every start is no later than the latest start of the rest.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gis_supervision.assignment.zone_state import UNIT, RandomState, draw, pick
from gis_supervision.domain.compilation import compiled, inlined

Times = npt.NDArray[np.int64]
Places = npt.NDArray[np.int64]

NEVER = np.int64(1) << np.int64(40)
"""A time, or a way, that does not exist."""
OVERLOOKED = 0.01
SPLIT = 0.5
DEPTH = 0.01
REMOVED = 10.0
LONGEST = 10
LONGEST_FIRST, NEAREST_FIRST, FARTHEST_FIRST, TIGHTEST_FIRST, ORDERS = 1, 2, 3, 4, 5


class Tour(NamedTuple):
    """What does not change while routes are sought.

    ``first[stop * days + day]`` to the next entry are the stop's windows of that day in ``opens``
    and ``closes`` (latest end of the visit); ``late`` at the same place is what a visit on that day
    costs for being after the deadline. ``pause_from`` is -1 where a shift has no break. ``onward``
    has the ways from stop to stop, ``back`` is its transpose; ``out`` and ``home`` are those from
    the origin and to the destination of each shift.
    """

    travel: Times
    place: Places
    onward: Times
    back: Times
    out: Times
    home: Times
    service: Times
    first: Places
    opens: Times
    closes: Times
    penalty: npt.NDArray[np.float64]
    late: Times
    near: Places
    day: Places
    start: Times
    end: Times
    pause_from: Times
    pause_to: Times
    origin: Places
    destination: Places
    allowed: npt.NDArray[np.bool_]
    days: int


class Plan(NamedTuple):
    """Routes: stops in order, earliest start, latest start of each, and the way to each.

    ``version`` is another number whenever a route is another one; ``changes`` counts them.
    """

    order: Places
    size: Places
    early: Times
    late: Times
    legs: Times
    shift: Places
    seat: Places
    travel: Times
    version: Places
    changes: Places


class Memory(NamedTuple):
    """The cheapest seat of each stop in each shift, as found in a version of its route."""

    cost: Times
    seat: Places
    version: Places


@compiled
def after(start: int, duration: int, pause_from: int, pause_to: int) -> int:
    """Return when a journey ends that pauses during the break."""
    if pause_from < 0 or start >= pause_to or start + duration <= pause_from:
        return start + duration
    if start >= pause_from:
        return pause_to + duration
    return start + duration + pause_to - pause_from


@compiled
def before(end: int, duration: int, pause_from: int, pause_to: int) -> int:
    """Return when a journey must begin at the latest to end in time."""
    if pause_from < 0 or end >= pause_to + duration or end < pause_from:
        return end - duration
    if end > pause_to:
        return end - duration - pause_to + pause_from
    return pause_from - duration


@compiled
def earliest(
    opens: Times,
    closes: Times,
    low: int,
    high: int,
    service: int,
    arrival: int,
    pause: int,
    on: int,
) -> int:
    """Return the first start of a visit, not across the break; `NEVER` where there is none."""
    for w in range(low, high):
        start = max(arrival, opens[w])
        if pause >= 0 and start < on and start + service > pause:
            start = on
        if start + service <= closes[w]:
            return start  # type: ignore[no-any-return]  # an int once compiled
    return NEVER  # type: ignore[return-value]  # an int once compiled


@compiled
def latest(
    opens: Times,
    closes: Times,
    low: int,
    high: int,
    service: int,
    limit: int,
    pause: int,
    on: int,
) -> int:
    """Return the last start of a visit up to a limit; -`NEVER` where there is none."""
    for w in range(high - 1, low - 1, -1):
        start = min(limit, closes[w] - service)
        if pause >= 0 and start < on and start + service > pause:
            start = pause - service
        if start >= opens[w]:
            return start  # type: ignore[no-any-return]  # an int once compiled
    return -NEVER  # type: ignore[return-value]  # an int once compiled


@inlined
def forward(tour: Tour, plan: Plan, shift: int, seat: int, sure: int) -> None:
    """Compute ways and earliest starts from a seat on.

    It ends where a start is as it was, at a seat from ``sure`` on.
    """
    service, first, days, day = tour.service, tour.first, tour.days, tour.day[shift]
    opens, closes = tour.opens, tour.closes
    pause, on = tour.pause_from[shift], tour.pause_to[shift]
    order, early, legs = plan.order, plan.early, plan.legs
    time, last = tour.start[shift], np.int64(-1)
    if seat > 0:
        last = order[shift, seat - 1]
        time = early[shift, seat - 1] + service[last]
    for p in range(seat, plan.size[shift]):
        stop = order[shift, p]
        at = stop * days + day
        way = tour.out[shift, stop] if p == 0 else tour.back[stop, last]
        legs[shift, p] = way
        start = earliest(
            opens,
            closes,
            first[at],
            first[at + 1],
            service[stop],
            after(time, way, pause, on),
            pause,
            on,
        )
        if p >= sure and start == early[shift, p]:
            return
        early[shift, p] = start
        time, last = start + service[stop], stop


@inlined
def backward(tour: Tour, plan: Plan, shift: int, seat: int, sure: int) -> None:
    """Compute the latest starts from a seat back; ``legs`` are right.

    It ends where a start is as it was, at a seat up to ``sure``.
    """
    service, first, days, day = tour.service, tour.first, tour.days, tour.day[shift]
    pause, on = tour.pause_from[shift], tour.pause_to[shift]
    order, late, legs = plan.order, plan.late, plan.legs
    limit = tour.end[shift]
    if seat < plan.size[shift] - 1:
        limit = late[shift, seat + 1]
    for p in range(seat, -1, -1):
        stop = order[shift, p]
        at = stop * days + day
        limit = latest(
            tour.opens,
            tour.closes,
            first[at],
            first[at + 1],
            service[stop],
            before(limit, legs[shift, p + 1], pause, on) - service[stop],
            pause,
            on,
        )
        if p <= sure and limit == late[shift, p]:
            return
        late[shift, p] = limit


@inlined
def changed(plan: Plan, shift: int) -> None:
    """Give a route that changed its new version."""
    plan.changes[0] += 1
    plan.version[shift] = plan.changes[0]


@compiled
def settle(tour: Tour, plan: Plan, shift: int) -> None:
    """Compute the times of a whole route."""
    size = plan.size[shift]
    for p in range(size):
        plan.shift[plan.order[shift, p]] = shift
        plan.seat[plan.order[shift, p]] = p
    forward(tour, plan, shift, 0, size)
    plan.travel[shift] = 0
    if size > 0:
        plan.legs[shift, size] = tour.home[shift, plan.order[shift, size - 1]]
        for p in range(size + 1):
            plan.travel[shift] += plan.legs[shift, p]
    backward(tour, plan, shift, size - 1, -1)
    changed(plan, shift)


@compiled
def best_seat(  # noqa: C901, PLR0912, PLR0915 - the innermost loop, written out for speed
    tour: Tour,
    plan: Plan,
    memory: Memory,
    touched: Places,
    stop: int,
    overlooked: int,
    state: RandomState,
) -> int:
    """Return the cheapest place of a stop as shift * width + seat; -1 where there is none.

    For routes that nothing touched it is remembered. A seat is overlooked with a small chance.
    """
    service, first, opens, closes = tour.service, tour.first, tour.opens, tour.closes
    onward, back, out, home = tour.onward, tour.back, tour.out, tour.home
    days, day, late_costs, allowed = tour.days, tour.day, tour.late, tour.allowed
    order, early, late, legs, sizes = plan.order, plan.early, plan.late, plan.legs, plan.size
    version, remembered = plan.version, memory.version
    costs, seats = memory.cost, memory.seat
    width = order.shape[1] + 1
    best, least, long = np.int64(-1), np.int64(NEVER), service[stop]
    for shift in range(day.size):
        size = sizes[shift]
        at = stop * days + day[shift]
        low, high = first[at], first[at + 1]
        if not allowed[shift, stop] or size + 1 >= width or low == high:
            continue
        learning, missed = False, overlooked
        if not touched[shift]:
            if remembered[stop, shift] != version[shift]:
                learning, missed = True, 0
            elif costs[stop, shift] >= least:
                continue
            elif draw(state) >= overlooked:
                least = costs[stop, shift]
                best = shift * width + seats[stop, shift]
                continue
            else:
                missed = 32 * overlooked
        cost, found = NEVER if learning else least, np.int64(-1)
        pause, on = tour.pause_from[shift], tour.pause_to[shift]
        limit, late_cost = closes[high - 1] - long, late_costs[at]
        time, way = tour.start[shift], out[shift, stop]
        for seat in range(size + 1):
            if seat > 0:
                last = order[shift, seat - 1]
                time, way = early[shift, seat - 1] + service[last], back[stop, last]
                if time > limit:
                    break
            if seat < size:
                ahead, due = onward[stop, order[shift, seat]], late[shift, seat]
            else:
                ahead, due = home[shift, stop], tour.end[shift]
            more = way + ahead + late_cost
            if size > 0:
                more -= legs[shift, seat]
            if more >= cost or (missed > 0 and draw(state) < missed):
                continue
            if way >= NEVER or ahead >= NEVER:
                continue
            start = earliest(opens, closes, low, high, long, after(time, way, pause, on), pause, on)
            if start < NEVER and after(start + long, ahead, pause, on) <= due:
                found, cost = np.int64(seat), more
        if learning:
            costs[stop, shift], seats[stop, shift] = cost, found
            remembered[stop, shift] = version[shift]
        if cost < least:
            best, least = shift * width + found, cost
    return best  # type: ignore[return-value]  # an int once compiled


@inlined
def insert(tour: Tour, plan: Plan, shift: int, seat: int, stop: int) -> None:
    """Put a stop before the stop at a seat."""
    order, early, late, legs = plan.order, plan.early, plan.late, plan.legs
    size = plan.size[shift]
    old = legs[shift, seat] if size > 0 else np.int64(0)
    legs[shift, size + 1] = legs[shift, size]
    for p in range(size, seat, -1):
        other = order[shift, p - 1]
        order[shift, p] = other
        early[shift, p] = early[shift, p - 1]
        late[shift, p] = late[shift, p - 1]
        legs[shift, p] = legs[shift, p - 1]
        plan.seat[other] = p
    order[shift, seat] = stop
    plan.shift[stop] = shift
    plan.seat[stop] = seat
    plan.size[shift] = size + 1
    forward(tour, plan, shift, seat, seat + 1)
    if seat == size:
        legs[shift, size + 1] = tour.home[shift, stop]
    plan.travel[shift] += legs[shift, seat] + legs[shift, seat + 1] - old
    backward(tour, plan, shift, seat, seat - 1)
    changed(plan, shift)


@inlined
def take_out(tour: Tour, plan: Plan, shift: int, seat: int, count: int) -> None:
    """Take consecutive stops out of a route.

    Where ways are longer than detours, the rest may come too late without them: then all leave.
    """
    order, early, late, legs = plan.order, plan.early, plan.late, plan.legs
    for p in range(seat, seat + count):
        plan.shift[order[shift, p]] = -1
    size = plan.size[shift] - count
    for p in range(seat, size):
        other = order[shift, p + count]
        order[shift, p] = other
        early[shift, p] = early[shift, p + count]
        late[shift, p] = late[shift, p + count]
        plan.seat[other] = p
    for p in range(seat, size + 1):
        legs[shift, p] = legs[shift, p + count]
    plan.size[shift] = size
    changed(plan, shift)
    if size == 0:
        plan.travel[shift] = 0
        return
    forward(tour, plan, shift, seat, seat)
    if seat == size:
        legs[shift, size] = tour.home[shift, order[shift, size - 1]]
    backward(tour, plan, shift, seat - 1, seat - 1)
    plan.travel[shift] = 0
    for p in range(size + 1):
        plan.travel[shift] += legs[shift, p]
    if early[shift, 0] > late[shift, 0]:
        for p in range(size):
            plan.shift[order[shift, p]] = -1
        plan.size[shift] = 0
        plan.travel[shift] = 0


@inlined
def copy_route(source: Plan, target: Plan, shift: int) -> None:
    """Copy a route and its times."""
    size = source.size[shift]
    target.size[shift] = size
    target.travel[shift] = source.travel[shift]
    target.version[shift] = source.version[shift]
    for p in range(size):
        stop = source.order[shift, p]
        target.order[shift, p] = stop
        target.early[shift, p] = source.early[shift, p]
        target.late[shift, p] = source.late[shift, p]
        target.legs[shift, p] = source.legs[shift, p]
        target.shift[stop] = shift
        target.seat[stop] = p
    target.legs[shift, size] = source.legs[shift, size]


@compiled
def copy_plan(source: Plan, target: Plan) -> None:
    """Copy all routes."""
    target.shift[:] = -1
    for shift in range(source.size.size):
        copy_route(source, target, shift)


@compiled
def follow(source: Plan, target: Plan, touched: Places) -> None:
    """Copy the routes that were touched, and who is out."""
    for stop in range(source.shift.size):
        if source.shift[stop] < 0:
            target.shift[stop] = -1
    for shift in range(source.size.size):
        if touched[shift]:
            copy_route(source, target, shift)


@compiled
def cost_of(tour: Tour, plan: Plan) -> float:
    """Return travel and penalties of what is left out."""
    cost = 0.0
    days, day, late, penalty = tour.days, tour.day, tour.late, tour.penalty
    for shift in range(plan.size.size):
        cost += plan.travel[shift]
    for stop in range(plan.shift.size):
        shift = plan.shift[stop]
        if shift < 0:
            cost += penalty[stop]
        else:
            cost += late[stop * days + day[shift]]
    return cost


@compiled
def ruin(  # noqa: C901 - one draw after the other
    tour: Tour, plan: Plan, touched: Places, state: RandomState
) -> None:
    """Take strings of stops out of the routes near a random stop."""
    n, shifts = plan.shift.size, plan.size.size
    used, routes = 0, 0
    for shift in range(shifts):
        touched[shift] = 0
        if plan.size[shift] > 0:
            used += plan.size[shift]
            routes += 1
    if routes == 0:
        return
    longest = min(float(LONGEST), used / routes)
    most = 4.0 * REMOVED / (1.0 + longest) - 1.0
    strings = int(draw(state) * UNIT * most + 1.0)
    seed = pick(state, n)
    ruined = 0
    for k in range(tour.near.shape[1]):
        if ruined >= strings:
            break
        stop = tour.near[seed, k]
        shift = plan.shift[stop]
        if shift < 0 or touched[shift]:
            continue
        touched[shift] = 1
        ruined += 1
        size, seat = plan.size[shift], plan.seat[stop]
        count = 1 + pick(state, int(max(1.0, min(float(size), longest))))
        kept = 0
        if 1 < count < size and draw(state) * UNIT < SPLIT:
            kept = 1
            while count + kept < size and draw(state) * UNIT > DEPTH:
                kept += 1
                if draw(state) * UNIT < SPLIT:
                    break
        span = count + kept
        low = max(0, seat - span + 1)
        begin = low + pick(state, min(seat, size - span) - low + 1)
        if kept == 0:
            take_out(tour, plan, shift, begin, count)
        else:
            head = pick(state, count + 1)
            take_out(tour, plan, shift, begin + head + kept, count - head)
            if plan.size[shift] > 0:
                take_out(tour, plan, shift, begin, head)


@compiled
def arrange(tour: Tour, plan: Plan, absent: Places, keys: Times, state: RandomState) -> int:
    """List the stops that are out in one of several orders; returns how many there are."""
    count = 0
    kind = pick(state, ORDERS)
    for stop in range(plan.shift.size):
        if plan.shift[stop] >= 0:
            continue
        key = draw(state)
        if kind == LONGEST_FIRST:
            key = -tour.service[stop]
        elif kind == NEAREST_FIRST:
            key = tour.travel[tour.origin[0], tour.place[stop]]
        elif kind == FARTHEST_FIRST:
            key = -tour.travel[tour.origin[0], tour.place[stop]]
        elif kind == TIGHTEST_FIRST:
            key = 0
            for w in range(tour.first[stop * tour.days], tour.first[(stop + 1) * tour.days]):
                key += tour.closes[w] - tour.opens[w] - tour.service[stop]
        place = count
        while place > 0 and keys[place - 1] > key:
            keys[place] = keys[place - 1]
            absent[place] = absent[place - 1]
            place -= 1
        keys[place] = key
        absent[place] = stop
        count += 1
    return count


@compiled
def search(
    tour: Tour,
    current: Plan,
    trial: Plan,
    best: Plan,
    memory: Memory,
    costs: npt.NDArray[np.float64],
    temperature: float,
    steps: int,
    state: RandomState,
) -> None:
    """Ruin and recreate a number of times; ``costs`` are those of the current and best plan."""
    n, width = current.shift.size, current.order.shape[1] + 1
    touched = np.zeros(current.size.size, np.int64)
    absent = np.empty(n, np.int64)
    keys = np.empty(n, np.int64)
    overlooked = int(OVERLOOKED / UNIT)
    for _ in range(steps):
        ruin(tour, trial, touched, state)
        for k in range(arrange(tour, trial, absent, keys, state)):
            found = best_seat(tour, trial, memory, touched, absent[k], overlooked, state)
            if found >= 0:
                touched[found // width] = 1
                insert(tour, trial, found // width, found % width, absent[k])
        cost = cost_of(tour, trial)
        if cost < costs[0] - temperature * np.log(max(draw(state) * UNIT, 1e-300)):
            follow(trial, current, touched)
            costs[0] = cost
            if cost < costs[1] - 0.5:
                copy_plan(current, best)
                costs[1] = cost
        else:
            follow(current, trial, touched)


@compiled
def any_seat(tour: Tour, plan: Plan, stop: int, state: RandomState) -> int:
    """Return what `best_seat` does, without memory."""
    nothing = np.zeros((0, 0), np.int64)
    touched = np.ones(plan.size.size, np.int64)
    return best_seat(tour, plan, Memory(nothing, nothing, nothing), touched, stop, 0, state)


@compiled
def fill(tour: Tour, plan: Plan, memory: Memory, state: RandomState) -> None:
    """Put every stop that is out and fits into a route, at the cheapest place."""
    absent = np.empty(plan.shift.size, np.int64)
    keys = np.empty(plan.shift.size, np.int64)
    width = plan.order.shape[1] + 1
    touched = np.zeros(plan.size.size, np.int64)
    for k in range(arrange(tour, plan, absent, keys, state)):
        found = best_seat(tour, plan, memory, touched, absent[k], 0, state)
        if found >= 0:
            insert(tour, plan, found // width, found % width, absent[k])


@compiled
def put(tour: Tour, plan: Plan, shift: int, order: Places) -> bool:
    """Make a route of stops in order, whether it works or not; tells whether it does."""
    for p in range(plan.size[shift]):
        plan.shift[plan.order[shift, p]] = -1
    plan.size[shift] = order.size
    for p in range(order.size):
        plan.order[shift, p] = order[p]
    settle(tour, plan, shift)
    return order.size == 0 or plan.early[shift, 0] <= plan.late[shift, 0]


@compiled
def put_among(tour: Tour, plan: Plan, shift: int, kept: Places, stop: int) -> bool:
    """Make a route of stops in order and one more, at the first seat that works, if one does."""
    if kept.size >= plan.order.shape[1]:
        return False
    order = np.empty(kept.size + 1, np.int64)
    for seat in range(order.size):
        order[:seat] = kept[:seat]
        order[seat] = stop
        order[seat + 1 :] = kept[seat:]
        if put(tour, plan, shift, order):
            return True
    return False

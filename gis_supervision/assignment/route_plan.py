"""Routes and their times, as compiled kernels.

Times are whole seconds from midnight of the first day. Arriving early is always allowed, so that a
route is feasible exactly when every start is no later than the latest start of the rest.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gis_supervision.domain.compilation import compiled, inlined

Times = npt.NDArray[np.int64]
Places = npt.NDArray[np.int64]

NEVER = np.int64(1) << np.int64(40)
"""A time, or a way, that does not exist."""


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
def put(tour: Tour, plan: Plan, shift: int, order: Places) -> bool:
    """Make a route of stops in order, whether it works or not; tells whether it does."""
    for p in range(plan.size[shift]):
        plan.shift[plan.order[shift, p]] = -1
    plan.size[shift] = order.size
    for p in range(order.size):
        plan.order[shift, p] = order[p]
    settle(tour, plan, shift)
    return order.size == 0 or plan.early[shift, 0] <= plan.late[shift, 0]

"""Search for routes: ruin and recreate by strings of stops, as compiled kernels.

The method is the slack induction by string removals of Christiaens and Vanden Berghe
(Transportation Science 54, 2020): strings of stops near a seed leave their routes and are put in
again at the cheapest place, with a small chance to overlook one; simulated annealing decides. Stops
that find no place stay out and cost their penalty.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gis_supervision.assignment.route_plan import (
    NEVER,
    Places,
    Plan,
    Times,
    Tour,
    after,
    copy_plan,
    cost_of,
    earliest,
    follow,
    insert,
    put,
    take_out,
)
from gis_supervision.assignment.zone_state import UNIT, RandomState, draw, pick
from gis_supervision.domain.compilation import compiled

OVERLOOKED = 0.01
SPLIT = 0.5
DEPTH = 0.01
REMOVED = 10.0
LONGEST = 10
LONGEST_FIRST, NEAREST_FIRST, FARTHEST_FIRST, TIGHTEST_FIRST, ORDERS = 1, 2, 3, 4, 5


class Memory(NamedTuple):
    """The cheapest seat of each stop in each shift, as found in a version of its route."""

    cost: Times
    seat: Places
    version: Places


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

"""Routes by a small population: each plan is improved by ruin and recreate, then pairs are crossed.

A single search ends in one of many valleys: which crew goes to which town is hard to change stop by
stop. So there are several plans, and a child has some of its routes from one and the rest from
another. The exchange is that of Nagata and Kobayashi (selective route exchange, PPSN XI, 2010):
routes are chosen such that both parents visit nearly the same stops with them. Stops that are
visited twice leave the routes of the first parent, those that are left find a place again, and a
short search at a low temperature mends the rest. A child takes the place of the parent that it
resembles more, so that the others stay different.

Two children grow side by side. Which plans are crossed depends on the seed alone.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from gis_supervision.assignment import route_plan, route_reasons, route_search, route_start
from gis_supervision.assignment.route_plan import Places, Plan, Tour
from gis_supervision.assignment.route_search import Memory
from gis_supervision.assignment.zone_state import RandomState, pick
from gis_supervision.domain.compilation import compiled

if TYPE_CHECKING:
    from collections.abc import Iterable

WORKERS = 2
MOST_PLANS = 12
PLAN_ITERATIONS = 1_500
"""The least that a plan of the population is worth."""
CHILD_ITERATIONS = 2_000
FIRST = 0.12
"""Share of the iterations, or of the time, in which the population comes into being."""
HOT, MILD, COLD = 0.25, 0.04, 0.004
"""Temperatures as shares of the mean way: of a new plan, of a child, and of the end of both."""
SAME = 3
"""Plans that differ in fewer ways count as one."""
_CHUNK = 200
_MIX = 2_654_435_761
_STATE = 88_172_645_463_325_252


@dataclass(frozen=True)
class Found:
    """The best plan; iterations of each worker; whether the time limit ended the search."""

    plan: Plan
    iterations: int
    limited: bool


@dataclass(frozen=True)
class Member:
    """A plan and its cost."""

    cost: float
    plan: Plan


def empty_plan(tour: Tour, changes: Places | None = None) -> Plan:
    """Return a plan in which no stop is visited."""
    n, shifts = tour.place.size, tour.day.size
    shortest = max(int(tour.service.min(initial=np.iinfo(np.int32).max)), 1)
    longest = int((tour.end - tour.start).max(initial=0))
    width = min(n, longest // shortest + 1) if n else 1

    def zeros(*shape: int) -> npt.NDArray[np.int64]:
        return np.zeros(shape, np.int64)

    return Plan(
        order=zeros(shifts, width),
        size=zeros(shifts),
        early=zeros(shifts, width),
        late=zeros(shifts, width),
        legs=zeros(shifts, width + 1),
        shift=np.full(n, -1, np.int64),
        seat=zeros(n),
        travel=zeros(shifts),
        version=zeros(shifts),
        changes=zeros(1) if changes is None else changes,
    )


@dataclass
class Worker:
    """What one thread works with.

    Versions of routes are unique among the plans of one worker only.
    """

    tour: Tour
    state: RandomState
    current: Plan = field(init=False)
    trial: Plan = field(init=False)
    memory: Memory = field(init=False)
    done: int = 0

    def __post_init__(self) -> None:
        """Make room."""
        self.current = empty_plan(self.tour)
        self.trial = empty_plan(self.tour, self.current.changes)
        shape = (self.tour.place.size, self.tour.day.size)
        self.memory = Memory(
            np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.full(shape, -1, np.int64)
        )

    def clear(self) -> None:
        """Take all stops out of the current plan."""
        adopt(empty_plan(self.tour), self.current)

    def improved(self, hot: float, most: int, clock: Clock, until: float) -> Member:
        """Search from the current plan.

        Parameters
        ----------
        hot
            First temperature, as a share of the mean way.
        most
            Rounds of ruin and recreate.
        clock
            Of the whole search.
        until
            Share of its time at which this one ends, if not before.
        """
        tour, current, state = self.tour, self.current, self.state
        route_search.fill(tour, current, self.memory, state)
        route_plan.copy_plan(current, self.trial)
        best = empty_plan(tour, current.changes)
        route_plan.copy_plan(current, best)
        costs = np.full(2, route_plan.cost_of(tour, current))
        leg = max(float(current.travel.sum()) / max(int((current.shift >= 0).sum()), 1), 1.0)
        begun, done = clock.share, 0
        while done < most:
            now = clock.share
            if now >= until:
                break
            share = max(done / most, (now - begun) / (until - begun))
            heat = leg * hot * (COLD / hot) ** share
            steps = min(_CHUNK, most - done)
            route_search.search(
                tour, current, self.trial, best, self.memory, costs, heat, steps, state
            )
            done += steps
        self.done += done
        return Member(float(costs[1]), best)


@dataclass(frozen=True)
class Clock:
    """The time of a search, from 0 to 1; without a limit it stands still."""

    begun: float
    until: float | None

    @property
    def share(self) -> float:
        """How much of the time is over."""
        if self.until is None:
            return 0.0
        return (time.monotonic() - self.begun) / max(self.until - self.begun, 1e-9)


def evolved(tour: Tour, seed: int, iterations: int, until: float | None) -> Found:
    """Search for routes.

    Parameters
    ----------
    tour
        The problem; it has stops and shifts.
    seed
        Of the search.
    iterations
        Rounds of ruin and recreate of each of the two workers.
    until
        Time of `time.monotonic` at which the search must end, None without a limit.

    Returns
    -------
    Found
    """
    clock = Clock(time.monotonic(), until)
    workers = [Worker(tour, _state(seed, number)) for number in range(WORKERS)]
    alike = _alike(tour)
    first = max(int(iterations * FIRST), min(iterations, PLAN_ITERATIONS))
    each = int(np.clip(first // PLAN_ITERATIONS, 1, MOST_PLANS // WORKERS))

    def begin(number: int) -> list[Member]:
        worker = workers[number]
        made: list[Member] = []
        for turn in range(each):
            if made and clock.share >= 1.0:
                break
            worker.clear()
            hot = HOT
            if number == turn == 0:
                _seat(tour, worker.current, route_start.solve(tour, seed, iterations, until))
                hot = MILD
            now = clock.share
            end = now + max(FIRST - now, 0.0) / (each - turn)
            made.append(worker.improved(hot, first // each, clock, end))
        return made

    with ThreadPoolExecutor(WORKERS) as pool:
        members = [one for made in pool.map(begin, range(WORKERS)) for one in made]
        choice = _state(seed, WORKERS)
        while max(worker.done for worker in workers) < iterations and clock.share < 1.0:
            pairs = [_pair(choice, len(members)) for _ in workers]

            def grow(
                number: int, pairs: list[tuple[int, int]] = pairs, members: list[Member] = members
            ) -> Member:
                worker, (one, other) = workers[number], pairs[number]
                cross(
                    tour,
                    members[one].plan,
                    members[other].plan,
                    worker.current,
                    alike,
                    worker.state,
                )
                most = min(CHILD_ITERATIONS, max(iterations - worker.done, 1))
                return worker.improved(MILD, most, clock, 1.0)

            for pair, child in zip(pairs, pool.map(grow, range(WORKERS)), strict=True):
                settle(members, pair, child)
    best = min(members, key=lambda member: member.cost)
    return Found(best.plan, max(worker.done for worker in workers), clock.share >= 1.0)


def _state(seed: int, number: int) -> RandomState:
    mixed = (seed * (WORKERS + 1) + number + 1) * _MIX + _STATE
    return np.array([mixed % 2**64 or 1], np.uint64)


def _alike(tour: Tour) -> Places:
    """Give shifts that differ in their day and hours only the same number."""
    kinds = np.column_stack([tour.origin, tour.destination, tour.allowed])
    _, number = np.unique(kinds, axis=0, return_inverse=True)
    return number.reshape(-1).astype(np.int64)


def _pair(state: RandomState, size: int) -> tuple[int, int]:
    """Draw two plans, not the same where there are more."""
    one = int(pick(state, size))
    other = int(pick(state, max(size - 1, 1)))
    return one, min(other + (other >= one), size - 1)


def _seat(tour: Tour, plan: Plan, routes: Iterable[tuple[int, list[int]]]) -> None:
    """Put the stops of routes into a plan, as far as they fit."""
    for shift, order in routes:
        for stop in order:
            seat = int(plan.size[shift])
            if seat < plan.order.shape[1] and route_reasons.fits(tour, plan, shift, seat, stop):
                route_plan.insert(tour, plan, shift, seat, stop)


def settle(members: list[Member], parents: tuple[int, int], child: Member) -> None:
    """Let a child take the place of the parent that it resembles more, if it is better.

    Where it is as another plan already is, it takes the place of that one.
    """
    ways = [difference(child.plan, member.plan) for member in members]
    place = min(parents, key=lambda parent: ways[parent])
    twin = next((at for at, way in enumerate(ways) if way < SAME and at != place), place)
    if child.cost < members[twin].cost:
        members[twin] = child


@compiled
def adopt(source: Plan, target: Plan) -> None:
    """Copy the routes of another worker's plan: they get versions of one's own."""
    route_plan.copy_plan(source, target)
    for shift in range(target.size.size):
        route_plan.changed(target, shift)


@compiled
def difference(one: Plan, other: Plan) -> int:
    """Count the stops that come after another stop in the two plans."""
    count = 0
    for stop in range(one.shift.size):
        before = np.int64(-1)
        if one.shift[stop] >= 0 and one.seat[stop] > 0:
            before = one.order[one.shift[stop], one.seat[stop] - 1]
        there = np.int64(-1)
        if other.shift[stop] >= 0 and other.seat[stop] > 0:
            there = other.order[other.shift[stop], other.seat[stop] - 1]
        count += before != there
    return count


@compiled
def cross(
    tour: Tour, one: Plan, other: Plan, child: Plan, alike: Places, state: RandomState
) -> None:
    """Make a child that has the routes of one parent, but for some that it has from the other.

    Routes of the same crew on other days stand for each other where they have more in common.
    """
    shifts = one.size.size
    common = np.zeros((shifts, shifts), np.int64)
    for stop in range(one.shift.size):
        if one.shift[stop] >= 0 and other.shift[stop] >= 0:
            common[one.shift[stop], other.shift[stop]] += 1
    match = counterparts(common, alike)
    chosen = exchanged(common, match, state)
    adopt(one, child)
    for shift in range(shifts):
        if chosen[shift] and child.size[shift] > 0:
            route_plan.take_out(tour, child, shift, 0, child.size[shift])
    for shift in range(shifts):
        if chosen[shift]:
            take_over(tour, other, match[shift], child, shift)


@compiled
def take_over(tour: Tour, source: Plan, given: int, child: Plan, shift: int) -> None:
    """Give a shift without stops a route of another plan, whose stops leave where they are.

    A route that does not work in this shift is left away.
    """
    order = source.order[given, : source.size[given]].copy()
    for stop in order:
        if child.shift[stop] >= 0:
            route_plan.take_out(tour, child, child.shift[stop], child.seat[stop], 1)
    if not route_plan.put(tour, child, shift, order):
        child.shift[order] = -1
        child.size[shift] = 0
        child.travel[shift] = 0
        route_plan.changed(child, shift)


@compiled
def counterparts(common: Places, alike: Places) -> Places:
    """Return for each shift the alike one of the other plan with most stops in common."""
    shifts = alike.size
    match = np.full(shifts, -1, np.int64)
    taken = np.zeros(shifts, np.bool_)
    for _ in range(shifts):
        most, here, there = -1, 0, 0
        for i in range(shifts):
            for j in range(shifts):
                if match[i] >= 0 or taken[j] or alike[i] != alike[j]:
                    continue
                worth = 2 * common[i, j] + (i == j)
                if worth > most:
                    most, here, there = worth, i, j
        match[here] = there
        taken[there] = True
    return match


@compiled
def exchanged(common: Places, match: Places, state: RandomState) -> npt.NDArray[np.bool_]:
    """Choose routes, up to half, with which both plans visit nearly the same stops.

    A random choice is bettered by swaps, as long as fewer stops are visited twice or not at all.
    """
    shifts = match.size
    chosen = np.zeros(shifts, np.bool_)
    for _ in range(1 + pick(state, max(shifts // 2, 1))):
        chosen[pick(state, shifts)] = True
    tie = np.zeros((shifts, shifts), np.int64)
    for i in range(shifts):
        for j in range(shifts):
            if i != j:
                tie[i, j] = common[i, match[j]] + common[j, match[i]]
    for _ in range(2 * shifts):
        away, near = best_swap(tie, chosen)
        if away < 0:
            break
        chosen[away] = False
        chosen[near] = True
    return chosen


@compiled
def best_swap(tie: Places, chosen: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """Return a route that is chosen and one that is not whose swap cuts fewest ties; -1: none."""
    shifts = chosen.size
    gain = np.zeros(shifts, np.int64)
    for i in range(shifts):
        for j in range(shifts):
            gain[i] += -tie[i, j] if chosen[i] == chosen[j] else tie[i, j]
    most, away, near = np.int64(0), -1, -1
    for i in range(shifts):
        for j in range(shifts):
            better = gain[i] + gain[j] - 2 * tie[i, j]
            if chosen[i] and not chosen[j] and better > most:
                most, away, near = better, i, j
    return away, near

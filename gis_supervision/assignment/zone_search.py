"""The search for zones: starts, annealing, polishing; and the repair of zones with owners."""

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from gis_supervision.assignment.annealing import Factors, Schedule, anneal
from gis_supervision.assignment.areas import FREE, Area, FloatArray, IntArray
from gis_supervision.assignment.contiguity import pieces, release_strays
from gis_supervision.assignment.starts import (
    adopt,
    balanced_growth,
    metis_start,
    scattered_seeds,
)
from gis_supervision.assignment.zone_plan import Plan
from gis_supervision.assignment.zone_quality import distance_to_medoids, polsby_popper
from gis_supervision.assignment.zone_state import Cells, RandomState, keeps_contiguous, new_search

LINUX = sys.platform == "linux"
PROPOSALS = 7_200_000  # of the first phase: many starts in a small area, few in a large one
LEAST_STARTS = 2
REPAIR_PROPOSALS = 4_800_000
MOST_REPAIRS = 4
MOST_STARTS = 12
GROWN_CELLS = 10_000  # above, growth costs more than METIS
STEPS = 100
CHUNK = 10  # steps between looks at the clock
CELLS_PER_PART = 8  # METIS leaves parts empty where there are fewer
COARSE_SHAPE = 0.15  # weight of the isoperimetric ratio against distance
FINE_SHAPE = 0.08
WORTH = 0.1  # one per cent of compactness against one of distance


@dataclass(frozen=True)
class Clock:
    """When to stop; never, where there is no limit."""

    deadline: float | None

    @property
    def over(self) -> bool:
        """Tell whether the time is over."""
        return self.deadline is not None and time.monotonic() >= self.deadline


@dataclass(frozen=True)
class Candidate:
    """A zoning and its score: what lies beyond the tolerance first, then distance and shape."""

    score: tuple[float, float]
    labels: IntArray


def generator(seed: int, number: int) -> RandomState:
    """Return the state of the kernels' generator for one start of a search."""
    state = np.random.SeedSequence([seed, number]).generate_state(1, np.uint64)
    return state | np.uint64(1)


def annealed(
    plan: Plan,
    labels: IntArray,
    factors: Factors,
    schedule: Schedule,
    state: RandomState,
    clock: Clock,
) -> None:
    """Anneal in place, with looks at the clock."""
    for start in range(0, schedule.temperature.size, CHUNK):
        if clock.over:
            return
        part = slice(start, start + CHUNK)
        anneal(
            plan.cells,
            labels,
            plan.target,
            factors,
            Schedule(
                schedule.temperature[part],
                schedule.penalty[part],
                schedule.tolerance[part],
                schedule.chains[part],
                schedule.proposals,
            ),
            state,
        )


def coarse(tolerance: float, proposals: int) -> Schedule:
    """Return the first phase: single cells, hot, under a tolerance that narrows."""
    return Schedule(
        np.geomspace(0.02, 0.004, STEPS),
        np.geomspace(20.0, 100.0, STEPS),
        np.linspace(max(0.05, tolerance), 0.5 * tolerance, STEPS),
        np.zeros(STEPS),
        proposals,
    )


def fine(tolerance: float, proposals: int) -> Schedule:
    """Return the second phase: chains of two cells, cooling down under a growing penalty."""
    return Schedule(
        np.geomspace(0.004, 0.0002, STEPS),
        np.geomspace(100.0, 50_000.0, STEPS),
        np.linspace(0.5 * tolerance, 0.75 * tolerance, STEPS),
        np.full(STEPS, 0.5),
        proposals,
    )


def designed(plan: Plan, area: Area, tolerance: float, seed: int, clock: Clock) -> IntArray:
    """Search for zones where there are none.

    Several starts are annealed coarsely, the best of them finely, side by side on the processors
    that there are. How many, and with how many proposals, depends on the number of cells alone.

    Returns
    -------
    ndarray of int32
        Zone of each cell.
    """
    n, zones = area.size, plan.target.size
    if zones == 1:
        return np.zeros(n, np.int32)
    proposals = 2 * n
    starts = int(np.clip(PROPOSALS // (STEPS * proposals), LEAST_STARTS, MOST_STARTS))
    first = started(plan, 0, seed, generator(seed, 0))
    extent = distance_to_medoids(area, first, zones)
    compact = float(polsby_popper(area, first, zones).mean())
    factors = Factors(plan.unit / extent if extent > 0 else 0.0, COARSE_SHAPE, 0.0)

    def begin(number: int) -> Candidate | None:
        if clock.over and number:
            return None
        state = generator(seed, number)
        labels = first.copy() if number == 0 else started(plan, number, seed, state)
        annealed(plan, labels, factors, coarse(tolerance, proposals), state, clock)
        return judged(plan, area, labels, max(tolerance, 0.05), compact)

    def finish(ranked: tuple[int, Candidate]) -> Candidate:
        number, candidate = ranked
        labels = candidate.labels.copy()
        sharper = factors._replace(shape=FINE_SHAPE)
        state = generator(seed, MOST_STARTS + number)
        annealed(plan, labels, sharper, fine(tolerance, proposals), state, clock)
        return judged(plan, area, labels, tolerance, compact)

    with ThreadPoolExecutor(processors()) as pool:
        begun = [candidate for candidate in pool.map(begin, range(starts)) if candidate]
        begun.sort(key=lambda candidate: candidate.score)
        finished = list(pool.map(finish, enumerate(begun[: max(LEAST_STARTS, starts // 3)])))
    return min(finished, key=lambda candidate: candidate.score).labels


def processors() -> int:
    """Return how many threads to use: the processors of this process, four at most."""
    return max(1, min(4, len(os.sched_getaffinity(0)) if LINUX else os.cpu_count() or 1))


def judged(
    plan: Plan, area: Area, labels: IntArray, tolerance: float, compact: float = 0.0
) -> Candidate:
    """Score a zoning; less compactness than `compact` counts as much as distance does."""
    zones = plan.target.size
    load = np.bincount(labels, plan.cells.weight, zones)
    off = float(np.abs(load / plan.target - 1.0).max())
    distance = distance_to_medoids(area, labels, zones)
    shape = float(polsby_popper(area, labels, zones).mean())
    return Candidate(
        (
            max(0.0, off - tolerance),
            float(
                np.log(max(distance, 1e-12))
                - WORTH * np.log(shape)
                + max(0.0, np.log(compact / shape) if compact > 0.0 else 0.0)
            ),
        ),
        labels,
    )


def started(plan: Plan, number: int, seed: int, state: RandomState) -> IntArray:
    """Return a first zoning; even numbers begin with METIS where it can be used."""
    labels = np.full(plan.group.size, FREE, np.int32)
    for group in range(int(plan.group.max()) + 1):
        inside = np.flatnonzero(plan.group == group).astype(np.int32)
        zones = np.flatnonzero(plan.zone_group == group).astype(np.int32)
        fixed = plan.fixed[inside]
        usable = bool((fixed == FREE).all()) and inside.size >= CELLS_PER_PART * zones.size
        part = None
        if usable and (number % 2 == 0 or inside.size > GROWN_CELLS):
            graph = plan.graph[inside][:, inside]
            part = metis_start(graph, plan.cells.weight[inside], zones.size, seed + number)
            if not contiguous(graph, part, zones.size):
                part = None
        if part is None:
            part = grown(plan, inside, zones, state)
        labels[inside] = zones[part]
    return labels


def contiguous(graph: csr_array, labels: IntArray, zones: int) -> bool:
    """Tell whether there are so many zones, each of them in one piece."""
    return np.unique(labels).size == zones and pieces(graph, labels)[0] == zones


def grown(plan: Plan, inside: IntArray, zones: IntArray, state: RandomState) -> IntArray:
    """Grow the zones of one group from fixed cells and scattered seeds.

    Returns
    -------
    ndarray of int32
        Index into `zones` of each cell inside.
    """
    cells = sub_cells(plan, inside)
    index = np.full(plan.target.size, FREE, np.int32)
    index[zones] = np.arange(zones.size)
    fixed = plan.fixed[inside]
    fixed = np.where(fixed == FREE, FREE, index[fixed]).astype(np.int32)
    loose = np.setdiff1d(np.arange(zones.size), fixed).astype(np.int32)
    eligible = np.flatnonzero(fixed == FREE).astype(np.int32)
    if eligible.size < loose.size:  # the ways between pinned cells took too many
        fixed = np.where(cells.movable, FREE, fixed).astype(np.int32)
        eligible = np.flatnonzero(fixed == FREE).astype(np.int32)
    seeds = np.full(zones.size, FREE, np.int32)
    if loose.size:
        seeds[loose] = scattered_seeds(cells, fixed, eligible, loose, state)
    return balanced_growth(cells, fixed, seeds, plan.target[zones], 12, 8)


def sub_cells(plan: Plan, inside: IntArray) -> Cells:
    """Return the cells of one group."""
    if inside.size == plan.group.size:
        return plan.cells
    graph = plan.graph[inside][:, inside]
    return Cells(
        graph.indptr.astype(np.int32),
        graph.indices.astype(np.int32),
        graph.data.astype(np.float64),
        *(
            getattr(plan.cells, name)[inside]
            for name in ("weight", "x", "y", "area", "perimeter", "movable", "home")
        ),
    )


def repaired(plan: Plan, area: Area, tolerance: float, seed: int, clock: Clock) -> IntArray:
    """Balance zones that have owners, with as few changes as the search finds.

    Cells without an owner go to the lightest zones beside them first. Then cells move only where
    that reduces what is beyond the tolerance: a change costs more than shape or distance gain.

    Returns
    -------
    ndarray of int32
        Zone of each cell.
    """
    zones = plan.target.size
    labels = np.where(plan.fixed != FREE, plan.fixed, plan.cells.home).astype(np.int32)
    fixed = np.where(plan.cells.movable, FREE, plan.fixed).astype(np.int32)
    release_strays(plan.graph, labels, plan.cells.weight, fixed)
    for zone in np.setdiff1d(np.arange(zones), labels).tolist():
        seat(plan, labels, zone)
    adopt(plan.cells, labels, plan.target)
    settled = np.array_equal(labels, plan.cells.home) and contiguous(plan.graph, labels, zones)
    if zones == 1 or (settled and judged(plan, area, labels, tolerance).score[0] <= 0.0):
        return labels
    extent = distance_to_medoids(area, labels, zones)
    distance = plan.unit / extent if extent > 0 else 0.0
    proposals = 4 * area.size
    runs = int(np.clip(REPAIR_PROPOSALS // (STEPS * proposals), LEAST_STARTS, MOST_REPAIRS))

    def run(number: int) -> Candidate | None:
        if clock.over and number:
            return None
        trial = labels.copy()
        # changes are dear in the first runs, shape and distance count more in the last
        factors = (
            Factors(distance, 0.1, 0.1)
            if number == MOST_REPAIRS - 1
            else Factors(0.2 * distance, 0.05, 0.05)
        )
        state = generator(seed, number)
        annealed(plan, trial, factors, repair(tolerance, proposals), state, clock)
        beyond = judged(plan, area, trial, tolerance).score[0]
        if beyond > 0.0:
            annealed(plan, trial, factors, insistent(tolerance, proposals), state, clock)
            beyond = judged(plan, area, trial, tolerance).score[0]
        moved = np.count_nonzero((trial != plan.cells.home) & (plan.cells.home != FREE))
        return Candidate((beyond, float(moved)), trial)

    with ThreadPoolExecutor(processors()) as pool:
        found = [candidate for candidate in pool.map(run, range(runs)) if candidate]
    return min(found, key=lambda candidate: candidate.score).labels


def repair(tolerance: float, proposals: int) -> Schedule:
    """Return the schedule of a repair: chains become more, under a growing penalty."""
    return Schedule(
        np.geomspace(0.02, 0.001, STEPS),
        np.geomspace(5.0, 100_000.0, STEPS),
        np.full(STEPS, 0.94 * tolerance),
        np.linspace(0.0, 0.5, STEPS),
        proposals,
    )


def insistent(tolerance: float, proposals: int) -> Schedule:
    """Return the end of a repair that has not reached its tolerance: balance above all."""
    steps = STEPS // 2
    return Schedule(
        np.geomspace(0.01, 0.001, steps),
        np.geomspace(10_000.0, 1_000_000.0, steps),
        np.full(steps, 0.9 * tolerance),
        np.full(steps, 0.5),
        proposals,
    )


def seat(plan: Plan, labels: IntArray, zone: int) -> None:
    """Give a zone without cells its first cell, in place.

    Taken is the heaviest cell without an owner in the zone's group, or else the cell farthest from
    the centre of the heaviest zone that can spare it.
    """
    inside = plan.group == plan.zone_group[zone]
    orphans = np.flatnonzero(inside & (labels == FREE))
    if orphans.size:
        labels[orphans[np.argmax(plan.cells.weight[orphans])]] = zone
        return
    search = new_search(plan.cells)
    load = np.bincount(labels[inside], plan.cells.weight[inside], plan.target.size)
    for donor in np.argsort(-load, kind="stable").tolist():
        members = np.flatnonzero(labels == donor)
        if members.size <= 1:
            continue
        x: FloatArray = plan.cells.x[members]
        y: FloatArray = plan.cells.y[members]
        far = np.hypot(x - x.mean(), y - y.mean())
        for cell in members[np.argsort(-far, kind="stable")].tolist():
            if plan.cells.movable[cell] and keeps_contiguous(cell, plan.cells, labels, search):
                labels[cell] = zone
                return

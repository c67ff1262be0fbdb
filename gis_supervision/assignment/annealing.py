"""Simulated annealing of contiguous zones: compiled kernels.

The energy of a zoning is the sum of

* the load-weighted distance of the cells to the geometric median of their zone,
* the isoperimetric ratio (perimeter / sqrt(4 pi area)) of each zone,
* the number of cells that left their owner, and
* the squared deviation of each zone's load from its target, beyond a tolerance.

Lengths are in units of a typical distance and loads in units of a zone's share, so that the factors
mean the same everywhere. A proposal moves a cell at a border into the zone across it; a chain moves
a second cell out of the receiving zone at once, which is what a narrow tolerance needs.
"""

from typing import NamedTuple

import numpy as np

from gis_supervision.assignment.areas import FloatArray, IntArray
from gis_supervision.assignment.zone_state import (
    UNIT,
    Cells,
    RandomState,
    Search,
    Tally,
    draw,
    keeps_contiguous,
    move,
    new_search,
    pick,
    tallied,
)
from gis_supervision.domain.compilation import compiled

ISOPERIMETRIC = 0.28209479177387814  # 1 / sqrt(4 pi): a disc has the ratio 1
FRONTS = 2  # two sides of a cut


class Factors(NamedTuple):
    """What the parts of the energy weigh against one another."""

    distance: float
    shape: float
    change: float


class Schedule(NamedTuple):
    """Temperature, penalty, tolerance and share of chains per step, and proposals in a step."""

    temperature: FloatArray
    penalty: FloatArray
    tolerance: FloatArray
    chains: FloatArray
    proposals: int


@compiled
def recentre(cells: Cells, tally: Tally, sums: FloatArray) -> None:
    """Move each zone's centre one Weiszfeld step towards its weighted geometric median."""
    sums[:] = 0.0
    for i in range(tally.labels.size):
        z = tally.labels[i]
        dx = cells.x[i] - tally.centre_x[z]
        dy = cells.y[i] - tally.centre_y[z]
        q = (cells.weight[i] + 1e-9) / np.sqrt(dx * dx + dy * dy + 1e-4)
        sums[0, z] += q
        sums[1, z] += q * cells.x[i]
        sums[2, z] += q * cells.y[i]
    for z in range(tally.load.size):
        if sums[0, z] > 0.0:
            tally.centre_x[z] = sums[1, z] / sums[0, z]
            tally.centre_y[z] = sums[2, z] / sums[0, z]


@compiled
def excess(load: float, target: float, tolerance: float) -> float:
    """Return the square of the part of |load / target - 1| beyond the tolerance."""
    over = abs(load / target - 1.0) - tolerance
    if over > 0.0:
        return over * over
    return 0.0


@compiled
def across(v: int, cells: Cells, labels: IntArray, outside: int, state: RandomState) -> int:
    """Return the zone of a neighbour across the border, each such neighbour alike."""
    left = pick(state, outside)
    for k in range(cells.indptr[v], cells.indptr[v + 1]):
        z = labels[cells.indices[k]]
        if z != labels[v]:
            if left == 0:
                return z  # type: ignore[no-any-return]  # an int once compiled
            left -= 1
    return labels[v]  # type: ignore[no-any-return]  # an int once compiled


@compiled
def change(
    v: int,
    b: int,
    cells: Cells,
    tally: Tally,
    factors: Factors,
    penalty: float,
    tolerance: float,
) -> float:
    """Return the energy gained or lost if cell `v` goes to zone `b`."""
    a = tally.labels[v]
    w = cells.weight[v]
    delta = penalty * (
        excess(tally.load[a] - w, tally.target[a], tolerance)
        - excess(tally.load[a], tally.target[a], tolerance)
        + excess(tally.load[b] + w, tally.target[b], tolerance)
        - excess(tally.load[b], tally.target[b], tolerance)
    )
    xa = cells.x[v] - tally.centre_x[a]
    ya = cells.y[v] - tally.centre_y[a]
    xb = cells.x[v] - tally.centre_x[b]
    yb = cells.y[v] - tally.centre_y[b]
    delta += factors.distance * w * (np.sqrt(xb * xb + yb * yb) - np.sqrt(xa * xa + ya * ya))
    if cells.home[v] >= 0:
        if cells.home[v] == a:
            delta += factors.change
        elif cells.home[v] == b:
            delta -= factors.change
    inner_a = 0.0
    inner_b = 0.0
    for k in range(cells.indptr[v], cells.indptr[v + 1]):
        z = tally.labels[cells.indices[k]]
        if z == a:
            inner_a += cells.border[k]
        elif z == b:
            inner_b += cells.border[k]
    delta += (
        factors.shape
        * ISOPERIMETRIC
        * (
            (tally.perimeter[a] - cells.perimeter[v] + 2.0 * inner_a)
            / np.sqrt(tally.area[a] - cells.area[v])
            - tally.perimeter[a] / np.sqrt(tally.area[a])
            + (tally.perimeter[b] + cells.perimeter[v] - 2.0 * inner_b)
            / np.sqrt(tally.area[b] + cells.area[v])
            - tally.perimeter[b] / np.sqrt(tally.area[b])
        )
    )
    return delta  # type: ignore[no-any-return]  # a float once compiled


@compiled
def wander(v: int, zone: int, steps: int, cells: Cells, tally: Tally, state: RandomState) -> int:
    """Walk at random within a zone from beside `v`; return a border cell met late, or -1."""
    at = v
    found = -1
    for _ in range(steps):
        start = cells.indptr[at]
        degree = cells.indptr[at + 1] - start
        t = cells.indices[start + pick(state, degree)]
        if tally.labels[t] == zone:
            at = t
            if t != v and tally.outside[t] > 0:
                found = t
    return found


@compiled
def accepts(delta: float, temperature: float, state: RandomState) -> bool:
    """Return the Metropolis rule's answer."""
    if delta <= 0.0:
        return True
    if temperature <= 0.0 or delta > 40.0 * temperature:
        return False
    return draw(state) * UNIT < np.exp(-delta / temperature)  # type: ignore[no-any-return]


@compiled
def move_branch(
    v: int,
    b: int,
    cells: Cells,
    tally: Tally,
    search: Search,
    factors: Factors,
    penalty: float,
    tolerance: float,
    temperature: float,
    state: RandomState,
) -> bool:
    """Give a cell and the branch that it cuts off to zone `b`, if that is accepted.

    Without this, zones along valleys and roads, whose cells hang together like trees, would be as
    good as frozen. `keeps_contiguous` has just been asked about the cell.
    """
    if search.cut[2] != FRONTS:
        return False
    a = tally.labels[v]
    size = 1
    search.branch[0] = v
    for k in range(search.cut[0]):
        t = search.queue[k]
        g = search.tag[t]
        while search.root[g] != g:
            g = search.root[g]
        if g == search.cut[1]:
            if not cells.movable[t]:
                return False
            search.branch[size] = t
            size += 1
    delta = 0.0
    for k in range(size):
        delta += change(search.branch[k], b, cells, tally, factors, penalty, tolerance)
        move(search.branch[k], b, cells, tally)
    if accepts(delta, temperature, state):
        return True
    for k in range(size - 1, -1, -1):
        move(search.branch[k], a, cells, tally)
    return False


@compiled
def anneal(  # noqa: C901 - one loop: calls would cost more than the work
    cells: Cells,
    labels: IntArray,
    target: FloatArray,
    factors: Factors,
    schedule: Schedule,
    state: RandomState,
) -> int:
    """Anneal a zoning in place.

    Returns
    -------
    int
        Cells moved.
    """
    n = labels.size
    tally = tallied(cells, labels, target)
    sums = np.zeros((3, target.size))
    for _ in range(5):
        recentre(cells, tally, sums)
    search = new_search(cells)
    reach = 4 + int(np.sqrt(n / target.size))
    moves = 0
    for step in range(schedule.temperature.size):
        temperature = schedule.temperature[step]
        penalty = schedule.penalty[step]
        tolerance = schedule.tolerance[step]
        chains = int(schedule.chains[step] * 1024)
        for _ in range(schedule.proposals):
            if tally.edges[0] == 0:
                return moves
            v = tally.edge[pick(state, tally.edges[0])]
            a = labels[v]
            if not cells.movable[v] or tally.members[a] <= 1:
                continue
            b = across(v, cells, labels, tally.outside[v], state)
            delta = change(v, b, cells, tally, factors, penalty, tolerance)
            luck = draw(state)
            chained = (luck & 1023) < chains
            branched = (luck >> 10) & 15 == 0
            if not chained and not branched and not accepts(delta, temperature, state):
                continue
            if not keeps_contiguous(v, cells, labels, search):
                if branched:
                    moves += move_branch(
                        v,
                        b,
                        cells,
                        tally,
                        search,
                        factors,
                        penalty,
                        tolerance,
                        temperature,
                        state,
                    )
                continue
            if not chained and branched and not accepts(delta, temperature, state):
                continue
            move(v, b, cells, tally)
            moves += 1
            if not chained:
                continue
            u = wander(v, b, 2 + pick(state, reach), cells, tally, state)
            if u >= 0 and cells.movable[u]:
                c = across(u, cells, labels, tally.outside[u], state)
                delta += change(u, c, cells, tally, factors, penalty, tolerance)
                if accepts(delta, temperature, state) and keeps_contiguous(
                    u, cells, labels, search
                ):
                    move(u, c, cells, tally)
                    continue
            move(v, a, cells, tally)
            moves -= 1
        recentre(cells, tally, sums)
    return moves

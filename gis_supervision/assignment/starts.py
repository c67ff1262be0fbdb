"""First zonings, which annealing improves: METIS, and growth from balanced centres."""

import numpy as np
import pymetis
from scipy.sparse import csr_array

from gis_supervision.assignment.areas import FREE, FloatArray, IntArray
from gis_supervision.assignment.zone_state import UNIT, Cells, RandomState, draw
from gis_supervision.domain.compilation import compiled

HALF = 2**30  # METIS counts in 32 bits
RESOLUTION = 1000  # of weights, in parts of the mean cell


def metis_start(graph: csr_array, shares: FloatArray, zones: int, seed: int) -> IntArray:
    """Cut a connected graph into contiguous parts by METIS (Karypis and Kumar 1998).

    Returns
    -------
    ndarray of int32
        Part of each cell. METIS leaves parts empty where there are few cells for many parts.
    """
    if zones == 1:
        return np.zeros(shares.size, np.int32)
    scale = min(RESOLUTION * shares.size, HALF) / max(float(shares.sum()), 1e-300)
    options = pymetis.Options(ufactor=10, ncuts=1, seed=seed % 2**63, contig=1)
    found = pymetis.part_graph(
        zones,
        pymetis.CSRAdjacency(graph.indptr.astype(np.int32), graph.indices.astype(np.int32)),
        vweights=np.round(shares * scale).astype(np.int32),
        options=options,
        recursive=False,
    )
    return np.asarray(found.vertex_part, dtype=np.int32)


@compiled
def push(
    key: FloatArray, item: IntArray, owner: IntArray, size: int, k: float, v: int, z: int
) -> None:
    """Add an entry to a binary heap of `size` entries."""
    at = size
    while at > 0:
        above = (at - 1) >> 1
        if key[above] <= k:
            break
        key[at] = key[above]
        item[at] = item[above]
        owner[at] = owner[above]
        at = above
    key[at] = k
    item[at] = v
    owner[at] = z


@compiled
def pop(key: FloatArray, item: IntArray, owner: IntArray, size: int) -> None:
    """Take the first entry from a binary heap of `size` entries."""
    last = size - 1
    k = key[last]
    at = 0
    while True:
        below = 2 * at + 1
        if below >= last:
            break
        if below + 1 < last and key[below + 1] < key[below]:
            below += 1
        if k <= key[below]:
            break
        key[at] = key[below]
        item[at] = item[below]
        owner[at] = owner[below]
        at = below
    key[at] = k
    item[at] = item[last]
    owner[at] = owner[last]


@compiled
def grow(
    cells: Cells,
    centre_x: FloatArray,
    centre_y: FloatArray,
    bonus: FloatArray,
    labels: IntArray,
    key: FloatArray,
    item: IntArray,
    owner: IntArray,
) -> int:
    """Grow zones from the cells that have a label over those with -1, nearest first.

    The distance to a zone is that to its centre less its bonus: an additively weighted Voronoi
    diagram whose regions are connected in the graph by construction.

    Returns
    -------
    int
        Cells that no zone reaches.
    """
    size = 0
    left = 0
    for v in range(labels.size):
        if labels[v] < 0:
            left += 1
            continue
        z = labels[v]
        for k in range(cells.indptr[v], cells.indptr[v + 1]):
            t = cells.indices[k]
            if labels[t] < 0:
                far = np.hypot(cells.x[t] - centre_x[z], cells.y[t] - centre_y[z]) - bonus[z]
                push(key, item, owner, size, far, t, z)
                size += 1
    while size > 0:
        v = item[0]
        z = owner[0]
        pop(key, item, owner, size)
        size -= 1
        if labels[v] >= 0:
            continue
        labels[v] = z
        left -= 1
        for k in range(cells.indptr[v], cells.indptr[v + 1]):
            t = cells.indices[k]
            if labels[t] < 0:
                far = np.hypot(cells.x[t] - centre_x[z], cells.y[t] - centre_y[z]) - bonus[z]
                push(key, item, owner, size, far, t, z)
                size += 1
    return left


@compiled
def scattered_seeds(
    cells: Cells, fixed: IntArray, eligible: IntArray, zones: IntArray, state: RandomState
) -> IntArray:
    """Draw a seed cell for each zone without fixed cells, by load and far from the others.

    A seed's chance is its load times its distance to the nearest seed (Arthur and Vassilvitskii
    2007, for medians).

    Parameters
    ----------
    fixed : ndarray
        Zone of the cells that are fixed, -1 elsewhere.
    eligible : ndarray
        Cells to draw from; at least as many as zones, none of them fixed.
    zones : ndarray
        Zones that need a seed.
    """
    n = fixed.size
    near = np.full(eligible.size, np.inf)
    for v in range(n):
        if fixed[v] >= 0:
            for j in range(eligible.size):
                i = eligible[j]
                near[j] = min(near[j], np.hypot(cells.x[i] - cells.x[v], cells.y[i] - cells.y[v]))
    seeds = np.empty(zones.size, np.int32)
    taken = np.zeros(eligible.size, np.bool_)
    cumulated = np.empty(eligible.size)
    for s in range(zones.size):
        total = 0.0
        for j in range(eligible.size):
            if not taken[j]:
                q = cells.weight[eligible[j]] + 1e-9
                total += q * (near[j] + 1e-9) if near[j] < np.inf else q
            cumulated[j] = total
        j = min(
            int(np.searchsorted(cumulated, draw(state) * UNIT * total, side="right")),
            eligible.size - 1,
        )
        while taken[j]:
            j = (j + 1) % eligible.size
        taken[j] = True
        chosen = eligible[j]
        seeds[s] = chosen
        for j in range(eligible.size):
            i = eligible[j]
            d = np.hypot(cells.x[i] - cells.x[chosen], cells.y[i] - cells.y[chosen])
            near[j] = min(near[j], d)
    return seeds


@compiled
def balanced_growth(  # noqa: C901, PLR0912, PLR0915 - one iteration, step by step
    cells: Cells,
    fixed: IntArray,
    seeds: IntArray,
    target: FloatArray,
    rounds: int,
    inner: int,
) -> IntArray:
    """Alternate between growth with bonuses that balance the loads, and new centres.

    Parameters
    ----------
    fixed : ndarray
        Zone of the cells that are fixed, -1 elsewhere.
    seeds : ndarray
        First cell of each zone; -1 for zones with fixed cells.
    target : ndarray
        Load that each zone should have.
    rounds, inner : int
        New centres, and steps of the bonuses between them.

    Returns
    -------
    ndarray of int32
        The best labels met; -1 where no zone reaches.
    """
    n = fixed.size
    zones = seeds.size
    key = np.empty(2 * cells.indices.size + n + 1)
    item = np.empty(key.size, np.int32)
    owner = np.empty(key.size, np.int32)
    labels = np.empty(n, np.int32)
    best = np.empty(n, np.int32)
    best_score = np.inf
    seed = seeds.copy()
    cx = np.zeros(zones)
    cy = np.zeros(zones)
    bonus = np.zeros(zones)
    load = np.empty(zones)
    size = np.empty(zones)
    reach = np.empty(zones)
    near = np.empty(zones)
    sums = np.zeros((3, zones))
    for i in range(n):
        z = fixed[i]
        if z >= 0:
            q = cells.weight[i] + 1e-9
            sums[0, z] += q
            sums[1, z] += q * cells.x[i]
            sums[2, z] += q * cells.y[i]
    for z in range(zones):
        if seed[z] >= 0:
            cx[z] = cells.x[seed[z]]
            cy[z] = cells.y[seed[z]]
        elif sums[0, z] > 0.0:
            cx[z] = sums[1, z] / sums[0, z]
            cy[z] = sums[2, z] / sums[0, z]
    for turn in range(rounds):
        for step in range(inner if turn > 0 else 3 * inner):
            labels[:] = fixed
            for z in range(zones):
                if seed[z] >= 0:
                    labels[seed[z]] = z
            grow(cells, cx, cy, bonus, labels, key, item, owner)
            load[:] = 0.0
            size[:] = 1e-9
            reach[:] = 0.0
            cost = 0.0
            for i in range(n):
                z = labels[i]
                if z >= 0:
                    load[z] += cells.weight[i]
                    far = np.hypot(cells.x[i] - cx[z], cells.y[i] - cy[z])
                    size[z] += 1.0
                    reach[z] += far
                    cost += cells.weight[i] * far
            missing = 0.0
            for z in range(zones):
                missing += max(0.0, abs(load[z] / target[z] - 1.0) - 0.05)
            score = cost * (1.0 + 2.0 * missing / zones)
            if score < best_score:
                best_score = score
                best[:] = labels
            for z in range(zones):
                off = max(-0.5, min(0.5, 1.0 - load[z] / target[z]))
                bonus[z] += off * reach[z] / size[z] / (1.0 + 0.1 * step)
        for _ in range(3):
            sums[:] = 0.0
            for i in range(n):
                z = labels[i]
                if z >= 0:
                    far = np.hypot(cells.x[i] - cx[z], cells.y[i] - cy[z])
                    q = (cells.weight[i] + 1e-9) / (far + 0.01)
                    sums[0, z] += q
                    sums[1, z] += q * cells.x[i]
                    sums[2, z] += q * cells.y[i]
            for z in range(zones):
                if sums[0, z] > 0.0:
                    cx[z] = sums[1, z] / sums[0, z]
                    cy[z] = sums[2, z] / sums[0, z]
        near[:] = np.inf
        for i in range(n):
            z = labels[i]
            if z >= 0 and seed[z] >= 0:
                d = np.hypot(cells.x[i] - cx[z], cells.y[i] - cy[z])
                if d < near[z]:
                    near[z] = d
                    seeds[z] = i
        for z in range(zones):
            if seed[z] >= 0:
                seed[z] = seeds[z]
    return best


@compiled
def adopt(  # noqa: C901 - one loop: calls would cost more than the work
    cells: Cells, labels: IntArray, target: FloatArray
) -> int:
    """Give the cells without a zone to their neighbours, in place, the lightest zone first.

    Each time the zone with the least load (in parts of its target) takes the cell beside it that is
    nearest to its centre.

    Returns
    -------
    int
        Cells that no zone reaches.
    """
    n = labels.size
    zones = target.size
    load = np.zeros(zones)
    mass = np.zeros(zones)
    cx = np.zeros(zones)
    cy = np.zeros(zones)
    left = 0
    for i in range(n):
        z = labels[i]
        if z < 0:
            left += 1
            continue
        q = cells.weight[i] + 1e-9
        load[z] += cells.weight[i]
        mass[z] += q
        cx[z] += q * cells.x[i]
        cy[z] += q * cells.y[i]
    orphans = np.empty(left, np.int32)
    left = 0
    for i in range(n):
        if labels[i] == FREE:
            orphans[left] = i
            left += 1
    while left > 0:
        chosen = -1
        zone = -1
        lightest = np.inf
        nearest = np.inf
        for j in range(left):
            v = orphans[j]
            for k in range(cells.indptr[v], cells.indptr[v + 1]):
                z = labels[cells.indices[k]]
                if z < 0:
                    continue
                level = load[z] / target[z]
                if level > lightest:
                    continue
                far = np.hypot(cells.x[v] - cx[z] / mass[z], cells.y[v] - cy[z] / mass[z])
                if level < lightest or far < nearest:
                    lightest = level
                    nearest = far
                    chosen = j
                    zone = z
        if chosen < 0:
            return left
        v = orphans[chosen]
        labels[v] = zone
        load[zone] += cells.weight[v]
        left -= 1
        orphans[chosen] = orphans[left]
    return 0

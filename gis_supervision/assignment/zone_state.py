"""Zones while they are searched for: sums, border cells, contiguity; compiled kernels."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gis_supervision.assignment.areas import FloatArray, IntArray
from gis_supervision.domain.compilation import compiled

LongArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
RandomState = npt.NDArray[np.uint64]

UNIT = 1.1102230246251565e-16  # 2**-53


class Cells(NamedTuple):
    """The area: what does not change while zones are designed."""

    indptr: IntArray
    indices: IntArray
    border: FloatArray
    weight: FloatArray
    x: FloatArray
    y: FloatArray
    area: FloatArray
    perimeter: FloatArray
    movable: BoolArray
    home: IntArray


class Tally(NamedTuple):
    """Sums over the zones and the list of border cells, kept current at each move."""

    labels: IntArray
    target: FloatArray
    load: FloatArray
    area: FloatArray
    perimeter: FloatArray
    members: LongArray
    centre_x: FloatArray
    centre_y: FloatArray
    outside: IntArray
    edge: IntArray
    place: IntArray
    edges: LongArray


class Search(NamedTuple):
    """Marks and queue of the contiguity check."""

    seen: LongArray
    tag: IntArray
    queue: IntArray
    root: IntArray
    pending: IntArray
    stamp: LongArray
    cut: IntArray
    branch: IntArray


@compiled
def draw(state: RandomState) -> int:
    """Return the next number of a xorshift generator (Marsaglia 2003), 0 to 2**53 - 1."""
    s = state[0]
    s ^= s << np.uint64(13)
    s ^= s >> np.uint64(7)
    s ^= s << np.uint64(17)
    state[0] = s
    return np.int64(s >> np.uint64(11))  # type: ignore[return-value]  # an int once compiled


@compiled
def pick(state: RandomState, size: int) -> int:
    """Draw a number from 0 to ``size - 1``; sizes are small against 2**32 (Lemire 2019)."""
    high = np.uint64(draw(state)) >> np.uint64(21)
    return np.int64((high * np.uint64(size)) >> np.uint64(32))  # type: ignore[return-value]  # see draw


@compiled
def new_search(cells: Cells) -> Search:
    """Return empty marks for the contiguity check."""
    n = cells.weight.size
    degree = 0
    for i in range(n):
        degree = max(degree, cells.indptr[i + 1] - cells.indptr[i])
    return Search(
        np.zeros(n, np.int64),
        np.zeros(n, np.int32),
        np.empty(n + 1, np.int32),
        np.empty(degree + 1, np.int32),
        np.empty(degree + 1, np.int32),
        np.zeros(1, np.int64),
        np.zeros(3, np.int32),
        np.empty(n, np.int32),
    )


@compiled
def keeps_contiguous(  # noqa: C901, PLR0912 - one loop: calls would cost more than the work
    cell: int, cells: Cells, labels: IntArray, search: Search
) -> bool:
    """Tell whether the neighbours of `cell` in its zone hang together without it.

    Each neighbour starts a front; fronts that touch are merged. The answer is known as soon as one
    front is left, or one front has nowhere to go: the cost is that of the smaller side. In the last
    case `search.cut` tells the branch that the cell cuts off: how many cells of the queue to look
    at, the front's number, and how many fronts were left.
    """
    zone = labels[cell]
    search.stamp[0] += 1
    stamp = search.stamp[0]
    groups = 0
    tail = 0
    for k in range(cells.indptr[cell], cells.indptr[cell + 1]):
        t = cells.indices[k]
        if labels[t] == zone:
            search.seen[t] = stamp
            search.tag[t] = groups
            search.root[groups] = groups
            search.pending[groups] = 1
            search.queue[tail] = t
            tail += 1
            groups += 1
    if groups <= 1:
        return True
    search.seen[cell] = stamp
    search.tag[cell] = -1
    head = 0
    while head < tail:
        s = search.queue[head]
        head += 1
        g = search.tag[s]
        while search.root[g] != g:
            g = search.root[g]
        search.pending[g] -= 1
        for k in range(cells.indptr[s], cells.indptr[s + 1]):
            t = cells.indices[k]
            if labels[t] != zone:
                continue
            if search.seen[t] != stamp:
                search.seen[t] = stamp
                search.tag[t] = g
                search.pending[g] += 1
                search.queue[tail] = t
                tail += 1
            elif search.tag[t] >= 0:
                h = search.tag[t]
                while search.root[h] != h:
                    h = search.root[h]
                if h != g:
                    search.root[h] = g
                    search.pending[g] += search.pending[h]
                    groups -= 1
                    if groups == 1:
                        return True
        if search.pending[g] == 0:
            search.cut[0] = tail
            search.cut[1] = g
            search.cut[2] = groups
            return False
    search.cut[2] = 0
    return False


@compiled
def list_border(v: int, tally: Tally) -> None:
    """Put a cell into the list of border cells."""
    if tally.place[v] < 0:
        tally.place[v] = tally.edges[0]
        tally.edge[tally.edges[0]] = v
        tally.edges[0] += 1


@compiled
def unlist_border(v: int, tally: Tally) -> None:
    """Take a cell out of the list of border cells."""
    if tally.place[v] >= 0:
        tally.edges[0] -= 1
        last = tally.edge[tally.edges[0]]
        tally.edge[tally.place[v]] = last
        tally.place[last] = tally.place[v]
        tally.place[v] = -1


@compiled
def tallied(cells: Cells, labels: IntArray, target: FloatArray) -> Tally:
    """Sum the zones up and list the border cells."""
    n = labels.size
    zones = target.size
    tally = Tally(
        labels,
        target,
        np.zeros(zones),
        np.zeros(zones),
        np.zeros(zones),
        np.zeros(zones, np.int64),
        np.zeros(zones),
        np.zeros(zones),
        np.zeros(n, np.int32),
        np.empty(n, np.int32),
        np.full(n, -1, np.int32),
        np.zeros(1, np.int64),
    )
    mass = np.zeros(zones)
    for i in range(n):
        z = labels[i]
        tally.load[z] += cells.weight[i]
        tally.area[z] += cells.area[i]
        tally.perimeter[z] += cells.perimeter[i]
        tally.members[z] += 1
        q = cells.weight[i] + 1e-9
        mass[z] += q
        tally.centre_x[z] += cells.x[i] * q
        tally.centre_y[z] += cells.y[i] * q
        for k in range(cells.indptr[i], cells.indptr[i + 1]):
            if labels[cells.indices[k]] == z:
                tally.perimeter[z] -= cells.border[k]
            else:
                tally.outside[i] += 1
        if tally.outside[i] > 0:
            list_border(i, tally)
    for z in range(zones):
        if mass[z] > 0.0:
            tally.centre_x[z] /= mass[z]
            tally.centre_y[z] /= mass[z]
    return tally


@compiled
def move(v: int, b: int, cells: Cells, tally: Tally) -> None:
    """Give cell `v` to zone `b`."""
    a = tally.labels[v]
    w = cells.weight[v]
    tally.labels[v] = b
    tally.load[a] -= w
    tally.load[b] += w
    tally.members[a] -= 1
    tally.members[b] += 1
    tally.area[a] -= cells.area[v]
    tally.area[b] += cells.area[v]
    tally.perimeter[a] -= cells.perimeter[v]
    tally.perimeter[b] += cells.perimeter[v]
    away = 0
    for k in range(cells.indptr[v], cells.indptr[v + 1]):
        t = cells.indices[k]
        z = tally.labels[t]
        if z == a:
            away += 1
            tally.perimeter[a] += 2.0 * cells.border[k]
            tally.outside[t] += 1
            if tally.outside[t] == 1:
                list_border(t, tally)
        elif z == b:
            tally.perimeter[b] -= 2.0 * cells.border[k]
            tally.outside[t] -= 1
            if tally.outside[t] == 0:
                unlist_border(t, tally)
        else:
            away += 1
    tally.outside[v] = away
    if away == 0:
        unlist_border(v, tally)
    else:
        list_border(v, tally)

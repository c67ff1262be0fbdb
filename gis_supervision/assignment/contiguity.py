"""Which cells hang together: components, links across gaps, and how many zones each can have."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from gis_supervision.assignment.areas import FREE, FloatArray, IntArray
from gis_supervision.domain.compilation import compiled

UNSEEN = -2
ROOT = -1


@dataclass(frozen=True)
class Link:
    """Two cells that are treated as neighbours though they do not touch.

    Attributes
    ----------
    cell, other : int
        The cells.
    gap : float
        Distance of their centres, in metres.
    cells : int
        Size of the piece that is joined to the rest.
    load : float
        Its load, in shares of a zone.
    """

    cell: int
    other: int
    gap: float
    cells: int
    load: float


def pieces(graph: csr_array, labels: IntArray) -> tuple[int, IntArray]:
    """Find the connected pieces of zones.

    Returns
    -------
    int
        Number of pieces.
    ndarray
        Piece of each cell. A cell without a zone (-1) is a piece with its likes.
    """
    edges = graph.tocoo()
    same = labels[edges.row] == labels[edges.col]
    inner = coo_array(
        (np.ones(int(same.sum()), np.int8), (edges.row[same], edges.col[same])), shape=graph.shape
    )
    number, piece = connected_components(inner, directed=False)
    return int(number), piece.astype(np.int32)


def linked(graph: csr_array, links: list[Link]) -> csr_array:
    """Return the graph with the links as borders without length."""
    if not links:
        return graph
    n = graph.shape[0]
    edges = graph.tocoo()
    ends = np.array([(link.cell, link.other) for link in links], np.int64)
    row = np.concatenate([edges.row, ends[:, 0], ends[:, 1]]).astype(np.int64)
    column = np.concatenate([edges.col, ends[:, 1], ends[:, 0]]).astype(np.int64)
    data = np.concatenate([edges.data, np.zeros(2 * len(links))])
    _, first = np.unique(row * n + column, return_index=True)
    row, column, data = row[first], column[first], data[first]
    indptr = np.zeros(n + 1, np.int32)
    np.cumsum(np.bincount(row, minlength=n), out=indptr[1:])
    return csr_array((data, column.astype(np.int32), indptr), shape=(n, n))


def nearest_outside(
    x: FloatArray, y: FloatArray, group: IntArray, wanted: IntArray
) -> list[tuple[int, int, float]]:
    """Find for each wanted group its cell and the foreign cell that are nearest to each other."""
    points = np.column_stack([x, y])
    tree = cKDTree(points)
    best: dict[int, tuple[float, int, int]] = {}
    left = np.flatnonzero(np.isin(group, wanted))
    reach = 8
    while left.size:
        reach = min(reach, group.size)
        gap, hit = tree.query(points[left], k=reach)
        foreign = group[hit] != group[left][:, None]
        first = np.argmax(foreign, axis=1)
        found = foreign[np.arange(left.size), first]
        for row in np.flatnonzero(found).tolist():
            cell = int(left[row])
            pair = (float(gap[row, first[row]]), cell, int(hit[row, first[row]]))
            best[int(group[cell])] = min(best.get(int(group[cell]), pair), pair)
        # a group's inner cells are left out as soon as one of its cells found a foreign one nearer
        # than the inner cells have looked
        limit = np.array([best.get(g, (np.inf, 0, 0))[0] for g in group[left].tolist()])
        left = left[~found & (gap[:, -1] < limit)]
        reach *= 4
    return [(best[g][1], best[g][2], best[g][0]) for g in wanted.tolist()]


def joined_components(
    graph: csr_array,
    shares: FloatArray,
    x: FloatArray,
    y: FloatArray,
    *,
    held: list[IntArray],
    join_below: float,
) -> tuple[IntArray, list[Link]]:
    """Join components that are too light for a zone of their own to their nearest neighbours.

    Parameters
    ----------
    graph, shares, x, y
        Cells, their loads in shares of a zone, and their centres in metres.
    held : list of ndarray
        Cells that each zone holds already: their components are joined. There are at most so many
        groups without any zone as there are zones without cells.
    join_below : float
        Components with less load than this share are joined.

    Returns
    -------
    ndarray
        Group of each cell, numbered from 0.
    list of Link
        The links that join components.
    """
    number, group = connected_components(graph, directed=False)
    group = group.astype(np.int32)
    links: list[Link] = []
    if number == 1:
        return group, links
    spare = sum(cells.size == 0 for cells in held)
    owned = np.zeros(group.size, np.bool_)
    for cells in held:
        owned[cells] = True
        while cells.size and (group[cells] != group[cells[0]]).any():
            other = cells[np.argmax(group[cells] != group[cells[0]])]
            inside = group == group[other]
            links.append(
                Link(
                    int(other),
                    int(cells[0]),
                    float(np.hypot(x[other] - x[cells[0]], y[other] - y[cells[0]])),
                    int(inside.sum()),
                    float(shares[inside].sum()),
                )
            )
            group[inside] = group[cells[0]]
    while True:
        present, size = np.unique(group, return_counts=True)
        load = np.bincount(group, shares, number)[present]
        order = np.lexsort((present, size, load))
        if present.size == 1:
            break
        light = order[load[order] < join_below]
        if light.size == 0:
            lone = order[np.bincount(group, owned, number)[present][order] == 0]
            if lone.size <= spare:
                break
            light = lone[:1]
        before = group.copy()
        for k, (cell, other, gap) in zip(
            light, nearest_outside(x, y, before, present[light]), strict=True
        ):
            if group[cell] == group[other]:
                continue  # joined in this round, from the other side
            inside = group == group[cell]
            links.append(Link(cell, other, gap, int(size[k]), float(load[k])))
            group[inside] = group[other]
    return np.unique(group, return_inverse=True)[1].astype(np.int32), links


def apportioned(loads: FloatArray, sizes: IntArray, least: IntArray, zones: int) -> IntArray:
    """Divide a number of zones among groups so that the largest deviation is smallest.

    Parameters
    ----------
    loads : ndarray
        Load of each group, in shares of a zone.
    sizes : ndarray
        Cells of each group: it cannot have more zones.
    least : ndarray
        Zones that each group must have, at least 1.
    zones : int
        Zones in all.

    Returns
    -------
    ndarray of int32
        Zones of each group; the sum is `zones`.
    """
    given = np.maximum(least, 1).astype(np.int64)
    while given.sum() < zones:
        # the next zone goes where zones are heaviest (D'Hondt): this bounds the heaviest zone
        burden = np.where(given < sizes, loads / given, -1.0)
        given[int(np.argmax(burden))] += 1

    def worst(counts: np.ndarray) -> float:
        return float(np.abs(loads / counts - 1.0).max())

    improved = True
    while improved:
        improved = False
        base = worst(given)
        for source in np.flatnonzero(given > np.maximum(least, 1)):
            for sink in np.flatnonzero(given < sizes):
                trial = given.copy()
                trial[source] -= 1
                trial[sink] += 1
                if source != sink and worst(trial) < base - 1e-12:
                    given, base, improved = trial, worst(trial), True
                    break
            if improved:
                break
    return given.astype(np.int32)


@compiled
def flood(
    start: int,
    indptr: IntArray,
    indices: IntArray,
    labels: IntArray,
    mark: IntArray,
    queue: IntArray,
) -> int:
    """Mark the piece of a cell with -1 and list it in `queue`; return its size."""
    mark[start] = ROOT
    queue[0] = start
    head = 0
    tail = 1
    while head < tail:
        v = queue[head]
        head += 1
        for k in range(indptr[v], indptr[v + 1]):
            t = indices[k]
            if labels[t] == labels[start] and mark[t] == UNSEEN:
                mark[t] = ROOT
                queue[tail] = t
                tail += 1
    return tail


@compiled
def way(
    tail: int,
    zone: int,
    indptr: IntArray,
    indices: IntArray,
    labels: IntArray,
    before: IntArray,
    queue: IntArray,
) -> int:
    """Search from the cells in `queue` over cells without a zone for another piece of the zone.

    Returns
    -------
    int
        The last cell of the shortest way, whose predecessors are in `before`; -1 if there is none.
    """
    head = 0
    while head < tail:
        v = queue[head]
        head += 1
        for k in range(indptr[v], indptr[v + 1]):
            t = indices[k]
            if before[t] != UNSEEN:
                continue
            if labels[t] == zone:
                return v  # type: ignore[no-any-return]  # an int once compiled
            if labels[t] < 0:
                before[t] = v
                queue[tail] = t
                tail += 1
    return -1


@compiled
def connect(indptr: IntArray, indices: IntArray, labels: IntArray, zone: int) -> None:
    """Connect the pieces of a zone by shortest ways over cells without a zone, in place.

    Pieces that other zones shut in stay apart.
    """
    before = np.empty(labels.size, np.int32)
    queue = np.empty(labels.size, np.int32)
    for first in range(labels.size):
        if labels[first] != zone:
            continue
        while True:
            before[:] = UNSEEN
            size = flood(first, indptr, indices, labels, before, queue)
            v = way(size, zone, indptr, indices, labels, before, queue)
            if v < 0:
                break
            while before[v] >= 0:
                labels[v] = zone
                v = before[v]
        return


def release_strays(graph: csr_array, labels: IntArray, shares: FloatArray, kept: IntArray) -> int:
    """Take the label from pieces that do not hang together with their zone, in place.

    Each zone keeps its heaviest piece, and every piece with a cell in `kept` (not -1).

    Returns
    -------
    int
        Cells released.
    """
    number, piece = pieces(graph, labels)
    zones = int(labels.max(initial=-1)) + 1
    if zones == 0:
        return 0
    owner = np.full(number, FREE, np.int32)
    owner[piece] = labels
    weight = np.bincount(piece, shares + 1e-9, number)
    fixed = np.bincount(piece, kept != FREE, number) > 0
    order = np.lexsort((np.arange(number), -weight, ~fixed))
    keep = fixed.copy()
    seen = np.zeros(zones, np.bool_)
    for k in order:
        if owner[k] >= 0 and not seen[owner[k]]:
            seen[owner[k]] = keep[k] = True
    stray = ~keep[piece] & (labels >= 0)
    labels[stray] = FREE
    return int(stray.sum())

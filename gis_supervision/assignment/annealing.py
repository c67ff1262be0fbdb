"""Simulated annealing of contiguous zones: compiled kernels."""

import numpy as np
import numpy.typing as npt

from gis_supervision.assignment.compilation import compiled

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int32]
BoolArray = npt.NDArray[np.bool_]

ISOPERIMETRIC = 0.28209479177387814  # 1 / sqrt(4 pi): a disc has the ratio 1


@compiled
def draw(state: npt.NDArray[np.uint64]) -> int:
    """Return the next number of a xorshift generator [0, 2**53)."""
    s = state[0]
    s ^= s << np.uint64(13)
    s ^= s >> np.uint64(7)
    s ^= s << np.uint64(17)
    state[0] = s
    return np.int64(s >> np.uint64(11))


@compiled
def keeps_contiguous(
    cell: int,
    zone: int,
    indptr: IntArray,
    indices: IntArray,
    labels: IntArray,
    seen: npt.NDArray[np.int64],
    tag: IntArray,
    queue: IntArray,
    root: IntArray,
    pending: IntArray,
    stamp: int,
) -> bool:
    """Tell whether the neighbours of `cell` in `zone` hang together without it.

    Each neighbour starts a front; fronts that touch are merged. The answer is known as soon as one
    front is left, or one front has nowhere to go: the cost is that of the smaller side.
    """
    groups = 0
    tail = 0
    for k in range(indptr[cell], indptr[cell + 1]):
        t = indices[k]
        if labels[t] == zone:
            seen[t] = stamp
            tag[t] = groups
            root[groups] = groups
            pending[groups] = 1
            queue[tail] = t
            tail += 1
            groups += 1
    if groups <= 1:
        return True
    seen[cell] = stamp
    tag[cell] = -1
    head = 0
    while head < tail:
        s = queue[head]
        head += 1
        g = tag[s]
        while root[g] != g:
            g = root[g]
        pending[g] -= 1
        for k in range(indptr[s], indptr[s + 1]):
            t = indices[k]
            if labels[t] != zone:
                continue
            if seen[t] != stamp:
                seen[t] = stamp
                tag[t] = g
                pending[g] += 1
                queue[tail] = t
                tail += 1
            elif tag[t] >= 0:
                h = tag[t]
                while root[h] != h:
                    h = root[h]
                if h != g:
                    root[h] = g
                    pending[g] += pending[h]
                    groups -= 1
                    if groups == 1:
                        return True
        if pending[g] == 0:
            return False
    return False


@compiled
def recentre(
    weight: FloatArray,
    x: FloatArray,
    y: FloatArray,
    labels: IntArray,
    centre_x: FloatArray,
    centre_y: FloatArray,
    sums: FloatArray,
) -> None:
    """Move each zone's centre one Weiszfeld step towards its weighted geometric median."""
    zones = centre_x.size
    for z in range(zones):
        sums[0, z] = 0.0
        sums[1, z] = 0.0
        sums[2, z] = 0.0
    for i in range(labels.size):
        z = labels[i]
        dx = x[i] - centre_x[z]
        dy = y[i] - centre_y[z]
        q = (weight[i] + 1e-9) / np.sqrt(dx * dx + dy * dy + 1e-4)
        sums[0, z] += q
        sums[1, z] += q * x[i]
        sums[2, z] += q * y[i]
    for z in range(zones):
        if sums[0, z] > 0.0:
            centre_x[z] = sums[1, z] / sums[0, z]
            centre_y[z] = sums[2, z] / sums[0, z]


@compiled
def excess(load: float, tolerance: float) -> float:
    """Return the squared part of |load - 1| beyond the tolerance."""
    over = abs(load - 1.0) - tolerance
    if over > 0.0:
        return over * over
    return 0.0


@compiled
def anneal(  # noqa: C901, PLR0912, PLR0914, PLR0915 - one loop: calls would cost more than the work
    indptr: IntArray,
    indices: IntArray,
    border: FloatArray,
    weight: FloatArray,
    x: FloatArray,
    y: FloatArray,
    area: FloatArray,
    perimeter: FloatArray,
    movable: BoolArray,
    home: IntArray,
    labels: IntArray,
    zones: int,
    distance_factor: float,
    shape_factor: float,
    change_factor: float,
    temperatures: FloatArray,
    penalties: FloatArray,
    tolerances: FloatArray,
    proposals: int,
    state: npt.NDArray[np.uint64],
) -> int:
    n = labels.size
    load = np.zeros(zones)
    zone_area = np.zeros(zones)
    zone_perimeter = np.zeros(zones)
    count = np.zeros(zones, np.int64)
    centre_x = np.zeros(zones)
    centre_y = np.zeros(zones)
    sums = np.zeros((3, zones))
    outside = np.zeros(n, np.int32)
    edge = np.empty(n, np.int32)
    place = np.full(n, -1, np.int32)
    edges = 0
    degree = 0
    for i in range(n):
        z = labels[i]
        load[z] += weight[i]
        zone_area[z] += area[i]
        zone_perimeter[z] += perimeter[i]
        count[z] += 1
        centre_x[z] += x[i] * (weight[i] + 1e-9)
        centre_y[z] += y[i] * (weight[i] + 1e-9)
        sums[0, z] += weight[i] + 1e-9
        degree = max(degree, indptr[i + 1] - indptr[i])
        for k in range(indptr[i], indptr[i + 1]):
            if labels[indices[k]] == z:
                zone_perimeter[z] -= border[k]
            else:
                outside[i] += 1
        if outside[i] > 0:
            place[i] = edges
            edge[edges] = i
            edges += 1
    for z in range(zones):
        if sums[0, z] > 0.0:
            centre_x[z] /= sums[0, z]
            centre_y[z] /= sums[0, z]
    for _ in range(5):
        recentre(weight, x, y, labels, centre_x, centre_y, sums)
    seen = np.zeros(n, np.int64)
    tag = np.zeros(n, np.int32)
    queue = np.empty(n + 1, np.int32)
    root = np.empty(degree + 1, np.int32)
    pending = np.empty(degree + 1, np.int32)
    stamp = 0
    moves = 0
    steps = temperatures.size
    for step in range(steps):
        temperature = temperatures[step]
        penalty = penalties[step]
        tolerance = tolerances[step]
        for _ in range(proposals):
            if edges == 0:
                return moves
            v = edge[draw(state) % edges]
            if not movable[v]:
                continue
            a = labels[v]
            if count[a] <= 1:
                continue
            # a foreign neighbour, each alike
            pick = draw(state) % outside[v]
            b = a
            for k in range(indptr[v], indptr[v + 1]):
                z = labels[indices[k]]
                if z != a:
                    if pick == 0:
                        b = z
                        break
                    pick -= 1
            w = weight[v]
            delta = penalty * (
                excess(load[a] - w, tolerance)
                - excess(load[a], tolerance)
                + excess(load[b] + w, tolerance)
                - excess(load[b], tolerance)
            )
            dxa = x[v] - centre_x[a]
            dya = y[v] - centre_y[a]
            dxb = x[v] - centre_x[b]
            dyb = y[v] - centre_y[b]
            delta += (
                distance_factor
                * w
                * (np.sqrt(dxb * dxb + dyb * dyb) - np.sqrt(dxa * dxa + dya * dya))
            )
            if home[v] >= 0:
                if home[v] == a:
                    delta += change_factor
                elif home[v] == b:
                    delta -= change_factor
            inner_a = 0.0
            inner_b = 0.0
            for k in range(indptr[v], indptr[v + 1]):
                z = labels[indices[k]]
                if z == a:
                    inner_a += border[k]
                elif z == b:
                    inner_b += border[k]
            perimeter_a = zone_perimeter[a] - perimeter[v] + 2.0 * inner_a
            perimeter_b = zone_perimeter[b] + perimeter[v] - 2.0 * inner_b
            delta += (
                shape_factor
                * ISOPERIMETRIC
                * (
                    perimeter_a / np.sqrt(zone_area[a] - area[v])
                    - zone_perimeter[a] / np.sqrt(zone_area[a])
                    + perimeter_b / np.sqrt(zone_area[b] + area[v])
                    - zone_perimeter[b] / np.sqrt(zone_area[b])
                )
            )
            if delta > 0.0:
                if temperature <= 0.0:
                    continue
                if draw(state) * 1.1102230246251565e-16 >= np.exp(-delta / temperature):
                    continue
            stamp += 1
            if not keeps_contiguous(
                v, a, indptr, indices, labels, seen, tag, queue, root, pending, stamp
            ):
                continue
            labels[v] = b
            load[a] -= w
            load[b] += w
            count[a] -= 1
            count[b] += 1
            zone_area[a] -= area[v]
            zone_area[b] += area[v]
            zone_perimeter[a] = perimeter_a
            zone_perimeter[b] = perimeter_b
            moves += 1
            away = 0
            for k in range(indptr[v], indptr[v + 1]):
                t = indices[k]
                z = labels[t]
                if z == a:
                    away += 1
                    outside[t] += 1
                    if outside[t] == 1:
                        place[t] = edges
                        edge[edges] = t
                        edges += 1
                elif z == b:
                    outside[t] -= 1
                    if outside[t] == 0:
                        edges -= 1
                        last = edge[edges]
                        edge[place[t]] = last
                        place[last] = place[t]
                        place[t] = -1
                else:
                    away += 1
            was = outside[v]
            outside[v] = away
            if away == 0 and was > 0:
                edges -= 1
                last = edge[edges]
                edge[place[v]] = last
                place[last] = place[v]
                place[v] = -1
        recentre(weight, x, y, labels, centre_x, centre_y, sums)
    return moves

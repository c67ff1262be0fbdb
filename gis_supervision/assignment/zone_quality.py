"""Measures of zones: distance to the medoid, and compactness."""

import numpy as np

from gis_supervision.assignment.areas import Area, FloatArray, IntArray
from gis_supervision.domain.compilation import compiled

EXACT_CELLS = 4096


@compiled
def least_cost(x: FloatArray, y: FloatArray, weights: FloatArray, candidates: IntArray) -> float:
    """Return the least load-weighted sum of distances of cells to one of the candidates."""
    best = np.inf
    for i in candidates:
        cost = 0.0
        for j in range(x.size):
            dx = x[j] - x[i]
            dy = y[j] - y[i]
            cost += weights[j] * np.sqrt(dx * dx + dy * dy)
            if cost >= best:
                break
        best = min(best, cost)
    return best


def distance_to_medoids(area: Area, labels: IntArray, zones: int) -> float:
    """Return the load-weighted mean distance of the cells to the medoid of their zone.

    The medoid is the zone's cell with the least load-weighted sum of distances to the zone's cells.
    In zones of more than 4096 cells it is looked for among the 1024 nearest to the mean centre.
    Without any load all cells weigh alike.

    Returns
    -------
    float
        Metres.
    """
    weights = area.weights if area.weights.any() else np.ones(area.size)
    order = np.argsort(labels, kind="stable")
    ends = np.cumsum(np.bincount(labels, minlength=zones))
    total = 0.0
    for cells in np.split(order, ends[:-1]):
        load = weights[cells]
        if cells.size == 0 or not load.any():
            continue
        px, py = area.x[cells], area.y[cells]
        away = np.hypot(px - np.average(px, weights=load), py - np.average(py, weights=load))
        candidates = np.argsort(away, kind="stable")
        if cells.size > EXACT_CELLS:
            candidates = candidates[: EXACT_CELLS // 4]
        total += least_cost(px, py, load, candidates.astype(np.int32))
    return total / float(weights.sum())


def polsby_popper(area: Area, labels: IntArray, zones: int) -> FloatArray:
    """Return the compactness of each zone: 4 pi area / perimeter^2 (Polsby and Popper 1991).

    The perimeter is that of the zone's cells less twice the borders within the zone. On a lattice
    a disc does not reach 1: outlines of hexagons are longer by a tenth, those of squares by a
    quarter.
    """
    edges = area.adjacency.tocoo()
    same = labels[edges.row] == labels[edges.col]
    inner = np.bincount(labels[edges.row[same]], edges.data[same], zones)
    size = np.bincount(labels, area.cell_area, zones)
    outline = np.bincount(labels, area.cell_perimeter, zones) - inner
    return np.asarray(4.0 * np.pi * size / np.maximum(outline, 1e-300) ** 2)

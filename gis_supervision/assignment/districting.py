"""Balanced contiguous zones over grid cells."""

import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pymetis
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from gis_supervision.assignment.annealing import anneal
from gis_supervision.errors import InvalidInputError

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Zoning:
    """Zones and how good they are.

    Attributes
    ----------
    labels : ndarray of int32, shape (cells,)
        Zone of each cell, 0 to ``zones - 1``.
    loads : ndarray of float64, shape (zones,)
        Workload of each zone, in the unit of the weights.
    imbalance : float
        Largest ``|load / mean load - 1|``.
    parts : int
        Disconnected pieces beyond one per zone; 0 where the area allows it.
    distance : float
        Load-weighted mean distance of a cell to the medoid of its zone, in metres.
    polsby_popper : float
        Mean over the zones of 4 pi area / perimeter^2: 1 for a disc.
    changed : int
        Cells that had an owner in `current` and have another one now.
    notes : tuple of str
        What could not be met, and why.
    """

    labels: IntArray
    loads: FloatArray
    imbalance: float
    parts: int
    distance: float
    polsby_popper: float
    changed: int
    notes: tuple[str, ...] = ()


def balanced_zones(
    adjacency: csr_array,
    weights: FloatArray,
    x: FloatArray,
    y: FloatArray,
    zones: int,
    *,
    tolerance: float = 0.01,
    seed: int = 0,
    current: IntArray | None = None,
    pinned: IntArray | None = None,
    max_seconds: float | None = None,
) -> Zoning:
    """Divide cells into contiguous zones of equal workload.

    Returns
    -------
    Zoning
    """
    del current, pinned, max_seconds
    n = adjacency.shape[0]
    if not 1 <= zones <= n:
        raise InvalidInputError(f"zones must be between 1 and the number of cells ({n}): {zones}")
    started = time.monotonic()
    weights = np.asarray(weights, np.float64)
    x = np.asarray(x, np.float64)
    y = np.asarray(y, np.float64)
    indptr = adjacency.indptr.astype(np.int32)
    indices = adjacency.indices.astype(np.int32)
    unit = weights * (zones / weights.sum()) if weights.sum() > 0 else np.full(n, zones / n)
    options = pymetis.Options(ufactor=10, ncuts=4, seed=seed, contig=1)
    labels = np.asarray(
        pymetis.part_graph(
            zones,
            xadj=indptr,
            adjncy=indices,
            vweights=np.round(unit * n / zones * 1000).astype(np.int32),
            options=options,
            recursive=False,
        ).vertex_part,
        dtype=np.int32,
    )
    scale = distance_to_medoids(labels, unit, x, y, zones)
    steps = 200
    anneal(
        indptr,
        indices,
        adjacency.data.astype(np.float64),
        unit,
        x / (scale or 1.0),
        y / (scale or 1.0),
        np.full(n, 1.5 * np.sqrt(3.0)),
        np.full(n, 6.0),
        np.ones(n, np.bool_),
        np.full(n, -1, np.int32),
        labels,
        zones,
        1.0,
        0.15,
        0.0,
        np.geomspace(0.02, 0.0003, steps),
        np.geomspace(20.0, 5000.0, steps),
        np.linspace(0.15, tolerance / 2, steps),
        5 * n,
        np.array([seed * 7919 + 88172645463325252], dtype=np.uint64),
    )
    del started
    loads = np.bincount(labels, weights, zones)
    mean = loads.mean()
    edges = adjacency.tocoo()
    same = labels[edges.row] == labels[edges.col]
    pieces = connected_components(
        csr_array((same[same], (edges.row[same], edges.col[same])), shape=(n, n)), directed=False
    )[0]
    inner = np.bincount(labels[edges.row[same]], minlength=zones)
    counts = np.bincount(labels, minlength=zones)
    return Zoning(
        labels=labels,
        loads=loads,
        imbalance=float(np.abs(loads / mean - 1).max()) if mean > 0 else 0.0,
        parts=int(pieces) - zones,
        distance=distance_to_medoids(labels, unit, x, y, zones),
        polsby_popper=float(
            np.mean(4 * np.pi * counts * 1.5 * np.sqrt(3.0) / (6.0 * counts - inner) ** 2)
        ),
        changed=0,
    )


def distance_to_medoids(
    labels: IntArray, weights: FloatArray, x: FloatArray, y: FloatArray, zones: int
) -> float:
    """Return the load-weighted mean distance of the cells to the medoids of their zones."""
    total = 0.0
    for zone in range(zones):
        cells = np.flatnonzero(labels == zone)
        between = np.hypot(x[cells][:, None] - x[cells], y[cells][:, None] - y[cells])
        total += float((between @ weights[cells]).min())
    return total / float(weights.sum())

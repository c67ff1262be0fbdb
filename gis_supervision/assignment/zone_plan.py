"""What a zoning has to reach: shares, groups of components, targets, and why it may fall short."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from gis_supervision.assignment.areas import FREE, Area, FloatArray, IntArray
from gis_supervision.assignment.contiguity import (
    apportioned,
    connect,
    joined_components,
    linked,
)
from gis_supervision.assignment.zone_state import Cells
from gis_supervision.errors import InvalidInputError
from gis_supervision.language import gettext_noop

TOLD_ONE_BY_ONE = 10


@dataclass(frozen=True)
class Reason:
    """Something that could not be met, or was met in an unusual way.

    Attributes
    ----------
    code : str
        Short name of the kind.
    message : str
        English text with named placeholders, a key of the catalogue of translations.
    values : dict
        The placeholders' values.
    """

    code: str
    message: str
    values: dict[str, float | int | str]

    def __str__(self) -> str:
        """Return the English text."""
        return self.message % self.values


@dataclass(frozen=True)
class Plan:
    """A districting problem, ready for the search.

    Attributes
    ----------
    graph : csr_array
        Neighbours, links across gaps included.
    cells : Cells
        The same for the kernels: loads in shares of a zone, lengths in units of a zone's extent.
    group : ndarray
        Group of each cell: nothing crosses between groups.
    zone_group : ndarray
        Group of each zone.
    target : ndarray
        Load that each zone should have.
    fixed : ndarray
        Zone of the pinned cells and of the ways that connect them, -1 elsewhere.
    unit : float
        Length of one unit, in metres.
    reasons : tuple of Reason
        What is known to fall short before the search.
    """

    graph: csr_array
    cells: Cells
    group: IntArray
    zone_group: IntArray
    target: FloatArray
    fixed: IntArray
    unit: float
    reasons: tuple[Reason, ...]


def effective_shares(
    weights: FloatArray, zones: int, tolerance: float
) -> tuple[FloatArray, list[Reason]]:
    """Return loads in shares of a zone; a cell heavier than a share counts as one share.

    What is beyond a share in such a cell cannot be divided: the other zones share the rest evenly.
    Without any load the cells count alike.
    """
    n = weights.size
    total = float(weights.sum())
    if total <= 0.0:
        message = gettext_noop("No cell has any workload: zones were balanced by number of cells.")
        return np.full(n, zones / n), [Reason("zero_weights", message, {})]
    cap = total / zones
    heavy = weights > cap * (1.0 + tolerance)
    while True:
        rest = zones - int(heavy.sum())
        remaining = float(weights[~heavy].sum())
        if rest <= 0 or remaining <= 0.0:
            cap = float(weights[heavy].min()) if heavy.any() else cap
            break
        cap = remaining / rest
        more = weights > cap * (1.0 + tolerance)
        if more.sum() == heavy.sum():
            break
        heavy = more
    # with the heavy ones away the share of the others is less: below a share of all is no fault
    told = np.flatnonzero(weights * zones > total * (1.0 + tolerance))
    told = told[np.argsort(-weights[told], kind="stable")]
    reasons = [
        Reason(
            "heavy_cell",
            gettext_noop(
                "Cell %(cell)d alone has %(share).2f times a zone's share of the workload: its "
                "zone cannot be balanced."
            ),
            {"cell": int(cell), "share": float(weights[cell] * zones / total)},
        )
        for cell in told[:TOLD_ONE_BY_ONE]
    ]
    if told.size > TOLD_ONE_BY_ONE:
        message = gettext_noop("Further cells with more than a zone's share: %(count)d.")
        reasons.append(Reason("heavy_cells", message, {"count": told.size - TOLD_ONE_BY_ONE}))
    if int(np.count_nonzero(weights)) < zones:
        message = gettext_noop(
            "Cells with any workload: %(count)d, fewer than the %(zones)d zones."
        )
        reasons.append(
            Reason("few_cells", message, {"count": int(np.count_nonzero(weights)), "zones": zones})
        )
    clipped = np.where(heavy, cap, weights)
    return clipped * (zones / clipped.sum()), reasons


def planned(
    area: Area,
    zones: int,
    *,
    tolerance: float,
    current: IntArray | None,
    pins: IntArray,
    join_below: float,
) -> Plan:
    """Build the problem: join light components, and give every zone its group and its target.

    Raises
    ------
    InvalidInputError
        If pinned cells leave too few cells for the zones without any.
    """
    shares, reasons = effective_shares(area.weights, zones, tolerance)
    owner = pins if current is None else np.where(pins != FREE, pins, current)
    held = [np.flatnonzero(owner == zone).astype(np.int32) for zone in range(zones)]
    group, links = joined_components(
        area.adjacency,
        shares,
        area.x,
        area.y,
        held=held,
        join_below=join_below,
    )
    graph = linked(area.adjacency, links)
    reasons.extend(
        Reason(
            "joined",
            gettext_noop(
                "A piece of the area (cells: %(cells)d, parts of a zone's share: %(load).2f) does "
                "not touch the rest: joined to it across %(gap).0f m."
            ),
            {"cells": link.cells, "load": link.load, "gap": link.gap},
        )
        for link in links[:TOLD_ONE_BY_ONE]
    )
    if len(links) > TOLD_ONE_BY_ONE:
        message = gettext_noop("Further pieces joined to the area: %(count)d.")
        reasons.append(Reason("joined_more", message, {"count": len(links) - TOLD_ONE_BY_ONE}))
    fixed = pins.copy()
    indptr, indices = graph.indptr.astype(np.int32), graph.indices.astype(np.int32)
    for zone in np.unique(pins[pins != FREE]).tolist():
        connect(indptr, indices, fixed, zone)
    zone_group = _grouped_zones(group, held, pins, shares)
    number = np.bincount(zone_group, minlength=int(group.max()) + 1)
    load = np.bincount(group, shares)
    target = np.maximum(load / np.maximum(number, 1), 1e-9)[zone_group]
    worst = float(np.abs(target - 1.0).max())
    if worst > tolerance:
        message = gettext_noop(
            "The area has %(groups)d separate parts whose workload does not divide evenly: no "
            "better than %(percent).1f %% off the mean unless parts share zones (join_below)."
        )
        reasons.append(
            Reason("components", message, {"groups": number.size, "percent": 100 * worst})
        )
    unit = _typical_extent(area, zones)
    cells = Cells(
        indptr,
        indices,
        graph.data.astype(np.float64),
        shares,
        area.x / unit,
        area.y / unit,
        area.cell_area,
        area.cell_perimeter,
        pins == FREE,
        np.full(area.size, FREE, np.int32) if current is None else current,
    )
    return Plan(graph, cells, group, zone_group, target, fixed, unit, tuple(reasons))


def _grouped_zones(
    group: IntArray, held: list[IntArray], pins: IntArray, shares: FloatArray
) -> IntArray:
    """Give each zone the group of the cells it holds, and divide the other zones."""
    zones = len(held)
    zone_group = np.array(
        [group[cells[0]] if cells.size else FREE for cells in held], dtype=np.int32
    )
    groups = int(group.max()) + 1
    used = zone_group[zone_group != FREE]
    least = np.bincount(used, minlength=groups).astype(np.int32)
    free = np.bincount(group[pins == FREE], minlength=groups)
    pinned_zones = np.array(
        [len({int(z) for z in pins[(group == g) & (pins != FREE)]}) for g in range(groups)]
    )
    sizes = (free + pinned_zones).astype(np.int32)
    if sizes.sum() < zones or (sizes < least).any():
        raise InvalidInputError(
            "pinned cells leave %(free)s cells, too few for %(zones)s zones",
            free=int(free.sum()),
            zones=zones,
        )
    counts = apportioned(np.bincount(group, shares, groups).astype(np.float64), sizes, least, zones)
    spare = np.repeat(np.arange(groups, dtype=np.int32), counts - least)
    zone_group[zone_group == FREE] = spare
    return zone_group


def _typical_extent(area: Area, zones: int) -> float:
    """Return about the mean distance of a cell to the centre of its zone, in metres."""
    rows = np.repeat(np.arange(area.size), np.diff(area.adjacency.indptr))
    columns = area.adjacency.indices
    if columns.size == 0:
        spacing = float(np.hypot(np.ptp(area.x), np.ptp(area.y))) / np.sqrt(area.size)
    else:
        spacing = float(
            np.median(np.hypot(area.x[rows] - area.x[columns], area.y[rows] - area.y[columns]))
        )
    return 0.38 * spacing * float(np.sqrt(area.size / zones)) or 1.0

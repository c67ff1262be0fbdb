"""Balanced contiguous zones over grid cells.

Zones are designed by simulated annealing (Kirkpatrick, Gelatt and Vecchi 1983; for districts
D'Amico et al. 2002) from several starts: partitions by METIS and additively weighted Voronoi
diagrams with balanced loads. The first phase moves single cells across borders under a tolerance
that narrows; the second moves chains of two cells, cooling down under a growing penalty. Zones that
have owners are repaired in the same way, where every change of owner has a price.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import sparray as SparseArray  # noqa: N812 - it is a class

from gis_supervision.assignment.areas import (
    FREE,
    Area,
    FloatArray,
    IntArray,
    checked_area,
    checked_labels,
    checked_pins,
)
from gis_supervision.assignment.contiguity import pieces
from gis_supervision.assignment.zone_plan import Reason, planned
from gis_supervision.assignment.zone_quality import distance_to_medoids, polsby_popper
from gis_supervision.assignment.zone_search import Clock, designed, repaired
from gis_supervision.errors import InvalidInputError
from gis_supervision.language import gettext_noop

__all__ = ["Reason", "Zoning", "balanced_zones", "released"]


@dataclass(frozen=True)
class Zoning:
    """Zones and how good they are.

    Attributes
    ----------
    labels : ndarray of int32, shape (cells,)
        Zone of each cell, 0 to ``zones - 1``; no zone is empty.
    loads : ndarray of float64, shape (zones,)
        Workload of each zone, in the unit of the weights.
    imbalance : float
        Largest ``|load / mean load - 1|``; 0 where there is no load.
    parts : int
        Disconnected pieces beyond one per zone, by the adjacency as given. More than 0 only where
        separate parts of the area had to share a zone, or where cells are pinned or owned so.
    distance : float
        Load-weighted mean distance of a cell to the medoid of its zone, in metres.
    polsby_popper : float
        Mean over the zones of 4 pi area / perimeter^2: 1 for a disc.
    changed : int
        Cells that had an owner in `current` and have another one now.
    reasons : tuple of Reason
        What could not be met, and why: codes, texts to translate, values.
    """

    labels: IntArray
    loads: FloatArray
    imbalance: float
    parts: int
    distance: float
    polsby_popper: float
    changed: int
    reasons: tuple[Reason, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """The reasons as English text."""
        return tuple(str(reason) for reason in self.reasons)


def balanced_zones(
    adjacency: SparseArray,
    weights: npt.ArrayLike,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    zones: int,
    *,
    tolerance: float = 0.01,
    seed: int = 0,
    current: npt.ArrayLike | None = None,
    pinned: npt.ArrayLike | Mapping[int, int] | None = None,
    max_seconds: float | None = None,
    cell_area: npt.ArrayLike | None = None,
    cell_perimeter: npt.ArrayLike | None = None,
    join_below: float = 0.5,
) -> Zoning:
    """Divide cells into contiguous zones of equal workload, or repair such a division.

    Parameters
    ----------
    adjacency : sparse array, shape (cells, cells)
        Neighbours, symmetric. The data are the lengths of the common borders; all 1 on a regular
        lattice. A stored 0 is a neighbour without a border (a corner, a ferry). The diagonal is not
        looked at.
    weights : array_like, shape (cells,)
        Workload of each cell, at least 0, in any unit.
    x, y : array_like, shape (cells,)
        Centres of the cells in a local metric CRS, in metres.
    zones : int
        Number of zones, from 1 to the number of cells.
    tolerance : float
        Largest ``|load / mean - 1|`` aimed at. For a repair 0.03 (drift) to 0.05 (absence) is
        sensible: less costs many changes and the shape of the zones.
    seed : int
        The same seed gives the same zones.
    current : array_like of int, shape (cells,), optional
        Zone of each cell now, -1 for a cell without an owner. Cells keep their owner unless balance
        (or a zone in two pieces) needs otherwise. See `released` for an absence. A zone without any
        cell is made anew. All -1 is the same as leaving it out.
    pinned : array_like or mapping, optional
        Cells that stay in a zone: a zone per cell with -1 for free cells, a mapping from cell to
        zone, or a mask of the cells that keep their `current` zone.
    max_seconds : float, optional
        Stop early, and say so in the reasons; the zones then depend on the machine's speed.
    cell_area, cell_perimeter : array_like, shape (cells,), optional
        Sizes and outlines of the cells for the compactness, in the unit of the borders. Left out:
        regular polygons with the mean border as their side, squares where no cell has more than
        four neighbours, hexagons otherwise.
    join_below : float
        A separate part of the area with less load than this share of a zone is joined to what is
        nearest (see `Zoning.parts`); 0 gives every part zones of its own, as far as there are
        enough.

    Returns
    -------
    Zoning

    Raises
    ------
    InvalidInputError
        If there are no cells, or an argument is not as described.
    """
    started = time.monotonic()
    area = checked_area(adjacency, weights, x, y, cell_area, cell_perimeter)
    number = _checked_count(zones, area.size)
    _check_number("tolerance", tolerance, 0.0)
    _check_number("join_below", join_below, 0.0)
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise InvalidInputError("seed must be a whole number of at least 0: %(seed)r", seed=seed)
    if max_seconds is not None:
        _check_number("max_seconds", max_seconds, 0.0)
    owners = None if current is None else checked_labels("current", current, area.size, number)
    pins = checked_pins(pinned, owners, area.size, number)
    if owners is not None and (owners == FREE).all():
        owners = None
    plan = planned(
        area, number, tolerance=tolerance, current=owners, pins=pins, join_below=join_below
    )
    clock = Clock(None if max_seconds is None else started + max_seconds)
    search = designed if owners is None else repaired
    labels = search(plan, area, tolerance, int(seed), clock)
    reasons = list(plan.reasons)
    if clock.over:
        message = gettext_noop("The search was stopped after %(seconds).1f s.")
        reasons.append(Reason("stopped", message, {"seconds": max_seconds or 0.0}))
    return _measured(area, labels, number, owners, tolerance, reasons)


def released(labels: npt.ArrayLike, zone: int) -> IntArray:
    """Return owners without one zone, for the absence of its inspector.

    Parameters
    ----------
    labels : array_like of int, shape (cells,)
        Zone of each cell.
    zone : int
        Zone whose cells are to be shared among the others.

    Returns
    -------
    ndarray of int32
        -1 for its cells; zones after it count one less. It is `current` for one zone less.

    Raises
    ------
    InvalidInputError
        If the zone has no cells.
    """
    array = np.asarray(labels, np.int32)
    if zone < 0 or not (array == zone).any():
        raise InvalidInputError("zone %(zone)s has no cells", zone=zone)
    return np.where(array == zone, FREE, array - (array > zone)).astype(np.int32)


def _checked_count(zones: int, cells: int) -> int:
    if isinstance(zones, bool) or not isinstance(zones, (int, np.integer)):
        raise InvalidInputError("zones must be a whole number: %(zones)r", zones=zones)
    if not 1 <= zones <= cells:
        raise InvalidInputError(
            "zones must be from 1 to the number of cells (%(cells)s): %(zones)s",
            cells=cells,
            zones=zones,
        )
    return int(zones)


def _check_number(name: str, value: float, least: float) -> None:
    if isinstance(value, bool) or not math.isfinite(value) or value < least:
        raise InvalidInputError(
            "%(name)s must be a number of at least %(least)g: %(value)r",
            name=name,
            least=least,
            value=value,
        )


def _measured(
    area: Area,
    labels: IntArray,
    zones: int,
    owners: IntArray | None,
    tolerance: float,
    reasons: list[Reason],
) -> Zoning:
    loads = np.bincount(labels, area.weights, zones).astype(np.float64)
    mean = float(loads.mean())
    imbalance = float(np.abs(loads / mean - 1.0).max()) if mean > 0 else 0.0
    parts = pieces(area.adjacency, labels)[0] - zones
    if imbalance > tolerance:
        message = gettext_noop("The imbalance is %(reached).1f %%, not %(aim).1f %% as asked for.")
        reasons.append(
            Reason("imbalance", message, {"reached": 100 * imbalance, "aim": 100 * tolerance})
        )
    if parts:
        message = gettext_noop("Disconnected pieces beyond one for each zone: %(parts)d.")
        reasons.append(Reason("parts", message, {"parts": parts}))
    changed = 0 if owners is None else int(np.count_nonzero((labels != owners) & (owners != FREE)))
    return Zoning(
        labels=labels,
        loads=loads,
        imbalance=imbalance,
        parts=parts,
        distance=distance_to_medoids(area, labels, zones),
        polsby_popper=float(polsby_popper(area, labels, zones).mean()),
        changed=changed,
        reasons=tuple(reasons),
    )

"""Contiguity of polygons: who borders whom, and over what length.

Polygons are in WGS84 or CGCS2000 (x = lng, y = lat, decimal degrees); lengths are in metres.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely
from scipy.sparse import csr_array

from gis_supervision.domain.polygons import Edges, as_polygons
from gis_supervision.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from shapely.geometry.base import BaseGeometry

    Polygons = npt.NDArray[np.object_]
    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]

BORDER_TOLERANCE_M: Final = 0.01
_CORNER_TOLERANCES: Final = 10
"""A border must be longer than this many tolerances, or it is a touch at a corner."""


@dataclass(frozen=True, eq=False)
class SharedBorders:
    """Pairs of polygons with a common border; ``first[k] < second[k]``, sorted."""

    first: Integers
    second: Integers
    length_m: Floats


def shared_borders(
    polygons: Sequence[BaseGeometry] | Polygons, *, tolerance_m: float = BORDER_TOLERANCE_M
) -> SharedBorders:
    """Measure the common border of every pair of polygons.

    Edges with the same end points are paired by sorting; for the rest a spatial index finds
    edges within the tolerance, and the stretch over which they run along each other is measured.
    Vertices of the two sides need not agree, so clipped cells and T-junctions are found.

    Parameters
    ----------
    polygons : sequence of Polygon or MultiPolygon, length n
        WGS84, x = lng, y = lat. A border along the antimeridian is not seen.
    tolerance_m : float, optional
        How far apart two edges may lie and still be one border. Raise it for polygons digitised
        one by one.

    Returns
    -------
    SharedBorders
        Pairs whose border is longer than ten tolerances: a touch at a corner is none.

    Raises
    ------
    InvalidInputError
        For a tolerance that is not positive, or something that is no polygon.
    """
    if not tolerance_m > 0:
        raise InvalidInputError(
            "tolerance_m %(tolerance_m)r: expected more than 0 metres", tolerance_m=tolerance_m
        )
    array = as_polygons(polygons)
    edges = Edges.of(array)
    first, second, lengths, unpaired = _paired_by_ends(edges, tolerance_m)
    more = _paired_by_distance(edges.take(unpaired), tolerance_m)
    first, second, lengths = (
        np.concatenate(pair) for pair in zip((first, second, lengths), more, strict=True)
    )
    keys, inverse = np.unique(first * max(array.size, 1) + second, return_inverse=True)
    totals = np.bincount(inverse, weights=lengths, minlength=keys.size).astype(np.float64)
    kept = totals > _CORNER_TOLERANCES * tolerance_m
    return SharedBorders(keys[kept] // array.size, keys[kept] % array.size, totals[kept])


def adjacency(
    polygons: Sequence[BaseGeometry] | Polygons, *, tolerance_m: float = BORDER_TOLERANCE_M
) -> csr_array:
    """Return rook contiguity: polygons that share a border, not only a corner.

    Parameters
    ----------
    polygons, tolerance_m
        As `shared_borders`.

    Returns
    -------
    scipy.sparse.csr_array, shape (n, n)
        Symmetric, 1.0 for neighbours, no self links, sorted indices.
    """
    borders = shared_borders(polygons, tolerance_m=tolerance_m)
    rows = np.concatenate((borders.first, borders.second))
    columns = np.concatenate((borders.second, borders.first))
    links = csr_array((np.ones(rows.size), (rows, columns)), shape=(len(polygons),) * 2)
    links.sort_indices()
    return links


def _paired_by_ends(
    edges: Edges, tolerance_m: float
) -> tuple[Integers, Integers, Floats, npt.NDArray[np.bool_]]:
    """Pair edges of different polygons with equal ends; also tell which found no partner."""
    count = edges.owner.size
    grid = np.rint(np.concatenate((edges.starts, edges.ends)) / tolerance_m)
    corners, corner = np.unique(grid[:, 0] + 1j * grid[:, 1], return_inverse=True)
    low = np.minimum(corner[:count], corner[count:])
    high = np.maximum(corner[:count], corner[count:])
    key = low * np.int64(corners.size) + high
    order = np.argsort(key, kind="stable")
    unpaired = np.ones(count, dtype=np.bool_)
    found: list[tuple[Integers, Integers]] = []
    step = 1
    while step < count:
        same = np.flatnonzero(key[order[step:]] == key[order[:-step]])
        if same.size == 0:
            break
        one, other = order[same], order[same + step]
        apart = edges.owner[one] != edges.owner[other]
        one, other = one[apart], other[apart]
        unpaired[one] = unpaired[other] = False
        found.append((one, other))
        step += 1
    if not found:
        none = np.empty(0, dtype=np.int64)
        return none, none, np.empty(0), unpaired
    ones, others = (np.concatenate(side) for side in zip(*found, strict=True))
    owners = np.sort(np.column_stack((edges.owner[ones], edges.owner[others])), axis=1)
    return owners[:, 0], owners[:, 1], edges.length_m[ones], unpaired


def _paired_by_distance(edges: Edges, tolerance_m: float) -> tuple[Integers, Integers, Floats]:
    """Measure how far edges of different polygons run along each other."""
    lines = shapely.linestrings(np.stack((edges.starts, edges.ends), axis=1))
    one, other = shapely.STRtree(lines).query(lines, predicate="dwithin", distance=tolerance_m)
    ordered = edges.owner[one] < edges.owner[other]
    one, other = one[ordered], other[ordered]
    along = edges.ends[other] - edges.starts[other]
    extent = np.hypot(along[:, 0], along[:, 1])
    along /= extent[:, np.newaxis]
    low, high = np.zeros(one.size), np.ones(one.size)
    from_start = edges.starts[one] - edges.starts[other]
    from_end = edges.ends[one] - edges.starts[other]
    for axis, lower, upper in (
        (along, np.zeros(one.size), extent),
        (along[:, ::-1] * [-1.0, 1.0], -tolerance_m, tolerance_m),
    ):
        begin, end = (from_start * axis).sum(axis=1), (from_end * axis).sum(axis=1)
        enter, leave = _interval(begin, end - begin, lower, upper)
        low, high = np.maximum(low, enter), np.minimum(high, leave)
    share = np.clip(high - low, 0.0, 1.0)
    met = share > 0
    one, other = one[met], other[met]
    return edges.owner[one], edges.owner[other], share[met] * edges.length_m[one]


def _interval(
    begin: Floats, change: Floats, lower: Floats | float, upper: Floats | float
) -> tuple[Floats, Floats]:
    """Return where on 0 to 1 ``begin + t * change`` lies between two limits."""
    still = np.abs(change) < 1e-12  # noqa: PLR2004 - far below any tolerance in metres
    slope = np.where(still, 1.0, change)
    at_lower, at_upper = (lower - begin) / slope, (upper - begin) / slope
    within = (begin >= lower) & (begin <= upper)
    enter = np.where(still, np.where(within, 0.0, 1.0), np.minimum(at_lower, at_upper))
    leave = np.where(still, np.where(within, 1.0, 0.0), np.maximum(at_lower, at_upper))
    return enter, leave

"""Contiguity and topology of polygons: shared borders, overlaps, gaps, slivers, broken rings.

Polygons are in WGS84 or CGCS2000 (x = lng, y = lat, decimal degrees), their edges straight in
longitude and latitude as in GeoJSON; areas and lengths are in metres.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np
import pyproj
import shapely
from scipy.sparse import csr_array
from shapely import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from gis_supervision.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Polygons = npt.NDArray[np.object_]
    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]

METRES_PER_DEGREE: Final = 111_195.0
"""Length of a degree of latitude on the mean sphere (radius 6,371,008.8 m)."""

_MAJOR_AXIS_M: Final = 6_378_137.0
_ECCENTRICITY: Final = 0.0818191908426215  # of the WGS84 ellipsoid

BORDER_TOLERANCE_M: Final = 0.01
_CORNER_TOLERANCES: Final = 10
"""A border must be longer than this many tolerances, or it is a touch at a corner."""


@dataclass(frozen=True, eq=False)
class SharedBorders:
    """Pairs of polygons with a common border; ``first[k] < second[k]``, sorted."""

    first: Integers
    second: Integers
    length_m: Floats


@dataclass(frozen=True)
class Repair:
    """An invalid ring that was repaired, or could not be (then the polygon is None)."""

    index: int
    note: str


@dataclass(frozen=True)
class Overlap:
    """Two polygons that claim the same ground."""

    first: int
    second: int
    area_m2: float
    polygon: BaseGeometry


@dataclass(frozen=True)
class Gap:
    """Ground inside the boundary, or enclosed by polygons, that none of them claims."""

    area_m2: float
    polygon: Polygon


@dataclass(frozen=True)
class Sliver:
    """A polygon too small or too thin to be meant.

    ``compactness`` is 4 pi area / perimeter squared (Polsby and Popper 1991): 1 for a circle.
    """

    index: int
    area_m2: float
    compactness: float


@dataclass(frozen=True, eq=False)
class TopologyReport:
    """What is wrong with a set of polygons that should divide an area."""

    polygons: Polygons
    """The polygons, repaired; None where nothing with an area was left."""
    repairs: tuple[Repair, ...]
    overlaps: tuple[Overlap, ...]
    gaps: tuple[Gap, ...]
    slivers: tuple[Sliver, ...]
    outside_m2: float
    """Area claimed outside the boundary; 0 where no boundary was given."""

    @cached_property
    def faultless(self) -> bool:
        """Whether nothing was found."""
        found = self.repairs or self.overlaps or self.gaps or self.slivers
        return not found and self.outside_m2 == 0


def as_polygons(polygons: Sequence[BaseGeometry] | Polygons, what: str = "polygon") -> Polygons:
    """Return the polygons as an array, or say which of them is not a (multi)polygon.

    Raises
    ------
    InvalidInputError
        For a missing or empty geometry, another type, or coordinates that are not degrees.
    """
    array = np.empty(len(polygons), dtype=np.object_)
    array[:] = list(polygons)
    if not shapely.is_geometry(array).all():
        row = int(np.argmin(shapely.is_geometry(array)))
        raise InvalidInputError(f"{what} {row}: expected a polygon, got {_described(array[row])}")
    kinds = shapely.get_type_id(array)
    wrong = ~np.isin(kinds, (3, 6)) | shapely.is_empty(array)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InvalidInputError(
            f"{what} {row}: expected a Polygon or MultiPolygon that is not empty, got "
            f"{_described(array[row])}"
        )
    bounds = shapely.bounds(array)
    beyond = (np.abs(bounds[:, [0, 2]]) > 180).any(axis=1)  # noqa: PLR2004 - degrees
    beyond |= (np.abs(bounds[:, [1, 3]]) > 90).any(axis=1)  # noqa: PLR2004 - degrees
    if beyond.any():
        row = int(np.argmax(beyond))
        raise InvalidInputError(
            f"{what} {row}: expected longitude and latitude in degrees, got an extent of "
            f"{bounds[row].tolist()}"
        )
    return array


def equal_area_crs(bounds: Sequence[float] | Floats) -> pyproj.CRS:
    """Return a Lambert azimuthal equal-area CRS in metres around the middle of an extent.

    The centre is rounded to whole degrees, so that small changes of the extent give the same
    CRS.

    Parameters
    ----------
    bounds : sequence of float
        West, south, east, north in decimal degrees.
    """
    west, south, east, north = bounds
    lat = int(np.floor((south + north) / 2 + 0.5))
    lng = int(np.floor((west + east) / 2 + 0.5))
    return pyproj.CRS.from_proj4(f"+proj=laea +lat_0={lat} +lon_0={lng} +datum=WGS84 +units=m")


def areas_m2(polygons: Polygons) -> Floats:
    """Return the area of every polygon in m2, on the WGS84 ellipsoid.

    By the cylindrical equal-area projection of the ellipsoid (Snyder 1987, Map Projections: A
    Working Manual, equations 3-12 and 10-14 to 10-15), in which parallels and meridians are
    straight.
    """
    if polygons.size == 0:
        return np.empty(0)
    return np.asarray(shapely.area(shapely.transform(polygons, _equal_area)), dtype=np.float64)


def _equal_area(points: Floats) -> Floats:
    sine = np.sin(np.radians(points[:, 1]))
    squared = _ECCENTRICITY**2
    q = (1 - squared) * (
        sine / (1 - squared * sine**2) + np.arctanh(_ECCENTRICITY * sine) / _ECCENTRICITY
    )
    return np.column_stack((np.radians(points[:, 0]) * _MAJOR_AXIS_M, q * (_MAJOR_AXIS_M / 2)))


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
        raise InvalidInputError(f"tolerance_m {tolerance_m!r}: expected more than 0 metres")
    array = as_polygons(polygons)
    edges = _Edges.of(array)
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


def check_topology(
    polygons: Sequence[BaseGeometry | None],
    *,
    boundary: Polygon | MultiPolygon | None = None,
    minimum_m2: float = 1.0,
    sliver_share: float = 0.01,
    sliver_compactness: float = 0.02,
) -> TopologyReport:
    """Check polygons that should divide an area without overlaps and gaps.

    Parameters
    ----------
    polygons : sequence of geometries or None, length n
        WGS84, x = lng, y = lat. Invalid rings are repaired first, each with a note.
    boundary : Polygon or MultiPolygon, optional
        What they should fill. Without it only enclosed holes are gaps.
    minimum_m2 : float, optional
        Overlaps and gaps up to this area are rounding, and are not reported.
    sliver_share : float, optional
        A polygon smaller than this share of the median area is a sliver,
    sliver_compactness : float, optional
        and so is one with a lower 4 pi area / perimeter squared than this.

    Returns
    -------
    TopologyReport
    """
    repaired, repairs = _repaired(polygons)
    usable = np.flatnonzero(~shapely.is_missing(repaired))
    kept = as_polygons(repaired[usable])
    if kept.size == 0:
        missing = () if boundary is None else _gaps(boundary, minimum_m2)
        return TopologyReport(repaired, repairs, (), missing, (), 0.0)
    together = shapely.union_all(kept)
    if boundary is None:
        holes = [Polygon(ring) for part in shapely.get_parts(together) for ring in part.interiors]
        gaps = _gaps(MultiPolygon(holes), minimum_m2)
        outside_m2 = 0.0
    else:
        gaps = _gaps(shapely.difference(boundary, together), minimum_m2)
        outside_m2 = _area_m2(shapely.difference(together, boundary))
    return TopologyReport(
        polygons=repaired,
        repairs=repairs,
        overlaps=_overlaps(kept, usable, together, minimum_m2),
        gaps=gaps,
        slivers=_slivers(kept, usable, sliver_share, sliver_compactness),
        outside_m2=outside_m2 if outside_m2 > minimum_m2 else 0.0,
    )


@dataclass(frozen=True, eq=False)
class _Edges:
    """Edges of polygons: ends in metres on a plane (scaled degrees), length on the ground."""

    starts: Floats
    ends: Floats
    length_m: Floats
    owner: Integers

    @classmethod
    def of(cls, polygons: Polygons) -> _Edges:
        parts, part_owner = shapely.get_parts(polygons, return_index=True)
        rings, ring_part = shapely.get_rings(parts, return_index=True)
        points, ring = shapely.get_coordinates(rings, return_index=True)
        middle = np.radians((points[:, 1].min() + points[:, 1].max()) / 2) if len(points) else 0.0
        inner = ring[1:] == ring[:-1]
        plane = points * METRES_PER_DEGREE * [np.cos(middle), 1.0]
        delta = np.diff(points, axis=0) * METRES_PER_DEGREE
        delta[:, 0] *= np.cos(np.radians((points[1:, 1] + points[:-1, 1]) / 2))
        edges = cls(
            plane[:-1],
            plane[1:],
            np.hypot(delta[:, 0], delta[:, 1]),
            part_owner[ring_part][ring[:-1]],
        )
        return edges.take(inner & (edges.length_m > 0))

    def take(self, which: npt.NDArray[np.bool_]) -> _Edges:
        return _Edges(self.starts[which], self.ends[which], self.length_m[which], self.owner[which])


def _paired_by_ends(
    edges: _Edges, tolerance_m: float
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


def _paired_by_distance(edges: _Edges, tolerance_m: float) -> tuple[Integers, Integers, Floats]:
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


def _repaired(
    polygons: Sequence[BaseGeometry | None],
) -> tuple[Polygons, tuple[Repair, ...]]:
    repaired = np.empty(len(polygons), dtype=np.object_)
    repaired[:] = list(polygons)
    repairs: list[Repair] = []
    whole = shapely.is_valid(repaired) & np.isin(shapely.get_type_id(repaired), (3, 6))
    for index in np.flatnonzero(~whole | shapely.is_empty(repaired)):
        polygon = repaired[index]
        if polygon is None or polygon.is_empty:
            repaired[index] = None
            repairs.append(Repair(int(index), "no geometry"))
            continue
        reason = shapely.is_valid_reason(polygon)
        mended = shapely.make_valid(polygon, method="structure", keep_collapsed=False)
        parts = [part for part in shapely.get_parts(mended) if part.geom_type == "Polygon"]
        if not parts:
            repaired[index] = None
            repairs.append(Repair(int(index), f"{polygon.geom_type} without an area: {reason}"))
            continue
        mended = parts[0] if len(parts) == 1 else MultiPolygon(parts)
        repaired[index] = mended
        repairs.append(
            Repair(
                int(index), f"repaired: {reason}; {len(parts)} part(s), {_area_m2(mended):.1f} m2"
            )
        )
    return repaired, tuple(repairs)


def _overlaps(
    polygons: Polygons, index: Integers, together: BaseGeometry, minimum_m2: float
) -> tuple[Overlap, ...]:
    surplus = float(shapely.area(polygons).sum()) - float(together.area)
    if surplus * METRES_PER_DEGREE**2 < minimum_m2 / 2:
        return ()  # a degree of longitude is never longer: the surplus in m2 is at most this
    first, second = shapely.STRtree(polygons).query(polygons, predicate="intersects")
    ordered = first < second
    first, second = first[ordered], second[ordered]
    common = shapely.intersection(polygons[first], polygons[second])
    solid = shapely.area(common) > 0
    first, second, common = first[solid], second[solid], common[solid]
    area = areas_m2(common)
    order = np.lexsort((second, first))
    return tuple(
        Overlap(int(index[first[at]]), int(index[second[at]]), float(area[at]), common[at])
        for at in order
        if area[at] > minimum_m2
    )


def _gaps(missing: BaseGeometry, minimum_m2: float) -> tuple[Gap, ...]:
    parts = shapely.get_parts(missing)
    parts = parts[shapely.get_type_id(parts) == 3]  # noqa: PLR2004 - Polygon
    area = areas_m2(parts)
    order = np.argsort(-area, kind="stable")
    return tuple(Gap(float(area[at]), parts[at]) for at in order if area[at] > minimum_m2)


def _slivers(
    polygons: Polygons, index: Integers, share: float, compactness: float
) -> tuple[Sliver, ...]:
    area = areas_m2(polygons)
    edges = _Edges.of(polygons)
    perimeter = np.bincount(edges.owner, weights=edges.length_m, minlength=polygons.size)
    roundness = 4 * np.pi * area / np.maximum(perimeter, np.finfo(float).tiny) ** 2
    poor = (area < share * np.median(area)) | (roundness < compactness)
    return tuple(
        Sliver(int(index[at]), float(area[at]), float(roundness[at])) for at in np.flatnonzero(poor)
    )


def _described(geometry: object) -> str:
    if not isinstance(geometry, BaseGeometry):
        return f"a value of type {type(geometry).__name__}"
    return f"an empty {geometry.geom_type}" if geometry.is_empty else f"a {geometry.geom_type}"


def _area_m2(geometry: BaseGeometry) -> float:
    parts = shapely.get_parts(geometry)
    return float(areas_m2(parts).sum())

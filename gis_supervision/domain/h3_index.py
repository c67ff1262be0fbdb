"""H3 cells at resolutions 0 to 15, vectorised: the one place that talks to an H3 engine.

Cells are non-negative ``int64`` values, as a PostgreSQL ``bigint`` stores them (the highest bit
of an H3 index is always 0). ``0`` stands for "no cell": H3 never uses it.

The engine is ``polars-h3``, which runs on all threads and gives the same indexes as the C
library; polygons are filled by the C library itself (``h3``). The layout of an index is that of
the H3 documentation: mode, resolution in bits 52 to 55, base cell, then 15 digits of three bits,
where unused digits are 7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import h3.api.numpy_int as h3_int
import numpy as np
import polars as pl
import polars_h3
import shapely
from scipy.sparse import csr_array
from shapely import MultiPolygon, Polygon

from gis_supervision.errors import InvalidInputError
from gis_supervision.messages import Message

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    Cells = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float64]

MAX_RESOLUTION: Final = 15
_RESOLUTION_SHIFT: Final = 52
_RESOLUTION_MASK: Final = 0xF
_DIGIT_BITS: Final = 3
_HALF_TURN: Final = 180.0
_FULL_TURN: Final = 360.0


def cells_of(lat: npt.ArrayLike, lng: npt.ArrayLike, resolution: int) -> Cells:
    """Return the cell of every point at one resolution.

    Parameters
    ----------
    lat, lng : array_like of float, shape (n,)
        WGS84 latitude and longitude in decimal degrees.
    resolution : int
        0 to 15.

    Returns
    -------
    ndarray of int64, shape (n,)
        The cells; 0 where ``lat`` or ``lng`` is NaN.

    Raises
    ------
    InvalidInputError
        For a resolution outside 0-15, arrays of different length, a latitude outside
        [-90, 90] or a longitude outside [-180, 180]. (H3 itself accepts a latitude of 91.)
    """
    return cells_at(lat, lng, (resolution,))[resolution]


def cells_at(
    lat: npt.ArrayLike, lng: npt.ArrayLike, resolutions: Iterable[int]
) -> dict[int, Cells]:
    """Return the cell of every point at each of several resolutions.

    Each resolution is indexed from the point, because children are not geometrically inside
    their parent: about 6 % of points lie in a cell whose parent is not their own coarser cell.

    Parameters
    ----------
    lat, lng : array_like of float, shape (n,)
        WGS84 latitude and longitude in decimal degrees.
    resolutions : iterable of int
        Each 0 to 15.

    Returns
    -------
    dict of int to ndarray of int64
        Resolution to cells, shape (n,); 0 where ``lat`` or ``lng`` is NaN.

    Raises
    ------
    InvalidInputError
        As `cells_of`.
    """
    wanted = [_checked_resolution(resolution) for resolution in resolutions]
    points = _checked_points(lat, lng)
    columns = points.select(
        polars_h3.latlng_to_cell(
            "lat",
            "lng",
            resolution,
            return_dtype=pl.UInt64,
        )
        .fill_null(0)
        .alias(str(resolution))
        for resolution in dict.fromkeys(wanted)
    )
    return {resolution: columns[str(resolution)].to_numpy().view(np.int64) for resolution in wanted}


def resolutions(cells: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Return the resolution of every cell, read from its bits (0 for the missing cell 0)."""
    found = (_as_cells(cells) >> _RESOLUTION_SHIFT) & _RESOLUTION_MASK
    return np.asarray(found, dtype=np.int64)


def valid(cells: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Tell which values are H3 cells."""
    answer = _frame(_as_cells(cells)).select(polars_h3.is_valid_cell("cell")).to_series()
    return answer.fill_null(value=False).to_numpy().astype(np.bool_)


def parents(cells: npt.ArrayLike, resolution: int) -> Cells:
    """Return the ancestor of every cell at a coarser (or the same) resolution, by bit mask.

    Parameters
    ----------
    cells : array_like of int64, shape (n,)
        Cells of resolutions that may differ; 0 stays 0.
    resolution : int
        The resolution of the ancestors, 0 to 15.

    Returns
    -------
    ndarray of int64, shape (n,)

    Raises
    ------
    InvalidInputError
        Where a cell is coarser than ``resolution``.
    """
    resolution = _checked_resolution(resolution)
    children = _as_cells(cells)
    coarser = (children != 0) & (resolutions(children) < resolution)
    if coarser.any():
        row = int(np.argmax(coarser))
        raise InvalidInputError(
            "row %(row)s: cell %(children)s has resolution %(resolutions)s, and no parent at "
            "resolution %(resolution)s",
            row=row,
            children=int(children[row]),
            resolutions=int(resolutions(children)[row]),
            resolution=resolution,
        )
    unused_digits = np.int64((1 << _DIGIT_BITS * (MAX_RESOLUTION - resolution)) - 1)
    cleared = children & ~np.int64(_RESOLUTION_MASK << _RESOLUTION_SHIFT)
    ancestors = cleared | np.int64(resolution << _RESOLUTION_SHIFT) | unused_digits
    return np.where(children == 0, np.int64(0), ancestors)


def area_km2(cells: npt.ArrayLike) -> Floats:
    """Return the area of every cell in km2, on the sphere that H3 uses.

    Cells of one resolution differ by a factor of up to two over the globe, so a density needs
    the area of its own cell, never the average of the resolution.

    Raises
    ------
    InvalidInputError
        Where a value is not an H3 cell.
    """
    frame = _frame(_checked_cells(cells))
    return frame.select(polars_h3.cell_area("cell", unit="km^2")).to_series().to_numpy()


def centroids(cells: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Return the centres of cells as ``(lat, lng)``, two arrays in decimal degrees (WGS84).

    Raises
    ------
    InvalidInputError
        Where a value is not an H3 cell.
    """
    centres = _frame(_checked_cells(cells)).select(
        lat=polars_h3.cell_to_lat("cell"), lng=polars_h3.cell_to_lng("cell")
    )
    return centres["lat"].to_numpy(), centres["lng"].to_numpy()


def boundaries(cells: npt.ArrayLike) -> npt.NDArray[np.object_]:
    """Return the outlines of cells as polygons in WGS84 (x = lng, y = lat).

    Parameters
    ----------
    cells : array_like of int64, shape (n,)
        Valid cells.

    Returns
    -------
    ndarray of shapely.Polygon or shapely.MultiPolygon, shape (n,)
        A cell across the antimeridian is cut there into a MultiPolygon, as RFC 7946
        (section 3.1.9) asks; a cell around a pole gets an edge along the pole.

    Raises
    ------
    InvalidInputError
        Where a value is not an H3 cell.
    """
    checked = _checked_cells(cells)
    if checked.size == 0:
        return np.empty(0, dtype=np.object_)
    rings = _frame(checked).select(polars_h3.cell_to_boundary("cell").alias("ring")).to_series()
    lengths = rings.list.len().to_numpy().astype(np.int64)
    flat = rings.explode().explode().to_numpy().reshape(-1, 2)
    points = flat[:, ::-1]  # lat, lng to x, y
    owners = np.repeat(np.arange(checked.size), lengths)
    polygons = np.asarray(shapely.polygons(shapely.linearrings(points, indices=owners)))
    starts = np.concatenate(([0], np.cumsum(lengths)[:-1]))
    spread = np.maximum.reduceat(points[:, 0], starts) - np.minimum.reduceat(points[:, 0], starts)
    for at in np.flatnonzero(spread > _HALF_TURN):
        polygons[at] = _cut_at_antimeridian(points[starts[at] : starts[at] + lengths[at]])
    return polygons


def neighbours(cells: npt.ArrayLike) -> csr_array:
    """Return the first-ring neighbours among the given cells.

    All discs of radius one come from one call, and one binary search finds which of their
    members are present; there is no loop over cells.

    Parameters
    ----------
    cells : array_like of int64, shape (n,)
        Distinct cells of one resolution, in any order.

    Returns
    -------
    scipy.sparse.csr_array, shape (n, n)
        Symmetric, 1.0 for neighbours, no self links; rows in the order given, column indices
        sorted. A hexagon has at most six neighbours, a pentagon five.

    Raises
    ------
    InvalidInputError
        For a value that is not a cell, a cell given twice, or mixed resolutions.
    """
    checked = _checked_cells(cells)
    count = checked.size
    if count == 0:
        return csr_array((0, 0), dtype=np.float64)
    found = np.unique(resolutions(checked))
    if found.size > 1:
        raise InvalidInputError(
            "neighbours need cells of one resolution; got resolutions %(found)s",
            found=found.tolist(),
        )
    order = np.argsort(checked, kind="stable")
    ordered = checked[order]
    twice = np.flatnonzero(ordered[1:] == ordered[:-1])
    if twice.size:
        raise InvalidInputError(
            "cell %(ordered)s is given more than once", ordered=int(ordered[twice[0]])
        )
    discs = _frame(ordered).select(polars_h3.grid_disk("cell", 1).alias("disc")).to_series()
    sizes = discs.list.len().to_numpy().astype(np.int64)
    members = discs.explode().to_numpy().view(np.int64)
    rows = np.repeat(np.arange(count), sizes)
    columns = np.searchsorted(ordered, members)
    columns[columns == count] = 0
    present = (ordered[columns] == members) & (columns != rows)
    rows, columns = order[rows[present]], order[columns[present]]
    links = csr_array((np.ones(rows.size), (rows, columns)), shape=(count, count))
    links.sort_indices()
    return links


def cover(polygon: Polygon | MultiPolygon, resolution: int, *, max_cells: int = 5_000_000) -> Cells:
    """Return the cells that together cover a polygon: all that overlap it, however little.

    H3's ordinary fill returns the cells whose centre is inside, and so nothing for a polygon
    narrower than a cell. Edges of polygon and cells are straight in longitude and latitude, as
    in GeoJSON.

    Parameters
    ----------
    polygon : shapely.Polygon or shapely.MultiPolygon
        WGS84, x = lng, y = lat, cut at the antimeridian.
    resolution : int
        0 to 15.
    max_cells : int, optional
        Refuse to fill what would take more cells than this.

    Returns
    -------
    ndarray of int64
        Sorted, distinct cells; none for an empty polygon.

    Raises
    ------
    InvalidInputError
        For another type of geometry, coordinates out of range, or too many cells.
    """
    resolution = _checked_resolution(resolution)
    if not isinstance(polygon, Polygon | MultiPolygon):
        raise InvalidInputError(
            "expected a Polygon or MultiPolygon, got %(geom_type)r",
            geom_type=getattr(polygon, "geom_type", polygon),
        )
    if polygon.is_empty:
        return np.empty(0, dtype=np.int64)
    west, south, east, north = polygon.bounds
    _checked_points([south, north], [west, east])
    expected = _rough_area_km2(polygon) / h3_int.average_hexagon_area(resolution, unit="km^2")
    if expected > max_cells:
        raise InvalidInputError(
            "about %(expected)s cells of resolution %(resolution)s cover this polygon, more than "
            "%(max_cells)s; choose a coarser resolution",
            expected=f"{expected:,.0f}",
            resolution=resolution,
            max_cells=f"{max_cells:,}",
        )
    shape = h3_int.geo_to_h3shape(polygon)
    cells = h3_int.h3shape_to_cells_experimental(shape, resolution, contain="overlap")
    return np.unique(np.asarray(cells, dtype=np.uint64)).view(np.int64)


def _rough_area_km2(polygon: Polygon | MultiPolygon) -> float:
    """Return the area on a sphere, good enough to count cells by."""
    km_per_degree = 111.2
    _, south, _, north = polygon.bounds
    return float(polygon.area) * km_per_degree**2 * float(np.cos(np.radians((south + north) / 2)))


def _cut_at_antimeridian(ring: Floats) -> Polygon | MultiPolygon:
    """Return the outline of a cell whose corners lie on both sides of the antimeridian."""
    steps = np.diff(ring[:, 0], append=ring[0, 0])
    steps -= _FULL_TURN * np.round(steps / _FULL_TURN)
    if abs(steps.sum()) > _HALF_TURN:
        return _polar_outline(ring)
    turned = ring.copy()
    turned[:, 0] = np.where(ring[:, 0] < 0, ring[:, 0] + _FULL_TURN, ring[:, 0])
    whole = Polygon(turned)
    quarter = _HALF_TURN / 2
    east = shapely.intersection(whole, shapely.box(0, -quarter, _HALF_TURN, quarter))
    west = shapely.intersection(whole, shapely.box(_HALF_TURN, -quarter, _FULL_TURN, quarter))
    west = shapely.transform(west, lambda points: points - [_FULL_TURN, 0])
    parts = [part for part in shapely.get_parts([east, west]) if part.geom_type == "Polygon"]
    return parts[0] if len(parts) == 1 else MultiPolygon(parts)


def _polar_outline(ring: Floats) -> Polygon:
    """Return the outline of the cell around a pole, with an edge along the pole."""
    ordered = ring[np.argsort(ring[:, 0])]
    first, last = ordered[0], ordered[-1]
    gap = first[0] + _FULL_TURN - last[0]
    seam = last[1] + (first[1] - last[1]) * (_HALF_TURN - last[0]) / gap
    pole = float(np.copysign(_HALF_TURN / 2, ordered[:, 1].mean()))
    return Polygon(
        [
            (-_HALF_TURN, pole),
            (-_HALF_TURN, seam),
            *ordered.tolist(),
            (_HALF_TURN, seam),
            (_HALF_TURN, pole),
        ]
    )


def _as_cells(cells: npt.ArrayLike) -> Cells:
    values = np.asarray(cells)
    if values.size == 0:
        return np.empty(0, dtype=np.int64)
    if values.ndim != 1 or values.dtype.kind not in "iu":
        raise InvalidInputError(
            "expected a one-dimensional array of integer cells, got %(dtype)s with %(ndim)s "
            "dimensions",
            dtype=values.dtype,
            ndim=values.ndim,
        )
    return np.ascontiguousarray(values, dtype=np.int64)


def _checked_cells(cells: npt.ArrayLike) -> Cells:
    checked = _as_cells(cells)
    good = valid(checked)
    if not good.all():
        row = int(np.argmin(good))
        raise InvalidInputError(
            "row %(row)s: %(checked)s is not an H3 cell", row=row, checked=int(checked[row])
        )
    return checked


def _frame(cells: Cells) -> pl.DataFrame:
    return pl.DataFrame({"cell": cells.view(np.uint64)})


def _checked_resolution(resolution: int) -> int:
    if isinstance(resolution, bool) or not isinstance(resolution, int | np.integer):
        raise InvalidInputError(
            "H3 resolution %(resolution)r: expected a whole number 0 to 15", resolution=resolution
        )
    if not 0 <= resolution <= MAX_RESOLUTION:
        raise InvalidInputError(
            "H3 resolution %(resolution)s: expected 0 to %(max_resolution)s",
            resolution=resolution,
            max_resolution=MAX_RESOLUTION,
        )
    return int(resolution)


def _checked_points(lat: npt.ArrayLike, lng: npt.ArrayLike) -> pl.DataFrame:
    """Return the points as a frame in which a NaN in either column is a null in both."""
    lats = np.ascontiguousarray(lat, dtype=np.float64)
    lngs = np.ascontiguousarray(lng, dtype=np.float64)
    if lats.ndim != 1 or lats.shape != lngs.shape:
        raise InvalidInputError(
            "lat and lng must be arrays of the same length, got %(shape)s and %(lngs_shape)s",
            shape=lats.shape,
            lngs_shape=lngs.shape,
        )
    for name, values, limit in (
        (Message("latitude"), lats, _HALF_TURN / 2),
        (Message("longitude"), lngs, _HALF_TURN),
    ):
        beyond = np.abs(values) > limit
        if beyond.any():
            row = int(np.argmax(beyond))
            raise InvalidInputError(
                "row %(row)s: %(name)s %(values)g is outside %(least)g to %(most)g",
                row=row,
                name=name,
                values=values[row],
                least=-limit,
                most=limit,
            )
    frame = pl.DataFrame({"lat": lats, "lng": lngs})
    if np.isnan(lats).any() or np.isnan(lngs).any():
        frame = frame.with_columns(pl.all().fill_nan(None))
    return frame

"""Unit grids: square or hexagonal lattices clipped to divisions, their codes, and assignment.

Geometry is WGS84 or CGCS2000 (x = lng, y = lat, decimal degrees). Squares are laid out in a
metric projection, and their corners are brought back to longitude and latitude before they are
clipped: neighbouring cells share their corners exactly and the boundary is kept as it is, so the
cells of a division overlap nowhere and leave no gaps in it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import numpy as np
import pyproj
import shapely
from pyproj.exceptions import CRSError
from shapely.geometry.base import BaseGeometry

from gis_supervision.domain import h3_index
from gis_supervision.domain.contiguity import adjacency
from gis_supervision.domain.divisions import MAX_SERIAL, DivisionCode, Level, UnitGridCode
from gis_supervision.domain.pieces import Pieces, clipped_to, joined, squares, without_slivers
from gis_supervision.domain.polygons import (
    METRES_PER_DEGREE,
    areas_m2,
    as_polygons,
    equal_area_crs,
)
from gis_supervision.domain.topology import check_topology
from gis_supervision.errors import InvalidInputError
from gis_supervision.messages import Message, Parts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    Polygons = npt.NDArray[np.object_]
    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]
    Boundaries: TypeAlias = BaseGeometry | Sequence[BaseGeometry] | npt.NDArray[np.object_]

__all__ = [
    "Assignment",
    "Lattice",
    "adjacency",
    "assign",
    "check_topology",
    "h3_lattice",
    "serials",
    "square_lattice",
]

MIN_SHARE: Final = 0.1
"""Pieces smaller than this share of a whole cell are merged into a neighbour."""
MAX_CELLS: Final = 2_000_000


@dataclass(frozen=True, eq=False)
class Lattice:
    """Cells of a lattice clipped to one or more boundaries; arrays of one length.

    Attributes
    ----------
    kind : "square" or "h3"
    size : float
        Side in metres of a square, or the H3 resolution.
    crs : str
        The metric projection that squares were laid out in (empty for H3).
    code_kind : "unit_grid" or "lattice"
        Whether codes are 15-digit unit-grid codes, or lattice codes, which say so:
        ``DIVISION-Q500-00001`` for squares of 500 m, ``DIVISION-H9-00001`` for H3 resolution 9.
    codes : tuple of str
    polygons : ndarray of Polygon
        WGS84. (A MultiPolygon only where an H3 cell crosses the antimeridian.)
    area_m2 : ndarray of float
    division : ndarray of int
        Position of the cell's boundary in what was given.
    serial : ndarray of int
        From 1 in each division, west to east, then north to south.
    row, col : ndarray of int
        Place in the lattice, rows to the north and columns to the east of the projection's
        origin, negative to the south and west; for H3 bands of equal height, and 0.
    h3 : ndarray of int64
        The H3 cell; 0 in a square lattice.
    notes : tuple of str
        What was done to a cell out of the ordinary; "" for most.
    """

    kind: Literal["square", "h3"]
    size: float
    crs: str
    code_kind: Literal["unit_grid", "lattice"]
    codes: tuple[str, ...]
    polygons: Polygons
    area_m2: Floats
    division: Integers
    serial: Integers
    row: Integers
    col: Integers
    h3: Integers
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.codes)


@dataclass(frozen=True, eq=False)
class Assignment:
    """The cell of every point, and why there is none.

    ``cell`` is the position of the cell, -1 for none. ``status`` is "inside", "border" (on the
    edge of a cell, or where cells overlap: the first of them is given), "outside", or "none"
    (no coordinates).
    """

    cell: Integers
    status: npt.NDArray[np.str_]


def square_lattice(
    boundaries: Boundaries,
    side_m: float,
    *,
    divisions: Sequence[str] | None = None,
    codes: Literal["auto", "unit_grid", "lattice"] = "auto",
    epsg: int | None = None,
    min_share: float = MIN_SHARE,
    max_cells: int = MAX_CELLS,
) -> Lattice:
    """Divide boundaries into squares, clipped to each boundary.

    The lines of the lattice are the multiples of ``side_m`` in the projection, never relative to
    a boundary: the same boundaries give the same cells on every machine, and divisions share one
    lattice. A square that a boundary cuts into several parts gives several cells. Parts smaller
    than ``min_share`` of a square are merged into the cell of the same division with which they
    have the longest common border; one that borders no cell of its division (an islet) is kept,
    with a note.

    Parameters
    ----------
    boundaries : Polygon or MultiPolygon, or a sequence of them
        Valid areas that do not overlap, WGS84.
    side_m : float
        Side of a square in metres. (The unit grid's nominal cell is 100 m by 100 m.)
    divisions : sequence of str, optional
        The code of each boundary, put in front of the codes of its cells.
    codes : {"auto", "unit_grid", "lattice"}, optional
        "unit_grid" asks for 15-digit codes, which need divisions of 12 digits and at most 999
        cells in each; "auto" uses them where that holds for all, else lattice codes.
    epsg : int, optional
        A projected CRS in metres, such as a zone of CGCS2000 / 3-degree Gauss-Kruger. By default
        a Lambert azimuthal equal-area projection around the whole degree next to the middle of
        all boundaries.
    min_share, max_cells : optional
        See above; more than about ``max_cells`` cells are refused.

    Returns
    -------
    Lattice

    Raises
    ------
    InvalidInputError
        For invalid boundaries, a side that is not positive, an unsuitable CRS, too many cells,
        or unit-grid codes that cannot be given.
    """
    areas, names = _checked_boundaries(boundaries, divisions)
    if not (np.isfinite(side_m) and side_m > 0):
        raise InvalidInputError("side_m %(side_m)r: expected more than 0 metres", side_m=side_m)
    crs = equal_area_crs(shapely.total_bounds(areas)) if epsg is None else _metric_crs(epsg)
    to_plane = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    _refuse_too_many(
        float(areas_m2(areas).sum()) / side_m**2, max_cells, Message("%(side_m)g m", side_m=side_m)
    )
    pieces = [squares(area, side_m, to_plane) for area in areas]
    text = crs.to_string() if epsg is None else f"EPSG:{epsg}"
    empty = Lattice("square", float(side_m), text, "lattice", (), *_no_cells())
    return _finished(empty, pieces, names, codes, min_share, lambda _: side_m**2)


def h3_lattice(
    boundaries: Boundaries,
    resolution: int,
    *,
    divisions: Sequence[str] | None = None,
    codes: Literal["auto", "unit_grid", "lattice"] = "auto",
    min_share: float = MIN_SHARE,
    max_cells: int = MAX_CELLS,
) -> Lattice:
    """Divide boundaries into H3 cells, clipped to each boundary.

    Parameters
    ----------
    boundaries, divisions, codes, min_share, max_cells
        As `square_lattice`; a merged cell keeps the H3 index of its largest part.
    resolution : int
        0 to 15.

    Returns
    -------
    Lattice

    Raises
    ------
    InvalidInputError
        As `square_lattice`, and for a resolution outside 0-15.
    """
    areas, names = _checked_boundaries(boundaries, divisions)
    hexagons = [h3_index.cover(area, resolution, max_cells=max_cells) for area in areas]
    _refuse_too_many(
        sum(cells.size for cells in hexagons),
        max_cells,
        Message("resolution %(resolution)s", resolution=resolution),
    )
    every = np.unique(np.concatenate(hexagons))
    outlines = h3_index.boundaries(every)
    height_m = float(np.sqrt(h3_index.area_km2(every).mean() * 1e6))
    lat, _ = h3_index.centroids(every)
    row = np.floor(lat * METRES_PER_DEGREE / height_m).astype(np.int64)
    pieces = []
    for area, cells in zip(areas, hexagons, strict=True):
        at = np.searchsorted(every, cells)
        nothing = np.zeros(cells.size, dtype=np.int64)
        pieces.append(clipped_to(Pieces(outlines[at], row[at], nothing, cells), area))
    empty = Lattice("h3", float(resolution), "", "lattice", (), *_no_cells())
    return _finished(
        empty, pieces, names, codes, min_share, lambda piece: h3_index.area_km2(piece.h3) * 1e6
    )


def serials(
    polygons: Sequence[BaseGeometry] | Polygons, division: npt.ArrayLike | None = None
) -> Integers:
    """Give numbers to supplied cells from 1 in each division, west to east, then north to south.

    Irregular cells have no rows, so bands as high as the square root of their median area stand
    in for them; a cell belongs to the band of a point inside it.

    Parameters
    ----------
    polygons : sequence of Polygon or MultiPolygon, length n
        WGS84.
    division : array_like, shape (n,), optional
        What to number apart: a code or number per cell.

    Returns
    -------
    ndarray of int, shape (n,)
    """
    array = as_polygons(polygons)
    if array.size == 0:
        return np.empty(0, dtype=np.int64)
    names = np.zeros(array.size) if division is None else np.asarray(division)
    if names.shape != array.shape:
        raise InvalidInputError(
            "expected one division for each of %(size)s polygons, got %(shape)s",
            size=array.size,
            shape=names.shape,
        )
    height = float(np.sqrt(np.median(areas_m2(array)))) / METRES_PER_DEGREE
    points = shapely.get_coordinates(shapely.point_on_surface(array))
    row = np.floor(points[:, 1] / height)
    return _numbered(np.unique(names, return_inverse=True)[1], row, np.zeros(array.size), points)


def assign(
    lng: npt.ArrayLike, lat: npt.ArrayLike, polygons: Sequence[BaseGeometry] | Polygons
) -> Assignment:
    """Find the cell of every point, the edge of a cell included.

    Parameters
    ----------
    lng, lat : array_like of float, shape (n,)
        Decimal degrees in the datum of the polygons; NaN for a point without coordinates.
    polygons : sequence of Polygon or MultiPolygon
        The cells.

    Returns
    -------
    Assignment
    """
    xs, ys = np.asarray(lng, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    if xs.ndim != 1 or xs.shape != ys.shape:
        raise InvalidInputError(
            "lng and lat must be arrays of the same length, got %(shape)s and %(ys_shape)s",
            shape=xs.shape,
            ys_shape=ys.shape,
        )
    array = as_polygons(polygons, Message("cell"))
    cell = np.full(xs.size, array.size, dtype=np.int64)
    status = np.full(xs.size, "outside", dtype="<U7")
    located = np.flatnonzero(np.isfinite(xs) & np.isfinite(ys))
    points = shapely.points(xs[located], ys[located])
    tree = shapely.STRtree(array)
    point, candidate = tree.query(points, predicate="intersects")
    np.minimum.at(cell, located[point], candidate)
    met = np.bincount(point, minlength=located.size)
    interior = np.bincount(tree.query(points, predicate="within")[0], minlength=located.size)
    status[located[met > 0]] = "border"
    status[located[(met == 1) & (interior == 1)]] = "inside"
    cell[cell == array.size] = -1
    status[~(np.isfinite(xs) & np.isfinite(ys))] = "none"
    return Assignment(cell, status)


def _finished(
    lattice: Lattice,
    pieces: Sequence[Pieces],
    names: Sequence[str],
    codes: str,
    min_share: float,
    nominal_m2: Callable[[Pieces], float | Floats],
) -> Lattice:
    """Merge slivers, number and code the cells."""
    merged, areas, notes = [], [], []
    for part in pieces:
        cells, area, note = without_slivers(part, nominal_m2(part), min_share)
        merged.append(cells)
        areas.append(area)
        notes.append(note)
    together = joined(merged)
    division = np.repeat(np.arange(len(merged)), [part.row.size for part in merged])
    points = shapely.get_coordinates(shapely.point_on_surface(together.polygons))
    serial = _numbered(division, together.row, together.col, points)
    order = np.lexsort((serial, division))
    note = np.concatenate([np.empty(0, dtype=np.object_), *notes])[order]
    cells = together.take(order)
    code_kind, coded = _codes(lattice, names, division[order], serial[order], codes)
    return replace(
        lattice,
        code_kind=code_kind,
        codes=coded,
        polygons=cells.polygons,
        area_m2=np.concatenate([np.empty(0), *areas])[order],
        division=division[order],
        serial=serial[order],
        row=cells.row,
        col=cells.col,
        h3=cells.h3,
        notes=tuple(note.tolist()),
    )


def _numbered(
    division: npt.NDArray[Any], row: npt.NDArray[Any], col: npt.NDArray[Any], points: Floats
) -> Integers:
    """Give numbers from 1 in each division: rows from the north, each from the west."""
    order = np.lexsort((-points[:, 1], points[:, 0], col, -row, division))
    ordered = division[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    sizes = np.diff(np.append(starts, ordered.size))
    numbers = np.empty(division.size, dtype=np.int64)
    numbers[order] = np.arange(division.size) - np.repeat(starts[: sizes.size], sizes) + 1
    return numbers


def _codes(
    lattice: Lattice, names: Sequence[str], division: Integers, serial: Integers, wanted: str
) -> tuple[Literal["unit_grid", "lattice"], tuple[str, ...]]:
    if wanted not in {"auto", "unit_grid", "lattice"}:
        raise InvalidInputError(
            "codes %(wanted)r: expected auto, unit_grid or lattice", wanted=wanted
        )
    reason = _no_unit_grid(lattice, names, division)
    if wanted == "unit_grid" and reason:
        raise InvalidInputError("no unit-grid codes: %(reason)s", reason=reason)
    if wanted != "lattice" and not reason:
        return "unit_grid", tuple(
            UnitGridCode.of(names[owner], number).code
            for owner, number in zip(division.tolist(), serial.tolist(), strict=True)
        )
    mark = f"{'Q' if lattice.kind == 'square' else 'H'}{lattice.size:.12g}"
    return "lattice", tuple(
        "-".join(filter(None, (names[owner], mark, f"{number:05d}")))
        for owner, number in zip(division.tolist(), serial.tolist(), strict=True)
    )


def _no_unit_grid(
    lattice: Lattice, names: Sequence[str], division: Integers
) -> Message | Parts | None:
    """Say why these cells cannot have unit-grid codes; None where they can."""
    for name in names:
        try:
            level = DivisionCode(name).level
        except InvalidInputError as error:
            return error.message
        if level is not Level.VILLAGE:
            return Message(
                "division code %(name)r has %(count)s digits, expected the 12 of a village",
                name=name,
                count=len(name),
            )
    counts = np.bincount(division, minlength=len(names))
    if counts.size and counts.max() > MAX_SERIAL:
        most = int(np.argmax(counts))
        wider = (
            Message(
                "; a side of at least %(size).0f m fits",
                size=lattice.size * np.sqrt(counts[most] / MAX_SERIAL),
            )
            if lattice.kind == "square"
            else ""
        )
        return Message(
            "village %(names)s has %(counts)s cells, expected at most %(max_serial)s%(wider)s",
            names=names[most],
            counts=counts[most],
            max_serial=MAX_SERIAL,
            wider=wider,
        )
    return None


def _checked_boundaries(
    boundaries: Boundaries, divisions: Sequence[str] | None
) -> tuple[Polygons, tuple[str, ...]]:
    given = [boundaries] if isinstance(boundaries, BaseGeometry) else list(boundaries)
    if not given:
        raise InvalidInputError("expected at least one boundary")
    if divisions is not None and len(divisions) != len(given):
        raise InvalidInputError(
            "%(count)s boundaries but %(divisions_count)s division codes",
            count=len(given),
            divisions_count=len(divisions),
        )
    names = ("",) * len(given) if divisions is None else tuple(divisions)
    if divisions is not None and len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidInputError(
            "division code %(twice)r is given twice; merge its boundaries", twice=twice
        )
    if divisions is None and len(given) > 1:
        names = tuple(str(number) for number in range(1, len(given) + 1))
    areas = as_polygons(given, Message("boundary"))
    valid = shapely.is_valid(areas)
    if not valid.all():
        row = int(np.argmin(valid))
        raise InvalidInputError(
            "boundary %(names)s: %(problem)s; repair it first (check_topology does)",
            names=names[row] or row,
            problem=shapely.is_valid_reason(areas[row]),
        )
    return areas, names


def _metric_crs(epsg: int) -> pyproj.CRS:
    try:
        crs = pyproj.CRS.from_epsg(epsg)
    except CRSError as error:
        raise InvalidInputError("EPSG:%(epsg)s is not a known CRS", epsg=epsg) from error
    if not crs.is_projected or any(axis.unit_name != "metre" for axis in crs.axis_info):
        raise InvalidInputError(
            "EPSG:%(epsg)s (%(name)s): expected a projected CRS in metres", epsg=epsg, name=crs.name
        )
    return crs


def _refuse_too_many(count: float, max_cells: int, size: Message) -> None:
    if count > max_cells:
        raise InvalidInputError(
            "about %(count)s cells of %(size)s fill the boundaries, more than %(max_cells)s; "
            "choose larger cells",
            count=f"{count:,.0f}",
            size=size,
            max_cells=f"{max_cells:,}",
        )


def _no_cells() -> tuple[Any, ...]:
    none = np.empty(0, dtype=np.int64)
    return (np.empty(0, dtype=np.object_), np.empty(0), none, none, none, none, none, ())

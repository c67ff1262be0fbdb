"""Pieces of lattice cells: laid out in blocks, clipped to a boundary, slivers merged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely
from shapely import Polygon

from gis_supervision.domain.contiguity import shared_borders
from gis_supervision.domain.polygons import areas_m2
from gis_supervision.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt
    import pyproj
    from shapely.geometry.base import BaseGeometry

    Polygons = npt.NDArray[np.object_]
    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]

_BLOCK: Final = 64  # cells along the side of the blocks in which a lattice is laid out
_NOISE_M2: Final = 1e-3  # smaller pieces are rounding
_NODING_DEGREES: Final = 1e-12  # edges closer than this (0.1 micrometre) are one when merging
_MERGING_TOLERANCE_M: Final = 1e-4  # clipped edges agree to far less
_NEAR_DEGREES: Final = 1e-9  # rounding can leave a gap between pieces that touch
_POLYGON: Final = 3  # shapely's type number


@dataclass(frozen=True, eq=False)
class Pieces:
    """Parts of lattice cells inside one boundary."""

    polygons: Polygons
    row: Integers
    col: Integers
    h3: Integers

    def take(self, which: npt.NDArray[Any]) -> Pieces:
        """Return the pieces at some positions, or where a mask is true."""
        return Pieces(self.polygons[which], self.row[which], self.col[which], self.h3[which])


def squares(area: BaseGeometry, side_m: float, to_plane: pyproj.Transformer) -> Pieces:
    """Lay squares over one boundary, block by block, and clip them."""
    outline = shapely.get_coordinates(shapely.segmentize(area, 0.05))
    x, y = to_plane.transform(outline[:, 0], outline[:, 1])
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise InvalidInputError("the boundary lies outside the area of the projection")
    west, east = (int(np.floor(limit / side_m)) for limit in (np.min(x), np.max(x)))
    south, north = (int(np.floor(limit / side_m)) for limit in (np.min(y), np.max(y)))
    cols = np.arange(west - 1, east + 2, _BLOCK, dtype=np.int64)
    rows = np.arange(south - 1, north + 2, _BLOCK, dtype=np.int64)
    block_row, block_col = (grid.ravel() for grid in np.meshgrid(rows, cols, indexing="ij"))
    shapely.prepare(area)
    candidates = []
    for row, col in zip(block_row.tolist(), block_col.tolist(), strict=True):
        height, width = min(_BLOCK, north + 2 - row), min(_BLOCK, east + 2 - col)
        edge_x, edge_y = np.meshgrid(
            (col + np.linspace(0, width, 3)) * side_m, (row + np.linspace(0, height, 3)) * side_m
        )
        lng, lat = to_plane.transform(edge_x.ravel(), edge_y.ravel(), direction="INVERSE")
        margin = 0.01 * max(np.ptp(lng), np.ptp(lat))
        block = shapely.box(
            lng.min() - margin, lat.min() - margin, lng.max() + margin, lat.max() + margin
        )
        if not area.intersects(block):
            continue
        block_of_cells = _block_of_squares((row, height), (col, width), side_m, to_plane)
        if not shapely.contains_properly(area, block):
            block_of_cells = block_of_cells.take(shapely.intersects(area, block_of_cells.polygons))
        candidates.append(block_of_cells)
    return clipped_to(joined(candidates), area)


def _block_of_squares(
    row_count: tuple[int, int],
    col_count: tuple[int, int],
    side_m: float,
    to_plane: pyproj.Transformer,
) -> Pieces:
    """Return a block of squares, given its first row and column and how many of them."""
    (row, height), (col, width) = row_count, col_count
    x, y = np.meshgrid(
        (col + np.arange(width + 1)) * side_m, (row + np.arange(height + 1)) * side_m
    )
    lng, lat = to_plane.transform(x.ravel(), y.ravel(), direction="INVERSE")
    corners = np.column_stack((lng, lat)).reshape(height + 1, width + 1, 2)
    ring = np.stack(
        (corners[:-1, :-1], corners[:-1, 1:], corners[1:, 1:], corners[1:, :-1]), axis=2
    ).reshape(-1, 4, 2)
    rows, cols = np.meshgrid(row + np.arange(height), col + np.arange(width), indexing="ij")
    count = ring.shape[0]
    return Pieces(
        np.asarray(shapely.polygons(ring)),
        rows.ravel().astype(np.int64),
        cols.ravel().astype(np.int64),
        np.zeros(count, dtype=np.int64),
    )


def clipped_to(cells: Pieces, area: BaseGeometry) -> Pieces:
    """Clip cells to a boundary; every part becomes a piece of its own."""
    shapely.prepare(area)
    whole = np.asarray(shapely.contains_properly(area, cells.polygons))
    cut = np.flatnonzero(~whole)
    clipped = cells.polygons.copy()
    for group in _groups(cells.polygons[cut]):
        chosen = cut[group]
        bounds = shapely.total_bounds(cells.polygons[chosen])
        margin = 0.01 * float(np.ptp(bounds[[0, 2]]) + np.ptp(bounds[[1, 3]]))
        near = shapely.intersection(
            area, shapely.box(*(bounds + margin * np.array([-1, -1, 1, 1])))
        )
        clipped[chosen] = shapely.intersection(cells.polygons[chosen], near)
    multiple = np.flatnonzero(shapely.get_type_id(clipped) != _POLYGON)
    simple = np.setdiff1d(np.arange(clipped.size), multiple)
    parts, owner = shapely.get_parts(clipped[multiple], return_index=True)
    source = np.concatenate((simple, multiple[owner]))
    pieces = cells.take(source)
    pieces.polygons[:] = np.concatenate((clipped[simple], parts))
    solid = shapely.get_type_id(pieces.polygons) == _POLYGON
    solid &= shapely.area(pieces.polygons) > 0
    pieces = pieces.take(solid)
    return pieces.take(areas_m2(pieces.polygons) > _NOISE_M2)


def _groups(polygons: Polygons) -> Iterator[Integers]:
    """Group cells that lie together, so that each group is clipped by a short piece of border."""
    if polygons.size == 0:
        return
    bounds = shapely.bounds(polygons)
    size = np.maximum((bounds[:, 2:] - bounds[:, :2]).max(axis=0) * 8, 1e-9)
    places = np.floor(bounds[:, :2] / size).astype(np.int64)
    _, group = np.unique(places, axis=0, return_inverse=True)
    order = np.argsort(group, kind="stable")
    yield from np.split(order, np.flatnonzero(np.diff(group[order])) + 1)


def without_slivers(
    pieces: Pieces, nominal_m2: float | Floats, min_share: float
) -> tuple[Pieces, Floats, Polygons]:
    """Merge small pieces into the neighbour with the longest common border."""
    area = areas_m2(pieces.polygons)
    wanted = np.broadcast_to(np.asarray(nominal_m2, dtype=np.float64) * min_share, area.shape)
    small = np.flatnonzero(area < wanted)
    if small.size == 0:
        return pieces, area, np.full(area.size, "", dtype=np.object_)
    beside_small = shapely.STRtree(pieces.polygons).query(
        pieces.polygons[small], predicate="dwithin", distance=_NEAR_DEGREES
    )[1]
    near = np.unique(beside_small)
    borders = shared_borders(pieces.polygons[near], tolerance_m=_MERGING_TOLERANCE_M)
    beside: dict[int, dict[int, float]] = {}
    for one, other, length in zip(
        near[borders.first].tolist(),
        near[borders.second].tolist(),
        borders.length_m.tolist(),
        strict=True,
    ):
        beside.setdefault(one, {})[other] = length
        beside.setdefault(other, {})[one] = length
    group = {at: [at] for at in near.tolist()}
    head = {at: at for at in group}
    total = {at: float(area[at]) for at in group}
    for sliver in small[np.argsort(area[small], kind="stable")].tolist():
        while total[head[sliver]] < wanted[sliver]:
            own = head[sliver]
            lengths: dict[int, float] = {}
            for member in group[own]:
                for other, length in beside.get(member, {}).items():
                    if head[other] != own:
                        lengths[head[other]] = lengths.get(head[other], 0.0) + length
            if not lengths:
                break
            target = min(lengths, key=lambda other: (-lengths[other], other))
            group[target] += group.pop(own)
            total[target] += total.pop(own)
            for member in group[target]:
                head[member] = target
    return _merged(pieces, area, wanted, [sorted(members) for members in group.values()])


def _merged(
    pieces: Pieces, area: Floats, wanted: Floats, groups: Sequence[Sequence[int]]
) -> tuple[Pieces, Floats, Polygons]:
    """Unite groups of pieces; each takes the place of its largest member."""
    polygons = pieces.polygons.copy()
    total = area.copy()
    notes = np.full(area.size, "", dtype=np.object_)
    kept = np.ones(area.size, dtype=np.bool_)
    for members in groups:
        largest = max(members, key=lambda at: (area[at], -at))
        remarks = []
        if len(members) > 1:
            kept[members] = False
            kept[largest] = True
            polygons[largest] = _united(pieces.polygons[members])
            total[largest] = area[members].sum()
            count = len(members) - 1
            remarks.append(f"{count} sliver{'s' if count > 1 else ''} merged in")
        if total[largest] < wanted[largest]:
            remarks.append(
                f"sliver of {total[largest]:.1f} m2 kept: it borders no cell of its division"
            )
        notes[largest] = "; ".join(remarks)
    chosen = np.flatnonzero(kept)
    merged = replace(pieces, polygons=polygons).take(chosen)
    return merged, total[chosen], notes[chosen]


def _united(polygons: Polygons) -> BaseGeometry:
    """Unite neighbours, without the hair cracks that rounding leaves between them."""
    with np.errstate(divide="ignore", invalid="ignore"):  # floating-point flags that GEOS leaves
        united = shapely.union_all(polygons, grid_size=_NODING_DEGREES)
    parts = shapely.get_parts(united)
    solid = [
        Polygon(
            part.exterior,
            [ring for ring in part.interiors if _area_m2(Polygon(ring)) > _NOISE_M2],
        )
        for part in parts
        if _area_m2(part) > _NOISE_M2
    ]
    return solid[0] if len(solid) == 1 else shapely.multipolygons(solid)


def _area_m2(polygon: Polygon) -> float:
    return float(areas_m2(np.array([polygon], dtype=np.object_))[0])


def joined(pieces: Sequence[Pieces]) -> Pieces:
    """Put pieces of several boundaries or blocks behind one another."""
    integers = np.empty(0, dtype=np.int64)
    return Pieces(
        np.concatenate([np.empty(0, dtype=np.object_), *(part.polygons for part in pieces)]),
        np.concatenate([integers, *(part.row for part in pieces)]),
        np.concatenate([integers, *(part.col for part in pieces)]),
        np.concatenate([integers, *(part.h3 for part in pieces)]),
    )

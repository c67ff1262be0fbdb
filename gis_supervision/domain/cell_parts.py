"""Parts of a cell: dividing a polygon by lines or by drawn polygons so that nothing is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from gis_supervision.domain.topology import areas_m2, as_polygons, check_topology
from gis_supervision.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from shapely.geometry.base import BaseGeometry

    Polygons = npt.NDArray[np.object_]

SMALLEST_PART_M2: Final = 1.0
"""What is smaller is no part: it is rounding at the edge of one."""
_AREAS: Final = (3, 6)
_LINES: Final = (1, 2, 5)


def divided(
    polygon: BaseGeometry,
    shapes: Sequence[BaseGeometry],
    *,
    smallest_m2: float = SMALLEST_PART_M2,
) -> Polygons:
    """Divide a polygon by shapes drawn over it.

    Parameters
    ----------
    polygon : Polygon or MultiPolygon
        WGS84, x = lng, y = lat.
    shapes : sequence of lines, or of polygons
        Lines cut the polygon. Polygons are the parts: what lies outside is clipped off, and what
        none of them covers is one part more.
    smallest_m2 : float, optional
        Pieces up to this area join the part with which they have the longest common border, and
        overlaps up to it go to the first of the two.

    Returns
    -------
    ndarray of Polygon or MultiPolygon
        At least two parts that overlap nowhere and together are the polygon.

    Raises
    ------
    InvalidInputError
        The shapes are of other or of mixed kinds, overlap, or leave the polygon whole.
    """
    kinds = {int(shapely.get_type_id(shape)) for shape in shapes if not shape.is_empty}
    if kinds and kinds <= set(_LINES):
        pieces = _cut(polygon, shapes)
    elif kinds and kinds <= set(_AREAS):
        pieces = _drawn(polygon, shapes, smallest_m2)
    else:
        raise InvalidInputError("to divide a cell: expected only lines, or only polygons")
    parts = _without_crumbs(pieces, smallest_m2)
    if parts.size < 2:  # noqa: PLR2004 - a division has two parts
        raise InvalidInputError(
            "to divide a cell: expected shapes that leave at least two parts of more than "
            "%(smallest_m2)g m2 in it, got %(size)s",
            smallest_m2=smallest_m2,
            size=parts.size,
        )
    return parts


def _cut(polygon: BaseGeometry, lines: Sequence[BaseGeometry]) -> Polygons:
    edges = shapely.union_all([shapely.boundary(polygon), *lines])
    faces = shapely.get_parts(shapely.polygonize([edges]))
    shapely.prepare(polygon)
    inside: Polygons = faces[shapely.covers(polygon, shapely.point_on_surface(faces))]
    return inside


def _drawn(polygon: BaseGeometry, drawn: Sequence[BaseGeometry], smallest_m2: float) -> Polygons:
    report = check_topology(list(drawn), minimum_m2=smallest_m2)
    if report.overlaps:
        worst = max(report.overlaps, key=lambda overlap: overlap.area_m2)
        raise InvalidInputError(
            "to divide a cell: parts %(first)s and %(second)s overlap by %(area_m2).0f m2",
            first=worst.first + 1,
            second=worst.second + 1,
            area_m2=worst.area_m2,
        )
    rest = polygon
    pieces = []
    for shape in report.polygons:
        if shape is not None:
            pieces.append(shapely.intersection(rest, shape))
            rest = shapely.difference(rest, shape)
    pieces.append(rest)
    areal = [_areal(piece) for piece in pieces]
    return np.array([piece for piece in areal if piece is not None], dtype=np.object_)


def _areal(geometry: BaseGeometry) -> BaseGeometry | None:
    """Leave points and lines of an intersection out."""
    parts = [part for part in shapely.get_parts(geometry) if part.geom_type == "Polygon"]
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else shapely.multipolygons(parts)


def _without_crumbs(pieces: Polygons, smallest_m2: float) -> Polygons:
    if pieces.size == 0:
        return pieces
    owner = np.repeat(np.arange(pieces.size), shapely.get_num_geometries(pieces))
    single = as_polygons(shapely.get_parts(pieces))
    large = areas_m2(single) > smallest_m2
    kept = {int(number): [part] for number, part in _largest(single, owner, large)}
    main = {number: parts[0] for number, parts in kept.items()}
    for at in range(single.size):
        part, number = single[at], int(owner[at])
        if number in main and main[number] is part:
            continue
        if large[at]:
            kept[number].append(part)
        elif main:
            kept[_neighbour(part, main)].append(part)
    return np.array([shapely.union_all(parts) for parts in kept.values()], dtype=np.object_)


def _largest(
    single: Polygons, owner: npt.NDArray[np.int64], large: npt.NDArray[np.bool_]
) -> list[tuple[int, BaseGeometry]]:
    """Return the largest part of every piece that has one."""
    area = areas_m2(single)
    best: dict[int, int] = {}
    for at in np.flatnonzero(large):
        number = int(owner[at])
        if number not in best or area[at] > area[best[number]]:
            best[number] = int(at)
    return [(number, single[at]) for number, at in sorted(best.items())]


def _neighbour(part: BaseGeometry, main: dict[int, BaseGeometry]) -> int:
    """Return the piece with the longest common border, else the nearest."""
    edge = shapely.boundary(part)

    def order(number: int) -> tuple[float, float]:
        shared = shapely.length(shapely.intersection(edge, shapely.boundary(main[number])))
        return -float(shared), float(shapely.distance(part, main[number]))

    return min(main, key=order)

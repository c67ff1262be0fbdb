"""Topology of polygons that should divide an area: overlaps, gaps, slivers, broken rings.

Polygons are in WGS84 or CGCS2000 (x = lng, y = lat, decimal degrees), their edges straight in
longitude and latitude as in GeoJSON; areas and lengths are in metres.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely
from shapely import MultiPolygon, Polygon

from gis_supervision.domain.polygons import METRES_PER_DEGREE, Edges, areas_m2, as_polygons
from gis_supervision.messages import Message

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from shapely.geometry.base import BaseGeometry

    Polygons = npt.NDArray[np.object_]
    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]

__all__ = [
    "Gap",
    "Overlap",
    "Repair",
    "Sliver",
    "TopologyReport",
    "areas_m2",
    "as_polygons",
    "check_topology",
]


REMARKS: Final = (
    Message("no geometry"),
    Message("%(kind)s without an area: %(reason)s", kind="", reason=""),
    Message(
        "repaired: %(reason)s; %(parts)s part(s), %(area)s m2",
        reason="",
        parts="",
        area="",
    ),
    Message("overlap by %(area)s m2", area=""),
    Message("no cell covers %(area)s m2", area=""),
    Message("%(area)s m2, compactness %(compactness)s", area="", compactness=""),
    Message("%(area)s m2 lie outside the boundary", area=""),
    Message("%(count)s sliver merged in; %(mistake)s", count="", mistake=""),
    Message("%(count)s slivers merged in; %(mistake)s", count="", mistake=""),
    Message("%(count)s sliver merged in", count=""),
    Message("%(count)s slivers merged in", count=""),
    Message("sliver of %(area)s m2 kept: it borders no cell of its division", area=""),
    Message("%(key)s: %(mistake)s", key="", mistake=""),
)
"""What is remarked of cells, as `recognised` takes it; the last names the cell first."""


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
    edges = Edges.of(polygons)
    perimeter = np.bincount(edges.owner, weights=edges.length_m, minlength=polygons.size)
    roundness = 4 * np.pi * area / np.maximum(perimeter, np.finfo(float).tiny) ** 2
    poor = (area < share * np.median(area)) | (roundness < compactness)
    return tuple(
        Sliver(int(index[at]), float(area[at]), float(roundness[at])) for at in np.flatnonzero(poor)
    )


def _area_m2(geometry: BaseGeometry) -> float:
    parts = shapely.get_parts(geometry)
    return float(areas_m2(parts).sum())

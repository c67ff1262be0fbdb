"""Polygons in longitude and latitude: checks, areas on the ellipsoid, edges in metres.

Polygons are in WGS84 or CGCS2000 (x = lng, y = lat, decimal degrees), their edges straight in
longitude and latitude as in GeoJSON.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pyproj
import shapely
from shapely.geometry.base import BaseGeometry

from gis_supervision.errors import InvalidInputError
from gis_supervision.messages import Message

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


_POLYGON: Final = Message("polygon")


def as_polygons(polygons: Sequence[BaseGeometry] | Polygons, what: Message = _POLYGON) -> Polygons:
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
        raise InvalidInputError(
            "%(what)s %(row)s: expected a polygon, got %(described)s",
            what=what,
            row=row,
            described=_described(array[row]),
        )
    kinds = shapely.get_type_id(array)
    wrong = ~np.isin(kinds, (3, 6)) | shapely.is_empty(array)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InvalidInputError(
            "%(what)s %(row)s: expected a Polygon or MultiPolygon that is not empty, got "
            "%(described)s",
            what=what,
            row=row,
            described=_described(array[row]),
        )
    bounds = shapely.bounds(array)
    beyond = (np.abs(bounds[:, [0, 2]]) > 180).any(axis=1)  # noqa: PLR2004 - degrees
    beyond |= (np.abs(bounds[:, [1, 3]]) > 90).any(axis=1)  # noqa: PLR2004 - degrees
    if beyond.any():
        row = int(np.argmax(beyond))
        raise InvalidInputError(
            "%(what)s %(row)s: expected longitude and latitude in degrees, got an extent of "
            "%(bounds)s",
            what=what,
            row=row,
            bounds=bounds[row].tolist(),
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


@dataclass(frozen=True, eq=False)
class Edges:
    """Edges of polygons: ends in metres on a plane (scaled degrees), length on the ground."""

    starts: Floats
    ends: Floats
    length_m: Floats
    owner: Integers

    @classmethod
    def of(cls, polygons: Polygons) -> Edges:
        """Return the edges of polygons, those of no length left out."""
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

    def take(self, which: npt.NDArray[np.bool_]) -> Edges:
        """Return the edges where a mask is true."""
        return Edges(self.starts[which], self.ends[which], self.length_m[which], self.owner[which])


def _described(geometry: object) -> Message:
    if not isinstance(geometry, BaseGeometry):
        return Message("a value of type %(kind)s", kind=type(geometry).__name__)
    return (
        Message("an empty %(geom_type)s", geom_type=geometry.geom_type)
        if geometry.is_empty
        else Message("a %(geom_type)s", geom_type=geometry.geom_type)
    )

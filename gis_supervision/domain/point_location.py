"""Which of many areas holds each of many points."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from shapely.geometry.base import BaseGeometry

NOWHERE = -1
"""Index of the area of a point that is in none."""


class PointLocator:
    """Areas made ready to be asked for many points, block after block.

    Parameters
    ----------
    areas : sequence of Polygon or MultiPolygon, shape (m,)
        In order of precedence: a point in several areas belongs to the first.

    Notes
    -----
    A tree of bounding boxes names the candidates, an index of the edges of each area decides
    (GEOS, prepared geometries).
    """

    def __init__(self, areas: Sequence[BaseGeometry] | npt.NDArray[np.object_]) -> None:
        self._areas = np.array(areas, dtype=object)
        shapely.prepare(self._areas)
        self._tree = shapely.STRtree(self._areas)

    def __len__(self) -> int:
        return int(self._areas.size)

    def first(self, lng: npt.ArrayLike, lat: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Find the first area that covers each point, its edge included.

        Parameters
        ----------
        lng, lat : array_like of float, shape (n,)
            Decimal degrees in the datum of the areas; NaN for a point without coordinates.

        Returns
        -------
        ndarray of int64, shape (n,)
            Index of the area, `NOWHERE` for a point in none.
        """
        xs, ys = np.asarray(lng, dtype=np.float64), np.asarray(lat, dtype=np.float64)
        found = np.full(xs.size, self._areas.size, dtype=np.int64)
        located = np.flatnonzero(np.isfinite(xs) & np.isfinite(ys))
        point, area = self._tree.query(shapely.points(xs[located], ys[located]))
        point = located[point]
        covered = shapely.intersects_xy(self._areas[area], xs[point], ys[point])
        np.minimum.at(found, point[covered], area[covered])
        found[found == self._areas.size] = NOWHERE
        return found

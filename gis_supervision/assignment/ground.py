"""The grid as districting takes it: centres, sizes and common borders of cells in metres."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely
from pyproj import Transformer
from scipy.sparse import csr_array

from gis_supervision.domain.contiguity import shared_borders
from gis_supervision.domain.polygons import equal_area_crs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gis_supervision.storage.grid import Cells


@dataclass(frozen=True, eq=False)
class Ground:
    """Cells in an equal-area plane around their middle.

    Attributes
    ----------
    cells
        The cells in force, ordered by code.
    x, y
        Their centres, in metres.
    area, outline
        Their sizes in square metres and the lengths of their outlines in metres.
    borders
        Neighbours with the length of the common border in metres, shape (cells, cells).
    """

    cells: Cells
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    area: NDArray[np.float64]
    outline: NDArray[np.float64]
    borders: csr_array


def measured(cells: Cells) -> Ground:
    """Measure cells.

    Parameters
    ----------
    cells
        At least one.
    """
    to_plane = Transformer.from_crs(
        4326, equal_area_crs(shapely.total_bounds(cells.polygons)), always_xy=True
    )
    plane = shapely.transform(cells.polygons, to_plane.transform, interleaved=False)
    middle = shapely.centroid(plane)
    borders = _borders(cells)
    return Ground(
        cells=cells,
        x=shapely.get_x(middle),
        y=shapely.get_y(middle),
        area=shapely.area(plane),
        # The two are measured in slightly different projections.
        outline=np.maximum(shapely.length(plane), borders.sum(axis=1)),
        borders=borders,
    )


def _borders(cells: Cells) -> csr_array:
    borders = shared_borders(cells.polygons)
    rows = np.concatenate((borders.first, borders.second))
    columns = np.concatenate((borders.second, borders.first))
    lengths = np.concatenate((borders.length_m, borders.length_m))
    return csr_array((lengths, (rows, columns)), shape=(cells.ids.size, cells.ids.size))

"""The outlines in force, for placing premises in blocks while a file is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely
from sqlalchemy import text

from gis_supervision.domain.point_location import NOWHERE, PointLocator

if TYPE_CHECKING:
    import numpy.typing as npt
    from sqlalchemy.orm import Session

_CELLS = """
    SELECT c.id, coalesce(c.division_id, 0), st_asbinary(c.geom) FROM grid_cell AS c
    WHERE upper_inf(c.valid) ORDER BY c.code
"""
_DIVISIONS = """
    SELECT d.id, d.id, st_asbinary(d.geom) FROM division AS d
    WHERE d.geom IS NOT NULL ORDER BY st_area(d.geom), d.id
"""


@dataclass(frozen=True)
class _Layer:
    locator: PointLocator
    ids: npt.NDArray[np.int64]
    division_ids: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Outlines:
    """Cells and divisions as they are in force."""

    cells: _Layer
    divisions: _Layer

    def place(
        self, lng: npt.ArrayLike, lat: npt.ArrayLike
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Find cell and division of points.

        Parameters
        ----------
        lng, lat : array_like of float, shape (n,)
            Decimal degrees, EPSG:4326; NaN for a point without coordinates.

        Returns
        -------
        cell_ids, division_ids : ndarray of int64, shape (n,)
            0 where there is none. A point on a common border belongs to the cell with the lowest
            code; the division is that of the cell, else the smallest that holds the point. These
            are the rules of the functions ``cell_at`` and ``division_at`` of the database.
        """
        xs, ys = np.asarray(lng, dtype=np.float64), np.asarray(lat, dtype=np.float64)
        cells, divisions = np.zeros((2, xs.size), dtype=np.int64)
        found = self.cells.locator.first(xs, ys)
        held = found != NOWHERE
        cells[held] = self.cells.ids[found[held]]
        divisions[held] = self.cells.division_ids[found[held]]
        rest = np.flatnonzero(divisions == 0)
        found = self.divisions.locator.first(xs[rest], ys[rest])
        held = found != NOWHERE
        divisions[rest[held]] = self.divisions.ids[found[held]]
        return cells, divisions


def in_force(session: Session) -> Outlines:
    """Read the outlines, and keep them in force until the transaction ends.

    Parameters
    ----------
    session
        An open session. Whoever changes cells or divisions meanwhile waits for its end.

    Returns
    -------
    Outlines
    """
    session.execute(text("LOCK TABLE division, grid_cell IN SHARE MODE"))
    return Outlines(_layer(session, _CELLS), _layer(session, _DIVISIONS))


def _layer(session: Session, query: str) -> _Layer:
    rows = session.execute(text(query)).all()
    areas = shapely.from_wkb([bytes(row[2]) for row in rows])
    ids = np.array([row[:2] for row in rows], dtype=np.int64).reshape(-1, 2)
    return _Layer(PointLocator(areas), ids[:, 0], ids[:, 1])

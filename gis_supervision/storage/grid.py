"""The grid in force: building it from divisions, reading its cells."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import shapely
from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import Range

from gis_supervision.domain.grid import Lattice, h3_lattice, square_lattice
from gis_supervision.errors import ConflictError, InvalidInputError, NotFoundError
from gis_supervision.storage import frames
from gis_supervision.storage.tables import (
    Division,
    DivisionCode,
    Grid,
    GridCell,
    Premises,
    ZoneCell,
)

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import NDArray
    from sqlalchemy.orm import Session

LEVELS = ("village", "neighbourhood", "township", "county")
"""Levels of divisions, the finest first."""


@dataclass(frozen=True, eq=False)
class Cells:
    """Cells in force, ordered by code; arrays of one length.

    Attributes
    ----------
    ids
        Row ids.
    codes
        Their codes.
    polygons
        Shapely polygons, WGS84 longitude and latitude.
    """

    ids: NDArray[np.int64]
    codes: tuple[str, ...]
    polygons: NDArray[np.object_]


@dataclass(frozen=True)
class Built:
    """What building a grid did."""

    grid_id: int
    valid_from: date
    cells: int
    premises_inside: int
    premises_outside: int
    premises_not_located: int
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON takes them."""
        return {**asdict(self), "valid_from": self.valid_from.isoformat()}


def current(session: Session) -> Cells:
    """Read the cells in force."""
    rows = session.execute(
        select(GridCell.id, GridCell.code, func.st_asbinary(GridCell.geom))
        .where(func.upper_inf(GridCell.valid))
        .order_by(GridCell.code)
    ).all()
    return Cells(
        ids=np.array([row[0] for row in rows], dtype=np.int64),
        codes=tuple(row[1] for row in rows),
        polygons=shapely.from_wkb(np.array([bytes(row[2]) for row in rows], dtype=object)),
    )


def build(
    session: Session,
    *,
    side_m: float | None = None,
    resolution: int | None = None,
    level: str | None = None,
    valid_from: date | None = None,
) -> Built:
    """Cut the divisions of one level into cells and put them in force; the grid before ends.

    Every premises gets its new cell (by trigger, in bulk).

    Parameters
    ----------
    session
        An open session; the caller commits.
    side_m
        Side of square cells, in metres.
    resolution
        H3 resolution, instead of squares.
    level
        Level of the divisions; left out: the finest that has outlines.
    valid_from
        First day; left out: today. A grid that would only have begun on that day or later is
        replaced as a whole.

    Returns
    -------
    Built

    Raises
    ------
    InvalidInputError
        When not exactly one of side and resolution is given, or it does not suit.
    NotFoundError
        When there are no divisions with outlines.
    ConflictError
        When zones are in force whose cells would be taken away from under them.
    """
    if (side_m is None) == (resolution is None):
        raise InvalidInputError("grid: expected either side_m or resolution")
    first = valid_from or session.scalars(select(func.current_date())).one()
    divisions, codes, outlines = _divisions(session, level)
    if side_m is not None:
        lattice = square_lattice(outlines, side_m, divisions=codes)
    else:
        lattice = h3_lattice(outlines, resolution or 0, divisions=codes)
    _end_grids_before(session, first)
    grid = Grid(
        name=f"{lattice.kind} {lattice.size:g}",
        kind=lattice.kind,
        side_m=side_m,
        resolution=resolution,
        valid=Range(first, None),
    )
    session.add(grid)
    session.flush()
    frames.write(session, GridCell.__tablename__, _rows(lattice, divisions, grid.id, first))
    inside, outside, nowhere = session.execute(
        select(
            func.count(Premises.cell_id),
            func.count().filter(Premises.location == "exact", Premises.cell_id.is_(None)),
            func.count().filter(Premises.location != "exact"),
        )
    ).one()
    return Built(
        grid_id=grid.id,
        valid_from=first,
        cells=len(lattice),
        premises_inside=inside,
        premises_outside=outside,
        premises_not_located=nowhere,
        notes=tuple(
            f"{code}: {note}"
            for code, note in zip(lattice.codes, lattice.notes, strict=True)
            if note
        ),
    )


def _divisions(
    session: Session, level: str | None
) -> tuple[NDArray[np.int64], list[str], NDArray[np.object_]]:
    """Read ids, current codes and outlines of the divisions of a level."""
    if level is not None and level not in LEVELS:
        raise InvalidInputError(f"level {level!r}: expected one of {', '.join(LEVELS)}")
    for wanted in LEVELS if level is None else (level,):
        rows = session.execute(
            select(Division.id, DivisionCode.code, func.st_asbinary(Division.geom))
            .join(DivisionCode, DivisionCode.division_id == Division.id)
            .where(
                Division.level == wanted,
                Division.geom.is_not(None),
                func.upper_inf(DivisionCode.valid),
            )
            .order_by(DivisionCode.code)
        ).all()
        if rows:
            return (
                np.array([row[0] for row in rows], dtype=np.int64),
                [row[1] for row in rows],
                shapely.from_wkb(np.array([bytes(row[2]) for row in rows], dtype=object)),
            )
    raise NotFoundError(
        f"there are no divisions{f' of level {level}' if level else ''} with outlines: import"
        " their boundaries first"
    )


def _end_grids_before(session: Session, first: date) -> None:
    """End the grids that are in force on a day; take away those that begin then or later."""
    in_zones = session.scalar(
        select(func.count())
        .select_from(ZoneCell)
        .join(GridCell, GridCell.id == ZoneCell.cell_id)
        .where(func.lower(GridCell.valid) >= first)
    )
    if in_zones:
        raise ConflictError(f"cells that begin on {first} or later are in zones: give a later day")
    session.execute(
        update(ZoneCell)
        .where(ZoneCell.valid.op("@>")(first))
        .values(valid=func.daterange(func.lower(ZoneCell.valid), first))
    )
    for table in (GridCell, Grid):
        session.execute(
            update(table)
            .where(table.valid.op("@>")(first), func.lower(table.valid) < first)
            .values(valid=func.daterange(func.lower(table.valid), first))
        )
    session.execute(
        text(
            "UPDATE premises SET cell_id = NULL WHERE cell_id IN"
            " (SELECT id FROM grid_cell WHERE lower(valid) >= :first)"
        ),
        {"first": first},
    )
    for name in (GridCell.__tablename__, Grid.__tablename__):
        session.execute(
            text(f"DELETE FROM {name} WHERE lower(valid) >= :first"),  # noqa: S608 - our own tables
            {"first": first},
        )


def _rows(
    lattice: Lattice, divisions: NDArray[np.int64], grid_id: int, first: date
) -> pl.DataFrame:
    whole = [
        shapely.MultiPolygon(getattr(polygon, "geoms", [polygon])) for polygon in lattice.polygons
    ]
    wkb = shapely.to_wkb(shapely.set_srid(whole, 4326), hex=True, include_srid=True)
    return pl.DataFrame(
        {
            "grid_id": np.full(len(lattice), grid_id),
            "division_id": divisions[lattice.division],
            "code": list(lattice.codes),
            "h3": [cell or None for cell in lattice.h3.tolist()],
            "geom": wkb.tolist(),
            "valid": [f"[{first},)"] * len(lattice),
        },
        schema_overrides={"h3": pl.Int64, "code": pl.String, "geom": pl.String},
    )

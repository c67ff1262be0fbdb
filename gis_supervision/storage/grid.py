"""The grid in force: building it from divisions, reading its cells, changing them at once."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import shapely
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import Range

from gis_supervision.domain.grid import Lattice, h3_lattice, square_lattice
from gis_supervision.errors import ConflictError, InvalidInputError, NotFoundError
from gis_supervision.messages import Message
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
    from collections.abc import Iterator, Sequence
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


def begins(session: Session, cells: Sequence[int]) -> dict[int, date | None]:
    """Return the first day of cells, by id."""
    rows = session.execute(
        select(GridCell.id, func.lower(GridCell.valid)).where(GridCell.id.in_(cells))
    )
    return {row[0]: row[1] for row in rows}


def build(
    session: Session,
    *,
    side_m: float | None = None,
    resolution: int | None = None,
    level: str | None = None,
    within: str | None = None,
    valid_from: date | None = None,
) -> Built:
    """Cut the divisions of one level into cells and put them in force; the grid before ends.

    Every premises gets its new cell, in bulk.

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
    within
        Code of a division: only it and those below it are cut. Left out: all.
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
        When there are no such divisions with outlines.
    ConflictError
        When zones are in force whose cells would be taken away from under them.
    """
    if (side_m is None) == (resolution is None):
        raise InvalidInputError("grid: expected either side_m or resolution")
    divisions, codes, outlines = _divisions(session, level, within)
    if side_m is not None:
        lattice = square_lattice(outlines, side_m, divisions=codes)
    else:
        lattice = h3_lattice(outlines, resolution or 0, divisions=codes)
    return start(
        session,
        Grid(
            name=f"{lattice.kind} {lattice.size:g}",
            kind=lattice.kind,
            side_m=side_m,
            resolution=resolution,
        ),
        pl.DataFrame(
            {
                "division_id": divisions[lattice.division],
                "code": list(lattice.codes),
                "h3": [cell or None for cell in lattice.h3.tolist()],
                "geom": ewkb(lattice.polygons),
            },
            schema_overrides={"h3": pl.Int64, "code": pl.String, "geom": pl.String},
        ),
        valid_from=valid_from,
        notes=_notes(lattice),
    )


def start(
    session: Session,
    grid: Grid,
    cells: pl.DataFrame,
    *,
    valid_from: date | None,
    notes: Sequence[str] = (),
) -> Built:
    """Put a grid in force; the one before ends on that day.

    Parameters
    ----------
    session
        An open session; the caller commits.
    grid
        Name, kind and size; its validity is set here.
    cells
        Columns of ``grid_cell`` without ``grid_id`` and ``valid``; ``geom`` as `ewkb` gives it.
    valid_from
        First day; None for today.
    notes
        Returned with the figures.

    Returns
    -------
    Built

    Raises
    ------
    ConflictError
        When zones are in force whose cells would be taken away from under them.
    """
    first = valid_from or session.scalars(select(func.current_date())).one()
    with changing(session):
        _end_grids_before(session, first)
        grid.valid = Range(first, None)
        session.add(grid)
        session.flush()
        rows = cells.with_columns(
            pl.lit(grid.id).alias("grid_id"), pl.lit(f"[{first},)").alias("valid")
        )
        frames.write(session, GridCell.__tablename__, rows)
    inside, outside, nowhere = session.execute(
        select(
            func.count(Premises.cell_id),
            func.count().filter(Premises.location == "exact", Premises.cell_id.is_(None)),
            func.count().filter(Premises.location != "exact"),
        )
    ).one()
    return Built(grid.id, first, cells.height, inside, outside, nowhere, tuple(notes))


@contextmanager
def changing(session: Session, cells: list[int] | None = None) -> Iterator[None]:
    """Change cells, and place the premises once when all is done.

    Others who write premises wait until the transaction ends, so that nobody places a premises by
    the old cells meanwhile.

    Parameters
    ----------
    session
        An open session; the caller commits.
    cells
        Ids of the cells whose premises are to be placed; the block may add to the list. None for
        all premises.
    """
    session.flush()
    session.execute(text("LOCK TABLE premises IN SHARE ROW EXCLUSIVE MODE"))
    switch = text(
        "SELECT set_config('gis_supervision.cells', :cells, true),"
        " set_config('gis_supervision.placing', :placing, true)"
    )
    session.execute(switch, {"cells": "deferred", "placing": "bulk"})
    yield
    session.flush()
    session.execute(switch, {"cells": "", "placing": ""})
    session.execute(text("SELECT premises_place_all(CAST(:cells AS bigint[]))"), {"cells": cells})


def ewkb(polygons: NDArray[np.object_]) -> list[str]:
    """Return polygons as the hexadecimal EWKB of WGS84 multipolygons, for COPY.

    Parameters
    ----------
    polygons
        Shapely Polygons and MultiPolygons; longitude first.
    """
    whole = [shapely.MultiPolygon(getattr(polygon, "geoms", [polygon])) for polygon in polygons]
    wkb: list[str] = shapely.to_wkb(
        shapely.set_srid(np.array(whole, dtype=object), 4326), hex=True, include_srid=True
    ).tolist()
    return wkb


def _notes(lattice: Lattice) -> list[str]:
    coded = zip(lattice.codes, lattice.notes, strict=True)
    return [f"{code}: {note}" for code, note in coded if note]


def _divisions(
    session: Session, level: str | None, within: str | None
) -> tuple[NDArray[np.int64], list[str], NDArray[np.object_]]:
    """Read ids, current codes and outlines of the divisions of a level."""
    if level is not None and level not in LEVELS:
        raise InvalidInputError(
            "level %(level)r: expected one of %(levels)s", level=level, levels=", ".join(LEVELS)
        )
    below = None if within is None else _below(session, within)
    for wanted in LEVELS if level is None else (level,):
        rows = session.execute(
            select(Division.id, DivisionCode.code, func.st_asbinary(Division.geom))
            .join(DivisionCode, DivisionCode.division_id == Division.id)
            .where(
                Division.level == wanted,
                Division.geom.is_not(None),
                func.upper_inf(DivisionCode.valid),
                *([] if below is None else [Division.id.in_(below)]),
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
        "there are no divisions%(level)s%(within)s with outlines: import their boundaries first",
        level=Message(" of level %(level)s", level=level) if level else "",
        within=Message(" in %(division)s", division=within) if within else "",
    )


def _below(session: Session, code: str) -> list[int]:
    """Return the ids of a division and of all below it."""
    return list(
        session.scalars(
            text("""
                WITH RECURSIVE below AS (
                    SELECT division_coded(:code) AS id
                    UNION
                    SELECT d.id FROM division AS d JOIN below AS b ON d.parent_id = b.id
                )
                SELECT below.id FROM below WHERE below.id IS NOT NULL
            """),
            {"code": code},
        )
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
        raise ConflictError(
            "cells that begin on %(first)s or later are in zones: give a later day", first=first
        )
    session.execute(delete(ZoneCell).where(func.lower(ZoneCell.valid) >= first))
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
    for table in (GridCell, Grid):
        session.execute(delete(table).where(func.lower(table.valid) >= first))

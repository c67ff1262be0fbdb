"""Zones, inspectors and who was responsible when."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import polars as pl
from sqlalchemy import delete, exists, func, insert, or_, select, text, update
from sqlalchemy.dialects.postgresql import Range

from gis_supervision.errors import ConflictError
from gis_supervision.storage import frames
from gis_supervision.storage.tables import (
    GridCell,
    InspectorAssignment,
    Premises,
    Zone,
    ZoneCell,
    Zoning,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from sqlalchemy.orm import Session


@dataclass(frozen=True)
class NewZone:
    """A zone to be stored: its cells and its workload."""

    code: str
    name: str
    workload_hours: float
    cells: tuple[int, ...]


@dataclass(frozen=True)
class ZoneOn:
    """A zone as it was on a day; ``inspector`` is None where nobody was responsible."""

    code: str
    name: str
    inspector: str | None
    deputies: str
    workload_hours: float
    cells: int
    premises: int

    def to_dict(self) -> dict[str, Any]:
        """Return the zone as JSON takes it."""
        return asdict(self)


def without_cell(session: Session, as_of: date) -> int:
    """Count premises of a day that lie in no cell, so that no zone can have their work."""
    return session.scalars(
        select(func.count())
        .select_from(Premises)
        .where(
            Premises.cell_id.is_(None),
            ~Premises.external,
            or_(Premises.opened_on.is_(None), Premises.opened_on <= as_of),
            or_(Premises.closed_on.is_(None), Premises.closed_on > as_of),
        )
    ).one()


def start_zoning(
    session: Session,
    zones: Sequence[NewZone],
    *,
    valid_from: date,
    parameters: Mapping[str, Any],
    summary: Mapping[str, Any],
    replace: bool = False,
) -> list[int]:
    """Put a new division into zones in force; the one before ends on that day.

    Parameters
    ----------
    session
        An open session; the caller commits.
    zones
        The zones with the ids of their cells.
    valid_from
        First day of the new zones.
    parameters, summary
        Kept with the zoning.
    replace
        Whether zones that only begin on that day or later may be taken away, with the history of
        who was responsible for them.

    Returns
    -------
    list of int
        Ids of the zones, in the given order.

    Raises
    ------
    ConflictError
        When a cell is named twice, does not exist on the first day, or zones begin on that day or
        later and may not be replaced.
    """
    cells = [cell for zone in zones for cell in zone.cells]
    if len(set(cells)) < len(cells):
        raise ConflictError("zones: a cell stands in two zones")
    early = session.scalars(
        select(GridCell.code)
        .where(GridCell.id.in_(cells), func.lower(GridCell.valid) > valid_from)
        .limit(1)
    ).first()
    if early is not None:
        raise ConflictError(
            "zones from %(valid_from)s: cell %(early)s does not exist yet on that day",
            valid_from=valid_from,
            early=early,
        )
    later = session.scalars(
        select(func.count(ZoneCell.zone_id.distinct())).where(
            func.lower(ZoneCell.valid) >= valid_from
        )
    ).one()
    if later and not replace:
        raise ConflictError(
            "%(later)s zones begin on %(valid_from)s or later: give a later day, or replace them "
            "(--replace), which takes away who was responsible for them",
            later=later,
            valid_from=valid_from,
        )
    for table in (ZoneCell, InspectorAssignment):
        session.execute(
            text(f"DELETE FROM {table.__tablename__} WHERE lower(valid) >= :day"),  # noqa: S608 - the name of our own table
            {"day": valid_from},
        )
        session.execute(
            update(table)
            .where(table.valid.op("@>")(valid_from))
            .values(valid=func.daterange(func.lower(table.valid), valid_from))
        )
    session.execute(delete(Zone).where(~exists().where(ZoneCell.zone_id == Zone.id)))
    zoning = Zoning(parameters=dict(parameters), summary=dict(summary))
    session.add(zoning)
    session.flush()
    ids = list(
        session.scalars(
            insert(Zone).returning(Zone.id, sort_by_parameter_order=True),
            [
                {
                    "zoning_id": zoning.id,
                    "code": zone.code,
                    "name": zone.name,
                    "workload_hours": zone.workload_hours,
                }
                for zone in zones
            ],
        )
    )
    frames.write(
        session,
        ZoneCell.__tablename__,
        pl.DataFrame(
            {
                "zone_id": [i for i, z in zip(ids, zones, strict=True) for _ in z.cells],
                "cell_id": cells,
            },
            schema={"zone_id": pl.Int64, "cell_id": pl.Int64},
        ).with_columns(pl.lit(f"[{valid_from},)").alias("valid")),
    )
    return ids


def assign(
    session: Session, zone_ids: Sequence[int], inspector_ids: Sequence[int], *, valid_from: date
) -> None:
    """Make each inspector responsible for the zone at the same place of the other list.

    Raises
    ------
    ConflictError
        When a zone has a responsible inspector at that time already.
    """
    taken = session.scalars(
        select(Zone.code)
        .join(InspectorAssignment, InspectorAssignment.zone_id == Zone.id)
        .where(
            Zone.id.in_(zone_ids),
            InspectorAssignment.role == "responsible",
            InspectorAssignment.valid.op("&&")(func.daterange(valid_from, None)),
        )
    ).all()
    if taken:
        raise ConflictError(
            "zones %(taken)s: there is a responsible inspector on or after %(valid_from)s",
            taken=", ".join(sorted(taken)),
            valid_from=valid_from,
        )
    session.execute(
        insert(InspectorAssignment),
        [
            {
                "zone_id": zone,
                "inspector_id": inspector,
                "role": "responsible",
                "valid": Range(valid_from, None),
            }
            for zone, inspector in zip(zone_ids, inspector_ids, strict=True)
        ],
    )


def count(session: Session, as_of: date) -> int:
    """Count the zones in force on a day."""
    return (
        session.scalar(
            select(func.count(ZoneCell.zone_id.distinct())).where(ZoneCell.valid.op("@>")(as_of))
        )
        or 0
    )


def in_force(session: Session) -> bool:
    """Tell whether there are zones that no day ends."""
    return session.scalars(select(exists().where(func.upper_inf(ZoneCell.valid)))).one()


def on(session: Session, day: date) -> list[ZoneOn]:
    """List the zones in force on a day, by code."""
    rows = session.execute(
        text(
            "SELECT code, name, inspector, coalesce(deputies, '') AS deputies, workload_hours,"
            " cells, premises FROM map.zone_on(:day) ORDER BY code"
        ),
        {"day": day},
    )
    return [ZoneOn(**row) for row in rows.mappings()]

"""Who holds which cells and zones when, from a day on: what proposals are made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl
from sqlalchemy import func, or_, select, text

from gis_supervision.domain.proposals import Period
from gis_supervision.storage import frames
from gis_supervision.storage.dispatch_tables import InspectorLeave
from gis_supervision.storage.tables import Inspector, InspectorAssignment, Zone, ZoneCell

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date

    from sqlalchemy.orm import Session

_MEMBERS = """
    SELECT m.cell_id, m.zone_id, greatest(lower(m.valid), %(first)s::date), upper(m.valid)
    FROM zone_cell AS m
    WHERE m.valid && daterange(%(first)s, %(until)s)
    ORDER BY m.cell_id, m.valid
"""
_FINGERPRINT = text(
    """
    WITH state AS (
        SELECT concat_ws('|', 'c', m.zone_id, m.cell_id, m.valid * r.days) AS line
        FROM zone_cell AS m, (SELECT daterange(:first, :until) AS days) AS r
        WHERE m.valid && r.days
        UNION ALL
        SELECT concat_ws('|', 'a', a.zone_id, a.inspector_id, a.role, a.valid * r.days)
        FROM inspector_assignment AS a, (SELECT daterange(:first, :until) AS days) AS r
        WHERE a.valid && r.days
    )

    SELECT
        encode(
            sha256(
                convert_to(coalesce(string_agg(line, E'\n' ORDER BY line COLLATE "C"), ''), 'UTF8')
            ), 'hex'
        )
    FROM state
    """
)


@dataclass(frozen=True)
class HeldZone:
    """A zone: id, code, name and hours a year."""

    id: int
    code: str
    name: str
    workload_hours: float


@dataclass(frozen=True)
class Holding:
    """Someone holds a zone in a role for a time."""

    zone_id: int
    inspector_id: int
    role: str
    period: Period


@dataclass(frozen=True)
class Person:
    """An inspector as people are told of one."""

    id: int
    staff_number: str
    name: str
    left_on: date | None = None


@dataclass(frozen=True, eq=False)
class Timeline:
    """Zones and responsibilities in a time.

    Attributes
    ----------
    period
        The time.
    members
        Columns ``cell_id``, ``zone_id``, ``first``, ``until`` (null: no end), by cell and time.
        ``until`` may lie after the end of the time.
    zones
        The zones that have cells in the time, by id.
    holdings
        Who is responsible or deputy.
    leaves
        Periods of leave by inspector.
    people
        Every inspector, by id.
    sha256
        Fingerprint of ``members`` and ``holdings``.
    """

    period: Period
    members: pl.DataFrame
    zones: dict[int, HeldZone]
    holdings: tuple[Holding, ...]
    leaves: dict[int, tuple[Period, ...]]
    people: dict[int, Person]
    sha256: str

    def zone_of(self, day: date) -> dict[int, int]:
        """Return the zone of each cell on a day."""
        on = self.members.filter(
            (pl.col("first") <= day) & (pl.col("until").is_null() | (pl.col("until") > day))
        )
        return dict(zip(on["cell_id"], on["zone_id"], strict=True))

    def held(self, day: date, role: str) -> dict[int, list[int]]:
        """Return the inspectors that hold each zone in a role on a day, by staff number."""
        found: dict[int, list[int]] = {}
        for one in self.holdings:
            if one.role == role and day in one.period:
                found.setdefault(one.zone_id, []).append(one.inspector_id)
        return {
            zone: sorted(ids, key=lambda each: self.people[each].staff_number)
            for zone, ids in found.items()
        }

    def responsible(self, day: date) -> dict[int, int]:
        """Return the inspector that is responsible for each zone on a day."""
        return {zone: ids[0] for zone, ids in self.held(day, "responsible").items()}

    def away(self, day: date) -> set[int]:
        """Return the inspectors that are on leave on a day, or have left by it."""
        away = {who for who, periods in self.leaves.items() if any(day in one for one in periods)}
        left = {one.id for one in self.people.values() if one.left_on and one.left_on <= day}
        return away | left


def read(session: Session, period: Period, *, also: Collection[int] = ()) -> Timeline:
    """Read zones and responsibilities in a time.

    Parameters
    ----------
    session
        An open session.
    period
        The time; changes that are accepted for later days in it are there too.
    also
        Ids of zones that are wanted though they have no cell in the time.
    """
    bounds = {"first": period.first, "until": period.until}
    days = func.daterange(period.first, period.until)
    members = frames.read(
        session,
        _MEMBERS,
        {"cell_id": pl.Int64, "zone_id": pl.Int64, "first": pl.Date, "until": pl.Date},
        bounds,
    )
    zones = session.execute(
        select(Zone.id, Zone.code, Zone.name, Zone.workload_hours)
        .where(
            or_(
                Zone.id.in_(select(ZoneCell.zone_id).where(ZoneCell.valid.op("&&")(days))),
                Zone.id.in_(list(also)),
            )
        )
        .order_by(Zone.code, Zone.id)
    )
    holdings = session.scalars(
        select(InspectorAssignment)
        .where(InspectorAssignment.valid.op("&&")(days))
        .order_by(InspectorAssignment.zone_id, InspectorAssignment.id)
    )
    leaves: dict[int, list[Period]] = {}
    for leave in session.scalars(select(InspectorLeave).where(InspectorLeave.valid.op("&&")(days))):
        leaves.setdefault(leave.inspector_id, []).append(
            Period(leave.valid.lower or period.first, leave.valid.upper)
        )
    return Timeline(
        period=period,
        members=members,
        zones={row.id: HeldZone(*row) for row in zones},
        holdings=tuple(
            Holding(
                row.zone_id,
                row.inspector_id,
                row.role,
                Period(max(row.valid.lower or period.first, period.first), row.valid.upper),
            )
            for row in holdings
        ),
        leaves={who: tuple(found) for who, found in leaves.items()},
        people=people(session),
        sha256=fingerprint(session, period),
    )


def fingerprint(session: Session, period: Period) -> str:
    """Return the SHA-256 of who holds which cells and zones in a time."""
    bounds = {"first": period.first, "until": period.until}
    found: str = session.scalars(_FINGERPRINT, bounds).one()
    return found


def people(session: Session) -> dict[int, Person]:
    """Return every inspector by id."""
    rows = session.execute(
        select(Inspector.id, Inspector.staff_number, Inspector.name, Inspector.left_on).order_by(
            Inspector.staff_number
        )
    )
    return {row.id: Person(*row) for row in rows}

"""Who was responsible for a premises when: through former grids, deputies and absences."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, text

from gis_supervision.domain.proposals import Period, segments
from gis_supervision.errors import NotFoundError
from gis_supervision.language import gettext_noop
from gis_supervision.storage.tables import Premises

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Row
    from sqlalchemy.orm import Session

BEGINNING = date.min
"""First day of what has no beginning."""

_CELLS = text(
    """
    SELECT c.id, c.code, lower(c.valid) AS first, upper(c.valid) AS until
    FROM premises AS p INNER JOIN grid_cell AS c ON st_covers(c.geom, p.geom)
    WHERE p.id = :id AND p.location = 'exact'
    ORDER BY c.code
    """
)
_ZONES = text(
    """
    SELECT
        m.cell_id, m.zone_id, z.code, z.name, lower(m.valid) AS first, upper(m.valid) AS until
    FROM zone_cell AS m INNER JOIN zone AS z ON m.zone_id = z.id
    WHERE m.cell_id = any(:cells)
    """
)
_PEOPLE = text(
    """
    SELECT
        a.zone_id, a.role, i.id, i.staff_number, i.name,
        lower(a.valid) AS first, upper(a.valid) AS until
    FROM inspector_assignment AS a INNER JOIN inspector AS i ON a.inspector_id = i.id
    WHERE a.zone_id = any(:zones)
    ORDER BY i.staff_number
    """
)
_LEAVE = text(
    """
    SELECT l.inspector_id, lower(l.valid) AS first, upper(l.valid) AS until
    FROM inspector_leave AS l
    WHERE l.inspector_id = any(:people)
    """
)


@dataclass(frozen=True)
class Holder:
    """Someone who was responsible or deputy, and whether on leave then."""

    staff_number: str
    name: str
    on_leave: bool


@dataclass(frozen=True)
class Responsibility:
    """Who had a premises from ``first`` to the day before ``until``.

    Attributes
    ----------
    first, until
        None: without beginning, without end.
    cell, zone, zone_name
        None: the premises lay in no cell, its cell in no zone.
    responsible
        None: nobody was.
    deputies
        By staff number.
    acting
        The responsible; the first deputy who was there while the responsible was on leave; None
        where nobody was there.
    """

    first: date | None
    until: date | None
    cell: str | None
    zone: str | None
    zone_name: str | None
    responsible: Holder | None
    deputies: tuple[Holder, ...]
    acting: Holder | None

    @property
    def last(self) -> date | None:
        """The last day; None has no end."""
        return None if self.until is None else self.until - timedelta(days=1)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON takes it."""
        return {
            **asdict(self),
            "first": self.first and self.first.isoformat(),
            "until": self.until and self.until.isoformat(),
            "last": self.last and self.last.isoformat(),
            "deputies": [asdict(one) for one in self.deputies],
        }


@dataclass(frozen=True)
class PremisesHistory:
    """Who had a premises over time; ``reason`` tells why nobody can have had it."""

    licence: str
    name: str
    location: str
    reason: str | None
    periods: tuple[Responsibility, ...]

    def on(self, day: date) -> Responsibility | None:
        """Return who had it on a day; None before anything is known."""
        return next(
            (
                one
                for one in self.periods
                if (one.first is None or one.first <= day)
                and (one.until is None or day < one.until)
            ),
            None,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON takes it."""
        return {
            "licence": self.licence,
            "name": self.name,
            "location": self.location,
            "reason": self.reason,
            "periods": [one.to_dict() for one in self.periods],
        }


def of_premises(session: Session, licence: str) -> PremisesHistory:
    """Return who had a premises when.

    The cell of a past day is the one that was in force then where the premises lies now: where it
    lay before it moved is not kept.

    Parameters
    ----------
    session
        An open session.
    licence
        Licence of the premises.

    Raises
    ------
    NotFoundError
        There is no such premises.
    """
    premises = session.scalars(select(Premises).where(Premises.licence == licence)).first()
    if premises is None:
        raise NotFoundError("no premises has the licence %(licence)r", licence=licence)
    cells = session.execute(_CELLS, {"id": premises.id}).all()
    zones = session.execute(_ZONES, {"cells": [row.id for row in cells]}).all()
    people = session.execute(_PEOPLE, {"zones": list({row.zone_id for row in zones})}).all()
    leave = session.execute(_LEAVE, {"people": list({row.id for row in people})}).all()
    reason = None
    if premises.location != "exact":
        reason = gettext_noop("The premises is not located exactly: it lies in no cell.")
    elif not cells:
        reason = gettext_noop("The premises lies outside every grid.")
    whole = Period(BEGINNING)
    days = [
        day
        for rows in (cells, zones, people, leave)
        for row in rows
        for day in (row.first, row.until)
        if day is not None
    ]
    found = [(one, _had(one.first, cells, zones, people, leave)) for one in segments(whole, days)]
    periods = []
    for had, same in groupby(found, key=lambda pair: pair[1]):
        spans = [period for period, _ in same]
        first = None if spans[0].first == BEGINNING else spans[0].first
        cell, zone, zone_name, responsible, deputies = had
        there = [one for one in (responsible, *deputies) if one is not None and not one.on_leave]
        acting = there[0] if responsible is not None and there else None
        periods.append(
            Responsibility(
                first, spans[-1].until, cell, zone, zone_name, responsible, deputies, acting
            )
        )
    if periods and periods[0].first is None and periods[0].cell is None and len(periods) > 1:
        periods = periods[1:]
    return PremisesHistory(licence, premises.name, premises.location, reason, tuple(periods))


_Had = tuple[str | None, str | None, str | None, Holder | None, tuple[Holder, ...]]


def _had(
    day: date,
    cells: Sequence[Row[Any]],
    zones: Sequence[Row[Any]],
    people: Sequence[Row[Any]],
    leave: Sequence[Row[Any]],
) -> _Had:
    """Return cell, zone and people of a day."""
    # a point on a common border belongs to the cell with the lowest code
    cell = next((row for row in cells if _holds(row, day)), None)
    zone = next(
        (row for row in zones if cell and row.cell_id == cell.id and _holds(row, day)), None
    )
    away = {row.inspector_id for row in leave if _holds(row, day)}
    held = [row for row in people if zone and row.zone_id == zone.zone_id and _holds(row, day)]
    responsible = [
        Holder(row.staff_number, row.name, row.id in away)
        for row in held
        if row.role == "responsible"
    ]
    deputies = tuple(
        Holder(row.staff_number, row.name, row.id in away) for row in held if row.role == "deputy"
    )
    return (
        cell and cell.code,
        zone and zone.code,
        zone and zone.name,
        responsible[0] if responsible else None,
        deputies,
    )


def _holds(row: Row[Any], day: date) -> bool:
    return (row.first is None or row.first <= day) and (row.until is None or day < row.until)

"""Who was responsible for a premises when: through former grids, deputies and absences."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import select, text

from gis_supervision.domain.proposals import Period, segments
from gis_supervision.domain.substitutes import substitute
from gis_supervision.errors import NotFoundError
from gis_supervision.language import gettext_noop
from gis_supervision.storage import inspectors, substitutes
from gis_supervision.storage.tables import Premises

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import Row
    from sqlalchemy.orm import Session

    from gis_supervision.domain.rules import RulePack
    from gis_supervision.domain.substitutes import Kept

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
_RECUSALS = text(
    """
    SELECT r.inspector_id, lower(r.valid) AS first, upper(r.valid) AS until
    FROM inspector_recusal AS r
    INNER JOIN premises AS p ON p.id = :id
    WHERE r.premises_id = p.id OR r.owner_credit_code = p.credit_code
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
        None: nobody was. Where the inspector of the zone was recused from the premises, whoever
        takes it (`gis_supervision.domain.substitutes`).
    deputies
        By staff number, without those who were recused.
    acting
        The responsible; the first deputy who was there while the responsible was on leave; None
        where nobody was there.
    recused
        The inspector of the zone, where that one was recused.
    """

    first: date | None
    until: date | None
    cell: str | None
    zone: str | None
    zone_name: str | None
    responsible: Holder | None
    deputies: tuple[Holder, ...]
    acting: Holder | None
    recused: Holder | None = None

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
            "recused": self.recused and asdict(self.recused),
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


def of_premises(session: Session, licence: str, rules: RulePack) -> PremisesHistory:
    """Return who had a premises when.

    The cell of a past day is the one that was in force then where the premises lies now: where it
    lay before it moved is not kept.

    Parameters
    ----------
    session
        An open session.
    licence
        Licence of the premises.
    rules
        Rule pack that tells which certificate the premises asks for.

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
    recusals = session.execute(_RECUSALS, {"id": premises.id}).all()
    reason = None
    if premises.location != "exact":
        reason = gettext_noop("The premises is not located exactly: it lies in no cell.")
    elif not cells:
        reason = gettext_noop("The premises lies outside every grid.")
    whole = Period(BEGINNING)
    days = [
        day
        for rows in (cells, zones, people, leave, recusals)
        for row in rows
        for day in (row.first, row.until)
        if day is not None
    ]
    everything = _Rows(cells, zones, people, leave, recusals)
    kept = substitutes.kept(session, [premises.id], rules).get(premises.id)
    changes = substitutes.changes(session) if kept is not None and recusals else []
    parts: list[Period] = []
    given: set[date] = set()
    for period in segments(whole, days):
        if kept is None or not _recused(period.first, everything):
            parts.append(period)
            continue
        # who takes it changes with the leave, certificates and zones of others too
        others = list(segments(period, changes))
        parts += others
        given.update(part.first for part in others)
    takes = {} if kept is None else _takes(session, given, kept[0], everything)
    found = [(part, _had(part.first, everything, takes.get(part.first))) for part in parts]
    periods = []
    for had, same in groupby(found, key=lambda pair: pair[1]):
        spans = [period for period, _ in same]
        first = None if spans[0].first == BEGINNING else spans[0].first
        periods.append(Responsibility(first, spans[-1].until, **had._asdict()))
    if periods and periods[0].first is None and periods[0].cell is None and len(periods) > 1:
        periods = periods[1:]
    return PremisesHistory(licence, premises.name, premises.location, reason, tuple(periods))


class _Had(NamedTuple):
    """Cell, zone and people of a day."""

    cell: str | None
    zone: str | None
    zone_name: str | None
    responsible: Holder | None
    deputies: tuple[Holder, ...]
    acting: Holder | None
    recused: Holder | None


class _Rows(NamedTuple):
    """What is known of a premises, with first and last days."""

    cells: Sequence[Row[Any]]
    zones: Sequence[Row[Any]]
    people: Sequence[Row[Any]]
    leave: Sequence[Row[Any]]
    recusals: Sequence[Row[Any]]

    def place(self, day: date) -> tuple[Row[Any] | None, Row[Any] | None]:
        """Return cell and zone of a day."""
        # a point on a common border belongs to the cell with the lowest code
        cell = next((row for row in self.cells if _holds(row, day)), None)
        zones = (row for row in self.zones if cell and row.cell_id == cell.id)
        return cell, next((row for row in zones if _holds(row, day)), None)

    def held(self, day: date) -> list[Row[Any]]:
        """Return who held the zone of a day in which role."""
        _, zone = self.place(day)
        if zone is None:
            return []
        return [row for row in self.people if row.zone_id == zone.zone_id and _holds(row, day)]

    def kept_away(self, day: date) -> set[int]:
        """Return who was recused from the premises on a day."""
        return {row.inspector_id for row in self.recusals if _holds(row, day)}


def _recused(day: date, rows: _Rows) -> bool:
    """Tell whether somebody who held the zone was recused from the premises."""
    return bool(rows.kept_away(day) & {row.id for row in rows.held(day)})


def _takes(
    session: Session, days: Collection[date], premises: Kept, rows: _Rows
) -> dict[date, Holder | None]:
    """Return who takes the premises on days on which those of its zone are recused.

    People, zones and responsibilities are read once, however many days there are.
    """
    if not days:
        return {}
    # what they are recused from is known day by day in the rows
    everybody = [
        replace(one, recused_premises=frozenset(), recused_owners=frozenset())
        for one in inspectors.on(session, date.min, date.max)
    ]
    middles = substitutes.middles_over(session, days)
    found: dict[date, Holder | None] = {}
    for day in days:
        kept_away = rows.kept_away(day)
        known = [one for one in everybody if one.id not in kept_away]
        deputies = [row.id for row in rows.held(day) if row.role == "deputy"]
        takes = substitute(day, premises, known, middles[day], deputies)
        found[day] = (
            None if takes is None else Holder(takes.staff_number, takes.name, on_leave=False)
        )
    return found


def _had(day: date, rows: _Rows, takes: Holder | None = None) -> _Had:
    """Return cell, zone and people of a day; ``takes``: who takes it from the recused."""
    cell, zone = rows.place(day)
    held, kept_away = rows.held(day), rows.kept_away(day)
    away = {row.inspector_id for row in rows.leave if _holds(row, day)}
    named = {row.id: Holder(row.staff_number, row.name, row.id in away) for row in held}
    first = next((row.id for row in held if row.role == "responsible"), None)
    deputies = tuple(
        named[row.id] for row in held if row.role == "deputy" and row.id not in kept_away
    )
    recused = named[first] if first in kept_away and first is not None else None
    responsible = takes if recused is not None else None if first is None else named[first]
    there = [one for one in (responsible, *deputies) if one is not None and not one.on_leave]
    if kept_away & set(named):
        there += [] if takes is None else [takes]
    return _Had(
        cell and cell.code,
        zone and zone.code,
        zone and zone.name,
        responsible,
        deputies,
        there[0] if first is not None and there else None,
        recused,
    )


def _holds(row: Row[Any], day: date) -> bool:
    return (row.first is None or row.first <= day) and (row.until is None or day < row.until)

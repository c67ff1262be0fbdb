"""The do-not-disturb list: premises that draws leave out for a time, with reason and who."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import Range

from gis_supervision.domain.actors import checked_actor
from gis_supervision.errors import ConflictError, InvalidInputError, NotFoundError
from gis_supervision.storage.draw_tables import DoNotDisturb
from gis_supervision.storage.tables import Premises

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy.orm import Session


@dataclass(frozen=True)
class Entry:
    """One entry; ``last_day`` is None for one without an end."""

    id: int
    licence: str
    name: str
    first_day: date
    last_day: date | None
    reason: str
    recorded_by: str
    ended_by: str | None

    def to_dict(self) -> dict[str, Any]:
        """Return the entry as JSON takes it."""
        return {
            "id": self.id,
            "licence": self.licence,
            "name": self.name,
            "first_day": self.first_day.isoformat(),
            "last_day": None if self.last_day is None else self.last_day.isoformat(),
            "reason": self.reason,
            "recorded_by": self.recorded_by,
            "ended_by": self.ended_by,
        }


def add(
    session: Session,
    licence: str,
    *,
    first_day: date,
    last_day: date | None,
    reason: str,
    by: str,
) -> Entry:
    """Put a premises on the list.

    Parameters
    ----------
    session
        An open session; the caller commits.
    licence
        Licence of the premises.
    first_day, last_day
        Both inclusive; without a last day until somebody ends it.
    reason, by
        Why, and who says so; for the office alone.

    Raises
    ------
    NotFoundError
        When there are no premises with this licence.
    InvalidInputError
        When the last day comes before the first, or reason or name are empty.
    ConflictError
        When the premises is on the list on one of these days already.
    """
    by = checked_actor(by)
    if not reason.strip():
        raise InvalidInputError("do-not-disturb list: expected a reason")
    if last_day is not None and last_day < first_day:
        raise InvalidInputError(
            "do-not-disturb list: %(last_day)s comes before %(first_day)s",
            last_day=last_day,
            first_day=first_day,
        )
    premises = session.scalars(select(Premises.id).where(Premises.licence == licence)).first()
    if premises is None:
        raise NotFoundError("no premises has the licence %(licence)r", licence=licence)
    valid = Range(first_day, last_day, bounds="[]" if last_day else "[)")
    other = session.scalars(
        select(DoNotDisturb.id).where(
            DoNotDisturb.premises_id == premises, DoNotDisturb.valid.op("&&")(valid)
        )
    ).first()
    if other is not None:
        raise ConflictError(
            "premises %(licence)r is on the list in that time (entry %(other)s)",
            licence=licence,
            other=other,
        )
    row = DoNotDisturb(premises_id=premises, reason=reason, valid=valid, recorded_by=by)
    session.add(row)
    session.flush()
    return find(session, row.id)


def find(session: Session, number: int) -> Entry:
    """Return an entry.

    Raises
    ------
    NotFoundError
        When there is none with this number.
    """
    found = _entries(session, number=number)
    if not found:
        raise NotFoundError("the do-not-disturb list has no entry %(number)s", number=number)
    return found[0]


def on(session: Session, day: date | None = None) -> list[Entry]:
    """Return the entries that hold on a day, or all that ever were."""
    return _entries(session, day=day)


def end(session: Session, number: int, day: date, *, by: str) -> Entry:
    """Let an entry end with a day, its last one.

    Raises
    ------
    NotFoundError
        When there is no such entry.
    InvalidInputError
        When the day comes before its first, or nobody is named who does it.
    ConflictError
        When it has ended by then already.
    """
    by = checked_actor(by)
    row = session.get(DoNotDisturb, number, with_for_update=True)
    if row is None:
        raise NotFoundError("the do-not-disturb list has no entry %(number)s", number=number)
    session.refresh(row)
    entry = find(session, number)
    if day < entry.first_day:
        raise InvalidInputError(
            "entry %(number)s begins on %(first_day)s, after %(day)s",
            number=number,
            first_day=entry.first_day,
            day=day,
        )
    if entry.last_day is not None and entry.last_day <= day:
        raise ConflictError(
            "entry %(number)s ends on %(last_day)s already", number=number, last_day=entry.last_day
        )
    now = session.scalars(select(func.now())).one()
    row.valid = Range(entry.first_day, day, bounds="[]")
    row.ended_by, row.ended_at = by, now
    session.flush()
    return find(session, number)


def _entries(
    session: Session, *, number: int | None = None, day: date | None = None
) -> list[Entry]:
    query = (
        select(
            DoNotDisturb.id,
            Premises.licence,
            Premises.name,
            func.lower(DoNotDisturb.valid),
            func.upper(DoNotDisturb.valid) - 1,
            DoNotDisturb.reason,
            DoNotDisturb.recorded_by,
            DoNotDisturb.ended_by,
        )
        .join(Premises, Premises.id == DoNotDisturb.premises_id)
        .order_by(func.lower(DoNotDisturb.valid), DoNotDisturb.id)
    )
    if number is not None:
        query = query.where(DoNotDisturb.id == number)
    if day is not None:
        query = query.where(DoNotDisturb.valid.op("@>")(day))
    return [Entry(*row) for row in session.execute(query)]

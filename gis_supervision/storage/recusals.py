"""Recusals: what an inspector stays away from, and why (SAMR Order 49 art. 23)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import Range

from gis_supervision.domain.actors import checked_actor
from gis_supervision.domain.inspectors import Period
from gis_supervision.errors import ConflictError, InvalidInputError, NotFoundError
from gis_supervision.messages import Message
from gis_supervision.storage import endings
from gis_supervision.storage.dispatch_tables import InspectorRecusal
from gis_supervision.storage.tables import Inspector, Premises

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy.orm import Session


@dataclass(frozen=True)
class Recusal:
    """What one inspector stays away from: a premises by licence, or an owner by credit code."""

    id: int
    inspector_id: int
    staff_number: str
    name: str
    licence: str | None
    owner: str | None
    reason: str
    period: Period
    recorded_by: str


def premises_with(session: Session, licence: str) -> int:
    """Return the id of the premises with a licence.

    Raises
    ------
    NotFoundError
        When none has it.
    """
    found = session.scalars(select(Premises.id).where(Premises.licence == licence)).first()
    if found is None:
        raise NotFoundError(
            "licence %(licence)r: no premises of the register has it", licence=licence
        )
    return found


def some_premises(session: Session, number: int) -> list[int]:
    """Return the ids of a few premises that lie in a cell, the first by licence."""
    return list(
        session.scalars(
            select(Premises.id)
            .where(Premises.cell_id.is_not(None))
            .order_by(Premises.licence.collate("C"))
            .limit(number)
        )
    )


def add(
    session: Session,
    inspector_id: int,
    *,
    premises_id: int | None = None,
    owner: str | None = None,
    reason: str,
    by: str,
    valid: Period,
) -> bool:
    """Keep an inspector away from a premises, or from all of an owner.

    Returns
    -------
    bool
        False where exactly this is recorded already.

    Raises
    ------
    InvalidInputError
        When both or neither of premises and owner are given, or the recusal holds on no day.
    ConflictError
        When another recusal of the same inspector and the same target touches the days.
    """
    if (premises_id is None) == (owner is None):
        raise InvalidInputError("recusal: expected either a premises or an owner")
    valid.required(Message("recusal"))
    target = (
        InspectorRecusal.premises_id == premises_id
        if owner is None
        else InspectorRecusal.owner_credit_code == owner
    )
    other = session.scalars(
        select(InspectorRecusal).where(
            InspectorRecusal.inspector_id == inspector_id,
            target,
            InspectorRecusal.valid.op("&&")(func.daterange(valid.first, valid.end)),
        )
    ).first()
    if other is not None:
        if Period(other.valid.lower, other.valid.upper) == valid:
            return False
        raise ConflictError(
            "there is a recusal from %(lower)s to %(upper)s already: end it first",
            lower=other.valid.lower,
            upper=other.valid.upper or Message("further on"),
        )
    session.add(
        InspectorRecusal(
            inspector_id=inspector_id,
            premises_id=premises_id,
            owner_credit_code=owner,
            reason=reason,
            valid=Range(valid.first, valid.end),
            recorded_by=checked_actor(by),
        )
    )
    session.flush()
    return True


def end(session: Session, recusal_id: int, day: date, *, by: str) -> None:
    """End a recusal: the inspector may go there from that day on.

    Who ended it is kept (`gis_supervision.storage.endings`).

    Raises
    ------
    NotFoundError
        When there is no such recusal, or it ended before.
    """
    row = session.get(InspectorRecusal, recusal_id)
    if row is None or (row.valid.upper is not None and row.valid.upper <= day):
        raise NotFoundError(
            "no recusal %(recusal_id)s holds on %(day)s or later", recusal_id=recusal_id, day=day
        )
    target = (
        row.owner_credit_code
        or session.scalars(select(Premises.licence).where(Premises.id == row.premises_id)).one()
    )
    endings.record(session, "recusal", row.inspector_id, target, row.valid, day, by=by)
    if row.valid.lower is not None and row.valid.lower >= day:
        session.delete(row)
    else:
        row.valid = Range(row.valid.lower, day)
    session.flush()


def since(session: Session, day: date) -> list[Recusal]:
    """List the recusals that hold on a day or later."""
    rows = session.execute(
        select(InspectorRecusal, Inspector.staff_number, Inspector.name, Premises.licence)
        .join(Inspector, InspectorRecusal.inspector_id == Inspector.id)
        .outerjoin(Premises, InspectorRecusal.premises_id == Premises.id)
        .where(InspectorRecusal.valid.op("&&")(func.daterange(day, None)))
        .order_by(Inspector.staff_number.collate("C"), InspectorRecusal.id)
    )
    return [
        Recusal(
            row.id,
            row.inspector_id,
            number,
            name,
            licence,
            row.owner_credit_code,
            row.reason,
            Period(row.valid.lower, row.valid.upper),
            row.recorded_by,
        )
        for row, number, name, licence in rows
    ]


def targets(
    session: Session, day: date, end: date | None = None
) -> tuple[defaultdict[int, set[int]], defaultdict[int, set[str]]]:
    """Read what each inspector stays away from on a day, or on some day of a period.

    Returns
    -------
    premises : dict
        Ids of premises by inspector, those of recused owners among them.
    owners : dict
        Credit codes of owners by inspector.
    """
    span = func.daterange(day, end, "[)") if end is not None else func.daterange(day, day, "[]")
    premises: defaultdict[int, set[int]] = defaultdict(set)
    owners: defaultdict[int, set[str]] = defaultdict(set)
    held = InspectorRecusal.valid.op("&&")(span)
    for row in session.execute(select(InspectorRecusal).where(held)).scalars():
        if row.premises_id is not None:
            premises[row.inspector_id].add(row.premises_id)
        if row.owner_credit_code is not None:
            owners[row.inspector_id].add(row.owner_credit_code)
    if owners:
        rows = session.execute(
            select(InspectorRecusal.inspector_id, Premises.id)
            .join(Premises, Premises.credit_code == InspectorRecusal.owner_credit_code)
            .where(held)
        )
        for inspector_id, found in rows:
            premises[inspector_id].add(found)
    return premises, owners

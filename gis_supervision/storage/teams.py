"""Teams: two inspectors who go together (SAMR Order 49 art. 23 asks for two)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, or_, select, text, update
from sqlalchemy.dialects.postgresql import Range

from gis_supervision.domain.actors import checked_actor
from gis_supervision.domain.inspectors import Period
from gis_supervision.errors import ConflictError, InvalidInputError
from gis_supervision.messages import Message
from gis_supervision.storage import endings
from gis_supervision.storage.dispatch_tables import InspectorTeam
from gis_supervision.storage.tables import Inspector

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy.orm import Session


def team_up(
    session: Session, lead_id: int, assistant_id: int, valid: Period, *, by: str | None = None
) -> bool:
    """Let two inspectors go together: the first leads (A), the second assists (B).

    Returns
    -------
    bool
        False where exactly this is recorded already.

    Raises
    ------
    InvalidInputError
        When the two are one person, or the team holds on no day.
    ConflictError
        When one of them is in another team on one of the days, in whatever role.
    """
    if lead_id == assistant_id:
        raise InvalidInputError("team: expected two different inspectors")
    valid.required(Message("team"))
    # across two columns no constraint can tell: writers take turns
    session.execute(text("LOCK TABLE inspector_team IN SHARE ROW EXCLUSIVE MODE"))
    both = [lead_id, assistant_id]
    taken = session.scalars(
        select(InspectorTeam).where(
            or_(InspectorTeam.lead_id.in_(both), InspectorTeam.assistant_id.in_(both)),
            InspectorTeam.valid.op("&&")(func.daterange(valid.first, valid.end)),
        )
    ).first()
    if taken is not None:
        same = (taken.lead_id, taken.assistant_id) == (lead_id, assistant_id)
        if same and Period(taken.valid.lower, taken.valid.upper) == valid:
            return False
        members = (taken.lead_id, taken.assistant_id)
        numbers = session.scalars(
            select(Inspector.staff_number)
            .where(Inspector.id.in_([one for one in both if one in members]))
            .order_by(Inspector.staff_number)
        ).all()
        raise ConflictError(
            "%(numbers)s: in a team from %(lower)s to %(upper)s already: end it first",
            numbers=", ".join(numbers),
            lower=taken.valid.lower,
            upper=taken.valid.upper or Message("further on"),
        )
    session.execute(
        insert(InspectorTeam).values(
            lead_id=lead_id,
            assistant_id=assistant_id,
            valid=Range(valid.first, valid.end),
            recorded_by=by and checked_actor(by),
        )
    )
    return True


def disband(session: Session, inspector_id: int, day: date, *, by: str) -> int:
    """End the teams that an inspector is in from a day on; returns how many were ended.

    Who ended them is kept (`gis_supervision.storage.endings`).
    """
    one = or_(InspectorTeam.lead_id == inspector_id, InspectorTeam.assistant_id == inspector_id)
    still = InspectorTeam.valid.op("&&")(func.daterange(day, None))
    for team in session.scalars(select(InspectorTeam).where(one, still)).all():
        endings.record(
            session,
            "team",
            team.lead_id,
            "",
            team.valid,
            day,
            by=by,
            colleague_id=team.assistant_id,
        )
    later = session.execute(
        delete(InspectorTeam)
        .where(one, func.lower(InspectorTeam.valid) >= day)
        .returning(InspectorTeam.id)
    ).all()
    running = session.execute(
        update(InspectorTeam)
        .where(one, InspectorTeam.valid.op("@>")(day))
        .values(valid=func.daterange(func.lower(InspectorTeam.valid), day))
        .returning(InspectorTeam.id)
    ).all()
    return len(later) + len(running)

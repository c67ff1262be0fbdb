"""Recording leave together with the proposal that covers it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, insert, select
from sqlalchemy.dialects.postgresql import Range

from gis_supervision.domain.actors import checked_actor
from gis_supervision.domain.proposals import Period, without
from gis_supervision.storage.dispatch_tables import InspectorLeave

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def record(
    session: Session, inspector_id: int, period: Period, *, reason: str, by: str
) -> list[int]:
    """Record the days of a leave that are not recorded yet.

    Parameters
    ----------
    session
        An open session; the caller commits.
    inspector_id
        Who is away.
    period
        The days.
    reason
        A code: ``leave``, ``sick``, ``training``, ``secondment`` or ``other``.
    by
        Who records it.

    Returns
    -------
    list of int
        Ids of the rows that were added.
    """
    rows = session.scalars(
        select(InspectorLeave).where(
            InspectorLeave.inspector_id == inspector_id,
            InspectorLeave.valid.op("&&")(func.daterange(period.first, period.until)),
        )
    )
    known = [Period(row.valid.lower or period.first, row.valid.upper) for row in rows]
    return [
        session.scalars(
            insert(InspectorLeave)
            .values(
                inspector_id=inspector_id,
                reason=reason,
                valid=Range(part.first, part.until),
                recorded_by=checked_actor(by),
            )
            .returning(InspectorLeave.id)
        ).one()
        for part in without(period, known)
    ]

"""Leave that proposals record and shorten, and what accepted absences have moved until when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select, text
from sqlalchemy.dialects.postgresql import Range

from gis_supervision.domain.actors import checked_actor
from gis_supervision.domain.proposals import Period, joined, without
from gis_supervision.storage.dispatch_tables import InspectorLeave

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from sqlalchemy import Row
    from sqlalchemy.orm import Session

_ACCEPTED = text(
    """
    SELECT
        p.id, p.absent_id, p.kind, p.parameters, lower(p.effective) AS first,
        upper(p.effective) AS until,
        (
            SELECT max(e.id) FROM proposal_event AS e
            WHERE e.proposal_id = p.id AND e.to_state = 'accepted'
        ) AS accepted
    FROM proposal AS p
    WHERE
        p.state = 'accepted' AND p.kind IN ('absence', 'return')
        AND p.effective && daterange(:first, NULL)
    ORDER BY p.id
    """
)
_MOVED = text(
    """
    SELECT
        c.proposal_id, c.cell_id, c.from_zone_id, z.zone_id AS to_zone_id,
        lower(c.valid * p.effective) AS first, upper(c.valid * p.effective) AS until
    FROM proposal_cell AS c
    INNER JOIN proposal AS p ON c.proposal_id = p.id AND c.valid && p.effective
    INNER JOIN proposal_zone AS z ON c.proposal_id = z.proposal_id AND c.to_number = z.number
    WHERE c.proposal_id = any(:ids)
    ORDER BY c.proposal_id, c.cell_id, c.valid
    """
)
_HANDED_OVER = text(
    """
    SELECT
        a.proposal_id, z.zone_id, a.role, a.from_id, a.to_id,
        lower(a.valid * p.effective) AS first, upper(a.valid * p.effective) AS until
    FROM proposal_assignment AS a
    INNER JOIN proposal AS p ON a.proposal_id = p.id AND a.valid && p.effective
    INNER JOIN proposal_zone AS z ON a.proposal_id = z.proposal_id AND a.number = z.number
    WHERE a.proposal_id = any(:ids)
    ORDER BY a.proposal_id, a.id
    """
)
_FOR_GOOD = text(
    """
    SELECT c.cell_id, c.from_zone_id, lower(p.effective) AS first
    FROM proposal_cell AS c
    INNER JOIN proposal AS p ON c.proposal_id = p.id
    WHERE
        p.state = 'accepted' AND p.kind NOT IN ('absence', 'return')
        AND c.cell_id = any(:cells)
        AND proposal_days(c.valid, p.valid, p.effective) @> CAST(:day AS date)
    ORDER BY
        c.cell_id,
        (
            SELECT max(e.id) FROM proposal_event AS e
            WHERE e.proposal_id = p.id AND e.to_state = 'accepted'
        ) DESC
    """
)
_CUT = text(
    """
    WITH gone AS (
        DELETE FROM inspector_leave
        WHERE inspector_id = :who AND valid && daterange(:first, :until)
        RETURNING *
    )
    INSERT INTO proposal_effect (proposal_id, relation, row_id, before)
    SELECT :id, 'inspector_leave', gone.id, to_jsonb(gone) FROM gone
    """
)
_KEPT = text(
    """
    WITH come AS (
        INSERT INTO inspector_leave (inspector_id, reason, valid, recorded_by, recorded_at)
        SELECT
            (e.before ->> 'inspector_id')::bigint, e.before ->> 'reason', d.days,
            e.before ->> 'recorded_by', (e.before ->> 'recorded_at')::timestamptz
        FROM proposal_effect AS e
        CROSS JOIN LATERAL unnest(
            datemultirange((e.before ->> 'valid')::daterange)
            - datemultirange(daterange(:first, :until))
        ) AS d (days)
        WHERE e.proposal_id = :id AND e.relation = 'inspector_leave' AND e.before IS NOT NULL
        RETURNING *
    )
    INSERT INTO proposal_effect (proposal_id, relation, row_id, after)
    SELECT :id, 'inspector_leave', come.id, to_jsonb(come) FROM come
    """
)


@dataclass(frozen=True)
class Covered:
    """An accepted absence, and the days on which what it changed still holds.

    A return that was accepted after it has taken the rest away.
    """

    proposal: int
    inspector_id: int
    periods: tuple[Period, ...]
    parameters: dict[str, Any]

    def days(self, period: Period) -> list[Period]:
        """Return the part of a period on which the absence is still covered."""
        common = (period.common(one) for one in self.periods)
        return [one for one in common if one is not None]


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
    known = [one for one, _ in leaves(session, inspector_id, period)]
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


def leaves(session: Session, inspector_id: int, period: Period) -> list[tuple[Period, str]]:
    """Return the leave of an inspector that touches a period, with its reason, in order."""
    rows = session.scalars(
        select(InspectorLeave)
        .where(
            InspectorLeave.inspector_id == inspector_id,
            InspectorLeave.valid.op("&&")(func.daterange(period.first, period.until)),
        )
        .order_by(func.lower(InspectorLeave.valid))
    )
    return [(Period(row.valid.lower or period.first, row.valid.upper), row.reason) for row in rows]


def shorten(session: Session, number: int, inspector_id: int, period: Period) -> None:
    """Take leave away in the time of an accepted return; the proposal keeps what it was."""
    values = {
        "id": number,
        "who": inspector_id,
        "first": period.first,
        "until": period.until,
    }
    session.execute(_CUT, values)
    session.execute(_KEPT, values)
    session.expire_all()


def covered(session: Session, first: date) -> list[Covered]:
    """Return the accepted absences of everybody that are in force on a day or later."""
    rows = session.execute(_ACCEPTED, {"first": first}).all()
    return [
        Covered(row.id, row.absent_id, periods, row.parameters)
        for row in rows
        if row.kind == "absence"
        and (periods := tuple(without(Period(row.first, row.until), _returns(row, rows))))
    ]


def moved_cells(session: Session, of: Iterable[Covered]) -> Sequence[Row[Any]]:
    """Return the cells that absences moved: which, from and to which zone, and when."""
    return session.execute(_MOVED, {"ids": [one.proposal for one in of]}).all()


def handed_over(session: Session, of: Iterable[Covered]) -> Sequence[Row[Any]]:
    """Return the roles that absences gave to others: zone, role, from and to whom, and when."""
    return session.execute(_HANDED_OVER, {"ids": [one.proposal for one in of]}).all()


def moved_for_good(session: Session, cells: Iterable[int], day: date) -> Sequence[Row[Any]]:
    """Return what moved cells for good until a day: which, from where, and since when.

    What was accepted last comes first. ``from_zone_id`` is the zone that the cell would be in on
    that day without the change.
    """
    return session.execute(_FOR_GOOD, {"cells": sorted(set(cells)), "day": day}).all()


def stretch(periods: Iterable[Period], day: date) -> Period | None:
    """Return the unbroken time that holds a day, else the next one after it."""
    return next((one for one in joined(periods) if one.until is None or day < one.until), None)


def _returns(absence: Row[Any], rows: Sequence[Row[Any]]) -> list[Period]:
    return [
        Period(row.first, row.until)
        for row in rows
        if row.kind == "return"
        and row.absent_id == absence.absent_id
        and row.accepted > absence.accepted
    ]

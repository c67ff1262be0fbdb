"""Who ended certificates, leave, recusals and teams before their time, and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import func, insert, text
from sqlalchemy.dialects.postgresql import Range

from gis_supervision.domain.actors import checked_actor
from gis_supervision.domain.inspectors import Period
from gis_supervision.storage.dispatch_tables import InspectorEnding

if TYPE_CHECKING:
    from datetime import date, datetime

    from sqlalchemy.orm import Session

What = Literal["certificate", "leave", "recusal", "team"]

# leave that a return shortened is told by the proposal: an undo takes it back
_OF = text(
    """
    SELECT
        e.what, e.target, c.staff_number AS colleague, lower(e.valid) AS first,
        upper(e.valid) AS until, e.ended_on, e.ended_by, e.ended_at, NULL::bigint AS proposal
    FROM inspector_ending AS e
    LEFT JOIN inspector AS c
        ON c.id = CASE WHEN e.inspector_id = :id THEN e.colleague_id ELSE e.inspector_id END
    WHERE e.inspector_id = :id OR e.colleague_id = :id
    UNION ALL
    SELECT
        'leave', f.before ->> 'reason', NULL, lower(d.days), upper(d.days), lower(p.effective),
        v.actor, v.happened_at, p.id
    FROM proposal AS p
    INNER JOIN proposal_effect AS f
        ON p.id = f.proposal_id AND f.relation = 'inspector_leave' AND f.before IS NOT NULL
    INNER JOIN proposal_event AS v ON p.id = v.proposal_id AND v.to_state = 'accepted'
    CROSS JOIN LATERAL (SELECT (f.before ->> 'valid')::daterange AS days) AS d
    WHERE p.absent_id = :id AND p.kind = 'return' AND p.state = 'accepted'
    ORDER BY ended_at, first
    """
)


@dataclass(frozen=True)
class Ending:
    """Something of an inspector that was ended.

    Attributes
    ----------
    what
        "certificate", "leave", "recusal" or "team".
    target
        Skill, code of the reason, licence or owner, or the colleague's staff number.
    period
        The days on which it would have held.
    ended_on
        First day on which it held no longer; what had not begun by then was taken away.
    ended_by, ended_at
        Who ended it, and when.
    proposal
        Number of the accepted return that shortened a leave, else None.
    """

    what: str
    target: str
    period: Period
    ended_on: date
    ended_by: str
    ended_at: datetime
    proposal: int | None = None

    def to_dict(self, *, personal: bool = False) -> dict[str, Any]:
        """Return it as JSON takes it; the reason of leave only where ``personal``."""
        told = personal or self.what != "leave"
        return {
            "what": self.what,
            "target": self.target if told else None,
            **self.period.to_dict(),
            "ended_on": self.ended_on.isoformat(),
            "ended_by": self.ended_by,
            "ended_at": self.ended_at.isoformat(),
            "proposal": self.proposal,
        }


def record(
    session: Session,
    what: What,
    inspector_id: int,
    target: str,
    valid: Range[date],
    day: date,
    *,
    by: str,
    colleague_id: int | None = None,
) -> None:
    """Keep who ended something, and what it was.

    Parameters
    ----------
    session
        An open session; the caller commits.
    what, inspector_id, target, colleague_id
        Of whom it was, and what; see `Ending`.
    valid
        The days on which it would have held.
    day
        First day on which it holds no longer.
    by
        Who ends it.
    """
    session.execute(
        insert(InspectorEnding).values(
            inspector_id=inspector_id,
            colleague_id=colleague_id,
            what=what,
            target=target,
            valid=Range(valid.lower, valid.upper),
            ended_on=day,
            ended_by=checked_actor(by),
            ended_at=func.clock_timestamp(),
        )
    )


def of(session: Session, inspector_id: int) -> list[Ending]:
    """List what was ended of an inspector, the oldest first."""
    return [
        Ending(
            row.what,
            row.colleague or row.target,
            Period(row.first, row.until),
            row.ended_on,
            row.ended_by,
            row.ended_at,
            row.proposal,
        )
        for row in session.execute(_OF, {"id": inspector_id})
    ]

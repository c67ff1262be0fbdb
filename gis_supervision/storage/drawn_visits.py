"""Visits that draws ask for and that have not taken place: the premises, its pair, until when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from sqlalchemy.orm import Session

OPEN = """
    SELECT
        k.plan_id, m.id AS premises_id, k.licence, k.lead_id, k.assistant_id,
        coalesce(k.stands_from, p.planned_on) AS planned_on,
        p.planned_on + p.period_days - 1 AS due_on
    FROM draw_visit AS k
    INNER JOIN draw_plan AS p ON k.plan_id = p.id
    LEFT JOIN premises AS m ON k.licence = m.licence
    WHERE
        k.kind IN ('drawn', 'substitute')
        AND p.channel IS DISTINCT FROM 'online'
        AND coalesce(k.stands_from, p.planned_on) <= :last
        AND (CAST(:plans AS bigint[]) IS NULL OR p.id = ANY(CAST(:plans AS bigint[])))
        AND NOT EXISTS (
            SELECT 1 FROM inspection AS i
            WHERE
                i.premises_id = m.id AND i.inspected_on < :first
                AND i.inspected_on >= coalesce(k.stands_from, p.planned_on)
                AND (
                    i.channel = p.channel
                    OR (p.channel IS NULL AND i.channel = ANY(CAST(:channels AS text[])))
                )
        )
    ORDER BY due_on, k.plan_id, k.licence
"""


@dataclass(frozen=True)
class DrawnVisit:
    """A visit that a draw asks for, as yet without an inspection.

    Attributes
    ----------
    plan_id
        Number of the draw.
    premises_id
        None where the register has the licence no longer.
    licence
        Of the premises, a substitute where one stands for what was drawn.
    lead_id, assistant_id
        The pair that was drawn for it: A and B; both None where there was none.
    planned_on, due_on
        First and last day of the draw's visits; of a substitute, the first is the one from which on
        it stands in.
    """

    plan_id: int
    premises_id: int | None
    licence: str
    lead_id: int | None
    assistant_id: int | None
    planned_on: date
    due_on: date


def waiting(
    session: Session,
    first: date,
    last: date,
    channels: Sequence[str],
    plans: Sequence[int] | None = None,
) -> list[DrawnVisit]:
    """Read what draws ask for by a day: drawn, not inspected since the first day for its visit.

    Parameters
    ----------
    session
        An open session.
    first, last
        Days of a plan: inspections before the first count, draws that begin after the last do not.
    channels
        Channels whose inspections count, where a draw names none. Visits of draws that are made
        online need nobody on the way.
    plans
        Numbers of the draws; left out: all that have been carried out.

    Returns
    -------
    list of DrawnVisit
        By deadline; a licence that several draws ask for is there several times.
    """
    rows = session.execute(
        text(OPEN),
        {
            "first": first,
            "last": last,
            "channels": list(channels),
            "plans": None if plans is None else list(plans),
        },
    ).mappings()
    return [DrawnVisit(**row) for row in rows]

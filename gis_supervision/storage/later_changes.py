"""Accepted changes of cells that begin later than a change that is wanted now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import text

from gis_supervision.messages import Message

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from sqlalchemy.orm import Session

NAMED = 3
"""Most cells that are named one by one."""

_LATER = text(
    """
    SELECT p.id, lower(d.days) AS first, z.code AS zone, array_agg(g.code ORDER BY g.code) AS cells
    FROM proposal AS p
    INNER JOIN proposal_cell AS c ON p.id = c.proposal_id
    INNER JOIN proposal_zone AS z ON c.proposal_id = z.proposal_id AND c.to_number = z.number
    INNER JOIN grid_cell AS g ON c.cell_id = g.id
    CROSS JOIN LATERAL (SELECT proposal_days(c.valid, p.valid, p.effective) AS days) AS d
    WHERE
        p.state = 'accepted' AND p.kind NOT IN ('absence', 'return')
        AND c.cell_id = any(:cells) AND lower(d.days) > :first
    GROUP BY p.id, lower(d.days), z.code
    ORDER BY lower(d.days), p.id, z.code
    """
)


@dataclass(frozen=True)
class Later:
    """Cells that an accepted proposal moves for good from a day on."""

    proposal: int
    first: date
    zone: str
    cells: tuple[str, ...]

    def message(self) -> Message:
        """Say what is in the way, from when on, and what to do about it."""
        return Message(
            "accepted proposal %(number)s moves cell %(cells)s to zone %(zone)s from %(first)s on:"
            " undo it first (gis-supervision proposals undo %(number)s), or choose %(first)s or a"
            " later day",
            number=self.proposal,
            cells=", ".join(self.cells[:NAMED]) + (" …" if len(self.cells) > NAMED else ""),
            zone=self.zone,
            first=self.first,
        )


def later_changes(session: Session, cells: Iterable[int], first: date) -> list[Later]:
    """Return the accepted proposals that move some of these cells for good after a day.

    Parameters
    ----------
    session
        An open session.
    cells
        Ids of the cells.
    first
        First day of the change that is wanted.
    """
    rows = session.execute(_LATER, {"cells": sorted(cells), "first": first})
    return [Later(row.id, row.first, row.zone, tuple(row.cells)) for row in rows]

"""The roll-up of the register per H3 cell: to check it, to make it anew, to draw it.

Triggers keep it current (``alembic/sql/rollup_triggers.sql``), so nothing here is needed for it to
be right.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, text

from gis_supervision.storage.rollup_tables import H3Rollup

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

FINEST = 8
"""The finest resolution; coarser cells are the parents of its cells."""

_DIFFERENCES = """
    SELECT coalesce(e.resolution, u.resolution) AS resolution, count(*) AS rows
    FROM h3_rollup_expected AS e
    FULL JOIN h3_rollup AS u
        ON e.resolution = u.resolution AND e.h3 = u.h3 AND e.in_scope = u.in_scope
    WHERE
        (e.premises, e.inspections, e.critical, e.serious, e.minor, e.unclassified, e.last_visit_on)
        IS DISTINCT FROM
        (u.premises, u.inspections, u.critical, u.serious, u.minor, u.unclassified, u.last_visit_on)
    GROUP BY 1
    ORDER BY 1
"""


@dataclass(frozen=True)
class Verdict:
    """Whether the roll-up is what the register says.

    ``different`` counts rows that are wrong, lacking or too many, by resolution; the totals are
    those of the finest resolution, what has no cell included.
    """

    rows: int
    premises: int
    out_of_scope: int
    without_cell: int
    inspections: int
    unresolved: int
    different: dict[int, int]

    @property
    def right(self) -> bool:
        """Whether nothing differs."""
        return not self.different

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON takes it."""
        return {**asdict(self), "right": self.right}


def verify(session: Session) -> Verdict:
    """Compare the roll-up with a count of the whole register."""
    finest = H3Rollup.resolution == FINEST
    unresolved = H3Rollup.critical + H3Rollup.serious + H3Rollup.minor + H3Rollup.unclassified

    def total(column: Any, *where: Any) -> Any:
        return func.coalesce(func.sum(column).filter(finest, *where), 0)

    rows, *totals = session.execute(
        select(
            func.count(),
            total(H3Rollup.premises),
            total(H3Rollup.premises, H3Rollup.in_scope.is_(False)),
            total(H3Rollup.premises, H3Rollup.h3 == 0),
            total(H3Rollup.inspections),
            total(unresolved),
        )
    ).one()
    premises, out_of_scope, without_cell, inspections, hazards = map(int, totals)
    return Verdict(
        rows=rows,
        premises=premises,
        out_of_scope=out_of_scope,
        without_cell=without_cell,
        inspections=inspections,
        unresolved=hazards,
        different={row.resolution: row.rows for row in session.execute(text(_DIFFERENCES))},
    )


def rebuild(session: Session) -> int:
    """Make the roll-up anew from the register.

    Parameters
    ----------
    session
        An open session; the caller commits. Writers of the register wait until then.

    Returns
    -------
    int
        Number of its rows.
    """
    return int(session.scalars(select(func.h3_rollup_rebuild())).one())


def cells_without_outline(session: Session) -> dict[int, list[int]]:
    """Return the cells of the roll-up whose outline is not kept yet, by resolution."""
    rows = session.execute(
        text(
            "SELECT u.resolution, array_agg(DISTINCT u.h3) AS cells FROM h3_rollup AS u"
            " WHERE u.h3 <> 0 AND NOT EXISTS (SELECT 1 FROM h3_cell AS c WHERE c.id = u.h3)"
            " GROUP BY u.resolution ORDER BY u.resolution"
        )
    )
    return {row.resolution: row.cells for row in rows}

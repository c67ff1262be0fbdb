"""Where premises stand in the grid: how many are in a cell, and which are not, with the reason."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import text

from gis_supervision.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.orm import Session

REASONS: Final = ("border", "overlap", "outside", "approximate", "not_located", "external")
"""Why a premises needs a look.

``border``: on the edge of a cell; the first cell by code has it. ``overlap``: inside several
cells. ``outside``: it has an exact point, and no cell covers it. ``approximate``: it has only the
middle of its division. ``not_located``: it has no point. ``external``: it belongs to another
administration, by itself or by its division, and is left out of denominators.
"""

_TOUCHED = """
    SELECT
        i.id,
        count(*) FILTER (WHERE i.interior) > 1 AS overlap,
        string_agg(c.code, ', ' ORDER BY c.code) AS cells
    FROM grid_cell AS c
    CROSS JOIN LATERAL (
        SELECT p.id, st_contains(c.geom, p.geom) AS interior
        FROM premises AS p
        WHERE p.location = 'exact' AND st_covers(c.geom, p.geom)
        OFFSET 0
    ) AS i
    WHERE upper_inf(c.valid)
    GROUP BY i.id
    HAVING count(*) > 1 OR NOT bool_and(i.interior)
"""
_REASONED = f"""
    SELECT t.id, CASE WHEN t.overlap THEN 'overlap' ELSE 'border' END AS reason, t.cells
    FROM ({_TOUCHED}) AS t
    UNION ALL
    SELECT p.id, 'outside', NULL FROM premises AS p
    WHERE p.location = 'exact' AND p.cell_id IS NULL
    UNION ALL
    SELECT p.id, 'approximate', NULL FROM premises AS p WHERE p.location = 'approximate'
    UNION ALL
    SELECT p.id, 'not_located', NULL FROM premises AS p WHERE p.location = 'none'
    UNION ALL
    SELECT p.id, 'external', NULL FROM premises AS p
    WHERE p.external OR p.division_id IN (SELECT e.division_id FROM external_division AS e)
"""  # noqa: S608 - constants
_PAGE = 5_000


@dataclass(frozen=True)
class Placement:
    """How the premises stand in the grid.

    ``reasons`` counts premises by reason; one premises may have several. ``in_cell`` counts those
    that have a cell.
    """

    premises: int
    in_cell: int
    reasons: dict[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON takes them."""
        return asdict(self)


@dataclass(frozen=True)
class Listed:
    """One premises and the reason why it is listed.

    ``cells`` are the codes of all cells that touch its point; ``matched`` is the code or name that
    gave it an approximate place.
    """

    reason: str
    licence: str
    name: str
    address: str | None
    division_code: str | None
    division: str | None
    cell: str | None
    cells: str | None
    matched: str | None
    lng: float | None
    lat: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return the row as JSON takes it."""
        return asdict(self)


def count(session: Session) -> Placement:
    """Count premises in cells, and by reason."""
    total, inside = session.execute(
        text("SELECT count(*), count(p.cell_id) FROM premises AS p")
    ).one()
    found = {
        row.reason: row.number
        for row in session.execute(
            text(
                f"SELECT r.reason, count(*) AS number FROM ({_REASONED}) AS r GROUP BY r.reason"  # noqa: S608 - constants
            )
        )
    }
    return Placement(total, inside, {reason: found.get(reason, 0) for reason in REASONS})


def listed(session: Session, *reasons: str) -> Iterator[Listed]:
    """List premises with the reason for a look, by reason and licence.

    Parameters
    ----------
    session
        An open session; rows are fetched as they are read.
    *reasons
        Of `REASONS`; left out: all but ``external``.

    Yields
    ------
    Listed

    Raises
    ------
    InvalidInputError
        A reason is not known.
    """
    for reason in reasons:
        if reason not in REASONS:
            raise InvalidInputError(
                "reason %(reason)r: expected one of %(reasons)s",
                reason=reason,
                reasons=", ".join(REASONS),
            )
    wanted = list(reasons or REASONS[:-1])
    rows = session.execute(
        text(f"""
            SELECT
                r.reason, p.licence, p.name, p.address, p.division_code, d.name AS division,
                c.code AS cell, r.cells, g.matched, st_x(p.geom) AS lng, st_y(p.geom) AS lat
            FROM ({_REASONED}) AS r
            JOIN premises AS p ON r.id = p.id
            LEFT JOIN division AS d ON p.division_id = d.id
            LEFT JOIN grid_cell AS c ON p.cell_id = c.id
            LEFT JOIN premises_geocode AS g
                ON p.id = g.premises_id AND p.location = 'approximate'
            WHERE r.reason = ANY(:wanted)
            ORDER BY array_position(:wanted, r.reason), p.licence
        """),  # noqa: S608 - constants
        {"wanted": wanted},
        execution_options={"yield_per": _PAGE},
    )
    for row in rows.mappings():
        yield Listed(**row)

"""Who is to be visited: premises due, with hazards to be looked after, or named in a file."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import polars as pl
from sqlalchemy import text

from gis_supervision.storage import frames

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import date

    from sqlalchemy.orm import Session

OPEN = """
    SELECT
        p.id, p.licence, p.category, p.risk_class, p.credit_class, p.credit_code, p.opened_on,
        ST_Y(p.geom), ST_X(p.geom), m.zone_id, v.last_visit, coalesce(h.hazards, 0),
        coalesce(h.critical, 0), h.due_on
    FROM premises AS p
    LEFT JOIN zone_cell AS m ON p.cell_id = m.cell_id AND m.valid @> %(day)s::date
    LEFT JOIN (
        SELECT i.premises_id, max(i.inspected_on) AS last_visit
        FROM inspection AS i
        WHERE i.inspected_on < %(day)s::date AND i.channel = ANY(%(channels)s)
        GROUP BY i.premises_id
    ) AS v ON p.id = v.premises_id
    LEFT JOIN (
        SELECT
            z.premises_id, count(*) AS hazards, min(z.due_on) AS due_on,
            count(*) FILTER (WHERE z.severity = 'critical') AS critical
        FROM hazard AS z
        WHERE
            z.found_on < %(day)s::date
            AND (z.resolved_on IS NULL OR z.resolved_on >= %(day)s::date)
        GROUP BY z.premises_id
    ) AS h ON p.id = h.premises_id
    WHERE
        NOT p.external
        AND NOT EXISTS (SELECT 1 FROM external_division AS e WHERE e.division_id = p.division_id)
        AND (p.opened_on IS NULL OR p.opened_on <= %(day)s::date)
        AND (p.closed_on IS NULL OR p.closed_on > %(day)s::date)
        AND (%(licences)s::text[] IS NULL OR p.licence = ANY(%(licences)s::text[]))
"""

COLUMNS = {
    "id": pl.Int64,
    "licence": pl.String,
    "category": pl.String,
    "risk_class": pl.String,
    "credit_class": pl.String,
    "credit_code": pl.String,
    "opened_on": pl.Date,
    "lat": pl.Float64,
    "lng": pl.Float64,
    "zone_id": pl.Int64,
    "last_visit": pl.Date,
    "hazards": pl.Int64,
    "critical": pl.Int64,
    "hazard_due": pl.Date,
}


def premises(
    session: Session, day: date, channels: Sequence[str], licences: Sequence[str] | None = None
) -> pl.DataFrame:
    """Read the premises under supervision on a day, as they are before it.

    Parameters
    ----------
    session
        An open session.
    day
        First day of a plan.
    channels
        Channels whose visits count.
    licences
        Only these; left out: all.

    Returns
    -------
    polars.DataFrame
        `COLUMNS`, by licence; ``lat`` and ``lng`` in degrees, null where there is no point.
    """
    given = {
        "day": day,
        "channels": list(channels),
        "licences": None if licences is None else list(licences),
    }
    return frames.read(session, OPEN, COLUMNS, given).sort("licence")


def responsible(session: Session, day: date) -> tuple[dict[int, set[int]], dict[int, set[int]]]:
    """Tell who is responsible for each zone on a day, and who the deputies are, by ids."""
    roles: dict[str, defaultdict[int, set[int]]] = {
        "responsible": defaultdict(set),
        "deputy": defaultdict(set),
    }
    rows = session.execute(
        text(
            "SELECT zone_id, inspector_id, role FROM inspector_assignment"
            " WHERE valid @> CAST(:day AS date)"
        ),
        {"day": day},
    )
    for zone, person, role in rows:
        roles[role][zone].add(person)
    return dict(roles["responsible"]), dict(roles["deputy"])


def ids_of(session: Session, licences: Collection[str]) -> dict[str, int]:
    """Return the ids of premises by licence; unknown ones are left out."""
    rows = session.execute(
        text("SELECT licence, id FROM premises WHERE licence = ANY(:licences) ORDER BY licence"),
        {"licences": list(licences)},
    )
    return {licence: premises for licence, premises in rows}  # noqa: C416 - rows, not pairs


def known(session: Session, keys: Collection[str]) -> set[str]:
    """Return those keys that are licences of premises or staff numbers of inspectors."""
    rows = session.execute(
        text(
            "SELECT licence FROM premises WHERE licence = ANY(:keys)"
            " UNION SELECT staff_number FROM inspector WHERE staff_number = ANY(:keys)"
        ),
        {"keys": list(keys)},
    )
    return set(rows.scalars())

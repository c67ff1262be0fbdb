"""What matching reads: cells of zones, former responsibility, recusals, languages."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import polars as pl
from sqlalchemy import text

from gis_supervision.storage import frames

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from sqlalchemy.orm import Session

CELLS = """
    SELECT
        m.zone_id, z.code, m.cell_id,
        ST_Y(ST_Centroid(c.geom)), ST_X(ST_Centroid(c.geom))
    FROM zone_cell AS m
    INNER JOIN zone AS z ON m.zone_id = z.id
    INNER JOIN grid_cell AS c ON m.cell_id = c.id
    WHERE m.valid @> %(day)s
    ORDER BY z.code, c.code
"""

OPEN = """
    p.cell_id IS NOT NULL
    AND NOT p.external
    AND NOT EXISTS (SELECT 1 FROM external_division AS e WHERE e.division_id = p.division_id)
    AND (p.opened_on IS NULL OR p.opened_on <= :day)
    AND (p.closed_on IS NULL OR p.closed_on > :day)
"""

HELD = f"""
    SELECT now.zone_id, a.inspector_id, count(*)
    FROM premises AS p
    INNER JOIN zone_cell AS now ON p.cell_id = now.cell_id AND now.valid @> CAST(:day AS date)
    LEFT JOIN zone_cell AS past ON p.cell_id = past.cell_id AND past.valid @> CAST(:before AS date)
    LEFT JOIN inspector_assignment AS a
        ON past.zone_id = a.zone_id AND a.role = 'responsible'
        AND a.valid @> CAST(:before AS date)
    WHERE {OPEN}
    GROUP BY now.zone_id, a.inspector_id
"""  # noqa: S608 - a constant above

PREMISES = f"""
    SELECT m.zone_id, count(*)
    FROM premises AS p
    INNER JOIN zone_cell AS m ON p.cell_id = m.cell_id AND m.valid @> CAST(:day AS date)
    WHERE {OPEN}
    GROUP BY m.zone_id
"""  # noqa: S608 - a constant above

BASES = """
    SELECT a.inspector_id, avg(ST_Y(ST_Centroid(c.geom))), avg(ST_X(ST_Centroid(c.geom)))
    FROM inspector_assignment AS a
    INNER JOIN zone_cell AS m ON a.zone_id = m.zone_id AND m.valid @> CAST(:before AS date)
    INNER JOIN grid_cell AS c ON m.cell_id = c.id
    WHERE a.role = 'responsible' AND a.valid @> CAST(:before AS date)
    GROUP BY a.inspector_id
"""

LANGUAGES = f"""
    WITH RECURSIVE above AS (
        SELECT d.id, d.id AS at, 0 AS steps FROM division AS d
        UNION ALL
        SELECT u.id, d.parent_id, u.steps + 1
        FROM above AS u
        INNER JOIN division AS d ON u.at = d.id
        WHERE d.parent_id IS NOT NULL AND u.steps < 9
    ),

    nearest AS (
        SELECT DISTINCT ON (u.id) u.id, u.at
        FROM above AS u
        WHERE EXISTS (SELECT 1 FROM division_language AS l WHERE l.division_id = u.at)
        ORDER BY u.id, u.steps
    ),

    spoken AS (
        SELECT n.id AS division_id, l.language, 1.0 / count(*) OVER (PARTITION BY n.id) AS part
        FROM nearest AS n
        INNER JOIN division_language AS l ON n.at = l.division_id
    ),

    counted AS (
        SELECT m.zone_id, p.division_id, count(*) AS premises
        FROM premises AS p
        INNER JOIN zone_cell AS m ON p.cell_id = m.cell_id AND m.valid @> CAST(:day AS date)
        WHERE {OPEN}
        GROUP BY m.zone_id, p.division_id
    )

    SELECT
        c.zone_id, s.language,
        sum(c.premises * s.part)
        / (SELECT sum(o.premises) FROM counted AS o WHERE o.zone_id = c.zone_id)
    FROM counted AS c
    INNER JOIN spoken AS s ON c.division_id = s.division_id
    GROUP BY c.zone_id, s.language
"""  # noqa: S608 - a constant above


def cells_on(session: Session, day: date) -> pl.DataFrame:
    """Read the cells of the zones in force on a day.

    Returns
    -------
    polars.DataFrame
        ``zone_id``, ``zone`` (code), ``cell_id``, and the cell's middle ``lat``, ``lng`` in
        decimal degrees; by code of zone and cell.
    """
    return frames.read(
        session,
        CELLS,
        {
            "zone_id": pl.Int64,
            "zone": pl.String,
            "cell_id": pl.Int64,
            "lat": pl.Float64,
            "lng": pl.Float64,
        },
        {"day": day},
    )


def held_before(session: Session, day: date, before: date) -> dict[int, dict[int, float]]:
    """Read which share of the premises in a zone somebody was responsible for on an earlier day.

    Parameters
    ----------
    session
        An open session.
    day
        Day whose zones are meant.
    before
        Day whose responsibilities are meant, under whatever zones there were.

    Returns
    -------
    dict
        Share by inspector id and zone id.
    """
    rows = session.execute(text(HELD), {"day": day, "before": before}).all()
    total: defaultdict[int, int] = defaultdict(int)
    for zone, _, count in rows:
        total[zone] += count
    shares: defaultdict[int, dict[int, float]] = defaultdict(dict)
    for zone, inspector, count in rows:
        if inspector is not None:
            shares[inspector][zone] = count / total[zone]
    return dict(shares)


def premises_on(session: Session, day: date) -> dict[int, int]:
    """Return the number of premises in each zone on a day."""
    rows = session.execute(text(PREMISES), {"day": day})
    return {zone: count for zone, count in rows}  # noqa: C416 - rows, not pairs


def middles_before(session: Session, before: date) -> dict[int, tuple[float, float]]:
    """Return the middle (lat, lng) of what each inspector was responsible for on a day."""
    rows = session.execute(text(BASES), {"before": before})
    return {inspector: (lat, lng) for inspector, lat, lng in rows}


def zones_of_premises(session: Session, day: date, premises: Iterable[int]) -> dict[int, int]:
    """Return the zone of each of the premises on a day; those in no zone are left out."""
    rows = session.execute(
        text(
            "SELECT p.id, m.zone_id FROM premises AS p"
            " INNER JOIN zone_cell AS m ON p.cell_id = m.cell_id AND m.valid @> CAST(:day AS date)"
            " WHERE p.id = ANY(:premises)"
        ),
        {"day": day, "premises": sorted(premises)},
    )
    return {found: zone for found, zone in rows}  # noqa: C416 - rows, not pairs


def languages_on(session: Session, day: date) -> dict[int, dict[str, float]]:
    """Read with which share of a zone's premises a language is spoken.

    A premises is spoken to in the languages of its division or, where it has none, of the nearest
    division above that has some; several share it evenly.

    Returns
    -------
    dict
        Share by zone id and language.
    """
    shares: defaultdict[int, dict[str, float]] = defaultdict(dict)
    for zone, language, share in session.execute(text(LANGUAGES), {"day": day}):
        shares[zone][language] = float(share)
    return dict(shares)

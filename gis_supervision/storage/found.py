"""What inspections found in a period, counted where it was found: by H3 cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from gis_supervision.errors import InvalidInputError
from gis_supervision.storage import frames
from gis_supervision.storage.tables import H3_RESOLUTIONS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from sqlalchemy.orm import Session

PLACES = """
    SELECT
        p.id,
        p.h3_{resolution} AS h3,
        coalesce(p.risk_class, '') AS risk_class,
        (p.opened_on IS NULL OR p.opened_on <= %(last)s)
        AND (p.closed_on IS NULL OR p.closed_on > %(last)s) AS open
    FROM premises AS p
    WHERE
        p.location = 'exact'
        AND NOT p.external
        AND NOT EXISTS (SELECT 1 FROM external_division AS e WHERE e.division_id = p.division_id)
"""

BY_STEP = """
    WITH place AS ({places}),
    counted AS (
        SELECT
            p.h3,
            width_bucket(i.inspected_on, %(starts)s::date[]) AS step,
            count(*) AS inspections,
            0 AS hazards
        FROM place AS p
        INNER JOIN inspection AS i ON p.id = i.premises_id
        WHERE i.inspected_on BETWEEN %(first)s AND %(last)s
        GROUP BY 1, 2
        UNION ALL
        SELECT
            p.h3,
            width_bucket(h.found_on, %(starts)s::date[]),
            0,
            count(*)
        FROM place AS p
        INNER JOIN hazard AS h ON p.id = h.premises_id
        WHERE h.found_on BETWEEN %(first)s AND %(last)s
        GROUP BY 1, 2
        UNION ALL
        SELECT DISTINCT p.h3, 1, 0, 0 FROM place AS p WHERE p.open
    )
    SELECT h3, step - 1, sum(inspections)::bigint, sum(hazards)::bigint
    FROM counted
    GROUP BY h3, step
    ORDER BY h3, step
"""

BY_RISK = """
    WITH place AS ({places})
    SELECT
        p.h3,
        p.risk_class,
        count(*) FILTER (WHERE p.open),
        count(i.premises_id),
        count(h.premises_id)
    FROM place AS p
    LEFT JOIN (
        SELECT DISTINCT premises_id FROM inspection
        WHERE inspected_on BETWEEN %(first)s AND %(last)s
    ) AS i ON p.id = i.premises_id
    LEFT JOIN (
        SELECT DISTINCT premises_id FROM hazard
        WHERE found_on BETWEEN %(first)s AND %(last)s AND severity = ANY(%(severities)s)
    ) AS h ON i.premises_id = h.premises_id
    GROUP BY p.h3, p.risk_class
    HAVING bool_or(p.open) OR count(i.premises_id) > 0
    ORDER BY p.h3, p.risk_class
"""


def by_step(session: Session, starts: Sequence[date], last: date, resolution: int) -> pl.DataFrame:
    """Count inspections and the hazards they found first, by H3 cell and step.

    Parameters
    ----------
    session
        An open session.
    starts
        First day of each step, ascending.
    last
        Last day of the last step.
    resolution
        One of the resolutions that are stored with every premises.

    Returns
    -------
    polars.DataFrame
        Columns ``h3``, ``step`` (from 0), ``inspections``, ``hazards``, ordered by both. A cell
        with premises that are open on the last day has a row, even if nobody was there.

    Raises
    ------
    InvalidInputError
        When the resolution is not stored.
    """
    return frames.read(
        session,
        BY_STEP.format(places=_places(resolution)),
        {"h3": pl.Int64, "step": pl.Int64, "inspections": pl.Int64, "hazards": pl.Int64},
        {"starts": list(starts), "first": starts[0], "last": last},
    )


def by_risk(
    session: Session, first: date, last: date, resolution: int, severities: Sequence[str]
) -> pl.DataFrame:
    """Count premises that were inspected, and those where a hazard was found, by H3 cell and risk.

    Parameters
    ----------
    session
        An open session.
    first, last
        The period, both days included.
    resolution
        One of the resolutions that are stored with every premises.
    severities
        Severities of the hazards that count.

    Returns
    -------
    polars.DataFrame
        Columns ``h3``, ``risk_class`` ("" for none), ``premises`` (open on the last day),
        ``inspected`` and ``with_hazard`` (premises, each once), ordered by the first two.

    Raises
    ------
    InvalidInputError
        When the resolution is not stored.
    """
    return frames.read(
        session,
        BY_RISK.format(places=_places(resolution)),
        {
            "h3": pl.Int64,
            "risk_class": pl.String,
            "premises": pl.Int64,
            "inspected": pl.Int64,
            "with_hazard": pl.Int64,
        },
        {"first": first, "last": last, "severities": list(severities)},
    )


def _places(resolution: int) -> str:
    if resolution not in H3_RESOLUTIONS:
        raise InvalidInputError(
            "resolution %(resolution)s: expected one of %(h3_resolutions)s",
            resolution=resolution,
            h3_resolutions=", ".join(map(str, H3_RESOLUTIONS)),
        )
    return PLACES.format(resolution=resolution)

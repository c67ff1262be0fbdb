"""What the register says of the premises in the scope of a draw."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
from sqlalchemy import select

from gis_supervision.errors import NotFoundError
from gis_supervision.storage import divisions, frames
from gis_supervision.storage.tables import Premises, Zone, ZoneCell

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from sqlalchemy.orm import Session

CANDIDATES = """
    WITH RECURSIVE below AS (
        SELECT division_coded(%(division)s) AS division_id
        UNION
        SELECT d.id FROM division AS d INNER JOIN below AS b ON d.parent_id = b.division_id
    )
    SELECT
        p.id, p.licence, p.category, nullif(btrim(p.credit_class), ''), p.opened_on, p.closed_on,
        v.last_visit, p.external OR e.division_id IS NOT NULL, n.id IS NOT NULL
    FROM premises AS p
    LEFT JOIN external_division AS e ON p.division_id = e.division_id
    LEFT JOIN do_not_disturb AS n ON p.id = n.premises_id AND n.valid @> %(as_of)s
    LEFT JOIN (
        SELECT i.premises_id, max(i.inspected_on) AS last_visit
        FROM inspection AS i
        WHERE i.inspected_on <= %(as_of)s AND i.channel = ANY(%(channels)s)
        GROUP BY i.premises_id
    ) AS v ON p.id = v.premises_id
    WHERE
        (
            CAST(%(division)s AS text) IS NULL
            OR p.division_id IN (SELECT b.division_id FROM below AS b)
        )
        AND (
            CAST(%(zone)s AS text) IS NULL
            OR p.cell_id IN (
                SELECT m.cell_id
                FROM zone_cell AS m
                INNER JOIN zone AS z ON m.zone_id = z.id
                WHERE z.code = %(zone)s AND m.valid @> %(as_of)s
            )
        )
        AND (%(categories)s::text [] IS NULL OR p.category = ANY(%(categories)s))
        AND (%(risk_classes)s::text [] IS NULL OR p.risk_class = ANY(%(risk_classes)s))
    ORDER BY p.licence
"""


def read(
    session: Session,
    as_of: date,
    channels: Sequence[str],
    *,
    division: str | None = None,
    zone: str | None = None,
    categories: Sequence[str] = (),
    risk_classes: Sequence[str] = (),
) -> pl.DataFrame:
    """Read every premises of a scope, those that cannot be drawn included.

    Parameters
    ----------
    session
        An open session.
    as_of
        The day of the draw: zones, last visits and the do-not-disturb list are those of it.
    channels
        Channels whose visits count as visits.
    division, zone, categories, risk_classes
        Only premises in this division (any code it ever had; those below it included), in this
        zone, of one of these categories, in one of these risk classes.

    Returns
    -------
    polars.DataFrame
        By licence: ``premises_id``, ``licence``, ``category``, ``credit_class``, ``opened_on``,
        ``closed_on``, ``last_visit``, ``external``, ``listed``.

    Raises
    ------
    NotFoundError
        When there is no such division, or no such zone on the day.
    """
    if division is not None:
        divisions.find(session, division, as_of=as_of)
    if (
        zone is not None
        and not session.scalars(
            select(Zone.id)
            .join(ZoneCell, ZoneCell.zone_id == Zone.id)
            .where(Zone.code == zone, ZoneCell.valid.op("@>")(as_of))
            .limit(1)
        ).all()
    ):
        raise NotFoundError("there is no zone %(zone)r on %(as_of)s", zone=zone, as_of=as_of)
    return frames.read(
        session,
        CANDIDATES,
        {
            "premises_id": pl.Int64,
            "licence": pl.String,
            "category": pl.String,
            "credit_class": pl.String,
            "opened_on": pl.Date,
            "closed_on": pl.Date,
            "last_visit": pl.Date,
            "external": pl.String,
            "listed": pl.String,
        },
        {
            "as_of": as_of,
            "channels": list(channels),
            "division": division,
            "zone": zone,
            "categories": list(categories) or None,
            "risk_classes": list(risk_classes) or None,
        },
    ).with_columns(pl.col("external", "listed") == "t")


def premises_id(session: Session, licence: str) -> int | None:
    """Return the id of a premises; None where the register has the licence no longer."""
    return session.scalars(select(Premises.id).where(Premises.licence == licence)).first()

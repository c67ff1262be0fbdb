"""What the register knows of premises, visits and complaints up to a day, for the order of risk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from gis_supervision.storage import frames

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy.orm import Session

PLACES = """
    SELECT
        p.id,
        CASE WHEN p.location = 'exact' THEN st_y(p.geom) END,
        CASE WHEN p.location = 'exact' THEN st_x(p.geom) END,
        p.category,
        p.risk_class,
        coalesce(p.trade_name, p.name),
        p.opened_on - DATE '1970-01-01',
        NOT p.external
        AND e.division_id IS NULL
        AND (p.opened_on IS NULL OR p.opened_on <= %(as_of)s)
        AND (p.closed_on IS NULL OR p.closed_on > %(as_of)s),
        d.name
    FROM premises AS p
    LEFT JOIN external_division AS e ON p.division_id = e.division_id
    LEFT JOIN division AS d ON p.division_id = d.id
    ORDER BY p.id
"""

VISITS = """
    SELECT
        i.premises_id,
        i.inspected_on - DATE '1970-01-01',
        i.kind,
        i.result,
        coalesce(f.critical, 0),
        coalesce(f.serious, 0),
        coalesce(f.minor, 0)
    FROM inspection AS i
    LEFT JOIN (
        SELECT
            g.inspection_id,
            count(*) FILTER (WHERE g.severity = 'critical') AS critical,
            count(*) FILTER (WHERE g.severity = 'serious') AS serious,
            count(*) FILTER (WHERE g.severity = 'minor') AS minor
        FROM finding AS g
        GROUP BY g.inspection_id
    ) AS f ON i.id = f.inspection_id
    WHERE i.inspected_on <= %(as_of)s
    ORDER BY i.inspected_on, i.id
"""

COMPLAINTS = """
    SELECT c.premises_id, c.received_on - DATE '1970-01-01', st_y(c.geom), st_x(c.geom)
    FROM complaint AS c
    WHERE c.received_on <= %(as_of)s
    ORDER BY c.received_on, c.id
"""


@dataclass(frozen=True)
class Records:
    """Rows of the register; days are days since 1970-01-01.

    Attributes
    ----------
    places
        Every premises by id: ``premises_id``, ``lat``, ``lng`` (null where not located exactly),
        ``category``, ``risk_class``, ``name``, ``opened``, ``in_scope`` (of this administration and
        open on the day), ``division``.
    visits
        In the order of their days: ``premises_id``, ``day``, ``kind``, ``result``, numbers of
        ``critical``, ``serious`` and ``minor`` items that the visit itself recorded.
    complaints
        ``premises_id``, ``day``, ``lat``, ``lng``; null where it names no premises, has no point.
    """

    places: pl.DataFrame
    visits: pl.DataFrame
    complaints: pl.DataFrame


def read(session: Session, as_of: date) -> Records:
    """Read what was known at the end of a day.

    Category, class, name and point of a premises are those that the register has now: it keeps no
    history of them.

    Parameters
    ----------
    session
        An open session.
    as_of
        Visits and complaints of later days are not looked at.

    Returns
    -------
    Records
    """
    parameters = {"as_of": as_of}
    places = frames.read(
        session,
        PLACES,
        {
            "premises_id": pl.Int64,
            "lat": pl.Float64,
            "lng": pl.Float64,
            "category": pl.String,
            "risk_class": pl.String,
            "name": pl.String,
            "opened": pl.Int64,
            "in_scope": pl.String,
            "division": pl.String,
        },
        parameters,
    ).with_columns(pl.col("in_scope") == "t")
    visits = frames.read(
        session,
        VISITS,
        {
            "premises_id": pl.Int64,
            "day": pl.Int64,
            "kind": pl.String,
            "result": pl.String,
            "critical": pl.Int64,
            "serious": pl.Int64,
            "minor": pl.Int64,
        },
        parameters,
    )
    complaints = frames.read(
        session,
        COMPLAINTS,
        {"premises_id": pl.Int64, "day": pl.Int64, "lat": pl.Float64, "lng": pl.Float64},
        parameters,
    )
    return Records(places, visits, complaints)

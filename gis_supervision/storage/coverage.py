"""Coverage: what its series reads from the register, and what is kept of single premises."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from gis_supervision.storage import frames
from gis_supervision.storage.coverage_tables import Category, PremisesCoverage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from sqlalchemy.orm import Session

HISTORY = """
    SELECT i.premises_id, i.inspected_on - date '1970-01-01'
    FROM inspection AS i
    WHERE i.inspected_on <= %(as_of)s AND i.channel = ANY(%(channels)s)
"""

MEMBERSHIPS = """
    SELECT
        m.cell_id, m.zone_id,
        lower(m.valid) - date '1970-01-01', upper(m.valid) - date '1970-01-01'
    FROM zone_cell AS m
"""


def visit_days(session: Session, as_of: date, channels: Sequence[str]) -> pl.DataFrame:
    """Read every visit up to a day.

    Parameters
    ----------
    session
        An open session.
    as_of
        The last day.
    channels
        Channels whose visits count.

    Returns
    -------
    polars.DataFrame
        Columns ``premises_id`` and ``day`` (days since 1970-01-01), in no order.
    """
    return frames.read(
        session,
        HISTORY,
        {"premises_id": pl.Int64, "day": pl.Int32},
        {"as_of": as_of, "channels": list(channels)},
    )


def zone_memberships(session: Session) -> pl.DataFrame:
    """Read which zone each cell belonged to when.

    Returns
    -------
    polars.DataFrame
        Columns ``cell_id``, ``zone_id``, ``since`` and ``until`` (days since 1970-01-01, the last
        one exclusive; null where it is open).
    """
    return frames.read(
        session,
        MEMBERSHIPS,
        {"cell_id": pl.Int64, "zone_id": pl.Int64, "since": pl.Int64, "until": pl.Int64},
    )


def category_ids(session: Session, names: Sequence[str]) -> dict[str, int]:
    """Return the number of each category, numbering those that have none yet.

    Parameters
    ----------
    session
        An open session; the caller commits.
    names
        Names of categories.
    """
    if not names:
        return {}
    known = _numbers(session, names)
    lacking = sorted(set(names) - known.keys())
    if lacking:
        session.execute(
            insert(Category).on_conflict_do_nothing(), [{"name": name} for name in lacking]
        )
        known = _numbers(session, names)
    return known


def _numbers(session: Session, names: Sequence[str]) -> dict[str, int]:
    rows = session.execute(select(Category.name, Category.id).where(Category.name.in_(set(names))))
    return {row.name: row.id for row in rows}


def store_premises(session: Session, run_id: int, rows: pl.DataFrame) -> None:
    """Keep what a run says of each premises.

    Parameters
    ----------
    session
        An open session; the caller commits.
    run_id
        The run, stored already.
    rows
        Columns ``premises_id``, ``status``, ``visited_on``, ``due_on``, ``checklist_due_on``.
    """
    frames.write(
        session,
        PremisesCoverage.__tablename__,
        rows.select(
            pl.lit(run_id).alias("run_id"),
            "premises_id",
            "status",
            "visited_on",
            "due_on",
            "checklist_due_on",
        ),
    )

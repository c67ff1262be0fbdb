"""Analyses: what they read from the register, and where their results are kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl
from sqlalchemy import delete, exists, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased

from gis_supervision.errors import InvalidInputError
from gis_supervision.storage import frames
from gis_supervision.storage.draw_tables import DrawPublication
from gis_supervision.storage.proposal_tables import ProposalEvent
from gis_supervision.storage.tables import (
    H3_RESOLUTIONS,
    AnalysisRun,
    CellMetric,
    CellSeries,
    H3Cell,
    RegistryVersion,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from sqlalchemy.orm import Session

VISITS = """
    SELECT
        p.id, p.risk_class, p.credit_class, p.responsibility_tier, p.category,
        p.external OR e.division_id IS NOT NULL, p.location = 'exact',
        p.cell_id, p.division_id, m.zone_id, p.h3_8,
        %(as_of)s - p.opened_on, %(as_of)s - p.closed_on,
        %(as_of)s - v.last_visit, %(as_of)s - v.last_checklist
    FROM premises AS p
    LEFT JOIN external_division AS e ON p.division_id = e.division_id
    LEFT JOIN zone_cell AS m ON p.cell_id = m.cell_id AND m.valid @> %(as_of)s
    LEFT JOIN (
        SELECT
            i.premises_id,
            max(i.inspected_on) FILTER (WHERE i.channel = ANY(%(channels)s)) AS last_visit,
            max(i.inspected_on) FILTER (
                WHERE i.channel = ANY(%(checklist_channels)s)
                AND (i.kind IS NULL OR i.kind <> ALL(%(kinds_left_out)s::text[]))
            ) AS last_checklist
        FROM inspection AS i
        WHERE i.inspected_on <= %(as_of)s
        GROUP BY i.premises_id
    ) AS v ON p.id = v.premises_id
    ORDER BY p.id
"""

UNRESOLVED = """
    SELECT p.h3_{resolution}, count(DISTINCT p.id), count(h.id)
    FROM premises AS p
    LEFT JOIN hazard AS h
        ON p.id = h.premises_id
        AND h.found_on <= %(as_of)s
        AND (h.resolved_on IS NULL OR h.resolved_on > %(as_of)s)
    WHERE
        p.location = 'exact'
        AND p.h3_{resolution} IS NOT NULL
        AND NOT p.external
        AND NOT EXISTS (SELECT 1 FROM external_division AS e WHERE e.division_id = p.division_id)
        AND (p.opened_on IS NULL OR p.opened_on <= %(as_of)s)
        AND (p.closed_on IS NULL OR p.closed_on > %(as_of)s)
    GROUP BY p.h3_{resolution}
    ORDER BY p.h3_{resolution}
"""


@dataclass(frozen=True)
class Run:
    """One stored run; ``reused`` tells that it was there already."""

    id: int
    kind: str
    as_of: date
    parameters: dict[str, Any]
    summary: dict[str, Any]
    reused: bool


def registry_version(session: Session) -> int:
    """Return the version of the register, which every change of it raises."""
    return session.scalars(select(RegistryVersion.version)).one()


def visits(
    session: Session,
    as_of: date,
    channels: Sequence[str],
    *,
    checklist_channels: Sequence[str] = (),
    kinds_left_out: Sequence[str] = (),
) -> pl.DataFrame:
    """Read every premises with its last visit up to a day.

    Parameters
    ----------
    session
        An open session.
    as_of
        The day; later visits are not looked at.
    channels
        Channels whose visits count.
    checklist_channels, kinds_left_out
        Channels by which all items are checked, and kinds of inspections that do not check them.

    Returns
    -------
    polars.DataFrame
        One row per premises, ordered by id; ``*_days`` are days before ``as_of``, null for none.
    """
    days = pl.Int64
    return frames.read(
        session,
        VISITS,
        {
            "premises_id": pl.Int64,
            "risk_class": pl.String,
            "credit_class": pl.String,
            "responsibility_tier": pl.String,
            "category": pl.String,
            "external": pl.String,
            "located": pl.String,
            "cell_id": pl.Int64,
            "division_id": pl.Int64,
            "zone_id": pl.Int64,
            "h3": pl.Int64,
            "opened_days": days,
            "closed_days": days,
            "visited_days": days,
            "checklist_days": days,
        },
        {
            "as_of": as_of,
            "channels": list(channels),
            "checklist_channels": list(checklist_channels),
            "kinds_left_out": list(kinds_left_out),
        },
    ).with_columns(pl.col("external", "located") == "t")


def unresolved_by_h3(session: Session, as_of: date, resolution: int) -> pl.DataFrame:
    """Count premises and unresolved hazards by H3 cell.

    Parameters
    ----------
    session
        An open session.
    as_of
        A hazard counts that was found by then and not resolved by then.
    resolution
        One of the resolutions that are stored with every premises.

    Returns
    -------
    polars.DataFrame
        Columns ``h3``, ``premises``, ``hazards``; cells with at least one located premises.

    Raises
    ------
    InvalidInputError
        When the resolution is not stored.
    """
    if resolution not in H3_RESOLUTIONS:
        raise InvalidInputError(
            "resolution %(resolution)s: expected one of %(h3_resolutions)s",
            resolution=resolution,
            h3_resolutions=", ".join(map(str, H3_RESOLUTIONS)),
        )
    return frames.read(
        session,
        UNRESOLVED.format(resolution=resolution),
        {"h3": pl.Int64, "premises": pl.Int64, "hazards": pl.Int64},
        {"as_of": as_of},
    )


def lock(session: Session, kind: str, as_of: date) -> None:
    """Wait until nobody else makes runs of this kind and day; held until the transaction ends."""
    key = func.hashtextextended(f"analysis {kind} {as_of}", 0)
    session.execute(select(func.pg_advisory_xact_lock(key)))


def find(
    session: Session,
    kind: str,
    as_of: date,
    parameters: Mapping[str, Any],
    seed: int,
    code_version: str,
) -> Run | None:
    """Return the run of exactly this analysis on the register as it is now, if there is one."""
    row = session.scalars(
        select(AnalysisRun)
        .where(
            AnalysisRun.kind == kind,
            AnalysisRun.as_of == as_of,
            AnalysisRun.parameters == dict(parameters),
            AnalysisRun.seed == seed,
            AnalysisRun.code_version == code_version,
            AnalysisRun.registry_version == registry_version(session),
        )
        .order_by(AnalysisRun.id.desc())
        .limit(1)
    ).first()
    if row is None:
        return None
    return Run(row.id, row.kind, row.as_of, row.parameters, row.summary, reused=True)


def store(
    session: Session,
    run: AnalysisRun,
    metrics: Sequence[tuple[str, pl.DataFrame]],
    series: Sequence[tuple[str, pl.DataFrame]] = (),
    *,
    zeros: bool = True,
) -> Run:
    """Keep a run and its numbers.

    Runs of the same kind and day that were never published and that an older register was behind
    are taken away: looking at past days does not fill the database.

    Parameters
    ----------
    session
        An open session; the caller commits.
    run
        The run, not yet added.
    metrics
        Pairs of unit kind and frame; a frame has ``unit_id`` and one column per metric. NaN and
        null are stored as NULL, "no data".
    series
        The same over time: a frame has ``period_end`` too, the last day of the period.
    zeros
        Whether zeros of the series are stored; those who read it may take a missing number for one.

    Returns
    -------
    Run
    """
    session.execute(
        delete(AnalysisRun).where(
            AnalysisRun.kind == run.kind,
            AnalysisRun.as_of == run.as_of,
            AnalysisRun.published_at.is_(None),
            AnalysisRun.registry_version < run.registry_version,
        )
    )
    session.add(run)
    session.flush()
    for unit, frame in metrics:
        frames.write(session, CellMetric.__tablename__, _long(run.id, unit, frame, ["unit_id"]))
    for unit, frame in series:
        keys = ["unit_id", "period_end"]
        long = _long(run.id, unit, frame, keys)
        frames.write(session, CellSeries.__tablename__, long if zeros else _not_zero(long))
    return Run(run.id, run.kind, run.as_of, run.parameters, run.summary, reused=False)


def _long(run_id: int, unit: str, frame: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """Give one row for each number."""
    names = [name for name in frame.columns if name not in keys]
    return (
        frame.with_columns(pl.col(names).cast(pl.Float64).fill_nan(None))
        .unpivot(on=names, index=keys, variable_name="metric", value_name="value")
        .select(
            pl.lit(run_id).alias("run_id"),
            pl.lit(unit).alias("unit"),
            *(pl.col(key) for key in keys),
            pl.col("metric"),
            pl.col("value"),
        )
    )


def _not_zero(long: pl.DataFrame) -> pl.DataFrame:
    return long.filter(pl.col("value").is_null() | (pl.col("value") != 0))


def publish(session: Session, run_id: int) -> None:
    """Let reports that name no day speak of the day of this run; if they do, nothing changes."""
    other = aliased(AnalysisRun)
    newer = exists().where(
        other.kind == AnalysisRun.kind, other.published_at > AnalysisRun.published_at
    )
    session.execute(
        update(AnalysisRun)
        .where(AnalysisRun.id == run_id, or_(AnalysisRun.published_at.is_(None), newer))
        .values(published_at=func.clock_timestamp())
        .execution_options(synchronize_session=False)
    )


def answers_version(session: Session) -> tuple[int, int, datetime | None, int, int]:
    """Return what every answer depends on.

    Returns
    -------
    tuple
        The database (a restored one is another), the version of the register, when an analysis was
        published last, the newest decision on a proposal, and how many draws are public.
    """
    database = session.scalars(
        text("SELECT oid::bigint FROM pg_database WHERE datname = current_database()")
    ).one()
    published = session.scalars(select(func.max(AnalysisRun.published_at))).one()
    decided = session.scalars(select(func.max(ProposalEvent.id))).one() or 0
    drawn = session.scalars(select(func.count()).select_from(DrawPublication)).one()
    return database, registry_version(session), published, decided, drawn


def latest_as_of(session: Session) -> date | None:
    """Return the day of the run that was published last, None when there is none."""
    return session.scalars(
        select(AnalysisRun.as_of)
        .where(AnalysisRun.published_at.is_not(None))
        .order_by(AnalysisRun.published_at.desc())
        .limit(1)
    ).first()


def started(session: Session) -> datetime:
    """Return the database's clock, for the start of a run."""
    now: datetime = session.scalars(select(func.clock_timestamp())).one()
    return now


def store_h3_outlines(
    session: Session, cells: Sequence[int], resolution: int, outlines: Sequence[str]
) -> None:
    """Keep the outlines of H3 cells that are not there yet.

    Parameters
    ----------
    session
        An open session; the caller commits.
    cells
        H3 indexes.
    resolution
        Their resolution.
    outlines
        One EWKT polygon (SRID 4326) per cell.
    """
    if not cells:
        return
    session.execute(
        insert(H3Cell).on_conflict_do_nothing(),
        [
            {"id": cell, "resolution": resolution, "geom": outline}
            for cell, outline in zip(cells, outlines, strict=True)
        ],
    )


def missing_h3_outlines(session: Session, cells: Sequence[int]) -> list[int]:
    """Return those of the cells whose outline is not stored yet."""
    known = set(session.scalars(select(H3Cell.id).where(H3Cell.id.in_(cells))))
    return [cell for cell in cells if cell not in known]

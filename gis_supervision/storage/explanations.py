"""What is stored behind the colour of one cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
from sqlalchemy import select, text

from gis_supervision.storage import frames
from gis_supervision.storage.analyses import Run
from gis_supervision.storage.tables import AnalysisRun, GridCell

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy.orm import Session

_METRICS = """
    SELECT m.unit_id, m.metric, m.value FROM cell_metric AS m
    WHERE m.run_id = %(run)s AND m.unit = %(unit)s AND (%(id)s IS NULL OR m.unit_id = %(id)s)
    ORDER BY m.unit_id, m.metric
"""
_RESPONSIBLE = text(
    """
    SELECT z.code AS zone, i.staff_number, i.name AS inspector
    FROM zone_cell AS m
    INNER JOIN zone AS z ON m.zone_id = z.id
    LEFT JOIN inspector_assignment AS a
        ON z.id = a.zone_id AND a.role = 'responsible' AND a.valid @> CAST(:day AS date)
    LEFT JOIN inspector AS i ON a.inspector_id = i.id
    WHERE m.cell_id = :cell AND m.valid @> CAST(:day AS date)
    """
)


def newest_run(
    session: Session, kind: str, day: date, *, resolution: int | None = None
) -> Run | None:
    """Return the run that reports show of a day: the one published last, else the last made.

    Parameters
    ----------
    session
        An open session.
    kind
        Kind of the run.
    day
        Day of the report.
    resolution
        Of its H3 cells; left out: any.
    """
    statement = (
        select(AnalysisRun)
        .where(AnalysisRun.kind == kind, AnalysisRun.as_of == day)
        .order_by(AnalysisRun.published_at.desc().nulls_last(), AnalysisRun.id.desc())
        .limit(1)
    )
    if resolution is not None:
        statement = statement.where(AnalysisRun.parameters["resolution"].as_integer() == resolution)
    row = session.scalars(statement).first()
    if row is None:
        return None
    return Run(row.id, row.kind, row.as_of, row.parameters, row.summary, reused=True)


def seed_and_version(session: Session, run_id: int) -> tuple[int, str]:
    """Return the seed and the version of the software that a run was made with."""
    row = session.execute(
        select(AnalysisRun.seed, AnalysisRun.code_version).where(AnalysisRun.id == run_id)
    ).one()
    return row.seed, row.code_version


def metrics(session: Session, run_id: int, unit: str, unit_id: int | None = None) -> pl.DataFrame:
    """Read the numbers of a run's units.

    Parameters
    ----------
    session
        An open session.
    run_id, unit
        The run, and the kind of its units.
    unit_id
        One unit; left out: all.

    Returns
    -------
    polars.DataFrame
        ``unit_id`` in ascending order and one column per metric; null is "no data".
    """
    long = frames.read(
        session,
        _METRICS,
        {"unit_id": pl.Int64, "metric": pl.String, "value": pl.Float64},
        {"run": run_id, "unit": unit, "id": unit_id},
    )
    return long.pivot(on="metric", index="unit_id", values="value").sort("unit_id")


def grid_cell(session: Session, code: str, day: date) -> int | None:
    """Return the id of the cell that had a code on a day, else of the last that had it."""
    return session.scalars(
        select(GridCell.id)
        .where(GridCell.code == code)
        .order_by(GridCell.valid.op("@>")(day).desc(), GridCell.id.desc())
        .limit(1)
    ).first()


def responsible(session: Session, cell_id: int, day: date) -> dict[str, Any] | None:
    """Tell zone and responsible inspector of a cell on a day, None where it is in no zone."""
    row = session.execute(_RESPONSIBLE, {"cell": cell_id, "day": day}).mappings().first()
    return None if row is None else dict(row)

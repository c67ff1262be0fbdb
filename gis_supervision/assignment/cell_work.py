"""The work in the cells of the register: measured, and kept as a run that maps can show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from gis_supervision import __version__
from gis_supervision.assignment.workload import PARTS, Workload, workload
from gis_supervision.domain.inspectors import SKILLS
from gis_supervision.domain.rules import DAYS_PER_MONTH
from gis_supervision.storage import analyses, grid, zones
from gis_supervision.storage import workload as register
from gis_supervision.storage.tables import AnalysisRun

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from sqlalchemy.orm import Session

    from gis_supervision.domain.rules import RulePack
    from gis_supervision.storage.analyses import Run

KIND = "workload"


def measured(
    session: Session,
    rules: RulePack,
    cells: grid.Cells,
    as_of: date,
    *,
    set_on: date | None = None,
) -> Workload:
    """Sum the yearly hours of work in each of the cells as of a day.

    Parameters
    ----------
    session
        An open session.
    rules
        Rule pack with required visits and hours of work.
    cells
        The cells, in the order of the result.
    as_of
        Day whose premises, unresolved hazards and complaints make the work.
    set_on
        Day whose hours set by hand count; left out: ``as_of``.

    Returns
    -------
    Workload
    """
    rows = register.work(session, as_of, rules.workload.complaint_months * DAYS_PER_MONTH)
    index = {cell: place for place, cell in enumerate(cells.ids.tolist())}
    rows = rows.filter(rows["cell_id"].is_in(list(index)))
    given = np.full(len(index), np.nan)
    for cell, hours in register.set_hours(session, set_on or as_of).items():
        if cell in index:
            given[index[cell]] = hours
    return workload(
        rules,
        len(index),
        np.array([index[cell] for cell in rows["cell_id"]], dtype=np.int64),
        list(zip(rows["risk_class"], rows["credit_class"], rows["category"], strict=True)),
        rows["premises"].to_numpy(),
        rows["unresolved"].to_numpy(),
        rows["complaints"].to_numpy(),
        given,
    )


def shown_by(queries: Iterable[str]) -> bool:
    """Tell whether one of these queries of layers reads the run of `stored`."""
    return any("map.workload" in query or "map.zone_load_on" in query for query in queries)


def stored(session: Session, rules: RulePack, as_of: date) -> Run:
    """Measure the work in every cell of the grid in force and keep it for maps.

    Parameters
    ----------
    session
        An open session; the caller commits.
    rules
        Rule pack with required visits and hours of work.
    as_of
        Day of the report.

    Returns
    -------
    Run
        The stored run, or the one that is there already for the register as it is. Its summary
        has hours by part and by skill, the number of cells whose hours were set, and the premises
        whose work is in no cell. It does not change the day that reports speak of.
    """
    parameters = {"rules": rules.reference, "rules_sha256": rules.sha256}
    analyses.lock(session, KIND, as_of)
    found = analyses.find(session, KIND, as_of, parameters, 0, __version__)
    if found is not None:
        return found
    begun = analyses.started(session)
    version = analyses.registry_version(session)
    cells = grid.current(session)
    work = measured(session, rules, cells, as_of)
    given = ~np.isnan(work.set_hours)
    columns: dict[str, Any] = {
        "unit_id": cells.ids,
        "hours": work.hours,
        "rule_hours": work.rule_hours,
        "set_hours": work.set_hours,
        **{part: getattr(work, part) for part in PARTS},
        **{f"skill_{name}": values for name, values in zip(_SKILLS, work.by_skill.T, strict=True)},
    }
    summary = {
        "hours": float(work.hours.sum()),
        "rule_hours": float(work.rule_hours.sum()),
        "parts": {part: float(getattr(work, part).sum()) for part in PARTS},
        "skills": dict(zip(_SKILLS, work.by_skill.sum(axis=0).tolist(), strict=True)),
        "cells": int(cells.ids.size),
        "cells_set": int(given.sum()),
        "premises_without_cell": zones.without_cell(session, as_of),
    }
    run = AnalysisRun(
        kind=KIND,
        as_of=as_of,
        parameters=parameters,
        seed=0,
        registry_version=version,
        code_version=__version__,
        summary=summary,
        started_at=begun,
        published_at=None,
    )
    return analyses.store(session, run, [("cell", pl.DataFrame(columns))])


_SKILLS = (*(skill.value for skill in SKILLS), "any")

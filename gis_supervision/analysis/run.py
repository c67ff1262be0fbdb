"""Runs of coverage and hotspots: load from the register, compute, store."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from gis_supervision.analysis import coverage as coverage_of
from gis_supervision.analysis.archive import Findings, keep_outlines, reuse_or_store
from gis_supervision.analysis.coverage import by_unit
from gis_supervision.analysis.findings import coverage_findings, hotspot_findings
from gis_supervision.errors import InvalidInputError
from gis_supervision.storage import analyses

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy.orm import Session

    from gis_supervision.domain.rules import RulePack
    from gis_supervision.storage.analyses import Run

WHOLE_AREA = 0
"""The unit id of the totals of everything."""

RESOLUTION = 8
MINIMUM_PREMISES = 5


def coverage(
    session: Session, rules: RulePack, as_of: date, *, seed: int = 0, publish: bool = True
) -> Run:
    """Compute coverage of every cell, zone and division and of the whole area.

    Parameters
    ----------
    session
        An open session; the caller commits.
    rules
        Rule pack with the required visits.
    as_of
        Day of the report.
    seed
        Kept with the run; coverage has no chance in it.
    publish
        Whether reports that name no day speak of this one from now on.

    Returns
    -------
    Run
        The stored run, or the one that is there already for the register as it is.
    """
    channels = rules.counted_channels()
    parameters = {"rules": rules.reference, "rules_sha256": rules.sha256, "channels": [*channels]}

    def compute() -> Findings:
        premises = analyses.visits(session, as_of, channels)
        statuses = coverage_of.status(
            premises["visited_days"].cast(pl.Float64).to_numpy(),
            rules.required_intervals_days(
                premises["risk_class"].to_list(),
                premises["credit_class"].to_list(),
                premises["category"].to_list(),
            ),
            external=premises["external"].to_numpy(),
            days_since_opening=premises["opened_days"].cast(pl.Float64).to_numpy(),
            days_since_closing=premises["closed_days"].cast(pl.Float64).to_numpy(),
        )
        units = {"area": np.full(statuses.size, WHOLE_AREA)} | {
            unit: premises[f"{unit}_id"].fill_null(-1).to_numpy()
            for unit in ("cell", "zone", "division")
        }
        counted = {
            unit: by_unit(
                statuses,
                premises["located"].to_numpy(),
                ids,
                in_grid=premises["cell_id"].is_not_null().to_numpy(),
            )
            for unit, ids in units.items()
        }
        return coverage_findings(counted, Counter(statuses.tolist()))

    run = reuse_or_store(session, "coverage", as_of, parameters, seed, compute)
    if publish:
        analyses.publish(session, run.id)
    return run


def hotspots(
    session: Session,
    as_of: date,
    *,
    resolution: int = RESOLUTION,
    minimum_premises: int = MINIMUM_PREMISES,
    permutations: int = 0,
    seed: int = 0,
    publish: bool = True,
) -> Run:
    """Find where unresolved hazards per premises cluster.

    The value of an H3 cell is its rate of unresolved hazards per located premises, shrunk towards
    the overall rate (Marshall's empirical Bayes); a cell with fewer premises than the minimum is
    "no data" and takes no part. Gi* and its bins are those of `gi_star`.

    Parameters
    ----------
    session
        An open session; the caller commits.
    as_of
        Day of the report.
    resolution
        H3 resolution, one of those stored with premises.
    minimum_premises
        Smallest number of premises that gives a cell a rate.
    permutations, seed
        As `gi_star` takes them.
    publish
        Whether reports that name no day speak of this one from now on.

    Returns
    -------
    Run
        The stored run, or the one that is there already for the register as it is.

    Raises
    ------
    InvalidInputError
        When the resolution is not stored or the minimum is below 1.
    """
    if minimum_premises < 1:
        raise InvalidInputError(f"minimum_premises {minimum_premises}: expected at least 1")
    parameters = {
        "resolution": resolution,
        "minimum_premises": minimum_premises,
        "permutations": permutations,
    }

    def compute() -> Findings:
        cells = analyses.unresolved_by_h3(session, as_of, resolution)
        result = hotspot_findings(
            cells["h3"].to_numpy(),
            cells["premises"].to_numpy(),
            cells["hazards"].to_numpy(),
            minimum_premises=minimum_premises,
            permutations=permutations,
            seed=seed,
        )
        keep_outlines(session, cells["h3"].to_list(), resolution)
        return result

    run = reuse_or_store(session, "hotspots", as_of, parameters, seed, compute)
    if publish:
        analyses.publish(session, run.id)
    return run

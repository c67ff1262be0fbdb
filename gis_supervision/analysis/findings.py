"""What a run finds: from counts to tables of metrics and a summary, whoever did the counting."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from gis_supervision.analysis.archive import Findings
from gis_supervision.analysis.coverage import OUT_OF_SCOPE, Coverage, Status
from gis_supervision.analysis.hotspots import empirical_bayes, gi_star
from gis_supervision.domain import h3_index
from gis_supervision.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


def table(counts: Coverage) -> pl.DataFrame:
    """Return counts as a frame with a column ``unit_id``."""
    return pl.DataFrame({"unit_id": counts.units, **asdict(counts)}).drop("units")


def coverage_findings(
    counted: Mapping[str, Coverage],
    statuses: Mapping[int, int],
    checklists: Mapping[str, Coverage] | None = None,
) -> Findings:
    """Put the counts of coverage into tables.

    Parameters
    ----------
    counted
        Counts by kind of unit; that of the whole area is called ``area``.
    statuses
        Number of premises by `Status`, of the whole register.
    checklists
        The same as ``counted`` for full checklists; left out or empty where none are demanded.
    """
    metrics = tuple(
        (unit, _with_checklists(table(counts), (checklists or {}).get(unit)))
        for unit, counts in counted.items()
    )
    total = dict(metrics)["area"]
    summary: dict[str, Any] = {}
    if not total.is_empty():
        # JSON has no NaN: a share of nothing is null there as it is in the metrics.
        summary = total.drop("unit_id").fill_nan(None).row(0, named=True)
    summary["left_out"] = {
        status.name.lower(): number
        for status in (*OUT_OF_SCOPE, Status.NO_RULE)
        if (number := statuses.get(status, 0))
    }
    return Findings(summary, metrics)


def _with_checklists(visits: pl.DataFrame, checklists: Coverage | None) -> pl.DataFrame:
    if checklists is None:
        return visits
    return visits.with_columns(
        pl.Series(f"checklist_{name}", getattr(checklists, name))
        for name in ("due", "in_time", "overdue", "never")
    )


def hotspot_findings(
    cells: NDArray[np.int64],
    premises: NDArray[np.int64],
    hazards: NDArray[np.int64],
    *,
    minimum_premises: int,
    permutations: int = 0,
    seed: int = 0,
) -> Findings:
    """Find the hot and cold spots of shrunk rates.

    Parameters
    ----------
    cells
        H3 cells of one resolution in ascending order, shape (n,).
    premises, hazards
        Located premises in scope, and their unresolved hazards, by cell.
    minimum_premises
        Smallest number of premises that gives a cell a rate.
    permutations, seed
        As `gi_star` takes them.

    Raises
    ------
    InvalidInputError
        When the minimum is below 1.
    """
    if minimum_premises < 1:
        raise InvalidInputError(
            "minimum_premises %(minimum_premises)s: expected at least 1",
            minimum_premises=minimum_premises,
        )
    rate = np.where(premises >= minimum_premises, hazards / np.maximum(premises, 1), np.nan)
    shrunk = empirical_bayes(hazards, premises, minimum=minimum_premises)
    result = gi_star(shrunk, h3_index.neighbours(cells), permutations=permutations, seed=seed)
    metrics = pl.DataFrame(
        {
            "unit_id": cells,
            "premises": premises,
            "hazards": hazards,
            "rate": rate,
            "shrunk_rate": shrunk,
            "z": result.z,
            "p": result.p,
            "bin": result.bins,
        }
    )
    summary = {
        "cells": int(cells.size),
        "cells_with_data": int((~np.isnan(result.bins)).sum()),
        "hot": int((result.bins > 0).sum()),
        "cold": int((result.bins < 0).sum()),
        "hazards": int(hazards.sum()),
        "premises": int(premises.sum()),
    }
    return Findings(summary, (("h3", metrics),))

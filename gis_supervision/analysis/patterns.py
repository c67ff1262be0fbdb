"""Runs of emerging hot spots and of the spatial scan: load from the register, compute, store."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from gis_supervision.analysis.archive import Findings, keep_outlines, reuse_or_store
from gis_supervision.analysis.emerging import (
    CATEGORIES,
    NO_DATA,
    classify,
    mann_kendall,
)
from gis_supervision.analysis.hotspots import empirical_bayes, gi_star
from gis_supervision.analysis.periods import back_from
from gis_supervision.analysis.scan import Cluster, indirect_expected, spatial_scan
from gis_supervision.domain import h3_index
from gis_supervision.domain.inspections import SEVERITIES
from gis_supervision.errors import InvalidInputError
from gis_supervision.messages import Message
from gis_supervision.storage import analyses, found

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from sqlalchemy.orm import Session

    from gis_supervision.analysis.arrays import Floats, Integers
    from gis_supervision.storage.analyses import Run

EMERGING_RESOLUTION = 7
STEP_MONTHS = 3
STEPS = 12
MINIMUM_INSPECTIONS = 5

SCAN_RESOLUTION = 8
SCAN_MONTHS = 12
MINIMUM_PREMISES = 5
SCAN_SEVERITIES = ("critical",)
PERMUTATIONS = 999
MAX_SHARE = 0.5
SIGNIFICANT = 0.05
"""Largest p of a cluster that counts as one."""
MOST_AREAS = 5_000
"""The scan compares every pair of cells: more are refused."""


def emerging(
    session: Session,
    as_of: date,
    *,
    resolution: int = EMERGING_RESOLUTION,
    step_months: int = STEP_MONTHS,
    steps: int = STEPS,
    minimum_inspections: int = MINIMUM_INSPECTIONS,
    publish: bool = True,
) -> Run:
    """Find how hot and cold spots have come and gone over time.

    The value of an H3 cell in a step is its number of newly found hazards per inspection, shrunk
    towards the overall rate of the step (Marshall's empirical Bayes): counts alone would show
    where inspectors went. A cell with fewer inspections than the minimum is "no data" in that
    step. Gi* and its bins are those of `gi_star`, the categories those of `classify`. Steps do
    not overlap, as the test for a trend needs.

    Parameters
    ----------
    session
        An open session; the caller commits.
    as_of
        Last day of the last step.
    resolution
        H3 resolution, one of those stored with premises.
    step_months, steps
        Months in a step, and number of steps.
    minimum_inspections
        Smallest number of inspections that gives a cell a rate in a step.
    publish
        Whether reports that name no day speak of this one from now on.

    Returns
    -------
    Run
        The stored run, or the one that is there already for the register as it is.

    Raises
    ------
    InvalidInputError
        When the resolution is not stored or another number is out of range.
    """
    if minimum_inspections < 1:
        raise InvalidInputError(
            "minimum_inspections %(minimum_inspections)s: expected at least 1",
            minimum_inspections=minimum_inspections,
        )
    periods = back_from(as_of, months=step_months, count=steps)
    first = periods[0].first
    parameters = {
        "resolution": resolution,
        "step_months": step_months,
        "steps": steps,
        "first": first.isoformat(),
        "minimum_inspections": minimum_inspections,
    }

    def compute() -> Findings:
        counted = found.by_step(session, [each.first for each in periods], as_of, resolution)
        cells, row = np.unique(counted["h3"].to_numpy(), return_inverse=True)
        inspections, hazards = (np.zeros((cells.size, steps)) for _ in range(2))
        at = row, counted["step"].to_numpy()
        inspections[at] = counted["inspections"].to_numpy()
        hazards[at] = counted["hazards"].to_numpy()
        shrunk, z, p, bins = (np.full((cells.size, steps), np.nan) for _ in range(4))
        neighbours = h3_index.neighbours(cells)
        for step in range(steps):
            shrunk[:, step] = empirical_bayes(
                hazards[:, step], inspections[:, step], minimum=minimum_inspections
            )
            result = gi_star(shrunk[:, step], neighbours)
            z[:, step], p[:, step], bins[:, step] = result.z, result.p, result.bins
        names = classify(z, bins)
        trend = mann_kendall(z)
        places = {name: float(place) for place, name in enumerate(CATEGORIES)}
        metrics = pl.DataFrame(
            {
                "unit_id": cells,
                "category": [places.get(str(name), np.nan) for name in names],
                "trend_z": trend.z,
                "trend_p": trend.p,
                "steps": (~np.isnan(bins)).sum(axis=1),
                "hot": (bins > 0).sum(axis=1),
                "cold": (bins < 0).sum(axis=1),
                "inspections": inspections.sum(axis=1),
                "hazards": hazards.sum(axis=1),
            }
        )
        series = pl.DataFrame(
            {
                "unit_id": np.repeat(cells, steps),
                "period_end": [each.last for each in periods] * cells.size,
                "inspections": inspections.ravel(),
                "hazards": hazards.ravel(),
                "shrunk_rate": shrunk.ravel(),
                "z": z.ravel(),
                "p": p.ravel(),
                "bin": bins.ravel(),
            }
        )
        keep_outlines(session, cells.tolist(), resolution)
        tally = Counter(names.tolist())
        summary = {
            "cells": int(cells.size),
            "cells_with_data": int(cells.size - tally[NO_DATA]),
            "inspections": int(inspections.sum()),
            "hazards": int(hazards.sum()),
            "categories": {name: tally[name] for name in (*CATEGORIES, NO_DATA) if name in tally},
        }
        return Findings(summary, [("h3", metrics)], [("h3", series)])

    run = reuse_or_store(session, "emerging", as_of, parameters, 0, compute)
    if publish:
        analyses.publish(session, run.id)
    return run


def scan(
    session: Session,
    as_of: date,
    *,
    resolution: int = SCAN_RESOLUTION,
    months: int = SCAN_MONTHS,
    severities: Sequence[str] = SCAN_SEVERITIES,
    minimum_premises: int = MINIMUM_PREMISES,
    max_share: float = MAX_SHARE,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
    publish: bool = True,
) -> Run:
    """Find circles in which inspections found hazards at more premises than chance explains.

    A case is a premises at which an inspection of the period found a hazard first; many hazards
    of one premises are one case, since they do not come about independently. The population is
    the premises inspected in the period: hazards are found where inspectors go, so premises that
    nobody saw say nothing. Expected cases are adjusted for the risk classes of the premises.
    Locations are the centres of H3 cells, distances great circles, the scan `spatial_scan`.

    Parameters
    ----------
    session
        An open session; the caller commits.
    as_of
        Last day of the period.
    resolution
        H3 resolution, one of those stored with premises.
    months
        Length of the period.
    severities
        Severities of hazards that count.
    minimum_premises
        Smallest number of inspected premises that gives a cell a risk of its own to be drawn; the
        scan itself needs no such minimum.
    max_share, permutations, seed
        As `spatial_scan` takes them.
    publish
        Whether reports that name no day speak of this one from now on.

    Returns
    -------
    Run
        The stored run, or the one that is there already for the register as it is.

    Raises
    ------
    InvalidInputError
        When a severity is unknown, the resolution is not stored, another number is out of range,
        or there are more than `MOST_AREAS` cells.
    """
    known = [severity.value for severity in SEVERITIES]
    unknown = [name for name in severities if name not in known]
    if unknown or not severities:
        raise InvalidInputError(
            "severities %(unknown)s: expected some of %(known)s",
            unknown=", ".join(unknown) or Message("none"),
            known=", ".join(known),
        )
    if minimum_premises < 1:
        raise InvalidInputError(
            "minimum_premises %(minimum_premises)s: expected at least 1",
            minimum_premises=minimum_premises,
        )
    (period,) = back_from(as_of, months=months)
    counting = [name for name in known if name in severities]
    parameters = {
        "resolution": resolution,
        "months": months,
        "first": period.first.isoformat(),
        "severities": counting,
        "minimum_premises": minimum_premises,
        "max_share": max_share,
        "permutations": permutations,
    }

    def compute() -> Findings:
        counted = found.by_risk(session, period.first, period.last, resolution, counting)
        cells, row = np.unique(counted["h3"].to_numpy(), return_inverse=True)
        strata, column = np.unique(counted["risk_class"].to_numpy(), return_inverse=True)
        size, cases = (np.zeros((cells.size, strata.size)) for _ in range(2))
        size[row, column] = counted["inspected"].to_numpy()
        cases[row, column] = counted["with_hazard"].to_numpy()
        premises = np.bincount(row, counted["premises"].to_numpy(), minlength=cells.size)
        inspected, ill = size.sum(axis=1), cases.sum(axis=1)
        expected = indirect_expected(cases, size)
        areas = np.flatnonzero(inspected > 0)
        if areas.size > MOST_AREAS:
            raise InvalidInputError(
                "resolution %(resolution)s: %(size)s cells have inspections, at most "
                "%(most_areas)s can be scanned: choose a coarser one",
                resolution=resolution,
                size=areas.size,
                most_areas=MOST_AREAS,
            )
        lat, lng = h3_index.centroids(cells[areas])
        clusters = spatial_scan(
            ill[areas],
            inspected[areas],
            lng,
            lat,
            metric="great_circle",
            max_share=max_share,
            permutations=permutations,
            seed=seed,
            expected=expected[areas],
        )
        member, centre = (np.full(cells.size, np.nan) for _ in range(2))
        for rank, cluster in enumerate(clusters, start=1):
            member[areas[cluster.members]] = rank
            centre[areas[cluster.centre]] = rank
        metrics = pl.DataFrame(
            {
                "unit_id": cells,
                "premises": premises,
                "inspected": inspected,
                "cases": ill,
                "expected": expected,
                "shrunk_risk": np.where(
                    inspected >= minimum_premises, empirical_bayes(ill, expected), np.nan
                ),
                "cluster": member,
                "centre": centre,
            }
        )
        keep_outlines(session, cells.tolist(), resolution)
        summary = {
            "cells": int(cells.size),
            "cells_with_data": int(areas.size),
            "premises": int(premises.sum()),
            "inspected": int(inspected.sum()),
            "cases": int(ill.sum()),
            "clusters": len(clusters),
            "significant": sum(cluster.p <= SIGNIFICANT for cluster in clusters),
        }
        described = _described(clusters, areas, inspected)
        return Findings(summary, [("h3", metrics), ("cluster", described)])

    run = reuse_or_store(session, "scan", as_of, parameters, seed, compute)
    if publish:
        analyses.publish(session, run.id)
    return run


def _described(clusters: Sequence[Cluster], areas: Integers, inspected: Floats) -> pl.DataFrame:
    """Give one row for each cluster, the most likely one first."""
    names = ("cells", "inspected", "cases", "expected", "relative_risk", "llr", "p", "radius_m")
    rows: list[dict[str, Any]] = [
        {
            "unit_id": rank,
            "cells": cluster.members.size,
            "inspected": inspected[areas[cluster.members]].sum(),
            "cases": cluster.cases,
            "expected": cluster.expected,
            # with no case outside the ratio has no number
            "relative_risk": cluster.relative_risk if np.isfinite(cluster.relative_risk) else None,
            "llr": cluster.llr,
            "p": cluster.p,
            "radius_m": cluster.radius,
        }
        for rank, cluster in enumerate(clusters, start=1)
    ]
    return pl.DataFrame(
        rows, schema={"unit_id": pl.Int64, **dict.fromkeys(names, pl.Float64)}, strict=False
    )

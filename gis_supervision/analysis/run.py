"""Runs of coverage and hotspots: load from the register, compute, store."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from gis_supervision.analysis import coverage_frames
from gis_supervision.analysis.archive import Findings, keep_outlines, reuse_or_store
from gis_supervision.analysis.coverage_months import period_ends
from gis_supervision.analysis.findings import coverage_findings, hotspot_findings
from gis_supervision.domain.rule_history import history_of
from gis_supervision.errors import InvalidInputError
from gis_supervision.storage import analyses, rollup
from gis_supervision.storage import coverage as stored

if TYPE_CHECKING:
    from datetime import date

    import polars as pl
    from sqlalchemy.orm import Session

    from gis_supervision.domain.rule_history import RuleHistory
    from gis_supervision.domain.rules import RulePack
    from gis_supervision.storage.analyses import Run

RESOLUTION = 8
MINIMUM_PREMISES = 5
MONTHS = 24


def coverage(
    session: Session,
    rules: RulePack | RuleHistory,
    as_of: date,
    *,
    seed: int = 0,
    publish: bool = True,
    found: Findings | None = None,
) -> Run:
    """Compute coverage of every cell, zone, division and category, and of the whole area.

    Parameters
    ----------
    session
        An open session; the caller commits.
    rules
        Rule pack with the required visits; of several versions the one in force on the day.
    as_of
        Day of the report.
    seed
        Kept with the run; coverage has no chance in it.
    publish
        Whether reports that name no day speak of this one from now on.
    found
        What was found in the same register by other means, such as its partitions; left out, it is
        computed where it is not stored yet.

    Returns
    -------
    Run
        The stored run, or the one that is there already for the register as it is. What it says of
        single premises is kept beside it.
    """
    history = history_of(rules)
    pack = history.on(as_of)
    channels = pack.counted_channels()
    parameters = {
        "rules": pack.reference,
        "rules_sha256": pack.sha256,
        "rules_in_force": history.in_force(as_of),
        "channels": [*channels],
        "h3_resolution": RESOLUTION,
    }
    of_premises: list[pl.DataFrame] = []

    def compute() -> Findings:
        if found is not None:
            keep_outlines(session, dict(found.metrics)["h3"]["unit_id"].to_list(), RESOLUTION)
            return found
        checklist = pack.full_checklist
        premises = analyses.visits(
            session,
            as_of,
            channels,
            checklist_channels=checklist.channels if checklist else (),
            kinds_left_out=checklist.kinds_left_out if checklist else (),
        )
        standing = coverage_frames.standing(premises, pack)
        names = premises["category"].drop_nulls().unique().to_list()
        units = coverage_frames.units_of(premises, stored.category_ids(session, names))
        visits, checklists = coverage_frames.counted(premises, standing, units)
        keep_outlines(session, visits["h3"].units.tolist(), RESOLUTION)
        for resolution, cells in rollup.cells_without_outline(session).items():
            keep_outlines(session, cells, resolution)
        of_premises.append(coverage_frames.rows(premises, standing, as_of))
        return coverage_findings(visits, Counter(standing.statuses.tolist()), checklists)

    run = reuse_or_store(session, "coverage", as_of, parameters, seed, compute)
    for rows in of_premises:
        stored.store_premises(session, run.id, rows)
    if publish:
        analyses.publish(session, run.id)
    return run


def coverage_months(
    session: Session,
    rules: RulePack | RuleHistory,
    as_of: date,
    *,
    months: int = MONTHS,
    seed: int = 0,
    publish: bool = True,
) -> Run:
    """Compute coverage at the end of every month up to a day.

    Every month is judged by the visits, zones and rules of its last day; cells, divisions and
    classes of premises are those of the register as it is.

    Parameters
    ----------
    session
        An open session; the caller commits.
    rules
        Rule pack with the required visits; of several versions the one in force on each day.
    as_of
        Last day; its month counts up to it.
    months
        Number of months, that of ``as_of`` included.
    seed
        Kept with the run; coverage has no chance in it.
    publish
        Whether reports that name no day speak of this one from now on.

    Returns
    -------
    Run
        The stored run, or the one that is there already for the register as it is.

    Raises
    ------
    InvalidInputError
        When ``months`` is below 1.
    """
    history = history_of(rules)
    ends = period_ends(as_of, months)
    packs = [history.on(end) for end in ends]
    used = {pack.reference: pack.sha256 for pack in packs}
    parameters = {
        "months": months,
        "rules": list(used),
        "rules_sha256": list(used.values()),
        "months_without_rules_in_force": sum(not history.in_force(end) for end in ends),
    }

    def compute() -> Findings:
        premises = analyses.visits(session, as_of, packs[-1].counted_channels())
        names = premises["category"].drop_nulls().unique().to_list()
        zones = coverage_frames.zones_on(
            stored.zone_memberships(session), premises["cell_id"].fill_null(-1).to_numpy()
        )
        series = coverage_frames.series(
            premises,
            {
                channels: stored.visit_days(session, as_of, channels)
                for channels in {pack.counted_channels() for pack in packs}
            },
            ends,
            packs,
            stored.category_ids(session, names),
            zones,
        )
        total = dict(series)["area"]
        summary = {
            "from": ends[0].isoformat(),
            "months": months,
            "first_due": int(total["due"][0]) if total.height else 0,
            "first_in_time": int(total["in_time"][0]) if total.height else 0,
            "last_due": int(total["due"][-1]) if total.height else 0,
            "last_in_time": int(total["in_time"][-1]) if total.height else 0,
        }
        return Findings(summary, (), series, zeros=False)

    run = reuse_or_store(session, "coverage_months", as_of, parameters, seed, compute)
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
    found: Findings | None = None,
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
    publish, found
        As `coverage` takes them.

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
        raise InvalidInputError(
            "minimum_premises %(minimum_premises)s: expected at least 1",
            minimum_premises=minimum_premises,
        )
    parameters = {
        "resolution": resolution,
        "minimum_premises": minimum_premises,
        "permutations": permutations,
    }

    def compute() -> Findings:
        result = found
        if result is None:
            cells = analyses.unresolved_by_h3(session, as_of, resolution)
            result = hotspot_findings(
                cells["h3"].to_numpy(),
                cells["premises"].to_numpy(),
                cells["hazards"].to_numpy(),
                minimum_premises=minimum_premises,
                permutations=permutations,
                seed=seed,
            )
        keep_outlines(session, dict(result.metrics)["h3"]["unit_id"].to_list(), resolution)
        return result

    run = reuse_or_store(session, "hotspots", as_of, parameters, seed, compute)
    if publish:
        analyses.publish(session, run.id)
    return run

"""Analysis of a dataset of partitions: coverage and hotspots as of a day, as of the register."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from gis_supervision import __version__
from gis_supervision.analysis import coverage_frames, partitions, run
from gis_supervision.analysis.findings import coverage_findings, hotspot_findings
from gis_supervision.analysis.partitions import Counts, Question
from gis_supervision.domain.rule_history import history_of
from gis_supervision.errors import ConflictError, InvalidInputError
from gis_supervision.messages import Message
from gis_supervision.storage import analyses, partition_files
from gis_supervision.storage import coverage as stored
from gis_supervision.storage.partition_export import new_directory
from gis_supervision.storage.tables import H3_RESOLUTIONS

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date
    from pathlib import Path

    from sqlalchemy.orm import Session

    from gis_supervision.analysis.archive import Findings
    from gis_supervision.domain.rule_history import RuleHistory
    from gis_supervision.domain.rules import RulePack
    from gis_supervision.storage.analyses import Run
    from gis_supervision.storage.partition_files import Dataset


@dataclass(frozen=True, eq=False)
class Analysis:
    """Coverage and hotspots of a dataset, with all that they depend on."""

    question: Question
    rules: RuleHistory
    minimum_premises: int
    permutations: int
    seed: int
    counts: Counts
    coverage: Findings
    hotspots: Findings


def analyse(
    dataset: Dataset,
    rules: RulePack | RuleHistory,
    as_of: date,
    *,
    resolution: int = run.RESOLUTION,
    minimum_premises: int = run.MINIMUM_PREMISES,
    permutations: int = 0,
    seed: int = 0,
    count: Callable[[Dataset, Question], Counts] | None = None,
) -> Analysis:
    """Compute coverage and hotspots of a dataset.

    Parameters
    ----------
    dataset
        As `partition_files.open_dataset` returns it.
    rules
        Rule pack with the required visits; of several versions the one in force on the day.
    as_of
        Day of the report.
    resolution, minimum_premises, permutations, seed
        As `run.hotspots` takes them; any H3 resolution is good.
    count
        Counts the partitions, as `cluster.count` does; left out, this process does.

    Raises
    ------
    InvalidInputError
        When a partition is not what was expected, or a parameter is none.
    """
    if minimum_premises < 1:
        raise InvalidInputError(
            "minimum_premises %(minimum_premises)s: expected at least 1",
            minimum_premises=minimum_premises,
        )
    history = history_of(rules)
    question = Question(
        as_of,
        history.on(as_of),
        run.RESOLUTION,
        resolution,
        *partition_files.zones(dataset.path, as_of),
    )
    counts = (count or count_here)(dataset, question)
    return Analysis(
        question=question,
        rules=history,
        minimum_premises=minimum_premises,
        permutations=permutations,
        seed=seed,
        counts=counts,
        coverage=_coverage(counts),
        hotspots=hotspot_findings(
            counts.cells,
            counts.premises,
            counts.hazards,
            minimum_premises=minimum_premises,
            permutations=permutations,
            seed=seed,
        ),
    )


def count_here(
    dataset: Dataset,
    question: Question,
    *,
    advance: Callable[[int, int], None] = lambda _done, _all: None,
) -> Counts:
    """Count a dataset in this process, one piece after another."""
    total = partitions.nothing()
    for number, piece in enumerate(dataset.pieces, start=1):
        total = partitions.merged([total, partitions.count_piece(piece, question)])
        advance(number, len(dataset.pieces))
    return total


def write_tables(analysis: Analysis, directory: Path) -> None:
    """Write the tables of an analysis: ``coverage``, ``hotspots``, and what they depend on.

    ``coverage.parquet`` has one row for each unit (``unit``: area, cell, zone, division, h3,
    category; ``name`` of a category), ``hotspots.parquet`` one for each H3 cell. ``analysis.json``
    has parameters and summaries.

    Parameters
    ----------
    analysis
        What to write.
    directory
        Where to; it appears under this name only when it is complete. It must not be there yet,
        or be empty.
    """
    names = dict(enumerate(analysis.counts.categories, start=1))
    with new_directory(directory) as place:
        pl.concat(
            frame.select(
                pl.lit(unit).alias("unit"),
                "unit_id",
                (
                    pl.col("unit_id").replace_strict(names, default=None, return_dtype=pl.String)
                    if unit == "category"
                    else pl.lit(None, dtype=pl.String)
                ).alias("name"),
                pl.exclude("unit_id").fill_nan(None),
            )
            for unit, frame in analysis.coverage.metrics
        ).write_parquet(place / "coverage.parquet")
        for _, frame in analysis.hotspots.metrics:
            frame.select(
                pl.col("unit_id").alias("h3"), pl.exclude("unit_id").fill_nan(None)
            ).write_parquet(place / "hotspots.parquet")
        text = json.dumps(description(analysis), ensure_ascii=False, indent=1) + "\n"
        (place / "analysis.json").write_text(text, encoding="utf-8")


def description(analysis: Analysis) -> dict[str, Any]:
    """Return parameters and summaries, as JSON takes them."""
    question = analysis.question
    return {
        "as_of": question.as_of.isoformat(),
        "rules": question.rules.reference,
        "rules_sha256": question.rules.sha256,
        "coverage_resolution": question.coverage_resolution,
        "resolution": question.hotspot_resolution,
        "minimum_premises": analysis.minimum_premises,
        "permutations": analysis.permutations,
        "seed": analysis.seed,
        "code_version": __version__,
        "premises": analysis.counts.rows,
        "coverage": analysis.coverage.summary,
        "hotspots": analysis.hotspots.summary,
    }


def store(
    session: Session, dataset: Dataset, analysis: Analysis, *, publish: bool
) -> tuple[Run, Run]:
    """Keep an analysis in the register that its dataset was exported from.

    It becomes the runs that `run.coverage` and `run.hotspots` would have made, with what coverage
    says of each premises, for which the dataset is read once more, some rows at a time.

    Parameters
    ----------
    session
        An open session; the caller commits.
    dataset, analysis
        The dataset and its analysis.
    publish
        Whether reports that name no day speak of it from now on.

    Returns
    -------
    tuple
        The run of coverage and that of hotspots.

    Raises
    ------
    ConflictError
        The dataset was not exported from this register as it is now.
    InvalidInputError
        The register keeps no cells of this resolution.
    """
    version = analyses.registry_version(session)
    told = dataset.manifest.register_version if dataset.manifest is not None else None
    if told != version:
        source = (
            Message("comes from no register")
            if told is None
            else Message("shows the register as of %(told)s", told=told)
        )
        raise ConflictError(
            "%(path)s: %(source)s, and the register is at %(version)s; export it again to store",
            path=dataset.path,
            source=source,
            version=version,
        )
    question = analysis.question
    if question.hotspot_resolution not in H3_RESOLUTIONS:
        raise InvalidInputError(
            "resolution %(hotspot_resolution)s: expected one of %(h3_resolutions)s to store",
            hotspot_resolution=question.hotspot_resolution,
            h3_resolutions=", ".join(map(str, H3_RESOLUTIONS)),
        )
    numbers = stored.category_ids(session, analysis.counts.categories)
    coverage = run.coverage(
        session,
        analysis.rules,
        question.as_of,
        seed=analysis.seed,
        publish=publish,
        found=_coverage(partitions.renumbered(analysis.counts, numbers)),
    )
    if not coverage.reused:
        for piece in dataset.pieces:
            for frame, standing in partitions.standings(piece, question):
                rows = coverage_frames.rows(frame, standing, question.as_of)
                stored.store_premises(session, coverage.id, rows)
    hotspots = run.hotspots(
        session,
        question.as_of,
        resolution=question.hotspot_resolution,
        minimum_premises=analysis.minimum_premises,
        permutations=analysis.permutations,
        seed=analysis.seed,
        publish=publish,
        found=analysis.hotspots,
    )
    return coverage, hotspots


def _coverage(counts: Counts) -> Findings:
    statuses = {status: int(number) for status, number in enumerate(counts.statuses)}
    return coverage_findings(counts.coverage, statuses, counts.checklists)

"""What ``analyse`` does with partitions: in this process, on workers of its own, on a cluster."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from gis_supervision import settings as configuration
from gis_supervision.analysis import dataset as analysing
from gis_supervision.cli.connection import connected
from gis_supervision.cli.figures import print_coverage, print_hotspots
from gis_supervision.cli.terminal import print_json, progress
from gis_supervision.domain.rule_history import load_rule_history
from gis_supervision.errors import InvalidInputError
from gis_supervision.language import Translator, translator
from gis_supervision.storage import analyses, partition_export, partition_files
from gis_supervision.storage.database import session_scope

if TYPE_CHECKING:
    from datetime import date

    from gis_supervision.analysis.dataset import Analysis
    from gis_supervision.cli.connection import Connection
    from gis_supervision.cli.terminal import Advance
    from gis_supervision.domain.rule_history import RuleHistory
    from gis_supervision.storage.analyses import Run
    from gis_supervision.storage.partition_files import Dataset

MEMORY_LIMIT = "1GiB"
TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Place:
    """Where partitions are, who counts them, and where the tables go.

    Attributes
    ----------
    dataset
        Directory of partitions; None for the register itself.
    scheduler, workers, memory_limit, timeout_s
        Address of a Dask scheduler, or number and memory of worker processes.
    output
        Directory for the tables.
    store
        Whether the register keeps the result.
    """

    dataset: Path | None
    scheduler: str | None
    workers: int
    memory_limit: str | None
    timeout_s: float
    output: Path | None
    store: bool

    def asked_for(self) -> bool:
        """Tell whether partitions are meant, and refuse options that contradict one another."""
        cluster = self.scheduler is not None or self.workers > 0
        if self.scheduler is not None and self.workers:
            raise InvalidInputError("--scheduler, --workers: expected one of them")
        if self.memory_limit is not None and not self.workers:
            raise InvalidInputError(
                "--memory-limit: expected with --workers; workers of a scheduler are limited "
                "where they are started, with `dask worker --memory-limit`"
            )
        asked = cluster or self.dataset is not None
        if not asked and (self.output is not None or self.store):
            raise InvalidInputError(
                "--output, --store: expected with --input, --scheduler or --workers"
            )
        return asked


@dataclass(frozen=True)
class Choice:
    """What is analysed, as `analysing.analyse` takes it; ``publish`` as the command takes it."""

    as_of: date | None
    resolution: int
    minimum_premises: int
    permutations: int
    seed: int
    publish: bool | None


def analyse(place: Place, choice: Choice, *, as_json: bool) -> None:
    """Analyse partitions and print the figures."""
    settings = configuration.load()
    _ = translator(settings.language)
    with progress() as advance, ExitStack() as stack:
        connection: Connection | None = None
        if place.dataset is None:
            connection = stack.enter_context(connected(settings))
            path = _temporary(stack, settings.home)
            export(connection, path, advance)
        else:
            path = place.dataset
            if place.store:
                connection = stack.enter_context(connected(settings))
        dataset = partition_files.open_dataset(path)
        analysis = _analysis(
            place, choice, dataset, load_rule_history(settings.rule_pack_path), advance, _
        )
        runs: tuple[Run, ...] = ()
        if place.output is not None:
            advance(_("Writing %(file)s", file=place.output))
            analysing.write_tables(analysis, place.output)
        if connection is not None:
            advance(_("Storing the results"))
            runs = _stored(connection, dataset, analysis, publish=choice.publish)
    described = analysing.description(analysis)
    if as_json:
        print_json({**described, "output": place.output, "runs": [run.id for run in runs]})
        return
    print_coverage(_, analysis.coverage.summary, analysis.question.as_of, described["rules"])
    print_hotspots(_, analysis.hotspots.summary, analysis.question.hotspot_resolution)
    if place.output is not None:
        typer.echo(_("Tables in %(file)s", file=place.output))


def _temporary(stack: ExitStack, home: Path) -> Path:
    """Return a name in a directory that goes away at the end."""
    above = stack.enter_context(tempfile.TemporaryDirectory(prefix="partitions-", dir=home))
    # workers may run under another account
    Path(above).chmod(0o755)
    return Path(above) / "register"


def export(
    connection: Connection, directory: Path, advance: Advance, rows: int | None = None
) -> partition_files.Manifest:
    """Write the register as partitions, of one state of it."""
    _ = connection.translate
    one_state = connection.engine.execution_options(isolation_level="REPEATABLE READ")
    step = _("Writing %(file)s", file=directory)
    advance(step)
    with session_scope(one_state) as session:
        return partition_export.write(
            session,
            directory,
            partition_rows=rows or partition_export.PARTITION_ROWS,
            advance=lambda done: advance(step, f"{done:,}"),
        )


def _analysis(
    place: Place,
    choice: Choice,
    dataset: Dataset,
    rules: RuleHistory,
    advance: Advance,
    translate: Translator,
) -> Analysis:
    told = dataset.manifest.current_day if dataset.manifest is not None else None
    day = choice.as_of or told
    if day is None:
        raise InvalidInputError(
            "--as-of: expected a day, since %(path)s tells of none", path=dataset.path
        )
    _ = translate
    step = _("Counting partitions")

    def counted(done: int, of: int) -> None:
        advance(step, f"{done:,}/{of:,}")

    with ExitStack() as stack:
        count: Any = partial(analysing.count_here, advance=counted)
        if place.scheduler is not None or place.workers:
            # these packages take a second to load
            from gis_supervision.analysis import cluster  # noqa: PLC0415 - only where it is used

            advance(_("Reaching the workers"))
            client = stack.enter_context(
                cluster.connected(place.scheduler, timeout_s=place.timeout_s)
                if place.scheduler is not None
                else cluster.local(
                    place.workers,
                    memory_limit=place.memory_limit or MEMORY_LIMIT,
                    timeout_s=place.timeout_s,
                )
            )
            count = partial(cluster.count, client, timeout_s=place.timeout_s, advance=counted)
        advance(step)
        return analysing.analyse(
            dataset,
            rules,
            day,
            resolution=choice.resolution,
            minimum_premises=choice.minimum_premises,
            permutations=choice.permutations,
            seed=choice.seed,
            count=count,
        )


def _stored(
    connection: Connection, dataset: Dataset, analysis: Analysis, *, publish: bool | None
) -> tuple[Run, ...]:
    with session_scope(connection.engine) as session:
        spoken_of = analyses.latest_as_of(session)
        later = spoken_of is None or analysis.question.as_of >= spoken_of
        return analysing.store(
            session, dataset, analysis, publish=later if publish is None else publish
        )

"""Command ``analyse``."""

from pathlib import Path
from typing import Annotated

import typer

from gis_supervision.analysis import run
from gis_supervision.assignment import cell_work
from gis_supervision.cli import partitions
from gis_supervision.cli.connection import connected
from gis_supervision.cli.figures import print_coverage, print_hotspots, print_workload
from gis_supervision.cli.terminal import AsJson, AsOf, print_json, progress
from gis_supervision.language import gettext_noop
from gis_supervision.storage import analyses as stored
from gis_supervision.storage import register
from gis_supervision.storage.database import session_scope
from gis_supervision.storage.tables import H3_RESOLUTIONS

app = typer.Typer()


@app.command(help=gettext_noop("Compute coverage, hotspots and workload as of a day."))
def analyse(
    as_of: AsOf = None,
    resolution: Annotated[
        int,
        typer.Option(
            min=min(H3_RESOLUTIONS),
            max=max(H3_RESOLUTIONS),
            help=gettext_noop("H3 resolution of the hotspots."),
        ),
    ] = run.RESOLUTION,
    minimum_premises: Annotated[
        int,
        typer.Option(min=1, help=gettext_noop("Fewest premises that give a cell a rate.")),
    ] = run.MINIMUM_PREMISES,
    permutations: Annotated[
        int,
        typer.Option(min=0, help=gettext_noop("Random replicates of Gi*; 0: analytic.")),
    ] = 0,
    seed: Annotated[int, typer.Option(min=0, help=gettext_noop("Seed of the replicates."))] = 0,
    publish: Annotated[
        bool | None,
        typer.Option(
            help=gettext_noop(
                "Let reports that name no day speak of this one;"
                " left out: unless it is earlier than the one they speak of."
            )
        ),
    ] = None,
    dataset: Annotated[
        Path | None,
        typer.Option(
            "--input",
            help=gettext_noop(
                "Directory of partitions (GeoParquet) to analyse; left out: the register."
            ),
        ),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            help=gettext_noop(
                "Dask scheduler whose workers count, as tcp://HOST:PORT;"
                " they must see the partitions under the same path."
            )
        ),
    ] = None,
    workers: Annotated[
        int, typer.Option(min=0, help=gettext_noop("Worker processes to start on this machine."))
    ] = 0,
    memory_limit: Annotated[
        str | None,
        typer.Option(help=gettext_noop("Memory of each of these workers; left out: 1GiB.")),
    ] = None,
    timeout: Annotated[
        float,
        typer.Option(min=1, help=gettext_noop("Seconds to wait for the scheduler and a worker.")),
    ] = partitions.TIMEOUT_S,
    output: Annotated[
        Path | None,
        typer.Option(help=gettext_noop("Directory to write the tables of partitions to.")),
    ] = None,
    store: Annotated[
        bool,
        typer.Option(
            "--store",
            help=gettext_noop("Keep the result of partitions in the register they came from."),
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Compute coverage, hotspots and workload as of a day and store them."""
    place = partitions.Place(dataset, scheduler, workers, memory_limit, timeout, output, store)
    if place.asked_for():
        day_asked = as_of.date() if as_of else None
        choice = partitions.Choice(
            day_asked, resolution, minimum_premises, permutations, seed, publish
        )
        partitions.analyse(place, choice, as_json=as_json)
        return
    with connected() as connection:
        _ = connection.translate
        history = connection.rule_history()
        with progress() as advance, session_scope(connection.engine) as session:
            day = as_of.date() if as_of else register.current_day(session)
            rules = history.on(day)
            spoken_of = stored.latest_as_of(session)
            announce = publish if publish is not None else spoken_of is None or day >= spoken_of
            advance(_("Computing coverage"))
            coverage = run.coverage(session, history, day, seed=seed, publish=announce)
            advance(_("Computing coverage of every month"))
            months = run.coverage_months(session, history, day, seed=seed, publish=announce)
            advance(_("Finding hotspots"))
            hotspots = run.hotspots(
                session,
                day,
                resolution=resolution,
                minimum_premises=minimum_premises,
                permutations=permutations,
                seed=seed,
                publish=announce,
            )
            advance(_("Measuring the workload"))
            workload = cell_work.stored(session, rules, day)
    if as_json:
        print_json(
            [
                {
                    "run": result.id,
                    "kind": result.kind,
                    "as_of": result.as_of,
                    "parameters": result.parameters,
                    "summary": result.summary,
                    "reused": result.reused,
                    "published": announce and result.kind != cell_work.KIND,
                }
                for result in (coverage, months, hotspots, workload)
            ]
        )
        return
    print_coverage(_, coverage.summary, day, rules.reference)
    print_hotspots(_, hotspots.summary, resolution)
    print_workload(_, workload.summary)
    if not history.in_force(day):
        typer.echo(
            _(
                "No version of the rules is in force on %(day)s: %(rules)s was taken.",
                day=day,
                rules=rules.reference,
            )
        )
    if not announce:
        typer.echo(
            _(
                "Reports that name no day go on speaking of %(day)s; --publish changes that.",
                day=spoken_of,
            )
        )
    typer.echo(_("Next: `gis-supervision map build unresolved_hazards --output FILE`"))

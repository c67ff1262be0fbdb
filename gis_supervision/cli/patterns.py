"""Commands for patterns in time and space: emerging hot spots and the spatial scan."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gis_supervision.analysis import patterns
from gis_supervision.cli.connection import connected
from gis_supervision.cli.terminal import (
    SEVERITIES,
    AsJson,
    AsOf,
    print_json,
    print_table,
    progress,
)
from gis_supervision.language import gettext_noop
from gis_supervision.storage import analyses, register
from gis_supervision.storage.database import session_scope
from gis_supervision.storage.tables import H3_RESOLUTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import date, datetime

    from sqlalchemy.orm import Session

    from gis_supervision.language import Translator
    from gis_supervision.storage.analyses import Run

app = typer.Typer(
    no_args_is_help=True,
    help=gettext_noop("Patterns: emerging hot spots, clusters of the spatial scan."),
)

Resolution = Annotated[
    int,
    typer.Option(
        min=min(H3_RESOLUTIONS), max=max(H3_RESOLUTIONS), help=gettext_noop("H3 resolution.")
    ),
]
Publish = Annotated[
    bool | None,
    typer.Option(
        help=gettext_noop(
            "Let reports that name no day speak of this one;"
            " left out: unless it is earlier than the one they speak of."
        )
    ),
]

CATEGORIES = {
    "new hot spot": gettext_noop("new hot spot"),
    "consecutive hot spot": gettext_noop("consecutive hot spot"),
    "intensifying hot spot": gettext_noop("intensifying hot spot"),
    "persistent hot spot": gettext_noop("persistent hot spot"),
    "diminishing hot spot": gettext_noop("diminishing hot spot"),
    "sporadic hot spot": gettext_noop("sporadic hot spot"),
    "oscillating hot spot": gettext_noop("oscillating hot spot"),
    "historical hot spot": gettext_noop("historical hot spot"),
    "new cold spot": gettext_noop("new cold spot"),
    "consecutive cold spot": gettext_noop("consecutive cold spot"),
    "intensifying cold spot": gettext_noop("intensifying cold spot"),
    "persistent cold spot": gettext_noop("persistent cold spot"),
    "diminishing cold spot": gettext_noop("diminishing cold spot"),
    "sporadic cold spot": gettext_noop("sporadic cold spot"),
    "oscillating cold spot": gettext_noop("oscillating cold spot"),
    "historical cold spot": gettext_noop("historical cold spot"),
    "no pattern detected": gettext_noop("no pattern detected"),
    "no data": gettext_noop("no data"),
}
"""What people call the categories of emerging hot spots."""


@app.command(help=gettext_noop("Find how hot spots of hazards per inspection come and go."))
def emerging(
    as_of: AsOf = None,
    steps: Annotated[
        int, typer.Option(min=1, help=gettext_noop("Number of steps."))
    ] = patterns.STEPS,
    step_months: Annotated[
        int, typer.Option(min=1, help=gettext_noop("Months in a step."))
    ] = patterns.STEP_MONTHS,
    resolution: Resolution = patterns.EMERGING_RESOLUTION,
    minimum_inspections: Annotated[
        int,
        typer.Option(min=1, help=gettext_noop("Fewest inspections that give a cell a rate.")),
    ] = patterns.MINIMUM_INSPECTIONS,
    publish: Publish = None,
    as_json: AsJson = False,
) -> None:
    def make(session: Session, day: date, announce: bool) -> Run:  # noqa: FBT001 - as _stored calls
        return patterns.emerging(
            session,
            day,
            steps=steps,
            step_months=step_months,
            resolution=resolution,
            minimum_inspections=minimum_inspections,
            publish=announce,
        )

    with _stored(as_of, publish, gettext_noop("Finding emerging hot spots"), make) as (_, run):
        if as_json:
            print_json(_run(run))
            return
        print_table(
            _(
                "Emerging hot spots from %(first)s to %(last)s, %(cells)d cells",
                first=run.parameters["first"],
                last=run.as_of,
                cells=run.summary["cells"],
            ),
            (_("Category"), _("Cells")),
            [(_(CATEGORIES[name]), number) for name, number in run.summary["categories"].items()],
        )
        typer.echo(_("Next: `gis-supervision map build emerging_hotspots --output FILE`"))


@app.command(help=gettext_noop("Find circles with more cases than chance explains."))
def scan(
    as_of: AsOf = None,
    months: Annotated[
        int, typer.Option(min=1, help=gettext_noop("Months in the period."))
    ] = patterns.SCAN_MONTHS,
    severity: Annotated[
        list[str] | None,
        typer.Option(
            help=gettext_noop(
                "Severity of the hazards that make a premises a case; may be repeated;"
                " left out: critical."
            )
        ),
    ] = None,
    resolution: Resolution = patterns.SCAN_RESOLUTION,
    minimum_premises: Annotated[
        int,
        typer.Option(
            min=1, help=gettext_noop("Fewest inspected premises that give a cell a risk.")
        ),
    ] = patterns.MINIMUM_PREMISES,
    max_share: Annotated[
        float,
        typer.Option(
            min=0.001, max=1, help=gettext_noop("Largest share of the premises in a cluster.")
        ),
    ] = patterns.MAX_SHARE,
    permutations: Annotated[
        int, typer.Option(min=0, help=gettext_noop("Random replicates; 0: no p-values."))
    ] = patterns.PERMUTATIONS,
    seed: Annotated[int, typer.Option(min=0, help=gettext_noop("Seed of the replicates."))] = 0,
    publish: Publish = None,
    as_json: AsJson = False,
) -> None:
    def make(session: Session, day: date, announce: bool) -> Run:  # noqa: FBT001 - as _stored calls
        return patterns.scan(
            session,
            day,
            months=months,
            severities=tuple(severity or patterns.SCAN_SEVERITIES),
            resolution=resolution,
            minimum_premises=minimum_premises,
            max_share=max_share,
            permutations=permutations,
            seed=seed,
            publish=announce,
        )

    with _stored(as_of, publish, gettext_noop("Scanning for clusters"), make) as (_, run):
        if as_json:
            print_json(_run(run))
            return
        severities = ", ".join(_(SEVERITIES[name]) for name in run.parameters["severities"])
        summary = run.summary
        print_table(
            _(
                "Clusters of %(severities)s hazards found from %(first)s to %(last)s",
                severities=severities,
                first=run.parameters["first"],
                last=run.as_of,
            ),
            (_("What"), _("Number")),
            [
                (_("Cells with inspections"), summary["cells_with_data"]),
                (_("Premises inspected"), summary["inspected"]),
                (_("Premises with such a hazard"), summary["cases"]),
                (_("Clusters"), summary["clusters"]),
                (_("Clusters with p up to 0.05"), summary["significant"]),
            ],
        )
        typer.echo(_("Next: `gis-supervision map build clusters --output FILE`"))


@contextmanager
def _stored(
    as_of: datetime | None,
    publish: bool | None,  # noqa: FBT001 - as the commands have it
    told: str,
    make: Callable[[Session, date, bool], Run],
) -> Iterator[tuple[Translator, Run]]:
    with connected() as connection:
        _ = connection.translate
        with progress() as advance, session_scope(connection.engine) as session:
            day = as_of.date() if as_of else register.current_day(session)
            spoken_of = analyses.latest_as_of(session)
            announce = publish if publish is not None else spoken_of is None or day >= spoken_of
            advance(_(told))
            run = make(session, day, announce)
        yield _, run


def _run(run: Run) -> dict[str, Any]:
    return {
        "run": run.id,
        "kind": run.kind,
        "as_of": run.as_of,
        "parameters": run.parameters,
        "summary": run.summary,
        "reused": run.reused,
    }

"""Command ``analyse``."""

from typing import Annotated

import typer

from gis_supervision.analysis import run
from gis_supervision.assignment import cell_work
from gis_supervision.cli.connection import connected
from gis_supervision.cli.terminal import AsJson, AsOf, print_json, print_table, progress
from gis_supervision.language import gettext_noop
from gis_supervision.storage import analyses as stored
from gis_supervision.storage import register
from gis_supervision.storage.database import session_scope
from gis_supervision.storage.tables import H3_RESOLUTIONS

LEFT_OUT = {
    "external": gettext_noop("of another administration"),
    "not_open": gettext_noop("not open yet"),
    "closed": gettext_noop("closed"),
}
"""Why premises are in no total of coverage."""

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
    as_json: AsJson = False,
) -> None:
    """Compute coverage, hotspots and workload as of a day and store them."""
    with connected() as connection:
        _ = connection.translate
        rules = connection.rules()
        with progress() as advance, session_scope(connection.engine) as session:
            day = as_of.date() if as_of else register.current_day(session)
            spoken_of = stored.latest_as_of(session)
            announce = publish if publish is not None else spoken_of is None or day >= spoken_of
            advance(_("Computing coverage"))
            coverage = run.coverage(session, rules, day, seed=seed, publish=announce)
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
                for result in (coverage, hotspots, workload)
            ]
        )
        return
    counted = coverage.summary
    print_table(
        _("Coverage as of %(day)s under the rules %(rules)s", day=day, rules=rules.reference),
        (_("What"), _("Number")),
        [
            (_("Premises in scope"), counted.get("premises", 0)),
            (_("Due"), counted.get("due", 0)),
            (_("Inspected in time"), counted.get("in_time", 0)),
            (_("Overdue"), counted.get("overdue", 0)),
            (_("Never inspected"), counted.get("never", 0)),
            (_("No rule"), counted.get("no_rule", 0)),
            (_("Not located"), counted.get("not_located", 0)),
            (_("Outside the grid"), counted.get("outside", 0)),
            *(
                (_("Left out: %(reason)s", reason=_(LEFT_OUT[reason])), number)
                for reason, number in counted.get("left_out", {}).items()
                if reason in LEFT_OUT
            ),
        ],
    )
    found = hotspots.summary
    print_table(
        _("Hotspots of unresolved hazards, H3 resolution %(resolution)d", resolution=resolution),
        (_("What"), _("Number")),
        [
            (_("Cells with premises"), found["cells"]),
            (_("Cells with enough premises"), found["cells_with_data"]),
            (_("Hot spots"), found["hot"]),
            (_("Cold spots"), found["cold"]),
        ],
    )
    asked = workload.summary
    print_table(
        _("Workload, hours a year"),
        (_("What"), _("Number")),
        [
            (_("Required visits"), asked["parts"]["visits"]),
            (_("Travel"), asked["parts"]["travel"]),
            (_("Unresolved hazards"), asked["parts"]["hazards"]),
            (_("Complaints"), asked["parts"]["complaints"]),
            (_("Hours that count, those set by hand included"), asked["hours"]),
            (_("Premises outside the grid"), asked["premises_without_cell"]),
        ],
    )
    if not announce:
        typer.echo(
            _(
                "Reports that name no day go on speaking of %(day)s; --publish changes that.",
                day=spoken_of,
            )
        )
    typer.echo(_("Next: `gis-supervision map build unresolved_hazards --output FILE`"))

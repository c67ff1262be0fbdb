"""Commands for zones."""

from datetime import datetime
from typing import Annotated

import typer

from gis_supervision.assignment import design as designing
from gis_supervision.cli.connection import connected
from gis_supervision.cli.terminal import AsJson, print_json, print_table, progress
from gis_supervision.language import gettext_noop
from gis_supervision.storage import register, zones
from gis_supervision.storage.database import session_scope

app = typer.Typer(no_args_is_help=True, help=gettext_noop("Zones: design and show them."))

Day = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help=gettext_noop("First day; left out: the report's day.")),
]


@app.command(help=gettext_noop("Divide the grid into balanced zones and put them in force."))
def design(
    zone_count: Annotated[
        int | None,
        typer.Option(
            "--zones",
            min=1,
            help=gettext_noop("Number of zones; left out: as many as the work needs inspectors."),
        ),
    ] = None,
    capacity_hours: Annotated[
        float, typer.Option(min=1, help=gettext_noop("Hours an inspector works in a year."))
    ] = 1600.0,
    tolerance: Annotated[
        float,
        typer.Option(min=0, max=1, help=gettext_noop("Largest share off the mean workload.")),
    ] = designing.TOLERANCE,
    valid_from: Day = None,
    seed: Annotated[int, typer.Option(min=0, help=gettext_noop("Seed of the search."))] = 0,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace",
            help=gettext_noop("Take away zones that begin on that day or later."),
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    with connected() as connection:
        _ = connection.translate
        rules = connection.rules()
        with progress() as advance, session_scope(connection.engine) as session:
            advance(_("Designing zones"))
            as_of = register.default_as_of(session)
            made = designing.design(
                session,
                rules,
                as_of=as_of,
                valid_from=valid_from.date() if valid_from else as_of,
                zone_count=zone_count,
                capacity_hours=capacity_hours,
                tolerance=tolerance,
                seed=seed,
                replace=replace,
            )
    if as_json:
        print_json(made.to_dict())
        return
    print_table(
        _("Zones from %(day)s", day=made.valid_from),
        (_("What"), _("Value")),
        [
            (_("Zones"), len(made.zone_ids)),
            (_("Premises outside the grid"), made.premises_without_cell),
            (_("Hours a year"), float(made.zoning.loads.sum())),
            (_("Largest distance from the mean, %"), 100 * made.zoning.imbalance),
            (_("Disconnected pieces"), made.zoning.parts),
            (_("Mean distance to the middle, m"), made.zoning.distance),
        ],
    )
    for note in made.zoning.notes:
        typer.echo(note)


@app.command(help=gettext_noop("List the zones with inspector and workload."))
def show(
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help=gettext_noop("Day; left out: the report's day.")),
    ] = None,
    as_json: AsJson = False,
) -> None:
    with connected() as connection, session_scope(connection.engine) as session:
        _ = connection.translate
        day = as_of.date() if as_of else register.default_as_of(session)
        rows = zones.on(session, day)
    if as_json:
        print_json([row.to_dict() for row in rows])
        return
    print_table(
        _("Zones on %(day)s", day=day),
        (_("Zone"), _("Inspector"), _("Deputies"), _("Cells"), _("Premises"), _("Hours a year")),
        [
            (row.code, row.inspector, row.deputies, row.cells, row.premises, row.workload_hours)
            for row in rows
        ],
    )

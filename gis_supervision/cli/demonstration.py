"""Command ``demo``."""

from typing import Annotated

import typer

from gis_supervision import settings as configuration
from gis_supervision.cli import serving
from gis_supervision.cli.connection import connected, held
from gis_supervision.cli.terminal import SEVERITIES, AsJson, print_json, print_table, progress
from gis_supervision.demo import steps
from gis_supervision.language import gettext_noop

app = typer.Typer()


@app.command(help=gettext_noop("Show everything on real data, then serve it."))
def demo(
    serve: Annotated[
        bool,
        typer.Option("--serve/--no-serve", help=gettext_noop("Serve the maps afterwards.")),
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Bring the demonstration about: real data, analyses, zones, maps; then serve it."""
    settings = configuration.load()
    with held(settings):
        with connected(settings, migrated=False) as connection:
            _ = connection.translate
            with progress() as advance:
                shown = steps.show(
                    settings,
                    connection.endpoint.url,
                    connection.engine,
                    connection.reader,
                    advance=advance,
                )
        if as_json:
            print_json(shown.to_dict())
        else:
            totals = shown.totals
            print_table(
                _("Food inspections of Chicago as of %(day)s", day=totals.as_of),
                (_("What"), _("Number")),
                [
                    (_("Premises"), totals.premises),
                    (_("Not located"), totals.premises - totals.located),
                    (_("Inspections"), totals.inspections),
                    (_("Hazards"), totals.hazards),
                    (_("Unresolved hazards"), sum(totals.unresolved.values())),
                    *(
                        (f"  {_(SEVERITIES[name])}", number)
                        for name, number in totals.unresolved.items()
                    ),
                    (_("Grid cells"), totals.cells),
                    (_("Zones"), totals.zones),
                ],
            )
            print_table(
                _("Map reports, which open in a browser without a network"),
                (_("Map"), _("File")),
                list(shown.maps.items()),
            )
        if serve:
            serving.run(settings)

"""Command ``status``."""

from typing import Any

import typer

from gis_supervision.cli.connection import connected
from gis_supervision.cli.terminal import SEVERITIES, AsJson, AsOf, print_json, print_table
from gis_supervision.language import gettext_noop
from gis_supervision.storage import register
from gis_supervision.storage.database import session_scope

app = typer.Typer()


@app.command(help=gettext_noop("Count what the register holds."))
def status(as_of: AsOf = None, as_json: AsJson = False) -> None:
    """Count what the register holds as of a day."""
    with connected() as connection, session_scope(connection.engine) as session:
        _ = connection.translate
        totals = register.totals(session, as_of.date() if as_of else None)
        later = register.later_inspections(session, totals.as_of)
    if as_json:
        print_json(totals.to_dict())
        return
    rows: list[tuple[str, Any]] = [
        (_("Premises"), totals.premises),
        (_("Located"), totals.located),
        (_("Not located"), totals.premises - totals.located),
        (_("Inspections"), totals.inspections),
        (_("Hazards"), totals.hazards),
        (_("Unresolved hazards"), sum(totals.unresolved.values())),
        *((f"  {_(SEVERITIES[name])}", number) for name, number in totals.unresolved.items()),
        (_("Grid cells"), totals.cells),
        (_("Zones"), totals.zones),
    ]
    print_table(_("The register as of %(day)s", day=totals.as_of), (_("What"), _("Number")), rows)
    if later:
        typer.echo(
            _(
                "%(later)d inspections after that day are not counted:"
                " `gis-supervision analyse` makes reports speak of a later one.",
                later=later,
            )
        )

"""Commands for the grid."""

from datetime import datetime
from typing import Annotated

import typer

from gis_supervision.cli.connection import connected
from gis_supervision.cli.terminal import AsJson, print_json, print_table, progress
from gis_supervision.errors import InvalidInputError
from gis_supervision.language import gettext_noop
from gis_supervision.storage import grid
from gis_supervision.storage.database import session_scope

app = typer.Typer(no_args_is_help=True, help=gettext_noop("The grid: cut the area into cells."))


@app.command(help=gettext_noop("Cut the divisions into cells, squares or H3 hexagons."))
def build(
    side_m: Annotated[
        float | None,
        typer.Option(min=1, help=gettext_noop("Side of a square cell in metres.")),
    ] = None,
    resolution: Annotated[
        int | None,
        typer.Option(min=0, max=15, help=gettext_noop("H3 resolution, instead of squares.")),
    ] = None,
    level: Annotated[
        str | None,
        typer.Option(help=gettext_noop("Level of the divisions; left out: the finest there is.")),
    ] = None,
    valid_from: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help=gettext_noop("First day of the grid; left out: today.")
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    if (side_m is None) == (resolution is None):
        raise InvalidInputError("grid build: give either --side-m or --resolution")
    with connected() as connection:
        _ = connection.translate
        with progress() as advance, session_scope(connection.engine) as session:
            advance(_("Cutting the area into cells"))
            built = grid.build(
                session,
                side_m=side_m,
                resolution=resolution,
                level=level,
                valid_from=valid_from.date() if valid_from else None,
            )
    if as_json:
        print_json(built.to_dict())
        return
    print_table(
        _("Grid valid from %(day)s", day=built.valid_from),
        (_("What"), _("Number")),
        [
            (_("Cells"), built.cells),
            (_("Premises in a cell"), built.premises_inside),
            (_("Premises outside all cells"), built.premises_outside),
            (_("Premises without coordinates"), built.premises_not_located),
        ],
    )
    for note in built.notes:
        typer.echo(note)
    typer.echo(_("Next: `gis-supervision zones design`"))

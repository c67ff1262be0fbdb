"""The commands together, their language, and what an error becomes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gis_supervision import __version__
from gis_supervision import settings as configuration
from gis_supervision.cli import analyses, catalogue, db, demonstration, grid, imports, maps, service
from gis_supervision.cli import zones as zones_
from gis_supervision.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    SupervisionError,
    UnavailableError,
)
from gis_supervision.language import gettext_noop, translator

if TYPE_CHECKING:
    from gis_supervision.language import Translator

EXIT_CODES: dict[type[SupervisionError], int] = {
    InvalidInputError: 2,
    NotFoundError: 3,
    ConflictError: 4,
    UnavailableError: 5,
}
"""Exit code of each kind of error; 1 is any other."""

app = typer.Typer(
    name="gis-supervision",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help=gettext_noop("Grid-based supervision of food safety and market regulation."),
)
app.command("demo", help=gettext_noop("Show everything on real data, then serve it."))(
    demonstration.demo
)
app.command("status", help=gettext_noop("Count what the register holds."))(analyses.status)
app.command("analyse", help=gettext_noop("Compute coverage and hotspots as of a day."))(
    analyses.analyse
)
app.command("serve", help=gettext_noop("Serve maps and layers over HTTP."))(service.serve)
app.add_typer(db.app, name="db")
app.add_typer(imports.app, name="import")
app.add_typer(grid.app, name="grid")
app.add_typer(zones_.app, name="zones")
app.add_typer(maps.app, name="map")
app.add_typer(catalogue.app, name="catalogue")


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[
        bool, typer.Option("--version", help=gettext_noop("Print the version."))
    ] = False,
) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit


def main() -> None:
    """Run the command line; an error that a user can mend becomes one message and an exit code."""
    try:
        command = typer.main.get_command(app)
        translate_help(command, translator(configuration.load().language))
        command.main(prog_name="gis-supervision")
    except SupervisionError as error:
        typer.echo(f"gis-supervision: {error}", err=True)
        sys.exit(exit_code(error))


def exit_code(error: SupervisionError) -> int:
    """Return the exit code of an error."""
    return next((code for kind, code in EXIT_CODES.items() if isinstance(error, kind)), 1)


def translate_help(command: Any, translate: Translator) -> None:
    """Put the help of a command and of all commands below it into a language."""
    for described in (command, *command.params):
        text = getattr(described, "help", None)
        if text:
            described.help = translate(text)
    for below in getattr(command, "commands", {}).values():
        translate_help(below, translate)

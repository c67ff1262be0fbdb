"""Commands for the catalogue of layers and maps."""

from pathlib import Path
from typing import Annotated

import typer

from gis_supervision import catalogue
from gis_supervision import settings as configuration
from gis_supervision.cli.connection import connected
from gis_supervision.cli.terminal import AsJson, print_json
from gis_supervision.language import gettext_noop, translator

app = typer.Typer(no_args_is_help=True, help=gettext_noop("The catalogue of layers and maps."))


@app.command(help=gettext_noop("Tell every mistake in layers and maps at once."))
def check(
    directory: Annotated[
        Path | None,
        typer.Argument(help=gettext_noop("Directory with layers/ and maps/ beside the shipped.")),
    ] = None,
    database: Annotated[
        bool,
        typer.Option(
            "--database/--no-database",
            help=gettext_noop("Have the database plan and run every layer too."),
        ),
    ] = True,
    as_json: AsJson = False,
) -> None:
    settings = configuration.load()
    _ = translator(settings.language)
    chosen = directory or settings.catalogue_path
    places = [chosen] if chosen else []
    if database:
        with connected(settings) as connection:
            problems = catalogue.check(*places, engine=connection.reader)
    else:
        problems = catalogue.check(*places)
    if as_json:
        print_json([problem.to_dict(_) for problem in problems])
    elif problems:
        for problem in problems:
            typer.echo(problem.told.translated(_))
    else:
        typer.echo(_("The catalogue has no mistakes."))
    if problems:
        raise typer.Exit(2)

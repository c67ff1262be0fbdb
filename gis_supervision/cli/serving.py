"""Command ``serve``."""

import contextlib
import logging
from typing import Annotated

import typer
import uvicorn

from gis_supervision import settings as configuration
from gis_supervision.api.app import create_app
from gis_supervision.cli.connection import connected, held
from gis_supervision.language import gettext_noop, translator
from gis_supervision.settings import Settings

app = typer.Typer()


@app.command(help=gettext_noop("Serve maps and layers over HTTP."))
def serve(
    host: Annotated[str | None, typer.Option(help=gettext_noop("Address to listen on."))] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help=gettext_noop("Port to listen on; 0: any free one.")),
    ] = None,
) -> None:
    """Serve maps and layers until Ctrl-C or SIGTERM."""
    run(configuration.load(host=host, port=port))


def run(settings: Settings) -> None:
    """Serve under these settings until a signal ends it."""
    _ = translator(settings.language)
    with held(settings), connected(settings):
        logging.basicConfig(level=settings.log_level.upper())
        typer.echo(
            _(
                "Serving on http://%(host)s:%(port)d/ - stop with Ctrl-C.",
                host=settings.host,
                port=settings.port,
            )
        )
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.run(
                create_app(settings),
                host=settings.host,
                port=settings.port,
                log_level=settings.log_level,
            )

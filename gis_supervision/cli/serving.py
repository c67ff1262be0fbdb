"""Command ``serve``."""

import contextlib
import logging
import socket
from collections.abc import Iterator
from typing import Annotated

import typer
import uvicorn

from gis_supervision import settings as configuration
from gis_supervision.api.app import create_app
from gis_supervision.cli.connection import connected, held
from gis_supervision.errors import UnavailableError
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
    with _bound(settings.host, settings.port) as listening, held(settings), connected(settings):
        logging.basicConfig(level=settings.log_level.upper())
        config = uvicorn.Config(create_app(settings), log_level=settings.log_level)
        host, port = listening.getsockname()[:2]
        typer.echo(
            _("Serving on http://%(host)s:%(port)d/ - stop with Ctrl-C.", host=host, port=port)
        )
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listening])


@contextlib.contextmanager
def _bound(host: str, port: int) -> Iterator[socket.socket]:
    """Bind the address before anything else is started, so that a taken port is told at once."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family)
    except OSError as error:
        raise UnavailableError(
            "cannot listen on %(host)s port %(port)s: %(reason)s; choose another with --port",
            host=host,
            port=port,
            reason=error.strerror,
        ) from error
    with listening:
        yield listening

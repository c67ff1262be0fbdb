"""The service: maps and layers over HTTP, for browsers and for programs on the same network."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response
from starlette.middleware.base import RequestResponseEndpoint

from gis_supervision import __version__
from gis_supervision.api import errors
from gis_supervision.api.dependencies import Resources
from gis_supervision.api.routes import (
    coverage,
    days,
    draws,
    explain,
    health,
    home,
    inspectors,
    layers,
    maps,
    matching,
    people,
    proposals,
    workload,
)
from gis_supervision.settings import Settings

_log = logging.getLogger(__name__)


def create_app(settings: Settings) -> FastAPI:
    """Make the application.

    Parameters
    ----------
    settings
        Database, language, basemap; read here and nowhere else.

    Returns
    -------
    FastAPI
        It reaches the database when it starts and lets go of it when it stops. The generated
        documentation pages are left out since they would load scripts from another host;
        ``/openapi.json`` describes the routes.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        shared = Resources.open(settings)
        app.state.shared = shared
        _log.info("service is ready")
        try:
            yield
        finally:
            shared.close()

    app = FastAPI(
        title="gis-supervision",
        version=__version__,
        summary="Grid-based supervision of food safety and market regulation",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    errors.install(app)

    @app.middleware("http")
    async def guarded(request: Request, call_next: RequestResponseEndpoint) -> Response:
        answer = await call_next(request)
        answer.headers.setdefault("X-Content-Type-Options", "nosniff")
        answer.headers.setdefault("Referrer-Policy", "same-origin")
        return answer

    app.include_router(home.router)
    app.include_router(health.router)
    app.include_router(maps.router)
    app.include_router(layers.router)
    app.include_router(explain.router)
    app.include_router(coverage.router)
    app.include_router(days.router)
    app.include_router(workload.router)
    app.include_router(matching.router)
    app.include_router(proposals.router)
    app.include_router(inspectors.router)
    app.include_router(people.router)
    app.include_router(draws.router)
    return app

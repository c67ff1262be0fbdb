"""Whether the service can work."""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Response

from gis_supervision import __version__
from gis_supervision.api.dependencies import CurrentResources
from gis_supervision.errors import UnavailableError
from gis_supervision.storage import migration

router = APIRouter(tags=["service"])


@router.get("/health")
def health(shared: CurrentResources, response: Response) -> dict[str, Any]:
    """Tell whether the database answers and is migrated; 503 when not."""
    head = migration.head()
    try:
        current = migration.current(shared.endpoint.url)
        database = "ok"
    except UnavailableError as error:
        current, database = None, str(error)
    ready = current == head
    if not ready:
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    return {
        "status": "ok" if ready else "unavailable",
        "version": __version__,
        "database": database,
        "migration": current,
        "head": head,
    }

"""The first page."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from gis_supervision.api.dependencies import CurrentResources, RequestLanguage, asked
from gis_supervision.console import pages
from gis_supervision.storage import register
from gis_supervision.storage.database import session_scope

router = APIRouter(include_in_schema=False)


@router.get("/")
def home(request: Request, shared: CurrentResources, language: RequestLanguage) -> HTMLResponse:
    """Show the figures of the register and the way to every map."""
    asked(request, known=("language",))

    def count() -> register.Totals:
        with session_scope(shared.engine) as session:
            return register.totals(session)

    totals = shared.memory.get(("totals", shared.version()), count)
    return HTMLResponse(
        pages.index(totals, shared.catalogue.maps.values(), language, request.url_for)
    )

"""The numbers behind what maps show."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from gis_supervision.analysis import explain
from gis_supervision.api.dependencies import CurrentResources, asked
from gis_supervision.storage import register
from gis_supervision.storage.database import session_scope

router = APIRouter(tags=["explain"])


@router.get("/explain/cells/{identifier}")
def cell(
    identifier: str,
    request: Request,
    shared: CurrentResources,
    as_of: Annotated[date | None, Query(description="day; left out: the report's day")] = None,
) -> dict[str, Any]:
    """Explain the colour of a cell: an H3 index in hexadecimal, or the code of a grid cell."""
    asked(request, known=("as_of",))
    with session_scope(shared.engine) as session:
        day = as_of or register.default_as_of(session)
        return explain.cell(session, shared.rule_history.on(day), identifier, day).to_dict()

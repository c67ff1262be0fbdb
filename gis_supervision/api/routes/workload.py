"""Workload of cells and zones, and the hours that dispatchers set."""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from gis_supervision.api.dependencies import By, CurrentResources, Text, asked, same_origin
from gis_supervision.assignment import cell_work
from gis_supervision.domain.inspectors import YEAR_HOURS
from gis_supervision.storage import register
from gis_supervision.storage import workload as storage
from gis_supervision.storage.database import session_scope

router = APIRouter(tags=["workload"])


class Setting(BaseModel):
    """Hours a year of a cell from a day on; no hours: the rules count again."""

    model_config = ConfigDict(extra="forbid")

    hours: Annotated[float, Field(ge=0, le=YEAR_HOURS, allow_inf_nan=False)] | None
    reason: Text
    by: By
    valid_from: date | None = None


class Undoing(BaseModel):
    """Who takes back what was set last, or one setting by its id."""

    model_config = ConfigDict(extra="forbid")

    by: By
    setting: int | None = None


@router.get("/workload")
def workload(
    request: Request,
    shared: CurrentResources,
    as_of: Annotated[date | None, Query(description="day; left out: the report's day")] = None,
    unit: Annotated[Literal["zone", "cell"], Query(description="what is listed")] = "zone",
    zone: Annotated[str | None, Query(description="code of one zone")] = None,
) -> dict[str, Any]:
    """Tell the hours a year of zones or cells with their parts, and by skill."""
    asked(request, known=("as_of", "unit", "zone"))
    with session_scope(shared.engine) as session:
        day = as_of or register.default_as_of(session)
        run = cell_work.stored(session, shared.rules, day)
        read = storage.by_zone if unit == "zone" else storage.by_cell
        rows = read(session, day, zone)
    return {
        "as_of": day.isoformat(),
        "rules": run.parameters["rules"],
        "totals": run.summary,
        f"{unit}s": [row.to_dict() for row in rows],
    }


@router.get("/workload/cells/{code}/log")
def log(code: str, request: Request, shared: CurrentResources) -> list[dict[str, Any]]:
    """List what was set for a cell, newest first: by whom, when and why, and what was undone."""
    asked(request)
    with session_scope(shared.engine) as session:
        rows = storage.log(session, register.default_as_of(session), code)
    return [row.to_dict() for row in rows]


@router.post("/workload/cells/{code}", dependencies=[Depends(same_origin)], status_code=201)
def set_hours(code: str, body: Setting, shared: CurrentResources) -> dict[str, Any]:
    """Set the hours of a cell from a day on, or let the rules count again."""
    with session_scope(shared.engine) as session:
        day = body.valid_from or register.default_as_of(session)
        made = storage.set_cell(
            session, code, body.hours, reason=body.reason, by=body.by, valid_from=day
        )
        (row,) = (one for one in storage.log(session, day, code) if one.id == made)
    return row.to_dict()


@router.post("/workload/cells/{code}/undo", dependencies=[Depends(same_origin)])
def undo(code: str, body: Undoing, shared: CurrentResources) -> dict[str, Any]:
    """Take back what was set for a cell; the log keeps it."""
    with session_scope(shared.engine) as session:
        return storage.undo(session, code, by=body.by, setting=body.setting).to_dict()

"""Days: plan routes, and each inspector's own routes as JSON, calendar, GPX or map.

Visits are not announced, so that premises are named in the routes of one inspector alone; answers
are never kept by caches.
"""

from collections import Counter
from datetime import date
from typing import Annotated, Any, Literal, Self

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import Base64Bytes, BaseModel, ConfigDict, Field, model_validator

from gis_supervision.api.dependencies import (
    By,
    CurrentResources,
    RequestLanguage,
    asked,
    same_origin,
)
from gis_supervision.assignment import day_planning, routing, travel
from gis_supervision.errors import InvalidInputError
from gis_supervision.language import translator
from gis_supervision.messages import Message
from gis_supervision.rendering import route_files, route_map
from gis_supervision.storage import day_plans, inspectors
from gis_supervision.storage.database import session_scope

router = APIRouter(tags=["days"])

MEDIA_TYPES = {
    "ics": "text/calendar; charset=utf-8",
    "gpx": "application/gpx+xml",
    "html": "text/html; charset=utf-8",
}
MOST_BYTES = 20_000_000
"""Most bytes of a file that is sent."""
SECRET = {"Cache-Control": "private, no-store"}


class Office(BaseModel):
    """Where the office is, in decimal degrees."""

    model_config = ConfigDict(extra="forbid")

    lat: Annotated[float, Field(ge=-90, le=90)]
    lng: Annotated[float, Field(ge=-180, le=180)]


class File(BaseModel):
    """A CSV file: its name, and either its bytes in Base64 or its text."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(pattern=r"^[^/\\\x00-\x1f]{1,200}$")]
    content: Annotated[Base64Bytes, Field(max_length=MOST_BYTES)] | None = None
    text: Annotated[str, Field(max_length=MOST_BYTES)] | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.content is None) == (self.text is None):
            raise ValueError(Message("expected either content, in Base64, or text"))
        return self

    def sent(self) -> travel.Sent:
        """Return the file as readers take it."""
        return travel.Sent(
            self.name, (self.text or "").encode() if self.content is None else self.content
        )


class Planning(BaseModel):
    """What is to be planned, and who plans."""

    model_config = ConfigDict(extra="forbid")

    by: By
    first: date
    days: Annotated[int, Field(ge=1, le=day_planning.MOST_DAYS)] = 1
    sources: list[Literal["due", "hazards", "draw"]] = ["due", "hazards"]
    draws: list[str] = []
    inspectors: list[str] = []
    office: Office | None = None
    from_office: bool = False
    weekends: bool = False
    any_zone: bool = False
    division: str | None = None
    zones: list[str] = []
    stops: File | None = None
    matrix: Literal["straight_line", "roads"] | File = "straight_line"
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    iterations: Annotated[int, Field(ge=0, le=500_000)] = routing.ITERATIONS
    max_seconds: Annotated[float, Field(gt=0, le=60)] | None = None
    replace: bool = False


@router.get("/days")
def plans(
    request: Request,
    shared: CurrentResources,
    first: Annotated[date | None, Query(description="from this day on; left out: all")] = None,
    history: Annotated[bool, Query(description="replaced plans too")] = False,  # noqa: FBT002 - a parameter of the address
) -> dict[str, Any]:
    """List the plans of days: who made them when, how many routes and stops; no premises."""
    asked(request, known=("first", "history"))
    with session_scope(shared.engine) as session:
        return {
            "plans": [one.to_dict() for one in day_plans.listed(session, first, history=history)]
        }


@router.post("/days", dependencies=[Depends(same_origin)], status_code=201)
def plan(body: Planning, shared: CurrentResources) -> dict[str, Any]:
    """Plan days and keep the plan; the answer counts and names no premises.

    ``stops`` and ``matrix`` take files as the command ``gis-supervision days plan`` does; 422 tells
    file, row and field of each mistake.
    """
    matrix = body.matrix.sent() if isinstance(body.matrix, File) else None
    with session_scope(shared.engine) as session:
        stops = () if body.stops is None else day_planning.stops_of_file(session, body.stops.sent())
        made = day_planning.plan(
            session,
            shared.rules,
            day_planning.Request(
                first=body.first,
                days=body.days,
                sources=tuple(body.sources),
                draws=tuple(body.draws),
                only=tuple(body.inspectors),
                office=None if body.office is None else (body.office.lat, body.office.lng),
                from_office=body.from_office,
                weekends=body.weekends,
                any_zone=body.any_zone,
                division=body.division,
                zones=tuple(body.zones),
                wanted=stops,
                matrix="file" if matrix else str(body.matrix),
                matrix_file=matrix,
                seed=body.seed,
                iterations=body.iterations,
                max_seconds=body.max_seconds,
            ),
            calendar=shared.calendar(session, body.first),
            by=body.by,
            replace_plan=body.replace,
        )
    told = made.to_dict()
    return {**told, "left_out": dict(Counter(told["left_out"].values()))}


@router.get("/days/{day}/inspectors/{staff_number}")
def own_routes(
    day: date,
    staff_number: str,
    request: Request,
    shared: CurrentResources,
    language: RequestLanguage,
    last: Annotated[date | None, Query(description="last day; left out: the day alone")] = None,
    format_: Annotated[
        Literal["json", "ics", "gpx", "html"], Query(alias="format", description="what is sent")
    ] = "json",
) -> Response:
    """Return the routes of one inspector from a day on."""
    asked(request, known=("last", "format", "language"))
    if last is not None and not day <= last:
        raise InvalidInputError("last: expected %(day)s or later, got %(last)s", day=day, last=last)
    translate = translator(language)
    timezone = shared.rules.days.timezone
    with session_scope(shared.engine) as session:
        inspectors.find(session, staff_number)
        found = day_plans.routes(session, day, last, staff_number=staff_number)
        if format_ == "html":
            page = route_map.build(
                session,
                [route.id for route in found],
                language=language,
                basemap=shared.basemap,
            )
            return Response(page, media_type=MEDIA_TYPES["html"], headers=SECRET)
        made_at = day_plans.made_at(session, [route.plan_id for route in found])
    if format_ == "ics":
        content: str | bytes = route_files.calendar(found, translate, timezone, made_at=made_at)
        return Response(content, media_type=MEDIA_TYPES["ics"], headers=SECRET)
    if format_ == "gpx":
        content = route_files.gpx(found, translate, timezone)
        return Response(content, media_type=MEDIA_TYPES["gpx"], headers=SECRET)
    return JSONResponse({"routes": [route.to_dict() for route in found]}, headers=SECRET)

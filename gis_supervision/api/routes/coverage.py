"""Next visits, gaps, months, premises left out."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy.orm import Session

from gis_supervision.analysis import run
from gis_supervision.api.dependencies import (
    CurrentResources,
    RequestLanguage,
    Resources,
    asked,
)
from gis_supervision.rendering import visit_calendar
from gis_supervision.storage import analyses, coverage_lists, register
from gis_supervision.storage.analyses import Run
from gis_supervision.storage.database import session_scope

router = APIRouter(prefix="/coverage", tags=["coverage"])

AsOf = Annotated[date | None, Query(description="day; left out: the report's day")]
Days = Annotated[int | None, Query(ge=0, le=36_600, description="days ahead; left out: all")]
Zone = Annotated[str | None, Query(description="code of one zone")]
Limit = Annotated[int, Query(ge=1, le=100_000, description="largest number of rows")]


@contextmanager
def _covered(shared: Resources, as_of: date | None) -> Iterator[tuple[Session, Run]]:
    """Open a session with coverage of the day on the register as it is."""
    with session_scope(shared.engine) as session:
        day = as_of or register.default_as_of(session)
        spoken_of = analyses.latest_as_of(session) == day
        yield session, run.coverage(session, shared.rule_history, day, publish=spoken_of)


@router.get("/calendar")
def calendar(
    request: Request,
    shared: CurrentResources,
    as_of: AsOf = None,
    days: Days = None,
    zone: Zone = None,
    inspector: Annotated[str | None, Query(description="staff number of one inspector")] = None,
    limit: Limit = 1000,
) -> dict[str, Any]:
    """List what is due when, the most urgent first; dates before ``as_of`` are overdue."""
    asked(request, known=("as_of", "days", "zone", "inspector", "limit"))
    with _covered(shared, as_of) as (session, made):
        visits = coverage_lists.next_visits(
            session,
            made,
            until=None if days is None else coverage_lists.days_after(made.as_of, days),
            zone=zone,
            inspector=inspector,
            most=limit + 1,
            rules=shared.rules,
        )
    return {
        "as_of": made.as_of,
        "more": len(visits) > limit,
        "visits": [visit.to_dict() for visit in visits[:limit]],
    }


@router.get("/calendars/{inspector}.ics")
def calendar_file(
    inspector: str,
    request: Request,
    shared: CurrentResources,
    language: RequestLanguage,
    as_of: AsOf = None,
    days: Days = 90,
) -> Response:
    """Give the next visits of an inspector, by staff number, as a calendar file (iCalendar)."""
    asked(request, known=("as_of", "days", "language"))
    with _covered(shared, as_of) as (session, made):
        visits = coverage_lists.next_visits(
            session,
            made,
            until=None if days is None else coverage_lists.days_after(made.as_of, days),
            inspector=inspector,
            rules=shared.rules,
        )
    content = visit_calendar.write(visits, made.as_of, name=inspector, language=language)
    return Response(content, media_type="text/calendar; charset=utf-8")


@router.get("/gaps")
def gaps(
    request: Request, shared: CurrentResources, as_of: AsOf = None, limit: Limit = 1000
) -> dict[str, Any]:
    """List cells with premises and no responsible inspector, and premises never visited."""
    asked(request, known=("as_of", "limit"))
    with _covered(shared, as_of) as (session, made):
        cells = coverage_lists.unattended_cells(session, made)
        never = coverage_lists.next_visits(
            session, made, never=True, most=limit + 1, rules=shared.rules
        )
    return {
        "as_of": made.as_of,
        "more": len(cells) > limit or len(never) > limit,
        "cells_without_inspector": [cell.to_dict() for cell in cells[:limit]],
        "premises_never_visited": [visit.to_dict() for visit in never[:limit]],
    }


@router.get("/months")
def months(
    request: Request,
    shared: CurrentResources,
    as_of: AsOf = None,
    unit: Annotated[str, Query(description="area, division, zone, cell or category")] = "area",
    months: Annotated[int, Query(ge=1, le=600, description="number of months")] = run.MONTHS,
) -> dict[str, Any]:
    """Give coverage of every unit of a kind at the end of every month."""
    asked(request, known=("as_of", "unit", "months"))
    with session_scope(shared.engine) as session:
        day = as_of or register.default_as_of(session)
        spoken_of = analyses.latest_as_of(session) == day
        made = run.coverage_months(
            session, shared.rule_history, day, months=months, publish=spoken_of
        )
        rows = coverage_lists.months(session, made, unit)
    return {"as_of": day, "unit": unit, "months": [row.to_dict() for row in rows]}


@router.get("/left-out")
def left_out(
    request: Request,
    shared: CurrentResources,
    as_of: AsOf = None,
    reason: Annotated[list[str] | None, Query(description="only these reasons")] = None,
    limit: Limit = 1000,
) -> dict[str, Any]:
    """List the premises that are in no total, or in that of no cell, with the reason."""
    asked(request, known=("as_of", "reason", "limit"))
    with _covered(shared, as_of) as (session, made):
        rows = coverage_lists.left_out(session, made, *(reason or ()))
    return {
        "as_of": made.as_of,
        "more": len(rows) > limit,
        "premises": [row.to_dict() for row in rows[:limit]],
    }

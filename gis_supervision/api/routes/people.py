"""Pages of people: the inspectors of a day, and who was responsible for a premises."""

from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from gis_supervision.api.dependencies import CurrentResources, RequestLanguage, asked
from gis_supervision.console import people_pages
from gis_supervision.domain.proposals import Period
from gis_supervision.errors import InvalidInputError
from gis_supervision.storage import inspectors, register, responsibility, zone_periods
from gis_supervision.storage.database import session_scope

router = APIRouter(include_in_schema=False)

SOON_DAYS = 90
"""Certificates that end within so many days are named."""


def request_day(on: str) -> date | None:
    """Read the day of a form, None where its field was left empty.

    Raises
    ------
    InvalidInputError
        When it is no day.
    """
    if not on.strip():
        return None
    try:
        return date.fromisoformat(on.strip())
    except ValueError:
        raise InvalidInputError(
            "%(name)s: expected a day such as 2014-12-30, got %(value)r", name="on", value=on
        ) from None


@router.get("/people", name="inspectors_page")
def inspectors_page(
    request: Request, shared: CurrentResources, language: RequestLanguage, as_of: date | None = None
) -> HTMLResponse:
    """Show the inspectors of a day."""
    asked(request, known=("language", "as_of"))
    zones: dict[int, list[str]] = {}
    with session_scope(shared.engine) as session:
        day = as_of or register.default_as_of(session)
        people = inspectors.on(session, day)
        expiring = inspectors.expiring(session, day, SOON_DAYS)
        timeline = zone_periods.read(session, Period(day, day + timedelta(days=1)))
        for zone, who in timeline.responsible(day).items():
            if zone in timeline.zones:
                zones.setdefault(who, []).append(timeline.zones[zone].code)
    return HTMLResponse(
        people_pages.inspectors(
            people,
            {who: sorted(codes) for who, codes in zones.items()},
            expiring,
            day,
            language,
            request.url_for,
        )
    )


@router.get("/responsible", name="responsible_page")
def responsible_page(
    request: Request,
    shared: CurrentResources,
    language: RequestLanguage,
    licence: Annotated[str, Query(max_length=200)] = "",
    on: Annotated[str, Query(description="day; left out: all days")] = "",
) -> HTMLResponse:
    """Show who was responsible for a premises on a day, or over time."""
    asked(request, known=("language", "licence", "on"))
    wanted, day = licence.strip(), request_day(on)
    if not wanted:
        page = people_pages.responsible("", day, None, (), language, request.url_for)
        return HTMLResponse(page)
    with session_scope(shared.engine) as session:
        found = responsibility.of_premises(session, wanted, shared.rules)
    periods = found.periods
    if day is not None:
        had = found.on(day)
        periods = () if had is None else (had,)
    return HTMLResponse(
        people_pages.responsible(wanted, day, found, periods, language, request.url_for)
    )

"""Routes as files for those who go: tables, GPX for navigation, iCalendar for calendars.

The files name premises before they are visited: they are for the inspectors of the routes and
their dispatcher alone.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import gpxpy.gpx
import icalendar

from gis_supervision import __version__
from gis_supervision.language import gettext_noop
from gis_supervision.rendering.tables import Column, Table
from gis_supervision.storage.day_plans import clock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gis_supervision.language import Translator
    from gis_supervision.storage.day_plans import RouteOn, StopOn

PURPOSES: Final = {
    "due": gettext_noop("inspection due"),
    "hazard": gettext_noop("hazard to be looked after"),
    "file": gettext_noop("named by the office"),
    "draw": gettext_noop("drawn by lot"),
}
"""What people call why a stop is made."""

_FROM_TO: Final = gettext_noop("Leaves %(leaves)s, returns %(returns)s")
_CALENDAR: Final = gettext_noop("Inspections")
_COLUMNS: Final = (
    ("day", gettext_noop("Day"), "date"),
    ("people", gettext_noop("Inspectors"), "text"),
    ("position", gettext_noop("Stop"), "integer"),
    ("arrives", gettext_noop("Arrival"), "text"),
    ("starts", gettext_noop("Start"), "text"),
    ("ends", gettext_noop("End"), "text"),
    ("travel", gettext_noop("Travel before, minutes"), "number"),
    ("licence", gettext_noop("Licence"), "text"),
    ("name", gettext_noop("Name"), "text"),
    ("address", gettext_noop("Address"), "text"),
    ("purpose", gettext_noop("Purpose"), "text"),
    ("due_on", gettext_noop("Due on"), "date"),
    ("late", gettext_noop("After the deadline"), "boolean"),
    ("lead", gettext_noop("Leads the visit"), "text"),
)


def moment(day: date, seconds: int, timezone: str) -> datetime:
    """Return a time of day in its zone; clocks are read, whatever they did that night."""
    passed = timedelta(seconds=seconds)
    begun = datetime.combine(day, time.min) + passed
    return begun.replace(tzinfo=ZoneInfo(timezone))


def table(routes: Sequence[RouteOn], translate: Translator) -> Table:
    """Return the stops of routes as a table, for CSV, XLSX, GeoPackage and GeoParquet."""
    import shapely  # noqa: PLC0415 - tables alone need it

    rows: list[tuple[Any, ...]] = [
        (
            route.day,
            route.people,
            stop.position,
            clock(stop.arrival_s),
            clock(stop.start_s),
            clock(stop.departure_s),
            round(stop.travel_s / 60, 1),
            stop.licence,
            stop.name,
            stop.address,
            translate(PURPOSES[stop.purpose]),
            stop.due_on,
            stop.late,
            stop.lead_name,
            shapely.to_wkb(shapely.Point(stop.lng, stop.lat)),
        )
        for route in routes
        for stop in route.stops
    ]
    return Table(
        "routes",
        translate("Routes"),
        tuple(Column(name, translate(title), kind) for name, title, kind in _COLUMNS),  # type: ignore[arg-type]  # kinds of tables
        [rows],
        "point",
        (translate("Longitude"), translate("Latitude"), translate("Shape (WKT)")),
    )


def gpx(routes: Sequence[RouteOn], translate: Translator, timezone: str) -> str:
    """Return routes as GPX 1.1: one route for each day and crew, a point for each stop.

    Parameters
    ----------
    routes
        The routes.
    translate
        Language of the texts.
    timezone
        Of the times of day; GPX has UTC.
    """
    made = gpxpy.gpx.GPX()
    made.creator = f"gis-supervision {__version__}"
    for route in routes:
        path = gpxpy.gpx.GPXRoute(
            name=f"{route.day} {route.people}",
            description=translate(
                _FROM_TO, leaves=clock(route.leaves_s), returns=clock(route.returns_s)
            ),
        )
        for stop in route.stops:
            path.points.append(
                gpxpy.gpx.GPXRoutePoint(
                    latitude=stop.lat,
                    longitude=stop.lng,
                    time=moment(route.day, stop.arrival_s, timezone).astimezone(UTC),
                    name=f"{stop.position}. {stop.name}",
                    description=_description(route, stop, translate),
                    symbol="Flag",
                )
            )
        made.routes.append(path)
    return str(made.to_xml(version="1.1"))


def calendar(
    routes: Sequence[RouteOn], translate: Translator, timezone: str, *, made_at: datetime
) -> bytes:
    """Return routes as iCalendar (RFC 5545): an event for each stop.

    A stop keeps its UID while premises and day stay, so that a newer plan changes the event in a
    calendar and does not make a second one; the plan's version is its SEQUENCE.

    Parameters
    ----------
    routes
        The routes.
    translate
        Language of the texts.
    timezone
        Of the times of day; its rules stand in the file (VTIMEZONE).
    made_at
        When the plan was made, for DTSTAMP.
    """
    made = icalendar.Calendar()
    made.add("prodid", f"-//gis-supervision//{__version__}//EN")
    made.add("version", "2.0")
    made.add("method", "PUBLISH")
    made.add("x-wr-calname", translate(_CALENDAR))
    made.add("x-wr-timezone", timezone)
    for route in routes:
        for stop in route.stops:
            event = icalendar.Event()
            event.add("uid", f"{route.day:%Y%m%d}-{stop.licence}@gis-supervision")
            event.add("sequence", route.version)
            event.add("dtstamp", made_at.astimezone(UTC))
            event.add("dtstart", moment(route.day, stop.start_s, timezone))
            event.add("dtend", moment(route.day, stop.departure_s, timezone))
            event.add("summary", f"{stop.position}. {stop.name}")
            event.add("location", stop.address or stop.name)
            event.add("geo", (stop.lat, stop.lng))
            event.add("description", _description(route, stop, translate))
            # others who see the calendar see that time is taken, not with whom
            event.add("class", "PRIVATE")
            made.add_component(event)
    if routes:
        # the rules of these years: those of a century would fill the file
        first = date(min(route.day for route in routes).year, 1, 1)
        last = date(max(route.day for route in routes).year + 2, 1, 1)
        made.add_missing_timezones(first, last)
    return bytes(made.to_ical())


def _description(route: RouteOn, stop: StopOn, translate: Translator) -> str:
    parts = [
        f"{translate('Licence')} {stop.licence}",
        translate(PURPOSES[stop.purpose]),
        "" if stop.due_on is None else f"{translate('Due on')} {stop.due_on}",
        f"{translate('Arrival')} {clock(stop.arrival_s)}",
        "" if route.assistant is None else f"{translate('Leads the visit')} {stop.lead_name}",
        stop.address or "",
    ]
    return "\n".join(part for part in parts if part)

"""Next visits as a calendar file (RFC 5545) that phones and office programs read."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from icalendar import Calendar, Event

from gis_supervision import __version__
from gis_supervision.language import Language, translator

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from gis_supervision.storage.coverage_lists import NextVisit


def write(visits: Iterable[NextVisit], as_of: date, *, name: str, language: Language) -> bytes:
    """Return a calendar with one event of a whole day for each premises.

    Parameters
    ----------
    visits
        The premises; an overdue visit stands on the day of the report, since it can be made no
        earlier.
    as_of
        Day of the report.
    name
        Name of the calendar.
    language
        Of its texts.

    Returns
    -------
    bytes
        UTF-8; the same for the same visits, so that a calendar program replaces what it has.
    """
    _ = translator(language)
    calendar = Calendar()
    calendar.add("prodid", f"-//gis-supervision//{__version__}//")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", name)
    stamp = datetime.combine(as_of, time(), UTC)
    for visit in visits:
        day = max(visit.first_on, as_of)
        event = Event()
        event.add(
            "uid", hashlib.sha256(visit.licence.encode()).hexdigest()[:32] + "@gis-supervision"
        )
        event.add("dtstamp", stamp)
        event.add("dtstart", day)
        event.add("dtend", day + timedelta(days=1))
        late = visit.first_on < as_of
        event.add(
            "summary",
            _("Overdue: %(name)s", name=visit.name)
            if late
            else _("Visit: %(name)s", name=visit.name),
        )
        if visit.address:
            event.add("location", visit.address)
        lines = [
            _("Licence: %(licence)s", licence=visit.licence),
            _("Due on: %(day)s", day=visit.due_on) if visit.due_on else "",
            _("Full checklist due on: %(day)s", day=visit.checklist_due_on)
            if visit.checklist_due_on
            else "",
            _("Last visit: %(day)s", day=visit.visited_on)
            if visit.visited_on
            else _("Never visited"),
        ]
        event.add("description", "\n".join(line for line in lines if line))
        calendar.add_component(event)
    return bytes(calendar.to_ical())

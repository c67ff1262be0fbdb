"""Coverage over HTTP: next visits, a calendar file, gaps, months, left out."""

from datetime import date

import factories
import icalendar
import pytest
from sqlalchemy.orm import Session

from gis_supervision.api.app import create_app
from gis_supervision.settings import Settings
from gis_supervision.storage import database

DAY = "2014-12-30"


@pytest.fixture
def client(fresh_database, serve, tmp_path):
    made = fresh_database()
    engine = database.engine(made.url)
    with Session(engine) as session:
        cell = factories.grid_cell(session, factories.grid(session), code="C1")
        zone = factories.zone(session, code="Z1")
        factories.zone_cell(session, zone, cell)
        factories.assignment(session, zone, factories.inspector(session, staff_number="S-1"))
        shop = factories.premises(session, licence="L1", risk_class="High", category="Shop")
        factories.inspection(session, shop, inspected_on=date(2014, 11, 30))
        factories.premises(session, licence="L2", risk_class="Low", lng=None)
        session.commit()
    engine.dispose()
    return serve(
        create_app(
            Settings(
                home=tmp_path,
                database_url=made.url,
                reader_database_url=made.reader_url,
                language="en",
            )
        )
    )


def test_what_coverage_says_over_http(client):
    calendar = client.get("/coverage/calendar", params={"as_of": DAY, "limit": 1}).json()
    assert (calendar["more"], [one["licence"] for one in calendar["visits"]]) == (True, ["L2"])
    answer = client.get("/coverage/calendars/S-1.ics", params={"as_of": DAY, "days": 300})
    assert answer.headers["content-type"].startswith("text/calendar")
    (event,) = icalendar.Calendar.from_ical(answer.content).walk("VEVENT")
    assert event.decoded("dtstart") == date(2015, 5, 31)
    assert client.get("/coverage/calendars/S-9.ics", params={"as_of": DAY}).status_code == 404
    gaps = client.get("/coverage/gaps", params={"as_of": DAY}).json()
    assert [one["licence"] for one in gaps["premises_never_visited"]] == ["L2"]
    months = client.get("/coverage/months", params={"as_of": DAY, "months": 2}).json()["months"]
    assert [one["due"] for one in months] == [2, 2]
    left_out = client.get("/coverage/left-out", params={"as_of": DAY}).json()["premises"]
    assert [one["reason"] for one in left_out] == ["not_located"]
    for wrong in ("/coverage/months?unit=street", "/coverage/left-out?reason=moved"):
        assert client.get(f"{wrong}&as_of={DAY}").status_code == 422

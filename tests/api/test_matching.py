"""Matching over HTTP: reasons for everybody, and nothing of a home."""

from datetime import date

import factories
import pytest
from sqlalchemy.orm import Session

from gis_supervision.api.app import create_app
from gis_supervision.settings import Settings
from gis_supervision.storage import database


@pytest.fixture
def client(fresh_database, serve, tmp_path):
    endpoint = fresh_database()
    engine = database.engine(endpoint.url)
    with Session(engine) as session:
        of = factories.grid(session)
        zone = factories.zone(session, code="Z1")
        factories.zone_cell(session, zone, factories.grid_cell(session, of, code="C1"))
        shop = factories.premises(session, risk_class="High")
        factories.inspection(session, shop, inspected_on=date(2024, 6, 30))
        for number, home in ((1, "84.6789 44.4321"), (2, "84.0051 44.0049")):
            factories.inspector(
                session,
                staff_number=f"00{number}",
                name="阿依古丽",
                home=f"SRID=4326;POINT({home})",
            )
        session.commit()
    engine.dispose()
    settings = Settings(
        home=tmp_path,
        database_url=endpoint.url,
        reader_database_url=endpoint.reader_url,
        language="en",
    )
    return serve(create_app(settings))


def test_the_nearer_is_chosen_and_the_other_told_why_not(client):
    answer = client.get("/matching", params={"valid_from": "2024-06-30"}).json()
    (zone,) = answer["zones"]
    assert (zone["inspector"], zone["reason"]) == ("002", "chosen_best")
    assert [c["reason"] for c in zone["candidates"]] == ["chosen_best", "dearer"]
    assert answer["free"] == ["001"]
    text = client.get("/matching", params={"limit": 100}).text
    assert "84.6789" not in text
    assert "44.4321" not in text


@pytest.mark.parametrize(
    "wrong",
    [{"load": -1}, {"load": "nan"}, {"least_skilled": 2}, {"limt": 3}, {"to": "2020-01-01"}],
)
def test_wrong_questions_are_refused(client, wrong):
    assert client.get("/matching", params=wrong).status_code == 422


def test_a_day_without_zones_is_told(client):
    answer = client.get("/matching", params={"valid_from": "1999-01-01"})
    assert (answer.status_code, "zones design" in answer.json()["detail"]) == (409, True)


def test_days_beyond_the_calendar_are_refused(client):
    for days in ({"to": "9999-12-31"}, {"valid_from": "2024-06-30", "to": "9999-12-31"}):
        answer = client.get("/matching", params=days)
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"
        assert "0001-01-01" in answer.json()["detail"]

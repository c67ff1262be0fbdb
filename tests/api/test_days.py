"""Days over HTTP: a dispatcher plans, an inspector gets his own routes and nobody else's."""

import base64
from datetime import date, timedelta
from threading import Barrier, Thread

import factories
import gpxpy
import httpx
import icalendar
import pytest
from draws_made import drawn, picked
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis_supervision.api.app import create_app
from gis_supervision.settings import Settings
from gis_supervision.storage import database

MONDAY = "2024-06-03"


@pytest.fixture
def client(fresh_database, serve, tmp_path) -> httpx.Client:
    endpoint = fresh_database()
    engine = database.engine(endpoint.url)
    with Session(engine) as session:
        of = factories.grid(session)
        for number in range(2):
            cell = factories.grid_cell(session, of, geom=factories.square(lng=84 + 0.01 * number))
            zone = factories.zone(session)
            factories.zone_cell(session, zone, cell)
            person = factories.inspector(session, staff_number=f"N{number}", name=f"检查员{number}")
            factories.assignment(session, zone, person)
            for place in range(3):
                factories.premises(
                    session,
                    licence=f"S{number}{place}",
                    lng=84.002 + 0.01 * number + 0.001 * place,
                    lat=44.002,
                    risk_class="High",
                    cell_id=cell.id,
                )
        session.commit()
    engine.dispose()
    settings = Settings(
        home=tmp_path,
        database_url=endpoint.url,
        reader_database_url=endpoint.reader_url,
        language="en",
    )
    client = serve(create_app(settings))
    client.database_url = endpoint.url
    return client


def body(**values):
    return {
        "by": "王芳",
        "first": MONDAY,
        "iterations": 50,
        "office": {"lat": 44.0, "lng": 84.0},
    } | values


def test_a_plan_is_made_and_each_gets_his_own(client):
    made = client.post("/days", json=body())
    assert made.status_code == 201, made.text
    told = made.json()
    assert (told["stops"], told["left_out"]) == (6, {})
    assert told["notes"]["no_calendar"] == 1
    assert "S00" not in made.text
    listed = client.get("/days")
    assert [(one["day"], one["stops"], one["made_by"]) for one in listed.json()["plans"]] == [
        (MONDAY, 6, "王芳")
    ]
    assert "S00" not in listed.text
    own = client.get(f"/days/{MONDAY}/inspectors/N0")
    assert own.headers["cache-control"] == "private, no-store"
    (route,) = own.json()["routes"]
    assert {stop["licence"] for stop in route["stops"]} == {"S00", "S01", "S02"}
    assert "S10" not in own.text
    calendar = client.get(f"/days/{MONDAY}/inspectors/N0", params={"format": "ics"})
    assert calendar.headers["content-type"].startswith("text/calendar")
    assert len(icalendar.Calendar.from_ical(calendar.content).walk("VEVENT")) == 3
    gpx = client.get(f"/days/{MONDAY}/inspectors/N1", params={"format": "gpx"})
    assert len(gpxpy.parse(gpx.text).routes[0].points) == 3
    page = client.get(f"/days/{MONDAY}/inspectors/N1", params={"format": "html"})
    assert "S10" in page.text
    assert "S00" not in page.text


def test_the_pair_of_a_draw_goes_though_it_is_no_team(client):
    engine = database.engine(client.database_url)
    with Session(engine) as session:
        record = drawn(session, day=date.fromisoformat(MONDAY), ratios={"none": 0.5})
        licences = set(picked(session, record))
        session.commit()
    engine.dispose()
    made = client.post("/days", json=body(sources=["draw"], draws=["Q3"], days=2))
    assert made.status_code == 201, made.text
    assert (made.json()["stops"], made.json()["left_out"]) == (3, {})
    routes = client.get(f"/days/{MONDAY}/inspectors/N1", params={"last": "2024-06-04"}).json()
    assert {stop["licence"] for one in routes["routes"] for stop in one["stops"]} == licences
    assert all({one["lead"], one["assistant"]} == {"N0", "N1"} for one in routes["routes"])
    assert client.post("/days", json=body(draws=["Q3"])).status_code == 422
    assert (
        client.post("/days", json=body(sources=["draw"], draws=["Q4"], replace=True)).status_code
        == 404
    )


def test_plans_of_zones_stay_in_force_side_by_side(client):
    engine = database.engine(client.database_url)
    with Session(engine) as session:
        one, other = session.scalars(text("SELECT code FROM zone ORDER BY id"))
    engine.dispose()
    first = client.post("/days", json=body(zones=[one]))
    assert (first.status_code, first.json()["stops"]) == (201, 3)
    again = client.post("/days", json=body(zones=[one]))
    assert again.status_code == 409
    assert one in again.json()["detail"]
    shared = client.post("/days", json=body(zones=[one, other]))
    assert shared.status_code == 409
    assert "N0" in shared.json()["detail"]
    assert client.post("/days", json=body(zones=[other], by="李雷")).json()["stops"] == 3
    listed = client.get("/days").json()["plans"]
    assert [(plan["unit"], plan["made_by"]) for plan in listed] == [(one, "王芳"), (other, "李雷")]
    assert client.post("/days", json=body(zones=["none"])).status_code == 404
    assert client.post("/days", json=body(division="999999")).status_code == 404


def test_stops_and_travel_times_of_files(client):
    keys = ["N0", "N1", "S00", "S11", "office"]
    ways = "".join(f"{a},{b},7\n" for a in keys for b in keys if a < b)
    stops = {"name": "要求.csv", "text": "licence,minutes,hours\nS00,30,10:00-11:00\nS11,20,\n"}
    matrix = {
        "name": "ways.csv",
        "content": base64.b64encode(b"\xef\xbb\xbf" + f"from,to,minutes\n{ways}".encode()).decode(),
    }
    made = client.post("/days", json=body(sources=[], stops=stops, matrix=matrix))
    assert made.status_code == 201, made.text
    assert (made.json()["stops"], made.json()["travel_minutes"]) == (2, 28.0)
    (route,) = client.get(f"/days/{MONDAY}/inspectors/N0").json()["routes"]
    (stop,) = route["stops"]
    assert (stop["licence"], stop["starts"], stop["ends"]) == ("S00", "10:00", "10:30")
    (listed,) = client.get("/days").json()["plans"]
    assert listed["matrix"] == "file"

    def refused(**values):
        answer = client.post("/days", json=body(replace=True, sources=[], **values))
        assert answer.status_code == 422, answer.text
        return answer.json()["detail"]

    bad = "licence,minutes,people\nS00,-3,\nS99,,\nS11,,3\n"
    told = refused(stops=stops | {"text": bad})
    assert "要求.csv: row 2: minutes: expected" in told
    assert "要求.csv: row 3: licence: 'S99' is not in the register" in told
    assert "要求.csv: row 4: people: expected" in told
    told = refused(stops=stops, matrix={"name": "w.csv", "text": "from,to,minutes\nS00,N9,x\n"})
    assert "w.csv: row 2: to: 'N9' is neither" in told
    assert "expected the columns from, to" in refused(
        stops=stops, matrix={"name": "w.csv", "text": "from,minutes\n"}
    )
    assert "UTF-8" in refused(
        stops={"name": "s.csv", "content": base64.b64encode(b"\xff").decode()}
    )
    for wrong in (
        {},
        {"text": "a", "content": "YQ=="},
        {"content": "*"},
        {"text": "a", "name": "a/b"},
    ):
        answer = client.post("/days", json=body(stops={"name": "s.csv"} | wrong))
        assert answer.status_code == 422, wrong
    assert client.get("/days").json()["plans"] == [listed]


def test_nothing_of_a_plan_is_in_layers_or_maps(client):
    client.post("/days", json=body())
    names = [layer["name"] for layer in client.get("/layers").json()["layers"]]
    assert names
    assert not [name for name in names if "route" in name or "day" in name]
    assert not [one for one in client.get("/maps").json()["maps"] if "route" in one["name"]]


def test_two_dispatchers_at_once(client):
    answers, begin = [], Barrier(2)

    def post(who):
        begin.wait()
        answers.append(client.post("/days", json=body(by=who)).status_code)

    threads = [Thread(target=post, args=(who,)) for who in ("王芳", "李雷")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [201, 409]
    assert client.post("/days", json=body(replace=True)).status_code == 201
    history = client.get("/days", params={"history": True}).json()["plans"]
    assert [(one["version"], one["in_force"]) for one in history] == [(1, False), (2, True)]


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"days": 0}, 422),
        ({"matrix": "x"}, 422),
        ({"colour": 1}, 422),
        ({"office": {"lat": 100, "lng": 0}}, 422),
        ({"inspectors": ["N9"]}, 400),
    ],
)
def test_wrong_requests(client, wrong, status):
    answer = client.post("/days", json=body(**wrong))
    assert answer.status_code in {status, 400, 422}, answer.text
    assert client.get("/days").json()["plans"] == []


def test_pages_of_other_sites_plan_nothing(client):
    assert client.post("/days", json=body(by=" ")).status_code == 422
    assert client.post("/days", data={"by": "x"}).status_code == 415
    foreign = {"Origin": "https://other.example"}
    assert client.post("/days", json=body(), headers=foreign).status_code == 403
    day = date.fromisoformat(MONDAY) + timedelta(days=9)
    assert client.get(f"/days/{day}/inspectors/N0").status_code == 404
    assert client.get(f"/days/{MONDAY}/inspectors/N7").status_code == 404
    assert client.get("/days", params={"colour": 1}).status_code in {400, 422}

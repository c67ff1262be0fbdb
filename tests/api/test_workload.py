"""The workload over HTTP: a dispatcher sets the hours of a cell, and the map shows them."""

from datetime import date

import factories
import httpx
import pytest
from sqlalchemy.orm import Session

from gis_supervision.api.app import create_app
from gis_supervision.settings import Settings
from gis_supervision.storage import database

DAY = "2024-06-30"


@pytest.fixture
def client(fresh_database, serve, tmp_path) -> httpx.Client:
    endpoint = fresh_database()
    engine = database.engine(endpoint.url)
    with Session(engine) as session:
        of = factories.grid(session)
        cells = [
            factories.grid_cell(session, of, code=f"C{n}", geom=factories.square(lng=84 + 0.01 * n))
            for n in range(2)
        ]
        zone = factories.zone(session, code="Z1", name="北园春片区")
        for cell in cells:
            factories.zone_cell(session, zone, cell)
        person = factories.inspector(
            session, name="阿依古丽", capacity_hours=10.0, home="SRID=4326;POINT(84.6789 44.4321)"
        )
        factories.assignment(session, zone, person)
        shop = factories.premises(session, risk_class="High")
        factories.inspection(session, shop, inspected_on=date(2024, 6, 30))
        session.commit()
    engine.dispose()
    settings = Settings(
        home=tmp_path,
        database_url=endpoint.url,
        reader_database_url=endpoint.reader_url,
        language="en",
    )
    return serve(create_app(settings))


def test_hours_are_set_shown_and_undone(client):
    before = client.get("/workload", params={"as_of": DAY}).json()
    (zone,) = before["zones"]
    assert zone["hours"] == pytest.approx(2 * (1.5 + 0.4))
    body = {"hours": 33.5, "reason": "新市场", "by": "王芳", "valid_from": DAY}
    made = client.post("/workload/cells/C1", json=body)
    assert made.status_code == 201, made.text
    assert (made.json()["in_force"], made.json()["set_by"]) == (True, "王芳")
    cells = client.get("/workload", params={"as_of": DAY, "unit": "cell"}).json()["cells"]
    assert [(cell["code"], cell["hours"]) for cell in cells] == [("C1", 33.5), ("C0", 3.8)]
    items = client.get("/layers/cell_workload/items", params={"as_of": DAY}).json()["features"]
    shown = {item["properties"]["code"]: item["properties"] for item in items}
    assert (shown["C1"]["set_hours"], shown["C1"]["reason"]) == (33.5, "新市场")
    (load,) = client.get("/layers/zone_load/items", params={"as_of": DAY}).json()["features"]
    assert load["properties"]["load_share"] == pytest.approx(3.73)
    done = client.post("/workload/cells/C1/undo", json={"by": "李娜"})
    assert done.json()["undone_by"] == "李娜"
    after = client.get("/workload", params={"as_of": DAY}).json()
    assert after["zones"] == before["zones"]
    assert [one["hours"] for one in client.get("/workload/cells/C1/log").json()] == [33.5]
    again = client.post("/workload/cells/C1/undo", json={"by": "李娜"})
    assert again.status_code == 409


def test_a_page_of_the_load_tells_no_home(client):
    for path in ("/maps/inspector_load", "/layers/zone_load/items", "/workload"):
        text = client.get(path, params={"as_of": DAY}).text
        assert "84.6789" not in text, path
        assert "44.4321" not in text, path
    assert "阿依古丽" in client.get("/maps/inspector_load", params={"as_of": DAY}).text


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"hours": -1, "reason": "x", "by": "x"}, 422),
        ({"hours": 8784.5, "reason": "x", "by": "x"}, 422),
        ({"hours": 1e300, "reason": "x", "by": "x"}, 422),
        ({"hours": 1, "reason": "", "by": "x"}, 422),
        ({"hours": 1, "reason": " ", "by": "x"}, 422),
        ({"hours": 1, "reason": "x", "by": ""}, 422),
        ({"hours": 1, "reason": "x", "by": " \u3000 "}, 422),
        ({"hours": 1, "reason": "x", "by": "--"}, 422),
        ({"hours": 1, "reason": "x", "by": "a\u0000b"}, 422),
        ({"hours": 1, "reason": "a\u0000b", "by": "x"}, 422),
        ({"hours": 1, "reason": "x"}, 422),
        ({"hours": 1, "reason": "x", "by": "x", "more": 1}, 422),
    ],
)
def test_wrong_bodies_are_refused(client, body, status):
    assert client.post("/workload/cells/C1", json=body).status_code == status


def test_what_is_not_there_and_who_may_not(client):
    body = {"hours": 1, "reason": "x", "by": "x"}
    assert client.post("/workload/cells/C9", json=body).status_code == 404
    foreign = client.post(
        "/workload/cells/C1", json=body, headers={"origin": "https://elsewhere.example"}
    )
    assert foreign.status_code == 403
    assert client.get("/workload", params={"zone": "Z9"}).status_code == 404
    assert client.get("/workload/cells/C9/log").status_code == 404
    assert client.get("/workload/cells/C1/log").json() == []
    assert client.get("/workload", params={"zoen": "Z1"}).status_code == 422

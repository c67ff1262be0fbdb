"""Proposals over HTTP, and two dispatchers at once."""

import threading
from datetime import date, timedelta

import cities
import pytest
from sqlalchemy import text

from gis_supervision.api.app import create_app
from gis_supervision.settings import Settings
from gis_supervision.storage import database
from gis_supervision.storage.database import session_scope

AS_OF = "2024-01-01"


@pytest.fixture
def city(fresh_database):
    endpoint = fresh_database()
    engine = database.engine(endpoint.url)
    with session_scope(engine) as session:
        cities.small(session)
    yield endpoint, engine
    engine.dispose()


@pytest.fixture
def client(city, serve, tmp_path):
    endpoint, _ = city
    settings = Settings(
        home=tmp_path,
        database_url=endpoint.url,
        reader_database_url=endpoint.reader_url,
        rules_path=cities.RULES,
        language="en",
    )
    return serve(create_app(settings))


def post(client, path, code=200, **body):
    answer = client.post(path, json=body)
    assert answer.status_code == code, answer.text
    return answer.json()


def propose(client, kind, code=201, **body):
    return post(client, "/proposals", code, kind=kind, by="An", as_of=AS_OF, **body)


def zones(city, day):
    with session_scope(city[1]) as session:
        return cities.cells_on(session, day)


@pytest.fixture
def today(city):
    with session_scope(city[1]) as session:
        return session.scalar(text("SELECT current_date"))


def test_a_proposal_from_the_wish_to_the_undo(client, city, today):
    before = zones(city, today)
    made = propose(client, "move", cells=["0-0", "0-1"], zone="Z02")
    assert (made["state"], made["made_by"], made["first"]) == ("open", "An", today.isoformat())
    shown = client.get(f"/proposals/{made['id']}").json()
    assert {(row["cell"], row["from_zone"], row["to_zone"]) for row in shown["moved"]} == {
        ("0-0", "Z01", "Z02"),
        ("0-1", "Z01", "Z02"),
    }
    carried = shown["summary"]["hazards"]
    assert carried["total"] == len(shown["cases"]) > 0
    assert carried["total"] == sum(
        carried[severity] for severity in ("critical", "serious", "minor", "unclassified")
    )
    assert shown["cases"][0]["due_on"] == "2024-03-01"
    assert {case["to_name"] for case in shown["cases"]} == {"Person 2"}
    page = client.get("/maps/proposal", params={"proposal": made["id"]})
    assert page.status_code == 200
    assert "Zones before" in page.text
    tag = page.headers["etag"]
    assert zones(city, today) == before
    done = post(client, f"/proposals/{made['id']}/accept", by="Bo")
    assert done["effective_on"] == today.isoformat()
    after = zones(city, today)
    assert {cell for cell in after if after[cell] != before[cell]} == {"0-0", "0-1"}
    page = client.get(
        "/maps/proposal", params={"proposal": made["id"]}, headers={"If-None-Match": tag}
    )
    assert page.status_code == 200, "the decision is shown"
    had = client.get("/premises/L0-0-0/responsible", params={"on": today.isoformat()}).json()
    assert had["periods"][0]["acting"]["staff_number"] == "P2"
    over_time = client.get("/premises/L0-0-0/responsible").json()["periods"]
    assert [one["responsible"]["staff_number"] for one in over_time if one["responsible"]] == [
        "P1",
        "P2",
    ]
    post(client, f"/proposals/{made['id']}/undo", by="Bo", code=422)
    post(client, f"/proposals/{made['id']}/undo", by="Bo", reason="a mistake")
    assert zones(city, today) == before
    states = [
        (event["to_state"], event["actor"])
        for event in client.get(f"/proposals/{made['id']}").json()["history"]
    ]
    assert states == [("open", "An"), ("accepted", "Bo"), ("undone", "Bo")]
    listed = client.get("/proposals", params={"state": "undone"}).json()["proposals"]
    assert [row["id"] for row in listed] == [made["id"]]


def test_every_kind_can_be_proposed_and_mistakes_are_told(client, today):
    first, last = today + timedelta(days=1), today + timedelta(days=9)
    absence = {"staff_number": "P1", "first": str(first), "last": str(last)}
    assert propose(client, "absence", **absence, tolerance=0.5)["absent"] == "P1 Person 1"
    assert propose(client, "repair", tolerance=0.2)["kind"] == "repair"
    assert propose(client, "redesign", zone_count=3, tolerance=0.3)["kind"] == "redesign"
    assert propose(client, "assignment", responsible={"Z01": "P3"})["kind"] == "assignment"
    matched = propose(client, "assignment", code=409)["detail"]
    assert "are responsible for these zones already" in matched, "the matching keeps who knows it"
    propose(client, "absence", code=422, staff_number="P1")
    propose(client, "absence", code=422, **absence, reason="holiday")
    propose(client, "wish", code=422)
    propose(client, "move", code=404, cells=["9-9"], zone="Z01")
    propose(client, "move", code=404, cells=["0-0"], zone="Z99")
    propose(client, "move", code=409, cells=["0-0"], zone="Z01")
    assert client.get("/proposals/99").status_code == 404
    post(client, "/proposals/99/accept", code=404, by="Bo")
    assert client.get("/premises/unknown/responsible").status_code == 404
    number = client.get("/proposals").json()["proposals"][0]["id"]
    post(client, f"/proposals/{number}/reject", code=422, by="Bo")
    post(client, f"/proposals/{number}/reject", by="Bo", reason="no")
    post(client, f"/proposals/{number}/accept", code=409, by="Bo")
    answer = client.post(f"/proposals/{number}/accept", content="by=Bo")
    assert answer.status_code == 415


def test_of_two_dispatchers_at_the_same_moment_exactly_one_wins(client, city, today):
    for round_number in range(4):
        cell = f"0-{round_number % 2}"
        targets = [zone for zone in ("Z01", "Z02", "Z03") if zone != zones(city, today)[cell]]
        numbers = [
            propose(client, "move", cells=[cell, f"{round_number}-3"], zone=zone)["id"]
            for zone in targets[:2]
        ]
        together = threading.Barrier(2)
        answers = {}

        def accept(number, barrier=together, found=answers):
            barrier.wait(30)
            found[number] = client.post(f"/proposals/{number}/accept", json={"by": f"D{number}"})

        threads = [threading.Thread(target=accept, args=(number,)) for number in numbers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        codes = {number: answer.status_code for number, answer in answers.items()}
        assert sorted(codes.values()) == [200, 409]
        (winner,) = (number for number, code in codes.items() if code == 200)
        (loser,) = (number for number, code in codes.items() if code == 409)
        assert f"superseded by proposal {winner}" in answers[loser].json()["detail"]
        assert cell in answers[loser].json()["detail"]
        assert zones(city, today)[cell] == targets[numbers.index(winner)]
    with session_scope(city[1]) as session:
        twice = session.scalar(
            text(
                "SELECT count(*) FROM zone_cell a JOIN zone_cell b"
                " ON a.cell_id = b.cell_id AND a.id < b.id AND a.valid && b.valid"
            )
        )
    assert twice == 0


def test_a_proposal_whose_base_changed_says_what_changed(client, city, today):
    later = date.isoformat(today + timedelta(days=30))
    made = propose(client, "move", cells=["0-0"], zone="Z02", first=later)
    with session_scope(city[1]) as session:
        session.execute(
            text(
                "UPDATE zone_cell SET zone_id = (SELECT id FROM zone WHERE code = 'Z04')"
                " WHERE cell_id = (SELECT id FROM grid_cell WHERE code = '0-0')"
            )
        )
    refused = post(client, f"/proposals/{made['id']}/accept", code=409, by="Bo")
    assert "cell 0-0 is not in zone Z01 any more but in Z04" in refused["detail"]
    elsewhere = propose(client, "move", cells=["0-1"], zone="Z02")
    with session_scope(city[1]) as session:
        session.execute(
            text(
                "UPDATE zone_cell SET zone_id = (SELECT id FROM zone WHERE code = 'Z03')"
                " WHERE cell_id = (SELECT id FROM grid_cell WHERE code = '3-3')"
            )
        )
    post(client, f"/proposals/{elsewhere['id']}/accept", by="Bo")


def test_an_inspector_returns_early_and_everything_with_the_inspector(client, city, today):
    on = zones(city, today)
    first, last = today, today + timedelta(days=9)
    absence = propose(
        client, "absence", staff_number="P1", first=str(first), last=str(last), tolerance=0.5
    )
    post(client, f"/proposals/{absence['id']}/accept", by="Bo")
    assert "Z01" not in zones(city, today).values()
    back = today + timedelta(days=4)
    only_leave = post(client, "/inspectors/P1/leave/end", day=str(back), by="An")
    assert only_leave["covered_by"] == [absence["id"]], "zones stay with the others"
    body = {"day": str(back), "as_of": "2024-01-01"}
    made = post(client, "/inspectors/P1/return", by="An", **body)["proposal"]
    assert (made["kind"], made["first"], made["last"]) == ("return", str(back), str(last))
    assert made["links"][1]["rel"] == "map"
    assert client.get("/maps/proposal", params={"proposal": made["id"]}).status_code == 200
    post(client, f"/proposals/{made['id']}/accept", by="Bo")
    assert zones(city, back) == on
    assert zones(city, back - timedelta(days=1)) != on
    for day, who in ((back - timedelta(days=1), False), (back, True)):
        had = client.get("/premises/L0-0-0/responsible", params={"on": str(day)}).json()
        assert (had["periods"][0]["acting"]["staff_number"] == "P1") is who
    ended = post(client, "/inspectors/P1/leave/end", day=str(today), by="An")
    assert ended["covered_by"] == [absence["id"]]

"""Draws over HTTP: the steps, what the public sees when, and files that verify."""

import json
import subprocess
import sys
import time
import zipfile
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from zoneinfo import ZoneInfo

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
        for number in range(30):
            shop = factories.premises(
                session, licence=f"P{number:02}", name=f"<b>店 {number}</b>", category="catering"
            )
        factories.inspection(session, shop, inspected_on=date(2025, 6, 1))
        for number in range(4):
            person = factories.inspector(session, staff_number=f"S{number}", name=f"王{number}")
            factories.skill(session, person, "catering")
        session.commit()
    engine.dispose()
    return serve(
        create_app(
            Settings(
                home=tmp_path,
                database_url=endpoint.url,
                reader_database_url=endpoint.reader_url,
                language="en",
            )
        )
    )


def plan(client, **changes):
    wish = {"by": "Ann", "name": "Q3", "day": "2025-07-01", "ratios": {"none": 0.2}} | changes
    answer = client.post("/draws", json=wish)
    assert answer.status_code == 201, answer.text
    return answer.json()


def commit(client, number):
    known = datetime.now(UTC) + timedelta(seconds=1)
    source = {"by": "Ann", "randomness": "lottery", "seed_known_from": known.isoformat()}
    answer = client.post(f"/draws/{number}/commitment", json=source)
    assert answer.status_code == 201, answer.text
    time.sleep(max((known - datetime.now(UTC)).total_seconds(), 0) + 0.05)  # its clock is the point
    return answer.json()


def enter(client, number, seed="3.7.12"):
    given = {"by": "Bo", "seed": seed, "source_value": "3 7 12"}
    return client.post(f"/draws/{number}/seed", json=given)


def statuses(client, number):
    names = ("list.txt", "commitment.json", "transcript.json", "draw.zip")
    return [client.get(f"/draws/{number}/files/{name}").status_code for name in names]


def test_a_draw_from_plan_to_the_public_page(client, tmp_path):
    made = plan(client)
    number = made["id"]
    assert made["prospect"]["scope"] == 30
    assert made["prospect"]["eligible"] == 29
    assert client.get(f"/draws/{number}").status_code == 404
    assert client.get("/draws").json() == {"draws": []}
    digest = commit(client, number)["commitment_sha256"]
    assert statuses(client, number) == [200, 200, 404, 404]
    assert client.get(f"/draws/{number}").json()["commitment_sha256"] == digest
    result = enter(client, number)
    assert result.status_code == 201
    assert len(result.json()["results"]) == 7
    assert enter(client, number, "4").status_code == 409
    shown = client.get(f"/draws/{number}").json()
    assert not {"results", "seed"} & shown.keys()
    assert client.get("/layers/drawn_premises/items").json()["features"] == []
    published = client.post(f"/draws/{number}/publication", json={"by": "Ann"})
    assert published.status_code == 201
    assert client.post(f"/draws/{number}/publication", json={"by": "Ann"}).status_code == 409
    assert statuses(client, number) == [200] * 4
    shown = client.get(f"/draws/{number}").json()
    assert {row["licence"] for row in shown["results"]} == {
        row["licence"] for row in result.json()["results"]
    }
    layer = client.get(f"/layers/drawn_premises/items?draw={number}&kind=drawn").json()
    assert {one["id"] for one in layer["features"]} == {
        row["licence"] for row in shown["results"] if row["kind"] == "drawn"
    }
    page = client.get(f"/draw-results/{number}?language=zh_CN")
    assert page.status_code == 200
    assert digest in page.text
    assert "如何核验" in page.text
    drawn_at = datetime.fromisoformat(shown["drawn_at"]).astimezone(ZoneInfo("America/Chicago"))
    assert f"{drawn_at:%Y-%m-%d %H:%M:%S} (UTC-0" in page.text  # the time of the rule pack
    assert "<b>店" not in page.text
    assert "王" not in page.text
    assert str(number) in client.get("/draw-results").text
    assert client.get(f"/maps/drawn_premises?draw={number}").status_code == 200
    bundle = zipfile.ZipFile(BytesIO(client.get(f"/draws/{number}/files/draw.zip").content))
    bundle.extractall(tmp_path)
    command = [sys.executable, "-I", "-S", "verify_draw.py", ".", "--commitment", digest]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert told.returncode == 0, told.stdout
    assert {"list.txt", "README.md", "verify_draw.py"} <= set(bundle.namelist())


def test_a_reserve_stands_for_what_is_closed(client, tmp_path):
    number = plan(client, reserve_ratio=0.5)["id"]
    commit(client, number)
    results = enter(client, number).json()["results"]
    gone = next(row["licence"] for row in results if row["kind"] == "drawn")
    first = next(row["licence"] for row in results if row["kind"] == "reserve")
    given = {"by": "Ann", "licence": gone, "reason": "closed <b>for good</b>", "day": "2025-07-01"}
    address = f"/draws/{number}/substitutions"
    foreign = {"Origin": "https://other.example"}
    assert client.post(address, json=given, headers=foreign).status_code == 403
    for wrong in ({"by": " "}, {"reason": ""}, {"licence": first}, {"day": "2025-06-30"}):
        assert client.post(address, json=given | wrong).status_code == 422, wrong
    assert client.post(address, json=given | {"licence": "X"}).status_code == 404
    made = client.post(address, json=given)
    assert made.status_code == 201, made.text
    rows = {row["licence"]: row for row in made.json()["results"]}
    assert rows[first]["stands_for"] == gone
    assert rows[first]["lead"]
    assert client.post(address, json=given).status_code == 409
    assert client.get(f"/draws/{number}/files/substitutions.json").status_code == 404
    assert "results" not in client.get(f"/draws/{number}").json()
    client.post(f"/draws/{number}/publication", json={"by": "Ann"})
    shown = client.get(f"/draws/{number}").json()
    digest = shown["substitutions_sha256"]
    assert any(link["href"].endswith("substitutions.json") for link in shown["links"])
    assert digest in client.get(f"/draws/{number}/files/substitutions.json").text
    page = client.get(f"/draw-results/{number}?language=zh_CN").text
    assert f"由 {first} 递补" in page
    assert f"递补 {gone}" in page
    assert digest in page
    assert "<b>for good" not in page
    # the substitute comes next to what it stands for, and does not count twice
    assert page.index(f"递补 {gone}") - page.index(f"由 {first} 递补") < 800
    assert "抽中主体 (6)" in page
    layer = client.get(f"/layers/drawn_premises/items?draw={number}&kind=substitute").json()
    assert [one["id"] for one in layer["features"]] == [first]
    assert client.get(f"/maps/drawn_premises?draw={number}").status_code == 200
    bundle = zipfile.ZipFile(BytesIO(client.get(f"/draws/{number}/files/draw.zip").content))
    bundle.extractall(tmp_path)
    command = [sys.executable, "-I", "-S", "verify_draw.py", "."]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout
    assert digest in told.stdout


def test_nothing_of_an_unannounced_draw_leaves_beforehand(client):
    number = plan(client, name="night market 夜市", unannounced=True)["id"]
    commit(client, number)
    assert enter(client, number).status_code == 201
    assert statuses(client, number) == [404] * 4
    for path in (f"/draws/{number}", "/draws", f"/draw-results/{number}", "/draw-results"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert "夜市" not in json.dumps(answer.text, ensure_ascii=False)
        assert "P0" not in answer.text
        assert "3.7.12" not in answer.text
    client.post(f"/draws/{number}/publication", json={"by": "Ann"})
    assert "夜市" in client.get(f"/draw-results/{number}").text
    assert statuses(client, number) == [200] * 4


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"ratio_set": "nothing"}, 404),
        ({"ratios": {"none": 2}}, 422),
        ({"method": "dice"}, 422),
        ({"colour": "red"}, 422),
        ({"by": ""}, 422),
        ({"by": " "}, 422),
        ({"scope": {"division": "999999"}}, 404),
        ({"name": "Q\u202e3"}, 422),
        ({"most_visits": -1}, 422),
    ],
)
def test_wrong_plans_are_refused_and_leave_nothing(client, change, status):
    wish = {"by": "Ann", "name": "Q3", "day": "2025-07-01", "ratios": {"none": 0.2}} | change
    answer = client.post("/draws", json=wish)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert plan(client)["id"]


def test_other_sites_change_nothing(client):
    foreign = {"origin": "http://elsewhere.example"}
    body = {"by": "Ann", "licence": "P00", "reason": "x"}
    assert client.post("/do-not-disturb", json=body, headers=foreign).status_code == 403
    assert client.post("/do-not-disturb", data=body).status_code == 415
    entry = client.post("/do-not-disturb", json=body | {"first_day": "2025-07-01"})
    assert entry.status_code == 201
    assert plan(client)["prospect"]["excluded"] == {"do_not_disturb": 1, "inspected_within": 1}
    ended = client.post(
        f"/do-not-disturb/{entry.json()['id']}/end", json={"by": "Bo", "last_day": "2025-07-05"}
    )
    assert ended.json()["last_day"] == "2025-07-05"
    assert client.get("/draws/99999").status_code == 404
    assert client.get("/draws?x=1").status_code == 422

"""Inspectors over HTTP: dispatchers record, nobody learns of homes or why somebody is away."""

from datetime import date

import factories
import pytest
from sqlalchemy.orm import Session

from gis_supervision.api.app import create_app
from gis_supervision.settings import Settings
from gis_supervision.storage import database

DAY = "2024-06-30"


@pytest.fixture
def client(fresh_database, serve, tmp_path):
    endpoint = fresh_database()
    engine = database.engine(endpoint.url)
    with Session(engine) as session:
        shop = factories.premises(session, licence="JY001")
        factories.inspection(session, shop, inspected_on=date(2024, 6, 30))
        for number in ("001", "002"):
            factories.inspector(
                session,
                staff_number=number,
                name="阿依古丽",
                home="SRID=4326;POINT(84.6789 44.4321)",
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


def test_leave_is_recorded_and_ended_but_its_reason_is_never_told(client):
    body = {"first_day": DAY, "last_day": "2024-07-09", "reason": "sick", "by": "调度员"}
    made = client.post("/inspectors/001/leave", json=body)
    assert (made.status_code, made.json()["available"]) == (201, False)
    assert client.post("/inspectors/001/leave", json=body).status_code == 409
    texts = [client.get(path).text for path in ("/inspectors", "/inspectors/001")]
    assert not [text for text in [made.text, *texts] if "sick" in text or "84.67" in text]
    ended = client.post("/inspectors/001/leave/end", json={"day": DAY, "by": "调度员"})
    assert (ended.json()["ended"], ended.json()["available"]) == (True, True)


def test_certificates_recusals_and_teams(client):
    made = client.post(
        "/inspectors/002/certificates",
        json={
            "skill": "catering",
            "number": "0012",
            "first_day": "2022-01-01",
            "last_day": "2024-07-31",
            "by": "人事科",
        },
    )
    assert made.json()["certificates"][0]["end"] == "2024-08-01"
    (soon,) = client.get("/inspectors/expiring", params={"within": 31}).json()
    assert (soon["staff_number"], soon["days_left"]) == ("002", 31)
    recusal = {"licence": "JY001", "reason": "亲属", "first_day": DAY, "by": "科长"}
    assert client.post("/inspectors/002/recusals", json=recusal).json()["new"]
    assert not client.post("/inspectors/002/recusals", json=recusal).json()["new"]
    assert (
        client.post("/inspectors/002/recusals", json=recusal | {"licence": "JY404"}).status_code
        == 404
    )
    assert (
        client.post(
            "/inspectors/002/recusals", json=recusal | {"licence": None, "owner": "123"}
        ).status_code
        == 422
    )
    assert client.post("/inspectors/002/recusals", json=recusal | {"by": " "}).status_code == 422
    team = {"lead": "001", "assistant": "002", "first_day": DAY, "by": "科长"}
    assert client.post("/teams", json=team).json() == {"new": True}
    assert client.post("/teams", json=team | {"assistant": "001"}).status_code == 422
    roles = {one["staff_number"]: one["role"] for one in client.get("/inspectors").json()}
    assert roles == {"001": "A", "002": "B"}


@pytest.mark.parametrize("path", ["certificates", "leave", "leave/end", "recusals"])
def test_who_may_not_and_what_is_not_there(client, path):
    foreign = {"origin": "https://elsewhere.example"}
    assert client.post(f"/inspectors/001/{path}", json={}, headers=foreign).status_code == 403
    assert client.post(f"/inspectors/001/{path}", json={}).status_code == 422
    assert client.get("/inspectors/404").status_code == 404


def test_who_ended_what_is_kept_and_shown(client):
    day = {"first_day": "2024-01-01", "by": "人事科"}
    client.post("/inspectors/001/certificates", json={"skill": "catering", **day})
    client.post("/inspectors/001/recusals", json={"licence": "JY001", "reason": "亲属", **day})
    client.post("/teams", json={"lead": "001", "assistant": "002", **day})
    leave = {"last_day": "2024-07-09", "reason": "sick", **day}
    client.post("/inspectors/001/leave", json=leave)
    (recusal,) = client.get("/inspectors/001/recusals").json()
    assert (recusal["licence"], recusal["recorded_by"]) == ("JY001", "人事科")
    end = {"day": DAY, "by": "王芳"}
    for path, more in (
        ("certificates", {"skill": "catering"}),
        (f"recusals/{recusal['id']}", {}),
        ("team", {}),
        ("leave", {}),
    ):
        url = f"/inspectors/001/{path}/end"
        assert client.post(url, json={**end, **more, "by": " "}).status_code == 422
        assert client.post(url, json={**end, **more}).status_code == 200, path
        again = client.post(url, json={**end, **more})
        assert again.status_code == 404 or again.json()["ended"] is False, path
    ended = client.get("/inspectors/001").json()["endings"]
    assert [(one["what"], one["target"]) for one in ended] == [
        ("certificate", "catering"),
        ("recusal", "JY001"),
        ("team", "002"),
        ("leave", None),
    ]
    assert {(one["ended_on"], one["ended_by"], one["end"]) for one in ended} == {
        (DAY, "王芳", None),
        (DAY, "王芳", "2024-07-10"),
    }
    (of_colleague,) = client.get("/inspectors/002").json()["endings"]
    assert (of_colleague["what"], of_colleague["target"]) == ("team", "001")
    assert "sick" not in client.get("/inspectors/001").text


def test_a_return_without_a_covered_absence_ends_the_leave_alone(client):
    body = {"first_day": DAY, "last_day": "2024-07-09", "by": "调度员"}
    client.post("/inspectors/001/leave", json=body)
    longer = client.post(
        "/inspectors/001/extension", json={"last_day": "2024-07-20", "day": DAY, "by": "An"}
    )
    assert longer.json() == {"back_on": "2024-07-21", "proposal": None}
    back = client.post("/inspectors/001/return", json={"day": "2024-07-05", "by": "An"})
    assert back.json() == {"back_on": "2024-07-05", "proposal": None}
    again = client.post("/inspectors/001/return", json={"day": "2024-07-05", "by": "An"})
    assert again.status_code == 404

"""Inspectors over HTTP: dispatchers record, nobody learns of homes or why somebody is away."""

import base64
from datetime import date
from tempfile import gettempdir

import factories
import openpyxl
import pytest
from sqlalchemy.orm import Session

from gis_supervision.api.app import create_app
from gis_supervision.importing.people import write_template
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


def test_somebody_is_registered_and_changed(client):
    body = {"staff_number": "003", "name": "李娜", "languages": ["维吾尔语", "zh"], "by": "人事科"}
    made = client.post("/inspectors", json={**body, "home": {"lat": 44.5555, "lng": 84.7777}})
    assert (made.status_code, made.json()["new"]) == (201, True)
    assert (made.json()["languages"], made.json()["recorded_by"]) == (["ug", "zh"], "人事科")
    assert "44.55" not in made.text
    changed = client.post(
        "/inspectors", json={"staff_number": "003", "capacity_hours": 800, "by": "王芳"}
    )
    assert (changed.status_code, changed.json()["new"]) == (200, False)
    told = client.get("/inspectors/003").json()
    assert (told["name"], told["capacity_hours"]) == ("李娜", 800)
    assert (told["languages"], told["recorded_by"]) == (["ug", "zh"], "王芳")


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": " "},
        {"name": None},
        {"capacity_hours": 1e300},
        {"capacity_hours": -1},
        {"languages": ["klingonisch"]},
        {"home": {"lat": 91, "lng": 0}},
        {"by": "  "},
        {"staff_number": " "},
        {"left_on": "2024-02-30"},
    ],
)
def test_who_is_registered_wrongly_is_refused(client, wrong):
    body = {"staff_number": "003", "name": "李娜", "by": "人事科", **wrong}
    refused = client.post("/inspectors", json=body)
    assert refused.status_code == 422, refused.text
    assert refused.headers["content-type"] == "application/problem+json"
    assert client.get("/inspectors/003").status_code == 404


def upload(client, *files, **more):
    listed = [{"name": n, "content": base64.b64encode(c).decode()} for n, c in files]
    return client.post("/inspectors/files", json={"files": listed, "by": "人事科", **more})


def test_files_are_loaded_as_the_command_does(client, tmp_path):
    people = "工号,姓名,年可用工时\n003,李娜,1600\n004,马丽,1500\n".encode("gb18030")
    write_template(tmp_path / "t.xlsx")
    book = openpyxl.load_workbook(tmp_path / "t.xlsx")
    for column, value in enumerate(("003", "餐饮", "C-1", "2024-01-01"), 1):
        book["skills"].cell(2, column, value)
    book.save(tmp_path / "t.xlsx")
    files = (("人员.csv", people), ("t.xlsx", (tmp_path / "t.xlsx").read_bytes()))
    done = upload(client, *files)
    assert done.status_code == 200, done.text
    assert done.json()["counts"]["inspectors"] == {"new": 2, "changed": 0, "unchanged": 0}
    assert done.json()["counts"]["skills"]["new"] == 1
    assert client.get("/inspectors/003").json()["certificates"][0]["number"] == "C-1"
    assert upload(client, *files).json()["counts"]["inspectors"]["unchanged"] == 2


def test_one_wrong_row_and_nothing_is_loaded(client):
    people = "工号,姓名,年可用工时\n003,李娜,1600\n004,马丽,=1+1\n".encode()
    refused = upload(client, ("人员.csv", people))
    assert refused.status_code == 422
    (wrong,) = refused.json()["errors"]
    assert (wrong["file"], wrong["row"], wrong["column"]) == ("人员.csv", 3, "年可用工时")
    assert wrong["expected"]
    assert "人员.csv, row 3, 年可用工时" in refused.json()["detail"]
    assert client.get("/inspectors/003").status_code == 404


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("people.xlsx", b"no workbook"),
        ("people.csv", b""),
        ("people.pdf", b"%PDF"),
        ("../people.csv", b"x"),
        ("people.csv", b"a,b\n1,2\n"),
    ],
)
def test_files_that_are_none_are_refused_without_telling_where_they_lay(client, name, content):
    refused = upload(client, (name, content))
    assert refused.status_code == 422, refused.text
    assert gettempdir() not in refused.text
    assert upload(client, ("a.csv", b"x"), ("a.csv", b"x")).status_code == 422


@pytest.mark.parametrize("name", [".", "..", "人" * 120 + ".csv", "\x7f/people.csv"])
def test_what_cannot_be_the_name_of_a_file_is_refused(client, name):
    people = "工号,姓名,年可用工时\n003,李娜,1600\n".encode()
    refused = upload(client, (name, people))
    assert refused.status_code == 422, refused.text
    assert client.get("/inspectors/003").status_code == 404


def test_which_names_of_files_there_can_be_is_told(client):
    name, longest = "人" * 84 + ".csv", "人" * 83 + "ab.csv"
    people = "工号,姓名,年可用工时\n003,李娜,1600\n".encode()
    refused = upload(client, (name, people))
    assert "expected the name of a file, of at most 255 bytes" in refused.text
    files = [{"name": "..", "content": ""}]
    chinese = client.post(
        "/inspectors/files",
        json={"files": files, "by": "人事科"},
        params={"language": "zh_CN"},
    )
    assert "应为不超过 255 字节的文件名" in chinese.text
    assert upload(client, (longest, people)).status_code == 200

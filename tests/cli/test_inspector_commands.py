"""Inspectors on the command line, from a workbook to the end of a leave."""

import json
import os
from datetime import date

import factories
import openpyxl
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from gis_supervision.cli import inspectors
from gis_supervision.errors import ConflictError, InvalidInputError, NotFoundError
from gis_supervision.settings import ENV_PREFIX
from gis_supervision.storage import database

PEOPLE = """工号,姓名,年可用工时,语言,住址纬度,住址经度
001,阿依古丽,1600,维吾尔语,44.4321,84.6789
002,王芳,1500,zh,,
"""


@pytest.fixture
def run(fresh_database, tmp_path, monkeypatch):
    """Run a command against a database with one premises; two inspectors are loaded."""
    endpoint = fresh_database()
    monkeypatch.setenv(f"{ENV_PREFIX}DATABASE_URL", endpoint.url)
    monkeypatch.setenv(f"{ENV_PREFIX}READER_DATABASE_URL", endpoint.reader_url)
    monkeypatch.setenv(f"{ENV_PREFIX}HOME", str(tmp_path))
    monkeypatch.setenv(f"{ENV_PREFIX}LANGUAGE", "en")
    monkeypatch.chdir(tmp_path)
    engine = database.engine(endpoint.url)
    with Session(engine) as session:
        shop = factories.premises(session, licence="JY001")
        factories.inspection(session, shop, inspected_on=date(2024, 6, 30))
        session.commit()
    engine.dispose()
    (tmp_path / "people.csv").write_text(PEOPLE, encoding="utf-8-sig")

    def command(*arguments, code=0, as_json=True):
        done = CliRunner().invoke(inspectors.app, [*arguments, *(["--json"] if as_json else [])])
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == code, done.output
        return json.loads(done.stdout) if as_json else done.stdout

    assert command("load", "people.csv", "--by", "人事科")["status"] == "loaded"
    return command


def test_wrong_rows_are_told_and_written_to_a_file(run, tmp_path):
    (tmp_path / "wrong.csv").write_text(PEOPLE.replace("1500", "=1+1"), encoding="utf-8")
    done = run("load", "wrong.csv", "--report", "report.xlsx", code=6)
    assert [(one["row"], one["column"]) for one in done["wrong"]] == [(3, "年可用工时")]
    rows = list(openpyxl.load_workbook(tmp_path / "report.xlsx").active.values)
    assert rows[1][:3] == ("wrong.csv", "3", "年可用工时")
    assert rows[1][3].endswith("=1+1")
    assert "mend" in run("load", "wrong.csv", code=6, as_json=False)
    assert "Unchanged" in run("load", "people.csv", as_json=False)
    with pytest.raises(InvalidInputError, match="ends in"):
        run("load", "people.csv", "--report", "report.doc")


def test_the_template_can_be_filled_and_loaded(run, tmp_path):
    for words, name in (((), "工号"), (("--no-chinese",), "staff_number")):
        run("template", "t.xlsx", *words, as_json=False)
        book = openpyxl.load_workbook(tmp_path / "t.xlsx")
        assert book["inspectors"]["A1"].value == name
        for column, value in enumerate(("003", "李娜", "1600"), 1):
            book["inspectors"].cell(2, column, value)
        book.save(tmp_path / "t.xlsx")
        done = run("load", "t.xlsx")
        assert done["counts"]["inspectors"]["new"] == (not words)
    with pytest.raises(InvalidInputError, match=r"\.xlsx"):
        run("template", "t.csv", as_json=False)
    with pytest.raises(InvalidInputError, match="no directory"):
        run("template", "none/t.xlsx", as_json=False)


def test_home_and_leave_are_told_when_they_are_asked_for_alone(run):
    run("leave", "001", "2024-06-20", "2024-07-10", "--reason", "病假", "--by", "调度员")
    for words in (("list",), ("show", "001")):
        plain = json.dumps(run(*words))
        assert "44.4321" not in plain
        assert "sick" not in plain
    assert [one["available"] for one in run("list")] == [False, True]
    personal = run("show", "001", "--personal")
    assert personal["home"]["lat"] == 44.4321
    assert [one["reason"] for one in personal["leave"]] == ["sick"]
    for words in (("list",), ("show", "001"), ("show", "001", "--personal")):
        assert "阿依古丽" in run(*words, as_json=False)


def test_leave_ends_early(run):
    run("leave", "001", "2024-07-01", "2024-07-10")
    with pytest.raises(ConflictError, match="end it first"):
        run("leave", "001", "2024-07-10", "2024-07-11")
    assert run("leave", "001", "--end", "2024-07-05") == []
    assert "2024-07-04" in run("leave", "001", "2024-06-01", "2024-06-02", as_json=False)
    with pytest.raises(NotFoundError, match="no leave"):
        run("leave", "001", "--end", "2024-07-05")
    with pytest.raises(InvalidInputError, match="first and a last day"):
        run("leave", "001", "2024-07-10")


def test_certificates_are_given_listed_and_ended(run):
    held = run("skill", "001", "餐饮", "--from", "2022-01-01", "--to", "2024-07-31",
               "--certificate", "0012")  # fmt: skip
    assert held == [
        {"skill": "catering", "number": "0012", "first": "2022-01-01", "end": "2024-08-01"}
    ]
    (soon,) = run("expiring", "--within", "31")
    assert (soon["staff_number"], soon["days_left"], soon["last_day"]) == ("001", 31, "2024-07-31")
    assert run("expiring", "--within", "30") == []
    assert "0012" in run("expiring", as_json=False)
    assert "catering" in run("skill", "001", "production", as_json=False)
    run("skill", "001", "餐饮", "--end", "2024-01-01")
    with pytest.raises(NotFoundError, match="no certificate"):
        run("skill", "001", "餐饮", "--end", "2024-06-01")
    with pytest.raises(InvalidInputError, match="餐饮"):
        run("skill", "001", "烹饪")


def test_recusals_and_teams(run):
    (one,) = run("recuse", "001", "--licence", "JY001", "--reason", "亲属", "--by", "科长")
    assert (one["licence"], one["first"]) == ("JY001", "2024-06-30")
    assert "亲属" in run("recuse", "001", "--licence", "JY001", "--reason", "亲属", as_json=False)
    with pytest.raises(NotFoundError, match="expected one of"):
        run("recuse", "001", "--recusal", "999", "--end", "2024-08-01")
    assert run("recuse", "001", "--recusal", str(one["id"]), "--end", "2024-08-01") == []
    for words, error in (
        (("--licence", "JY404", "--reason", "x"), NotFoundError),
        (("--owner", "123", "--reason", "x"), InvalidInputError),
        (("--licence", "JY001"), InvalidInputError),
        (("--reason", "x"), InvalidInputError),
    ):
        with pytest.raises(error):
            run("recuse", "002", *words)
    assert run("team", "001", "002", "--from", "2024-01-01") == {"new": 1}
    assert {one["role"] for one in run("list")} == {"A", "B"}
    assert "B 002" in run("team", "001", "002", "--from", "2024-01-01", as_json=False)
    assert run("team", "002", "--end", "2024-06-01") == {"ended": 1}
    with pytest.raises(NotFoundError, match="no team"):
        run("team", "002", "--end", "2024-06-01")
    with pytest.raises(InvalidInputError, match="two staff numbers"):
        run("team", "002")


def test_one_inspector_is_registered_and_changed_in_part(run):
    assert run("register", "009", "--name", "赵敏", "--language", "哈萨克语")["new"]
    run("register", "009", "--capacity-hours", "0", "--home", "44.5,84.5")
    told = run("show", "009", "--personal")
    assert (told["name"], told["languages"], told["capacity_hours"]) == ("赵敏", ["kk"], 0.0)
    assert told["home"] == {"lat": 44.5, "lng": 84.5}
    run("register", "009", "--home", "none", "--left-on", "2024-06-01")
    assert "009" not in {one["staff_number"] for one in run("list")}
    for words in (("010",), ("009", "--home", "84.5"), ("009", "--home", "184,44")):
        with pytest.raises(InvalidInputError):
            run("register", *words)
    with pytest.raises(NotFoundError, match="did you mean"):
        run("show", "09")


def test_nobody_records_nothing(run):
    for words in (
        ("skill", "001", "catering"),
        ("leave", "001", "2024-07-01", "2024-07-05"),
        ("recuse", "001", "--licence", "JY001", "--reason", "亲属"),
        ("team", "001", "002"),
        ("load", "people.csv"),
    ):
        with pytest.raises(InvalidInputError, match="name of who"):
            run(*words, "--by", "  ")
    shown = run("show", "001", "--personal")
    assert (shown["certificates"], shown["leave"], shown["recusals"]) == ([], [], [])
    with pytest.raises(InvalidInputError, match="from 0 to 8784"):
        run("register", "001", "--capacity-hours", "1e300")
    with pytest.raises(InvalidInputError, match="name of who"):
        run("register", "001", "--capacity-hours", "100", "--by", " ")
    assert run("show", "001")["recorded_by"] == "人事科"
    run("register", "001", "--capacity-hours", "1600", "--by", "王芳")
    assert run("show", "001")["recorded_by"] == "人事科", "nothing was changed"
    run("register", "001", "--capacity-hours", "100", "--by", "王芳")
    assert run("show", "001")["recorded_by"] == "王芳"


def test_who_was_registered_before_the_time_was_kept_is_shown(run):
    engine = database.engine(os.environ[f"{ENV_PREFIX}DATABASE_URL"])
    with database.session_scope(engine) as session:
        session.execute(text("UPDATE inspector SET recorded_by = NULL, recorded_at = NULL"))
    engine.dispose()
    told = run("show", "001")
    assert (told["recorded_by"], told["recorded_at"]) == (None, None)
    assert "Recorded by" in run("show", "001", as_json=False)

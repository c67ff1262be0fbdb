"""Days, as a dispatcher plans them and an inspector takes them along."""

import json
import os
import stat
from datetime import date

import factories
import geopandas
import pytest
import shapely
from draws_made import drawn
from sqlalchemy import text
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from gis_supervision.cli import days
from gis_supervision.errors import ConflictError, InvalidInputError, NotFoundError
from gis_supervision.settings import ENV_PREFIX
from gis_supervision.storage import database

MONDAY = "2024-06-03"
OFFICE = ("--office", "44.0,84.0", "--iterations", "50")


@pytest.fixture
def run(fresh_database, tmp_path, monkeypatch):
    """Run a command against a database with an inspector and three premises that are due."""
    endpoint = fresh_database()
    monkeypatch.setenv(f"{ENV_PREFIX}DATABASE_URL", endpoint.url)
    monkeypatch.setenv(f"{ENV_PREFIX}READER_DATABASE_URL", endpoint.reader_url)
    monkeypatch.setenv(f"{ENV_PREFIX}HOME", str(tmp_path))
    monkeypatch.setenv(f"{ENV_PREFIX}LANGUAGE", "zh_CN")
    engine = database.engine(endpoint.url)
    with Session(engine) as session:
        factories.inspector(session, staff_number="001", name="王芳")
        for number in range(3):
            factories.premises(
                session, licence=f"S{number}", name=f"饭馆{number}", lng=84.001 + 0.001 * number,
                lat=44.001, risk_class="High",
            )  # fmt: skip
        factories.premises(session, licence="S9", lng=None, risk_class="High")
        session.commit()
    engine.dispose()

    def command(*arguments, as_json=True):
        done = CliRunner().invoke(days.app, [*arguments, *(["--json"] if as_json else [])])
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout) if as_json else done.stdout

    return command


def test_days_are_planned_shown_and_taken_along(run, tmp_path):
    made = run("plan", MONDAY, *OFFICE, "--by", "李雷")
    assert (made["stops"], made["left_out"]) == (3, {"S9": "not_located"})
    with pytest.raises(ConflictError):
        run("plan", MONDAY, *OFFICE)
    said = run("plan", MONDAY, *OFFICE, "--replace", "--by", "李雷", as_json=False)
    assert "1 × 位置未知" in said
    assert [one["version"] for one in run("list")] == [2]
    assert [one["version"] for one in run("list", "--history")] == [1, 2]
    said = run("list", as_json=False)
    assert "李雷" in said
    assert "全局" in said
    with pytest.raises(NotFoundError, match="zone 'Z9'"):
        run("plan", MONDAY, *OFFICE, "--zone", "Z9")
    with pytest.raises(NotFoundError, match="999999"):
        run("plan", MONDAY, *OFFICE, "--division", "999999")
    shown = run("show", MONDAY)
    assert [stop["licence"] for stop in shown["routes"][0]["stops"]]
    assert [one["reason"] for one in shown["left_out"]] == ["not_located"]
    assert "饭馆1" in run("show", MONDAY, as_json=False)
    for suffix in ("html", "csv", "xlsx", "gpx", "ics"):
        file = tmp_path / f"routes.{suffix}"
        assert run("export", MONDAY, str(file), "--inspector", "001")["stops"] == 3
        assert file.stat().st_size > 200
    assert stat.S_IMODE((tmp_path / "routes.ics").stat().st_mode) == 0o600
    assert "3 个任务点" in run("export", MONDAY, str(tmp_path / "r.gpx"), as_json=False)
    with pytest.raises(NotFoundError):
        run("show", "2024-07-01")


def test_stops_of_a_file_alone(run, tmp_path):
    file = tmp_path / "stops.csv"
    file.write_text("licence,minutes\nS1,20\n", encoding="utf-8")
    made = run("plan", MONDAY, *OFFICE, "--source", "none", "--stops", str(file))
    assert (made["stops"], made["left_out"]) == (1, {})


def test_a_day_without_routes_says_so_and_what_is_left_out(run, tmp_path):
    file = tmp_path / "stops.csv"
    file.write_text("licence\nS9\n", encoding="utf-8")
    run("plan", MONDAY, *OFFICE, "--source", "none", "--stops", str(file))
    shown = run("show", MONDAY)
    assert (shown["routes"], [one["licence"] for one in shown["left_out"]]) == ([], ["S9"])
    said = run("show", MONDAY, as_json=False)
    assert f"{MONDAY} 没有路线" in said
    assert "S9" in said


def test_the_table_of_working_days_is_the_offices(run, tmp_path, monkeypatch):
    table = tmp_path / "days.toml"
    table.write_text(
        'name = "office"\nversion = "1"\nyears = [2024]\n[[holidays]]\n'
        'title = { en = "Feast", zh_CN = "节" }\nfirst = 2024-06-03\n'
        'make_up_days = [2024-06-08]\nsource = "notice"\n',
        encoding="utf-8",
    )
    assert "2 天不在工作日表中" in run("plan", MONDAY, *OFFICE, "--days", "2", as_json=False)
    monkeypatch.setenv(f"{ENV_PREFIX}WORKING_DAYS_PATH", str(table))
    made = run("plan", MONDAY, *OFFICE, "--days", "5", "--replace")
    assert made["days"] == [f"2024-06-0{day}" for day in range(4, 9)]
    assert "no_calendar" not in made["notes"]
    every = run("plan", MONDAY, *OFFICE, "--days", "1", "--replace", "--weekends")
    assert every["days"] == [MONDAY]


def test_premises_drawn_are_left_out_with_the_reason(run):
    engine = database.engine(os.environ[f"{ENV_PREFIX}DATABASE_URL"])
    with Session(engine) as session:
        drawn(session, day=date.fromisoformat(MONDAY), ratios={"none": 0.5})
        session.commit()
    engine.dispose()
    made = run("plan", MONDAY, *OFFICE, "--draw", "Q3")
    assert set(made["left_out"].values()) == {"no_pair"}
    said = run("plan", MONDAY, *OFFICE, "--source", "draw", "--replace", as_json=False)
    assert "2 × 未抽到检查人员配对" in said
    assert "随机抽中" not in run("show", MONDAY, as_json=False)
    with pytest.raises(InvalidInputError, match="by: expected"):
        run("plan", MONDAY, *OFFICE, "--replace", "--by", "  ")


def test_what_is_wrong_is_told(run, tmp_path):
    with pytest.raises(InvalidInputError, match="office"):
        run("plan", MONDAY, "--office", "84")
    with pytest.raises(InvalidInputError, match="latitude first"):
        run("plan", MONDAY, "--office", "184,44")
    with pytest.raises(InvalidInputError, match="source x"):
        run("plan", MONDAY, "--source", "x")
    with pytest.raises(NotFoundError):
        run("plan", MONDAY, "--matrix", str(tmp_path / "none.csv"))
    run("plan", MONDAY, *OFFICE)
    with pytest.raises(InvalidInputError, match=r"ends in .html, .csv, .xlsx, .gpx or .ics"):
        run("export", MONDAY, str(tmp_path / "routes.docx"))
    with pytest.raises(InvalidInputError, match="no directory"):
        run("export", MONDAY, str(tmp_path / "none" / "routes.gpx"))
    (tmp_path / "folder.gpx").mkdir()
    with pytest.raises(InvalidInputError, match=r"folder.gpx cannot be written: Is a directory"):
        run("export", MONDAY, str(tmp_path / "folder.gpx"))


def test_roads_are_loaded_and_travelled(run, tmp_path, engine):
    with Session(engine) as session:
        there = session.scalar(
            text("SELECT count(*) FROM pg_available_extensions WHERE name = 'pgrouting'")
        )
    if not there:
        pytest.skip("pgRouting is not installed beside this PostgreSQL (it is optional)")
    line = shapely.LineString([(84.0, 44.0), (84.0, 44.001), (84.01, 44.001)])
    file = tmp_path / "roads.gpkg"
    geopandas.GeoDataFrame({"kmh": [40.0]}, geometry=[line], crs=4326).to_file(file)
    made = run("roads", str(file), "--speed", "kmh")
    assert (made["edges"], made["parts"], made["largest"]) == (1, 1, 1.0)
    assert "路段" in run("roads", str(file), as_json=False)
    assert run("plan", MONDAY, *OFFICE, "--matrix", "roads")["stops"] == 3

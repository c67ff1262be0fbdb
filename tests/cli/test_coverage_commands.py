"""Coverage as commands: next visits, gaps, months, left out; the roll-up."""

import json
from datetime import date

import factories
import icalendar
import pytest
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from gis_supervision.cli import analyses, coverage, db
from gis_supervision.errors import InvalidInputError, UnavailableError
from gis_supervision.settings import ENV_PREFIX, Settings
from gis_supervision.storage import database

DAY = "2014-12-30"


@pytest.fixture
def endpoint(fresh_database, tmp_path, monkeypatch):
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
    monkeypatch.setenv(f"{ENV_PREFIX}DATABASE_URL", made.url)
    monkeypatch.setenv(f"{ENV_PREFIX}READER_DATABASE_URL", made.reader_url)
    monkeypatch.setenv(f"{ENV_PREFIX}HOME", str(tmp_path))
    monkeypatch.setenv(f"{ENV_PREFIX}LANGUAGE", "en")
    return made


def run(app, *words, code=0, as_json=True):
    done = CliRunner().invoke(app, [*words, *(["--json"] if as_json else [])])
    assert done.exit_code == code, (done.output, done.exception)
    return json.loads(done.stdout) if as_json and code == 0 else done.stdout


@pytest.mark.usefixtures("endpoint")
def test_commands_tell_what_is_due_what_lacks_and_what_was(tmp_path):
    made = run(analyses.app, "--as-of", DAY)
    assert {one["kind"] for one in made} >= {"coverage", "coverage_months", "hotspots"}
    visits = run(coverage.app, "calendar", "--ics", str(tmp_path / "visits.ics"))
    assert [one["licence"] for one in visits] == ["L2", "L1"]
    events = icalendar.Calendar.from_ical((tmp_path / "visits.ics").read_bytes()).walk("VEVENT")
    assert len(events) == 2
    assert run(coverage.app, "calendar", "--days", "0", "--inspector", "S-1") == []
    gaps = run(coverage.app, "gaps")
    assert [one["licence"] for one in gaps["premises_never_visited"]] == ["L2"]
    assert gaps["cells_without_inspector"] == []
    months = run(coverage.app, "months", "--months", "3", "--unit", "category")
    assert [(one["unit"], one["period_end"], one["due"]) for one in months[-3:]] == [
        ("Shop", "2014-10-31", 1),
        ("Shop", "2014-11-30", 1),
        ("Shop", DAY, 1),
    ]
    assert [one["share_on_time"] for one in months[-3:]] == [0, 1, 1]
    assert [one["reason"] for one in run(coverage.app, "left-out")] == ["not_located"]
    for command in ("calendar", "gaps", "months", "left-out"):
        assert "L2" in run(coverage.app, command, as_json=False) or command == "months"


@pytest.mark.usefixtures("endpoint")
def test_a_wrong_rollup_is_told_and_mended():
    found = run(db.app, "rollup")
    assert (found["premises"], found["without_cell"], found["right"]) == (2, 2, True)
    engine = database.engine(Settings().database_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM h3_rollup WHERE resolution = 3")
    engine.dispose()
    run(db.app, "rollup", code=1)
    assert run(db.app, "rollup", "--rebuild")["different"] == {}


@pytest.mark.usefixtures("endpoint")
def test_a_calendar_that_cannot_be_made_says_why(tmp_path):
    run(analyses.app, "--as-of", DAY)
    for days in ("9999999", "9999999999"):
        failed = CliRunner().invoke(coverage.app, ["calendar", "--days", days])
        assert isinstance(failed.exception, InvalidInputError)
        assert str(failed.exception) == f"days {days}: the calendar does not go so far"
    nowhere = tmp_path / "missing" / "visits.ics"
    failed = CliRunner().invoke(coverage.app, ["calendar", "--ics", str(nowhere)])
    assert isinstance(failed.exception, UnavailableError)
    assert str(nowhere) in str(failed.exception)

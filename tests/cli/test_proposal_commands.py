"""A dispatcher's commands one after the other, on a database of its own."""

import json
from datetime import date, timedelta

import cities
import pytest
from typer.testing import CliRunner

from gis_supervision.cli import inspectors, proposals, zones
from gis_supervision.errors import ConflictError, InvalidInputError, NotFoundError
from gis_supervision.settings import ENV_PREFIX
from gis_supervision.storage import database
from gis_supervision.storage.database import session_scope


@pytest.fixture
def run(fresh_database, tmp_path, monkeypatch):
    endpoint = fresh_database()
    engine = database.engine(endpoint.url)
    with session_scope(engine) as session:
        cities.small(session)
    engine.dispose()
    monkeypatch.setenv(f"{ENV_PREFIX}DATABASE_URL", endpoint.url)
    monkeypatch.setenv(f"{ENV_PREFIX}READER_DATABASE_URL", endpoint.reader_url)
    monkeypatch.setenv(f"{ENV_PREFIX}HOME", str(tmp_path))
    monkeypatch.setenv(f"{ENV_PREFIX}LANGUAGE", "en")

    def command(app, *words, error=None, as_json=True):
        more = ["--json"] if as_json else []
        done = CliRunner().invoke(app, [*map(str, words), *more])
        if error is not None:
            assert isinstance(done.exception, error), done.output
            return str(done.exception)
        assert done.exit_code == 0, (done.output, done.exception)
        return json.loads(done.stdout) if as_json else done.stdout

    return command


def test_an_absence_is_one_command_and_an_acceptance(run, tmp_path):
    first = date.today() + timedelta(days=2)  # noqa: DTZ011 - the database says today in UTC too
    last = first + timedelta(days=6)
    made = run(
        zones.app,
        *("absence", "P2", "--from", first, "--to", last, "--by", "An"),
        *("--tolerance", "0.5", "--as-of", "2024-01-01"),
    )
    assert (made["kind"], made["absent"], made["last"]) == ("absence", "P2 Person 2", str(last))
    text = run(proposals.app, "show", made["id"], as_json=False)
    assert "absence covered" in text
    assert "Hazards carried along" in text
    page = tmp_path / "before_after.html"
    run(proposals.app, "map", made["id"], "--output", page)
    assert "Cells moved" in page.read_text(encoding="utf-8")
    done = run(proposals.app, "accept", made["id"], "--by", "Bo")
    assert done["effective_on"] == str(first)
    meanwhile = run(zones.app, "responsible", "L0-2-0", "--on", last)["periods"][0]
    assert meanwhile["acting"]["staff_number"] != "P2"
    after = run(zones.app, "responsible", "L0-2-0", "--on", last + timedelta(days=1))
    assert after["periods"][0]["acting"]["staff_number"] == "P2"
    assert "Person 2" in run(zones.app, "responsible", "L0-2-0", as_json=False)
    run(proposals.app, "undo", made["id"], "--by", "Bo")
    assert run(proposals.app, "list", "--state", "undone")[0]["id"] == made["id"]
    assert "undone" in run(proposals.app, "list", as_json=False)


def test_a_design_where_zones_are_in_force_is_a_proposal(run):
    before = run(zones.app, "show")
    assert "expected who makes it" in run(zones.app, "design", error=InvalidInputError)
    design = ("design", "--zones", 4, "--tolerance", 0.3, "--by", "An")
    made = run(zones.app, *design)
    assert (made["kind"], made["state"]) == ("redesign", "open")
    assert run(zones.app, "show") == before
    run(proposals.app, "reject", made["id"], "--by", "Bo", "--reason", "not now")
    message = run(proposals.app, "accept", made["id"], "--by", "Bo", error=ConflictError)
    assert "rejected" in message


def test_moves_repairs_and_people(run):
    as_of = ("--as-of", "2024-01-01", "--by", "An")
    moved = run(proposals.app, "move", "0-0", "--to", "Z02", *as_of)
    assert moved["summary"]["cells_moved"] == 1
    assert run(proposals.app, "withdraw", moved["id"], "--by", "An")["state"] == "withdrawn"
    repaired = run(proposals.app, "repair", "--tolerance", "0.2", "--pin", "0-0", *as_of)
    assert repaired["parameters"]["pinned"] == ["0-0"]
    people = run(proposals.app, "assign", "Z01=P2", "Z02=", *as_of)
    assert people["parameters"]["responsible"] == {"Z01": "P2", "Z02": None}
    wrong = run(proposals.app, "assign", "Z01", *as_of, error=InvalidInputError)
    assert "expected ZONE=STAFF_NUMBER" in wrong


def test_back_early_and_later_are_one_command_each(run):
    day = date.today() + timedelta(days=2)  # noqa: DTZ011 - the database says today in UTC too
    times = ("--from", day, "--to", day + timedelta(days=9))
    work = ("--as-of", "2024-01-01", "--by", "An")
    made = run(zones.app, "absence", "P2", *times, "--tolerance", "0.5", *work)
    run(proposals.app, "accept", made["id"], "--by", "Bo")
    back = day + timedelta(days=4)
    ending = ("leave", "P2", "--end", day + timedelta(days=8), "--by", "An")
    assert "zones return P2" in run(inspectors.app, *ending, as_json=False)
    found = run(zones.app, "return", "P2", "--on", back, *work)
    assert (found["kind"], found["first"]) == ("return", str(back))
    assert "back early" in run(proposals.app, "show", found["id"], as_json=False)
    run(proposals.app, "accept", found["id"], "--by", "Bo")
    periods = [
        run(zones.app, "responsible", "L0-2-0", "--on", on)["periods"][0]["acting"]
        for on in (back - timedelta(days=1), back)
    ]
    assert [one["staff_number"] == "P2" for one in periods] == [False, True]
    run(proposals.app, "undo", found["id"], "--by", "Bo")
    longer = run(zones.app, "extend", "P2", "--to", day + timedelta(days=20), "--on", day, *work)
    assert (longer["kind"], longer["last"]) == ("absence", str(day + timedelta(days=20)))
    run(proposals.app, "withdraw", longer["id"], "--by", "Bo")
    told = run(zones.app, "return", "P4", "--on", day, *work, error=NotFoundError)
    assert "no leave" in told

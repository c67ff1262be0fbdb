"""Draws as an office makes them at the command line."""

import hashlib
import json
import time
from datetime import UTC, datetime, timedelta

import factories
import pytest
from typer.testing import CliRunner

from gis_supervision.cli.entry import app, exit_code
from gis_supervision.errors import SupervisionError
from gis_supervision.language import translator
from gis_supervision.storage import database


@pytest.fixture
def office(fresh_database, monkeypatch, tmp_path):
    endpoint = fresh_database()
    monkeypatch.setenv("GIS_SUPERVISION_HOME", str(tmp_path))
    monkeypatch.setenv("GIS_SUPERVISION_DATABASE_URL", endpoint.url)
    monkeypatch.setenv("GIS_SUPERVISION_READER_DATABASE_URL", endpoint.reader_url)
    monkeypatch.setenv("GIS_SUPERVISION_LANGUAGE", "en")
    engine = database.engine(endpoint.url)
    with database.session_scope(engine) as session:
        for number in range(50):
            factories.premises(session, licence=f"P{number:02}", category="catering")
        for _ in range(3):
            factories.skill(session, factories.inspector(session), "catering")
    engine.dispose()


def run(*arguments, code=0):
    done = CliRunner().invoke(app, arguments)
    status = done.exit_code
    if isinstance(done.exception, SupervisionError):
        status = exit_code(done.exception)
    assert status == code, (done.output, done.exception)
    return done.stdout if code == 0 else f"{done.output}{done.exception}"


@pytest.mark.usefixtures("office")
def test_a_draw_in_three_commands_and_its_check(tmp_path, monkeypatch):
    run("draw", "exclude", "add", "P00", "--reason", "model", "--from", "2025-01-01")
    known = datetime.now(UTC) + timedelta(seconds=4)
    planned = json.loads(
        run(
            *("draw", "plan", "Q3", "--day", "2025-07-01", "--ratio", "none=0.1"),
            *("--randomness", "lottery", "--known-from", known.isoformat(), "--json"),
        )
    )
    assert planned["state"] == "committed"
    assert planned["prospect"]["excluded"] == {"do_not_disturb": 1}
    assert planned["quotas"] == {"none": 5}
    time.sleep(max((known - datetime.now(UTC)).total_seconds(), 0) + 0.05)  # its clock is the point
    drawn = json.loads(run("draw", "seed", "Q3", "3.7.12", "--json"))
    assert sum(row["kind"] == "drawn" for row in drawn["results"]) == 5
    assert "entered by" in run("draw", "seed", "Q3", "4", code=4)
    gone = next(row["licence"] for row in drawn["results"] if row["kind"] == "drawn")
    asked = ("draw", "substitute", "Q3", gone, "--reason", "closed for good")
    assert f"← {gone}" in run(*asked, "--day", "2025-07-01")
    told = json.loads(run("draw", "result", "Q3", "--json"))
    assert [row["stands_for"] for row in told["results"] if row["stands_for"]] == [gone]
    assert "stands for" in run(*asked, "--day", "2025-07-01", code=4)
    place = tmp_path / "bundle"
    run("draw", "publish", "Q3", "--output", str(place))
    digest = planned["commitment_sha256"]
    assert "Verified: Q3" in run("draw", "verify", str(place), "--commitment", digest)
    latest = told["substitutions_sha256"]
    said = run("draw", "verify", str(place), "--substitutions", latest)
    assert f"Substitutions: 1, SHA-256 {latest}" in said
    assert "the latest substitution" in run(
        "draw", "verify", str(place), "--substitutions", "-", code=1
    )
    listed = place / "list.txt"
    listed.write_bytes(listed.read_bytes().replace(b"P01", b"P99"))
    assert "Wrong:" in run("draw", "verify", str(place), code=1)
    # what is wrong within a line of the list is told in the reader's language too
    listed.write_bytes(b"excluded\tP00\tmodel\nsomething\n")
    digest = hashlib.sha256(listed.read_bytes()).hexdigest()
    transcript = place / "transcript.json"
    changed = json.loads(transcript.read_bytes())
    changed["commitment"]["list_sha256"] = digest
    transcript.write_text(json.dumps(changed))
    monkeypatch.setenv("GIS_SUPERVISION_LANGUAGE", "zh_CN")
    said = run("draw", "verify", str(place), code=1)
    assert translator("zh_CN")("list, line %(number)s: %(error)s", number=2, error="") in said
    assert "expected" not in said
    monkeypatch.setenv("GIS_SUPERVISION_LANGUAGE", "en")
    assert json.loads(run("draw", "list", "--json"))[0]["state"] == "published"
    assert "P" in run("draw", "show", "Q3", "--public")
    assert json.loads(run("draw", "exclude", "list", "--all", "--json"))[0]["licence"] == "P00"


@pytest.mark.usefixtures("office")
@pytest.mark.parametrize(
    ("arguments", "message", "code"),
    [
        (("plan", "x", "--ratio", "none"), "expected a class and a share", 2),
        (("plan", "x", "--ratio", "none=nan"), "a share from 0 to 1", 2),
        (("plan", "x", "--ratio", "A=2"), "a share from 0 to 1", 2),
        (("plan", "x", "--method", "dice"), "expected one of ticket, rfc3797, rivest", 2),
        (("plan", "x", "--randomness", "lottery"), "go together", 2),
        (("plan", "x", "--randomness", "l", "--known-from", "noon"), "2026-07-01T21:30", 2),
        (("plan", "x", "--ratio", "none=0.1", "--days", "2000000000"), "3660", 2),
        (("plan", "x", "--ratio", "none=0.1", "--most", "3000000000"), "100000", 2),
        (("seed", "x", "1"), "there is no draw 'x'", 3),
        (("verify", "nowhere.zip"), "nowhere.zip", 2),
        (("exclude", "add", "nothing", "--reason", "x"), "licence 'nothing'", 3),
    ],
)
def test_wrong_commands_say_what_was_expected(arguments, message, code):
    assert message in run("draw", *arguments, code=code)

"""Workload and matching, as a dispatcher uses them one after the other."""

import json
from datetime import date

import factories
import pytest
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from gis_supervision.cli import divisions, entry, workload, zones
from gis_supervision.errors import InvalidInputError, NotFoundError
from gis_supervision.settings import ENV_PREFIX
from gis_supervision.storage import database

DAY = "2024-06-30"


@pytest.fixture
def run(fresh_database, tmp_path, monkeypatch):
    """Run a command of an app against a database with two zones, two people and their work."""
    endpoint = fresh_database()
    monkeypatch.setenv(f"{ENV_PREFIX}DATABASE_URL", endpoint.url)
    monkeypatch.setenv(f"{ENV_PREFIX}READER_DATABASE_URL", endpoint.reader_url)
    monkeypatch.setenv(f"{ENV_PREFIX}HOME", str(tmp_path))
    monkeypatch.setenv(f"{ENV_PREFIX}LANGUAGE", "en")
    engine = database.engine(endpoint.url)
    with Session(engine) as session:
        factories.division(session, name="乌苏市", geom=factories.square(side=0.1))
        of = factories.grid(session)
        for number in range(2):
            lng = 84 + 0.01 * number
            cell = factories.grid_cell(
                session, of, code=f"C{number}", geom=factories.square(lng=lng)
            )
            zone = factories.zone(session, code=f"Z{number}")
            factories.zone_cell(session, zone, cell)
            shop = factories.premises(session, lng=lng + 0.005, risk_class="High")
            factories.inspection(session, shop, inspected_on=date(2024, 6, 30))
        kept_away = factories.inspector(session, staff_number="001", name="王芳")
        factories.recusal(session, kept_away, shop)
        factories.inspector(session, staff_number="002", name="古丽", languages=["ug"])
        session.commit()
    engine.dispose()

    def command(app, *arguments, as_json=True):
        done = CliRunner().invoke(app, [*arguments, *(["--json"] if as_json else [])])
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout) if as_json else done.stdout

    return command


def test_hours_are_shown_set_reset_and_undone(run):
    shown = run(workload.app, "show")
    assert (shown["as_of"], [zone["code"] for zone in shown["zones"]]) == (DAY, ["Z0", "Z1"])
    run(workload.app, "set", "C1", "--hours", "40", "--reason", "夜市", "--by", "王芳")
    cells = run(workload.app, "show", "--cells", "--zone", "Z1")["cells"]
    assert [(cell["code"], cell["hours"], cell["set_hours"]) for cell in cells] == [
        ("C1", 40.0, 40.0)
    ]
    run(workload.app, "reset", "C1", "--reason", "夜市停办", "--by", "王芳", "--from", DAY)
    assert run(workload.app, "show")["totals"]["cells_set"] == 0
    assert run(workload.app, "undo", "C1", "--by", "李娜")["undone_by"] == "李娜"
    assert run(workload.app, "show")["totals"]["cells_set"] == 1
    assert [row["undone_by"] for row in run(workload.app, "log")] == ["李娜", None]
    for words in (("show",), ("show", "--cells", "--limit", "1"), ("log", "C1"), ("undo", "C1")):
        assert run(workload.app, *words, as_json=False)
    for words in (("set", "C0", "--hours", "1"), ("reset", "C0")):
        assert run(workload.app, *words, "--reason", "试", as_json=False)
    with pytest.raises(NotFoundError, match="did you mean"):
        run(workload.app, "set", "C", "--hours", "1", "--reason", "x")


def test_a_day_beyond_the_calendar_is_one_message(run, monkeypatch, capsys):
    assert run(workload.app, "show")["zones"]
    for words in (
        ("workload", "show", "--as-of", "0001-01-01"),
        ("zones", "match", "--to", "9999-12-31"),
    ):
        monkeypatch.setattr("sys.argv", ["gis-supervision", *words])
        with pytest.raises(SystemExit, match="2"):
            entry.main()
        assert "between 0001-01-01 and 9999-12-31" in capsys.readouterr().err


def test_zones_are_matched_and_the_recused_is_named(run):
    result = run(zones.app, "match", "--deputies")
    assert [(zone["zone"], zone["inspector"]) for zone in result["zones"]] == [
        ("Z0", "001"),
        ("Z1", "002"),
    ]
    (excluded,) = (c for c in result["zones"][1]["candidates"] if c["excluded"])
    assert (excluded["staff_number"], excluded["excluded"]) == ("001", ["recused"])
    assert result["zones"][1]["deputy"] is None
    assert run(zones.app, "show")[0]["inspector"] is None, "nothing is in force"
    table = run(zones.app, "match", "--to", "2024-12-31", as_json=False)
    assert "王芳" in table
    assert "Candidates for Z1" in run(zones.app, "match", "--zone", "Z1", as_json=False)
    weighed = run(zones.app, "match", "--weight", "languages=0", "--candidates", "1")
    assert weighed["weights"]["languages"] == 0.0
    for wrong in ("x=1", "load=much", "load"):
        with pytest.raises(InvalidInputError, match="--weight"):
            run(zones.app, "match", "--weight", wrong)
    with pytest.raises(InvalidInputError, match="Z0, Z1"):
        run(zones.app, "match", "--zone", "Z7", as_json=False)


def test_languages_of_a_division(run):
    told = run(divisions.app, "languages", "654202", "汉语", "ug")
    assert told["languages"] == ["ug", "zh"]
    parts = run(zones.app, "match")["zones"][0]["candidates"]
    assert {c["staff_number"]: c["parts"]["languages"] for c in parts} == {"001": 1.0, "002": 0.5}
    assert "as in" in run(divisions.app, "languages", "654202", as_json=False)
    with pytest.raises(InvalidInputError, match="维吾尔语"):
        run(divisions.app, "languages", "654202", "火星语")


@pytest.mark.parametrize("by", ["", "  ", "\u3000"])
def test_nobody_sets_nothing(run, by):
    with pytest.raises(InvalidInputError, match="name of who"):
        run(workload.app, "set", "C1", "--hours", "4", "--reason", "夜市", "--by", by)
    with pytest.raises(InvalidInputError, match="name of who"):
        run(workload.app, "undo", "C1", "--by", by)
    assert run(workload.app, "log") == []


@pytest.mark.parametrize("hours", ["1e300", "inf", "8785"])
def test_hours_that_no_year_has_are_refused(run, hours):
    with pytest.raises(InvalidInputError, match="from 0 to 8784"):
        run(workload.app, "set", "C1", "--hours", hours, "--reason", "夜市")
    with pytest.raises(InvalidInputError, match="from 1 to 8784"):
        run(zones.app, "design", "--capacity-hours", hours, "--propose", "--by", "王芳")

"""``export partitions`` and ``analyse --input``: as a person calls them."""

import json
import re
import shutil
from datetime import date

import factories
import partitions_made as made
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from gis_supervision.cli import entry
from gis_supervision.domain import h3_index
from gis_supervision.errors import InvalidInputError
from gis_supervision.settings import ENV_PREFIX, Settings
from gis_supervision.storage import database

ROWS = made.random_premises(60, seed=2)


@pytest.fixture
def call(monkeypatch, tmp_path):
    monkeypatch.setenv(f"{ENV_PREFIX}HOME", str(tmp_path / "home"))
    monkeypatch.setenv(f"{ENV_PREFIX}LANGUAGE", "en")
    (tmp_path / "home").mkdir()

    def run(*arguments):
        result = CliRunner().invoke(entry.app, list(map(str, arguments)))
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.stdout

    return run


def test_a_dataset_is_analysed_without_any_database(call, tmp_path):
    path = made.write(tmp_path / "set", ROWS, [25, 35])
    out = tmp_path / "out"
    told = json.loads(
        call("analyse", "--input", path, "--as-of", made.AS_OF, "--output", out, "--json")
    )
    assert told["premises"] == 60
    assert told["runs"] == []
    assert json.loads((out / "analysis.json").read_text())["coverage"] == told["coverage"]
    assert "Premises in scope" in call("analyse", "--input", path, "--as-of", made.AS_OF)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--scheduler", "tcp://127.0.0.1:1", "--workers", 2], "expected one of them"),
        (["--memory-limit", "1GiB", "--input", "."], "--memory-limit: expected with --workers"),
        (["--store"], "--output, --store: expected with --input"),
    ],
)
def test_options_that_contradict_one_another_are_refused(call, arguments, message):
    with pytest.raises(InvalidInputError, match=message):
        call("analyse", *arguments)


def test_a_day_is_asked_for_where_the_dataset_tells_of_none(call, tmp_path):
    path = made.write(tmp_path / "set", ROWS, [60])
    with pytest.raises(InvalidInputError, match=r"--as-of: expected a day, since .*set tells of"):
        call("analyse", "--input", path)


def test_the_register_is_exported_analysed_and_stored(call, fresh_database, monkeypatch, tmp_path):
    endpoint = fresh_database()
    monkeypatch.setenv(f"{ENV_PREFIX}DATABASE_URL", endpoint.url)
    monkeypatch.setenv(f"{ENV_PREFIX}READER_DATABASE_URL", endpoint.reader_url)
    engine = database.engine(endpoint.url)
    with Session(engine) as session, session.begin():
        for number in range(40):
            lng = 84 + number / 200
            of = {f"h3_{r}": int(h3_index.cells_of([44], [lng], r)[0]) for r in range(6, 11)}
            premises = factories.premises(session, lng=lng, lat=44, risk_class="High", **of)
            visit = factories.inspection(session, premises, inspected_on=date(2024, 1, 1))
            for item in range(number // 8):
                factories.hazard(session, visit, item=str(item))
    path = tmp_path / "set"
    told = json.loads(call("export", "partitions", path, "--rows", 15, "--json"))
    assert told == {"file": str(path), "rows": 40, "partitions": 3}
    chosen = ["--minimum-premises", "1", "--as-of", "2024-06-30", "--json"]
    stored = json.loads(call("analyse", "--input", path, "--store", *chosen))
    shutil.rmtree(path)
    direct = {run["kind"]: run for run in json.loads(call("analyse", *chosen))}
    assert stored["runs"] == [direct["coverage"]["run"], direct["hotspots"]["run"]]
    assert direct["coverage"]["reused"]
    assert direct["hotspots"]["reused"]
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM analysis_run"))
    # without a dataset, the register goes through partitions of its own
    through = json.loads(call("analyse", "--workers", 1, "--timeout", 60, *chosen))
    assert len(through["runs"]) == 2
    for kind in ("coverage", "hotspots"):
        assert through[kind] == stored[kind] == direct[kind]["summary"]
    assert list((tmp_path / "home").iterdir()) == []
    engine.dispose()


def test_partitions_are_judged_by_the_version_of_the_rules_in_force(call, tmp_path, monkeypatch):
    path = made.write(tmp_path / "set", ROWS, [60])
    pack = Settings().rule_pack_path.read_text(encoding="utf-8")
    rules = tmp_path / "rules"
    rules.mkdir()
    for version, first in (("old", "2000-01-01"), ("new", "2999-01-01")):
        text_of = re.sub(r'(?m)^version = ".*"', f'version = "{version}"', pack, count=1)
        text_of = re.sub(r"(?m)^valid_from = \S+", f"valid_from = {first}", text_of, count=1)
        (rules / f"{version}.toml").write_text(text_of, encoding="utf-8")
    monkeypatch.setenv(f"{ENV_PREFIX}RULES_PATH", str(rules))
    told = json.loads(call("analyse", "--input", path, "--as-of", made.AS_OF, "--json"))
    assert told["rules"].endswith("old")

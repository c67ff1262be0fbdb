"""Commands of the order of risk, on the real evaluation and on a register of its own."""

import itertools
import json

import pytest
from typer.testing import CliRunner

from gis_supervision.analysis import risk_judgement
from gis_supervision.analysis.risk import Candidate
from gis_supervision.cli import risk
from gis_supervision.demo import risk_evaluation
from gis_supervision.errors import InvalidInputError, NotFoundError
from gis_supervision.settings import ENV_PREFIX


@pytest.fixture(scope="module")
def published():
    return risk_evaluation.evaluate(candidates=(Candidate(),), resamples=60)


@pytest.fixture
def run(fresh_database, tmp_path, monkeypatch):
    endpoint = fresh_database()
    monkeypatch.setenv(f"{ENV_PREFIX}DATABASE_URL", endpoint.url)
    monkeypatch.setenv(f"{ENV_PREFIX}READER_DATABASE_URL", endpoint.reader_url)
    monkeypatch.setenv(f"{ENV_PREFIX}HOME", str(tmp_path))
    monkeypatch.setenv(f"{ENV_PREFIX}LANGUAGE", "en")
    return lambda *arguments: CliRunner().invoke(risk.app, list(arguments))


def test_the_published_evaluation_as_json(published):
    data = json.loads(json.dumps(published.to_dict(), allow_nan=False))
    assert next(iter(data["orders"])) == "fair"
    assert set(data["orders"]) == set(risk.ORDERS)
    assert data["orders"]["published_with_groups"]["days_earlier"]["value"] == pytest.approx(
        7.44, abs=0.01
    )
    assert (data["start"], data["end"]) == ("2014-09-02", "2014-10-31")
    assert data["published"]["boosted_days_earlier"] == pytest.approx(7.79, abs=0.01)
    assert data["published"]["all_rows_days_earlier_without_groups"] == pytest.approx(
        2.22, abs=0.02
    )


def test_the_tables_lead_with_the_fair_order(published, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    risk._print_judgement(
        published.judgement,
        lambda text, **values: text % values if values else text,
        by_division=False,
    )
    printed = capsys.readouterr().out
    orders = [printed.index(part) for part in ("inspectors held equal", "2.20", "7.44", "by lot")]
    assert orders == sorted(orders)
    for title in ("Reliability", "Districts", "Categories", "drawn with replacement"):
        assert title in printed


def test_an_empty_register_has_no_order(run):
    for arguments in (["rank"], ["evaluate", "--register"]):
        done = run(*arguments)
        assert isinstance(done.exception, InvalidInputError)
    assert isinstance(run("explain", "R1").exception, NotFoundError)


def test_periods_before_a_day_lie_in_the_second_half_of_the_past():
    periods = risk_judgement.periods_before(1000, 0, days=60, most=12)
    assert periods[-1] == (940, 1000)
    assert all(start >= 500 for start, _ in periods)
    assert all(end == start for (_, end), (start, _) in itertools.pairwise(periods))
    assert risk_judgement.periods_before(100, 0) == ()

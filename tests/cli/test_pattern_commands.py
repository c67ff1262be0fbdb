"""The commands for patterns, as a user runs them."""

import json
import os
import subprocess
import sys

import factories
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis_supervision.domain import h3_index
from gis_supervision.storage import database


@pytest.fixture
def register(fresh_database):
    """Nine places; three of them with hazards at every visit."""
    endpoint = fresh_database()
    engine = database.engine(endpoint.url)
    with Session(engine) as session, session.begin():
        for place in range(9):
            lng, lat = 84.0 + 0.012 * (place % 3), 44.0 + 0.012 * (place // 3)
            of = {f"h3_{r}": int(h3_index.cells_of([lat], [lng], r)[0]) for r in range(6, 11)}
            for _ in range(4):
                premises = factories.premises(session, lng=lng, lat=lat, **of)
                visit = factories.inspection(session, premises)
                if place < 3:
                    factories.hazard(session, visit)
    yield endpoint, engine
    engine.dispose()


def run(endpoint, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "gis_supervision", "patterns", *arguments],
        env={
            **os.environ,
            "GIS_SUPERVISION_DATABASE_URL": endpoint.url,
            "GIS_SUPERVISION_READER_DATABASE_URL": endpoint.reader_url,
            "GIS_SUPERVISION_LANGUAGE": "en",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_patterns_are_found_stored_and_used_again(register):
    endpoint, engine = register
    day = ("--as-of", "2024-01-31")
    done = run(endpoint, "scan", *day, "--resolution", "8", "--seed", "5", "--json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert (made["kind"], made["as_of"], made["reused"]) == ("scan", "2024-01-31", False)
    assert made["summary"]["cases"] == 12
    assert made["summary"]["inspected"] == 36
    assert made["summary"]["significant"] == 1
    again = run(endpoint, "scan", *day, "--resolution", "8", "--seed", "5", "--json")
    assert json.loads(again.stdout) == made | {"reused": True}
    steps = run(
        endpoint, "emerging", *day, "--steps", "3", "--step-months", "1", "--resolution", "8"
    )
    assert steps.returncode == 0, steps.stderr
    assert "2023-11-01 to 2024-01-31" in " ".join(steps.stdout.split())
    with Session(engine) as session:
        kinds = session.execute(text("SELECT kind, seed FROM analysis_run ORDER BY id")).all()
        published = session.scalar(
            text("SELECT count(*) FROM analysis_run WHERE published_at IS NOT NULL")
        )
    assert [tuple(row) for row in kinds] == [("scan", 5), ("emerging", 0)]
    assert published == 2
    refused = run(endpoint, "scan", *day, "--severity", "grave")
    assert refused.returncode == 2
    assert "grave" in refused.stderr
    assert "critical, serious, minor, unclassified" in refused.stderr

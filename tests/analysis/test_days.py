from datetime import date
from pathlib import Path

import factories
import pytest
from sqlalchemy import select

from gis_supervision import catalogue
from gis_supervision.analysis import days
from gis_supervision.domain import h3_index
from gis_supervision.domain.rules import load_rule_pack
from gis_supervision.storage.tables import AnalysisRun

DAY = date(2024, 6, 30)


@pytest.mark.parametrize(
    ("query", "kinds"),
    [
        ("SELECT * FROM map.hotspot AS s", ["hotspots"]),
        ("SELECT * FROM map.hotspot_step AS s JOIN map.emerging AS e USING (h3)", ["emerging"]),
        ("SELECT * FROM map.cluster_cell", ["scan"]),
        ("SELECT * FROM map.coverage AS c, map.cluster", ["coverage", "scan"]),
        ("SELECT * FROM map.premises WHERE name = 'map coverage'", []),
    ],
)
def test_a_day_gets_the_runs_that_are_shown_and_no_other(session, query, kinds):
    rules = load_rule_pack(Path(__file__).parents[2] / "gis_supervision/demo/chicago/rules.toml")
    of = {f"h3_{r}": int(h3_index.cells_of([44.0], [84.0], r)[0]) for r in range(6, 11)}
    factories.premises(session, lng=84.0, lat=44.0, **of)
    for _ in range(2):
        days.analyse(session, rules, DAY, [query])
    made = session.scalars(select(AnalysisRun).order_by(AnalysisRun.kind)).all()
    assert [run.kind for run in made] == kinds
    assert all(run.published_at is None for run in made)


def test_every_layer_that_shows_a_run_of_a_day_has_a_maker():
    for layer in catalogue.load().layers.values():
        if "as_of" in layer.parameters and "map.analysis" in layer.query:
            assert days.views([layer.query]), layer.name

from datetime import date
from pathlib import Path

import esda
import factories
import numpy as np
import pytest
from libpysal.graph import Graph
from sqlalchemy import func, select, text

from gis_supervision.analysis import run
from gis_supervision.domain import h3_index
from gis_supervision.domain.rules import load_rule_pack
from gis_supervision.errors import InvalidInputError
from gis_supervision.storage import analyses, register
from gis_supervision.storage.tables import AnalysisRun, CellMetric, H3Cell

DAY = date(2024, 6, 30)


@pytest.fixture(scope="module")
def rules():
    return load_rule_pack(Path(__file__).parents[2] / "gis_supervision/demo/chicago/rules.toml")


@pytest.fixture
def town(session):
    """Premises on a line, with inspections and hazards whose numbers grow eastwards."""
    factories.division(session)
    cell = factories.grid_cell(session, factories.grid(session), geom=factories.square(side=0.02))
    zone = factories.zone(session)
    factories.zone_cell(session, zone, cell)
    for place in range(12):
        lng, lat = 84.001 + 0.006 * place, 44.001
        of = {f"h3_{r}": int(h3_index.cells_of([lat], [lng], r)[0]) for r in range(6, 11)}
        for number in range(6):
            premises = factories.premises(
                session, lng=lng, lat=lat, risk_class=("High", "Low")[number % 2], **of
            )
            visit = factories.inspection(session, premises, inspected_on=date(2024, 1, 1))
            for item in range(place // 2):
                factories.hazard(session, visit, item=str(item))
    factories.premises(session, lng=None, risk_class="Medium", division_code="654202")
    return zone


def metrics(session, of, unit):
    rows = session.execute(
        select(CellMetric.unit_id, CellMetric.metric, CellMetric.value).where(
            CellMetric.run_id == of.id, CellMetric.unit == unit
        )
    )
    found = {}
    for unit_id, metric, value in rows:
        found.setdefault(unit_id, {})[metric] = value
    return found


def test_coverage_of_every_unit_adds_up_to_the_register(session, rules, town):
    done = run.coverage(session, rules, DAY)
    (area,) = metrics(session, done, "area").values()
    assert area["premises"] == 73
    assert (area["in_time"], area["overdue"], area["never"]) == (72, 0, 1)
    assert area["not_located"] == 1
    late = run.coverage(session, rules, date(2024, 7, 2))
    (area,) = metrics(session, late, "area").values()
    assert (area["in_time"], area["overdue"]) == (36, 36), "183 days are too long for High alone"
    (division,) = metrics(session, late, "division").values()
    assert division["premises"] == 73, "a premises without a point is in its division's total"
    assert list(metrics(session, late, "zone")) == [town.id]
    assert metrics(session, late, "zone")[town.id]["premises"] == 24


@pytest.mark.usefixtures("town")
def test_a_visit_after_the_day_does_not_count(session, rules):
    done = run.coverage(session, rules, date(2023, 12, 31))
    assert done.summary["never"] == 73


@pytest.mark.usefixtures("town")
def test_hotspots_equal_esda_on_the_rates_that_were_stored(session):
    done = run.hotspots(session, DAY, resolution=8, minimum_premises=1)
    found = metrics(session, done, "h3")
    cells = np.array(sorted(found))
    rates = np.array([found[cell]["shrunk_rate"] for cell in cells])
    graph = Graph.from_sparse(h3_index.neighbours(cells))
    peer = esda.G_Local(rates, graph, transform="B", star=True, permutations=0, island_weight=0)
    ours = np.array([found[cell]["z"] for cell in cells], dtype=float)
    assert np.isfinite(ours).all()
    assert ours == pytest.approx(peer.Zs, abs=1e-12)
    outlines = session.scalar(
        select(func.count()).select_from(H3Cell).where(H3Cell.id.in_(cells.tolist()))
    )
    assert outlines == cells.size


@pytest.mark.usefixtures("town")
def test_too_few_premises_are_no_data_not_zero(session):
    done = run.hotspots(session, DAY, minimum_premises=1000)
    for values in metrics(session, done, "h3").values():
        assert values["hazards"] is not None
        assert values["rate"] is values["z"] is values["bin"] is None


@pytest.mark.usefixtures("town")
def test_a_run_is_reused_until_the_register_changes(session, rules):
    first = run.coverage(session, rules, DAY)
    again = run.coverage(session, rules, DAY)
    assert (first.reused, again.reused, again.id) == (False, True, first.id)
    factories.premises(session)
    assert not run.coverage(session, rules, DAY).reused


@pytest.mark.usefixtures("town")
def test_looking_at_another_day_changes_no_report_and_leaves_nothing_behind(session, rules):
    run.coverage(session, rules, DAY)
    for _ in range(3):
        factories.premises(session)
        run.coverage(session, rules, date(2023, 1, 1), publish=False)
    assert analyses.latest_as_of(session) == DAY
    kept = select(func.count()).select_from(AnalysisRun).where(AnalysisRun.published_at.is_(None))
    assert session.scalar(kept) == 1
    run.coverage(session, rules, date(2023, 1, 1))
    assert register.default_as_of(session) == date(2023, 1, 1)


def test_an_empty_register_has_empty_runs(session, rules):
    assert run.coverage(session, rules, DAY).summary == {"left_out": {}}
    assert run.hotspots(session, DAY).summary["cells"] == 0
    assert register.totals(session, DAY).unresolved == {
        "critical": 0,
        "serious": 0,
        "minor": 0,
        "unclassified": 0,
    }


def test_external_and_closed_premises_are_left_out_with_their_reason(session, rules):
    factories.premises(session, external=True)
    factories.premises(session, closed_on=date(2024, 6, 30))
    factories.premises(session, opened_on=date(2024, 7, 1))
    factories.premises(session)
    assert run.coverage(session, rules, DAY).summary["left_out"] == {
        "external": 1,
        "not_open": 1,
        "closed": 1,
        "no_rule": 1,
    }


@pytest.mark.parametrize(("resolution", "minimum"), [(11, 5), (8, 0)])
def test_what_cannot_be_computed_is_refused(session, resolution, minimum):
    with pytest.raises(InvalidInputError):
        run.hotspots(session, DAY, resolution=resolution, minimum_premises=minimum)


def test_totals_as_of_a_day(session):
    premises = factories.premises(session, lng=None)
    first = factories.inspection(session, premises, inspected_on=date(2024, 1, 1))
    later = factories.inspection(session, premises, inspected_on=date(2024, 3, 1))
    hazard = factories.hazard(session, first, severity="serious")
    session.execute(
        text(
            "UPDATE hazard SET state = 'verified', resolved_on = '2024-03-01',"
            " resolving_inspection_id = :later WHERE id = :id"
        ),
        {"later": later.id, "id": hazard.id},
    )
    counted = [
        register.totals(session, date(2024, month, day)).unresolved["serious"]
        for month, day in ((1, 1), (2, 29), (3, 1))
    ]
    assert counted == [1, 1, 0]
    assert register.totals(session, date(2023, 12, 31)).hazards == 0
    assert register.totals(session).as_of == date(2024, 3, 1)

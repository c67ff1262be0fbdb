from datetime import date
from pathlib import Path

import factories
import numpy as np
import pytest
from scipy.sparse.csgraph import connected_components

from gis_supervision.assignment import design
from gis_supervision.domain.grid import adjacency
from gis_supervision.domain.rules import load_rule_pack
from gis_supervision.errors import ConflictError
from gis_supervision.storage import grid, zones
from gis_supervision.storage.inspectors import NewInspector

DAY = date(2024, 6, 30)


@pytest.fixture(scope="module")
def rules():
    return load_rule_pack(Path(__file__).parents[2] / "gis_supervision/demo/chicago/rules.toml")


@pytest.fixture
def area(session):
    """A division of about 8 by 11 km cut into squares of 1 km, with premises here and there."""
    factories.division(session, geom=factories.square(side=0.1))
    grid.build(session, side_m=1000.0, valid_from=date(2024, 1, 1))
    rng = np.random.default_rng(5)
    for lng, lat in rng.uniform(0.001, 0.099, (120, 2)):
        factories.premises(session, lng=84 + lng, lat=44 + lat, risk_class="High")
    factories.premises(session, lng=None, risk_class="High")
    return grid.current(session)


def test_zones_are_contiguous_balanced_and_in_force(session, rules, area):
    made = design.design(session, rules, as_of=DAY, valid_from=DAY, zone_count=4, tolerance=0.1)
    labels = made.zoning.labels
    near = adjacency(area.polygons).toarray()
    for zone in range(4):
        inside = labels == zone
        assert connected_components(near[np.ix_(inside, inside)])[0] == 1
    assert made.zoning.imbalance <= 0.1
    assert made.premises_without_cell == 1, "the one without coordinates is told, not forgotten"
    visit = rules.workload.visit_hours() + rules.workload.travel.hours
    assert made.work.hours.sum() == pytest.approx(120 * 2 * visit)
    assert sum(zone.premises for zone in zones.on(session, DAY)) == 120
    assert [zone.code for zone in zones.on(session, DAY)] == ["Z01", "Z02", "Z03", "Z04"]


def test_as_many_zones_as_the_work_needs_inspectors(session, rules, area):  # noqa: ARG001 - needs it
    made = design.design(
        session, rules, as_of=DAY, valid_from=DAY, capacity_hours=200.0, tolerance=0.1
    )
    assert len(made.zone_ids) == np.ceil(made.work.hours.sum() / 200.0)
    people = [NewInspector(str(n), f"Person {n}", 200.0) for n in range(len(made.zone_ids))]
    with pytest.raises(ConflictError, match="as many inspectors"):
        design.assign_in_order(session, made, people[1:])
    design.assign_in_order(session, made, people)
    assert {zone.inspector for zone in zones.on(session, DAY)} == {p.name for p in people}


def test_without_a_grid_the_message_says_what_to_do(session, rules):
    with pytest.raises(ConflictError, match="grid build"):
        design.design(session, rules, as_of=DAY, valid_from=DAY)

from pathlib import Path

import numpy as np
import pytest

from gis_supervision.assignment.workload import workload
from gis_supervision.domain.rules import load_rule_pack
from gis_supervision.errors import InvalidInputError

CHICAGO = Path(__file__).parents[2] / "gis_supervision/demo/chicago/rules.toml"


@pytest.fixture(scope="module")
def rules():
    return load_rule_pack(CHICAGO)


def test_hours_are_visits_times_their_length_and_way_plus_open_hazards(rules):
    work = workload(
        rules,
        3,
        [0, 0, 2],
        [("High", None, None), ("Low", None, None), ("unknown", None, None)],
        [10, 4, 7],
        [3, 0, 2],
    )
    each, way = rules.workload.visit_hours(), rules.workload.travel.hours
    visits = 10 * 2 + 4 * 0.5
    assert work.visits == pytest.approx([visits * each, 0, 0])
    assert work.travel == pytest.approx([visits * way, 0, 0])
    assert work.hazards == pytest.approx(np.array([3, 0, 2]) * rules.workload.open_hazard.hours), (
        "a class without a rule asks for no visits, but its hazards are followed up"
    )
    assert work.hours == pytest.approx(work.visits + work.travel + work.hazards)


def test_no_premises_make_no_work(rules):
    assert workload(rules, 2, [], [], [], []).hours.tolist() == [0, 0]


@pytest.mark.parametrize(("cell", "premises"), [([0, 1], [1]), ([3], [1]), ([-1], [1])])
def test_what_does_not_fit_is_refused(rules, cell, premises):
    with pytest.raises(InvalidInputError):
        workload(rules, 3, cell, [("High", None, None)], premises, [0])

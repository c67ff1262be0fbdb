from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gis_supervision.assignment.workload import NO_SKILL, workload
from gis_supervision.domain.inspectors import SKILLS, Skill
from gis_supervision.domain.rules import load_rule_pack
from gis_supervision.errors import InvalidInputError

DEMO = Path(__file__).parents[2] / "gis_supervision/demo"
RULES = load_rule_pack(DEMO / "chicago/rules.toml")
WUSU = load_rule_pack(DEMO / "wusu/rules.toml")
CATEGORIES = [None, "production", "special_food_production", "catering", "circulation", "other"]


def column(skill):
    return SKILLS.index(skill)


def test_hours_are_visits_times_their_length_and_way_plus_hazards_and_complaints():
    work = workload(
        RULES,
        3,
        [0, 0, 2],
        [("High", None, None), ("Low", None, None), ("unknown", None, None)],
        [10, 4, 7],
        [3, 0, 2],
        [0, 5, 1],
    )
    rules = RULES.workload
    visits = 10 * 2 + 4 * 0.5
    assert work.visits == pytest.approx([visits * rules.visit_hours(), 0, 0])
    assert work.travel == pytest.approx([visits * rules.travel.hours, 0, 0])
    assert work.hazards == pytest.approx(np.array([3, 0, 2]) * rules.open_hazard.hours), (
        "a class without a rule asks for no visits, but its hazards are followed up"
    )
    assert work.complaints == pytest.approx(np.array([5, 0, 1]) * rules.complaint.hours)
    assert work.hours == pytest.approx(work.visits + work.travel + work.hazards + work.complaints)


def test_complaints_count_at_their_yearly_rate():
    half = RULES.workload.complaint_period.model_copy(update={"months": 6.0})
    rules = RULES.model_copy(
        update={"workload": RULES.workload.model_copy(update={"complaint_period": half})}
    )
    args = (1, [0], [(None, None, None)], [0], [0], [3])
    assert workload(rules, *args).complaints == pytest.approx(2 * workload(RULES, *args).complaints)


def test_each_category_asks_for_its_skill():
    classes = [("D", None, name) for name in CATEGORIES]
    work = workload(WUSU, 6, range(6), classes, [1] * 6, [0] * 6)
    asked = [int(np.flatnonzero(row)[0]) for row in work.by_skill]
    assert asked == [
        NO_SKILL,
        column(Skill.PRODUCTION),
        column(Skill.SPECIAL_FOOD),
        column(Skill.CATERING),
        column(Skill.CIRCULATION),
        NO_SKILL,
    ]


def test_hours_set_by_hand_count_and_are_divided_as_those_of_the_rules():
    classes = [("D", None, "catering"), ("D", None, "production")]
    args = (WUSU, 3, [0, 0], classes, [4, 1], [0, 0], [0, 0])
    plain, given_by_hand = workload(*args), workload(*args, [30.0, np.nan, 7.0])
    assert given_by_hand.hours == pytest.approx([30.0, 0.0, 7.0])
    assert given_by_hand.rule_hours == pytest.approx(plain.rule_hours)
    assert given_by_hand.by_skill[0] == pytest.approx(plain.by_skill[0] * 30 / plain.hours[0])
    assert given_by_hand.by_skill[2, NO_SKILL] == pytest.approx(7.0), "where the rules ask nothing"


@given(
    st.lists(
        st.tuples(
            st.integers(0, 4),
            st.sampled_from(["A", "B", "C", "D", None]),
            st.sampled_from(CATEGORIES),
            st.integers(0, 30),
            st.integers(0, 30),
            st.integers(0, 9),
        ),
        max_size=12,
    ),
    st.lists(st.one_of(st.just(np.nan), st.floats(0, 500)), min_size=5, max_size=5),
)
def test_skills_add_up_to_the_hours_whatever_is_set(groups, by_hand):
    cell = [group[0] for group in groups]
    classes = [(group[1], None, group[2]) for group in groups]
    premises, unresolved, complaints = ([group[n] for group in groups] for n in (3, 4, 5))
    work = workload(WUSU, 5, cell, classes, premises, unresolved, complaints, by_hand)
    assert work.by_skill.sum(axis=1) == pytest.approx(work.hours)
    assert (work.by_skill >= 0).all()
    assert work.rule_hours_by_skill.sum(axis=1) == pytest.approx(work.rule_hours)


def test_no_premises_make_no_work():
    work = workload(RULES, 2, [], [], [], [])
    assert work.hours.tolist() == [0, 0]
    assert work.by_skill.shape == (2, len(SKILLS) + 1)


@pytest.mark.parametrize(("cell", "premises"), [([0, 1], [1]), ([3], [1]), ([-1], [1])])
def test_what_does_not_fit_is_refused(cell, premises):
    with pytest.raises(InvalidInputError):
        workload(RULES, 3, cell, [("High", None, None)], premises, [0])


def test_hours_by_hand_are_one_for_each_cell():
    with pytest.raises(InvalidInputError, match="3 set hours"):
        workload(RULES, 3, [], [], [], [], [], [1.0])

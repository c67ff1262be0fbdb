"""Who may inspect what on which day, and every reason against it."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gis_supervision
from gis_supervision.domain.inspectors import (
    REFUSALS,
    SKILL_NAMES,
    SKILLS,
    Certificate,
    Inspector,
    Period,
    Refusal,
    Skill,
    pair_refusals,
)
from gis_supervision.domain.rules import load_rule_pack
from gis_supervision.errors import InvalidInputError

DEMO = Path(gis_supervision.__file__).parent / "demo"
DAY = date(2024, 6, 30)
CATERING = Certificate(Skill.CATERING, Period(date(2022, 1, 1), date(2025, 1, 1)), "乌检字001")


def person(number=1, **values):
    defaults = {"certificates": (CATERING,), "capacity_hours": 1600.0}
    return Inspector(number, f"{number:03d}", "古丽", **defaults | values)


def test_nothing_stands_against_one_with_a_certificate_who_is_there():
    assert person().refusals(DAY, skill=Skill.CATERING, premises_id=7) == ()
    assert person(certificates=()).refusals(DAY) == (), "anybody where no skill is asked for"


@pytest.mark.parametrize(
    ("values", "asked", "reason"),
    [
        ({"recused_premises": frozenset({7})}, {"premises_id": 7}, Refusal.RECUSED),
        ({"recused_owners": frozenset({"X"})}, {"owner": "X"}, Refusal.RECUSED),
        ({"left_on": DAY}, {}, Refusal.LEFT),
        ({}, {"skill": Skill.PRODUCTION}, Refusal.SKILL_MISSING),
        (
            {"certificates": (Certificate(Skill.CATERING, Period(None, DAY)),)},
            {},
            Refusal.CERTIFICATE_EXPIRED,
        ),
        (
            {"certificates": (Certificate(Skill.CATERING, Period(DAY + timedelta(1), None)),)},
            {},
            Refusal.CERTIFICATE_NOT_YET_VALID,
        ),
        ({"leave": (Period(DAY, DAY + timedelta(1)),)}, {}, Refusal.ON_LEAVE),
        ({"capacity_hours": 0.0}, {}, Refusal.NO_CAPACITY),
        ({}, {"hours": 3.0, "hours_left": 2.0}, Refusal.NO_CAPACITY),
    ],
)
def test_each_reason(values, asked, reason):
    asked = {"skill": Skill.CATERING} | asked
    assert person(**values).refusals(DAY, **asked) == (reason,)


def test_all_reasons_are_told_at_once_and_have_words():
    away = person(
        capacity_hours=0.0,
        leave=(Period(DAY, DAY + timedelta(9)),),
        recused_premises=frozenset({7}),
    )
    assert away.refusals(DAY, skill=Skill.SPECIAL_FOOD, premises_id=7) == (
        Refusal.RECUSED,
        Refusal.SKILL_MISSING,
        Refusal.ON_LEAVE,
        Refusal.NO_CAPACITY,
    )
    assert set(REFUSALS) == set(Refusal)
    assert set(SKILL_NAMES) == set(SKILLS)


def test_the_first_day_belongs_to_a_period_and_the_end_does_not():
    period = Period(date(2024, 1, 1), date(2024, 1, 3))
    inside = [day for day in range(1, 6) if date(2024, 1, day) in period]
    assert inside == [1, 2]
    assert DAY in Period()


def test_a_pair_needs_two_people_and_neither_recused():
    lead, second = person(1), person(2, certificates=())
    assert pair_refusals(lead, second, DAY, skill=Skill.CATERING) == ()
    assert pair_refusals(second, lead, DAY, skill=Skill.CATERING) == (("A", Refusal.SKILL_MISSING),)
    assert pair_refusals(lead, second, DAY, skill=Skill.CATERING, both_skilled=True) == (
        ("B", Refusal.SKILL_MISSING),
    )
    kin = person(3, recused_owners=frozenset({"X"}))
    assert pair_refusals(lead, kin, DAY, owner="X") == (("B", Refusal.RECUSED),)
    with pytest.raises(InvalidInputError, match="two different"):
        pair_refusals(lead, lead, DAY)


days = st.integers(-40, 40)


@given(st.lists(st.tuples(days, st.integers(1, 20)), max_size=3), days, st.integers(1, 60))
def test_availability_counts_the_days_one_by_one(leaves, first, length):
    # leave of one person never overlaps: the register refuses it
    taken, away = set(), []
    for begin, size in leaves:
        span = set(range(begin, begin + size))
        if not span & taken:
            taken |= span
            away.append(Period(DAY + timedelta(begin), DAY + timedelta(begin + size)))
    one = person(leave=tuple(away), left_on=DAY + timedelta(25))
    counted = sum(one.available(DAY + timedelta(day)) for day in range(first, first + length))
    share = one.availability(DAY + timedelta(first), DAY + timedelta(first + length))
    assert share == pytest.approx(counted / length)


def test_a_period_without_a_day_has_no_availability():
    with pytest.raises(InvalidInputError, match="at least one day"):
        person().availability(DAY, DAY)


def test_home_and_leave_are_told_to_dispatchers_alone():
    one = person(lat=44.43, lng=84.68, leave=(Period(DAY, DAY + timedelta(1)),))
    assert {"home", "leave"}.isdisjoint(one.to_dict())
    assert "44.43" not in str(one.to_dict())
    assert one.to_dict(personal=True)["home"] == {"lat": 44.43, "lng": 84.68}


@pytest.mark.parametrize("name", ["wusu", "chicago"])
def test_shipped_packs_say_which_skill_a_category_asks_for(name):
    pack = load_rule_pack(DEMO / name / "rules.toml")
    asked = {pack.skill_for(category) for category in pack.skills.category}
    assert asked | {pack.skill_for(None)} >= set(SKILLS)
    assert not pack.both_skilled
    unverified = [key for key in pack.unverified() if key.startswith("skills.")]
    assert len(unverified) >= len(pack.skills.category), "none of them was read in a text"


def test_a_category_without_a_rule_takes_the_default_or_asks_for_nothing():
    wusu, chicago = (load_rule_pack(DEMO / name / "rules.toml") for name in ("wusu", "chicago"))
    assert wusu.skill_for("unknown") is None
    assert wusu.skill_for(None) is None
    assert chicago.skill_for("unknown") is Skill.CATERING
    assert chicago.skill_for(None) is Skill.CATERING
    assert wusu.model_copy(update={"skills": None}).skill_for("catering") is None

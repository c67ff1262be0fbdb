"""Zones and inspectors: least cost, hard exclusions, and a reason for everybody."""

import itertools
import json
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis_supervision.assignment.match_reasons import Reason
from gis_supervision.assignment.matching import (
    MOST_RECUSED,
    PARTS,
    Person,
    Weights,
    ZoneNeed,
    matched,
)
from gis_supervision.domain.distances import distances_m
from gis_supervision.domain.inspectors import REFUSALS, Refusal
from gis_supervision.errors import InvalidInputError, NotFoundError
from gis_supervision.language import translator

SKILLS = ("production", "circulation", "catering", "special_food")


def zone(number, **values):
    defaults = {"lat": 44.4 + number / 50, "lng": 84.7, "hours": 1000.0}
    return ZoneNeed(number, f"Z{number:02d}", **defaults | values)


def person(number, **values):
    defaults = {"capacity_hours": 1600.0}
    return Person(1000 + number, f"{number:03d}", f"检查员{number}", **defaults | values)


shares = st.floats(0, 1)
zone_values = st.fixed_dictionaries(
    {
        "lat": st.floats(44, 45),
        "lng": st.floats(84, 86),
        "hours": st.floats(0, 3000),
        "skill_hours": st.dictionaries(st.sampled_from(SKILLS), st.floats(0, 900), max_size=3),
        "languages": st.dictionaries(st.sampled_from(("zh", "ug", "kk")), st.floats(0, 0.33)),
        "premises": st.sampled_from([0, 5, 50]),
    }
)
places = st.one_of(
    st.just({}), st.fixed_dictionaries({"lat": st.floats(44, 45), "lng": st.floats(84, 86)})
)


@st.composite
def problems(draw, most=5):
    zones = [zone(n, **draw(zone_values)) for n in range(draw(st.integers(0, most)))]
    ids = st.sampled_from([z.id for z in zones] or [0])
    people = [
        person(
            n,
            capacity_hours=draw(st.sampled_from([0.0, 500.0, 1600.0])),
            skills=draw(st.frozensets(st.sampled_from(SKILLS))),
            languages=draw(st.frozensets(st.sampled_from(("zh", "ug", "kk")))),
            recused=draw(st.dictionaries(ids, st.integers(1, 9), max_size=3)),
            held=draw(st.dictionaries(ids, shares, max_size=2)),
            reasons=draw(st.sampled_from([(), (), (), (Refusal.ON_LEAVE,)])),
            **draw(places),
        )
        for n in range(draw(st.integers(0, most)))
    ]
    return zones, people


def table(result, zones, people):
    """Cost of each pair as the candidates tell it, infinite where excluded."""
    cost = np.full((len(zones), len(people)), np.inf)
    for row, one in enumerate(zones):
        told = {c.inspector_id: c for c in result.candidates(one.id)}
        for column, who in enumerate(people):
            if not told[who.id].excluded:
                cost[row, column] = told[who.id].cost
    return cost


def brute_force(cost, forced=None):
    """Most zones served and, among those, the least cost, by trying everything."""
    zones, people = cost.shape
    best = (-1, np.inf)
    options = [*range(people), *([-1] * zones)]
    for columns in set(itertools.permutations(options, zones)):
        if forced is not None and columns[forced[0]] != forced[1]:
            continue
        costs = [cost[row, column] for row, column in enumerate(columns) if column >= 0]
        if all(np.isfinite(costs)) and (-len(costs), sum(costs)) < (-best[0], best[1]):
            best = (len(costs), sum(costs))
    return best


@settings(max_examples=60, deadline=None)
@given(problems(most=4))
def test_the_total_is_the_least_there_is_and_so_is_every_extra(problem):
    zones, people = problem
    result = matched(zones, people)
    cost = table(result, zones, people)
    served, least = brute_force(cost)
    assert len(result.pairs) == served
    if len(result.pairs) == len(zones):
        assert result.total == pytest.approx(least, abs=1e-6)
    for row, one in enumerate(zones):
        if served < len(zones):
            break  # hours decide too whom nobody gets: the next test
        for candidate in result.candidates(one.id):
            column = [who.id for who in people].index(candidate.inspector_id)
            number, total = brute_force(cost, (row, column))
            if number == served:
                assert candidate.extra == pytest.approx(total - least, abs=1e-6)
            else:
                assert candidate.extra is None


@settings(max_examples=60, deadline=None)
@given(problems(), st.booleans())
def test_nobody_has_a_zone_with_many_recusals_nor_any_other_exclusion(problem, deputies):
    zones, people = problem
    result = matched(zones, people, deputies=deputies)
    by_id = {who.id: who for who in people}
    for match in result.matches:
        for chosen in (match.inspector_id, match.deputy_id):
            if chosen is not None:
                recused = by_id[chosen].recused.get(match.zone_id, 0)
                number = {one.id: one.premises for one in zones}[match.zone_id]
                assert recused <= MOST_RECUSED * number
                assert not by_id[chosen].reasons
                assert by_id[chosen].capacity_hours > 0
    responsible = [inspector for _, inspector in result.pairs]
    assert len(set(responsible)) == len(responsible)
    seconds = [match.deputy_id for match in result.matches if match.deputy_id is not None]
    assert len(set(seconds)) == len(seconds)
    assert all(
        match.deputy_id != match.inspector_id or match.deputy_id is None for match in result.matches
    )
    assert set(result.free) == set(by_id) - set(responsible)


@settings(max_examples=30, deadline=None)
@given(problems(), st.randoms(use_true_random=False))
def test_the_order_of_the_input_changes_nothing(problem, random):
    zones, people = problem
    first = matched(zones, people, deputies=True)
    random.shuffle(zones)
    random.shuffle(people)
    assert matched(zones, people, deputies=True).to_dict(None) == first.to_dict(None)


@settings(max_examples=40, deadline=None)
@given(problems())
def test_every_inspector_has_a_reason_in_every_zone_and_ranks_by_cost(problem):
    zones, people = problem
    result = matched(zones, people)
    chinese = translator("zh_CN")
    for match in result.matches:
        told = result.candidates(match.zone_id)
        assert {c.inspector_id for c in told} == {who.id for who in people}
        assert sum(c.chosen for c in told) == (match.inspector_id is not None)
        costs = [c.cost for c in told if c.cost is not None]
        assert costs == sorted(costs)
        assert [c.cost is None for c in told] == sorted(c.cost is None for c in told)
        for candidate in told:
            assert str(candidate.reason)
            assert candidate.reason.text(chinese) != str(candidate.reason)
            if candidate.cost is not None:
                assert sum(candidate.parts.values()) == pytest.approx(candidate.cost)
    json.dumps(result.to_dict())


def test_each_part_decides_where_all_else_is_equal():
    here = {"lat": 44.42, "lng": 84.7}
    far = {"lat": 44.9, "lng": 84.7}
    need = zone(1, skill_hours={"catering": 500.0}, languages={"ug": 0.5}, hours=1000.0)
    equal = {"skills": frozenset({"catering"}), "languages": frozenset({"ug"}), **here}
    for part, better, worse in (
        ("distance", {}, far),
        ("skills", {}, {"skills": frozenset()}),
        ("continuity", {"held": {1: 0.4}}, {}),
        ("load", {}, {"capacity_hours": 800.0}),
        ("languages", {}, {"languages": frozenset({"zh"})}),
    ):
        # the better one has the later number, so that the order does not decide
        people = [person(1, **equal | worse), person(2, **equal | better)]
        result = matched([need], people)
        assert result.matches[0].staff_number == "002", part
        first, second = result.candidates(1)
        differing = [name for name in PARTS if first.parts[name] != second.parts[name]]
        assert differing == [part]
        assert second.extra == pytest.approx(second.cost - first.cost)


def test_a_zone_takes_the_second_best_where_the_best_is_needed_elsewhere():
    # one inspector lives between both zones, the other near the first zone alone
    zones = [zone(0, lat=44.40), zone(1, lat=44.50)]
    people = [person(1, lat=44.42, lng=84.7), person(2, lat=44.36, lng=84.7)]
    result = matched(zones, people)
    assert [(m.zone, m.staff_number) for m in result.matches] == [("Z00", "002"), ("Z01", "001")]
    assert result.matches[0].reason.code == "chosen_overall"
    best = result.candidates(0)[0]
    assert (best.staff_number, best.reason.code) == ("001", "serves_elsewhere")
    assert best.reason.values["zone"] == "Z01"
    assert best.extra > 0
    assert result.matches[1].reason.code == "chosen_best"


def test_fewer_inspectors_than_zones_leave_the_lighter_zone_and_say_so():
    zones = [zone(0, hours=200.0, lat=44.4), zone(1, hours=1500.0, lat=44.4)]
    result = matched(zones, [person(1)], deputies=True)
    assert result.without == ("Z00",)
    assert result.matches[0].reason.code == "nobody_left"
    assert result.matches[0].deputy == "001", "somebody stands in"
    assert result.matches[1].deputy is None, "nobody is left to"
    (only,) = result.candidates(0)
    assert only.reason.code == "serves_elsewhere"
    assert only.extra == pytest.approx(1300 / 850), "the hours that would go without anybody"


def test_more_inspectors_than_zones_leave_some_free():
    result = matched([zone(0)], [person(n, lat=44.4 + n / 10, lng=84.7) for n in range(3)])
    assert result.matches[0].staff_number == "000"
    assert result.free == (1001, 1002)
    assert {c.reason.code for c in result.candidates(0) if not c.chosen} == {"dearer"}


def test_a_zone_from_which_all_are_recused_has_nobody():
    people = [person(n, recused={0: 2}) for n in range(2)]
    result = matched([zone(0), zone(1)], people)
    assert result.without == ("Z00",)
    assert result.matches[0].reason.code == "nobody_allowed"
    told = result.candidates(0)
    assert all(c.excluded == (Refusal.RECUSED,) and c.extra is None for c in told)
    assert "2" in str(told[0].reason)


def test_a_recusal_from_few_premises_is_a_cost():
    near = {"lat": 44.4, "lng": 84.7}
    one, other = person(0, recused={0: 5}, **near), person(1, **near)
    assert matched([zone(0, premises=50)], [one]).matches[0].staff_number == "000"
    result = matched([zone(0, premises=50)], [one, other])
    assert result.matches[0].staff_number == "001", "all else is the same"
    told = {c.staff_number: c for c in result.candidates(0)}
    assert told["000"].parts["recusal"] == pytest.approx(4.0 * 5 / 50)
    assert told["000"].excluded == ()
    without = matched([zone(0, premises=50)], [one, other], weights=Weights(recusal=0.0))
    assert without.matches[0].cost == without.candidates(0)[1].cost
    assert matched([zone(0, premises=24)], [one]).without == ("Z00",), "more than a fifth"


@pytest.mark.parametrize(
    ("zones", "people", "without"),
    [
        ([], [], ()),
        ([], [person(1)], ()),
        ([zone(1)], [], ("Z01",)),
        ([zone(1)], [person(1, capacity_hours=0.0)], ("Z01",)),
        ([zone(1, hours=0.0)], [person(1)], ()),
    ],
)
def test_the_edges(zones, people, without):
    result = matched(zones, people, deputies=True)
    assert result.without == without
    assert len(result.pairs) == len(zones) - len(without)
    assert result.to_dict()["without"] == list(without)


def test_certificates_can_be_required_for_a_share_of_the_hours():
    need = zone(1, hours=1000.0, skill_hours={"catering": 300.0, "production": 100.0})
    half = person(1, skills=frozenset({"catering"}))
    assert matched([need], [half], least_skilled=0.9).pairs == ((1, 1001),)
    strict = matched([need], [half], least_skilled=1.0)
    assert strict.without == ("Z01",)
    assert strict.candidates(1)[0].excluded == (Refusal.SKILL_MISSING,)
    with pytest.raises(InvalidInputError, match="share"):
        matched([need], [half], least_skilled=1.5)


def test_what_cannot_be_matched_is_refused():
    with pytest.raises(InvalidInputError, match="zone is given twice"):
        matched([zone(1), zone(1)], [])
    with pytest.raises(InvalidInputError, match="inspector is given twice"):
        matched([], [person(1), person(1)])
    with pytest.raises(InvalidInputError, match="weight skills"):
        Weights(skills=-1.0)
    with pytest.raises(NotFoundError, match="zone 9"):
        matched([zone(1)], []).candidates(9)


def test_all_hard_reasons_are_told_together():
    reason = Reason.excluded((Refusal.ON_LEAVE, Refusal.NO_CAPACITY), 0)
    assert str(reason) == f"Excluded: {REFUSALS[Refusal.ON_LEAVE]}; has no hours left."
    assert reason.to_dict()["reason"] == "on_leave"


def test_distances_are_those_on_the_globe():
    lat, lng = np.array([44.0]), np.array([84.0])
    one = distances_m(lat, lng, np.array([45.0, 44.0]), np.array([84.0, 84.0]))
    assert one[0].tolist() == pytest.approx([111_195.0, 0.0], abs=1.0)


def test_a_whole_city_is_matched_in_well_under_a_second():
    rng = np.random.default_rng(3)
    zones = [
        zone(
            n,
            lat=44 + rng.random(),
            lng=84 + rng.random(),
            hours=1000 + 500 * rng.random(),
            skill_hours={name: 200 * rng.random() for name in SKILLS},
        )
        for n in range(120)
    ]
    people = [
        person(
            n,
            lat=44 + rng.random(),
            lng=84 + rng.random(),
            skills=frozenset(name for name in SKILLS if rng.random() < 0.7),
            recused={int(rng.integers(120)): 1},
        )
        for n in range(150)
    ]
    begun = time.process_time()
    result = matched(zones, people, deputies=True)
    assert time.process_time() - begun < 1.0
    assert len(result.pairs) == 120
    assert len(result.free) == 30

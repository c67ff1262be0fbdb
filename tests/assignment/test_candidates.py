"""Matching on a register: what is read of zones and inspectors, and what never happens."""

from datetime import date, timedelta
from pathlib import Path

import cities
import factories
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from gis_supervision.assignment import candidates, proposing
from gis_supervision.assignment.matching import MOST_RECUSED
from gis_supervision.domain.inspectors import SKILLS, Period, Refusal
from gis_supervision.domain.rules import load_rule_pack
from gis_supervision.errors import ConflictError, InvalidInputError, NotFoundError
from gis_supervision.storage import (
    divisions,
    inspectors,
    proposal_decisions,
    proposals,
    recusals,
    responsibilities,
    responsibility,
)
from gis_supervision.storage.dispatch_tables import InspectorRecusal

DAY = date(2024, 7, 1)
EVE = DAY - timedelta(1)
RULES = load_rule_pack(Path(__file__).parents[2] / "gis_supervision/demo/wusu/rules.toml")
OWNER = "91654202MA77ABCD1X"


@pytest.fixture
def area(session):
    """Three zones of two cells from west to east, two premises in each."""
    factories.division(session, geom=factories.square(side=0.1))
    of = factories.grid(session)
    zones, premises = [], []
    for number in range(3):
        zone = factories.zone(session, code=f"Z{number}")
        zones.append(zone)
        for part in range(2):
            lng = 84 + 0.01 * (2 * number + part)
            cell = factories.grid_cell(session, of, geom=factories.square(lng=lng))
            factories.zone_cell(session, zone, cell)
            premises.append(
                factories.premises(session, lng=lng + 0.005, risk_class="D", category="catering").id
            )
    return zones, premises


def person(session, number, **values):
    return factories.inspector(session, staff_number=f"{number:03d}", **values)


def match(session, **values):
    return candidates.proposed(session, RULES, as_of=EVE, day=DAY, **values)


def told(result, zone, number):
    (one,) = (c for c in result.candidates(zone.id) if c.staff_number == f"{number:03d}")
    return one


def test_each_lives_nearest_to_another_zone(session, area):
    zones, _ = area
    for number, lng in enumerate((84.05, 84.01, 84.03)):
        person(session, number, home=f"SRID=4326;POINT({lng} 44.005)")
    result = match(session)
    assert [m.staff_number for m in result.matches] == ["001", "002", "000"]
    assert [m.zone_id for m in result.matches] == [zone.id for zone in zones]
    assert result.without == ()


def test_a_home_is_told_no_closer_than_its_neighbourhood(session, area):
    zones, _ = area
    person(session, 1, home="SRID=4326;POINT(84.0123 44.0045)")
    person(session, 2, home="SRID=4326;POINT(84.0131 44.0049)")
    result = match(session)
    both = [told(result, zones[0], number) for number in (1, 2)]
    assert both[0].distance_m == both[1].distance_m, "of the same cell of resolution 8"


def test_who_was_responsible_for_the_premises_keeps_them(session, area):
    zones, _ = area
    keepers = [person(session, number) for number in (3, 2, 1)]
    for zone, keeper in zip(zones, keepers, strict=True):
        factories.assignment(session, zone, keeper)
    result = match(session)
    assert [m.inspector_id for m in result.matches] == [keeper.id for keeper in keepers]
    one = told(result, zones[0], 3)
    assert one.parts["continuity"] == 0.0
    assert one.distance_m < 1500, "without a home, the zone looked after until now counts"
    assert told(result, zones[0], 2).parts["continuity"] == 2.0


def test_skills_are_those_of_the_first_day(session, area):
    zones, _ = area
    lapsed, able = person(session, 1), person(session, 2)
    factories.skill(session, lapsed, valid=f"[2020-01-01,{DAY})")
    factories.skill(session, able)
    result = match(session, zones=[zones[1].id])
    assert [m.staff_number for m in result.matches] == ["002"]
    assert told(result, zones[1], 1).parts["skills"] == pytest.approx(4.0), "of all its hours"
    assert told(result, zones[1], 2).parts["skills"] == 0.0
    strict = match(session, zones=[zones[1].id], only=[lapsed.id], least_skilled=0.5)
    assert strict.without == ("Z1",)


def test_leave_lowers_the_capacity_and_who_is_never_there_gets_no_zone(session, area):
    zones, _ = area
    away, part, gone = (person(session, number, capacity_hours=20.0) for number in (1, 2, 3))
    inspectors.take_leave(
        session, away.id, Period(EVE, DAY + timedelta(400)), reason="secondment", by="x"
    )
    inspectors.take_leave(
        session, part.id, Period(DAY, DAY + timedelta(10)), reason="leave", by="x"
    )
    gone.left_on = DAY
    session.flush()
    result = match(session, end=DAY + timedelta(20))
    assert told(result, zones[0], 1).excluded == (Refusal.ON_LEAVE, Refusal.NO_CAPACITY)
    assert told(result, zones[0], 2).parts["load"] == pytest.approx(2 * 5 / 15)
    assert [c.staff_number for c in result.candidates(zones[0].id)] == ["002", "001"]
    named = match(session, only=[gone.id])
    assert named.candidates(zones[0].id)[0].excluded[0] is Refusal.LEFT


def test_languages_are_those_of_the_nearest_division_that_has_some(session, area):
    zones, premises = area
    county = divisions.find(session, "654202", as_of=DAY)
    inspectors.speak(session, county.id, ["zh", "ug"])
    assert responsibilities.languages_on(session, DAY)[zones[0].id] == pytest.approx(
        {"zh": 0.5, "ug": 0.5}
    )
    person(session, 1, languages=["zh"])
    person(session, 2, languages=["zh", "ug"])
    result = match(session)
    assert told(result, zones[0], 1).parts["languages"] == pytest.approx(0.5)
    assert told(result, zones[0], 2).parts["languages"] == 0.0
    below = factories.division(
        session, code="654202001", level="township", parent_id=county.id, geom=None
    )
    session.execute(
        factories.Premises.__table__.update()
        .where(factories.Premises.id == premises[0])
        .values(location="none", geom=None, division_code="654202001")
    )
    inspectors.speak(session, below.id, ["kk"])
    assert responsibilities.languages_on(session, DAY)[zones[0].id] == pytest.approx(
        {"zh": 0.5, "ug": 0.5}
    ), "a premises without a cell is in no zone"
    inspectors.speak(session, county.id, [])
    assert responsibilities.languages_on(session, DAY) == {}


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    pairs=st.sets(st.tuples(st.integers(0, 3), st.integers(0, 5)), max_size=14),
    owners=st.sets(st.integers(0, 3), max_size=2),
    deputies=st.booleans(),
)
def test_recusal_is_never_broken(session, area, pairs, owners, deputies):
    zones, premises = area
    people = inspectors.ids_of(session, [f"{n:03d}" for n in range(4)]) or {
        f"{n:03d}": person(session, n).id for n in range(4)
    }
    session.execute(delete(InspectorRecusal))
    session.execute(
        factories.Premises.__table__.update()
        .where(factories.Premises.id == premises[-1])
        .values(credit_code=OWNER)
    )
    ids = [people[f"{n:03d}"] for n in range(4)]
    always = Period(DAY + timedelta(3), None)
    for who, what in pairs:
        recusals.add(
            session, ids[who], premises_id=premises[what], reason="x", by="x", valid=always
        )
    for who in owners:
        recusals.add(session, ids[who], owner=OWNER, reason="x", by="x", valid=always)
    result = match(session, deputies=deputies)
    place = {zone.id: number for number, zone in enumerate(zones)}
    for one in result.matches:
        for chosen in (one.inspector_id, one.deputy_id):
            if chosen is None:
                continue
            mine = {2 * place[one.zone_id], 2 * place[one.zone_id] + 1}
            who = ids.index(chosen)
            assert not {(who, what) for what in mine} & pairs
            assert not (5 in mine and who in owners)


def test_without_zones_or_days_the_message_says_what_to_do(session):
    with pytest.raises(ConflictError, match="zones design"):
        match(session)
    with pytest.raises(InvalidInputError, match="at least one day"):
        match(session, end=DAY)


def test_nobody_at_all(session, area):  # noqa: ARG001 - there
    assert match(session).without == ("Z0", "Z1", "Z2")
    with pytest.raises(NotFoundError):
        match(session).candidates(0)


def test_a_recusal_from_one_premises_leaves_the_zone_and_names_who_takes_it(session):
    """Matching, proposal and the answer to who is responsible name the same person."""
    cities.small(session)
    rules = cities.rules()
    for number in ("P1", "P2", "P3", "P4"):
        for skill in SKILLS:
            inspectors.certify(
                session, inspectors.find(session, number), skill, Period(cities.DAY, None)
            )
    today = proposal_decisions.today(session)
    premises = recusals.premises_with(session, "L0-1-0")
    person_id = inspectors.find(session, "P1")
    always = Period(today, None)
    recusals.add(session, person_id, premises_id=premises, reason="x", by="x", valid=always)
    result = candidates.proposed(session, rules, as_of=cities.DAY, day=today)
    match = result.matches[0]
    assert (match.zone, match.staff_number) == ("Z01", "P1"), "all but one premises are P1's"
    (taken,) = result.substitutions
    assert (taken.licence, taken.recused, taken.substitute) == ("L0-1-0", "P1", "P2")
    assert "L0-1-0 → P2" in str(match.reason)
    assert result.to_dict()["zones"][0]["substitutes"] == [taken.to_dict()]
    told = {one.staff_number: one for one in result.candidates(match.zone_id)}
    assert 0 < told["P1"].parts["recusal"] < 4.0 * MOST_RECUSED
    # the zone goes to somebody who is recused: the proposal says who takes that premises
    recusals.add(
        session,
        inspectors.find(session, "P4"),
        premises_id=premises,
        reason="x",
        by="x",
        valid=always,
    )
    number = proposing.assignment(
        session, rules, by="An", first=today, as_of=cities.DAY, responsible={"Z01": "P4"}
    )
    (told_of,) = proposals.find(session, number).summary["substitutes"]
    assert (told_of["recused"], told_of["substitute"]) == ("P4", "P2")
    proposal_decisions.accept(session, number, by="Bo")
    had = responsibility.of_premises(session, "L0-1-0", rules).on(today)
    assert (had.recused.staff_number, had.responsible.staff_number) == ("P4", "P2")

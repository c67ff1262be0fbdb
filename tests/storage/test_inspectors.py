from datetime import date, timedelta

import factories
import pytest
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import IntegrityError

from gis_supervision.domain.inspectors import Period, Skill, Team
from gis_supervision.errors import ConflictError, InvalidInputError, NotFoundError
from gis_supervision.storage import inspectors, recusals, teams
from gis_supervision.storage.inspectors import NewInspector

DAY = date(2024, 6, 30)
LATER = date(2024, 9, 1)


def read(session, person, day=DAY, end=None):
    (found,) = inspectors.on(
        session, day, end, ids=[person if isinstance(person, int) else person.id]
    )
    return found


def test_an_inspector_is_kept_with_every_attribute_and_brought_up_to_date(session):
    new = NewInspector(
        "0042", "阿依古丽·买买提", 1500.0, languages=("zh", "ug", "ug"), lat=44.43, lng=84.68
    )
    (first,) = inspectors.register(session, [new])
    kept = read(session, first)
    assert (kept.staff_number, kept.name, kept.capacity_hours) == (
        "0042",
        "阿依古丽·买买提",
        1500.0,
    )
    assert kept.languages == {"ug", "zh"}
    assert (kept.lat, kept.lng) == (44.43, 84.68)
    again = NewInspector("0042", "阿依古丽", 0.0, left_on=LATER)
    assert inspectors.register(session, [again]) == [first]
    session.expire_all()
    kept = read(session, first)
    assert (kept.lat, kept.languages, kept.left_on, kept.capacity_hours) == (
        None,
        frozenset(),
        LATER,
        0.0,
    )
    assert inspectors.register(session, []) == []


def test_what_cannot_be_is_refused(session):
    twice = [NewInspector("1", "An", 1.0), NewInspector("1", "Bo", 1.0)]
    with pytest.raises(InvalidInputError, match="1: given twice"):
        inspectors.register(session, twice)
    with pytest.raises(InvalidInputError, match="half a pair"):
        inspectors.register(session, [NewInspector("1", "An", 1.0, lat=44.0)])
    with pytest.raises(InvalidInputError, match="from 0 to 8784"):
        inspectors.register(session, [NewInspector("1", "An", -1.0)])


def test_nobody_of_that_number_names_the_nearest(session):
    inspectors.register(session, [NewInspector("WS-0017", "An", 1.0)])
    with pytest.raises(NotFoundError, match="did you mean 'WS-0017'"):
        inspectors.find(session, "WS-017")
    with pytest.raises(NotFoundError, match="'x'"):
        inspectors.find(session, "x")


def test_those_who_left_are_not_listed_from_that_day_on(session):
    inspectors.register(
        session, [NewInspector("2", "Bo", 1.0, left_on=DAY), NewInspector("10", "An", 1.0)]
    )
    assert [one.staff_number for one in inspectors.on(session, DAY - timedelta(1))] == ["10", "2"]
    assert [one.staff_number for one in inspectors.on(session, DAY)] == ["10"]
    assert inspectors.on(session, DAY, ids=[]) == []


def test_a_new_certificate_takes_the_place_of_the_old_from_its_first_day(session):
    person = factories.inspector(session)
    inspectors.certify(session, person.id, Skill.CATERING, Period(date(2022, 1, 1), LATER))
    inspectors.certify(session, person.id, Skill.CATERING, Period(DAY, None), number="2号")
    kept = read(session, person).certificates
    assert [(c.valid.first, c.valid.end, c.number) for c in kept] == [
        (date(2022, 1, 1), DAY, None),
        (DAY, None, "2号"),
    ]
    assert read(session, person).skills(DAY) == {Skill.CATERING}
    assert inspectors.withdraw_certificate(session, person.id, Skill.CATERING, LATER, by="An") == 1
    assert read(session, person).skills(LATER) == frozenset()
    with pytest.raises(InvalidInputError, match="at least one day"):
        inspectors.certify(session, person.id, Skill.CATERING, Period(DAY, DAY))


def test_certificates_that_end_soon_are_listed_unless_they_were_renewed(session):
    one, other, gone = (factories.inspector(session, staff_number=str(n)) for n in (1, 2, 3))
    gone.left_on = DAY
    for person in (one, other, gone):
        inspectors.certify(session, person.id, Skill.CATERING, Period(None, DAY + timedelta(11)))
    inspectors.certify(session, other.id, Skill.CATERING, Period(DAY + timedelta(11), None))
    inspectors.certify(session, one.id, Skill.PRODUCTION, Period(None, DAY), number="旧")
    found = inspectors.expiring(session, DAY, 10)
    assert [(e.staff_number, e.skill, e.days_left) for e in found] == [
        ("1", Skill.PRODUCTION, -1),
        ("1", Skill.CATERING, 10),
    ]
    assert found[1].last_day == DAY + timedelta(10)
    assert [e.skill for e in inspectors.expiring(session, DAY, 9)] == [Skill.PRODUCTION]


def test_leave_is_kept_once_and_can_end_early(session):
    person = factories.inspector(session)
    period = Period(DAY, DAY + timedelta(10))
    inspectors.take_leave(session, person.id, period, reason="sick", by="dispatcher")
    with pytest.raises(ConflictError, match="end it first"):
        inspectors.take_leave(
            session, person.id, Period(DAY + timedelta(9), LATER), reason="leave", by="dispatcher"
        )
    assert read(session, person).leave == (period,)
    assert read(session, person, DAY - timedelta(1)).leave == ()
    assert read(session, person, DAY - timedelta(5), LATER).leave == (period,)
    (told,) = inspectors.absences(session, DAY, LATER)
    assert (told.reason, told.recorded_by, told.period) == ("sick", "dispatcher", period)
    back = inspectors.end_leave(session, person.id, DAY + timedelta(3), by="An")
    assert back.period == period, "what it was before"
    assert read(session, person).leave == (Period(DAY, DAY + timedelta(3)),)
    assert inspectors.end_leave(session, person.id, DAY + timedelta(3), by="An") is None
    inspectors.end_leave(session, person.id, DAY, by="An")
    assert read(session, person).leave == (), "one that had not begun is taken away"


@pytest.mark.parametrize(
    ("period", "reason", "match"),
    [
        (Period(DAY, None), "leave", "last day"),
        (Period(DAY, DAY), "leave", "at least one day"),
        (Period(DAY, LATER), "holiday", "secondment"),
    ],
)
def test_a_leave_that_is_none_is_refused(session, period, reason, match):
    person = factories.inspector(session)
    with pytest.raises(InvalidInputError, match=match):
        inspectors.take_leave(session, person.id, period, reason=reason, by="x")


def test_a_recusal_from_an_owner_covers_every_premises_of_its(session):
    person = factories.inspector(session)
    code = "91654202MA77ABCD1X"
    owned = [factories.premises(session, credit_code=code).id for _ in range(2)]
    alone, free = (factories.premises(session).id for _ in range(2))
    always = Period(DAY, None)
    added = recusals.add(session, person.id, owner=code, reason="relative", by="x", valid=always)
    assert added
    assert not recusals.add(
        session, person.id, owner=code, reason="relative", by="x", valid=always
    ), "the same again changes nothing"
    recusals.add(
        session, person.id, premises_id=alone, reason="relative", by="x", valid=Period(DAY, LATER)
    )
    kept = read(session, person)
    assert kept.recused_premises == {*owned, alone}
    assert kept.recused_owners == {code}
    assert kept.recused_from(owned[0])
    assert kept.recused_from(None, code)
    assert not kept.recused_from(free)
    assert read(session, person, LATER).recused_premises == set(owned)
    assert read(session, person, DAY - timedelta(9), DAY).recused_premises == set()
    assert read(session, person, DAY - timedelta(9), LATER).recused_premises == {*owned, alone}
    with pytest.raises(ConflictError, match="end it first"):
        recusals.add(
            session, person.id, premises_id=alone, reason="x", by="x", valid=Period(DAY, None)
        )
    with pytest.raises(InvalidInputError, match="either"):
        recusals.add(session, person.id, reason="x", by="x", valid=always)
    told = recusals.since(session, DAY)
    assert [(r.owner, r.licence is None) for r in told] == [(code, True), (None, False)]
    recusals.end(session, told[0].id, LATER, by="An")
    assert read(session, person, LATER).recused_premises == frozenset()
    with pytest.raises(NotFoundError, match="no recusal"):
        recusals.end(session, told[0].id, LATER, by="An")


def test_nobody_is_in_two_teams_at_once_in_whatever_role(session):
    one, two, three = (factories.inspector(session, staff_number=f"T{n}").id for n in (1, 2, 3))
    assert teams.team_up(session, one, two, Period(DAY, LATER))
    assert not teams.team_up(session, one, two, Period(DAY, LATER))
    assert read(session, one).team == Team("A", two)
    assert read(session, two).team == Team("B", one)
    assert read(session, two, LATER).team is None
    with pytest.raises(ConflictError, match="T2"):
        teams.team_up(session, two, three, Period(DAY + timedelta(5), None))
    with pytest.raises(InvalidInputError, match="two different"):
        teams.team_up(session, one, one, Period(DAY, None))
    assert teams.disband(session, two, DAY + timedelta(5), by="An") == 1
    assert teams.team_up(session, two, three, Period(DAY + timedelta(5), None))
    assert teams.disband(session, three, DAY, by="An") == 1, "one that had not begun is taken away"
    assert read(session, three, LATER).team is None


def test_the_table_refuses_certificates_that_overlap(session):
    person = factories.inspector(session)
    factories.skill(session, person)
    with pytest.raises(IntegrityError, match="ex_inspector_skill_same"), session.begin_nested():
        factories.skill(session, person, valid=Range(DAY, None))

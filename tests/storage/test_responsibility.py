"""Who was responsible for a premises when."""

from contextlib import suppress
from datetime import date, timedelta

import cities
import factories
import pytest
from factories import Range
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, event, select, text, update
from sqlalchemy.exc import IntegrityError

from gis_supervision.domain.inspectors import SKILLS
from gis_supervision.errors import NotFoundError
from gis_supervision.storage import inspectors, responsibility, substitutes
from gis_supervision.storage.dispatch_tables import InspectorSkill
from gis_supervision.storage.tables import (
    Inspector,
    InspectorAssignment,
    Premises,
    Zone,
    ZoneCell,
)

RULES = cities.rules()
JAN, MAR, JUN, JUL, AUG, SEP = (date(2024, month, 1) for month in (1, 3, 6, 7, 8, 9))


@pytest.fixture
def shop(session):
    """A premises in a cell of a former grid until June, in another cell since."""
    former = factories.grid(session, valid=Range(JAN, JUN))
    now = factories.grid(session, valid=Range(JUN, None))
    old = factories.grid_cell(session, former, code="OLD", valid=Range(JAN, JUN))
    new = factories.grid_cell(session, now, code="NEW", valid=Range(JUN, None))
    shop = factories.premises(session, licence="L/1")
    first, second = (factories.zone(session, code=code) for code in ("Z01", "Z02"))
    factories.zone_cell(session, first, old, valid=Range(MAR, JUN))
    factories.zone_cell(session, second, new, valid=Range(JUN, None))
    an, bo, cy = (factories.inspector(session, name=name) for name in ("An", "Bo", "Cy"))
    factories.assignment(session, first, an, valid=Range(MAR, None))
    factories.assignment(session, second, bo, valid=Range(JUN, None))
    factories.assignment(session, second, cy, role="deputy", valid=Range(JUL, SEP))
    factories.leave(session, bo, JUL, AUG)
    return shop


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2024, 2, 1), ("OLD", None, None, None)),
        (date(2024, 3, 1), ("OLD", "Z01", "An", "An")),
        (date(2024, 5, 31), ("OLD", "Z01", "An", "An")),
        (date(2024, 6, 1), ("NEW", "Z02", "Bo", "Bo")),
        (date(2024, 7, 1), ("NEW", "Z02", "Bo", "Cy")),
        (date(2024, 7, 31), ("NEW", "Z02", "Bo", "Cy")),
        (date(2024, 8, 1), ("NEW", "Z02", "Bo", "Bo")),
        (date(2050, 1, 1), ("NEW", "Z02", "Bo", "Bo")),
    ],
)
def test_on_a_day_through_a_former_grid_and_an_absence(session, shop, day, expected):
    had = responsibility.of_premises(session, shop.licence, RULES).on(day)
    people = (had.responsible and had.responsible.name, had.acting and had.acting.name)
    assert (had.cell, had.zone, *people) == expected


def test_over_time(session, shop):
    found = responsibility.of_premises(session, shop.licence, RULES)
    assert found.on(date(2023, 12, 31)) is None
    assert [(one.first, one.until) for one in found.periods] == [
        (JAN, MAR),
        (MAR, JUN),
        (JUN, JUL),
        (JUL, AUG),
        (AUG, SEP),
        (SEP, None),
    ]
    assert [len(one.deputies) for one in found.periods] == [0, 0, 0, 1, 1, 0]


def test_whoever_lies_nowhere_says_why(session):
    factories.premises(session, licence="nowhere", lng=None)
    factories.premises(session, licence="outside", lng=0, lat=0)
    for licence, reason in (("nowhere", "not located exactly"), ("outside", "outside every grid")):
        found = responsibility.of_premises(session, licence, RULES)
        assert reason in found.reason
        assert found.on(JUN).zone is None
    with pytest.raises(NotFoundError, match="'nothing'"):
        responsibility.of_premises(session, "nothing", RULES)


@pytest.fixture
def office(session):
    """Four zones with four inspectors who have every certificate; a premises in each cell."""
    cities.small(session)
    people = session.scalars(select(Inspector).order_by(Inspector.staff_number)).all()
    for number, shop in enumerate(session.scalars(select(Premises).order_by(Premises.licence))):
        shop.credit_code = f"9165420{number % 7}MA77777777"
    for person in people:
        for name in SKILLS:
            factories.skill(session, person, name, valid=Range(None, None))
    return people


def of(session, licence, day):
    return responsibility.of_premises(session, licence, RULES).on(day)


def test_who_is_recused_is_never_responsible_another_takes_the_premises(session, office):
    shop = session.scalars(select(Premises).where(Premises.licence == "L0-1-0")).one()
    factories.recusal(session, office[0], shop, valid=Range(JUN, SEP))
    assert of(session, "L0-1-0", MAR).responsible.staff_number == "P1"
    had = of(session, "L0-1-0", JUN)
    assert had.recused.staff_number == "P1"
    assert had.responsible.staff_number == "P2", "the zone of P2 lies nearest"
    assert had.acting == had.responsible
    assert of(session, "L0-0-0", JUN).responsible.staff_number == "P1"
    assert of(session, "L0-1-0", SEP).responsible.staff_number == "P1"
    # away, the next one takes it
    factories.leave(session, office[1], JUL, AUG)
    assert [of(session, "L0-1-0", day).acting.staff_number for day in (JUN, JUL, AUG)] == [
        "P2",
        "P3",
        "P2",
    ]
    # a deputy of the zone comes first, but for one who is recused too
    zone = session.scalars(select(Zone).where(Zone.code == "Z01")).one()
    factories.assignment(session, zone, office[3], role="deputy", valid=Range(JUN, None))
    assert of(session, "L0-1-0", JUN).acting.staff_number == "P4"
    factories.recusal(session, office[3], owner_credit_code=shop.credit_code)
    had = of(session, "L0-1-0", JUN)
    assert (had.acting.staff_number, had.deputies) == ("P2", ())
    told = responsibility.of_premises(session, "L0-1-0", RULES).to_dict()["periods"]
    recused = {
        one["recused"]["staff_number"]
        for one in told
        if one["first"] and str(JUN) <= one["first"] < str(SEP)
    }
    assert recused == {"P1"}


def test_a_deputy_who_is_recused_does_not_act(session, office):
    shop = session.scalars(select(Premises).where(Premises.licence == "L0-0-0")).one()
    zone = session.scalars(select(Zone).where(Zone.code == "Z01")).one()
    factories.assignment(session, zone, office[3], role="deputy")
    factories.leave(session, office[0], JUN, JUL)
    assert of(session, "L0-0-0", JUN).acting.staff_number == "P4"
    factories.recusal(session, office[3], shop)
    had = of(session, "L0-0-0", JUN)
    assert (had.responsible.staff_number, had.acting.staff_number) == ("P1", "P2")


def test_where_nobody_has_the_certificate_nobody_is_responsible(session, office):
    shop = session.scalars(select(Premises).where(Premises.licence == "L0-0-0")).one()
    factories.recusal(session, office[0], shop)
    session.execute(delete(InspectorSkill).where(InspectorSkill.inspector_id != office[0].id))
    had = of(session, "L0-0-0", JUN)
    assert (had.responsible, had.acting, had.recused.staff_number) == (None, None, "P1")


@pytest.fixture
def statements(session):
    """What is sent to the database from here on."""
    sent = []

    def note(_connection, _cursor, statement, *_):
        sent.append(statement)

    connection = session.connection()
    event.listen(connection, "before_cursor_execute", note)
    yield sent
    event.remove(connection, "before_cursor_execute", note)


def moved(session, number, first, until):
    """One cell of the zone of P2 goes to Z04 for some days."""
    from_zone, to_zone = (
        session.scalars(select(Zone).where(Zone.code == code)).one() for code in ("Z02", "Z04")
    )
    cells = session.scalars(
        select(ZoneCell).where(ZoneCell.zone_id == from_zone.id, ZoneCell.valid.op("@>")(first))
    ).all()
    row = cells[number % len(cells)]
    before, after = Range(row.valid.lower, first), Range(until, row.valid.upper)
    cell = row.cell_id
    session.delete(row)
    session.flush()
    for zone, valid in ((from_zone, before), (to_zone, Range(first, until)), (from_zone, after)):
        session.add(ZoneCell(zone_id=zone.id, cell_id=cell, valid=valid))
    session.flush()


def test_all_days_are_answered_at_once_and_as_day_by_day(session, office, statements):
    shop = session.scalars(select(Premises).where(Premises.licence == "L0-1-0")).one()
    factories.recusal(session, office[0], shop, valid=Range(JUN, None))
    session.flush()

    def asked():
        statements.clear()
        found = responsibility.of_premises(session, "L0-1-0", RULES)
        return found, len(statements)

    _, few = asked()
    for number in range(30):
        first = JUN + timedelta(days=5 * number)
        factories.leave(session, office[1 + number % 3], first, first + timedelta(days=4))
        if number % 3 == 0:
            moved(session, number, first, first + timedelta(days=7))
    factories.recusal(session, office[2], shop, valid=Range(JUL, AUG))
    zone = session.scalars(select(Zone).where(Zone.code == "Z01")).one()
    factories.assignment(session, zone, office[3], role="deputy", valid=Range(AUG, SEP))
    office[1].left_on = JUN + timedelta(days=120)
    session.execute(
        update(InspectorSkill)
        .where(InspectorSkill.inspector_id == office[3].id)
        .values(valid=Range(None, JUN + timedelta(days=100)))
    )
    session.flush()
    found, many = asked()
    assert many == few, "the number of statements does not grow with the days of change"
    chosen = set()
    for day in (JUN + timedelta(days=n) for n in range(160)):
        expected = substitutes.taken_on(session, day, RULES)[shop.id]
        had = found.on(day)
        names = [one and one.staff_number for one in (had.responsible, had.recused)]
        assert names == [expected and expected.staff_number, "P1"], day
        chosen.add(names[0])
    assert chosen == {"P2", "P3", "P4", None}


def test_the_middles_of_many_days_are_those_of_each(session, office):
    for number in range(4):
        first = JUN + timedelta(days=3 * number)
        moved(session, number, first, first + timedelta(days=5))
    for_good = session.scalars(
        select(InspectorAssignment).where(InspectorAssignment.inspector_id == office[2].id)
    ).one()
    for_good.valid = Range(for_good.valid.lower, JUN + timedelta(days=6))
    session.flush()
    days = [date.min, MAR, *(JUN + timedelta(days=n) for n in range(20)), date.max]
    found = substitutes.middles_over(session, reversed(days))
    assert sorted(found) == days
    for day in days:
        rows = session.execute(
            text(
                "SELECT a.inspector_id, avg(st_y(st_centroid(g.geom))) AS lat,"
                " avg(st_x(st_centroid(g.geom))) AS lng FROM inspector_assignment a"
                " JOIN zone_cell m ON m.zone_id = a.zone_id AND m.valid @> CAST(:day AS date)"
                " JOIN grid_cell g ON g.id = m.cell_id"
                " WHERE a.role = 'responsible' AND a.valid @> CAST(:day AS date)"
                " GROUP BY a.inspector_id, a.zone_id"
            ),
            {"day": day},
        ).all()
        assert found[day].keys() == {row.inspector_id for row in rows}
        for row in rows:
            assert found[day][row.inspector_id] == [pytest.approx((row.lat, row.lng), abs=2e-9)]
        assert substitutes.middles(session, day) == found[day]


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_no_recusal_is_ever_broken(session, office, data):
    """Whatever leave, deputies, certificates and recusals there are, on every day."""
    with session.begin_nested() as attempt:
        people = st.sampled_from(office)
        licences = ["L0-0-0", "L1-1-0", "L2-3-0", "L3-0-0"]
        shops = {
            shop.licence: shop
            for shop in session.scalars(select(Premises).where(Premises.licence.in_(licences)))
        }
        days = st.integers(0, 40).map(lambda n: JUN + timedelta(days=n))
        for _ in range(data.draw(st.integers(1, 6))):
            person, first = data.draw(people), data.draw(days)
            end = first + timedelta(days=data.draw(st.integers(1, 30)))
            what = data.draw(st.sampled_from(["premises", "owner", "leave", "deputy", "skill"]))
            shop = shops[data.draw(st.sampled_from(licences))]
            with suppress(IntegrityError), session.begin_nested():
                if what == "premises":
                    factories.recusal(session, person, shop, valid=Range(first, end))
                elif what == "owner":
                    code = shop.credit_code
                    factories.recusal(
                        session, person, owner_credit_code=code, valid=Range(first, end)
                    )
                elif what == "leave":
                    factories.leave(session, person, first, end)
                elif what == "deputy":
                    zone = session.scalars(
                        select(Zone).where(Zone.code == data.draw(st.sampled_from(["Z01", "Z04"])))
                    ).one()
                    factories.assignment(
                        session, zone, person, role="deputy", valid=Range(first, end)
                    )
                else:
                    session.execute(
                        delete(InspectorSkill).where(InspectorSkill.inspector_id == person.id)
                    )
        for licence, shop in shops.items():
            found = responsibility.of_premises(session, licence, RULES)
            for day in (JUN + timedelta(days=n) for n in range(0, 72, 3)):
                kept_away = {
                    one.staff_number
                    for one in inspectors.on(session, day)
                    if one.recused_from(shop.id, shop.credit_code)
                }
                had = found.on(day)
                named = [had.responsible, had.acting, *had.deputies]
                assert not kept_away & {one.staff_number for one in named if one is not None}
                able = [
                    one.staff_number
                    for one in inspectors.on(session, day)
                    if not one.refusals(
                        day,
                        skill=RULES.skill_for(shop.category),
                        premises_id=shop.id,
                        owner=shop.credit_code,
                    )
                ]
                if had.recused is not None and able:
                    assert had.acting.staff_number in able
        attempt.rollback()

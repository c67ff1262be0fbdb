"""Premises of draws in plans of days: the drawn pair goes, or the reason is told."""

from collections import Counter
from datetime import date, timedelta
from types import SimpleNamespace

import factories
import gpxpy
import icalendar
import pytest
from draws_made import RULES, drawn, picked
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from gis_supervision.assignment import day_planning, drawing, drawn_pairs, wanted_stops
from gis_supervision.assignment.day_planning import Request
from gis_supervision.assignment.route_reasons import Reason
from gis_supervision.domain.inspectors import Inspector, Period
from gis_supervision.errors import ConflictError, InvalidInputError, NotFoundError
from gis_supervision.language import translator
from gis_supervision.rendering import route_files
from gis_supervision.storage import day_plans, drawn_visits, inspectors

TUESDAY = date(2025, 7, 1)
FRIDAY = date(2025, 7, 4)


@pytest.fixture
def register(session):
    """Twenty restaurants and six inspectors, none of them in a team."""
    for number in range(20):
        factories.premises(
            session, licence=f"P{number:02}", category="catering", lng=84.0 + 0.002 * number
        )
    for number in range(6):
        person = factories.inspector(session, staff_number=f"S{number}", name=f"王{number}")
        factories.skill(session, person, "catering")
    return session


def plan(session, **values):
    asked = {"first": TUESDAY, "sources": ("draw",), "iterations": 50} | values
    return day_planning.plan(session, RULES, Request(**asked), by="Ann", replace_plan=True)


def ids(session):
    numbers = [f"S{n}" for n in range(6)]
    return inspectors.ids_of(session, numbers)


def route_of(session, licence, first=TUESDAY, last=FRIDAY):
    (found,) = [
        (route, stop)
        for route in day_plans.routes(session, first, last)
        for stop in route.stops
        if stop.licence == licence
    ]
    return found


def test_the_pair_that_was_drawn_goes_and_no_other(register):
    people = ids(register)
    # a standing team is parted where a draw parts it
    factories.team(register, *(SimpleNamespace(id=people[one]) for one in ("S0", "S1")))
    record = drawn(register)
    picks = picked(register, record)
    assert len(picks) == 4
    made = plan(register, days=4)
    assert made.left_out == {}
    for licence, pick in picks.items():
        route, stop = route_of(register, licence)
        assert (route.lead, route.assistant) == (pick.lead_number, pick.assistant_number)
        assert stop.purpose == "draw"
        assert stop.due_on == date(2025, 7, 30)
        assert not stop.late
    goes = Counter(
        (route.day, number)
        for route in day_plans.routes(register, TUESDAY, FRIDAY)
        for number in (route.lead, route.assistant)
    )
    assert set(goes.values()) == {1}


def test_beside_what_is_due_the_pair_of_a_draw_still_goes_there(register):
    register.execute(text("UPDATE premises SET risk_class = 'A'"))
    record = drawn(register)
    made = plan(register, days=4, sources=("due", "hazards", "draw"))
    for licence, pick in picked(register, record).items():
        if licence not in made.left_out:
            route, stop = route_of(register, licence)
            assert {route.lead, route.assistant} == {pick.lead_number, pick.assistant_number}
            assert stop.purpose == "draw"
    served = [visit.key for route in made.routes.routes for visit in route.visits]
    assert len(served) == len(set(served))


def test_what_has_been_inspected_since_is_wanted_no_more(register):
    record = drawn(register)
    licence = min(picked(register, record))
    shop = register.execute(
        text("SELECT id FROM premises WHERE licence = :l"), {"l": licence}
    ).scalar_one()
    visit = SimpleNamespace(id=shop)
    factories.inspection(register, visit, inspected_on=TUESDAY - timedelta(days=1))
    read = {"channels": RULES.counted_channels()}
    assert licence in {
        one.licence for one in drawn_visits.waiting(register, FRIDAY, FRIDAY, **read)
    }
    factories.inspection(register, visit, inspected_on=TUESDAY)
    waiting = drawn_visits.waiting(register, FRIDAY, FRIDAY, **read)
    assert licence not in {one.licence for one in waiting}
    assert len(waiting) == 3
    early = TUESDAY - timedelta(days=2)
    assert drawn_visits.waiting(register, early, early, **read) == []


def test_draws_by_name_and_those_that_are_not_there_yet(register):
    drawn(register)
    other = drawn(register, name="Q4", day=date(2025, 7, 2), seed="9")
    made = plan(register, days=5, draws=("Q4",))
    seen = {visit.key for route in made.routes.routes for visit in route.visits}
    assert seen | set(made.left_out) == set(picked(register, other))
    assert all(day_planned >= 1 for day_planned in (r.day for r in made.routes.routes))
    with pytest.raises(NotFoundError, match="no draw 'Q5'"):
        plan(register, draws=("Q5",))
    with pytest.raises(InvalidInputError, match="draw among the sources"):
        plan(register, draws=("Q4",), sources=("due",))


def test_a_draw_that_has_not_been_carried_out_asks_for_nothing(register):
    drawing.plan(
        register, RULES, drawing.Wish(name="Q1", day=TUESDAY, ratios={"none": 0.1}), by="Ann"
    )
    with pytest.raises(ConflictError, match="not been carried out"):
        plan(register, draws=("Q1",))
    assert plan(register).to_dict()["stops"] == 0


def test_every_one_that_is_left_out_has_its_reason(register):
    people = ids(register)
    record = drawn(register, ratios={"none": 0.5}, most_visits=4)
    picks = picked(register, record)
    pairs = {one: {pick.lead_number, pick.assistant_number} for one, pick in picks.items()}
    paired = sorted(one for one in pairs if None not in pairs[one])

    def alone(change, days=10):
        with register.begin_nested() as change_of:
            change()
            register.flush()
            found = plan(register, days=days).left_out
            change_of.rollback()
        register.expire_all()
        return found

    def who(number):
        return SimpleNamespace(id=people[number])

    one = paired[0]
    lead, second = picks[one].lead_number, picks[one].assistant_number
    assert one not in alone(lambda: None)
    end = TUESDAY + timedelta(days=20)
    found = alone(lambda: factories.leave(register, who(lead), TUESDAY, end))
    assert found[one] is Reason.PAIR_ABSENT
    assert {key for key, reason in found.items() if reason is Reason.PAIR_ABSENT} == {
        key for key in paired if lead in pairs[key]
    }
    middle = TUESDAY + timedelta(days=7)

    def apart():
        factories.leave(register, who(lead), TUESDAY, middle)
        factories.leave(register, who(second), middle, end)

    assert alone(apart)[one] is Reason.PAIR_APART
    shop = register.execute(
        text("SELECT id FROM premises WHERE licence = :l"), {"l": one}
    ).scalar_one()

    def recused():
        factories.recusal(register, who(second), SimpleNamespace(id=shop))

    assert {k: r for k, r in alone(recused).items() if r is Reason.PAIR_RECUSED} == {
        one: Reason.PAIR_RECUSED
    }

    def unskilled():
        register.execute(
            text("DELETE FROM inspector_skill WHERE inspector_id IN (:a, :b)"),
            {"a": people[lead], "b": people[second]},
        )

    assert alone(unskilled)[one] is Reason.PAIR_UNSKILLED

    def closed():
        register.execute(
            text("UPDATE premises SET closed_on = :day WHERE id = :id"),
            {"day": TUESDAY, "id": shop},
        )

    assert alone(closed) == {one: Reason.NOT_SUPERVISED}
    stored = plan(register, days=1, only=(lead,)).left_out
    assert set(stored.values()) == {Reason.PAIR_NOT_PLANNED}
    kept = day_plans.left_out(register, day_plans.ids(register, TUESDAY)[0])
    assert {row.licence: row.reason for row in kept} == {
        key: reason.value for key, reason in stored.items()
    }
    assert Reason.PAIR_TAKEN in alone(lambda: None, days=1).values()


def test_a_pair_that_could_not_be_drawn_is_said(register):
    for person in ids(register).values():
        register.execute(
            text("DELETE FROM inspector_skill WHERE inspector_id = :id"), {"id": person}
        )
    factories.skill(register, SimpleNamespace(id=ids(register)["S0"]), "production")
    drawn(register)
    assert set(plan(register, days=3).left_out.values()) == {Reason.NO_PAIR}


DAYS = tuple(TUESDAY + timedelta(days=at) for at in range(4))


def pairing(pairs, leave=(), days=DAYS, load=0.3):
    """Choose days for pairs of seven inspectors; ``leave`` are inspectors and days."""
    visits = [
        drawn_visits.DrawnVisit(1, at, f"P{at:02}", *pair, TUESDAY, DAYS[-1])
        for at, pair in enumerate(pairs)
    ]
    away = {
        one: tuple(
            Period(days[day], days[day] + timedelta(days=1)) for who, day in leave if who == one
        )
        for one in range(1, 8)
    }
    staff = [Inspector(one, f"S{one}", "", 1000.0, leave=away[one]) for one in range(1, 8)]
    names = [visit.licence for visit in visits]
    return drawn_pairs.pairing(
        visits,
        days,
        [staff] * len(days),
        skills=dict.fromkeys(names),
        loads=dict.fromkeys(names, load),
    )


def test_a_pair_is_moved_where_another_has_no_other_day():
    # 1 and 2 would take the first day, on which alone 2 and 3 are there together
    found = pairing([(1, 2), (2, 3)], leave=[(3, 1), (3, 2), (3, 3)])
    assert found.left_out == {}
    assert found.days == {0: ((2, 3),), 1: ((1, 2),)}
    found = pairing([(1, 2), (2, 3)], leave=[(3, 1)], days=DAYS[:2])
    assert found.days == {0: ((2, 3),), 1: ((1, 2),)}
    found = pairing([(1, 2), (2, 3), (1, 3)], days=DAYS[:2])
    assert found.left_out == {"P02": Reason.PAIR_TAKEN}


def test_among_equal_deadlines_as_many_go_as_can():
    found = pairing([(2, 3), (1, 2), (3, 4)], days=DAYS[:1])
    assert found.left_out == {"P00": Reason.PAIR_TAKEN}
    assert found.days == {0: ((1, 2), (3, 4))}


def test_a_pair_with_much_to_do_has_more_days():
    assert len(pairing([(1, 2)] * 4).days) == 2
    assert pairing([(1, 2)] * 40).left_out == {}


@settings(max_examples=60, deadline=None)
@given(
    pairs=st.lists(
        st.tuples(st.integers(1, 7), st.integers(1, 7)).filter(lambda two: two[0] != two[1]),
        max_size=16,
    ),
    leave=st.lists(st.tuples(st.integers(1, 7), st.integers(0, 3)), max_size=8),
)
def test_nobody_goes_with_two_on_one_day(pairs, leave):
    found = pairing(pairs, leave)
    for day, together in found.days.items():
        going = [one for pair in together for one in pair]
        assert len(going) == len(set(going))
        assert not {(one, day) for one in going} & set(leave)
    served = {frozenset(pair) for together in found.days.values() for pair in together}
    for at, pair in enumerate(pairs):
        assert (frozenset(pair) in served) is (f"P{at:02}" not in found.left_out)
    for key, reason in found.left_out.items():
        if reason is Reason.PAIR_TAKEN:  # every day in common is taken by one of the two
            two = pairs[int(key[1:])]
            for day in range(4):
                going = {one for pair in found.days.get(day, ()) for one in pair}
                assert going & set(two) or {(one, day) for one in two} & set(leave)


def test_of_a_draw_that_fills_the_days_many_times_over_the_rest_has_no_time(register):
    for number, person in ids(register).items():
        if number > "S1":
            away = SimpleNamespace(id=person)
            factories.leave(register, away, TUESDAY, TUESDAY + timedelta(days=60))
    record = drawn(register, ratios={"none": 1.0}, most_visits=40)
    made = plan(register)
    served = {visit.key for route in made.routes.routes for visit in route.visits}
    assert len(picked(register, record)) == 20
    assert served | set(made.left_out) == set(picked(register, record))
    assert set(made.left_out.values()) == {Reason.NO_TIME_LEFT}
    kept = day_plans.left_out(register, made.plan_id)
    assert {one.licence for one in kept} == set(made.left_out)


def test_what_a_draw_drew_is_left_to_its_pair_whatever_else_is_planned(register):
    register.execute(text("UPDATE premises SET risk_class = 'A'"))
    factories.team(register, *(SimpleNamespace(id=ids(register)[one]) for one in ("S0", "S1")))
    record = drawn(register)
    picks = set(picked(register, record))
    chosen = min(picks)
    made = plan(register, days=4, sources=("due", "hazards"), wanted=(wanted_stops.Wanted(chosen),))
    served = {visit.key for route in made.routes.routes for visit in route.visits}
    assert served
    assert not served & picks
    assert made.left_out[chosen] is Reason.DRAWN
    assert not (picks - {chosen}) & set(made.left_out)
    assert made.notes["drawn"] == 4
    # those of the other draw as well, but for what this one asks for
    other = drawn(register, name="Q4", seed="9", ratios={"none": 0.5})
    asked = set(picked(register, other))
    assert picks - asked
    assert picks & asked
    made = plan(register, days=4, sources=("due", "draw"), draws=("Q4",))
    for route in day_plans.routes(register, TUESDAY, FRIDAY):
        for stop in route.stops:
            assert stop.licence not in picks - asked
            if stop.licence in asked:
                pick = picked(register, other)[stop.licence]
                pair = {pick.lead_number, pick.assistant_number}
                assert {route.lead, route.assistant} == pair
    # when its days are over the draw holds nobody back any more
    after = plan(register, first=date(2025, 7, 31), days=1, sources=("due",), any_zone=True)
    assert "drawn" not in after.notes


def test_where_the_pair_of_one_draw_cannot_go_that_of_another_does(register):
    first = drawn(register, ratios={"none": 1.0}, most_visits=40)
    other = drawn(
        register, name="Q4", seed="9", ratios={"none": 1.0}, most_visits=40, period_days=60
    )
    pairs = [
        {
            one: {pick.lead_number, pick.assistant_number}
            for one, pick in picked(register, record).items()
        }
        for record in (first, other)
    ]
    gone = next(iter(pairs[0]["P00"] - pairs[1]["P00"]))
    away = SimpleNamespace(id=ids(register)[gone])
    factories.leave(register, away, TUESDAY, TUESDAY + timedelta(days=60))
    made = plan(register, days=10)
    free = {one for one in pairs[0] if gone in pairs[0][one] and gone not in pairs[1][one]}
    assert "P00" in free
    assert Reason.PAIR_ABSENT not in {made.left_out.get(one) for one in free}
    for route in day_plans.routes(register, TUESDAY, TUESDAY + timedelta(days=14)):
        for stop in route.stops:
            both = [found[stop.licence] for found in pairs]
            assert {route.lead, route.assistant} in both
            if stop.licence in free:
                assert {route.lead, route.assistant} == both[1]
                assert stop.due_on == TUESDAY + timedelta(days=59)


def test_where_all_pairs_of_a_premises_are_taken_the_next_one_is_tried():
    def visit(licence, pair, due):
        return drawn_visits.DrawnVisit(due, 1, licence, *pair, TUESDAY, DAYS[due])

    visits = [visit("A", (1, 2), 0), visit("B", (1, 3), 1), visit("B", (4, 5), 2)]
    staff = [Inspector(one, f"S{one}", "", 1000.0) for one in range(1, 8)]
    found = drawn_pairs.pairing(
        visits, DAYS[:1], [staff], skills={"A": None, "B": None}, loads={"A": 0.3, "B": 0.3}
    )
    assert found.days == {0: ((1, 2), (4, 5))}
    assert found.left_out == {}
    assert found.visits == {"A": visits[0], "B": visits[2]}


def test_who_leads_a_visit_is_as_drawn_where_a_pair_was_drawn_in_both_orders(register):
    for number, person in ids(register).items():
        if number > "S1":
            away = SimpleNamespace(id=person)
            factories.leave(register, away, TUESDAY, TUESDAY + timedelta(days=60))
    picks = picked(register, drawn(register, ratios={"none": 0.3}))
    assert {pick.lead_number for pick in picks.values()} == {"S0", "S1"}
    plan(register)
    (route,) = routes = day_plans.routes(register, TUESDAY)
    leads = {stop.licence: stop.lead for stop in route.stops}
    assert leads == {one: picks[one].lead_number for one in leads}
    assert set(leads.values()) == {"S0", "S1"}
    assert {stop["licence"]: stop["lead"] for stop in route.to_dict()["stops"]} == leads
    names = [f"王{stop.lead[1]}" for stop in route.stops]
    assert [stop.lead_name for stop in route.stops] == names
    english, zone = translator("en"), "Asia/Shanghai"
    table = route_files.table(routes, english)
    column = [one.name for one in table.columns].index("lead")
    assert [row[column] for rows in table.batches for row in rows] == names
    points = gpxpy.parse(route_files.gpx(routes, english, zone)).routes[0].points
    made_at = day_plans.made_at(register, [route.plan_id])
    events = icalendar.Calendar.from_ical(
        route_files.calendar(routes, english, zone, made_at=made_at)
    ).walk("VEVENT")
    for told in (
        [point.description for point in points],
        [str(event["description"]) for event in events],
    ):
        assert [one.splitlines()[4] for one in told] == [f"Leads the visit {n}" for n in names]

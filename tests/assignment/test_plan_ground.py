"""Plans of parts of the ground side by side: nobody and nothing is in two of them on one day."""

import threading
from collections import Counter
from datetime import date, timedelta
from types import SimpleNamespace

import factories
import pytest
from draws_made import RULES, drawn, picked
from sqlalchemy import text

from gis_supervision.assignment import day_planning
from gis_supervision.assignment.day_planning import Request
from gis_supervision.assignment.route_reasons import Reason
from gis_supervision.assignment.wanted_stops import Wanted
from gis_supervision.errors import ConflictError, InvalidInputError, NotFoundError
from gis_supervision.storage import database, day_plans, day_stops, inspectors

MONDAY = date(2025, 7, 7)
TUESDAY = date(2025, 7, 8)


def fill(session):
    """A county with a north and a south of two zones each, an inspector and two shops in each."""
    county = factories.division(session)
    for part in range(2):
        factories.division(
            session,
            code=f"65420200{part + 1}",
            level="township",
            parent_id=county.id,
            geom=factories.square(lng=84 + 0.02 * part, side=0.02),
        )
    of = factories.grid(session)
    for number in range(4):
        cell = factories.grid_cell(session, of, geom=factories.square(lng=84 + 0.01 * number))
        zone = factories.zone(session, code=f"Z{number}")
        factories.zone_cell(session, zone, cell)
        person = factories.inspector(session, staff_number=f"N{number}", name=f"王{number}")
        factories.assignment(session, zone, person)
        factories.skill(session, person, "catering")
        for place in range(2):
            factories.premises(
                session,
                licence=f"P{number}{place}",
                category="catering",
                lng=84.002 + 0.01 * number + 0.001 * place,
                lat=44.002,
                risk_class="D",
                cell_id=cell.id,
            )


@pytest.fixture
def register(session):
    fill(session)
    return session


ALONE = RULES.model_copy(
    update={
        "days": RULES.days.model_copy(
            update={"people": RULES.days.people.model_copy(update={"count": 1})}
        )
    }
)


def plan(session, *, by="Ann", replace_plan=False, **values):
    asked = {"first": MONDAY, "iterations": 50, "office": (44.0, 84.0)} | values
    return day_planning.plan(session, ALONE, Request(**asked), by=by, replace_plan=replace_plan)


def shops(made):
    return {visit.key for route in made.routes.routes for visit in route.visits}


def going(session, day=MONDAY):
    """Days of people and of premises in plans that are in force."""
    routes = day_plans.routes(session, day)
    people = Counter(one for r in routes for one in (r.lead, r.assistant) if one)
    return people, Counter(stop.licence for route in routes for stop in route.stops)


def of(*zones):
    return {f"P{zone}{place}" for zone in zones for place in range(2)}


def test_the_plan_of_the_north_leaves_that_of_the_south_in_force(register):
    north = plan(register, division="654202001")
    south = plan(register, division="654202002", by="Bo")
    assert (shops(north), shops(south)) == (of(0, 1), of(2, 3))
    people, premises = going(register)
    assert set(people) == {"N0", "N1", "N2", "N3"}
    assert set(people.values()) == set(premises.values()) == {1}
    with pytest.raises(ConflictError, match=rf"plan {north.plan_id} \(654202001\) is in force"):
        plan(register, division="654202001")
    again = plan(register, division="654202001", replace_plan=True)
    listed = day_plans.listed(register, MONDAY)
    assert {(one.id, one.unit, one.made_by) for one in listed} == {
        (again.plan_id, "654202001", "Ann"),
        (south.plan_id, "654202002", "Bo"),
    }
    assert [one.version for one in day_plans.listed(register, MONDAY, history=True)] == [1, 2, 3]
    assert going(register)[0] == people


def test_zones_are_a_part_too_and_share_nobody(register):
    first = plan(register, zones=("Z0", "Z1"))
    with pytest.raises(ConflictError, match=rf"N1 goes in plan {first.plan_id} \(Z0 Z1\)"):
        plan(register, zones=("Z1", "Z2"))
    with pytest.raises(ConflictError, match="inspector N0 goes"):
        plan(register, zones=("Z2",), only=("N0", "N2"))
    # another inspector takes what is left of the zones; what is planned already is not asked again
    made = plan(register, zones=("Z1", "Z2"), only=("N2",), any_zone=True)
    assert shops(made) == of(2)
    assert set(going(register)[1].values()) == {1}
    assert plan(register, zones=("Z3",), first=TUESDAY).to_dict()["stops"] == 2
    with pytest.raises(NotFoundError, match="did you mean 'Z3'"):
        plan(register, zones=("Z33",))
    with pytest.raises(NotFoundError, match="999999"):
        plan(register, division="999999")


def test_a_plan_of_the_whole_office_takes_the_place_of_all_and_only_if_asked(register):
    plan(register, division="654202001")
    plan(register, division="654202002")
    with pytest.raises(ConflictError, match="is in force"):
        plan(register)
    whole = plan(register, replace_plan=True)
    assert [one.id for one in day_plans.listed(register, MONDAY)] == [whole.plan_id]
    assert shops(whole) == of(0, 1, 2, 3)
    with pytest.raises(ConflictError, match=r"goes in plan \d+ \(whole office\)"):
        plan(register, division="654202001")
    # on other days nothing stands against it, but what is planned for later is not planned twice
    plan(register, first=TUESDAY, division="654202001", replace_plan=True)
    earlier = plan(register, first=MONDAY - timedelta(days=3))
    assert shops(earlier) == set()


def test_tomorrow_is_planned_before_the_visits_of_today_are_recorded(register):
    today = register.execute(text("SELECT current_date")).scalar_one()
    after = {"first": today + timedelta(days=1), "weekends": True}
    first = plan(register, first=today, weekends=True)
    assert shops(first) == of(0, 1, 2, 3)
    assert shops(plan(register, **after)) == set()
    # what has been visited is asked for again, where there is a hazard to be looked after
    shop = SimpleNamespace(id=day_stops.ids_of(register, ["P00"])["P00"])
    visit = factories.inspection(register, shop, inspected_on=today)
    factories.hazard(register, visit, due_on=today + timedelta(days=1))
    assert shops(plan(register, **after, replace_plan=True)) == of(0) - {"P01"}
    # what was not visited after all is free again when the day is over
    register.execute(text("UPDATE day_plan_day SET day = day - 1 WHERE day = :d"), {"d": today})
    register.execute(text("UPDATE day_route SET day = day - 1 WHERE day = :d"), {"d": today})
    assert shops(plan(register, **after, replace_plan=True)) == of(0, 1, 2, 3)


def test_a_plan_of_a_part_leaves_that_of_the_whole_office_in_force(register):
    whole = plan(register, only=("N0", "N1"))
    assert shops(whole) == of(0, 1)
    south = plan(register, zones=("Z3",), replace_plan=True)
    assert shops(south) == of(3)
    with pytest.raises(ConflictError, match=rf"N0 goes in plan {whole.plan_id} \(whole office\)"):
        plan(register, zones=("Z0",), replace_plan=True)
    assert {one.id for one in day_plans.listed(register, MONDAY)} == {whole.plan_id, south.plan_id}
    people, premises = going(register)
    assert people == Counter(["N0", "N1", "N3"])
    assert set(premises.values()) == {1}
    again = plan(register, replace_plan=True)
    assert [one.id for one in day_plans.listed(register, MONDAY)] == [again.plan_id]


def test_stops_of_a_file_that_are_not_planned_have_their_reason(register):
    wanted = (Wanted("P00"), Wanted("P30"))
    north = plan(register, division="654202001", sources=(), wanted=wanted)
    assert shops(north) == {"P00"}
    assert north.left_out == {"P30": Reason.OUTSIDE}
    factories.premises(register, licence="SHUT", lng=84.025, closed_on=date(2024, 1, 1))
    south = plan(register, zones=("Z2", "Z3"), sources=(), wanted=(Wanted("SHUT"), Wanted("P00")))
    assert south.left_out == {
        "P00": Reason.PLANNED_ELSEWHERE,
        "SHUT": Reason.NOT_SUPERVISED,
    }
    (plan_id,) = {one.id for one in day_plans.listed(register) if one.unit == "Z2 Z3"}
    kept = {one.licence: (one.purpose, one.reason) for one in day_plans.left_out(register, plan_id)}
    assert kept == {"P00": ("file", "planned_elsewhere"), "SHUT": ("file", "not_supervised")}


def test_a_deputy_and_a_colleague_help_where_no_other_plan_has_them(register):
    ids = inspectors.ids_of(register, ["N0", "N1", "N2"])
    zone = register.execute(text("SELECT id FROM zone WHERE code = 'Z0'")).scalar_one()
    person = {name: SimpleNamespace(id=one) for name, one in ids.items()}
    factories.assignment(register, SimpleNamespace(id=zone), person["N2"], role="deputy")
    factories.leave(register, person["N0"], MONDAY, TUESDAY)
    assert shops(plan(register, zones=("Z0",))) == of(0)  # by the deputy
    plan(register, zones=("Z2",), first=TUESDAY)
    made = plan(register, zones=("Z0",), first=TUESDAY)
    assert {route.crew for route in made.routes.routes} <= {"N0"}


def test_drawn_pairs_go_where_their_premises_are_if_they_are_free(register):
    record = drawn(register, day=MONDAY, ratios={"none": 0.5}, name="Q3")
    here = {one for one in picked(register, record) if one < "P2"}
    north = plan(register, sources=("draw",), division="654202001")
    assert shops(north) | set(north.left_out) == here
    south = plan(register, sources=("draw",), division="654202002")
    assert set(going(register)[0].values()) == {1}
    assert shops(south) | set(south.left_out) == set(picked(register, record)) - here
    assert set(south.left_out.values()) <= {Reason.PAIR_TAKEN}


def test_of_two_plans_at_once_that_share_somebody_one_is_refused(fresh_database):
    engine = database.engine(fresh_database().url)
    with database.session_scope(engine) as session:
        fill(session)
    gate = threading.Barrier(2)
    outcomes = []

    def make(zones):
        try:
            with database.session_scope(engine) as session:
                gate.wait()
                plan(session, zones=zones)
            outcomes.append("kept")
        except ConflictError:
            outcomes.append("refused")

    threads = [
        threading.Thread(target=make, args=(zones,)) for zones in (("Z0", "Z1"), ("Z1", "Z2"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["kept", "refused"]
    with database.session_scope(engine) as session:
        assert set(going(session)[0].values()) == {1}
    engine.dispose()


def test_what_is_said_of_units_is_checked(register):
    with pytest.raises(InvalidInputError, match="not there on these days"):
        plan(register, zones=("Z0",), only=("X",))

"""Back early from an absence, or later: history tells the right people on every day."""

from datetime import timedelta

import cities
import pytest
from cities import DAY, cells_on, state
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from gis_supervision.assignment import proposing
from gis_supervision.domain.proposals import Cover
from gis_supervision.errors import ConflictError, InvalidInputError, NotFoundError, SupervisionError
from gis_supervision.storage import (
    endings,
    inspectors,
    proposal_decisions,
    proposals,
    responsibility,
    zones,
)
from gis_supervision.storage.dispatch_tables import InspectorLeave

BROKEN = """
    SELECT 'a cell without a zone on some day', g.code FROM grid_cell AS g
    LEFT JOIN zone_cell AS m ON g.id = m.cell_id
    GROUP BY g.code HAVING coalesce(range_agg(m.valid), '{}')
        <> datemultirange(daterange(:day, NULL))
    UNION ALL
    SELECT 'a cell in two zones on some day', a.cell_id::text FROM zone_cell AS a
    JOIN zone_cell AS b ON a.cell_id = b.cell_id AND a.id < b.id AND a.valid && b.valid
    UNION ALL
    SELECT 'two responsible for a zone on some day', a.zone_id::text FROM inspector_assignment AS a
    JOIN inspector_assignment AS b
        ON a.zone_id = b.zone_id AND a.id < b.id AND a.valid && b.valid
        AND a.role = 'responsible' AND b.role = 'responsible'
    UNION ALL
    SELECT 'two ranges that are one', a.cell_id::text FROM zone_cell AS a
    JOIN zone_cell AS b ON a.cell_id = b.cell_id AND a.zone_id = b.zone_id AND a.valid -|- b.valid
"""


@pytest.fixture(scope="module")
def rules():
    return cities.rules()


@pytest.fixture
def today(session):
    cities.small(session)
    return session.scalar(text("SELECT current_date"))


@pytest.fixture
def office(session, rules, today):
    """Every kind of step of an absence, made by one dispatcher and accepted by another."""

    class Office:
        def day(self, days):
            return today + timedelta(days=days)

        def absence(self, who, first, last, *, accept=True, **more):
            options = {"tolerance": 0.5, **more}
            number = proposing.absence(
                session,
                rules,
                by="An",
                staff_number=who,
                first=self.day(first),
                last=self.day(last),
                as_of=DAY,
                **options,
            )
            return self.accept(number) if accept else number

        def back(self, who, day):
            return proposing.early_return(
                session, rules, by="An", staff_number=who, day=self.day(day), as_of=DAY
            )

        def longer(self, who, last, day=0):
            return proposing.extension(
                session,
                rules,
                by="An",
                staff_number=who,
                last=self.day(last),
                day=self.day(day),
                as_of=DAY,
            )

        def accept(self, number, **more):
            proposal_decisions.accept(session, number, by="Bo", **more)
            return number

        def undo(self, number):
            proposal_decisions.undo(session, number, by="Bo", reason="a mistake")

        def cells(self, day):
            return cells_on(session, self.day(day))

        def leave(self):
            rows = session.scalars(select(InspectorLeave).order_by(InspectorLeave.valid)).all()
            return [((r.valid.lower - today).days, (r.valid.upper - today).days) for r in rows]

    return Office()


@pytest.mark.parametrize("cover", list(Cover))
def test_zones_and_roles_return_on_the_day_that_the_inspector_is_back(
    session, rules, office, cover
):
    on = office.cells(0)
    office.absence("P1", 3, 12, cover=cover)
    shared = office.cells(3)
    before, leave = state(session), office.leave()
    found = office.back("P1", 7)
    assert found.first == office.day(7)
    assert (state(session), office.leave()) == (before, leave), "a proposal alone changes nothing"
    told = proposals.find(session, found.proposal)
    assert (told.kind, told.first, told.last) == ("return", office.day(7), office.day(12))
    row = next(z for z in proposals.zones(session, found.proposal) if z["code"] == "Z01")
    assert (row["acting_after"], row["cells_after"]) == ("Person 1", 4)
    assert row["acting_before"] != "Person 1"
    assert told.summary["cells_moved"] == (4 if cover is Cover.SHARE else 0)
    assert told.summary["hazards"]["total"] > 0
    office.accept(found.proposal)
    assert office.leave() == [(3, 7)]
    for day in range(20):
        assert office.cells(day) == (shared if 3 <= day < 7 else on), day
    past = responsibility.of_premises(session, "L0-0-0", rules)
    for day in range(20):
        had = past.on(office.day(day))
        away = 3 <= day < 7
        assert (had.acting.staff_number == "P1") is not away, day
        if cover is Cover.DEPUTIES:
            assert bool(had.deputies) is away, day
    (ended,) = endings.of(session, inspectors.find(session, "P1"))
    assert (ended.ended_by, ended.ended_on, ended.proposal) == (
        "Bo",
        office.day(7),
        found.proposal,
    )
    office.undo(found.proposal)
    assert (state(session), office.leave()) == (before, leave)
    assert endings.of(session, inspectors.find(session, "P1")) == []


def test_the_return_can_be_accepted_for_a_later_day_never_an_earlier_one(office):
    office.absence("P1", 3, 12)
    shared, on = office.cells(3), office.cells(0)
    number = office.back("P1", 7).proposal
    with pytest.raises(InvalidInputError, match="expected that day or a later one"):
        office.accept(number, effective_on=office.day(6))
    office.accept(number, effective_on=office.day(9))
    assert office.leave() == [(3, 9)]
    assert (office.cells(8), office.cells(9)) == (shared, on)


def test_an_absence_that_was_returned_from_cannot_be_undone_alone(office):
    absence = office.absence("P1", 3, 12)
    number = office.back("P1", 7).proposal
    office.accept(number)
    with pytest.raises(ConflictError, match=f"proposal {number} builds on it"):
        office.undo(absence)
    office.undo(number)
    office.undo(absence)


def test_a_second_absence_inside_the_first_stays_covered(office):
    on = office.cells(0)
    office.absence("P1", 1, 30)
    office.absence("P2", 10, 20)
    both = office.cells(12)
    office.accept(office.back("P1", 15).proposal)
    assert office.cells(12) == both
    later = office.cells(15)
    assert {c for c, z in later.items() if z == "Z01"} >= {c for c, z in on.items() if z == "Z01"}
    assert "Z02" not in later.values(), "the other one is still away"
    assert office.cells(25) == on


def test_who_is_away_gets_nothing_back(office):
    """Cells that an absence took from a zone whose inspector is away too stay where they are."""
    office.absence("P1", 1, 30)
    office.absence("P2", 5, 20)
    office.accept(office.back("P2", 10).proposal)
    inside = office.cells(10)
    assert "Z01" not in inside.values()
    assert {c for c, z in office.cells(0).items() if z == "Z02"} <= {
        c for c, z in inside.items() if z == "Z02"
    }
    assert office.cells(31) == office.cells(0)


def test_cells_moved_for_good_meanwhile_go_where_they_belong(session, rules, office):
    office.absence("P1", 1, 30)
    number = proposing.move(
        session, rules, by="An", first=office.day(40), as_of=DAY, cells=["0-0"], zone="Z04"
    )
    office.accept(number)
    office.accept(office.back("P1", 10).proposal)
    assert [office.cells(day)["0-0"] for day in (10, 39, 40)] == ["Z01", "Z01", "Z04"]


@pytest.mark.parametrize("moves", [{20: "Z04"}, {31: "Z04"}, {15: "Z03", 31: "Z04"}])
@pytest.mark.parametrize("absence_first", [True, False])
def test_a_move_for_good_stays_on_its_day(session, rules, office, moves, absence_first):
    if absence_first:
        office.absence("P1", 1, 30)
        assert office.cells(12)["0-0"] != "Z01"
    for day, zone in moves.items():
        number = proposing.move(
            session, rules, by="An", first=office.day(day), as_of=DAY, cells=["0-0"], zone=zone
        )
        office.accept(number)
    if not absence_first:
        office.absence("P1", 1, 30)
    before = state(session)
    number = office.back("P1", 10).proposal
    office.accept(number)
    zone = "Z01"
    for day in range(10, 45):
        zone = moves.get(day, zone)
        assert office.cells(day)["0-0"] == zone, day
    office.undo(number)
    assert state(session) == before


def test_an_absence_that_has_not_begun_is_called_off(office):
    on = office.cells(0)
    office.absence("P1", 5, 9)
    found = office.back("P1", 2)
    assert found.first == office.day(5)
    office.accept(found.proposal)
    assert (office.leave(), office.cells(6)) == ([], on)
    with pytest.raises(NotFoundError, match="no leave"):
        office.back("P1", 2)


def test_without_an_accepted_absence_the_leave_alone_changes(session, office):
    open_one = office.absence("P1", 3, 12, accept=False)
    longer = office.longer("P1", 15)
    assert (longer.proposal, longer.first) == (None, office.day(16))
    assert office.leave() == [(3, 13), (13, 16)]
    found = office.back("P1", 7)
    assert (found.proposal, found.first) == (None, office.day(7))
    assert office.leave() == [(3, 7)], "leave that goes on is one"
    ended = endings.of(session, inspectors.find(session, "P1"))
    assert [(one.what, one.ended_by) for one in ended] == [("leave", "An")] * 2
    assert proposals.find(session, open_one).state == "open"
    before = state(session)
    with (
        pytest.raises(ConflictError, match=f"not on leave from {office.day(7)} on"),
        session.begin_nested(),
    ):
        office.accept(open_one)
    assert state(session) == before
    proposal_decisions.withdraw(session, open_one, by="An")
    office.absence("P1", 3, 6)
    with pytest.raises(NotFoundError, match="no leave"):
        office.longer("P2", 9)


@pytest.mark.parametrize("cover", list(Cover))
def test_an_absence_that_lasts_longer_stays_with_those_who_cover_it(session, office, cover):
    on = office.cells(0)
    office.absence("P1", 3, 12, cover=cover)
    shared, who = office.cells(12), zones.on(session, office.day(12))
    found = office.longer("P1", 20)
    assert proposals.find(session, found.proposal).first == office.day(13)
    office.accept(found.proposal)
    assert office.cells(20) == shared
    assert [(z.code, z.deputies) for z in zones.on(session, office.day(20))] == [
        (z.code, z.deputies) for z in who
    ]
    assert office.cells(21) == on
    with pytest.raises(InvalidInputError, match="expected a later day"):
        office.longer("P1", 20)
    # both parts end together
    office.accept(office.back("P1", 8).proposal)
    assert office.leave() == [(3, 8)]
    assert all(office.cells(day) == on for day in range(8, 25))
    # ill again: what was returned counts no more
    office.absence("P1", 15, 18, cover=cover)
    assert proposals.find(session, office.longer("P1", 22, day=15).proposal).first == office.day(19)


def test_an_extension_covers_all_leave_that_a_rejected_one_recorded(session, office):
    on = office.cells(0)
    office.absence("P1", 1, 9)
    proposal_decisions.reject(session, office.longer("P1", 15).proposal, by="Bo", reason="no")
    assert office.leave() == [(1, 10), (10, 16)]
    with pytest.raises(InvalidInputError, match=f"leave is recorded until {office.day(15)}"):
        office.longer("P1", 12)
    assert office.leave() == [(1, 10), (10, 16)]
    office.accept(office.longer("P1", 15).proposal)
    assert all("Z01" not in office.cells(day).values() for day in range(1, 16))
    assert office.cells(16) == on


def test_a_return_ends_an_extension_that_nobody_decided_on(session, office):
    office.absence("P1", 3, 12)
    longer = office.longer("P1", 20).proposal
    number = office.back("P1", 8).proposal
    assert proposals.find(session, number).last == office.day(20)
    decision = proposal_decisions.accept(session, number, by="Bo")
    assert decision.superseded == (longer,)
    assert office.leave() == [(3, 8)]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["absence", "absence", "back", "back", "longer", "move"]),
        st.sampled_from(["P1", "P2", "P3"]),
        st.integers(0, 25),
        st.integers(1, 20),
        st.sampled_from(list(Cover)),
    ),
    min_size=2,
    max_size=7,
)


def propose(session, rules, office, step):
    """Make the proposal of a step; None where the leave alone was changed."""
    what, who, first, length, cover = step
    if what == "absence":
        more = {"cover": cover, "accept": False, "tolerance": 0.9}
        return office.absence(who, first, first + length, **more)
    if what == "back":
        return office.back(who, first).proposal
    if what == "longer":
        return office.longer(who, first + length, first).proposal
    zone = f"Z0{1 + length % 4}"
    day = office.day(first)
    return proposing.move(session, rules, by="An", first=day, as_of=DAY, cells=["0-1"], zone=zone)


def is_back(session, office, number):
    """On every day of a return the inspector is there and has the zone."""
    told = proposals.find(session, number)
    person = told.absent.partition(" ")[0]
    for day in (office.day(n) for n in range(46)):
        if told.first <= day < told.until:
            (one,) = [o for o in inspectors.on(session, day) if o.staff_number == person]
            if not one.available(day) or f"Z0{person[1]}" not in cells_on(session, day).values():
                return False
    return True


def on_leave(office):
    return {day for first, until in office.leave() for day in range(first, until)}


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@example(steps=[("absence", "P1", 0, 1, Cover.SHARE), ("back", "P1", 0, 1, Cover.SHARE)] * 2)
@given(steps=STEPS)
def test_whatever_is_returned_from_zones_are_whole_and_undone_in_turn(
    session, rules, office, steps
):
    """Absences, returns, extensions and moves in any order, each accepted, then all undone."""
    with session.begin_nested() as attempt:
        done = []
        for step in steps:
            before = state(session)
            try:
                with session.begin_nested():
                    number = propose(session, rules, office, step)
                    away = on_leave(office)
                    if number is not None:
                        office.accept(number)
            except SupervisionError:
                assert state(session) == before, "a refusal changes nothing"
                continue
            if number is None:
                continue
            done.append((number, before, away))
            assert session.execute(text(BROKEN), {"day": DAY}).all() == []
            assert step[0] != "back" or is_back(session, office, number)
        for number, before, away in reversed(done):
            office.undo(number)
            assert state(session) == before
            assert on_leave(office) >= away, "leave comes back with it"
        attempt.rollback()
    session.expire_all()

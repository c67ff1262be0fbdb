"""Proposals on a small city of squares: made, accepted, undone."""

from datetime import timedelta

import cities
import factories
import numpy as np
import pytest
from cities import DAY, cells_on, state
from sqlalchemy import select, text

from gis_supervision.assignment import candidates, design, proposing
from gis_supervision.domain.proposals import Cover
from gis_supervision.errors import ConflictError, InvalidInputError, NotFoundError
from gis_supervision.language import translator
from gis_supervision.storage import grid, inspectors, proposal_decisions, proposals, zones
from gis_supervision.storage.dispatch_tables import InspectorLeave
from gis_supervision.storage.inspectors import NewInspector
from gis_supervision.storage.tables import Inspector


@pytest.fixture(scope="module")
def rules():
    return cities.rules()


@pytest.fixture
def today(session):
    return session.scalar(text("SELECT current_date"))


@pytest.fixture(autouse=True)
def city(session, rules):
    """A division of 8 by 11 squares with premises, four zones and an inspector for each."""
    factories.division(session, geom=factories.square(side=0.1))
    grid.build(session, side_m=1000.0, valid_from=DAY)
    rng = np.random.default_rng(5)
    for lng, lat in rng.uniform(0.001, 0.099, (120, 2)):
        factories.premises(session, lng=84 + lng, lat=44 + lat, risk_class="High")
    made = design.design(session, rules, as_of=DAY, valid_from=DAY, zone_count=4, tolerance=0.1)
    design.assign_in_order(
        session, made, [NewInspector(f"P{n}", f"Person {n}", 1600.0) for n in range(1, 5)]
    )
    return made


def accept(session, number, **more):
    return proposal_decisions.accept(session, number, by="Ma Li", **more)


def test_a_move_changes_nothing_until_it_is_accepted_and_an_undo_restores_every_row(
    session, rules, today
):
    before = state(session)
    on = cells_on(session, today)
    moved = [cell for cell, zone in on.items() if zone == "Z01"][:3]
    number = proposing.move(
        session, rules, by="An", first=today, as_of=DAY, cells=moved, zone="Z02"
    )
    assert state(session) == before
    found = proposals.find(session, number)
    assert (found.state, found.made_by, found.first, found.until) == ("open", "An", today, None)
    assert found.summary["cells_moved"] == 3
    accept(session, number)
    after = cells_on(session, today)
    assert {cell for cell in on if after[cell] != on[cell]} == set(moved)
    assert cells_on(session, today - timedelta(days=1)) == on
    assert set(after) == set(on)
    proposal_decisions.undo(session, number, by="Ma Li", reason="a mistake")
    assert state(session) == before
    assert [event.to_state for event in proposals.history(session, number)] == [
        "open",
        "accepted",
        "undone",
    ]


@pytest.mark.parametrize("cover", list(Cover))
def test_an_absence_is_covered_and_returns_by_itself(session, rules, today, cover):
    before = state(session)
    first, last = today + timedelta(days=3), today + timedelta(days=12)
    number = proposing.absence(
        session,
        rules,
        by="An",
        staff_number="P1",
        first=first,
        last=last,
        as_of=DAY,
        cover=cover,
        tolerance=0.3,
    )
    leave = session.scalars(select(InspectorLeave)).one()
    assert (leave.valid.lower, leave.valid.upper) == (first, last + timedelta(days=1))
    accept(session, number)
    on = cells_on(session, today)
    assert cells_on(session, last + timedelta(days=1)) == on
    inside = cells_on(session, first)
    assert set(inside) == set(on)
    shown = {zone.code: zone for zone in zones.on(session, first)}
    if cover is Cover.SHARE:
        assert "Z01" not in shown
        assert all(on[cell] == "Z01" or inside[cell] == on[cell] for cell in on)
    else:
        assert inside == on
        assert shown["Z01"].inspector == "Person 1"
        assert shown["Z01"].deputies.startswith("Person ")
        assert {zone.code: zone for zone in zones.on(session, today)}["Z01"].deputies == ""
    proposal_decisions.undo(session, number, by="Ma Li")
    assert state(session) == before


def test_a_second_absence_inside_the_first(session, rules, today):
    on = cells_on(session, today)
    whole = (today + timedelta(days=1), today + timedelta(days=30))
    inner = (today + timedelta(days=10), today + timedelta(days=40))
    options = {"by": "An", "as_of": DAY, "tolerance": 0.5}
    one = proposing.absence(
        session, rules, staff_number="P1", first=whole[0], last=whole[1], **options
    )
    accept(session, one)
    shared = cells_on(session, whole[0])
    two = proposing.absence(
        session, rules, staff_number="P2", first=inner[0], last=inner[1], **options
    )
    accept(session, two)
    assert cells_on(session, inner[0] - timedelta(days=1)) == shared
    both = cells_on(session, inner[0])
    assert set(both) == set(on)
    assert set(both.values()) == {"Z03", "Z04"}
    after_first = cells_on(session, whole[1] + timedelta(days=1))
    assert "Z01" in after_first.values()
    assert "Z02" not in after_first.values()
    assert cells_on(session, inner[1] + timedelta(days=1)) == on
    with pytest.raises(ConflictError, match=f"proposal {two} builds on it"):
        proposal_decisions.undo(session, one, by="Ma Li")


def test_repair_and_redesign(session, rules, today):
    before = state(session)
    pinned = [cell for cell, zone in cells_on(session, today).items() if zone == "Z03"][:5]
    for place in range(60):
        factories.premises(session, lng=84.002 + 0.0003 * place, lat=44.095, risk_class="High")
    number = proposing.repair(
        session, rules, by="An", first=today, as_of=DAY, tolerance=0.1, pinned=pinned
    )
    summary = proposals.find(session, number).summary
    assert summary["after"]["imbalance"] < summary["before"]["imbalance"]
    accept(session, number)
    assert {cells_on(session, today)[cell] for cell in pinned} == {"Z03"}
    proposal_decisions.undo(session, number, by="Ma Li", reason="no")
    assert state(session) == before
    number = proposing.redesign(
        session, rules, by="An", first=today, as_of=DAY, zone_count=5, tolerance=0.2
    )
    accept(session, number)
    on = cells_on(session, today)
    assert set(on.values()) == {"Z01", "Z02", "Z03", "Z04", "Z05"}
    proposal_decisions.undo(session, number, by="Ma Li", reason="no")
    assert state(session) == before
    number = proposing.redesign(
        session, rules, by="An", first=today, as_of=DAY, zone_count=3, tolerance=0.2
    )
    accept(session, number)
    assert len(set(cells_on(session, today).values())) == 3
    assert sum(zone.inspector is not None for zone in zones.on(session, today)) == 3
    proposal_decisions.undo(session, number, by="Ma Li", reason="no")
    assert state(session) == before


def test_conflicting_proposals(session, rules, today):
    moved = sorted(cell for cell, zone in cells_on(session, today).items() if zone == "Z01")[:2]
    one, two = (
        proposing.move(session, rules, by="An", first=today, as_of=DAY, cells=moved, zone=zone)
        for zone in ("Z02", "Z03")
    )
    decision = accept(session, one)
    assert decision.superseded == (two,)
    with pytest.raises(ConflictError, match=f"superseded by proposal {one}.*{moved[0]}") as caught:
        accept(session, two)
    chinese = caught.value.translated(translator("zh_CN"))
    assert f"采纳了方案 {one}，其变更涉及网格 {moved[0]}" in chinese
    assert "proposal" not in chinese
    with pytest.raises(ConflictError, match="only one that is open"):
        accept(session, one)
    with pytest.raises(NotFoundError, match="no proposal 0"):
        accept(session, 0)


def test_responsibility(session, rules, today):
    before = state(session)
    number = proposing.assignment(
        session, rules, by="An", first=today, as_of=DAY, responsible={"Z01": "P2", "Z02": "P1"}
    )
    accept(session, number)
    people = {zone.code: zone.inspector for zone in zones.on(session, today)}
    assert (people["Z01"], people["Z02"]) == ("Person 2", "Person 1")
    proposal_decisions.undo(session, number, by="Ma Li", reason="no")
    assert state(session) == before


def test_days_before_today_are_forced_with_a_reason(session, rules, today):
    moved = [cell for cell, zone in cells_on(session, today).items() if zone == "Z01"][:1]
    number = proposing.move(
        session, rules, by="An", first=today, as_of=DAY, cells=moved, zone="Z02"
    )
    early = today - timedelta(days=9)
    with pytest.raises(InvalidInputError, match="must be forced"):
        accept(session, number, effective_on=early)
    with pytest.raises(InvalidInputError, match="expected a reason"):
        accept(session, number, effective_on=early, force=True)
    accept(session, number, effective_on=early, force=True, reason="agreed then")
    assert cells_on(session, early)[moved[0]] == "Z02"
    assert cells_on(session, early - timedelta(days=1))[moved[0]] == "Z01"


def test_zones_that_a_redesign_adds_have_an_inspector_from_the_first_day(session, rules, today):
    free = [
        inspectors.NewInspector("P5", "Person 5", 1600.0),
        inspectors.NewInspector("P6", "Person 6", 1600.0, left_on=today),
        inspectors.NewInspector("P7", "Person 7", 1600.0),
    ]
    _, _, away = inspectors.register(session, free)
    factories.leave(
        session, session.get(Inspector, away), today, today + timedelta(days=candidates.DAYS)
    )
    before = state(session)
    number = proposing.redesign(
        session, rules, by="An", first=today, as_of=DAY, zone_count=6, tolerance=0.2
    )
    assert state(session) == before
    added = [row for row in proposals.zones(session, number) if row["responsible_before"] is None]
    assert [(row["code"], row["responsible_after"]) for row in added] == [
        ("Z05", "Person 5"),
        ("Z06", None),
    ] or [(row["code"], row["responsible_after"]) for row in added] == [
        ("Z05", None),
        ("Z06", "Person 5"),
    ]
    told = proposals.find(session, number)
    assert {note["code"] for note in told.summary["notes"]} >= {"new_zone", "new_zone_given"}
    (gains,) = [one for one in told.summary["people"] if one["staff_number"] == "P5"]
    assert gains["hours_before"] == 0 < gains["hours_after"]
    assert {zone["zone"] for zone in told.parameters["matching"]["zones"]} == {"Z05", "Z06"}
    accept(session, number)
    shown = {zone.code: zone.inspector for zone in zones.on(session, today)}
    assert sorted(shown) == [f"Z0{n}" for n in range(1, 7)]
    assert [who for who in shown.values() if who is None] == [None]
    assert list(shown.values()).count("Person 5") == 1
    proposal_decisions.undo(session, number, by="Ma Li", reason="no")
    assert state(session) == before


def test_a_move_before_one_that_is_accepted_already_says_what_is_in_the_way(session, rules, today):
    on = cells_on(session, today)
    cell = next(code for code, zone in on.items() if zone == "Z01")
    soon, late = today + timedelta(days=30), today + timedelta(days=1000)

    def move(first, zone):
        return proposing.move(
            session, rules, by="An", first=first, as_of=DAY, cells=[cell], zone=zone
        )

    open_one = move(soon, "Z03")
    accepted = move(late, "Z02")
    accept(session, accepted)
    told = (
        f"accepted proposal {accepted} moves cell {cell} to zone Z02 from {late} on: undo it first"
        f" (gis-supervision proposals undo {accepted}), or choose {late} or a later day"
    )
    for zone in ("Z02", "Z03"):
        with pytest.raises(ConflictError) as refused:
            move(soon, zone)
        assert str(refused.value) == f"cells cannot move to zone {zone} on {soon}: {told}"
    with pytest.raises(ConflictError, match=f"from {late} on: make it anew for that day or a"):
        accept(session, open_one)
    # from that day on it is possible, but not brought forward
    after = move(late + timedelta(days=5), "Z04")
    with pytest.raises(ConflictError) as refused:
        accept(session, after, effective_on=soon)
    assert told in str(refused.value)
    accept(session, after)
    proposal_decisions.undo(session, after, by="Ma Li")
    proposal_decisions.undo(session, accepted, by="Ma Li")
    accept(session, move(soon, "Z03"))
    assert cells_on(session, soon)[cell] == cells_on(session, late)[cell] == "Z03"

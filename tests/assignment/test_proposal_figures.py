"""What a proposal says of itself, counted again from the register."""

from collections import Counter
from datetime import date, timedelta

import cities
import factories
import pytest
from sqlalchemy import text

from gis_supervision.assignment import proposing
from gis_supervision.domain.proposals import Cover
from gis_supervision.storage import proposal_decisions, proposals

MOVED = ("0-0", "0-1", "1-0")
PREMISES = """
    SELECT g.code, p.id, h.id AS hazard, h.severity, h.due_on
    FROM premises AS p JOIN grid_cell AS g ON p.cell_id = g.id
    LEFT JOIN hazard AS h ON h.premises_id = p.id
"""


@pytest.fixture
def today(session):
    cities.small(session)
    return proposal_decisions.today(session)


def options(**more):
    return {"by": "An", "as_of": date(2024, 2, 1)} | more


def test_a_move_counts_what_goes_along(session, today):
    visit = factories.inspection(
        session, session.get(factories.Premises, premises_of(session, "0-0")), inspected_on=today
    )
    factories.hazard(session, visit, item="2", found_on=today, last_seen_on=today)
    number = proposing.move(
        session, cities.rules(), first=today, cells=MOVED, zone="Z04", **options()
    )
    told = proposals.find(session, number).summary
    rows = session.execute(text(PREMISES)).all()
    inside = [row for row in rows if row.code in MOVED]
    assert told["cells_moved"] == 3
    assert told["premises_moved"] == len({row.id for row in inside})
    severities = Counter(
        row.severity for row in inside if row.hazard and row.due_on
    )  # the one found later is not known on the day
    assert told["hazards"]["total"] == severities.total()
    assert told["hazards"]["critical"] == severities["critical"]
    assert told["hazards"]["overdue"] == severities.total(), "all were due years ago"
    assert told["hazards"]["earliest_due_on"] == "2024-03-01"
    assert told["hazards"]["nearest_due_on"] is None
    gains = {one["staff_number"]: one["gains"] for one in told["people"]}
    assert gains["P4"] == -gains["P1"] == told["hours_moved"] > 0
    assert {one["zone"] for one in told["zones"]} == {"Z01", "Z04"}
    sizes = {one["zone"]: (one["cells_before"], one["cells_after"]) for one in told["zones"]}
    assert sizes == {"Z01": (4, 1), "Z04": (4, 7)}
    assert told["after"]["parts"] == 1, "the moved cells do not touch their new zone"
    each = {zone["code"]: zone for zone in proposals.zones(session, number)}
    loads = [zone["hours_after"] for zone in each.values()]
    mean = sum(loads) / len(loads)
    worst = max(abs(load / mean - 1) for load in loads)
    assert told["after"]["imbalance"] == pytest.approx(worst, abs=1e-4)
    assert sum(loads) == pytest.approx(sum(zone["hours_before"] for zone in each.values()))
    row = proposals.find(session, number)
    assert row.registry_version > 0
    assert len(row.zones_sha256) == 64


def test_a_deputy_gets_the_cases_and_no_cell_moves(session, today):
    first = today + timedelta(days=2)
    number = proposing.absence(
        session,
        cities.rules(),
        staff_number="P1",
        first=first,
        last=first + timedelta(days=3),
        cover=Cover.DEPUTIES,
        **options(),
    )
    told = proposals.find(session, number).summary
    assert told["cells_moved"] == 0
    (handover,) = proposals.handovers(session, number)
    assert (handover["zone"], handover["role"], handover["from_name"]) == ("Z01", "deputy", None)
    assert (handover["first"], handover["until"]) == (first, first + timedelta(days=4))
    cases = proposals.cases(session, number)
    block = {"0-0", "0-1", "1-0", "1-1"}
    rows = session.execute(text(PREMISES)).all()
    assert {case["hazard_id"] for case in cases} == {
        row.hazard for row in rows if row.code in block and row.hazard
    }
    assert {(case["from_name"], case["to_name"]) for case in cases} == {
        ("Person 1", handover["to_name"])
    }
    gains = {one["staff_number"]: one["gains"] for one in told["people"]}
    assert gains["P1"] < 0
    assert gains[handover["to_staff_number"]] == -gains["P1"]


def test_whoever_is_absent_covers_nobody(session, today):
    """The deputy of one absence goes away within it: another one takes over."""
    first = today + timedelta(days=2)
    common = options(cover=Cover.DEPUTIES)
    one = proposing.absence(
        session,
        cities.rules(),
        staff_number="P1",
        first=first,
        last=first + timedelta(days=20),
        **common,
    )
    proposal_decisions.accept(session, one, by="Bo")
    (handover,) = proposals.handovers(session, one)
    deputy = handover["to_staff_number"]
    two = proposing.absence(
        session,
        cities.rules(),
        staff_number=deputy,
        first=first + timedelta(days=5),
        last=first + timedelta(days=9),
        **common,
    )
    proposal_decisions.accept(session, two, by="Bo")
    rows = proposals.handovers(session, two)
    again = next(row for row in rows if row["zone"] == "Z01")
    assert again["from_staff_number"] == deputy
    assert again["to_staff_number"] not in {deputy, "P1", None}
    assert len(rows) == 2, "and the deputy's own zone has one too"


def test_of_two_covers_for_one_leave_one_is_accepted_and_the_leave_stays(session, today):
    first = today + timedelta(days=2)
    one, two = (
        proposing.absence(
            session,
            cities.rules(),
            staff_number="P1",
            first=first,
            last=first + timedelta(days=3),
            cover=cover,
            tolerance=0.5,
            **options(),
        )
        for cover in (Cover.SHARE, Cover.DEPUTIES)
    )
    proposal_decisions.withdraw(session, one, by="An")
    leaves = text("SELECT count(*) FROM inspector_leave")
    assert session.scalar(leaves) == 1, "the other proposal covers it"
    three = proposing.absence(
        session,
        cities.rules(),
        staff_number="P1",
        first=first,
        last=first + timedelta(days=3),
        tolerance=0.5,
        **options(),
    )
    done = proposal_decisions.accept(session, three, by="Bo")
    assert done.superseded == (two,)
    lone = proposing.absence(
        session,
        cities.rules(),
        staff_number="P2",
        first=first + timedelta(days=30),
        last=first + timedelta(days=31),
        tolerance=0.5,
        **options(),
    )
    assert session.scalar(leaves) == 2
    proposal_decisions.withdraw(session, lone, by="An")
    assert session.scalar(leaves) == 1


def premises_of(session, cell):
    return session.scalar(
        text(
            "SELECT min(p.id) FROM premises p JOIN grid_cell g ON p.cell_id = g.id"
            " WHERE g.code = :cell"
        ),
        {"cell": cell},
    )

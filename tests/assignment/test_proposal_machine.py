"""Random proposals, decisions and absences: zones stay whole at every instant."""

from datetime import timedelta

import cities
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis_supervision.assignment import proposing
from gis_supervision.domain.proposals import Cover
from gis_supervision.errors import ConflictError, SupervisionError
from gis_supervision.storage import proposal_decisions, proposals

CELLS = [f"{row}-{column}" for row in range(4) for column in range(4)]
ZONES = ["Z01", "Z02", "Z03", "Z04"]
PEOPLE = ["P1", "P2", "P3", "P4"]
DECIDE = st.sampled_from(["accept", "leave open"])
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
UNCOVERED = """
    SELECT i.staff_number, g.code FROM proposal AS p
    JOIN inspector AS i ON p.absent_id = i.id
    JOIN inspector_assignment AS a
        ON a.inspector_id = i.id AND a.role = 'responsible' AND a.valid && p.effective
    JOIN zone_cell AS m ON a.zone_id = m.zone_id AND m.valid && (a.valid * p.effective)
    JOIN grid_cell AS g ON m.cell_id = g.id
    WHERE p.id = :id
"""
STILL_AWAY = """
    SELECT l.valid FROM inspector_leave AS l
    JOIN inspector AS i ON l.inspector_id = i.id
    WHERE i.staff_number = :who AND l.valid @> CAST(:day AS date)
"""


class Office(RuleBasedStateMachine):
    """Dispatchers who propose, accept, reject and undo in any order."""

    engine = None
    pack = None

    @initialize()
    def open(self):
        self.connection = self.engine.connect()
        self.transaction = self.connection.begin()
        self.session = Session(self.connection, join_transaction_mode="create_savepoint")
        cities.small(self.session)
        self.today = proposal_decisions.today(self.session)
        self.before = []

    def teardown(self):
        if hasattr(self, "session"):
            self.session.close()
            self.transaction.rollback()
            self.connection.close()

    def attempt(self, work, *arguments, **options):
        """Do it, or learn that it is refused; a refusal changes nothing."""
        state = cities.state(self.session)
        try:
            with self.session.begin_nested():
                return work(self.session, *arguments, **options)
        except SupervisionError:
            assert cities.state(self.session) == state
            return None

    def propose(self, kind, decide="", **options):
        state = cities.state(self.session)
        number = self.attempt(
            getattr(proposing, kind), self.pack, by="An", as_of=cities.DAY, **options
        )
        assert cities.state(self.session) == state, "a proposal alone changes nothing"
        if decide == "accept" and number is not None:
            self.decide(number, None)
        return number

    @rule(
        cells=st.lists(st.sampled_from(CELLS), min_size=1, max_size=3, unique=True),
        zone=st.sampled_from(ZONES),
        days=st.integers(0, 20),
        decide=DECIDE,
    )
    def move(self, cells, zone, days, decide):
        first = self.today + timedelta(days=days)
        self.propose("move", decide, first=first, cells=cells, zone=zone)

    @rule(
        pins=st.lists(st.sampled_from(CELLS), max_size=6, unique=True),
        days=st.integers(0, 20),
        seed=st.integers(0, 3),
        decide=DECIDE,
    )
    def repair(self, pins, days, seed, decide):
        first = self.today + timedelta(days=days)
        number = self.propose("repair", decide, first=first, pinned=pins, seed=seed, tolerance=0.05)
        if number is not None:
            moved = {row["cell"] for row in proposals.cells(self.session, number)}
            assert not moved & set(pins), "pinned cells stay"

    @rule(count=st.integers(2, 5), days=st.integers(0, 20), decide=DECIDE)
    def redesign(self, count, days, decide):
        first = self.today + timedelta(days=days)
        self.propose("redesign", decide, first=first, zone_count=count, tolerance=0.3)

    @rule(
        who=st.sampled_from(PEOPLE),
        zone=st.sampled_from(ZONES),
        days=st.integers(0, 20),
        decide=DECIDE,
    )
    def assignment(self, who, zone, days, decide):
        first = self.today + timedelta(days=days)
        self.propose("assignment", decide, first=first, responsible={zone: who})

    @rule(
        who=st.sampled_from(PEOPLE),
        days=st.integers(0, 20),
        length=st.integers(1, 15),
        cover=st.sampled_from(Cover),
        decide=DECIDE,
    )
    def absence(self, who, days, length, cover, decide):
        first = self.today + timedelta(days=days)
        last = first + timedelta(days=length - 1)
        self.propose(
            "absence", decide, staff_number=who, first=first, last=last, cover=cover, tolerance=0.5
        )

    @rule(who=st.sampled_from(PEOPLE), days=st.integers(0, 30), decide=DECIDE)
    def early_return(self, who, days, decide):
        day = self.today + timedelta(days=days)
        state = cities.state(self.session)
        found = self.attempt(
            proposing.early_return, self.pack, by="An", staff_number=who, day=day, as_of=cities.DAY
        )
        assert cities.state(self.session) == state, "a proposal alone changes nothing"
        if found is None or found.proposal is None or decide != "accept":
            return
        self.decide(found.proposal, None)
        if proposals.find(self.session, found.proposal).state == "accepted":
            left = self.session.execute(text(STILL_AWAY), {"who": who, "day": found.first}).all()
            assert left == [], "who is back is not on leave"

    @rule(
        who=st.sampled_from(PEOPLE),
        days=st.integers(0, 30),
        length=st.integers(1, 40),
        decide=DECIDE,
    )
    def extension(self, who, days, length, decide):
        state = cities.state(self.session)
        day = self.today + timedelta(days=days)
        found = self.attempt(
            proposing.extension,
            self.pack,
            by="An",
            staff_number=who,
            last=day + timedelta(days=length),
            day=day,
            as_of=cities.DAY,
        )
        assert cities.state(self.session) == state, "a proposal alone changes nothing"
        if found is not None and found.proposal is not None and decide == "accept":
            self.decide(found.proposal, None)

    @rule(place=st.integers(0, 30), days=st.integers(-5, 25))
    def accept(self, place, days):
        number = self.one_that_is("open", place)
        if number is not None:
            self.decide(number, self.today + timedelta(days=days))

    def decide(self, number, day):
        state = cities.state(self.session)
        done = self.attempt(
            proposal_decisions.accept,
            number,
            by="Bo",
            effective_on=day,
            force=day is not None and day < self.today,
            reason="agreed",
        )
        if done is None:
            return
        self.before.append((number, state))
        found = proposals.find(self.session, number)
        if found.kind == "absence" and found.parameters["cover"] == "share":
            left = self.session.execute(text(UNCOVERED), {"id": number}).all()
            assert left == [], "the absent inspector has no cell meanwhile"

    @rule(place=st.integers(0, 30))
    def undo(self, place):
        number = self.one_that_is("accepted", place)
        if number is None:
            return
        done = self.attempt(proposal_decisions.undo, number, by="Bo", reason="a mistake")
        if done is None:
            return
        place = next(n for n, (other, _) in enumerate(self.before) if other == number)
        _, state = self.before.pop(place)
        later = self.before[place:]
        if state is not None and not later:
            assert cities.state(self.session) == state, "exactly as before"
        # what was before the later ones is not what is to come back any more
        self.before[place:] = [(other, None) for other, _ in later]

    @rule()
    def undo_the_last(self):
        """What was accepted last, nothing can build on."""
        if not self.before:
            return
        number, state = self.before.pop()
        proposal_decisions.undo(self.session, number, by="Bo", reason="a mistake")
        if state is not None:
            assert cities.state(self.session) == state

    @rule(place=st.integers(0, 30))
    def reject(self, place):
        number = self.one_that_is("open", place)
        if number is not None:
            proposal_decisions.reject(self.session, number, by="Bo", reason="no")
            with pytest.raises(ConflictError):
                proposal_decisions.accept(self.session, number, by="Bo")

    def one_that_is(self, state, place):
        found = proposals.listed(self.session, state=state)
        return found[place % len(found)].id if found else None

    @invariant()
    def zones_are_whole_at_every_instant(self):
        if hasattr(self, "session"):
            assert self.session.execute(text(BROKEN), {"day": cities.DAY}).all() == []


def test_zones_are_whole_whatever_is_proposed_accepted_and_undone(engine):
    machine = type("OfficeOfTheTest", (Office,), {"engine": engine, "pack": cities.rules()})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=5,
            stateful_step_count=14,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )

"""The case of one hazard, its episodes, and the indicators."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis_supervision.domain.case_indicators import (
    CaseTimes,
    Rate,
    closing_rate,
    on_time_dispatch,
    on_time_handling,
    rework_rate,
)
from gis_supervision.domain.inspections import (
    DISMISSED_STATES,
    FINAL_STATES,
    LINK_OF_STATE,
    LINKS,
    RESOLVED_STATES,
    SEVERITIES,
    TRANSITIONS,
    UNRESOLVED_STATES,
    CaseState,
    Episode,
    LaterInspection,
    Role,
    check_transition,
    hazard_episodes,
    inspection_order,
    is_unresolved,
    next_states,
)
from gis_supervision.errors import ConflictError, InvalidInputError

LAST_SEEN = (date(2024, 3, 1), "50")
LATER = LaterInspection(date(2024, 3, 1), "51")
states = st.sampled_from(list(CaseState))


def test_severities_and_links_are_in_order():
    assert SEVERITIES == ("critical", "serious", "minor", "unclassified")
    assert LINKS == (
        "collect",
        "file",
        "dispatch",
        "handle",
        "feed_back",
        "verify_and_close",
        "evaluate",
    )


def test_every_state_is_unresolved_resolved_or_dismissed():
    assert {"verified", "closed"} == RESOLVED_STATES
    assert {"rejected", "duplicate"} == DISMISSED_STATES
    assert len(UNRESOLVED_STATES) == 11
    assert is_unresolved("reported")
    assert is_unresolved("verify_failed")
    assert is_unresolved("suspended")
    assert not is_unresolved("verified")
    assert not is_unresolved("duplicate")
    with pytest.raises(InvalidInputError, match="no case state 'open'; expected one of reported"):
        is_unresolved("open")


def test_the_plain_way_from_report_to_closing():
    way = [
        ("reported", "accepted", Role.ACCEPTOR, "a"),
        ("accepted", "filed", Role.ACCEPTOR, "a"),
        ("filed", "dispatched", Role.DISPATCHER, "d"),
        ("dispatched", "handling", Role.HANDLER, "h"),
        ("handling", "rectification_submitted", Role.HANDLER, "h"),
        ("rectification_submitted", "verify_failed", Role.VERIFIER, "v"),
        ("verify_failed", "handling", Role.HANDLER, "h"),
        ("handling", "rectification_submitted", Role.HANDLER, "h"),
        ("rectification_submitted", "verified", Role.VERIFIER, "v"),
        ("verified", "closed", Role.DISPATCHER, "d"),
    ]
    for before, after, role, actor in way:
        check_transition(before, after, role=role, actor=actor, handlers={"h"})


def test_every_state_is_reached_and_every_unfinished_one_can_be_left():
    reached, frontier = {CaseState.REPORTED}, [CaseState.REPORTED]
    while frontier:
        new = set(next_states(frontier.pop())) - reached
        reached |= new
        frontier += new
    assert reached == set(CaseState)
    assert {state for state in CaseState if not next_states(state)} == set(FINAL_STATES)


def test_a_clock_runs_in_every_state_but_the_dismissed_and_the_suspended():
    assert {state for state in CaseState if LINK_OF_STATE[state] is None} == {
        CaseState.SUSPENDED,
        *DISMISSED_STATES,
    }


@settings(deadline=None)
@given(states, states, st.sampled_from(list(Role)))
def test_only_listed_changes_in_the_listed_role_are_allowed(before, after, role):
    allowed = role in TRANSITIONS.get((before, after), ())
    if allowed:
        check_transition(before, after, role=role, actor="p")
    else:
        with pytest.raises(ConflictError):
            check_transition(before, after, role=role, actor="p")


def test_refusals_say_what_would_be_allowed():
    with pytest.raises(ConflictError, match=r"from reported to closed \(allowed: accepted, rej"):
        check_transition("reported", "closed", role=Role.DISPATCHER, actor="p")
    with pytest.raises(ConflictError, match="none: the case has ended"):
        check_transition("closed", "handling", role=Role.HANDLER, actor="p")
    with pytest.raises(ConflictError, match=r"handler may not move .* expected dispatcher"):
        check_transition("filed", "dispatched", role=Role.HANDLER, actor="p")


@pytest.mark.parametrize("after", ["verified", "verify_failed"])
def test_nobody_verifies_what_they_have_handled(after):
    with pytest.raises(ConflictError, match="h2 has handled this case"):
        check_transition(
            "rectification_submitted", after, role=Role.VERIFIER, actor="h2", handlers=["h1", "h2"]
        )


@settings(deadline=None)
@given(states, states)
def test_a_later_inspection_verifies_every_unresolved_hazard_and_nothing_else(before, after):
    def change():
        check_transition(
            before, after, role=Role.VERIFIER, actor="v", last_seen=LAST_SEEN, evidence=LATER
        )

    if before in UNRESOLVED_STATES and after == CaseState.VERIFIED:
        change()
    else:
        with pytest.raises(ConflictError, match="later inspection"):
            change()


@pytest.mark.parametrize(
    ("role", "evidence", "message"),
    [
        (Role.HANDLER, LATER, "handler may not verify"),
        (Role.VERIFIER, LaterInspection(*LAST_SEEN), "not later"),
        (Role.VERIFIER, LaterInspection(date(2024, 3, 1), "9"), "9 of 2024-03-01 is not later"),
        (Role.VERIFIER, LaterInspection(date(2024, 2, 29), "99"), "not later"),
    ],
)
def test_evidence_must_be_later_and_brought_by_a_verifier(role, evidence, message):
    with pytest.raises(ConflictError, match=message):
        check_transition(
            "reported", "verified", role=role, actor="p", last_seen=LAST_SEEN, evidence=evidence
        )


def test_evidence_without_the_last_finding_is_refused():
    with pytest.raises(InvalidInputError, match="last_seen"):
        check_transition("reported", "verified", role=Role.VERIFIER, actor="p", evidence=LATER)


def day(number: int) -> date:
    return date(2024, 1, 1) + timedelta(days=number)


def test_episodes_by_hand():
    rows = [
        (day(9), "4", {"2"}),
        (day(0), "1", ["1", "2", "1"]),
        (day(5), "2", ["1"]),
        (day(5), "10", ["1", "3"]),  # the same day: 2 before 10
        (day(12), "5", []),
    ]
    assert hazard_episodes(rows) == [
        Episode("1", (day(0), "1"), (day(5), "10"), (day(9), "4"), 3),
        Episode("2", (day(0), "1"), (day(0), "1"), (day(5), "2"), 1),
        Episode("3", (day(5), "10"), (day(5), "10"), (day(9), "4"), 1),
        Episode("2", (day(9), "4"), (day(9), "4"), (day(12), "5"), 1),
    ]
    (open_hazard,) = hazard_episodes(rows[:1])
    assert open_hazard.is_unresolved
    assert open_hazard.age_days(day(12)) == 3
    first = hazard_episodes(rows)[0]
    assert (first.age_days(day(30)), first.age_days(day(7))) == (9, 7)


def test_no_inspection_no_hazard():
    assert hazard_episodes([]) == []
    assert hazard_episodes([(day(0), "1", [])]) == []


def test_an_inspection_given_twice_is_refused():
    with pytest.raises(InvalidInputError, match="'1' of 2024-01-01 is given twice"):
        hazard_episodes([(day(0), "1", ["3"]), (day(0), "1", [])])


def test_identifiers_that_are_not_numbers_are_ordered_as_text_after_numbers():
    names = ["b", "100", "a10", "99", "a9", "１"]
    ordered = sorted(names, key=lambda name: inspection_order(day(0), name))
    assert ordered == ["99", "100", "a10", "a9", "b", "１"]


inspections = st.lists(
    st.tuples(
        st.integers(0, 8).map(day),
        st.integers(0, 30).map(str),
        st.frozensets(st.sampled_from("1234"), max_size=4),
    ),
    max_size=12,
    unique_by=lambda row: row[:2],
)


@settings(deadline=None)
@given(inspections, st.randoms(use_true_random=False))
def test_episodes_cover_each_record_once_and_say_nothing_else(rows, random):
    ordered = sorted(rows, key=lambda row: inspection_order(row[0], row[1]))
    where = {row[:2]: index for index, row in enumerate(ordered)}
    shuffled = list(rows)
    random.shuffle(shuffled)
    episodes = hazard_episodes(shuffled)
    covered = []
    for episode in episodes:
        first, last = where[episode.first_found], where[episode.last_seen]
        covered += [(index, episode.item) for index in range(first, last + 1)]
        assert episode.times_seen == last - first + 1
        end = last + 1 if last + 1 < len(ordered) else None
        assert episode.resolved_by == (None if end is None else ordered[end][:2])
        if end is not None:
            assert episode.item not in ordered[end][2]
    assert sorted(covered) == sorted(
        (index, item) for index, row in enumerate(ordered) for item in row[2]
    )


NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


def hours(number: float) -> datetime:
    return NOON + timedelta(hours=number)


def test_indicators_count_what_could_be_on_time():
    cases = [
        CaseTimes(CaseState.CLOSED, hours(-9), hours(-8), hours(-4), hours(-4)),  # both on time
        CaseTimes(CaseState.HANDLING, hours(-7), hours(-8), None, hours(-1)),  # both late
        CaseTimes(CaseState.FILED, None, hours(1), None, None),  # not due yet
        CaseTimes(CaseState.FILED, None, hours(-1), None, None),  # overdue
        CaseTimes(CaseState.VERIFIED, hours(-9), None, hours(-3), hours(-2), 1),  # no deadline
        CaseTimes(CaseState.VERIFY_FAILED, hours(-9), hours(-5), hours(-3), hours(-2), 2),
        CaseTimes(CaseState.DUPLICATE),
        CaseTimes(CaseState.DISPATCHED, hours(2), hours(3), None, None),  # after the count
    ]
    assert on_time_dispatch(cases, as_of=NOON) == Rate(2, 4)
    assert on_time_handling(cases, as_of=NOON) == Rate(3, 4)
    assert closing_rate(cases) == Rate(1, 7)
    assert rework_rate(cases) == Rate(2, 3)
    assert on_time_dispatch(cases, as_of=NOON).share == 0.5


def test_nothing_to_count_gives_no_share():
    assert closing_rate([CaseTimes(CaseState.REJECTED)]).share is None
    assert on_time_handling([], as_of=NOON) == Rate(0, 0)

"""Periods against sets of days; states and days of decisions."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gis_supervision.domain.actors import checked_actor
from gis_supervision.domain.proposals import (
    TRANSITIONS,
    Period,
    State,
    check_transition,
    effective_period,
    joined,
    segments,
    without,
)
from gis_supervision.errors import ConflictError, InvalidInputError

START = date(2026, 1, 1)
DAYS = [START + timedelta(days=number) for number in range(30)]


@st.composite
def periods(draw):
    first = draw(st.integers(0, 20))
    until = draw(st.one_of(st.none(), st.integers(first + 1, 25)))
    return Period(DAYS[first], None if until is None else DAYS[until])


def days(*given_periods):
    return {day for day in DAYS for one in given_periods if day in one}


@given(periods(), periods())
def test_common_days(one, other):
    common = one.common(other)
    assert (set() if common is None else days(common)) == days(one) & days(other)


@given(st.lists(periods(), max_size=6))
def test_joined_has_the_same_days_in_separate_periods(many):
    found = joined(many)
    assert days(*found) == days(*many)
    assert all(a.until is not None and a.until < b.first for a, b in pairwise(found))


@given(periods(), st.lists(periods(), max_size=6))
def test_without(one, taken):
    found = without(one, taken)
    assert days(*found) == days(one) - days(*taken)
    assert sum(len(days(part)) for part in found) == len(days(*found))


@given(periods(), st.lists(st.sampled_from(DAYS), max_size=6))
def test_segments_are_the_whole_and_begin_where_it_is_cut(one, cuts):
    found = segments(one, cuts)
    assert days(*found) == days(one)
    assert {part.first for part in found} == {one.first, *(day for day in cuts if day in one)}


def test_only_these_changes_of_state_are_allowed():
    for before in State:
        for after in State:
            if after in TRANSITIONS[before]:
                check_transition(7, before, after)
            else:
                with pytest.raises(ConflictError, match=f"proposal 7 is {before}"):
                    check_transition(7, before, after)
    assert {state for state, after in TRANSITIONS.items() if not after} == {
        State.REJECTED,
        State.WITHDRAWN,
        State.SUPERSEDED,
        State.UNDONE,
    }


@pytest.mark.parametrize(
    ("proposed", "options", "expected"),
    [
        (Period(DAYS[9]), {}, Period(DAYS[9])),
        (Period(DAYS[3]), {}, Period(DAYS[5])),
        (Period(DAYS[9]), {"effective_on": DAYS[6]}, Period(DAYS[6])),
        (Period(DAYS[3], DAYS[9]), {"effective_on": DAYS[8]}, Period(DAYS[8], DAYS[9])),
        (
            Period(DAYS[9]),
            {"effective_on": DAYS[1], "forced": True, "reason": "agreed"},
            Period(DAYS[1]),
        ),
    ],
)
def test_the_days_that_a_proposal_is_accepted_for(proposed, options, expected):
    assert effective_period(proposed, today=DAYS[5], **options) == expected


@pytest.mark.parametrize(
    ("proposed", "options", "error", "message"),
    [
        (Period(DAYS[9]), {"effective_on": DAYS[4]}, InvalidInputError, "forced"),
        (
            Period(DAYS[9]),
            {"effective_on": DAYS[4], "forced": True, "reason": " "},
            InvalidInputError,
            "expected a reason",
        ),
        (
            Period(DAYS[9], DAYS[20]),
            {"effective_on": DAYS[6], "movable": False},
            InvalidInputError,
            "for the days from",
        ),
        (Period(DAYS[1], DAYS[5]), {}, ConflictError, "ended"),
        (Period(DAYS[7], DAYS[9]), {"effective_on": DAYS[9]}, ConflictError, "ended"),
    ],
)
def test_days_that_it_cannot_be_accepted_for(proposed, options, error, message):
    with pytest.raises(error, match=message):
        effective_period(proposed, today=DAYS[5], **options)


def test_somebody_decides():
    assert checked_actor(" Ma Li ") == "Ma Li"
    with pytest.raises(InvalidInputError, match="expected the name"):
        checked_actor(" ")

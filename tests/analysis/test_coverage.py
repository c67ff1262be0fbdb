from dataclasses import asdict
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gis_supervision.analysis.coverage import Status, by_unit, merged, status
from gis_supervision.errors import InvalidInputError

NAN = np.nan


def test_a_visit_exactly_at_the_interval_is_in_time_and_a_day_later_overdue():
    found = status([182, 183, NAN, 10], [182.625, 182.625, 182.625, NAN])
    assert found.tolist() == [Status.IN_TIME, Status.OVERDUE, Status.NEVER, Status.NO_RULE]


def test_out_of_scope_comes_before_any_rule():
    found = status(
        [10, 10, NAN, 10, 10],
        [365, 365, 365, 365, NAN],
        external=[True, False, False, False, False],
        days_since_opening=[NAN, 400, -1, 0, NAN],
        days_since_closing=[NAN, 0, NAN, -1, 5],
    )
    assert found.tolist() == [
        Status.EXTERNAL,
        Status.CLOSED,
        Status.NOT_OPEN,
        Status.IN_TIME,
        Status.CLOSED,
    ]


def test_counts_by_unit_with_a_unit_that_has_nothing_due():
    found = by_unit(
        [Status.IN_TIME, Status.OVERDUE, Status.NEVER, Status.NO_RULE, Status.CLOSED],
        [True, False, True, True, True],
        [7, 7, 7, 2, 5],
    )
    assert found.units.tolist() == [2, 7]
    assert found.premises.tolist() == [1, 3]
    assert found.due.tolist() == [0, 3]
    assert found.not_located.tolist() == [0, 1]
    assert np.isnan(found.share_on_time[0])
    assert found.share_on_time[1] == pytest.approx(1 / 3)


def test_no_premises_give_no_units():
    assert by_unit([], [], []).units.size == 0


@pytest.mark.parametrize(
    ("visited", "interval"), [([1.0, 2.0], [1.0]), ([[1.0]], [[1.0]]), ([-1.0], [5.0])]
)
def test_wrong_shapes_and_visits_in_the_future_are_refused(visited, interval):
    with pytest.raises(InvalidInputError):
        status(visited, interval)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(list(Status)), st.booleans(), st.integers(min_value=-1, max_value=4)
        )
    )
)
def test_every_premises_in_scope_is_counted_exactly_once(premises):
    statuses = [state for state, _, _ in premises]
    found = by_unit(
        statuses, [place for _, place, _ in premises], [unit for _, _, unit in premises]
    )
    inside = [
        state
        for state, _, unit in premises
        if unit >= 0 and state not in (Status.EXTERNAL, Status.CLOSED, Status.NOT_OPEN)
    ]
    assert found.premises.sum() == len(inside)
    assert (found.due + found.no_rule).sum() == len(inside)
    assert (found.due == found.in_time + found.overdue + found.never).all()


@given(st.dates(date(2000, 1, 1), date(2030, 1, 1)), st.integers(0, 2000), st.integers(1, 2000))
def test_time_only_ever_turns_in_time_into_overdue(visited, first, later):
    days = [
        (visited + timedelta(days=first) - visited).days,
        (visited + timedelta(days=first + later) - visited).days,
    ]
    early, late = status(days, [365.25, 365.25])
    assert (early, late) in {
        (Status.IN_TIME, Status.IN_TIME),
        (Status.IN_TIME, Status.OVERDUE),
        (Status.OVERDUE, Status.OVERDUE),
    }


@given(
    st.lists(
        st.tuples(
            st.sampled_from(Status), st.booleans(), st.booleans(), st.integers(-1, 3), st.integers()
        ),
        min_size=1,
    ),
    st.randoms(use_true_random=False),
)
def test_parts_add_up_to_the_whole_in_any_order(premises, random):
    def counted(rows):
        states, places, cells, units, _ = zip(*rows, strict=True) if rows else [()] * 5
        return by_unit(states, places, units, in_grid=cells)

    parts = [[row for row in premises if row[4] % 3 == part] for part in range(3)]
    random.shuffle(parts)
    whole, sums = counted(premises), merged([counted(part) for part in parts])
    for name, array in asdict(whole).items():
        assert asdict(sums)[name].dtype == array.dtype
        np.testing.assert_array_equal(asdict(sums)[name], array)

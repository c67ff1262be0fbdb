from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis_supervision.analysis.periods import back_from
from gis_supervision.errors import InvalidInputError


def ends(day, months, count):
    return [str(period.last) for period in back_from(day, months=months, count=count)]


def test_steps_end_with_their_month_or_on_the_same_day():
    assert ends(date(2024, 3, 31), 1, 3) == ["2024-01-31", "2024-02-29", "2024-03-31"]
    assert ends(date(2023, 2, 28), 1, 2) == ["2023-01-31", "2023-02-28"]
    assert ends(date(2024, 2, 28), 12, 2) == ["2023-02-28", "2024-02-28"]
    assert ends(date(2014, 12, 30), 3, 4) == [
        "2014-03-30",
        "2014-06-30",
        "2014-09-30",
        "2014-12-30",
    ]
    (year,) = back_from(date(2014, 12, 30), months=12)
    assert (year.first, year.last) == (date(2013, 12, 31), date(2014, 12, 30))


@settings(max_examples=200, deadline=None)
@given(st.dates(date(1990, 1, 1), date(2200, 1, 1)), st.integers(1, 24), st.integers(1, 60))
def test_steps_follow_each_other_without_gaps(day, months, count):
    periods = back_from(day, months=months, count=count)
    assert len(periods) == count
    assert periods[-1].last == day
    for before, after in pairwise(periods):
        assert after.first - before.last == timedelta(days=1)
    for period in periods:
        assert 28 * months - 3 <= (period.last - period.first).days + 1 <= 31 * months


@pytest.mark.parametrize(
    ("months", "count", "message"),
    [(0, 1, "months 0"), (1, 0, "steps 0"), (1, 121, "at most 120"), (300, 100, "too long ago")],
)
def test_what_cannot_be_cut_is_refused(months, count, message):
    with pytest.raises(InvalidInputError, match=message):
        back_from(date(2024, 1, 1), months=months, count=count)

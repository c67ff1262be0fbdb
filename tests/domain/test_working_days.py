"""Working days of the shipped table and of made-up ones, and the deadlines of clocks."""

import tomllib
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gis_supervision
from gis_supervision.domain.rule_values import Clock, Deadline
from gis_supervision.domain.working_days import (
    HolidayTable,
    add_months,
    deadline_day,
    deadline_instant,
    load_working_calendar,
    working_calendar,
)
from gis_supervision.errors import InvalidInputError, NotFoundError

SHIPPED = Path(gis_supervision.__file__).parent / "demo" / "wusu" / "working_days.toml"
WUSU = load_working_calendar(SHIPPED, "654202")
BEIJING = load_working_calendar(SHIPPED, "110101")
TITLE = {"en": "A", "zh_CN": "甲"}

PLAIN = """
name = "plain"
version = "1"
years = [2024]
[[holidays]]
title = { en = "Feast", zh_CN = "节" }
first = 2024-05-01
last = 2024-05-03
make_up_days = [2024-05-04]
source = "notice"
"""


def clock(amount: int, unit: str, extension: int | None = None) -> Clock:
    return Clock.model_validate(
        {
            "title": TITLE,
            "amount": amount,
            "unit": unit,
            "starts": "event",
            "extension": extension,
            "source": "law",
        }
    )


@pytest.mark.parametrize(
    ("day", "wusu", "beijing"),
    [
        ("2025-01-26", True, True),  # Sunday, made up for Spring Festival
        ("2025-01-25", False, False),  # Saturday
        ("2025-01-28", False, False),
        ("2025-03-31", False, True),  # Roza, a Monday
        ("2025-06-10", False, True),  # Corban, a Tuesday
        ("2025-06-11", True, True),
        ("2023-04-21", False, True),
        ("2022-10-09", True, True),
    ],
)
def test_regional_holidays_and_make_up_days(day, wusu, beijing):
    day = date.fromisoformat(day)
    assert WUSU.is_working_day(day) is wusu
    assert BEIJING.is_working_day(day) is beijing


def test_twenty_working_days_over_corban():
    # 2025-05-30 Friday; off: 31 May to 2 June, 6 to 10 June, weekends
    expected = [3, 4, 5, 11, 12, 13, 16, 17, 18, 19, 20, 23, 24, 25, 26, 27, 30]
    assert WUSU.add(date(2025, 5, 30), 17) == date(2025, 6, 30)
    assert [WUSU.add(date(2025, 5, 30), n).day for n in range(1, 18)] == expected
    assert WUSU.add(date(2025, 5, 30), 20) == date(2025, 7, 3)
    assert BEIJING.add(date(2025, 5, 30), 20) == date(2025, 6, 30)


def test_unverified_days_are_known():
    assert date(2026, 5, 27) in WUSU.unverified
    assert date(2025, 6, 6) not in WUSU.unverified
    assert date(2026, 5, 27) not in BEIJING.unverified


def test_nothing_is_guessed_outside_the_table():
    for question in (
        lambda: WUSU.is_working_day(date(2021, 12, 31)),
        lambda: WUSU.is_working_day(date(2027, 1, 1)),
        lambda: WUSU.add(date(2027, 1, 4), 0),
        lambda: WUSU.add(date(2026, 12, 30), 2),
        lambda: WUSU.add(date(2022, 1, 4), -1),
        lambda: WUSU.count(date(2026, 12, 1), date(2027, 1, 1)),
    ):
        with pytest.raises(InvalidInputError, match=r"outside the table .*2022-01-01 to 2026-12"):
            question()
    assert WUSU.add(date(2026, 12, 30), 1) == date(2026, 12, 31)


def test_a_time_is_no_day():
    with pytest.raises(InvalidInputError, match="without a time"):
        WUSU.is_working_day(datetime(2025, 1, 1, tzinfo=UTC))


days = st.dates(date(2022, 6, 1), date(2026, 6, 1))


def slowly(start: date, count: int) -> date:
    step = timedelta(days=1 if count > 0 else -1)
    day = start
    while count:
        day += step
        count -= WUSU.is_working_day(day) * step.days
    return day


@settings(deadline=None)
@given(days, st.integers(-60, 60).filter(bool))
def test_adding_is_the_same_as_walking_day_by_day(start, count):
    assert WUSU.add(start, count) == slowly(start, count)


@settings(deadline=None)
@given(days, st.integers(1, 60))
def test_counting_undoes_adding(start, count):
    assert WUSU.count(start, WUSU.add(start, count)) == count


@settings(deadline=None)
@given(days, days, days)
def test_counts_add_up(a, b, c):
    assert WUSU.count(a, b) + WUSU.count(b, c) == WUSU.count(a, c)
    assert WUSU.count(a, b) == -WUSU.count(b, a)


@settings(deadline=None)
@given(days)
def test_no_working_days_later_is_the_same_day_or_the_next_one_worked(day):
    assert WUSU.add(day, 0) == (day if WUSU.is_working_day(day) else WUSU.add(day, 1))


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        ("2024-01-31", 1, "2024-02-29"),
        ("2024-02-29", 12, "2025-02-28"),
        ("2024-11-30", 3, "2025-02-28"),
        ("2024-03-31", -1, "2024-02-29"),
        ("2024-01-15", -1, "2023-12-15"),
        ("2024-12-01", 0, "2024-12-01"),
    ],
)
def test_months_end_where_the_month_ends(start, months, end):
    assert add_months(date.fromisoformat(start), months) == date.fromisoformat(end)


def test_months_beyond_the_calendar_are_refused():
    with pytest.raises(InvalidInputError, match="is no date"):
        add_months(date(9999, 12, 1), 1)


def test_deadlines_of_the_units():
    start = date(2025, 6, 5)
    assert deadline_day(clock(7, "working_days"), start, WUSU) == date(2025, 6, 19)
    assert deadline_day(clock(90, "calendar_days"), start) == date(2025, 9, 3)
    assert deadline_day(clock(3, "months"), start) == date(2025, 9, 5)
    assert deadline_day(clock(2, "years"), date(2024, 2, 29)) == date(2026, 2, 28)
    seizure = clock(30, "calendar_days", 45)
    assert deadline_day(seizure, start) == date(2025, 7, 5)
    assert deadline_day(seizure, start, extended=True) == date(2025, 8, 19)
    notice = Deadline(amount=1, unit="working_days", source="law")
    assert deadline_day(notice, start, WUSU) == date(2025, 6, 11)


def test_deadlines_as_instants():
    zone = timezone(timedelta(hours=8))
    start = datetime(2025, 6, 5, 17, 30, tzinfo=zone)
    assert deadline_instant(clock(4, "hours"), start) == datetime(2025, 6, 5, 21, 30, tzinfo=zone)
    assert deadline_instant(clock(4, "hours", 2), start, extended=True).hour == 23
    assert deadline_instant(clock(1, "working_days"), start, WUSU) == datetime(
        2025, 6, 12, tzinfo=zone
    )


@pytest.mark.parametrize(
    ("question", "message"),
    [
        (lambda: deadline_day(clock(1, "working_days"), date(2025, 1, 1)), "needs a table"),
        (lambda: deadline_day(clock(1, "hours"), date(2025, 1, 1)), "has no last day"),
        (
            lambda: deadline_day(clock(1, "months"), date(2025, 1, 1), extended=True),
            "no extension",
        ),
        (
            lambda: deadline_instant(
                clock(1, "hours"), datetime(2025, 1, 1, tzinfo=UTC), extended=True
            ),
            "no extension",
        ),
        (
            lambda: deadline_instant(clock(1, "hours"), datetime(2025, 1, 1)),  # noqa: DTZ001 - the point
            "with its zone",
        ),
    ],
)
def test_deadlines_that_cannot_be_told(question, message):
    with pytest.raises(InvalidInputError, match=message):
        question()


def test_a_table_of_its_own():
    plain = working_calendar(HolidayTable.model_validate(tomllib.loads(PLAIN)))
    assert plain.add(date(2024, 4, 30), 1) == date(2024, 5, 4)
    assert plain.count(date(2023, 12, 31) + timedelta(days=1), date(2024, 12, 31)) == 259


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("last =", "lats =", r"holidays\.0\.lats: unknown key \(did you mean 'last'"),
        ("= 2024-05-03", "= 2024-04-03", "expected first <= last"),
        ("[2024-05-04]", "[2024-05-06]", "2024-05-06 is no Saturday or Sunday"),
        ("[2024]", "[2024, 2026]", "consecutive years"),
        ("[2024]", "[2025]", "2024-05-01 lies outside the years"),
        ("[2024]", "[2024", "not valid TOML"),
        ("= 2024-05-03", "= 2024-05-04", "both off and made up for: 2024-05-04"),
        ('"notice"', '"notice"\nregion = "XJ"', r"holidays\.0\.region: .*pattern"),
    ],
)
def test_broken_tables_are_told(tmp_path, old, new, message):
    path = tmp_path / "days.toml"
    path.write_text(PLAIN.replace(old, new), encoding="utf-8")
    with pytest.raises(InvalidInputError, match=message):
        load_working_calendar(path)


def test_unreadable_tables_are_told(tmp_path):
    with pytest.raises(NotFoundError, match=r"absent\.toml: no such table"):
        load_working_calendar(tmp_path / "absent.toml")
    with pytest.raises(InvalidInputError, match="cannot be read"):
        load_working_calendar(tmp_path)
    (tmp_path / "gb.toml").write_bytes("name = '节'".encode("gb18030"))
    with pytest.raises(InvalidInputError, match="expected UTF-8"):
        load_working_calendar(tmp_path / "gb.toml")

from datetime import date, timedelta
from pathlib import Path

import factories
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import Range

from gis_supervision.analysis import run
from gis_supervision.analysis.coverage_months import days_of, last_visits, period_ends
from gis_supervision.domain.rule_history import RuleHistory
from gis_supervision.domain.rules import load_rule_pack
from gis_supervision.errors import InvalidInputError
from gis_supervision.storage.coverage_tables import Category

CHICAGO = Path(__file__).parents[2] / "gis_supervision/demo/chicago/rules.toml"
DAY = date(2024, 6, 12)


@pytest.fixture(scope="module")
def rules():
    return load_rule_pack(CHICAGO)


def test_periods_end_with_their_months_and_the_last_on_the_day():
    assert period_ends(date(2024, 3, 12), 4) == (
        date(2023, 12, 31),
        date(2024, 1, 31),
        date(2024, 2, 29),
        date(2024, 3, 12),
    )
    assert period_ends(date(2024, 3, 31), 1) == (date(2024, 3, 31),)


@pytest.mark.parametrize("months", [0, -1, 30_000])
def test_no_month_or_too_many_are_refused(months):
    with pytest.raises(InvalidInputError):
        period_ends(DAY, months)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(-50, 50)), max_size=40),
    st.lists(st.integers(-60, 60), min_size=1, max_size=8, unique=True).map(sorted),
)
def test_the_last_visit_at_each_end_is_that_of_a_look_at_all_visits(visits, ends):
    walked = last_visits([who for who, _ in visits], [day for _, day in visits], ends, 6)
    for end, found in zip(ends, walked, strict=True):
        expected = [
            max((day for who, day in visits if who == of and day <= end), default=np.nan)
            for of in range(6)
        ]
        assert np.array_equal(found, expected, equal_nan=True)


@pytest.mark.parametrize(
    ("premises", "days", "ends"), [([0], [1, 2], [3]), ([9], [1], [3]), ([0], [1], [3, 3])]
)
def test_visits_that_fit_nothing_are_refused(premises, days, ends):
    with pytest.raises(InvalidInputError):
        list(last_visits(premises, days, ends, 6))


@pytest.fixture
def town(session):
    """Random premises in two cells, whose zone changes, with random visits."""
    chance = np.random.default_rng(5)
    factories.division(session)
    grid = factories.grid(session)
    cells = [
        factories.grid_cell(session, grid, geom=factories.square(lng=84.0 + 0.01 * place))
        for place in range(2)
    ]
    zones = [factories.zone(session) for _ in range(2)]
    first, then = Range(date(2020, 1, 1), date(2024, 4, 1)), Range(date(2024, 4, 1), None)
    factories.zone_cell(session, zones[0], cells[0], valid=first)
    factories.zone_cell(session, zones[1], cells[0], valid=then)
    factories.zone_cell(session, zones[1], cells[1], valid=first)
    for number in range(60):
        premises = factories.premises(
            session,
            lng=[84.005, 84.015, 84.5, None][number % 4],
            risk_class=["High", "Medium", "Low", "Unknown"][int(chance.integers(4))],
            category=["Shop", "Kitchen", None][int(chance.integers(3))],
            opened_on=DAY - timedelta(days=int(chance.integers(900))) if number % 5 else None,
        )
        if number % 7 == 0:
            premises.closed_on = DAY - timedelta(days=int(chance.integers(100)))
            premises.opened_on = None
        for _ in range(int(chance.integers(5))):
            factories.inspection(
                session,
                premises,
                inspected_on=DAY + timedelta(days=int(chance.integers(-700, 60))),
                channel=["on_site", "online"][int(chance.integers(2))],
            )
    session.flush()


COLUMNS = "premises, due, in_time, overdue, never_inspected, no_rule, not_located, outside"


def view(session, name, where, **values):
    rows = session.execute(
        text(f"SELECT unit, unit_id, {COLUMNS}, share_on_time FROM map.{name} WHERE {where}"),
        values,
    )
    return {(row.unit, row.unit_id): tuple(row)[2:] for row in rows if row.unit != "h3"}


@pytest.mark.usefixtures("town")
def test_every_month_is_the_coverage_of_its_last_day(session, rules):
    run.coverage_months(session, rules, DAY, months=6)
    for end in period_ends(DAY, 6):
        run.coverage(session, rules, end, publish=False)
        found = view(
            session, "coverage_month", "as_of = :day AND period_end = :end", day=DAY, end=end
        )
        assert found == view(session, "coverage", "as_of = :end", end=end)
        assert {unit for unit, _ in found} == {"area", "cell", "zone", "division", "category"}


@pytest.mark.usefixtures("town")
def test_categories_are_read_back_by_name(session, rules):
    run.coverage_months(session, rules, DAY, months=1)
    names = dict(session.execute(select(Category.id, Category.name)).all())
    found = view(session, "coverage_month", "as_of = :day AND unit = 'category'", day=DAY)
    assert {names.get(unit) for _, unit in found} == {"Shop", "Kitchen", None}
    area = view(session, "coverage_month", "as_of = :day AND unit = 'area'", day=DAY)
    assert sum(row[0] for row in found.values()) == area["area", 0][0]


@pytest.mark.usefixtures("town")
def test_each_month_is_judged_by_the_rules_of_its_last_day(session, rules):
    strict = rules.model_copy(
        update={
            "version": "2024.1",
            "valid_from": date(2024, 5, 1),
            "channels": {"on_site": rules.channels["on_site"], "online": rules.channels["on_site"]},
        }
    )
    both = RuleHistory((rules, strict))
    run.coverage_months(session, both, DAY, months=4)
    for end, pack in zip(period_ends(DAY, 4), (rules, rules, strict, strict), strict=True):
        run.coverage(session, pack, end, publish=False)
        found = view(
            session, "coverage_month", "as_of = :day AND period_end = :end", day=DAY, end=end
        )
        assert found == view(session, "coverage", "as_of = :end", end=end)


def test_an_empty_register_has_an_empty_series(session, rules):
    done = run.coverage_months(session, rules, DAY)
    assert done.summary["last_due"] == 0
    assert view(session, "coverage_month", "as_of = :day", day=DAY) == {}


def test_days_count_from_1970():
    assert days_of([date(1970, 1, 1), date(2024, 2, 29)]).tolist() == [0, 19782]

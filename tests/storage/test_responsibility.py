"""Who was responsible for a premises when."""

from datetime import date

import factories
import pytest
from factories import Range

from gis_supervision.errors import NotFoundError
from gis_supervision.storage import responsibility

JAN, MAR, JUN, JUL, AUG, SEP = (date(2024, month, 1) for month in (1, 3, 6, 7, 8, 9))


@pytest.fixture
def shop(session):
    """A premises in a cell of a former grid until June, in another cell since."""
    former = factories.grid(session, valid=Range(JAN, JUN))
    now = factories.grid(session, valid=Range(JUN, None))
    old = factories.grid_cell(session, former, code="OLD", valid=Range(JAN, JUN))
    new = factories.grid_cell(session, now, code="NEW", valid=Range(JUN, None))
    shop = factories.premises(session, licence="L/1")
    first, second = (factories.zone(session, code=code) for code in ("Z01", "Z02"))
    factories.zone_cell(session, first, old, valid=Range(MAR, JUN))
    factories.zone_cell(session, second, new, valid=Range(JUN, None))
    an, bo, cy = (factories.inspector(session, name=name) for name in ("An", "Bo", "Cy"))
    factories.assignment(session, first, an, valid=Range(MAR, None))
    factories.assignment(session, second, bo, valid=Range(JUN, None))
    factories.assignment(session, second, cy, role="deputy", valid=Range(JUL, SEP))
    factories.leave(session, bo, JUL, AUG)
    return shop


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2024, 2, 1), ("OLD", None, None, None)),
        (date(2024, 3, 1), ("OLD", "Z01", "An", "An")),
        (date(2024, 5, 31), ("OLD", "Z01", "An", "An")),
        (date(2024, 6, 1), ("NEW", "Z02", "Bo", "Bo")),
        (date(2024, 7, 1), ("NEW", "Z02", "Bo", "Cy")),
        (date(2024, 7, 31), ("NEW", "Z02", "Bo", "Cy")),
        (date(2024, 8, 1), ("NEW", "Z02", "Bo", "Bo")),
        (date(2050, 1, 1), ("NEW", "Z02", "Bo", "Bo")),
    ],
)
def test_on_a_day_through_a_former_grid_and_an_absence(session, shop, day, expected):
    had = responsibility.of_premises(session, shop.licence).on(day)
    people = (had.responsible and had.responsible.name, had.acting and had.acting.name)
    assert (had.cell, had.zone, *people) == expected


def test_over_time(session, shop):
    found = responsibility.of_premises(session, shop.licence)
    assert found.on(date(2023, 12, 31)) is None
    assert [(one.first, one.until) for one in found.periods] == [
        (JAN, MAR),
        (MAR, JUN),
        (JUN, JUL),
        (JUL, AUG),
        (AUG, SEP),
        (SEP, None),
    ]
    assert [len(one.deputies) for one in found.periods] == [0, 0, 0, 1, 1, 0]


def test_whoever_lies_nowhere_says_why(session):
    factories.premises(session, licence="nowhere", lng=None)
    factories.premises(session, licence="outside", lng=0, lat=0)
    for licence, reason in (("nowhere", "not located exactly"), ("outside", "outside every grid")):
        found = responsibility.of_premises(session, licence)
        assert reason in found.reason
        assert found.on(JUN).zone is None
    with pytest.raises(NotFoundError, match="'nothing'"):
        responsibility.of_premises(session, "nothing")

"""Who does something is always named."""

import pytest

from gis_supervision.domain.actors import MOST, checked_actor
from gis_supervision.domain.inspectors import YEAR_HOURS, checked_year_hours
from gis_supervision.errors import InvalidInputError


@pytest.mark.parametrize(
    "name", ["", "  ", "\t\n", "\u3000", "\u200b", "--", None, "a\x00b", "a\nb", "王" * (MOST + 1)]
)
def test_a_name_that_names_nobody_is_refused(name):
    with pytest.raises(InvalidInputError, match="by: expected"):
        checked_actor(name)


@pytest.mark.parametrize("name", ["王芳", " 王芳 ", "Aygül Ablet", "阿依古丽·买买提", "1007"])
def test_a_name_keeps_what_is_in_it(name):
    assert checked_actor(name) == name.strip()


@pytest.mark.parametrize("hours", [-1, 8784.01, 1e300, float("inf"), float("nan")])
def test_hours_that_no_year_has_are_refused(hours):
    with pytest.raises(InvalidInputError, match="from 0 to 8784"):
        checked_year_hours("hours", hours)


def test_a_year_has_its_hours():
    assert checked_year_hours("hours", YEAR_HOURS) == YEAR_HOURS
    assert checked_year_hours("hours", 0) == 0

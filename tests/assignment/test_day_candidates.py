"""Which stops are looked at: about as many as there is time for, the same in every process."""

import pytest
from draws_made import RULES

from gis_supervision.assignment import day_candidates
from gis_supervision.assignment.day_candidates import Candidate
from gis_supervision.assignment.day_crews import Unit
from gis_supervision.assignment.routing import Stop
from gis_supervision.domain.inspectors import Inspector

HOUR = 3600
NAMES = [f"N{number:02}" for number in range(20)]
UNITS = [
    Unit(name, Inspector(at, name, "", 1000.0), None, frozenset(), (0,), frozenset())
    for at, name in enumerate(NAMES)
]


def candidate(key, *, crews, hours=1, purpose="due"):
    among = None if crews is None else frozenset(crews)
    stop = Stop(key=key, place=0, service_s=hours * HOUR, windows=(), crews=among)
    return Candidate(int(key), stop, 44.0, 84.0, purpose, None)


@pytest.mark.parametrize("crews", [None, NAMES])
def test_of_equals_the_first_crew_has_a_stop_whatever_the_order_of_sets(crews):
    long = candidate("1", crews=crews, hours=40)
    found = day_candidates.choose(RULES, [long, candidate("2", crews=NAMES[:1])], UNITS)
    assert ([one.id for one in found.stops], found.passed) == ([1], 1)


def test_what_nobody_may_visit_takes_nobodys_time():
    nobodys = candidate("1", crews=(), hours=40)
    found = day_candidates.choose(RULES, [nobodys, candidate("2", crews=None)], UNITS[:1])
    assert ([one.id for one in found.stops], found.passed) == ([1, 2], 0)


def test_of_draws_no_more_is_searched_than_the_visits_alone_have_time_for():
    drawn = [candidate(str(at), crews=NAMES[:1], purpose="draw") for at in range(3000)]
    found = day_candidates.choose(RULES, drawn, UNITS)
    work = sum(end - begin for begin, end in RULES.days.work.spans)
    assert work <= HOUR * len(found.stops) <= 1.5 * work
    assert len(found.stops) + len(found.full) == 3000
    assert found.passed == 0

from datetime import date

import factories
import pytest
from sqlalchemy import func, select

from gis_supervision.errors import ConflictError
from gis_supervision.storage import inspectors, zones
from gis_supervision.storage.inspectors import NewInspector
from gis_supervision.storage.tables import InspectorAssignment, Zone, ZoneCell
from gis_supervision.storage.zones import NewZone

MAY, JUNE = date(2024, 5, 1), date(2024, 6, 1)


@pytest.fixture
def cells(session):
    grid = factories.grid(session)
    return [
        factories.grid_cell(session, grid, geom=factories.square(lng=84.0 + 0.01 * place)).id
        for place in range(4)
    ]


def start(session, day, *groups, **options):
    new = [NewZone(f"Z{n}", f"Z{n}", 100.0 * n, group) for n, group in enumerate(groups, 1)]
    return zones.start_zoning(session, new, valid_from=day, parameters={}, summary={}, **options)


def responsible(session, day):
    return {zone.code: (zone.inspector, zone.cells) for zone in zones.on(session, day)}


def test_a_new_zoning_ends_the_one_before_and_keeps_its_history(session, cells):
    old = start(session, MAY, tuple(cells[:2]), tuple(cells[2:]))
    people = inspectors.register(
        session, [NewInspector("1", "An", 1600.0), NewInspector("2", "Bo", 1600.0)]
    )
    zones.assign(session, old, people, valid_from=MAY)
    new = start(session, JUNE, tuple(cells))
    zones.assign(session, new, people[:1], valid_from=JUNE)
    assert responsible(session, date(2024, 5, 31)) == {"Z1": ("An", 2), "Z2": ("Bo", 2)}
    assert responsible(session, JUNE) == {"Z1": ("An", 4)}
    assert zones.count(session, date(2024, 4, 30)) == 0


def test_zones_that_begin_later_are_taken_away_only_when_told_to(session, cells):
    old = start(session, JUNE, tuple(cells))
    people = inspectors.register(session, [NewInspector("1", "An", 1600.0)])
    zones.assign(session, old, people, valid_from=JUNE)
    with pytest.raises(ConflictError, match="--replace"):
        start(session, MAY, tuple(cells))
    assert responsible(session, JUNE) == {"Z1": ("An", 4)}
    start(session, MAY, tuple(cells), replace=True)
    assert responsible(session, JUNE) == {"Z1": (None, 4)}
    assert session.scalar(select(func.count()).select_from(Zone)) == 1, "no zone without a cell"


def test_zones_begin_no_earlier_than_their_cells(session, cells):
    with pytest.raises(ConflictError, match="does not exist yet"):
        start(session, date(1999, 12, 31), tuple(cells))


def test_a_cell_stands_in_one_zone(session, cells):
    with pytest.raises(ConflictError, match="two zones"):
        start(session, MAY, (cells[0],), (cells[0], cells[1]))
    assert session.scalar(select(func.count()).select_from(ZoneCell)) == 0


def test_a_zone_that_has_a_responsible_inspector_takes_no_second(session, cells):
    made = start(session, MAY, tuple(cells))
    people = inspectors.register(session, [NewInspector("1", "An", 1600.0)])
    zones.assign(session, made, people, valid_from=MAY)
    with pytest.raises(ConflictError, match="Z1"):
        zones.assign(session, made, people, valid_from=JUNE)
    assert session.scalar(select(func.count()).select_from(InspectorAssignment)) == 1


def test_an_inspector_of_the_same_number_is_brought_up_to_date(session):
    first = inspectors.register(session, [NewInspector("7", "An", 1600.0)])
    again = inspectors.register(
        session, [NewInspector("8", "Bo", 800.0), NewInspector("7", "An Li", 1200.0)]
    )
    assert again[1:] == first
    assert inspectors.register(session, []) == []

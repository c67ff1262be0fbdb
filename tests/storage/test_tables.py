from datetime import date

import factories
import pytest
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import DBAPIError, IntegrityError, InternalError

from gis_supervision.storage import analyses
from gis_supervision.storage.schema import METADATA
from gis_supervision.storage.tables import HazardEvent

MAY = Range(date(2024, 5, 1), date(2024, 6, 1))
JUNE = Range(date(2024, 6, 1), date(2024, 7, 1))


@pytest.fixture
def cell(session):
    return factories.grid_cell(session, factories.grid(session))


def refused(constraint):
    """Expect that what is done in the block breaks a constraint of this name."""
    return pytest.raises(IntegrityError, match=constraint)


def test_a_cell_has_one_zone_at_any_instant(session, cell):
    first, second = factories.zone(session), factories.zone(session)
    factories.zone_cell(session, first, cell, valid=MAY)
    factories.zone_cell(session, second, cell, valid=JUNE)
    with refused("ex_zone_cell_cell_id"):
        factories.zone_cell(session, second, cell, valid=Range(date(2024, 5, 31), None))


def test_a_zone_has_one_responsible_inspector_and_any_number_of_deputies(session):
    zone = factories.zone(session)
    people = [factories.inspector(session) for _ in range(5)]
    factories.assignment(session, zone, people[0], valid=MAY)
    factories.assignment(session, zone, people[1], valid=JUNE)
    for deputy in people[2:4]:
        factories.assignment(session, zone, deputy, role="deputy")
    with refused("ex_inspector_assignment_responsible"):
        factories.assignment(session, zone, people[4], valid=MAY)


def test_a_code_names_one_division_and_a_division_has_one_code(session):
    factories.division(session, code="654203")
    with session.begin_nested(), refused("ex_division_code_code"):
        factories.division(session, code="654203")


def test_only_one_grid_is_in_force(session):
    factories.grid(session)
    with refused("ex_grid_valid"):
        factories.grid(session, name="another", valid=MAY)


def test_an_empty_validity_is_refused(session, cell):
    with refused("ck_zone_cell_valid_not_empty"):
        factories.zone_cell(
            session, factories.zone(session), cell, valid=Range(date(2024, 5, 1), date(2024, 5, 1))
        )


def test_premises_get_their_cell_and_division_whoever_writes(session, cell):
    division = factories.division(session)
    inside = factories.premises(session)
    outside = factories.premises(session, lng=84.5, lat=44.5)
    nowhere = factories.premises(session, lng=None, division_code="654202")
    approximate = factories.premises(session, location="approximate")
    for row in (inside, outside, nowhere, approximate):
        session.refresh(row)
    assert inside.cell_id == cell.id
    assert [row.cell_id for row in (outside, nowhere, approximate)] == [None, None, None]
    assert {row.division_id for row in (inside, outside, nowhere, approximate)} == {division.id}
    session.execute(
        text("UPDATE premises SET cell_id = :cell WHERE id = :id"),
        {"cell": cell.id, "id": outside.id},
    )
    session.refresh(outside)
    assert outside.cell_id is None


def test_new_and_ended_cells_take_their_premises_along(session):
    premises = factories.premises(session)
    session.refresh(premises)
    assert premises.cell_id is None
    grid = factories.grid(session)
    old = factories.grid_cell(session, grid)
    session.refresh(premises)
    assert premises.cell_id == old.id
    session.execute(text("UPDATE grid_cell SET valid = daterange(lower(valid), current_date)"))
    session.refresh(premises)
    assert premises.cell_id is None
    left = factories.grid_cell(session, grid, code="B")
    right = factories.grid_cell(session, grid, code="A", geom=factories.square(lng=84.005))
    session.refresh(premises)
    assert premises.cell_id == right.id, "a point on the border belongs to the lowest code"
    assert left.id != right.id


def test_a_moved_premises_loses_the_h3_cells_of_its_old_place(session):
    premises = factories.premises(session, h3_8=5, h3_10=7)
    session.refresh(premises)
    assert (premises.h3_8, premises.h3_10) == (5, 7)
    session.execute(text("UPDATE premises SET geom = st_setsrid(st_point(84.1, 44.1), 4326)"))
    session.refresh(premises)
    assert (premises.h3_8, premises.h3_10) == (None, None)


def test_the_mercator_geometry_follows_the_point(session):
    premises = factories.premises(session, lng=180.0, lat=0.0)
    x, y = session.execute(
        text("SELECT st_x(geom_3857), st_y(geom_3857) FROM premises WHERE id = :id"),
        {"id": premises.id},
    ).one()
    assert (x, y) == pytest.approx((20037508.342789, 0.0), abs=1e-6)


@pytest.mark.parametrize(("lng", "lat"), [(84.0, 91.0), (181.0, 44.0)])
def test_a_point_off_the_earth_is_refused(session, lng, lat):
    with pytest.raises(DBAPIError, match=r"ck_premises_geom_on_earth|Invalid coordinate"):
        factories.premises(session, lng=lng, lat=lat)


def test_every_change_of_a_state_is_in_the_history(session):
    first = factories.inspection(session, factories.premises(session))
    hazard = factories.hazard(session, first)
    session.execute(text("SELECT set_config('gis_supervision.actor', 'grid-7', true)"))
    session.execute(text("UPDATE hazard SET state = 'accepted'"))
    session.execute(text("UPDATE hazard SET state = 'verified', resolved_on = '2024-03-01'"))
    session.execute(text("DELETE FROM hazard"))
    events = session.scalars(
        select(HazardEvent).where(HazardEvent.hazard_id == hazard.id).order_by(HazardEvent.id)
    ).all()
    assert [(event.from_state, event.to_state) for event in events] == [
        (None, "reported"),
        ("reported", "accepted"),
        ("accepted", "verified"),
        ("verified", None),
    ]
    assert events[0].happened_on == date(2024, 1, 1)
    assert events[2].happened_on == date(2024, 3, 1)
    assert {event.actor for event in events[1:]} == {"grid-7"}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE hazard_event SET actor = 'x'",
        "DELETE FROM hazard_event",
        "TRUNCATE hazard_event",
        "UPDATE inspector_ending SET ended_by = 'x'",
        "DELETE FROM inspector_ending",
        "TRUNCATE inspector_ending",
    ],
)
def test_the_history_cannot_be_rewritten(session, statement):
    factories.hazard(session, factories.inspection(session, factories.premises(session)))
    with pytest.raises((IntegrityError, InternalError), match="append-only"):
        session.execute(text(statement))


def test_a_hazard_is_resolved_exactly_when_its_state_says_so(session):
    hazard = factories.hazard(session, factories.inspection(session, factories.premises(session)))
    with session.begin_nested(), refused("ck_hazard_resolved_has_end_state"):
        hazard.state = "verified"
        session.flush()


def test_every_change_raises_the_version_of_the_register(session):
    before = analyses.registry_version(session)
    factories.premises(session)
    assert analyses.registry_version(session) > before


def test_every_foreign_key_has_an_index(session):
    """An index must begin with the key's columns, in the database itself."""
    missing = session.execute(
        text(
            """
            SELECT conrelid::regclass::text, conname
            FROM pg_constraint AS c
            WHERE c.contype = 'f' AND c.connamespace = 'public'::regnamespace
            AND NOT EXISTS (
                SELECT 1 FROM pg_index AS i
                WHERE i.indrelid = c.conrelid
                AND (i.indkey::smallint [])[0:cardinality(c.conkey) - 1] = c.conkey
            )
            """
        )
    ).all()
    assert missing == []


def test_every_constraint_and_index_has_a_name_of_ours():
    for table in METADATA.sorted_tables:
        for constraint in (*table.constraints, *table.indexes):
            assert constraint.name, f"{table.name}: {constraint!r}"

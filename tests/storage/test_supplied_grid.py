from datetime import date

import factories
import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from gis_supervision.errors import InvalidInputError, NotFoundError
from gis_supervision.storage import grid, placement, supplied_grid
from gis_supervision.storage.tables import Grid, GridCell, Premises

DAY = date(2024, 1, 1)
VILLAGE = "654202001001"


def box(west, south, east, north):
    return shapely.box(84 + west / 100, 44 + south / 100, 84 + east / 100, 44 + north / 100)


FOUR = [box(0, 0, 1, 1), box(1, 0, 2, 1), box(0, 1, 1, 2), box(1, 1, 2, 2)]


@pytest.fixture
def village(session):
    factories.division(session, code="654202", geom=factories.square(side=1.0))
    return factories.division(
        session, code=VILLAGE, level="village", name="V", geom=factories.square(side=0.02)
    )


def codes(session):
    return session.scalars(
        select(GridCell.code).where(func.upper_inf(GridCell.valid)).order_by(GridCell.code)
    ).all()


def test_codes_are_kept_and_the_others_get_the_free_serials_in_order(session, village):
    done = supplied_grid.supply(
        session, FOUR, codes=[None, f"{VILLAGE}002", None, None], valid_from=DAY
    )
    assert done.refused == done.faults == ()
    rows = session.execute(
        select(
            GridCell.code, GridCell.division_id, func.st_astext(func.st_centroid(GridCell.geom), 5)
        )
    ).all()
    assert {row[1] for row in rows} == {village.id}
    places = {row[0]: row[2] for row in rows}
    # north first, from the west, past the serial that is given
    assert places[f"{VILLAGE}001"] == "POINT(84.005 44.015)"
    assert places[f"{VILLAGE}002"] == "POINT(84.015 44.005)"
    assert places[f"{VILLAGE}003"] == "POINT(84.015 44.015)"
    assert places[f"{VILLAGE}004"] == "POINT(84.005 44.005)"


@pytest.mark.usefixtures("village")
def test_outside_villages_codes_name_the_division_and_the_kind(session):
    supplied_grid.supply(session, [box(50, 50, 51, 51), box(200, 0, 201, 1)], valid_from=DAY)
    assert codes(session) == ["654202-P-00001", "P-00001"]


def test_the_division_is_the_given_one_else_that_in_the_code(session, village):
    other = factories.division(session, code="654202002", level="township", geom=None)
    supplied_grid.supply(
        session,
        FOUR[:3],
        codes=["654202002009001", None, "A-1"],
        divisions=[None, "654202002", None],
        valid_from=DAY,
    )
    owners = dict(session.execute(select(GridCell.code, GridCell.division_id)).all())
    assert owners == {
        "654202002009001": other.id,
        "654202002-P-00001": other.id,
        "A-1": village.id,
    }


@pytest.mark.usefixtures("village")
def test_every_fault_is_told_and_nothing_is_written(session):
    bowtie = shapely.Polygon([(84, 44), (84.01, 44.01), (84.01, 44), (84, 44.01)])
    faulty = [
        bowtie,
        box(1, 0, 2, 1.5),
        box(1, 1, 2, 2),
        None,
        box(0, 1, 0.00001, 2),
        box(30, 0, 31, 1),
    ]
    names = ["bowtie", "low", "high", "nothing", "thin", "far"]
    before = grid.current(session).codes
    done = supplied_grid.supply(session, faulty, codes=names, within=VILLAGE, valid_from=DAY)
    kinds = {fault.kind: fault for fault in done.faults}
    assert set(kinds) == {"repair", "missing", "overlap", "gap", "sliver", "outside"}
    assert kinds["repair"].cells == ("bowtie",)
    assert kinds["missing"].cells == ("nothing",)
    assert kinds["overlap"].cells == ("low", "high")
    assert box(1, 1, 2, 1.5).contains(shapely.Point(kinds["overlap"].lng, kinds["overlap"].lat))
    assert done.refused == ("missing", "overlap", "gap", "sliver", "outside")
    assert done.built is None
    assert grid.current(session).codes == before
    # a cell without an area is never accepted
    done = supplied_grid.supply(
        session, faulty, codes=names, within=VILLAGE, accept=supplied_grid.FAULTS, valid_from=DAY
    )
    assert (done.refused, done.built) == (("missing",), None)


@pytest.mark.usefixtures("village")
def test_accepted_overlaps_give_premises_to_the_first_cell_and_are_listed(session):
    inside = factories.premises(session, lng=84.015, lat=44.0125)
    done = supplied_grid.supply(
        session,
        [box(1, 1, 2, 2), box(1, 0, 2, 1.5)],
        codes=["B", "A"],
        accept=["overlap"],
        valid_from=DAY,
    )
    assert done.built is not None
    assert any("overlap" in note for note in done.built.notes)
    session.refresh(inside)
    assert session.get(GridCell, inside.cell_id).code == "A"
    (row,) = placement.listed(session, "overlap")
    assert (row.licence, row.cell, row.cells) == (inside.licence, "A", "A, B")


@pytest.mark.usefixtures("village")
def test_a_repaired_cell_passes_with_a_note(session):
    bowtie = shapely.Polygon([(84, 44), (84.01, 44.01), (84.01, 44), (84, 44.01)])
    done = supplied_grid.supply(session, [bowtie], codes=["K"], valid_from=DAY)
    assert done.refused == ()
    assert done.built.notes[0].startswith("K: repaired: Self-intersection")


@pytest.mark.usefixtures("village")
def test_a_dry_run_reports_only(session):
    done = supplied_grid.supply(session, FOUR, valid_from=DAY, dry_run=True)
    assert (done.polygons, done.built) == (4, None)
    assert session.scalar(select(func.count()).select_from(Grid)) == 0


@pytest.mark.usefixtures("village")
def test_a_new_grid_takes_the_premises_over(session):
    supplied_grid.supply(session, FOUR, valid_from=DAY)
    premises = factories.premises(session, lng=84.005, lat=44.005)
    session.refresh(premises)
    old = premises.cell_id
    done = supplied_grid.supply(session, [box(0, 0, 2, 2)], valid_from=date(2024, 2, 1))
    session.expire_all()
    assert premises.cell_id != old
    assert session.get(GridCell, old).valid.upper == date(2024, 2, 1)
    assert (done.built.premises_inside, done.built.premises_outside) == (1, 0)
    # on the same day it is replaced as a whole
    supplied_grid.supply(session, FOUR, valid_from=date(2024, 2, 1))
    assert len(codes(session)) == 4
    assert session.scalar(select(func.count()).select_from(GridCell)) == 8


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"polygons": []}, InvalidInputError, "at least one"),
        ({"codes": ["1"]}, InvalidInputError, "4 polygons but 1 codes"),
        ({"codes": ["A", "B", "A", None]}, InvalidInputError, "row 3: code 'A' stands in row 1"),
        ({"codes": ["12", "B", "C", None]}, InvalidInputError, "row 1: unit-grid code '12'"),
        ({"divisions": ["9", None, None, None]}, NotFoundError, "row 1: division '9'"),
        ({"within": "1"}, NotFoundError, "division '1'"),
    ],
)
def test_what_is_wrong_in_the_columns_is_told_with_its_row(session, arguments, error, message):
    with pytest.raises(error, match=message):
        supplied_grid.supply(session, **{"polygons": FOUR} | arguments)


@pytest.mark.usefixtures("village")
def test_premises_are_listed_under_their_reason(session):
    supplied_grid.supply(session, FOUR, valid_from=DAY)
    factories.premises(session, licence="inside", lng=84.005, lat=44.005)
    factories.premises(session, licence="edge", lng=84.01, lat=44.005)
    factories.premises(session, licence="corner", lng=84.01, lat=44.01)
    factories.premises(session, licence="rim", lng=84.0, lat=44.005)
    factories.premises(session, licence="far", lng=80.0, lat=40.0)
    factories.premises(session, licence="nowhere", lng=None)
    factories.premises(session, licence="about", location="approximate")
    factories.premises(session, licence="other", external=True)
    listed = [(row.reason, row.licence) for row in placement.listed(session)]
    assert listed == [
        ("border", "corner"),
        ("border", "edge"),
        ("border", "rim"),
        ("outside", "far"),
        ("approximate", "about"),
        ("not_located", "nowhere"),
    ]
    corner = next(row for row in placement.listed(session, "border") if row.licence == "corner")
    assert corner.cells == ", ".join(f"{VILLAGE}{number:03d}" for number in range(1, 5))
    assert corner.cell == f"{VILLAGE}001"
    found = placement.count(session)
    assert (found.premises, found.in_cell) == (8, 5)
    assert found.reasons == {
        "border": 3,
        "overlap": 0,
        "outside": 1,
        "approximate": 1,
        "not_located": 1,
        "external": 1,
    }
    with pytest.raises(InvalidInputError, match="'lost'"):
        list(placement.listed(session, "lost"))


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.integers(0, 2**32 - 1), st.integers(2, 15))
def test_a_partition_has_no_faults_and_every_serial_once(session, seed, count):
    points = np.random.default_rng(seed).uniform([84.0, 44.0], [84.02, 44.02], (count, 2))
    outline = box(0, 0, 2, 2)
    faces = shapely.get_parts(
        shapely.voronoi_polygons(shapely.multipoints(points), extend_to=outline)
    )
    polygons = shapely.intersection(faces, outline)
    with session.begin_nested() as example:
        factories.division(session, code=VILLAGE, level="village", geom=factories.square(side=0.02))
        done = supplied_grid.supply(
            session, list(polygons), within=VILLAGE, accept=["sliver"], valid_from=DAY
        )
        assert {fault.kind for fault in done.faults} <= {"sliver"}
        assert codes(session) == [f"{VILLAGE}{number:03d}" for number in range(1, count + 1)]
        assert session.scalar(select(func.count(Premises.id))) == 0
        example.rollback()

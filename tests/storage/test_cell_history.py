from datetime import date

import factories
import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import Range

from gis_supervision.domain.grid import assign
from gis_supervision.errors import ConflictError, InvalidInputError, NotFoundError
from gis_supervision.storage import cell_history, grid
from gis_supervision.storage.tables import (
    GridCell,
    GridCellSuccession,
    InspectorAssignment,
    Premises,
    ZoneCell,
)

BEGUN = date(2024, 1, 1)
CHANGED = date(2024, 7, 1)
LATER = date(2024, 10, 1)
IN_FORCE = Range(BEGUN, None)
# a session's rows are taken back after each example by a savepoint of the example
EXAMPLES = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
BOX = shapely.box(84.0, 44.0, 84.1, 44.1)


def partition(seed, count):
    """Polygons that fill the box."""
    random = np.random.default_rng(seed)
    points = shapely.multipoints(random.uniform([84.0, 44.0], [84.1, 44.1], (count, 2)))
    faces = shapely.get_parts(shapely.voronoi_polygons(points, extend_to=BOX))
    return shapely.intersection(faces, BOX)


def points_over(polygons, seed, count=40):
    """Points in and around polygons, then corners of theirs."""
    random = np.random.default_rng(seed)
    corners = shapely.get_coordinates(polygons)
    return np.vstack(
        (
            random.uniform([83.99, 43.99], [84.11, 44.11], (count, 2)),
            corners[random.integers(len(corners), size=8)],
        )
    )


def add_cells(session, polygons, *, codes=None, division=None):
    """Cells in force that are no lattice, in a random order of insertion."""
    made = factories.grid(session, kind="polygon", side_m=None, valid=IN_FORCE)
    names = codes or [f"654202-P-{number:03d}" for number in range(len(polygons))]
    session.execute(
        text(
            "INSERT INTO grid_cell (grid_id, division_id, code, geom, valid)"
            " SELECT :grid, :division, c.code, st_multi(c.geom::geometry), daterange(:first, NULL)"
            " FROM unnest(CAST(:codes AS text[]), CAST(:shapes AS text[])) AS c (code, geom)"
        ),
        {
            "grid": made.id,
            "division": division,
            "codes": names,
            "shapes": grid.ewkb(np.asarray(polygons, dtype=object)),
            "first": BEGUN,
        },
    )
    return names


def add_premises(session, points):
    session.execute(
        text(
            "INSERT INTO premises (licence, name, location, geom)"
            " SELECT 'P' || p.number, 'P', 'exact', st_setsrid(st_makepoint(p.x, p.y), 4326)"
            " FROM unnest(CAST(:x AS float8[]), CAST(:y AS float8[]))"
            " WITH ORDINALITY AS p (x, y, number)"
        ),
        {"x": points[:, 0].tolist(), "y": points[:, 1].tolist()},
    )


def held(session):
    """Code of the cell of every premises, by licence."""
    rows = session.execute(
        select(Premises.licence, GridCell.code).outerjoin(GridCell, Premises.cell_id == GridCell.id)
    ).all()
    return dict(rows)


def inner(cells, codes):
    """Licences of the premises in some cells, those on corners left out."""
    return {name for name, code in cells.items() if code in codes and int(name[1:]) <= 40}


def expected(codes, polygons, points):
    """What shapely finds: the first of the cells by code."""
    order = np.argsort(codes)
    found = assign(points[:, 0], points[:, 1], np.asarray(polygons, dtype=object)[order])
    return {
        f"P{number + 1}": None if at < 0 else codes[order[at]]
        for number, at in enumerate(found.cell.tolist())
    }


def read_cells(session):
    rows = session.execute(
        select(GridCell.code, func.st_asbinary(GridCell.geom)).where(func.upper_inf(GridCell.valid))
    ).all()
    return [row[0] for row in rows], shapely.from_wkb([bytes(row[1]) for row in rows])


@EXAMPLES
@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.booleans())
def test_every_premises_is_in_the_cell_that_shapely_finds(session, seed, count, premises_first):
    polygons = partition(seed, count)
    points = points_over(polygons, seed)
    with session.begin_nested() as example:
        if premises_first:
            add_premises(session, points)
        codes = add_cells(session, polygons)
        if not premises_first:
            add_premises(session, points)
        assert held(session) == expected(codes, polygons, points)
        # all at once gives what one by one gave
        assert session.scalar(text("SELECT premises_place_all()")) == 0
        example.rollback()


@EXAMPLES
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(2, 6),
    angle=st.floats(0, np.pi),
    lines=st.booleans(),
)
def test_a_split_loses_no_premises_no_ground_and_no_history(session, seed, count, angle, lines):
    polygons = partition(seed, count)
    points = points_over(polygons, seed)
    middle = polygons[0].centroid
    if lines:
        step = 0.5 * np.array([np.cos(angle), np.sin(angle)])
        ends = [(middle.x - step[0], middle.y - step[1]), (middle.x + step[0], middle.y + step[1])]
        shapes = [shapely.LineString(ends)]
    else:
        shapes = [middle.buffer(0.2 * np.sqrt(polygons[0].area))]
    with session.begin_nested() as example:
        codes = add_cells(session, polygons)
        add_premises(session, points)
        before = held(session)
        zone = factories.zone(session)
        first = session.scalars(select(GridCell).filter_by(code=codes[0])).one()
        factories.zone_cell(session, zone, first, valid=IN_FORCE)
        change = cell_history.split(session, codes[0], shapes, changed_on=CHANGED)
        assert change.ended == (codes[0],)
        assert len(change.begun) >= 2
        now = held(session)
        assert inner(before, {codes[0]}) == inner(now, set(change.begun))
        for licence, code in before.items():
            if code not in {None, codes[0]}:
                assert now[licence] in {code, *change.begun}
        names, cells = read_cells(session)
        assert now == expected(names, cells, points)
        assert shapely.union_all(cells).symmetric_difference(BOX).area < 1e-12
        assert sum(cell.area for cell in cells) == pytest.approx(BOX.area)
        kin = session.execute(
            select(GridCellSuccession.predecessor_id, GridCellSuccession.changed_on)
        ).all()
        assert kin == [(first.id, CHANGED)] * len(change.begun)
        members = session.execute(
            select(ZoneCell.zone_id, ZoneCell.valid).where(ZoneCell.cell_id != first.id)
        ).all()
        assert members == [(zone.id, Range(CHANGED, None))] * len(change.begun)
        example.rollback()


@EXAMPLES
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(3, 8))
def test_merging_what_was_split_gives_the_cell_back(session, seed, count):
    polygons = partition(seed, count)
    points = points_over(polygons, seed)
    middle = polygons[1].centroid
    with session.begin_nested() as example:
        codes = add_cells(session, polygons)
        add_premises(session, points)
        before = held(session)
        line = shapely.LineString([(middle.x - 1, middle.y - 0.3), (middle.x + 1, middle.y + 0.3)])
        parts = cell_history.split(session, codes[1], [line], changed_on=CHANGED)
        change = cell_history.merge(session, parts.begun, changed_on=LATER)
        (code,) = change.begun
        assert code not in {*codes, *parts.begun}
        names, cells = read_cells(session)
        whole = cells[names.index(code)]
        assert whole.symmetric_difference(polygons[1]).area < 1e-12
        assert held(session) == expected(names, cells, points)
        assert inner(before, {codes[1]}) == inner(held(session), {code})
        example.rollback()


@pytest.fixture
def square(session):
    """A cell of one hundredth of a degree with two premises, in a zone with an inspector."""
    division = factories.division(session, code="654202001001", level="village")
    add_cells(session, [shapely.box(84, 44, 84.01, 44.01)], codes=["654202001001007"])
    cell = session.scalars(select(GridCell)).one()
    cell.division_id = division.id
    session.flush()
    factories.premises(session, licence="west", lng=84.002)
    factories.premises(session, licence="east", lng=84.008)
    zone = factories.zone(session, code="Z-1")
    factories.zone_cell(session, zone, cell, valid=IN_FORCE)
    factories.assignment(session, zone, factories.inspector(session))
    return cell


MERIDIAN = shapely.LineString([(84.005, 43), (84.005, 45)])


def test_the_parts_of_a_cell_have_the_next_serials_from_west_to_east(session, square):
    change = cell_history.split(session, square.code, [MERIDIAN], changed_on=CHANGED)
    assert change.begun == ("654202001001008", "654202001001009")
    assert change.premises == {"654202001001008": 1, "654202001001009": 1}
    assert held(session) == {"west": "654202001001008", "east": "654202001001009"}
    divisions = set(session.scalars(select(GridCell.division_id)))
    assert divisions == {square.division_id}


def test_the_history_tells_what_a_cell_became_and_where_it_came_from(session, square):
    parts = cell_history.split(session, square.code, [MERIDIAN], changed_on=CHANGED).begun
    whole = cell_history.merge(session, parts, changed_on=LATER).begun
    (first,) = cell_history.history(session, square.code)
    assert (first.valid_from, first.valid_to) == (BEGUN, CHANGED)
    assert (first.predecessors, first.successors) == ((), parts)
    (second,) = cell_history.history(session, parts[0])
    assert (second.valid_from, second.valid_to) == (CHANGED, LATER)
    assert (second.predecessors, second.successors) == ((square.code,), whole)
    with pytest.raises(NotFoundError, match="ever had"):
        cell_history.history(session, "nothing")


def test_a_zone_keeps_its_ground_and_its_inspector_on_every_day(session, square):
    cell_history.split(session, square.code, [MERIDIAN], changed_on=CHANGED)
    for day in (BEGUN, date(2024, 6, 30), CHANGED, LATER):
        area = session.scalar(
            text(
                "SELECT sum(c.area_m2) FROM zone_cell AS m JOIN grid_cell AS c ON m.cell_id = c.id"
                " WHERE m.valid @> CAST(:day AS date) AND c.valid @> CAST(:day AS date)"
            ),
            {"day": day},
        )
        assert area == pytest.approx(session.scalar(select(func.max(GridCell.area_m2))))
    assert session.scalar(select(func.count()).select_from(InspectorAssignment)) == 1


def test_a_membership_that_begins_or_ends_later_passes_on_with_its_days(session, square):
    zones = [factories.zone(session) for _ in range(2)]
    session.execute(text("DELETE FROM zone_cell"))
    factories.zone_cell(session, zones[0], square, valid=Range(BEGUN, LATER))
    factories.zone_cell(session, zones[1], square, valid=Range(LATER, None))
    cell_history.split(session, square.code, [MERIDIAN], changed_on=CHANGED)
    rows = session.execute(
        select(ZoneCell.zone_id, ZoneCell.valid).order_by(ZoneCell.zone_id, ZoneCell.valid)
    ).all()
    assert rows == [
        (zones[0].id, Range(BEGUN, CHANGED)),
        (zones[0].id, Range(CHANGED, LATER)),
        (zones[0].id, Range(CHANGED, LATER)),
        (zones[1].id, Range(LATER, None)),
        (zones[1].id, Range(LATER, None)),
    ]


def test_a_cell_that_began_on_the_day_is_replaced_and_its_kin_kept(session, square):
    parts = cell_history.split(session, square.code, [MERIDIAN], changed_on=CHANGED).begun
    again = cell_history.merge(session, parts, changed_on=CHANGED, code="654202001001050")
    assert again.begun == ("654202001001050",)
    (first,) = cell_history.history(session, square.code)
    assert first.successors == ("654202001001050",)
    with pytest.raises(NotFoundError):
        cell_history.history(session, parts[0])
    assert set(held(session).values()) == {"654202001001050"}


def test_cells_of_different_zones_need_the_zone_named(session, square):
    parts = cell_history.split(session, square.code, [MERIDIAN], changed_on=CHANGED).begun
    other = factories.zone(session, code="Z-2")
    cell = session.scalars(select(GridCell).filter_by(code=parts[1])).one()
    member = session.scalars(select(ZoneCell).filter_by(cell_id=cell.id)).one()
    member.zone_id = other.id
    session.flush()
    with session.begin_nested(), pytest.raises(ConflictError, match="Z-1, Z-2"):
        cell_history.merge(session, parts, changed_on=LATER)
    with session.begin_nested(), pytest.raises(NotFoundError, match="Z-3"):
        cell_history.merge(session, parts, changed_on=LATER, zone="Z-3")
    cell_history.merge(session, parts, changed_on=LATER, zone="Z-2")
    valid = session.scalars(select(ZoneCell.zone_id).where(func.upper_inf(ZoneCell.valid))).all()
    assert valid == [other.id]


@pytest.mark.parametrize(
    ("shapes", "error"),
    [
        ([shapely.LineString([(85, 43), (85, 45)])], InvalidInputError),
        ([shapely.box(83, 43, 85, 45)], InvalidInputError),
        ([shapely.box(84, 44, 84.006, 44.01), shapely.box(84.004, 44, 84.01, 44.01)], None),
        ([MERIDIAN, shapely.box(84, 44, 84.005, 44.01)], InvalidInputError),
        ([shapely.Point(84.005, 44.005)], InvalidInputError),
        ([], InvalidInputError),
    ],
)
def test_shapes_that_do_not_divide_the_cell_are_refused(session, square, shapes, error):
    with pytest.raises(error or InvalidInputError):
        cell_history.split(session, square.code, shapes, changed_on=CHANGED)
    assert set(held(session).values()) == {square.code}


def test_what_cannot_be_merged_is_refused(session, square):
    with pytest.raises(InvalidInputError, match="at least two"):
        cell_history.merge(session, [square.code, square.code])
    with pytest.raises(NotFoundError, match="'X'"):
        cell_history.merge(session, [square.code, "X"])
    with pytest.raises(ConflictError, match="begins on 2024-01-01"):
        cell_history.split(session, square.code, [MERIDIAN], changed_on=date(2023, 12, 31))
    far = shapely.LineString([(84.003, 43), (84.003, 45)])
    parts = cell_history.split(session, square.code, [MERIDIAN, far], changed_on=CHANGED).begun
    with pytest.raises(InvalidInputError, match="lie apart"):
        cell_history.merge(session, [parts[0], parts[2]], changed_on=LATER)
    assert cell_history.merge(session, [parts[0], parts[2]], changed_on=LATER, apart=True).begun


def test_serials_of_a_village_run_out(session, square):
    square.code = "654202001001999"
    session.flush()
    change = cell_history.split(session, square.code, [MERIDIAN], changed_on=CHANGED)
    assert change.begun == ("654202001001001", "654202001001002")


def test_all_premises_are_placed_quickly_under_statistics_of_an_empty_table(session):
    """As when statistics were taken while the first file was being read."""
    session.execute(text("SELECT set_config('gis_supervision.placing', 'bulk', true)"))
    session.execute(text("SELECT set_config('gis_supervision.cells', 'deferred', true)"))
    add_cells(session, partition(3, 40))
    session.execute(
        text(
            "INSERT INTO premises (licence, name, location, geom)"
            " SELECT 'Q' || n, 'x', 'exact', st_setsrid(st_point("
            "   84.1 - 0.1 * (n % 97) / 97.0, 44.0 + 0.1 * (n % 89) / 89.0), 4326)"
            " FROM generate_series(1, 9000) AS n"
        )
    )
    session.execute(
        text(
            "UPDATE pg_class SET reltuples = 0, relpages = pg_relation_size(oid) / 8192"
            " WHERE oid = 'premises'::regclass"
        )
    )
    session.execute(text("SET LOCAL statement_timeout = '10s'"))
    assert session.scalar(text("SELECT premises_place_all()")) == 9000

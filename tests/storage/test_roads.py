"""Roads: read from files of lines, joined where they meet, travelled by a real pgRouting."""

import itertools

import geopandas
import numpy as np
import pytest
import shapely
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis_supervision.assignment.travel import metres
from gis_supervision.errors import InvalidInputError, NotFoundError, UnavailableError
from gis_supervision.importing import road_lines
from gis_supervision.storage import database, roads

LAT, LNG = 44.0, 84.0
STEP = 0.01


@pytest.fixture(scope="module")
def routed(engine):
    """Skip where this PostgreSQL has no pgRouting to load; the message is tested all the same."""
    with Session(engine) as session:
        there = session.scalar(
            text("SELECT count(*) FROM pg_available_extensions WHERE name = 'pgrouting'")
        )
    if not there:
        pytest.skip("pgRouting is not installed beside this PostgreSQL (it is optional)")


def grid_of_roads(side=4):
    """Lines along a lattice, whole rows and columns: they meet at corners, not at ends."""
    axis = [STEP * k for k in range(side)]
    rows = [[(LNG + x, LAT + y) for x in axis] for y in axis]
    columns = [[(LNG + x, LAT + y) for y in axis] for x in axis]
    return [shapely.LineString(line) for line in rows + columns]


def load(session, lines, *, speed=36.0, one_way=None):
    ways = np.zeros(len(lines), np.int64) if one_way is None else np.array(one_way)
    return roads.load(session, lines, np.full(len(lines), speed), ways)


def seconds(*corners, speed=36.0):
    """Time along corners, by the sphere."""
    total = 0.0
    for a, b in itertools.pairwise(corners):
        total += metres([a[0], b[0]], [a[1], b[1]])[0, 1]
    return total / (speed / 3.6)


def at(x, y):
    return LAT + STEP * y, LNG + STEP * x


def test_lines_are_joined_where_they_meet(session):
    made = load(session, grid_of_roads())
    assert (made.edges, made.nodes, made.parts, made.one_way) == (24, 16, 1, 0)
    assert made.largest == 1.0
    apart = shapely.LineString([(85.0, 45.0), (85.01, 45.0)])
    assert load(session, [*grid_of_roads(), apart]).parts == 2
    assert session.scalar(text("SELECT count(*) FROM road_edge")) == 25
    # a bridge: lines that cross without a common corner do not meet
    bridge = [shapely.LineString([(0, 0), (2, 2)]), shapely.LineString([(0, 2), (2, 0)])]
    assert load(session, bridge).parts == 2
    with pytest.raises(InvalidInputError, match="expected lines"):
        load(session, [shapely.LineString([(1, 1), (1, 1)])])


@pytest.mark.usefixtures("routed")
def test_ways_follow_the_roads(session):
    load(session, grid_of_roads())
    places = [at(0, 0), at(3, 3), at(1.5, 0), at(0, 2)]
    times, far = roads.times(session, *zip(*places, strict=True), km_per_hour=5)
    assert far == 0
    assert np.array_equal(times, times.T)
    corner = seconds(at(0, 0), at(3, 0), at(3, 3))
    assert times[0, 1] == pytest.approx(corner, abs=1.1)
    assert times[0, 2] == pytest.approx(seconds(at(0, 0), at(1.5, 0)), abs=1.1)
    assert times[2, 3] == pytest.approx(seconds(at(1.5, 0), at(0, 0), at(0, 2)), abs=1.1)
    assert (np.diag(times) == 0).all()


@pytest.mark.usefixtures("routed")
def test_one_way_streets_lead_round_the_block(session):
    block = [at(0, 0), at(1, 0), at(1, 1), at(0, 1)]
    lines = [
        shapely.LineString([(a[1], a[0]), (b[1], b[0])])
        for a, b in itertools.pairwise([*block, block[0]])
    ]
    made = load(session, lines, one_way=[1, 1, 1, 1])
    assert made.one_way == 4
    places = [at(0.5, 0), at(1, 0.5)]
    times, _ = roads.times(session, *zip(*places, strict=True), km_per_hour=5)
    there = seconds(at(0.5, 0), at(1, 0), at(1, 0.5))
    assert times[0, 1] == pytest.approx(there, abs=1.1)
    assert times[1, 0] == pytest.approx(seconds(*block, block[0]) - there, abs=1.1)


@pytest.mark.usefixtures("routed")
def test_who_cannot_be_reached_is_told(session):
    island = shapely.LineString([(84.5, 44.5), (84.51, 44.5)])
    load(session, [*grid_of_roads(), island])
    places = [at(0, 0), (44.5, 84.505), (46.0, 90.0), (LAT + 0.001, LNG)]
    times, far = roads.times(session, *zip(*places, strict=True), km_per_hour=5)
    assert far == 1
    assert times[0, 1] == times[1, 0] == times[0, 2] == -1
    walk = seconds((LAT + 0.001, LNG), (LAT, LNG), speed=36)
    assert 0 < times[0, 3] == pytest.approx(walk, abs=2)


@pytest.mark.usefixtures("routed")
def test_places_that_share_a_point_of_the_road(session):
    load(session, grid_of_roads())
    places = [at(0.5, 0), at(0.5, 0), at(2.5, 0)]
    times, _ = roads.times(session, *zip(*places, strict=True), km_per_hour=5)
    assert times[0, 1] == 0
    assert times[0, 2] == times[1, 2] > 0


@pytest.mark.usefixtures("routed")
def test_roads_must_be_loaded_first(session):
    with pytest.raises(UnavailableError, match="no road network is loaded"):
        roads.times(session, [LAT], [LNG], km_per_hour=5)


def test_without_the_extension_the_package_is_named(session, migrated):
    with pytest.raises(UnavailableError, match=r"install the package postgresql-\d+-pgnothing"):
        roads.require(session, "pgnothing")
    engine = database.reader_engine(migrated.reader_url)
    with Session(engine) as reader:
        reader.execute(text("SET TRANSACTION READ WRITE"))
        with pytest.raises(UnavailableError, match="pgrouting"):
            roads.require(reader)
    engine.dispose()


def written(path, lines, **columns):
    frame = geopandas.GeoDataFrame(columns, geometry=lines, crs=4326)
    frame.to_file(path)
    return path


@pytest.mark.parametrize("suffix", ["gpkg", "geojson", "shp"])
def test_files_of_lines(tmp_path, suffix):
    lines = [*grid_of_roads(2)[:2], shapely.MultiLineString(grid_of_roads(2)[2:])]
    path = written(tmp_path / f"r.{suffix}", lines, kmh=[30.0, None, 50.0], dir=["yes", "-1", None])
    found = road_lines.read(path, speed="kmh", one_way="dir", default_speed=20.0)
    assert found.km_per_hour.tolist() == [30.0, 20.0, 50.0, 50.0]
    assert found.one_way.tolist() == [1, -1, 0, 0]
    assert found.lines[0].coords[0] == pytest.approx((LNG, LAT))
    plain = road_lines.read(path, speed=None, one_way=None, default_speed=20.0)
    assert set(plain.km_per_hour) == {20.0}


def test_another_coordinate_system_is_turned(tmp_path):
    frame = geopandas.GeoDataFrame(geometry=grid_of_roads(2), crs=4326).to_crs(3857)
    frame.to_file(tmp_path / "m.gpkg")
    found = road_lines.read(tmp_path / "m.gpkg", speed=None, one_way=None, default_speed=20.0)
    assert found.lines[0].coords[0] == pytest.approx((LNG, LAT))


def test_every_wrong_row_of_a_file_is_told(tmp_path):
    lines = [*grid_of_roads(2)[:3], shapely.Point(LNG, LAT)]
    path = written(tmp_path / "r.gpkg", lines, kmh=[30.0, -5.0, 500.0, 30.0], dir=["yes"] * 4)
    with pytest.raises(InvalidInputError) as error:
        road_lines.read(path, speed="kmh", one_way="dir", default_speed=20.0)
    assert [line.split(": ")[1] for line in str(error.value).splitlines()] == [
        "row 2",
        "row 3",
        "row 4",
    ]
    with pytest.raises(InvalidInputError, match="no column colour; there are kmh, dir"):
        road_lines.read(path, speed="colour", one_way=None, default_speed=20.0)
    with pytest.raises(NotFoundError):
        road_lines.read(tmp_path / "no.gpkg", speed=None, one_way=None, default_speed=20.0)
    (tmp_path / "bad.geojson").write_text("no", encoding="utf-8")
    with pytest.raises(InvalidInputError, match="cannot be read"):
        road_lines.read(tmp_path / "bad.geojson", speed=None, one_way=None, default_speed=20.0)

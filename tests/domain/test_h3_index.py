import h3
import h3.api.numpy_int as h3_int
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from libpysal.graph import Graph
from shapely import MultiPolygon, Point, Polygon, box

from gis_supervision.domain import h3_index
from gis_supervision.errors import InvalidInputError

LAT = st.floats(-90, 90)
LNG = st.floats(-180, 180)
RESOLUTION = st.integers(0, 15)


def around_pentagon(resolution: int, rings: int = 3) -> np.ndarray:
    pentagon = sorted(h3_int.get_pentagons(resolution))[4]
    return np.sort(h3_int.grid_disk(pentagon, rings)).astype(np.int64)


def over_the_globe(count: int, resolution: int, seed: int = 7) -> np.ndarray:
    rng = np.random.default_rng(seed)
    lat = np.degrees(np.arcsin(rng.uniform(-1, 1, count)))
    return np.unique(h3_index.cells_of(lat, rng.uniform(-180, 180, count), resolution))


@settings(deadline=None)
@given(lat=LAT, lng=LNG, resolution=RESOLUTION)
def test_a_cell_is_that_of_the_c_library(lat, lng, resolution):
    (cell,) = h3_index.cells_of([lat], [lng], resolution)
    assert cell == h3_int.latlng_to_cell(lat, lng, resolution)
    assert cell > 0


def test_many_points_at_every_resolution():
    rng = np.random.default_rng(1)
    lat, lng = np.degrees(np.arcsin(rng.uniform(-1, 1, 500))), rng.uniform(-180, 180, 500)
    found = h3_index.cells_at(lat, lng, range(16))
    assert list(found) == list(range(16))
    for resolution, cells in found.items():
        expected = [
            h3_int.latlng_to_cell(*point, resolution) for point in zip(lat, lng, strict=True)
        ]
        assert cells.dtype == np.int64
        assert cells.tolist() == expected
        assert set(h3_index.resolutions(cells).tolist()) == {resolution}


def test_points_without_coordinates_have_cell_zero():
    cells = h3_index.cells_of([44.4, np.nan, 44.4], [84.7, 84.7, np.nan], 9)
    assert cells[0] > 0
    assert cells[1:].tolist() == [0, 0]
    assert h3_index.cells_of([], [], 9).shape == (0,)


@pytest.mark.parametrize(
    ("lat", "lng", "words"),
    [
        ([0, 91], [0, 0], "row 1: latitude 91"),
        ([0, -90.001], [0, 0], "row 1: latitude"),
        ([0, 0], [0, 180.5], "row 1: longitude 180.5"),
        ([np.inf], [0], "latitude inf"),
        ([0, 1], [0], "same length"),
    ],
)
def test_points_that_are_not_on_earth_are_refused(lat, lng, words):
    with pytest.raises(InvalidInputError, match=words):
        h3_index.cells_of(lat, lng, 9)


@pytest.mark.parametrize("resolution", [-1, 16, 8.5, True])
def test_resolutions_run_from_0_to_15(resolution):
    with pytest.raises(InvalidInputError, match="resolution"):
        h3_index.cells_of([0.0], [0.0], resolution)


@settings(deadline=None)
@given(lat=LAT, lng=LNG, resolution=RESOLUTION, data=st.data())
def test_parents_are_those_of_the_c_library(lat, lng, resolution, data):
    coarser = data.draw(st.integers(0, resolution))
    cell = h3_index.cells_of([lat], [lng], resolution)
    (parent,) = h3_index.parents(cell, coarser)
    assert parent == h3_int.cell_to_parent(int(cell[0]), coarser)


def test_parents_keep_the_missing_cell_and_refuse_finer_ones():
    cell = h3_index.cells_of([44.4], [84.7], 7)
    assert h3_index.parents([0, int(cell[0])], 5)[0] == 0
    with pytest.raises(InvalidInputError, match=r"row 0: .*no parent at resolution 8"):
        h3_index.parents(cell, 8)


@pytest.mark.parametrize("resolution", range(16))
def test_area_centre_and_outline_are_those_of_the_c_library(resolution):
    cells = np.unique(
        np.concatenate((over_the_globe(60, resolution), around_pentagon(resolution, 1)))
    )
    expected = [h3_int.cell_area(int(cell), unit="km^2") for cell in cells]
    np.testing.assert_allclose(h3_index.area_km2(cells), expected, rtol=1e-6)
    lat, lng = h3_index.centroids(cells)
    centres = np.array([h3_int.cell_to_latlng(int(cell)) for cell in cells])
    np.testing.assert_allclose(np.column_stack((lat, lng)), centres, atol=1e-9)
    for cell, polygon in zip(cells, h3_index.boundaries(cells), strict=True):
        if polygon.geom_type == "Polygon" and not np.isclose(np.abs(polygon.bounds[0]), 180):
            corners = [(lng, lat) for lat, lng in h3_int.cell_to_boundary(int(cell))]
            assert polygon.normalize().equals_exact(Polygon(corners).normalize(), 1e-9)


def test_all_outlines_together_are_the_globe():
    polygons = h3_index.boundaries(h3_int.get_res0_cells().astype(np.int64))
    assert shapely.is_valid(polygons).all()
    assert shapely.area(polygons).sum() == pytest.approx(360 * 180)
    assert shapely.union_all(polygons).area == pytest.approx(360 * 180)


def test_an_outline_across_the_antimeridian_is_cut_there():
    cells = h3_index.cells_of([0.0, 66.0], [179.9999, -179.9999], 4)
    for polygon in h3_index.boundaries(cells):
        assert isinstance(polygon, MultiPolygon)
        assert polygon.bounds[0] == -180
        assert polygon.bounds[2] == 180
        assert polygon.area < 2


@pytest.mark.parametrize("resolution", range(16))
def test_neighbours_are_the_first_ring(resolution):
    cells = np.unique(np.concatenate((around_pentagon(resolution), over_the_globe(40, resolution))))
    rng = np.random.default_rng(3)
    cells = rng.permutation(cells)
    links = h3_index.neighbours(cells)
    place = {int(cell): at for at, cell in enumerate(cells)}
    for at, cell in enumerate(cells):
        ring = {int(other) for other in h3_int.grid_disk(int(cell), 1)} - {int(cell)}
        expected = sorted(place[other] for other in ring if other in place)
        assert links.indices[links.indptr[at] : links.indptr[at + 1]].tolist() == expected
    assert (links.data == 1.0).all()
    assert (links != links.T).nnz == 0


@settings(deadline=None)
@given(st.sets(st.integers(0, 126), max_size=40))
def test_neighbours_of_any_subset(chosen):
    disc = np.sort(h3_int.grid_disk(h3_int.latlng_to_cell(44.4, 84.7, 9), 6)).astype(np.int64)
    cells = disc[sorted(chosen)]
    links = h3_index.neighbours(cells).toarray()
    for row, one in enumerate(cells):
        for col, other in enumerate(cells):
            assert links[row, col] == (
                row != col and h3_int.are_neighbor_cells(int(one), int(other))
            )


def test_a_pentagon_has_five_neighbours():
    cells = around_pentagon(6)
    counts = np.diff(h3_index.neighbours(cells).indptr)
    pentagon = [h3_int.is_pentagon(int(cell)) for cell in cells]
    assert counts[pentagon].tolist() == [5]
    assert counts.max() == 6


def test_neighbours_equal_those_of_libpysal():
    rng = np.random.default_rng(5)
    lat, lng = rng.uniform(44, 44.2, 900), rng.uniform(84, 84.3, 900)
    cells = np.unique(h3_index.cells_of(lat, lng, 8))
    names = [h3.int_to_str(int(cell)) for cell in cells]
    graph = Graph.build_h3(names)
    assert (graph.sparse.toarray() == h3_index.neighbours(cells).toarray()).all()


def test_neighbours_of_none_and_of_one():
    assert h3_index.neighbours([]).shape == (0, 0)
    alone = h3_index.neighbours(h3_index.cells_of([44.4], [84.7], 9))
    assert alone.shape == (1, 1)
    assert alone.nnz == 0


def test_neighbours_refuse_what_is_no_set_of_cells():
    cells = h3_index.cells_of([44.4, 45.4], [84.7, 84.7], 9)
    with pytest.raises(InvalidInputError, match="more than once"):
        h3_index.neighbours([*cells, cells[0]])
    with pytest.raises(InvalidInputError, match=r"resolutions \[8, 9\]"):
        h3_index.neighbours([cells[0], h3_index.parents(cells, 8)[1]])
    with pytest.raises(InvalidInputError, match="row 1: 0 is not an H3 cell"):
        h3_index.neighbours([cells[0], 0])
    with pytest.raises(InvalidInputError, match="integer"):
        h3_index.neighbours(np.array(["8928308280fffff"]))


@settings(deadline=None)
@given(
    lng=st.floats(-170, 170),
    lat=st.floats(-70, 70),
    width=st.floats(1e-6, 0.3),
    height=st.floats(1e-6, 0.3),
    resolution=st.integers(3, 6),
)
def test_a_cover_leaves_nothing_uncovered(lng, lat, width, height, resolution):
    slanted = Polygon([(lng, lat), (lng + width, lat + height), (lng + width, lat + height * 1.01)])
    for polygon in (slanted, box(lng, lat, lng + width, lat + height)):
        cells = h3_index.cover(polygon, resolution)
        outlines = h3_index.boundaries(cells)
        assert (np.diff(cells) > 0).all()
        assert shapely.difference(polygon, shapely.union_all(outlines)).area < 1e-12
        assert (shapely.distance(outlines, polygon) < 1e-9).all()


def test_a_cover_of_parts_holes_and_nothing():
    cell = h3_index.cells_of([44.4], [84.7], 7)
    inner = h3_index.boundaries(cell)[0].buffer(-1e-4)
    assert h3_index.cover(inner, 7).tolist() == cell.tolist()
    ring = inner.buffer(0.1).difference(inner.buffer(0.02))
    assert cell[0] not in h3_index.cover(ring, 7)
    both = MultiPolygon([Point(84, 44).buffer(1e-6), Point(85, 45).buffer(1e-6)])
    assert set(h3_index.cover(both, 5)) == set(h3_index.cells_of([44, 45], [84, 85], 5))
    assert h3_index.cover(Polygon(), 5).size == 0


def test_a_cover_says_what_it_cannot_do():
    with pytest.raises(InvalidInputError, match="choose a coarser resolution"):
        h3_index.cover(box(70, 20, 130, 50), 15)
    with pytest.raises(InvalidInputError, match="Point"):
        h3_index.cover(Point(0, 0), 5)
    with pytest.raises(InvalidInputError, match="longitude 500000"):
        h3_index.cover(box(0, 0, 500000, 10), 5)

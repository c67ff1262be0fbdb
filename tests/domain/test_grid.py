import h3.api.numpy_int as h3_int
import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import MultiPolygon, Point, Polygon, box

from gis_supervision.domain import grid, h3_index
from gis_supervision.domain.divisions import UnitGridCode
from gis_supervision.domain.topology import REMARKS
from gis_supervision.errors import InvalidInputError
from gis_supervision.language import translator
from gis_supervision.library_texts import recognised

VILLAGES = ["654202100001", "654202100002"]


def ragged(lng: float, lat: float, size: float, seed: int, corners: int = 25) -> Polygon:
    rng = np.random.default_rng(seed)
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    radius = rng.uniform(0.3, 1.0, corners) * size
    return Polygon(np.column_stack((lng + radius * np.cos(angle), lat + radius * np.sin(angle))))


def two_villages() -> list[Polygon]:
    west = box(84.0, 44.0, 84.1, 44.08)
    return [west, Polygon([(84.1, 44.0), (84.21, 43.99), (84.17, 44.09), (84.1, 44.08)])]


def assert_fills(cells: grid.Lattice, areas: list[Polygon | MultiPolygon]) -> None:
    """Every area is filled by its own cells, without overlaps."""
    for number, area in enumerate(areas):
        own = cells.polygons[cells.division == number]
        assert shapely.area(own).sum() == pytest.approx(area.area, rel=1e-9)
        assert shapely.union_all(own).symmetric_difference(area).area < 1e-9 * area.area
    assert shapely.is_valid(cells.polygons).all()


@settings(deadline=None, max_examples=25)
@given(
    lng=st.floats(-170, 170),
    lat=st.floats(-65, 65),
    seed=st.integers(0, 2**32 - 1),
    side_m=st.floats(200, 3000),
)
def test_squares_fill_a_boundary_anywhere(lng, lat, seed, side_m):
    area = ragged(lng, lat, 0.05, seed)
    cells = grid.square_lattice(area, side_m)
    assert_fills(cells, [area])
    geodesic, _ = pyproj.Geod(ellps="WGS84").geometry_area_perimeter(area)
    assert cells.area_m2.sum() == pytest.approx(abs(geodesic), rel=1e-4)
    assert cells.serial.tolist() == list(range(1, len(cells) + 1))
    assert len(set(cells.codes)) == len(cells)
    small = cells.area_m2 < grid.MIN_SHARE * side_m**2 * 0.999
    assert all("kept" in cells.notes[at] for at in np.flatnonzero(small))


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 2**32 - 1), resolution=st.integers(7, 9))
def test_hexagons_fill_a_boundary(seed, resolution):
    area = ragged(84.7, 44.4, 0.05, seed)
    cells = grid.h3_lattice(area, resolution)
    assert_fills(cells, [area])
    assert set(h3_index.resolutions(cells.h3).tolist()) == {resolution}
    inner = shapely.point_on_surface(cells.polygons)
    whole = [note == "" for note in cells.notes]
    own = h3_index.cells_of(shapely.get_y(inner), shapely.get_x(inner), resolution)
    assert (own == cells.h3)[whole].all()


def test_whole_squares_have_their_nominal_area_and_lie_on_the_lattice():
    cells = grid.square_lattice(ragged(84.7, 44.4, 0.1, 1), 500)
    to_plane = pyproj.Transformer.from_crs("EPSG:4326", cells.crs, always_xy=True)
    x, y = to_plane.transform(*shapely.get_coordinates(shapely.centroid(cells.polygons)).T)
    whole = np.abs(cells.area_m2 - 250_000) < 25
    assert whole.sum() > 100
    np.testing.assert_array_equal(np.floor(x / 500)[whole], cells.col[whole])
    np.testing.assert_array_equal(np.floor(y / 500)[whole], cells.row[whole])
    np.testing.assert_allclose((x / 500 % 1)[whole], 0.5, atol=1e-3)


def test_the_same_boundary_gives_the_same_cells():
    one, other = (grid.square_lattice(two_villages(), 700, divisions=VILLAGES) for _ in range(2))
    assert one.codes == other.codes
    assert shapely.equals_exact(one.polygons, other.polygons).all()


def test_a_changed_boundary_keeps_the_squares_it_does_not_touch():
    area = box(84.3, 44.3, 84.6, 44.5)
    before = grid.square_lattice(area, 1000)
    after = grid.square_lattice(area.difference(box(84.55, 44.4, 84.6, 44.5)), 1000)
    far = {p.wkb for p in before.polygons[shapely.bounds(before.polygons)[:, 2] < 84.5]}
    assert len(far) > 200
    assert far <= {p.wkb for p in after.polygons}


def test_serials_run_west_to_east_then_north_to_south():
    cells = grid.square_lattice(box(84.0, 44.0, 84.1, 44.05), 1500)
    place = list(zip((-cells.row).tolist(), cells.col.tolist(), strict=True))
    assert place == sorted(place)
    centres = shapely.get_coordinates(shapely.centroid(cells.polygons))
    same_row = cells.row[1:] == cells.row[:-1]
    assert (np.diff(centres[:, 0])[same_row] > 0).all()
    assert (np.diff(centres[:, 1])[~same_row] < 0).all()


@settings(deadline=None)
@given(st.permutations(range(12)), st.integers(-60, 60))
def test_serials_of_supplied_cells(order, lat):
    places = [(row, col) for row in range(3) for col in range(4)]
    squares = [box(84 + col, lat - row, 85 + col, lat - row + 1) for row, col in places]
    found = grid.serials([squares[at] for at in order])
    assert found.tolist() == [at + 1 for at in order]


def test_serials_of_supplied_cells_start_again_in_each_division():
    squares = [box(84 + col, 44, 85 + col, 45) for col in range(4)]
    assert grid.serials(squares, ["b", "a", "b", "a"]).tolist() == [1, 1, 2, 2]
    assert grid.serials([]).size == 0
    with pytest.raises(InvalidInputError, match="one division for each"):
        grid.serials(squares, ["a"])


def test_villages_get_unit_grid_codes():
    cells = grid.square_lattice(two_villages(), 700, divisions=VILLAGES)
    assert_fills(cells, two_villages())
    assert cells.code_kind == "unit_grid"
    for number, village in enumerate(VILLAGES):
        codes = [UnitGridCode(cells.codes[at]) for at in np.flatnonzero(cells.division == number)]
        assert {code.village.code for code in codes} == {village}
        assert [code.serial for code in codes] == list(range(1, len(codes) + 1))


def test_other_divisions_get_lattice_codes_that_say_so():
    squares = grid.square_lattice(two_villages()[0], 700, divisions=["654202"])
    assert squares.code_kind == "lattice"
    assert squares.codes[0] == "654202-Q700-00001"
    hexagons = grid.h3_lattice(two_villages(), 8, divisions=["North", "South"])
    assert hexagons.codes[0] == "North-H8-00001"
    assert grid.square_lattice(two_villages()[0], 2500.5).codes[0] == "Q2500.5-00001"


def test_a_village_with_too_many_cells_for_three_digits():
    assert grid.square_lattice(two_villages(), 200, divisions=VILLAGES).code_kind == "lattice"
    with pytest.raises(InvalidInputError, match=r"expected at most 999; a side of at least \d+ m"):
        grid.square_lattice(two_villages(), 200, divisions=VILLAGES, codes="unit_grid")
    with pytest.raises(InvalidInputError, match="expected the 12 of a village"):
        grid.square_lattice(two_villages()[0], 700, divisions=["654202"], codes="unit_grid")


def test_slivers_join_the_neighbour_with_the_longest_common_border():
    whole = grid.square_lattice(box(84.2, 44.2, 84.3, 44.3), 1000)
    square = whole.polygons[np.argmax(np.abs(whole.area_m2 - 1e6) < 1)]
    west, south, east, north = square.bounds
    # a strip of 2 % beside the square, in the next square of the lattice
    area = box(west, south, east, north).union(
        box(east, south, east + (east - west) * 0.02, (south + north) / 2)
    )
    cells = grid.square_lattice(area, 1000, min_share=0.1)
    assert_fills(cells, [area])
    kept = grid.square_lattice(area, 1000, min_share=0.0)
    assert len(kept) > len(cells) == 1
    assert "merged in" in cells.notes[0]
    told = recognised(f"C1: {cells.notes[0]}", REMARKS)
    assert told.translated(translator("zh_CN")) == "C1：并入 4 个碎片"


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_sliver_is_kept_only_where_it_borders_no_cell_of_its_division(seed):
    rng = np.random.default_rng(seed)
    area = ragged(84.7, 44.4, 0.05, seed, corners=int(rng.integers(5, 80)))
    sites = shapely.multipoints(rng.uniform(area.bounds[:2], area.bounds[2:], (3, 2)))
    parts = [cell.intersection(area) for cell in shapely.voronoi_polygons(sites).geoms]
    areas = [
        part
        for part in parts
        if part.geom_type in {"Polygon", "MultiPolygon"} and not part.is_empty
    ]
    side_m = rng.uniform(300, 3000)
    cells = grid.square_lattice(areas, side_m, divisions=[str(n) for n in range(len(areas))])
    assert_fills(cells, areas)
    links = grid.adjacency(cells.polygons)
    for at in np.flatnonzero(cells.area_m2 < grid.MIN_SHARE * side_m**2):
        assert "kept" in cells.notes[at]
        beside = links.indices[links.indptr[at] : links.indptr[at + 1]]
        assert cells.division[at] not in cells.division[beside]


def test_an_islet_is_kept_with_a_note():
    islet = Point(84.5, 44.5).buffer(1e-4)
    area = MultiPolygon([box(84.2, 44.2, 84.3, 44.3), islet])
    cells = grid.square_lattice(area, 1000)
    (at,) = np.flatnonzero(shapely.intersects(cells.polygons, Point(84.5, 44.5)))
    assert "kept: it borders no cell" in cells.notes[at]
    assert "未并入的碎片" in recognised(cells.notes[at], REMARKS).translated(translator("zh_CN"))
    assert_fills(cells, [area])


def test_slivers_never_leave_their_division():
    first = box(84.0, 44.0, 84.1, 44.08)
    strip = box(84.1, 44.0, 84.1002, 44.08)
    cells = grid.square_lattice([first, strip], 1000, divisions=VILLAGES)
    assert_fills(cells, [first, strip])


def test_an_area_narrower_than_a_cell():
    narrow = Polygon([(84, 44), (84.3, 44.1), (84.3, 44.1001), (84, 44.0001)])
    assert_fills(grid.h3_lattice(narrow, 7), [narrow])
    assert_fills(grid.square_lattice(narrow, 5000), [narrow])


def test_a_given_projection():
    cells = grid.square_lattice(box(84.9, 44.4, 85.1, 44.5), 500, epsg=4506)
    assert cells.crs == "EPSG:4506"
    assert_fills(cells, [box(84.9, 44.4, 85.1, 44.5)])
    with pytest.raises(InvalidInputError, match="projected CRS in metres"):
        grid.square_lattice(box(84.9, 44.4, 85.1, 44.5), 500, epsg=4490)
    with pytest.raises(InvalidInputError, match="not a known CRS"):
        grid.square_lattice(box(84.9, 44.4, 85.1, 44.5), 500, epsg=999999)


@pytest.mark.parametrize(
    ("boundaries", "options", "words"),
    [
        ([], {}, "at least one"),
        ([Point(84, 44)], {}, "boundary 0: .* a Point"),
        ([Polygon()], {}, "an empty Polygon"),
        ([None], {}, "NoneType"),
        ([box(0, 0, 400_000, 1)], {}, "degrees"),
        ([Polygon([(84, 44), (85, 45), (85, 44), (84, 45)])], {}, "Self-intersection"),
        ([box(84, 44, 85, 45)], {"divisions": ["a", "b"]}, "1 boundaries but 2"),
        ([box(84, 44, 85, 45), box(85, 44, 86, 45)], {"divisions": ["a", "a"]}, "given twice"),
        ([box(84, 44, 85, 45)], {"codes": "none"}, "expected auto"),
        ([box(84, 44, 94, 54)], {"max_cells": 1000}, "choose larger cells"),
    ],
)
def test_what_cannot_be_divided(boundaries, options, words):
    with pytest.raises(InvalidInputError, match=words):
        grid.square_lattice(boundaries, 5000, **options)


@pytest.mark.parametrize("side_m", [0, -5, float("nan"), float("inf")])
def test_a_side_is_positive(side_m):
    with pytest.raises(InvalidInputError, match="side_m"):
        grid.square_lattice(box(84, 44, 85, 45), side_m)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), cuts=st.integers(1, 12))
def test_points_get_the_cell_that_contains_them(seed, cuts):
    rng = np.random.default_rng(seed)
    sites = shapely.multipoints(rng.uniform((84, 44), (85, 45), (cuts + 1, 2)))
    area = box(84, 44, 85, 45)
    cells = [part.intersection(area) for part in shapely.voronoi_polygons(sites).geoms]
    cells = [cell for cell in cells if cell.area > 0]
    lng, lat = rng.uniform((83.8, 43.8), (85.2, 45.2), (200, 2)).T
    found = grid.assign(lng, lat, cells)
    for x, y, cell, status in zip(lng, lat, found.cell, found.status, strict=True):
        inside = [at for at, polygon in enumerate(cells) if polygon.contains(Point(x, y))]
        if inside:
            assert (cell, status) == (inside[0], "inside")
        else:
            assert status in {"outside", "border"}
            assert (cell == -1) == (status == "outside")
            assert any(polygon.intersects(Point(x, y)) for polygon in cells) == (cell >= 0)


def test_points_on_a_border_outside_and_nowhere():
    cells = [box(84, 44, 85, 45), box(85, 44, 86, 45)]
    lng = [84.5, 85.0, 85.5, 86.0, 87.0, np.nan, 84.5]
    lat = [44.5, 44.5, 44.5, 44.5, 44.5, 44.5, np.nan]
    found = grid.assign(lng, lat, cells)
    assert found.cell.tolist() == [0, 0, 1, 1, -1, -1, -1]
    assert found.status.tolist() == [
        "inside",
        "border",
        "inside",
        "border",
        "outside",
        "none",
        "none",
    ]
    with pytest.raises(InvalidInputError, match="same length"):
        grid.assign([84.0], [], cells)


def test_every_point_of_a_lattice_finds_its_own_cell():
    cells = grid.square_lattice(ragged(84.7, 44.4, 0.1, 5), 800)
    inner = shapely.get_coordinates(shapely.point_on_surface(cells.polygons))
    found = grid.assign(inner[:, 0], inner[:, 1], cells.polygons)
    assert found.cell.tolist() == list(range(len(cells)))


def test_adjacency_of_hexagons_is_that_of_h3():
    cells = np.sort(h3_int.grid_disk(h3_int.latlng_to_cell(44.4, 84.7, 8), 6)).astype(np.int64)
    links = grid.adjacency(h3_index.boundaries(cells))
    assert (links != h3_index.neighbours(cells)).nnz == 0


def test_adjacency_of_a_lattice_is_connected_across_divisions():
    cells = grid.square_lattice(two_villages(), 700, divisions=VILLAGES)
    links = grid.adjacency(cells.polygons).tocoo()
    crossing = cells.division[links.row] != cells.division[links.col]
    assert crossing.sum() >= 2 * 12

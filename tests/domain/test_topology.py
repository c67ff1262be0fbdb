import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.csgraph import connected_components
from shapely import MultiPolygon, Point, Polygon, box

from gis_supervision.domain import contiguity, topology
from gis_supervision.domain.polygons import METRES_PER_DEGREE, areas_m2
from gis_supervision.errors import InvalidInputError
from gis_supervision.library_texts import recognised

METRE = 1 / METRES_PER_DEGREE


def links(polygons, **options):
    return contiguity.adjacency(polygons, **options).toarray().astype(int).tolist()


def test_a_border_counts_and_a_corner_does_not():
    squares = [box(0, 0, 1, 1), box(1, 0, 2, 1), box(0, 1, 1, 2), box(1, 1, 2, 2)]
    assert links(squares) == [[0, 1, 1, 0], [1, 0, 0, 1], [1, 0, 0, 1], [0, 1, 1, 0]]


def test_borders_without_common_vertices():
    wall = box(0, 0, 1, 1)
    beside = [box(1, 0.2, 2, 0.4), box(1, 0.4, 2, 0.9), box(1, 1, 2, 2)]
    borders = contiguity.shared_borders([wall, *beside])
    pairs = list(zip(borders.first.tolist(), borders.second.tolist(), strict=True))
    assert pairs == [(0, 1), (0, 2), (1, 2)]
    assert borders.length_m[0] == pytest.approx(0.2 / METRE, rel=1e-6)
    assert borders.length_m[1] == pytest.approx(0.5 / METRE, rel=1e-6)


def test_a_slanted_border_rounded_by_clipping():
    slant = shapely.LineString([(84.0, 44.0), (84.013, 44.0171)])
    places = [slant.interpolate(share, normalized=True) for share in (0.31, 0.77)]
    corners = [(place.x, place.y) for place in places]
    long = Polygon([slant.coords[0], slant.coords[1], (84.02, 44.0)])
    short = Polygon([*corners, (84.0, 44.01)])
    (length,) = contiguity.shared_borders([long, short]).length_m
    ground = pyproj.Geod(ellps="sphere").line_length(*np.array(corners).T)
    assert length == pytest.approx(ground, rel=1e-3)


def test_the_tolerance_bridges_carelessly_digitised_borders():
    one, other = box(84, 44, 84.01, 44.01), box(84.01 + METRE, 44, 84.02, 44.01)
    assert links([one, other]) == [[0, 0], [0, 0]]
    assert links([one, other], tolerance_m=1.0) == [[0, 1], [1, 0]]
    with pytest.raises(InvalidInputError, match="tolerance_m"):
        links([one, other], tolerance_m=0)


def test_holes_parts_islands_and_none():
    lake = box(0.4, 0.4, 0.6, 0.6)
    land = box(0, 0, 1, 1).difference(lake)
    far = MultiPolygon([box(5, 5, 6, 6), box(1, 0, 1.5, 1)])
    assert links([land, lake, far, box(9, 9, 10, 10)]) == [
        [0, 1, 1, 0],
        [1, 0, 0, 0],
        [1, 0, 0, 0],
        [0, 0, 0, 0],
    ]
    assert contiguity.adjacency([]).shape == (0, 0)
    assert contiguity.adjacency([land]).nnz == 0


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(2, 40))
def test_adjacency_of_a_random_partition_is_that_of_shapely(seed, count):
    rng = np.random.default_rng(seed)
    sites = shapely.multipoints(rng.uniform((84, 44), (85, 45), (count, 2)))
    area = box(84, 44, 85, 45)
    polygons = np.array([cell.intersection(area) for cell in shapely.voronoi_polygons(sites).geoms])
    polygons = polygons[shapely.area(polygons) > 0]
    found = contiguity.adjacency(polygons)
    assert (found != found.T).nnz == 0
    dense = found.toarray()
    for one in range(len(polygons)):
        for other in range(one):
            wide = polygons[other].buffer(1e-9)
            border_m = polygons[one].boundary.intersection(wide).length / METRE
            if not 0.01 < border_m < 1:  # near the limit either answer is right
                assert dense[one, other] == (border_m > 0.5)
    assert connected_components(found)[0] == 1


def test_areas_are_those_on_the_ellipsoid():
    polygons = np.array(
        [box(84, 44, 84.2, 44.1), box(0, -0.1, 0.1, 0.1), box(-70, -70, -69.9, -69.9)]
    )
    geod = pyproj.Geod(ellps="WGS84")
    dense = shapely.segmentize(polygons, 0.001)
    expected = [abs(geod.geometry_area_perimeter(polygon)[0]) for polygon in dense]
    np.testing.assert_allclose(areas_m2(polygons), expected, rtol=1e-7)


def test_a_faultless_partition():
    squares = [box(84 + col / 100, 44, 84.01 + col / 100, 44.01) for col in range(5)]
    report = topology.check_topology(squares, boundary=box(84, 44, 84.05, 44.01))
    assert report.faultless
    assert report.polygons.tolist() == squares


def test_every_fault_is_reported():
    overlapping = box(84.009, 44, 84.02, 44.01)
    bow = Polygon([(84.02, 44), (84.03, 44.01), (84.03, 44), (84.02, 44.01)])
    thin = box(84.03, 44, 84.03 + 5 * METRE, 44.01)
    squares = [box(84, 44, 84.01, 44.01), overlapping, bow, thin, None, Point(84, 44)]
    report = topology.check_topology(squares, boundary=box(84, 44, 84.04, 44.009))
    assert not report.faultless
    assert [repair.index for repair in report.repairs] == [2, 4, 5]
    assert "Self-intersection" in report.repairs[0].note
    assert report.repairs[1].note == "no geometry"
    told = [recognised(repair.note, topology.REMARKS) for repair in report.repairs]
    assert [str(note) for note in told] == [repair.note for repair in report.repairs]
    assert [note.template.split()[0] for note in told] == ["repaired:", "no", "%(kind)s"]
    assert report.polygons[2].is_valid
    assert report.polygons[4] is None
    assert report.polygons[5] is None
    (overlap,) = report.overlaps
    assert (overlap.first, overlap.second) == (0, 1)
    assert overlap.area_m2 == pytest.approx(0.001 * 0.01 * 8.9e9, rel=0.01)
    assert [sliver.index for sliver in report.slivers] == [3]
    assert len(report.gaps) == 3  # both bays of the bow tie, and the east
    assert [gap.area_m2 for gap in report.gaps] == sorted(
        (gap.area_m2 for gap in report.gaps), reverse=True
    )
    assert report.outside_m2 > 0


def test_an_enclosed_gap_needs_no_boundary():
    hole = box(84.4, 44.4, 84.6, 44.6)
    report = topology.check_topology([box(84, 44, 85, 45).difference(hole)])
    (gap,) = report.gaps
    assert gap.polygon.equals(hole)
    assert report.outside_m2 == 0
    assert topology.check_topology([box(84, 44, 85, 45).difference(hole), hole]).faultless


def test_nothing_to_check():
    report = topology.check_topology([None], boundary=box(84, 44, 85, 45))
    assert len(report.gaps) == 1
    assert topology.check_topology([]).faultless

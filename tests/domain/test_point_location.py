import numpy as np
import shapely
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from gis_supervision.domain.point_location import NOWHERE, PointLocator

COORDINATES = st.integers(-3, 13).map(float) | st.floats(-3, 13)
BOXES = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(1, 4), st.integers(1, 4)),
    max_size=12,
)


@given(
    BOXES,
    arrays.arrays(np.float64, (20, 2), elements=COORDINATES),
)
def test_the_first_area_that_covers_a_point_has_it(boxes, points):
    areas = [shapely.box(x, y, x + width, y + height) for x, y, width, height in boxes]
    found = PointLocator(areas).first(points[:, 0], points[:, 1])
    for index, (x, y) in zip(found, points, strict=True):
        covering = [k for k, area in enumerate(areas) if area.covers(shapely.Point(x, y))]
        assert index == (covering[0] if covering else NOWHERE)


def test_points_without_coordinates_and_no_areas():
    locator = PointLocator([shapely.box(0, 0, 1, 1)])
    assert locator.first([np.nan, 0.5], [0.5, np.nan]).tolist() == [NOWHERE, NOWHERE]
    assert locator.first([], []).tolist() == []
    empty = PointLocator([])
    assert len(empty) == 0
    assert empty.first([0.5], [0.5]).tolist() == [NOWHERE]

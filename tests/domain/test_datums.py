from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Polygon, box

from gis_supervision.domain.datum_fit import compare_outlines, diagnose
from gis_supervision.domain.datums import BD09, CGCS2000, GCJ02, WGS84, Datum, from_wgs84, to_wgs84
from gis_supervision.errors import InvalidInputError, NotFoundError

SHARED = Path(__file__).parents[3] / "shared" / "data" / "china_wusu"
MILLIMETRE = 1e-3 / 111_195
IN_CHINA = st.tuples(st.floats(73.5, 135.1), st.floats(3.8, 53.6))


@settings(deadline=None)
@given(point=IN_CHINA, datum=st.sampled_from([GCJ02, BD09]))
def test_shifted_datums_there_and_back(point, datum):
    x, y = from_wgs84([point[0]], [point[1]], datum)
    lng, lat = to_wgs84(x, y, datum)
    assert lng[0] == pytest.approx(point[0], abs=MILLIMETRE)
    assert lat[0] == pytest.approx(point[1], abs=MILLIMETRE)
    shift_m = np.hypot((x - point[0]) * np.cos(np.radians(point[1])), y - point[1])[0] * 111_195
    assert 10 < shift_m < 3000


@settings(deadline=None)
@given(point=IN_CHINA, datum=st.sampled_from([GCJ02, BD09]))
def test_shifted_datums_back_and_there(point, datum):
    lng, lat = to_wgs84([point[0]], [point[1]], datum)
    x, y = from_wgs84(lng, lat, datum)
    assert x[0] == pytest.approx(point[0], abs=MILLIMETRE)
    assert y[0] == pytest.approx(point[1], abs=MILLIMETRE)


def test_published_pairs():
    x, y = from_wgs84([116.404], [39.915], "GCJ-02")
    assert (x[0], y[0]) == pytest.approx((116.41024449916938, 39.91640428150164), abs=1e-9)
    x, y = from_wgs84(*to_wgs84([116.404], [39.915], "GCJ-02"), "BD-09")
    assert (x[0], y[0]) == pytest.approx((116.41036949371029, 39.92133699351021), abs=1e-9)
    # the README of the county data gives the shift at Wusu's seat
    x, y = from_wgs84([84.68], [44.43], "GCJ-02")
    assert (x[0] - 84.68, y[0] - 44.43) == pytest.approx((0.0025, 0.0009), abs=1e-4)


@pytest.mark.parametrize("datum", [GCJ02, BD09])
def test_nothing_changes_outside_the_shifted_area(datum):
    lng = np.array([-87.6, 2.35, 151.2, 139.7, 0.0, 180.0, 84.0])
    lat = np.array([41.9, 48.86, -33.9, 35.7, 0.0, -90.0, 60.0])
    for convert in (from_wgs84, to_wgs84):
        x, y = convert(lng, lat, datum)
        assert x.tolist() == lng.tolist()
        assert y.tolist() == lat.tolist()


def test_a_mixed_array_keeps_its_order_its_gaps_and_its_input():
    lng, lat = np.array([84.68, np.nan, -87.6]), np.array([44.43, 44.43, 41.9])
    x, y = from_wgs84(lng, lat, "gcj02")
    assert lng[0] == 84.68
    assert x[0] != 84.68
    assert np.isnan(x[1])
    assert (x[2], y[2]) == (-87.6, 41.9)
    same, _ = to_wgs84(lng, lat, "CGCS2000")
    same[0] = 0.0
    assert lng[0] == 84.68


@pytest.mark.parametrize(
    ("text", "datum"),
    [
        ("CGCS2000", CGCS2000),
        ("EPSG:4490", CGCS2000),
        ("国家2000", CGCS2000),
        ("wgs 84", WGS84),
        ("epsg:4326", WGS84),
        ("urn:ogc:def:crs:OGC:1.3:CRS84", WGS84),
        ("GCJ-02", GCJ02),
        ("gcj02", GCJ02),
        ("高德", GCJ02),
        ("BD-09", BD09),
        ("bd09ll", BD09),
        ("Baidu", BD09),
    ],
)
def test_spellings_of_datums(text, datum):
    assert Datum.parse(text) == datum
    assert Datum.parse(str(datum)) == datum
    assert Datum.parse(datum) is datum


def test_unknown_datums_name_the_nearest():
    with pytest.raises(NotFoundError, match="did you mean GCJ-02"):
        Datum.parse("GCJ-2")
    with pytest.raises(NotFoundError, match="EPSG:999999"):
        Datum.parse("EPSG:999999")
    with pytest.raises(NotFoundError, match="neither"):
        Datum.parse("EPSG:5773")
    with pytest.raises(NotFoundError, match="Expected CGCS2000"):
        Datum.parse("")


def test_any_crs_of_the_registry():
    # 1 N LaSalle Street, Chicago, in Illinois State Plane East (US feet)
    feet = Datum.parse("urn:ogc:def:crs:EPSG::3435")
    assert str(feet) == "EPSG:3435"
    x, y = from_wgs84([-87.6325, np.nan], [41.8820, 41.0], feet)
    assert x[0] == pytest.approx(1_175_100, abs=2000)
    assert y[0] == pytest.approx(1_900_700, abs=2000)
    assert np.isnan(x[1])
    lng, lat = to_wgs84(x, y, feet)
    assert (lng[0], lat[0]) == pytest.approx((-87.6325, 41.8820), abs=1e-7)


@pytest.mark.parametrize("datum", ["WGS84", "GCJ-02", "BD-09"])
def test_coordinates_that_are_no_degrees_are_refused(datum):
    with pytest.raises(InvalidInputError, match="row 1: latitude 91"):
        to_wgs84([84, 84], [44, 91], datum)
    with pytest.raises(InvalidInputError, match="row 0: longitude 1175000"):
        to_wgs84([1.175e6], [44], datum)
    with pytest.raises(InvalidInputError, match="row 0: latitude inf"):
        from_wgs84([84], [np.inf], datum)


def test_coordinates_beyond_a_projection_are_refused():
    with pytest.raises(InvalidInputError, match=r"row 1: .* cannot be converted"):
        to_wgs84([1_175_100, 1e30], [1_900_700, 1e30], "EPSG:3435")
    with pytest.raises(InvalidInputError, match="same length"):
        to_wgs84([1.0, 2.0], [1.0], "WGS84")


def county(seed: int = 11) -> Polygon:
    """Return a ragged outline, about 30 km across."""
    rng = np.random.default_rng(seed)
    angle = np.sort(rng.uniform(0, 2 * np.pi, 120))
    radius = rng.uniform(0.12, 0.18, 120)
    return Polygon(np.column_stack((104 + radius * np.cos(angle), 31 + radius * np.sin(angle))))


def in_datum(polygon: Polygon, datum: Datum) -> Polygon:
    return shapely.transform(
        polygon, lambda points: np.column_stack(from_wgs84(points[:, 0], points[:, 1], datum))
    )


def points_in(polygon: Polygon, count: int, seed: int = 12) -> np.ndarray:
    rng = np.random.default_rng(seed)
    west, south, east, north = polygon.bounds
    points = rng.uniform((west, south), (east, north), (count, 2))
    return points[shapely.contains_xy(polygon, points[:, 0], points[:, 1])]


@pytest.mark.parametrize("datum", [CGCS2000, GCJ02, BD09])
def test_points_tell_their_datum(datum):
    x, y = from_wgs84(*points_in(county(), 5000).T, datum)
    found = diagnose([*x, np.nan], [*y, np.nan], county())
    assert found.best == datum
    assert found.decisive
    assert found.fits[0].share_inside == 1.0
    assert found.fits[0].outside_m == 0.0
    assert found.fits[0].points == x.size
    assert 0 < found.fits[1].outside_m < 2000
    assert found.warning(datum) == ""
    other = GCJ02 if datum == CGCS2000 else WGS84
    assert str(datum) in found.warning(other)


def test_points_far_from_the_border_leave_the_datum_open():
    points = points_in(county().buffer(-0.05), 200)
    found = diagnose(*points.T, county())
    assert found.best == CGCS2000
    assert not found.decisive
    assert found.p == 1.0
    assert found.warning("BD-09") == ""


def test_an_impossible_datum_is_a_fit_of_nothing():
    area = box(-87.9, 41.6, -87.5, 42.1)
    points = points_in(area, 300)
    feet = from_wgs84(*points.T, "EPSG:3435")
    found = diagnose(*feet, area, candidates=("WGS84", "EPSG:3435"))
    assert str(found.best) == "EPSG:3435"
    assert found.fits[1].problem.startswith("row 0: longitude")
    assert "EPSG:3435 fits better" in found.warning("WGS84")


def test_a_diagnosis_needs_points_and_candidates():
    with pytest.raises(InvalidInputError, match="no point"):
        diagnose([np.nan], [1.0], county())
    with pytest.raises(InvalidInputError, match="at least one"):
        diagnose([104.0], [31.0], county(), candidates=())


@pytest.mark.parametrize("datum", [CGCS2000, GCJ02, BD09])
def test_outlines_tell_their_datum_through_errors_of_digitisation(datum):
    rng = np.random.default_rng(13)
    reference = county()
    coarse = shapely.segmentize(reference.simplify(0.003), 0.01)
    corners = shapely.get_coordinates(coarse)[:-1]
    noisy = Polygon(corners + rng.normal(0, 0.001, corners.shape))
    fits = compare_outlines([in_datum(noisy, datum)], [reference], second_datum="CGCS2000")
    assert fits[0].first == datum
    assert fits[0].shift_m < 60
    assert fits[1].shift_m > 150


def test_equal_outlines_are_in_the_first_candidate():
    fits = compare_outlines([county()], [county()])
    assert (fits[0].first, fits[0].second) == (CGCS2000, CGCS2000)
    assert fits[0].shift_m == fits[0].gap_m == 0.0


def test_two_outlines_of_unknown_datums():
    fits = compare_outlines([county()], [in_datum(county(), BD09)])
    assert (fits[0].first, fits[0].second) == (CGCS2000, BD09)
    assert fits[0].shift_m < 1


@pytest.mark.skipif(not SHARED.is_dir(), reason="the county outlines are not here")
def test_two_published_files_of_counties():
    files = {
        datum: list(gpd.read_file(SHARED / f"counties_{name}.geojson").geometry)
        for datum, name in ((CGCS2000, "wgs84"), (GCJ02, "gcj02"))
    }
    for datum, outlines in files.items():
        known = compare_outlines(outlines, files[CGCS2000], second_datum="CGCS2000")
        assert known[0].first == datum
    free = compare_outlines(files[GCJ02], files[CGCS2000])
    assert (free[0].first, free[0].second) == (GCJ02, CGCS2000)
    assert free[0].shift_m < 20
    assert free[1].shift_m > 200

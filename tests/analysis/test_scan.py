"""The spatial scan against an independent search through every window."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from gis_supervision.analysis.scan import indirect_expected, spatial_scan
from gis_supervision.analysis.windows import circles
from gis_supervision.errors import InvalidInputError


def ratio(inside, mean, total):
    if inside < 2 or inside <= mean:
        return 0.0
    value = inside * math.log(inside / mean)
    if inside < total:
        value += (total - inside) * math.log((total - inside) / (total - mean))
    return value


def planar(a, b):
    return math.dist(a, b)


def great_circle(a, b):
    (lng, lat), (lng_b, lat_b) = (tuple(map(math.radians, point)) for point in (a, b))
    h = (
        math.sin((lat_b - lat) / 2) ** 2
        + math.cos(lat) * math.cos(lat_b) * math.sin((lng_b - lng) / 2) ** 2
    )
    return 2 * math.asin(math.sqrt(min(1, h)))


def every_window(population, points, max_share, distance):
    """Every set of areas within some distance of some area, up to the share."""
    windows = set()
    for centre in points:
        away = [distance(centre, point) for point in points]
        for radius in away:
            window = frozenset(i for i, d in enumerate(away) if d <= radius * (1 + 1e-9) + 1e-15)
            if sum(population[i] for i in window) <= max_share * sum(population) * (1 + 1e-12):
                windows.add(window)
    return windows


def brute_force(cases, population, points, max_share=0.5, distance=planar):
    """Pairs of window and ratio, best first, that share no area."""
    total, people = sum(cases), sum(population)
    rated = []
    for window in every_window(population, points, max_share, distance):
        mean = sum(population[i] for i in window) * total / people
        rated.append((ratio(sum(cases[i] for i in window), mean, total), window))
    taken, clusters = set(), []
    for value, window in sorted(rated, key=lambda pair: -pair[0]):
        if value > 0 and not taken & window:
            clusters.append((window, value))
            taken |= window
    return clusters


@settings(max_examples=150, deadline=None)
@given(data=st.data(), n=st.integers(1, 9), max_share=st.sampled_from([0.2, 0.5, 1.0]))
def test_equals_brute_force(data, n, max_share):
    numbers = st.lists(st.integers(0, 12), min_size=n, max_size=n)
    # a small lattice: areas at equal distance, and areas at one point
    places = st.tuples(st.integers(0, 3), st.integers(0, 3))
    points = data.draw(st.lists(places, min_size=n, max_size=n))
    population = [size * 7 + 1 for size in data.draw(numbers)]
    cases = data.draw(numbers)
    x, y = zip(*points, strict=True)
    expected = brute_force(cases, population, points, max_share)
    # windows of equal ratio leave a choice
    values = [value for _, value in expected]
    found = spatial_scan(cases, population, x, y, max_share=max_share, permutations=0)
    if expected:
        assert found[0].llr == pytest.approx(values[0], rel=1e-9)
    else:
        assert found == []
    total, people = sum(cases), sum(population)
    windows = every_window(population, points, max_share, planar)
    taken = set()
    for cluster in found:
        inside = set(cluster.members.tolist())
        assert frozenset(inside) in windows
        assert not taken & inside
        taken |= inside
        assert cluster.cases == sum(cases[i] for i in inside) >= 2
        mean = sum(population[i] for i in inside) * total / people
        assert cluster.expected == pytest.approx(mean)
        assert cluster.llr == pytest.approx(ratio(cluster.cases, mean, total))
        assert cluster.centre in inside
    llrs = [cluster.llr for cluster in found]
    assert all(b <= a * (1 + 1e-8) for a, b in itertools.pairwise(llrs))
    # nothing is left out: every other window with a surplus meets a cluster
    for window in windows:
        mean = sum(population[i] for i in window) * total / people
        if ratio(sum(cases[i] for i in window), mean, total) > 1e-9:
            assert taken & window


@pytest.mark.parametrize("seed", range(4))
def test_all_clusters_equal_brute_force(seed):
    rng = np.random.default_rng(seed)
    n = 40
    points = rng.random((n, 2))
    population = rng.integers(50, 500, n)
    cases = rng.poisson(population * 0.02 * np.where(points[:, 0] < 0.3, 2.5, 1))
    found = spatial_scan(cases, population, *points.T, permutations=0)
    expected = brute_force(cases.tolist(), population.tolist(), points.tolist())
    assert [frozenset(cluster.members.tolist()) for cluster in found] == [w for w, _ in expected]
    np.testing.assert_allclose([cluster.llr for cluster in found], [v for _, v in expected])


def test_great_circle_equals_brute_force_across_the_date_line():
    rng = np.random.default_rng(3)
    n = 30
    lng = (178 + rng.random(n) * 4 + 180) % 360 - 180
    lat = 70 + rng.random(n) * 15
    population = rng.integers(50, 500, n)
    cases = rng.poisson(population * 0.02)
    found = spatial_scan(cases, population, lng, lat, metric="great_circle", permutations=0)
    points = list(zip(lng.tolist(), lat.tolist(), strict=True))
    expected = brute_force(cases.tolist(), population.tolist(), points, distance=great_circle)
    assert [frozenset(cluster.members.tolist()) for cluster in found] == [w for w, _ in expected]
    largest = max(found, key=lambda cluster: cluster.radius)
    arcs = [great_circle(points[largest.centre], points[i]) for i in largest.members]
    assert largest.radius == pytest.approx(max(arcs) * 6_371_008.8)


def test_great_circle_shrinks_lng_towards_the_pole():
    # at 60 degrees north a degree of lng is half a degree of lat
    lng, lat = [10, 11, 10, 11, 60, 61, 62], [60, 60, 60.7, 60.7, 0, 0, 0]
    cases, population = [5, 5, 0, 0, 0, 0, 0], [10] * 7
    top = spatial_scan(cases, population, lng, lat, metric="great_circle", permutations=0)[0]
    assert top.members.tolist() == [0, 1]
    assert top.radius == pytest.approx(55_597, rel=1e-3)
    flat = spatial_scan(cases, population, lng, lat, permutations=0)[0]
    assert flat.members.tolist() != [0, 1]


LINE = {
    "cases": [9, 1, 0, 1, 0, 1],
    "population": [10, 10, 10, 10, 10, 10],
    "x": [0, 1, 2, 3, 4, 5],
    "y": [0] * 6,
}


def test_one_window_by_hand():
    (cluster,) = spatial_scan(**LINE, permutations=99)
    assert cluster.members.tolist() == [0]
    assert (cluster.cases, cluster.expected, cluster.radius) == (9, 2, 0)
    assert cluster.relative_risk == pytest.approx((9 / 2) / (3 / 10))
    assert cluster.llr == pytest.approx(9 * math.log(9 / 2) + 3 * math.log(3 / 10))


def test_p_is_the_rank_among_the_largest_ratios():
    """Every way in which five cases can fall on four areas, each with its probability."""
    cases, population, points = [4, 0, 1, 0], [3, 3, 2, 4], [(0, 0), (1, 0), (2, 0), (5, 0)]
    windows = every_window(population, points, 0.5, planar)
    means = {w: sum(population[i] for i in w) * 5 / 12 for w in windows}

    def top(counts):
        return max(ratio(sum(counts[i] for i in w), means[w], 5) for w in windows)

    null = stats.multinomial(5, np.array(population) / 12)
    exact = sum(
        null.pmf(counts)
        for counts in itertools.product(range(6), repeat=4)
        if sum(counts) == 5 and top(counts) >= top(cases) - 1e-9
    )
    x, y = zip(*points, strict=True)
    found = spatial_scan(cases, population, x, y, permutations=20_000)
    assert found[0].p == pytest.approx(exact, abs=0.01)
    few = spatial_scan(cases, population, x, y, permutations=19)
    assert few[0].p * 20 == pytest.approx(round(few[0].p * 20))
    assert math.isnan(spatial_scan(cases, population, x, y, permutations=0)[0].p)


def test_p_is_valid_without_clusters():
    rng = np.random.default_rng(8)
    points = rng.random((25, 2))
    population = rng.integers(20, 200, 25)
    share = population / population.sum()
    p = [
        spatial_scan(rng.multinomial(80, share), population, *points.T, permutations=99, seed=s)[
            0
        ].p
        for s in range(200)
    ]
    assert 0.01 <= np.mean(np.array(p) <= 0.05) <= 0.1
    assert np.mean(p) == pytest.approx(0.5, abs=0.08)


def test_a_planted_cluster_is_found_and_a_second_one_apart():
    rng = np.random.default_rng(12)
    points = rng.random((281, 2))
    population = rng.integers(100, 3000, 281)
    west = np.hypot(*(points - [0.2, 0.2]).T) < 0.12
    east = np.hypot(*(points - [0.8, 0.7]).T) < 0.1
    rate = population * np.select([west, east], [4.0, 3.0], default=1.0)
    cases = rng.multinomial(900, rate / rate.sum())
    first, second, *rest = spatial_scan(cases, population, *points.T)
    for cluster, planted in ((first, west), (second, east)):
        truth = set(np.flatnonzero(planted).tolist())
        found = set(cluster.members.tolist())
        assert len(found & truth) / len(found | truth) > 0.7
        assert cluster.p == 0.001
        assert cluster.relative_risk > 2
    assert all(cluster.p > 0.001 for cluster in rest)


def test_at_least_two_cases_and_only_high_rates():
    alone = spatial_scan([1, 0, 0, 0], [1, 50, 50, 50], [0, 1, 2, 3], [0] * 4, permutations=0)
    assert alone == []
    # the first area has too few cases for its population, and one case is no cluster
    found = spatial_scan([0, 1, 2, 1], [90, 1, 60, 60], [0, 9, 20, 30], [0] * 4, permutations=0)
    assert all(cluster.cases >= 2 for cluster in found)
    assert all(cluster.cases > cluster.expected for cluster in found)


def test_windows_keep_within_the_share():
    for share, members in ((0.17, [0]), (0.34, [0]), (1.0, [0])):
        assert spatial_scan(**LINE, max_share=share, permutations=0)[0].members.tolist() == members
    assert spatial_scan(**LINE, max_share=0.1, permutations=0) == []
    # one area with more than the share is in no window
    assert spatial_scan([5, 0, 0], [90, 5, 5], [0, 1, 2], [0] * 3, permutations=0) == []


def test_areas_at_equal_distance_enter_together():
    # a cross: the centre and four arms, at distances that rounding sets apart
    x, y = np.array([0.3, 0.4, 0.3, 0.2, 0.3, 0.9]), np.array([0.3, 0.3, 0.4, 0.3, 0.2, 0.9])
    assert len(set(np.hypot(x - 0.3, y - 0.3).tolist())) > 3
    windows = circles(np.column_stack([x, y]), np.ones(6), 1.0)
    assert windows.ends[windows.starts[0] : windows.starts[1]].tolist() == [1, 0, 0, 0, 1, 1]
    # with room for three areas only, the four arms stay outside
    windows = circles(np.column_stack([x, y]), np.ones(6), 0.5)
    assert windows.areas[windows.starts[0] : windows.starts[1]].tolist() == [0]
    # two areas at one point
    found = spatial_scan([3, 0, 0, 0], [1, 1, 1, 9], [0, 0, 5, 9], [0] * 4, permutations=0)
    assert found[0].members.tolist() == [0, 1]


def test_all_cases_inside_give_an_infinite_risk():
    (cluster,) = spatial_scan([6, 0, 0], [10, 10, 10], [0, 1, 2], [0, 0, 0], permutations=9)
    assert cluster.relative_risk == math.inf
    assert cluster.llr == pytest.approx(6 * math.log(3))


def test_areas_without_population_do_no_harm():
    cases, population = [*LINE["cases"], 0, 0], [*LINE["population"], 0, 0]
    x, y = [*LINE["x"], 0.1, 7], [*LINE["y"], 0, 0]
    (cluster,) = spatial_scan(cases, population, x, y, permutations=99)
    assert 0 in cluster.members.tolist()
    assert cluster.llr == pytest.approx(spatial_scan(**LINE, permutations=0)[0].llr)
    with pytest.raises(InvalidInputError, match=r"population\[7\]"):
        spatial_scan([*LINE["cases"], 0, 1], population, x, y)


def test_expected_counts_replace_the_population():
    # twice the premises of a risky category explain the cases of the first area
    by_stratum = np.array([[8, 1], [0, 1], [0, 1], [1, 1]])
    population = np.array([[16, 10], [1, 20], [1, 20], [2, 20]])
    expected = indirect_expected(by_stratum, population)
    assert expected.sum() == pytest.approx(by_stratum.sum())
    assert expected[0] == pytest.approx(16 * 9 / 20 + 10 * 4 / 70)
    cases, people = by_stratum.sum(axis=1), population.sum(axis=1)
    place = {"x": [0, 5, 10, 15], "y": [0] * 4}
    crude = spatial_scan(cases, people, **place, permutations=99)[0]
    fair = spatial_scan(cases, people, **place, permutations=99, expected=expected)[0]
    assert crude.llr > 3 * fair.llr
    assert crude.p < 0.05 < fair.p
    # any unit will do
    scaled = spatial_scan(cases, people, **place, permutations=99, expected=expected * 7)[0]
    assert (scaled.expected, scaled.p) == (pytest.approx(fair.expected), fair.p)
    with pytest.raises(InvalidInputError, match=r"expected\[3\]"):
        spatial_scan(cases, people, **place, expected=[1, 1, 1, 0])
    # a stratum without population may have no cases
    assert indirect_expected([[1, 0], [2, 0]], [[5, 0], [10, 0]]).tolist() == [1, 2]
    with pytest.raises(InvalidInputError, match="stratum 1"):
        indirect_expected([[1, 1]], [[1, 0]])
    with pytest.raises(InvalidInputError, match="equal shapes"):
        indirect_expected([1, 1], [1, 0])
    with pytest.raises(InvalidInputError, match="cases"):
        indirect_expected([[-1]], [[1]])


def test_nothing_to_scan():
    assert spatial_scan([], [], [], []) == []
    assert spatial_scan([5], [10], [0], [0]) == []
    assert spatial_scan([0, 0, 0], [0, 0, 0], [0, 1, 2], [0, 0, 0]) == []
    assert spatial_scan([2, 2, 2], [5, 5, 5], [1, 1, 1], [4, 4, 4]) == []
    assert spatial_scan([2, 2, 2, 2], [5, 5, 5, 5], [0, 1, 2, 3], [0] * 4) == []


def test_equal_seeds_give_equal_results_and_input_is_left_alone():
    rng = np.random.default_rng(4)
    given_arrays = [
        rng.integers(0, 9, 50),
        rng.integers(50, 99, 50),
        rng.random(50),
        rng.random(50),
    ]
    copies = [array.copy() for array in given_arrays]
    for array in given_arrays:
        array.flags.writeable = False
    one, same, other = (spatial_scan(*given_arrays, seed=seed) for seed in (1, 1, 2))
    for array, copy in zip(given_arrays, copies, strict=True):
        np.testing.assert_array_equal(array, copy)
    assert [c.p for c in one] == [c.p for c in same]
    assert [c.p for c in one] != [c.p for c in other]
    assert [c.llr for c in one] == [c.llr for c in other]


def test_blocks_change_nothing(monkeypatch):
    rng = np.random.default_rng(4)
    arguments = rng.integers(0, 9, 50), rng.integers(50, 99, 50), rng.random(50), rng.random(50)
    whole = spatial_scan(*arguments)
    monkeypatch.setattr("gis_supervision.analysis.windows._BLOCK", 700)
    blocks = spatial_scan(*arguments)
    assert [c.members.tolist() for c in whole] == [c.members.tolist() for c in blocks]
    assert [c.p for c in whole] == [c.p for c in blocks]


@settings(max_examples=30, deadline=None)
@given(
    cases=st.lists(st.integers(0, 20), min_size=12, max_size=12),
    order=st.permutations(range(12)),
    angle=st.floats(0, 6.28),
    scale=st.floats(0.01, 1000),
)
def test_invariant_to_order_and_to_turning_the_map(cases, order, angle, scale):
    rng = np.random.default_rng(1)
    x, y = rng.random(12), rng.random(12)
    cases, population = np.array(cases), rng.integers(20, 90, 12)
    plain = spatial_scan(cases, population, x, y, permutations=0)
    # windows of nearly equal ratio may change places
    assume(len({round(c.llr, 6) for c in plain}) == len(plain))
    order = np.array(order)
    turned = scale * (x * np.cos(angle) - y * np.sin(angle)) + 5
    lifted = scale * (x * np.sin(angle) + y * np.cos(angle)) - 3
    moved = spatial_scan(
        cases[order], population[order], turned[order], lifted[order], permutations=0
    )
    np.testing.assert_allclose([c.llr for c in moved], [c.llr for c in plain], rtol=1e-7)
    for a, b in zip(moved, plain, strict=True):
        assert sorted(order[a.members].tolist()) == b.members.tolist()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cases": [1, 2]}, "population: 2 values expected"),
        ({"x": [0, 1]}, "x: 6 values expected"),
        ({"cases": [1.5, 1, 0, 1, 0, 1]}, r"cases\[0\]: a whole number"),
        ({"cases": [-1, 1, 0, 1, 0, 1]}, r"cases\[0\]"),
        ({"cases": [np.nan, 1, 0, 1, 0, 1]}, r"cases\[0\]"),
        ({"cases": [2e8, 1, 0, 1, 0, 1]}, "cases: at most 100000000"),
        ({"population": [10, np.inf, 1, 1, 1, 1]}, r"population\[1\]"),
        ({"y": [0, 0, np.nan, 0, 0, 0]}, r"y\[2\]: a finite coordinate"),
        ({"x": [0, 1, 2, 3, 4, 181], "metric": "great_circle"}, r"x \(lng\).*area 5 has 181"),
        ({"y": [91, 0, 0, 0, 0, 0], "metric": "great_circle"}, r"y \(lat\).*area 0 has 91"),
        ({"metric": "haversine"}, "metric:"),
        ({"max_share": 0}, "max_share"),
        ({"max_share": 1.5}, "max_share"),
        ({"max_share": np.nan}, "max_share"),
        ({"permutations": -1}, "permutations"),
        ({"seed": -1}, "seed"),
        ({"expected": [1, 2]}, "expected: 6 values expected"),
    ],
)
def test_wrong_input_is_named(change, message):
    with pytest.raises(InvalidInputError, match=message):
        spatial_scan(**(LINE | change))

import os
import subprocess
import sys

import h3
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.sparse import block_diag, csr_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import Delaunay

from gis_supervision.assignment.contiguity import apportioned
from gis_supervision.assignment.districting import balanced_zones, released
from gis_supervision.errors import InvalidInputError
from gis_supervision.language import translator


def graph(n, pairs, lengths=None):
    one, other = np.asarray(pairs, dtype=np.int64).reshape(-1, 2).T
    data = np.ones(one.size) if lengths is None else np.asarray(lengths, float)
    return csr_array((np.tile(data, 2), (np.r_[one, other], np.r_[other, one])), shape=(n, n))


def squares(rows, columns, side=500.0):
    number = np.arange(rows * columns).reshape(rows, columns)
    pairs = np.vstack(
        [
            np.column_stack([number[:, :-1].ravel(), number[:, 1:].ravel()]),
            np.column_stack([number[:-1].ravel(), number[1:].ravel()]),
        ]
    )
    y, x = np.divmod(np.arange(rows * columns), columns)
    return graph(rows * columns, pairs), x * side, y * side


def hexagons(radius, seed):
    """H3 cells around a place with a lake, and clustered weights."""
    rng = np.random.default_rng(seed)
    lat, lng = rng.uniform(25, 45), rng.uniform(80, 120)
    cells = sorted(h3.grid_disk(h3.latlng_to_cell(lat, lng, 8), radius))
    lake = set(h3.grid_disk(cells[rng.integers(len(cells))], 2))
    cells = [cell for cell in cells if cell not in lake]
    index = {cell: place for place, cell in enumerate(cells)}
    pairs = [
        (index[cell], index[beside])
        for cell in cells
        for beside in h3.grid_ring(cell, 1)
        if index.get(beside, -1) > index[cell]
    ]
    centres = np.array([h3.cell_to_latlng(cell) for cell in cells])
    x = np.radians(centres[:, 1] - lng) * 6_371_000 * np.cos(np.radians(lat))
    y = np.radians(centres[:, 0] - lat) * 6_371_000
    adjacency = graph(len(cells), pairs)
    _, component = connected_components(adjacency, directed=False)
    keep = np.flatnonzero(component == np.bincount(component).argmax())
    adjacency, x, y = adjacency[keep][:, keep], x[keep], y[keep]
    spread = 0.3 * np.ptp(x)
    weights = (0.2 + np.exp(-(x**2 + y**2) / spread**2)) * rng.gamma(2.0, 0.5, x.size)
    return adjacency, weights, x, y


def part_count(adjacency, labels):
    """Pieces beyond one per zone, zone by zone."""
    return sum(
        connected_components(adjacency[labels == zone][:, labels == zone], directed=False)[0] - 1
        for zone in np.unique(labels)
    )


def assert_consistent(result, adjacency, weights, x, y, zones):
    """Compare every figure of a result with its definition."""
    assert result.labels.shape == x.shape
    assert np.unique(result.labels).tolist() == list(range(zones))
    loads = [weights[result.labels == zone].sum() for zone in range(zones)]
    np.testing.assert_allclose(result.loads, loads, rtol=1e-9, atol=1e-12)
    mean = np.mean(loads)
    expected = max(abs(load / mean - 1) for load in loads) if mean > 0 else 0.0
    assert result.imbalance == pytest.approx(expected, abs=1e-9)
    assert result.parts == part_count(adjacency, result.labels)
    counted = weights if weights.any() else np.ones_like(weights)
    total = 0.0
    for zone in range(zones):
        cells = np.flatnonzero(result.labels == zone)
        between = np.hypot(x[cells][:, None] - x[cells], y[cells][:, None] - y[cells])
        total += (between @ counted[cells]).min()
    assert result.distance == pytest.approx(total / counted.sum(), rel=1e-6, abs=1e-9)


@pytest.fixture(scope="module")
def city():
    return hexagons(13, 5)


@pytest.fixture(scope="module")
def zoning(city):
    return balanced_zones(*city, 8, seed=3)


def test_zones_are_contiguous_balanced_and_compact(city, zoning):
    assert_consistent(zoning, *city, 8)
    assert zoning.parts == 0
    assert zoning.imbalance <= 0.01
    assert zoning.polsby_popper > 0.45
    assert zoning.notes == ()
    assert zoning.changed == 0


def test_the_same_seed_gives_the_same_zones(city, zoning):
    again = balanced_zones(*city, 8, seed=3)
    np.testing.assert_array_equal(again.labels, zoning.labels)
    assert not np.array_equal(balanced_zones(*city, 8, seed=4).labels, zoning.labels)


def test_the_result_does_not_depend_on_processors(city, zoning, monkeypatch):
    monkeypatch.setattr("gis_supervision.assignment.zone_search.processors", lambda: 1)
    np.testing.assert_array_equal(balanced_zones(*city, 8, seed=3).labels, zoning.labels)


def test_arguments_are_not_changed(city):
    adjacency, weights, x, y = (part.copy() for part in city)
    current = np.arange(x.size) % 3
    current[:3] = -1
    before = current.copy()
    balanced_zones(adjacency, weights, x, y, 3, current=current, tolerance=0.1)
    np.testing.assert_array_equal(current, before)
    np.testing.assert_array_equal(adjacency.data, city[0].data)
    np.testing.assert_array_equal(weights, city[1])


def test_units_of_weights_and_coordinates_do_not_matter(city, zoning):
    adjacency, weights, x, y = city
    moved = balanced_zones(adjacency, weights * 1024.0, x + 0.0, y + 0.0, 8, seed=3)
    np.testing.assert_array_equal(moved.labels, zoning.labels)
    assert moved.distance == pytest.approx(zoning.distance)


def test_compactness_of_squares_and_hexagons():
    adjacency, x, y = squares(6, 6)
    whole = balanced_zones(adjacency, np.ones(36), x, y, 1)
    assert whole.polsby_popper == pytest.approx(np.pi / 4)
    single = balanced_zones(adjacency, np.ones(36), x, y, 36)
    assert single.polsby_popper == pytest.approx(np.pi / 4)
    assert (single.distance, single.imbalance) == (0.0, 0.0)
    ring = graph(7, [(0, k) for k in range(1, 7)] + [(k, k % 6 + 1) for k in range(1, 7)])
    angle = np.arange(6) * np.pi / 3
    flower = balanced_zones(ring, np.ones(7), np.r_[0, np.cos(angle)], np.r_[0, np.sin(angle)], 1)
    assert flower.polsby_popper == pytest.approx(4 * np.pi * 7 * 1.5 * np.sqrt(3) / 18**2)


def test_compactness_takes_given_areas_and_outlines():
    # three rectangles of 2 x 1 in a row, which touch along their long sides
    adjacency = graph(3, [(0, 1), (1, 2)], [2.0, 2.0])
    result = balanced_zones(
        adjacency,
        np.ones(3),
        [0.0, 1.0, 2.0],
        np.zeros(3),
        1,
        cell_area=[2.0, 2.0, 2.0],
        cell_perimeter=[6.0, 6.0, 6.0],
    )
    assert result.polsby_popper == pytest.approx(4 * np.pi * 6.0 / 10.0**2)


def test_pinned_cells_stay_and_their_zone_hangs_together(city):
    _, _, x, y = city
    west, east = int(np.argmin(x)), int(np.argmax(x))
    north = int(np.argmax(y))
    result = balanced_zones(*city, 5, pinned={west: 2, east: 2, north: 3}, tolerance=0.02)
    assert result.labels[[west, east, north]].tolist() == [2, 2, 3]
    assert_consistent(result, *city, 5)
    assert result.parts == 0
    assert result.imbalance <= 0.02


def test_pins_as_an_array_and_as_a_mask(city, zoning):
    pins = np.full(city[1].size, -1)
    pins[[5, 200]] = [3, 7]
    result = balanced_zones(*city, 8, pinned=pins)
    assert result.labels[[5, 200]].tolist() == [3, 7]
    keep = zoning.labels == 4
    weights = city[1].copy()
    weights[keep] *= 1.3
    repaired = balanced_zones(
        city[0], weights, *city[2:], 8, current=zoning.labels, pinned=keep, tolerance=0.05
    )
    assert (repaired.labels[keep] == 4).all()
    assert repaired.imbalance > 0.05
    assert [reason.code for reason in repaired.reasons] == ["imbalance"]
    others = np.delete(repaired.loads, 4)
    assert np.abs(others / others.mean() - 1).max() <= 0.08


def test_pins_that_cross_are_told():
    adjacency, x, y = squares(8, 8)
    result = balanced_zones(adjacency, np.ones(64), x, y, 2, pinned={0: 0, 63: 0, 7: 1, 56: 1})
    assert result.labels[[0, 63, 7, 56]].tolist() == [0, 0, 1, 1]
    assert result.parts == part_count(adjacency, result.labels) == 1
    assert "parts" in [reason.code for reason in result.reasons]


def test_balanced_zones_keep_their_owners(city, zoning):
    again = balanced_zones(*city, 8, current=zoning.labels)
    assert again.changed == 0
    np.testing.assert_array_equal(again.labels, zoning.labels)


@pytest.mark.parametrize("seed", [1, 2])
def test_drift_is_repaired_with_few_changes(city, zoning, seed):
    adjacency, weights, x, y = city
    rng = np.random.default_rng(seed)
    drifted = weights.copy()
    some = rng.random(weights.size) < 0.1
    drifted[some] *= rng.uniform(0.0, 4.0, int(some.sum()))
    loads = np.bincount(zoning.labels, drifted)
    assert np.abs(loads / loads.mean() - 1).max() > 0.04
    repaired = balanced_zones(adjacency, drifted, x, y, 8, current=zoning.labels, tolerance=0.03)
    assert_consistent(repaired, adjacency, drifted, x, y, 8)
    assert (repaired.parts, repaired.imbalance <= 0.03) == (0, True)
    assert repaired.changed == np.count_nonzero(repaired.labels != zoning.labels)
    assert repaired.changed <= 0.03 * weights.size


def test_absence_is_shared_among_the_others(city, zoning):
    current = released(zoning.labels, 4)
    assert np.count_nonzero(current == -1) == np.count_nonzero(zoning.labels == 4)
    assert current.max() == 6
    result = balanced_zones(*city, 7, current=current, tolerance=0.05)
    assert_consistent(result, *city, 7)
    assert (result.parts, result.imbalance <= 0.05) == (0, True)
    owned = current >= 0
    assert result.changed == np.count_nonzero(result.labels[owned] != current[owned])
    assert result.changed <= 0.06 * np.count_nonzero(owned)


def test_a_new_zone_is_cut_out(city, zoning):
    result = balanced_zones(*city, 9, current=zoning.labels, tolerance=0.05)
    assert_consistent(result, *city, 9)
    assert (result.parts, result.imbalance <= 0.05) == (0, True)
    assert result.changed < 0.5 * city[1].size


def test_a_zone_in_two_pieces_is_mended():
    adjacency, x, y = squares(6, 12)
    current = (x // 3000).astype(int)
    current[5] = 1  # far inside zone 0
    current[8] = 0  # far inside zone 1
    result = balanced_zones(adjacency, np.ones(72), x, y, 2, current=current)
    assert result.parts == 0
    assert result.changed == 2


def test_without_any_owner_it_is_a_new_design(city, zoning):
    fresh = balanced_zones(*city, 8, seed=3, current=np.full(city[1].size, -1))
    np.testing.assert_array_equal(fresh.labels, zoning.labels)


def test_river_banks_get_zones_by_their_load():
    one, x, y = squares(10, 10)
    other, u, v = squares(10, 5)
    adjacency = csr_array(block_diag([one, other]))
    place = (np.r_[x, u + 9_000], np.r_[y, v])
    result = balanced_zones(adjacency, np.ones(150), *place, 6)
    assert result.parts == 0
    assert np.unique(result.labels[:100]).size == 4
    assert np.unique(result.labels[100:]).size == 2
    assert result.imbalance <= 0.01
    uneven = balanced_zones(adjacency, np.ones(150), *place, 4)
    assert uneven.parts == 0
    assert "components" in [reason.code for reason in uneven.reasons]
    assert uneven.imbalance == pytest.approx(1 / 3, abs=0.02)


def test_a_small_island_joins_what_is_nearest_and_is_told():
    land, x, y = squares(10, 10)
    island, u, v = squares(2, 2)
    adjacency = csr_array(block_diag([land, island]))
    place = (np.r_[x, u + 7_000], np.r_[y, v])
    result = balanced_zones(adjacency, np.ones(104), *place, 4)
    assert result.imbalance <= 0.01
    assert result.parts == part_count(adjacency, result.labels) == 1
    assert [reason.code for reason in result.reasons] == ["joined", "parts"]
    assert "2500 m" in result.notes[0]
    assert translator("en")(result.reasons[0].message, **result.reasons[0].values)
    alone = balanced_zones(adjacency, np.ones(104), *place, 4, join_below=0.0)
    assert alone.parts == 0
    assert np.unique(alone.labels[100:]).size == 1
    assert (alone.labels[:100] != alone.labels[100]).all()


def test_more_separate_parts_than_zones():
    result = balanced_zones(csr_array((7, 7)), np.ones(7), np.arange(7) * 100.0, np.zeros(7), 3)
    assert_consistent(result, csr_array((7, 7)), np.ones(7), np.arange(7) * 100.0, np.zeros(7), 3)
    assert result.parts == 4
    # neighbours in space, though nothing touches
    assert all(np.ptp(np.flatnonzero(result.labels == zone)) <= 2 for zone in range(3))
    assert {"joined", "parts"} <= {reason.code for reason in result.reasons}


def test_many_crumbs_are_joined():
    rng = np.random.default_rng(0)
    adjacency, x, y = squares(30, 30)
    keep = np.flatnonzero(rng.random(900) < 0.7)
    adjacency, x, y = adjacency[keep][:, keep], x[keep], y[keep]
    crumbs = connected_components(adjacency, directed=False)[0]
    assert crumbs > 10
    weights = rng.gamma(2.0, size=keep.size)
    result = balanced_zones(adjacency, weights, x, y, 6)
    assert_consistent(result, adjacency, weights, x, y, 6)
    assert result.imbalance <= 0.02
    assert result.parts <= crumbs - 1


def test_valleys_can_change_hands_whole():
    # a main valley of 30 cells, with a side valley of 12 at each: hardly a cell can move alone
    spine = [(13 * k, 13 * (k + 1)) for k in range(29)]
    sides = [(13 * k + j, 13 * k + j + 1) for k in range(30) for j in range(12)]
    x, y = np.divmod(np.arange(390), 13)
    result = balanced_zones(graph(390, spine + sides), np.ones(390), x * 500.0, y * 500.0, 6)
    assert result.parts == 0
    assert result.imbalance <= 0.05


def test_a_cell_heavier_than_a_share_is_told_and_the_rest_is_even():
    adjacency, x, y = squares(10, 12)
    weights = np.ones(120)
    weights[50] = 100.0
    result = balanced_zones(adjacency, weights, x, y, 5)
    assert [reason.code for reason in result.reasons] == ["heavy_cell", "imbalance"]
    assert result.reasons[0].values["cell"] == 50
    others = np.delete(result.loads, result.labels[50])
    assert np.abs(others / others.mean() - 1).max() <= 0.03
    assert result.loads[result.labels[50]] <= 102.0
    assert result.parts == 0


def test_only_cells_heavier_than_a_share_of_all_are_told_the_heaviest_first():
    # a zone for each cell: with the heavy ones away, all but the lightest are above what is left
    adjacency, x, y = squares(3, 4)
    weights = np.arange(1.0, 13.0)
    result = balanced_zones(adjacency, weights, x, y, 12)
    told = [r.values for r in result.reasons if r.code == "heavy_cell"]
    assert [values["cell"] for values in told] == [11, 10, 9, 8, 7, 6]
    assert all(values["share"] > 1.01 for values in told)


def test_a_seed_may_be_of_any_size():
    adjacency, x, y = squares(6, 6)
    result = balanced_zones(adjacency, np.ones(36), x, y, 4, seed=10**25)
    assert (result.imbalance, result.parts) == (0.0, 0)


def test_cells_without_load():
    adjacency, x, y = squares(10, 12)
    empty = balanced_zones(adjacency, np.zeros(120), x, y, 5)
    assert [reason.code for reason in empty.reasons] == ["zero_weights"]
    assert (empty.imbalance, empty.parts) == (0.0, 0)
    assert np.bincount(empty.labels).tolist() == [24] * 5
    assert_consistent(empty, adjacency, np.zeros(120), x, y, 5)
    half = np.where(x < 3_000, 0.0, 1.0)
    result = balanced_zones(adjacency, half, x, y, 5)
    assert (result.imbalance, result.parts) == (0.0, 0)
    two = np.zeros(120)
    two[[3, 70]] = 5.0
    few = balanced_zones(adjacency, two, x, y, 5)
    assert_consistent(few, adjacency, two, x, y, 5)
    assert "few_cells" in [reason.code for reason in few.reasons]
    assert few.labels[3] != few.labels[70]


def test_smallest_areas():
    one = balanced_zones(csr_array((1, 1)), [2.0], [0.0], [0.0], 1)
    assert (one.labels.tolist(), one.loads.tolist(), one.parts) == ([0], [2.0], 0)
    pair = balanced_zones(graph(2, [(0, 1)]), [1.0, 3.0], [0.0, 1.0], [0.0, 0.0], 2)
    assert sorted(pair.loads.tolist()) == [1.0, 3.0]
    assert pair.imbalance == pytest.approx(0.5)
    assert "imbalance" in [reason.code for reason in pair.reasons]
    adjacency, x, y = squares(3, 3)
    same_place = balanced_zones(adjacency, np.ones(9), 0 * x, 0 * y, 3)
    assert (same_place.imbalance, same_place.parts, same_place.distance) == (0.0, 0, 0.0)


def test_stored_zeros_and_loops():
    adjacency, x, y = squares(4, 4)
    looped = adjacency.tolil()
    looped.setdiag(7.0)
    result = balanced_zones(csr_array(looped), np.ones(16), x, y, 4)
    assert (result.imbalance, result.parts) == (0.0, 0)
    ferry = graph(4, [(0, 1), (2, 3), (1, 2)], [1.0, 1.0, 0.0])
    joined = balanced_zones(ferry, np.ones(4), [0.0, 1.0, 9.0, 10.0], np.zeros(4), 1)
    assert joined.parts == 0


def test_the_time_limit_is_told():
    adjacency, weights, x, y = hexagons(9, 9)
    result = balanced_zones(adjacency, weights, x, y, 5, max_seconds=0.0)
    assert result.reasons[0].code == "stopped"
    assert result.parts == 0
    assert_consistent(result, adjacency, weights, x, y, 5)
    generous = balanced_zones(adjacency, weights, x, y, 5, max_seconds=3_600)
    free = balanced_zones(adjacency, weights, x, y, 5)
    np.testing.assert_array_equal(generous.labels, free.labels)
    assert "stopped" not in [reason.code for reason in generous.reasons]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"zones": 0}, "zones must be from 1"),
        ({"zones": 10}, r"number of cells \(9\): 10"),
        ({"zones": 2.5}, "zones must be a whole number"),
        ({"weights": [1.0] * 8}, "one value per cell"),
        ({"weights": [1.0] * 8 + [np.nan]}, r"weights\[8\] is nan"),
        ({"weights": [1.0, -2.0] + [1.0] * 7}, r"weights\[1\] is -2.0"),
        ({"weights": ["a"] * 9}, "weights must be numbers"),
        ({"x": [np.inf] * 9}, r"x\[0\] is inf"),
        ({"tolerance": -0.1}, "tolerance"),
        ({"tolerance": np.nan}, "tolerance"),
        ({"seed": -1}, "seed"),
        ({"max_seconds": -1.0}, "max_seconds"),
        ({"current": [0] * 8}, "current must have one zone per cell"),
        ({"current": [0] * 8 + [3]}, r"current\[8\] is 3: expected a zone from 0 to 2"),
        ({"current": [0.5] * 9}, "whole numbers"),
        ({"pinned": {9: 0}}, "pinned names cell 9"),
        ({"pinned": {0: 3}}, r"pinned\[0\] is 3"),
        ({"pinned": [-2] * 9}, r"pinned\[0\] is -2"),
        ({"pinned": [0] * 9}, "pinned cells leave 0 cells"),
        ({"pinned": np.ones(9, bool)}, "give the zones to keep as current"),
        ({"cell_area": np.zeros(9)}, r"cell_area\[0\]"),
        ({"cell_perimeter": np.ones(9)}, r"cell_perimeter\[0\] is 1, less than"),
        ({"adjacency": csr_array((9, 8))}, "square"),
        ({"adjacency": csr_array(([1.0], ([0], [1])), shape=(9, 9))}, "cell 0 names cell 1"),
        ({"adjacency": csr_array(([1.0, 2.0], ([0, 1], [1, 0])), shape=(9, 9))}, "one way and"),
        ({"adjacency": csr_array(([-1.0, -1.0], ([0, 1], [1, 0])), shape=(9, 9))}, "is -1"),
        ({"adjacency": csr_array((0, 0)), "weights": [], "x": [], "y": []}, "no cells"),
    ],
)
def test_wrong_arguments_are_named(change, message):
    adjacency, x, y = squares(3, 3)
    arguments = {"adjacency": adjacency, "weights": np.ones(9), "x": x, "y": y, "zones": 3}
    with pytest.raises(InvalidInputError, match=message):
        balanced_zones(**(arguments | change))


def test_release_of_an_unknown_zone():
    with pytest.raises(InvalidInputError, match="zone 2 has no cells"):
        released([0, 1, 1], 2)


@st.composite
def planar_areas(draw):
    n = draw(st.integers(4, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    points = rng.random((n, 2)) * 1000
    triangles = Delaunay(points).simplices
    pairs = np.unique(
        np.sort(np.vstack([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [0, 2]]])),
        axis=0,
    )
    # some borders are closed: areas fall apart
    pairs = pairs[rng.random(len(pairs)) < draw(st.sampled_from([0.4, 0.8, 1.0]))]
    weights = rng.gamma(draw(st.sampled_from([0.2, 2.0])), size=n)
    weights[rng.random(n) < draw(st.sampled_from([0.0, 0.5]))] = 0.0
    zones = draw(st.integers(1, n))
    owners = None
    if draw(st.booleans()):
        owners = rng.integers(-1, zones, n)
    pins = None
    if draw(st.booleans()) and zones <= n // 2:
        pins = np.where(rng.random(n) < 0.1, rng.integers(0, zones, n), -1)
    return graph(n, pairs), weights, points[:, 0], points[:, 1], zones, owners, pins


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(planar_areas())
def test_any_planar_area(case):
    adjacency, weights, x, y, zones, owners, pins = case
    result = balanced_zones(adjacency, weights, x, y, zones, current=owners, pinned=pins)
    assert_consistent(result, adjacency, weights, x, y, zones)
    codes = {reason.code for reason in result.reasons}
    assert ("imbalance" in codes) == (result.imbalance > 0.01)
    assert ("parts" in codes) == (result.parts > 0)
    components = connected_components(adjacency, directed=False)[0]
    if pins is None and (owners is None or components == 1):
        assert result.parts <= components - 1
    if pins is not None:
        assert (result.labels[pins >= 0] == pins[pins >= 0]).all()
    if owners is not None and (owners >= 0).any():
        owned = owners >= 0
        assert result.changed == np.count_nonzero(result.labels[owned] != owners[owned])


@given(
    st.lists(st.tuples(st.floats(0.01, 20), st.integers(1, 30)), min_size=1, max_size=6), st.data()
)
def test_zones_are_divided_among_groups(groups, data):
    loads = np.array([load for load, _ in groups])
    sizes = np.array([size for _, size in groups], np.int32)
    zones = data.draw(st.integers(len(groups), int(sizes.sum())))
    counts = apportioned(loads, sizes, np.zeros(len(groups), np.int32), zones)
    assert counts.sum() == zones
    assert (counts >= 1).all()
    assert (counts <= sizes).all()


def test_a_package_that_cannot_be_written(tmp_path):
    """Where machine code cannot be kept, zones are designed all the same."""
    code = (
        "import numba.core.caching as caching\n"
        "caching.CacheImpl._locator_classes = []\n"
        "from gis_supervision.domain.compilation import compiled\n"
        "print(compiled(lambda a: a + 1)(41))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "HOME": str(tmp_path)},
        check=True,
    )
    assert done.stdout.strip() == "42"

"""Emerging hot spots: each category by a hand-built series, Mann-Kendall against a reference."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis_supervision.analysis.emerging import (
    CATEGORIES,
    NO_DATA,
    NO_PATTERN,
    classify,
    mann_kendall,
)
from gis_supervision.errors import InvalidInputError

# ten steps: the bins, and scores that go with them
SERIES = {
    "new": ([0, 0, 0, 0, 0, 0, 0, 0, 0, 1], None),
    "consecutive": ([0, 0, 0, 0, 0, 0, 0, 1, 3, 2], None),
    "intensifying": ([0, 1, 1, 1, 2, 2, 2, 3, 3, 3], [1, 2, 2.1, 2.2, 2.5, 2.6, 2.7, 3, 4, 5]),
    "persistent": ([2, 2, 2, 2, 0, 2, 2, 2, 2, 2], [3, 4, 3, 4, 1, 4, 3, 4, 3, 4]),
    "diminishing": ([3, 3, 3, 2, 2, 2, 0, 1, 1, 1], [9, 8, 7, 6, 5, 4, 1, 3, 2.5, 2]),
    "sporadic": ([1, 0, 0, 1, 1, 0, 0, 0, 1, 1], None),
    "oscillating": ([1, 0, -1, 1, 1, 0, 0, 0, 1, 1], None),
    "historical": ([1, 1, 1, 1, 1, 1, 1, 1, 1, 0], None),
}


def one(bins, z=None, **options):
    bins = np.array([bins], dtype=float)
    score = bins * 1.5 if z is None else np.array([z], dtype=float)
    return str(classify(score, bins, **options)[0])


@pytest.mark.parametrize("pattern", SERIES)
def test_each_category_hot_and_cold(pattern):
    bins, z = SERIES[pattern]
    z = np.array(bins) * 1.5 if z is None else np.array(z)
    assert one(bins, z) == f"{pattern} hot spot"
    assert one(-np.array(bins), -z) == f"{pattern} cold spot"


def test_there_are_seventeen_categories():
    assert len(set(CATEGORIES)) == 17
    hot = {f"{pattern} {kind} spot" for pattern in SERIES for kind in ("hot", "cold")}
    assert set(CATEGORIES) == hot | {NO_PATTERN}


@pytest.mark.parametrize(
    "bins",
    [
        [0] * 10,
        [1, 0, 1, 0, 1, 0, 1, 0, 1, 0],
        [1, 1, 1, 1, 1, 1, 1, 1, 0, 0],
        [-1, 1, -1, 1, -1, 1, -1, 1, -1, 0],
    ],
)
def test_no_pattern(bins):
    assert one(bins) == NO_PATTERN


@pytest.mark.parametrize(
    ("bins", "expected"),
    [
        # 18 of 20 steps are 90 %, 17 are not
        ([0, 0] + [1] * 18, "persistent hot spot"),
        ([0, 0, 0] + [1] * 17, "consecutive hot spot"),
        ([1, 0, 0, 0] + [1] * 16, "sporadic hot spot"),
        ([1] * 18 + [0, 0], "historical hot spot"),
        ([1] * 17 + [0, 0, 0], NO_PATTERN),
        # 27 of 30, where 0.9 * 30 is more than 27 in floating point
        ([0] * 3 + [1] * 27, "persistent hot spot"),
        # never hot before counts, cold before does not
        ([0, -1, -2, 0, 0, -1, 0, 0, 0, 1], "new hot spot"),
        ([0, -1, -2, 0, 0, -1, 0, 0, 1, 1], "consecutive hot spot"),
        # cold after a hot run, and nine of ten hot
        ([1] * 9 + [-1], "new cold spot"),
        ([-1] + [1] * 9, "persistent hot spot"),
        ([1, 1, 1, 1, 1, -1, 1, 1, 1, -1], "oscillating cold spot"),
        # an earlier hot step, then a run
        ([1, 0, 0, 0, 0, 0, 0, 1, 1, 1], "sporadic hot spot"),
        # few steps
        ([1], "new hot spot"),
        ([-2], "new cold spot"),
        ([0], NO_PATTERN),
        ([0, 1], "new hot spot"),
        ([1, 1], "persistent hot spot"),
        ([0, 1, 1], "consecutive hot spot"),
    ],
)
def test_borders_between_categories(bins, expected):
    # scores without a trend
    signs = np.sign(bins) * np.where(np.arange(len(bins)) % 2, 2.0, 3.0)
    assert one(bins, signs if "persistent" in expected else None) == expected


def test_level_and_alpha_are_respected():
    bins = [0, 0, 0, 0, 0, 1, 2, 1, 1, 3]
    assert one(bins) == "consecutive hot spot"
    assert one(bins, level=2) == "sporadic hot spot"
    assert one(bins, level=3) == "new hot spot"
    rising = [1, 2, 3, 4, 3.5, 5, 2.5, 6, 3, 7]
    p = mann_kendall(rising).p
    assert one([1] * 10, rising, alpha=p * 1.01) == "intensifying hot spot"
    assert one([1] * 10, rising, alpha=p * 0.99) == "persistent hot spot"


def test_steps_without_statistic_are_left_out():
    nan = np.nan
    assert one([nan] * 10) == NO_DATA
    assert one([1] * 9 + [nan]) == NO_DATA
    assert one([nan] * 9 + [1]) == "new hot spot"
    assert one([nan, nan, 0, 0, 0, 1, nan, 1, nan, 1]) == "consecutive hot spot"
    assert one([nan] * 5 + [2, 2, 2, 2, 2]) == "persistent hot spot"
    assert one([nan, 1, nan, 1, 1, 1, 1, 1, 1, 1]) == "persistent hot spot"
    # a bin without its score is no statistic
    assert one([1] * 10, [2] * 9 + [nan]) == NO_DATA


def test_no_cells_and_no_steps():
    assert classify(np.zeros((0, 10)), np.zeros((0, 10))).tolist() == []
    assert classify(np.zeros((2, 0)), np.zeros((2, 0))).tolist() == [NO_DATA] * 2
    assert classify(np.zeros((2, 3)), np.zeros((2, 3), dtype=int)).dtype.kind == "U"


@pytest.mark.parametrize(
    ("z", "bins", "options", "message"),
    [
        (np.zeros(3), np.zeros(3), {}, r"shape \(cells, steps\) expected"),
        (np.zeros((2, 4)), np.zeros((2, 3)), {}, r"z: shape \(2, 3\) expected"),
        (np.zeros((1, 2)), [[0, 4]], {}, "from -3 to 3"),
        (np.zeros((1, 2)), [[0, 0.5]], {}, "from -3 to 3"),
        (np.zeros((1, 2)), [["a", 1]], {}, "bins: numbers expected"),
        (np.zeros((1, 2)), [[0, 1]], {"level": 0}, "level: 1, 2 or 3"),
        (np.zeros((1, 2)), [[0, 1]], {"alpha": 1}, "alpha"),
    ],
)
def test_wrong_input_is_named(z, bins, options, message):
    with pytest.raises(InvalidInputError, match=message):
        classify(z, bins, **options)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from([-3, -2, -1, 0, 1, 2, 3, np.nan]), min_size=1, max_size=12),
    st.integers(0, 2**32 - 1),
)
def test_cold_mirrors_hot_and_rows_stand_alone(bins, seed):
    bins = np.array([bins, np.roll(bins, 1)], dtype=float)
    z = bins + np.random.default_rng(seed).normal(0, 0.3, bins.shape)
    before = z.copy(), bins.copy()
    names = classify(z, bins)
    np.testing.assert_array_equal(z, before[0])
    np.testing.assert_array_equal(bins, before[1])
    assert set(names.tolist()) <= {*CATEGORIES, NO_DATA}
    swap = {"hot": "cold", "cold": "hot"}
    mirrored = [
        " ".join(swap.get(word, word) for word in str(name).split()) for name in classify(-z, -bins)
    ]
    assert names.tolist() == mirrored
    assert names[1] == classify(z[1:], bins[1:])[0]


@pytest.mark.parametrize(
    "series",
    [
        [1, 2, 3, 4, 5, 6],
        [6, 5, 4, 3, 2, 1],
        [1, 3, 2, 2, 5, 4, 4, 4, 9, 0],
        [0, 0, 0, 0, 0, 1],
        [5, 5, 5],
        [1, 2],
        [7],
    ],
)
def test_mann_kendall_equals_pymannkendall(series):
    reference = pytest.importorskip("pymannkendall")
    ours = mann_kendall(series)
    if len(series) > 1:
        theirs = reference.original_test(series)
        assert ours.s == theirs.s
        assert ours.variance == pytest.approx(theirs.var_s, rel=1e-12)
        assert ours.z == pytest.approx(theirs.z, rel=1e-12)
        assert ours.p == pytest.approx(theirs.p, abs=1e-12)
    else:
        assert (ours.s, ours.variance, ours.z, ours.p) == (0, 0, 0, 1)


def test_mann_kendall_by_hand():
    # 9 rising pairs, 0 falling, 1 tie; 5 * 4 * 15 less 2 * 1 * 9 for the tie, over 18
    result = mann_kendall([1, 2, 2, 3, 4])
    assert result.s == 9
    assert result.variance == pytest.approx((300 - 18) / 18)
    assert result.z == pytest.approx(8 / np.sqrt(282 / 18))


def test_mann_kendall_runs_over_rows_like_over_each(monkeypatch):
    reference = pytest.importorskip("pymannkendall")
    rows = np.random.default_rng(1).integers(0, 6, (60, 24)).astype(float)
    whole = mann_kendall(rows)
    for i, row in enumerate(rows):
        theirs = reference.original_test(row)
        assert whole.s[i] == theirs.s
        assert whole.variance[i] == pytest.approx(theirs.var_s, rel=1e-12)
        assert whole.z[i] == pytest.approx(theirs.z, rel=1e-12, abs=1e-12)
        assert whole.p[i] == pytest.approx(theirs.p, abs=1e-12)
    # blocks of two rows give the same
    monkeypatch.setattr("gis_supervision.analysis.emerging._BLOCK", 48)
    for one_block, blocks in zip(whole, mann_kendall(rows), strict=True):
        np.testing.assert_array_equal(one_block, blocks)


def test_mann_kendall_leaves_out_what_is_missing():
    gaps = mann_kendall([[1, np.nan, 2, 2, np.nan, 4], [np.nan] * 6, [np.inf, 1, 2, 3, -np.inf, 1]])
    alone = mann_kendall([1, 2, 2, 4])
    for name in ("s", "variance", "z", "p"):
        array = getattr(gaps, name)
        assert array[0] == getattr(alone, name)
        assert np.isnan(array[1])
    assert gaps.s[2] == -6
    assert mann_kendall(np.zeros((0, 4))).s.shape == (0,)
    assert np.isnan(mann_kendall(np.zeros((2, 0))).p).all()
    with pytest.raises(InvalidInputError, match="series: shape"):
        mann_kendall(np.zeros((2, 2, 2)))
    with pytest.raises(InvalidInputError, match="series: numbers"):
        mann_kendall(["a", "b"])

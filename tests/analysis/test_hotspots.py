"""Gi*, local Moran, false discovery rate and empirical Bayes against references and by hand."""

import copy
import itertools
import math
from fractions import Fraction

import h3
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse, special

from gis_supervision.analysis.hotspots import (
    benjamini_hochberg,
    empirical_bayes,
    gi_star,
    local_moran,
)
from gis_supervision.analysis.rates import crude_rates, marshall_prior
from gis_supervision.analysis.significance import _draw
from gis_supervision.errors import InvalidInputError


def adjacency(cells):
    place = {cell: i for i, cell in enumerate(cells)}
    pairs = [
        (place[cell], place[other])
        for cell in cells
        for other in h3.grid_disk(cell, 1)
        if other != cell and other in place
    ]
    row, column = zip(*pairs, strict=True) if pairs else ((), ())
    return sparse.csr_array((np.ones(len(row)), (row, column)), shape=(len(cells), len(cells)))


def linked(n, pairs):
    """Symmetric binary links between n cells."""
    row, column = zip(*(pairs + [(b, a) for a, b in pairs]), strict=True)
    return sparse.csr_array((np.ones(len(row)), (row, column)), shape=(n, n))


def standardised(weights):
    total = weights.sum(axis=1)
    return sparse.csr_array(
        sparse.diags_array(np.divide(1, total, out=np.zeros_like(total), where=total > 0)) @ weights
    )


@pytest.fixture(scope="module")
def cells():
    return sorted(h3.grid_disk(h3.latlng_to_cell(44.43, 84.69, 8), 13))


@pytest.fixture(scope="module")
def binary(cells):
    return adjacency(cells)


@pytest.fixture(scope="module")
def smooth(binary):
    values = np.random.default_rng(7).gamma(1.0, 1.0, binary.shape[0])
    return values + binary @ values / 2


@pytest.fixture(scope="module")
def graph(binary):
    graphs = pytest.importorskip("libpysal.graph")
    coo = binary.tocoo()
    return graphs.Graph.from_arrays(coo.row, coo.col, coo.data)


def esda_gi_star(values, graph, seed=1, permutations=999):
    from esda.getisord import G_Local  # noqa: PLC0415 - slow to import, and warns

    options = {"permutations": permutations, "seed": seed, "n_jobs": 1}
    return G_Local(values, graph, transform="B", star=True, **options)


def esda_moran(values, graph, seed=1):
    from esda.moran import Moran_Local  # noqa: PLC0415 - slow to import, and warns

    return Moran_Local(values, graph, transformation="r", permutations=999, seed=seed)


def mean_difference(one, other):
    return float(np.abs(np.asarray(one, dtype=float) - np.asarray(other, dtype=float)).mean())


@pytest.mark.filterwarnings("ignore")
def test_gi_star_equals_esda(smooth, binary, graph):
    ours = [gi_star(smooth, binary, permutations=999, seed=seed) for seed in range(8)]
    references = [esda_gi_star(smooth, graph, seed) for seed in (1, 2, 3, 4)]
    np.testing.assert_allclose(ours[0].z, references[0].Zs, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(
        gi_star(smooth, binary).p, 2 * references[0].p_norm, rtol=1e-10, atol=1e-15
    )
    # esda's p_sim is that of one tail
    theirs = [np.minimum(1, 2 * reference.p_sim) for reference in references]
    between = [mean_difference(a, b) for a, b in itertools.combinations(theirs, 2)]
    across = [mean_difference(a.p, b) for a, b in itertools.product(ours, theirs)]
    assert np.mean(across) < 1.25 * np.mean(between)


@pytest.mark.filterwarnings("ignore")
def test_gi_star_equals_esda_on_counts_with_ties(binary, graph):
    values = np.random.default_rng(3).poisson(0.4, binary.shape[0])
    expected = esda_gi_star(values.astype(float), graph).Zs
    np.testing.assert_allclose(gi_star(values, binary).z, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.filterwarnings("ignore")
def test_local_moran_equals_esda(smooth, binary, graph):
    ours = [local_moran(smooth, standardised(binary), seed=seed) for seed in range(8)]
    references = [esda_moran(smooth, graph, seed) for seed in (1, 2, 3, 4)]
    np.testing.assert_allclose(ours[0].i, references[0].Is, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(ours[0].quadrant, references[0].q)
    theirs = [reference.p_sim for reference in references]
    between = [mean_difference(a, b) for a, b in itertools.combinations(theirs, 2)]
    across = [mean_difference(a.p_one_sided, b) for a, b in itertools.product(ours, theirs)]
    assert np.mean(across) < 1.25 * np.mean(between)
    np.testing.assert_allclose(ours[0].p, np.minimum(1, 2 * ours[0].p_one_sided))


SMALL = linked(7, [(0, 1), (0, 2), (1, 2), (2, 3), (3, 4), (4, 5), (5, 6), (1, 5), (0, 6)])


def exact_two_sided(values, weights):
    """Enumerate every way to put other cells in the place of the neighbours."""
    n = len(values)
    result = []
    for i in range(n):
        own = weights[[i]].toarray().ravel()
        shares = own[own != 0]
        observed = own @ values
        others = [values[j] for j in range(n) if j != i]
        sums = np.array(
            [np.dot(shares, draw) for draw in itertools.permutations(others, len(shares))]
        )
        above = (sums >= observed - 1e-9).mean()
        below = (sums <= observed + 1e-9).mean()
        result.append(min(1.0, 2 * min(above, below)))
    return np.array(result)


@pytest.mark.parametrize(
    "values",
    [
        [1.0, 5.5, 2.25, 9.0, 4.0, 0.5, 7.75],
        [0, 0, 3, 1, 1, 0, 2],
        [0, 0, 0, 0, 0, 0, 9],
    ],
)
@pytest.mark.parametrize("weighting", ["binary", "row", "uneven", "negative"])
def test_permutation_leaves_the_own_value_out_even_with_seven_cells(values, weighting):
    values = np.array(values)
    weights = {
        "binary": SMALL,
        "row": standardised(SMALL),
        "uneven": sparse.csr_array(SMALL * np.linspace(0.5, 2, 49).reshape(7, 7)),
        "negative": sparse.csr_array(-SMALL),
    }[weighting]
    p = gi_star(values, weights, permutations=20_000).p
    np.testing.assert_allclose(p, exact_two_sided(values, SMALL), atol=0.02)
    expected = exact_two_sided(values, weights)
    # a cell that equals the mean has a statistic of 0, whatever its neighbours
    expected[values == values.mean()] = 1.0
    np.testing.assert_allclose(
        local_moran(values, weights, permutations=20_000).p, expected, atol=0.02
    )


def test_uneven_weights_agree_with_even_ones(smooth, binary):
    row = standardised(binary)
    uneven = row.copy()
    uneven.data = uneven.data * (1 + 1e-9 * np.arange(uneven.nnz) / uneven.nnz)
    one, other = (local_moran(smooth, weights, permutations=4999) for weights in (uneven, row))
    assert mean_difference(one.p, other.p) < 0.015


@pytest.mark.parametrize(("n", "length"), [(1, 1), (5, 5), (9, 3), (60, 40)])
def test_sequences_are_drawn_evenly(n, length):
    drawn = _draw(n, length, rows=6000, seed=3)
    assert drawn.shape == (6000, length)
    assert all(len(set(row)) == length for row in drawn.tolist())
    for column in drawn.T:
        count = np.bincount(column, minlength=n)
        np.testing.assert_allclose(count, 6000 / n, atol=5.5 * math.sqrt(6000 / n) + 1e-9)


def test_ordered_pairs_are_drawn_evenly():
    drawn = _draw(4, 2, rows=24_000, seed=1)
    count = np.bincount(drawn[:, 0] * 4 + drawn[:, 1], minlength=16).reshape(4, 4)
    assert (np.diag(count) == 0).all()
    np.testing.assert_allclose(count[~np.eye(4, dtype=bool)], 2000, rtol=0.1)


def test_seeds_hardly_matter(smooth, binary):
    results = [gi_star(smooth, binary, permutations=999, seed=seed).p for seed in range(8)]
    between = [mean_difference(a, b) for a, b in itertools.combinations(results, 2)]
    # a single set of 999 replicates gives more than 0.02
    assert 0 < np.mean(between) < 0.01


def weights_of(kind, binary):
    """The same neighbours, written in another way."""
    coo = binary.tocoo()
    rng = np.random.default_rng(9)
    if kind == "uneven":
        return sparse.csr_array((rng.random(coo.nnz) + 0.1, (coo.row, coo.col)), coo.shape)
    if kind == "unsorted":
        order = [rng.permutation(np.arange(a, b)) for a, b in itertools.pairwise(binary.indptr)]
        indices = binary.indices[np.concatenate(order)]
        return sparse.csr_array((binary.data, indices, binary.indptr), binary.shape)
    if kind == "zeros":
        row, col = np.append(coo.row, range(90)), np.append(coo.col, range(400, 490))
        data = np.append(coo.data, np.zeros(90))
        return sparse.csr_array((data, (row, col)), coo.shape)
    if kind == "duplicates":
        indptr = 2 * binary.indptr
        return sparse.csr_array((np.full(2 * coo.nnz, 0.5), np.repeat(binary.indices, 2), indptr))
    if kind == "64-bit":
        indices, indptr = binary.indices.astype(np.int64), binary.indptr.astype(np.int64)
        return sparse.csr_array((binary.data, indices, indptr), binary.shape)
    return sparse.csr_array(binary, dtype=kind)


KINDS = ["uneven", "unsorted", "zeros", "duplicates", "64-bit", "bool", "int8", "float32"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS)
def test_neighbours_written_in_another_way_give_the_gi_star_of_esda(smooth, binary, graph, kind):
    weights = weights_of(kind, binary)
    before = weights.data.copy(), weights.indices.copy(), weights.indptr.copy()
    ours = gi_star(smooth, weights, permutations=99, seed=1)
    theirs = esda_gi_star(smooth, graph, permutations=0).Zs
    np.testing.assert_allclose(ours.z, theirs, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(ours.p, gi_star(smooth, binary, permutations=99, seed=1).p)
    for array, old in zip((weights.data, weights.indices, weights.indptr), before, strict=True):
        np.testing.assert_array_equal(array, old)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["uneven", "unsorted", "duplicates", "int8"])
def test_local_moran_takes_weights_as_they_are(smooth, binary, kind):
    from esda.moran import Moran_Local  # noqa: PLC0415 - slow to import, and warns
    from libpysal.graph import Graph  # noqa: PLC0415 - as esda

    weights = weights_of(kind, binary)
    coo = sparse.csr_array(weights).tocoo()
    coo.sum_duplicates()
    graph = Graph.from_arrays(coo.row, coo.col, coo.data.astype(float))
    theirs = Moran_Local(smooth, graph, transformation="o", permutations=0)
    ours = local_moran(smooth, weights, permutations=0)
    np.testing.assert_allclose(ours.i, theirs.Is, rtol=1e-11, atol=1e-12)
    np.testing.assert_array_equal(ours.quadrant, theirs.q)
    assert np.isnan(ours.p).all()


@pytest.mark.parametrize("function", [gi_star, local_moran])
def test_values_may_be_of_any_kind_and_are_never_changed(function):
    numbers = [3, 1, 4, 1, 5, None, 2]
    floats = np.array([3, 1, 4, 1, 5, np.nan, 2])
    expected = function(floats, SMALL, permutations=9)
    masked = np.ma.array([3, 1, 4, 1, 5, 99, 2], mask=[0, 0, 0, 0, 0, 1, 0])
    wide = np.zeros((7, 3))
    wide[:, 1] = floats
    for values in (
        numbers,
        tuple(numbers),
        floats.astype(np.float32),
        wide[:, 1],
        floats[::-1][::-1],
        masked,
        pd.Series(numbers, index=range(70, 77)),
        pd.Series(numbers, dtype="Int64"),
        pl.Series(numbers),
        np.array(numbers, dtype=object),
    ):
        before = copy.deepcopy(values)
        found = function(values, SMALL, permutations=9)
        for name, array in vars(expected).items():
            np.testing.assert_array_equal(getattr(found, name), array)
        assert str(values) == str(before)
    assert masked.mask.tolist() == [False] * 5 + [True, False]


def test_two_cells_have_nothing_to_compare_with():
    pair = linked(2, [(0, 1)])
    for permutations in (0, 9):
        assert nothing(gi_star([1, 5], pair, permutations=permutations))
    moran = local_moran([1, 5], pair, permutations=9)
    np.testing.assert_array_equal(moran.i, [-0.5, -0.5])
    np.testing.assert_array_equal(moran.quadrant, [2, 4])
    np.testing.assert_array_equal(moran.p, [1, 1])


def test_row_standardised_and_binary_neighbours_give_the_same_gi_star(smooth, binary):
    row, plain = (gi_star(smooth, w, permutations=99) for w in (standardised(binary), binary))
    np.testing.assert_allclose(row.z, plain.z, rtol=1e-12)
    np.testing.assert_array_equal(row.p, plain.p)


def test_p_values_are_uniform_without_a_pattern(binary):
    values = np.random.default_rng(11).normal(size=binary.shape[0])
    for p in (gi_star(values, binary, permutations=999).p, gi_star(values, binary).p):
        assert np.mean(p < 0.05) == pytest.approx(0.05, abs=0.03)
        assert np.mean(p) == pytest.approx(0.5, abs=0.06)


def test_bins_follow_from_the_false_discovery_rate(smooth, binary):
    result = gi_star(smooth, binary)
    expected = np.zeros(len(smooth))
    for alpha in (0.1, 0.05, 0.01):
        expected += benjamini_hochberg(result.p, alpha)
    np.testing.assert_array_equal(result.bins, np.sign(result.z) * expected)
    assert {-1.0, 0.0, 3.0} <= set(result.bins)
    np.testing.assert_allclose(result.p, 2 * special.ndtr(-np.abs(result.z)))


def test_a_hill_is_hot_and_a_hollow_is_cold(cells, binary):
    values = np.random.default_rng(0).normal(10, 1, len(cells))
    hill, hollow = (set(h3.grid_disk(cells[i], 2)) for i in (60, 460))
    values[[cell in hill for cell in cells]] += 6
    values[[cell in hollow for cell in cells]] -= 6
    for permutations in (0, 4999):
        bins = gi_star(values, binary, permutations=permutations).bins
        assert bins[60] == 3
        assert bins[460] == -3
        assert np.mean(bins == 0) > 0.7


def test_a_high_cell_among_unusually_low_ones_is_neither_hot_nor_cold(cells, binary):
    rng = np.random.default_rng(5)
    values = rng.normal(0, 1, len(cells))
    centre = cells.index(h3.latlng_to_cell(44.43, 84.69, 8))
    values[binary[[centre]].indices] = -6
    values[centre] = 60
    result = gi_star(values, binary, permutations=9999)
    assert result.z[centre] > 2
    assert result.p[centre] < 0.01
    assert result.bins[centre] == 0
    moran = local_moran(values, binary)
    assert moran.quadrant[centre] == 4
    assert moran.i[centre] < 0
    assert moran.p[centre] < 0.01


def nothing(result):
    return all(np.isnan(array).all() for array in vars(result).values())


@pytest.mark.parametrize("permutations", [0, 99])
def test_constants_one_cell_and_no_cell_give_no_data(permutations):
    for values, weights in (
        (np.full(7, 0.1), SMALL),
        (np.array([0.1 + 0.2, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3]), SMALL),
        (np.zeros(7), SMALL),
        (np.full(7, np.nan), SMALL),
        (np.array([np.nan, np.nan, 1, np.nan, np.nan, np.nan, np.nan]), SMALL),
        ([4], sparse.csr_array((1, 1))),
        ([], sparse.csr_array((0, 0))),
        ([1, 2, 3], sparse.csr_array((3, 3))),
    ):
        assert nothing(gi_star(values, weights, permutations=permutations))
        moran = local_moran(values, weights, permutations=permutations)
        assert nothing(moran)
        assert moran.i.shape == (len(values),)


def test_neighbours_that_are_all_other_cells_leave_nothing_to_compare():
    weights = linked(4, list(itertools.combinations(range(4), 2)))
    assert nothing(gi_star([1, 2, 3, 9], weights, permutations=99))
    np.testing.assert_array_equal(local_moran([1, 2, 3, 9], weights).p, np.ones(4))


def test_islands_have_no_statistic_but_take_part_in_the_mean():
    weights = sparse.csr_array(sparse.block_diag([SMALL, sparse.csr_array((1, 1))]))
    values = np.array([1.0, 5, 2, 9, 4, 0, 7, 100])
    star, moran = gi_star(values, weights, permutations=99), local_moran(values, weights)
    for array in (star.z, star.p, star.bins, moran.i, moran.p, moran.quadrant):
        assert np.isnan(array[7])
        assert np.isfinite(array[:7]).all()
    sums = (SMALL @ values[:7]) + values[:7]
    size = SMALL.sum(axis=1) + 1
    expected = (sums - size * values.mean()) / (values.std() * np.sqrt((8 * size - size**2) / 7))
    np.testing.assert_allclose(star.z[:7], expected)


@pytest.mark.parametrize("gap", [np.nan, np.inf, -np.inf, None])
def test_cells_without_data_are_as_if_they_were_not_there(smooth, binary, gap):
    values = smooth.astype(object)
    gone = np.random.default_rng(2).random(len(values)) < 0.3
    values[gone] = gap
    kept = np.flatnonzero(~gone)
    part = binary[kept][:, kept]
    for function in (gi_star, local_moran):
        whole = function(values.astype(float), binary, permutations=99, seed=4)
        alone = function(smooth[kept], part, permutations=99, seed=4)
        for name, array in vars(alone).items():
            np.testing.assert_array_equal(getattr(whole, name)[kept], array)
            assert np.isnan(getattr(whole, name)[gone]).all()


def test_a_pentagon_has_five_neighbours():
    pentagon = h3.get_pentagons(3)[0]
    cells = sorted(h3.grid_disk(pentagon, 4))
    weights = adjacency(cells)
    place = cells.index(pentagon)
    assert weights[[place]].nnz == 5
    values = np.arange(len(cells)) % 5
    values[[cells.index(cell) for cell in h3.grid_disk(pentagon, 1)]] = 9
    result = gi_star(values, weights, permutations=999)
    total, n, size = 54.0, len(cells), 6
    z = (total - size * values.mean()) / (values.std() * math.sqrt((n * size - size**2) / (n - 1)))
    assert result.z[place] == pytest.approx(z)
    assert result.p[place] <= 0.01


def test_equal_seeds_give_equal_results(smooth, binary):
    one, same, other = (gi_star(smooth, binary, permutations=199, seed=s).p for s in (5, 5, 6))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


@settings(max_examples=40, deadline=None)
@given(
    values=st.lists(st.integers(-50, 50), min_size=7, max_size=7),
    factor=st.floats(0.01, 1000),
    shift=st.floats(-1000, 1000),
    order=st.permutations(range(7)),
)
def test_invariances(values, factor, shift, order):
    values = np.array(values, dtype=float)
    values[0] = np.nan if values[0] > 45 else values[0]
    before = values.copy(), SMALL.copy()
    star, moran = gi_star(values, SMALL, permutations=19), local_moran(values, SMALL)
    np.testing.assert_array_equal(values, before[0])
    np.testing.assert_array_equal(SMALL.toarray(), before[1].toarray())

    moved = gi_star(values * factor + shift, SMALL)
    np.testing.assert_allclose(moved.z, star.z, rtol=1e-6, atol=1e-6)

    order = np.array(order)
    shuffled = SMALL[order][:, order]
    np.testing.assert_allclose(gi_star(values[order], shuffled).z, star.z[order], atol=1e-9)
    turned = local_moran(values[order], shuffled)
    np.testing.assert_allclose(turned.i, moran.i[order], atol=1e-9)
    np.testing.assert_array_equal(turned.quadrant, moran.quadrant[order])
    tested = star.p[np.isfinite(star.p)]
    assert ((tested > 0) & (tested <= 1)).all()


def test_read_only_and_integer_input_is_left_alone():
    values = np.array([3, 1, 4, 1, 5, 9, 2])
    weights = SMALL.astype(np.int32)
    for array in (values, weights.data, weights.indices, weights.indptr):
        array.flags.writeable = False
    assert np.isfinite(gi_star(values, weights, permutations=9).z).all()
    assert np.isfinite(local_moran(values, weights, permutations=9).i).all()


def test_huge_and_tiny_values_neither_overflow_nor_vanish():
    values = np.array([3.0, 1, 4, 1, 5, 9, 2])
    expected = gi_star(values, SMALL).z
    for factor in (1e300, 1e-300):
        np.testing.assert_allclose(gi_star(values * factor, SMALL).z, expected)


@pytest.mark.parametrize(
    ("values", "weights", "message"),
    [
        (np.ones((7, 1)), SMALL, r"values: one-dimensional .* \(7, 1\)"),
        (np.arange(6), SMALL, r"neighbours: shape \(6, 6\) expected .* \(7, 7\)"),
        (["a"] * 7, SMALL, "values: numbers expected"),
        (np.arange(7), SMALL.toarray(), "csr_array expected, not ndarray"),
        (np.arange(7), SMALL + sparse.eye_array(7), "cell 0 is linked to itself"),
        (np.arange(7), SMALL * np.nan, "finite weights expected"),
        (np.arange(7), SMALL * 1j, "neighbours: numbers expected, not complex128"),
        (["1"] * 7, SMALL, "values: numbers expected, not <U1"),
        (np.arange(7) * 1j, SMALL, "values: numbers expected, not complex128"),
        (np.arange(7).astype("datetime64[D]"), SMALL, r"values: numbers expected, not datetime64"),
    ],
)
def test_wrong_input_is_named(values, weights, message):
    for function in (gi_star, local_moran):
        with pytest.raises(InvalidInputError, match=message):
            function(values, weights)


def test_wrong_parameters_are_named():
    for permutations in (-1, 1.5, True):
        with pytest.raises(InvalidInputError, match="permutations: a whole number"):
            gi_star(np.arange(7), SMALL, permutations=permutations)
    with pytest.raises(InvalidInputError, match="seed: a whole number"):
        gi_star(np.arange(7), SMALL, permutations=9, seed=-1)


def test_benjamini_hochberg_by_hand():
    # the 15 p-values of Benjamini and Hochberg's own example (1995, section 3): four rejected
    p = [
        *(0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344),
        *(0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0),
    ]
    assert benjamini_hochberg(p, 0.05).tolist() == [True] * 4 + [False] * 11
    # a later p-value that passes takes the earlier ones with it
    assert benjamini_hochberg([0.04, 0.03, 0.045], 0.05).all()
    assert not benjamini_hochberg([0.06, 0.5], 0.05).any()
    # "no data" is not counted: with three tests 0.02 would fail at this rate
    assert benjamini_hochberg([np.nan, 0.02, 0.04], 0.04).tolist() == [False, True, True]
    assert benjamini_hochberg([], 0.05).shape == (0,)
    assert not benjamini_hochberg([np.nan, np.nan], 0.05).any()
    assert benjamini_hochberg([[0.001, 0.9]], 0.05).tolist() == [[True, False]]
    for wrong in ([1.5], [-0.1], ["a"]):
        with pytest.raises(InvalidInputError, match="p: numbers"):
            benjamini_hochberg(wrong, 0.05)
    for alpha in (5, -0.1, np.nan):
        with pytest.raises(InvalidInputError, match="alpha"):
            benjamini_hochberg([0.5], alpha)
    # a rate of 0 rejects only what is impossible, a rate of 1 everything; ties stand together
    assert benjamini_hochberg([0.0, 1e-300, 1.0], 0).tolist() == [True, False, False]
    assert benjamini_hochberg([1.0, 0.3, np.nan], 1).tolist() == [True, True, False]
    assert benjamini_hochberg([0.02, 0.5, 0.02, 0.02], 0.03).tolist() == [True, False, True, True]
    assert not benjamini_hochberg([0.03, 0.5, 0.03, 0.03], 0.03).any()
    for alpha in ("0.1", "0.05", "0.01"):
        for n, rank in itertools.combinations(range(40, 0, -1), 2):
            # all of so many are at their common limit, which binary fractions may miss
            p = [float(Fraction(alpha) * rank / n)] * rank + [1.0] * (n - rank)
            assert benjamini_hochberg(p, float(alpha)).sum() == rank


@settings(max_examples=50, deadline=None)
@given(p=st.lists(st.floats(0, 1), min_size=1, max_size=30), alpha=st.floats(0.01, 0.5))
def test_benjamini_hochberg_equals_adjusted_p_values(p, alpha):
    from scipy.stats import false_discovery_control  # noqa: PLC0415 - the reference only

    adjusted = false_discovery_control(p, method="bh")
    clear = np.abs(adjusted - alpha) > 1e-12
    np.testing.assert_array_equal(benjamini_hochberg(p, alpha)[clear], (adjusted <= alpha)[clear])


@pytest.mark.filterwarnings("ignore")
def test_empirical_bayes_equals_esda():
    smoothing = pytest.importorskip("esda.smoothing")
    rng = np.random.default_rng(1)
    population = rng.integers(1, 200, 300)
    events = rng.poisson(population * rng.gamma(2, 0.05, 300))
    np.testing.assert_allclose(
        empirical_bayes(events, population),
        smoothing.Empirical_Bayes(events, population).r.ravel(),
        rtol=1e-12,
        atol=1e-12,
    )
    mean, variance = marshall_prior(events, population)
    assert mean == events.sum() / population.sum()
    assert variance == pytest.approx(0.005, rel=0.5)


def test_empirical_bayes_shrinks_the_small_more():
    events, population = np.array([3, 300, 0, 10, 50]), np.array([10, 1000, 5, 100, 400])
    rates, crude = empirical_bayes(events, population), crude_rates(events, population)
    mean = events.sum() / population.sum()
    assert mean < rates[0] < crude[0]
    assert rates[0] < rates[1] < crude[1]
    assert 0 < rates[2] < mean


def test_rates_without_denominator_are_no_data():
    events, population = [1, 0, 5, np.nan, 2], [0, 0, 50, 10, 4]
    assert np.isnan(empirical_bayes(events, population)).tolist() == [
        True,
        True,
        False,
        True,
        False,
    ]
    few = empirical_bayes(events, population, minimum=5)
    assert np.isnan(few).tolist() == [True, True, False, True, True]
    # the cell below the minimum still speaks for the mean
    assert few[2] == empirical_bayes(events, population)[2]
    np.testing.assert_array_equal(
        crude_rates(events, population, minimum=5), [np.nan, np.nan, 0.1, np.nan, np.nan]
    )
    assert np.isnan(empirical_bayes([0, 0], [0, 0])).all()
    assert np.isnan(marshall_prior([0], [0])).all()
    assert empirical_bayes([], []).shape == (0,)
    assert empirical_bayes([3], [12]).tolist() == [0.25]


def test_differences_that_chance_explains_are_shrunk_away():
    np.testing.assert_array_equal(empirical_bayes([1, 1, 1], [10, 10, 10]), [0.1, 0.1, 0.1])
    np.testing.assert_array_equal(empirical_bayes([0, 0, 0], [10, 20, 30]), [0, 0, 0])
    # less spread than Poisson noise: the variance of the rates is 0, never negative
    assert marshall_prior([4, 5, 6], [50, 50, 50])[1] == 0
    np.testing.assert_allclose(empirical_bayes([4, 5, 6], [50, 50, 50]), 0.1)


@pytest.mark.parametrize(
    ("events", "population", "message"),
    [
        ([1, -1], [5, 5], r"events\[1\]"),
        ([1, 1], [5, -5], r"population\[1\]"),
        ([1, 1], [5, np.inf], r"population\[1\]"),
        ([1, 1, 1], [5, 5], "events: 2 values expected"),
    ],
)
def test_impossible_rates_are_named(events, population, message):
    for function in (empirical_bayes, marshall_prior, crude_rates):
        with pytest.raises(InvalidInputError, match=message):
            function(events, population)
    with pytest.raises(InvalidInputError, match="minimum"):
        empirical_bayes([1], [2], minimum=-1)

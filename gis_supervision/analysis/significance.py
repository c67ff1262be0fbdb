"""Significance: conditional permutation, and the false discovery rate."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import sparse

from gis_supervision.analysis.arrays import Floats, Integers, Mask, generator, numbers
from gis_supervision.errors import InvalidInputError

# sets of replicates over which counts are averaged where that is cheap, and the cells drawn then
_SETS: Final = 8
_DRAWN: Final = 250_000
# longer sequences are drawn one by one
_SHORT: Final = 32
# simulated values held at once where every row has weights of its own
_BLOCK: Final = 4_000_000


@dataclass(frozen=True, eq=False)
class Tails:
    """How often chance gave as much, and as little, as was observed.

    Attributes
    ----------
    above
        Replicates in which the neighbours' sum was at least the observed one, shape (n,); the
        mean count, where there were several sets of replicates.
    below
        Replicates in which it was at most the observed one, shape (n,). A tie counts in both.
    replicates
        Number of replicates in a set.
    """

    above: Floats
    below: Floats
    replicates: int

    @property
    def one_sided(self) -> Floats:
        """Pseudo p of the tail in which the observed sum lies, shape (n,)."""
        p: Floats = (np.minimum(self.above, self.below) + 1.0) / (self.replicates + 1.0)
        return p

    @property
    def two_sided(self) -> Floats:
        """Pseudo p of both tails: twice the smaller one, at most 1, shape (n,)."""
        p: Floats = np.minimum(1.0, 2.0 * self.one_sided)
        return p

    @property
    def direction(self) -> Floats:
        """+1 where chance seldom gives as much, -1 where it seldom gives as little, shape (n,)."""
        side: Floats = np.sign(self.below - self.above)
        return side


def conditional_permutation(
    values: Floats, weights: sparse.csr_array, *, permutations: int, seed: int
) -> Tails:
    """Compare each neighbours' sum with sums of other cells drawn at random.

    The null hypothesis is conditional: the value of cell i stays, and its k neighbours are k of
    the other n - 1 cells, drawn without replacement (Anselin 1995, section 3). All cells share
    the replicates. One replicate is a random sequence of cells; a cell takes the first k of it,
    and where it finds itself among them, it takes the (k + 1)-th in its own place. By symmetry
    the cell's draw is then uniform over the sequences of the other cells, so the null is exact
    for every n. Where the weights in a row are equal, the sum depends on k alone: the sums are
    drawn and sorted once for each k, and only the few cells that met themselves are corrected.

    Where sums are cheap, up to eight independent sets of replicates are drawn and their counts
    averaged. That is the p-value of `permutations` replicates, less its own chance: two seeds
    then differ by about a third of what they would.

    Sums closer than rounding can tell apart are ties.

    Parameters
    ----------
    values
        One finite value for each cell, shape (n,).
    weights
        As `arrays.links` returns them, n x n.
    permutations
        Number of replicates in a set, > 0.
    seed
        Seed of the generator.

    Returns
    -------
    Tails
        Counts; for a cell without neighbours they mean nothing.

    References
    ----------
    Anselin, L. (1995). Local indicators of spatial association - LISA. Geographical Analysis
    27(2), 93-115.
    """
    n = len(values)
    above, below = np.zeros(n), np.zeros(n)
    degree = np.diff(weights.indptr).astype(np.intp)
    longest = int(degree.max(initial=0))
    if longest == 0:
        return Tails(above=above, below=below, replicates=permutations)
    even = _even_rows(weights)
    sets = int(np.clip(_DRAWN // (permutations * (longest + 1)), 1, _SETS)) if even.any() else 1
    drawn = _draw(n, longest + 1, rows=sets * permutations, seed=seed)
    if even.any():
        _count_even(values, weights, even, drawn=drawn, above=above, below=below)
        above /= sets
        below /= sets
    if not even.all():
        rows = np.flatnonzero(~even)
        drawn = drawn[:permutations]
        _count_uneven(values, weights, rows, drawn=drawn, above=above, below=below)
    return Tails(above=above, below=below, replicates=permutations)


def benjamini_hochberg(p: npt.ArrayLike, alpha: float) -> Mask:
    """Hypotheses that are rejected while the false discovery rate stays at most `alpha`.

    Parameters
    ----------
    p
        p-values in [0, 1], any shape. NaN is "no test": neither counted nor rejected.
    alpha
        False discovery rate, between 0 and 1.

    Returns
    -------
    ndarray
        True where the hypothesis is rejected, in the shape of `p`.

    Raises
    ------
    InvalidInputError
        If a p-value or `alpha` lies outside [0, 1].

    References
    ----------
    Benjamini, Y. and Hochberg, Y. (1995). Controlling the false discovery rate: a practical and
    powerful approach to multiple testing. Journal of the Royal Statistical Society B 57(1),
    289-300.
    """
    array = numbers("p", p)
    if not 0 <= alpha <= 1:
        raise InvalidInputError("alpha: a number in [0, 1] expected, it is %(alpha)s", alpha=alpha)
    tested = array[~np.isnan(array)]
    if ((tested < 0) | (tested > 1)).any():
        raise InvalidInputError("p: numbers in [0, 1] expected")
    (largest,) = critical_values(tested, [alpha])
    rejected: Mask = np.asarray(array <= largest, dtype=np.bool_)
    return rejected


def critical_values(p: Floats, alphas: Sequence[float]) -> list[float]:
    """Give the largest p-value that Benjamini and Hochberg reject, for each rate.

    Parameters
    ----------
    p
        p-values without NaN, shape (n,).
    alphas
        False discovery rates.

    Returns
    -------
    list of float
        -1 where nothing is rejected.
    """
    ranked = np.sort(p)
    ranks = np.arange(1, len(ranked) + 1)
    values = []
    for alpha in alphas:
        # a p-value that equals its limit passes, also where rounding puts the limit below it
        limits = alpha * ranks / max(1, len(ranked)) * (1 + 4 * np.finfo(float).eps)
        passing = np.flatnonzero(ranked <= limits)
        values.append(float(ranked[passing[-1]]) if passing.size else -1.0)
    return values


def _draw(n: int, length: int, *, rows: int, seed: int) -> Integers:
    """Draw sequences of different cells: shape (rows, length)."""
    random = generator(seed)
    if length > _SHORT:
        chosen = [random.choice(n, size=length, replace=False) for _ in range(rows)]
        return np.array(chosen, dtype=np.intp)
    # the j-th number counts among the n - j cells that are left: step over those taken before it
    drawn = random.integers(0, n - np.arange(length)[:, None], size=(length, rows))
    for j in range(1, length):
        cell = drawn[j]
        for taken in np.sort(drawn[:j], axis=0):
            cell += cell >= taken
    return np.ascontiguousarray(drawn.T, dtype=np.intp)


def _even_rows(weights: sparse.csr_array) -> Mask:
    """Tell which rows have equal weights throughout; rows without links do."""
    even = np.ones(weights.shape[0], dtype=np.bool_)
    data, starts = weights.data, weights.indptr
    differs = np.zeros(len(data), dtype=np.bool_)
    differs[1:] = np.abs(np.diff(data)) > 1e-12 * np.abs(data[1:])
    # the first weight of a row has none before it
    differs[starts[:-1][starts[:-1] < len(data)]] = False
    even[np.searchsorted(starts, np.flatnonzero(differs), "right") - 1] = False
    return even


def _count_even(
    values: Floats,
    weights: sparse.csr_array,
    even: Mask,
    *,
    drawn: Integers,
    above: Floats,
    below: Floats,
) -> None:
    """Fill in the counts of rows with equal weights: they depend on the number of links alone."""
    sample = values[drawn]
    sums = np.cumsum(sample[:, :-1], axis=1)
    degree = np.where(even, np.diff(weights.indptr), 0)
    limit = 16 * np.finfo(float).eps * float(np.abs(values).max()) * drawn.shape[1]
    if np.ptp(weights.data):
        ones = np.ones_like(weights.data)
        pattern = sparse.csr_array((ones, weights.indices, weights.indptr), shape=weights.shape)
        observed = pattern @ values
    else:
        observed = weights @ values / weights.data[0]
    for k in np.flatnonzero(np.bincount(degree)[1:]) + 1:
        rows = np.flatnonzero(degree == k)
        ranked = np.sort(sums[:, k - 1])
        least, most = observed[rows] - limit, observed[rows] + limit
        smaller = np.searchsorted(ranked, least, "left")
        above[rows] = len(ranked) - smaller
        # most cells tie with no replicate, and a second search would find the same place
        tied = ranked[np.minimum(smaller, len(ranked) - 1)] <= most
        smaller[tied] = np.searchsorted(ranked, most[tied], "right")
        below[rows] = smaller
    # cells that met themselves among their first k: count the new sums instead of the old ones
    turn, place = np.nonzero(degree[drawn[:, :-1]] > np.arange(drawn.shape[1] - 1))
    cell = drawn[turn, place]
    old = sums[turn, degree[cell] - 1]
    new = old - values[cell] + sample[turn, degree[cell]]
    least, most = observed[cell] - limit, observed[cell] + limit
    np.add.at(above, cell, (new >= least).astype(np.float64) - (old >= least))
    np.add.at(below, cell, (new <= most).astype(np.float64) - (old <= most))
    # negative weights turn the sum round
    turned = degree > 0
    turned[turned] = weights.data[weights.indptr[:-1][turned]] < 0
    above[turned], below[turned] = below[turned], above[turned]


def _count_uneven(
    values: Floats,
    weights: sparse.csr_array,
    rows: Integers,
    *,
    drawn: Integers,
    above: Floats,
    below: Floats,
) -> None:
    """Fill in the counts of rows whose weights differ, in blocks of rows of equal length."""
    n = len(values)
    sample = values[drawn]
    degree = np.diff(weights.indptr).astype(np.intp)
    observed = weights @ values
    limits = 16 * np.finfo(float).eps * np.abs(values).max() * (abs(weights).sum(axis=1))
    slot = np.full(n, -1, dtype=np.intp)
    step = max(1, _BLOCK // len(drawn))
    for k in np.unique(degree[rows]):
        alike = rows[degree[rows] == k]
        limits[alike] *= k + 1
        for start in range(0, len(alike), step):
            block = alike[start : start + step]
            own = weights.data[weights.indptr[block][:, None] + np.arange(k)]
            sums = own @ sample[:, :k].T
            slot[block] = np.arange(len(block))
            turn, place = np.nonzero(slot[drawn[:, :k]] >= 0)
            cell = drawn[turn, place]
            sums[slot[cell], turn] += own[slot[cell], place] * (sample[turn, k] - values[cell])
            slot[block] = -1
            target, limit = observed[block][:, None], limits[block][:, None]
            above[block] = (sums >= target - limit).sum(axis=1)
            below[block] = (sums <= target + limit).sum(axis=1)

"""Hot and cold spots: Getis-Ord Gi* and local Moran, with chance and many tests accounted for.

A value that is NaN or infinite is "no data": the result for the other cells is the result that
they would have if the cell were not in the input at all.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse, special

from gis_supervision.analysis.arrays import Floats, Integers, links, replicates, vector
from gis_supervision.analysis.rates import empirical_bayes
from gis_supervision.analysis.significance import (
    benjamini_hochberg,
    conditional_permutation,
    critical_values,
)

__all__ = [
    "GiStar",
    "LocalMoran",
    "benjamini_hochberg",
    "empirical_bayes",
    "gi_star",
    "local_moran",
]

# false discovery rates of the bins 1, 2 and 3: 90, 95 and 99 % confidence
BIN_ALPHAS = (0.10, 0.05, 0.01)


@dataclass(frozen=True, eq=False)
class GiStar:
    """Result of `gi_star`; every array has shape (n,) and is NaN where there is no statistic.

    Attributes
    ----------
    z
        Standard score: above 0 where high values gather, below 0 where low ones do.
    p
        Two-sided p-value of the single cell, not corrected for the number of cells.
    bins
        -3, -2, -1 (cold spot at 99, 95, 90 %), 0 (not significant), 1, 2, 3 (hot spot at 90, 95,
        99 %), after Benjamini-Hochberg's correction over all cells.
    """

    z: Floats
    p: Floats
    bins: Floats


@dataclass(frozen=True, eq=False)
class LocalMoran:
    """Result of `local_moran`; every array has shape (n,) and is NaN where there is no statistic.

    Attributes
    ----------
    i
        Local Moran's I: above 0 among similar values, below 0 for an outlier.
    p
        Two-sided pseudo p-value of the single cell, not corrected for the number of cells.
    quadrant
        1 high among high, 2 low among high, 3 low among low, 4 high among low.
    p_one_sided
        Pseudo p-value of the tail in which the statistic lies, as GeoDa and esda give it (their
        `p_sim`): half of `p`, as long as that is below 1.
    """

    i: Floats
    p: Floats
    quadrant: Floats
    p_one_sided: Floats


def gi_star(
    values: npt.ArrayLike,
    neighbours: sparse.csr_array,
    *,
    permutations: int = 0,
    seed: int = 0,
) -> GiStar:
    """Getis-Ord Gi* of every cell.

    Neighbours are binary: every stored weight that is not 0 makes a neighbour, whatever its value
    (so row-standardised and binary weights give the same), and each cell counts among its own.

    The p-value comes from the normal distribution or, with `permutations`, from conditional
    permutation: the cell keeps its value, and its neighbours are drawn from all other cells
    (`significance.conditional_permutation`, which averages over several sets of replicates). It
    is two-sided: twice the smaller tail, a tie counting in both tails. The smallest possible is
    2 / (permutations + 1), which may be too coarse for the correction over many cells.

    Bins follow from p by the false discovery rate. With permutations a cell is a hot spot only if
    both its score and its neighbours are high, and a cold spot only if both are low: a high cell
    among unusually low ones is neither.

    Parameters
    ----------
    values
        One value for each cell, shape (n,); NaN and infinity are "no data". Integers are fine.
    neighbours
        Links, n x n, without self links. Symmetry is not needed.
    permutations
        Number of random replicates; 0 for the analytic p-value.
    seed
        Seed of the replicates: equal seeds give equal results.

    Returns
    -------
    GiStar
        NaN for a cell without data, a cell without neighbours that have data, a cell whose
        neighbours are all other cells, and for all cells if all values are equal.

    Raises
    ------
    InvalidInputError
        If the values are not a one-dimensional array of numbers, or the weights are not a sparse
        n x n matrix of finite numbers without self links.

    References
    ----------
    Ord, J. K. and Getis, A. (1995). Local spatial autocorrelation statistics: distributional
    issues and an application. Geographical Analysis 27(4), 286-306.
    Getis, A. and Ord, J. K. (1992). The analysis of spatial association by use of distance
    statistics. Geographical Analysis 24(3), 189-206.
    """
    array = vector("values", values)
    n = len(array)
    weights = links(neighbours, n)
    permutations = replicates(permutations)
    z, p, bins = (np.full(n, np.nan) for _ in range(3))
    known, data, weights = _with_data(array, weights)
    spread = float((data**2).mean()) if len(data) else 0.0
    linked = np.diff(weights.indptr) > 0
    if spread == 0 or not linked.any():
        return GiStar(z=z, p=p, bins=bins)

    weights.data[:] = 1.0
    m = len(data)
    size = np.diff(weights.indptr) + 1.0
    # with all other cells as neighbours, nothing is left to compare with
    usable = linked & (size < m)
    score = np.full(m, np.nan)
    # data are deviations from the mean, so the expected sum is 0
    room = size * (m - size) / (m - 1)
    score[usable] = (weights @ data + data)[usable] / np.sqrt(spread * room[usable])
    z[known] = score
    if permutations:
        tails = conditional_permutation(data, weights, permutations=permutations, seed=seed)
        chance = np.where(usable, tails.two_sided, np.nan)
        side = np.where(np.sign(score) == tails.direction, np.sign(score), 0.0)
        side[~usable] = np.nan
    else:
        chance = 2.0 * special.ndtr(-np.abs(score))
        side = np.sign(score)
    p[known] = chance
    largest = critical_values(chance[usable], BIN_ALPHAS)
    bins[known] = side * (chance[:, None] <= largest).sum(axis=1)
    return GiStar(z=z, p=p, bins=bins)


def local_moran(
    values: npt.ArrayLike,
    neighbours: sparse.csr_array,
    *,
    permutations: int = 999,
    seed: int = 0,
) -> LocalMoran:
    """Local Moran's I of every cell.

    ``I_i = (n - 1) z_i (W z)_i / sum(z^2)`` with z the deviations from the mean and the weights
    as they are given: pass row-standardised ones for the usual map (standardised among the cells
    that have data). The p-value is two-sided, by conditional permutation as in `gi_star`; a cell
    that equals the mean has I = 0 and p = 1.

    Parameters
    ----------
    values
        One value for each cell, shape (n,); NaN and infinity are "no data".
    neighbours
        Weights, n x n, without self links.
    permutations
        Number of random replicates; with 0 there is no p-value (NaN).
    seed
        Seed of the replicates: equal seeds give equal results.

    Returns
    -------
    LocalMoran
        NaN for a cell without data, a cell without neighbours that have data, and for all cells
        if all values are equal.

    Raises
    ------
    InvalidInputError
        As `gi_star`.

    References
    ----------
    Anselin, L. (1995). Local indicators of spatial association - LISA. Geographical Analysis
    27(2), 93-115.
    """
    array = vector("values", values)
    n = len(array)
    weights = links(neighbours, n)
    permutations = replicates(permutations)
    i, p, quadrant, tail = (np.full(n, np.nan) for _ in range(4))
    known, data, weights = _with_data(array, weights)
    linked = np.diff(weights.indptr) > 0
    squares = float((data**2).sum())
    if squares == 0 or not linked.any():
        return LocalMoran(i=i, p=p, quadrant=quadrant, p_one_sided=tail)

    # a deviation that rounding alone can explain is none
    limit = 16 * np.finfo(float).eps * float(np.abs(data).max())
    deviation = np.where(np.abs(data) <= limit, 0.0, data)
    lag = weights @ deviation
    heaviest = float(np.abs(weights.data).max())
    lag[np.abs(lag) <= limit * heaviest * np.diff(weights.indptr)] = 0.0
    place = known[linked]
    i[place] = ((len(data) - 1) * deviation * lag / squares)[linked]
    high, high_lag = deviation > 0, lag > 0
    quadrant[place] = np.select(
        [high & high_lag, ~high & high_lag, ~high & ~high_lag], [1.0, 2.0, 3.0], default=4.0
    )[linked]
    if permutations:
        tails = conditional_permutation(data, weights, permutations=permutations, seed=seed)
        p[place] = np.where(deviation == 0, 1.0, tails.two_sided)[linked]
        tail[place] = np.where(deviation == 0, 1.0, tails.one_sided)[linked]
    return LocalMoran(i=i, p=p, quadrant=quadrant, p_one_sided=tail)


def _with_data(
    values: Floats, weights: sparse.csr_array
) -> tuple[Integers, Floats, sparse.csr_array]:
    """Leave out the cells without data.

    Returns
    -------
    known
        Indices of the m cells with data.
    data
        Their deviations from the mean, in a unit of their own (no statistic here depends on it);
        all exactly 0 if the values are equal (but for rounding).
    weights
        The links between them, m x m.
    """
    known = np.flatnonzero(np.isfinite(values))
    data = values[known]
    if len(known) < len(values):
        weights = weights[known][:, known]
    largest = float(np.abs(data).max(initial=0.0))
    if largest > 0:
        # a power of two changes no digit, and keeps squares from overflowing
        data = np.ldexp(data, -int(np.frexp(largest)[1]))
    if len(data) and np.ptp(data) <= 4 * np.finfo(float).eps:
        return known, np.zeros(len(data)), weights
    if len(data):
        data = data - data.mean()
        data -= data.mean()
    return known, data, weights

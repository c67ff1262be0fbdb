"""Emerging hot spots: how a cell's Gi* has moved through the steps of a period.

The categories are those of Esri's Emerging Hot Spot Analysis. Where two of its definitions fit,
the order of `PATTERNS` decides, which is the order in which Esri lists them.
"""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

from gis_supervision.analysis.arrays import Floats, Mask, numbers
from gis_supervision.errors import InvalidInputError

PATTERNS: Final = (
    "new",
    "consecutive",
    "intensifying",
    "persistent",
    "diminishing",
    "sporadic",
    "oscillating",
    "historical",
)
NO_PATTERN: Final = "no pattern detected"
NO_DATA: Final = "no data"
CATEGORIES: Final = (
    *(f"{pattern} hot spot" for pattern in PATTERNS),
    *(f"{pattern} cold spot" for pattern in PATTERNS),
    NO_PATTERN,
)

# values that are compared with each other at once
_BLOCK = 1_000_000


class MannKendall(NamedTuple):
    """Result of `mann_kendall`; arrays of shape (rows,), or numbers for a single series.

    Attributes
    ----------
    s
        Pairs that rise minus pairs that fall.
    variance
        Variance of s without a trend, corrected for ties.
    z
        Standard score with continuity correction; above 0 for a rise.
    p
        Two-sided p-value.
    """

    s: Floats
    variance: Floats
    z: Floats
    p: Floats


def mann_kendall(series: npt.ArrayLike) -> MannKendall:
    """Mann-Kendall test for a monotone trend, row by row.

    Parameters
    ----------
    series
        Shape (rows, steps), time running along the last axis, or one series (steps,). NaN is "no
        data" and takes no part.

    Returns
    -------
    MannKendall
        A row whose values are all equal has z = 0 and p = 1; a row without data has NaN.

    Raises
    ------
    InvalidInputError
        If the series are not a one- or two-dimensional array of numbers.

    References
    ----------
    Mann, H. B. (1945). Nonparametric tests against trend. Econometrica 13(3), 245-259.
    Kendall, M. G. (1975). Rank correlation methods, 4th edition. Griffin, London.
    """
    array = numbers("series", series)
    if array.ndim not in {1, 2}:
        raise InvalidInputError(
            "series: shape (rows, steps) expected, it is %(shape)s", shape=array.shape
        )
    rows = np.atleast_2d(array)
    s = np.zeros(len(rows))
    step = max(1, _BLOCK // max(1, rows.shape[1]))
    for start in range(0, len(rows), step):
        # time along the first axis, so that every comparison runs over contiguous rows
        block = np.ascontiguousarray(rows[start : start + step].T)
        for lag in range(1, len(block)):
            earlier, later = block[:-lag], block[lag:]
            s[start : start + step] += np.count_nonzero(later > earlier, axis=0)
            s[start : start + step] -= np.count_nonzero(later < earlier, axis=0)
    known = ~np.isnan(rows)
    n = known.sum(axis=1)
    variance = (n * (n - 1.0) * (2.0 * n + 5.0) - _ties(rows)) / 18.0
    z = np.zeros(len(rows))
    np.divide(s - np.sign(s), np.sqrt(variance), out=z, where=variance > 0)
    p = 2.0 * special.ndtr(-np.abs(z))
    for result in (s, variance, z, p):
        result[n == 0] = np.nan
    if array.ndim == 1:
        return MannKendall(s=s[0], variance=variance[0], z=z[0], p=p[0])
    return MannKendall(s=s, variance=variance, z=z, p=p)


def classify(
    z: npt.ArrayLike, bins: npt.ArrayLike, *, level: int = 1, alpha: float = 0.05
) -> npt.NDArray[np.str_]:
    """Name the pattern of every cell over time.

    A step is hot where its bin is at least `level`, and cold where it is at most -`level`.

    - new: hot in the last step, and never before.
    - consecutive: hot in one unbroken run of at least two steps up to the last, never before it,
      and in less than 90 % of the steps.
    - intensifying, diminishing: hot in at least 90 % of the steps, the last one among them, while
      the scores move away from 0, or towards it, by a significant Mann-Kendall trend.
    - persistent: the same without a significant trend.
    - sporadic: hot in the last step and, on and off, before; in less than 90 % of the steps; cold
      in none.
    - oscillating: hot in the last step, in less than 90 % of the steps; cold in some earlier one.
    - historical: hot in at least 90 % of the steps, but not in the last.

    The same holds for cold, with the signs turned. Where several fit, the first of this list
    counts: a cell that is hot in the last step only is new even if it was cold before, a first
    unbroken run after cold steps is consecutive, and a cell that was hot in nine of ten steps and
    is cold in the last is a new cold spot rather than a historical hot spot.

    Parameters
    ----------
    z
        Gi* of each cell in each step, shape (cells, steps), the last column the latest step.
    bins
        Bins of `hotspots.gi_star` for each step, same shape: -3 to 3, NaN for "no data".
    level
        Smallest bin that counts: 1 for 90 % confidence, 2 for 95 %, 3 for 99 %.
    alpha
        Level of significance of the trend.

    Returns
    -------
    ndarray of str
        One of `CATEGORIES` for each cell, shape (cells,), or ``"no data"`` if the last step has
        no statistic. Earlier steps without a statistic are left out: shares, runs and trends are
        those of the steps that have one.

    Raises
    ------
    InvalidInputError
        If the shapes differ or are not (cells, steps), if a bin is not one of -3 to 3, or if
        `level` or `alpha` is out of range.

    References
    ----------
    Esri. How Emerging Hot Spot Analysis works. ArcGIS Pro tool reference, Space Time Pattern
    Mining toolbox.
    """
    score, signed = numbers("z", z), numbers("bins", bins)
    if signed.ndim != 2:  # noqa: PLR2004 - cells and steps are two axes
        raise InvalidInputError(
            "bins: shape (cells, steps) expected, it is %(shape)s", shape=signed.shape
        )
    if score.shape != signed.shape:
        raise InvalidInputError(
            "z: shape %(shape)s expected as for bins, it is %(score_shape)s",
            shape=signed.shape,
            score_shape=score.shape,
        )
    if not np.isin(signed[~np.isnan(signed)], np.arange(-3, 4)).all():
        raise InvalidInputError("bins: whole numbers from -3 to 3 expected")
    if level not in {1, 2, 3}:
        raise InvalidInputError("level: 1, 2 or 3 expected, it is %(level)r", level=level)
    if not 0 < alpha < 1:
        raise InvalidInputError(
            "alpha: a number between 0 and 1 expected, it is %(alpha)r", alpha=alpha
        )
    cells, steps = signed.shape
    names = np.full(cells, NO_DATA, dtype=f"<U{max(map(len, CATEGORIES))}")
    if steps == 0:
        return names
    missing = np.isnan(signed) | np.isnan(score)
    trend = mann_kendall(np.where(missing, np.nan, score))
    rising = np.where(trend.p < alpha, np.sign(trend.z), 0.0)
    known = ~missing
    hot, cold = known & (signed >= level), known & (signed <= -level)
    names[known[:, -1]] = NO_PATTERN
    hot_fits = _patterns(known, hot, cold, rising)
    cold_fits = _patterns(known, cold, hot, -rising)
    for pattern in PATTERNS:
        names[hot_fits[pattern] & (names == NO_PATTERN)] = f"{pattern} hot spot"
        names[cold_fits[pattern] & (names == NO_PATTERN)] = f"{pattern} cold spot"
    return names


def _patterns(known: Mask, hot: Mask, cold: Mask, growth: Floats) -> dict[str, Mask]:
    """Tell which cells fit which pattern."""
    times = hot.sum(axis=1)
    last = hot[:, -1]
    # whole numbers, so that 9 of 10 steps are 90 %
    mostly = 10 * times >= 9 * known.sum(axis=1)
    # steps of the last unbroken run: those after the latest step that is known and not hot
    interrupted = (known & ~hot)[:, ::-1]
    length = np.where(interrupted.any(axis=1), interrupted.argmax(axis=1), hot.shape[1])
    reached = np.arange(hot.shape[1]) >= (hot.shape[1] - length)[:, None]
    run = (hot & reached).sum(axis=1)
    ever_cold = cold.any(axis=1)
    return {
        "new": last & (times == 1),
        "consecutive": last & ~mostly & (run > 1) & (run == times),
        "intensifying": last & mostly & (growth > 0),
        "persistent": last & mostly & (growth == 0),
        "diminishing": last & mostly & (growth < 0),
        "sporadic": last & ~mostly & ~ever_cold,
        "oscillating": last & ~mostly & ever_cold,
        "historical": ~last & mostly & (times > 0),
    }


def _ties(rows: Floats) -> Floats:
    """Sum of t (t - 1) (2 t + 5) over the groups of t equal values in each row."""
    count, steps = rows.shape
    if rows.size == 0:
        return np.zeros(count)
    ranked = np.sort(rows, axis=1)
    begins = np.ones((count, steps), dtype=np.bool_)
    # NaN equals nothing, itself included, so it ties with nothing
    begins[:, 1:] = ranked[:, 1:] != ranked[:, :-1]
    starts = np.flatnonzero(begins)
    t = np.diff(starts, append=rows.size).astype(np.float64)
    weights = t * (t - 1.0) * (2.0 * t + 5.0)
    return np.bincount(starts // steps, weights=weights, minlength=count).astype(np.float64)

"""Spatial scan statistic: circles that hold more cases than chance explains."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from gis_supervision.analysis.arrays import (
    Floats,
    Integers,
    counts,
    generator,
    numbers,
    replicates,
    vector,
)
from gis_supervision.analysis.windows import (
    FEWEST_CASES,
    TIE,
    circles,
    disjoint,
    distances_from,
    largest_ratios,
)
from gis_supervision.errors import InvalidInputError

Metric = Literal["planar", "great_circle"]

# mean radius of the Earth (IUGG), metres
EARTH_RADIUS_M: Final = 6_371_008.8
# most cases in all: a table holds a number for each
_MOST: Final = 100_000_000


@dataclass(frozen=True, eq=False)
class Cluster:
    """Circle with more cases than expected.

    Attributes
    ----------
    members
        Indices of the areas inside, ascending.
    centre
        Index of the area at the centre.
    radius
        Distance from the centre to the farthest member: in the unit of x and y for the planar
        metric, in metres for the great-circle metric.
    cases
        Observed cases inside.
    expected
        Cases expected inside if the risk were the same everywhere; over all areas the expected
        cases sum up to the observed ones.
    relative_risk
        Observed over expected inside, divided by observed over expected outside; infinite if all
        cases are inside.
    llr
        Logarithm of Kulldorff's likelihood ratio.
    p
        Rank of `llr` among the largest ratios of the replicates; NaN without replicates.
    """

    members: Integers
    centre: int
    radius: float
    cases: int
    expected: float
    relative_risk: float
    llr: float
    p: float


def spatial_scan(
    cases: npt.ArrayLike,
    population: npt.ArrayLike,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    metric: Metric = "planar",
    max_share: float = 0.5,
    permutations: int = 999,
    seed: int = 0,
    expected: npt.ArrayLike | None = None,
) -> list[Cluster]:
    """Kulldorff's Poisson scan for high rates, with circular windows, as SaTScan runs it.

    A window is a circle round an area's point. Areas at equal distance enter together; a window
    holds at most `max_share` of the population and at least two cases. Its p-value is the rank of
    its ratio among the largest ratios of replicates, in which the cases fall on the areas in
    proportion to the expected ones: (replicates with a ratio as large + 1) / (permutations + 1).

    The first cluster is the most likely one. Each further cluster is the most likely window that
    shares no area with those before it, and is ranked among the same largest ratios, which is
    conservative. SaTScan considers one window per centre for these, and so may leave some out.

    Parameters
    ----------
    cases
        Whole number of cases in each area, shape (n,).
    population
        Population (premises, inspections) of each area, shape (n,), >= 0.
    x, y
        Points of the areas, shape (n,): planar coordinates in one unit, such as metres; for the
        great-circle metric x is lng and y is lat, in decimal degrees.
    metric
        ``"planar"`` or ``"great_circle"``.
    max_share
        Largest share of the population in a window, above 0 and at most 1.
    permutations
        Number of Monte Carlo replicates; 0 for clusters without p-values.
    seed
        Seed of the replicates: equal seeds give equal results.
    expected
        Expected cases in each area, for example adjusted for strata by `indirect_expected`. They
        are scaled to the number of observed cases. Without them they are proportional to the
        population.

    Returns
    -------
    list of Cluster
        Most likely first; empty if no window has more cases than expected.

    Raises
    ------
    InvalidInputError
        If lengths differ, a number is missing, negative or (for cases) not whole, an area has
        cases but none are expected, a coordinate is out of range, or a parameter is.

    References
    ----------
    Kulldorff, M. (1997). A spatial scan statistic. Communications in Statistics - Theory and
    Methods 26(6), 1481-1496.
    """
    found, size, means = _checked(cases, population, expected)
    points = _points(x, y, metric=metric, n=len(found))
    if not 0 < max_share <= 1:
        raise InvalidInputError(
            "max_share: a share in (0, 1] expected, it is %(max_share)r", max_share=max_share
        )
    permutations = replicates(permutations)
    random = generator(seed)
    total = int(found.sum())
    if total < FEWEST_CASES:
        return []
    share = means / means.sum()
    windows = circles(points, size, max_share)
    picked = disjoint(windows, found, share, total)
    if not picked:
        return []
    largest = largest_ratios(windows, share, total, random=random, permutations=permutations)
    clusters = []
    for centre, members, llr in picked:
        inside, mean = int(found[members].sum()), float(share[members].sum()) * total
        radius = float(distances_from(points, points[centre])[members].max())
        if metric == "great_circle":
            radius = 2 * EARTH_RADIUS_M * float(np.arcsin(min(1.0, radius / 2)))
        as_large = permutations - int(np.searchsorted(largest, llr - TIE * (1 + llr)))
        clusters.append(
            Cluster(
                members=np.sort(members).astype(np.intp),
                centre=centre,
                radius=radius,
                cases=inside,
                expected=mean,
                relative_risk=_relative_risk(inside, mean, total),
                llr=llr,
                p=(as_large + 1) / (permutations + 1) if permutations else float("nan"),
            )
        )
    return clusters


def prepare() -> None:
    """Compile what the scan needs: seconds where a machine does it for the first time."""
    spatial_scan([2, 0, 0], [1, 1, 1], [0, 1, 2], [0, 0, 0], permutations=1)


def indirect_expected(cases: npt.ArrayLike, population: npt.ArrayLike) -> Floats:
    """Give the expected cases of each area if every stratum had the same rate everywhere.

    Parameters
    ----------
    cases, population
        Cases and population by area and stratum (such as a category of premises), shape
        (n, strata), >= 0.

    Returns
    -------
    ndarray
        Expected cases, shape (n,), to be passed to `spatial_scan`; they sum up to the cases.

    Raises
    ------
    InvalidInputError
        If the shapes differ, a number is negative or not finite, or a stratum has cases but no
        population.
    """
    found, size = numbers("cases", cases), numbers("population", population)
    if found.ndim != 2 or found.shape != size.shape:  # noqa: PLR2004 - areas and strata
        raise InvalidInputError(
            "cases, population: equal shapes (n, strata) expected, they are %(shape)s and "
            "%(size_shape)s",
            shape=found.shape,
            size_shape=size.shape,
        )
    for name, values in (("cases", found), ("population", size)):
        counts(name, values.ravel())
    events, people = found.sum(axis=0), size.sum(axis=0)
    empty = np.flatnonzero((people == 0) & (events > 0))
    if empty.size:
        raise InvalidInputError(
            "population: stratum %(empty)s has cases, but no population", empty=empty[0]
        )
    rate = np.divide(events, people, out=np.zeros(len(events)), where=people > 0)
    expected: Floats = size @ rate
    return expected


def _checked(
    cases: npt.ArrayLike, population: npt.ArrayLike, expected: npt.ArrayLike | None
) -> tuple[npt.NDArray[np.int64], Floats, Floats]:
    """Cases, population and expected cases (in any unit), checked against each other."""
    found = counts("cases", cases)
    size = counts("population", population, length=len(found))
    means = size if expected is None else counts("expected", expected, length=len(found))
    partial = np.flatnonzero(found != np.floor(found))
    if partial.size:
        raise InvalidInputError(
            "cases[%(partial)s]: a whole number expected, it is %(found)s",
            partial=partial[0],
            found=found[partial[0]],
        )
    if found.sum() > _MOST:
        raise InvalidInputError(
            "cases: at most %(most)s expected, there are %(found).0f", most=_MOST, found=found.sum()
        )
    impossible = np.flatnonzero((found > 0) & (means == 0))
    if impossible.size:
        name = "population" if expected is None else "expected"
        raise InvalidInputError(
            "%(name)s[%(impossible)s]: a number > 0 expected, since the area has cases",
            name=name,
            impossible=impossible[0],
        )
    return found.astype(np.int64), size, means


def _points(x: npt.ArrayLike, y: npt.ArrayLike, *, metric: Metric, n: int) -> Floats:
    """Points among which straight distances order areas as the metric does.

    Shape (n, 2), or (n, 3) on the unit sphere: a chord grows with its arc.
    """
    east, north = vector("x", x, length=n), vector("y", y, length=n)
    for name, values in (("x", east), ("y", north)):
        wrong = np.flatnonzero(~np.isfinite(values))
        if wrong.size:
            raise InvalidInputError(
                "%(name)s[%(wrong)s]: a finite coordinate expected", name=name, wrong=wrong[0]
            )
    if metric == "planar":
        return np.column_stack([east, north])
    if metric != "great_circle":
        raise InvalidInputError(
            'metric: "planar" or "great_circle" expected, it is %(metric)r', metric=metric
        )
    for name, values, bound in (("x (lng)", east, 180.0), ("y (lat)", north, 90.0)):
        wrong = np.flatnonzero(np.abs(values) > bound)
        if wrong.size:
            raise InvalidInputError(
                "%(name)s: degrees in [-%(bound).0f, %(bound).0f] expected, area %(wrong)s has "
                "%(values)s",
                name=name,
                bound=bound,
                wrong=wrong[0],
                values=values[wrong[0]],
            )
    lng, lat = np.radians(east), np.radians(north)
    return np.column_stack([np.cos(lat) * np.cos(lng), np.cos(lat) * np.sin(lng), np.sin(lat)])


def _relative_risk(inside: int, expected: float, total: int) -> float:
    """Observed over expected inside, over the same outside."""
    if inside == total:
        return float("inf")
    return (inside / expected) / ((total - inside) / (total - expected))

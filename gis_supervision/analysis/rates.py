"""Rates that can be compared: shrunk towards the mean where the denominator is small."""

import numpy as np
import numpy.typing as npt

from gis_supervision.analysis.arrays import Floats, Mask, counts
from gis_supervision.errors import InvalidInputError


def crude_rates(
    events: npt.ArrayLike, population: npt.ArrayLike, *, minimum: float = 0.0
) -> Floats:
    """Events per unit of population, before any shrinkage.

    Parameters
    ----------
    events
        Events (hazards) per cell, shape (n,), >= 0.
    population
        Premises or inspections per cell, shape (n,), >= 0, in the unit of the rate's denominator.
    minimum
        Smallest population that gives a rate.

    Returns
    -------
    ndarray
        Rates, shape (n,); NaN ("no data") where the population is 0 or below `minimum`,
        or either number is NaN.

    Raises
    ------
    InvalidInputError
        If a value is negative or infinite, or the lengths differ.
    """
    size = counts("population", population, missing=True)
    found = counts("events", events, length=len(size), missing=True)
    known = _known(found, size, minimum)
    rates = np.full(len(size), np.nan)
    np.divide(found, size, out=rates, where=known)
    return rates


def marshall_prior(events: npt.ArrayLike, population: npt.ArrayLike) -> tuple[float, float]:
    """Mean and variance of the true rates, by the method of moments.

    Parameters
    ----------
    events, population
        As for `empirical_bayes`.

    Returns
    -------
    mean, variance
        Overall rate, and how much true rates differ between cells: never below 0 (then chance
        alone explains the differences). NaN for both when no cell has a population.

    Raises
    ------
    InvalidInputError
        As `empirical_bayes`.

    References
    ----------
    Marshall, R. J. (1991). Mapping disease and mortality rates using empirical Bayes estimators.
    Applied Statistics 40(2), 283-294.
    """
    size = counts("population", population, missing=True)
    found = counts("events", events, length=len(size), missing=True)
    observed = _known(found, size, 0.0)
    if not observed.any():
        return float("nan"), float("nan")
    found, size = found[observed], size[observed]
    total = float(size.sum())
    mean = float(found.sum()) / total
    spread = float((size * (found / size - mean) ** 2).sum()) / total
    return mean, max(0.0, spread - mean / float(size.mean()))


def empirical_bayes(
    events: npt.ArrayLike, population: npt.ArrayLike, *, minimum: float = 0.0
) -> Floats:
    """Rates shrunk towards the overall rate, the more the smaller the population.

    Marshall's global estimator: ``w r + (1 - w) m`` with ``w = v / (v + m / population)``, where
    m and v are `marshall_prior`. A cell without population has no rate and takes no part in m
    and v; cells below `minimum` take part, but get no rate.

    Parameters
    ----------
    events
        Events (hazards) per cell, shape (n,), >= 0. They may exceed the population.
    population
        Premises or inspections per cell, shape (n,), >= 0.
    minimum
        Smallest population that gives a rate.

    Returns
    -------
    ndarray
        Rates in events per unit of population, shape (n,); NaN ("no data") where the population
        is 0 or below `minimum`, or either number is NaN.

    Raises
    ------
    InvalidInputError
        If a value is negative or infinite, or the lengths differ.

    References
    ----------
    Marshall, R. J. (1991). Mapping disease and mortality rates using empirical Bayes estimators.
    Applied Statistics 40(2), 283-294.
    """
    size = counts("population", population, missing=True)
    found = counts("events", events, length=len(size), missing=True)
    known = _known(found, size, minimum)
    mean, variance = marshall_prior(found, size)
    rates = np.full(len(size), np.nan)
    if variance > 0:
        crude = found[known] / size[known]
        weight = variance / (variance + mean / size[known])
        rates[known] = weight * crude + (1.0 - weight) * mean
    else:
        rates[known] = mean
    return rates


def _known(events: Floats, population: Floats, minimum: float) -> Mask:
    """Tell which cells have enough population for a rate."""
    if not minimum >= 0:
        raise InvalidInputError(
            "minimum: a number >= 0 expected, it is %(minimum)s", minimum=minimum
        )
    known: Mask = (population > 0) & (population >= minimum) & ~np.isnan(events)
    return known

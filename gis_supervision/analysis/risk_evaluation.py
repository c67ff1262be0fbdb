"""How good an order of visits is: the measures of the published evaluation, and some that it lacks.

The published evaluation (City of Chicago, ``food-inspections-evaluation``, MIT licence) takes the
inspections of two months as they were made, gives the days of the period to the same inspections in
the order of their score, and asks how many days earlier each critical violation would have been
found. No inspection is added, and every day keeps its number of inspections.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import rankdata

from gis_supervision.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from gis_supervision.analysis.arrays import Floats, Mask
    from gis_supervision.analysis.timelines import Whole

RESAMPLES = 1000
CLASSES = 10
"""Of the reliability table."""


@dataclass(frozen=True)
class Interval:
    """A number with the 2.5 % and 97.5 % points of its resamples, None where none can be told."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Reliability:
    """One class of the reliability table: what was predicted and what was found."""

    visits: int
    predicted: float
    observed: float


@dataclass(frozen=True)
class Share:
    """What an order does to one district or category.

    Attributes
    ----------
    name
        Of the district or category.
    visits, critical
        In the period.
    first_half
        Share of its visits that the order puts into the first half.
    critical_first_half
        Share of its visits with a critical hazard that are in the first half of the order.
    share_of_visits, share_of_critical, share_of_first_half
        Its shares of all visits, of all with a critical hazard, of the first half's places.
    days_earlier
        Mean of its visits with a critical hazard; None where there is none.
    earlier, later, same
        How many of those are found earlier, later, on the same day.
    """

    name: str
    visits: int
    critical: int
    first_half: float
    critical_first_half: float | None
    share_of_visits: float
    share_of_critical: float
    share_of_first_half: float
    days_earlier: float | None
    earlier: int
    later: int
    same: int


@dataclass(frozen=True)
class Measures:
    """How good an order is; shares and days are of visits with a critical hazard.

    Attributes
    ----------
    visits, critical
        In the period.
    days_earlier
        Mean days that they are found earlier than they were, with its interval.
    found_in_first_half
        Share of them in the first half of the order; ``found_in_first_half_as_made`` as the visits
        were made.
    earlier, later, same
        How many are found earlier, later, on the same day; the most days by which one is earlier.
    auc
        Area under the curve of the score.
    brier, brier_of_the_mean
        Mean squared error of the probabilities, and of the share of the past for all.
    reliability
        Classes of equal size by probability.
    """

    visits: int
    critical: int
    days_earlier: Interval
    found_in_first_half: Interval
    found_in_first_half_as_made: float
    earlier: int
    later: int
    same: int
    largest_gain_days: int
    auc: Interval
    brier: float
    brier_of_the_mean: float
    reliability: tuple[Reliability, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON takes it."""
        return asdict(self)


def reordered(days: Whole, scores: npt.ArrayLike) -> Whole:
    """Give the days of visits to the same visits in the order of their score.

    Parameters
    ----------
    days
        On which the visits were made, shape (visits,).
    scores
        Higher is visited earlier; equal scores keep the order of the rows.

    Returns
    -------
    ndarray
        The day on which each visit would have been made.
    """
    order = np.argsort(-np.asarray(scores, dtype=np.float64), kind="stable")
    moved = np.empty_like(days)
    moved[order] = np.sort(days)
    return moved


def days_earlier(days: Whole, scores: npt.ArrayLike, critical: Mask) -> float:
    """Return the mean days by which critical hazards are found earlier; NaN where there is none."""
    gains = (days - reordered(days, scores))[critical]
    return float(gains.mean()) if gains.size else float("nan")


def first_half(scores: npt.ArrayLike) -> Mask:
    """Tell which visits are in the first half of the order; of an odd number, not the middle."""
    values = np.asarray(scores, dtype=np.float64)
    rank = np.empty(values.size, dtype=np.int64)
    rank[np.argsort(-values, kind="stable")] = np.arange(values.size)
    return np.asarray(rank < values.size // 2)


def resampled(
    days: Whole, scores: Sequence[Floats], critical: Mask, *, seed: int, resamples: int = RESAMPLES
) -> Floats:
    """Measure orders of the same visits again and again on visits drawn with replacement.

    Parameters
    ----------
    days, critical
        Of the visits.
    scores
        Of each order; all are measured on the same draws, so differences are paired.
    seed
        Of the draws.
    resamples
        Number of draws.

    Returns
    -------
    ndarray
        Shape (resamples, orders, 3): days earlier, share found in the first half, AUC.
    """
    generator = np.random.default_rng(seed)
    out = np.full((resamples, len(scores), 3), np.nan)
    for draw in range(resamples):
        rows = generator.integers(0, days.size, days.size)
        hit = critical[rows]
        if hit.all() or not hit.any():
            continue
        for order, score in enumerate(scores):
            drawn = score[rows]
            out[draw, order, 0] = days_earlier(days[rows], drawn, hit)
            out[draw, order, 1] = first_half(drawn)[hit].mean()
            out[draw, order, 2] = auc(drawn, hit)
    return out


def random_days(days: Whole, critical: Mask, *, seed: int, orders: int = RESAMPLES) -> Floats:
    """Return the days earlier of orders by lot: what an order without any knowledge gives."""
    generator = np.random.default_rng(seed)
    sorted_days = np.sort(days)
    total = float(days[critical].mean())
    hits = int(critical.sum())
    return np.array(
        [
            total - sorted_days[generator.choice(days.size, hits, replace=False)].mean()
            for _ in range(orders)
        ]
    )


def interval(value: float, draws: Floats) -> Interval:
    """Put the 2.5 % and 97.5 % points of draws beside a value."""
    known = draws[~np.isnan(draws)]
    if not known.size:
        return Interval(value, None, None)
    low, high = np.percentile(known, [2.5, 97.5])
    return Interval(value, float(low), float(high))


def measures(
    days: Whole,
    probability: Floats,
    critical: Mask,
    *,
    past_share: float,
    draws: Floats,
) -> Measures:
    """Measure an order of visits by probability.

    Parameters
    ----------
    days
        On which the visits were made.
    probability
        Of a critical hazard.
    critical
        Whether one was found.
    past_share
        Share of visits with a critical hazard before the period.
    draws
        Of this order, from `resampled`, shape (resamples, 3).

    Returns
    -------
    Measures

    Raises
    ------
    InvalidInputError
        When no visit, or every visit, found a critical hazard.
    """
    if critical.all() or not critical.any():
        raise InvalidInputError(
            "%(critical)s of %(size)s visits of the period found a critical hazard: an order can "
            "be judged only where some did and some did not",
            critical=int(critical.sum()),
            size=critical.size,
        )
    gains = (days - reordered(days, probability))[critical]
    early = first_half(probability)
    as_made = first_half(-days.astype(np.float64))
    return Measures(
        visits=days.size,
        critical=int(critical.sum()),
        days_earlier=interval(float(gains.mean()), draws[:, 0]),
        found_in_first_half=interval(float(early[critical].mean()), draws[:, 1]),
        found_in_first_half_as_made=float(as_made[critical].mean()),
        earlier=int((gains > 0).sum()),
        later=int((gains < 0).sum()),
        same=int((gains == 0).sum()),
        largest_gain_days=int(gains.max()),
        auc=interval(auc(probability, critical), draws[:, 2]),
        brier=float(np.mean((probability - critical) ** 2)),
        brier_of_the_mean=float(np.mean((past_share - critical) ** 2)),
        reliability=reliability(probability, critical),
    )


def reliability(
    probability: Floats, critical: Mask, *, classes: int = CLASSES
) -> tuple[Reliability, ...]:
    """Compare predicted with observed shares in classes of equal size.

    Parameters
    ----------
    probability
        Predicted.
    critical
        Observed.
    classes
        Number of classes; never more than visits.

    Returns
    -------
    tuple of Reliability
        From the lowest to the highest probability.
    """
    order = np.argsort(probability, kind="stable")
    parts = np.array_split(order, min(classes, max(order.size, 1)))
    return tuple(
        Reliability(part.size, float(probability[part].mean()), float(critical[part].mean()))
        for part in parts
        if part.size
    )


def shares(
    names: Sequence[str], days: Whole, scores: npt.ArrayLike, critical: Mask
) -> tuple[Share, ...]:
    """Tell what an order does to districts or categories.

    Parameters
    ----------
    names
        District or category of each visit.
    days, scores, critical
        As for `days_earlier`.

    Returns
    -------
    tuple of Share
        Those with most visits first.
    """
    early = first_half(scores)
    gains = days - reordered(days, scores)
    labels = np.asarray(names)
    every = max(int(critical.sum()), 1)
    made = []
    for name in sorted(set(names)):
        member = labels == name
        hit = member & critical
        hits = int(hit.sum())
        made.append(
            Share(
                name=name,
                visits=int(member.sum()),
                critical=hits,
                first_half=float(early[member].mean()),
                critical_first_half=float(early[hit].mean()) if hits else None,
                share_of_visits=float(member.mean()),
                share_of_critical=hits / every,
                share_of_first_half=float(early[member].sum() / max(int(early.sum()), 1)),
                days_earlier=float(gains[hit].mean()) if hits else None,
                earlier=int((gains[hit] > 0).sum()),
                later=int((gains[hit] < 0).sum()),
                same=int((gains[hit] == 0).sum()),
            )
        )
    return tuple(sorted(made, key=lambda share: (-share.visits, share.name)))


def auc(scores: Floats, critical: Mask) -> float:
    """Return the chance that a visit with a critical hazard has the higher score; ties are half."""
    hits = int(critical.sum())
    ranks = float(rankdata(scores)[critical].sum())
    return (ranks - hits * (hits + 1) / 2) / (hits * (critical.size - hits))

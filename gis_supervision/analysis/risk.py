"""The order of risk: how likely a critical hazard is at the next visit, judged on later months.

The model is a logistic regression with a ridge penalty (or gradient boosting, to compare) of the
features of `gis_supervision.analysis.risk_features`, fitted to visits before a day. Where
inspectors (or groups of them) differ, each has an effect of its own in fitting, which ranking
replaces by the mean of all: no premises is ranked by who inspects it. Season and trend are treated
the same way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from gis_supervision.analysis.risk_features import HELD
from gis_supervision.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from gis_supervision.analysis.arrays import Floats, Mask
    from gis_supervision.analysis.risk_features import Features

LOGISTIC, BOOSTING = "logistic", "boosting"
LEAST_OUTCOMES = 20
"""Visits with, and visits without, a critical hazard that a model needs at least."""


@dataclass(frozen=True)
class Candidate:
    """A model that may be chosen.

    Attributes
    ----------
    kind
        ``"logistic"`` or ``"boosting"``.
    strength
        Of the logistic regression: inverse of the ridge penalty on standardised features. Of
        boosting: the number of trees.
    """

    kind: str = LOGISTIC
    strength: float = 0.01

    def description(self) -> str:
        """Return kind and strength as one text."""
        return f"{self.kind} {self.strength:g}"


@dataclass(frozen=True)
class RiskModel:
    """A fitted model.

    Attributes
    ----------
    candidate
        What was fitted.
    names
        Features, in order.
    means, scales
        By which they are standardised; a feature that never varies has scale 1.
    coefficients, intercept
        Of the standardised features; empty and 0 for boosting.
    groups, group_effects, group_shares
        Inspector groups, their effects in log odds against their mean, their shares of the visits.
    visits, critical
        What it was fitted to.
    trees
        The boosted trees; None for the logistic regression.
    """

    candidate: Candidate
    names: tuple[str, ...]
    means: Floats
    scales: Floats
    coefficients: Floats
    intercept: float
    groups: tuple[str, ...]
    group_effects: Floats
    group_shares: Floats
    visits: int
    critical: int
    trees: Any = None


def fit(
    data: Features,
    critical: npt.ArrayLike,
    groups: Sequence[str | None],
    *,
    candidate: Candidate | None = None,
    seed: int = 0,
) -> RiskModel:
    """Fit the probability of a critical hazard at a visit.

    Parameters
    ----------
    data
        Features of past visits, each as it was known before the visit.
    critical
        Whether the visit found a critical hazard, shape (visits,).
    groups
        Who inspected; None is "not recorded", a group of its own. With one group only there is no
        effect to estimate.
    candidate
        The model; left out: the logistic regression.
    seed
        Of the boosted trees; the logistic regression has no chance in it.

    Returns
    -------
    RiskModel
        The same to the last digit for the same arguments.

    Raises
    ------
    InvalidInputError
        When there are fewer than 20 visits with, or without, a critical hazard.
    """
    chosen = candidate or Candidate()
    found = np.asarray(critical, dtype=bool)
    hits = int(found.sum())
    if min(hits, found.size - hits) < LEAST_OUTCOMES:
        raise InvalidInputError(
            "the past has %(hits)s visits with a critical hazard and %(size)s without: expected at "
            "least %(least_outcomes)s of each to fit an order of risk",
            hits=hits,
            size=found.size - hits,
            least_outcomes=LEAST_OUTCOMES,
        )
    means = data.values.mean(axis=0)
    spread = data.values.std(axis=0)
    scales = np.where(spread > 1e-12, spread, 1.0)  # noqa: PLR2004 - rounding of a constant
    standard = (data.values - means) / scales
    labels = np.array([group or "" for group in groups])
    names, member = np.unique(labels, return_inverse=True)
    dummies = np.eye(names.size)[member] if names.size > 1 else np.zeros((found.size, 0))
    shares = dummies.mean(axis=0)
    # one thread, since the order of a sum changes its last digit
    with threadpool_limits(1):
        if chosen.kind == BOOSTING:
            columns = np.column_stack([standard, member.astype(np.float64)])
            trees = HistGradientBoostingClassifier(
                learning_rate=0.05,
                max_iter=int(chosen.strength),
                max_leaf_nodes=8,
                min_samples_leaf=60,
                l2_regularization=20.0,
                categorical_features=[standard.shape[1]],
                early_stopping=False,
                random_state=seed,
            ).fit(columns, found)
            coefficients, intercept, effects = np.zeros(0), 0.0, np.zeros(shares.size)
        else:
            trees = None
            fitted = LogisticRegression(
                C=chosen.strength, solver="newton-cholesky", max_iter=200
            ).fit(np.column_stack([standard, dummies]), found)
            weights = fitted.coef_[0]
            coefficients, effects = weights[: means.size], weights[means.size :]
            intercept = float(fitted.intercept_[0] + effects @ shares)
            effects = effects - effects @ shares
    return RiskModel(
        candidate=chosen,
        names=data.names,
        means=means,
        scales=scales,
        coefficients=coefficients,
        intercept=intercept,
        groups=tuple(names.tolist()) if names.size > 1 else (),
        group_effects=effects,
        group_shares=shares,
        visits=found.size,
        critical=hits,
        trees=trees,
    )


def held(names: Sequence[str]) -> Mask:
    """Tell which features ranking holds constant."""
    return np.isin(np.asarray(names), HELD)


def contributions(model: RiskModel, data: Features) -> Floats:
    """Take the log odds of premises apart.

    Parameters
    ----------
    model
        A logistic regression.
    data
        Features of premises.

    Returns
    -------
    ndarray
        What each feature adds to the log odds of the average visit, shape (premises, names); that
        of held features is 0, and inspectors are not among them.

    Raises
    ------
    InvalidInputError
        When the model is not a logistic regression.
    """
    if model.trees is not None:
        raise InvalidInputError(
            "model %(description)s: only a logistic regression can be taken apart",
            description=model.candidate.description(),
        )
    standard = np.where(held(model.names), 0.0, (data.values - model.means) / model.scales)
    return np.asarray(standard * model.coefficients)


def probabilities(model: RiskModel, data: Features) -> Floats:
    """Return the probability of a critical hazard at a visit by the average inspector.

    Parameters
    ----------
    model
        From `fit`.
    data
        Features as known before the day that is ranked.

    Returns
    -------
    ndarray
        Shape (premises,).
    """
    if model.trees is None:
        parts = contributions(model, data)
        # feature by feature: the sum of a row does not depend on how many rows there are
        log_odds = np.full(len(parts), model.intercept)
        for column in parts.T:
            log_odds += column
        return np.asarray(1.0 / (1.0 + np.exp(-log_odds)))
    standard = np.where(held(model.names), 0.0, (data.values - model.means) / model.scales)
    shares = model.group_shares if model.group_shares.size else np.ones(1)
    with threadpool_limits(1):
        return np.asarray(
            sum(
                share
                * model.trees.predict_proba(
                    np.column_stack([standard, np.full(len(standard), float(number))])
                )[:, 1]
                for number, share in enumerate(shares)
            )
        )


def with_groups(model: RiskModel, data: Features, groups: Sequence[str | None]) -> Floats:
    """Return probabilities that know who inspects: to measure that, never to rank by it.

    Parameters
    ----------
    model
        A logistic regression with the effects of groups.
    data
        Features.
    groups
        Who inspects; one that the model does not know counts as the mean.

    Returns
    -------
    ndarray
        Shape (visits,).
    """
    effect = dict(zip(model.groups, model.group_effects.tolist(), strict=False))
    mean = probabilities(model, data)
    shifted = (
        np.log(mean)
        - np.log1p(-mean)
        + np.array([effect.get(group or "", 0.0) for group in groups])
    )
    return np.asarray(1.0 / (1.0 + np.exp(-shifted)))

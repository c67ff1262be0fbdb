from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from gis_supervision.analysis import risk
from gis_supervision.analysis.risk import BOOSTING, Candidate
from gis_supervision.analysis.risk_features import Features
from gis_supervision.errors import InvalidInputError


def world(seed=0, number=4000):
    """Visits whose hazards depend on the premises and on who inspects, by known odds."""
    generator = np.random.default_rng(seed)
    values = generator.normal(size=(number, 2))
    strict = generator.random(number) < 0.4
    odds = -1.5 + 0.8 * values[:, 0] + 1.4 * strict
    critical = generator.random(number) < 1 / (1 + np.exp(-odds))
    groups = np.where(strict, "strict", "lenient").tolist()
    return Features(("trait", "noise"), values), critical, groups


def test_the_model_is_that_of_the_library():
    data, critical, groups = world()
    model = risk.fit(data, critical, groups, candidate=Candidate(strength=0.5))
    standard = (data.values - data.values.mean(axis=0)) / data.values.std(axis=0)
    dummies = np.column_stack([[group == name for group in groups] for name in model.groups])
    peer = LogisticRegression(C=0.5, tol=1e-10, max_iter=1000).fit(
        np.column_stack([standard, dummies]), critical
    )
    assert model.coefficients == pytest.approx(peer.coef_[0][:2], abs=1e-4)
    effects = peer.coef_[0][2:]
    assert model.group_effects == pytest.approx(effects - effects @ model.group_shares, abs=1e-4)


def test_effects_of_inspectors_are_estimated_and_held_constant():
    data, critical, groups = world()
    model = risk.fit(data, critical, groups, candidate=Candidate(strength=10.0))
    effect = dict(zip(model.groups, model.group_effects, strict=True))
    assert effect["strict"] - effect["lenient"] == pytest.approx(1.4, abs=0.25)
    assert model.coefficients[0] == pytest.approx(0.8, abs=0.12)
    assert effect["strict"] * model.group_shares[1] + effect["lenient"] * model.group_shares[
        0
    ] == pytest.approx(0, abs=1e-12)
    one = Features(data.names, data.values[:1])
    by_strict, by_lenient, by_stranger = risk.with_groups(
        model, Features(data.names, np.repeat(one.values, 3, axis=0)), ["strict", "lenient", "x"]
    )
    fair = risk.probabilities(model, one)[0]
    assert by_lenient < fair < by_strict
    assert by_stranger == pytest.approx(fair)


def test_season_and_trend_do_not_rank():
    data, critical, groups = world()
    seasonal = replace(data, names=("trait", "trend"))
    model = risk.fit(seasonal, critical, groups)
    moved = Features(seasonal.names, data.values + np.array([0.0, 50.0]))
    assert (risk.probabilities(model, moved) == risk.probabilities(model, seasonal)).all()


def test_contributions_add_up_to_the_odds():
    data, critical, groups = world()
    model = risk.fit(data, critical, groups)
    p = risk.probabilities(model, data)
    total = model.intercept + risk.contributions(model, data).sum(axis=1)
    assert np.log(p / (1 - p)) == pytest.approx(total, abs=1e-10)


@pytest.mark.parametrize("kind", [Candidate(), Candidate(BOOSTING, 20)])
def test_the_same_arguments_give_the_same_digits(kind):
    data, critical, groups = world(number=1500)
    first, second = (
        risk.probabilities(risk.fit(data, critical, groups, candidate=kind, seed=5), data)
        for _ in range(2)
    )
    assert (first == second).all()
    assert ((first > 0) & (first < 1)).all()


def test_a_premises_has_the_same_probability_in_any_company():
    data, critical, groups = world()
    model = risk.fit(data, critical, groups)
    alone = risk.probabilities(model, Features(data.names, data.values[7:8]))
    assert alone[0] == risk.probabilities(model, data)[7]


def test_boosting_finds_the_trait_and_no_inspector():
    data, critical, groups = world()
    model = risk.fit(data, critical, groups, candidate=Candidate(BOOSTING, 40))
    p = risk.probabilities(model, data)
    assert np.corrcoef(p, data.values[:, 0])[0, 1] > 0.8
    strict = np.array(groups) == "strict"
    assert abs(p[strict].mean() - p[~strict].mean()) < 0.02
    with pytest.raises(InvalidInputError, match="boosting 40"):
        risk.contributions(model, data)


def test_too_small_a_past_is_refused():
    data, _, groups = world(number=100)
    with pytest.raises(InvalidInputError, match="19 visits with a critical hazard and 81 without"):
        risk.fit(data, np.arange(100) < 19, groups)


def test_a_constant_feature_tells_nothing():
    data, critical, _ = world(number=1000)
    flat = Features(("trait", "flat"), np.column_stack([data.values[:, 0], np.full(1000, 3.0)]))
    model = risk.fit(flat, critical, [None] * 1000)
    assert model.coefficients[1] == pytest.approx(0, abs=1e-9)
    assert model.groups == ()

import itertools

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, roc_auc_score

from gis_supervision.analysis.risk_evaluation import (
    auc,
    days_earlier,
    first_half,
    interval,
    measures,
    random_days,
    reliability,
    reordered,
    resampled,
    shares,
)
from gis_supervision.errors import InvalidInputError


def test_days_earlier_by_hand():
    """Two visits on each of three days; the two critical ones were made last."""
    days = np.array([1, 1, 2, 2, 5, 5])
    critical = np.array([False, False, False, False, True, True])
    scores = np.array([0.1, 0.2, 0.3, 0.9, 0.8, 0.4])
    assert reordered(days, scores).tolist() == [5, 5, 2, 1, 1, 2]
    assert days_earlier(days, scores, critical) == (4 + 3) / 2
    assert days_earlier(days, -days.astype(float), critical) == 0
    assert np.isnan(days_earlier(days, scores, np.zeros(6, dtype=bool)))
    assert days.tolist() == [1, 1, 2, 2, 5, 5]


def test_equal_scores_keep_the_order_of_the_rows():
    days = np.array([3, 1, 2])
    assert reordered(days, [0.5, 0.5, 0.5]).tolist() == [1, 2, 3]


def test_every_day_keeps_its_number_of_visits():
    generator = np.random.default_rng(3)
    days = generator.integers(0, 20, 200)
    assert np.sort(reordered(days, generator.random(200))).tolist() == np.sort(days).tolist()


def test_an_order_by_lot_gives_the_mean_over_all_orders():
    days = np.array([0, 1, 4, 9, 10])
    critical = np.array([True, False, True, False, False])
    every = [
        days_earlier(days, np.array(order, dtype=float), critical)
        for order in itertools.permutations(range(5))
    ]
    lot = random_days(days, critical, seed=0, orders=4000)
    assert np.mean(every) == pytest.approx(days[critical].mean() - days.mean())
    assert lot.mean() == pytest.approx(np.mean(every), abs=0.15)
    assert set(np.round(lot, 9)) <= set(np.round(every, 9))


def test_the_first_half_of_an_order():
    assert first_half([0.1, 0.9, 0.5, 0.5, 0.2]).tolist() == [False, True, True, False, False]


def test_auc_is_that_of_the_library_with_ties():
    generator = np.random.default_rng(4)
    scores, critical = generator.integers(0, 9, 300) / 9, generator.random(300) < 0.2
    assert auc(scores, critical) == pytest.approx(roc_auc_score(critical, scores), abs=1e-12)


def test_calibration_by_hand():
    probability = np.array([0.1, 0.3, 0.2, 0.8])
    critical = np.array([False, True, False, True])
    low, high = reliability(probability, critical, classes=2)
    assert (low.visits, low.predicted, low.observed) == (2, pytest.approx(0.15), 0.0)
    assert (high.visits, high.predicted, high.observed) == (2, pytest.approx(0.55), 1.0)
    made = measures(
        np.arange(4),
        probability,
        critical,
        past_share=0.25,
        draws=resampled(np.arange(4), [probability], critical, seed=0, resamples=50)[:, 0],
    )
    assert made.brier == pytest.approx(brier_score_loss(critical, probability))
    assert made.brier_of_the_mean == pytest.approx(np.mean((0.25 - critical) ** 2))
    assert sum(one.visits for one in reliability(probability, critical)) == 4


def test_measures_by_hand():
    days = np.array([1, 2, 3, 4])
    probability = np.array([0.1, 0.2, 0.9, 0.3])
    critical = np.array([True, False, True, False])
    draws = resampled(days, [probability], critical, seed=1, resamples=200)[:, 0]
    made = measures(days, probability, critical, past_share=0.5, draws=draws)
    # the first goes from day 1 to 4, the third from 3 to 1
    assert made.days_earlier.value == pytest.approx((-3 + 2) / 2)
    assert (made.earlier, made.later, made.same, made.largest_gain_days) == (1, 1, 0, 2)
    assert made.found_in_first_half.value == 0.5
    assert made.found_in_first_half_as_made == 0.5
    assert made.days_earlier.low <= made.days_earlier.value <= made.days_earlier.high


@pytest.mark.parametrize("critical", [[False, False], [True, True]])
def test_an_order_is_judged_only_where_something_can_be_told_apart(critical):
    with pytest.raises(InvalidInputError, match="2 visits of the period"):
        measures(
            np.array([1, 2]),
            np.array([0.1, 0.2]),
            np.array(critical),
            past_share=0.5,
            draws=np.zeros((1, 3)),
        )


def test_shares_of_districts_by_hand():
    days = np.array([1, 2, 3, 4])
    scores = np.array([0.1, 0.2, 0.9, 0.8])
    critical = np.array([True, False, True, False])
    north, south = shares(["north", "north", "north", "south"], days, scores, critical)
    assert (north.name, north.visits, north.critical) == ("north", 3, 2)
    assert (north.first_half, north.critical_first_half) == (pytest.approx(1 / 3), 0.5)
    assert (north.share_of_visits, north.share_of_critical, north.share_of_first_half) == (
        *(0.75, 1.0, 0.5),
    )
    assert (north.days_earlier, north.earlier, north.later) == (-0.5, 1, 1)
    assert (south.critical, south.days_earlier, south.critical_first_half) == (0, None, None)
    assert south.first_half == 1.0


def test_resamples_are_paired_and_repeatable():
    generator = np.random.default_rng(5)
    days, critical = generator.integers(0, 60, 150), generator.random(150) < 0.2
    score = generator.random(150)
    first = resampled(days, [score, score, -score], critical, seed=7, resamples=40)
    again = resampled(days, [score], critical, seed=7, resamples=40)
    assert (first[:, 0] == first[:, 1]).all()
    assert (first[:, 0] == again[:, 0]).all()
    assert interval(1.0, np.full(3, np.nan)).value == 1.0

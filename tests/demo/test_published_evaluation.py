import numpy as np
import polars as pl
import pytest

from gis_supervision.analysis import risk_judgement
from gis_supervision.analysis.risk import Candidate
from gis_supervision.analysis.risk_evaluation import auc, days_earlier, first_half
from gis_supervision.analysis.risk_history import History
from gis_supervision.demo import published_evaluation as published

START, END = (int(day.astype(int)) for day in (published.START, published.END))


@pytest.fixture(scope="module")
def refitted():
    return published.reproduce(published.model_rows())


@pytest.fixture(scope="module")
def known():
    return published.history()


@pytest.fixture(scope="module")
def judged(refitted, known):
    history, districts = known
    return risk_judgement.judge(
        history,
        START,
        END,
        numbers=refitted.numbers,
        compared={"published": dict(zip(refitted.numbers, refitted.without_groups, strict=True))},
        districts=districts,
        candidates=(Candidate(strength=0.01),),
        resamples=200,
    )


def test_the_published_figures_come_out_of_the_raw_files(refitted):
    """The report: 7.44 days, 258 critical, 54.7 % in the first half as made, 26.2 % more."""
    assert (len(refitted.numbers), int(refitted.critical.sum())) == (1637, 258)
    assert refitted.fitted_to == 17_075
    with_groups = days_earlier(refitted.days, refitted.with_groups, refitted.critical)
    assert with_groups == pytest.approx(7.44, abs=0.01)
    without = days_earlier(refitted.days, refitted.without_groups, refitted.critical)
    assert without == pytest.approx(2.3, abs=0.15)
    as_made = first_half(-refitted.days.astype(float))[refitted.critical].mean()
    ordered = first_half(refitted.with_groups)[refitted.critical].mean()
    assert as_made == pytest.approx(0.547, abs=0.001)
    assert ordered / as_made - 1 == pytest.approx(0.262, abs=0.005)


def test_the_published_boosted_score_is_kept(refitted):
    assert days_earlier(refitted.days, refitted.boosted, refitted.critical) == pytest.approx(
        7.79, abs=0.01
    )


def test_the_whole_join_has_the_rows_that_the_source_has_now():
    rows = published.model_rows(published_rows_only=False)
    assert rows.height == 18_781
    made = published.reproduce(rows)
    without = days_earlier(made.days, made.without_groups, made.critical)
    assert (len(made.numbers), without) == (1665, pytest.approx(2.22, abs=0.02))


def test_the_fair_order_is_clearly_ahead_of_the_published_fair_one(judged):
    fair = judged.orders["fair"]
    assert fair.visits == 1637
    assert fair.days_earlier.value > 5
    ahead = judged.ahead["published"]
    assert ahead.value > 2.5
    assert ahead.low > 0
    assert judged.p < 0.02
    assert judged.random.value == pytest.approx(-1.51, abs=0.2)
    assert fair.auc.value > 0.62


def test_it_is_ahead_on_every_period_before_too(judged):
    assert len(judged.periods) == 6
    assert all(period.end <= START for period in judged.periods)
    assert all(period.days_earlier > period.random_days + 3 for period in judged.periods)


def test_inspectors_differ_and_no_order_knows_them(judged, known):
    assert set(judged.model.groups) == {
        *("", "blue", "brown", "green", "orange", "purple", "yellow"),
    }
    effect = dict(zip(judged.model.groups, judged.model.group_effects, strict=True))
    assert effect["purple"] - effect["brown"] > 0.5
    history, _ = known
    later = pl.col("day") >= START
    swapped = History(
        history.places,
        history.visits.with_columns(
            pl.when(later).then(pl.lit("purple")).otherwise(pl.col("group")).alias("group"),
            pl.when(later & pl.col("critical").is_not_null())
            .then(1 - pl.col("critical").clip(0, 1))
            .otherwise(pl.col("critical"))
            .alias("critical"),
        ),
        history.complaints,
    )
    scores = []
    for of in (history, swapped):
        past = risk_judgement.table(of, START)
        model = risk_judgement.fit_before(past, START, Candidate())
        places = past.book.visits.filter(later)["place"].to_numpy()
        now = risk_judgement.features(
            past.book, places, np.full(places.size, START), past.of_a_kind
        )
        scores.append(risk_judgement.risk.probabilities(model, now))
    assert (scores[0] == scores[1]).all()
    assert auc(scores[0], (past.book.visits.filter(later)["critical"] == 0).to_numpy()) > 0.6


def test_districts_and_categories_add_up(judged):
    for parts in (judged.districts, judged.categories):
        assert sum(part.visits for part in parts) == 1637
        assert sum(part.critical for part in parts) == 258
        assert sum(part.share_of_first_half for part in parts) == pytest.approx(1)
    fair = judged.orders["fair"]
    assert sum(part.earlier for part in judged.districts) == fair.earlier
    assert sum(part.later for part in judged.districts) == fair.later


def test_probabilities_are_calibrated(judged):
    fair = judged.orders["fair"]
    assert fair.brier < fair.brier_of_the_mean
    low, high = fair.reliability[0], fair.reliability[-1]
    assert high.observed > 2 * low.observed
    predicted = sum(part.predicted * part.visits for part in fair.reliability) / fair.visits
    assert predicted == pytest.approx(fair.critical / fair.visits, abs=0.04)

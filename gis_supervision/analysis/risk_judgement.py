"""An order of risk chosen on the past alone and judged on the months after it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from gis_supervision.analysis import risk
from gis_supervision.analysis.risk import BOOSTING, LOGISTIC, Candidate, RiskModel
from gis_supervision.analysis.risk_evaluation import (
    RESAMPLES,
    Interval,
    Measures,
    Share,
    auc,
    days_earlier,
    interval,
    measures,
    random_days,
    resampled,
    shares,
)
from gis_supervision.analysis.risk_features import Kinds, Ledger, features, kinds, ledger
from gis_supervision.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gis_supervision.analysis.arrays import Floats, Mask
    from gis_supervision.analysis.risk_features import Features
    from gis_supervision.analysis.risk_history import History
    from gis_supervision.analysis.timelines import Whole

PERIOD_DAYS = 60
WINDOWS = 6
"""Periods before the judged one on which the model is chosen."""
MOST_VISITS = 300_000
"""The newest visits that a model is fitted to at most."""
CANDIDATES = (
    Candidate(LOGISTIC, 0.003),
    Candidate(LOGISTIC, 0.01),
    Candidate(LOGISTIC, 0.03),
    Candidate(LOGISTIC, 0.1),
    Candidate(BOOSTING, 80),
)
FAIR, UNKNOWN, KNOWN = "fair", "inspectors_unknown", "inspectors_known"
"""Orders that are judged: the effect of inspectors removed; as if no inspector was recorded; by
who inspects, which is measured and never used."""


@dataclass(frozen=True)
class Period:
    """One period that an order was judged on.

    Attributes
    ----------
    start, end
        First day, and the day after the last, in days since 1970-01-01.
    visits, critical
        In it.
    days_earlier, auc
        Of the order that was made on the first day from what was known before it.
    random_days
        Mean days earlier of an order by lot.
    """

    start: int
    end: int
    visits: int
    critical: int
    days_earlier: float
    auc: float
    random_days: float


@dataclass(frozen=True)
class Trial:
    """How a candidate did on the periods of the past; the highest mean AUC is chosen."""

    candidate: str
    auc: float
    days_earlier: float


@dataclass(frozen=True)
class Judgement:
    """Orders of the visits of a period, made on its first day and judged by what was found.

    Attributes
    ----------
    start, end
        First day of the period, and the day after its last.
    model
        That of the fair order.
    trials
        The candidates on the periods before.
    periods
        The chosen candidate on the periods before.
    orders
        Measures of each order, the fair one first.
    ahead
        Days by which the fair order is ahead of each other one, on the same resamples.
    random
        Days earlier of orders by lot, with their middle 95 %.
    p
        Share of orders by lot at least as good as the fair one.
    districts, categories
        What the fair order does to each.
    """

    start: int
    end: int
    model: RiskModel
    trials: tuple[Trial, ...]
    periods: tuple[Period, ...]
    orders: dict[str, Measures]
    ahead: dict[str, Interval]
    random: Interval
    p: float
    districts: tuple[Share, ...]
    categories: tuple[Share, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON takes it."""
        model = self.model
        groups = zip(
            model.groups, model.group_effects.tolist(), model.group_shares.tolist(), strict=True
        )
        return {
            "start": _date(self.start),
            "end": _date(self.end - 1),
            "model": model.candidate.description(),
            "fitted_to": {"visits": model.visits, "critical": model.critical},
            "inspector_groups": [
                {"group": name or None, "log_odds": effect, "share_of_visits": share}
                for name, effect, share in groups
            ],
            "coefficients": dict(zip(model.names, model.coefficients.tolist(), strict=False)),
            "trials": [asdict(trial) for trial in self.trials],
            "periods": [
                asdict(period) | {"start": _date(period.start), "end": _date(period.end - 1)}
                for period in self.periods
            ],
            "orders": {name: of.to_dict() for name, of in self.orders.items()},
            "ahead_days": {name: asdict(of) for name, of in self.ahead.items()},
            "random_days": asdict(self.random),
            "p": self.p,
            "districts": [asdict(share) for share in self.districts],
            "categories": [asdict(share) for share in self.categories],
        }


@dataclass(frozen=True)
class Table:
    """Past visits with the features of their own day, from which models are fitted."""

    book: Ledger
    of_a_kind: Kinds
    rows: Whole
    days: Whole
    critical: Mask
    groups: Sequence[str | None]
    data: Features


def table(history: History, day: int, *, most: int = MOST_VISITS) -> Table:
    """Describe the visits before a day, each as the premises was known before the visit.

    Parameters
    ----------
    history
        What is known.
    day
        The day; visits from then on are not in the table.
    most
        The newest visits are kept.

    Returns
    -------
    Table
    """
    book = ledger(history)
    of_a_kind = kinds(history, day)
    before = np.flatnonzero(book.visits["day"].to_numpy() < day)
    newest = before[np.argsort(book.visits["day"].to_numpy()[before], kind="stable")][-most:]
    rows = np.sort(newest)
    of = book.visits[rows]
    days = of["day"].to_numpy()
    return Table(
        book,
        of_a_kind,
        rows,
        days,
        (of["critical"] > 0).to_numpy(),
        of["group"].to_list(),
        features(book, of["place"].to_numpy(), days, of_a_kind),
    )


def fit_before(
    past: Table, day: int, candidate: Candidate, *, seed: int = 0, by_group: bool = True
) -> RiskModel:
    """Fit a candidate to the visits of a table before a day.

    Parameters
    ----------
    past
        From `table`.
    day
        The day.
    candidate
        What is fitted.
    seed
        As `gis_supervision.analysis.risk.fit` takes it.
    by_group
        Whether inspector groups have effects of their own.

    Returns
    -------
    RiskModel
    """
    use = past.days < day
    data = type(past.data)(past.data.names, past.data.values[use])
    groups = [
        group if by_group else None for group, used in zip(past.groups, use, strict=True) if used
    ]
    return risk.fit(data, past.critical[use], groups, candidate=candidate, seed=seed)


def periods_before(
    day: int, first: int, *, days: int = PERIOD_DAYS, most: int = WINDOWS
) -> tuple[tuple[int, int], ...]:
    """Return periods that end on a day, oldest first, none in the first half of the past."""
    middle = first + (day - first) // 2
    ends = [day - days * back for back in range(most)]
    return tuple((end - days, end) for end in reversed(ends) if end - days >= middle)


def choose(
    past: Table,
    day: int,
    candidates: Sequence[Candidate],
    *,
    seed: int = 0,
    period_days: int = PERIOD_DAYS,
) -> tuple[Candidate, tuple[Trial, ...], tuple[Period, ...]]:
    """Choose a candidate on periods of the past: fitted before each, judged on it.

    Parameters
    ----------
    past
        From `table`, of that day or a later one.
    day
        Nothing from this day on is looked at.
    candidates
        To choose from.
    seed
        Of the fits and of orders by lot.
    period_days
        Length of a period.

    Returns
    -------
    tuple
        The candidate with the highest mean AUC (the first of equals), the trials of all, and the
        periods of the chosen one. Without a period that can be judged: the first candidate.
    """
    if not past.days.size:
        return candidates[0], (), ()
    asked = []
    for start, end in periods_before(day, int(past.days.min()), days=period_days):
        inside = (past.days >= start) & (past.days < end)
        before = past.critical[past.days < start]
        enough = min(before.sum(), (~before).sum()) >= risk.LEAST_OUTCOMES
        if not enough or past.critical[inside].all() or not past.critical[inside].any():
            continue
        places = past.book.visits[past.rows[inside]]["place"].to_numpy()
        then = features(past.book, places, np.full(places.size, start), past.of_a_kind)
        asked.append((start, end, inside, then))
    if not asked:
        return candidates[0], (), ()
    trials, judged = [], []
    for candidate in candidates:
        of_candidate = []
        for start, end, inside, then in asked:
            model = fit_before(past, start, candidate, seed=seed)
            scores = risk.probabilities(model, then)
            days, critical = past.days[inside], past.critical[inside]
            lot = random_days(days, critical, seed=seed, orders=200)
            of_candidate.append(
                Period(
                    start,
                    end,
                    days.size,
                    int(critical.sum()),
                    days_earlier(days, scores, critical),
                    auc(scores, critical),
                    float(lot.mean()),
                )
            )
        judged.append(tuple(of_candidate))
        trials.append(
            Trial(
                candidate.description(),
                float(np.mean([period.auc for period in of_candidate])),
                float(np.mean([period.days_earlier for period in of_candidate])),
            )
        )
    best = max(range(len(trials)), key=lambda number: (trials[number].auc, -number))
    return candidates[best], tuple(trials), judged[best]


def judge(
    history: History,
    start: int,
    end: int,
    *,
    numbers: Sequence[str] | None = None,
    compared: Mapping[str, Mapping[str, float]] | None = None,
    districts: Sequence[str | None] = (),
    candidates: Sequence[Candidate] = CANDIDATES,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Judgement:
    """Order the visits of a period on its first day and judge the order by what was found.

    Parameters
    ----------
    history
        What is known; visits may have a column ``number``.
    start, end
        First day of the period, and the day after its last.
    numbers
        Numbers of the visits that are judged; left out: all routine visits of the period.
    compared
        Scores of other orders by number of the visit; a visit that one of them lacks is an error.
    districts
        District of each premises; empty: none are told apart.
    candidates
        Models to choose from, on the past alone.
    seed
        Of fits, resamples and orders by lot.
    resamples
        As for `resampled`.

    Returns
    -------
    Judgement

    Raises
    ------
    InvalidInputError
        When the past or the period has too few visits.
    """
    past = table(history, start)
    chosen, trials, periods = choose(past, start, candidates, seed=seed)
    judged = past.book.visits.with_row_index("row").filter(
        (pl.col("day") >= start) & (pl.col("day") < end)
    )
    if numbers is not None:
        judged = judged.filter(pl.col("number").is_in(list(numbers)))
    if judged.is_empty():
        raise InvalidInputError(
            "no visit with a known result from %(start)s to %(last)s: expected a period with "
            "inspections",
            start=_date(start),
            last=_date(end - 1),
        )
    places = judged["place"].to_numpy()
    days = judged["day"].to_numpy()
    critical = (judged["critical"] > 0).to_numpy()
    first_day = np.full(places.size, start)

    model = fit_before(past, start, chosen, seed=seed)
    now = features(past.book, places, first_day, past.of_a_kind)
    scores: dict[str, Floats] = {FAIR: risk.probabilities(model, now)}
    if model.groups:
        nameless = table(history.without_groups(), start)
        plain = fit_before(nameless, start, chosen, seed=seed)
        scores[UNKNOWN] = risk.probabilities(
            plain, features(nameless.book, places, first_day, nameless.of_a_kind)
        )
        if model.trees is None:
            scores[KNOWN] = risk.with_groups(model, now, judged["group"].to_list())
    for name, by_number in (compared or {}).items():
        scores[name] = np.array([by_number[number] for number in judged["number"]])
    draws = resampled(days, list(scores.values()), critical, seed=seed, resamples=resamples)
    share = float(past.critical.mean())
    orders = {
        name: measures(days, score, critical, past_share=share, draws=draws[:, place])
        for place, (name, score) in enumerate(scores.items())
    }
    lot = random_days(days, critical, seed=seed)
    fair = orders[FAIR].days_earlier.value
    category = past.book.history.places["category"].fill_null("").to_list()
    return Judgement(
        start=start,
        end=end,
        model=model,
        trials=trials,
        periods=periods,
        orders=orders,
        ahead={
            name: interval(
                fair - orders[name].days_earlier.value, draws[:, 0, 0] - draws[:, place, 0]
            )
            for place, name in enumerate(scores)
            if name != FAIR
        },
        random=interval(float(lot.mean()), lot),
        p=float((1 + (lot >= fair).sum()) / (1 + lot.size)),
        districts=shares([districts[place] or "" for place in places], days, scores[FAIR], critical)
        if districts
        else (),
        categories=shares([category[place] for place in places], days, scores[FAIR], critical),
    )


def _date(day: int) -> str:
    return str(np.datetime64(day, "D"))

"""The order of risk of the register: load, fit, rank, store; and its judgement on later months."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from gis_supervision.analysis import risk
from gis_supervision.analysis.archive import Findings, keep_outlines, reuse_or_store
from gis_supervision.analysis.risk import Candidate
from gis_supervision.analysis.risk_evaluation import measures, resampled
from gis_supervision.analysis.risk_features import features
from gis_supervision.analysis.risk_history import History, failures, purposes
from gis_supervision.analysis.risk_judgement import (
    CANDIDATES,
    PERIOD_DAYS,
    Judgement,
    Table,
    fit_before,
    judge,
    table,
)
from gis_supervision.analysis.risk_reasons import by_reason
from gis_supervision.domain import h3_index
from gis_supervision.errors import InvalidInputError
from gis_supervision.storage import analyses, risk_history

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy.orm import Session

    from gis_supervision.analysis.arrays import Floats
    from gis_supervision.analysis.timelines import Whole
    from gis_supervision.storage.analyses import Run
    from gis_supervision.storage.risk_history import Records

RESOLUTION = 8
MINIMUM_PREMISES = 5
TOP_SHARE = 0.1
"""Share of the premises, from the first, that counts as the top of the order."""
RESAMPLES = 200
STAND_IN = "division"
"""What stands for the inspectors in a register that does not record who made a visit."""


@dataclass(frozen=True)
class Known:
    """What the register knew at the end of a day, and who is ranked."""

    records: Records
    history: History
    ranked: Whole


def known(session: Session, as_of: date) -> Known:
    """Read the history of the register up to a day, that day included.

    The register does not record who made a visit. Inspectors work by area, so the division of the
    premises stands for them: what is found more often in a whole division is taken out with the
    effect of whoever inspects there, and no division is ranked before another for it.
    """
    records = risk_history.read(session, as_of)
    row = (
        records.places.select("premises_id", pl.col("division").alias("group"))
        .with_row_index("place")
        .with_columns(pl.col("place").cast(pl.Int64))
    )

    def placed(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.join(row, on="premises_id", how="left", maintain_order="left")

    visits = placed(records.visits).select(
        "place",
        "day",
        purposes(records.visits["kind"]),
        "critical",
        "serious",
        "minor",
        failures(records.visits["result"]),
        "group",
    )
    history = History(
        records.places.select("lat", "lng", "category", "risk_class", "name", "opened"),
        visits,
        placed(records.complaints).select("place", "day", "lat", "lng"),
        by_area=True,
    )
    return Known(records, history, np.flatnonzero(records.places["in_scope"].to_numpy()))


def rank(
    session: Session,
    as_of: date,
    *,
    candidate: Candidate | None = None,
    resolution: int = RESOLUTION,
    minimum_premises: int = MINIMUM_PREMISES,
    seed: int = 0,
    publish: bool = True,
) -> Run:
    """Rank the premises in scope for the visits after a day and keep the order.

    Every premises has a probability of a critical hazard at its next visit, its place, and what
    each reason adds to the log odds of the average visit; cells have the mean of their premises.
    The order that the same model would have made before the last period, and what was found in it,
    is measured and kept in the summary. Inspectors are not among the features.

    Parameters
    ----------
    session
        An open session; the caller commits.
    as_of
        What is known at the end of this day counts.
    candidate
        A logistic regression; left out: the usual one.
    resolution
        Of the H3 cells.
    minimum_premises
        Fewer premises in a cell give it no mean.
    seed
        Of resamples.
    publish
        Whether reports that name no day speak of this one from now on.

    Returns
    -------
    Run
        The stored run, or the one that is there already for the register as it is.

    Raises
    ------
    InvalidInputError
        When the past has too few visits, or the model cannot be taken apart.
    """
    chosen = candidate or Candidate()
    if chosen.kind != risk.LOGISTIC:
        raise InvalidInputError(
            "model %(description)s: expected %(logistic)s, whose order has reasons",
            description=chosen.description(),
            logistic=risk.LOGISTIC,
        )
    if minimum_premises < 1:
        raise InvalidInputError(
            "minimum_premises %(minimum_premises)s: expected at least 1",
            minimum_premises=minimum_premises,
        )
    parameters = {
        "model": chosen.description(),
        "inspectors": STAND_IN,
        "period_days": PERIOD_DAYS,
        "resolution": resolution,
        "minimum_premises": minimum_premises,
    }

    def compute() -> Findings:
        of = known(session, as_of)
        day = _day_after(as_of)
        past = table(of.history, day)
        model = fit_before(past, day, chosen, seed=seed)
        now = features(past.book, of.ranked, np.full(of.ranked.size, day), past.of_a_kind)
        probability = risk.probabilities(model, now)
        place = _places(probability)
        reasons = by_reason(model.names, risk.contributions(model, now))
        ids = of.records.places["premises_id"].to_numpy()[of.ranked]
        premises = pl.DataFrame(
            {"unit_id": ids, "probability": probability, "place": place} | reasons
        )
        cells = _cells(of, probability, place, resolution, minimum_premises)
        keep_outlines(session, cells["unit_id"].to_list(), resolution)
        summary: dict[str, Any] = {
            "premises": int(of.ranked.size),
            "not_located": int(np.isnan(_degrees(of, "lat")).sum()),
            "model": chosen.description(),
            "first_visit": str(np.datetime64(int(past.days.min()), "D")),
            "last_visit": str(np.datetime64(int(past.days.max()), "D")),
            "visits": model.visits,
            "critical": model.critical,
            "complaints": of.history.complaints.height,
            "intercept": model.intercept,
            "coefficients": dict(zip(model.names, model.coefficients.tolist(), strict=True)),
            "judged": _judged(past, day, chosen, seed),
        }
        return Findings(summary, [("premises", premises), ("h3", cells)])

    run = reuse_or_store(session, "risk", as_of, parameters, seed, compute)
    if publish:
        analyses.publish(session, run.id)
    return run


def rank_if_known(session: Session, as_of: date) -> Run | None:
    """Rank as of a day without publishing; None where too little is known by then."""
    try:
        return rank(session, as_of, publish=False)
    except InvalidInputError:
        return None


def evaluate(
    session: Session,
    start: date,
    end: date,
    *,
    seed: int = 0,
    candidates: tuple[Candidate, ...] = CANDIDATES,
) -> Judgement:
    """Judge the order of the register on a period: made on its first day, by what was found.

    Parameters
    ----------
    session
        An open session.
    start, end
        First and last day of the period.
    seed
        Of fits and resamples.
    candidates
        Models to choose from, on the past alone.

    Returns
    -------
    Judgement

    Raises
    ------
    InvalidInputError
        When the period ends before it starts, or there are too few visits.
    """
    if end < start:
        raise InvalidInputError(
            "period %(start)s to %(end)s: expected a last day after the first", start=start, end=end
        )
    of = known(session, end)
    return judge(
        of.history,
        _day_after(start) - 1,
        _day_after(end),
        districts=of.records.places["division"].to_list(),
        candidates=candidates,
        seed=seed,
    )


def last_period(as_of: date, *, days: int = PERIOD_DAYS) -> tuple[date, date]:
    """Return the first and last day of the period that ends on a day."""
    return as_of - timedelta(days=days - 1), as_of


def _day_after(day: date) -> int:
    return int(np.datetime64(day).astype("datetime64[D]").astype(np.int64)) + 1


def _places(probability: Floats) -> Whole:
    """Give premises places from 1, the highest probability first; equal ones by their id."""
    place = np.empty(probability.size, dtype=np.int64)
    place[np.argsort(-probability, kind="stable")] = np.arange(1, probability.size + 1)
    return place


def _degrees(of: Known, name: str) -> Floats:
    return of.records.places[name].fill_null(np.nan).to_numpy()[of.ranked]


def _cells(
    of: Known, probability: Floats, place: Whole, resolution: int, minimum: int
) -> pl.DataFrame:
    lat, lng = _degrees(of, "lat"), _degrees(of, "lng")
    located = ~(np.isnan(lat) | np.isnan(lng))
    enough = pl.col("premises") >= minimum
    return (
        pl.DataFrame(
            {
                "unit_id": h3_index.cells_of(lat[located], lng[located], resolution),
                "probability": probability[located],
                "top": place[located] <= max(round(TOP_SHARE * probability.size), 1),
            }
        )
        .group_by("unit_id")
        .agg(
            pl.len().alias("premises"),
            pl.col("top").sum(),
            # in a fixed order, since that of a sum changes its last digit
            pl.col("probability").sort().mean(),
        )
        .with_columns(pl.when(enough).then(pl.col("probability")).alias("probability"))
        .sort("unit_id")
    )


def _judged(past: Table, day: int, candidate: Candidate, seed: int) -> dict[str, Any] | None:
    """Measure the order that the model would have made before the last period."""
    start = day - PERIOD_DAYS
    inside = past.days >= start
    critical = past.critical[inside]
    if critical.all() or not critical.any():
        return None
    try:
        model = fit_before(past, start, candidate, seed=seed)
    except InvalidInputError:
        return None
    places = past.book.visits[past.rows[inside]]["place"].to_numpy()
    then = features(past.book, places, np.full(places.size, start), past.of_a_kind)
    probability = risk.probabilities(model, then)
    days = past.days[inside]
    draws = resampled(days, [probability], critical, seed=seed, resamples=RESAMPLES)
    made = measures(
        days,
        probability,
        critical,
        past_share=float(past.critical[~inside].mean()),
        draws=draws[:, 0],
    )
    kept = made.to_dict()
    return kept | {
        "start": str(np.datetime64(start, "D")),
        "end": str(np.datetime64(day - 1, "D")),
    }

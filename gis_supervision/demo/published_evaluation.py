"""The published evaluation of Chicago's order of inspections, made again from its raw files.

City of Chicago, ``food-inspections-evaluation`` (MIT licence): a logistic regression, fitted to the
canvass inspections from September 2011 to April 2014, orders those of September and October 2014.
The model is that of the repository's report: eleven features, a ridge penalty on the inspector
groups alone, and the hundredth value of the usual path of penalties. Weather and time since the
last inspection are those of the day on which an inspection was made, as published; our own order
is made on the first day of the period.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from gis_supervision.analysis.risk_history import (
    COMPLAINTS,
    PLACES,
    ROUTINE,
    VISITS,
    History,
    failures,
    purposes,
)

if TYPE_CHECKING:
    from gis_supervision.analysis.arrays import Floats, Mask

DATA = Path(__file__).parent / "chicago"
START, END = np.datetime64("2014-09-02"), np.datetime64("2014-11-01")
"""First day of the published test period, and the day after its last."""
PUBLISHED_DAYS = 7.44
PUBLISHED_WITHOUT_GROUPS = 2.3
TRAINING_END = np.datetime64("2014-07-01")

FEATURES = {
    "pastSerious": pl.col("pastSerious").clip(upper_bound=1),
    "pastCritical": pl.col("pastCritical").clip(upper_bound=1),
    "timeSinceLast": pl.col("timeSinceLast"),
    "ageAtInspection": pl.col("ageAtInspection") > 4,  # noqa: PLR2004 - years, as published
    "consumption_on_premises": pl.col("consumption_on_premises_incidental_activity"),
    "tobacco": pl.col("tobacco"),
    "temperatureMax": pl.col("temperatureMax"),
    "heat_burglary": pl.col("heat_burglary").clip(upper_bound=70),
    "heat_sanitation": pl.col("heat_sanitation").clip(upper_bound=70),
    "heat_garbage": pl.col("heat_garbage").clip(upper_bound=50),
}
"""The published features; inspector groups come beside them."""


@dataclass(frozen=True)
class Reproduction:
    """Scores of the published model, refitted.

    Attributes
    ----------
    numbers
        Inspections of the test period in the order of their number.
    days
        On which they were made.
    critical
        Whether they found a critical violation.
    with_groups, without_groups
        Probability with and without the inspector group among the features.
    boosted
        Score of the published boosted trees; NaN for inspections that the published table lacks.
    fitted_to
        Number of inspections that the models were fitted to.
    """

    numbers: tuple[str, ...]
    days: np.ndarray[tuple[int], np.dtype[np.int64]]
    critical: Mask
    with_groups: Floats
    without_groups: Floats
    boosted: Floats
    fitted_to: int


def read(name: str, folder: Path = DATA) -> pl.DataFrame:
    """Read one of the packaged files; every column is text, an empty one null."""
    return pl.read_csv(folder / f"{name}.csv.gz", infer_schema=False)


def model_rows(folder: Path = DATA, *, published_rows_only: bool = True) -> pl.DataFrame:
    """Join the raw files into the rows that the published model was fitted to and judged on.

    Parameters
    ----------
    folder
        Where the files are.
    published_rows_only
        The source changed between versions: the join gives 18,781 rows, the published table has
        18,712 of them, which is what the published figures are of.

    Returns
    -------
    polars.DataFrame
        One row per inspection with the columns that `FEATURES` takes, ``group``, ``day`` and
        ``critical``.
    """
    weather = (
        read("weather_daily", folder)
        .select(
            pl.col("date").alias("Inspection_Date"),
            pl.col("temperatureMax").cast(pl.Float64),
        )
        .sort("Inspection_Date")
        # the three days before
        .with_columns(pl.col("temperatureMax").rolling_mean(3).shift(1))
        .drop_nulls()
    )
    numbers = [
        *("pastSerious", "pastCritical", "timeSinceLast", "ageAtInspection", "tobacco"),
        *("consumption_on_premises_incidental_activity", "criticalCount"),
        *("heat_burglary", "heat_garbage", "heat_sanitation"),
    ]
    rows = (
        read("inspections", folder)
        .join(read("business_licences", folder), on="Inspection_ID")
        .filter(pl.col("LICENSE_DESCRIPTION") == "Retail Food Establishment")
        .join(read("inspector_groups", folder), on="Inspection_ID")
        .join(weather, on="Inspection_Date")
        .join(read("heat_values", folder).drop_nulls(), on="Inspection_ID")
        .with_columns(pl.col(numbers).cast(pl.Float64))
    )
    published = read("published_model_rows", folder).select(
        "Inspection_ID", pl.col("score_xgboost_published").cast(pl.Float64).alias("boosted")
    )
    return (
        rows.join(published, on="Inspection_ID", how="inner" if published_rows_only else "left")
        .with_columns(
            pl.col("Inspection_Date").str.to_date(),
            pl.col("sanitarian").alias("group"),
            (pl.col("criticalCount") > 0).alias("critical"),
        )
        .sort(pl.col("Inspection_ID").cast(pl.Int64))
    )


def reproduce(rows: pl.DataFrame) -> Reproduction:
    """Fit the published model with and without inspector groups and score the test period.

    Parameters
    ----------
    rows
        From `model_rows`.

    Returns
    -------
    Reproduction
    """
    early = (rows["Inspection_Date"].to_numpy() < TRAINING_END).astype(bool)
    values = rows.select(
        expression.cast(pl.Float64).alias(name) for name, expression in FEATURES.items()
    ).to_numpy()
    groups = rows["group"].to_dummies().cast(pl.Float64).to_numpy()
    critical = rows["critical"].to_numpy()
    test = rows.filter(~pl.Series(early))
    plain = _standardised(values, early)
    full = np.column_stack([plain, _standardised(groups, early)])
    penalised = np.arange(full.shape[1]) >= plain.shape[1]
    return Reproduction(
        numbers=tuple(test["Inspection_ID"].to_list()),
        days=_days(test["Inspection_Date"]),
        critical=critical[~early],
        with_groups=_scores(full, critical, early, penalised),
        without_groups=_scores(plain, critical, early, np.zeros(plain.shape[1], dtype=bool)),
        boosted=test["boosted"].fill_null(np.nan).to_numpy(),
        fitted_to=int(early.sum()),
    )


def _days(dates: pl.Series) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return dates.to_physical().cast(pl.Int64).to_numpy()


def _standardised(values: Floats, early: Mask) -> Floats:
    return np.asarray((values - values[early].mean(axis=0)) / values[early].std(axis=0))


def _scores(values: Floats, critical: Mask, early: Mask, penalised: Mask) -> Floats:
    """Fit to the early rows and score the others.

    The penalty is that of ``glmnet``: factors that sum to the number of features, a path from the
    smallest penalty that leaves nothing of the penalised ones (with ``alpha`` taken as 0.001 for a
    ridge) down to a ten-thousandth of it, of which the published script takes the last.
    """
    x, y = values[early], critical[early].astype(np.float64)
    factors = penalised * (values.shape[1] / max(int(penalised.sum()), 1))
    penalty = np.zeros(values.shape[1])
    if penalised.any():
        free = _newton(x[:, ~penalised], y, penalty[~penalised])
        residual = y - _logistic(free[0] + x[:, ~penalised] @ free[1:])
        slope = np.abs(x[:, penalised].T @ residual) / y.size / factors[penalised]
        penalty = 1e-4 * float(slope.max()) / 1e-3 * factors
    fitted = _newton(x, y, penalty)
    return _logistic(fitted[0] + values[~early] @ fitted[1:])


def _newton(x: Floats, y: Floats, penalty: Floats) -> Floats:
    """Fit a logistic regression with a ridge penalty for each coefficient; intercept first."""
    design = np.column_stack([np.ones(y.size), x])
    ridge = np.concatenate([[0.0], penalty])
    found = np.zeros(design.shape[1])
    for _ in range(50):
        p = _logistic(design @ found)
        gradient = design.T @ (p - y) / y.size + ridge * found
        curvature = (design * (p * (1 - p))[:, None]).T @ design / y.size + np.diag(ridge)
        step = np.linalg.solve(curvature, gradient)
        found = found - step
        if np.abs(step).max() < 1e-10:  # noqa: PLR2004 - far below what a ranking feels
            break
    return found


def _logistic(odds: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-odds)))


def history(folder: Path = DATA) -> tuple[History, list[str | None]]:
    """Read what the city knew, for an order of its own: see `gis_supervision.analysis.risk`.

    Category, class, name and point of a premises are those of its last inspection before the test
    period; of a premises that was first inspected later, those of that inspection, as its licence
    would say them.

    Parameters
    ----------
    folder
        Where the files are.

    Returns
    -------
    tuple
        The history, whose visits have a column ``number``, and the police district of each
        premises as the licence names it.
    """
    inspections = (
        read("inspections", folder)
        .join(read("inspector_groups", folder), on="Inspection_ID", how="left")
        .join(
            read("business_licences", folder).select(
                "Inspection_ID", "POLICE_DISTRICT", pl.col("minDate").str.to_date()
            ),
            on="Inspection_ID",
            how="left",
        )
        .with_columns(
            pl.col("Inspection_Date").str.to_date(),
            pl.col("License").fill_null("0").alias("licence"),
            pl.col("Inspection_ID").cast(pl.Int64).alias("id"),
            pl.col("criticalCount", "seriousCount", "minorCount").cast(pl.Int64),
            pl.col("Latitude", "Longitude").cast(pl.Float64),
        )
        .sort("Inspection_Date", "id")
    )
    before = pl.col("Inspection_Date") < pl.lit(START).cast(pl.Date)
    latest = inspections.filter(before).unique("licence", keep="last", maintain_order=True)
    first = inspections.filter(~before).unique("licence", keep="first", maintain_order=True)
    described = pl.concat([latest, first.join(latest, on="licence", how="anti")]).sort("licence")
    opened = inspections.group_by("licence").agg(pl.col("minDate").min())
    places = described.drop("minDate").join(opened, on="licence", how="left", maintain_order="left")
    row = places.select("licence").with_row_index("place").with_columns(pl.col("place").cast(int))
    visits = inspections.join(row, on="licence", how="left", maintain_order="left").select(
        "place",
        pl.col("Inspection_Date").to_physical().cast(pl.Int64).alias("day"),
        pl.lit(ROUTINE).alias("purpose"),
        pl.col("criticalCount").alias("critical"),
        pl.col("seriousCount").alias("serious"),
        pl.col("minorCount").alias("minor"),
        failures(inspections["Results"]),
        pl.col("sanitarian").alias("group"),
        pl.col("Inspection_ID").alias("number"),
    )
    other = read("other_visits", folder).join(
        row, left_on="License", right_on="licence", maintain_order="left"
    )
    calls = other.select(
        "place",
        pl.col("Inspection_Date").str.to_date().to_physical().cast(pl.Int64).alias("day"),
        purposes(other["Inspection_Purpose"]),
        *(
            pl.lit(None, dtype=kind).alias(name)
            for name, kind in (VISITS | {"number": pl.String}).items()
            if name not in {"place", "day", "purpose"}
        ),
    )
    sanitation = read("sanitation_complaints", folder).select(
        pl.lit(None, dtype=pl.Int64).alias("place"),
        pl.col("Creation_Date").str.to_date().to_physical().cast(pl.Int64).alias("day"),
        pl.col("Latitude").cast(pl.Float64).alias("lat"),
        pl.col("Longitude").cast(pl.Float64).alias("lng"),
    )
    made = History(
        places.select(
            pl.col("Latitude").alias("lat"),
            pl.col("Longitude").alias("lng"),
            pl.col("Facility_Type").alias("category"),
            pl.col("Risk").alias("risk_class"),
            pl.coalesce("AKA_Name", "DBA_Name").alias("name"),
            pl.col("minDate").to_physical().cast(pl.Int64).alias("opened"),
        ).cast(PLACES),
        pl.concat([visits, calls], how="vertical"),
        sanitation.cast(COMPLAINTS),
    )
    return made, places["POLICE_DISTRICT"].to_list()

"""The order of risk on Chicago's files, judged beside the published one on the same inspections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gis_supervision.analysis import risk_judgement
from gis_supervision.analysis.risk_evaluation import RESAMPLES, days_earlier
from gis_supervision.analysis.risk_judgement import CANDIDATES
from gis_supervision.demo import published_evaluation as published

if TYPE_CHECKING:
    from gis_supervision.analysis.risk import Candidate
    from gis_supervision.analysis.risk_judgement import Judgement

WITH_GROUPS, WITHOUT_GROUPS = "published_with_groups", "published_without_groups"


@dataclass(frozen=True)
class PublishedJudgement:
    """Our order beside the published one.

    Attributes
    ----------
    judgement
        Of the 1,637 inspections of the published test period.
    boosted_days
        Days earlier of the published boosted trees, from their published score.
    whole_join_days
        Days earlier of the published model with and without inspector groups on all rows that the
        files have now.
    """

    judgement: Judgement
    boosted_days: float
    whole_join_days: tuple[float, float]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON takes it."""
        with_groups, without = self.whole_join_days
        return self.judgement.to_dict() | {
            "published": {
                "report_days_earlier": published.PUBLISHED_DAYS,
                "report_days_earlier_without_groups": published.PUBLISHED_WITHOUT_GROUPS,
                "boosted_days_earlier": self.boosted_days,
                "all_rows_days_earlier": with_groups,
                "all_rows_days_earlier_without_groups": without,
            }
        }


def evaluate(
    *,
    seed: int = 0,
    candidates: tuple[Candidate, ...] = CANDIDATES,
    resamples: int = RESAMPLES,
) -> PublishedJudgement:
    """Make the published evaluation again and judge our order on the same inspections.

    Parameters
    ----------
    seed
        Of fits and resamples.
    candidates
        Models to choose from, on the periods before the test period.
    resamples
        Number of resamples.

    Returns
    -------
    PublishedJudgement
    """
    made = published.reproduce(published.model_rows())
    whole = published.reproduce(published.model_rows(published_rows_only=False))
    history, districts = published.history()
    start, end = (int(day.astype(int)) for day in (published.START, published.END))
    judged = risk_judgement.judge(
        history,
        start,
        end,
        numbers=made.numbers,
        compared={
            WITH_GROUPS: dict(zip(made.numbers, made.with_groups.tolist(), strict=True)),
            WITHOUT_GROUPS: dict(zip(made.numbers, made.without_groups.tolist(), strict=True)),
        },
        districts=districts,
        candidates=candidates,
        seed=seed,
        resamples=resamples,
    )
    return PublishedJudgement(
        judged,
        days_earlier(made.days, made.boosted, made.critical),
        (
            days_earlier(whole.days, whole.with_groups, whole.critical),
            days_earlier(whole.days, whole.without_groups, whole.critical),
        ),
    )

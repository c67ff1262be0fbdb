"""Reasons for the place of a premises: what groups of features add to its log odds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gis_supervision.language import gettext_noop

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gis_supervision.analysis.arrays import Floats

REASONS = {
    "history": gettext_noop("own history of hazards"),
    "last_visit": gettext_noop("what the last inspection found"),
    "time": gettext_noop("time since the last inspection, number of inspections"),
    "chain": gettext_noop("premises of the same name"),
    "licence": gettext_noop("age of the licence"),
    "calls": gettext_noop("complaints and re-inspections"),
    "neighbours": gettext_noop("hazards at neighbours"),
    "surroundings": gettext_noop("complaints nearby"),
    "category": gettext_noop("category"),
    "risk_class": gettext_noop("food-risk class"),
}
"""Groups of features, as people call them; single features of a group overlap too much to tell."""

STEMS = (
    ("own_", "history"),
    ("last_", "last_visit"),
    ("first", "time"),
    ("visits", "time"),
    ("gap", "time"),
    ("chain_", "chain"),
    ("age", "licence"),
    ("complaints_near", "surroundings"),
    ("complaints_", "calls"),
    ("follow_ups_", "calls"),
    ("other_visits", "calls"),
    ("near_", "neighbours"),
    ("category=", "category"),
    ("risk_class=", "risk_class"),
)
"""How the names of a group's features begin; the first that fits decides."""


def reason_of(name: str) -> str | None:
    """Return the reason that a feature belongs to, None for one that is held constant."""
    return next((reason for stem, reason in STEMS if name.startswith(stem)), None)


def by_reason(names: Sequence[str], contributions: Floats) -> dict[str, Floats]:
    """Sum contributions by reason.

    Parameters
    ----------
    names
        Features.
    contributions
        From `gis_supervision.analysis.risk.contributions`, shape (premises, names).

    Returns
    -------
    dict
        For each of `REASONS` the log odds that it adds to each premises.
    """
    sums = {reason: np.zeros(len(contributions)) for reason in REASONS}
    for name, column in zip(names, contributions.T, strict=True):
        reason = reason_of(name)
        if reason is not None:
            sums[reason] += column
    return sums

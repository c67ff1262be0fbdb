"""The analyses that layers need to speak of a day."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gis_supervision.analysis import patterns, risk_order, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import date

    from sqlalchemy.orm import Session

    from gis_supervision.domain.rule_history import RuleHistory
    from gis_supervision.domain.rules import RulePack

MAKERS: dict[str, Callable[[Session, RulePack | RuleHistory, date], object]] = {
    **dict.fromkeys(
        ("coverage", "premises_coverage", "unattended_cell"),
        lambda session, rules, day: run.coverage(session, rules, day, publish=False),
    ),
    "coverage_month": lambda session, rules, day: run.coverage_months(
        session, rules, day, publish=False
    ),
    "hotspot": lambda session, _, day: run.hotspots(session, day, publish=False),
    "emerging": lambda session, _, day: patterns.emerging(session, day, publish=False),
    "hotspot_step": lambda session, _, day: patterns.emerging(session, day, publish=False),
    "cluster": lambda session, _, day: patterns.scan(session, day, publish=False),
    "cluster_cell": lambda session, _, day: patterns.scan(session, day, publish=False),
    "risk": lambda session, _, day: risk_order.rank_if_known(session, day),
    "risk_cell": lambda session, _, day: risk_order.rank_if_known(session, day),
    "risk_run": lambda session, _, day: risk_order.rank_if_known(session, day),
}
"""Views of schema ``map`` that show runs, and what makes those of a day."""


def views(queries: Iterable[str]) -> set[str]:
    """Return the views that show runs among those that queries name."""
    named = {name for query in queries for name in re.findall(r"\bmap\.(\w+)", query)}
    return named & MAKERS.keys()


def analyse(
    session: Session, rules: RulePack | RuleHistory, day: date, queries: Iterable[str]
) -> None:
    """Make the runs of a day that queries show, with the usual parameters, unless they are there.

    Parameters
    ----------
    session
        An open session; the caller commits. Nothing is published.
    rules
        Rule pack with the required visits, or its versions.
    day
        The day.
    queries
        Texts of layers' queries.
    """
    wanted = views(queries)
    for name, make in MAKERS.items():
        if name in wanted:
            make(session, rules, day)

"""Draws that have been carried out, for tests of what comes after."""

import time
from datetime import date, timedelta
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from gis_supervision.assignment import drawing
from gis_supervision.assignment.drawing import Wish
from gis_supervision.domain.rules import load_rule_pack
from gis_supervision.errors import InvalidInputError
from gis_supervision.storage import draws

RULES = load_rule_pack(Path(__file__).parents[1] / "gis_supervision/demo/wusu/rules.toml")
WAITS_S = (0.3, 2.0, 15.0)
"""A slow machine needs longer to commit, which must not take until the seed is known."""


def drawn(session, *, seed="3.7.12", rules=RULES, **wish):
    """Plan a draw, commit to it, wait until its seed is known, and enter that."""
    values = {"name": "Q3", "day": date(2025, 7, 1), "ratios": {"none": 0.2}} | wish
    record = drawing.plan(session, rules, Wish(**values), by="Ann")
    known = _committed(session, rules, record.plan.id)
    left = known - draws.clock(session)
    time.sleep(max(left.total_seconds(), 0) + 0.01)  # the database holds its own clock against it
    return drawing.enter_seed(session, record.plan.id, seed, source_value=seed, by="Bo")


def _committed(session, rules, number):
    """Commit to a draw, and tell from when on its seed is known."""
    for wait in WAITS_S:
        known = draws.clock(session) + timedelta(seconds=wait)
        try:
            with session.begin_nested():
                drawing.commit(
                    session, rules, number, randomness="lottery", seed_known_from=known, by="Ann"
                )
        except (InvalidInputError, DBAPIError):
            if wait == WAITS_S[-1]:
                raise
        else:
            break
    return known


def picked(session, record, kind="drawn"):
    """What was drawn, by licence."""
    return {one.licence: one for one in draws.picks(session, record.plan.id) if one.kind == kind}

"""Steps of the demonstration that depend on how fast a machine is."""

from datetime import date

import factories

from gis_supervision.assignment import drawing
from gis_supervision.demo import steps
from gis_supervision.domain.rules import load_rule_pack
from gis_supervision.storage import draws

DAY = date(2014, 12, 30)


def test_a_draw_is_committed_to_where_its_list_takes_longer_than_the_seed(session, monkeypatch):
    factories.division(session)
    for number in range(4):
        factories.premises(session, licence=f"L{number}", category="Restaurant")
        factories.inspector(session, staff_number=f"S-{number}")
    rules = load_rule_pack(steps.DATA / "rules.toml")
    drawing.plan(session, rules, drawing.Wish("Slow", DAY), by="Ann")
    monkeypatch.setattr(steps, "SEED_AFTER_S", (0.0, 60.0))
    before = draws.clock(session)
    steps._commit(session, rules, "Slow")
    committed = draws.find(session, "Slow").committed()
    assert 60 <= (committed.seed_known_from - before).total_seconds() < 120

"""The revision of people on a register that is in use, down and up again."""

from contextlib import closing
from datetime import timedelta

import cities
import pytest
from cities import DAY
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from gis_supervision.assignment import proposing
from gis_supervision.storage import (
    database,
    endings,
    inspectors,
    migration,
    proposal_decisions,
    proposals,
    server,
)

BEFORE = "hazard_key"


def test_a_register_with_returns_goes_down_and_up(fresh_database):
    url = fresh_database().url
    engine = database.engine(url)
    rules = cities.rules()
    with database.session_scope(engine) as session:
        cities.small(session)
        first = proposal_decisions.today(session) + timedelta(days=3)
        absence = proposing.absence(
            session,
            rules,
            by="An",
            staff_number="P1",
            first=first,
            last=first + timedelta(days=9),
            as_of=DAY,
            tolerance=0.5,
        )
        proposal_decisions.accept(session, absence, by="Bo")
        for day, accepted in ((8, True), (6, False)):
            back = proposing.early_return(
                session,
                rules,
                by="An",
                staff_number="P1",
                day=first + timedelta(days=day),
                as_of=DAY,
            )
            if accepted:
                proposal_decisions.accept(session, back.proposal, by="Bo")
        assert len(endings.of(session, inspectors.find(session, "P1"))) == 1
        zones = cities.state(session)
        leave = session.execute(text("SELECT * FROM inspector_leave")).all()
    engine.dispose()

    migration.downgrade(url, BEFORE)
    with closing(server.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT kind, count(*) FROM proposal GROUP BY kind")
        assert cursor.fetchall() == [("absence", 1)]
    migration.upgrade(url)
    assert migration.drift(url) == []

    with database.session_scope(engine) as session:
        assert cities.state(session) == zones
        assert session.execute(text("SELECT * FROM inspector_leave")).all() == leave
        assert [one.id for one in proposals.listed(session)] == [absence]
        known = inspectors.find(session, "P1")
        assert inspectors.recorded(session, known) == (None, None), "nobody knows when"
        new = inspectors.register(
            session,
            [inspectors.NewInspector("P9", "Person 9", capacity_hours=1600.0)],
            by="Li",
        )
        by, at = inspectors.recorded(session, new[0])
        assert by == "Li"
        assert at is not None
        with pytest.raises(DBAPIError, match="append-only"), session.begin_nested():
            session.execute(text("DELETE FROM proposal_event"))
    engine.dispose()

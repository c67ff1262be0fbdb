"""Two who decide on one proposal at the same moment."""

import threading
from datetime import timedelta

import cities
import pytest
from cities import DAY
from sqlalchemy import text

from gis_supervision.assignment import proposing
from gis_supervision.errors import ConflictError
from gis_supervision.storage import database, proposal_decisions, proposals

WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted AND database = :database"
HERE = "SELECT oid FROM pg_database WHERE datname = current_database()"


@pytest.fixture
def engine(fresh_database):
    engine = database.engine(fresh_database().url)
    yield engine
    engine.dispose()


def test_who_withdraws_waits_for_who_accepts(engine):
    with database.session_scope(engine) as session:
        cities.small(session)
        first = proposal_decisions.today(session) + timedelta(days=3)
        number = proposing.absence(
            session,
            cities.rules(),
            by="An",
            staff_number="P1",
            first=first,
            last=first + timedelta(days=6),
            as_of=DAY,
            tolerance=0.5,
        )
    raised = []

    def withdraw():
        try:
            with database.session_scope(engine) as other:
                proposal_decisions.withdraw(other, number, by="An")
        except Exception as error:  # noqa: BLE001 - the test says which it has to be
            raised.append(error)

    thread = threading.Thread(target=withdraw)
    with database.session_scope(engine) as session:
        # what whoever accepts takes first
        session.execute(text("LOCK TABLE zone_cell, inspector_leave IN SHARE ROW EXCLUSIVE MODE"))
        here = {"database": session.scalar(text(HERE))}
        thread.start()
        for _ in range(500):
            if session.scalar(text(WAITING), here):
                break
            session.execute(text("SELECT pg_sleep(0.02)"))
        else:
            pytest.fail("the other one did not wait")
        proposal_decisions.accept(session, number, by="Bo")
    thread.join(30)
    (error,) = raised
    assert isinstance(error, ConflictError)
    assert f"proposal {number} is accepted" in str(error)
    with database.session_scope(engine) as session:
        assert proposals.find(session, number).state == "accepted"
        leave = session.execute(text("SELECT valid FROM inspector_leave")).all()
    assert len(leave) == 1, "the leave that is covered stays"

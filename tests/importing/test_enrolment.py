"""Two who register or change one inspector at the same moment."""

import threading
import time

import factories
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis_supervision.importing import enrolment
from gis_supervision.storage import database, inspectors

WAITING = text(
    "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()"
    " AND pid IN (SELECT pid FROM pg_stat_activity WHERE datname = current_database())"
)


@pytest.fixture
def engine(fresh_database):
    engine = database.engine(fresh_database().url)
    with Session(engine) as session:
        factories.inspector(session, staff_number="001", name="李娜", capacity_hours=1600)
        session.commit()
    yield engine
    engine.dispose()


@pytest.mark.parametrize("number", ["001", "002"], ids=["known", "new"])
def test_neither_change_is_lost(engine, number):
    def second():
        with database.session_scope(engine) as session:
            enrolment.enrol(session, number, {"name": "李娜", "capacity_hours": 1200.0}, by="乙")

    thread = threading.Thread(target=second)
    with Session(engine) as session, Session(engine) as watching:
        enrolment.enrol(session, number, {"name": "李娜", "languages": ("ug",)}, by="甲")
        thread.start()
        deadline = time.monotonic() + 20
        while not watching.scalar(WAITING):
            assert time.monotonic() < deadline, "the second waits for the first"
        session.commit()
    thread.join(timeout=20)
    with Session(engine) as session:
        ids = inspectors.ids_of(session, [number])
        (kept,) = inspectors.of(session, list(ids.values()))
    assert (kept.languages, kept.capacity_hours) == (("ug",), 1200.0)

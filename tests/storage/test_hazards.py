from collections.abc import Sequence
from datetime import date, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis_supervision.domain.inspections import hazard_episodes
from gis_supervision.storage import hazards

DAY = date(2024, 1, 1)
# several inspections on one day; numbers of several lengths, padded, and names that are none
NUMBERS = st.one_of(
    st.integers(0, 1200).map(str),
    st.tuples(st.integers(0, 12), st.integers(0, 5)).map(lambda pair: str(pair[0]).zfill(pair[1])),
    st.text("0129aB-é\u0663 ", min_size=1, max_size=4),
)
INSPECTIONS = st.lists(
    st.tuples(
        st.integers(0, 6).map(lambda days: DAY + timedelta(days=days)),
        NUMBERS,
        st.sets(st.sampled_from(["7", "40", "70"])),
    ),
    max_size=8,
    unique_by=lambda row: row[1],
)


def premises(session: Session, licence: str = "L1") -> int:
    return session.execute(
        text(
            "INSERT INTO premises (licence, name, location) VALUES (:licence, 'One', 'none') "
            "RETURNING id"
        ),
        {"licence": licence},
    ).scalar_one()


def inspect(session: Session, owner: int, day: date, number: str, items: Sequence[str]) -> int:
    found = session.execute(
        text(
            "INSERT INTO inspection (premises_id, inspected_on, inspection_number) "
            "VALUES (:owner, :day, :number) RETURNING id"
        ),
        {"owner": owner, "day": day, "number": number},
    ).scalar_one()
    for item in items:
        session.execute(
            text(
                "INSERT INTO finding (inspection_id, item, severity) VALUES (:id, :item, 'minor')"
            ),
            {"id": found, "item": item},
        )
    return found


def found(session: Session, owner: int) -> set[tuple[object, ...]]:
    rows = session.execute(
        text("""
            SELECT h.item, h.found_on, f.inspection_number, h.last_seen_on, l.inspection_number,
                   h.resolved_on, r.inspection_number, h.times_seen, h.state
            FROM hazard AS h
            JOIN inspection AS f ON h.first_inspection_id = f.id
            JOIN inspection AS l ON h.last_inspection_id = l.id
            LEFT JOIN inspection AS r ON h.resolving_inspection_id = r.id
            WHERE h.premises_id = :owner
        """),
        {"owner": owner},
    )
    return {tuple(row) for row in rows}


def expected(rows) -> set[tuple[object, ...]]:
    return {
        (
            episode.item,
            *episode.first_found,
            *episode.last_seen,
            *(episode.resolved_by or (None, None)),
            episode.times_seen,
            "reported" if episode.is_unresolved else "verified",
        )
        for episode in hazard_episodes(rows)
    }


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(INSPECTIONS, st.randoms(use_true_random=False))
def test_any_order_of_imports_gives_the_episodes(session, rows, chance):
    with session.begin_nested() as savepoint:
        owner = premises(session)
        other = premises(session, "L2")
        inspect(session, other, DAY, "x1", ["7"])
        hazards.derive(session, None)
        for day, number, items in chance.sample(rows, len(rows)):
            inspect(session, owner, day, number, sorted(items))
            if chance.random() < 0.6:
                hazards.derive(session, [owner])
        hazards.derive(session, [owner])
        assert found(session, owner) == expected(rows)
        assert len(found(session, other)) == 1
        savepoint.rollback()


def test_deriving_again_changes_nothing(session):
    owner = premises(session)
    inspect(session, owner, DAY, "1", ["7", "40"])
    inspect(session, owner, DAY + timedelta(days=5), "2", ["40"])
    assert hazards.derive(session, None) == hazards.Derived(new=2, changed=0, withdrawn=0)
    version = session.execute(text("SELECT version FROM registry_version")).scalar_one()
    assert hazards.derive(session, [owner]) == hazards.Derived(new=0, changed=0, withdrawn=0)
    assert session.execute(text("SELECT version FROM registry_version")).scalar_one() == version


def move(session: Session, state: str, resolved_on: date | None = None) -> None:
    session.execute(
        text("UPDATE hazard SET state = :state, resolved_on = :day"),
        {"state": state, "day": resolved_on},
    )


def state(session: Session) -> tuple[object, ...]:
    return tuple(session.execute(text("SELECT state, resolved_on, id FROM hazard")).one())


def test_a_case_that_people_moved_is_not_thrown_back(session):
    owner = premises(session)
    inspect(session, owner, DAY, "5", ["7"])
    hazards.derive(session, [owner])
    move(session, "handling")
    number = state(session)[2]
    # an older inspection with the same item makes it older; it is the same case
    inspect(session, owner, DAY - timedelta(days=9), "1", ["7"])
    hazards.derive(session, [owner])
    assert state(session) == ("handling", None, number)
    # a later one without it verifies it, and when that one goes the case is as it was
    clean = inspect(session, owner, DAY + timedelta(days=9), "9", [])
    hazards.derive(session, [owner])
    assert state(session) == ("verified", DAY + timedelta(days=9), number)
    session.execute(
        text("INSERT INTO finding (inspection_id, item, severity) VALUES (:id, '7', 'minor')"),
        {"id": clean},
    )
    hazards.derive(session, [owner])
    assert state(session) == ("handling", None, number)


def test_what_people_settled_stays_settled_unless_it_is_found_again(session):
    owner = premises(session)
    inspect(session, owner, DAY, "1", ["7"])
    hazards.derive(session, [owner])
    checked = DAY + timedelta(days=3)
    move(session, "closed", checked)
    inspect(session, owner, DAY + timedelta(days=9), "2", [])
    hazards.derive(session, [owner])
    assert state(session)[:2] == ("closed", checked)
    inspect(session, owner, DAY + timedelta(days=5), "3", ["7"])
    hazards.derive(session, [owner])
    assert state(session)[:2] == ("closed", DAY + timedelta(days=9))


def test_a_rejected_report_stays_rejected(session):
    owner = premises(session)
    inspect(session, owner, DAY, "1", ["7"])
    hazards.derive(session, [owner])
    move(session, "rejected", DAY)
    inspect(session, owner, DAY + timedelta(days=5), "2", ["7"])
    hazards.derive(session, [owner])
    assert state(session)[0] == "rejected"


def test_two_hazards_between_which_the_gap_closes_become_one(session):
    owner = premises(session)
    inspect(session, owner, DAY, "1", ["7"])
    gap = inspect(session, owner, DAY + timedelta(days=5), "2", [])
    inspect(session, owner, DAY + timedelta(days=9), "3", ["7"])
    hazards.derive(session, [owner])
    assert len(found(session, owner)) == 2
    session.execute(
        text("INSERT INTO finding (inspection_id, item, severity) VALUES (:id, '7', 'minor')"),
        {"id": gap},
    )
    assert hazards.derive(session, [owner]) == hazards.Derived(new=0, changed=1, withdrawn=1)
    assert state(session)[:2] == ("reported", None)

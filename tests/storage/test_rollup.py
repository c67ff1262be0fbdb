"""The roll-up is at any time what a count of the whole register gives."""

import threading
from datetime import date, timedelta

import factories
import h3
import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from gis_supervision.domain import h3_index
from gis_supervision.storage import bulk, database, rollup
from gis_supervision.storage.rollup_tables import H3Rollup

DAY = date(2024, 1, 1)


def h3_columns(lat, lng):
    return {f"h3_{r}": int(h3_index.cells_of([lat], [lng], r)[0]) for r in range(6, 11)}


def placed(session, lat=44.005, lng=84.005, **values):
    return factories.premises(session, lat=lat, lng=lng, **h3_columns(lat, lng) | values)


def row(session, resolution, h3_cell, *, in_scope=True):
    session.expire_all()
    return session.get(H3Rollup, (resolution, h3_cell, in_scope))


def test_parents_and_children_in_sql_are_those_of_h3(session):
    chance = np.random.default_rng(3)
    lat, lng = chance.uniform(-90, 90, 40), chance.uniform(-180, 180, 40)
    cells = [*h3_index.cells_of(lat, lng, 9).tolist()]
    cells += [h3.str_to_int(h3.cell_to_center_child(one, 9)) for one in h3.get_pentagons(0)]
    for cell in cells:
        for resolution in range(9, -1, -1):
            (parent,) = session.scalars(
                text("SELECT h3_parent(:cell, :resolution)"),
                {"cell": cell, "resolution": resolution},
            )
            assert parent == h3.str_to_int(h3.cell_to_parent(h3.int_to_str(cell), resolution))
            if resolution < 9:
                low, high = session.execute(
                    text("SELECT h3_child(:p, :r, 0), h3_child(:p, :r, 6)"),
                    {"p": parent, "r": resolution},
                ).one()
                children = sorted(
                    h3.str_to_int(one) for one in h3.cell_to_children(h3.int_to_str(parent))
                )
                assert (low, high) == (children[0], children[-1])
    assert session.scalar(text("SELECT h3_parent(0, 3)")) == 0


def test_counts_of_a_cell_at_every_resolution(session):
    premises = placed(session)
    visit = factories.inspection(session, premises, inspected_on=DAY)
    factories.inspection(session, premises, inspected_on=DAY + timedelta(days=5))
    factories.hazard(session, visit, severity="serious")
    for resolution in range(9):
        cell = int(h3_index.parents([premises.h3_8], resolution)[0])
        found = row(session, resolution, cell)
        assert (found.premises, found.inspections, found.serious, found.critical) == (1, 2, 1, 0)
        assert found.last_visit_on == DAY + timedelta(days=5)
    assert rollup.verify(session).right


def test_what_has_no_cell_and_what_is_out_of_scope_stay_in_the_totals(session):
    placed(session)
    placed(session, external=True)
    placed(session, closed_on=DAY)
    factories.inspection(session, factories.premises(session, lng=None))
    verdict = rollup.verify(session)
    assert (verdict.premises, verdict.out_of_scope, verdict.without_cell) == (4, 2, 1)
    assert verdict.inspections == 1
    assert verdict.right
    assert row(session, 4, 0).premises == 1


def test_a_division_that_passes_to_another_administration_takes_its_premises_along(session):
    county = factories.division(session, external=False)
    placed(session)
    assert rollup.verify(session).out_of_scope == 0
    county.external = True
    session.flush()
    verdict = rollup.verify(session)
    assert (verdict.out_of_scope, verdict.different) == (1, {})


def test_the_last_visit_goes_back_when_it_is_taken_away(session):
    premises = placed(session)
    factories.inspection(session, premises, inspected_on=DAY)
    later = factories.inspection(session, premises, inspected_on=DAY + timedelta(days=9))
    session.delete(later)
    session.flush()
    for resolution in (0, 7, 8):
        cell = int(h3_index.parents([premises.h3_8], resolution)[0])
        assert row(session, resolution, cell).last_visit_on == DAY


def test_a_cell_that_lost_everything_is_gone(session):
    premises = placed(session)
    session.delete(premises)
    session.flush()
    assert rollup.verify(session).rows == 0


def test_a_bulk_load_counts_anew_behind_its_rows(session, monkeypatch):
    monkeypatch.setattr(bulk, "FEWEST_ROWS", 1)
    premises = placed(session)
    with bulk.load(session, "premises", 5):
        for place in range(5):
            placed(session, lng=84.0 + place)
        assert not rollup.verify(session).right, "the trigger rests meanwhile"
    verdict = rollup.verify(session)
    assert (verdict.premises, verdict.different) == (6, {})
    with bulk.load(session, "inspection", 1):
        factories.inspection(session, premises)
    placed(session)
    verdict = rollup.verify(session)
    assert (verdict.premises, verdict.inspections, verdict.different) == (7, 1, {})


def test_a_wrong_row_is_found_and_a_rebuild_mends_it(session):
    premises = placed(session)
    session.execute(text("UPDATE h3_rollup SET premises = 7 WHERE resolution = 5"))
    assert rollup.verify(session).different == {5: 1}
    assert rollup.rebuild(session) == 9
    assert rollup.verify(session).right
    assert row(session, 8, premises.h3_8).premises == 1


@pytest.mark.parametrize(
    "statement",
    [
        "TRUNCATE premises CASCADE",
        "TRUNCATE inspection CASCADE",
        "TRUNCATE hazard",
        "WITH h AS (DELETE FROM hazard), i AS (DELETE FROM inspection) DELETE FROM premises",
        "WITH i AS (DELETE FROM inspection), h AS (DELETE FROM hazard) SELECT 1",
        "UPDATE hazard SET id = id + 1000, severity = 'minor'",
        "UPDATE premises SET h3_8 = NULL, closed_on = '2024-06-01'",
    ],
)
def test_statements_that_write_much_at_once(session, statement):
    for place in range(3):
        premises = placed(session, lng=84.005 + place)
        factories.hazard(session, factories.inspection(session, premises))
    session.execute(text(statement))
    assert rollup.verify(session).right


PLACES = [(44.005, 84.005), (44.006, 84.006), (44.305, 84.305), (-10.0, 179.99), None]
"""Two in one cell or in neighbours, one near, one far, none."""


class Register(RuleBasedStateMachine):
    """Random writes to a register; after each of them the roll-up equals a count of it all."""

    engine = None

    def __init__(self):
        super().__init__()
        self.connection = self.engine.connect()
        self.transaction = self.connection.begin()
        self.session = Session(self.connection, join_transaction_mode="create_savepoint")
        self.county = factories.division(self.session, geom=factories.square(side=1.0))
        self.premises = []
        self.inspections = []
        self.hazards = []
        self.savepoint = None

    def teardown(self):
        self.session.close()
        self.transaction.rollback()
        self.connection.close()

    def pick(self, rows, data):
        return data.draw(st.sampled_from(rows))

    @rule(
        place=st.sampled_from(PLACES),
        external=st.booleans(),
        closed=st.booleans(),
        indexed=st.booleans(),
    )
    def premises_come(self, place, external, closed, indexed):
        lat, lng = place or (None, None)
        cells = h3_columns(lat, lng) if place and indexed else {}
        self.premises.append(
            factories.premises(
                self.session,
                lat=lat,
                lng=lng,
                external=external,
                closed_on=DAY if closed else None,
                **cells,
            ).id
        )

    @rule(places=st.lists(st.sampled_from(PLACES[:4]), min_size=2, max_size=5))
    def many_premises_come_at_once(self, places):
        values = [
            {"licence": f"M{next(factories._numbers)}", "lat": lat, "lng": lng}
            | h3_columns(lat, lng)
            for lat, lng in places
        ]
        columns = ", ".join(f"h3_{r}" for r in range(6, 11))
        rows = ", ".join(
            f"('{v['licence']}', 'Premises', 'exact', st_setsrid(st_makepoint({v['lng']},"
            f" {v['lat']}), 4326), {', '.join(str(v[f'h3_{r}']) for r in range(6, 11))})"
            for v in values
        )
        self.premises += self.session.scalars(
            text(
                f"INSERT INTO premises (licence, name, location, geom, {columns})"
                f" VALUES {rows} RETURNING id"
            )
        ).all()

    @precondition(lambda self: self.premises)
    @rule(data=st.data(), place=st.sampled_from(PLACES))
    def premises_move(self, data, place):
        lat, lng = place or (None, None)
        cells = h3_columns(lat, lng) if place else dict.fromkeys(h3_columns(0, 0))
        self.session.execute(
            text(
                "UPDATE premises SET geom = :geom, location = :location, "
                + ", ".join(f"{name} = :{name}" for name in cells)
                + " WHERE id = ANY(:ids)"
            ),
            {
                "geom": f"SRID=4326;POINT({lng} {lat})" if place else None,
                "location": "exact" if place else "none",
                "ids": data.draw(st.lists(st.sampled_from(self.premises), max_size=3)),
            }
            | cells,
        )

    @precondition(lambda self: self.premises)
    @rule(data=st.data(), external=st.booleans(), closed=st.booleans())
    def premises_change_scope(self, data, external, closed):
        self.session.execute(
            text("UPDATE premises SET external = :external, closed_on = :closed WHERE id = :id"),
            {
                "external": external,
                "closed": DAY if closed else None,
                "id": self.pick(self.premises, data),
            },
        )

    @rule(external=st.booleans())
    def county_changes_sides(self, external):
        self.session.execute(
            text("UPDATE division SET external = :external WHERE id = :id"),
            {"external": external, "id": self.county.id},
        )

    @precondition(lambda self: self.premises)
    @rule(
        data=st.data(),
        day=st.integers(0, 5),
        severity=st.sampled_from(["critical", "serious", "minor", "unclassified", None]),
    )
    def inspection_comes(self, data, day, severity):
        number = next(factories._numbers)
        of, on = self.pick(self.premises, data), DAY + timedelta(days=day)
        made = self.session.scalar(
            text(
                "INSERT INTO inspection (inspection_number, premises_id, inspected_on)"
                " VALUES (:number, :of, :day) RETURNING id"
            ),
            {"number": f"I{number}", "of": of, "day": on},
        )
        self.inspections.append(made)
        if severity:
            self.hazards.append(
                self.session.scalar(
                    text(
                        "INSERT INTO hazard (premises_id, item, severity, first_inspection_id,"
                        " last_inspection_id, found_on, last_seen_on, times_seen)"
                        " VALUES (:of, '1', :severity, :made, :made, :day, :day, 1) RETURNING id"
                    ),
                    {"of": of, "severity": severity, "made": made, "day": on},
                )
            )

    @precondition(lambda self: self.hazards)
    @rule(data=st.data(), resolved=st.booleans())
    def hazard_changes_state(self, data, resolved):
        self.session.execute(
            text(
                "UPDATE hazard SET state = :state, resolved_on = :resolved, severity = :severity"
                " WHERE id = :id"
            ),
            {
                "state": "closed" if resolved else "handling",
                "resolved": DAY + timedelta(days=60) if resolved else None,
                "severity": data.draw(st.sampled_from(["critical", "minor"])),
                "id": self.pick(self.hazards, data),
            },
        )

    @precondition(lambda self: self.inspections)
    @rule(data=st.data(), day=st.integers(0, 5))
    def inspection_is_corrected(self, data, day):
        self.session.execute(
            text("UPDATE inspection SET inspected_on = :day, premises_id = :of WHERE id = :id"),
            {
                "day": DAY + timedelta(days=day),
                "of": self.pick(self.premises, data),
                "id": self.pick(self.inspections, data),
            },
        )

    @precondition(lambda self: self.inspections)
    @rule(data=st.data())
    def inspections_go(self, data):
        gone = data.draw(st.lists(st.sampled_from(self.inspections), min_size=1, max_size=3))
        self.session.execute(
            text("DELETE FROM hazard WHERE first_inspection_id = ANY(:ids)"), {"ids": gone}
        )
        self.session.execute(text("DELETE FROM inspection WHERE id = ANY(:ids)"), {"ids": gone})
        self.inspections = [one for one in self.inspections if one not in gone]
        self.hazards = list(self.session.scalars(text("SELECT id FROM hazard")))

    @precondition(lambda self: self.premises)
    @rule(data=st.data())
    def premises_go(self, data):
        gone = {"id": self.pick(self.premises, data)}
        for table, column in (("hazard", "premises_id"), ("inspection", "premises_id")):
            self.session.execute(text(f"DELETE FROM {table} WHERE {column} = :id"), gone)
        self.session.execute(text("DELETE FROM premises WHERE id = :id"), gone)
        self.reread()

    @precondition(lambda self: self.savepoint is None)
    @rule()
    def work_begins(self):
        self.savepoint = self.session.begin_nested()

    @precondition(lambda self: self.savepoint is not None)
    @rule(kept=st.booleans())
    def work_ends(self, kept):
        if kept:
            self.savepoint.commit()
        else:
            self.savepoint.rollback()
        self.savepoint = None
        self.reread()

    def reread(self):
        for table in ("premises", "inspection", "hazard"):
            ids = list(self.session.scalars(text(f"SELECT id FROM {table}")))
            setattr(self, table if table == "premises" else f"{table}s", ids)

    @invariant()
    def rollup_equals_a_count_of_everything(self):
        verdict = rollup.verify(self.session)
        assert verdict.right, verdict.different
        assert verdict.premises == len(self.premises)


def test_random_interleavings_of_writes(engine):
    Register.engine = engine
    try:
        Register.TestCase.settings = settings(
            max_examples=25,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        Register.TestCase().runTest()
    finally:
        Register.engine = None


def test_writers_at_once_lose_nothing_and_do_not_block_each_other_for_ever(fresh_database):
    engine = database.engine(fresh_database().url)
    with database.session_scope(engine) as session:
        ids = [placed(session, lng=84.005 + 0.5 * (n % 2)).id for n in range(8)]
    begin = threading.Barrier(4)
    failures = []

    def write(number):
        chance = np.random.default_rng(number)
        begin.wait()
        try:
            for turn in range(12):
                with database.session_scope(engine) as session:
                    session.execute(text("SET LOCAL lock_timeout = '20s'"))
                    # two cells a transaction, in an order that differs from writer to writer
                    for of in chance.permutation(ids)[:2].tolist():
                        session.execute(
                            text(
                                "INSERT INTO inspection"
                                " (inspection_number, premises_id, inspected_on)"
                                " VALUES (:number, :of, '2024-01-01')"
                            ),
                            {"number": f"{number}-{turn}-{of}", "of": of},
                        )
                    lat, lng = PLACES[int(chance.integers(4))]
                    session.execute(
                        text("UPDATE premises SET h3_8 = :h3 WHERE id = :id"),
                        {"h3": h3_columns(lat, lng)["h3_8"], "id": ids[number]},
                    )
        except Exception as error:  # noqa: BLE001 - told below
            failures.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    with database.session_scope(engine) as session:
        verdict = rollup.verify(session)
        inspections = session.scalar(text("SELECT count(*) FROM inspection"))
    engine.dispose()
    assert failures == []
    assert (verdict.different, verdict.inspections) == ({}, inspections)
    assert inspections == 4 * 12 * 2


def test_reading_the_totals_needs_no_cell_of_its_own(session):
    for place in range(5):
        placed(session, lng=84.0 + place / 3)
    sums = session.execute(
        text("SELECT resolution, sum(premises) FROM h3_rollup GROUP BY resolution")
    ).all()
    assert {int(total) for _, total in sums} == {5}
    assert len(sums) == len(set(session.scalars(select(H3Rollup.resolution)))) == 9

"""Imports, their undoing and other writes in any order: the roll-up is a count of everything."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import text

from gis_supervision.errors import ConflictError
from gis_supervision.importing import batches
from gis_supervision.storage import database, rollup

VISITS_HEAD = "Licence,Name,Risk,Lat,Lng,Visit,Day\n"
FINDINGS_HEAD = "Visit,Item\n"
PLACES = ["44.4,84.6", "44.4005,84.6005", "44.9,84.2", "-9999,-9999"]


@st.composite
def files(draw):
    """Rows of a few premises, each visit with a premises and a day of its own, and findings."""
    visits, findings = [], []
    for visit in sorted(draw(st.sets(st.integers(1, 8), min_size=1, max_size=5))):
        premises, day = draw(st.integers(1, 4)), draw(st.integers(10, 28))
        place = draw(st.sampled_from(PLACES))
        visits.append(f"L{premises},Name {premises},1,{place},{visit},01/{day}/2024\n")
        findings += [
            f"{visit},{item}\n" for item in sorted(draw(st.sets(st.sampled_from([7, 40]))))
        ]
    return VISITS_HEAD + "".join(visits), FINDINGS_HEAD + "".join(findings)


class Imports(RuleBasedStateMachine):
    """An office at work: files come and are taken back, people write in between."""

    register = None

    @initialize()
    def begin(self):
        with self.register.engine.begin() as connection:
            connection.execute(
                text("TRUNCATE premises, inspection, finding, hazard, import_batch CASCADE")
            )
        self.batches = []

    @rule(content=files())
    def import_comes(self, content):
        report = self.register.run(self.register.town(*content))
        if report.batch_id is not None:
            self.batches.append(report.batch_id)

    @rule(data=st.data())
    def import_is_undone(self, data):
        if not self.batches:
            return
        batch = data.draw(st.sampled_from(self.batches))
        try:
            batches.undo(self.register.engine, batch, actor="tester")
        except ConflictError:
            return
        self.batches.remove(batch)

    @rule(
        statement=st.sampled_from(
            [
                "UPDATE premises SET external = NOT external WHERE licence = 'L1'",
                "UPDATE premises SET closed_on = '2024-12-31' WHERE licence = 'L2'",
                "UPDATE premises SET closed_on = NULL",
                "UPDATE premises SET location = 'none', geom = NULL WHERE licence = 'L3'",
                "UPDATE hazard SET state = 'closed', resolved_on = '2024-12-01' WHERE item = '7'",
            ]
        )
    )
    def people_write(self, statement):
        with self.register.engine.begin() as connection:
            connection.execute(text(statement))

    @invariant()
    def rollup_equals_a_count_of_everything(self):
        with database.session_scope(self.register.engine) as session:
            verdict = rollup.verify(session)
            premises = session.scalar(text("SELECT count(*) FROM premises"))
        assert (verdict.different, verdict.premises) == ({}, premises)


def test_imports_undoing_and_other_writes_in_any_order(register):
    Imports.register = register
    try:
        Imports.TestCase.settings = settings(
            max_examples=10,
            stateful_step_count=10,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        Imports.TestCase().runTest()
    finally:
        Imports.register = None

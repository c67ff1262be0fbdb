"""Large loads: indexes and constraints are taken off a table and built anew behind the rows.

An index that is built at once costs a fraction of one that is kept current row by row, and a
foreign key that is checked as a set costs a fraction of one checked row by row. All of it happens
in the load's transaction: nobody ever sees the table without them, and an end of the load by any
means leaves them as they were.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from psycopg2.sql import SQL, Identifier
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis_supervision.storage.statements import named

FEWEST_ROWS: Final = 20_000
"""Loads below this are quick enough as they are."""


@contextmanager
def load(session: Session, relation: str, rows: int) -> Iterator[None]:
    """Take off what slows a load down, and put it back afterwards.

    Nothing is done when the load is small, or smaller than the table already is. Otherwise the
    table is locked against other readers until the transaction ends.

    Parameters
    ----------
    session
        An open session; everything belongs to its transaction.
    relation
        Name of the table.
    rows
        Number of rows that are about to be inserted.
    """
    if rows < FEWEST_ROWS or _rows(session, relation) > rows:
        yield
        return
    sql = named("bulk")
    values = {"relation": relation}
    constraints = session.execute(text(sql["constraints"]), values).all()
    indexes = session.execute(text(sql["indexes"]), values).all()
    for name, _ in constraints:
        _execute(session, "ALTER TABLE {} DROP CONSTRAINT {}", relation, name)
    for name, _ in indexes:
        _execute(session, "DROP INDEX {}", name)
    # to count the roll-up anew behind the rows costs less than to hand them to its trigger
    counted = session.scalars(text(sql["rolled_up"]), values).one()
    if counted:
        _execute(session, "ALTER TABLE {} DISABLE TRIGGER rollup_inserted", relation)
    yield
    session.execute(text("SET LOCAL maintenance_work_mem = '256MB'"))
    # foreign keys are checked by joins, which share the processors
    session.execute(text("SET LOCAL max_parallel_workers_per_gather = 2"))
    for _, definition in indexes:
        session.connection().exec_driver_sql(definition)
    for name, definition in constraints:
        _execute(session, "ALTER TABLE {} ADD CONSTRAINT {} " + definition, relation, name)
    if counted:
        _execute(session, "ALTER TABLE {} ENABLE TRIGGER rollup_inserted", relation)
        session.execute(text("SELECT h3_rollup_rebuild()"))
    # the server's own ANALYZE follows with a larger sample
    session.execute(text("SET LOCAL default_statistics_target = 30"))
    _execute(session, "ANALYZE {}", relation)


def _rows(session: Session, relation: str) -> int:
    statement = SQL("SELECT count(*) FROM {}").format(Identifier(relation))
    return int(session.connection().exec_driver_sql(_text(session, statement)).scalar_one())


def _execute(session: Session, statement: str, *names: str) -> None:
    composed = SQL(statement).format(*map(Identifier, names))
    session.connection().exec_driver_sql(_text(session, composed))


def _text(session: Session, statement: object) -> str:
    driver = session.connection().connection.driver_connection
    return str(statement.as_string(driver))  # type: ignore[attr-defined]

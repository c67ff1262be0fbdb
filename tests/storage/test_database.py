"""Engines, sessions, COPY, and what the driver's errors become."""

import io
from collections.abc import Callable
from contextlib import closing

import psycopg2
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError, ProgrammingError
from sqlalchemy.orm import Session

from gis_supervision.errors import ConflictError, InvalidInputError, UnavailableError
from gis_supervision.storage import database, migration, server
from gis_supervision.storage.cluster import Endpoint


def test_a_test_leaves_nothing_even_if_it_commits(session: Session, engine: Engine):
    session.execute(text("CREATE TABLE left_behind (x int)"))
    session.commit()
    assert session.execute(text("SELECT to_regclass('left_behind')")).scalar() is not None
    with engine.connect() as other:
        other.execute(text("SET lock_timeout = '1s'"))
        assert other.execute(text("SELECT to_regclass('left_behind')")).scalar() is None


def test_the_scope_commits_at_its_end_and_rolls_back_on_an_error(
    fresh_database: Callable[[], Endpoint],
):
    engine = database.engine(fresh_database().url)
    with database.session_scope(engine) as session:
        session.execute(text("CREATE TABLE x (n int PRIMARY KEY)"))
        session.execute(text("INSERT INTO x VALUES (1)"))
    with pytest.raises(ZeroDivisionError), database.session_scope(engine) as session:
        1 / session.execute(text("INSERT INTO x VALUES (2) RETURNING 0")).scalar_one()
    with database.session_scope(engine) as session:
        assert session.execute(text("SELECT array_agg(n) FROM x")).scalar() == [1]
    engine.dispose()


def test_owner_and_reader_agree_on_the_time_zone(migrated: Endpoint):
    for make, url in (
        (database.engine, migrated.url),
        (database.reader_engine, migrated.reader_url),
    ):
        engine = make(url)
        with engine.connect() as connection:
            assert connection.execute(text("SHOW timezone")).scalar() == "UTC"
            assert connection.execute(text("SHOW jit")).scalar() == "off"
        engine.dispose()


def test_options_in_the_url_are_kept(migrated: Endpoint):
    url = server.make_url(migrated.url).update_query_dict({"options": "-c work_mem=3MB"})
    engine = database.engine(url, statement_timeout_s=7.5)
    with engine.connect() as connection:
        assert connection.execute(text("SHOW work_mem")).scalar() == "3MB"
        assert connection.execute(text("SHOW statement_timeout")).scalar() == "7500ms"
    engine.dispose()


class TestReader:
    @pytest.fixture
    def reader(self, migrated: Endpoint):
        engine = database.reader_engine(migrated.reader_url, statement_timeout_s=0.2)
        yield engine
        engine.dispose()

    def test_reads_schema_map(self, reader: Engine):
        with reader.connect() as connection:
            views = connection.execute(
                text("SELECT viewname FROM pg_views WHERE schemaname = 'map'")
            ).scalars()
            names = list(views)
            assert names
            for name in names:
                connection.execute(text(f'SELECT * FROM map."{name}" LIMIT 1'))

    def test_is_refused_everywhere_else(self, reader: Engine, engine: Engine):
        with engine.connect() as connection:
            tables = connection.execute(
                text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            ).scalars()
            names = set(tables) - {"spatial_ref_sys"}  # PostGIS's, public by its own will
        assert len(names) > 10
        for name in names:
            with (
                reader.connect() as connection,
                pytest.raises(ProgrammingError, match="permission denied"),
            ):
                connection.execute(text(f'SELECT 1 FROM public."{name}"'))

    @pytest.mark.parametrize(
        "attempt",
        [
            "RESET ROLE; SELECT 1 FROM public.premises",
            "SET ROLE gis_supervision",
            "SET SESSION AUTHORIZATION gis_supervision",
            "SET TRANSACTION READ WRITE; CREATE TABLE public.mine (x int)",
            "SET TRANSACTION READ WRITE; CREATE TEMP TABLE mine (x int)",
            "SET TRANSACTION READ WRITE; CREATE SCHEMA mine",
            "SELECT pg_read_file('postgresql.conf')",
            "COPY (SELECT 1) TO PROGRAM 'true'",
            "COPY (SELECT 1) TO '/mine'",
            "SELECT lo_import('/etc/passwd')",
        ],
    )
    def test_does_not_get_out(self, reader: Engine, attempt: str):
        with reader.connect() as connection, pytest.raises(DBAPIError) as caught:
            connection.execute(text(attempt))
        assert isinstance(caught.value.orig, psycopg2.errors.InsufficientPrivilege)

    def test_does_not_write(self, reader: Engine):
        with (
            pytest.raises(InvalidInputError, match="only reading"),
            database.session_scope(reader) as session,
        ):
            session.execute(text("CREATE TABLE map.mine (x int)"))

    def test_is_ended_when_it_takes_too_long(self, reader: Engine):
        with (
            pytest.raises(UnavailableError, match="took too long"),
            database.session_scope(reader) as session,
        ):
            session.execute(text("SELECT pg_sleep(60)"))


class TestCopy:
    @pytest.fixture
    def table(self, session: Session) -> str:
        session.execute(text("CREATE SCHEMA odd"))
        session.execute(
            text('CREATE TABLE odd."Name" (id int, "the name" text, lat double precision)')
        )
        return "odd.Name"

    def test_quotes_names_and_keeps_null_apart_from_empty_text(self, session: Session, table: str):
        rows = '1,乌苏市 "老王" 餐馆,44.4\n2,"",\n3,,1e2\n'.replace('"老王"', "老王")
        count = database.copy_rows(session, table, ["id", "the name", "lat"], io.StringIO(rows))
        assert count == 3
        found = session.execute(text('SELECT "the name", lat FROM odd."Name" ORDER BY id')).all()
        assert [tuple(row) for row in found] == [
            ("乌苏市 老王 餐馆", 44.4),
            ("", None),
            (None, 100.0),
        ]

    def test_takes_bytes_as_well(self, session: Session, table: str):
        stream = io.BytesIO("1,粮油,44.4\n".encode())
        assert database.copy_rows(session, table, ["id", "the name", "lat"], stream) == 1
        assert session.execute(text('SELECT "the name" FROM odd."Name"')).scalar() == "粮油"

    def test_names_line_and_column_of_a_bad_value(self, session: Session, table: str):
        with (
            pytest.raises(InvalidInputError, match=r"line 2, column lat: .north"),
            database.translation(),
        ):
            database.copy_rows(
                session, table, ["id", "lat"], io.StringIO("1,44.4\n2,north\n3,44.4\n")
            )


class TestTranslation:
    @pytest.mark.parametrize(
        ("statement", "expected", "words"),
        [
            ("INSERT INTO t VALUES (1, 5)", ConflictError, "constraint t_pkey"),
            ("INSERT INTO t VALUES (2, -5)", InvalidInputError, "constraint positive"),
            ("INSERT INTO t VALUES (NULL, 5)", InvalidInputError, "missing"),
            ("INSERT INTO u VALUES (77)", ConflictError, "u_n_fkey"),
            ("INSERT INTO s VALUES ('[2020-01-05,2020-02-01)')", ConflictError, "overlap"),
            ("SELECT 1 / 0", InvalidInputError, "division by zero"),
            ("SELECT 'x'::date", InvalidInputError, "x"),
            ("SELECT 99999999999::int", InvalidInputError, "out of range"),
        ],
    )
    def test_constraints_and_values(
        self, session: Session, statement: str, expected: type[Exception], words: str
    ):
        session.execute(
            text(
                "CREATE TABLE t (n int PRIMARY KEY, v int CONSTRAINT positive CHECK (v > 0));"
                "CREATE TABLE u (n int REFERENCES t);"
                "CREATE TABLE s (during daterange, EXCLUDE USING gist (during WITH &&));"
                "INSERT INTO t VALUES (1, 1); INSERT INTO s VALUES ('[2020-01-01,2020-01-09)')"
            )
        )
        with pytest.raises(expected, match=words), database.translation():
            session.execute(text(statement))

    def test_a_mistake_of_the_program_stays_what_it_is(self, session: Session):
        with pytest.raises(ProgrammingError), database.translation():
            session.execute(text("SELECT no_such_column FROM premises"))

    def test_a_connection_ended_by_the_administrator(self, migrated: Endpoint):
        engine = database.engine(migrated.url)
        killing = text("SELECT pg_terminate_backend(pg_backend_pid())")
        with (
            pytest.raises(UnavailableError, match=r"database (was stopped|does not answer)"),
            database.session_scope(engine) as session,
        ):
            session.execute(killing)
        # the pool replaces what broke
        with database.session_scope(engine) as session:
            assert session.execute(text("SELECT 1")).scalar() == 1
        engine.dispose()

    def test_no_server(self):
        engine = database.engine("postgresql+psycopg2://x@127.0.0.1:1/x")
        with (
            pytest.raises(UnavailableError, match="does not answer"),
            database.session_scope(engine) as session,
        ):
            session.execute(text("SELECT 1"))


class TestMigration:
    def test_code_and_migrations_agree(self, database_url: str):
        assert migration.drift(database_url) == []

    def test_drift_is_told(self, fresh_database: Callable[[], Endpoint]):
        url = fresh_database().url
        with closing(server.connect(url)) as connection, connection.cursor() as cursor:
            cursor.execute("ALTER TABLE premises ADD COLUMN surplus int")
        assert any("surplus" in line for line in migration.drift(url))

    def test_up_down_up_leaves_the_same_schema(self, fresh_database: Callable[[], Endpoint]):
        url = fresh_database().url
        assert migration.is_current(url)
        before = inventory(url)
        migration.downgrade(url, "base")
        assert migration.current(url) is None
        assert [item for item in inventory(url) if "alembic_version" not in item[1]] == []
        migration.upgrade(url)
        assert migration.is_current(url)
        assert inventory(url) == before
        assert migration.drift(url) == []

    def test_every_revision_by_itself(self, fresh_database: Callable[[], Endpoint]):
        url = fresh_database().url
        seen = []
        while migration.current(url) is not None:
            seen.append(migration.current(url))
            migration.downgrade(url, "-1")
            migration.upgrade(url, "+1")
            assert migration.current(url) == seen[-1]
            migration.downgrade(url, "-1")
        assert seen[0] == migration.head()
        assert len(seen) > 1

    def test_a_newer_database_is_refused(self, fresh_database: Callable[[], Endpoint]):
        url = fresh_database().url
        with closing(server.connect(url)) as connection, connection.cursor() as cursor:
            cursor.execute("UPDATE alembic_version SET version_num = 'from_the_future'")
        for refused in (migration.upgrade, migration.require_current):
            with pytest.raises(UnavailableError, match="from_the_future"):
                refused(url)

    def test_an_old_database_is_named_with_the_command(
        self, fresh_database: Callable[[], Endpoint]
    ):
        url = fresh_database().url
        migration.require_current(url)
        migration.downgrade(url, "-1")
        with pytest.raises(UnavailableError, match="gis-supervision db migrate"):
            migration.require_current(url)

    def test_two_migrations_wait_for_each_other(self, fresh_database: Callable[[], Endpoint]):
        url = fresh_database().url
        with (
            migration.migrating(url),
            closing(server.connect(url)) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute("SELECT pg_try_advisory_lock(%s)", (migration.LOCK_KEY,))
            assert cursor.fetchone() == (False,)
        with closing(server.connect(url)) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", (migration.LOCK_KEY,))
            assert cursor.fetchone() == (True,)

    def test_a_held_table_ends_the_migration_instead_of_blocking_everybody(
        self, fresh_database: Callable[[], Endpoint], monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(migration, "LOCK_TIMEOUT_S", 1)
        url = fresh_database().url
        engine = database.engine(url)
        with engine.connect() as connection:
            connection.execute(text("SELECT count(*) FROM premises"))
            with pytest.raises(UnavailableError, match="lock"):
                migration.downgrade(url, "base")
        engine.dispose()
        assert migration.current(url) is not None


def inventory(url: str) -> list[tuple[str, str]]:
    """Everything of our own in a database: relations, columns, constraints, functions, triggers."""
    with closing(server.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("""
            WITH ours AS (
                SELECT oid FROM pg_namespace
                WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
            ),
            extensions AS (SELECT objid FROM pg_depend WHERE deptype = 'e')
            SELECT 'relation ' || relkind::text, oid::regclass::text
              FROM pg_class WHERE relnamespace IN (SELECT oid FROM ours)
               AND oid NOT IN (SELECT objid FROM extensions)
               AND relkind NOT IN ('i', 'c')
            UNION ALL
            SELECT 'column', attrelid::regclass || '.' || attname || ' '
                   || format_type(atttypid, atttypmod) || ' ' || attnotnull
              FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
             WHERE attnum > 0 AND NOT attisdropped AND relkind IN ('r', 'v')
               AND relnamespace IN (SELECT oid FROM ours)
               AND attrelid NOT IN (SELECT objid FROM extensions)
            UNION ALL
            SELECT 'index', indexdef FROM pg_indexes
             WHERE schemaname::regnamespace IN (SELECT oid FROM ours)
               AND tablename <> 'spatial_ref_sys'
            UNION ALL
            SELECT 'constraint', conrelid::regclass || ' ' || pg_get_constraintdef(oid)
              FROM pg_constraint WHERE connamespace IN (SELECT oid FROM ours)
               AND conrelid <> 0 AND conrelid NOT IN (SELECT objid FROM extensions)
            UNION ALL
            SELECT 'function', oid::regprocedure::text FROM pg_proc
             WHERE pronamespace IN (SELECT oid FROM ours)
               AND oid NOT IN (SELECT objid FROM extensions)
            UNION ALL
            SELECT 'trigger', pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
            UNION ALL
            SELECT 'type', typname::text FROM pg_type
             WHERE typtype IN ('e', 'd') AND typnamespace IN (SELECT oid FROM ours)
               AND oid NOT IN (SELECT objid FROM extensions)
            ORDER BY 1, 2
            """)
        return cursor.fetchall()


@pytest.mark.parametrize("value", ["\0", "C1\udcff"])
def test_text_that_no_register_can_hold_is_bad_input(engine, value):
    with (
        pytest.raises(InvalidInputError, match="a value is not what the register takes"),
        database.session_scope(engine) as session,
    ):
        session.execute(text("SELECT 1 WHERE CAST(:value AS text) = 'C1'"), {"value": value})
    with pytest.raises(ValueError, match=r"^another$"), database.session_scope(engine):
        raise ValueError("another")

"""Backups: the round trip, and restorations that must not happen."""

import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from gis_supervision.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    UnavailableError,
)
from gis_supervision.storage import backup, migration, server
from gis_supervision.storage.cluster import Endpoint


def run(url: str, statement: str) -> list[tuple[object, ...]]:
    with closing(server.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def hire(url: str, number: int) -> None:
    run(
        url,
        "INSERT INTO inspector (staff_number, name, capacity_hours) SELECT 'S' || n, '检查员', 8"
        f" FROM generate_series({number}, {number + 99}) n",
    )


def staff(url: str) -> int:
    return run(url, "SELECT count(*) FROM inspector")[0][0]  # type: ignore[return-value]


def left_databases(url: str) -> list[tuple[object, ...]]:
    return run(url, "SELECT datname FROM pg_database WHERE datname ~ '_(restored|replaced)_'")


def everything(url: str) -> list[object]:
    tables = run(
        url,
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        " AND tablename <> 'spatial_ref_sys' ORDER BY 1",
    )
    return [(t, run(url, f'SELECT x::text FROM public."{t}" x ORDER BY 1')) for (t,) in tables]


@pytest.fixture
def url(fresh_database: Callable[[], Endpoint]) -> str:
    url = fresh_database().url
    hire(url, 0)
    return url


def test_the_round_trip(url: str, tmp_path: Path):
    file = tmp_path / "register.backup"
    made = backup.backup(url, file)
    assert made.revision == migration.head()
    assert made.size_bytes == file.stat().st_size > 0
    assert file.stat().st_mode & 0o077 == 0
    before = everything(url)
    hire(url, 100)
    run(url, "DELETE FROM inspector WHERE staff_number = 'S1'")
    with closing(server.connect(url)):  # a service that stays connected
        restored = backup.restore(url, file)
    assert restored == made
    assert everything(url) == before
    assert staff(url) == 100
    assert migration.drift(url) == []
    assert left_databases(url) == []
    assert [path.name for path in tmp_path.iterdir()] == ["register.backup"]


def test_the_reader_and_nobody_else_gets_into_a_restored_database(
    fresh_database: Callable[[], Endpoint], tmp_path: Path
):
    endpoint = fresh_database()
    file = tmp_path / "register.backup"
    backup.backup(endpoint.url, file)
    backup.restore(endpoint.url, file)
    assert run(endpoint.reader_url, "SELECT count(*) FROM map.premises") == [(0,)]
    rights = run(
        endpoint.url, "SELECT datacl::text FROM pg_database WHERE datname = current_database()"
    )
    assert "{=" not in str(rights[0][0])
    assert ",=" not in str(rights[0][0])


def test_an_older_backup_is_brought_to_the_newest_revision(url: str, tmp_path: Path):
    file = tmp_path / "old.backup"
    migration.downgrade(url, "-1")
    old = backup.backup(url, file)
    assert old.revision != migration.head()
    migration.upgrade(url)
    backup.restore(url, file)
    assert migration.is_current(url)
    assert staff(url) == 100


def test_a_damaged_backup_leaves_the_database_as_it_is(url: str, tmp_path: Path):
    file = tmp_path / "damaged.backup"
    backup.backup(url, file)
    content = file.read_bytes()
    middle = len(content) * 3 // 4
    file.write_bytes(content[:middle])  # its table of contents is whole
    hire(url, 100)
    with pytest.raises(InvalidInputError, match=r"damaged\.backup"):
        backup.restore(url, file)
    assert staff(url) == 200
    assert left_databases(url) == []


def test_a_restoration_that_fails_at_a_constraint_leaves_the_database(url: str, tmp_path: Path):
    file = tmp_path / "odd.backup"
    # a trigger's function that only fails where it is compiled anew
    run(url, "CREATE TABLE broken (n int)")
    run(url, "CREATE FUNCTION fails(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1'")
    run(url, "INSERT INTO broken VALUES (1)")
    run(url, "CREATE INDEX broken_index ON broken (fails(n))")
    run(
        url,
        "CREATE OR REPLACE FUNCTION fails(int) RETURNS int LANGUAGE sql IMMUTABLE"
        " AS 'SELECT $1 / 0'",
    )
    backup.backup(url, file)
    hire(url, 100)
    with pytest.raises(InvalidInputError, match="division by zero"):
        backup.restore(url, file)
    assert staff(url) == 200
    assert left_databases(url) == []


def test_what_a_killed_restoration_left_is_cleared(url: str, tmp_path: Path):
    file = tmp_path / "register.backup"
    backup.backup(url, file)
    name = server.make_url(url).database
    run(url, f'CREATE DATABASE "{name[:40]}_restored_0123abcd"')
    run(url, f'CREATE DATABASE "{name[:40]}_restored_notours"')
    backup.restore(url, file)
    assert left_databases(url) == [(f"{name[:40]}_restored_notours",)]
    run(url, f'DROP DATABASE "{name[:40]}_restored_notours"')


class TestRefusals:
    def test_no_file(self, url: str, tmp_path: Path):
        with pytest.raises(NotFoundError):
            backup.restore(url, tmp_path / "nothing")

    def test_no_backup(self, url: str, tmp_path: Path):
        (tmp_path / "notes").write_text("CREATE TABLE premises (id int);", encoding="utf-8")
        with pytest.raises(InvalidInputError, match="not a backup"):
            backup.restore(url, tmp_path / "notes")

    @pytest.mark.parametrize("disguised", [False, True])
    def test_a_backup_of_something_else(
        self, fresh_database: Callable[[], Endpoint], url: str, tmp_path: Path, *, disguised: bool
    ):
        other = fresh_database().url
        if disguised:
            run(other, "UPDATE alembic_version SET version_num = '1a2b3c4d'")
        else:
            run(other, "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
            run(other, "CREATE TABLE alembic_version AS SELECT 'elsewhere' AS version_num")
        file = tmp_path / "other.backup"
        backup.backup(other, file)
        with pytest.raises(InvalidInputError, match=r"other\.backup"):
            backup.restore(url, file)
        assert staff(url) == 100

    def test_an_empty_database_has_no_backup(
        self, fresh_database: Callable[[], Endpoint], tmp_path: Path
    ):
        url = fresh_database().url
        migration.downgrade(url, "base")
        with pytest.raises(ConflictError, match="db migrate"):
            backup.backup(url, tmp_path / "empty")

    def test_a_failed_backup_keeps_the_last_one(self, url: str, tmp_path: Path):
        (tmp_path / "directory").mkdir()
        with pytest.raises(UnavailableError, match="cannot be written"):
            backup.backup(url, tmp_path / "directory")
        with pytest.raises(UnavailableError, match="cannot be written"):
            backup.backup(url, tmp_path / "nowhere" / "file")
        assert os.listdir(tmp_path) == ["directory"]  # noqa: PTH208 - names are compared

"""External servers: what is missing is named, with the statement that helps."""

import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import pytest
from conftest import new_home
from sqlalchemy import URL

from gis_supervision.errors import UnavailableError
from gis_supervision.language import translator
from gis_supervision.settings import Settings
from gis_supervision.storage import backup, cluster, database, migration, programs, server


@dataclass(frozen=True)
class External:
    """Another server, with passwords, as an administrator would run it."""

    sockets: Path

    def url(self, database: str, user: str = "admin", password: str | None = None) -> str:
        return URL.create(
            "postgresql",
            username=user,
            password=password or f"secret of {user}",
            database=database,
            query={"host": str(self.sockets)},
        ).render_as_string(hide_password=False)

    def run(self, statement: str, database: str = "postgres") -> None:
        with (
            closing(server.connect(self.url(database).replace("ql:", "ql+psycopg2:", 1))) as link,
            link.cursor() as cursor,
        ):
            cursor.execute(statement)


@pytest.fixture(scope="module")
def external() -> Iterator[External]:
    home = new_home()
    account = programs.account()
    directory = home / "server"
    directory.mkdir(mode=0o700)
    if account.drops:
        os.chown(directory, account.uid, account.gid)
    found = programs.find()
    secret = directory / "password"
    account.run(["/bin/sh", "-c", 'cat > "$0"', str(secret)], cwd=directory, text="secret of admin")
    data = str(directory / "data")
    command = [found.path("initdb"), "-D", data, "-U", "admin", "--no-sync", "--encoding=UTF8"]
    command += ["--locale=C", "--auth=scram-sha-256", f"--pwfile={secret}"]
    outcome = account.run(command, cwd=directory)
    assert outcome.returncode == 0, outcome.stdout
    options = f"-c listen_addresses='' -c unix_socket_directories='{directory}' -c fsync=off"
    command = [found.path("pg_ctl"), "start", "-w", "-D", data, "-o", options]
    outcome = account.run([*command, "-l", str(directory / "log")], cwd=directory)
    assert outcome.returncode == 0, outcome.stdout
    external = External(directory)
    external.run("CREATE ROLE limited LOGIN PASSWORD 'secret of limited'")
    yield external
    account.run([found.path("pg_ctl"), "stop", "-w", "-m", "fast", "-D", data], cwd=directory)
    shutil.rmtree(home)


def ensure(home: Path, url: str, reader: str | None = None) -> cluster.Endpoint:
    return cluster.ensure(Settings(home=home, database_url=url, reader_database_url=reader))


def refusal(home: Path, url: str, reader: str | None = None) -> str:
    with pytest.raises(UnavailableError) as caught:
        ensure(home, url, reader)
    assert "secret" not in str(caught.value)
    return str(caught.value)


def test_everything_missing_is_named_at_once(external: External, tmp_path: Path):
    external.run("CREATE DATABASE poor")
    message = refusal(tmp_path, external.url("poor", "limited"))
    for statement in (
        "CREATE EXTENSION postgis",
        "CREATE EXTENSION btree_gist",
        'GRANT CREATE ON DATABASE "poor" TO "limited"',
        'GRANT CREATE ON SCHEMA public TO "limited"',
        "CREATE ROLE gis_supervision_reader",
    ):
        assert statement in message
    assert list(tmp_path.iterdir()) == []


def test_the_statements_in_the_message_are_enough(external: External, tmp_path: Path):
    external.run('CREATE DATABASE advised OWNER "limited"')
    message = refusal(tmp_path, external.url("advised", "limited"))
    assert "CREATE EXTENSION btree_gist" not in message  # the owner may create this one
    external.run("CREATE EXTENSION postgis", "advised")
    external.run(
        "DO $$ BEGIN CREATE ROLE gis_supervision_reader NOLOGIN;"
        " EXCEPTION WHEN duplicate_object THEN NULL; END $$"
    )
    message = refusal(tmp_path, external.url("advised", "limited"))
    assert "IN ROLE gis_supervision_reader" in message
    external.run(
        "CREATE ROLE layer_reader LOGIN PASSWORD 'secret of layer_reader'"
        " IN ROLE gis_supervision_reader"
    )
    endpoint = ensure(
        tmp_path, external.url("advised", "limited"), external.url("advised", "layer_reader")
    )
    migration.upgrade(endpoint.url)
    with closing(server.connect(endpoint.reader_url)) as link, link.cursor() as cursor:
        cursor.execute("SELECT current_user, has_schema_privilege('map', 'USAGE')")
        assert cursor.fetchone() == ("layer_reader", True)
    again = external.url("advised", "limited")
    assert "is a superuser" in refusal(tmp_path, again, external.url("advised"))
    assert "may not read schema map" in refusal(tmp_path, again, again)


def test_a_login_that_may_do_everything_needs_no_preparation(external: External, tmp_path: Path):
    external.run("CREATE DATABASE rich")
    endpoint = ensure(tmp_path, external.url("rich"))
    assert not endpoint.private
    migration.upgrade(endpoint.url)
    # the same login is found again, by this service and by others
    assert ensure(tmp_path, external.url("rich")).reader_url == endpoint.reader_url
    with closing(server.connect(endpoint.reader_url)) as link, link.cursor() as cursor:
        cursor.execute("SELECT * FROM map.premises")
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute("SELECT * FROM public.premises")
    assert not cluster.stop_if_idle(Settings(home=tmp_path), endpoint)

    file = tmp_path / "rich.backup"
    backup.backup(endpoint.url, file)
    backup.restore(endpoint.url, file)
    engine = database.reader_engine(endpoint.reader_url)
    with database.session_scope(engine) as session:
        assert (
            session.connection().exec_driver_sql("SELECT count(*) FROM map.premises").scalar() == 0
        )
    engine.dispose()


def test_a_lost_reader_password_is_set_again(external: External, tmp_path: Path):
    external.run("CREATE DATABASE renewed")
    url = ensure(tmp_path, external.url("renewed")).reader_url
    login = server.make_url(url).username
    external.run(f"ALTER ROLE {login} PASSWORD 'something else'")
    assert ensure(tmp_path, external.url("renewed")).reader_url == url
    server.connect(url).close()


def test_why_no_reader_can_be_made_is_told_in_the_readers_language(
    external: External, tmp_path: Path
):
    external.run("CREATE DATABASE crowded")
    login = server.make_url(ensure(tmp_path, external.url("crowded")).reader_url).username
    external.run(f"ALTER ROLE {login} CONNECTION LIMIT 0")
    with pytest.raises(UnavailableError) as caught:
        ensure(tmp_path, external.url("crowded"))
    assert "does not answer" in str(caught.value)
    chinese = caught.value.translated(translator("zh_CN"))
    assert "does not answer" not in chinese
    assert "没有响应" in chinese


def test_no_such_database(external: External, tmp_path: Path):
    assert 'CREATE DATABASE "absent"' in refusal(tmp_path, external.url("absent"))


def test_a_wrong_password(external: External, tmp_path: Path):
    message = refusal(tmp_path, external.url("postgres", password="secret guess"))  # noqa: S106 - wrong on purpose
    assert "refuses the login" in message


def test_no_server(tmp_path: Path):
    assert "does not answer" in refusal(tmp_path, "postgresql://x:secret@127.0.0.1:1/x")


def test_a_database_that_cannot_hold_chinese(external: External, tmp_path: Path):
    external.run("CREATE DATABASE ascii TEMPLATE template0 ENCODING 'SQL_ASCII'")
    assert "ENCODING 'UTF8'" in refusal(tmp_path, external.url("ascii"))


def test_postgis_outside_of_the_search_path(external: External, tmp_path: Path):
    external.run("CREATE DATABASE aside")
    external.run("CREATE SCHEMA gis; CREATE EXTENSION postgis SCHEMA gis", "aside")
    message = refusal(tmp_path, external.url("aside"))
    statement = 'ALTER DATABASE "aside" SET search_path = "$user", public, "gis"'
    assert statement in message
    external.run(statement)
    ensure(tmp_path, external.url("aside"))

"""The private cluster: real starts, real kills."""

import contextlib
import gc
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psutil
import psycopg2
import pytest
from conftest import new_home

from gis_supervision.errors import UnavailableError
from gis_supervision.settings import Settings
from gis_supervision.storage import cluster, data_directory, database, programs, server
from gis_supervision.storage.cluster import Endpoint

AS_ROOT = os.geteuid() == 0
ONLY_ROOT = pytest.mark.skipif(not AS_ROOT, reason="only root drops its rights")


@pytest.fixture
def home() -> Iterator[Path]:
    """A new home; whatever runs in it is stopped."""
    home = new_home()
    yield home
    cluster.stop(Settings(home=home))
    shutil.rmtree(home)


@pytest.fixture(scope="module")
def own() -> Iterator[Settings]:
    """A cluster to kill, with a table of committed rows."""
    home = new_home()
    settings = Settings(home=home)
    # the endpoint itself is let go, else this fixture would count as a user
    run(cluster.ensure(settings).url, "CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
    yield settings
    cluster.stop(settings)
    shutil.rmtree(home)


@pytest.fixture
def running(own: Settings) -> Iterator[Endpoint]:
    endpoint = cluster.ensure(own)
    yield endpoint
    endpoint.lease.close()


def run(url: str, statement: str, parameters: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    with closing(server.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall() if cursor.description else []


def kill_server(settings: Settings) -> psutil.Process:
    """End the server as a power cut would, and wait until it is gone."""
    process = psutil.Process(cluster.status(settings).pid)
    process.kill()
    psutil.wait_procs([process], timeout=10)
    return process


def stand_in(account: programs.Account) -> subprocess.Popen[bytes]:
    """A living process of the cluster's account that is no PostgreSQL."""
    rights = {"user": account.uid, "group": account.gid} if account.drops else {}
    return subprocess.Popen(["sleep", "1000"], cwd="/", **rights)


class Endless:
    """CSV rows without end; does something after a number of them."""

    def __init__(self, after: int, action: Callable[[], object]):
        self.left = after
        self.action = action

    def read(self, _: int) -> str:
        self.left -= 1
        if self.left == 0:
            self.action()
        return "5\n" * 4000


class TestStart:
    def test_a_running_cluster_is_used_as_it_is(self, running: Endpoint, own: Settings):
        pid = cluster.status(own).pid
        again = cluster.ensure(own)
        assert (again.url, again.reader_url) == (running.url, running.reader_url)
        assert not again.started
        assert cluster.status(own).pid == pid

    def test_it_listens_on_no_port(self, running: Endpoint, own: Settings):
        assert run(running.url, "SHOW listen_addresses") == [("",)]
        process = psutil.Process(cluster.status(own).pid)
        assert process.net_connections("inet") == []

    def test_durability_is_not_traded_for_speed(self, running: Endpoint):
        for name in ("fsync", "full_page_writes", "synchronous_commit", "data_checksums"):
            assert run(running.url, f"SHOW {name}") == [("on",)]

    def test_extensions_and_encoding(self, running: Endpoint):
        names = run(running.url, "SELECT extname FROM pg_extension")
        assert {("postgis",), ("btree_gist",)} <= set(names)
        assert run(running.url, "SHOW server_encoding") == [("UTF8",)]
        assert run(running.url, "SELECT lower('ÄÉ'), '乌' ~ '\\w'")[0][1] is True

    def test_the_environment_does_not_mislead_it(
        self, own: Settings, monkeypatch: pytest.MonkeyPatch
    ):
        cluster.stop(own)
        for name, value in {
            "PGDATA": "/nowhere",
            "PGPORT": "1",
            "PGHOST": "192.0.2.1",
            "PGOPTIONS": "-c nonsense=1",
            "PGUSER": "nobody",
            "PGDATABASE": "nothing",
            "LC_ALL": "zh_CN.GB18030",
        }.items():
            if name != "PGOPTIONS":
                monkeypatch.setenv(name, value)
        endpoint = cluster.ensure(own)
        assert run(endpoint.url, "SELECT count(*) FROM kept") == [(1000,)]

    def test_ctrl_c_at_the_terminal_does_not_reach_it(self, running: Endpoint, own: Settings):
        server_pid = cluster.status(own).pid
        assert os.getsid(server_pid) != os.getsid(0)
        assert os.getpgid(server_pid) != os.getpgid(0)
        assert running.private

    def test_nobody_else_may_look(self, running: Endpoint, own: Settings):
        status = cluster.status(own)
        for directory in (status.data, status.data.parent, status.sockets):
            assert directory.stat().st_mode & 0o077 == 0
        rules = run(running.url, "SELECT type, auth_method, options FROM pg_hba_file_rules")
        assert rules == [("local", "peer", ["map=service"])]

    @ONLY_ROOT
    def test_the_account_of_the_server_is_no_login(self, running: Endpoint, own: Settings):
        where = cluster.locate(own)
        psql = programs.client("psql", None)
        for role in (server.OWNER, server.READER):
            outcome = where.account.run(
                [psql, "-h", str(where.sockets), "-U", role, "-d", server.OWNER, "-c", "SELECT 1"],
                cwd=where.directory,
            )
            assert outcome.returncode != 0
            assert "Peer authentication failed" in outcome.stdout
        assert run(running.reader_url, "SELECT 1") == [(1,)]

    def test_two_starts_at_once_make_one_cluster(self, home: Path):
        code = (
            "from gis_supervision import settings; from gis_supervision.storage import cluster;"
            "import sys; s = settings.load(); e = cluster.ensure(s);"
            "print(int(e.started), cluster.status(s).pid)"
        )
        environment = os.environ | {"GIS_SUPERVISION_HOME": str(home)}
        starts = [
            subprocess.Popen(
                [sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True
            )
            for _ in range(2)
        ]
        answers = [start.communicate(timeout=120)[0].split() for start in starts]
        assert sorted(started for started, _ in answers) == ["0", "1"]
        assert len({pid for _, pid in answers}) == 1

    def test_a_home_too_deep_for_a_socket(self, home: Path):
        deep = home
        while len(str(deep)) < 150:
            deep = deep / "乌苏市监管"
        settings = Settings(home=deep)
        sockets = cluster.locate(settings).sockets
        assert len(os.fsencode(sockets)) < 80
        try:
            endpoint = cluster.ensure(settings)
            assert run(endpoint.url, "SELECT 1") == [(1,)]
            assert sockets.stat().st_mode & 0o077 == 0
        finally:
            cluster.stop(settings)
            shutil.rmtree(sockets)
        # somebody else's link in its place is not followed
        sockets.symlink_to(home)
        try:
            with pytest.raises(UnavailableError, match="move it away"):
                cluster.ensure(settings)
        finally:
            sockets.unlink()

    def test_an_interrupted_initdb_leaves_nothing_that_is_trusted(self, home: Path):
        code = (
            "from gis_supervision import settings; from gis_supervision.storage import cluster;"
            "cluster.ensure(settings.load())"
        )
        environment = os.environ | {"GIS_SUPERVISION_HOME": str(home)}
        child = subprocess.Popen(
            [sys.executable, "-c", code], env=environment, start_new_session=True
        )
        settings = Settings(home=home)
        where = cluster.locate(settings)
        # initdb writes this file early, and goes on for a second or more
        while not list(where.directory.glob("data.new.*/PG_VERSION")):
            assert child.poll() is None, "it ended before it could be killed"
        child.kill()
        child.wait()
        assert not where.data.exists()
        assert cluster.status(settings).state == "absent"
        endpoint = cluster.ensure(settings)
        assert run(endpoint.url, "SELECT count(*) > 0 FROM spatial_ref_sys") == [(True,)]
        assert [path.name for path in where.directory.glob("data*")] == ["data"]

    def test_files_of_something_else_are_left_alone(self, home: Path):
        data = home / "postgres" / "data"
        data.mkdir(parents=True)
        (data / "thesis.txt").write_text("kept", encoding="utf-8")
        if AS_ROOT:
            account = programs.account()
            os.chown(home / "postgres", account.uid, account.gid)
        with pytest.raises(UnavailableError, match="move it away"):
            cluster.ensure(Settings(home=home))
        assert (data / "thesis.txt").read_text(encoding="utf-8") == "kept"


class TestRecovery:
    def test_a_killed_server_in_the_middle_of_a_copy(self, running: Endpoint, own: Settings):
        engine = database.engine(running.url)
        with pytest.raises(UnavailableError), database.session_scope(engine) as session:
            database.copy_rows(session, "kept", ["n"], Endless(500, lambda: kill_server(own)))
        engine.dispose()
        assert cluster.status(own).state == "stopped"
        endpoint = cluster.ensure(own)
        assert endpoint.started
        assert run(endpoint.url, "SELECT count(*), max(n) FROM kept") == [(1000, 1000)]

    def test_what_is_committed_before_the_kill_stays(self, running: Endpoint, own: Settings):
        run(running.url, "CREATE TABLE last_words AS SELECT 'committed' AS word")
        server_process = psutil.Process(cluster.status(own).pid)
        everybody = [server_process, *server_process.children(recursive=True)]
        for process in everybody:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(everybody, timeout=10)
        endpoint = cluster.ensure(own)
        assert run(endpoint.url, "SELECT word FROM last_words") == [("committed",)]
        run(endpoint.url, "DROP TABLE last_words")

    def test_a_backend_that_outlives_the_server_is_ended(self, running: Endpoint, own: Settings):
        connection = server.connect(running.url)
        backend = psutil.Process(connection.info.backend_pid)

        def work() -> None:
            # looks for signals, never whether the server lives
            with contextlib.suppress(psycopg2.Error), connection.cursor() as cursor:
                cursor.execute("DO $$ BEGIN LOOP END LOOP; END $$")

        thread = threading.Thread(target=work)
        thread.start()
        while not run(
            running.url,
            "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND state = 'active'",
            (backend.pid,),
        ):
            pass
        kill_server(own)
        assert backend.is_running()
        endpoint = cluster.ensure(own)
        thread.join(timeout=10)
        connection.close()
        assert not backend.is_running() or backend.status() == psutil.STATUS_ZOMBIE
        assert run(endpoint.url, "SELECT count(*) FROM kept") == [(1000,)]

    @pytest.mark.parametrize("stranger", ["sleep", "postgres"])
    def test_a_pid_file_whose_number_is_another_process_now(
        self, running: Endpoint, own: Settings, cluster_settings: Settings, cluster: Endpoint,
        stranger: str,
    ):  # fmt: skip
        from gis_supervision.storage import cluster as private  # noqa: PLC0415 - the fixture has its name

        where = private.locate(own)
        assert running.private
        assert cluster.private
        kill_server(own)
        child = stand_in(where.account) if stranger == "sleep" else None
        pid = child.pid if child else private.status(cluster_settings).pid
        for file in (where.data / "postmaster.pid", where.sockets / ".s.PGSQL.5432.lock"):
            lines = file.read_text(encoding="utf-8").splitlines()
            file.write_text("\n".join([str(pid), *lines[1:]]) + "\n", encoding="utf-8")
        try:
            assert private.status(own).state == "stopped"
            endpoint = private.ensure(own)
            assert endpoint.started
            assert run(endpoint.url, "SELECT count(*) FROM kept") == [(1000,)]
            assert psutil.Process(pid).is_running()
        finally:
            if child:
                child.kill()
                child.wait()

    def test_a_pid_file_cut_short(self, running: Endpoint, own: Settings):
        assert running.private
        kill_server(own)
        (cluster.locate(own).data / "postmaster.pid").write_text("", encoding="utf-8")
        assert run(cluster.ensure(own).url, "SELECT count(*) FROM kept") == [(1000,)]

    def test_a_service_that_is_killed_leaves_the_server_to_the_next(self, own: Settings):
        cluster.stop(own)
        code = (
            "import os, signal; from gis_supervision import settings;"
            "from gis_supervision.storage import cluster;"
            "cluster.ensure(settings.load()); os.killpg(0, signal.SIGKILL)"
        )
        outcome = subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"GIS_SUPERVISION_HOME": str(own.home)},
            start_new_session=True,
            check=False,
        )
        assert outcome.returncode == -signal.SIGKILL
        endpoint = cluster.ensure(own)
        assert not endpoint.started
        assert run(endpoint.url, "SELECT count(*) FROM kept") == [(1000,)]


class TestStop:
    def test_stop_and_status(self, running: Endpoint, own: Settings):
        assert running.private
        assert cluster.status(own).state == "running"
        assert cluster.stop(own)
        assert cluster.status(own).state == "stopped"
        assert cluster.status(own).pid is None
        assert not cluster.stop(own)

    def test_before_the_first_start(self, home: Path):
        settings = Settings(home=home)
        assert cluster.status(settings).state == "absent"
        assert not cluster.stop(settings)
        assert list(home.iterdir()) == []

    def test_the_one_that_started_it_stops_it_when_it_is_the_last(self, own: Settings):
        cluster.stop(own)
        gc.collect()  # an endpoint in a cycle that an earlier test left still holds its lease
        first = cluster.ensure(own)
        second = cluster.ensure(own)
        assert (first.started, second.started) == (True, False)
        assert not cluster.stop_if_idle(own, second)  # did not start it
        third = cluster.ensure(own)
        assert not cluster.stop_if_idle(own, first)  # the third uses it, though not connected
        assert cluster.status(own).state == "running"
        third.lease.close()
        cluster.stop(own)
        assert cluster.stop_if_idle(own, cluster.ensure(own))
        assert cluster.status(own).state == "stopped"

    def test_it_stays_while_somebody_is_connected(self, own: Settings):
        cluster.stop(own)
        endpoint = cluster.ensure(own)
        with closing(server.connect(endpoint.url)):
            assert not cluster.stop_if_idle(own, endpoint)
        assert cluster.status(own).state == "running"

    def test_a_killed_user_does_not_hold_it(self, own: Settings):
        cluster.stop(own)
        endpoint = cluster.ensure(own)
        code = (
            "import os; from gis_supervision import settings;"
            "from gis_supervision.storage import cluster;"
            "e = cluster.ensure(settings.load()); os.kill(os.getpid(), 9)"
        )
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"GIS_SUPERVISION_HOME": str(own.home)},
            check=False,
        )
        assert cluster.stop_if_idle(own, endpoint)


class TestMessages:
    def test_no_postgresql(self, home: Path, tmp_path: Path):
        with pytest.raises(UnavailableError, match=r"(?i)install") as caught:
            cluster.ensure(Settings(home=home, pg_bin=tmp_path))
        assert "postgis" in str(caught.value).lower()
        assert str(tmp_path) in str(caught.value)
        assert list(home.iterdir()) == []

    def test_postgresql_without_postgis(self, home: Path, tmp_path: Path):
        found = programs.find()
        for name in ("initdb", "pg_ctl", "postgres"):
            (tmp_path / name).symlink_to(found.path(name))
        (tmp_path / "share" / "extension").mkdir(parents=True)
        config = tmp_path / "pg_config"
        config.write_text(f"#!/bin/sh\necho {tmp_path}/share\n", encoding="utf-8")
        config.chmod(0o755)
        with pytest.raises(UnavailableError, match="without PostGIS") as caught:
            cluster.ensure(Settings(home=home, pg_bin=tmp_path))
        assert str(found.major) in str(caught.value)

    def test_data_of_another_major_version(self, home: Path):
        data = home / "postgres" / "data"
        data.mkdir(parents=True)
        (data / "PG_VERSION").write_text("9.6\n", encoding="utf-8")
        if AS_ROOT:
            account = programs.account()
            os.chown(home / "postgres", account.uid, account.gid)
        with pytest.raises(UnavailableError, match="made by PostgreSQL 9,"):
            cluster.ensure(Settings(home=home))

    @ONLY_ROOT
    def test_a_home_that_the_account_cannot_reach(self, tmp_path: Path):
        closed = tmp_path / "closed"
        closed.mkdir(mode=0o700)
        with pytest.raises(UnavailableError, match="set GIS_SUPERVISION_HOME"):
            cluster.ensure(Settings(home=closed / "home"))

    def test_a_home_that_is_a_file(self, home: Path):
        (home / "file").write_text("", encoding="utf-8")
        with pytest.raises(UnavailableError, match="set GIS_SUPERVISION_HOME"):
            cluster.ensure(Settings(home=home / "file"))

    def test_a_broken_setting_is_quoted_with_the_log(self, own: Settings):
        cluster.stop(own)
        where = cluster.locate(own)
        automatic = where.data / "postgresql.auto.conf"
        automatic.write_text("shared_buffers = 'plenty'\n", encoding="utf-8")
        try:
            with pytest.raises(UnavailableError, match="shared_buffers") as caught:
                cluster.ensure(own)
            assert str(where.log) in str(caught.value)
        finally:
            automatic.write_text("", encoding="utf-8")
        assert cluster.ensure(own).started

    def test_a_full_disk_is_said_in_plain_words(self):
        output = 'FATAL:  could not write to file "pg_wal/x": No space left on device\n'
        assert "disk is full" in str(data_directory.explained(output))

"""The private PostgreSQL cluster: a data directory of our own, reached by a unix socket only.

Nobody but the account that runs the service gets in: the socket's directory is closed to others,
and PostgreSQL asks the kernel who is calling (peer authentication); there are no passwords.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from gis_supervision.errors import UnavailableError
from gis_supervision.messages import Message
from gis_supervision.settings import Settings
from gis_supervision.storage import data_directory, postmaster, programs, server
from gis_supervision.storage.data_directory import Cluster

_LOG_LIMIT_BYTES = 10_000_000


IDLE_TIMEOUT_S = 2.0
"""How long `stop_if_idle` waits for connections that are being closed."""


@dataclass(frozen=True)
class Status:
    """State of the private cluster.

    Attributes
    ----------
    state
        ``absent`` before the first start; ``starting`` and ``stopping`` as the server says.
    pid
        Of the server, if one runs.
    major
        PostgreSQL's version of the data directory.
    data, log, sockets
        Paths.
    """

    state: Literal["absent", "stopped", "starting", "running", "stopping"]
    pid: int | None
    major: int | None
    data: Path
    log: Path
    sockets: Path


class Lease:
    """A lock that tells other processes that this one uses the private cluster.

    It ends with `close`, with the object, or with the process, however that ends.

    Parameters
    ----------
    cluster
        The cluster that is used.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._file = os.open(cluster.home / "postgres.users", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_SH)

    def sole(self) -> bool:
        """Tell whether nobody else holds one; if so nobody gets one before this one ends."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        """Let go."""
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)

    def __del__(self) -> None:
        self.close()


@dataclass(frozen=True)
class Endpoint:
    """A database that is ready to be used.

    Attributes
    ----------
    url
        For SQLAlchemy, with the login that owns the tables.
    reader_url
        The same database with the login that layer queries use.
    private
        Whether the server is our own.
    started
        Whether this call started it.
    lease
        Open as long as this process uses the private cluster; `stop_if_idle` looks for others'.
    """

    url: str
    reader_url: str
    private: bool
    started: bool = False
    lease: Lease | None = field(default=None, repr=False, compare=False)


def locate(settings: Settings) -> Cluster:
    """Say where the private cluster is; touches nothing.

    Raises
    ------
    UnavailableError
        It belongs to another account.
    """
    directory = settings.home / "postgres"
    try:
        owner = directory.stat().st_uid
    except (FileNotFoundError, NotADirectoryError):
        owner = None
    except PermissionError as error:
        raise UnavailableError(
            "%(directory)s cannot be read: %(reason)s", directory=directory, reason=error.strerror
        ) from error
    return Cluster(settings.home, directory, programs.account(owner), settings.pg_bin)


def ensure(settings: Settings) -> Endpoint:
    """Make sure that there is a database to work with.

    The configured server is checked; without one the private cluster is made if there is none,
    recovered and started if it does not run.

    Returns
    -------
    Endpoint

    Raises
    ------
    UnavailableError
        With what is missing, and what to do about it.
    """
    if settings.database_url is not None:
        server.check(settings.database_url)
        reader = settings.reader_database_url
        if reader is None:
            reader = server.reader_url(settings.database_url)
        else:
            server.check_reader(reader)
        return Endpoint(settings.database_url, reader, private=False)
    cluster, started = _start(settings)
    return Endpoint(
        cluster.url(),
        cluster.url(server.READER),
        private=True,
        started=started,
        lease=Lease(cluster),
    )


def start(settings: Settings) -> Status:
    """Start the private cluster, make it first if there is none; it keeps running afterwards.

    Raises
    ------
    UnavailableError
        With what is missing, and what to do about it.
    """
    _start(settings)
    return status(settings)


def stop(settings: Settings) -> bool:
    """Stop the private cluster: open transactions are rolled back, what is committed stays.

    Returns
    -------
    bool
        Whether it ran.

    Raises
    ------
    UnavailableError
        It does not stop.
    """
    cluster = locate(settings)
    if not cluster.data.is_dir():
        return False
    with _locked(cluster):
        return _stop(cluster)


def stop_if_idle(settings: Settings, endpoint: Endpoint) -> bool:
    """Stop the private cluster if this process started it and nobody else uses it.

    Parameters
    ----------
    settings
        As given to `ensure`.
    endpoint
        What `ensure` returned; its engines must be disposed of.

    Returns
    -------
    bool
        Whether it was stopped.
    """
    lease = endpoint.lease
    if lease is None:
        return False
    with contextlib.closing(lease):
        if not endpoint.started:
            return False
        cluster = locate(settings)
        with _locked(cluster):
            return lease.sole() and _is_idle(cluster) and _stop(cluster)


def _is_idle(cluster: Cluster) -> bool:
    try:
        session = server.connect(cluster.url(database="postgres"))
    except UnavailableError:
        return False
    # a connection that was just closed stays in the list for a moment
    deadline = time.monotonic() + IDLE_TIMEOUT_S
    with contextlib.closing(session), session.cursor() as cur:
        while True:
            cur.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )
            if not (cur.fetchone() or (0,))[0]:
                return True
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)


def status(settings: Settings) -> Status:
    """Say in what state the private cluster is.

    Raises
    ------
    UnavailableError
        It belongs to another account.
    """
    cluster = locate(settings)
    major = data_directory.major_version(cluster)
    process = postmaster.living(cluster)
    state: Literal["absent", "stopped", "starting", "running", "stopping"] = "stopped"
    if process is not None:
        word = postmaster.pid_file(cluster)[7:8]
        state = "starting"
        if word and word[0].strip() in {"ready", "standby"}:
            state = "running"
        elif word and word[0].strip() == "stopping":
            state = "stopping"
    elif major is None:
        state = "absent"
    pid = process.pid if process else None
    return Status(state, pid, major, cluster.data, cluster.log, cluster.sockets)


def _start(settings: Settings) -> tuple[Cluster, bool]:
    cluster = locate(settings)
    major = data_directory.major_version(cluster)
    found = programs.find(cluster.pg_bin, major)
    data_directory.make_directories(cluster)
    with _locked(cluster):
        if data_directory.major_version(cluster) is None:
            data_directory.initialise(cluster, found)
        started = _run(cluster, found, settings)
        server.prepare_private(cluster.url())
    return cluster, started


def _run(cluster: Cluster, found: programs.Programs, settings: Settings) -> bool:
    """Bring the server up, whatever is left of the last one; True if it was started here."""
    process = postmaster.living(cluster)
    if process is not None and status(settings).state == "stopping":
        postmaster.wait_for([process], Message("the server does not finish its shutdown"), cluster)
        process = None
    if process is not None:
        postmaster.wait_until_ready(cluster, process)
        return False
    postmaster.clear_leftovers(cluster)
    data_directory.make_private(cluster, cluster.sockets)
    data_directory.configure(cluster)
    command = [
        found.path("pg_ctl"),
        "start",
        "--wait",
        f"--timeout={postmaster.START_TIMEOUT_S}",
        "--silent",
    ]
    command += ["--pgdata", str(cluster.data), "--log", str(cluster.log)]
    if cluster.log.is_file() and cluster.log.stat().st_size > _LOG_LIMIT_BYTES:
        os.replace(cluster.log, cluster.log.with_suffix(".log.1"))  # noqa: PTH105 - one rename
    offset = cluster.log.stat().st_size if cluster.log.is_file() else 0
    outcome = cluster.account.run(command, cwd=cluster.directory)
    if outcome.returncode != 0:
        raise UnavailableError(
            "the private PostgreSQL does not start: %(reason)s (log: %(log)s)",
            reason=data_directory.explained(
                postmaster.log_since(cluster, offset) or outcome.stdout
            ),
            log=cluster.log,
        )
    return True


def _stop(cluster: Cluster) -> bool:
    process = postmaster.living(cluster)
    if process is None:
        return False
    found = programs.find(cluster.pg_bin, data_directory.major_version(cluster))
    command = [found.path("pg_ctl"), "stop", "--wait", "--mode=fast", "--silent", "--timeout=120"]
    outcome = cluster.account.run([*command, "-D", str(cluster.data)], cwd=cluster.directory)
    if outcome.returncode != 0 and postmaster.living(cluster) is not None:
        raise UnavailableError(
            "the private PostgreSQL does not stop: %(stdout)s (log: %(log)s)",
            stdout=outcome.stdout.strip(),
            log=cluster.log,
        )
    return True


@contextlib.contextmanager
def _locked(cluster: Cluster) -> Iterator[None]:
    """Let one process at a time make, start or stop the cluster; a killed one lets go by itself."""
    try:
        file = (cluster.home / "postgres.lock").open("ab")
    except OSError as error:
        raise UnavailableError(
            "%(filename)s cannot be written: %(reason)s; run this as the account that made the "
            "database, or set GIS_SUPERVISION_HOME to a directory of your own",
            filename=error.filename,
            reason=error.strerror,
        ) from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield

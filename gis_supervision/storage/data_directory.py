"""The files of the private cluster: its directories, data directory and access rules."""

import contextlib
import hashlib
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

import psutil
from sqlalchemy import URL

from gis_supervision.errors import UnavailableError
from gis_supervision.messages import Message
from gis_supervision.storage import programs, server

PORT = 5432
"""Number in the socket's file name; nothing listens on a TCP port."""

SOCKET_NAME = f".s.PGSQL.{PORT}"

_LONGEST_SOCKET = 103 if os.uname().sysname == "Darwin" else 107
_CONFIGURATION = "gis_supervision.conf"
# a wrong setting is reported as LOG, before the FATAL that only says that there is one
_TELLING = re.compile(
    r"((?:FATAL|PANIC|ERROR|HINT|error):.*|LOG:\s+(?:invalid|could not|unrecognized|syntax).*"
    r"|.*\b(?:error|could not)\b.*)"
)


@dataclass(frozen=True)
class Cluster:
    """Where the private cluster is, and who runs it.

    Attributes
    ----------
    home
        The service's home directory.
    directory
        What belongs to the cluster's account: ``data``, ``postgres.log``, ``run``.
    account
        The operating system's account of the server.
    pg_bin
        Directory of the programs, if it is configured.
    """

    home: Path
    directory: Path
    account: programs.Account
    pg_bin: Path | None

    @property
    def data(self) -> Path:
        """The data directory (PGDATA)."""
        return self.directory / "data"

    @property
    def log(self) -> Path:
        """The server's log."""
        return self.directory / "postgres.log"

    @property
    def sockets(self) -> Path:
        """The socket's directory: under home, or a short one in /tmp where home is too deep."""
        wanted = self.directory / "run"
        length = len(os.fsencode(wanted / SOCKET_NAME))
        # libpq takes a comma for a list of hosts, SQLAlchemy a colon for a port
        if length <= _LONGEST_SOCKET and not re.search(r"[,:]", str(wanted)):
            return wanted
        name = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:16]
        return Path(f"/tmp/gis-supervision-{self.account.uid}-{name}")  # noqa: S108 - made 0700, its owner is checked

    def url(self, role: str = server.OWNER, database: str = server.OWNER) -> str:
        """Return the URL of a database for a role, of SQLAlchemy's form."""
        return URL.create(
            "postgresql+psycopg2",
            username=role,
            database=database,
            query={"host": str(self.sockets), "port": str(PORT)},
        ).render_as_string(hide_password=False)


def make_directories(cluster: Cluster) -> None:
    """Make the home and the account's directory in it, and check that the account reaches it.

    Raises
    ------
    UnavailableError
        A directory cannot be made or reached; says which one to use.
    """
    try:
        if not cluster.home.is_dir():
            cluster.home.mkdir(mode=0o711 if cluster.account.drops else 0o700, parents=True)
        make_private(cluster, cluster.directory)
    except OSError as error:
        raise UnavailableError(
            "%(home)s cannot be made: %(reason)s; set GIS_SUPERVISION_HOME to a directory that can "
            "be written",
            home=cluster.home,
            reason=error.strerror,
        ) from error
    if not cluster.account.drops:
        return
    home = cluster.home.stat()
    if home.st_uid == 0 and not home.st_mode & stat.S_IXOTH:
        cluster.home.chmod(stat.S_IMODE(home.st_mode) | stat.S_IXOTH)
    try:
        cluster.account.run(["true"], cwd=cluster.directory)
        reached = cluster.account.run(["ls", str(cluster.directory)], cwd=Path("/"))
    except UnavailableError as error:
        raise UnavailableError(
            "PostgreSQL does not run as root, and the rights of the account %(name)s cannot be "
            "taken (%(error)s): start this as another user, or set GIS_SUPERVISION_DATABASE_URL to "
            "a server that runs",
            name=cluster.account.name,
            error=error,
        ) from error
    if reached.returncode != 0:
        raise UnavailableError(
            "PostgreSQL does not run as root, and the account %(name)s cannot reach %(directory)s: "
            "set GIS_SUPERVISION_HOME to a directory that it can reach, such as "
            "/var/lib/gis-supervision",
            name=cluster.account.name,
            directory=cluster.directory,
        )


def make_private(cluster: Cluster, directory: Path) -> None:
    """Make a directory that only the account can use; refuse one that somebody else put there."""
    with contextlib.suppress(FileExistsError):
        directory.mkdir(mode=0o700)
        if cluster.account.drops:
            os.chown(directory, cluster.account.uid, cluster.account.gid)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {cluster.account.uid, os.geteuid()}:
        raise UnavailableError(
            "%(directory)s is not a directory of the account %(name)s: move it away",
            directory=directory,
            name=cluster.account.name,
        )
    if found.st_uid != cluster.account.uid:  # ended between making it and giving it away
        os.chown(directory, cluster.account.uid, cluster.account.gid)
    if stat.S_IMODE(found.st_mode) != stat.S_IRWXU:
        directory.chmod(0o700)


def initialise(cluster: Cluster, found: programs.Programs) -> None:
    """Make the data directory: beside its place, then renamed, so that it is whole or not there."""
    new = cluster.directory / f"data.new.{os.getpid()}"
    left = sorted(map(str, cluster.directory.glob("data.new.*")))
    cluster.account.run(["rm", "-rf", "--", *left], cwd=cluster.directory)
    if cluster.data.exists() and any(cluster.data.iterdir()):
        raise UnavailableError(
            "%(data)s is there, but holds no PostgreSQL data (no file PG_VERSION): move it away",
            data=cluster.data,
        )
    command = [found.path("initdb"), "--pgdata", str(new), f"--username={server.OWNER}"]
    command += ["--encoding=UTF8", "--auth=peer", "--auth-host=reject", "--data-checksums"]
    outcome = cluster.account.run([*command, "--locale=C.UTF-8"], cwd=cluster.directory)
    if outcome.returncode != 0 and "locale" in outcome.stdout:
        cluster.account.run(["rm", "-rf", "--", str(new)], cwd=cluster.directory)
        outcome = cluster.account.run([*command, "--locale=C"], cwd=cluster.directory)
    if outcome.returncode != 0:
        raise UnavailableError(
            "initdb cannot make %(data)s: %(reason)s",
            data=cluster.data,
            reason=explained(outcome.stdout),
        )
    file = os.open(new / "postgresql.conf", os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW)
    try:
        os.write(file, f"\ninclude = '{_CONFIGURATION}'\n".encode())
        os.fsync(file)
    finally:
        os.close(file)
    if cluster.data.is_dir():
        cluster.data.rmdir()
    new.rename(cluster.data)
    directory = os.open(cluster.directory, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def configure(cluster: Cluster) -> None:
    """Write the settings and the access rules, at every start: the home may have moved."""
    memory_mb = psutil.virtual_memory().total // 2**20
    sockets = str(cluster.sockets).replace('"', '""').replace("\\", "\\\\").replace("'", "''")
    configuration = f"""\
# written at every start of the service; put settings of your own into postgresql.conf, after
# the line that includes this file
listen_addresses = ''
port = {PORT}
unix_socket_directories = '"{sockets}"'
unix_socket_permissions = 0700
max_connections = 64
shared_buffers = {min(max(memory_mb // 8, 64), 1024)}MB
effective_cache_size = {max(memory_mb // 2, 128)}MB
maintenance_work_mem = {min(max(memory_mb // 16, 64), 512)}MB
work_mem = {min(max(memory_mb // 128, 4), 32)}MB
max_wal_size = 2GB
checkpoint_completion_target = 0.9
random_page_cost = 1.1
fsync = on
full_page_writes = on
synchronous_commit = on
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %d '
log_checkpoints = off
lc_messages = 'C'
"""
    caller = programs.account_name(os.geteuid())
    identities = "".join(f'service "{caller}" {role}\n' for role in (server.OWNER, server.READER))
    for name, text in (
        (_CONFIGURATION, configuration),
        ("pg_hba.conf", "local all all peer map=service\n"),
        ("pg_ident.conf", identities),
    ):
        # by the account, so that root follows no link that the account may have put there
        script = 'cat > "$1.new" && mv -f "$1.new" "$1"'
        outcome = cluster.account.run(
            ["/bin/sh", "-c", script, "sh", str(cluster.data / name)],
            cwd=cluster.directory,
            text=text,
        )
        if outcome.returncode != 0:
            raise UnavailableError(
                "%(data)s cannot be written: %(reason)s",
                data=cluster.data / name,
                reason=explained(outcome.stdout),
            )


def major_version(cluster: Cluster) -> int | None:
    """Return the version of PostgreSQL that made the data directory, None if there is none.

    Raises
    ------
    UnavailableError
        It cannot be read.
    """
    try:
        return int((cluster.data / "PG_VERSION").read_text().split(".")[0])
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (PermissionError, ValueError) as error:
        raise UnavailableError(
            "%(data)s cannot be read: %(error)s", data=cluster.data / "PG_VERSION", error=error
        ) from error


def explained(output: str) -> Message | str:
    """Pick what matters from the output of a program of PostgreSQL."""
    if "No space left on device" in output:
        return Message("the disk is full; free some space and start again")
    if "could not create shared memory" in output or "shmget" in output:
        return Message("the system grants too little shared memory (see kernel.shmmax)")
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    telling = [found.group(1) for line in lines if (found := _TELLING.search(line))]
    return "; ".join((telling or lines)[:4]) or Message("no reason given")

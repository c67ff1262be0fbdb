"""The PostgreSQL programs of this machine, and the account they run under."""

import glob
import os
import platform
import pwd
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gis_supervision.errors import UnavailableError
from gis_supervision.messages import Message

OLDEST_MAJOR = 14
"""Oldest PostgreSQL that is supported."""

_PLACES = (
    "/usr/lib/postgresql/*/bin",  # Debian, Ubuntu
    "/usr/pgsql-*/bin",  # PostgreSQL's packages for Red Hat
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",
    "/opt/homebrew/opt/postgresql/bin",
    "/usr/local/opt/postgresql/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
    "/usr/local/pgsql/bin",
)


@dataclass(frozen=True)
class Programs:
    """One installation of PostgreSQL.

    Attributes
    ----------
    directory
        Where initdb, pg_ctl and the others are.
    major
        Major version.
    postgis
        Whether PostGIS and btree_gist are installed for it.
    """

    directory: Path
    major: int
    postgis: bool

    def path(self, name: str) -> str:
        """Return the path of one program, such as ``pg_ctl``."""
        return str(self.directory / name)


@dataclass(frozen=True)
class Account:
    """The operating system's account that runs the private cluster.

    Attributes
    ----------
    name, uid, gid
        As in the password database.
    drops
        Whether this process has to give up its rights (root's) to act as the account.
    """

    name: str
    uid: int
    gid: int
    drops: bool

    def run(
        self, command: Sequence[str], *, cwd: Path, text: str = "", timeout_s: float | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as the account, detached from the terminal.

        Parameters
        ----------
        command
            Program and arguments.
        cwd
            Working directory; the account must be able to enter it.
        text
            What the program reads.
        timeout_s
            Seconds after which the program is ended.

        Returns
        -------
        subprocess.CompletedProcess
            With everything the program printed in ``stdout``.

        Raises
        ------
        UnavailableError
            The account's rights cannot be taken or the program cannot be started.
        """
        rights: dict[str, object] = {}
        if self.drops:
            groups = os.getgrouplist(self.name, self.gid)
            rights = {"user": self.uid, "group": self.gid, "extra_groups": groups}
        try:
            return subprocess.run(  # type: ignore[call-overload,no-any-return]
                command,
                input=text,
                cwd=cwd,
                env=environment(),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
                check=False,
                timeout=timeout_s,
                umask=0o077,
                **rights,
            )
        except OSError as error:
            raise UnavailableError(
                "%(command)s cannot be run as %(name)s in %(cwd)s: %(error)s",
                command=command[0],
                name=self.name,
                cwd=cwd,
                error=error,
            ) from error


def environment() -> dict[str, str]:
    """Return this process's environment without what would turn PostgreSQL's programs elsewhere."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PG") and not name.startswith("LC_") and name != "LANGUAGE"
    }
    return kept | {"LANG": "C", "LC_ALL": "C"}


def account(owner_uid: int | None = None) -> Account:
    """Choose the account that runs the private cluster.

    Parameters
    ----------
    owner_uid
        Owner of the data directory, if there is one already.

    Returns
    -------
    Account
        The account of this process; for root, which PostgreSQL refuses, the data directory's owner,
        else ``postgres``, else ``nobody``.

    Raises
    ------
    UnavailableError
        The data directory belongs to somebody else, or there is no unprivileged account.
    """
    uid = os.geteuid()
    if uid != 0:
        if owner_uid not in {None, uid}:
            raise UnavailableError(
                "the database belongs to the account %(owner)s, not to %(mine)s: "
                "run this as the account that made it (root, if sudo was used), or set "
                "GIS_SUPERVISION_HOME to a directory of your own",
                owner=account_name(owner_uid or 0),
                mine=account_name(uid),
            )
        return Account(account_name(uid), uid, os.getegid(), drops=False)
    if owner_uid:
        try:
            entry = pwd.getpwuid(owner_uid)
        except KeyError:
            raise UnavailableError(
                "the database belongs to uid %(owner_uid)s, which has no account on this machine",
                owner_uid=owner_uid,
            ) from None
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, drops=True)
    for name in ("postgres", "_postgres", "pgsql", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid > 0:
            return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, drops=True)
    raise UnavailableError(
        "PostgreSQL does not run as root and there is no account postgres: add one with "
        "'useradd --system postgres', or start this as another user"
    )


def account_name(uid: int) -> str:
    """Return the name of an account, or its number if it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def installed(pg_bin: Path | None = None) -> list[Programs]:
    """Find the installations of PostgreSQL on this machine.

    Parameters
    ----------
    pg_bin
        The only directory to look at, if given.

    Returns
    -------
    list of Programs
        The newest first, those with PostGIS before those without.
    """
    found: dict[str, Programs] = {}
    for directory in [pg_bin] if pg_bin else _directories():
        programs = _programs(directory)
        if programs is not None:
            found.setdefault(os.path.realpath(directory), programs)
    return sorted(found.values(), key=lambda item: (item.postgis, item.major), reverse=True)


def find(pg_bin: Path | None = None, major: int | None = None) -> Programs:
    """Choose the installation that runs the private cluster.

    Parameters
    ----------
    pg_bin
        The only directory to look at, if given.
    major
        The version that the data directory needs; None for a new one.

    Returns
    -------
    Programs
        The newest one with PostGIS.

    Raises
    ------
    UnavailableError
        There is no PostgreSQL, none with PostGIS, or none of that version; says what to install.
    """
    everything = installed(pg_bin)
    fitting = [item for item in everything if major in {None, item.major}]
    usable = [item for item in fitting if item.postgis and item.major >= OLDEST_MAJOR]
    if usable:
        return usable[0]
    where = (
        Message(" in %(pg_bin)s (GIS_SUPERVISION_PG_BIN)", pg_bin=pg_bin)
        if pg_bin
        else Message(" on this machine")
    )
    if major is not None and not fitting:
        others = ", ".join(str(item.major) for item in everything) or "none"
        raise UnavailableError(
            "the database was made by PostgreSQL %(major)s, which is not found%(where)s (found: "
            "%(others)s). %(advice)s To go to another version, take a backup with version "
            "%(major)s ('gis-supervision db backup'), move the data directory away, and restore.",
            major=major,
            where=where,
            others=others,
            advice=advice(major),
        )
    if fitting and fitting[0].major < OLDEST_MAJOR:
        raise UnavailableError(
            "PostgreSQL %(major)s%(where)s is too old: %(oldest_major)s or newer is needed. "
            "%(advice)s",
            major=fitting[0].major,
            where=where,
            oldest_major=OLDEST_MAJOR,
            advice=advice(None),
        )
    if fitting:
        raise UnavailableError(
            "PostgreSQL %(major)s is found (%(directory)s), but without PostGIS. %(advice)s",
            major=fitting[0].major,
            directory=fitting[0].directory,
            advice=advice(fitting[0].major),
        )
    raise UnavailableError(
        "PostgreSQL with PostGIS is not found%(where)s. %(advice)s",
        where=where,
        advice=advice(None),
    )


def client(name: str, major: int | None, pg_bin: Path | None = None) -> str:
    """Find a client program that can talk to a server.

    Parameters
    ----------
    name
        Such as ``pg_dump``.
    major
        The server's version: the program must not be older. None takes the newest.
    pg_bin
        A directory to look at first, if given.

    Returns
    -------
    str
        Path of the program.

    Raises
    ------
    UnavailableError
        There is none; says what to install.
    """
    found: dict[int, str] = {}
    for directory in [*([pg_bin] if pg_bin else []), *_directories()]:
        program = directory / name
        version = re.search(r"\b(\d+)(?:\.\d+|devel|beta|rc)", _output(program, "--version"))
        if version is not None:
            found.setdefault(int(version.group(1)), str(program))
    if major is None and found:
        return found[max(found)]
    fitting = [version for version in found if major is not None and version >= major]
    if not fitting:
        raise UnavailableError(
            "%(name)s of PostgreSQL %(major)s or newer is not found. %(advice)s",
            name=name,
            major=major or OLDEST_MAJOR,
            advice=advice(major),
        )
    return found[min(fitting)]


def advice(major: int | None) -> Message:
    """Say how PostgreSQL with PostGIS is installed on this system.

    Parameters
    ----------
    major
        The version that is needed; None for the system's own.

    Returns
    -------
    Message
        One sentence with the command.
    """
    if platform.system() == "Darwin":
        formula = f"postgresql@{major} " if major else ""
        return Message("Install it with: %(command)s", command=f"brew install {formula}postgis")
    sudo = "" if os.geteuid() == 0 else "sudo "
    if shutil.which("apt-get"):
        packages = (
            f"postgresql-{major} postgresql-{major}-postgis-3"
            if major
            else "postgresql postgresql-postgis"
        )
        command = f"{sudo}apt-get update && {sudo}apt-get install -y {packages}"
        return Message("Install it with: %(command)s", command=command)
    if shutil.which("dnf"):
        command = f"{sudo}dnf install postgresql-server postgresql-contrib postgis"
        return Message("Install it with: %(command)s", command=command)
    return Message(
        "Install PostgreSQL 14 or newer with its contrib modules and PostGIS 3, "
        "or set GIS_SUPERVISION_DATABASE_URL to a server that has them."
    )


def _directories() -> Iterator[Path]:
    for pattern in _PLACES:
        yield from map(Path, glob.glob(pattern))  # noqa: PTH207 - the patterns are absolute
    for name in ("pg_ctl", "pg_config", "postgres"):
        program = shutil.which(name)
        if program is not None:
            yield Path(os.path.realpath(program)).parent
            if name == "pg_config":
                bindir = _output(program, "--bindir")
                if bindir:
                    yield Path(bindir)


def _programs(directory: Path) -> Programs | None:
    needed = ("initdb", "pg_ctl", "postgres")
    if not all(os.access(directory / name, os.X_OK) for name in needed):
        return None
    version = re.search(r"\b(\d+)(?:\.\d+|devel|beta|rc)", _output(directory / "postgres", "-V"))
    if version is None:
        return None
    major = int(version.group(1))
    extensions = [
        share / "extension"
        for share in _share_directories(directory, major)
        if (share / "extension").is_dir()
    ]
    postgis = all(
        any((place / f"{name}.control").is_file() for place in extensions)
        for name in ("postgis", "btree_gist")
    )
    return Programs(directory, major, postgis)


def _share_directories(directory: Path, major: int) -> list[Path]:
    """Return where the installation keeps its extensions, pg_config's answer first."""
    places = []
    if os.access(directory / "pg_config", os.X_OK):
        reported = _output(directory / "pg_config", "--sharedir")
        if reported:
            places.append(Path(reported))
    root = directory.parent
    # pg_config comes in a development package on some systems, or answers for another version
    places += [
        Path(f"/usr/share/postgresql/{major}"),
        root / "share",
        root / "share" / "postgresql",
        root / "share" / f"postgresql@{major}",
    ]
    return [places[0]] if places[0].joinpath("extension").is_dir() else places[1:]


def _output(program: str | Path, option: str) -> str:
    try:
        answer = subprocess.run(
            [str(program), option],
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""

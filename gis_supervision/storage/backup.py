"""Backups of the database, and their restoration without a moment of half a database."""

import contextlib
import os
import re
import secrets
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import cursor, make_dsn
from sqlalchemy import URL, make_url

from gis_supervision.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    UnavailableError,
)
from gis_supervision.storage import database, migration, programs, server

_OURS = ("alembic_version", "premises", "inspection")
_MADE_BY_THE_SERVER = re.compile(
    r"^\d+; \d+ \d+ (EXTENSION - |COMMENT - EXTENSION |ACL - SCHEMA public )"
)
_SWAP_ATTEMPTS = 5


@dataclass(frozen=True)
class Backup:
    """A backup file.

    Attributes
    ----------
    file
        In pg_dump's custom format, compressed.
    size_bytes
        Its size.
    revision
        The schema's revision in it.
    """

    file: Path
    size_bytes: int
    revision: str


def backup(url: str | URL, file: Path, *, pg_bin: Path | None = None) -> Backup:
    """Write a consistent backup while the service goes on.

    Parameters
    ----------
    url
        With the login that owns the tables.
    file
        Where to; written beside it and renamed when complete, readable by this account only.
    pg_bin
        Directory of PostgreSQL's programs, if it is configured.

    Returns
    -------
    Backup

    Raises
    ------
    UnavailableError
        The database, pg_dump, or the room on the disk is missing.
    ConflictError
        The database holds nothing: it was never migrated.
    """
    revision = migration.current(url)
    if revision is None:
        raise ConflictError("the database is empty: run 'gis-supervision db migrate' first")
    dump = programs.client("pg_dump", _server_major(url), pg_bin)
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        with part.open("xb") as target:
            part.chmod(0o600)
            _run([dump, "--format=custom", f"--dbname={_dsn(url)}"], url, target.fileno())
            os.fsync(target.fileno())
        part.replace(file)
    except OSError as error:
        raise UnavailableError(
            "%(file)s cannot be written: %(reason)s", file=file, reason=error.strerror
        ) from error
    finally:
        part.unlink(missing_ok=True)
    return Backup(file, file.stat().st_size, revision)


def inspect(file: Path, *, pg_bin: Path | None = None) -> Backup:
    """Look into a backup file.

    Raises
    ------
    NotFoundError
        There is no such file.
    InvalidInputError
        It is no backup, is damaged, is another software's, or comes from a newer version.
    """
    if not file.is_file():
        raise NotFoundError("there is no file %(file)s", file=file)
    contents = _contents(file, pg_bin)
    restored = {name for line in contents for name in re.findall(r" TABLE public (\S+) ", line)}
    missing = [name for name in _OURS if name not in restored]
    if missing:
        raise InvalidInputError(
            "%(file)s is not a backup of this software: it has no table %(missing)s",
            file=file,
            missing=", ".join(missing),
        )
    read = programs.client("pg_restore", None, pg_bin)
    command = [read, "--data-only", "--table=alembic_version", "--file=-", str(file)]
    found = re.search(
        r"^COPY public\.alembic_version .*\n(\S+)$", _read(command, file), re.MULTILINE
    )
    if found is None:
        raise InvalidInputError("%(file)s does not say which revision it is of", file=file)
    revision = found.group(1)
    if not migration.knows(revision):
        raise InvalidInputError(
            "%(file)s is of revision %(revision)s, which this software does not know: it is "
            "another software's or a newer version's",
            file=file,
            revision=revision,
        )
    return Backup(file, file.stat().st_size, revision)


def restore(url: str | URL, file: Path, *, pg_bin: Path | None = None) -> Backup:
    """Put a backup in the place of the database.

    The backup is restored into a new database and brought to the newest revision; then the two
    change names in one transaction. Until then the old one serves, and if anything fails it stays.
    On an external server, settings of the database itself (ALTER DATABASE SET) are not taken over.

    Parameters
    ----------
    url
        With the login that owns the tables; it must be allowed to create databases.
    file
        What `backup` wrote.
    pg_bin
        Directory of PostgreSQL's programs, if it is configured.

    Returns
    -------
    Backup
        What was restored.

    Raises
    ------
    NotFoundError, InvalidInputError
        As for `inspect`; also a damaged file.
    UnavailableError
        The database, a right, pg_restore, or the room on the disk is missing.
    """
    found = inspect(file, pg_bin=pg_bin)
    address = make_url(url)
    name = str(address.database)
    new = f"{name[:40]}_restored_{secrets.token_hex(4)}"
    with _maintenance(address) as cur:
        _drop_leftovers(cur, name)
        private = _is_superuser(cur) and address.host is None
        with database.translation():
            server.create_database(cur, new, private=private)
        try:
            _fill(address.set(database=new), file, private=private, pg_bin=pg_bin)
            old = f"{name[:40]}_replaced_{secrets.token_hex(4)}"
            _swap(cur, name, old, new)
        except BaseException:
            _drop(cur, new)
            raise
        _drop(cur, old)
    return found


def _fill(url: URL, file: Path, *, private: bool, pg_bin: Path | None) -> None:
    if private:
        with contextlib.closing(server.connect(url)) as session, session.cursor() as cur:
            server.prepare_database(cur)
    else:
        server.check(url)
    kept = [line for line in _contents(file, pg_bin) if not _MADE_BY_THE_SERVER.match(line)]
    load = programs.client("pg_restore", _server_major(url), pg_bin)
    with tempfile.NamedTemporaryFile("w", suffix=".list", encoding="utf-8") as contents:
        contents.write("\n".join(kept) + "\n")
        contents.flush()
        command = [load, "--no-owner", "--exit-on-error", "--single-transaction"]
        command += [f"--use-list={contents.name}", f"--dbname={_dsn(url)}", str(file)]
        try:
            _run(command, url, subprocess.DEVNULL)
        except UnavailableError as error:
            raise InvalidInputError(
                "%(file)s cannot be restored, the database stays as it was: %(error)s",
                file=file,
                error=error,
            ) from error
    migration.upgrade(url)


def _swap(cur: cursor, name: str, old: str, new: str) -> None:
    """Exchange two databases in one transaction, sending their users away."""
    rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
    names = [sql.Identifier(item) for item in (name, old, new)]
    for attempt in range(_SWAP_ATTEMPTS):
        cur.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname IN (%s, %s) AND pid <> pg_backend_pid()",
            (name, new),
        )
        try:
            # one message with several statements is one transaction
            statements = [rename.format(names[0], names[1]), rename.format(names[2], names[0])]
            cur.execute(sql.SQL("; ").join(statements))
        except psycopg2.errors.ObjectInUse as error:
            if attempt + 1 == _SWAP_ATTEMPTS:
                raise UnavailableError(
                    "the database %(name)s stays in use: stop the service, then restore again",
                    name=name,
                ) from error
        else:
            return


def _drop_leftovers(cur: cursor, name: str) -> None:
    """Drop what a restore that was killed has left."""
    cur.execute("SELECT datname FROM pg_database")
    pattern = re.compile(re.escape(name[:40]) + r"_(restored|replaced)_[0-9a-f]{8}")
    for (found,) in cur.fetchall():
        if pattern.fullmatch(found):
            _drop(cur, found)


def _drop(cur: cursor, name: str) -> None:
    cur.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@contextlib.contextmanager
def _maintenance(address: URL) -> Iterator[cursor]:
    session = server.connect(address, "postgres")
    with contextlib.closing(session), session.cursor() as cur:
        # two restores at once would drop each other's new database
        cur.execute("SELECT pg_try_advisory_lock(%s)", (migration.LOCK_KEY,))
        if cur.fetchone() != (True,):
            raise ConflictError("another restore runs on this server: wait for its end")
        yield cur


def _is_superuser(cur: cursor) -> bool:
    cur.execute("SELECT current_setting('is_superuser') = 'on'")
    return cur.fetchone() == (True,)


def _server_major(url: str | URL) -> int:
    with contextlib.closing(server.connect(url)) as session:
        return session.info.server_version // 10_000


def _contents(file: Path, pg_bin: Path | None) -> list[str]:
    command = [programs.client("pg_restore", None, pg_bin), "--list", str(file)]
    return [line for line in _read(command, file).splitlines() if not line.startswith(";")]


def _read(command: Sequence[str], file: Path) -> str:
    with tempfile.TemporaryFile() as output:
        try:
            _run(command, None, output.fileno())
        except UnavailableError as error:
            raise InvalidInputError(
                "%(file)s is not a backup, or is damaged: %(error)s", file=file, error=error
            ) from error
        output.seek(0)
        return output.read().decode("utf-8", "replace")


def _dsn(url: str | URL) -> str:
    keywords = server.keywords(url)
    keywords.pop("password", None)  # arguments can be seen by everybody
    return str(make_dsn(**keywords))


def _run(command: Sequence[str], url: str | URL | None, output: int) -> None:
    environment = os.environ | {"LC_ALL": "C"}
    password = make_url(url).password if url is not None else None
    if password:
        environment["PGPASSWORD"] = str(password)
    outcome = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.PIPE,
        check=False,
    )
    if outcome.returncode != 0:
        text = outcome.stderr.decode("utf-8", "replace").strip()
        if "No space left on device" in text:
            text = "the disk is full"
        raise UnavailableError(
            "%(name)s: %(output)s", name=Path(command[0]).name, output=" ".join(text.split())[:500]
        )

"""Engines and sessions, and what the driver's errors mean to people."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import psycopg2
from psycopg2 import sql
from sqlalchemy import URL, Engine, create_engine, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from gis_supervision.errors import (
    ConflictError,
    InvalidInputError,
    SupervisionError,
    UnavailableError,
)
from gis_supervision.messages import Message

READER_TIMEOUT_S = 30
"""Longest time that one query of a layer may take."""

_MEANINGS: dict[str, tuple[type[SupervisionError], Message]] = {
    "23P01": (ConflictError, Message("it overlaps with what is in the register")),
    "23505": (ConflictError, Message("it is in the register already")),
    "23503": (
        ConflictError,
        Message("it refers to something that is not there, or is referred to"),
    ),
    "23514": (InvalidInputError, Message("a value is out of its range")),
    "23502": (InvalidInputError, Message("a value is missing")),
    "25006": (InvalidInputError, Message("the query writes, and only reading is allowed")),
    "40001": (ConflictError, Message("somebody else changed the same rows; do it again")),
    "40P01": (ConflictError, Message("somebody else changed the same rows; do it again")),
    "42501": (UnavailableError, Message("the database login lacks a right")),
    "53100": (UnavailableError, Message("the disk of the database is full")),
    "53200": (UnavailableError, Message("the database is out of memory")),
    "53300": (UnavailableError, Message("the database has no connection left")),
    "55P03": (UnavailableError, Message("somebody else holds a lock for too long; do it again")),
    "57014": (UnavailableError, Message("the query took too long and was ended")),
    "57P01": (UnavailableError, Message("the database was stopped")),
    "57P02": (UnavailableError, Message("the database crashed; the next start recovers it")),
    "57P03": (UnavailableError, Message("the database is starting or stopping")),
}


class Readable(Protocol):
    """Anything that COPY can read text or bytes from."""

    def read(self, size: int, /) -> str | bytes:
        """Return at most so many characters."""


def engine(
    url: str | URL, *, pool_size: int = 5, statement_timeout_s: float | None = None
) -> Engine:
    """Return an engine for the login that owns the tables.

    Parameters
    ----------
    url
        As `cluster.ensure` returns it.
    pool_size
        Connections kept open; twice as many more are opened under load.
    statement_timeout_s
        Seconds after which a statement is ended; None for never.

    Returns
    -------
    Engine
        A connection that a restart of the database broke is replaced before it is used.
    """
    options = {"timezone": "UTC", "jit": "off"}
    if statement_timeout_s is not None:
        options["statement_timeout"] = f"{round(statement_timeout_s * 1000)}"
    return _engine(url, pool_size, options)


def reader_engine(
    url: str | URL, *, pool_size: int = 5, statement_timeout_s: float = READER_TIMEOUT_S
) -> Engine:
    """Return an engine for the login that layer queries use.

    Its transactions are read-only. Parallel workers and generic plans are off: on tiles and
    bounding boxes, many small queries at once, both make it slower.

    Parameters
    ----------
    url
        As `cluster.ensure` returns it in ``reader_url``.
    pool_size
        Connections kept open; twice as many more are opened under load.
    statement_timeout_s
        Seconds after which a statement is ended.

    Returns
    -------
    Engine
    """
    options = {
        "timezone": "UTC",
        "jit": "off",
        "default_transaction_read_only": "on",
        "statement_timeout": f"{round(statement_timeout_s * 1000)}",
        "idle_in_transaction_session_timeout": "60000",
        "max_parallel_workers_per_gather": "0",
        "plan_cache_mode": "force_custom_plan",
    }
    return _engine(url, pool_size, options)


@contextlib.contextmanager
def session_scope(bind: Engine) -> Iterator[Session]:
    """Open a session at the outer edge: commit at the end, roll back on an error.

    Functions inside take the session and may flush; none of them commits.

    Parameters
    ----------
    bind
        Where to.

    Yields
    ------
    Session

    Raises
    ------
    SupervisionError
        The driver's error in plain words, where it is one that a user can do something about.
    """
    with translation(), Session(bind) as session, session.begin():
        yield session


@contextlib.contextmanager
def translation() -> Iterator[None]:
    """Turn the driver's errors into ours, where a user can do something about them.

    Raises
    ------
    ConflictError
        The register's constraints forbid it.
    InvalidInputError
        A value is not what the register takes.
    UnavailableError
        The database is away, full, too slow, or lacks a right.
    """
    try:
        yield
    except (DBAPIError, psycopg2.Error) as error:
        meant = translated(error)
        if meant is None:
            raise
        raise meant from error
    except ValueError as error:
        # the driver refuses such text before the server sees it
        if not isinstance(error, UnicodeEncodeError) and "NUL (0x00)" not in str(error):
            raise
        raise InvalidInputError(
            "a value is not what the register takes (text has no NUL and no half characters)"
        ) from error


def translated(error: DBAPIError | psycopg2.Error) -> SupervisionError | None:
    """Say what an error of the driver means to people.

    Parameters
    ----------
    error
        Of SQLAlchemy or psycopg2.

    Returns
    -------
    SupervisionError or None
        None for a mistake of the program itself, such as an unknown column.
    """
    original = error.orig if isinstance(error, DBAPIError) else error
    if not isinstance(original, psycopg2.Error):
        return None
    code = original.pgcode or ""
    message = _message(original)
    known = _meaning(code)
    if known is not None:
        kind, meaning = known
        return kind.told(Message("%(meaning)s (%(message)s)", meaning=meaning, message=message))
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    away = (psycopg2.OperationalError, psycopg2.InterfaceError)
    if not code and (lost or isinstance(original, away)):
        return UnavailableError("the database does not answer (%(message)s)", message=message)
    return None


def copy_rows(
    session: Session, table: str, columns: Sequence[str], stream: Readable, *, null: str = ""
) -> int:
    r"""Load rows from CSV text with COPY, the fastest way in.

    Parameters
    ----------
    session
        The rows belong to its transaction.
    table
        Name of the table, with its schema before a dot where it has one.
    columns
        Names of the columns, in the order of the stream.
    stream
        CSV without a header line, UTF-8. An empty field is null, ``""`` is empty text.
    null
        Another text that stands for null.

    Returns
    -------
    int
        Number of rows.

    Raises
    ------
    psycopg2.Error
        A value does not fit; the message names line and column. `session_scope` turns it into an
        InvalidInputError.
    """
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv, NULL {}, ENCODING 'UTF8')").format(
        sql.Identifier(*table.split(".")),
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        sql.Literal(null),
    )
    driver: Any = session.connection().connection.driver_connection
    with driver.cursor() as cursor:
        cursor.copy_expert(statement, stream)
        return int(cursor.rowcount)


def _engine(url: str | URL, pool_size: int, options: dict[str, str]) -> Engine:
    address = make_url(url)
    settings = [str(address.query.get("options", ""))]
    settings += [f"-c {name}={value}" for name, value in options.items()]
    return create_engine(
        address,
        pool_size=pool_size,
        max_overflow=2 * pool_size,
        pool_pre_ping=True,
        connect_args={
            "application_name": "gis-supervision",
            "connect_timeout": 10,
            "options": " ".join(settings).strip(),
        },
    )


def _meaning(code: str) -> tuple[type[SupervisionError], Message] | None:
    if code in _MEANINGS:
        return _MEANINGS[code]
    if code.startswith("22"):
        return InvalidInputError, Message("a value is not what the register takes")
    if code.startswith(("08", "53", "57", "58")):
        return UnavailableError, Message("the database cannot do this now")
    return None


def _message(error: psycopg2.Error) -> str:
    diagnosis = error.diag
    parts = [diagnosis.message_primary, diagnosis.message_detail, diagnosis.context]
    parts.append(diagnosis.constraint_name and f"constraint {diagnosis.constraint_name}")
    text = "; ".join(part.strip().splitlines()[0] for part in parts if part and part.strip())
    return text or " ".join(str(error).split()) or type(error).__name__

"""Query results as polars frames, by COPY: a million rows in seconds and without Python objects."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import polars as pl
from psycopg2.sql import SQL, Composable, Identifier
from sqlalchemy.orm import Session


@contextmanager
def _cursor(session: Session) -> Iterator[Any]:
    cursor = session.connection().connection.cursor()
    try:
        yield cursor
    finally:
        cursor.close()


def read(
    session: Session,
    query: str,
    schema: Mapping[str, pl.DataType | type[pl.DataType]],
    parameters: Mapping[str, Any] | None = None,
) -> pl.DataFrame:
    """Read the rows of a query.

    Parameters
    ----------
    session
        An open session; the query sees what the session has written.
    query
        SELECT with ``%(name)s`` placeholders.
    schema
        Name and type of every column, in the order of the query.
    parameters
        Values of the placeholders.

    Returns
    -------
    polars.DataFrame
        SQL NULL is null; an empty text stays an empty text.
    """
    with _cursor(session) as cursor:
        text = cursor.mogrify(query, dict(parameters or {})).decode()
        out = BytesIO()
        cursor.copy_expert(f"COPY ({text}) TO STDOUT (FORMAT csv, NULL '\\N', FORCE_QUOTE *)", out)
    if out.tell() == 0:
        return pl.DataFrame(schema=dict(schema))
    out.seek(0)
    return pl.read_csv(
        out,
        has_header=False,
        schema=dict(schema),
        null_values="\\N",
    )


def write(session: Session, table: str, frame: pl.DataFrame) -> None:
    """Append the rows of a frame to a table whose columns have the frame's names.

    Parameters
    ----------
    session
        An open session; the caller commits.
    table
        Name of the table.
    frame
        Rows; null becomes SQL NULL.
    """
    columns: Composable = SQL(", ").join(Identifier(name) for name in frame.columns)
    out = BytesIO()
    frame.write_csv(out, include_header=False, null_value="\\N", quote_style="necessary")
    out.seek(0)
    with _cursor(session) as cursor:
        statement = SQL("COPY {} ({}) FROM STDIN (FORMAT csv, NULL '\\N')").format(
            Identifier(table), columns
        )
        cursor.copy_expert(statement, out)

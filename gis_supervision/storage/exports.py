"""The register's own tables as rows to export: every field that an import can fill, and its key.

What leaves here can come back: the same fields, the pair of coordinates that was handed in, and
its datum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from sqlalchemy import text

from gis_supervision.errors import InvalidInputError, NotFoundError
from gis_supervision.language import gettext_noop

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy.orm import Session

Kind = Literal["text", "integer", "number", "date", "boolean"]
GeometryKind = Literal["point", "polygon"]


@dataclass(frozen=True)
class Field:
    """A column: its name in the register, its title in English to be translated, its type."""

    name: str
    title: str
    kind: Kind = "text"


@dataclass(frozen=True)
class Noun:
    """A table of the register as people speak of it.

    Attributes
    ----------
    title
        English, to be translated.
    fields
        Columns in order.
    query
        SELECT of the columns and, last, the geometry where there is one; without ORDER BY.
    order
        What the rows are ordered by.
    geometry
        Kind of the geometry, None where there is none.
    """

    title: str
    fields: tuple[Field, ...]
    query: str
    order: str
    geometry: GeometryKind | None = None


NOUNS: Final[dict[str, Noun]] = {
    "premises": Noun(
        gettext_noop("Premises"),
        (
            Field("licence", gettext_noop("Licence")),
            Field("name", gettext_noop("Name")),
            Field("trade_name", gettext_noop("Trade name")),
            Field("credit_code", gettext_noop("Unified social credit code")),
            Field("category", gettext_noop("Category")),
            Field("risk_class", gettext_noop("Food-risk class")),
            Field("credit_class", gettext_noop("Credit class")),
            Field("responsibility_tier", gettext_noop("Responsibility tier")),
            Field("address", gettext_noop("Address")),
            Field("division_code", gettext_noop("Division code")),
            Field("location", gettext_noop("Location")),
            Field("datum", gettext_noop("Datum")),
            Field("original_x", gettext_noop("X as handed in"), "number"),
            Field("original_y", gettext_noop("Y as handed in"), "number"),
            Field("external", gettext_noop("Other administration"), "boolean"),
            Field("opened_on", gettext_noop("Opened on"), "date"),
            Field("closed_on", gettext_noop("Closed on"), "date"),
            Field("cell", gettext_noop("Cell")),
            Field("division", gettext_noop("Division")),
        ),
        """
        SELECT
            p.licence, p.name, p.trade_name, p.credit_code, p.category, p.risk_class,
            p.credit_class, p.responsibility_tier, p.address, p.division_code, p.location, p.datum,
            p.original_x, p.original_y, p.external, p.opened_on, p.closed_on, c.code AS cell,
            d.name AS division, ST_AsBinary(p.geom) AS geom
        FROM premises AS p
        LEFT JOIN grid_cell AS c ON p.cell_id = c.id
        LEFT JOIN division AS d ON p.division_id = d.id
        """,
        "licence",
        "point",
    ),
    "divisions": Noun(
        gettext_noop("Divisions"),
        (
            Field("code", gettext_noop("Division code")),
            Field("name", gettext_noop("Name")),
            Field("level", gettext_noop("Level")),
            Field("kind", gettext_noop("Kind")),
            Field("parent_code", gettext_noop("Code of the division above")),
            Field("external", gettext_noop("Other administration"), "boolean"),
            Field("valid_from", gettext_noop("Valid from"), "date"),
            Field("successor_code", gettext_noop("Successor")),
            Field("succeeded_on", gettext_noop("Succeeded on"), "date"),
        ),
        """
        SELECT
            k.code, d.name, d.level, d.kind, up.code AS parent_code, d.external,
            lower(k.valid) AS valid_from, after.code AS successor_code,
            upper(k.valid) AS succeeded_on,
            CASE WHEN upper_inf(k.valid) THEN ST_AsBinary(d.geom) END AS geom
        FROM division AS d
        JOIN division_code AS k ON d.id = k.division_id
        LEFT JOIN division_code AS up ON d.parent_id = up.division_id AND upper_inf(up.valid)
        LEFT JOIN division_code AS after
            ON d.id = after.division_id AND lower(after.valid) = upper(k.valid)
        """,
        "code, valid_from",
        "polygon",
    ),
    "cells": Noun(
        gettext_noop("Grid cells"),
        (
            Field("code", gettext_noop("Cell")),
            Field("division_code", gettext_noop("Division code")),
            Field("division", gettext_noop("Division")),
            Field("zone", gettext_noop("Zone")),
            Field("area_m2", gettext_noop("Area (m²)"), "number"),
            Field("valid_from", gettext_noop("Valid from"), "date"),
            Field("valid_to", gettext_noop("Valid to"), "date"),
        ),
        """
        SELECT
            c.code, k.code AS division_code, d.name AS division, z.code AS zone, c.area_m2,
            lower(c.valid) AS valid_from, upper(c.valid) AS valid_to, ST_AsBinary(c.geom) AS geom
        FROM grid_cell AS c
        LEFT JOIN division AS d ON c.division_id = d.id
        LEFT JOIN division_code AS k ON d.id = k.division_id AND upper_inf(k.valid)
        LEFT JOIN zone_cell AS m ON c.id = m.cell_id AND upper_inf(m.valid)
        LEFT JOIN zone AS z ON m.zone_id = z.id
        """,
        "code, valid_from",
        "polygon",
    ),
    "inspections": Noun(
        gettext_noop("Inspections"),
        (
            Field("inspection_number", gettext_noop("Inspection number")),
            Field("licence", gettext_noop("Licence")),
            Field("inspected_on", gettext_noop("Inspected on"), "date"),
            Field("kind", gettext_noop("Kind")),
            Field("channel", gettext_noop("Channel")),
            Field("result", gettext_noop("Result")),
        ),
        """
        SELECT i.inspection_number, p.licence, i.inspected_on, i.kind, i.channel, i.result
        FROM inspection AS i
        JOIN premises AS p ON i.premises_id = p.id
        """,
        "inspection_number",
    ),
    "findings": Noun(
        gettext_noop("Findings"),
        (
            Field("inspection_number", gettext_noop("Inspection number")),
            Field("item", gettext_noop("Item")),
            Field("severity", gettext_noop("Severity")),
            Field("times", gettext_noop("Times"), "integer"),
        ),
        """
        SELECT i.inspection_number, f.item, f.severity, f.times
        FROM finding AS f
        JOIN inspection AS i ON f.inspection_id = i.id
        """,
        "inspection_number, item",
    ),
    "complaints": Noun(
        gettext_noop("Complaints"),
        (
            Field("complaint_number", gettext_noop("Complaint number")),
            Field("received_on", gettext_noop("Received on"), "date"),
            Field("closed_on", gettext_noop("Closed on"), "date"),
            Field("kind", gettext_noop("Kind")),
            Field("licence", gettext_noop("Licence")),
            Field("datum", gettext_noop("Datum")),
            Field("original_x", gettext_noop("X as handed in"), "number"),
            Field("original_y", gettext_noop("Y as handed in"), "number"),
            Field("cell", gettext_noop("Cell")),
        ),
        """
        SELECT
            k.complaint_number, k.received_on, k.closed_on, k.kind, k.licence, k.datum,
            k.original_x, k.original_y, c.code AS cell, ST_AsBinary(k.geom) AS geom
        FROM complaint AS k
        LEFT JOIN grid_cell AS c ON k.cell_id = c.id
        """,
        "complaint_number",
        "point",
    ),
    "hazards": Noun(
        gettext_noop("Hazards"),
        (
            Field("licence", gettext_noop("Licence")),
            Field("item", gettext_noop("Item")),
            Field("severity", gettext_noop("Severity")),
            Field("state", gettext_noop("State")),
            Field("found_on", gettext_noop("Found on"), "date"),
            Field("last_seen_on", gettext_noop("Last seen on"), "date"),
            Field("resolved_on", gettext_noop("Resolved on"), "date"),
            Field("times_seen", gettext_noop("Times seen"), "integer"),
            Field("due_on", gettext_noop("Due on"), "date"),
        ),
        """
        SELECT
            p.licence, h.item, h.severity, h.state, h.found_on, h.last_seen_on, h.resolved_on,
            h.times_seen, h.due_on, ST_AsBinary(p.geom) AS geom
        FROM hazard AS h
        JOIN premises AS p ON h.premises_id = p.id
        """,
        "licence, item, found_on",
        "point",
    ),
}
"""Tables of the register that can be exported, by name."""

_CASTS: Final[dict[Kind, str]] = {
    "text": "text",
    "integer": "bigint",
    "number": "double precision",
    "date": "date",
    "boolean": "boolean",
}


def noun(name: str) -> Noun:
    """Return a table of the register by name.

    Raises
    ------
    NotFoundError
        There is none of that name.
    """
    if name not in NOUNS:
        raise NotFoundError(
            "nothing called %(name)r: expected one of %(nouns)s", name=name, nouns=", ".join(NOUNS)
        )
    return NOUNS[name]


def stream(
    session: Session,
    of: Noun,
    conditions: Mapping[str, Sequence[str | None]] | None = None,
    *,
    batch: int = 5_000,
) -> Iterator[list[tuple[Any, ...]]]:
    """Read the rows of a table, some at a time, so that memory does not grow with them.

    Parameters
    ----------
    session
        An open session; its transaction stays open while rows are read.
    of
        What to read.
    conditions
        Wanted values by field, written as in ISO 8601 and SQL; None among them stands for "no
        value".
    batch
        Rows fetched at once.

    Yields
    ------
    list of tuple
        Values of the fields and, where there is geometry, its WKB or None at the end.

    Raises
    ------
    InvalidInputError
        A field is unknown.
    """
    kinds = {field.name: field.kind for field in of.fields}
    clauses, values = ["true"], {}
    for number, (name, wanted) in enumerate((conditions or {}).items()):
        if name not in kinds:
            raise InvalidInputError(
                "filter %(name)r: expected one of the fields %(kinds)s",
                name=name,
                kinds=", ".join(kinds),
            )
        values[f"wanted{number}"] = [value for value in wanted if value is not None]
        clause = f'r."{name}" = ANY(CAST(:wanted{number} AS {_CASTS[kinds[name]]}[]))'
        clauses.append(f'({clause} OR r."{name}" IS NULL)' if None in wanted else clause)
    columns = ", ".join(f'r."{field.name}"' for field in of.fields)
    shape = ", r.geom" if of.geometry else ""
    result = session.execute(
        text(
            f"SELECT {columns}{shape} FROM ({of.query}) AS r"  # noqa: S608 - constants above, checked names
            f" WHERE {' AND '.join(clauses)} ORDER BY {of.order}"
        ),
        values,
        execution_options={"yield_per": batch},
    )
    for part in result.partitions():
        yield [tuple(row) for row in part]


def datums(session: Session, name: str) -> list[str]:
    """List the datums of the coordinates of a table, by name; none where it has no such pair."""
    of = noun(name)
    if not {"datum", "original_x"} <= {field.name for field in of.fields}:
        return []
    query = of.query
    return list(
        session.scalars(
            text(
                f"SELECT DISTINCT r.datum FROM ({query}) AS r"  # noqa: S608 - a constant above
                " WHERE r.datum IS NOT NULL AND r.original_x IS NOT NULL ORDER BY r.datum"
            )
        )
    )

"""Layer queries: the SELECT of a layer, with conditions, as rows, GeoJSON or counts.

The text of a query comes from a file of the catalogue and runs under the reader's login, which can
read schema ``map`` and nothing else. Names of columns are checked identifiers; values are bound.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import BigInteger, Date, Double, Text, bindparam, text
from sqlalchemy.types import Boolean, TypeEngine

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy.orm import Session

Kind = Literal["text", "integer", "number", "date", "boolean"]

_TYPES: dict[Kind, type[TypeEngine[Any]]] = {
    "text": Text,
    "integer": BigInteger,
    "number": Double,
    "date": Date,
    "boolean": Boolean,
}
_KINDS: dict[str, Kind] = {
    "text": "text",
    "varchar": "text",
    "bpchar": "text",
    "name": "text",
    "int2": "integer",
    "int4": "integer",
    "int8": "integer",
    "float4": "number",
    "float8": "number",
    "numeric": "number",
    "date": "date",
    "bool": "boolean",
}


@dataclass(frozen=True)
class Source:
    """What a layer query is, to the database.

    Attributes
    ----------
    query
        One SELECT with ``:name`` parameters.
    parameters
        Their types.
    key
        Column that is unique and gives the order of pages.
    key_kind
        Its type.
    geometry
        Geometry column in degrees of WGS84 (EPSG:4326), None where there is none.
    attributes
        Columns that may leave.
    """

    query: str
    parameters: Mapping[str, Kind]
    key: str
    key_kind: Kind
    geometry: str | None
    attributes: tuple[str, ...]


@dataclass(frozen=True)
class Condition:
    """Rows whose attribute is one of some values, or lies in a range (the upper end excluded).

    Attributes
    ----------
    attribute
        Column.
    kind
        Its type.
    values
        Wanted values; None among them stands for "no value". None for no such restriction.
    at_least, below
        Ends of the range, None for an open one.
    """

    attribute: str
    kind: Kind
    values: tuple[Any, ...] | None = None
    at_least: Any = None
    below: Any = None


@dataclass(frozen=True)
class Selection:
    """Values for the parameters of a query, and conditions on its rows.

    Attributes
    ----------
    parameters
        Value of every parameter.
    conditions
        All of them hold.
    bbox
        West, south, east, north in degrees; west may be greater than east, across the antimeridian.
    """

    parameters: Mapping[str, Any] = field(default_factory=dict)
    conditions: tuple[Condition, ...] = ()
    bbox: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class Page:
    """One page of features.

    Attributes
    ----------
    features
        The features as GeoJSON, separated by commas, without the brackets around them.
    returned
        How many they are.
    last
        Key of the last one, None for an empty page.
    more
        Whether there are more after it.
    """

    features: str
    returned: int
    last: int | str | None
    more: bool


@dataclass(frozen=True)
class Column:
    """A column that a query returns: its type as the catalogue names it, else PostgreSQL's."""

    name: str
    kind: str
    srid: int | None = None
    geometry_type: str | None = None


@dataclass(frozen=True)
class Rows:
    """All rows of a query, column by column.

    Attributes
    ----------
    columns
        Values of each attribute, rows in the order of the key.
    geometries
        WKB of each row, None where it has no place; empty for a layer without geometry.
    """

    columns: dict[str, list[Any]]
    geometries: list[bytes | None]


def page(
    session: Session, source: Source, selection: Selection, *, limit: int, after: int | str | None
) -> Page:
    """Read one page of features as GeoJSON text, built in the database.

    Parameters
    ----------
    session
        A session of the reader.
    source, selection
        What to read.
    limit
        Largest number of features.
    after
        Key of the last feature of the page before; None for the first page.

    Returns
    -------
    Page
    """
    where, values, types = _where(source, selection)
    if after is not None:
        where += f" AND layer.{_name(source.key)} > :after_"
        values["after_"], types["after_"] = after, source.key_kind
    values["limit_"], types["limit_"] = limit, "integer"
    shape = (
        f"coalesce(ST_AsGeoJSON(shown.{_name(source.geometry)}, 7), 'null')"
        if source.geometry
        else "'null'"
    )
    key = f"shown.{_name(source.key)}"
    properties = ", ".join(f"shown.{_name(name)}" for name in source.attributes)
    statement = f"""
        WITH page AS (
            SELECT layer.* FROM ({source.query}) AS layer
            WHERE {where} ORDER BY layer.{_name(source.key)} LIMIT :limit_ + 1
        ), shown AS (SELECT * FROM page ORDER BY {_name(source.key)} LIMIT :limit_)
        SELECT
            coalesce(string_agg(
                '{{"type":"Feature","id":' || to_json({key}) || ',"geometry":' || {shape}
                || ',"properties":' || (
                    SELECT row_to_json(properties) FROM (SELECT {properties}) AS properties
                ) || '}}', ',' ORDER BY {key}
            ), ''),
            count(*), max({key}), (SELECT count(*) FROM page) > :limit_
        FROM shown
    """  # noqa: S608 - names are checked, values are bound, the query is a file of the catalogue
    features, returned, last, more = session.execute(_bound(statement, types), values).one()
    return Page(features, returned, last, more)


def rows(
    session: Session,
    source: Source,
    selection: Selection,
    attributes: Sequence[str],
    *,
    once_for: str | None = None,
) -> Rows:
    """Read all rows in the order of the key.

    Parameters
    ----------
    session
        A session of the reader.
    source, selection
        What to read.
    attributes
        Columns, all of them among the source's.
    once_for
        Column whose value has the same place in all its rows: only the first of them carries the
        geometry. Left out: every row does.

    Returns
    -------
    Rows
    """
    where, values, types = _where(source, selection)
    names = [f"layer.{_name(name)}" for name in attributes]
    if source.geometry:
        shape = f"ST_AsBinary(layer.{_name(source.geometry)})"
        if once_for:
            key = f"layer.{_name(source.key)}"
            first = f"row_number() OVER (PARTITION BY layer.{_name(once_for)} ORDER BY {key}) = 1"
            shape = f"CASE WHEN {first} THEN {shape} END"
        names.append(shape)
    statement = f"""
        SELECT {", ".join(names)} FROM ({source.query}) AS layer
        WHERE {where} ORDER BY layer.{_name(source.key)}
    """  # noqa: S608 - as above
    found = session.execute(_bound(statement, types), values).all()
    turned: list[Any] = list(zip(*found, strict=True)) if found else [()] * len(names)
    columns = {name: list(turned[place]) for place, name in enumerate(attributes)}
    shapes = turned[len(attributes)] if source.geometry else ()
    return Rows(columns, [None if shape is None else bytes(shape) for shape in shapes])


def stream(
    session: Session,
    source: Source,
    selection: Selection,
    attributes: Sequence[str],
    *,
    batch: int = 5_000,
) -> Iterator[list[tuple[Any, ...]]]:
    """Read all rows in the order of the key, some at a time, so that memory does not grow.

    Parameters
    ----------
    session
        A session of the reader; its transaction stays open while rows are read.
    source, selection
        What to read.
    attributes
        Columns, all of them among the source's.
    batch
        Rows fetched at once.

    Yields
    ------
    list of tuple
        Values of the attributes and, for a layer with geometry, its WKB or None at the end.
    """
    where, values, types = _where(source, selection)
    names = [f"layer.{_name(name)}" for name in attributes]
    if source.geometry:
        names.append(f"ST_AsBinary(layer.{_name(source.geometry)})")
    statement = f"""
        SELECT {", ".join(names)} FROM ({source.query}) AS layer
        WHERE {where} ORDER BY layer.{_name(source.key)}
    """  # noqa: S608 - as above
    result = session.execute(
        _bound(statement, types), values, execution_options={"yield_per": batch}
    )
    for part in result.partitions():
        yield [tuple(row) for row in part]


def counts(
    session: Session, source: Source, selection: Selection, by: str | None
) -> list[tuple[Any, int, int]]:
    """Count features, located and not, by the values of an attribute.

    Parameters
    ----------
    session
        A session of the reader.
    source, selection
        What to count.
    by
        The attribute; None for one count of everything.

    Returns
    -------
    list of (value, located, not located)
    """
    where, values, types = _where(source, selection)
    value = f"layer.{_name(by)}" if by else "NULL"
    place = f"layer.{_name(source.geometry)}" if source.geometry else "NULL::text"
    statement = f"""
        SELECT {value}, count({place}), count(*) - count({place})
        FROM ({source.query}) AS layer WHERE {where}
        {f"GROUP BY {value} ORDER BY {value}" if by else ""}
    """  # noqa: S608 - as above
    return [tuple(row) for row in session.execute(_bound(statement, types), values)]


def nulls(
    session: Session, source: Source, selection: Selection, attributes: Sequence[str]
) -> dict[str, int]:
    """Count the rows in which each of some attributes has no value."""
    if not attributes:
        return {}
    where, values, types = _where(source, selection)
    counted = ", ".join(f"count(*) - count(layer.{_name(name)})" for name in attributes)
    statement = f"SELECT {counted} FROM ({source.query}) AS layer WHERE {where}"  # noqa: S608 - as above
    row = session.execute(_bound(statement, types), values).one()
    return dict(zip(attributes, row, strict=True))


def columns(session: Session, source: Source, parameters: Mapping[str, Any]) -> list[Column]:
    """Tell what a query returns, by having the database plan and run it for no rows.

    Parameters
    ----------
    session
        A session of the reader.
    source
        The query; its attributes and geometry are not looked at.
    parameters
        Value of every parameter.

    Returns
    -------
    list of Column

    Raises
    ------
    sqlalchemy.exc.DBAPIError
        The query is wrong, or reads what the reader may not.
    """
    statement = f"SELECT layer.* FROM ({source.query}) AS layer LIMIT 0"  # noqa: S608 - as above
    result: Any = session.execute(_bound(statement, dict(source.parameters)), dict(parameters))
    described = result.cursor.description or ()
    result.close()
    found = []
    for item in described:
        name = session.scalars(
            text("SELECT typname FROM pg_type WHERE oid = :oid"), {"oid": item.type_code}
        ).one()
        if name == "geometry":
            found.append(_geometry_column(session, source, parameters, item))
        else:
            found.append(Column(item.name, _KINDS.get(name, name)))
    return found


def _geometry_column(
    session: Session, source: Source, parameters: Mapping[str, Any], item: Any
) -> Column:
    # The driver reports the type modifier less four; -1 is that of a computed geometry.
    if item.internal_size is not None and item.internal_size >= 0:
        srid, kind = session.execute(
            text("SELECT postgis_typmod_srid(:mod), postgis_typmod_type(:mod)"),
            {"mod": item.internal_size + 4},
        ).one()
        return Column(item.name, "geometry", srid, kind)
    place = f"layer.{_name(item.name)}"
    statement = f"""
        SELECT ST_SRID({place}), GeometryType({place}) FROM ({source.query}) AS layer
        WHERE {place} IS NOT NULL LIMIT 1
    """  # noqa: S608 - as above
    row = session.execute(_bound(statement, dict(source.parameters)), dict(parameters)).first()
    return Column(item.name, "geometry", *(row or (None, None)))


def known(session: Session, column: str, value: object) -> bool:
    """Tell whether a column of a view of schema ``map`` has a value.

    Parameters
    ----------
    session
        A session of the reader.
    column
        As ``map.view.column``.
    value
        What is looked for.
    """
    schema, view, name = (_name(part) for part in column.split("."))
    statement = f"SELECT EXISTS (SELECT FROM {schema}.{view} WHERE {name} = :value)"  # noqa: S608 - names are quoted
    return bool(session.scalar(text(statement), {"value": value}))


def latest_as_of(session: Session) -> date:
    """Return the day that layers show when none is asked for.

    Returns
    -------
    date
        That of the analysis published last, else the last on which a hazard was seen, else today.
    """
    found = session.scalars(
        text(
            "SELECT coalesce("
            "(SELECT a.as_of FROM map.analysis AS a WHERE a.published_at IS NOT NULL"
            " ORDER BY a.published_at DESC LIMIT 1), "
            "(SELECT max(h.last_seen_on) FROM map.hazard AS h), current_date)"
        )
    ).one()
    assert isinstance(found, date)  # noqa: S101 - the query has three fallbacks
    return found


def readable_outside_map(session: Session) -> list[str]:
    """List tables and views outside schema ``map`` that this login can read.

    Those of the system and of PostGIS do not count.
    """
    return list(
        session.scalars(
            text("""
                SELECT c.oid::regclass::text FROM pg_class AS c
                JOIN pg_namespace AS n ON c.relnamespace = n.oid
                WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f')
                AND n.nspname NOT IN ('map', 'pg_catalog', 'information_schema')
                AND n.nspname NOT LIKE 'pg\\_%'
                AND has_schema_privilege(n.oid, 'USAGE')
                AND has_any_column_privilege(c.oid, 'SELECT')
                AND NOT EXISTS (
                    SELECT FROM pg_depend AS d JOIN pg_extension AS e ON d.refobjid = e.oid
                    WHERE d.objid = c.oid AND d.deptype = 'e'
                )
                ORDER BY 1
            """)
        )
    )


def _where(source: Source, selection: Selection) -> tuple[str, dict[str, Any], dict[str, Kind]]:
    clauses = ["true"]
    values = dict(selection.parameters)
    types: dict[str, Kind] = dict(source.parameters)

    def bind(value: object, kind: Kind) -> str:
        name = f"condition{len(values)}_"
        values[name], types[name] = value, kind
        return f":{name}"

    for condition in selection.conditions:
        column = f"layer.{_name(condition.attribute)}"
        if condition.values is not None:
            wanted = [value for value in condition.values if value is not None]
            parts = [f"{column} = {bind(value, condition.kind)}" for value in wanted]
            if len(wanted) < len(condition.values):
                parts.append(f"{column} IS NULL")
            clauses.append(f"({' OR '.join(parts) or 'false'})")
        if condition.at_least is not None:
            clauses.append(f"{column} >= {bind(condition.at_least, condition.kind)}")
        if condition.below is not None:
            clauses.append(f"{column} < {bind(condition.below, condition.kind)}")
    if selection.bbox is not None:
        clauses.append(_box(source, selection.bbox, bind))
    return " AND ".join(clauses), values, types


def _box(source: Source, bbox: tuple[float, float, float, float], bind: Any) -> str:
    if source.geometry is None:
        return "false"
    west, south, east, north = bbox
    spans = [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]
    parts = []
    for left, right in spans:
        corners = ", ".join(bind(value, "number") for value in (left, south, right, north))
        parts.append(f"layer.{_name(source.geometry)} && ST_MakeEnvelope({corners}, 4326)")
    return f"({' OR '.join(parts)})"


def _name(name: str) -> str:
    if not name.replace("_", "").isalnum():
        raise ValueError(f"{name!r} is no name of a column")
    return f'"{name}"'


def _bound(statement: str, types: Mapping[str, Kind]) -> Any:
    return text(statement).bindparams(
        *(bindparam(name, type_=_TYPES[kind]()) for name, kind in types.items())
    )

"""Columns of partitioned GeoParquet: what they have to be, and what is wrong with a file's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyproj

from gis_supervision.messages import Message

if TYPE_CHECKING:
    from pathlib import Path


def _text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_string_view(kind)
        or pa.types.is_null(kind)
    )


def _date(kind: pa.DataType) -> bool:
    return bool(pa.types.is_date32(kind) or pa.types.is_null(kind))


def _integer(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_null(kind))


_KINDS: Final = {
    "text": _text,
    "date": _date,
    "integer": _integer,
    "boolean": pa.types.is_boolean,
}


PLAIN: Final = {
    "location": "text",
    "risk_class": "text",
    "credit_class": "text",
    "responsibility_tier": "text",
    "category": "text",
    "external": "boolean",
    "opened_on": "date",
    "closed_on": "date",
    "cell_id": "integer",
    "division_id": "integer",
}


NESTED: Final = {
    "inspections": {"inspected_on": "date", "channel": "text", "kind": "text"},
    "hazards": {"found_on": "date", "resolved_on": "date"},
}


def wrong_columns(file: Path, schema: pa.Schema, wanted: dict[str, str]) -> list[Message]:
    """Say which of the wanted columns are missing, or of another type."""
    wrong = []
    for name, kind in wanted.items():
        at = schema.get_field_index(name)
        if at < 0:
            wrong.append(
                Message(
                    "%(file)s: column %(name)s: missing, expected %(kind)s",
                    file=file,
                    name=name,
                    kind=kind,
                )
            )
        elif not _KINDS[kind](schema.field(at).type):
            wrong.append(
                Message(
                    "%(file)s: column %(name)s: %(type)s, expected %(kind)s",
                    file=file,
                    name=name,
                    type=schema.field(at).type,
                    kind=kind,
                )
            )
    return wrong


def wrong_lists(file: Path, schema: pa.Schema) -> list[Message]:
    """Say which lists are missing, or hold something else."""
    wrong = []
    for name, wanted in NESTED.items():
        fields = ", ".join(f"{inner} ({kind})" for inner, kind in wanted.items())
        expected = Message("a list of %(fields)s", fields=fields)
        at = schema.get_field_index(name)
        if at < 0:
            wrong.append(
                Message(
                    "%(file)s: column %(name)s: missing, expected %(expected)s",
                    file=file,
                    name=name,
                    expected=expected,
                )
            )
            continue
        kind = schema.field(at).type
        if pa.types.is_null(kind):
            continue
        listed = pa.types.is_list(kind) or pa.types.is_large_list(kind)
        if not listed or not pa.types.is_struct(kind.value_type):
            wrong.append(
                Message(
                    "%(file)s: column %(name)s: %(kind)s, expected %(expected)s",
                    file=file,
                    name=name,
                    kind=kind,
                    expected=expected,
                )
            )
            continue
        inner = {field.name: field.type for field in kind.value_type}
        wrong += [
            Message(
                "%(file)s: column %(name)s.%(field)s: %(type)s, expected %(of)s",
                file=file,
                name=name,
                field=field,
                type=inner.get(field) or Message("missing"),
                of=of,
            )
            for field, of in wanted.items()
            if field not in inner or not _KINDS[of](inner[field])
        ]
    return wrong


def primary_geometry(file: Path, schema: pa.Schema) -> tuple[str, list[Message]]:
    """Find the geometry column and check what the metadata say of it."""
    text = (schema.metadata or {}).get(b"geo")
    if text is None:
        expected = Message("expected the metadata `geo` of GeoParquet, with a point in WGS84")
        return "", [
            Message("%(file)s: column geometry: %(expected)s", file=file, expected=expected)
        ]
    try:
        meaning = json.loads(text)
        name = meaning["primary_column"]
        column = meaning["columns"][name]
        encoding = column["encoding"]
    except (ValueError, KeyError, TypeError):
        return "", [
            Message("%(file)s: metadata geo: expected those of GeoParquet 1.0 or 1.1", file=file)
        ]
    at = schema.get_field_index(name)
    if at < 0:
        return name, [
            Message(
                "%(file)s: column %(name)s: missing, expected the primary geometry",
                file=file,
                name=name,
            )
        ]
    wrong = []
    kind = schema.field(at).type
    binary = pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
    native = pa.types.is_struct(kind) and {"x", "y"} <= {field.name for field in kind}
    if not (encoding == "WKB" and binary) and not (encoding == "point" and native):
        wrong.append(
            Message(
                "%(file)s: column %(name)s: %(kind)s with encoding %(encoding)r, expected WKB "
                "or point",
                file=file,
                name=name,
                kind=kind,
                encoding=encoding,
            )
        )
    others = set(column.get("geometry_types") or ()) - {"Point", "Point Z"}
    if others:
        wrong.append(
            Message(
                "%(file)s: column %(name)s: %(others)s, expected Point alone",
                file=file,
                name=name,
                others=", ".join(sorted(others)),
            )
        )
    datum = _foreign_datum(column)
    if datum is not None:
        wrong.append(
            Message(
                "%(file)s: column %(name)s: coordinate system %(datum)s, expected WGS84 or "
                "CGCS2000 longitude and latitude (OGC:CRS84, EPSG:4326, EPSG:4490)",
                file=file,
                name=name,
                datum=datum,
            )
        )
    return name, wrong


def _foreign_datum(column: dict[str, Any]) -> str | None:
    """Name the coordinate system of a column where it is not WGS84 or CGCS2000."""
    if "crs" not in column:
        return None  # GeoParquet: OGC:CRS84
    given = column["crs"]
    if given is None:
        return "unknown (null)"
    try:
        system = pyproj.CRS.from_user_input(given)
    except pyproj.exceptions.CRSError:
        return "that cannot be read"
    for code in (4326, 4490):
        if system.equals(pyproj.CRS.from_epsg(code), ignore_axis_order=True):
            return None
    if system.to_authority() == ("OGC", "CRS84"):
        return None
    return repr(system.name)

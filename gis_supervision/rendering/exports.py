"""Layers and tables of the register as tables to write, and the mapping that reads them back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gis_supervision.catalogue import query
from gis_supervision.errors import InvalidInputError
from gis_supervision.language import gettext_noop
from gis_supervision.rendering.tables import DEFUSED, Column, Table
from gis_supervision.storage import exports, layers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.orm import Session

    from gis_supervision.catalogue.models import Layer
    from gis_supervision.language import Language, Translator
    from gis_supervision.rendering.tables import Format
    from gis_supervision.storage.exports import Field, Noun

_COORDINATES = (gettext_noop("Longitude"), gettext_noop("Latitude"), gettext_noop("Shape (WKT)"))
_RECORDS = {
    "premises": "premises",
    "divisions": "division",
    "inspections": "inspection",
    "findings": "finding",
    "complaints": "complaint",
}
_FORMATS: dict[Format, str] = {
    "csv": "csv",
    "xlsx": "xlsx",
    "gpkg": "gpkg",
    "geoparquet": "geoparquet",
}
_NOT_IMPORTED = {
    "premises": {"location", "datum", "original_x", "original_y", "cell", "division"},
    "complaints": {"datum", "original_x", "original_y", "cell"},
}


def layer_table(
    session: Session,
    layer: Layer,
    language: Language,
    translate: Translator,
    values: Mapping[str, object] | None = None,
    *,
    bbox: Sequence[float] | str | None = None,
) -> Table:
    """Return a layer of the catalogue as a table; its rows are read while it is written.

    Parameters
    ----------
    session
        A session of the reader; open until the table is written.
    layer
        The layer.
    language, translate
        Of the titles.
    values
        Parameters and filters, as `gis_supervision.catalogue.query.select` takes them.
    bbox
        West, south, east, north in degrees.

    Returns
    -------
    Table

    Raises
    ------
    InvalidInputError
        A parameter or filter is wrong.
    """
    source = query.source(layer)
    selection = query.select(session, layer, values, bbox=bbox)
    columns = []
    for name, attribute in layer.attributes.items():
        title = attribute.title.to(language)
        unit = attribute.unit.to(language) if attribute.unit else ""
        shown = f"{title} ({unit})" if unit else title
        columns.append(Column(name, shown, attribute.type))
    return Table(
        layer.name,
        layer.title.to(language),
        tuple(columns),
        layers.stream(session, source, selection, source.attributes),
        layer.geometry.type if layer.geometry else None,
        _coordinates(translate),
    )


def register_table(
    session: Session,
    name: str,
    translate: Translator,
    conditions: Mapping[str, Sequence[str | None]] | None = None,
) -> Table:
    """Return a table of the register; its rows are read while it is written.

    Parameters
    ----------
    session
        A session of the owner; open until the table is written.
    name
        Of `gis_supervision.storage.exports.NOUNS`.
    translate
        Language of the titles.
    conditions
        Wanted values by field; None among them stands for "no value".

    Returns
    -------
    Table

    Raises
    ------
    NotFoundError
        There is no such table.
    InvalidInputError
        A field is unknown.
    """
    noun = exports.noun(name)
    return Table(
        name,
        translate(noun.title),
        tuple(Column(field.name, translate(field.title), field.kind) for field in noun.fields),
        exports.stream(session, noun, conditions),
        noun.geometry,
        _coordinates(translate),
    )


def mapping(
    name: str, file: str, format_: Format, translate: Translator, *, datums: Sequence[str] = ()
) -> str:
    """Write the mapping under which an exported table of the register can be imported again.

    Parameters
    ----------
    name
        Of the table: premises, divisions, inspections, findings or complaints.
    file
        Path of the export, relative to the mapping.
    format_
        Its format.
    translate
        Language of its titles.
    datums
        Datums of the coordinates, see `datums_of`: they go back as they were handed in.

    Returns
    -------
    str
        TOML.

    Raises
    ------
    InvalidInputError
        The table cannot be imported: cells and hazards are made here.
    """
    if name not in _RECORDS:
        raise InvalidInputError(
            "%(name)s cannot be imported again: expected one of %(records)s",
            name=name,
            records=", ".join(_RECORDS),
        )
    noun = exports.noun(name)
    titles = {field.name: translate(field.title) for field in noun.fields}
    lines = [f"name = {_quoted(f'export-{name}')}"]
    if "original_x" not in titles:
        lines += _source(name, noun, name, file, format_, titles)
        if noun.geometry and format_ in {"gpkg", "geoparquet"}:
            lines.append("geometry = true")
        return "\n".join(lines) + "\n"
    nowhere = ("location", ("none", "approximate")) if name == "premises" else ("datum", ("",))
    lines += _source("without_point", noun, name, file, format_, titles, keep=nowhere)
    for number, datum in enumerate(datums, start=1):
        source = f"points{number}"
        lines += _source(source, noun, name, file, format_, titles, keep=("datum", (datum,)))
        x, y = ("x", "y") if datum.upper().startswith("EPSG:") else ("lng", "lat")
        lines.append(f"{x} = {_quoted(titles['original_x'])}")
        lines.append(f"{y} = {_quoted(titles['original_y'])}")
    return "\n".join(lines) + "\n"


def datums_of(session: Session, name: str) -> list[str]:
    """List the datums in which the coordinates of a table were handed in."""
    return exports.datums(session, name)


def _source(
    source: str,
    noun: Noun,
    name: str,
    file: str,
    format_: Format,
    titles: Mapping[str, str],
    *,
    keep: tuple[str, Sequence[str]] | None = None,
) -> list[str]:
    lines = ["", f"[sources.{source}]", f"file = {_quoted(file)}"]
    lines.append(f"format = {_quoted(_FORMATS[format_])}")
    if keep:
        column, values = _quoted(titles[keep[0]]), ", ".join(map(_quoted, keep[1]))
        lines.append(f"keep = [{{ column = {column}, values = [{values}] }}]")
        if source != "without_point":
            lines.append(f"datum = {values}")
    lines += ["", f"[sources.{source}.{_RECORDS[name]}]"]
    lines += [
        f"{field.name} = {_column(field, titles[field.name], format_)}"
        for field in noun.fields
        if field.name not in _NOT_IMPORTED.get(name, ())
    ]
    return lines


def _column(field: Field, title: str, format_: Format) -> str:
    if format_ == "csv" and field.kind == "text":
        pattern = _quoted(DEFUSED)
        return f'{{ column = {_quoted(title)}, pattern = {pattern}, otherwise = "keep" }}'
    return _quoted(title)


def _quoted(value: Any) -> str:
    """Write a basic string of TOML, which is written as JSON writes it."""
    return json.dumps(value, ensure_ascii=False)


def _coordinates(translate: Translator) -> tuple[str, str, str]:
    lng, lat, shape = _COORDINATES
    return translate(lng), translate(lat), translate(shape)

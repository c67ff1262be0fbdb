"""What a map report shows, as JSON: layers with their features, filters, totals and lists."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from gis_supervision.catalogue import query
from gis_supervision.catalogue.problems import nearest
from gis_supervision.errors import InvalidInputError
from gis_supervision.language import translator
from gis_supervision.messages import Message
from gis_supervision.rendering import packing, series
from gis_supervision.rendering.texts import all_texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy.orm import Session

    from gis_supervision.catalogue.models import (
        Attribute,
        Catalogue,
        Filter,
        Layer,
        Map,
        MapLayer,
        Style,
        Text,
    )
    from gis_supervision.language import Language
    from gis_supervision.storage.layers import Rows, Selection

Bounds = tuple[float, float, float, float]

WORLD: Bounds = (-180.0, -60.0, 180.0, 75.0)


@dataclass(frozen=True)
class Contents:
    """Everything that a map report shows.

    Attributes
    ----------
    data
        As JSON takes it.
    bounds
        West, south, east, north of the features in degrees.
    summary
        Title and value of each of the totals, for readers without scripts.
    """

    data: dict[str, Any]
    bounds: Bounds
    summary: tuple[tuple[str, str], ...]


def collect(
    session: Session,
    catalogue: Catalogue,
    report: Map,
    values: Mapping[str, object],
    language: Language,
) -> Contents:
    """Read everything that a map shows.

    Parameters
    ----------
    session
        A session of the reader.
    catalogue, report
        The map and its layers.
    values
        Parameters and filters, as `gis_supervision.catalogue.query.select` takes them; a filter
        holds for every layer that has one of that name.
    language
        The language that the file opens in.

    Returns
    -------
    Contents

    Raises
    ------
    InvalidInputError
        A parameter or filter is unknown to all layers, or its value is wrong.
    """
    drawn = [catalogue.layers[entry.layer] for entry in report.layers]
    others = [catalogue.layers[name] for name in _tables(catalogue, report)]
    everything = [*drawn, *others]
    _known(values, everything)
    selections = {layer.name: _select(session, layer, values) for layer in everything}
    layers, boxes = [], []
    for layer, entry in zip(drawn, report.layers, strict=True):
        packed, bounds = _layer(session, layer, entry, report, selections[layer.name])
        layers.append(packed)
        if bounds is not None:
            boxes.append(bounds)
    tables = [_table(session, layer, report, selections[layer.name]) for layer in others]
    parameters: dict[str, Any] = {}
    for layer in everything:
        for name, value in selections[layer.name].parameters.items():
            shown = value.isoformat() if isinstance(value, date) else value
            if shown is not None:
                title = layer.parameters[name].title
                parameters.setdefault(name, {"title": _text(title), "value": shown})
    return Contents(
        {
            "name": report.name,
            "title": _text(report.title),
            "description": _text(report.description),
            "language": language,
            "texts": all_texts(),
            "parameters": parameters,
            "restricted": _restricted(values, everything),
            "notes": [_text(note) for note in report.notes],
            "layers": layers + tables,
            "filters": _filters(report, drawn),
            "totals": None if report.totals is None else report.totals.model_dump(),
            "lists": [table.model_dump() for table in report.lists],
        },
        _union(boxes),
        _summary(session, report, catalogue, selections, language),
    )


def _summary(
    session: Session,
    report: Map,
    catalogue: Catalogue,
    selections: Mapping[str, Selection],
    language: Language,
) -> tuple[tuple[str, str], ...]:
    if report.totals is None:
        return ()
    layer = catalogue.layers[report.totals.layer]
    said: list[tuple[str, str]] = []
    totals = report.totals
    if totals.by is not None:
        said += _counted(session, layer, selections[layer.name], totals.by, language)
    if totals.sum:
        time = [layer.time.attribute] if layer.time else []
        found = query.rows(session, layer, selections[layer.name], [*totals.sum, *time])
        kept = series.last(layer, found)
        for name in totals.sum:
            total = sum(found.columns[name][row] or 0 for row in kept)
            said.append((layer.attributes[name].title.to(language), f"{total:,.0f}"))
    return tuple(said)


def _counted(
    session: Session, layer: Layer, selection: Selection, by: str, language: Language
) -> list[tuple[str, str]]:
    """Say how many features there are of each value, in the last step where there are steps."""
    translate = translator(language)
    attribute = layer.attributes[by]
    if layer.time is None:
        counted = query.totals(session, layer, selection, by=by)
        parts = list(counted.by)
    else:
        found = query.rows(session, layer, selection, [by, layer.time.attribute])
        tally = Counter(found.columns[by][row] for row in series.last(layer, found))
        parts = [(value, number, 0) for value, number in tally.items()]
    said = []
    for value, located, missing in parts:
        title = attribute.value_title(value, language) or str(value)
        not_located = translate("Not located: {0}").format(f"{missing:,}")
        said.append((title, f"{located + missing:,} ({not_located})"))
    located, missing = (sum(part[place] for part in parts) for place in (1, 2))
    not_located = translate("Not located: {0}").format(f"{missing:,}")
    said.append((translate("Total"), f"{located + missing:,} ({not_located})"))
    return said


def _tables(catalogue: Catalogue, report: Map) -> list[str]:
    """Return layers that are only listed or summed up."""
    named = [table.layer for table in report.lists]
    if report.totals is not None:
        named.append(report.totals.layer)
    drawn = {entry.layer for entry in report.layers}
    return sorted({name for name in named if name not in drawn and name in catalogue.layers})


def _known(values: Mapping[str, object], layers: Iterable[Layer]) -> None:
    known = {name for layer in layers for name in (*layer.parameters, *layer.filters)}
    unknown = [
        Message("%(name)s: unknown; %(hint)s", name=name, hint=nearest(name, known))
        for name in values
        if name not in known
    ]
    if unknown:
        raise InvalidInputError.told(*unknown, between="; ")


def _select(session: Session, layer: Layer, values: Mapping[str, object]) -> Selection:
    own = {
        name: value
        for name, value in values.items()
        if name in layer.parameters or name in layer.filters
    }
    return query.select(session, layer, own)


def _layer(
    session: Session, layer: Layer, entry: MapLayer, report: Map, selection: Selection
) -> tuple[dict[str, Any], Bounds | None]:
    names = _attributes(layer, entry, report)
    found = query.rows(session, layer, selection, names)
    about = _about(layer, report, names, found)
    about |= {
        "title": _text(entry.title or layer.title),
        "visible": entry.visible,
        "switch": entry.switch,
        "draw": entry.draw,
        "label": list(layer.label) if entry.label else [],
        "legend": entry.legend,
        "popup": [name for name in entry.attributes or layer.attributes if name in names],
    }
    geometry = "" if layer.geometry is None else layer.geometry.type
    if geometry == "point":
        placed = packing.points(found.geometries)
        return about | {"points": placed.packed, "located": placed.located}, placed.bounds
    if geometry == "line":
        ways = packing.lines(found.geometries)
        return about | {"lines": ways.packed, "located": ways.located}, ways.bounds
    shapes = found.geometries
    if layer.time is not None:
        steps = series.arrange(layer, found, names)
        about |= series.packed(layer, steps)
        shapes = steps.geometries
    drawn = packing.areas(shapes)
    return about | {"areas": drawn.packed, "located": drawn.located}, drawn.bounds


def _table(session: Session, layer: Layer, report: Map, selection: Selection) -> dict[str, Any]:
    names = _attributes(layer, None, report)
    found = query.rows(session, layer, selection, names)
    about = _about(layer, report, names, found) | {"popup": names, "located": 0}
    if layer.time is not None:
        about |= series.packed(layer, series.arrange(layer, found, names))
    return about


def _about(layer: Layer, report: Map, names: list[str], found: Rows) -> dict[str, Any]:
    count = len(next(iter(found.columns.values())))
    return {
        "name": layer.name,
        "key": layer.key,
        "title": _text(layer.title),
        "description": _text(layer.description),
        "count": count,
        "attributes": {name: _attribute(layer.attributes[name]) for name in names},
        "columns": {}
        if layer.time
        else {name: packing.column(found.columns[name], layer.attributes[name]) for name in names},
        "stated": list(layer.stated),
        "styles": [_style(style, layer) for style in layer.styles],
        "filters": {
            name: choice.attribute
            for name, choice in layer.filters.items()
            if name in report.filters
        },
        "group": None if layer.group is None else layer.group.model_dump(),
        "age": layer.age,
        "empty": None if layer.empty is None or count else _text(layer.empty),
        "notes": [_text(note.text) for note in layer.notes if _applies(note.where, found, count)],
    }


def _attributes(layer: Layer, entry: MapLayer | None, report: Map) -> list[str]:
    """Return what goes into the file: what is shown, and what the page needs to work with."""
    shown = layer.attributes if entry is None or entry.attributes is None else entry.attributes
    needed = {layer.key, *shown, *layer.label}
    if layer.time is not None:
        needed.discard(layer.key)  # it names a row, of which the page has many in one place
    needed |= {choice.attribute for name, choice in layer.filters.items() if name in report.filters}
    for style in layer.styles:
        needed |= {style.attribute, *(name for look in style.special for name in look.where)}
    for table in report.lists:
        if table.layer == layer.name:
            needed |= {*table.columns, *table.where}
            needed |= {name.removeprefix("-") for name in table.order_by}
    if layer.group is not None:
        needed |= {layer.group.by, layer.group.title, *layer.group.attributes}
    if layer.age is not None:
        needed.add(layer.age)
    if layer.time is not None:
        needed |= {layer.time.attribute, layer.time.of}
    needed |= {*layer.stated}
    for note in layer.notes:
        needed |= set(note.where)
    if report.totals is not None and report.totals.layer == layer.name:
        totals = report.totals
        needed |= {*totals.sum, *(name for s in totals.shares for name in (s.part, s.whole))}
        needed |= {totals.by} if totals.by else set()
    return [name for name in layer.attributes if name in needed]


def _applies(where: Mapping[str, object], found: Rows, count: int) -> bool:
    return any(
        all(found.columns[name][row] == value for name, value in where.items())
        for row in range(count)
    )


def _attribute(attribute: Attribute) -> dict[str, Any]:
    return {
        "title": _text(attribute.title),
        "type": attribute.type,
        "unit": None if attribute.unit is None else _text(attribute.unit),
        "null": None if attribute.null == "never" else _text(attribute.null),
        "format": attribute.format,
        "decimals": attribute.decimals,
        "values": [
            {
                "value": value.value,
                "title": _text(value.title),
                "color": value.color,
                "pattern": value.pattern,
            }
            for value in attribute.values
        ],
    }


def _style(style: Style, layer: Layer) -> dict[str, Any]:
    attribute = layer.attributes[style.attribute]
    return {
        "attribute": style.attribute,
        "title": _text(style.title or attribute.title),
        "breaks": _breaks(style.breaks),
        "colors": list(style.colors),
        "noData": None if style.no_data is None else style.no_data.model_dump(),
        "special": [look.model_dump() for look in style.special],
    }


def _filters(report: Map, layers: Iterable[Layer]) -> list[dict[str, Any]]:
    made = []
    for name in report.filters:
        using = [layer for layer in layers if name in layer.filters]
        first: Filter = using[0].filters[name]
        made.append(
            {
                "name": name,
                "title": _text(using[0].filter_title(name)),
                "type": first.type,
                "breaks": _breaks(first.breaks),
                "layers": [layer.name for layer in using],
            }
        )
    return made


def _restricted(values: Mapping[str, object], layers: Iterable[Layer]) -> list[dict[str, Any]]:
    """Say in words which filters the data were read with."""
    said: dict[str, dict[str, Any]] = {}
    for layer in layers:
        for name, wanted in values.items():
            if name not in layer.filters or wanted in (None, "", ()) or name in said:
                continue
            attribute = layer.attributes[layer.filters[name].attribute]
            parts = wanted.split(",") if isinstance(wanted, str) else wanted
            texts = [
                next((_text(v.title) for v in attribute.values if str(v.value) == str(part)), part)
                for part in (parts if isinstance(parts, (list, tuple)) else [parts])
            ]
            said[name] = {"title": _text(layer.filter_title(name)), "values": texts}
    return list(said.values())


def _breaks(breaks: Iterable[float | date]) -> list[float]:
    """Return breaks as the columns are kept: dates are days since 1970-01-01."""
    return [packing.days(end) if isinstance(end, date) else end for end in breaks]


def _text(text: Text) -> dict[str, str]:
    return {"en": text.en, "zh_CN": text.zh_CN}


def _union(boxes: list[Bounds]) -> Bounds:
    if not boxes:
        return WORLD
    west, south, east, north = zip(*boxes, strict=True)
    return min(west), min(south), max(east), max(north)

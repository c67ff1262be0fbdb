"""References inside and between files of the catalogue: everything that is named must be there."""

from __future__ import annotations

import re
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING

from gis_supervision.catalogue import query as queries
from gis_supervision.catalogue.colors import SIGHTS, confusable
from gis_supervision.catalogue.models import COUNTABLE
from gis_supervision.catalogue.problems import Problem, nearest
from gis_supervision.errors import InvalidInputError
from gis_supervision.messages import Message

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gis_supervision.catalogue.models import (
        Attribute,
        Catalogue,
        Filter,
        Layer,
        Map,
        MapList,
        Style,
    )
    from gis_supervision.catalogue.problems import Told

    _Mistakes = Iterator[tuple[str, Told]]

_PYTHON: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "date": (str,),
}
_NOT_SQL = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|--[^\n]*|/\*.*?\*/", re.DOTALL)
_PARAMETER = re.compile(r"(?<![:\w\\]):([A-Za-z_]\w*)")


def broken_references(catalogue: Catalogue, files: Mapping[tuple[str, str], str]) -> list[Problem]:
    """Find what is named and is not there, or is not what its place needs.

    Parameters
    ----------
    catalogue
        Layers and maps that are well-formed.
    files
        File of each, by kind (``layers`` or ``maps``) and name.

    Returns
    -------
    list of Problem
    """
    problems = [
        Problem(files["layers", layer.name], key, message)
        for layer in catalogue.layers.values()
        for key, message in _layer(layer)
    ]
    problems += [
        Problem(files["maps", report.name], key, message)
        for report in catalogue.maps.values()
        for key, message in _map(report, catalogue)
    ]
    return problems


def _layer(layer: Layer) -> _Mistakes:
    names = set(layer.attributes)
    yield from _query(layer)
    yield from _key(layer)
    for name, attribute in layer.attributes.items():
        yield from _attribute(f"attributes.{name}", attribute)
    yield from _filters(layer)
    for index, style in enumerate(layer.styles):
        yield from _style(f"styles.{index}", style, layer)
    yield from _unknown("label", layer.label, names)
    if layer.age is not None:
        yield from _unknown("age", [layer.age], names)
        if layer.age in names and layer.attributes[layer.age].type != "integer":
            yield "age", Message("expected a whole number of days")
    if layer.group is not None:
        yield from _unknown("group.by", [layer.group.by], names)
        yield from _unknown("group.title", [layer.group.title], names)
        yield from _unknown("group.attributes", layer.group.attributes, names)
    yield from _time(layer)
    yield from _unknown("stated", layer.stated, names)
    for index, note in enumerate(layer.notes):
        yield from _unknown(f"notes.{index}.where", note.where, names)


def _time(layer: Layer) -> _Mistakes:
    if layer.time is None:
        return
    for key, name in (("time.attribute", layer.time.attribute), ("time.of", layer.time.of)):
        yield from _unknown(key, [name], set(layer.attributes))
        if name in layer.attributes and layer.attributes[name].null != "never":
            yield (
                key,
                Message(
                    "%(name)s may be missing: expected an attribute that is never null", name=name
                ),
            )
    wanted = layer.attributes.get(layer.time.attribute)
    if wanted is not None and wanted.type != "date":
        yield (
            "time.attribute",
            Message(
                "%(attribute)s is %(type)s: expected a date",
                attribute=layer.time.attribute,
                type=wanted.type,
            ),
        )
    if layer.time.of == layer.key:
        yield (
            "time.of",
            Message(
                "%(key)s is the key of a row: expected what has a row for each day", key=layer.key
            ),
        )
    if layer.geometry is not None and layer.geometry.type == "point":
        yield "time", Message("points have no slider: expected polygons, or no geometry")


def _key(layer: Layer) -> _Mistakes:
    yield from _unknown("key", [layer.key], set(layer.attributes))
    if layer.key in layer.attributes:
        if layer.attributes[layer.key].null != "never":
            yield "key", Message("%(key)s may be missing; a key is never null", key=layer.key)
        if layer.attributes[layer.key].type not in {"integer", "text"}:
            yield (
                "key",
                Message(
                    "%(key)s is %(type)s: expected integer or text",
                    key=layer.key,
                    type=layer.attributes[layer.key].type,
                ),
            )
    if layer.geometry is not None and layer.geometry.column in layer.attributes:
        yield (
            "geometry.column",
            Message("%(column)s is an attribute too", column=layer.geometry.column),
        )


def _filters(layer: Layer) -> _Mistakes:
    for name in layer.parameters:
        if name in queries.RESERVED:
            yield f"parameters.{name}", Message("the name is reserved for the service")
    for name, choice in layer.filters.items():
        key = f"filters.{name}"
        if name in queries.RESERVED or name in layer.parameters:
            yield key, Message("the name is taken, by the service or by a parameter")
        yield from _unknown(f"{key}.attribute", [choice.attribute], set(layer.attributes))
        if choice.attribute in layer.attributes:
            yield from _filter(key, choice, layer.attributes[choice.attribute])


def _query(layer: Layer) -> _Mistakes:
    plain = _NOT_SQL.sub(" ", layer.query)
    if not re.match(r"\s*(SELECT|WITH)\b", plain, re.IGNORECASE):
        yield "query", Message("expected one SELECT")
    if ";" in plain:
        yield "query", Message("expected one SELECT without a semicolon")
    used = set(_PARAMETER.findall(plain))
    for name in sorted(used - set(layer.parameters)):
        hint = nearest(name, layer.parameters) if layer.parameters else Message("none is declared")
        yield "query", Message(":%(name)s is no declared parameter; %(hint)s", name=name, hint=hint)
    for name in sorted(set(layer.parameters) - used):
        yield f"parameters.{name}", Message("the query does not use it")
    for name, parameter in layer.parameters.items():
        if parameter.default is None and not parameter.optional:
            yield f"parameters.{name}", Message("expected a default, or optional = true")
        elif parameter.default is not None and parameter.default != queries.LATEST:
            try:
                queries.typed(name, parameter.default, parameter.type)
            except InvalidInputError as error:
                yield f"parameters.{name}.default", error


def _attribute(key: str, attribute: Attribute) -> _Mistakes:
    if attribute.format == "percent" and attribute.type != "number":
        yield f"{key}.format", Message("percent is for a number between 0 and 1")
    seen = []
    for index, value in enumerate(attribute.values):
        place = f"{key}.values.{index}"
        wanted = _PYTHON[attribute.type]
        if not isinstance(value.value, wanted) or (
            isinstance(value.value, bool) and attribute.type != "boolean"
        ):
            yield (
                f"{place}.value",
                Message("expected %(type)s, got %(value)r", type=attribute.type, value=value.value),
            )
        if value.value in seen:
            yield f"{place}.value", Message("%(value)r stands twice", value=value.value)
        seen.append(value.value)


def _filter(key: str, choice: Filter, attribute: Attribute) -> _Mistakes:
    if choice.type == "range" and attribute.type not in COUNTABLE:
        yield (
            key,
            Message(
                "%(attribute)s is %(type)s: a range needs %(countable)s",
                attribute=choice.attribute,
                type=attribute.type,
                countable=", ".join(COUNTABLE),
            ),
        )
    if choice.type == "range" and not choice.breaks:
        yield f"{key}.breaks", Message("missing: the bands that readers choose from")
    if choice.type == "choice" and choice.breaks:
        yield f"{key}.breaks", Message("only a range has breaks")
    yield from _ascending(f"{key}.breaks", choice.breaks, attribute)
    if choice.default is not None:
        try:
            queries.condition(key, choice, attribute, choice.default)
        except InvalidInputError as error:
            yield f"{key}.default", error


def _style(key: str, style: Style, layer: Layer) -> _Mistakes:
    names = set(layer.attributes)
    yield from _unknown(f"{key}.attribute", [style.attribute], names)
    for index, special in enumerate(style.special):
        yield from _unknown(f"{key}.special.{index}.where", special.where, names)
    if style.attribute not in names:
        return
    attribute = layer.attributes[style.attribute]
    if attribute.null != "never" and style.no_data is None:
        yield (
            key,
            Message(
                "%(attribute)s may be missing: expected no_data, drawn apart",
                attribute=style.attribute,
            ),
        )
    if attribute.values:
        looks = [(one.color, one.pattern) for one in attribute.values if one.color is not None]
        if style.breaks or style.colors:
            yield (
                key,
                Message(
                    "%(attribute)s has values: their colours stand with them",
                    attribute=style.attribute,
                ),
            )
        for index, value in enumerate(attribute.values):
            if value.color is None:
                yield f"attributes.{style.attribute}.values.{index}", Message("missing: color")
    else:
        looks = [(color, None) for color in style.colors]
        yield from _breaks(key, style, attribute)
    colors = [color for color, _ in looks]
    for first, second, sight, distance in confusable(colors):
        if looks[first][1] != looks[second][1]:
            continue  # their patterns differ
        yield (
            key,
            Message(
                "%(first)s and %(second)s cannot be told apart with %(sight)s"
                " (difference %(distance).1f in CIE L*a*b*)",
                first=colors[first],
                second=colors[second],
                sight=SIGHTS[sight],
                distance=distance,
            ),
        )


def _breaks(key: str, style: Style, attribute: Attribute) -> _Mistakes:
    if attribute.type == "text":
        if style.breaks or not style.colors:
            yield (
                key,
                Message(
                    "%(attribute)s is text: expected colors, one for each value found",
                    attribute=style.attribute,
                ),
            )
        return
    if attribute.type not in COUNTABLE:
        yield (
            f"{key}.attribute",
            Message(
                "%(attribute)s is %(type)s without values",
                attribute=style.attribute,
                type=attribute.type,
            ),
        )
    if not style.breaks:
        yield f"{key}.breaks", Message("missing")
    elif len(style.colors) != len(style.breaks) + 1:
        classes = Message(
            "%(count)s breaks make %(needed)s classes",
            count=len(style.breaks),
            needed=len(style.breaks) + 1,
        )
        yield (
            f"{key}.colors",
            Message("%(classes)s, got %(count)s colours", classes=classes, count=len(style.colors)),
        )
    yield from _ascending(f"{key}.breaks", style.breaks, attribute)


def _map(report: Map, catalogue: Catalogue) -> _Mistakes:
    seen: set[str] = set()
    layers = []
    for index, entry in enumerate(report.layers):
        key = f"layers.{index}"
        if entry.layer in seen:
            yield f"{key}.layer", Message("%(layer)s stands twice", layer=entry.layer)
        seen.add(entry.layer)
        layer = catalogue.layers.get(entry.layer)
        if layer is None:
            yield (
                f"{key}.layer",
                Message(
                    "%(layer)r is no layer; %(hint)s",
                    layer=entry.layer,
                    hint=nearest(entry.layer, catalogue.layers),
                ),
            )
            continue
        layers.append(layer)
        if layer.geometry is None:
            yield (
                f"{key}.layer",
                Message("%(layer)s has no geometry: use it in lists and totals", layer=entry.layer),
            )
        if entry.label and not layer.label:
            yield f"{key}.label", Message("layer %(layer)s declares no label", layer=entry.layer)
        yield from _unknown(f"{key}.attributes", entry.attributes or (), set(layer.attributes))
    declared = {name for layer in layers for name in layer.filters}
    for index, name in enumerate(report.filters):
        if name not in declared:
            yield (
                f"filters.{index}",
                Message(
                    "no layer of the map has a filter %(name)r; %(hint)s",
                    name=name,
                    hint=nearest(name, declared),
                ),
            )
    for index, table in enumerate(report.lists):
        yield from _list(f"lists.{index}", table, seen, catalogue)
    yield from _totals(report, catalogue)


def _list(key: str, table: MapList, drawn: set[str], catalogue: Catalogue) -> _Mistakes:
    layer = catalogue.layers.get(table.layer)
    if layer is None:
        yield (
            f"{key}.layer",
            Message(
                "%(layer)r is no layer; %(hint)s",
                layer=table.layer,
                hint=nearest(table.layer, catalogue.layers),
            ),
        )
        return
    if layer.geometry is not None and table.layer not in drawn:
        yield (
            f"{key}.layer",
            Message("%(layer)s is not among the layers of the map", layer=table.layer),
        )
    names = set(layer.attributes)
    yield from _unknown(f"{key}.columns", table.columns, names)
    yield from _unknown(
        f"{key}.order_by", [name.removeprefix("-") for name in table.order_by], names
    )
    yield from _unknown(f"{key}.where", table.where, names)
    for name, value in table.where.items():
        known = [item.value for item in layer.attributes[name].values] if name in names else []
        if known and value not in known:
            yield (
                f"{key}.where.{name}",
                Message(
                    "%(value)r is no value; %(hint)s",
                    value=value,
                    hint=nearest(str(value), [str(k) for k in known]),
                ),
            )


def _totals(report: Map, catalogue: Catalogue) -> _Mistakes:
    if report.totals is None:
        return
    layer = catalogue.layers.get(report.totals.layer)
    if layer is None:
        wrong = report.totals.layer
        yield (
            "totals.layer",
            Message(
                "%(wrong)r is no layer; %(hint)s",
                wrong=wrong,
                hint=nearest(wrong, catalogue.layers),
            ),
        )
        return
    names = set(layer.attributes)
    totals = report.totals
    shares = [name for share in totals.shares for name in (share.part, share.whole)]
    yield from _unknown("totals.sum", totals.sum, names)
    yield from _unknown("totals.shares", shares, names)
    for name in (*totals.sum, *shares):
        if name in names and layer.attributes[name].type not in {"integer", "number"}:
            yield (
                "totals.sum",
                Message(
                    "%(name)s is %(type)s: only numbers have a sum",
                    name=name,
                    type=layer.attributes[name].type,
                ),
            )
    if totals.by is not None:
        yield from _unknown("totals.by", [totals.by], names)
        if totals.by in names and not layer.attributes[totals.by].values:
            yield "totals.by", Message("%(by)s has no declared values", by=totals.by)


def _unknown(key: str, used: Iterable[str], known: set[str]) -> _Mistakes:
    for name in used:
        if name not in known:
            yield (
                key,
                Message("%(name)r is no attribute; %(hint)s", name=name, hint=nearest(name, known)),
            )


def _ascending(key: str, breaks: tuple[float | date, ...], attribute: Attribute) -> _Mistakes:
    days = attribute.type == "date"
    if any(isinstance(end, date) != days for end in breaks):
        yield (
            key,
            Message(
                "expected %(kind)s",
                kind=Message("days such as 2014-12-30") if days else Message("numbers"),
            ),
        )
    elif any(later <= earlier for earlier, later in pairwise(breaks)):  # type: ignore[operator]
        yield (
            key,
            Message(
                "expected ascending values, got %(breaks)s", breaks=", ".join(map(str, breaks))
            ),
        )

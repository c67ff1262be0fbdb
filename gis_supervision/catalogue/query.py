"""What readers ask of a layer: parameters and filters parsed, features and totals read."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from gis_supervision.catalogue.problems import nearest
from gis_supervision.errors import InvalidInputError, NotFoundError
from gis_supervision.messages import Message
from gis_supervision.storage import layers as storage
from gis_supervision.storage.layers import Condition, Page, Rows, Selection, Source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.orm import Session

    from gis_supervision.catalogue.models import Attribute, Catalogue, Filter, Layer, Map
    from gis_supervision.language import Language

LATEST = "latest"
"""Default of a date parameter: the day of the newest analysis."""

NO_VALUE = "none"
"""Stands for "no value" among the values of a choice."""

MAX_LIMIT = 10_000
RESERVED = frozenset({"bbox", "limit", "after", "language", "name"})
"""Names of the service's own query parameters."""


@dataclass(frozen=True)
class Totals:
    """Features of a layer, located and not, altogether and by the classes of its first style."""

    located: int
    not_located: int
    by: tuple[tuple[Any, int, int], ...]


def source(layer: Layer) -> Source:
    """Return what the database needs to know of a layer."""
    return Source(
        query=layer.query,
        parameters={name: parameter.type for name, parameter in layer.parameters.items()},
        key=layer.key,
        key_kind=layer.attributes[layer.key].type,
        geometry=layer.geometry.column if layer.geometry else None,
        attributes=tuple(layer.attributes),
    )


def select(
    session: Session,
    layer: Layer,
    values: Mapping[str, object] | None = None,
    *,
    bbox: Sequence[float] | str | None = None,
) -> Selection:
    """Turn what a reader asks for into typed parameters and conditions.

    Parameters
    ----------
    session
        A session of the reader; asked for the newest day where no day is given.
    layer
        The layer.
    values
        Parameters and filters by name, as text or typed. A choice is one value, several separated
        by commas, or a sequence of them; ``none`` stands for "no value". A range is
        ``from..below`` with either end left out.
    bbox
        West, south, east, north in degrees, or the same as text separated by commas.

    Returns
    -------
    Selection

    Raises
    ------
    InvalidInputError
        A name is unknown or a value is not what is expected; all mistakes are named.
    NotFoundError
        A value names something that does not exist, such as a proposal or a zone.
    """
    given = {name: value for name, value in (values or {}).items() if value not in (None, "", ())}
    problems: list[object] = [
        Message(
            "%(name)s: unknown; %(hint)s",
            name=name,
            hint=nearest(name, [*layer.parameters, *layer.filters]),
        )
        for name in given
        if name not in layer.parameters and name not in layer.filters
    ]
    parameters: dict[str, Any] = {}
    conditions: list[Condition] = []
    box = None
    for name in layer.parameters:
        try:
            parameters[name] = _parameter(session, layer, name, given.get(name))
        except InvalidInputError as error:
            problems.append(error)
    for name, choice in layer.filters.items():
        wanted = given.get(name, choice.default)
        if wanted is None:
            continue
        try:
            conditions.append(condition(name, choice, layer.attributes[choice.attribute], wanted))
        except InvalidInputError as error:
            problems.append(error)
    try:
        box = parse_bbox(bbox)
    except InvalidInputError as error:
        problems.append(error)
    if problems:
        raise InvalidInputError.told(*problems, between="; ")
    for name in given:
        _found(session, layer, name, parameters, conditions)
    return Selection(parameters, tuple(conditions), box)


def fetch(
    session: Session,
    layer: Layer,
    values: Mapping[str, object] | None = None,
    *,
    bbox: Sequence[float] | str | None = None,
    limit: int = 1000,
    after: str | int | None = None,
) -> Page:
    """Read one page of features.

    Parameters
    ----------
    session
        A session of the reader.
    layer, values, bbox
        As `select` takes them.
    limit
        Largest number of features, 1 to 10,000.
    after
        ``last`` of the page before.

    Returns
    -------
    Page
        With the features as GeoJSON text; see `feature_collection`.

    Raises
    ------
    InvalidInputError
        As `select`, or the limit or ``after`` is out of range.
    """
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidInputError(
            "limit: expected 1 to %(max_limit)s, got %(limit)s", max_limit=MAX_LIMIT, limit=limit
        )
    key = None if after is None else typed("after", after, layer.attributes[layer.key].type)
    return storage.page(
        session, source(layer), select(session, layer, values, bbox=bbox), limit=limit, after=key
    )


def feature_collection(page: Page, members: str = "") -> str:
    """Return a page as a GeoJSON FeatureCollection (RFC 7946).

    Parameters
    ----------
    page
        The page.
    members
        Further members as JSON text, such as ``"links": [...]``.
    """
    extra = f"{members}," if members else ""
    return (
        f'{{"type":"FeatureCollection",{extra}"numberReturned":{page.returned},'
        f'"features":[{page.features}]}}'
    )


def rows(
    session: Session, layer: Layer, selection: Selection, attributes: Sequence[str] | None = None
) -> Rows:
    """Read all rows of a layer, column by column; of a layer of steps, each place only once."""
    return storage.rows(
        session,
        source(layer),
        selection,
        attributes or tuple(layer.attributes),
        once_for=None if layer.time is None else layer.time.of,
    )


def totals(
    session: Session, layer: Layer, selection: Selection, *, by: str | None = None
) -> Totals:
    """Count the features of a layer, those without a place included.

    Parameters
    ----------
    session
        A session of the reader.
    layer, selection
        What to count.
    by
        Attribute to count by; left out, the coded attribute of the first style if there is one.

    Returns
    -------
    Totals
    """
    by = by or _coded(layer)
    counted = storage.counts(session, source(layer), selection, by)
    order = [value.value for value in layer.attributes[by].values] if by else []
    counted.sort(key=lambda row: order.index(row[0]) if row[0] in order else len(order))
    return Totals(
        located=sum(row[1] for row in counted),
        not_located=sum(row[2] for row in counted),
        by=tuple(counted) if by else (),
    )


def describe(
    layer: Layer,
    language: Language,
    *,
    session: Session | None = None,
    values: Mapping[str, object] | None = None,
) -> dict[str, Any]:
    """Describe a layer as JSON takes it.

    Parameters
    ----------
    layer
        The layer.
    language
        Of the texts.
    session
        A session of the reader; when given, the totals are counted too.
    values
        As `select` takes them, for the totals.

    Returns
    -------
    dict
        ``name``, ``title``, ``description``, ``audience``, ``geometry``, ``key``, ``parameters``,
        ``filters``, ``attributes``, and ``totals`` when counted: ``located``, ``not_located``, and
        counts by the coded attribute of the first style (such as ``severity``).
    """
    about: dict[str, Any] = {
        "name": layer.name,
        "title": layer.title.to(language),
        "description": layer.description.to(language),
        "audience": list(layer.audience),
        "geometry": layer.geometry.type if layer.geometry else None,
        "key": layer.key,
        "parameters": [
            {
                "name": name,
                "title": parameter.title.to(language),
                "type": parameter.type,
                "default": None if parameter.default is None else str(parameter.default),
            }
            for name, parameter in layer.parameters.items()
        ],
        "filters": [
            {
                "name": name,
                "title": layer.filter_title(name).to(language),
                "type": choice.type,
                "attribute": choice.attribute,
                "choices": [
                    {"value": value.value, "title": value.title.to(language)}
                    for value in layer.attributes[choice.attribute].values
                ],
                "breaks": list(choice.breaks),
                "default": choice.default,
            }
            for name, choice in layer.filters.items()
        ],
        "attributes": [
            {
                "name": name,
                "title": attribute.title.to(language),
                "type": attribute.type,
                "unit": attribute.unit.to(language) if attribute.unit else None,
                "null": None if attribute.null == "never" else attribute.null.to(language),
            }
            for name, attribute in layer.attributes.items()
        ],
    }
    if session is not None:
        selection = select(session, layer, values)
        counted = totals(session, layer, selection)
        about["totals"] = {
            "parameters": {name: _plain(value) for name, value in selection.parameters.items()},
            "located": counted.located,
            "not_located": counted.not_located,
            "total": counted.located + counted.not_located,
        }
        if counted.by:
            about["totals"][_coded(layer) or ""] = {
                "null" if value is None else str(value): {
                    "located": located,
                    "not_located": missing,
                    "total": located + missing,
                }
                for value, located, missing in counted.by
            }
    return about


def find_layer(catalogue: Catalogue, name: str) -> Layer:
    """Return a layer by name; NotFoundError with the nearest right name where there is none."""
    if name not in catalogue.layers:
        raise NotFoundError(
            "layer %(name)r does not exist; %(hint)s",
            name=name,
            hint=nearest(name, catalogue.layers),
        )
    return catalogue.layers[name]


def find_map(catalogue: Catalogue, name: str) -> Map:
    """Return a map by name; NotFoundError with the nearest right name where there is none."""
    if name not in catalogue.maps:
        raise NotFoundError(
            "map %(name)r does not exist; %(hint)s", name=name, hint=nearest(name, catalogue.maps)
        )
    return catalogue.maps[name]


def parse_bbox(bbox: Sequence[float] | str | None) -> tuple[float, float, float, float] | None:
    """Read west, south, east, north in degrees.

    Raises
    ------
    InvalidInputError
        Not four finite numbers, or off the earth, or south above north.
    """
    if bbox is None or bbox == "":
        return None
    parts = bbox.split(",") if isinstance(bbox, str) else list(bbox)
    expected = Message("bbox: expected west,south,east,north in degrees, got %(bbox)r", bbox=bbox)
    try:
        numbers = [float(part) for part in parts]
    except (TypeError, ValueError):
        raise InvalidInputError.told(expected) from None
    if len(numbers) != 4 or not all(map(math.isfinite, numbers)):  # noqa: PLR2004 - four corners
        raise InvalidInputError.told(expected)
    west, south, east, north = numbers
    on_earth = max(abs(west), abs(east)) <= 180 and -90 <= south <= north <= 90  # noqa: PLR2004 - degrees
    if not on_earth:
        raise InvalidInputError(
            "%(expected)s; longitude is -180 to 180, latitude -90 to 90", expected=expected
        )
    return west, south, east, north


def _parameter(session: Session, layer: Layer, name: str, given: object) -> Any:
    parameter = layer.parameters[name]
    wanted = parameter.default if given is None else given
    if wanted is None:
        if parameter.optional:
            return None
        raise InvalidInputError(
            "%(name)s: missing; expected %(expected)s",
            name=name,
            expected=_KINDS[parameter.type],
        )
    if wanted == LATEST and parameter.type == "date":
        return storage.latest_as_of(session)
    value = typed(name, wanted, parameter.type)
    low, high = parameter.minimum, parameter.maximum
    if (low is not None and value < low) or (high is not None and value > high):
        raise InvalidInputError(
            "%(name)s: expected %(low)s to %(high)s, got %(value)s",
            name=name,
            low=low,
            high=high,
            value=value,
        )
    return value


def _found(
    session: Session,
    layer: Layer,
    name: str,
    parameters: Mapping[str, Any],
    conditions: Sequence[Condition],
) -> None:
    """Refuse a value that names something that does not exist."""
    asked = layer.parameters.get(name) or layer.filters.get(name)
    if asked is None or asked.known is None:
        return
    values: Sequence[Any] = (parameters[name],) if name in parameters else ()
    if name in layer.filters:
        attribute = layer.filters[name].attribute
        values = next((one.values or () for one in conditions if one.attribute == attribute), ())
    for value in values:
        if value is not None and not storage.known(session, asked.known, value):
            raise NotFoundError("%(name)s: there is no %(value)s", name=name, value=value)


def condition(name: str, choice: Filter, attribute: Attribute, wanted: object) -> Condition:
    """Turn the wanted values of a filter into a condition.

    Parameters
    ----------
    name
        The filter's name, for messages.
    choice, attribute
        The filter and its attribute.
    wanted
        As `select` takes it.

    Returns
    -------
    Condition

    Raises
    ------
    InvalidInputError
        A value is not what is expected.
    """
    kind = attribute.type
    if choice.type == "range":
        ends = str(wanted).split("..")
        if len(ends) != 2 or not any(ends):  # noqa: PLR2004 - two ends
            raise InvalidInputError(
                "%(name)s: expected a range such as 90..180, 90.. or ..180, got %(wanted)r",
                name=name,
                wanted=wanted,
            )
        low, high = (typed(name, end.strip(), kind) if end.strip() else None for end in ends)
        return Condition(choice.attribute, kind, at_least=low, below=high)
    if isinstance(wanted, str):
        parts: list[object] = list(_split(wanted))
    else:
        parts = list(wanted) if isinstance(wanted, (list, tuple, set, frozenset)) else [wanted]
    known = {str(value.value): value.value for value in attribute.values}
    values: list[Any] = []
    for part in parts:
        if part is None or (part == NO_VALUE and NO_VALUE not in known):
            values.append(None)
            continue
        if known and str(part) not in known:
            raise InvalidInputError(
                "%(name)s: %(part)r is unknown; %(hint)s",
                name=name,
                part=part,
                hint=nearest(str(part), known),
            )
        values.append(known[str(part)] if known else typed(name, part, kind))
    return Condition(choice.attribute, kind, values=tuple(values))


def _split(wanted: str) -> list[str]:
    return [part.strip() for part in wanted.split(",") if part.strip()]


def typed(name: str, value: object, kind: str) -> Any:
    """Convert a value to a type, or say what was expected."""
    wrong = InvalidInputError(
        "%(name)s: expected %(expected)s, got %(value)r",
        name=name,
        expected=_KINDS[kind],
        value=str(value),
    )
    if kind == "text":
        if "\0" in str(value):
            raise wrong
        return str(value)
    if kind == "date":
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(str(value))
        except ValueError:
            raise wrong from None
    if kind == "boolean":
        known = {"true": True, "1": True, "false": False, "0": False}
        if str(value).lower() not in known:
            raise wrong
        return known[str(value).lower()]
    try:
        number = int(str(value)) if kind == "integer" else float(str(value))
    except ValueError:
        raise wrong from None
    if not math.isfinite(number) or abs(number) >= 2**63:
        raise wrong
    return number


_KINDS = {
    "date": Message("a day such as 2014-12-30"),
    "integer": Message("a whole number"),
    "number": Message("a number"),
    "boolean": Message("true or false"),
    "text": Message("text"),
}
"""What is expected of a value of each type."""


def _coded(layer: Layer) -> str | None:
    """Return the attribute with declared values by which a layer is drawn first, if any."""
    if layer.styles and layer.attributes[layer.styles[0].attribute].values:
        return layer.styles[0].attribute
    return None


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value

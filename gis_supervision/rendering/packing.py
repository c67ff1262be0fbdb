"""Rows as compact JSON: columns of small integers, dictionaries of texts, outlines as differences.

A map report carries all its features in one file, so that it opens without a network. Columns
compress far better than objects, and a browser reads them faster.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gis_supervision.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from gis_supervision.catalogue.models import Attribute

DEGREES = 1_000_000
"""Coordinates are whole millionths of a degree, about 0.1 m."""

EPOCH = date(1970, 1, 1)

_PIXELS = 8000
"""An outline may move by the extent of the map over this number: less than a pixel on a screen."""

_PARTS = 200
"""Nor by more than the typical feature's size over this number."""

EXTRA_DECIMALS = 3
"""Decimals beyond those that are shown: sums are of exact values, and so are classes at a break."""


@dataclass(frozen=True)
class Points:
    """Where features lie: distinct places, and the place of each feature.

    Attributes
    ----------
    packed
        ``lng`` and ``lat`` of each place and ``site`` of each feature (-1: not located), as JSON.
    located
        Number of features with a place.
    bounds
        West, south, east, north in degrees; None when nothing is located.
    """

    packed: dict[str, Any]
    located: int
    bounds: tuple[float, float, float, float] | None


@dataclass(frozen=True)
class Areas:
    """Outlines of features.

    Attributes
    ----------
    packed
        ``xy`` differences of lng and lat, with the numbers of corners of each ring, of rings of
        each part, of parts of each feature, and a point inside each feature for its label.
    located
        Number of features with an outline.
    bounds
        West, south, east, north in degrees; None when there is none.
    """

    packed: dict[str, Any]
    located: int
    bounds: tuple[float, float, float, float] | None


def days(day: date) -> int:
    """Return a day as days since 1970-01-01."""
    return (day - EPOCH).days


def column(values: Sequence[Any], attribute: Attribute) -> dict[str, Any]:
    """Pack one column.

    Parameters
    ----------
    values
        One per feature, None for no value.
    attribute
        Its type; a number keeps more decimals than are shown; see `EXTRA_DECIMALS`.

    Returns
    -------
    dict
        ``{"v": value}`` where all are the same; ``{"d": texts, "i": places}`` for text; else
        ``{"n": integers}``, with ``"s"`` decimals taken out. Dates are days since 1970-01-01.
        ``"delta"`` marks differences.
    """
    if not values or all(value == values[0] for value in values):
        return {"v": _scalar(values[0] if values else None)}
    if attribute.type == "text":
        places: dict[Any, int] = {}
        indexes = [places.setdefault(value, len(places)) for value in values]
        return {"d": list(places), **_integers("i", indexes)}
    if attribute.type == "date":
        return _integers("n", [None if day is None else days(day) for day in values])
    if attribute.type == "number":
        decimals = attribute.decimals + (2 if attribute.format == "percent" else 0) + EXTRA_DECIMALS
        scale = 10**decimals
        scaled = [None if value is None else round(float(value) * scale) for value in values]
        return {"s": decimals, **_integers("n", scaled)}
    return _integers("n", [None if value is None else int(value) for value in values])


def points(geometries: Sequence[bytes | None]) -> Points:
    """Pack points; features at the same place share it.

    Parameters
    ----------
    geometries
        WKB of a point (x = lng, y = lat in degrees) or None for each feature.

    Returns
    -------
    Points
    """
    shapes = shapely.from_wkb(np.array(geometries, dtype=object))
    x, y = shapely.get_x(shapes), shapely.get_y(shapes)
    there = np.isfinite(x) & np.isfinite(y)
    whole = np.round(np.stack([x[there], y[there]], axis=1) * DEGREES).astype(np.int64)
    distinct, first, inverse = np.unique(whole, axis=0, return_index=True, return_inverse=True)
    # in order of appearance, so that neighbours in the file have neighbouring numbers
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(order.size)
    sites = np.full(len(geometries), -1, dtype=np.int64)
    sites[there] = rank[inverse.ravel()]
    distinct = distinct[order]
    packed = {
        "lng": _deltas(distinct[:, 0]),
        "lat": _deltas(distinct[:, 1]),
        "site": _integers("n", sites.tolist()),
    }
    return Points(packed, int(there.sum()), _bounds(distinct) if distinct.size else None)


def areas(geometries: Sequence[bytes | None]) -> Areas:
    """Pack polygons, simplified by less than can be seen.

    Parameters
    ----------
    geometries
        WKB of a polygon or multipolygon in degrees, or None, for each feature.

    Returns
    -------
    Areas

    Raises
    ------
    InvalidInputError
        A geometry is no polygon.
    """
    shapes = shapely.from_wkb(np.array(geometries, dtype=object))
    shapes[shapely.is_empty(shapes)] = None
    there = ~shapely.is_missing(shapes)
    present = shapes[there]
    kinds = set(shapely.get_type_id(present).tolist()) - {3, 6}
    if kinds:
        raise InvalidInputError("a layer of polygons holds a geometry that is none")
    if present.size == 0:
        return Areas({"parts": [0] * len(geometries)}, 0, None)
    present = _simplified(present)
    pieces, owners = shapely.get_parts(present, return_index=True)
    _, corners, (ring_ends, part_ends, feature_ends) = shapely.to_ragged_array(
        shapely.multipolygons(pieces, indices=owners)
    )
    whole = np.round(corners * DEGREES).astype(np.int64)
    inside = shapely.get_coordinates(shapely.point_on_surface(present))
    parts = np.zeros(len(geometries), dtype=np.int64)
    parts[there] = np.diff(feature_ends)
    packed = {
        "x": _deltas(whole[:, 0]),
        "y": _deltas(whole[:, 1]),
        "corners": np.diff(ring_ends).tolist(),
        "rings": np.diff(part_ends).tolist(),
        "parts": parts.tolist(),
        "label": np.round(inside * DEGREES).astype(np.int64).ravel().tolist(),
    }
    return Areas(packed, int(there.sum()), _bounds(whole))


def lines(geometries: Sequence[bytes | None]) -> Areas:
    """Pack lines as they are.

    Parameters
    ----------
    geometries
        WKB of a line or several lines in degrees, or None, for each feature.

    Returns
    -------
    Areas
        A part of a feature is a line; it has one ring, its corners. The point for the label is the
        middle of the longest line.

    Raises
    ------
    InvalidInputError
        A geometry is no line.
    """
    shapes = shapely.from_wkb(np.array(geometries, dtype=object))
    shapes[shapely.is_empty(shapes)] = None
    there = ~shapely.is_missing(shapes)
    present = shapes[there]
    if set(shapely.get_type_id(present).tolist()) - {1, 5}:
        raise InvalidInputError("a layer of lines holds a geometry that is none")
    if present.size == 0:
        return Areas({"parts": [0] * len(geometries)}, 0, None)
    pieces, owners = shapely.get_parts(present, return_index=True)
    whole = np.round(shapely.get_coordinates(pieces) * DEGREES).astype(np.int64)
    length = shapely.length(pieces)
    longest = [
        max(np.flatnonzero(owners == n), key=lambda i: length[i]) for n in range(len(present))
    ]
    middle = shapely.get_coordinates(
        shapely.line_interpolate_point(pieces[longest], 0.5, normalized=True)
    )
    parts = np.zeros(len(geometries), dtype=np.int64)
    parts[there] = np.bincount(owners)
    packed = {
        "x": _deltas(whole[:, 0]),
        "y": _deltas(whole[:, 1]),
        "corners": shapely.get_num_coordinates(pieces).tolist(),
        "rings": [1] * len(pieces),
        "parts": parts.tolist(),
        "label": np.round(middle * DEGREES).astype(np.int64).ravel().tolist(),
    }
    return Areas(packed, int(there.sum()), _bounds(whole))


def _simplified(shapes: NDArray[Any]) -> NDArray[Any]:
    west, south, east, north = shapely.total_bounds(shapes)
    extent = max(east - west, north - south)
    size = float(np.median(np.sqrt(shapely.area(shapes))))
    tolerance = min(extent / _PIXELS, size / _PARTS)
    # common borders stay common; a polygon never vanishes
    simple = shapely.coverage_simplify(shapes, tolerance)
    return np.where(shapely.is_empty(simple), shapes, simple)


def _integers(name: str, values: Sequence[int | None]) -> dict[str, Any]:
    """Keep integers, or their differences where those are shorter to write."""
    missing = [value is None for value in values]
    if any(missing):
        return {name: list(values)}
    array = np.array(values, dtype=np.int64)
    differences = np.diff(array, prepend=0)
    if _digits(differences) < _digits(array):
        return {name: differences.tolist(), "delta": 1}
    return {name: array.tolist()}


def _digits(array: NDArray[np.int64]) -> int:
    return int(np.log10(np.maximum(np.abs(array), 1)).astype(int).sum() + (array < 0).sum())


def _deltas(array: NDArray[np.int64]) -> list[int]:
    differences: list[int] = np.diff(array, prepend=0).tolist()
    return differences


def _bounds(whole: NDArray[np.int64]) -> tuple[float, float, float, float]:
    low, high = whole.min(axis=0) / DEGREES, whole.max(axis=0) / DEGREES
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _scalar(value: Any) -> Any:
    return days(value) if isinstance(value, date) else value

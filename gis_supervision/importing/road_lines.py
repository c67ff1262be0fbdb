"""Lines of a file as roads: their corners, speeds and directions, checked row by row."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyogrio
import pyogrio.errors
import shapely
from pyproj import CRS, Transformer

from gis_supervision.errors import InvalidInputError, NotFoundError
from gis_supervision.messages import Message

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

ONE_WAY = {
    "yes": 1, "true": 1, "1": 1, "t": 1, "f": 1, "ft": 1, "forward": 1,
    "-1": -1, "reverse": -1, "tf": -1, "backward": -1,
    "no": 0, "false": 0, "0": 0, "b": 0, "": 0, "both": 0, "none": 0,
}  # fmt: skip
"""What a direction may be called, as OpenStreetMap and its extracts call it."""

_LINES = {1, 5}
_SHOWN = 20
_FASTEST = 200


@dataclass(frozen=True)
class RoadLines:
    """Line strings in degrees (longitude first) with speed in km/h and direction (1, -1, 0)."""

    lines: list[Any]
    km_per_hour: NDArray[np.float64]
    one_way: NDArray[np.int64]


def read(path: Path, *, speed: str | None, one_way: str | None, default_speed: float) -> RoadLines:
    """Read roads.

    Parameters
    ----------
    path
        GeoPackage, GeoJSON, Shapefile: whatever GDAL reads; in any coordinate system it names.
    speed, one_way
        Columns, None for none.
    default_speed
        km/h where the file has none.

    Raises
    ------
    NotFoundError
        There is no such file.
    InvalidInputError
        It cannot be read, names no coordinate system, lacks a column, or rows are wrong: every one
        is named.
    """
    if not path.exists():
        raise NotFoundError("%(path)s: no such file", path=path)
    wanted = [name for name in (speed, one_way) if name is not None]
    try:
        has = pyogrio.read_info(path)
        lacking = [name for name in wanted if name not in list(has["fields"])]
        if lacking:
            raise InvalidInputError(
                "%(path)s: no column %(lacking)s; there are %(fields)s",
                path=path,
                lacking=", ".join(lacking),
                fields=", ".join(has["fields"]) or Message("none"),
            )
        _, _, geometries, fields = pyogrio.raw.read(path, columns=wanted, force_2d=True)
    except pyogrio.errors.DataSourceError as error:
        raise InvalidInputError(
            "%(path)s: cannot be read: %(error)s", path=path, error=error
        ) from None
    if not has["crs"]:
        raise InvalidInputError("%(path)s: names no coordinate system", path=path)
    order = [name for name in has["fields"] if name in wanted]
    columns = dict(zip(order, fields, strict=True))
    shapes = shapely.from_wkb(geometries)
    transform = Transformer.from_crs(CRS.from_user_input(has["crs"]), 4326, always_xy=True)
    lines: list[Any] = []
    speeds: list[float] = []
    ways: list[int] = []
    wrong: list[Message] = []
    for number, shape in enumerate(shapes, start=1):
        try:
            parts = _parts(shape)
            fast = default_speed if speed is None else _speed(columns[speed][number - 1], speed)
            way = 0 if one_way is None else _way(columns[one_way][number - 1], one_way)
        except InvalidInputError as error:
            wrong.append(
                Message("%(file)s: row %(row)s: %(error)s", file=path, row=number, error=error)
            )
            continue
        for part in parts:
            lng, lat = transform.transform(*shapely.get_coordinates(part).T)
            lines.append(shapely.LineString(np.column_stack([lng, lat])))
            speeds.append(default_speed if math.isnan(fast) else fast)
            ways.append(way)
    if wrong:
        shown: list[object] = list(wrong[:_SHOWN])
        if len(wrong) > _SHOWN:
            shown.append(Message("and %(count)s further rows", count=len(wrong) - _SHOWN))
        raise InvalidInputError.told(*shown)
    return RoadLines(lines, np.array(speeds, np.float64), np.array(ways, np.int64))


def _parts(shape: Any) -> list[Any]:
    if shape is None or shape.is_empty:
        raise InvalidInputError("expected a line, got no geometry")
    if shapely.get_type_id(shape) not in _LINES:
        raise InvalidInputError("expected a line, got a %(geom_type)s", geom_type=shape.geom_type)
    return list(shapely.get_parts(shape))


def _speed(value: Any, column: str) -> float:
    if value is None or value == "" or value != value:  # noqa: PLR0124 - NaN is not itself
        return math.nan
    try:
        fast = float(value)
    except (TypeError, ValueError):
        fast = -1.0
    if not 0 < fast <= _FASTEST:
        raise InvalidInputError(
            "%(column)s: expected km/h above 0 up to %(fastest)s, got %(value)r",
            column=column,
            fastest=_FASTEST,
            value=value,
        )
    return fast


def _way(value: Any, column: str) -> int:
    if value is None or value != value:  # noqa: PLR0124 - NaN is not itself
        return 0
    name = str(int(value) if isinstance(value, (float, np.floating)) else value).strip().lower()
    if name not in ONE_WAY:
        raise InvalidInputError(
            "%(column)s: expected yes, no or -1, got %(value)r", column=column, value=value
        )
    return ONE_WAY[name]

"""Datums of Chinese map data: CGCS2000, GCJ-02, BD-09, and any CRS of the EPSG registry.

CGCS2000 (EPSG:4490) agrees with WGS84 to centimetres and is taken as equal to it. GCJ-02 (Amap,
Tencent) and BD-09 (Baidu) shift coordinates by 300 to 1,300 m. Their formulas were never
published officially; these are the ones in general use, which agree with the map providers to
better than a metre.

The shift applies in the rectangle of longitude 72.004 to 137.8347 and latitude 0.8293 to 55.8271,
the convention of all common implementations; outside it a conversion changes nothing. The
rectangle reaches into neighbouring countries.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np
import pyproj
from pyproj.exceptions import CRSError, ProjError

from gis_supervision.errors import InvalidInputError, NotFoundError
from gis_supervision.messages import Message

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Pair = tuple[Floats, Floats]

SHIFTED_WEST, SHIFTED_EAST = 72.004, 137.8347
SHIFTED_SOUTH, SHIFTED_NORTH = 0.8293, 55.8271

_KRASOVSKY_MAJOR_M: Final = 6_378_245.0
_KRASOVSKY_ECCENTRICITY_SQUARED: Final = 0.00669342162296594323
_BAIDU_FREQUENCY: Final = np.pi * 3000 / 180
_BAIDU_EAST, _BAIDU_NORTH = 0.0065, 0.006
_CONVERGED_DEGREES: Final = 1e-11  # a micrometre
_MAX_STEPS: Final = 50


class DatumKind(StrEnum):
    """How coordinates of a datum become WGS84."""

    GEOGRAPHIC = "geographic"  # WGS84 itself, or equal to it
    GCJ02 = "gcj02"
    BD09 = "bd09"
    EPSG = "epsg"


@dataclass(frozen=True)
class Datum:
    """A datum by its canonical name; make one with `Datum.parse`."""

    name: str
    kind: DatumKind
    epsg: int | None = None

    def __str__(self) -> str:
        return self.name

    @classmethod
    def parse(cls, text: str | Datum) -> Datum:
        """Read the name of a datum, in any of its usual spellings.

        Parameters
        ----------
        text : str or Datum
            "CGCS2000", "WGS84", "GCJ-02" (also "gcj02", "Amap", "高德"), "BD-09" (also "Baidu"),
            or a code such as "EPSG:3435".

        Raises
        ------
        NotFoundError
            For an unknown name, with the nearest known one; for an unknown EPSG code.
        """
        if isinstance(text, Datum):
            return text
        plain = re.sub(r"[\s_\-./]+", "", str(text)).upper()
        code = re.fullmatch(r"(?:URN:OGC:DEF:CRS:)?EPSG:(?:[0-9]*:)?([0-9]{1,6})", plain)
        if code:
            return _by_epsg(int(code.group(1)))
        name = _NAMES.get(plain)
        if name is None:
            near = difflib.get_close_matches(plain, _NAMES, n=1)
            hint = Message("; did you mean %(names)s?", names=_NAMES[near[0]]) if near else ""
            raise NotFoundError(
                "unknown datum %(text)r%(hint)s Expected CGCS2000, WGS84, GCJ-02, BD-09 or "
                "EPSG:<code>",
                text=text,
                hint=hint,
            )
        return _KNOWN[name]


CGCS2000: Final = Datum("CGCS2000", DatumKind.GEOGRAPHIC, 4490)
WGS84: Final = Datum("WGS84", DatumKind.GEOGRAPHIC, 4326)
GCJ02: Final = Datum("GCJ-02", DatumKind.GCJ02)
BD09: Final = Datum("BD-09", DatumKind.BD09)
CANDIDATES: Final = (CGCS2000, GCJ02, BD09)
"""The datums that a Chinese file without a declaration may be in; the official one first."""

_KNOWN: Final = {datum.name: datum for datum in (CGCS2000, WGS84, GCJ02, BD09)}
_NAMES: Final = {
    "CGCS2000": "CGCS2000",
    "CGCS": "CGCS2000",
    "国家2000": "CGCS2000",
    "2000国家大地坐标系": "CGCS2000",
    "天地图": "CGCS2000",
    "TIANDITU": "CGCS2000",
    "WGS84": "WGS84",
    "WGS1984": "WGS84",
    "GPS": "WGS84",
    "CRS84": "WGS84",
    "OGC:CRS84": "WGS84",
    "URN:OGC:DEF:CRS:OGC:13:CRS84": "WGS84",
    "URN:OGC:DEF:CRS:OGC:1.3:CRS84": "WGS84",
    "URN:OGC:DEF:CRS:OGC::CRS84": "WGS84",
    "GCJ02": "GCJ-02",
    "GCJ": "GCJ-02",
    "AMAP": "GCJ-02",
    "GAODE": "GCJ-02",
    "TENCENT": "GCJ-02",
    "MARS": "GCJ-02",
    "高德": "GCJ-02",
    "腾讯": "GCJ-02",
    "火星坐标": "GCJ-02",
    "火星坐标系": "GCJ-02",
    "BD09": "BD-09",
    "BD09LL": "BD-09",
    "BAIDU": "BD-09",
    "百度": "BD-09",
    "百度坐标": "BD-09",
    "百度坐标系": "BD-09",
}


def to_wgs84(x: npt.ArrayLike, y: npt.ArrayLike, datum: Datum | str) -> Pair:
    """Convert coordinates of a datum to WGS84.

    GCJ-02 and BD-09 are inverted by iteration until a step is below a micrometre.

    Parameters
    ----------
    x, y : array_like of float, shape (n,)
        Longitude and latitude in decimal degrees, or easting and northing of a projected CRS.
        NaN stays NaN.
    datum : Datum or str
        The datum they are in.

    Returns
    -------
    lng, lat : ndarray of float, shape (n,)
        WGS84 in decimal degrees.

    Raises
    ------
    InvalidInputError
        For a longitude outside [-180, 180], a latitude outside [-90, 90], or a place that the
        CRS does not reach; the message names the row.
    """
    source = Datum.parse(datum)
    xs, ys = _checked_pair(x, y)
    if source.kind is DatumKind.EPSG:
        lng, lat = _transformed(xs, ys, source, inverse=False)
        _check_degrees(lng, lat, Message("in WGS84, from %(source)s", source=source))
        return lng, lat
    _check_degrees(xs, ys, Message("in %(source)s", source=source))
    if source.kind is DatumKind.GEOGRAPHIC:
        return xs, ys
    inside = _shifted_area(xs, ys)
    lng, lat = xs.copy(), ys.copy()
    gcj = xs[inside], ys[inside]
    if source.kind is DatumKind.BD09:
        gcj = _inverted(*gcj, _baidu)
    lng[inside], lat[inside] = _inverted(*gcj, _gcj)
    return lng, lat


def from_wgs84(lng: npt.ArrayLike, lat: npt.ArrayLike, datum: Datum | str) -> Pair:
    """Convert WGS84 to a datum; the reverse of `to_wgs84`, with the same errors.

    Returns
    -------
    x, y : ndarray of float, shape (n,)
        Decimal degrees, or easting and northing of a projected CRS.
    """
    target = Datum.parse(datum)
    xs, ys = _checked_pair(lng, lat)
    _check_degrees(xs, ys, Message("in WGS84"))
    if target.kind is DatumKind.GEOGRAPHIC:
        return xs, ys
    if target.kind is DatumKind.EPSG:
        return _transformed(xs, ys, target, inverse=True)
    inside = _shifted_area(xs, ys)
    shifted = _gcj(xs[inside], ys[inside])
    if target.kind is DatumKind.BD09:
        shifted = _baidu(*shifted)
    xs[inside], ys[inside] = shifted
    return xs, ys


def _gcj(lng: Floats, lat: Floats) -> Pair:
    """Shift WGS84 to GCJ-02."""
    x, y = lng - 105.0, lat - 35.0
    root = np.sqrt(np.abs(x))
    common = 20 * np.sin(6 * np.pi * x) + 20 * np.sin(2 * np.pi * x)
    north = -100 + 2 * x + 3 * y + 0.2 * y**2 + 0.1 * x * y + 0.2 * root
    north += (common + 20 * np.sin(np.pi * y) + 40 * np.sin(np.pi * y / 3)) * 2 / 3
    north += (160 * np.sin(np.pi * y / 12) + 320 * np.sin(np.pi * y / 30)) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x**2 + 0.1 * x * y + 0.1 * root
    east += (common + 20 * np.sin(np.pi * x) + 40 * np.sin(np.pi * x / 3)) * 2 / 3
    east += (150 * np.sin(np.pi * x / 12) + 300 * np.sin(np.pi * x / 30)) * 2 / 3
    angle = np.radians(lat)
    flattened = 1 - _KRASOVSKY_ECCENTRICITY_SQUARED * np.sin(angle) ** 2
    meridian_radius = _KRASOVSKY_MAJOR_M * (1 - _KRASOVSKY_ECCENTRICITY_SQUARED) / flattened**1.5
    parallel_radius = _KRASOVSKY_MAJOR_M / np.sqrt(flattened) * np.cos(angle)
    return lng + np.degrees(east / parallel_radius), lat + np.degrees(north / meridian_radius)


def _baidu(lng: Floats, lat: Floats) -> Pair:
    """Shift GCJ-02 to BD-09."""
    radius = np.hypot(lng, lat) + 2e-5 * np.sin(lat * _BAIDU_FREQUENCY)
    angle = np.arctan2(lat, lng) + 3e-6 * np.cos(lng * _BAIDU_FREQUENCY)
    return radius * np.cos(angle) + _BAIDU_EAST, radius * np.sin(angle) + _BAIDU_NORTH


def _inverted(x: Floats, y: Floats, forward: Callable[[Floats, Floats], Pair]) -> Pair:
    """Invert a small shift by fixed-point iteration."""
    lng, lat = x.copy(), y.copy()
    for _ in range(_MAX_STEPS):
        shifted_x, shifted_y = forward(lng, lat)
        off_x, off_y = x - shifted_x, y - shifted_y
        lng += off_x
        lat += off_y
        if not np.any(np.maximum(np.abs(off_x), np.abs(off_y)) > _CONVERGED_DEGREES):
            break
    return lng, lat


def _shifted_area(lng: Floats, lat: Floats) -> npt.NDArray[np.bool_]:
    return np.asarray(
        (lng >= SHIFTED_WEST)
        & (lng <= SHIFTED_EAST)
        & (lat >= SHIFTED_SOUTH)
        & (lat <= SHIFTED_NORTH)
    )


def _by_epsg(code: int) -> Datum:
    for datum in _KNOWN.values():
        if datum.epsg == code:
            return datum
    try:
        crs = pyproj.CRS.from_epsg(code)
    except CRSError as error:
        raise NotFoundError("EPSG:%(code)s is not in the EPSG registry", code=code) from error
    if not (crs.is_geographic or crs.is_projected):
        raise NotFoundError(
            "EPSG:%(code)s (%(name)s) is neither a geographic nor a projected CRS",
            code=code,
            name=crs.name,
        )
    return Datum(f"EPSG:{code}", DatumKind.EPSG, code)


def _transformed(x: Floats, y: Floats, datum: Datum, *, inverse: bool) -> Pair:
    ends = (f"EPSG:{datum.epsg}", "EPSG:4326")
    source, target = reversed(ends) if inverse else ends
    known = ~(np.isnan(x) | np.isnan(y))
    out_x, out_y = np.full(x.size, np.nan), np.full(x.size, np.nan)
    try:
        transformer = pyproj.Transformer.from_crs(source, target, always_xy=True)
        out_x[known], out_y[known] = transformer.transform(x[known], y[known])
    except ProjError as error:
        raise InvalidInputError("%(datum)s: %(error)s", datum=datum, error=error) from error
    lost = known & ~(np.isfinite(out_x) & np.isfinite(out_y))
    if lost.any():
        row = int(np.argmax(lost))
        raise InvalidInputError(
            "row %(row)s: %(x).12g, %(y).12g cannot be converted between %(source)s and %(target)s",
            row=row,
            x=x[row],
            y=y[row],
            source=source,
            target=target,
        )
    return out_x, out_y


def _checked_pair(x: npt.ArrayLike, y: npt.ArrayLike) -> Pair:
    xs, ys = np.array(x, dtype=np.float64), np.array(y, dtype=np.float64)
    if xs.ndim != 1 or xs.shape != ys.shape:
        raise InvalidInputError(
            "coordinates must be arrays of the same length, got %(shape)s and %(ys_shape)s",
            shape=xs.shape,
            ys_shape=ys.shape,
        )
    return xs, ys


def _check_degrees(lng: Floats, lat: Floats, where: Message) -> None:
    for name, values, limit in ((Message("longitude"), lng, 180), (Message("latitude"), lat, 90)):
        beyond = np.abs(values) > limit
        if beyond.any():
            row = int(np.argmax(beyond))
            raise InvalidInputError(
                "row %(row)s: %(name)s %(values).12g (%(where)s): expected -%(limit)s to %(limit)s",
                row=row,
                name=name,
                values=values[row],
                where=where,
                limit=limit,
            )

"""Where records lie: points and outlines of a source as WGS84, with the original pair kept."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl
import shapely

from gis_supervision.domain.datums import Datum, DatumKind, to_wgs84
from gis_supervision.domain.h3_index import cells_at
from gis_supervision.errors import InvalidInputError
from gis_supervision.storage.tables import H3_RESOLUTIONS

DEFAULT_DATUM: Final = "WGS84"

Floats = npt.NDArray[np.float64]

_POINT: Final = 0
_MULTIPOINT: Final = 4
_AREAS: Final = (3, 6)
_COLLECTION: Final = 7
_HALF_TURN: Final = 180.0
_QUARTER_TURN: Final = 90.0


def on_earth(lat: npt.NDArray[np.float64], lng: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Tell which pairs are finite and within the range of latitude and longitude."""
    with np.errstate(invalid="ignore"):
        inside: npt.NDArray[np.bool_] = (np.abs(lat) <= _QUARTER_TURN) & (np.abs(lng) <= _HALF_TURN)
    return inside


def located(x: pl.Series, y: pl.Series, datum: str) -> pl.DataFrame:
    """Find WGS84 coordinates and H3 cells of points.

    Parameters
    ----------
    x, y
        Longitude and latitude in decimal degrees, or easting and northing, of `datum`; null where
        there is no point.
    datum
        As `gis_supervision.domain.datums` names it.

    Returns
    -------
    polars.DataFrame
        ``lat``, ``lng`` and ``h3_6`` to ``h3_10``; null where there is no point, and where the
        point is not on earth.
    """
    given_x = x.cast(pl.Float64).to_numpy(allow_copy=True)
    given_y = y.cast(pl.Float64).to_numpy(allow_copy=True)
    # NaN stands for no point from here on
    lng, lat = (np.array(part) for part in _wgs84(given_x, given_y, datum))
    outside = ~on_earth(lat, lng)
    lat[outside], lng[outside] = np.nan, np.nan
    columns: dict[str, Any] = {"lat": lat, "lng": lng}
    for resolution, cells in cells_at(lat, lng, H3_RESOLUTIONS).items():
        columns[f"h3_{resolution}"] = cells
    return pl.DataFrame(columns).with_columns(
        pl.col("lat", "lng").fill_nan(None),
        *(pl.col(f"h3_{n}").replace(0, None) for n in H3_RESOLUTIONS),
    )


def _wgs84(x: Floats, y: Floats, datum: str) -> tuple[Floats, Floats]:
    """Convert points; those that the datum does not reach become NaN."""
    try:
        return to_wgs84(x, y, datum)
    except InvalidInputError:
        if len(x) == 1:
            return np.array([np.nan]), np.array([np.nan])
    middle = len(x) // 2
    halves = [_wgs84(x[part], y[part], datum) for part in (slice(middle), slice(middle, None))]
    return np.concatenate([h[0] for h in halves]), np.concatenate([h[1] for h in halves])


def points(wkb: pl.Series) -> tuple[pl.Series, pl.Series, pl.Series]:
    """Take the coordinates of points.

    Parameters
    ----------
    wkb
        Well-known binary; null and empty shapes have no point.

    Returns
    -------
    x, y : polars.Series
        Null where there is no point.
    wrong : polars.Series of bool
        Where the shape is something else.
    """
    shapes = shapely.from_wkb(wkb.to_list(), on_invalid="ignore")
    kinds = shapely.get_type_id(shapes)
    single = (kinds == _MULTIPOINT) & (shapely.get_num_geometries(shapes) == 1)
    shapes[single] = shapely.get_geometry(shapes[single], 0)
    empty = shapely.is_empty(shapes) | (shapes == None)  # noqa: E711 - elementwise
    fits = (kinds == _POINT) | single
    shapes[~fits | empty] = None
    x, y = (pl.Series(part(shapes)).fill_nan(None) for part in (shapely.get_x, shapely.get_y))
    return x, y, pl.Series(~fits & ~empty)


@dataclass(frozen=True)
class Outlines:
    """Areas read from a file.

    Attributes
    ----------
    wkb
        EWKB (EPSG:4326) of multipolygons in hexadecimal digits, null where there is none.
    wrong
        Where the shape is no area.
    repaired
        What was repaired, null where the shape was valid.
    """

    wkb: pl.Series
    wrong: pl.Series
    repaired: pl.Series


def outlines(wkb: pl.Series, datum: str) -> Outlines:
    """Read areas, and repair those whose rings are invalid.

    Parameters
    ----------
    wkb
        Well-known binary; null where there is no shape.
    datum
        Datum of the coordinates.

    Notes
    -----
    Repair follows `shapely.make_valid`: the area that the rings enclose is kept, points and lines
    that fall out of it are dropped.
    """
    shapes = shapely.force_2d(shapely.from_wkb(wkb.to_list(), on_invalid="ignore"))
    none = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    shapes[none] = None
    wrong = ~none & ~np.isin(shapely.get_type_id(shapes), _AREAS)
    shapes[wrong] = None
    if Datum.parse(datum).kind is not DatumKind.GEOGRAPHIC:
        shapes = shapely.transform(
            shapes, lambda xy: np.column_stack(_wgs84(xy[:, 0], xy[:, 1], datum))
        )
    invalid = ~shapely.is_valid(shapes) & ~shapely.is_missing(shapes)
    notes = [
        str(shapely.is_valid_reason(shape)) if bad else None
        for shape, bad in zip(shapes, invalid, strict=True)
    ]
    shapes[invalid] = shapely.make_valid(shapes[invalid])
    whole = np.array([_multipolygon(shape) for shape in shapes], dtype=object)
    bounds = shapely.bounds(whole).reshape(-1, 4)
    lost = shapely.is_missing(whole) & ~none
    beyond = ~shapely.is_missing(whole) & ~(
        on_earth(bounds[:, 1], bounds[:, 0]) & on_earth(bounds[:, 3], bounds[:, 2])
    )
    text = shapely.to_wkb(shapely.set_srid(whole, 4326), hex=True, include_srid=True)
    return Outlines(
        wkb=pl.Series(text.tolist(), dtype=pl.String),
        wrong=pl.Series(wrong | lost | beyond),
        repaired=pl.Series(notes, dtype=pl.String),
    )


def _multipolygon(shape: Any) -> Any:
    if shape is None:
        return None
    parts = [shape]
    if shapely.get_type_id(shape) == _COLLECTION:
        parts = [part for part in shape.geoms if shapely.get_type_id(part) in _AREAS]
    areas = [area for part in parts for area in shapely.get_parts(part) if not area.is_empty]
    return shapely.MultiPolygon(areas) if areas else None

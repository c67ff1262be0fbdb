"""Shapes and columns of files that commands take, as WGS84 and text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas
import numpy as np
import pandas as pd
import pyogrio
import shapely

from gis_supervision.domain.datums import to_wgs84
from gis_supervision.errors import InvalidInputError, NotFoundError

if TYPE_CHECKING:
    from pathlib import Path

    from shapely.geometry.base import BaseGeometry

    Columns = dict[str, list[str | None]]


def read_shapes(
    file: Path, *, layer: str | None = None, datum: str | None = None
) -> tuple[list[BaseGeometry | None], Columns]:
    """Read the shapes of a file as WGS84, and its columns as text.

    Parameters
    ----------
    file
        Any format of GDAL's vector drivers, or GeoParquet; zipped ones too.
    layer
        Layer of it; left out: the first.
    datum
        As `gis_supervision.domain.datums` names it; None for what the file says, else WGS84.

    Returns
    -------
    shapes : list of geometry or None
        Longitude first, without heights.
    columns : dict of list of str or None

    Raises
    ------
    NotFoundError
        There is no such file.
    InvalidInputError
        It cannot be read, has no shapes, or the datum is unknown or does not reach them.
    """
    if not file.exists():
        raise NotFoundError("no file %(file)s", file=file)
    try:
        if file.suffix.lower() in {".parquet", ".geoparquet"}:
            frame = geopandas.read_parquet(file)
        else:
            frame = geopandas.read_file(file, layer=layer)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, ValueError) as error:
        raise InvalidInputError("%(file)s: %(error)s", file=file.name, error=error) from None
    if not isinstance(frame, geopandas.GeoDataFrame):
        raise InvalidInputError("%(file)s: expected a file with shapes", file=file.name)
    chosen = datum or (frame.crs.to_string() if frame.crs is not None else "wgs84")
    shapes = shapely.transform(
        shapely.force_2d(np.array(frame.geometry, dtype=object)),
        lambda x, y: to_wgs84(x, y, chosen),
        interleaved=False,
    )
    names = [name for name in frame.columns if name != frame.geometry.name]
    return list(shapes), {str(name): [_text(value) for value in frame[name]] for name in names}


def column(columns: Columns, name: str | None, file: Path) -> list[str | None] | None:
    """Return a column by name; None for no name.

    Raises
    ------
    InvalidInputError
        There is none of that name.
    """
    if name is None:
        return None
    if name not in columns:
        raise InvalidInputError(
            "%(file)s: no column %(name)r: expected one of %(columns)s",
            file=file.name,
            name=name,
            columns=", ".join(columns),
        )
    return columns[name]


def _text(value: Any) -> str | None:
    """Write a value as text; a code that was read as a number is written without a fraction."""
    if value is None or (pd.api.types.is_scalar(value) and pd.isna(value)):
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)

"""GeoPackage and GeoParquet from batches of rows, through Arrow, in memory that does not grow."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyogrio
import shapely
from pyarrow import parquet

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

GEOMETRY: Final = "geometry"
_ARROW: Final = {
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "date": pa.date32(),
    "boolean": pa.bool_(),
}
_SINGLE: Final = {"point": "Point", "line": "LineString", "polygon": "Polygon"}
_TYPES: Final = {
    0: "Point",
    1: "LineString",
    3: "Polygon",
    4: "MultiPoint",
    5: "MultiLineString",
    6: "MultiPolygon",
    7: "GeometryCollection",
}
_BATCHES_IN_GROUP: Final = 20


@dataclass(frozen=True)
class Layer:
    """What the rows are: titles and types of columns, and the kind of their geometry, if any."""

    name: str
    title: str
    titles: tuple[str, ...]
    kinds: tuple[str, ...]
    geometry: str | None

    def schema(self, *, ogr: bool) -> pa.Schema:
        """Return the Arrow schema; for OGR the geometry is marked as such."""
        fields = [
            pa.field(title, _ARROW[kind])
            for title, kind in zip(self.titles, self.kinds, strict=True)
        ]
        if self.geometry:
            mark = {"ARROW:extension:name": "geoarrow.wkb"} if ogr else None
            fields.append(pa.field(GEOMETRY, pa.binary(), metadata=mark))
        return pa.schema(fields)


@dataclass
class _Seen:
    """What has gone through: rows, extent and kinds of geometries."""

    rows: int = 0
    bounds: Any = None
    kinds: frozenset[str] = frozenset()

    def add(self, shapes: Any) -> None:
        placed = shapes[~shapely.is_missing(shapes) & ~shapely.is_empty(shapes)]
        if not placed.size:
            return
        bounds = shapely.total_bounds(placed)
        if self.bounds is not None:
            bounds = np.concatenate(
                (
                    np.minimum(self.bounds[:2], bounds[:2]),
                    np.maximum(self.bounds[2:], bounds[2:]),
                )
            )
        self.bounds = bounds
        self.kinds |= {_TYPES[int(kind)] for kind in np.unique(shapely.get_type_id(placed))}


def write_geopackage(layer: Layer, batches: Iterable[Sequence[tuple[Any, ...]]], path: Path) -> int:
    """Write a GeoPackage with one layer in WGS84 (EPSG:4326).

    Parameters
    ----------
    layer
        Names and types.
    batches
        Rows, some at a time; WKB or None at the end of each.
    path
        A file that is not there yet.

    Returns
    -------
    int
        Number of rows.
    """
    seen = _Seen()
    schema = layer.schema(ogr=True)
    failures: list[BaseException] = []
    stream = _noting(_arrow(layer, schema, batches, seen), failures)
    try:
        pyogrio.write_arrow(
            pa.RecordBatchReader.from_batches(schema, stream),
            path,
            driver="GPKG",
            layer=layer.name,
            geometry_name=GEOMETRY,
            geometry_type=_geopackage_type(layer),
            crs="EPSG:4326",
            layer_options={"IDENTIFIER": layer.title},
        )
    except RuntimeError:
        # the driver knows only that the stream broke, not why
        if failures:
            raise failures[0] from None
        raise
    return seen.rows


def write_geoparquet(layer: Layer, batches: Iterable[Sequence[tuple[Any, ...]]], path: Path) -> int:
    """Write GeoParquet 1.1 (https://geoparquet.org/releases/v1.1.0/), longitude first.

    A layer without geometry becomes plain Parquet. Parameters and result as `write_geopackage`.
    """
    seen = _Seen()
    schema = layer.schema(ogr=False)
    with parquet.ParquetWriter(path, schema, compression="zstd", store_schema=False) as writer:
        group: list[pa.RecordBatch] = []
        for batch in _arrow(layer, schema, batches, seen):
            group.append(batch)
            if len(group) == _BATCHES_IN_GROUP:
                writer.write_table(pa.Table.from_batches(group, schema))
                group = []
        if group:
            writer.write_table(pa.Table.from_batches(group, schema))
        if layer.geometry:
            column: dict[str, Any] = {"encoding": "WKB", "geometry_types": sorted(seen.kinds)}
            if seen.bounds is not None:
                column["bbox"] = seen.bounds.tolist()
            meaning = {
                "version": "1.1.0",
                "primary_column": GEOMETRY,
                "columns": {GEOMETRY: column},
            }
            writer.add_key_value_metadata({"geo": json.dumps(meaning)})
    return seen.rows


def _arrow(
    layer: Layer,
    schema: pa.Schema,
    batches: Iterable[Sequence[tuple[Any, ...]]],
    seen: _Seen,
) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        if not batch:
            continue
        seen.rows += len(batch)
        arrays = []
        values: list[Any] = [list(column) for column in zip(*batch, strict=True)]
        for kind, column in zip(layer.kinds, values, strict=False):
            arrays.append(pa.array(_typed(kind, column), _ARROW[kind]))
        if layer.geometry:
            data = [None if shape is None else bytes(shape) for shape in values[-1]]
            shapes = _as_multi(shapely.from_wkb(np.array(data, dtype=object)))
            seen.add(shapes)
            arrays.append(pa.array(shapely.to_wkb(shapes).tolist(), pa.binary()))
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _noting(
    batches: Iterator[pa.RecordBatch], failures: list[BaseException]
) -> Iterator[pa.RecordBatch]:
    try:
        yield from batches
    except BaseException as error:
        failures.append(error)
        raise


def _typed(kind: str, column: list[Any]) -> list[Any]:
    if kind == "text":
        return [None if value is None else str(value) for value in column]
    if kind == "number":
        return [None if value is None else float(value) for value in column]
    return column


def _geopackage_type(layer: Layer) -> str | None:
    if layer.geometry is None:
        return None
    single = _SINGLE[layer.geometry]
    return single if single == "Point" else f"Multi{single}"


def _as_multi(shapes: Any) -> Any:
    """Make parts of many of single lines and polygons, which one type of layer demands."""
    kinds = shapely.get_type_id(shapes)
    for single, collect in ((1, shapely.multilinestrings), (3, shapely.multipolygons)):
        at = np.flatnonzero(kinds == single)
        if at.size:
            shapes[at] = collect(shapes[at], indices=np.arange(at.size))
    return shapes

"""Rows of a partition as arrays, each value checked; an error names file, row and column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from gis_supervision.domain.premises import Location
from gis_supervision.errors import InvalidInputError
from gis_supervision.messages import Message
from gis_supervision.storage import partition_files
from gis_supervision.storage.partition_files import days

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from gis_supervision.storage.partition_files import Piece

_POINT: Final = np.dtype([("order", "u1"), ("type", "<u4"), ("x", "<f8"), ("y", "<f8")])
"""Well-known binary of a point, little-endian: 21 bytes."""
_LITTLE_ENDIAN: Final = 1
_WKB_POINT: Final = 1
_POINT_TYPE: Final = 0


@dataclass(frozen=True, eq=False)
class Labels:
    """Texts as codes, shape (n,), and what each code means; None is "not known"."""

    codes: NDArray[np.int64]
    names: tuple[str | None, ...]


@dataclass(frozen=True, eq=False)
class Premises:
    """Premises with inspections and hazards; days count from 1970-01-01.

    Attributes
    ----------
    frame
        One row for each: ``premises_id`` where it was asked for, ``risk_class``,
        ``credit_class``, ``responsibility_tier``, ``category``, ``external``, ``located`` (whether
        the point is exact), ``opened_on`` and ``closed_on`` (days), ``cell_id``, ``division_id``.
    lat, lng
        Decimal degrees, shape (n,); NaN without a point.
    inspections, hazards
        Number of each premises' own, shape (n,); they follow one another in what comes next.
    inspected_on, channel, kind
        Days, channels and kinds of all inspections.
    found_on, resolved_on
        Days of all hazards; NaN where not resolved.
    """

    frame: pl.DataFrame
    lat: NDArray[np.float64]
    lng: NDArray[np.float64]
    inspections: NDArray[np.int64]
    inspected_on: NDArray[np.float64]
    channel: Labels
    kind: Labels
    hazards: NDArray[np.int64]
    found_on: NDArray[np.float64]
    resolved_on: NDArray[np.float64]


@dataclass(frozen=True)
class _Rows:
    """Rows of a file, to speak of them in errors."""

    file: str
    first: int

    def refuse(self, wrong: NDArray[np.bool_], column: str, expected: Message) -> None:
        """Raise an error that names the first wrong row, counted from 1, if there is one."""
        if wrong.any():
            row = self.first + int(np.argmax(wrong)) + 1
            raise InvalidInputError(
                "%(file)s: row %(row)s: column %(column)s: %(expected)s",
                file=self.file,
                row=row,
                column=column,
                expected=expected,
            )


def premises(piece: Piece, batch_rows: int, *, identified: bool = False) -> Iterator[Premises]:
    """Read a piece as arrays, some rows at a time.

    Parameters
    ----------
    piece
        What to read.
    batch_rows
        Most rows at a time.
    identified
        Whether the number of each premises in the register is asked for.

    Yields
    ------
    Premises

    Raises
    ------
    InvalidInputError
        A value is missing, unknown or out of range; the message names file, row, column and what
        was expected.
    """
    for first, batch in partition_files.record_batches(piece, batch_rows, identified=identified):
        yield _premises(batch, piece.geometry, _Rows(piece.path, first))


def _premises(batch: pa.RecordBatch, geometry: str, rows: _Rows) -> Premises:
    lat, lng = _points(batch.column(geometry), geometry, rows)
    located = _located(labels(batch.column("location")), lat, rows)
    external = batch.column("external")
    rows.refuse(
        np.asarray(external.is_null().to_numpy(zero_copy_only=False)),
        "external",
        Message("null, expected true or false"),
    )
    columns: dict[str, pa.Array] = {
        name: batch.column(name).cast(pa.large_string())
        for name in ("risk_class", "credit_class", "responsibility_tier", "category")
    }
    for name in ("premises_id", "cell_id", "division_id"):
        if name in batch.schema.names:
            columns[name] = _identifiers(batch.column(name), name, rows)
    for name in ("opened_on", "closed_on"):
        columns[name] = batch.column(name).cast(pa.date32()).cast(pa.int32()).cast(pa.int64())
    columns["external"] = external
    columns["located"] = pa.array(located)
    inspections, visits = _nested(batch.column("inspections"))
    hazards, episodes = _nested(batch.column("hazards"))
    inspected_on, channel = _column(visits, "inspected_on"), _column(visits, "channel")
    found_on, resolved_on = _column(episodes, "found_on"), _column(episodes, "resolved_on")
    for name, lengths, values in (
        ("inspections.inspected_on", inspections, inspected_on),
        ("inspections.channel", inspections, channel),
        ("hazards.found_on", hazards, found_on),
    ):
        if values.null_count:
            owner = np.repeat(np.arange(lengths.size), lengths)
            empty = np.zeros(lengths.size, dtype=np.bool_)
            empty[owner[values.is_null().to_numpy(zero_copy_only=False)]] = True
            rows.refuse(empty, name, Message("null, expected a value"))
    return Premises(
        frame=pl.DataFrame(pa.table(columns)),
        lat=lat,
        lng=lng,
        inspections=inspections,
        inspected_on=days(inspected_on),
        channel=labels(channel),
        kind=labels(_column(visits, "kind")),
        hazards=hazards,
        found_on=days(found_on),
        resolved_on=days(resolved_on),
    )


def labels(column: pa.Array) -> Labels:
    """Return texts as codes; null is the last of the names."""
    if pa.types.is_null(column.type):
        return Labels(np.zeros(len(column), dtype=np.int64), (None,))
    coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    names = (*coded.dictionary.to_pylist(), None)
    codes = coded.indices.cast(pa.int64()).fill_null(len(names) - 1)
    return Labels(np.asarray(codes.to_numpy(), dtype=np.int64), names)


def _located(location: Labels, lat: NDArray[np.float64], rows: _Rows) -> NDArray[np.bool_]:
    known = [name in set(Location) for name in location.names]
    expected = Message("expected one of %(names)s", names=", ".join(Location))
    wrong = ~np.array(known)[location.codes]
    if wrong.any():
        name = location.names[location.codes[int(np.argmax(wrong))]]
        rows.refuse(
            wrong, "location", Message("%(name)r, %(expected)s", name=name, expected=expected)
        )
    exact = np.array([name == Location.EXACT for name in location.names])[location.codes]
    rows.refuse(
        exact & np.isnan(lat), "location", Message("'exact' without a point, expected a point")
    )
    return exact


def _identifiers(column: pa.Array, name: str, rows: _Rows) -> pa.Array:
    numbers = column.cast(pa.int64(), safe=False)
    below = pc.less(numbers, 0).fill_null(fill_value=False)
    rows.refuse(
        np.asarray(below.to_numpy(zero_copy_only=False)),
        name,
        Message("out of range, expected a number from 0 or null"),
    )
    return numbers


def _nested(column: pa.Array) -> tuple[NDArray[np.int64], pa.StructArray]:
    """Return the lengths of lists, and their elements one after another."""
    if pa.types.is_null(column.type):
        return np.zeros(len(column), dtype=np.int64), None
    lengths = column.value_lengths().cast(pa.int64()).fill_null(0)
    return np.asarray(lengths.to_numpy(), dtype=np.int64), column.flatten()


def _column(elements: pa.StructArray | None, name: str) -> pa.Array:
    if elements is None:
        return pa.nulls(0)
    # with the nulls of the elements themselves
    return pc.struct_field(elements, name)


def _points(
    column: pa.Array, name: str, rows: _Rows
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return latitude and longitude; NaN without a point."""
    if pa.types.is_struct(column.type):
        x, y = (
            np.asarray(pc.struct_field(column, axis).cast(pa.float64()).fill_null(np.nan))
            for axis in ("x", "y")
        )
    else:
        x, y = _from_wkb(column, name, rows)
    missing = np.isnan(x) & np.isnan(y)
    for values, axis, limit in ((y, Message("latitude"), 90.0), (x, Message("longitude"), 180.0)):
        wrong = ~(np.abs(values) <= limit) & ~missing
        if wrong.any():
            found = values[int(np.argmax(wrong))]
            rows.refuse(
                wrong,
                name,
                Message(
                    "%(axis)s %(found)g, expected %(least)g to %(most)g degrees",
                    axis=axis,
                    found=found,
                    least=-limit,
                    most=limit,
                ),
            )
    return y, x


def _from_wkb(
    column: pa.Array, name: str, rows: _Rows
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Read points from well-known binary: plain ones at once, all others one by one."""
    x, y = np.full(len(column), np.nan), np.full(len(column), np.nan)
    present = np.flatnonzero(column.is_valid().to_numpy(zero_copy_only=False))
    binary = column.drop_null().cast(pa.large_binary())
    _, offsets, data = binary.buffers()
    starts = np.frombuffer(offsets, dtype=np.int64)[binary.offset :][: len(binary) + 1]
    if present.size and (np.diff(starts) == _POINT.itemsize).all():
        points = np.frombuffer(data, dtype=_POINT, count=len(binary), offset=int(starts[0]))
        if ((points["order"] == _LITTLE_ENDIAN) & (points["type"] == _WKB_POINT)).all():
            x[present], y[present] = points["x"], points["y"]
            return x, y
    shapes = np.full(len(column), None, dtype=np.object_)
    shapes[present] = shapely.from_wkb(binary.to_numpy(zero_copy_only=False), on_invalid="ignore")
    wrong = np.zeros(len(column), dtype=np.bool_)
    wrong[present] = shapely.get_type_id(shapes[present]) != _POINT_TYPE
    rows.refuse(wrong, name, Message("no point, expected the well-known binary of one"))
    x[present], y[present] = shapely.get_x(shapes[present]), shapely.get_y(shapes[present])
    return x, y

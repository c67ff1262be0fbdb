"""The register as partitioned GeoParquet, written one partition at a time."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl
import pyarrow as pa
from pyarrow import parquet

from gis_supervision.errors import ConflictError, InvalidInputError, NotFoundError
from gis_supervision.storage import analyses, frames, register
from gis_supervision.storage.partition_files import MANIFEST, ZONES, Manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray
    from sqlalchemy.orm import Session

PARTITION_ROWS: Final = 100_000
"""Premises in a partition."""
GROUP_ROWS: Final = 50_000
"""Premises in a row group, the least that is read at once."""

PREMISES: Final = """
    SELECT
        p.id, p.licence, p.location, p.risk_class, p.credit_class, p.responsibility_tier,
        p.category,
        p.external OR EXISTS (
            SELECT 1 FROM external_division AS e WHERE e.division_id = p.division_id
        ),
        p.opened_on, p.closed_on, p.cell_id, p.division_id, ST_X(p.geom), ST_Y(p.geom)
    FROM premises AS p
    WHERE p.id > %(after)s
    ORDER BY p.id
    LIMIT %(rows)s
"""
INSPECTIONS: Final = """
    SELECT i.premises_id, i.inspected_on, i.channel, i.kind
    FROM inspection AS i
    WHERE i.premises_id BETWEEN %(first)s AND %(last)s
    ORDER BY i.premises_id, i.inspected_on, i.id
"""
HAZARDS: Final = """
    SELECT h.premises_id, h.found_on, h.resolved_on, h.severity
    FROM hazard AS h
    WHERE h.premises_id BETWEEN %(first)s AND %(last)s
    ORDER BY h.premises_id, h.found_on, h.id
"""
ZONE_CELLS: Final = """
    SELECT m.cell_id, m.zone_id, lower(m.valid), upper(m.valid)
    FROM zone_cell AS m
    ORDER BY m.cell_id, m.valid
"""
_PREMISES_SCHEMA: Final = {
    "premises_id": pl.Int64,
    "licence": pl.String,
    "location": pl.String,
    "risk_class": pl.String,
    "credit_class": pl.String,
    "responsibility_tier": pl.String,
    "category": pl.String,
    "external": pl.String,
    "opened_on": pl.Date,
    "closed_on": pl.Date,
    "cell_id": pl.Int64,
    "division_id": pl.Int64,
    "lng": pl.Float64,
    "lat": pl.Float64,
}
_ARROW: Final = {
    pl.Int64: pa.int64(),
    pl.String: pa.string(),
    pl.Date: pa.date32(),
    pl.Float64: pa.float64(),
}
_POINT: Final = np.dtype([("order", "u1"), ("type", "<u4"), ("x", "<f8"), ("y", "<f8")])


def write(
    session: Session,
    directory: Path,
    *,
    partition_rows: int = PARTITION_ROWS,
    advance: Callable[[int], None] = lambda _: None,
) -> Manifest:
    """Write the register as a dataset (see `gis_supervision.storage.partition_files`).

    Memory follows from the size of a partition, not from that of the register.

    Parameters
    ----------
    session
        A session whose transaction sees one state of the register (``REPEATABLE READ``), so that
        partitions belong together while others go on writing.
    directory
        Where to; it appears under this name only when it is complete. It must not be there yet,
        or be empty.
    partition_rows
        Premises in a partition.
    advance
        Is told the number of premises written so far.

    Returns
    -------
    Manifest

    Raises
    ------
    ConflictError
        There is something in the directory.
    InvalidInputError
        The number of rows is below 1.
    NotFoundError
        The directory above is not there.
    """
    if partition_rows < 1:
        raise InvalidInputError(
            "partition_rows %(partition_rows)s: expected at least 1", partition_rows=partition_rows
        )
    version = analyses.registry_version(session)
    files: dict[str, int] = {}
    with new_directory(directory) as place:
        _write_zones(session, place)
        after, total = -1, 0
        while True:
            premises = frames.read(
                session, PREMISES, _PREMISES_SCHEMA, {"after": after, "rows": partition_rows}
            )
            if premises.is_empty():
                break
            name = f"part-{len(files):06d}.parquet"
            write_partition(place / name, *_table(session, premises))
            files[name] = premises.height
            total += premises.height
            after = premises["premises_id"][-1]
            advance(total)
        manifest = Manifest(files, version, register.current_day(session))
        (place / MANIFEST).write_text(manifest.to_json(), encoding="utf-8")
    return manifest


@contextmanager
def new_directory(directory: Path) -> Iterator[Path]:
    """Make a directory that appears under its name when all is written, or not at all.

    Yields
    ------
    Path
        A directory beside it, to write to.

    Raises
    ------
    ConflictError
        There is something of that name that is no empty directory.
    NotFoundError
        The directory above is not there.
    """
    directory = directory.absolute()
    if not directory.parent.is_dir():
        raise NotFoundError("%(parent)s: no such directory", parent=directory.parent)
    if directory.exists() and not (directory.is_dir() and not any(directory.iterdir())):
        raise ConflictError(
            "%(directory)s: is there already, expected a name that is free", directory=directory
        )
    place = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
    try:
        yield place
        place.chmod(0o755)
        for file in place.iterdir():
            with file.open("rb") as written:
                os.fsync(written.fileno())
        try:
            place.rename(directory)
        except OSError as error:
            raise ConflictError(
                "%(directory)s: somebody else wrote it meanwhile", directory=directory
            ) from error
    finally:
        shutil.rmtree(place, ignore_errors=True)


def write_partition(path: Path, table: pa.Table, bounds: list[float] | None) -> None:
    """Write one partition as GeoParquet 1.1.

    Parameters
    ----------
    path
        The file.
    table
        Columns as `gis_supervision.storage.partition_files` has them; ``geometry`` is WKB.
    bounds
        West, south, east, north in degrees; None where there is no point.
    """
    column: dict[str, Any] = {"encoding": "WKB", "geometry_types": ["Point"]}
    if bounds is not None:
        column["bbox"] = bounds
    meaning = {
        "version": "1.1.0",
        "primary_column": "geometry",
        "columns": {"geometry": column},
    }
    with parquet.ParquetWriter(
        path, table.schema, compression="zstd", store_schema=False
    ) as writer:
        writer.write_table(table, row_group_size=GROUP_ROWS)
        writer.add_key_value_metadata({"geo": json.dumps(meaning)})


def points(lng: NDArray[np.float64], lat: NDArray[np.float64]) -> pa.Array:
    """Return points as well-known binary; null where a coordinate is NaN."""
    present = ~np.isnan(lng) & ~np.isnan(lat)
    binary = np.empty(int(present.sum()), dtype=_POINT)
    binary["order"], binary["type"] = 1, 1
    binary["x"], binary["y"] = lng[present], lat[present]
    ends = np.concatenate(([0], np.cumsum(present, dtype=np.int64) * _POINT.itemsize))
    return pa.Array.from_buffers(
        pa.binary(),
        present.size,
        [
            pa.array(present).buffers()[1],
            pa.py_buffer(ends.astype(np.int32)),
            pa.py_buffer(binary.tobytes()),
        ],
    )


def bounds(lng: NDArray[np.float64], lat: NDArray[np.float64]) -> list[float] | None:
    """Return west, south, east, north; None where there is no point."""
    x, y = lng[~np.isnan(lng)], lat[~np.isnan(lat)]
    return [float(x.min()), float(y.min()), float(x.max()), float(y.max())] if x.size else None


def listed(lengths: NDArray[np.int64], **columns: pa.Array) -> pa.ListArray:
    """Return lists of structures from their lengths and their fields one after another."""
    ends = np.concatenate(([0], np.cumsum(lengths))).astype(np.int32)
    elements = pa.StructArray.from_arrays(list(columns.values()), names=list(columns))
    return pa.ListArray.from_arrays(pa.array(ends), elements)


def _table(session: Session, premises: pl.DataFrame) -> tuple[pa.Table, list[float] | None]:
    ids = premises["premises_id"].to_numpy()
    span = {"first": int(ids[0]), "last": int(ids[-1])}
    lng, lat = (premises[name].cast(pl.Float64).to_numpy() for name in ("lng", "lat"))
    columns: dict[str, pa.Array] = {
        name: premises[name].to_arrow().cast(_ARROW[kind])
        for name, kind in _PREMISES_SCHEMA.items()
        if name not in {"external", "lng", "lat"}
    }
    columns["external"] = (premises["external"] == "t").to_arrow()
    columns["inspections"] = _children(
        session,
        INSPECTIONS,
        {"inspected_on": pl.Date, "channel": pl.String, "kind": pl.String},
        ids,
        span,
    )
    columns["hazards"] = _children(
        session,
        HAZARDS,
        {"found_on": pl.Date, "resolved_on": pl.Date, "severity": pl.String},
        ids,
        span,
    )
    columns["geometry"] = points(lng, lat)
    return pa.table(columns), bounds(lng, lat)


def _children(
    session: Session,
    query: str,
    schema: dict[str, Any],
    ids: NDArray[np.int64],
    span: dict[str, int],
) -> pa.ListArray:
    """Read rows that belong to premises, as one list for each premises."""
    rows = frames.read(session, query, {"premises_id": pl.Int64, **schema}, span)
    owners = np.searchsorted(ids, rows["premises_id"].to_numpy())
    lengths = np.bincount(owners, minlength=ids.size)
    return listed(
        lengths, **{name: rows[name].to_arrow().cast(_ARROW[kind]) for name, kind in schema.items()}
    )


def _write_zones(session: Session, place: Path) -> None:
    columns = {
        "cell_id": pl.Int64,
        "zone_id": pl.Int64,
        "valid_from": pl.Date,
        "valid_to": pl.Date,
    }
    rows = frames.read(session, ZONE_CELLS, columns)
    table = pa.table(
        {name: rows[name].to_arrow().cast(_ARROW[kind]) for name, kind in columns.items()}
    )
    parquet.write_table(table, place / ZONES, compression="zstd", store_schema=False)

"""Partitions for tests: random premises, written as files, and counted by plain loops."""

import json
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from gis_supervision.storage.partition_export import bounds, listed, points, write_partition

EPOCH = date(1970, 1, 1)
AS_OF = date(2024, 6, 30)
FIRST = date(2023, 1, 1)
CLASSES = ["High", "Medium", "Low", None]
CATEGORIES = ["Restaurant", "Grocery Store", "餐饮", None]


def random_premises(count, seed=0):
    """Columns of premises as plain lists; some lack a point, a class, a cell, or are external."""
    rng = np.random.default_rng(seed)

    def day():
        return FIRST + timedelta(days=int(rng.integers(0, 700)))

    def pick(names):
        return names[int(rng.integers(len(names)))]

    rows = []
    for number in range(count):
        location = ["exact", "exact", "exact", "approximate", "none"][int(rng.integers(5))]
        lng, lat = 84.6 + float(rng.random()) / 20, 44.4 + float(rng.random()) / 20
        # hazards gather in one corner
        most = 9 if lng > 84.63 and lat > 44.43 else 2
        opened = day() if rng.random() < 0.3 else None
        rows.append(
            {
                "premises_id": number + 1,
                "lng": None if location == "none" else lng,
                "lat": None if location == "none" else lat,
                "location": location,
                "risk_class": pick(CLASSES),
                "credit_class": None,
                "responsibility_tier": None,
                "category": pick(CATEGORIES),
                "external": bool(rng.random() < 0.05),
                "opened_on": opened,
                "closed_on": max(day(), opened or FIRST) if rng.random() < 0.1 else None,
                "cell_id": int(rng.integers(1, 9)) if rng.random() < 0.9 else None,
                "division_id": int(rng.integers(1, 4)),
                "inspections": [
                    {"inspected_on": day(), "channel": pick(["on_site", "online"]), "kind": None}
                    for _ in range(int(rng.integers(0, 4)))
                ],
                "hazards": [
                    {"found_on": day(), "resolved_on": day() if rng.random() < 0.5 else None}
                    for _ in range(int(rng.integers(0, most)))
                ],
            }
        )
    return rows


NESTED = {
    "inspections": {"inspected_on": pa.date32(), "channel": pa.string(), "kind": pa.string()},
    "hazards": {"found_on": pa.date32(), "resolved_on": pa.date32()},
}
PLAIN = {
    "premises_id": pa.int64(),
    "location": pa.string(),
    "risk_class": pa.string(),
    "credit_class": pa.string(),
    "responsibility_tier": pa.string(),
    "category": pa.string(),
    "external": pa.bool_(),
    "opened_on": pa.date32(),
    "closed_on": pa.date32(),
    "cell_id": pa.int64(),
    "division_id": pa.int64(),
}


def table(rows):
    """Rows as the table of a partition."""
    columns = {name: pa.array([row[name] for row in rows], kind) for name, kind in PLAIN.items()}
    for name, fields in NESTED.items():
        lengths = np.array([len(row[name]) for row in rows])
        of_all = [one for row in rows for one in row[name]]
        columns[name] = listed(
            lengths, **{f: pa.array([one[f] for one in of_all], kind) for f, kind in fields.items()}
        )
    lng, lat = (np.array([row[axis] for row in rows], dtype=float) for axis in ("lng", "lat"))
    columns["geometry"] = points(lng, lat)
    return pa.table(columns), bounds(lng, lat)


def write(directory, rows, sizes):
    """Write rows as files of the given sizes."""
    directory.mkdir(exist_ok=True)
    start = 0
    for number, size in enumerate(sizes):
        write_partition(directory / f"part-{number}.parquet", *table(rows[start : start + size]))
        start += size
    assert start == len(rows)
    return directory


def write_raw(path, columns, geo=None, **options):
    """Write a table with metadata of one's own."""
    meaning = geo or {
        "version": "1.1.0",
        "primary_column": "geometry",
        "columns": {"geometry": {"encoding": "WKB", "geometry_types": ["Point"]}},
    }
    metadata = {"geo": json.dumps(meaning)} if geo != {} else {}
    parquet.write_table(columns.replace_schema_metadata(metadata), path, **options)
    return path


def days(of):
    return (of - EPOCH).days

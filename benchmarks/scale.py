"""What an analysis of partitions costs as rows grow, and how much memory each worker takes.

Makes 1, 10 and 50 million premises, each with some inspections and hazards, partition by partition
and the same every time, and counts coverage and hotspots (H3 resolution 8) of them

* on two worker processes of Dask, each limited to 1 GiB,
* in one process, with the same functions,
* with polars in one process (streaming, on all threads),
* with pandas and geopandas in one process, up to where 8 GiB are enough.

Peers count status by cell, category and H3 cell, and hazards by H3 cell, from the same files; their
totals are compared with ours. Starting the workers is not counted.

Usage: ``python benchmarks/scale.py [--rows 1000000 10000000 50000000] [--directory DIR]``.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from datetime import date
from functools import partial
from importlib.resources import files
from multiprocessing import get_context
from pathlib import Path
from typing import Self

import numpy as np
import psutil
import pyarrow as pa

from gis_supervision.analysis import dataset as analysing
from gis_supervision.domain.rules import load_rule_pack
from gis_supervision.storage.partition_export import bounds, listed, points, write_partition
from gis_supervision.storage.partition_files import open_dataset

AS_OF = date(2025, 6, 30)
EPOCH = date(1970, 1, 1)
LAST = (AS_OF - EPOCH).days
RULES = files("gis_supervision") / "demo" / "chicago" / "rules.toml"
CLASSES = ("High", "Medium", "Low")
CATEGORIES = ("Restaurant", "Grocery Store", "Bakery", "School", "Hospital", "Catering")
PARTITION_ROWS = 500_000
TOWNS = 40
WORKERS = 2
MEMORY_LIMIT = "1GiB"
PEER_BYTES = 8 * 2**30
PEERS = {"polars": 50_000_000, "pandas": 10_000_000}
"""Peers, and the rows beyond which they are not tried."""


def partition(number: int, rows: int, directory: str) -> None:
    """Write one partition; the same number gives the same rows."""
    towns = np.random.default_rng(7).uniform((84.0, 44.0), (86.0, 45.5), (TOWNS, 2))
    rng = np.random.default_rng((11, number))
    town = rng.integers(0, TOWNS, rows)
    lng, lat = (towns[town] + rng.normal(0, 0.06, (rows, 2))).T
    nowhere = rng.random(rows) < 0.02  # noqa: PLR2004 - a share without a point
    lng[nowhere], lat[nowhere] = np.nan, np.nan
    visits = rng.poisson(2.0, rows)
    hazards = rng.poisson(0.2 + 0.6 * (town % 5 == 0))
    visited = rng.integers(LAST - 900, LAST + 1, visits.sum()).astype(np.int32)
    found = rng.integers(LAST - 900, LAST + 1, hazards.sum()).astype(np.int32)
    resolved = found + rng.integers(1, 400, found.size).astype(np.int32)
    still_open = rng.random(found.size) < 0.5  # noqa: PLR2004 - half of them
    nothing = pa.nulls(rows)

    def drawn(names: tuple[str, ...], size: int) -> pa.Array:
        codes = pa.array(rng.integers(0, len(names), size).astype(np.int32))
        return pa.DictionaryArray.from_arrays(codes, pa.array(names)).cast(pa.string())

    table = pa.table(
        {
            "premises_id": pa.array(np.arange(rows) + number * PARTITION_ROWS),
            "location": pa.array(np.where(nowhere, "none", "exact")),
            "risk_class": drawn(CLASSES, rows),
            "credit_class": nothing.cast(pa.string()),
            "responsibility_tier": nothing.cast(pa.string()),
            "category": drawn(CATEGORIES, rows),
            "external": pa.array(np.zeros(rows, dtype=bool)),
            "opened_on": nothing.cast(pa.date32()),
            "closed_on": nothing.cast(pa.date32()),
            "cell_id": pa.array(town * 25 + rng.integers(0, 25, rows)),
            "division_id": pa.array(town),
            "inspections": listed(
                visits,
                inspected_on=pa.array(visited).cast(pa.date32()),
                channel=drawn(("on_site", "online"), visited.size),
                kind=pa.nulls(visited.size).cast(pa.string()),
            ),
            "hazards": listed(
                hazards,
                found_on=pa.array(found).cast(pa.date32()),
                resolved_on=pa.array(resolved, mask=still_open).cast(pa.date32()),
            ),
            "geometry": points(lng, lat),
        }
    )
    path = Path(directory) / f"part-{number:04d}.parquet"
    write_partition(path, table, bounds(lng, lat))


def generate(rows: int, directory: Path) -> None:
    """Write a dataset, on two processes."""
    sizes = [min(PARTITION_ROWS, rows - at) for at in range(0, rows, PARTITION_ROWS)]
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")) as pool:
        list(pool.map(partial(partition, directory=str(directory)), range(len(sizes)), sizes))


class Peak:
    """Largest memory of any of some processes, while it runs."""

    def __init__(self, pids: list[int]) -> None:
        self.mb = 0.0
        self._processes = [psutil.Process(pid) for pid in pids]
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.05):
            for process in self._processes:
                with suppress(psutil.NoSuchProcess):
                    self.mb = max(self.mb, process.memory_info().rss / 1e6)


def totals(summary: dict, hotspots: dict) -> dict[str, int]:
    """Return the figures that peers are compared by."""
    named = ("premises", "in_time", "overdue", "never")
    return {name: summary[name] for name in named} | {
        "cells": hotspots["cells"],
        "hazards": hotspots["hazards"],
    }


def ours(directory: Path) -> tuple[float, float, dict[str, int]]:
    """Analyse on two workers: seconds, memory of the larger worker in MB, totals."""
    from gis_supervision.analysis import cluster  # noqa: PLC0415 - peers do not load it

    with (
        cluster.local(WORKERS, memory_limit=MEMORY_LIMIT, timeout_s=120) as client,
        Peak(list(client.run(os.getpid).values())) as peak,
    ):
        begun = time.perf_counter()
        found = analysing.analyse(
            open_dataset(directory),
            load_rule_pack(RULES),
            AS_OF,
            count=partial(cluster.count, client, timeout_s=120),
        )
        took = time.perf_counter() - begun
    return took, peak.mb, totals(found.coverage.summary, found.hotspots.summary)


def one_process(directory: Path) -> dict[str, int]:
    """Analyse in this process."""
    found = analysing.analyse(open_dataset(directory), load_rule_pack(RULES), AS_OF)
    return totals(found.coverage.summary, found.hotspots.summary)


def channels_and_intervals() -> tuple[list[str], dict[str, float]]:
    """Return what the rules say, as a peer would write it down."""
    rules = load_rule_pack(RULES)
    return list(rules.counted_channels()), rules.class_intervals_days()


def with_polars(directory: Path) -> dict[str, int]:
    """Do the same with polars, streaming."""
    import polars as pl  # noqa: PLC0415 - each peer loads its own
    import polars_h3  # noqa: PLC0415 - as above

    channels, intervals = channels_and_intervals()
    day = pl.lit(AS_OF)
    visit, hazard = pl.element().struct, pl.element().struct
    counted = visit.field("channel").is_in(channels) & (visit.field("inspected_on") <= day)
    still_open = (hazard.field("found_on") <= day) & (
        hazard.field("resolved_on").is_null() | (hazard.field("resolved_on") > day)
    )
    last = pl.col("inspections").list.eval(visit.field("inspected_on").filter(counted)).list.max()
    since = (day - last).dt.total_days()
    interval = pl.col("risk_class").replace_strict(intervals, return_dtype=pl.Float64)
    axis = pl.col("geometry").bin
    rows = (
        pl.scan_parquet(directory / "*.parquet")
        .select(
            "cell_id",
            "category",
            pl.when(since.is_null())
            .then(pl.lit("never"))
            .when(since > interval)
            .then(pl.lit("overdue"))
            .otherwise(pl.lit("in_time"))
            .alias("status"),
            pl.col("hazards").list.eval(still_open).list.sum().alias("hazards"),
            axis.slice(5, 8).bin.reinterpret(dtype=pl.Float64).alias("lng"),
            axis.slice(13, 8).bin.reinterpret(dtype=pl.Float64).alias("lat"),
        )
        .with_columns(polars_h3.latlng_to_cell("lat", "lng", 8).alias("h3"))
    )
    by_cell, by_category, by_h3 = pl.collect_all(
        [
            rows.group_by("cell_id", "status").len(),
            rows.group_by("category", "status").len(),
            rows.filter(pl.col("h3").is_not_null())
            .group_by("h3")
            .agg(pl.len(), pl.col("hazards").sum()),
        ],
        engine="streaming",
    )
    status = dict(by_cell.group_by("status").agg(pl.col("len").sum()).iter_rows())
    return {
        "premises": by_category["len"].sum(),
        **{name: status[name] for name in ("in_time", "overdue", "never")},
        "cells": by_h3.height,
        "hazards": int(by_h3["hazards"].sum()),
    }


def with_pandas(directory: Path) -> dict[str, int]:
    """Do the same with pandas and geopandas; lists are taken apart by Arrow."""
    import geopandas  # noqa: PLC0415 - each peer loads its own
    import h3  # noqa: PLC0415 - as above
    import pandas as pd  # noqa: PLC0415 - as above
    from pyarrow import dataset  # noqa: PLC0415 - as above

    channels, intervals = channels_and_intervals()
    table = dataset.dataset(directory, format="parquet").to_table()
    day = pd.Timestamp(AS_OF)

    def elements(name: str) -> pd.DataFrame:
        column = table.column(name).combine_chunks()
        frame = pa.Table.from_struct_array(column.flatten()).to_pandas(date_as_object=False)
        lengths = column.value_lengths().to_numpy()
        return frame.assign(row=np.repeat(np.arange(len(lengths)), lengths))

    visits = elements("inspections")
    visits = visits[visits["channel"].isin(channels) & (visits["inspected_on"] <= day)]
    last = visits.groupby("row")["inspected_on"].max()
    found = elements("hazards")
    still_open = found["resolved_on"].isna() | (found["resolved_on"] > day)
    open_hazards = found[(found["found_on"] <= day) & still_open].groupby("row").size()
    frame = table.select(["cell_id", "category", "risk_class"]).to_pandas()
    geometry = geopandas.GeoSeries.from_wkb(table.column("geometry").to_pandas())
    since = (day - last).dt.days.reindex(frame.index)
    overdue = since > frame["risk_class"].map(intervals)
    frame["status"] = np.select([since.isna(), overdue], ["never", "overdue"], "in_time")
    frame["hazards"] = open_hazards.reindex(frame.index).fillna(0).astype(int)
    placed = ~geometry.isna()
    frame.loc[placed, "h3"] = [
        h3.latlng_to_cell(lat, lng, 8)
        for lat, lng in zip(geometry[placed].y, geometry[placed].x, strict=True)
    ]
    by_cell = frame.groupby(["cell_id", "status"]).size()
    by_category = frame.groupby(["category", "status"]).size()
    by_h3 = frame.groupby("h3")["hazards"].agg(["size", "sum"])
    status = by_cell.groupby("status").sum()
    return {
        "premises": int(by_category.sum()),
        **{name: int(status[name]) for name in ("in_time", "overdue", "never")},
        "cells": len(by_h3),
        "hazards": int(by_h3["sum"].sum()),
    }


WAYS = {"one process": one_process, "polars": with_polars, "pandas": with_pandas}


def peer(way: str, directory: Path) -> tuple[float, float, dict[str, int]] | None:
    """Run another way in a process of its own; None where the memory is not enough."""
    command = [sys.executable, __file__, "--way", way, "--directory", str(directory)]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process,
        Peak([process.pid]) as peak,
    ):
        told = process.communicate()[0]
    if process.returncode:
        return None
    found = json.loads(told.splitlines()[-1])
    return found["seconds"], peak.mb, found["totals"]


def run_way(way: str, directory: Path) -> None:
    """Be the process of another way."""
    resource.setrlimit(resource.RLIMIT_DATA, (PEER_BYTES, PEER_BYTES))
    begun = time.perf_counter()
    found = WAYS[way](directory)
    print(json.dumps({"seconds": time.perf_counter() - begun, "totals": found}))


def measure(rows: int, directory: Path) -> None:
    """Print the lines of one size."""
    begun = time.perf_counter()
    generate(rows, directory)
    size = sum(file.stat().st_size for file in directory.iterdir()) / 1e9
    note = f"{size:.2f} GB, made in {time.perf_counter() - begun:.0f} s"
    took, memory, expected = ours(directory)
    lines = [(f"ours, {WORKERS} workers", took, memory, note)]
    for way in ("one process", *(name for name, most in PEERS.items() if rows <= most)):
        found = peer(way, directory)
        name = "ours, one process" if way == "one process" else way
        if found is None:
            print(f"| {rows:,} | {name} | | | more than 8 GiB | | |", flush=True)
            continue
        same = "the same totals" if found[2] == expected else f"OTHER TOTALS {found[2]}"
        lines.append((name, found[0], found[1], same))
    for name, seconds, mb, what in lines:
        ratio = f"{seconds / took:.2f}"
        print(
            f"| {rows:,} | {name} | {seconds:.1f} | {rows / seconds / 1e6:.2f} | {mb:.0f} | "
            f"{ratio} | {what} |",
            flush=True,
        )


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="*", default=[1_000_000, 10_000_000, 50_000_000])
    parser.add_argument("--directory", type=Path, help="where to write the partitions")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.way:
        run_way(chosen.way, chosen.directory)
        return
    print("| premises | way | seconds | million/s | MB a process | to ours | |")
    print("| --- | --- | --- | --- | --- | --- | --- |", flush=True)
    for rows in chosen.rows:
        with tempfile.TemporaryDirectory(dir=chosen.directory) as place:
            measure(rows, Path(place))


if __name__ == "__main__":
    main()

"""Import of a million premises, against the ways that load without checking.

Makes premises around a county (names, codes, longitude and latitude; a hundredth without a point)
and a lattice of square cells, and measures, from CSV file to committed and indexed rows:

* ours: every value checked, H3 cells at five resolutions, grid cell and division, batch;
* raw COPY plus a primary key and a spatial index: the floor;
* ``geopandas.to_postgis`` (load alone, with the spatial index that it makes);
* ``ogr2ogr`` with COPY, where it is installed.

Usage: ``python benchmarks/import_premises.py [--rows 1000000] [--only ours]``; ``--memory`` imports
1,000,000 and 5,000,000 rows and tells the memory that the client took for each.
A private cluster of its own is made in a temporary directory and removed afterwards. Each way runs
in a process of its own. CPU seconds are those of the client and of the server together, and do
hardly depend on what else the machine does; seconds on the clock do.

Measured at 1,000,000 rows on two cores (PostgreSQL 15, PostGIS 3.3), seconds on the clock: ours
21.5 (CPU 26.8: client 10.1, server 16.7; 545 MB in the client); COPY with key and index 6.8;
``to_postgis`` 23.5 (2,605 MB); ``ogr2ogr`` 10.7. So ours takes 3.2 times the floor, 0.91 times
``to_postgis`` and 2.0 times ``ogr2ogr``, which check nothing and place nothing. What it does beyond
them is spread over checks (6 s), the wider row and six more indexes.
"""

import argparse
import itertools
import multiprocessing
import resource
import shutil
import subprocess
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import psutil
from sqlalchemy import Engine, text

from gis_supervision.domain.premises import check_character
from gis_supervision.importing import batches
from gis_supervision.settings import Settings
from gis_supervision.storage import cluster, database, migration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WEST, SOUTH, EAST, NORTH = 83.5, 43.7, 85.0, 45.2
SIDE_DEGREES = 0.0125
MISSING_EVERY = 100
MAPPING = """
name = "benchmark"
datum = "CGCS2000"
[sources.premises]
[sources.premises.premises]
licence = "licence"
name = "name"
credit_code = "credit_code"
category = "category"
risk_class = "risk_class"
address = "address"
division_code = "division_code"
lat = "lat"
lng = "lng"
opened_on = "opened_on"
"""
BLOCK = 100_000


def make_rows(path: Path, rows: int) -> None:
    """Write the file, block by block, so that making it takes no memory either."""
    chance = np.random.default_rng(20250711)
    codes = []
    for _ in range(2000):
        first = "91654202MA" + "".join(chance.choice(list("0123456789ABCDEFGH"), 7))
        codes.append(first + check_character(first))
    with path.open("wb") as file:
        for start in range(0, rows, BLOCK):
            count = min(BLOCK, rows - start)
            towns = chance.integers(0, 30, count)
            lng = np.clip(84.2 + (towns % 6 - 3) * 0.2 + chance.normal(0, 0.03, count), WEST, EAST)
            lat = np.clip(
                44.4 + (towns // 6 - 2) * 0.2 + chance.normal(0, 0.03, count), SOUTH, NORTH
            )
            number = pl.int_range(start, start + count, eager=True).cast(pl.String).str.zfill(9)
            frame = pl.DataFrame(
                {
                    "licence": "JY1" + number,
                    "name": "乌苏市第" + number + "号食品店",
                    "credit_code": [codes[index] for index in chance.integers(0, 2000, count)],
                    "category": chance.choice(["食品销售", "餐饮服务", "食品生产"], count),
                    "risk_class": chance.choice(list("ABCD"), count),
                    "address": "乌苏市" + number.str.slice(5) + "号",
                    "division_code": [f"654202{101 + town % 9}" for town in towns],
                    "lng": np.round(lng, 6),
                    "lat": np.round(lat, 6),
                    "opened_on": ["2021-03-04"] * count,
                }
            )
            missing = pl.int_range(0, count, eager=True) % MISSING_EVERY == 0
            frame = frame.with_columns(
                pl.when(~missing).then(pl.col(name)).alias(name) for name in ("lng", "lat")
            )
            frame.write_csv(file, include_header=start == 0)


def make_grid(engine: Engine) -> int:
    """Lay a lattice of square cells over the county."""
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO grid (name, kind, side_m, valid) "
                "VALUES ('benchmark', 'square', 1000, daterange('2020-01-01', NULL))"
            )
        )
        connection.execute(
            text(
                "INSERT INTO grid_cell (grid_id, code, geom, valid) "
                "SELECT (SELECT max(id) FROM grid), i || '-' || j, st_multi(geom), "
                "daterange('2020-01-01', NULL) "
                "FROM st_squaregrid(:side, st_makeenvelope(:w, :s, :e, :n, 4326))"
            ),
            {"side": SIDE_DEGREES, "w": WEST, "s": SOUTH, "e": EAST, "n": NORTH},
        )
        cells = connection.execute(text("SELECT count(*) FROM grid_cell")).scalar_one()
    return int(cells)


@dataclass(frozen=True)
class Cost:
    """What one way took."""

    wall_s: float
    client_cpu_s: float
    server_cpu_s: float
    peak_mb: int

    @property
    def cpu_s(self) -> float:
        """CPU time of client and server together."""
        return self.client_cpu_s + self.server_cpu_s


def client_cpu_s() -> float:
    """Return the CPU time of this process and of the programs that it has run."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in spent)


def server_cpu_s(pid: int) -> float:
    """Return the CPU time of a server: of what runs, and of what has ended."""
    postmaster = psutil.Process(pid)
    total = sum(postmaster.cpu_times()[:4])
    for child in postmaster.children():
        with suppress(psutil.NoSuchProcess):
            total += sum(child.cpu_times()[:2])
    return total


def measured(name: str, url: str, pid: int, file: Path) -> Cost:
    """Run one way and tell its cost; called in a process of its own."""
    engine = database.engine(url)
    with engine.begin() as connection:
        connection.execute(text("SELECT 1"))
    client, server = client_cpu_s(), server_cpu_s(pid)
    started = time.perf_counter()
    WAYS[name](engine, file)
    wall = time.perf_counter() - started
    client, server = client_cpu_s() - client, server_cpu_s(pid) - server
    engine.dispose()
    peak = max(
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return Cost(wall, client, server, peak // 1024)


def ours(engine: Engine, file: Path) -> None:
    """Import as a user does."""
    mapping = file.with_name("mapping.toml")
    mapping.write_text(MAPPING, encoding="utf-8")
    steps = [("start", time.perf_counter())]

    def progress(step: str, rows: int) -> None:
        del rows
        if step != steps[-1][0]:
            steps.append((step, time.perf_counter()))

    report = batches.run(engine, mapping, files=[file], actor="benchmark", progress=progress)
    steps.append(("end", time.perf_counter()))
    for (step, start), (_, end) in itertools.pairwise(steps):
        print(f"    {step}: {end - start:.1f} s")
    print(f"    {report.status}, {report.counts['premises']['new']} new")


def floor(engine: Engine, file: Path) -> None:
    """Load with COPY into a bare table, then key and spatial index."""
    raw = engine.raw_connection()
    cursor = raw.cursor()
    cursor.execute(
        "CREATE TABLE bench_floor (licence text, name text, credit_code text, category text, "
        "risk_class text, address text, division_code text, lng float8, lat float8, opened_on date)"
    )
    with file.open("rb") as stream:
        cursor.copy_expert("COPY bench_floor FROM STDIN (FORMAT csv, HEADER)", stream)
    cursor.execute(
        "CREATE TABLE bench_points AS "
        "SELECT f.*, st_setsrid(st_makepoint(lng, lat), 4326) AS geom FROM bench_floor AS f"
    )
    cursor.execute("ALTER TABLE bench_points ADD PRIMARY KEY (licence)")
    cursor.execute("CREATE INDEX ON bench_points USING gist (geom)")
    raw.commit()
    raw.close()


def to_postgis(engine: Engine, file: Path) -> None:
    """Load with geopandas."""
    import geopandas  # noqa: PLC0415 - only here
    import pandas as pd  # noqa: PLC0415 - only here

    frame = pd.read_csv(file, dtype={"division_code": str}, parse_dates=["opened_on"])
    points = geopandas.GeoDataFrame(
        frame, geometry=geopandas.points_from_xy(frame.lng, frame.lat), crs="EPSG:4326"
    )
    points.to_postgis("bench_geopandas", engine)


def ogr2ogr(engine: Engine, file: Path) -> None:
    """Load with GDAL's program."""
    url = engine.url
    place = f"PG:dbname={url.database} host={url.query['host']} user={url.username}"
    options = ["-oo", "X_POSSIBLE_NAMES=lng", "-oo", "Y_POSSIBLE_NAMES=lat", "-a_srs", "EPSG:4326"]
    subprocess.run(
        ["ogr2ogr", "-f", "PostgreSQL", place, str(file), "-nln", "bench_ogr", *options],
        check=True,
        env={"PG_USE_COPY": "YES", "PATH": "/usr/bin:/bin"},
    )


WAYS: "dict[str, Callable[[Engine, Path], None]]" = {
    "ours": ours,
    "floor": floor,
    "to_postgis": to_postgis,
    "ogr2ogr": ogr2ogr,
}


@contextmanager
def prepared_register(rows: int) -> "Iterator[tuple[str, int, Path]]":
    """Make a register with a grid, and a file of premises; yield its URL, its server, the file."""
    home = Path(tempfile.mkdtemp(prefix="gis-supervision-bench-"))
    home.chmod(0o711)
    settings = Settings(home=home)
    endpoint = cluster.ensure(settings)
    try:
        migration.upgrade(endpoint.url)
        engine = database.engine(endpoint.url)
        print(f"{make_grid(engine)} cells", flush=True)
        engine.dispose()
        file = home / "premises.csv"
        make_rows(file, rows)
        print(f"{rows:,} rows, {file.stat().st_size / 1e6:.0f} MB", flush=True)
        pid = cluster.status(settings).pid
        assert pid is not None  # noqa: S101 - it has just been started
        yield endpoint.url, pid, file
    finally:
        cluster.stop(settings)
        shutil.rmtree(home)


@contextmanager
def prepared(rows: int) -> "Iterator[Callable[[str], Cost]]":
    """Make a register with a grid and a file of premises; yield what measures a way."""
    with prepared_register(rows) as (url, pid, file):

        def measure(name: str) -> Cost:
            context = multiprocessing.get_context("spawn")
            with ProcessPoolExecutor(1, context) as apart:
                cost = apart.submit(measured, name, url, pid, file).result()
            print(
                f"{name}: {cost.cpu_s:.1f} s CPU (client {cost.client_cpu_s:.1f}, server "
                f"{cost.server_cpu_s:.1f}), {cost.wall_s:.1f} s, client {cost.peak_mb} MB",
                flush=True,
            )
            return cost

        yield measure


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--only", choices=list(WAYS))
    parser.add_argument("--memory", action="store_true", help="import 1 and 5 million rows")
    chosen = parser.parse_args()
    if chosen.memory:
        for rows in (1_000_000, 5_000_000):
            with prepared(rows) as measure:
                measure("ours")
        return
    names = [chosen.only] if chosen.only else list(WAYS)
    if "ogr2ogr" in names and shutil.which("ogr2ogr") is None:
        print("ogr2ogr is not installed (Debian package gdal-bin): skipped")
        names.remove("ogr2ogr")
    with prepared(chosen.rows) as measure:
        costs = {name: measure(name) for name in names}
    if "ours" in costs:
        for name, cost in costs.items() - {("ours", costs["ours"])}:
            print(
                f"ours / {name}: {costs['ours'].wall_s / cost.wall_s:.2f} of the time, "
                f"{costs['ours'].cpu_s / cost.cpu_s:.2f} of the CPU time"
            )


if __name__ == "__main__":
    main()

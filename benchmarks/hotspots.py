"""Time the spatial statistics beside their peers, in one run, and compare what they find.

Run with ``python benchmarks/hotspots.py``; ``--cells 10000`` and ``--no-peer`` make it short.
Peers: esda (Gi*, local Moran; the faster of one and two jobs), libpysal (weights), and the H3 C
library itself, called in a compiled loop on one thread (indexing). Everything is compiled by a
small run before it is timed.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import io
import itertools
import math
import os
import platform
import time
import warnings
from typing import TYPE_CHECKING, Any

import esda
import h3
import h3._cy.latlng
import numba
import numpy as np
from libpysal.graph import Graph
from scipy import sparse

from gis_supervision.analysis.hotspots import gi_star, local_moran
from gis_supervision.analysis.scan import spatial_scan
from gis_supervision.domain import h3_index

if TYPE_CHECKING:
    from collections.abc import Callable

LAT, LNG = 44.43, 84.69
RESOLUTION = 9
PERMUTATIONS = 999
CLUSTER_RADIUS = 0.1


def timed(function: Callable[[], Any], *, repeat: int = 1) -> tuple[float, Any]:
    """Return the shortest of some times in seconds, and the last result."""
    best, result = math.inf, None
    for _ in range(repeat):
        start = time.perf_counter()
        result = function()
        best = min(best, time.perf_counter() - start)
    return best, result


def row(what: str, ours: float, peer: str, theirs: float | None, note: str = "") -> None:
    """Print a line of the table."""
    other = "" if theirs is None else f"{theirs:10.3f}"
    ratio = "" if theirs is None else f"{theirs / ours:9.1f}x"
    print(f"{what:<44}{ours:10.4f}  {peer:<26}{other:>10} {ratio:>10}  {note}", flush=True)


def disc(count: int) -> np.ndarray:
    """Give about as many cells as asked for, in one disc."""
    rings = 0
    while 3 * rings * (rings + 1) + 1 < count:
        rings += 1
    centre = h3.latlng_to_cell(LAT, LNG, RESOLUTION)
    cells = np.array([h3.str_to_int(cell) for cell in h3.grid_disk(centre, rings)], dtype=np.int64)
    return np.sort(cells)[:count]


def fastest(run: Callable[[int, int], Any]) -> tuple[float, int, list[Any]]:
    """Run a peer with one job and with two, with other seeds; give the shorter time and all."""
    times, results = [], []
    for jobs, seed in ((1, 11), (2, 12), (1, 13)):
        seconds, result = timed(lambda jobs=jobs, seed=seed: run(jobs, seed))
        times.append(seconds)
        results.append(result)
    return min(times), (1, 2, 1)[int(np.argmin(times))], results


def differences(ours: np.ndarray, theirs: list[np.ndarray]) -> str:
    """Describe how far the p-values lie from esda's, beside esda's own spread."""
    away = np.mean([np.abs(ours - p).mean() for p in theirs])
    own = np.mean([np.abs(p - q).mean() for p, q in itertools.combinations(theirs, 2)])
    return f"p: mean |ours - esda| {away:.5f}, between two esda seeds {own:.5f}"


def hotspots(count: int, *, peer: bool) -> None:
    """Time weights, Gi* and local Moran."""
    cells = disc(count)
    ids = [h3.int_to_str(int(cell)) for cell in cells]
    seconds, weights = timed(lambda: h3_index.neighbours(cells), repeat=3)
    theirs = timed(lambda: Graph.build_h3(ids))[0] if peer else None
    row(f"weights, {count:,} cells", seconds, "Graph.build_h3", theirs, "at least 20x")

    values = np.random.default_rng(1).gamma(1.0, 1.0, count)
    values += weights @ values / 2
    total = weights.sum(axis=1)
    standard = sparse.csr_array(sparse.diags_array(1 / np.maximum(total, 1)) @ weights)
    seconds, star = timed(lambda: gi_star(values, weights, permutations=PERMUTATIONS), repeat=3)
    seconds_moran, moran = timed(
        lambda: local_moran(values, standard, permutations=PERMUTATIONS), repeat=3
    )
    if not peer:
        row(f"Gi*, {count:,} cells", seconds, "", None)
        row(f"local Moran, {count:,} cells", seconds_moran, "", None)
        return
    coo = weights.tocoo()
    graph = Graph.from_arrays(coo.row, coo.col, coo.data)

    def peer_star(jobs: int, seed: int) -> Any:
        return esda.G_Local(
            values,
            graph,
            transform="B",
            star=True,
            permutations=PERMUTATIONS,
            keep_simulations=False,
            n_jobs=jobs,
            seed=seed,
        )

    def peer_moran(jobs: int, seed: int) -> Any:
        return esda.Moran_Local(
            values,
            graph,
            transformation="r",
            permutations=PERMUTATIONS,
            keep_simulations=False,
            n_jobs=jobs,
            seed=seed,
        )

    theirs, jobs, results = fastest(peer_star)
    # esda's p is that of one tail
    tails = [np.minimum(1, 2 * result.p_sim) for result in results]
    note = f"at least 100x at 100,000; |z - z| <= {np.nanmax(np.abs(star.z - results[0].Zs)):.1e}; "
    note += differences(star.p, tails)
    row(
        f"Gi*, {count:,} cells, {PERMUTATIONS} permutations",
        seconds,
        f"esda, {jobs} jobs",
        theirs,
        note,
    )
    theirs, jobs, results = fastest(peer_moran)
    note = (
        f"at least 100x at 100,000; |I - I| <= {np.nanmax(np.abs(moran.i - results[0].Is)):.1e}; "
    )
    note += differences(moran.p_one_sided, [result.p_sim for result in results])
    name = f"local Moran, {count:,} cells, {PERMUTATIONS} permutations"
    row(name, seconds_moran, f"esda, {jobs} jobs", theirs, note)


def c_library() -> Callable[[np.ndarray, int], np.ndarray]:
    """Compile a loop round latLngToCell of the C library that the h3 package carries."""
    library = ctypes.CDLL(h3._cy.latlng.__file__)  # noqa: SLF001 - the library has no other handle
    call = library.latLngToCell
    call.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p]
    call.restype = ctypes.c_int

    @numba.njit
    def loop(points: np.ndarray, resolution: int, cells: np.ndarray) -> int:
        failed = 0
        start, out = points.ctypes.data, cells.ctypes.data
        for i in range(len(points)):
            failed += call(start + 16 * i, resolution, out + 8 * i)
        return failed

    def index(points: np.ndarray, resolution: int) -> np.ndarray:
        radians = np.radians(points)
        cells = np.empty(len(points), dtype=np.int64)
        if loop(radians, resolution, cells):
            raise RuntimeError("latLngToCell failed")
        return cells

    return index


def indexing(count: int, *, peer: bool) -> None:
    """Time the indexing of points."""
    rng = np.random.default_rng(2)
    points = np.column_stack([LAT + rng.normal(0, 0.5, count), LNG + rng.normal(0, 0.5, count)])
    lat, lng = np.ascontiguousarray(points.T)
    h3_index.cells_of(lat[:100], lng[:100], RESOLUTION)
    seconds, cells = timed(lambda: h3_index.cells_of(lat, lng, RESOLUTION), repeat=3)
    theirs = None
    note = "at least 0.83x"
    if peer:
        index = c_library()
        index(points[:100], RESOLUTION)
        theirs, expected = timed(lambda: index(points, RESOLUTION), repeat=3)
        note += f"; {int((cells != expected).sum())} cells differ"
    row(f"indexing, {count:,} points", seconds, "H3 C library, one thread", theirs, note)


def scan() -> None:
    """Time the scan, and how it grows."""
    previous = None
    for count in (281, 1000, 3000):
        rng = np.random.default_rng(count)
        x, y = rng.random(count), rng.random(count)
        population = rng.integers(100, 10_000, count)
        risky = np.hypot(x - 0.3, y - 0.3) < CLUSTER_RADIUS
        rate = np.where(risky, 2.0, 1.0) * population
        cases = rng.multinomial(2 * count, rate / rate.sum())
        seconds, clusters = timed(
            lambda args=(cases, population, x, y): spatial_scan(*args, permutations=PERMUTATIONS),
            repeat=5 if count < 1000 else 1,  # noqa: PLR2004 - the short one is repeated
        )
        note = f"first cluster: {len(clusters[0].members)} areas, p = {clusters[0].p}"
        if previous is None:
            note = "under 0.5 s; " + note
        else:
            power = math.log(seconds / previous[1]) / math.log(count / previous[0])
            note = f"grows as n^{power:.1f}; " + note
        row(f"scan, {count:,} areas, {PERMUTATIONS} permutations", seconds, "", None, note)
        previous = count, seconds


def main() -> None:
    """Run all, or the part that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cells", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--no-peer", action="store_true", help="time our own functions only")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    os.environ["PYTHONWARNINGS"] = "ignore"
    peer = not options.no_peer
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores")
    print("compiling ...", flush=True)
    with contextlib.redirect_stdout(io.StringIO()):
        hotspots(500, peer=peer)
    rng = np.random.default_rng(0)
    spatial_scan(rng.integers(0, 9, 20), np.full(20, 50), rng.random(20), rng.random(20))
    print(f"{'':<44}{'ours, s':>10}  {'peer':<26}{'peer, s':>10} {'ratio':>11}  wanted, and found")
    scan()
    indexing(options.points, peer=peer)
    for count in options.cells:
        hotspots(count, peer=peer)


if __name__ == "__main__":
    main()

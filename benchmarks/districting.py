"""Design and repair zones beside peers, on fresh generated cities, in one table.

Run with ``python benchmarks/districting.py``; ``--cities 500/10`` makes it short, ``--seed``
repeats a run. Each method works in a process of its own: seconds are wall time after a warm-up on a
small city, memory is the process's peak. Peers: METIS (contiguous, ufactor 10, ncuts 10), KaHIP
(strong, imbalance 1 %), spopt RegionKMeans, gerrychain ReCom (the best zoning met until the time
limit). Peers that are not installed are named and left out.

A city is a disc of H3 cells with an irregular outline, a river with bridges, lakes, and workload in
clusters. All figures are computed here from the labels, in the same way for everyone.

A repair moves load from zone to zone. What must move at least is the least flow over the borders
that brings every zone into the tolerance, as if cells could be cut: no repair of these zones moves
less. Where it is a tenth of all load, nobody leaves 97 % of the cells unmoved, unless those that
move are more than three times as heavy as the others.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import os
import resource
import secrets
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import h3
import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array, csr_array, vstack
from scipy.sparse.csgraph import connected_components

if TYPE_CHECKING:
    from collections.abc import Callable

EARTH_M = 6_371_000.0
DRIFT = 0.1
PEERS = {
    "METIS": "pymetis",
    "KaHIP": "kahip",
    "RegionKMeans": "spopt",
    "ReCom": "gerrychain",
}


@dataclass(frozen=True)
class City:
    """Cells, their neighbours, workload and centres in metres."""

    adjacency: csr_array
    weights: np.ndarray
    x: np.ndarray
    y: np.ndarray


def city(size: int, seed: int) -> City:
    """Generate a connected city of about so many cells (at most)."""
    rng = np.random.default_rng(seed)
    lat, lng = rng.uniform(25, 45), rng.uniform(80, 120)
    rings = int(np.sqrt(size * 1.6 / 3)) + 3
    cells = sorted(h3.grid_disk(h3.latlng_to_cell(lat, lng, 8), rings))
    centres = np.array([h3.cell_to_latlng(cell) for cell in cells])
    x = np.radians(centres[:, 1] - lng) * EARTH_M * np.cos(np.radians(lat))
    y = np.radians(centres[:, 0] - lat) * EARTH_M
    radius = np.hypot(x, y).max()
    kept = _outline(x / radius, y / radius, rng) & ~_water(x / radius, y / radius, rings, rng)
    index = {cells[i]: place for place, i in enumerate(np.flatnonzero(kept))}
    pairs = np.array(
        [
            (place, index[other])
            for cell, place in index.items()
            for other in h3.grid_ring(cell, 1)
            if other in index
        ]
    )
    adjacency = csr_array(
        (np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(index), len(index))
    )
    x, y = x[kept], y[kept]
    inner = np.sort(np.argsort(np.hypot(x, y), kind="stable")[:size])
    inner = inner[_largest(adjacency[inner][:, inner])]
    x, y = x[inner], y[inner]
    weights = np.full(x.size, 0.3)
    for _ in range(rng.integers(3, 8)):
        angle, away = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.6) * radius
        spread = rng.uniform(0.05, 0.2) * radius
        far = (x - away * np.cos(angle)) ** 2 + (y - away * np.sin(angle)) ** 2
        weights += rng.uniform(0.5, 3) * np.exp(-far / (2 * spread**2))
    weights *= rng.gamma(2.0, 0.5, x.size)
    return City(csr_array(adjacency[inner][:, inner]), weights, x, y)


def _outline(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    angle, phase, height = np.arctan2(y, x), rng.uniform(0, 2 * np.pi, 4), rng.uniform(0, 0.1, 4)
    edge = 0.8 + sum(height[k] * np.cos((k + 2) * angle + phase[k]) for k in range(4))
    return np.asarray(np.hypot(x, y) < edge)


def _water(x: np.ndarray, y: np.ndarray, rings: int, rng: np.random.Generator) -> np.ndarray:
    turn = rng.uniform(0, np.pi)
    along, beside = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    course = rng.uniform(-0.25, 0.25) + 0.12 * np.sin(along * rng.uniform(3, 7) + rng.uniform(0, 6))
    water = np.abs(beside - course) < max(0.012, 1.2 / rings)
    for bridge in rng.uniform(-0.7, 0.7, max(2, rings // 8)):
        water &= np.abs(along - bridge) > 1.2 / rings
    for _ in range(4):
        angle, away, size = (
            rng.uniform(0, 2 * np.pi),
            rng.uniform(0.1, 0.6),
            rng.uniform(0.02, 0.07),
        )
        water |= np.hypot(x - away * np.cos(angle), y - away * np.sin(angle)) < size
    return water


def _largest(adjacency: csr_array) -> np.ndarray:
    component = connected_components(adjacency, directed=False)[1]
    return np.flatnonzero(component == np.bincount(component).argmax())


def measured(place: City, labels: np.ndarray, zones: int) -> dict[str, float]:
    """Measure a zoning: cells are regular hexagons of side 1."""
    load = np.bincount(labels, place.weights, zones)
    edges = place.adjacency.tocoo()
    same = labels[edges.row] == labels[edges.col]
    inside = csr_array(
        (np.ones(int(same.sum())), (edges.row[same], edges.col[same])), shape=edges.shape
    )
    total = 0.0
    for zone in range(zones):
        cells = np.flatnonzero(labels == zone)
        if cells.size:
            between = np.hypot(
                place.x[cells][:, None] - place.x[cells], place.y[cells][:, None] - place.y[cells]
            )
            total += float((between @ place.weights[cells]).min())
    size = np.bincount(labels, minlength=zones)
    outline = 6.0 * size - np.bincount(labels[edges.row[same]], minlength=zones)
    return {
        "imbalance": float(np.abs(load / load.mean() - 1).max()),
        "parts": float(connected_components(inside, directed=False)[0] - np.count_nonzero(size)),
        "distance": total / float(place.weights.sum()),
        "polsby_popper": float(
            np.mean(4 * np.pi * size * 1.5 * np.sqrt(3) / np.maximum(outline, 1) ** 2)
        ),
    }


def ours(place: City, zones: int, _limit: float, seed: int) -> np.ndarray:
    """Design zones by the project's own method."""
    from gis_supervision.assignment.districting import balanced_zones  # noqa: PLC0415 - timed alone

    return balanced_zones(place.adjacency, place.weights, place.x, place.y, zones, seed=seed).labels


def repaired(
    place: City, zones: int, current: np.ndarray, tolerance: float
) -> tuple[np.ndarray, float]:
    """Repair zones, and tell the seconds."""
    from gis_supervision.assignment.districting import balanced_zones  # noqa: PLC0415 - see `ours`

    start = time.perf_counter()
    labels = balanced_zones(
        place.adjacency,
        place.weights,
        place.x,
        place.y,
        zones,
        current=current,
        tolerance=tolerance,
    ).labels
    return labels, time.perf_counter() - start


def _counts(place: City) -> np.ndarray:
    """Workload as the whole numbers that graph partitioners take."""
    return np.asarray(np.round(place.weights / place.weights.mean() * 1000), np.int32)


def metis(place: City, zones: int, _limit: float, seed: int) -> np.ndarray:
    """Cut by METIS, contiguous and tight."""
    import pymetis  # noqa: PLC0415 - a peer

    found = pymetis.part_graph(
        zones,
        pymetis.CSRAdjacency(
            place.adjacency.indptr.astype(np.int32), place.adjacency.indices.astype(np.int32)
        ),
        vweights=_counts(place),
        options=pymetis.Options(ufactor=10, ncuts=10, seed=seed, contig=1),
        recursive=False,
    )
    return np.asarray(found.vertex_part, np.int32)


def kahip(place: City, zones: int, _limit: float, seed: int) -> np.ndarray:
    """Cut by KaHIP, which does not ask for contiguity."""
    import kahip as peer  # noqa: PLC0415 - a peer

    _, labels = peer.kaffpa(
        _counts(place),
        place.adjacency.indptr.astype(np.int32),
        np.ones(place.adjacency.indices.size, np.int32),
        place.adjacency.indices.astype(np.int32),
        zones,
        0.01,
        True,
        seed,
        peer.STRONG,
    )
    return np.asarray(labels, np.int32)


def region_k_means(place: City, zones: int, _limit: float, seed: int) -> np.ndarray:
    """Cluster the coordinates contiguously; loads are not looked at."""
    from libpysal.weights import WSP  # noqa: PLC0415 - a peer
    from spopt.region import RegionKMeansHeuristic  # noqa: PLC0415 - a peer

    model = RegionKMeansHeuristic(
        np.column_stack([place.x, place.y]),
        zones,
        WSP(place.adjacency.tocsr()).to_W(silence_warnings=True),
        seed=seed,
    )
    model.solve()
    return np.asarray(model.labels_, np.int32)


def recom(place: City, zones: int, limit: float, seed: int) -> np.ndarray:
    """Recombine pairs of zones by spanning trees until the time is over; keep the best."""
    import networkx as nx  # noqa: PLC0415 - a peer
    from gerrychain import Graph, Partition, updaters  # noqa: PLC0415 - a peer
    from gerrychain.proposals import recom as step  # noqa: PLC0415 - a peer
    from gerrychain.tree import recursive_tree_part  # noqa: PLC0415 - a peer

    start = time.monotonic()
    network = nx.from_scipy_sparse_array(place.adjacency)
    nx.set_node_attributes(network, dict(enumerate(place.weights.tolist())), "load")
    graph = Graph.from_networkx(network)
    mean = float(place.weights.sum()) / zones
    first = recursive_tree_part(graph, range(zones), mean, "load", 0.05, rng=seed)
    state = Partition(graph, first, {"load": updaters.Tally("load")})
    best, shortest = _labels(state, place), np.inf
    number = 0
    while time.monotonic() - start < 0.9 * limit:
        number += 1
        state = step(state, "load", mean, 0.05, node_repeats=1, rng=seed + number)
        labels = _labels(state, place)
        found = measured(place, labels, zones)
        if found["distance"] * (1 + found["imbalance"]) < shortest:
            best, shortest = labels, found["distance"] * (1 + found["imbalance"])
    return best


def _labels(partition: object, place: City) -> np.ndarray:
    assignment = partition.assignment  # type: ignore[attr-defined]  # a peer's class
    return np.array([assignment[node] for node in range(place.x.size)], np.int32)


METHODS: dict[str, Callable[[City, int, float, int], np.ndarray]] = {
    "ours": ours,
    "METIS": metis,
    "KaHIP": kahip,
    "RegionKMeans": region_k_means,
    "ReCom": recom,
}


def work(method: str, size: int, zones: int, seed: int, limit: float, target: Path) -> None:
    """Run one method in this process and leave the figures in a file."""
    if method in {"ours", "METIS"}:
        METHODS[method](city(120, 1), 4, limit, 0)
    place = city(size, seed)
    start = time.perf_counter()
    labels = METHODS[method](place, zones, limit, 1)
    seconds = time.perf_counter() - start
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures = measured(place, labels, zones) | {"seconds": seconds, "memory": memory}
    repairs = repair_figures(place, labels, zones, seed) if method == "ours" else []
    target.write_text(json.dumps({"figures": figures, "repairs": repairs}))


def repair_figures(
    place: City, labels: np.ndarray, zones: int, seed: int
) -> list[tuple[str, float, float, float, float, float, float]]:
    """Repair after drift and absences.

    Imbalance before and after, cells unmoved, load moved and the least that had to be, seconds.
    """
    rng = np.random.default_rng(seed)
    rows = []
    some = rng.random(place.x.size) < DRIFT
    drifts = {
        "drift, a tenth of the cells": np.where(some, rng.uniform(0, 3, place.x.size), 1.0),
        "drift, 10 % by region": 1
        + DRIFT
        * np.sin(4 * place.x / np.ptp(place.x) + rng.uniform(0, 6))
        * np.cos(6 * place.y / np.ptp(place.y) + rng.uniform(0, 6)),
    }
    repaired(place, zones, labels, 0.03)  # compiles
    for name, factor in drifts.items():
        after = City(place.adjacency, place.weights * factor, place.x, place.y)
        found, seconds = repaired(after, zones, labels, 0.03)
        rows.append(
            (
                name,
                measured(after, labels, zones)["imbalance"],
                measured(after, found, zones)["imbalance"],
                float(np.mean(found == labels)),
                float(after.weights[found != labels].sum() / after.weights.sum()),
                least_moved(after, labels, zones, 0.03),
                seconds,
            )
        )
    for zone in rng.choice(zones, 5, replace=False):
        current = np.where(labels == zone, -1, labels - (labels > zone))
        found, seconds = repaired(place, zones - 1, current, 0.05)
        kept = float(np.mean(found[current >= 0] == current[current >= 0]))
        after = measured(place, found, zones - 1)["imbalance"]
        nan = float("nan")
        rows.append(("absence", nan, after, kept, nan, nan, seconds))
    return rows


def least_moved(place: City, labels: np.ndarray, zones: int, tolerance: float) -> float:
    """Return the least share of the load that goes over borders to bring zones into tolerance."""
    load = np.bincount(labels, place.weights, zones) * zones / place.weights.sum()
    edges = place.adjacency.tocoo()
    giver, taker = labels[edges.row], labels[edges.col]
    giver, taker = np.unique(np.stack([giver, taker])[:, giver != taker], axis=1)
    each = np.arange(giver.size)
    flow = coo_array(
        (np.repeat([-1.0, 1.0], giver.size), (np.r_[giver, taker], np.r_[each, each])),
        shape=(zones, giver.size),
    ).tocsr()
    found = linprog(
        np.ones(giver.size),
        A_ub=vstack([flow, -flow]),
        b_ub=np.r_[1 + tolerance - load, load - (1 - tolerance)],
        method="highs",
    )
    return float(found.fun) / zones


def main() -> None:
    """Generate cities, run every method that there is, print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cities", nargs="+", default=["500/10", "3000/40", "20000/120"])
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**31))
    parser.add_argument("--repeats", type=int, default=1, help="cities of each size")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds for each peer")
    parser.add_argument("--only", nargs="+", default=list(METHODS))
    parser.add_argument("--worker", nargs=6, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        method, size, zones, seed, limit, target = arguments.worker
        work(method, int(size), int(zones), int(seed), float(limit), Path(target))
        return
    print(f"seed {arguments.seed}, {os.cpu_count()} processors, limit {arguments.limit:g} s")
    methods = []
    for method in arguments.only:
        if method in PEERS and importlib.util.find_spec(PEERS[method]) is None:
            print(f"{method}: {PEERS[method]} is not installed, left out")
        else:
            methods.append(method)
    print(
        f"{'cells/zones':>12} {'city':>11} {'method':13} {'imbalance':>9} {'parts':>5} "
        f"{'distance':>8} {'to METIS':>8} {'PP':>6} {'s':>6} {'MB':>5}"
    )
    for name in arguments.cities:
        size, zones = (int(part) for part in name.split("/"))
        for repeat in range(arguments.repeats):
            compare(size, zones, arguments.seed + repeat, methods, arguments.limit)


def compare(size: int, zones: int, seed: int, methods: list[str], limit: float) -> None:
    """Print the rows of one city."""
    done = {method: in_process(method, size, zones, seed, limit) for method in methods}
    metis_result = done.get("METIS")
    base = metis_result["figures"]["distance"] if metis_result else float("nan")
    for method, result in done.items():
        head = f"{f'{size}/{zones}':>12} {seed:>11} {method:13}"
        if result is None:
            print(f"{head} nothing within the limit")
            continue
        row = result["figures"]
        print(
            f"{head} {row['imbalance']:9.2%} {row['parts']:5.0f} {row['distance']:8.0f} "
            f"{row['distance'] / base:8.3f} {row['polsby_popper']:6.3f} {row['seconds']:6.1f} "
            f"{row['memory']:5.0f}",
            flush=True,
        )
    repairs = (done.get("ours") or {"repairs": []})["repairs"]
    for name, before, after, kept, gone, least, seconds in repairs:
        was = "" if math.isnan(before) else f"{before:.2%} -> "
        moved = "" if math.isnan(gone) else f", load moved {gone:.2%} (at least {least:.2%})"
        print(
            f"{'':>25}{name:28} imbalance {was}{after:.2%}, unmoved {kept:.2%}{moved}, "
            f"{seconds:.2f} s",
            flush=True,
        )


def in_process(method: str, size: int, zones: int, seed: int, limit: float) -> dict | None:
    """Run one method in a process of its own; None if it fails or does not end in time."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "figures.json"
        command = [sys.executable, __file__, "--worker", method, str(size), str(zones), str(seed)]
        try:
            done = subprocess.run(
                [*command, str(limit), str(target)],
                check=False,
                capture_output=True,
                text=True,
                timeout=None if method == "ours" else 1.5 * limit + 30,
            )
        except subprocess.TimeoutExpired:
            return None
        if done.returncode:
            print(f"{method}: {done.stderr.strip().splitlines()[-1]}")
            return None
        return dict(json.loads(target.read_text()))


if __name__ == "__main__":
    main()

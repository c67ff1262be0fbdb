"""Circular windows of the spatial scan statistic, and their likelihood ratios."""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

from gis_supervision.analysis.arrays import Floats, Integers, Mask
from gis_supervision.domain.compilation import compiled

# a window holds at least so many cases
FEWEST_CASES: Final = 2
# ratios closer than this (relative) are ties: rounding differs with the order of summation
TIE: Final = 1e-9
# areas at distances that differ by less than this share are at equal distance
_EQUAL: Final = 1e-9
# a window outside which a smaller share is expected is the whole
_WHOLE: Final = 1e-12
# replicates whose cases are compared at once
_TILE: Final = 64
# distances, and a quarter of the simulated cases, that are held at once
_BLOCK: Final = 4_000_000


class Windows(NamedTuple):
    """Circles round every centre, one run of areas for each."""

    areas: npt.NDArray[np.int32]  # nearest first, up to the largest window of the centre
    ends: Mask  # whether a window may end with this area: the next one is farther away
    starts: Integers  # run of centre i: areas[starts[i]:starts[i + 1]]


def distances_from(points: Floats, centre: Floats) -> Floats:
    """Straight distances from one point, shape (n,), or from several, shape (m, n)."""
    squares = sum(
        (points[:, axis] - centre[..., axis, None]) ** 2 for axis in range(points.shape[1])
    )
    distances: Floats = np.sqrt(squares)
    return distances


def circles(points: Floats, population: Floats, max_share: float) -> Windows:
    """Order the areas round each centre, and mark where windows end."""
    n = len(points)
    limit = max_share * population.sum() * (1 + 1e-12)
    areas, ends, lengths = [], [], []
    step = max(1, _BLOCK // n)
    place = np.arange(n)
    for first in range(0, n, step):
        distances = distances_from(points, points[first : first + step])
        order = np.argsort(distances, axis=1, kind="stable")
        ranked = np.take_along_axis(distances, order, axis=1)
        apart = np.ones(order.shape, dtype=np.bool_)
        apart[:, :-1] = ranked[:, 1:] > ranked[:, :-1] * (1 + _EQUAL) + _EQUAL**2 * ranked[:, -1:]
        allowed = apart & (np.cumsum(population[order], axis=1) <= limit)
        length = np.where(allowed.any(axis=1), n - allowed[:, ::-1].argmax(axis=1), 0)
        kept = place < length[:, None]
        areas.append(order[kept].astype(np.int32))
        ends.append(allowed[kept])
        lengths.append(length)
    return Windows(
        areas=np.concatenate(areas),
        ends=np.concatenate(ends),
        starts=np.concatenate([[0], np.cumsum(np.concatenate(lengths))]).astype(np.intp),
    )


def disjoint(
    windows: Windows, cases: npt.NDArray[np.int64], share: Floats, total: int
) -> list[tuple[int, Integers, float]]:
    """Pick the window with the largest ratio, again and again, among those that share no area.

    Returns
    -------
    list of (centre, members, llr)
    """
    n = len(cases)
    taken = np.zeros(n, dtype=np.bool_)
    llr = np.zeros(n)
    last = np.full(n, -1, dtype=np.intp)
    stale = np.ones(n, dtype=np.bool_)
    picked: list[tuple[int, Integers, float]] = []
    while True:
        _best_windows(*windows, cases, share, total, taken, stale, llr, last)
        top = float(llr.max())
        if not top > 0:
            return picked
        # the first of equal ones, whatever the rounding
        centre = int(np.argmax(llr >= top - TIE * (1 + top)))
        members = windows.areas[windows.starts[centre] : last[centre] + 1].astype(np.intp)
        picked.append((centre, members, float(llr[centre])))
        taken[members] = True
        stale = _touching(windows.areas, windows.starts, last, taken)


def largest_ratios(
    windows: Windows,
    share: Floats,
    total: int,
    *,
    random: np.random.Generator,
    permutations: int,
) -> Floats:
    """Largest log likelihood ratio in each replicate, ascending."""
    c = np.arange(total + 1.0)
    # c log(c / C) + (C - c) log((C - c) / C), so that no logarithm is left for the windows
    table = special.xlogy(c, c / total) + special.xlogy(total - c, (total - c) / total)
    largest = np.zeros(permutations)
    step = max(1, 4 * _BLOCK // len(share))
    for first in range(0, permutations, step):
        block = largest[first : first + step]
        simulated = random.multinomial(total, share, size=len(block)).T.astype(np.int32, order="C")
        _raise_to_largest(*windows, share, simulated, total, table, block)
    largest.sort()
    return largest


@compiled
def _best_windows(
    areas: npt.NDArray[np.int32],
    ends: Mask,
    starts: Integers,
    cases: npt.NDArray[np.int64],
    share: Floats,
    total: int,
    taken: Mask,
    stale: Mask,
    llr: Floats,
    last: Integers,
) -> None:  # pragma: no cover - compiled
    """Find the best window of each stale centre that holds no area taken, in place."""
    for centre in range(len(llr)):
        if not stale[centre]:
            continue
        llr[centre], last[centre] = 0.0, -1
        inside, part = 0, 0.0
        for position in range(starts[centre], starts[centre + 1]):
            area = areas[position]
            if taken[area]:
                break
            inside += cases[area]
            part += share[area]
            if not ends[position] or inside < FEWEST_CASES or 1.0 - part <= _WHOLE:
                continue
            mean = part * total
            if inside <= mean:
                continue
            ratio = inside * np.log(inside / mean)
            if inside < total:
                ratio += (total - inside) * np.log((total - inside) / (total - mean))
            if ratio > llr[centre]:
                llr[centre], last[centre] = ratio, position


@compiled
def _touching(
    areas: npt.NDArray[np.int32], starts: Integers, last: Integers, taken: Mask
) -> Mask:  # pragma: no cover - compiled
    """Tell which centres' best windows hold an area that is taken."""
    touching = np.zeros(len(last), dtype=np.bool_)
    for centre in range(len(last)):
        for position in range(starts[centre], last[centre] + 1):
            if taken[areas[position]]:
                touching[centre] = True
                break
    return touching


@compiled
def _most_useless(
    start: int, mean: float, slope: float, base: float, table: Floats, lowest: float
) -> int:  # pragma: no cover - compiled
    """Give the most cases, from `start` on, with which a window's ratio stays within `lowest`."""
    most = start
    while most + 1 < len(table) and (
        most + 1 <= mean or table[most + 1] - (most + 1) * slope - base <= lowest
    ):
        most += 1
    return most


@compiled
def _raise_to_largest(
    areas: npt.NDArray[np.int32],
    ends: Mask,
    starts: Integers,
    share: Floats,
    simulated: npt.NDArray[np.int32],
    total: int,
    table: Floats,
    largest: Floats,
) -> None:  # pragma: no cover - compiled
    """Raise `largest` to the largest ratio of each replicate (a column), in place.

    The ratio grows with the cases above the mean. So one number of cases for each window tells
    whether any replicate can gain by it, and few ratios are computed.
    """
    columns = len(largest)
    inside = np.zeros(columns, dtype=np.int32)
    for centre in range(len(starts) - 1):
        inside[:] = 0
        part = 0.0
        lowest = largest.min()
        useless = FEWEST_CASES - 1
        for position in range(starts[centre], starts[centre + 1]):
            row = simulated[areas[position]]
            part += share[areas[position]]
            if not ends[position] or part <= 0.0 or 1.0 - part <= _WHOLE:
                for b in range(columns):
                    inside[b] += row[b]
                continue
            slope = np.log(part) - np.log1p(-part)
            base = total * np.log1p(-part)
            # the mean grows along the run, and `useless` with it
            useless = _most_useless(useless, part * total, slope, base, table, lowest)
            for tile in range(0, columns, _TILE):
                # slices from 0 let the compiler use vector instructions
                mine, more = inside[tile : tile + _TILE], row[tile : tile + _TILE]
                most = np.int32(0)
                for b in range(len(mine)):
                    mine[b] += more[b]
                    most = max(most, mine[b])
                if most > useless:
                    top = largest[tile : tile + _TILE]
                    for b in range(len(mine)):
                        if mine[b] > useless:
                            ratio = table[mine[b]] - mine[b] * slope - base
                            top[b] = max(top[b], ratio)

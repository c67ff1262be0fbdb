"""A first solution by PyVRP: skills and recusals as profiles, opening hours as groups of clients.

A shift is a vehicle; each profile has the ways to the stops that its crews may visit, all others
are out of reach. A stop with several windows is a group of clients of which one is visited. Every
stop is required at first; where that finds no feasible solution, stops become optional with prizes
by urgency. Breaks are left to the search that goes on from here: it checks every stop again.
"""

from __future__ import annotations

import time
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pyvrp
from pyvrp.exceptions import PenaltyBoundWarning, ScalingWarning
from pyvrp.IteratedLocalSearch import IteratedLocalSearchParams
from pyvrp.PenaltyManager import PenaltyParams
from pyvrp.search import NeighbourhoodParams
from pyvrp.stop import MaxIterations, MaxRuntime, MultipleCriteria, StoppingCriterion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gis_supervision.assignment.route_plan import Tour

_SHARE = 40
"""Rounds of ruin and recreate that take as long as one iteration here."""
_TIME = 0.05
"""Share of a time limit."""
_FAR_S = 10 * 86_400


def solve(
    tour: Tour, seed: int, iterations: int, until: float | None
) -> Iterator[tuple[int, list[int]]]:
    """Return a first solution.

    Parameters
    ----------
    tour
        The problem.
    seed
        Of PyVRP's search.
    iterations
        Rounds that the whole search may take; a small part of it is spent here.
    until
        Time of `time.monotonic` at which the whole search must end, None without a limit.

    Yields
    ------
    tuple
        A shift and its stops in order. They need not all fit.
    """
    able = np.flatnonzero(tour.allowed.any(axis=0))
    if able.size == 0:
        return
    best = None
    for required in (True, False):
        clients, groups, owner = _clients(tour, able, required=required)
        if not clients:
            return
        stops: list[StoppingCriterion] = [MaxIterations(max(iterations // _SHARE, 1))]
        if until is not None:
            stops.append(MaxRuntime(max(_TIME * (until - time.monotonic()), 0.05)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PenaltyBoundWarning)
            warnings.simplefilter("ignore", ScalingWarning)
            best = pyvrp.solve(
                _data(tour, clients, groups),
                MultipleCriteria(stops),
                seed=seed,
                collect_stats=False,
                display=False,
                params=pyvrp.SolveParams(
                    penalty=PenaltyParams(
                        solutions_between_updates=50, min_penalty=0.5, max_penalty=200.0
                    ),
                    neighbourhood=NeighbourhoodParams(num_neighbours=25),
                    ils=IteratedLocalSearchParams(history_length=100),
                ),
            ).best
        if best.is_feasible():
            break
    if best is None:
        return
    for route in best.routes():
        order = [owner[visit.idx] for visit in route if visit.is_client()]
        yield int(route.vehicle_type()), order


def _clients(
    tour: Tour, able: np.ndarray, *, required: bool
) -> tuple[list[pyvrp.Client], list[pyvrp.ClientGroup], list[int]]:
    """Make a client for each window in which a visit could begin."""
    clients: list[pyvrp.Client] = []
    groups: list[pyvrp.ClientGroup] = []
    owner: list[int] = []
    for stop in map(int, able):
        service = int(tour.service[stop])
        windows = [
            (int(tour.opens[w]), int(tour.closes[w]) - service)
            for day in range(tour.days)
            if (tour.allowed[:, stop] & (tour.day == day)).any()
            for w in range(
                tour.first[stop * tour.days + day], tour.first[stop * tour.days + day + 1]
            )
            if tour.closes[w] - service >= tour.opens[w]
        ]
        if not windows:
            continue
        alone = len(windows) == 1
        if not alone:
            groups.append(pyvrp.ClientGroup(required=required))
        for early, late in windows:
            if not alone:
                groups[-1].add_client(len(clients))
            clients.append(
                pyvrp.Client(
                    location=int(tour.place[stop]),
                    service_duration=service,
                    tw_early=early,
                    tw_late=late,
                    prize=0 if required else int(tour.penalty[stop]),
                    required=required and alone,
                    group=None if alone else len(groups) - 1,
                )
            )
            owner.append(stop)
    return clients, groups, owner


def _data(
    tour: Tour, clients: list[pyvrp.Client], groups: list[pyvrp.ClientGroup]
) -> pyvrp.ProblemData:
    size = tour.travel.shape[0]
    ways = np.minimum(tour.travel, _FAR_S)
    depots = sorted({*map(int, tour.origin), *map(int, tour.destination)})
    rows, profile = np.unique(tour.allowed, axis=0, return_inverse=True)
    matrices: list[Any] = []
    for allowed in rows:
        reached = np.zeros(size, np.bool_)
        reached[depots] = True
        reached[tour.place[allowed]] = True
        matrix = ways.copy()
        matrix[~reached, :] = _FAR_S
        matrix[:, ~reached] = _FAR_S
        np.fill_diagonal(matrix, 0)
        matrices.append(matrix)
    return pyvrp.ProblemData(
        [pyvrp.Location(0.0, 0.0) for _ in range(size)],
        clients,
        [pyvrp.Depot(place) for place in depots],
        [
            pyvrp.VehicleType(
                start_depot=depots.index(int(tour.origin[shift])),
                end_depot=depots.index(int(tour.destination[shift])),
                tw_early=int(tour.start[shift]),
                tw_late=int(tour.end[shift]),
                profile=int(profile.reshape(-1)[shift]),
            )
            for shift in range(tour.day.size)
        ],
        matrices,
        matrices,
        groups,
    )

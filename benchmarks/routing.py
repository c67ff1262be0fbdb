"""Plan routes beside VROOM, on fresh generated offices, in one table.

Run with ``python benchmarks/routing.py``; ``--instances 1`` makes it short, ``--seed`` repeats a
run. Both get the same matrix, opening hours, skills, working hours and breaks, two threads and the
same limit of 5 seconds. VROOM works at its highest exploration level, 5, once within the limit and
once within ``--long`` seconds, in which it mostly ends by itself; where it leaves stops out, its
shorter travel is no comparison, and there is no ratio. Travel is computed here for both from the
order of the stops.

Offices: 200 stops and 8 inspectors, who begin and end at home.

city     one day, short visits, stops anywhere, some open in the morning, afternoon or both only
towns    the same in 8 towns
windows  the same in 8 towns, each stop open for one to two hours more than its visit, lunch break
week     five days, visits of 40 to 90 minutes, 8 towns, opening hours, lunch break
"""

from __future__ import annotations

import argparse
import itertools
import math
import os
import secrets
import time
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from gis_supervision.assignment.routing import Crew, Shift, Stop, Window, plan_routes

HOUR = 3600
DAY = 24 * HOUR
SKILLS = ("circulation", "catering", "production", "special_food")
SHARES = (0.4, 0.3, 0.2, 0.1)
KINDS = ("city", "towns", "windows", "week")
WORK = (int(8.5 * HOUR), int(17.5 * HOUR))
LUNCH = (12 * HOUR, 13 * HOUR)
LIMIT_S = 5.0
SKILLED = 0.55  # chance of an inspector to have a skill
WHOLE_DAY, MORNING, AFTERNOON = 0.35, 0.6, 0.8  # up to here; the rest opens twice


@dataclass(frozen=True)
class Office:
    """One instance: the first places are the inspectors' homes."""

    travel: np.ndarray
    stops: list[Stop]
    crews: list[Crew]
    days: int
    lunch: bool


def office(kind: str, seed: int, stops: int = 200, inspectors: int = 8) -> Office:
    """Generate an office."""
    rng = np.random.default_rng(seed)
    side = 20_000.0
    if kind == "city":
        places = rng.uniform(0, side, (stops, 2))
        homes = rng.uniform(0, side, (inspectors, 2))
    else:
        towns = rng.uniform(0, side, (8, 2))
        share = rng.dirichlet(np.full(8, 2.0))
        places = towns[rng.choice(8, stops, p=share)] + rng.normal(0, 900, (stops, 2))
        homes = towns[rng.choice(8, inspectors, p=share)] + rng.normal(0, 900, (inspectors, 2))
    points = np.vstack([homes, places])
    metres = np.linalg.norm(points[:, None] - points[None], axis=2) * 1.3
    travel = np.rint(metres / (40 / 3.6))
    days = 5 if kind == "week" else 1
    lunch = kind in {"windows", "week"}
    minutes = (40, 60, 75, 90) if kind == "week" else (5, 8, 10, 12)
    made = []
    for number in range(stops):
        service = int(rng.choice(minutes)) * 60
        hours = _hours(rng, service, narrow=kind == "windows")
        made.append(
            Stop(
                f"P{number}",
                inspectors + number,
                service,
                tuple(Window(day, *pair) for day in range(days) for pair in hours),
                frozenset({str(rng.choice(SKILLS, p=SHARES))}),
            )
        )
    crews = [
        Crew(
            f"C{number}",
            tuple(Shift(d, *WORK, number, number, LUNCH if lunch else None) for d in range(days)),
            frozenset(s for s in SKILLS if rng.random() < SKILLED) | {SKILLS[number % 4]},
        )
        for number in range(inspectors)
    ]
    return Office(travel, made, crews, days, lunch)


def _hours(rng: np.random.Generator, service: int, *, narrow: bool) -> list[tuple[int, int]]:
    if narrow:
        length = service + int(rng.uniform(1, 2) * HOUR)
        opens = int(rng.integers(WORK[0], WORK[1] - length))
        # a visit does not go on over lunch
        if opens < LUNCH[1] and opens + length > LUNCH[0]:
            opens = LUNCH[0] - length if rng.integers(2) else LUNCH[1]
        return [(opens, opens + length)]
    kind = rng.random()
    if kind < WHOLE_DAY:
        return [WORK]
    if kind < MORNING:
        return [(9 * HOUR, 12 * HOUR)]
    if kind < AFTERNOON:
        return [(13 * HOUR, 17 * HOUR)]
    return [(9 * HOUR, int(11.5 * HOUR)), (14 * HOUR, int(16.5 * HOUR))]


@dataclass(frozen=True)
class Outcome:
    """What a method reached: the routes as lists of places, home first and last."""

    served: int
    travel_s: float
    seconds: float


def ours(of: Office, seed: int, limit_s: float = LIMIT_S) -> Outcome:
    """Plan by this package."""
    begun = time.perf_counter()
    found = plan_routes(
        of.stops,
        of.crews,
        of.travel,
        days=of.days,
        seed=seed,
        iterations=10**9,
        max_seconds=limit_s,
    )
    seconds = time.perf_counter() - begun
    place = {stop.key: stop.place for stop in of.stops}
    home = {crew.key: number for number, crew in enumerate(of.crews)}
    routes = [
        [home[route.crew], *(place[visit.key] for visit in route.visits), home[route.crew]]
        for route in found.routes
    ]
    return _outcome(of, routes, seconds)


def vroom(of: Office, limit_s: float) -> Outcome:
    """Plan by VROOM."""
    import vroom as peer  # noqa: PLC0415 - a peer that need not be installed

    problem = peer.Input()
    problem.set_durations_matrix("car", of.travel.astype(np.uint32))
    count = len(of.crews)
    for day in range(of.days):
        for number, crew in enumerate(of.crews):
            pause = day * DAY + LUNCH[0]
            problem.add_vehicle(
                peer.Vehicle(
                    day * count + number + 1,
                    start=number,
                    end=number,
                    profile="car",
                    skills={SKILLS.index(skill) + 1 for skill in crew.skills},
                    time_window=(day * DAY + WORK[0], day * DAY + WORK[1]),
                    breaks=[
                        peer.Break(1, time_windows=[(pause, pause)], service=LUNCH[1] - LUNCH[0])
                    ]
                    if of.lunch
                    else [],
                )
            )
    for number, stop in enumerate(of.stops):
        problem.add_job(
            peer.Job(
                number + 1,
                location=stop.place,
                default_service=stop.service_s,
                skills={SKILLS.index(skill) + 1 for skill in stop.skills},
                # its windows are those in which a visit may begin
                time_windows=[
                    (w.day * DAY + w.opens_s, w.day * DAY + w.closes_s - stop.service_s)
                    for w in stop.windows
                ],
            )
        )
    begun = time.perf_counter()
    found = problem.solve(
        exploration_level=5,
        nb_threads=2,
        timeout=timedelta(seconds=limit_s),
    )
    seconds = time.perf_counter() - begun
    frame = found.routes
    routes = []
    for vehicle, rows in frame.groupby("vehicle_id", sort=False):
        home = (int(vehicle) - 1) % count
        jobs = rows[rows["type"] == "job"]
        routes.append([home, *(of.stops[int(job) - 1].place for job in jobs["id"]), home])
    return _outcome(of, routes, seconds)


def _outcome(of: Office, routes: list[list[int]], seconds: float) -> Outcome:
    served = sum(len(route) - 2 for route in routes)
    travel = sum(float(of.travel[a, b]) for route in routes for a, b in itertools.pairwise(route))
    return Outcome(served, travel, seconds)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instances", type=int, default=5, help="of each kind")
    parser.add_argument("--kinds", nargs="*", default=KINDS, choices=KINDS)
    parser.add_argument("--long", type=float, default=60.0, help="seconds; 0: leave it out")
    parser.add_argument("--seed", type=int, default=None)
    asked = parser.parse_args()
    seed = secrets.randbelow(10**6) if asked.seed is None else asked.seed
    ours(office("city", 0, stops=20), 0, 0.5)  # compiles
    print(f"seed {seed}, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print("served / travel in minutes / seconds")
    longer = f"VROOM, {asked.long:.0f} s"
    print(f"{'office':12}{'ours':>22}{'VROOM, 5 s':>22}{longer:>24}{'ratio':>14}")
    for kind in asked.kinds:
        ratios: list[tuple[float, float]] = []
        for number in range(asked.instances):
            of = office(kind, seed + number)
            own, limited = ours(of, seed), vroom(of, LIMIT_S)
            free = vroom(of, asked.long) if asked.long else Outcome(0, float("nan"), 0.0)
            ratio = [
                own.travel_s / peer.travel_s if peer.served == own.served else float("nan")
                for peer in (limited, free)
            ]
            ratios.append((ratio[0], ratio[1]))
            print(
                f"{kind + ' ' + str(number):12}{_said(own):>22}{_said(limited):>22}"
                f"{_said(free):>24}{ratio[0]:>7.3f}{ratio[1]:>7.3f}",
                flush=True,
            )
        known = [
            [ratio for ratio in column if not math.isnan(ratio)]
            for column in zip(*ratios, strict=True)
        ]
        mean = [sum(column) / len(column) if column else float("nan") for column in known]
        print(f"{kind + ' mean':12}{'':>68}{mean[0]:>7.3f}{mean[1]:>7.3f}", flush=True)


def _said(one: Outcome) -> str:
    return f"{one.served} / {one.travel_s / 60:,.0f} / {one.seconds:.1f}"


if __name__ == "__main__":
    main()

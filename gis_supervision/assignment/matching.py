"""Matching zones to inspectors: least total cost, and a reason for every choice and every refusal.

Each zone gets at most one inspector and each inspector at most one zone. First as many zones as
can be have somebody, then the total of all costs is least. Costs have no unit: a distance counts
as a multiple of the typical distance between zones, everything else as a share from 0 to 1, each
times its weight. Hard exclusions are never broken, whatever the cost. Nor is a recusal: one from
a few premises of a zone is a cost, and somebody else takes those premises
(`gis_supervision.domain.substitutes`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from gis_supervision.assignment.match_reasons import (
    CHOSEN_BEST,
    CHOSEN_OVERALL,
    DEARER,
    NOBODY_ALLOWED,
    NOBODY_LEFT,
    SERVES_ELSEWHERE,
    WOULD_LEAVE_A_ZONE,
    Reason,
)
from gis_supervision.domain.distances import distances_m
from gis_supervision.domain.inspectors import Refusal
from gis_supervision.errors import InvalidInputError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from gis_supervision.domain.substitutes import Substitution

PARTS = ("distance", "skills", "continuity", "load", "languages", "recusal")
"""What a cost is made of, in the order of `Matching.parts`."""

MOST_RECUSED = 0.2
"""Largest share of a zone's premises that its inspector may be recused from."""

LEAST_SCALE_M = 500.0
"""The typical distance is taken to be no less, so that one zone or two have a scale too."""


@dataclass(frozen=True)
class Weights:
    """How much each part counts; 1 is as much as one typical distance between zones."""

    distance: float = 1.0
    skills: float = 4.0
    continuity: float = 2.0
    load: float = 2.0
    languages: float = 1.0
    recusal: float = 4.0

    def __post_init__(self) -> None:
        for name in PARTS:
            if not 0 <= getattr(self, name) < float("inf"):
                raise InvalidInputError("weight %(name)s: expected a number from 0 on", name=name)


@dataclass(frozen=True)
class ZoneNeed:
    """What a zone asks for.

    Attributes
    ----------
    id, code
        Which zone.
    lat, lng
        Its medoid in decimal degrees.
    premises
        Number of its premises.
    hours
        Workload, hours a year.
    skill_hours
        Of them, hours that ask for a skill, by skill.
    languages
        Share of the zone's premises with which each language is spoken; shares add up to at most
        1, the rest asks for none.
    """

    id: int
    code: str
    lat: float
    lng: float
    hours: float
    skill_hours: Mapping[str, float] = field(default_factory=dict)
    premises: int = 0
    languages: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Person:
    """An inspector as the matching sees one.

    Attributes
    ----------
    id, staff_number, name
        Who it is.
    capacity_hours
        Hours a year, of the time that the person is there.
    skills
        Skills with a valid certificate.
    languages
        Languages spoken.
    lat, lng
        Home, or the middle of the zone looked after until now; None where neither is known: such
        a person counts as one typical distance away. Distances to several zones give a point away:
        whoever makes a person of a home rounds it to a neighbourhood first.
    recused
        Number of premises to stay away from, by id of the zone they are in: a cost, since others
        take those premises, and an exclusion where they are more than `MOST_RECUSED` of the zone's.
    held
        Share of a zone's premises that the person was responsible for until now, by zone id.
    reasons
        Why the person can have no zone at all, such as `Refusal.ON_LEAVE` throughout.
    """

    id: int
    staff_number: str
    name: str
    capacity_hours: float
    skills: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    lat: float | None = None
    lng: float | None = None
    recused: Mapping[int, int] = field(default_factory=dict)
    held: Mapping[int, float] = field(default_factory=dict)
    reasons: tuple[Refusal, ...] = ()


@dataclass(frozen=True)
class Candidate:
    """One inspector for one zone: cost by part, or what stands against it, and the outcome.

    ``extra`` is what the total of all zones would rise by if this inspector had to have this zone;
    None where that is impossible or would leave one zone more without anybody. ``distance_m`` is
    None where neither home nor zone of the person are known.
    """

    inspector_id: int
    staff_number: str
    name: str
    chosen: bool
    cost: float | None
    parts: dict[str, float]
    distance_m: float | None
    extra: float | None
    excluded: tuple[Refusal, ...]
    reason: Reason

    def to_dict(self) -> dict[str, Any]:
        """Return the candidate as JSON takes it."""
        return {
            "staff_number": self.staff_number,
            "name": self.name,
            "chosen": self.chosen,
            "cost": _rounded(self.cost),
            "parts": {name: _rounded(value) for name, value in self.parts.items()},
            "distance_km": None if self.distance_m is None else round(self.distance_m / 1000, 1),
            "extra": _rounded(self.extra),
            "excluded": [reason.value for reason in self.excluded],
            **self.reason.to_dict(),
        }


@dataclass(frozen=True)
class Match:
    """Who gets a zone, and why; ``inspector_id`` is None where nobody does."""

    zone_id: int
    zone: str
    inspector_id: int | None
    staff_number: str | None
    name: str | None
    deputy_id: int | None
    deputy: str | None
    cost: float | None
    reason: Reason


@dataclass(frozen=True)
class Matching:
    """Zones matched to inspectors.

    Attributes
    ----------
    matches
        One per zone, by code.
    free
        Ids of inspectors without a zone, by staff number.
    total
        Sum of the costs of all matches.
    scale_m
        Typical distance between zones, in metres, that distances are multiples of.
    weights
        How much each part counted.
    substitutions
        Who takes the premises that a chosen inspector has to stay away from.
    """

    matches: tuple[Match, ...]
    free: tuple[int, ...]
    total: float
    scale_m: float
    weights: Weights
    _problem: _Problem = field(repr=False, compare=False)
    substitutions: tuple[Substitution, ...] = ()

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """Zone id and inspector id of every zone that somebody gets."""
        return tuple(
            (m.zone_id, m.inspector_id) for m in self.matches if m.inspector_id is not None
        )

    @property
    def without(self) -> tuple[str, ...]:
        """Codes of the zones that nobody gets."""
        return tuple(match.zone for match in self.matches if match.inspector_id is None)

    def candidates(self, zone_id: int) -> tuple[Candidate, ...]:
        """Rank all inspectors for a zone: the least cost first, the excluded last.

        Raises
        ------
        NotFoundError
            When the zone was not matched.
        """
        for row, zone in enumerate(self._problem.zones):
            if zone.id == zone_id:
                return self._problem.candidates(row)
        raise NotFoundError("zone %(zone_id)s was not matched", zone_id=zone_id)

    def to_dict(self, candidates: int | None = 5) -> dict[str, Any]:
        """Return the matching as JSON takes it, with some or (None) all candidates of each zone."""
        return {
            "zones": [
                {
                    "zone": match.zone,
                    "inspector": match.staff_number,
                    "name": match.name,
                    "deputy": match.deputy,
                    "cost": _rounded(match.cost),
                    **match.reason.to_dict(),
                    "substitutes": [
                        one.to_dict() for one in self.substitutions if one.zone == match.zone
                    ],
                    "candidates": [
                        one.to_dict() for one in self.candidates(match.zone_id)[:candidates]
                    ],
                }
                for match in self.matches
            ],
            "without": list(self.without),
            "free": [
                person.staff_number
                for person in self._problem.people
                if person.id in set(self.free)
            ],
            "total": _rounded(self.total),
            "scale_km": round(self.scale_m / 1000, 2),
            "weights": {name: getattr(self.weights, name) for name in PARTS},
        }


@dataclass(frozen=True)
class _Problem:
    """Costs of every pair, shape (zones, people), and what came of them."""

    zones: tuple[ZoneNeed, ...]
    people: tuple[Person, ...]
    parts: NDArray[np.float64]
    distance_m: NDArray[np.float64]
    cost: NDArray[np.float64]  # infinite where excluded
    excluded: tuple[tuple[tuple[Refusal, ...], ...], ...]
    chosen: NDArray[np.int64]  # column of each zone, -1 for nobody
    extra: NDArray[np.float64]
    unserved: float

    def candidates(self, row: int) -> tuple[Candidate, ...]:
        serves = {int(column): place for place, column in enumerate(self.chosen) if column >= 0}
        order = np.lexsort((np.arange(len(self.people)), self.cost[row]))
        return tuple(self._candidate(row, int(column), serves) for column in order)

    def _candidate(self, row: int, column: int, serves: Mapping[int, int]) -> Candidate:
        person, cost = self.people[column], float(self.cost[row, column])
        allowed = np.isfinite(cost)
        extra = float(self.extra[row, column])
        away = float(self.distance_m[row, column])
        return Candidate(
            inspector_id=person.id,
            staff_number=person.staff_number,
            name=person.name,
            chosen=int(self.chosen[row]) == column,
            cost=cost if allowed else None,
            parts=dict(zip(PARTS, self.parts[:, row, column].tolist(), strict=True)),
            distance_m=None if np.isnan(away) else away,
            extra=max(extra, 0.0) if extra < self.unserved / 2 else None,
            excluded=self.excluded[row][column],
            reason=self._reason(row, column, serves),
        )

    def _reason(self, row: int, column: int, serves: Mapping[int, int]) -> Reason:
        person, zone = self.people[column], self.zones[row]
        if self.excluded[row][column]:
            return Reason.excluded(self.excluded[row][column], person.recused.get(zone.id, 0))
        if self.chosen[row] == column:
            return self.choice(row)
        extra = float(self.extra[row, column])
        values: dict[str, object] = {"extra": max(extra, 0.0)}
        if column in serves:
            values["zone"] = self.zones[serves[column]].code
            if extra >= self.unserved / 2:
                return Reason(*WOULD_LEAVE_A_ZONE, values)
            return Reason(*SERVES_ELSEWHERE, values)
        return Reason(*DEARER, values)

    def choice(self, row: int) -> Reason:
        """Tell why a zone got whom it got, or nobody."""
        column = int(self.chosen[row])
        open_to = np.isfinite(self.cost[row])
        if column < 0:
            if not open_to.any():
                return Reason(*NOBODY_ALLOWED, {"count": len(self.people)})
            return Reason(*NOBODY_LEFT, {"count": int(open_to.sum())})
        cheaper = np.flatnonzero(self.cost[row] < self.cost[row, column])
        if not cheaper.size:
            return Reason(*CHOSEN_BEST, {"count": int(open_to.sum())})
        return Reason(*CHOSEN_OVERALL, {"count": int(cheaper.size)})


def matched(
    zones: Sequence[ZoneNeed],
    people: Sequence[Person],
    *,
    weights: Weights | None = None,
    deputies: bool = False,
    least_skilled: float = 0.0,
) -> Matching:
    """Match zones to inspectors at the least total cost.

    Parameters
    ----------
    zones, people
        In any order: the result depends on codes and staff numbers alone.
    weights
        How much each part of the cost counts; left out: the usual.
    deputies
        Whether every zone gets a deputy too, somebody other than the responsible inspector; nobody
        is the deputy of two zones. Continuity and load do not count for deputies.
    least_skilled
        Share of a zone's hours that an inspector must have the certificates for; 0 lets everybody
        in and counts what is lacking as cost.

    Returns
    -------
    Matching

    Raises
    ------
    InvalidInputError
        When a zone or a person is given twice, or the share is not one.
    """
    chosen_weights = weights or Weights()
    if not 0 <= least_skilled <= 1:
        raise InvalidInputError(
            "least_skilled %(share)s: expected a share from 0 to 1", share=least_skilled
        )
    rows = tuple(sorted(zones, key=lambda zone: (zone.code, zone.id)))
    columns = tuple(sorted(people, key=lambda person: (person.staff_number, person.id)))
    if len({zone.id for zone in rows}) < len(rows):
        raise InvalidInputError("matching: one zone is given twice")
    if len({person.id for person in columns}) < len(columns):
        raise InvalidInputError("matching: one inspector is given twice")
    scale = _scale(rows)
    shares, distance = _shares(rows, columns, scale)
    factors = np.array([getattr(chosen_weights, name) for name in PARTS])
    parts = shares * factors[:, None, None]
    excluded = _exclusions(rows, columns, shares, least_skilled)
    barred = np.array([[bool(reasons) for reasons in row] for row in excluded], dtype=bool)
    barred = barred.reshape(len(rows), len(columns))
    cost = np.where(barred, np.inf, parts.sum(axis=0))
    unserved, nobody = _unserved(rows, cost)
    chosen = _solved(cost, nobody)
    problem = _Problem(
        rows,
        columns,
        parts,
        distance,
        cost,
        excluded,
        chosen,
        _extra(cost, chosen, nobody),
        unserved,
    )
    second = np.full(len(rows), -1)
    if deputies:
        stand_in = np.where(barred, np.inf, parts[[0, 1, 4, 5]].sum(axis=0))
        served = np.flatnonzero(chosen >= 0)
        stand_in[served, chosen[served]] = np.inf
        second = _solved(stand_in, _unserved(rows, stand_in)[1])
    matches = tuple(_match(problem, row, int(second[row])) for row in range(len(rows)))
    used = set(chosen.tolist())
    return Matching(
        matches=matches,
        free=tuple(person.id for place, person in enumerate(columns) if place not in used),
        total=float(sum(match.cost for match in matches if match.cost is not None)),
        scale_m=scale,
        weights=chosen_weights,
        _problem=problem,
    )


def _match(problem: _Problem, row: int, second: int) -> Match:
    zone, column = problem.zones[row], int(problem.chosen[row])
    person = problem.people[column] if column >= 0 else None
    deputy = problem.people[second] if second >= 0 else None
    return Match(
        zone_id=zone.id,
        zone=zone.code,
        inspector_id=None if person is None else person.id,
        staff_number=None if person is None else person.staff_number,
        name=None if person is None else person.name,
        deputy_id=None if deputy is None else deputy.id,
        deputy=None if deputy is None else deputy.staff_number,
        cost=None if person is None else float(problem.cost[row, column]),
        reason=problem.choice(row),
    )


def _scale(zones: tuple[ZoneNeed, ...]) -> float:
    """Typical distance between zones: the median of all pairs, in metres."""
    if len(zones) < 2:  # noqa: PLR2004 - a pair
        return LEAST_SCALE_M
    lat, lng = (np.array([getattr(zone, name) for zone in zones]) for name in ("lat", "lng"))
    between = distances_m(lat, lng, lat, lng)[np.triu_indices(len(zones), 1)]
    return max(float(np.median(between)), LEAST_SCALE_M)


def _shares(
    zones: tuple[ZoneNeed, ...], people: tuple[Person, ...], scale: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the parts without weights, shape (parts, zones, people), and distances in metres."""
    shape = (len(zones), len(people))
    at = [np.array([getattr(z, name) for z in zones], dtype=float) for name in ("lat", "lng")]
    of = [
        np.array([np.nan if p.lat is None else getattr(p, name) for p in people], dtype=float)
        for name in ("lat", "lng")
    ]
    distance = distances_m(*at, *of).reshape(shape)
    far = np.where(np.isnan(distance), 1.0, distance / scale)
    hours = np.array([zone.hours for zone in zones], dtype=float)[:, None]
    some = np.maximum(hours, 1e-9)
    lacking, unspoken = (
        np.array(
            [
                [
                    sum(amount for name, amount in getattr(zone, need).items() if name not in own)
                    for own in has
                ]
                for zone in zones
            ],
            dtype=float,
        ).reshape(shape)
        for need, has in (
            ("skill_hours", [person.skills for person in people]),
            ("languages", [person.languages for person in people]),
        )
    )
    held = np.array(
        [[person.held.get(zone.id, 0.0) for person in people] for zone in zones], dtype=float
    ).reshape(shape)
    recused = np.array(
        [
            [min(person.recused.get(zone.id, 0) / max(zone.premises, 1), 1.0) for person in people]
            for zone in zones
        ],
        dtype=float,
    ).reshape(shape)
    capacity = np.array([person.capacity_hours for person in people], dtype=float)[None, :]
    over = np.where(hours > 0, np.clip(hours - capacity, 0.0, None) / some, 0.0)
    return (
        np.stack(
            [
                far,
                np.clip(lacking / some, 0.0, 1.0),
                1.0 - np.clip(held, 0.0, 1.0),
                over,
                np.clip(unspoken, 0.0, 1.0),
                recused,
            ]
        ),
        distance,
    )


def _exclusions(
    zones: tuple[ZoneNeed, ...],
    people: tuple[Person, ...],
    shares: NDArray[np.float64],
    least_skilled: float,
) -> tuple[tuple[tuple[Refusal, ...], ...], ...]:
    rows = []
    for row in range(len(zones)):
        columns = []
        for column, person in enumerate(people):
            found: list[Refusal] = []
            if shares[5, row, column] > MOST_RECUSED:
                found.append(Refusal.RECUSED)
            found.extend(person.reasons)
            if 1.0 - shares[1, row, column] < least_skilled:
                found.append(Refusal.SKILL_MISSING)
            if person.capacity_hours <= 0:
                found.append(Refusal.NO_CAPACITY)
            columns.append(tuple(found))
        rows.append(tuple(columns))
    return tuple(rows)


def _unserved(
    zones: tuple[ZoneNeed, ...], cost: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Cost of leaving each zone without anybody: more than all others together can save.

    Among zones of which one must be left, hours count like a cost: heavier zones are served first.
    """
    finite = cost[np.isfinite(cost)]
    hours = np.array([zone.hours for zone in zones], dtype=float)
    mean = float(hours.mean()) if hours.size and hours.mean() > 0 else 1.0
    weight = hours / mean
    most = (float(finite.max()) if finite.size else 0.0) + (
        float(weight.max()) if weight.size else 0
    )
    base = 2.0 * (len(zones) + 1) * (most + 1.0)
    return base, base + weight


def _solved(cost: NDArray[np.float64], nobody: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the column of each row, -1 for nobody."""
    zones, people = cost.shape
    if zones == 0 or people == 0:
        return np.full(zones, -1, dtype=np.int64)
    # one column more for each zone stands for nobody; a forbidden pair is dearer than that
    forbidden = 2.0 * float(nobody.max())
    alone = np.full((zones, zones), forbidden)
    np.fill_diagonal(alone, nobody)
    table = np.hstack([np.where(np.isfinite(cost), cost, forbidden), alone])
    _, column = linear_sum_assignment(table)
    return np.where(column < people, column, -1).astype(np.int64)


def _extra(
    cost: NDArray[np.float64], chosen: NDArray[np.int64], nobody: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return what the total would rise by if a pair were forced, exactly; infinite where excluded.

    Forcing a pair sets off a chain of exchanges. Nodes of a graph are the zones and, last, what is
    free; an edge from a zone is the change in cost when it takes the inspector of another zone (or
    the best free one, or nobody), an edge from "free" lets a zone give its inspector up. As the
    matching is optimal no cycle gains, so shortest paths give the cheapest chain.
    """
    zones, people = cost.shape
    if zones == 0 or people == 0:
        return np.full(cost.shape, np.inf)
    now = np.where(chosen >= 0, cost[np.arange(zones), chosen], nobody)
    unused = np.ones(people, dtype=bool)
    unused[chosen[chosen >= 0]] = False
    step = np.full((zones + 1, zones + 1), np.inf)
    served = np.flatnonzero(chosen >= 0)
    step[:zones, served] = cost[:, chosen[served]] - now[:, None]
    best_free = np.min(cost[:, unused], axis=1, initial=np.inf)
    step[:zones, zones] = np.minimum(best_free, nobody) - now
    step[zones, :] = 0.0
    np.fill_diagonal(step, 0.0)
    for middle in range(zones + 1):
        np.minimum(step, step[:, middle, None] + step[None, middle, :], out=step)
    owner = np.full(people, zones)
    owner[chosen[served]] = served
    return np.asarray(cost - now[:, None] + step[owner, :zones].T)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)

"""Covering an absence: the zones of an inspector on leave go to others, and return by themselves.

The time of the absence is cut where zones, responsibilities or leaves change, so that a second
absence inside the first, or across its end, is covered as it is on every day.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gis_supervision.assignment.areas import FREE
from gis_supervision.assignment.districting import balanced_zones
from gis_supervision.assignment.drafts import (
    Draft,
    Handover,
    cell_changes,
    changed_cells,
    changing_days,
    joined_handovers,
    zones_in_force,
)
from gis_supervision.assignment.zone_plan import Reason
from gis_supervision.domain.proposals import Cover, Kind, Period, segments
from gis_supervision.errors import ConflictError, InvalidInputError
from gis_supervision.language import gettext_noop

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from gis_supervision.assignment.drafts import Basis
    from gis_supervision.storage.zone_periods import Person

TOLERANCE = 0.05
"""Largest share off the mean while someone is absent: less wrecks the shape of zones."""


@dataclass(frozen=True, eq=False)
class Past:
    """How an absence that goes on was covered on its last day.

    Attributes
    ----------
    labels
        Number of the zone of each cell, -1 for none.
    taken
        Which cells the absence had moved.
    deputies
        Deputies by number of the zone.
    """

    labels: NDArray[np.int32]
    taken: NDArray[np.bool_]
    deputies: Mapping[int, Sequence[int]]


@dataclass(frozen=True, eq=False)
class _Day:
    """Who has what on the days of one segment."""

    period: Period
    labels: NDArray[np.int32]
    responsible: dict[int, int]
    deputies: dict[int, list[int]]
    away: frozenset[int]
    own: tuple[int, ...]


def absence(
    of: Basis,
    staff_number: str,
    *,
    cover: Cover = Cover.SHARE,
    tolerance: float = TOLERANCE,
    seed: int = 0,
    pinned: Sequence[str] = (),
    past: Past | None = None,
) -> Draft:
    """Cover the absence of an inspector in the time of the basis.

    Parameters
    ----------
    of
        The state in the time of the leave.
    staff_number
        Of the inspector.
    cover
        Share the cells of the inspector's zones among the others for the time, or give each of the
        zones a deputy, one who is responsible for a zone beside it and has the fewest hours.
    tolerance, seed
        As `balanced_zones` takes them.
    pinned
        Codes of cells of other zones that stay there.
    past
        How it was covered until then, for an absence that goes on: who has taken over keeps it.

    Returns
    -------
    Draft

    Raises
    ------
    NotFoundError
        No such inspector, or no such cell.
    ConflictError
        There is nothing to cover, or nobody to do it.
    InvalidInputError
        The time has no end, or a pinned cell is one of those that need cover.
    """
    whole = of.timeline.period
    if whole.until is None:
        raise InvalidInputError("an absence ends: expected its last day")
    person = of.person(staff_number)
    fixed = of.places(pinned)
    days = [_day(of, person, period) for period in segments(whole, changing_days(of))]
    handovers: list[Handover] = []
    results: list[NDArray[np.int32]] = []
    notes: list[Reason] = []
    kept: Mapping[int, Sequence[int]] = {} if past is None else past.deputies
    last = (
        None if past is None else (np.where(past.taken, days[0].labels, past.labels), past.labels)
    )
    for day in days:
        zones = day.own
        result = day.labels
        if cover is Cover.SHARE:
            result, zones = _shared(of, day, last, tolerance, seed, fixed, notes), ()
        handovers += _deputies(of, person, day, zones=zones, kept=kept, notes=notes)
        results.append(result)
        last = (day.labels, result)
    changes = changed_cells(
        of, [(day.period, day.labels, after) for day, after in zip(days, results, strict=True)]
    )
    joined_up = joined_handovers(handovers)
    if not changes and not joined_up:
        raise ConflictError(
            "%(staff_number)s %(name)s has no zone between %(first)s and %(until)s that is not "
            "covered already",
            staff_number=person.staff_number,
            name=person.name,
            first=whole.first,
            until=whole.until,
        )
    first = min([row["first"] for row in changes] + [one.period.first for one in joined_up])
    shown = next(place for place, day in enumerate(days) if first in day.period)
    emptied = days[shown].own if cover is Cover.SHARE else ()
    return Draft(
        kind=Kind.ABSENCE,
        period=whole,
        seed=seed,
        parameters={
            "as_of": of.as_of.isoformat(),
            "rules": of.rules,
            "staff_number": person.staff_number,
            "cover": str(cover),
            "tolerance": tolerance,
            "pinned": sorted(pinned),
        },
        zones=tuple(zones_in_force(of, emptied)),
        before=days[shown].labels,
        after=results[shown],
        cells=cell_changes(changes),
        handovers=tuple(joined_up),
        shown_on=first,
        absent_id=person.id,
        notes=tuple({str(note): note for note in notes}.values()),
    )


def _day(of: Basis, person: Person, period: Period) -> _Day:
    day = period.first
    numbers = of.numbers
    responsible = {
        numbers[zone]: who for zone, who in of.timeline.responsible(day).items() if zone in numbers
    }
    deputies = {
        numbers[zone]: ids
        for zone, ids in of.timeline.held(day, "deputy").items()
        if zone in numbers
    }
    labels = of.labels(day)
    own = tuple(
        number
        for number, who in sorted(responsible.items())
        if who == person.id and (labels == number).any()
    )
    away = frozenset(of.timeline.away(day) | {person.id})
    return _Day(period, labels, responsible, deputies, away, own)


def _shared(
    of: Basis,
    day: _Day,
    last: tuple[NDArray[np.int32], NDArray[np.int32]] | None,
    tolerance: float,
    seed: int,
    fixed: NDArray[np.int64],
    notes: list[Reason],
) -> NDArray[np.int32]:
    """Return the zones of the cells while those of the absent inspector are shared."""
    if not day.own:
        return day.labels
    zones = np.unique(day.labels[day.labels != FREE])
    free = np.isin(day.labels, day.own)
    if free[fixed].any():
        raise InvalidInputError(
            "pinned cells lie in the zone of the absent inspector: expected cells of other zones"
        )
    there = [
        number
        for number in zones.tolist()
        if number in day.responsible and day.responsible[number] not in day.away
    ]
    if not there:
        raise ConflictError(
            "on %(first)s no other inspector is there to take cells over", first=day.period.first
        )
    current = np.where(free, FREE, day.labels)
    if last is not None:
        # what was decided for the days before goes on where nothing changed meanwhile
        goes_on = (last[0] == day.labels) & np.isin(last[1], there)
        goes_on &= free | np.isin(current, there)
        current = np.where(goes_on, last[1], current)
    taking = np.isin(current, there) | free
    if not (current[taking] == FREE).any():
        return current.astype(np.int32)
    places = np.flatnonzero(taking)
    index = {number: place for place, number in enumerate(there)}
    own = np.array([index.get(number, FREE) for number in current[places].tolist()], dtype=np.int32)
    land = of.ground
    pins = np.isin(places, fixed)
    made = balanced_zones(
        land.borders[places][:, places],
        of.hours[places],
        land.x[places],
        land.y[places],
        len(there),
        tolerance=tolerance,
        seed=seed,
        current=own,
        pinned=pins,
        cell_area=land.area[places],
        cell_perimeter=land.outline[places],
    )
    notes += made.reasons
    result = current.copy()
    result[places] = np.array(there, dtype=np.int32)[made.labels]
    return result.astype(np.int32)


def _deputies(
    of: Basis,
    person: Person,
    day: _Day,
    *,
    zones: Sequence[int],
    kept: Mapping[int, Sequence[int]],
    notes: list[Reason],
) -> list[Handover]:
    """Give zones a deputy, and those where the absent inspector is deputy another one."""
    result = []
    loads = _loads(of, day)
    stands_in = [number for number, ids in day.deputies.items() if person.id in ids]
    wanted = {*zones, *(n for n in stands_in if day.responsible.get(n) in day.away)}
    for number in sorted(
        {*wanted, *stands_in}, key=lambda one: (-float(of.hours[day.labels == one].sum()), one)
    ):
        ended = person.id if number in stands_in else None
        present = [who for who in day.deputies.get(number, []) if who not in day.away]
        if number not in wanted or present:
            if ended is not None:
                result.append(Handover(number, "deputy", ended, None, day.period))
            continue
        had = (who for who in kept.get(number, ()) if who in loads)
        chosen = next(had, None) or _deputy(of, day, number, loads)
        if chosen is None:
            message = gettext_noop("Zone %(zone)s has nobody who could be its deputy from %(day)s.")
            values = {"zone": of.held[number].code, "day": day.period.first.isoformat()}
            notes.append(Reason("no_deputy", message, dict(values)))
        else:
            loads[chosen] += float(of.hours[day.labels == number].sum())
        if ended is not None or chosen is not None:
            result.append(Handover(number, "deputy", ended, chosen, day.period))
    return result


def _loads(of: Basis, day: _Day) -> dict[int, float]:
    """Return the hours of everyone who is there and responsible for a zone with cells."""
    loads: dict[int, float] = {}
    for number, who in day.responsible.items():
        inside = day.labels == number
        if who not in day.away and inside.any():
            loads[who] = loads.get(who, 0.0) + float(of.hours[inside].sum())
    for number, ids in day.deputies.items():
        if day.responsible.get(number) in day.away:
            acting = next((who for who in ids if who not in day.away), None)
            if acting is not None:
                hours = float(of.hours[day.labels == number].sum())
                loads[acting] = loads.get(acting, 0.0) + hours
    return loads


def _deputy(of: Basis, day: _Day, number: int, loads: dict[int, float]) -> int | None:
    """Return who has fewest hours among those beside a zone, else the nearest."""
    inside = day.labels == number
    beside = np.asarray(of.ground.borders[np.flatnonzero(inside)].sum(axis=0)).ravel()
    border: dict[int, float] = {}
    away_m: dict[int, float] = {}
    x, y = float(of.ground.x[inside].mean()), float(of.ground.y[inside].mean())
    for other, who in sorted(day.responsible.items()):
        cells = day.labels == other
        if who not in loads or other == number or not cells.any():
            continue
        border[who] = border.get(who, 0.0) + float(beside[cells].sum())
        distance = float(np.hypot(of.ground.x[cells].mean() - x, of.ground.y[cells].mean() - y))
        away_m[who] = min(distance, away_m.get(who, np.inf))
    people = of.timeline.people
    near = [who for who, length in border.items() if length > 0]
    if near:
        return min(near, key=lambda who: (loads[who], -border[who], people[who].staff_number))
    return min(away_m, key=lambda who: (away_m[who], people[who].staff_number), default=None)

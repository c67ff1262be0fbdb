"""Zones and inspectors of the register, brought before the matching."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import h3
import numpy as np
import polars as pl

from gis_supervision.assignment import cell_work
from gis_supervision.assignment.match_reasons import SUBSTITUTES, Reason
from gis_supervision.assignment.matching import (
    Match,
    Matching,
    Person,
    Weights,
    ZoneNeed,
    matched,
)
from gis_supervision.domain.distances import distances_m
from gis_supervision.domain.inspectors import Refusal
from gis_supervision.domain.substitutes import Substitution, substitute
from gis_supervision.errors import ConflictError, InvalidInputError
from gis_supervision.storage import inspectors, responsibilities, substitutes
from gis_supervision.storage import workload as work_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from sqlalchemy.orm import Session

    from gis_supervision.domain.inspectors import Inspector
    from gis_supervision.domain.rules import RulePack

HOME_RESOLUTION = 8
"""A home counts as the middle of its H3 cell of this resolution: distances tell no more of it."""

DAYS = 365

NAMED = 5
"""Most premises that a reason names one by one."""


def proposed(
    session: Session,
    rules: RulePack,
    *,
    as_of: date,
    day: date,
    end: date | None = None,
    weights: Weights | None = None,
    deputies: bool = False,
    least_skilled: float = 0.0,
    only: Sequence[int] | None = None,
    zones: Sequence[int] | None = None,
) -> Matching:
    """Match the zones in force on a day to inspectors; nothing is put in force.

    Parameters
    ----------
    session
        An open session; the caller commits the measured workload.
    rules
        Rule pack with hours of work and skills.
    as_of
        Day whose premises, hazards and complaints make the work.
    day, end
        The period that the matching is for, from ``day`` to the day before ``end``; left out: a
        year. Certificates count that hold on its first day; leave in it lowers the capacity, and
        who is never there in it gets no zone; a recusal on any of its days counts.
    weights, deputies, least_skilled
        As `gis_supervision.assignment.matching.matched` takes them.
    only
        Ids of the inspectors to choose from; left out: all who work here.
    zones
        Ids of the zones to match; left out: all.

    Returns
    -------
    Matching
        With zone ids, inspector ids and a reason for every choice and every refusal.

    Raises
    ------
    ConflictError
        When there are no zones on that day.
    InvalidInputError
        When the period has no day.
    """
    last = end or day + timedelta(days=DAYS)
    if last <= day:
        raise InvalidInputError(
            "period from %(day)s to before %(last)s: expected at least one day", day=day, last=last
        )
    needs = _needs(session, rules, as_of, day)
    if not needs:
        raise ConflictError(
            "there are no zones on %(day)s: run `gis-supervision zones design` first", day=day
        )
    if zones is not None:
        needs = [need for need in needs if need.id in set(zones)]
    known = inspectors.on(session, day, last, ids=only)
    people = people_of(session, day, last, known)
    result = matched(needs, people, weights=weights, deputies=deputies, least_skilled=least_skilled)
    return _with_substitutes(session, rules, day, result, known)


def _with_substitutes(
    session: Session,
    rules: RulePack,
    day: date,
    result: Matching,
    known: Sequence[Inspector],
) -> Matching:
    """Name who takes the premises that those who were chosen have to stay away from."""
    people = {one.id: one for one in known}
    chosen = {match.zone_id: match for match in result.matches if match.inspector_id is not None}
    cells = responsibilities.cells_on(session, day)
    zone_of = dict(zip(cells["cell_id"], cells["zone_id"], strict=True))
    middles: dict[int, list[tuple[float, float]]] = {}
    for zone, lat, lng in (
        cells.group_by("zone_id", maintain_order=True).agg(pl.col("lat", "lng").mean()).iter_rows()
    ):
        if zone in chosen:
            middles.setdefault(chosen[zone].inspector_id or 0, []).append((lat, lng))
    ids = set().union(*(one.recused_premises for one in known))
    kept = substitutes.kept(session, ids, rules)
    found: dict[int, list[Substitution]] = {}
    for premises, cell in kept.values():
        match = None if cell is None else chosen.get(zone_of.get(cell, 0))
        if match is None or match.inspector_id is None:
            continue
        who = people[match.inspector_id]
        if who.recused_from(premises.id, premises.owner):
            deputies = () if match.deputy_id is None else (match.deputy_id,)
            takes = substitute(day, premises, known, middles, deputies)
            found.setdefault(match.zone_id, []).append(
                Substitution.of(match.zone, premises, who, takes)
            )
    return replace(
        result,
        matches=tuple(_told(match, found.get(match.zone_id, [])) for match in result.matches),
        substitutions=tuple(one for each in found.values() for one in each),
    )


def _told(match: Match, found: Sequence[Substitution]) -> Match:
    if not found:
        return match
    named = "; ".join(one.named for one in found[:NAMED])
    more = Reason(
        *SUBSTITUTES,
        {"count": len(found), "named": named + (" …" if len(found) > NAMED else "")},
    )
    return replace(match, reason=replace(match.reason, more=more))


def _needs(session: Session, rules: RulePack, as_of: date, day: date) -> list[ZoneNeed]:
    cell_work.stored(session, rules, as_of)
    hours = {row.id: row for row in work_of.by_zone(session, as_of, day=day)}
    of_cells = {row.id: row.hours for row in work_of.by_cell(session, as_of)}
    languages = responsibilities.languages_on(session, day)
    premises = responsibilities.premises_on(session, day)
    needs = []
    for (zone_id,), cells in responsibilities.cells_on(session, day).group_by(
        "zone_id", maintain_order=True
    ):
        lat, lng = _medoid(cells, of_cells)
        needs.append(
            ZoneNeed(
                id=zone_id,
                code=cells["zone"][0],
                lat=lat,
                lng=lng,
                hours=hours[zone_id].hours,
                skill_hours=hours[zone_id].by_skill,
                premises=premises.get(zone_id, 0),
                languages=languages.get(zone_id, {}),
            )
        )
    return needs


def _medoid(cells: pl.DataFrame, hours: dict[int, float]) -> tuple[float, float]:
    """Middle of the cell that is nearest to all the zone's work."""
    lat, lng = cells["lat"].to_numpy(), cells["lng"].to_numpy()
    weight = np.array([hours.get(cell, 0.0) for cell in cells["cell_id"]])
    weight = weight if weight.sum() > 0 else np.ones_like(weight)
    place = int(np.argmin(distances_m(lat, lng, lat, lng) @ weight))
    return float(lat[place]), float(lng[place])


def people_of(session: Session, day: date, end: date, known: Sequence[Inspector]) -> list[Person]:
    """Return inspectors as the matching sees them, in the time from ``day`` to before ``end``."""
    before = day - timedelta(days=1)
    held = responsibilities.held_before(session, day, before)
    middles = responsibilities.middles_before(session, before)
    zone_of = responsibilities.zones_of_premises(
        session, day, set().union(*(person.recused_premises for person in known))
    )
    people = []
    for person in known:
        recused: dict[int, int] = {}
        for premises in person.recused_premises:
            if premises in zone_of:
                recused[zone_of[premises]] = recused.get(zone_of[premises], 0) + 1
        share = person.availability(day, end)
        gone = person.left_on is not None and person.left_on <= day
        absent = Refusal.LEFT if gone else Refusal.ON_LEAVE
        lat, lng = middles.get(person.id, (None, None))
        if person.lat is not None and person.lng is not None:
            lat, lng = h3.cell_to_latlng(h3.latlng_to_cell(person.lat, person.lng, HOME_RESOLUTION))
        people.append(
            Person(
                id=person.id,
                staff_number=person.staff_number,
                name=person.name,
                capacity_hours=person.capacity_hours * share,
                skills=frozenset(skill.value for skill in person.skills(day)),
                languages=person.languages,
                lat=lat,
                lng=lng,
                recused=recused,
                held=held.get(person.id, {}),
                reasons=() if share > 0 else (absent,),
            )
        )
    return people

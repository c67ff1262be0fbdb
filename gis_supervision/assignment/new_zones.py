"""Inspectors for zones that a proposal would make: those who would have none, matched to them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import shapely

from gis_supervision.assignment import candidates, cell_work
from gis_supervision.assignment.areas import FREE
from gis_supervision.assignment.matching import Matching, ZoneNeed, matched
from gis_supervision.domain.distances import distances_m
from gis_supervision.domain.inspectors import SKILLS
from gis_supervision.storage import inspectors, responsibilities, substitutes

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from numpy.typing import NDArray
    from sqlalchemy.orm import Session

    from gis_supervision.assignment.drafts import Basis
    from gis_supervision.assignment.matching import Person


def matching(
    session: Session,
    of: Basis,
    target: NDArray[np.int32],
    codes: Mapping[int, str],
    taken: Collection[int],
) -> Matching:
    """Match zones that are not there yet to inspectors who would have none.

    Parameters
    ----------
    session
        An open session.
    of
        The state that the zones are made from.
    target
        Number of the zone of each cell once they are made.
    codes
        Codes of the new zones by number.
    taken
        Ids of the inspectors who keep a zone.

    Returns
    -------
    Matching
        With the numbers in the place of the ids of zones.
    """
    day = of.timeline.period.first
    end = day + timedelta(days=candidates.DAYS)
    known = [one for one in inspectors.on(session, day, end) if one.id not in taken]
    needs = _needs(session, of, target, codes)
    held = _held(of, target, codes)
    kept = substitutes.kept(session, set().union(*(k.recused_premises for k in known)), of.pack)
    number_of = dict(zip(of.ground.cells.ids.tolist(), target.tolist(), strict=True))
    people: list[Person] = []
    for person in candidates.people_of(session, day, end, known):
        recused: dict[int, int] = {}
        mine = next(one for one in known if one.id == person.id)
        for premises, cell in kept.values():
            number = FREE if cell is None else number_of.get(cell, FREE)
            if number in codes and mine.recused_from(premises.id, premises.owner):
                recused[number] = recused.get(number, 0) + 1
        people.append(replace(person, recused=recused, held=held.get(person.id, {})))
    return matched(needs, people)


def _needs(
    session: Session, of: Basis, target: NDArray[np.int32], codes: Mapping[int, str]
) -> list[ZoneNeed]:
    land, day = of.ground, of.timeline.period.first
    work = cell_work.measured(session, of.pack, land.cells, of.as_of, set_on=max(of.as_of, day))
    spoken = responsibilities.languages_on(session, day)
    middle = shapely.get_coordinates(shapely.centroid(land.cells.polygons))
    needs = []
    for number, code in codes.items():
        inside = target == number
        lng, lat = middle[inside].T
        weight = of.hours[inside] if of.hours[inside].sum() > 0 else np.ones(lat.size)
        place = int(np.argmin(distances_m(lat, lng, lat, lng) @ weight))
        premises = int(of.premises[inside].sum())
        languages: dict[str, float] = {}
        for old in np.unique(of.last[inside & (of.last != FREE)]).tolist():
            share = of.premises[inside & (of.last == old)].sum() / max(premises, 1)
            for language, part in spoken.get(of.held[old].id, {}).items():
                languages[language] = languages.get(language, 0.0) + float(share * part)
        needs.append(
            ZoneNeed(
                id=number,
                code=code,
                lat=float(lat[place]),
                lng=float(lng[place]),
                hours=float(of.hours[inside].sum()),
                skill_hours={
                    skill.value: float(hours)
                    for skill, hours in zip(
                        SKILLS, work.by_skill[inside].sum(axis=0).tolist(), strict=False
                    )
                },
                premises=premises,
                languages=languages,
            )
        )
    return needs


def _held(
    of: Basis, target: NDArray[np.int32], codes: Mapping[int, str]
) -> dict[int, dict[int, float]]:
    """Return the share of each new zone's premises that somebody has now, by person and zone."""
    found: dict[int, dict[int, float]] = {}
    day = of.timeline.period.first
    for zone, who in of.timeline.responsible(day).items():
        own = of.last == of.numbers.get(zone, FREE - 1)
        for number in codes:
            inside = target == number
            both = of.premises[inside & own].sum()
            if both:
                mine = found.setdefault(who, {})
                share = float(both / of.premises[inside].sum())
                mine[number] = mine.get(number, 0.0) + share
    return found

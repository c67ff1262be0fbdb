"""Crews of days: who is there, who goes together with which skills, and for whose zones."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gis_supervision.errors import InvalidInputError
from gis_supervision.storage import day_stops, inspectors

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date

    from sqlalchemy.orm import Session

    from gis_supervision.domain.inspectors import Inspector
    from gis_supervision.domain.rules import RulePack


@dataclass(frozen=True)
class Unit:
    """Those who go together with the same skills, with the days of the plan on which they do."""

    key: str
    lead: Inspector
    assistant: Inspector | None
    skills: frozenset[str]
    days: tuple[int, ...]
    recused: frozenset[int]

    @property
    def members(self) -> tuple[Inspector, ...]:
        """The one or two who go."""
        return (self.lead,) if self.assistant is None else (self.lead, self.assistant)


def units_on(
    session: Session,
    rules: RulePack,
    planned: Sequence[date],
    only: Sequence[str],
    pairs: Mapping[int, Sequence[tuple[int, int]]] | None = None,
    *,
    people: Collection[int] | None = None,
    engaged: Collection[tuple[int, int]] = (),
) -> list[Unit]:
    """Tell who goes together on which days: drawn pairs, teams whose two are there, others alone.

    Parameters
    ----------
    session
        An open session.
    rules
        Whether both of a team need the skill.
    planned
        The days.
    only
        Staff numbers of those who are planned; empty: everybody who is there.
    pairs
        Ids of those who were drawn to go together (A and B), by day of the plan; what teams they
        are else in does not matter on these days.
    people
        Ids of those who are planned, with those who are in a team with them; None: everybody.
    engaged
        Inspector and day of the plan, where they go in another plan.

    Returns
    -------
    list of Unit
        By key.

    Raises
    ------
    InvalidInputError
        When a staff number is of nobody who works here on these days.
    """
    found: dict[tuple[int, int | None, frozenset[str]], Unit] = {}
    known: set[str] = set()
    for at, day in enumerate(planned):
        staff = inspectors.on(session, day)
        known |= {one.staff_number for one in staff}
        drawn = (pairs or {}).get(at, ())
        going = {person for pair in drawn for person in pair}
        there = {
            one.id: one
            for one in staff
            if one.available(day)
            and (not only or one.staff_number in only)
            and (people is None or one.id in going or _planned(one, people))
            and (one.id, at) not in engaged
        }
        for one, other in _together(there, drawn):
            skills = _skills(rules, one, other, day)
            recused = one.recused_premises | (other.recused_premises if other else frozenset())
            same = (one.id, None if other is None else other.id, skills)
            if same in found:
                before = found[same]
                found[same] = replace(
                    before, days=(*before.days, at), recused=before.recused | recused
                )
                continue
            key = "+".join(each.staff_number for each in (one, other) if each is not None)
            earlier = sum(unit.key.split("/")[0] == key for unit in found.values())
            key = f"{key}/{earlier + 1}" if earlier else key
            found[same] = Unit(key, one, other, skills, (at,), recused)
    missing = sorted(set(only) - known)
    if missing:
        raise InvalidInputError(
            "inspector %(missing)s: not there on these days", missing=", ".join(missing)
        )
    return sorted(found.values(), key=lambda unit: unit.key)


def _planned(one: Inspector, people: Collection[int]) -> bool:
    return one.id in people or (one.team is not None and one.team.colleague_id in people)


def _together(
    there: Mapping[int, Inspector], pairs: Sequence[tuple[int, int]]
) -> list[tuple[Inspector, Inspector | None]]:
    """Tell who goes with whom on a day: each of those who are there once."""
    drawn = [(there[lead], there[second]) for lead, second in pairs]
    left = {one: who for one, who in there.items() if not any(one in two for two in pairs)}
    found: list[tuple[Inspector, Inspector | None]] = [*drawn]
    for one in left.values():
        other = None if one.team is None else left.get(one.team.colleague_id)
        if one.team is None or other is None or one.team.role != "B":
            found.append((one, other))
    return found


def _skills(
    rules: RulePack, lead: Inspector, assistant: Inspector | None, day: date
) -> frozenset[str]:
    """Return the skills of those who go together, of both where both need them."""
    own = lead.skills(day)
    if assistant is not None:
        other = assistant.skills(day)
        own = own & other if rules.both_skilled else own | other
    return frozenset(skill.value for skill in own)


def owners(
    session: Session, planned: Sequence[date], units: Sequence[Unit]
) -> dict[int, frozenset[str]]:
    """Tell which crews may visit a zone: its inspector's; on absence, its deputies' as well."""
    responsible, deputies = day_stops.responsible(session, planned[0])
    days: defaultdict[int, set[int]] = defaultdict(set)
    for unit in units:
        for member in unit.members:
            days[member.id].update(unit.days)
    found = {}
    for zone, people in responsible.items():
        own = set(people)
        if any(len(days[person]) < len(planned) for person in people):
            own |= deputies.get(zone, set())
        found[zone] = frozenset(
            unit.key for unit in units if any(member.id in own for member in unit.members)
        )
    return found

"""Pairs that were drawn for premises, as crews of days: who goes together when, and who cannot.

Nobody goes with two people on one day. The most urgent premises come first; a pair that stands in
the way of another one is moved to another of its days where it has one. Among equal deadlines
several orders are tried, and the one that leaves out fewest is taken.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gis_supervision.assignment.route_reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import date

    from gis_supervision.domain.inspectors import Inspector, Skill
    from gis_supervision.storage.drawn_visits import DrawnVisit

Pair = frozenset[int]
_MOVES = 3
"""How many pairs are moved in a row so that one more finds a day."""
_TRIALS = 5000
"""How often that is tried in one order at most."""
_ORDERS = 12
_WORK = 2_000
"""Orders that are tried at most, and premises that are looked at in all of them."""


@dataclass(frozen=True)
class Pairing:
    """What becomes of the visits that draws ask for.

    Attributes
    ----------
    days
        Pairs (A and B) that go together, by day of the plan.
    left_out
        Reason by licence of the premises whose pair cannot go.
    visits
        Visit by licence: of several draws, the one whose pair goes; where none can, the one with
        the earliest deadline.
    """

    days: dict[int, tuple[tuple[int, int], ...]]
    left_out: dict[str, Reason]
    visits: dict[str, DrawnVisit]


@dataclass(frozen=True)
class Wants:
    """A premises with its pair, for the search of days.

    Attributes
    ----------
    visit
        What the draw asks for.
    load
        Share of a day that visit and way take.
    days
        Days of the plan on which the pair may go there.
    in_time
        Those of them that are not after the deadline; all of them where it is over already.
    """

    visit: DrawnVisit
    load: float
    days: frozenset[int]
    in_time: frozenset[int]

    @property
    def pair(self) -> Pair:
        """The two."""
        return frozenset(one for one in (self.visit.lead_id, self.visit.assistant_id) if one)


def pairing(
    visits: Sequence[DrawnVisit],
    planned: Sequence[date],
    staff: Sequence[Sequence[Inspector]],
    *,
    skills: Mapping[str, Skill | None],
    loads: Mapping[str, float],
    only: Collection[str] = (),
    both_skilled: bool = False,
    busy: Collection[tuple[int, int]] = (),
) -> Pairing:
    """Choose the days on which drawn pairs go together.

    Parameters
    ----------
    visits
        What draws ask for, the most urgent first.
    planned
        Days of the plan.
    staff
        Who works here on each of them (`gis_supervision.storage.inspectors.on`).
    skills
        What each premises asks for; premises that are not in it are not supervised any more.
    loads
        Share of a day that visit and way take, by licence.
    only
        Staff numbers of those who are planned; empty: everybody.
    both_skilled
        Whether both of a pair need the skill.
    busy
        Inspector and day of the plan, where they go elsewhere.

    Returns
    -------
    Pairing
    """
    there = [{one.id: one for one in people} for people in staff]
    reasons: dict[str, Reason] = {}
    first: dict[str, DrawnVisit] = {}
    wants: dict[str, list[Wants]] = {}
    for visit in visits:
        first.setdefault(visit.licence, visit)
        found = _days(visit, planned, there, skills, only, busy, both_skilled=both_skilled)
        if isinstance(found, Reason):
            reasons.setdefault(visit.licence, found)
            continue
        early = frozenset(day for day in found if planned[day] <= visit.due_on)
        want = Wants(visit, loads[visit.licence], found, early or found)
        wants.setdefault(visit.licence, []).append(want)
    rota = _best(list(wants.values()))
    going = rota.visits()
    left_out = {
        licence: reasons.get(licence, Reason.PAIR_TAKEN)
        for licence in first
        if licence not in going
    }
    return Pairing(rota.pairs(), left_out, first | going)


def _best(wants: Sequence[Sequence[Wants]]) -> Rota:
    """Try orders among equal deadlines; give the one that leaves out fewest, early ones first.

    Of each premises the pairs that were drawn for it are tried by deadline, until one can go.
    """
    best: tuple[list[int], Rota] | None = None
    deadlines = sorted({among[0].visit.due_on for among in wants})
    for attempt in range(max(1, min(_ORDERS, _WORK // max(len(wants), 1)))):
        order = list(wants)
        if attempt:
            random.Random(attempt).shuffle(order)  # noqa: S311 - the same orders in every run
        order.sort(key=lambda among: among[0].visit.due_on)
        rota = Rota()
        out = [among for among in order if not any(rota.take(want) for want in among)]
        score = [sum(among[0].visit.due_on == day for among in out) for day in deadlines]
        if best is None or score < best[0]:
            best = (score, rota)
        if not out:
            break
    return best[1] if best else Rota()


def _days(
    visit: DrawnVisit,
    planned: Sequence[date],
    there: Sequence[Mapping[int, Inspector]],
    skills: Mapping[str, Skill | None],
    only: Collection[str],
    busy: Collection[tuple[int, int]],
    *,
    both_skilled: bool,
) -> frozenset[int] | Reason:
    """Return the days on which a pair may visit a premises, or why there is none."""
    if visit.licence not in skills:
        return Reason.NOT_SUPERVISED
    if visit.lead_id is None or visit.assistant_id is None:
        return Reason.NO_PAIR
    pair = (visit.lead_id, visit.assistant_id)
    days = [day for day, at in enumerate(planned) if at >= visit.planned_on]
    known = [{one: there[day][one] for one in pair if one in there[day]} for day in days]
    numbers = {person.staff_number for people in known for person in people.values()}
    free = {
        one: {
            day
            for day, people in zip(days, known, strict=True)
            if one in people and people[one].available(planned[day])
        }
        for one in pair
    }
    common = free[pair[0]] & free[pair[1]]
    unbiased = {
        day
        for day, people in zip(days, known, strict=True)
        if not any(visit.premises_id in one.recused_premises for one in people.values())
    }
    skill = skills[visit.licence]
    needed = all if both_skilled else any
    able = {
        day
        for day in common
        if skill is None or needed(skill in there[day][one].skills(planned[day]) for one in pair)
    }
    may = {
        day for day in able & unbiased if (pair[0], day) not in busy and (pair[1], day) not in busy
    }
    checks = (
        (bool(only) and not numbers <= set(only), Reason.PAIR_NOT_PLANNED),
        (not unbiased, Reason.PAIR_RECUSED),
        (not free[pair[0]] or not free[pair[1]], Reason.PAIR_ABSENT),
        (not common, Reason.PAIR_APART),
        (not able, Reason.PAIR_UNSKILLED),
        (not able & unbiased, Reason.PAIR_RECUSED),
        (not may, Reason.PAIR_TAKEN),
    )
    return next((reason for holds, reason in checks if holds), frozenset(may))


@dataclass
class Rota:
    """Who goes with whom on which day; nobody with two people on one day."""

    of: dict[tuple[int, int], Pair] = field(default_factory=dict)
    """The pair of an inspector on a day."""
    wants: defaultdict[tuple[Pair, int], list[Wants]] = field(
        default_factory=lambda: defaultdict(list)
    )
    """What a pair goes for on a day."""
    trials: int = _TRIALS
    """How often it may still be tried to move pairs."""

    def take(self, want: Wants) -> bool:
        """Give a premises a day of its pair, in time where that can be."""
        own = sorted(day for day in want.days if (want.pair, day) in self.wants)
        roomy = [day for day in own if self._load(want.pair, day) + want.load <= 1]
        for days in (want.in_time, want.days):
            fit = next((day for day in roomy if day in days), None)
            if fit is not None:
                self.wants[want.pair, fit].append(want)
                return True
            if self._place(want.pair, [want], days - set(own), _MOVES):
                return True
        if own:  # full days: the search of routes tells what fits, and why the rest does not
            self.wants[want.pair, own[0]].append(want)
        return bool(own)

    def visits(self) -> dict[str, DrawnVisit]:
        """Return the visits that somebody goes for, by licence."""
        return {want.visit.licence: want.visit for wants in self.wants.values() for want in wants}

    def pairs(self) -> dict[int, tuple[tuple[int, int], ...]]:
        """Return the pairs of each day; of two that were drawn in both orders one leads the route.

        Who leads a visit is told with each stop (`gis_supervision.storage.day_plans.StopOn`).
        """
        found: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        for (_, day), wants in self.wants.items():
            visit = wants[0].visit
            if visit.lead_id is not None and visit.assistant_id is not None:
                found[day].append((visit.lead_id, visit.assistant_id))
        return {day: tuple(sorted(pairs)) for day, pairs in sorted(found.items())}

    def _load(self, pair: Pair, day: int) -> float:
        return math.fsum(want.load for want in self.wants[pair, day])

    def _blockers(self, pair: Pair, day: int) -> set[Pair]:
        return {self.of[one, day] for one in pair if (one, day) in self.of}

    def _put(self, pair: Pair, day: int, wants: list[Wants]) -> None:
        self.wants[pair, day] = wants
        for one in pair:
            self.of[one, day] = pair

    def _drop(self, pair: Pair, day: int) -> list[Wants]:
        for one in pair:
            del self.of[one, day]
        return self.wants.pop((pair, day))

    def _place(
        self,
        pair: Pair,
        wants: list[Wants],
        days: Iterable[int],
        moves: int,
        still: frozenset[Pair] = frozenset(),
    ) -> bool:
        """Let a pair go together on one of some days, moving others where that is needed."""
        ordered = sorted(days)
        for day in ordered:
            if not self._blockers(pair, day):
                self._put(pair, day, wants)
                return True
        if moves == 0:
            return False
        for day in ordered:
            if self._make_room(pair, day, moves - 1, still | {pair}):
                self._put(pair, day, wants)
                return True
        return False

    def _make_room(self, pair: Pair, day: int, moves: int, still: frozenset[Pair]) -> bool:
        """Move all pairs away that stand in the way of one on a day, or leave all as it was."""
        blockers = sorted(self._blockers(pair, day), key=sorted)
        if still & set(blockers) or self.trials == 0:
            return False
        self.trials -= 1
        before = (dict(self.of), defaultdict(list, self.wants))
        moved = {other: self._drop(other, day) for other in blockers}
        # the two must stay free while others are moved
        for one in pair:
            self.of[one, day] = pair
        for other, wants in moved.items():
            days = frozenset.intersection(*(want.in_time for want in wants))
            own = {at for held, at in self.wants if held == other}
            if not self._place(other, wants, days - own - {day}, moves, still):
                self.of, self.wants = before
                return False
        return True

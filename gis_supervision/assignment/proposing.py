"""Proposals from a dispatcher's wish to the register: one function a kind."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from gis_supervision.assignment import absence as absences_of
from gis_supervision.assignment import candidates, returns
from gis_supervision.assignment import proposals as makers
from gis_supervision.assignment.absence import Past
from gis_supervision.assignment.areas import FREE
from gis_supervision.assignment.drafts import basis
from gis_supervision.assignment.proposal_figures import propose
from gis_supervision.assignment.returns import Absences
from gis_supervision.domain.actors import checked_actor
from gis_supervision.domain.proposals import Cover, Period, joined
from gis_supervision.errors import InvalidInputError, NotFoundError
from gis_supervision.storage import absences, inspectors, zone_periods
from gis_supervision.storage.inspectors import LEAVE_REASONS
from gis_supervision.storage.proposal_tables import Proposal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from sqlalchemy.orm import Session

    from gis_supervision.assignment.drafts import Basis, Draft
    from gis_supervision.domain.rules import RulePack
    from gis_supervision.storage.absences import Covered


def redesign(
    session: Session,
    rules: RulePack,
    *,
    by: str,
    first: date,
    as_of: date,
    zone_count: int | None = None,
    capacity_hours: float = 1600.0,
    tolerance: float = 0.01,
    seed: int = 0,
) -> int:
    """Propose all zones anew; see `gis_supervision.assignment.proposals.redesign`.

    Parameters
    ----------
    session
        An open session; the caller commits.
    rules
        Rule pack with required visits and hours of work.
    by
        Who proposes it.
    first
        First day of the change.
    as_of
        Day whose premises and unresolved hazards make the work.
    zone_count, capacity_hours, tolerance, seed
        As the maker takes them.

    Returns
    -------
    int
        Number of the proposal.
    """
    of = basis(session, rules, Period(first), as_of)
    draft = makers.redesign(
        session,
        of,
        zone_count=zone_count,
        capacity_hours=capacity_hours,
        tolerance=tolerance,
        seed=seed,
    )
    return propose(session, of, draft, by=by)


def repair(
    session: Session,
    rules: RulePack,
    *,
    by: str,
    first: date,
    as_of: date,
    tolerance: float = makers.REPAIR_TOLERANCE,
    seed: int = 0,
    pinned: Sequence[str] = (),
) -> int:
    """Propose to balance the zones again with few cells moved.

    Parameters and result are those of `redesign` and of
    `gis_supervision.assignment.proposals.repair`.
    """
    of = basis(session, rules, Period(first), as_of)
    draft = makers.repair(session, of, tolerance=tolerance, seed=seed, pinned=pinned)
    return propose(session, of, draft, by=by)


def move(
    session: Session,
    rules: RulePack,
    *,
    by: str,
    first: date,
    as_of: date,
    cells: Sequence[str],
    zone: str,
) -> int:
    """Propose to move cells to a zone.

    Parameters and result are those of `redesign` and of
    `gis_supervision.assignment.proposals.move`.
    """
    of = basis(session, rules, Period(first), as_of)
    return propose(session, of, makers.move(session, of, cells, zone), by=by)


def assignment(
    session: Session,
    rules: RulePack,
    *,
    by: str,
    first: date,
    as_of: date,
    responsible: Mapping[str, str | None] | None = None,
) -> int:
    """Propose other responsible inspectors.

    Parameters and result are those of `redesign` and of
    `gis_supervision.assignment.proposals.assignment`. Without named people all zones are matched to
    all inspectors (`gis_supervision.assignment.matching`), and the reasons are kept.
    """
    of = basis(session, rules, Period(first), as_of)
    if responsible:
        return propose(session, of, makers.assignment(session, of, responsible), by=by)
    found = candidates.proposed(session, rules, as_of=as_of, day=first)
    matched = {match.zone: match.staff_number for match in found.matches}
    draft = makers.assignment(session, of, matched, matching=found.to_dict(makers.CANDIDATES))
    return propose(session, of, draft, by=by)


@dataclass(frozen=True)
class Changed:
    """What became of an absence that ends earlier or goes on.

    Attributes
    ----------
    proposal
        Number of the proposal that brings zones and roles along; None where nothing covers the
        absence: then the leave alone was changed.
    first
        The day on which the inspector is back.
    """

    proposal: int | None
    first: date


def absence(
    session: Session,
    rules: RulePack,
    *,
    by: str,
    staff_number: str,
    first: date,
    last: date,
    as_of: date,
    cover: Cover = Cover.SHARE,
    tolerance: float = absences_of.TOLERANCE,
    seed: int = 0,
    pinned: Sequence[str] = (),
    reason: str = "leave",
) -> int:
    """Record an inspector's leave and propose who covers it.

    Parameters
    ----------
    session, rules, by, as_of
        As `redesign` takes them.
    staff_number
        Of the inspector.
    first, last
        First and last day of the leave; on the day after, the zones are the inspector's again.
    cover, tolerance, seed, pinned
        As `gis_supervision.assignment.absence.absence` takes them.
    reason
        One of `gis_supervision.storage.inspectors.LEAVE_REASONS`.

    Returns
    -------
    int
        Number of the proposal.

    Raises
    ------
    InvalidInputError
        The last day lies before the first, or the reason is none of the codes.
    """
    if last < first:
        raise InvalidInputError(
            "to %(last)s: expected %(first)s or a later day", last=last, first=first
        )
    if reason not in LEAVE_REASONS:
        raise InvalidInputError(
            "reason %(reason)r: expected one of %(leave_reasons)s",
            reason=reason,
            leave_reasons=", ".join(LEAVE_REASONS),
        )
    period = Period(first, last + timedelta(days=1))
    of = basis(session, rules, period, as_of)
    draft = absences_of.absence(
        of, staff_number, cover=cover, tolerance=tolerance, seed=seed, pinned=pinned
    )
    return _with_leave(session, of, draft, by=by, reason=reason)


def early_return(
    session: Session,
    rules: RulePack,
    *,
    by: str,
    staff_number: str,
    day: date,
    as_of: date,
) -> Changed:
    """Propose that an inspector is back from an absence earlier than was planned.

    Accepting it shortens the leave and lets zones and roles return from that day on; without an
    accepted absence there is nothing to propose, and the leave is shortened at once.

    Parameters
    ----------
    session, rules, by, as_of
        As `redesign` takes them.
    staff_number
        Of the inspector.
    day
        First day back; where the absence of that day has none, the next absence is meant, which
        is then called off.

    Raises
    ------
    NotFoundError
        No such inspector, or no leave on that day or later.
    """
    who = inspectors.find(session, staff_number)
    actor = checked_actor(by)
    known = {one.proposal: one for one in absences.covered(session, day)}
    leave = absences.stretch([one for one, _ in absences.leaves(session, who, Period(day))], day)
    spans = (one for each in known.values() if each.inspector_id == who for one in each.periods)
    time = absences.stretch(spans, day)
    if leave is None and time is None:
        raise NotFoundError(
            "%(number)s: no leave on %(day)s or later", number=staff_number, day=day
        )
    if time is not None and (leave is None or leave.until is None or leave.until >= time.first):
        ends = time.until or day
        whole = joined([time] if leave is None else [time, leave])[0]
        first = max(day, whole.first)
        timeline = zone_periods.read(session, Period(ends, ends + timedelta(days=1)))
        moved = absences.moved_cells(session, known.values())
        found = Absences(
            covered=known,
            moved=moved,
            handed_over=absences.handed_over(session, known.values()),
            ends=ends,
            afterwards=timeline.zone_of(ends),
            for_good=absences.moved_for_good(session, (row.cell_id for row in moved), ends),
        )
        period = Period(first, whole.until)
        of = basis(session, rules, period, as_of, also=found.zones(who))
        draft = returns.early_return(of, of.person(staff_number), found)
        if draft is not None:
            return Changed(propose(session, of, draft, by=actor), first)
    ended = inspectors.end_leave(session, who, day, by=actor)
    if ended is None or ended.period.first is None:
        raise NotFoundError(
            "%(number)s: no leave on %(day)s or later", number=staff_number, day=day
        )
    return Changed(None, max(day, ended.period.first))


def extension(
    session: Session,
    rules: RulePack,
    *,
    by: str,
    staff_number: str,
    last: date,
    day: date,
    as_of: date,
) -> Changed:
    """Record that an inspector's absence goes on, and propose to cover it as until then.

    Without an accepted absence there is nothing to propose: the leave alone goes on.

    Parameters
    ----------
    session, rules, by, as_of
        As `redesign` takes them.
    staff_number
        Of the inspector.
    last
        The new last day.
    day
        A day of the absence; where there is none on it, the next one is meant.

    Raises
    ------
    NotFoundError
        No such inspector, or no leave on that day or later.
    InvalidInputError
        The absence lasts as long already, or leave is recorded beyond the new last day: those
        days would be covered by nobody.
    """
    who = inspectors.find(session, staff_number)
    actor = checked_actor(by)
    known = [one for one in absences.covered(session, day) if one.inspector_id == who]
    spells = absences.leaves(session, who, Period(day))
    leave = absences.stretch([one for one, _ in spells], day)
    time = absences.stretch([one for each in known for one in each.periods], day)
    span = time if leave is None or (time and leave.until and leave.until >= time.first) else leave
    if span is None or span.until is None:
        raise NotFoundError(
            "%(number)s: no leave on %(day)s or later", number=staff_number, day=day
        )
    until = last + timedelta(days=1)
    if until <= span.until:
        raise InvalidInputError(
            "to %(last)s: the absence of %(number)s lasts until %(until)s, expected a later day",
            last=last,
            number=staff_number,
            until=span.until - timedelta(days=1),
        )
    if leave is not None and leave.first <= span.until and leave.until and until < leave.until:
        raise InvalidInputError(
            "to %(last)s: leave is recorded until %(until)s, expected that day or a later one",
            last=last,
            until=leave.until - timedelta(days=1),
        )
    reason = next(
        (why for one, why in reversed(spells) if one.first <= span.until), LEAVE_REASONS[0]
    )
    period = Period(span.until, until)
    if span is not time:
        absences.record(session, who, period, reason=reason, by=actor)
        return Changed(None, until)
    of = basis(session, rules, period, as_of)
    eve = span.until - timedelta(days=1)
    newest = [one for one in known if one.days(Period(eve, span.until))]
    settings = newest[-1].parameters
    draft = absences_of.absence(
        of,
        staff_number,
        cover=Cover(settings["cover"]),
        tolerance=settings["tolerance"],
        past=_past(session, of, newest, eve),
    )
    return Changed(_with_leave(session, of, draft, by=actor, reason=reason), until)


def _past(session: Session, of: Basis, newest: Sequence[Covered], eve: date) -> Past:
    """Return how an absence was covered on its last day."""
    timeline = zone_periods.read(session, Period(eve, eve + timedelta(days=1)))
    zone_of = timeline.zone_of(eve)
    moved = {row.cell_id for row in absences.moved_cells(session, newest)}
    ids = of.ground.cells.ids.tolist()
    labels = [of.numbers.get(zone_of.get(cell, FREE), FREE) for cell in ids]
    return Past(
        labels=np.array(labels, dtype=np.int32),
        taken=np.array([cell in moved for cell in ids], dtype=bool),
        deputies={
            of.numbers[zone]: held
            for zone, held in timeline.held(eve, "deputy").items()
            if zone in of.numbers
        },
    )


def _with_leave(session: Session, of: Basis, draft: Draft, *, by: str, reason: str) -> int:
    """Store a draft that covers an absence, and record the leave that is not recorded yet."""
    number = propose(session, of, draft, by=by)
    recorded = absences.record(
        session, draft.absent_id or 0, draft.period, reason=reason, by=checked_actor(by)
    )
    row = session.get_one(Proposal, number)
    parameters: dict[str, Any] = {**row.parameters, "reason": reason, "leave_recorded": recorded}
    row.parameters = parameters
    session.flush()
    return number

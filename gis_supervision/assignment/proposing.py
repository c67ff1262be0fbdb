"""Proposals from a dispatcher's wish to the register: one function a kind."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from gis_supervision.assignment import absence as absences_of
from gis_supervision.assignment import candidates
from gis_supervision.assignment import proposals as makers
from gis_supervision.assignment.drafts import basis
from gis_supervision.assignment.proposal_figures import propose
from gis_supervision.domain.actors import checked_actor
from gis_supervision.domain.proposals import Cover, Period
from gis_supervision.errors import InvalidInputError
from gis_supervision.storage import absences
from gis_supervision.storage.inspectors import LEAVE_REASONS
from gis_supervision.storage.proposal_tables import Proposal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from sqlalchemy.orm import Session

    from gis_supervision.domain.rules import RulePack

CANDIDATES = 3
"""Candidates for each zone that a proposal by matching keeps, with their reasons."""


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
    draft = makers.assignment(session, of, matched, matching=found.to_dict(CANDIDATES))
    return propose(session, of, draft, by=by)


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
    number = propose(session, of, draft, by=by)
    recorded = absences.record(
        session, draft.absent_id or 0, period, reason=reason, by=checked_actor(by)
    )
    row = session.get_one(Proposal, number)
    parameters: dict[str, Any] = {**row.parameters, "reason": reason, "leave_recorded": recorded}
    row.parameters = parameters
    session.flush()
    return number

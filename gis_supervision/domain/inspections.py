"""Inspections and the case of one hazard: states, who may change them, episodes.

The seven links and the states follow city grid management (collect, file, dispatch, handle, feed
back, verify and close, evaluate); the names of the links are the keys of ``[links]`` in a rule
pack. Nothing here reads a clock or a database.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from itertools import pairwise
from typing import Final

from gis_supervision.errors import ConflictError, InvalidInputError
from gis_supervision.messages import Message, joined


class Severity(StrEnum):
    """Severity of a hazard, worst first."""

    CRITICAL = "critical"
    SERIOUS = "serious"
    MINOR = "minor"
    UNCLASSIFIED = "unclassified"


SEVERITIES: Final = tuple(Severity)
"""Severities, worst first; `unclassified` is last, and is counted like the others."""


class Link(StrEnum):
    """The seven links of a case, in order."""

    COLLECT = "collect"
    FILE = "file"
    DISPATCH = "dispatch"
    HANDLE = "handle"
    FEED_BACK = "feed_back"
    VERIFY_AND_CLOSE = "verify_and_close"
    EVALUATE = "evaluate"


LINKS: Final = tuple(Link)


class CaseState(StrEnum):
    """State of the case of one hazard."""

    REPORTED = "reported"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    DUPLICATE = "duplicate"
    FILED = "filed"
    DISPATCHED = "dispatched"
    RETURNED = "returned"
    TRANSFERRED = "transferred"
    HANDLING = "handling"
    SUSPENDED = "suspended"
    EXTENSION_REQUESTED = "extension_requested"
    RECTIFICATION_SUBMITTED = "rectification_submitted"
    VERIFY_FAILED = "verify_failed"
    VERIFIED = "verified"
    CLOSED = "closed"


class Role(StrEnum):
    """Who may change the state of a case."""

    REPORTER = "reporter"
    ACCEPTOR = "acceptor"
    DISPATCHER = "dispatcher"
    HANDLER = "handler"
    VERIFIER = "verifier"


RESOLVED_STATES: Final = frozenset({CaseState.VERIFIED, CaseState.CLOSED})
"""The hazard is gone, and someone else than the handler has seen it."""

DISMISSED_STATES: Final = frozenset({CaseState.REJECTED, CaseState.DUPLICATE})
"""There is no hazard, or another case has it: neither resolved nor unresolved."""

UNRESOLVED_STATES: Final = frozenset(CaseState) - RESOLVED_STATES - DISMISSED_STATES
"""Every state before `verified`, except rejected and duplicate."""

FINAL_STATES: Final = DISMISSED_STATES | {CaseState.CLOSED}

TRANSITIONS: Final[dict[tuple[CaseState, CaseState], frozenset[Role]]] = {
    (CaseState.REPORTED, CaseState.ACCEPTED): frozenset({Role.ACCEPTOR}),
    (CaseState.REPORTED, CaseState.REJECTED): frozenset({Role.ACCEPTOR}),
    (CaseState.REPORTED, CaseState.DUPLICATE): frozenset({Role.ACCEPTOR}),
    (CaseState.ACCEPTED, CaseState.FILED): frozenset({Role.ACCEPTOR}),
    (CaseState.ACCEPTED, CaseState.DUPLICATE): frozenset({Role.ACCEPTOR}),
    (CaseState.FILED, CaseState.DISPATCHED): frozenset({Role.DISPATCHER}),
    (CaseState.DISPATCHED, CaseState.RETURNED): frozenset({Role.HANDLER}),
    (CaseState.DISPATCHED, CaseState.TRANSFERRED): frozenset({Role.DISPATCHER}),
    (CaseState.DISPATCHED, CaseState.HANDLING): frozenset({Role.HANDLER}),
    (CaseState.RETURNED, CaseState.DISPATCHED): frozenset({Role.DISPATCHER}),
    (CaseState.RETURNED, CaseState.TRANSFERRED): frozenset({Role.DISPATCHER}),
    (CaseState.TRANSFERRED, CaseState.DISPATCHED): frozenset({Role.DISPATCHER}),
    (CaseState.HANDLING, CaseState.RETURNED): frozenset({Role.HANDLER}),
    (CaseState.HANDLING, CaseState.TRANSFERRED): frozenset({Role.DISPATCHER}),
    (CaseState.HANDLING, CaseState.SUSPENDED): frozenset({Role.DISPATCHER}),
    (CaseState.HANDLING, CaseState.EXTENSION_REQUESTED): frozenset({Role.HANDLER}),
    (CaseState.HANDLING, CaseState.RECTIFICATION_SUBMITTED): frozenset({Role.HANDLER}),
    (CaseState.SUSPENDED, CaseState.HANDLING): frozenset({Role.DISPATCHER}),
    # granted or refused, work goes on; the decision moves the deadline, not the state
    (CaseState.EXTENSION_REQUESTED, CaseState.HANDLING): frozenset({Role.DISPATCHER}),
    (CaseState.RECTIFICATION_SUBMITTED, CaseState.VERIFIED): frozenset({Role.VERIFIER}),
    (CaseState.RECTIFICATION_SUBMITTED, CaseState.VERIFY_FAILED): frozenset({Role.VERIFIER}),
    (CaseState.VERIFY_FAILED, CaseState.HANDLING): frozenset({Role.HANDLER}),
    (CaseState.VERIFIED, CaseState.CLOSED): frozenset({Role.DISPATCHER, Role.VERIFIER}),
}
"""Allowed changes of state and the roles that may make them.

`verified` is also reached from every unresolved state on the evidence of a later inspection that
did not find the hazard again: see `check_transition`.
"""

LINK_OF_STATE: Final[dict[CaseState, Link | None]] = {
    CaseState.REPORTED: Link.COLLECT,
    CaseState.ACCEPTED: Link.FILE,
    CaseState.FILED: Link.DISPATCH,
    CaseState.RETURNED: Link.DISPATCH,
    CaseState.TRANSFERRED: Link.DISPATCH,
    CaseState.DISPATCHED: Link.HANDLE,
    CaseState.HANDLING: Link.HANDLE,
    CaseState.EXTENSION_REQUESTED: Link.HANDLE,
    CaseState.VERIFY_FAILED: Link.HANDLE,
    CaseState.SUSPENDED: None,
    CaseState.RECTIFICATION_SUBMITTED: Link.VERIFY_AND_CLOSE,
    CaseState.VERIFIED: Link.VERIFY_AND_CLOSE,
    CaseState.CLOSED: Link.EVALUATE,
    CaseState.REJECTED: None,
    CaseState.DUPLICATE: None,
}
"""The link whose clock runs while a case is in a state; None where no clock runs.

The clock of `feed_back` runs beside that of `handle`, from the end of the work to its submission.
"""


def is_unresolved(state: CaseState | str) -> bool:
    """Tell whether a hazard in this state still counts as unresolved.

    Raises
    ------
    InvalidInputError
        When there is no such state.
    """
    return case_state(state) in UNRESOLVED_STATES


def case_state(name: CaseState | str) -> CaseState:
    """Read the name of a state.

    Raises
    ------
    InvalidInputError
        When there is no such state.
    """
    try:
        return CaseState(name)
    except ValueError as error:
        raise InvalidInputError(
            "no case state %(name)r; expected one of %(states)s",
            name=name,
            states=", ".join(CaseState),
        ) from error


@dataclass(frozen=True)
class LaterInspection:
    """Evidence that a hazard is gone: a later inspection that did not record it.

    Attributes
    ----------
    on : date
        Day of the inspection.
    inspection_id : str
        Its identifier; orders inspections of one day.
    """

    on: date
    inspection_id: str


@dataclass(frozen=True)
class StateChange:
    """One row of the append-only history of a case."""

    before: CaseState | None
    after: CaseState
    at: datetime
    actor: str
    evidence: LaterInspection | None = None


def check_transition(
    before: CaseState | str,
    after: CaseState | str,
    *,
    role: Role,
    actor: str,
    handlers: Collection[str] = (),
    last_seen: tuple[date, str] | None = None,
    evidence: LaterInspection | None = None,
) -> None:
    """Refuse a change of state that is not allowed.

    Parameters
    ----------
    before, after : CaseState or str
        The state of the case and the one it is to have.
    role : Role
        The role in which the actor acts.
    actor : str
        Identifier of the person.
    handlers : Collection[str]
        Everyone who has handled the case so far: none of them verifies it.
    last_seen : tuple[date, str], optional
        Day and identifier of the last inspection that recorded the hazard.
    evidence : LaterInspection, optional
        A later inspection that did not record the hazard. With it, and in the role of verifier,
        every unresolved state may become `verified`. The rule that a handler does not verify
        does not concern it: it is the inspection, not the handler's word, that shows the hazard
        is gone, and it was made with another purpose and by at least two inspectors.

    Raises
    ------
    ConflictError
        When the change is not allowed, with what would be.
    InvalidInputError
        When there is no such state, or evidence is given without `last_seen`.
    """
    before, after = case_state(before), case_state(after)
    if evidence is not None:
        _check_evidence(before, after, role=role, last_seen=last_seen, evidence=evidence)
        return
    roles = TRANSITIONS.get((before, after))
    if roles is None:
        allowed = ", ".join(next_states(before)) or Message("none: the case has ended")
        raise ConflictError(
            "a case cannot go from %(before)s to %(after)s (allowed: %(allowed)s)",
            before=before,
            after=after,
            allowed=allowed,
        )
    if role not in roles:
        raise ConflictError(
            "%(role)s may not move a case from %(before)s to %(after)s; expected %(roles)s",
            role=role,
            before=before,
            after=after,
            roles=joined(sorted(roles), " or "),
        )
    if role is Role.VERIFIER and actor in handlers:
        raise ConflictError(
            "%(actor)s has handled this case and may not verify it; another person has to",
            actor=actor,
        )


def _check_evidence(
    before: CaseState,
    after: CaseState,
    *,
    role: Role,
    last_seen: tuple[date, str] | None,
    evidence: LaterInspection,
) -> None:
    if last_seen is None:
        raise InvalidInputError("evidence of a later inspection needs last_seen to compare with")
    if after is not CaseState.VERIFIED or before not in UNRESOLVED_STATES:
        raise ConflictError(
            "a later inspection shows an unresolved hazard verified; it cannot move a case from "
            "%(before)s to %(after)s",
            before=before,
            after=after,
        )
    if role is not Role.VERIFIER:
        raise ConflictError(
            "%(role)s may not verify a case; expected %(verifier)s",
            role=role,
            verifier=Role.VERIFIER,
        )
    if inspection_order(evidence.on, evidence.inspection_id) <= inspection_order(*last_seen):
        raise ConflictError(
            "inspection %(inspection_id)s of %(on)s is not later than %(seen_in)s of "
            "%(seen_on)s, which recorded the hazard",
            inspection_id=evidence.inspection_id,
            on=evidence.on,
            seen_in=last_seen[1],
            seen_on=last_seen[0],
        )


def next_states(state: CaseState | str) -> tuple[CaseState, ...]:
    """List the states that may follow without the evidence of a later inspection."""
    state = case_state(state)
    return tuple(after for before, after in TRANSITIONS if before is state)


def inspection_order(on: date, inspection_id: str) -> tuple[date, int, int, str]:
    """Order inspections of a premises: by day, then by identifier.

    Identifiers that are decimal numbers are ordered by value and come before others, so that
    ``"99"`` precedes ``"100"`` as it does in the registers that number their inspections.
    """
    if inspection_id.isascii() and inspection_id.isdigit():
        return on, 0, int(inspection_id), inspection_id
    return on, 1, 0, inspection_id


@dataclass(frozen=True)
class Episode:
    """One hazard: from the inspection that first recorded it to the one that no longer did.

    Attributes
    ----------
    item : str
        Number of the checklist item, or of the violation.
    first_found, last_seen : tuple[date, str]
        Day and identifier of the first and of the last inspection that recorded it.
    resolved_by : tuple[date, str] or None
        The first later inspection that did not; None while the hazard is unresolved.
    times_seen : int
        Number of inspections that recorded it, at least 1.
    """

    item: str
    first_found: tuple[date, str]
    last_seen: tuple[date, str]
    resolved_by: tuple[date, str] | None
    times_seen: int

    @property
    def is_unresolved(self) -> bool:
        """Whether no later inspection has shown the hazard gone."""
        return self.resolved_by is None

    def age_days(self, as_of: date) -> int:
        """Days from the first finding to the resolution, or to `as_of` while unresolved."""
        end = as_of if self.resolved_by is None else min(self.resolved_by[0], as_of)
        return (end - self.first_found[0]).days


def hazard_episodes(
    inspections: Sequence[tuple[date, str, Collection[str]]],
) -> list[Episode]:
    """Follow the hazards of one premises through its inspections.

    A hazard lives from the inspection that first records its number until the next inspection of
    the premises that does not record it. If the next one records it again, it is the same hazard,
    seen again. A number that comes back after it was gone is a new hazard.

    Parameters
    ----------
    inspections : Sequence[tuple[date, str, Collection[str]]]
        Day, identifier and recorded items of every inspection of one premises, in any order. An
        item recorded twice in one inspection is one hazard.

    Returns
    -------
    list[Episode]
        By first finding (see `inspection_order`), then by item.

    Raises
    ------
    InvalidInputError
        When two inspections have the same day and identifier.
    """
    ordered = sorted(inspections, key=lambda row: inspection_order(row[0], row[1]))
    for (day, name, _), (next_day, next_name, _) in pairwise(ordered):
        if (day, name) == (next_day, next_name):
            raise InvalidInputError(
                "inspection %(name)r of %(day)s is given twice", name=name, day=day
            )
    living: dict[str, Episode] = {}
    ended: list[Episode] = []
    for day, name, recorded in ordered:
        here = (day, name)
        items = set(recorded)
        for item in living.keys() - items:
            was = living.pop(item)
            ended.append(Episode(item, was.first_found, was.last_seen, here, was.times_seen))
        for item in items:
            seen = living.get(item)
            living[item] = (
                Episode(item, here, here, None, 1)
                if seen is None
                else Episode(item, seen.first_found, here, None, seen.times_seen + 1)
            )
    return sorted(
        [*ended, *living.values()],
        key=lambda episode: (inspection_order(*episode.first_found), episode.item),
    )

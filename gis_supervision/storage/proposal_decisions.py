"""Deciding on proposals: accepted, rejected, withdrawn, undone, each in one transaction.

Whoever accepts or undoes holds the tables of zones and responsibilities until the transaction ends:
of two dispatchers who accept proposals that contradict each other at the same moment, the second
sees what the first has changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, exists, func, select, text, update
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import aliased

from gis_supervision.domain.actors import checked_actor
from gis_supervision.domain.proposals import (
    Kind,
    State,
    check_transition,
    checked_reason,
    effective_period,
    without,
)
from gis_supervision.errors import ConflictError
from gis_supervision.messages import Message, joined
from gis_supervision.storage import absences, proposals, supersessions, zone_periods
from gis_supervision.storage.dispatch_tables import InspectorLeave
from gis_supervision.storage.later_changes import later_changes
from gis_supervision.storage.proposal_conflicts import (
    base_changes,
    built_on,
    left_in_emptied,
    on_leave,
    overtaken,
    uncovered,
)
from gis_supervision.storage.proposal_tables import Proposal, ProposalZone
from gis_supervision.storage.supersessions import NAMED
from gis_supervision.storage.tables import Zone, Zoning

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy.orm import Session

    from gis_supervision.domain.proposals import Period

_CELLS_REMOVED = """
    WITH gone AS (
        DELETE FROM zone_cell WHERE id = any(:ids) RETURNING *
    )
    INSERT INTO proposal_effect (proposal_id, relation, row_id, before)
    SELECT :id, 'zone_cell', gone.id, to_jsonb(gone) FROM gone
"""
_CELLS_ADDED = """
    WITH come AS (
        INSERT INTO zone_cell (zone_id, cell_id, valid)
        SELECT * FROM unnest(
            CAST(:zones AS bigint[]), CAST(:cells AS bigint[]), CAST(:valid AS daterange[])
        )
        RETURNING *
    )
    INSERT INTO proposal_effect (proposal_id, relation, row_id, after)
    SELECT :id, 'zone_cell', come.id, to_jsonb(come) FROM come
"""
_PEOPLE_REMOVED = """
    WITH gone AS (
        DELETE FROM inspector_assignment WHERE id = any(:ids) RETURNING *
    )
    INSERT INTO proposal_effect (proposal_id, relation, row_id, before)
    SELECT :id, 'inspector_assignment', gone.id, to_jsonb(gone) FROM gone
"""
_PEOPLE_ADDED = """
    WITH come AS (
        INSERT INTO inspector_assignment (zone_id, inspector_id, role, valid)
        SELECT * FROM unnest(
            CAST(:zones AS bigint[]), CAST(:people AS bigint[]), CAST(:roles AS text[]),
            CAST(:valid AS daterange[])
        )
        RETURNING *
    )
    INSERT INTO proposal_effect (proposal_id, relation, row_id, after)
    SELECT :id, 'inspector_assignment', come.id, to_jsonb(come) FROM come
"""
_HOURS = """
    WITH changed AS (
        UPDATE zone AS z
        SET workload_hours = p.hours_after
        FROM proposal_zone AS p, zone AS old
        WHERE
            p.proposal_id = :id AND p.concerned AND z.id = p.zone_id AND old.id = z.id
            AND z.workload_hours <> p.hours_after AND p.cells_after > 0
            AND NOT z.id = any(:new)
        RETURNING z.id, old.workload_hours AS before, z.workload_hours AS after
    )
    INSERT INTO proposal_effect (proposal_id, relation, row_id, before, after)
    SELECT
        :id, 'zone', id, jsonb_build_object('workload_hours', before),
        jsonb_build_object('workload_hours', after)
    FROM changed
"""
_MADE = """
    INSERT INTO proposal_effect (proposal_id, relation, row_id, after)
    SELECT :id, '{relation}', r.id, to_jsonb(r) FROM {relation} AS r WHERE r.id = any(:ids)
"""
_TAKEN_BACK = """
    DELETE FROM {relation} WHERE id IN (
        SELECT row_id FROM proposal_effect
        WHERE proposal_id = :id AND relation = '{relation}' AND before IS NULL
    )
"""
_PUT_BACK = """
    INSERT INTO {relation}
    SELECT (jsonb_populate_record(CAST(NULL AS {relation}), e.before)).*
    FROM proposal_effect AS e
    WHERE e.proposal_id = :id AND e.relation = '{relation}' AND e.after IS NULL
    ORDER BY e.row_id
"""
_LEAVE_BACK = text(
    """
    WITH wanted AS (
        -- leave recorded meanwhile stays; days it has are not recorded twice
        SELECT
            e.row_id,
            e.before,
            unnest(
                datemultirange((e.before ->> 'valid')::daterange) - coalesce((
                    SELECT range_agg(m.valid) FROM inspector_leave AS m
                    WHERE m.inspector_id = (e.before ->> 'inspector_id')::bigint
                ), '{}')
            ) AS piece
        FROM proposal_effect AS e
        WHERE e.proposal_id = :id AND e.relation = 'inspector_leave' AND e.after IS NULL
    ),

    numbered AS (
        SELECT *, row_number() OVER (PARTITION BY row_id ORDER BY piece) AS place FROM wanted
    )

    INSERT INTO inspector_leave
    SELECT (jsonb_populate_record(
        CAST(NULL AS inspector_leave),
        before || jsonb_build_object(
            'id',
            CASE place WHEN 1 THEN row_id ELSE nextval('inspector_leave_id_seq') END,
            'valid', piece::text
        )
    )).*
    FROM numbered
    ORDER BY row_id, place
    """
)
_HOURS_BACK = """
    UPDATE zone AS z
    SET workload_hours = (e.before ->> 'workload_hours')::double precision
    FROM proposal_effect AS e
    WHERE
        e.proposal_id = :id AND e.relation = 'zone' AND e.before IS NOT NULL AND z.id = e.row_id
        AND z.workload_hours = (e.after ->> 'workload_hours')::double precision
"""


@dataclass(frozen=True)
class Decision:
    """What became of a proposal; ``superseded`` are those that it made impossible."""

    proposal: int
    state: str
    effective_on: date | None = None
    superseded: tuple[int, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the decision as JSON takes it."""
        return {
            "proposal": self.proposal,
            "state": self.state,
            "effective_on": self.effective_on and self.effective_on.isoformat(),
            "superseded": list(self.superseded),
        }


def today(session: Session) -> date:
    """Return the day of a decision that is made now."""
    return session.scalars(select(func.current_date())).one()


def accept(
    session: Session,
    number: int,
    *,
    by: str,
    effective_on: date | None = None,
    force: bool = False,
    reason: str | None = None,
) -> Decision:
    """Accept a proposal: what it changes is in force from a day on.

    Parameters
    ----------
    session
        An open session; the caller commits.
    number
        The proposal.
    by
        Who accepts it.
    effective_on
        First day; left out: that of the proposal, or today where that is past.
    force, reason
        A day before today is taken only when it is forced, with a reason.

    Returns
    -------
    Decision

    Raises
    ------
    NotFoundError
        There is no such proposal.
    ConflictError
        It is not open, or what it was made from has changed in the cells and zones that it
        concerns, or in the leave that it covers; the message says what changed.
    InvalidInputError
        The day lies before today and is not forced, or a reason or the name is missing.
    """
    actor = checked_actor(by)
    _hold(session)
    proposal = proposals.locked(session, number)
    if proposal.state == State.SUPERSEDED:
        last = proposals.history(session, number)[-1]
        raise ConflictError(
            "proposal %(number)s is superseded %(reason)s from %(first)s on: make it anew for that"
            " day or a later one, or undo the other one first",
            number=number,
            reason=supersessions.kept(last.reason),
            first=last.effective_on or Message("its first day"),
        )
    check_transition(number, State(proposal.state), State.ACCEPTED)
    proposed = proposals.period_of(proposal.valid)
    period = effective_period(
        proposed,
        today=today(session),
        effective_on=effective_on,
        movable=proposal.kind not in {Kind.ABSENCE, Kind.RETURN},
        forced=force,
        reason=reason,
    )
    unchanged = zone_periods.fingerprint(session, proposed) == proposal.zones_sha256
    if not unchanged or period.first < proposed.first:
        changed = base_changes(session, number, period)
        if changed:
            cells = proposals.cell_ids(session, number)
            later = later_changes(session, cells, period.first)
            changed = [*(one.message() for one in later), *changed]
        _refuse(number, changed)
    if proposal.kind == Kind.RETURN and proposal.absent_id is not None:
        absences.shorten(session, number, proposal.absent_id, period)
    if proposal.kind == Kind.ABSENCE and proposal.absent_id is not None:
        _refuse(number, _at_work(session, proposal.absent_id, period))
    if proposal.kind in {Kind.ABSENCE, Kind.RETURN}:
        _refuse(number, on_leave(session, number, period))
    made = _make_zones(session, proposal)
    _change_cells(session, number, period)
    _change_people(session, number, period)
    if proposal.kind in {Kind.REDESIGN, Kind.REPAIR, Kind.MOVE}:
        session.execute(text(_HOURS), {"id": number, "new": made})
    _refuse(number, left_in_emptied(session, number, period))
    if proposal.kind == Kind.ABSENCE and not unchanged:
        _refuse(number, uncovered(session, number, period))
    proposal.state = State.ACCEPTED
    proposal.effective = Range(period.first, period.until)
    session.flush()
    proposals.record(
        session,
        number,
        State.OPEN,
        State.ACCEPTED,
        actor,
        reason=reason,
        effective_on=period.first,
        forced=force,
    )
    superseded = _supersede(session, number, period, actor)
    session.expire_all()
    return Decision(number, State.ACCEPTED, period.first, superseded)


def reject(session: Session, number: int, *, by: str, reason: str | None) -> Decision:
    """Reject an open proposal, with a reason.

    Raises
    ------
    NotFoundError
        There is no such proposal.
    ConflictError
        It is not open.
    InvalidInputError
        The reason or the name is missing.
    """
    told = checked_reason(Message("reject a proposal"), reason)
    return _close(session, number, State.REJECTED, checked_actor(by), told)


def withdraw(session: Session, number: int, *, by: str, reason: str | None = None) -> Decision:
    """Take an open proposal back; leave that was recorded with it is taken back too.

    It stays where another proposal covers it.

    Raises
    ------
    NotFoundError
        There is no such proposal.
    ConflictError
        It is not open.
    InvalidInputError
        The name is missing.
    """
    actor = checked_actor(by)
    # before the proposal, as in `accept`: each would wait for the other
    _hold(session)
    decision = _close(session, number, State.WITHDRAWN, actor, reason)
    withdrawn = proposals.locked(session, number)
    other = aliased(Proposal)
    session.execute(
        delete(InspectorLeave).where(
            InspectorLeave.id.in_(withdrawn.parameters.get("leave_recorded", [])),
            # another proposal covers the same leave
            ~exists().where(
                other.absent_id == withdrawn.absent_id,
                other.kind == Kind.ABSENCE,
                other.state.in_([State.OPEN, State.ACCEPTED]),
                other.valid.op("&&")(InspectorLeave.valid),
            ),
        )
    )
    return decision


def undo(session: Session, number: int, *, by: str, reason: str | None = None) -> Decision:
    """Restore zones and responsibilities exactly as they were before a proposal was accepted.

    Parameters
    ----------
    session
        An open session; the caller commits.
    number
        The proposal.
    by
        Who undoes it.
    reason
        Needed once the proposal is in effect: days that are past get other people responsible.

    Raises
    ------
    NotFoundError
        There is no such proposal.
    ConflictError
        It is not accepted, or something later builds on it; the message names that.
    InvalidInputError
        The reason or the name is missing.
    """
    actor = checked_actor(by)
    _hold(session)
    proposal = proposals.locked(session, number)
    check_transition(number, State(proposal.state), State.UNDONE)
    begins = None if proposal.effective is None else proposal.effective.lower
    if begins is None or begins <= today(session):
        reason = checked_reason(Message("undo a proposal that is in effect"), reason)
    later = built_on(session, number)
    if later:
        raise ConflictError(
            "proposal %(number)s cannot be undone: %(later)s", number=number, later=later
        )
    values = {"id": number}
    for relation in ("inspector_assignment", "zone_cell", "inspector_leave"):
        session.execute(text(_TAKEN_BACK.format(relation=relation)), values)
        if relation != "inspector_leave":
            session.execute(text(_PUT_BACK.format(relation=relation)), values)
    session.execute(_LEAVE_BACK, values)
    session.execute(text(_HOURS_BACK), values)
    session.execute(
        text(
            "UPDATE proposal_zone SET zone_id = NULL WHERE proposal_id = :id AND zone_id IN ("
            " SELECT row_id FROM proposal_effect"
            " WHERE proposal_id = :id AND relation = 'zone' AND before IS NULL)"
        ),
        values,
    )
    for relation in ("zone", "zoning"):
        session.execute(text(_TAKEN_BACK.format(relation=relation)), values)
    proposal.state = State.UNDONE
    session.flush()
    proposals.record(session, number, State.ACCEPTED, State.UNDONE, actor, reason=reason)
    session.expire_all()
    return Decision(number, State.UNDONE)


def _hold(session: Session) -> None:
    """Let nobody else change zones, responsibilities and leave until the transaction ends."""
    session.execute(
        text(
            "LOCK TABLE zone_cell, inspector_assignment, inspector_leave"
            " IN SHARE ROW EXCLUSIVE MODE"
        )
    )


def _at_work(session: Session, inspector_id: int, period: Period) -> list[Message]:
    """Say from when on the inspector of an absence is back, or there all the time."""
    known = [one for one, _ in absences.leaves(session, inspector_id, period)]
    return [
        Message("the inspector is not on leave from %(first)s on", first=gap.first)
        for gap in without(period, known)
    ]


def _refuse(number: int, changes: list[Message]) -> None:
    if changes:
        named = joined(changes[:NAMED], "; ")
        further = len(changes) - NAMED
        more = Message("; and %(count)s more", count=further) if further > 0 else ""
        raise ConflictError(
            "proposal %(number)s does not fit any more: %(named)s%(more)s",
            number=number,
            named=named,
            more=more,
        )


def _close(session: Session, number: int, state: State, actor: str, reason: str | None) -> Decision:
    proposal = proposals.locked(session, number)
    check_transition(number, State(proposal.state), state)
    proposal.state = state
    session.flush()
    proposals.record(session, number, State.OPEN, state, actor, reason=reason)
    return Decision(number, state)


def _make_zones(session: Session, proposal: Proposal) -> list[int]:
    """Make the zones that a proposal adds."""
    new = session.scalars(
        select(ProposalZone)
        .where(ProposalZone.proposal_id == proposal.id, ProposalZone.zone_id.is_(None))
        .order_by(ProposalZone.number)
    ).all()
    if not new:
        return []
    zoning = Zoning(parameters=proposal.parameters, summary={"proposal": proposal.id})
    session.add(zoning)
    session.flush()
    made = []
    for row in new:
        zone = Zone(
            zoning_id=zoning.id, code=row.code, name=row.name, workload_hours=row.hours_after
        )
        session.add(zone)
        session.flush()
        row.zone_id = zone.id
        made.append(zone.id)
    session.flush()
    for relation, ids in (("zoning", [zoning.id]), ("zone", made)):
        session.execute(text(_MADE.format(relation=relation)), {"id": proposal.id, "ids": ids})
    return made


def _change_cells(session: Session, number: int, period: Period) -> None:
    rows = session.execute(
        text(
            "SELECT row_id, zone_id, cell_id, valid::text FROM"
            " proposal_zone_cell_changes(:id, daterange(:first, :until))"
        ),
        {"id": number, "first": period.first, "until": period.until},
    ).all()
    gone = [row[0] for row in rows if row[0] is not None]
    come = [row for row in rows if row[0] is None]
    session.execute(text(_CELLS_REMOVED), {"id": number, "ids": gone})
    session.execute(
        text(_CELLS_ADDED),
        {
            "id": number,
            "zones": [row[1] for row in come],
            "cells": [row[2] for row in come],
            "valid": [row[3] for row in come],
        },
    )


def _change_people(session: Session, number: int, period: Period) -> None:
    rows = session.execute(
        text(
            "SELECT row_id, zone_id, inspector_id, role, valid::text FROM"
            " proposal_inspector_changes(:id, daterange(:first, :until))"
        ),
        {"id": number, "first": period.first, "until": period.until},
    ).all()
    gone = [row[0] for row in rows if row[0] is not None]
    come = [row for row in rows if row[0] is None]
    session.execute(text(_PEOPLE_REMOVED), {"id": number, "ids": gone})
    session.execute(
        text(_PEOPLE_ADDED),
        {
            "id": number,
            "zones": [row[1] for row in come],
            "people": [row[2] for row in come],
            "roles": [row[3] for row in come],
            "valid": [row[4] for row in come],
        },
    )


def _supersede(session: Session, number: int, period: Period, actor: str) -> tuple[int, ...]:
    """Close the open proposals that cannot be accepted any more."""
    found = overtaken(session, number, period, actor)
    for other, why in found.items():
        session.execute(update(Proposal).where(Proposal.id == other).values(state=State.SUPERSEDED))
        proposals.record(
            session,
            other,
            State.OPEN,
            State.SUPERSEDED,
            actor,
            reason=str(why),
            effective_on=period.first,
        )
    return tuple(found)

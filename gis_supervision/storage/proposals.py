"""Proposals as they are stored: written, listed, read again."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
from sqlalchemy import insert, select, text

from gis_supervision import __version__
from gis_supervision.domain.proposals import Period, State
from gis_supervision.errors import NotFoundError
from gis_supervision.storage import analyses, frames
from gis_supervision.storage.proposal_tables import (
    Proposal,
    ProposalAssignment,
    ProposalCase,
    ProposalCell,
    ProposalEvent,
    ProposalZone,
)
from gis_supervision.storage.tables import Inspector

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from sqlalchemy.dialects.postgresql import Range
    from sqlalchemy.orm import Session

_CASES = """
    SELECT h.id, p.cell_id, h.severity, h.due_on
    FROM hazard AS h
    INNER JOIN premises AS p ON h.premises_id = p.id
    WHERE
        p.cell_id IS NOT NULL
        AND h.found_on <= %(as_of)s
        AND (h.resolved_on IS NULL OR h.resolved_on > %(as_of)s)
        AND NOT p.external
        AND NOT EXISTS (SELECT 1 FROM external_division AS e WHERE e.division_id = p.division_id)
        AND (p.opened_on IS NULL OR p.opened_on <= %(as_of)s)
        AND (p.closed_on IS NULL OR p.closed_on > %(as_of)s)
    ORDER BY h.id
"""
_ZONES = text(
    """
    SELECT
        z.number, z.zone_id, z.code, z.name, z.emptied, z.concerned, z.cells_before, z.cells_after,
        z.premises_before, z.premises_after, z.hours_before, z.hours_after,
        r.name AS responsible_before, s.name AS responsible_after,
        b.name AS acting_before, a.name AS acting_after
    FROM proposal_zone AS z
    LEFT JOIN inspector AS r ON z.responsible_before_id = r.id
    LEFT JOIN inspector AS s ON z.responsible_after_id = s.id
    LEFT JOIN inspector AS b ON z.acting_before_id = b.id
    LEFT JOIN inspector AS a ON z.acting_after_id = a.id
    WHERE z.proposal_id = :id
    ORDER BY z.code, z.number
    """
)
_CELLS = text(
    """
    SELECT
        g.code AS cell, f.code AS from_zone, t.code AS to_zone,
        lower(c.valid) AS first, upper(c.valid) AS until, c.premises, c.unresolved, c.hours
    FROM proposal_cell AS c
    INNER JOIN grid_cell AS g ON c.cell_id = g.id
    INNER JOIN proposal_zone AS t ON c.proposal_id = t.proposal_id AND c.to_number = t.number
    LEFT JOIN proposal_zone AS f ON c.proposal_id = f.proposal_id AND c.from_zone_id = f.zone_id
    WHERE c.proposal_id = :id
    ORDER BY g.code, c.valid
    """
)
_HANDOVERS = text(
    """
    SELECT
        z.code AS zone, a.role, f.staff_number AS from_staff_number, f.name AS from_name,
        t.staff_number AS to_staff_number, t.name AS to_name,
        lower(a.valid) AS first, upper(a.valid) AS until
    FROM proposal_assignment AS a
    INNER JOIN proposal_zone AS z ON a.proposal_id = z.proposal_id AND a.number = z.number
    LEFT JOIN inspector AS f ON a.from_id = f.id
    LEFT JOIN inspector AS t ON a.to_id = t.id
    WHERE a.proposal_id = :id
    ORDER BY z.code, a.role, a.valid
    """
)
_CASES_OF = text(
    """
    SELECT
        c.hazard_id, h.item, c.severity, c.due_on, p.licence, p.name,
        f.code AS from_zone, t.code AS to_zone, i.name AS from_name, j.name AS to_name
    FROM proposal_case AS c
    LEFT JOIN hazard AS h ON c.hazard_id = h.id
    LEFT JOIN premises AS p ON h.premises_id = p.id
    INNER JOIN proposal_zone AS t ON c.proposal_id = t.proposal_id AND c.to_number = t.number
    LEFT JOIN proposal_zone AS f ON c.proposal_id = f.proposal_id AND c.from_zone_id = f.zone_id
    LEFT JOIN inspector AS i ON c.from_id = i.id
    LEFT JOIN inspector AS j ON c.to_id = j.id
    WHERE c.proposal_id = :id
    ORDER BY c.due_on NULLS LAST, c.hazard_id
    """
)


@dataclass(frozen=True)
class Listed:
    """A proposal in a list."""

    id: int
    kind: str
    state: str
    made_by: str
    made_at: datetime
    first: date
    until: date | None
    effective_on: date | None
    absent: str | None
    registry_version: int
    zones_sha256: str
    seed: int
    as_of: date
    parameters: dict[str, Any]
    summary: dict[str, Any]

    @property
    def last(self) -> date | None:
        """The last day of the time that it is for; None has no end."""
        return None if self.until is None else self.until - timedelta(days=1)

    def to_dict(self) -> dict[str, Any]:
        """Return the proposal as JSON takes it."""
        return {
            **asdict(self),
            "made_at": self.made_at.isoformat(),
            **{
                name: day and day.isoformat()
                for name, day in (
                    ("first", self.first),
                    ("until", self.until),
                    ("last", self.last),
                    ("effective_on", self.effective_on),
                    ("as_of", self.as_of),
                )
            },
        }


@dataclass(frozen=True)
class Event:
    """One decision on a proposal."""

    from_state: str | None
    to_state: str
    actor: str
    reason: str | None
    effective_on: date | None
    forced: bool
    happened_at: datetime

    def to_dict(self) -> dict[str, Any]:
        """Return the decision as JSON takes it."""
        return {
            **asdict(self),
            "effective_on": self.effective_on and self.effective_on.isoformat(),
            "happened_at": self.happened_at.isoformat(),
        }


def save(
    session: Session,
    proposal: Proposal,
    *,
    zones: Sequence[Mapping[str, Any]],
    cells: pl.DataFrame,
    handovers: Sequence[Mapping[str, Any]],
    cases: pl.DataFrame,
) -> int:
    """Store an open proposal and the first row of its history.

    Parameters
    ----------
    session
        An open session; the caller commits.
    proposal
        Without state, version of the register and of the software, which are set here.
    zones, handovers
        Rows of ``proposal_zone`` and ``proposal_assignment`` without the id of the proposal.
    cells, cases
        Frames of ``proposal_cell`` and ``proposal_case`` without the id of the proposal.

    Returns
    -------
    int
        Its number.
    """
    proposal.state = State.OPEN
    proposal.registry_version = analyses.registry_version(session)
    proposal.code_version = __version__
    session.add(proposal)
    session.flush()
    number = proposal.id
    session.execute(insert(ProposalZone), [{**zone, "proposal_id": number} for zone in zones])
    if handovers:
        session.execute(
            insert(ProposalAssignment), [{**one, "proposal_id": number} for one in handovers]
        )
    for table, frame in ((ProposalCell, cells), (ProposalCase, cases)):
        if frame.height:
            with_number = frame.with_columns(pl.lit(number).alias("proposal_id"))
            frames.write(session, table.__tablename__, with_number)
    record(session, number, None, State.OPEN, proposal.made_by)
    return number


def record(
    session: Session,
    number: int,
    before: str | None,
    after: str,
    actor: str,
    *,
    reason: str | None = None,
    effective_on: date | None = None,
    forced: bool = False,
) -> None:
    """Append a decision to the history of a proposal."""
    session.execute(
        insert(ProposalEvent).values(
            proposal_id=number,
            from_state=before,
            to_state=after,
            actor=actor,
            reason=reason,
            effective_on=effective_on,
            forced=forced,
        )
    )


def cases_on(session: Session, as_of: date) -> pl.DataFrame:
    """Read the unresolved hazards of a day: ``hazard_id``, ``cell_id``, ``severity``, ``due_on``.

    They are those that the work of zones counts.
    """
    return frames.read(
        session,
        _CASES,
        {"hazard_id": pl.Int64, "cell_id": pl.Int64, "severity": pl.String, "due_on": pl.Date},
        {"as_of": as_of},
    )


def locked(session: Session, number: int) -> Proposal:
    """Return a proposal that nobody else decides on until the transaction ends.

    Raises
    ------
    NotFoundError
        There is no proposal of that number.
    """
    row = session.get(Proposal, number, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFoundError("there is no proposal %(number)s", number=number)
    return row


def period_of(valid: Range[date]) -> Period:
    """Return a range with a first day as a period.

    Raises
    ------
    ValueError
        The range has no first day.
    """
    if valid.lower is None:
        raise ValueError("a range without a first day")
    return Period(valid.lower, valid.upper)


def find(session: Session, number: int) -> Listed:
    """Return a proposal.

    Raises
    ------
    NotFoundError
        There is no proposal of that number.
    """
    found = listed(session, number=number)
    if not found:
        raise NotFoundError("there is no proposal %(number)s", number=number)
    return found[0]


def listed(
    session: Session,
    *,
    state: str | None = None,
    kind: str | None = None,
    number: int | None = None,
) -> list[Listed]:
    """List proposals, the newest first."""
    statement = (
        select(Proposal, Inspector)
        .outerjoin(Inspector, Inspector.id == Proposal.absent_id)
        .order_by(Proposal.id.desc())
    )
    for column, wanted in (
        (Proposal.state, state),
        (Proposal.kind, kind),
        (Proposal.id, number),
    ):
        if wanted is not None:
            statement = statement.where(column == wanted)
    return [
        Listed(
            id=row.id,
            kind=row.kind,
            state=row.state,
            made_by=row.made_by,
            made_at=row.made_at,
            first=period_of(row.valid).first,
            until=row.valid.upper,
            effective_on=None if row.effective is None else row.effective.lower,
            absent=None if absent is None else f"{absent.staff_number} {absent.name}",
            registry_version=row.registry_version,
            zones_sha256=row.zones_sha256,
            seed=row.seed,
            as_of=row.as_of,
            parameters=row.parameters,
            summary=row.summary,
        )
        for row, absent in session.execute(statement)
    ]


def history(session: Session, number: int) -> list[Event]:
    """Return what was decided on a proposal, the oldest first."""
    rows = session.scalars(
        select(ProposalEvent).where(ProposalEvent.proposal_id == number).order_by(ProposalEvent.id)
    )
    return [
        Event(
            row.from_state,
            row.to_state,
            row.actor,
            row.reason,
            row.effective_on,
            row.forced,
            row.happened_at,
        )
        for row in rows
    ]


def zones(session: Session, number: int) -> list[dict[str, Any]]:
    """Return the zones of a proposal before and after."""
    return _rows(session, _ZONES, number)


def cells(session: Session, number: int) -> list[dict[str, Any]]:
    """Return the cells that a proposal moves, from where to where and when."""
    return _rows(session, _CELLS, number)


def cell_ids(session: Session, number: int) -> list[int]:
    """Return the ids of the cells that a proposal moves."""
    cells = select(ProposalCell.cell_id).where(ProposalCell.proposal_id == number).distinct()
    return list(session.scalars(cells))


def handovers(session: Session, number: int) -> list[dict[str, Any]]:
    """Return the changes of responsibility of a proposal."""
    return _rows(session, _HANDOVERS, number)


def cases(session: Session, number: int) -> list[dict[str, Any]]:
    """Return the unresolved hazards that change hands, the nearest due day first."""
    return _rows(session, _CASES_OF, number)


def described(session: Session, number: int) -> dict[str, Any]:
    """Return everything that a proposal holds, with days and times as they are.

    Raises
    ------
    NotFoundError
        There is no proposal of that number.
    """
    return {
        **find(session, number).to_dict(),
        "zones": zones(session, number),
        "moved": cells(session, number),
        "handovers": handovers(session, number),
        "cases": cases(session, number),
        "history": [event.to_dict() for event in history(session, number)],
    }


def _rows(session: Session, query: Any, number: int) -> list[dict[str, Any]]:
    return [dict(row) for row in session.execute(query, {"id": number}).mappings()]

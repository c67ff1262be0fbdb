"""Tables: proposals, what they change and what became of them.

Zones and people are named by id without a foreign key: a proposal outlives the zones of a design
that was taken away. ``number`` is the place of a zone within its proposal, since a zone that a
proposal would make has no id yet.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, CheckConstraint, ForeignKey, Index, Integer, text
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Mapped, mapped_column

from gis_supervision.storage.columns import (
    Record,
    geom_column,
    identity,
    now,
    reference,
    valid_not_empty,
)


def _of_proposal() -> Mapped[int]:
    return mapped_column(BigInteger, ForeignKey("proposal.id"), primary_key=True)


class Proposal(Record):
    """A change of zones or responsibilities, with all that it was made from.

    ``valid`` is the time that it is proposed for, ``effective`` the time that it was accepted for.
    ``zones_sha256`` is the state of zones and responsibilities in ``valid`` that it was made from.
    """

    __tablename__ = "proposal"
    __table_args__ = (
        CheckConstraint(
            "kind IN ('redesign', 'repair', 'absence', 'assignment', 'move', 'return')",
            name="kind_known",
        ),
        CheckConstraint(
            "state IN ('open', 'accepted', 'rejected', 'withdrawn', 'superseded', 'undone')",
            name="state_known",
        ),
        CheckConstraint(
            "(effective IS NOT NULL) = (state IN ('accepted', 'undone'))", name="effective_known"
        ),
        CheckConstraint(
            "(kind IN ('absence', 'return')) = (absent_id IS NOT NULL)", name="absence_of_someone"
        ),
        valid_not_empty(),
        Index("ix_proposal_open", "id", postgresql_where=text("state = 'open'")),
    )
    id: Mapped[int] = identity()
    kind: Mapped[str]
    state: Mapped[str]
    made_by: Mapped[str]
    made_at: Mapped[datetime] = now()
    as_of: Mapped[date]
    valid: Mapped[Range[date]]
    effective: Mapped[Range[date] | None]
    absent_id: Mapped[int | None] = reference("inspector", nullable=True)
    registry_version: Mapped[int] = mapped_column(BigInteger)
    zones_sha256: Mapped[str]
    code_version: Mapped[str]
    seed: Mapped[int] = mapped_column(BigInteger)
    parameters: Mapped[dict[str, Any]]
    summary: Mapped[dict[str, Any]]


class ProposalZone(Record):
    """A zone before and after; ``emptied`` is one that keeps no cell in that time."""

    __tablename__ = "proposal_zone"
    proposal_id: Mapped[int] = _of_proposal()
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    zone_id: Mapped[int | None] = mapped_column(BigInteger)
    code: Mapped[str]
    name: Mapped[str]
    emptied: Mapped[bool] = mapped_column(Boolean)
    concerned: Mapped[bool] = mapped_column(Boolean)
    cells_before: Mapped[int]
    cells_after: Mapped[int]
    premises_before: Mapped[int]
    premises_after: Mapped[int]
    hours_before: Mapped[float]
    hours_after: Mapped[float]
    responsible_before_id: Mapped[int | None] = mapped_column(BigInteger)
    responsible_after_id: Mapped[int | None] = mapped_column(BigInteger)
    acting_before_id: Mapped[int | None] = mapped_column(BigInteger)
    acting_after_id: Mapped[int | None] = mapped_column(BigInteger)
    geom_before: Mapped[Any] = geom_column("MULTIPOLYGON", nullable=True)
    geom_after: Mapped[Any] = geom_column("MULTIPOLYGON", nullable=True)


class ProposalCell(Record):
    """A cell that would be in another zone for a time; ``from_zone_id`` NULL: it was in none."""

    __tablename__ = "proposal_cell"
    __table_args__ = (valid_not_empty(), Index("ix_proposal_cell_cell_id", "cell_id"))
    proposal_id: Mapped[int] = _of_proposal()
    cell_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    valid: Mapped[Range[date]] = mapped_column(primary_key=True)
    from_zone_id: Mapped[int | None] = mapped_column(BigInteger)
    to_number: Mapped[int]
    premises: Mapped[int]
    unresolved: Mapped[int]
    hours: Mapped[float]


class ProposalAssignment(Record):
    """Someone who would take over a zone for a time from someone; NULL stands for nobody."""

    __tablename__ = "proposal_assignment"
    __table_args__ = (
        CheckConstraint("role IN ('responsible', 'deputy')", name="role_known"),
        CheckConstraint("num_nonnulls(from_id, to_id) > 0", name="someone"),
        valid_not_empty(),
        Index("ix_proposal_assignment_proposal_id", "proposal_id"),
    )
    id: Mapped[int] = identity()
    proposal_id: Mapped[int] = reference("proposal", index=False)
    number: Mapped[int]
    role: Mapped[str]
    from_id: Mapped[int | None] = mapped_column(BigInteger)
    to_id: Mapped[int | None] = mapped_column(BigInteger)
    valid: Mapped[Range[date]]


class ProposalCase(Record):
    """An unresolved hazard that would change hands, as it was when the proposal was made."""

    __tablename__ = "proposal_case"
    proposal_id: Mapped[int] = _of_proposal()
    hazard_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    from_zone_id: Mapped[int | None] = mapped_column(BigInteger)
    to_number: Mapped[int]
    from_id: Mapped[int | None] = mapped_column(BigInteger)
    to_id: Mapped[int | None] = mapped_column(BigInteger)
    severity: Mapped[str]
    due_on: Mapped[date | None]


class ProposalEvent(Record):
    """The append-only history of decisions; the database refuses updates and deletes."""

    __tablename__ = "proposal_event"
    __table_args__ = (Index("ix_proposal_event_proposal_id", "proposal_id", "id"),)
    id: Mapped[int] = identity()
    proposal_id: Mapped[int] = reference("proposal", index=False)
    from_state: Mapped[str | None]
    to_state: Mapped[str]
    actor: Mapped[str]
    reason: Mapped[str | None]
    effective_on: Mapped[date | None]
    forced: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    happened_at: Mapped[datetime] = now()


class ProposalEffect(Record):
    """A row that accepting a proposal added, removed or changed: what an undo takes back."""

    __tablename__ = "proposal_effect"
    __table_args__ = (
        CheckConstraint(
            "relation IN ('zoning', 'zone', 'zone_cell', 'inspector_assignment',"
            " 'inspector_leave')",
            name="relation_known",
        ),
        CheckConstraint("num_nonnulls(before, after) > 0", name="something"),
        Index("ix_proposal_effect_proposal_id", "proposal_id", "relation"),
        Index("ix_proposal_effect_row_id", "relation", "row_id"),
    )
    id: Mapped[int] = identity()
    proposal_id: Mapped[int] = reference("proposal", index=False)
    relation: Mapped[str]
    row_id: Mapped[int] = mapped_column(BigInteger)
    before: Mapped[dict[str, Any] | None]
    after: Mapped[dict[str, Any] | None]

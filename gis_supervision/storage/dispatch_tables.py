"""Tables: inspectors' skills, leave, recusals and teams, and the hours that a dispatcher set."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Mapped

from gis_supervision.storage.columns import (
    Record,
    identity,
    never_twice,
    now,
    reference,
    valid_not_empty,
)


class InspectorSkill(Record):
    """What an inspector may inspect, while the certificate is valid (no upper end: no expiry)."""

    __tablename__ = "inspector_skill"
    __table_args__ = (
        CheckConstraint(
            "skill IN ('production', 'circulation', 'catering', 'special_food')",
            name="skill_known",
        ),
        never_twice("ex_inspector_skill_same", "inspector_id", "skill"),
        valid_not_empty(),
    )
    id: Mapped[int] = identity()
    inspector_id: Mapped[int] = reference("inspector")
    skill: Mapped[str]
    certificate_number: Mapped[str | None]
    valid: Mapped[Range[date]]


class InspectorLeave(Record):
    """Days on which an inspector is not there; ``reason`` is a code and tells nothing private."""

    __tablename__ = "inspector_leave"
    __table_args__ = (
        CheckConstraint(
            "reason IN ('leave', 'sick', 'training', 'secondment', 'other')", name="reason_known"
        ),
        never_twice("ex_inspector_leave_same", "inspector_id"),
        CheckConstraint("NOT upper_inf(valid)", name="leave_ends"),
        valid_not_empty(),
    )
    id: Mapped[int] = identity()
    inspector_id: Mapped[int] = reference("inspector")
    reason: Mapped[str]
    valid: Mapped[Range[date]]
    recorded_by: Mapped[str]
    recorded_at: Mapped[datetime] = now()


class InspectorRecusal(Record):
    """What an inspector must not inspect: one premises, or all of an owner (its credit code)."""

    __tablename__ = "inspector_recusal"
    __table_args__ = (
        CheckConstraint(
            "num_nonnulls(premises_id, owner_credit_code) = 1", name="premises_or_owner"
        ),
        valid_not_empty(),
        Index("ix_inspector_recusal_owner_credit_code", "owner_credit_code"),
    )
    id: Mapped[int] = identity()
    inspector_id: Mapped[int] = reference("inspector")
    premises_id: Mapped[int | None] = reference("premises", nullable=True)
    owner_credit_code: Mapped[str | None]
    reason: Mapped[str]
    valid: Mapped[Range[date]]


class InspectorTeam(Record):
    """Two inspectors who go together: A leads, B assists (SAMR Order 49 art. 23 asks for two)."""

    __tablename__ = "inspector_team"
    __table_args__ = (
        CheckConstraint("lead_id <> assistant_id", name="two_people"),
        never_twice("ex_inspector_team_lead", "lead_id"),
        never_twice("ex_inspector_team_assistant", "assistant_id"),
        valid_not_empty(),
    )
    id: Mapped[int] = identity()
    lead_id: Mapped[int] = reference("inspector")
    assistant_id: Mapped[int] = reference("inspector")
    valid: Mapped[Range[date]]


class CellWorkload(Record):
    """Hours a year that a dispatcher set for a cell, in the place of those of the rules."""

    __tablename__ = "cell_workload"
    __table_args__ = (
        CheckConstraint("hours >= 0 AND hours < 'Infinity'", name="hours_not_negative"),
        CheckConstraint("reason <> ''", name="reason_given"),
        never_twice("ex_cell_workload_cell_id", "cell_id"),
        valid_not_empty(),
    )
    id: Mapped[int] = identity()
    cell_id: Mapped[int] = reference("grid_cell")
    hours: Mapped[float]
    reason: Mapped[str]
    set_by: Mapped[str]
    set_at: Mapped[datetime] = now()
    valid: Mapped[Range[date]]

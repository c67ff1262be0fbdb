"""Tables: inspectors' skills, leave, recusals and teams, hours set by hand, languages spoken."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Mapped, mapped_column

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
    recorded_by: Mapped[str | None]
    recorded_at: Mapped[datetime] = now()


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
        never_twice(
            "ex_inspector_recusal_premises",
            "inspector_id",
            "premises_id",
            where="premises_id IS NOT NULL",
        ),
        never_twice(
            "ex_inspector_recusal_owner",
            "inspector_id",
            "owner_credit_code",
            where="owner_credit_code IS NOT NULL",
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
    recorded_by: Mapped[str]
    recorded_at: Mapped[datetime] = now()


class InspectorTeam(Record):
    """Two inspectors who go together: A leads, B assists (SAMR Order 49 art. 23 asks for two).

    Nobody is in two teams at once: `gis_supervision.storage.teams.team_up` sees to it across
    the two columns.
    """

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
    recorded_by: Mapped[str | None]
    recorded_at: Mapped[datetime] = now()


class InspectorEnding(Record):
    """Who ended something of an inspector before its time, when, and what it was; it only grows.

    ``ended_on`` is the first day on which it held no longer; what had not begun by then was taken
    away. ``target`` is the skill, the licence, the owner or the colleague's staff number.
    """

    __tablename__ = "inspector_ending"
    __table_args__ = (
        CheckConstraint("what IN ('certificate', 'leave', 'recusal', 'team')", name="what_known"),
        CheckConstraint("ended_by <> ''", name="ended_by_somebody"),
    )
    id: Mapped[int] = identity()
    inspector_id: Mapped[int] = reference("inspector")
    colleague_id: Mapped[int | None] = reference("inspector", nullable=True)
    what: Mapped[str]
    target: Mapped[str]
    valid: Mapped[Range[date]]
    ended_on: Mapped[date]
    ended_by: Mapped[str]
    ended_at: Mapped[datetime] = now()


class CellWorkload(Record):
    """Hours a year that a dispatcher set for a cell, in the place of those of the rules.

    A log that only grows: from ``valid_from`` on the row counts, until one that begins later or,
    beginning on the same day, was set later. ``hours`` is empty where the rules count again. A row
    that was undone stays, with who undid it and when, and counts no more.
    """

    __tablename__ = "cell_workload"
    __table_args__ = (
        CheckConstraint("hours >= 0 AND hours < 'Infinity'", name="hours_not_negative"),
        CheckConstraint("reason <> ''", name="reason_given"),
        CheckConstraint("(undone_at IS NULL) = (undone_by IS NULL)", name="undone_by_somebody"),
        Index("ix_cell_workload_cell_id", "cell_id", "valid_from", "id"),
    )
    id: Mapped[int] = identity()
    cell_id: Mapped[int] = reference("grid_cell", index=False)
    hours: Mapped[float | None]
    reason: Mapped[str]
    valid_from: Mapped[date]
    set_by: Mapped[str]
    set_at: Mapped[datetime] = now()
    undone_by: Mapped[str | None]
    undone_at: Mapped[datetime | None]


class DivisionLanguage(Record):
    """A language that is spoken with businesses of a division and of those below it."""

    __tablename__ = "division_language"
    __table_args__ = (CheckConstraint("language ~ '^[a-z]{2,3}$'", name="language_code"),)
    division_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("division.id", ondelete="CASCADE"), primary_key=True
    )
    language: Mapped[str] = mapped_column(primary_key=True)

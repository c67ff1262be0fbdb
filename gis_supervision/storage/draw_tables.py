"""Tables: draws from plan to publication, which only grow, and the do-not-disturb list."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Integer,
    LargeBinary,
    UniqueConstraint,
)
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


def _of(target: str) -> Mapped[int]:
    """Make a primary key that is that of the row before: a draw has one of each."""
    return mapped_column(
        BigInteger, ForeignKey(f"{target}.plan_id"), primary_key=True, autoincrement=False
    )


class DoNotDisturb(Record):
    """Days on which a premises is left out of draws; ``reason`` is for the office alone."""

    __tablename__ = "do_not_disturb"
    __table_args__ = (
        never_twice("ex_do_not_disturb_premises_id", "premises_id"),
        CheckConstraint("reason <> ''", name="reason_given"),
        CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="ended_by_somebody"),
        valid_not_empty(),
    )
    id: Mapped[int] = identity()
    premises_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("premises.id", ondelete="CASCADE"), index=True
    )
    reason: Mapped[str]
    valid: Mapped[Range[date]]
    recorded_by: Mapped[str]
    recorded_at: Mapped[datetime] = now()
    ended_by: Mapped[str | None]
    ended_at: Mapped[datetime | None]


class DrawPlan(Record):
    """Which premises are drawn from, how many, by which method, and what of it becomes public.

    ``scope`` and ``ratios`` are what the list and the quotas of the commitment come from; the
    list itself is made when the office commits to it.
    """

    __tablename__ = "draw_plan"
    __table_args__ = (
        UniqueConstraint("name"),
        CheckConstraint("method IN ('ticket', 'rfc3797', 'rivest')", name="method_known"),
        CheckConstraint("channel IN ('on_site', 'online')", name="channel_known"),
        CheckConstraint("inspectors IN ('names', 'numbers', 'hidden')", name="inspectors_known"),
        CheckConstraint("period_days > 0", name="period_positive"),
        CheckConstraint("most_visits >= 0", name="most_visits_not_negative"),
        CheckConstraint("reserve_ratio >= 0", name="reserve_ratio_not_negative"),
    )
    id: Mapped[int] = identity()
    name: Mapped[str]
    planned_on: Mapped[date]
    method: Mapped[str]
    channel: Mapped[str | None]
    scope: Mapped[dict[str, Any]]
    ratios: Mapped[dict[str, Any]]
    reserve_ratio: Mapped[float]
    period_days: Mapped[int] = mapped_column(Integer)
    most_visits: Mapped[int | None] = mapped_column(Integer)
    unannounced: Mapped[bool]
    inspectors: Mapped[str]
    rules: Mapped[str]
    rules_sha256: Mapped[str]
    created_by: Mapped[str]
    created_at: Mapped[datetime] = now()


class DrawCommitment(Record):
    """What is fixed before the seed can be known; the database checks digests and times.

    ``content`` is the canonical text of the commitment. ``aliases`` tells which inspector stands
    behind an identifier of the list, and never leaves the office.
    """

    __tablename__ = "draw_commitment"
    __table_args__ = (
        CheckConstraint("published_at < seed_known_from", name="published_before_seed"),
    )
    plan_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("draw_plan.id"), primary_key=True, autoincrement=False
    )
    list_data: Mapped[bytes] = mapped_column(LargeBinary)
    list_sha256: Mapped[str]
    content: Mapped[str]
    sha256: Mapped[str]
    published_at: Mapped[datetime]
    seed_known_from: Mapped[datetime]
    counts: Mapped[dict[str, Any]]
    aliases: Mapped[dict[str, Any]]
    committed_by: Mapped[str]
    committed_at: Mapped[datetime] = now()


class DrawResult(Record):
    """The seed, as it was written from what its source published, and the transcript."""

    __tablename__ = "draw_result"
    plan_id: Mapped[int] = _of("draw_commitment")
    seed: Mapped[str]
    source_value: Mapped[str]
    drawn_at: Mapped[datetime]
    transcript: Mapped[bytes] = mapped_column(LargeBinary)
    transcript_sha256: Mapped[str]
    entered_by: Mapped[str]
    entered_at: Mapped[datetime] = now()


class DrawPick(Record):
    """One of the premises drawn, or of the reserves, with its pair: A leads, B assists.

    ``licence`` is no foreign key on purpose: the record outlives corrections of the register.
    """

    __tablename__ = "draw_pick"
    __table_args__ = (
        CheckConstraint("kind IN ('drawn', 'reserve')", name="kind_known"),
        CheckConstraint("(lead_id IS NULL) = (assistant_id IS NULL)", name="pair_whole"),
    )
    plan_id: Mapped[int] = _of("draw_result")
    licence: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    stratum: Mapped[str]
    place: Mapped[int] = mapped_column(Integer)
    ticket: Mapped[str]
    lead_id: Mapped[int | None] = reference("inspector", nullable=True)
    assistant_id: Mapped[int | None] = reference("inspector", nullable=True)
    without_pair: Mapped[str | None]


class DrawSubstitution(Record):
    """That the next reserve stands for one of the premises drawn, which cannot be inspected.

    ``content`` is the canonical text of the record without its own digest, ``sha256``.
    """

    __tablename__ = "draw_substitution"
    __table_args__ = (
        UniqueConstraint("plan_id", "replaced"),
        UniqueConstraint("plan_id", "licence"),
        CheckConstraint("number > 0", name="number_positive"),
        CheckConstraint("reason <> ''", name="reason_given"),
        CheckConstraint("(lead_id IS NULL) = (assistant_id IS NULL)", name="pair_whole"),
    )
    plan_id: Mapped[int] = _of("draw_result")
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    replaced: Mapped[str]
    licence: Mapped[str]
    reason: Mapped[str]
    day: Mapped[date]
    content: Mapped[str]
    sha256: Mapped[str]
    lead_id: Mapped[int | None] = reference("inspector", nullable=True)
    assistant_id: Mapped[int | None] = reference("inspector", nullable=True)
    without_pair: Mapped[str | None]
    entered_by: Mapped[str]
    entered_at: Mapped[datetime] = now()


class DrawPublication(Record):
    """That the result of a draw became public, and by whom."""

    __tablename__ = "draw_publication"
    plan_id: Mapped[int] = _of("draw_result")
    published_by: Mapped[str]
    published_at: Mapped[datetime] = now()

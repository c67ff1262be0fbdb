"""Tables: what coverage says of each premises, and the categories that it counts by."""

from __future__ import annotations

from datetime import date

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from gis_supervision.storage.columns import Record, identity


class Category(Record):
    """A category of premises with the number that metrics of unit ``category`` speak of.

    0 stands for premises without a category and has no row.
    """

    __tablename__ = "category"
    __table_args__ = (UniqueConstraint("name"),)
    id: Mapped[int] = identity()
    name: Mapped[str]


class PremisesCoverage(Record):
    """What a coverage run says of one premises, and when its next visits are due.

    ``due_on`` is the last day on which the next visit is in time, the day of the run for a
    premises that was never visited and whose opening is not known; empty where no visit is due.
    ``checklist_due_on`` is the same for the full checklist. ``premises_id`` is no foreign key: what
    a run said does not keep an import from being undone.
    """

    __tablename__ = "premises_coverage"
    __table_args__ = (
        CheckConstraint(
            "status IN "
            "('in_time', 'overdue', 'never', 'no_rule', 'external', 'not_open', 'closed')",
            name="status_known",
        ),
    )
    run_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("analysis_run.id", ondelete="CASCADE"), primary_key=True
    )
    premises_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    status: Mapped[str]
    visited_on: Mapped[date | None]
    due_on: Mapped[date | None]
    checklist_due_on: Mapped[date | None]

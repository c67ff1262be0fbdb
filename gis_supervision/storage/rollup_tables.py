"""Tables: the roll-up of the register per H3 cell."""

from __future__ import annotations

from datetime import date

from sqlalchemy import BigInteger, Boolean, CheckConstraint, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from gis_supervision.storage.columns import Record


class H3Rollup(Record):
    """Counts of the register in one H3 cell, kept current by triggers at every write.

    ``h3`` is 0 for what has no cell, so that every resolution has the same totals. Premises of
    another administration and closed ones are counted apart (``in_scope`` false), their
    inspections and unresolved hazards with them.
    """

    __tablename__ = "h3_rollup"
    __table_args__ = (CheckConstraint("resolution BETWEEN 0 AND 8", name="resolution_known"),)
    resolution: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    h3: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    in_scope: Mapped[bool] = mapped_column(Boolean, primary_key=True)
    premises: Mapped[int] = mapped_column(BigInteger)
    inspections: Mapped[int] = mapped_column(BigInteger)
    critical: Mapped[int] = mapped_column(BigInteger)
    serious: Mapped[int] = mapped_column(BigInteger)
    minor: Mapped[int] = mapped_column(BigInteger)
    unclassified: Mapped[int] = mapped_column(BigInteger)
    last_visit_on: Mapped[date | None]

"""Tables: day plans with their routes, stops and what was left out; the road network."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from gis_supervision.storage.columns import (
    Record,
    geom_column,
    gist_index,
    identity,
    now,
    reference,
)

PURPOSES = ("due", "hazard", "file", "draw")
"""Why a stop is wanted."""


class DayPlan(Record):
    """Routes for one or more days. Secret until the days are over: no view of schema map has it."""

    __tablename__ = "day_plan"
    id: Mapped[int] = identity()
    made_by: Mapped[str]
    made_at: Mapped[datetime] = now()
    matrix: Mapped[str]
    seed: Mapped[int] = mapped_column(BigInteger)
    rules: Mapped[str]
    register_version: Mapped[int] = mapped_column(BigInteger)
    parameters: Mapped[dict[str, Any]]
    summary: Mapped[dict[str, Any]]


class DayPlanDay(Record):
    """A day of a plan; the ones it replaced stay as history.

    One plan of each unit is in force for a day (`gis_supervision.storage.plan_units`).
    """

    __tablename__ = "day_plan_day"
    __table_args__ = (
        UniqueConstraint("day", "version"),
        CheckConstraint("version > 0", name="version_positive"),
        Index(
            "uq_day_plan_day_in_force",
            "day",
            "unit",
            unique=True,
            postgresql_where="replaced_by IS NULL",
        ),
    )
    plan_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("day_plan.id", ondelete="CASCADE"), primary_key=True
    )
    day: Mapped[date] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    unit: Mapped[str]
    replaced_by: Mapped[int | None] = reference("day_plan", nullable=True)


class DayRoute(Record):
    """What one inspector, or a team of two, does on a day; seconds from midnight, local time."""

    __tablename__ = "day_route"
    __table_args__ = (
        CheckConstraint("0 <= leaves_s AND leaves_s <= returns_s", name="times_in_order"),
        CheckConstraint("lead_id <> assistant_id", name="two_people"),
        UniqueConstraint("plan_id", "day", "lead_id"),
    )
    id: Mapped[int] = identity()
    plan_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("day_plan.id", ondelete="CASCADE"), index=False
    )
    day: Mapped[date]
    lead_id: Mapped[int] = reference("inspector")
    assistant_id: Mapped[int | None] = reference("inspector", nullable=True)
    starts_at: Mapped[str]
    leaves_s: Mapped[int] = mapped_column(Integer)
    returns_s: Mapped[int] = mapped_column(Integer)
    travel_s: Mapped[int] = mapped_column(Integer)


class DayStop(Record):
    """A visit of a route."""

    __tablename__ = "day_stop"
    __table_args__ = (
        CheckConstraint("arrival_s <= start_s AND start_s <= departure_s", name="times_in_order"),
        CheckConstraint("purpose IN ('due', 'hazard', 'file', 'draw')", name="purpose_known"),
    )
    route_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("day_route.id", ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int] = mapped_column(Integer, primary_key=True)
    premises_id: Mapped[int] = reference("premises")
    purpose: Mapped[str]
    due_on: Mapped[date | None]
    arrival_s: Mapped[int] = mapped_column(Integer)
    start_s: Mapped[int] = mapped_column(Integer)
    departure_s: Mapped[int] = mapped_column(Integer)
    travel_s: Mapped[int] = mapped_column(Integer)
    late: Mapped[bool]


class DayLeftOut(Record):
    """A premises that was wanted and has no visit in the plan, with the reason."""

    __tablename__ = "day_left_out"
    __table_args__ = (
        CheckConstraint("purpose IN ('due', 'hazard', 'file', 'draw')", name="purpose_known"),
    )
    plan_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("day_plan.id", ondelete="CASCADE"), primary_key=True
    )
    premises_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("premises.id"), primary_key=True, index=True
    )
    purpose: Mapped[str]
    due_on: Mapped[date | None]
    reason: Mapped[str]


class RoadEdge(Record):
    """A piece of road between two nodes; a negative cost: not to be driven in that direction."""

    __tablename__ = "road_edge"
    __table_args__ = (gist_index("ix_road_edge_geom", "geom"),)
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    source: Mapped[int] = mapped_column(BigInteger)
    target: Mapped[int] = mapped_column(BigInteger)
    part: Mapped[int] = mapped_column(Integer)
    length_m: Mapped[float]
    cost_s: Mapped[float]
    reverse_cost_s: Mapped[float]
    geom: Mapped[Any] = geom_column("LINESTRING")

"""Routes of inspectors for days, and travel times between places.

Revision ID: day_plan
Revises: draw_record
Create Date: 2026-11-23
"""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision = "day_plan"
down_revision = "draw_record"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "day_plan",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column(
            "made_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("matrix", sa.Text(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("register_version", sa.BigInteger(), nullable=False),
        sa.Column("parameters", postgresql.JSONB(), nullable=False),
        sa.Column("summary", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_day_plan")),
    )
    op.create_table(
        "day_plan_day",
        sa.Column("plan_id", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("replaced_by", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("version > 0", name=op.f("ck_day_plan_day_version_positive")),
        sa.ForeignKeyConstraint(
            ["plan_id"],
            ["day_plan.id"],
            name=op.f("fk_day_plan_day_plan_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["replaced_by"], ["day_plan.id"], name=op.f("fk_day_plan_day_replaced_by")
        ),
        sa.PrimaryKeyConstraint("plan_id", "day", name=op.f("pk_day_plan_day")),
        sa.UniqueConstraint("day", "version", name=op.f("uq_day_plan_day_day_version")),
    )
    op.create_index(
        "uq_day_plan_day_in_force",
        "day_plan_day",
        ["day"],
        unique=True,
        postgresql_where=sa.text("replaced_by IS NULL"),
    )
    op.create_index(op.f("ix_day_plan_day_replaced_by"), "day_plan_day", ["replaced_by"])
    op.create_table(
        "day_route",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("plan_id", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("lead_id", sa.BigInteger(), nullable=False),
        sa.Column("assistant_id", sa.BigInteger(), nullable=True),
        sa.Column("starts_at", sa.Text(), nullable=False),
        sa.Column("leaves_s", sa.Integer(), nullable=False),
        sa.Column("returns_s", sa.Integer(), nullable=False),
        sa.Column("travel_s", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "0 <= leaves_s AND leaves_s <= returns_s", name=op.f("ck_day_route_times_in_order")
        ),
        sa.CheckConstraint("lead_id <> assistant_id", name=op.f("ck_day_route_two_people")),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["day_plan.id"], name=op.f("fk_day_route_plan_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["lead_id"], ["inspector.id"], name=op.f("fk_day_route_lead_id")),
        sa.ForeignKeyConstraint(
            ["assistant_id"], ["inspector.id"], name=op.f("fk_day_route_assistant_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_day_route")),
        sa.UniqueConstraint(
            "plan_id", "day", "lead_id", name=op.f("uq_day_route_plan_id_day_lead_id")
        ),
    )
    op.create_index(op.f("ix_day_route_lead_id"), "day_route", ["lead_id"])
    op.create_index(op.f("ix_day_route_assistant_id"), "day_route", ["assistant_id"])
    op.create_table(
        "day_stop",
        sa.Column("route_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("premises_id", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("arrival_s", sa.Integer(), nullable=False),
        sa.Column("start_s", sa.Integer(), nullable=False),
        sa.Column("departure_s", sa.Integer(), nullable=False),
        sa.Column("travel_s", sa.Integer(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "arrival_s <= start_s AND start_s <= departure_s",
            name=op.f("ck_day_stop_times_in_order"),
        ),
        sa.CheckConstraint(
            "purpose IN ('due', 'hazard', 'file')", name=op.f("ck_day_stop_purpose_known")
        ),
        sa.ForeignKeyConstraint(
            ["route_id"], ["day_route.id"], name=op.f("fk_day_stop_route_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["premises_id"], ["premises.id"], name=op.f("fk_day_stop_premises_id")
        ),
        sa.PrimaryKeyConstraint("route_id", "position", name=op.f("pk_day_stop")),
    )
    op.create_index(op.f("ix_day_stop_premises_id"), "day_stop", ["premises_id"])
    op.create_table(
        "day_left_out",
        sa.Column("plan_id", sa.BigInteger(), nullable=False),
        sa.Column("premises_id", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "purpose IN ('due', 'hazard', 'file')", name=op.f("ck_day_left_out_purpose_known")
        ),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["day_plan.id"], name=op.f("fk_day_left_out_plan_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["premises_id"], ["premises.id"], name=op.f("fk_day_left_out_premises_id")
        ),
        sa.PrimaryKeyConstraint("plan_id", "premises_id", name=op.f("pk_day_left_out")),
    )
    op.create_index(op.f("ix_day_left_out_premises_id"), "day_left_out", ["premises_id"])
    op.create_table(
        "road_edge",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("source", sa.BigInteger(), nullable=False),
        sa.Column("target", sa.BigInteger(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("length_m", sa.Double(), nullable=False),
        sa.Column("cost_s", sa.Double(), nullable=False),
        sa.Column("reverse_cost_s", sa.Double(), nullable=False),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="LINESTRING",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
                nullable=False,
            ),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_road_edge")),
    )
    op.create_index(
        "ix_road_edge_geom", "road_edge", ["geom"], unique=False, postgresql_using="gist"
    )


def downgrade() -> None:
    for table in (
        "road_edge",
        "day_left_out",
        "day_stop",
        "day_route",
        "day_plan_day",
        "day_plan",
    ):
        op.drop_table(table)

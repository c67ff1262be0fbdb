"""Draws with their commitments, results and transcripts, and the do-not-disturb list.

Revision ID: draw_record
Revises: proposals
Create Date: 2026-11-23
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "draw_record"
down_revision = "proposals"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    op.create_table(
        "draw_plan",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("planned_on", sa.Date(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("scope", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("ratios", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reserve_ratio", sa.Double(), nullable=False),
        sa.Column("period_days", sa.Integer(), nullable=False),
        sa.Column("most_visits", sa.Integer(), nullable=True),
        sa.Column("unannounced", sa.Boolean(), nullable=False),
        sa.Column("inspectors", sa.Text(), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("rules_sha256", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "channel IN ('on_site', 'online')", name=op.f("ck_draw_plan_channel_known")
        ),
        sa.CheckConstraint(
            "inspectors IN ('names', 'numbers', 'hidden')",
            name=op.f("ck_draw_plan_inspectors_known"),
        ),
        sa.CheckConstraint(
            "method IN ('ticket', 'rfc3797', 'rivest')", name=op.f("ck_draw_plan_method_known")
        ),
        sa.CheckConstraint("most_visits >= 0", name=op.f("ck_draw_plan_most_visits_not_negative")),
        sa.CheckConstraint("period_days > 0", name=op.f("ck_draw_plan_period_positive")),
        sa.CheckConstraint(
            "reserve_ratio >= 0", name=op.f("ck_draw_plan_reserve_ratio_not_negative")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draw_plan")),
        sa.UniqueConstraint("name", name=op.f("uq_draw_plan_name")),
    )
    op.create_table(
        "draw_commitment",
        sa.Column("plan_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("list_data", sa.LargeBinary(), nullable=False),
        sa.Column("list_sha256", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seed_known_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("aliases", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("committed_by", sa.Text(), nullable=False),
        sa.Column(
            "committed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "published_at < seed_known_from", name=op.f("ck_draw_commitment_published_before_seed")
        ),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["draw_plan.id"], name=op.f("fk_draw_commitment_plan_id")
        ),
        sa.PrimaryKeyConstraint("plan_id", name=op.f("pk_draw_commitment")),
    )
    op.create_table(
        "draw_result",
        sa.Column("plan_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seed", sa.Text(), nullable=False),
        sa.Column("source_value", sa.Text(), nullable=False),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("transcript", sa.LargeBinary(), nullable=False),
        sa.Column("transcript_sha256", sa.Text(), nullable=False),
        sa.Column("entered_by", sa.Text(), nullable=False),
        sa.Column(
            "entered_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["draw_commitment.plan_id"], name=op.f("fk_draw_result_plan_id")
        ),
        sa.PrimaryKeyConstraint("plan_id", name=op.f("pk_draw_result")),
    )
    op.create_table(
        "draw_pick",
        sa.Column("plan_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("licence", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("stratum", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("ticket", sa.Text(), nullable=False),
        sa.Column("lead_id", sa.BigInteger(), nullable=True),
        sa.Column("assistant_id", sa.BigInteger(), nullable=True),
        sa.Column("without_pair", sa.Text(), nullable=True),
        sa.CheckConstraint("kind IN ('drawn', 'reserve')", name=op.f("ck_draw_pick_kind_known")),
        sa.CheckConstraint(
            "(lead_id IS NULL) = (assistant_id IS NULL)", name=op.f("ck_draw_pick_pair_whole")
        ),
        sa.ForeignKeyConstraint(
            ["assistant_id"], ["inspector.id"], name=op.f("fk_draw_pick_assistant_id")
        ),
        sa.ForeignKeyConstraint(["lead_id"], ["inspector.id"], name=op.f("fk_draw_pick_lead_id")),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["draw_result.plan_id"], name=op.f("fk_draw_pick_plan_id")
        ),
        sa.PrimaryKeyConstraint("plan_id", "licence", name=op.f("pk_draw_pick")),
    )
    op.create_index(op.f("ix_draw_pick_assistant_id"), "draw_pick", ["assistant_id"], unique=False)
    op.create_index(op.f("ix_draw_pick_lead_id"), "draw_pick", ["lead_id"], unique=False)
    op.create_table(
        "draw_publication",
        sa.Column("plan_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("published_by", sa.Text(), nullable=False),
        sa.Column(
            "published_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["draw_result.plan_id"], name=op.f("fk_draw_publication_plan_id")
        ),
        sa.PrimaryKeyConstraint("plan_id", name=op.f("pk_draw_publication")),
    )
    op.create_table(
        "do_not_disturb",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("premises_id", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("valid", postgresql.DATERANGE(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        postgresql.ExcludeConstraint(
            (sa.column("premises_id"), "="),
            (sa.column("valid"), "&&"),
            using="gist",
            name="ex_do_not_disturb_premises_id",
        ),
        sa.CheckConstraint("reason <> ''", name=op.f("ck_do_not_disturb_reason_given")),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (ended_by IS NULL)",
            name=op.f("ck_do_not_disturb_ended_by_somebody"),
        ),
        sa.CheckConstraint("NOT isempty(valid)", name=op.f("ck_do_not_disturb_valid_not_empty")),
        sa.ForeignKeyConstraint(
            ["premises_id"],
            ["premises.id"],
            name=op.f("fk_do_not_disturb_premises_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_do_not_disturb")),
    )
    op.create_index(
        op.f("ix_do_not_disturb_premises_id"), "do_not_disturb", ["premises_id"], unique=False
    )
    # ### end Alembic commands ###
    op.execute((SQL / "draw_record.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute((SQL / "draw_record_down.sql").read_text(encoding="utf-8"))
    op.drop_index(op.f("ix_do_not_disturb_premises_id"), table_name="do_not_disturb")
    op.drop_table("do_not_disturb")
    op.drop_table("draw_publication")
    op.drop_index(op.f("ix_draw_pick_lead_id"), table_name="draw_pick")
    op.drop_index(op.f("ix_draw_pick_assistant_id"), table_name="draw_pick")
    op.drop_table("draw_pick")
    op.drop_table("draw_result")
    op.drop_table("draw_commitment")
    op.drop_table("draw_plan")
    # ### end Alembic commands ###

"""Substitutes of drawn premises, plans of days by parts, and premises whose inspector is recused.

Revision ID: substitutes
Revises: people
Create Date: 2026-11-26
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "substitutes"
down_revision = "people"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql"
PURPOSES = ("due", "hazard", "file")
IN_FORCE = "uq_day_plan_day_in_force"


def _purposes(values: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{value}'" for value in values)
    for table in ("day_stop", "day_left_out"):
        name = op.f(f"ck_{table}_purpose_known")
        op.drop_constraint(name, table, type_="check")
        op.create_check_constraint(name, table, f"purpose IN ({listed})")


def _one_in_force(columns: list[str]) -> None:
    op.drop_index(IN_FORCE, table_name="day_plan_day")
    op.create_index(
        IN_FORCE,
        "day_plan_day",
        columns,
        unique=True,
        postgresql_where=sa.text("replaced_by IS NULL"),
    )


def upgrade() -> None:
    # the plans that there are were made for the whole office
    op.add_column("day_plan_day", sa.Column("unit", sa.Text(), server_default="", nullable=False))
    op.alter_column("day_plan_day", "unit", server_default=None)
    _one_in_force(["day", "unit"])
    _purposes((*PURPOSES, "draw"))
    op.create_table(
        "draw_substitution",
        sa.Column("plan_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("replaced", sa.Text(), nullable=False),
        sa.Column("licence", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("lead_id", sa.BigInteger(), nullable=True),
        sa.Column("assistant_id", sa.BigInteger(), nullable=True),
        sa.Column("without_pair", sa.Text(), nullable=True),
        sa.Column("entered_by", sa.Text(), nullable=False),
        sa.Column(
            "entered_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("number > 0", name=op.f("ck_draw_substitution_number_positive")),
        sa.CheckConstraint("reason <> ''", name=op.f("ck_draw_substitution_reason_given")),
        sa.CheckConstraint(
            "(lead_id IS NULL) = (assistant_id IS NULL)",
            name=op.f("ck_draw_substitution_pair_whole"),
        ),
        sa.ForeignKeyConstraint(
            ["assistant_id"], ["inspector.id"], name=op.f("fk_draw_substitution_assistant_id")
        ),
        sa.ForeignKeyConstraint(
            ["lead_id"], ["inspector.id"], name=op.f("fk_draw_substitution_lead_id")
        ),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["draw_result.plan_id"], name=op.f("fk_draw_substitution_plan_id")
        ),
        sa.PrimaryKeyConstraint("plan_id", "number", name=op.f("pk_draw_substitution")),
        sa.UniqueConstraint(
            "plan_id", "licence", name=op.f("uq_draw_substitution_plan_id_licence")
        ),
        sa.UniqueConstraint(
            "plan_id", "replaced", name=op.f("uq_draw_substitution_plan_id_replaced")
        ),
    )
    op.create_index(
        op.f("ix_draw_substitution_assistant_id"), "draw_substitution", ["assistant_id"]
    )
    op.create_index(op.f("ix_draw_substitution_lead_id"), "draw_substitution", ["lead_id"])
    op.execute((SQL / "substitutes.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """Go back; plans of parts and stops of draws go, which the older register cannot hold."""
    op.execute((SQL / "substitutes_down.sql").read_text(encoding="utf-8"))
    op.drop_index(op.f("ix_draw_substitution_lead_id"), table_name="draw_substitution")
    op.drop_index(op.f("ix_draw_substitution_assistant_id"), table_name="draw_substitution")
    op.drop_table("draw_substitution")
    op.execute("DELETE FROM day_stop WHERE purpose = 'draw'")
    op.execute("DELETE FROM day_left_out WHERE purpose = 'draw'")
    _purposes(PURPOSES)
    op.execute("DELETE FROM day_plan_day WHERE unit <> ''")
    _one_in_force(["day"])
    op.drop_column("day_plan_day", "unit")

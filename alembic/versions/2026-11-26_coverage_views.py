"""Schema map: coverage over months, gaps and next visits.

Revision ID: coverage_views
Revises: complaints
Create Date: 2026-11-26
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "coverage_views"
down_revision = "complaints"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    op.create_table(
        "category",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_category")),
        sa.UniqueConstraint("name", name=op.f("uq_category_name")),
    )
    op.create_table(
        "premises_coverage",
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("premises_id", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("visited_on", sa.Date(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("checklist_due_on", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "status IN "
            "('in_time', 'overdue', 'never', 'no_rule', 'external', 'not_open', 'closed')",
            name=op.f("ck_premises_coverage_status_known"),
        ),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["analysis_run.id"],
            name=op.f("fk_premises_coverage_run_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("run_id", "premises_id", name=op.f("pk_premises_coverage")),
    )
    op.execute((SQL / "coverage_views.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute((SQL / "coverage_views_down.sql").read_text(encoding="utf-8"))
    op.drop_table("premises_coverage")
    op.drop_table("category")
    op.execute("DELETE FROM cell_metric WHERE unit = 'category'")
    op.execute("DELETE FROM cell_series WHERE unit = 'category'")

"""What a batch changed, so that it can be undone.

Revision ID: import_change
Revises: map_views
Create Date: 2026-11-22
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "import_change"
down_revision = "map_views"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "import_change",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("relation", sa.Text(), nullable=False),
        sa.Column("row_id", sa.BigInteger(), nullable=False),
        sa.Column("before", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.CheckConstraint(
            "relation IN "
            "('division', 'division_code', 'premises', 'inspection', 'finding', 'hazard')",
            name=op.f("ck_import_change_relation_known"),
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["import_batch.id"], name=op.f("fk_import_change_batch_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_change")),
    )
    op.create_index("ix_import_change_batch_id", "import_change", ["batch_id", "relation"])
    op.create_index("ix_import_change_row_id", "import_change", ["relation", "row_id"])


def downgrade() -> None:
    op.drop_table("import_change")

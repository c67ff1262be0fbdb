"""Roll-up of the register per H3 cell, kept current on write.

Revision ID: rollup
Revises: import_order
Create Date: 2026-11-23
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "rollup"
down_revision = "import_order"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    op.create_table(
        "h3_rollup",
        sa.Column("resolution", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("h3", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("in_scope", sa.Boolean(), nullable=False),
        sa.Column("premises", sa.BigInteger(), nullable=False),
        sa.Column("inspections", sa.BigInteger(), nullable=False),
        sa.Column("critical", sa.BigInteger(), nullable=False),
        sa.Column("serious", sa.BigInteger(), nullable=False),
        sa.Column("minor", sa.BigInteger(), nullable=False),
        sa.Column("unclassified", sa.BigInteger(), nullable=False),
        sa.Column("last_visit_on", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "resolution BETWEEN 0 AND 8", name=op.f("ck_h3_rollup_resolution_known")
        ),
        sa.PrimaryKeyConstraint("resolution", "h3", "in_scope", name=op.f("pk_h3_rollup")),
    )
    # rows are written again and again: room for the next version beside the old one
    op.execute("ALTER TABLE h3_rollup SET (fillfactor = 50)")
    op.execute((SQL / "rollup.sql").read_text(encoding="utf-8"))
    op.execute((SQL / "rollup_triggers.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute((SQL / "rollup_down.sql").read_text(encoding="utf-8"))
    op.drop_table("h3_rollup")

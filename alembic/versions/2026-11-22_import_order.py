"""Which inspection a premises' attributes and location are from, so that no order of files matters.

Revision ID: import_order
Revises: grid_history
Create Date: 2026-11-22
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "import_order"
down_revision = "grid_history"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    for what in ("described", "located"):
        op.add_column("premises", sa.Column(f"{what}_on", sa.Date(), nullable=True))
        op.add_column("premises", sa.Column(f"{what}_by", sa.Text(collation="C"), nullable=True))
    op.execute((SQL / "import_order.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute("DROP FUNCTION inspection_rank (text)")
    for name in ("located_by", "located_on", "described_by", "described_on"):
        op.drop_column("premises", name)

"""The triggers that keep links, history and version right.

Revision ID: triggers
Revises: register
Create Date: 2026-11-22
"""

from pathlib import Path

from alembic import op

revision = "triggers"
down_revision = "register"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    op.execute((SQL / "triggers.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute((SQL / "triggers_down.sql").read_text(encoding="utf-8"))

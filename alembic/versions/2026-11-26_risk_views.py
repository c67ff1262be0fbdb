"""Schema map: the order of risk.

Revision ID: risk_views
Revises: pattern_views
Create Date: 2026-11-26
"""

from pathlib import Path

from alembic import op

revision = "risk_views"
down_revision = "pattern_views"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    """Add the views."""
    op.execute((SQL / "risk_views.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """Take them away again."""
    op.execute((SQL / "risk_views_down.sql").read_text(encoding="utf-8"))

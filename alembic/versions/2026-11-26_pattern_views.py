"""Schema map: emerging hot spots and clusters.

Revision ID: pattern_views
Revises: coverage_views
Create Date: 2026-11-26
"""

from pathlib import Path

from alembic import op

revision = "pattern_views"
down_revision = "coverage_views"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    """Add the views."""
    op.execute((SQL / "pattern_views.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """Take them away again."""
    op.execute((SQL / "pattern_views_down.sql").read_text(encoding="utf-8"))

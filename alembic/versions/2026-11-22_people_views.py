"""Schema map: inspectors and the open work of zones.

Revision ID: people_views
Revises: import_change
Create Date: 2026-11-22
"""

from pathlib import Path

from alembic import op

revision = "people_views"
down_revision = "import_change"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    op.execute((SQL / "people_views.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute((SQL / "people_views_down.sql").read_text(encoding="utf-8"))

"""Schema map: what layers may read.

Revision ID: map_views
Revises: triggers
Create Date: 2026-11-22
"""

from pathlib import Path

from alembic import op

revision = "map_views"
down_revision = "triggers"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    # The role belongs to the server, not to this database: it may be there already, and a login
    # that may not make roles can go on then.
    op.execute(
        "DO $$ BEGIN"
        " IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'gis_supervision_reader')"
        " THEN CREATE ROLE gis_supervision_reader LOGIN; END IF;"
        " EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
    )
    op.execute((SQL / "map_views.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute((SQL / "map_views_down.sql").read_text(encoding="utf-8"))

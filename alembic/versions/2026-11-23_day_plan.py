"""Routes of inspectors for days, and travel times between places.

Revision ID: day_plan
Revises: draw_record
Create Date: 2026-11-23
"""

revision = "day_plan"
down_revision = "draw_record"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what the tables of this revision need."""


def downgrade() -> None:
    """Take it away again."""

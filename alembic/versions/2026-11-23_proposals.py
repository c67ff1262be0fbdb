"""Changes of zones and responsibilities as proposals with their history.

Revision ID: proposals
Revises: inspectors
Create Date: 2026-11-23
"""

revision = "proposals"
down_revision = "inspectors"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what the tables of this revision need."""


def downgrade() -> None:
    """Take it away again."""

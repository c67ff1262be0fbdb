"""Schema map: the order of risk.

Revision ID: risk_views
Revises: pattern_views
Create Date: 2026-11-26
"""

revision = "risk_views"
down_revision = "pattern_views"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what this revision needs."""


def downgrade() -> None:
    """Take it away again."""

"""Schema map: emerging hot spots and clusters.

Revision ID: pattern_views
Revises: coverage_views
Create Date: 2026-11-26
"""

revision = "pattern_views"
down_revision = "coverage_views"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what this revision needs."""


def downgrade() -> None:
    """Take it away again."""

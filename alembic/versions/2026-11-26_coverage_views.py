"""Schema map: coverage over months, gaps and next visits.

Revision ID: coverage_views
Revises: complaints
Create Date: 2026-11-26
"""

revision = "coverage_views"
down_revision = "complaints"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what this revision needs."""


def downgrade() -> None:
    """Take it away again."""

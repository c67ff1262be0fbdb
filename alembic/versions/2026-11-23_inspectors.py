"""What inspectors can do, when they are there, and what they may not inspect.

Revision ID: inspectors
Revises: analysis_results
Create Date: 2026-11-23
"""

revision = "inspectors"
down_revision = "analysis_results"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what the tables of this revision need."""


def downgrade() -> None:
    """Take it away again."""

"""Draws with their commitments, results and transcripts.

Revision ID: draw_record
Revises: proposals
Create Date: 2026-11-23
"""

revision = "draw_record"
down_revision = "proposals"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what the tables of this revision need."""


def downgrade() -> None:
    """Take it away again."""

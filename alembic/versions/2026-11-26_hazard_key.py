"""A hazard's key is checked when a statement ends: two may trade their first inspections in it.

Revision ID: hazard_key
Revises: risk_views
Create Date: 2026-11-26
"""

from alembic import op

revision = "hazard_key"
down_revision = "risk_views"
branch_labels = None
depends_on = None

KEY = "uq_hazard_first_inspection_id_item"
COLUMNS = ["first_inspection_id", "item"]


def upgrade() -> None:
    op.drop_constraint(op.f(KEY), "hazard", type_="unique")
    op.create_unique_constraint(
        op.f(KEY), "hazard", COLUMNS, deferrable=True, initially="IMMEDIATE"
    )


def downgrade() -> None:
    op.drop_constraint(op.f(KEY), "hazard", type_="unique")
    op.create_unique_constraint(op.f(KEY), "hazard", COLUMNS)

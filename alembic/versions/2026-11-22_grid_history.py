"""The history of cells, geocodes of divisions, external areas, placing in bulk.

Revision ID: grid_history
Revises: people_views
Create Date: 2026-11-22
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "grid_history"
down_revision = "people_views"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    op.create_table(
        "grid_cell_succession",
        sa.Column("predecessor_id", sa.BigInteger(), nullable=False),
        sa.Column("successor_id", sa.BigInteger(), nullable=False),
        sa.Column("changed_on", sa.Date(), nullable=False),
        sa.CheckConstraint(
            "predecessor_id <> successor_id", name=op.f("ck_grid_cell_succession_not_itself")
        ),
        sa.ForeignKeyConstraint(
            ["predecessor_id"],
            ["grid_cell.id"],
            name=op.f("fk_grid_cell_succession_predecessor_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["successor_id"],
            ["grid_cell.id"],
            name=op.f("fk_grid_cell_succession_successor_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "predecessor_id", "successor_id", name=op.f("pk_grid_cell_succession")
        ),
    )
    op.create_index(
        "ix_grid_cell_succession_successor_id", "grid_cell_succession", ["successor_id"]
    )
    op.create_table(
        "premises_geocode",
        sa.Column("premises_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("division_id", sa.BigInteger(), nullable=False),
        sa.Column("matched_by", sa.Text(), nullable=False),
        sa.Column("matched", sa.Text(), nullable=False),
        sa.Column(
            "geocoded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "matched_by IN ('code', 'name')", name=op.f("ck_premises_geocode_matched_by_known")
        ),
        sa.ForeignKeyConstraint(
            ["division_id"],
            ["division.id"],
            name=op.f("fk_premises_geocode_division_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["premises_id"],
            ["premises.id"],
            name=op.f("fk_premises_geocode_premises_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("premises_id", name=op.f("pk_premises_geocode")),
    )
    op.create_index("ix_premises_geocode_division_id", "premises_geocode", ["division_id"])
    # an index of numbers is several times faster than one of texts that begin alike
    op.drop_constraint("ex_grid_cell_code", "grid_cell")
    op.execute(
        "ALTER TABLE grid_cell ADD CONSTRAINT ex_grid_cell_code"
        " EXCLUDE USING gist (hashtextextended(code, 0) WITH =, valid WITH &&)"
    )
    op.create_index("ix_grid_cell_code", "grid_cell", ["code"])
    op.execute((SQL / "grid_history.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute((SQL / "grid_history_down.sql").read_text(encoding="utf-8"))
    op.drop_index("ix_grid_cell_code", "grid_cell")
    op.drop_constraint("ex_grid_cell_code", "grid_cell")
    op.execute(
        "ALTER TABLE grid_cell ADD CONSTRAINT ex_grid_cell_code"
        " EXCLUDE USING gist (code WITH =, valid WITH &&)"
    )
    op.drop_table("premises_geocode")
    op.drop_table("grid_cell_succession")

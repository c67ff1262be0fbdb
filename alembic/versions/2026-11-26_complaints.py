"""Complaints and reports from the public.

Revision ID: complaints
Revises: day_plan
Create Date: 2026-11-26
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry

revision = "complaints"
down_revision = "day_plan"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    op.create_table(
        "complaint",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("complaint_number", sa.Text(collation="C"), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("licence", sa.Text(), nullable=True),
        sa.Column("premises_id", sa.BigInteger(), nullable=True),
        sa.Column("original_x", sa.Double(), nullable=True),
        sa.Column("original_y", sa.Double(), nullable=True),
        sa.Column("datum", sa.Text(), nullable=True),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="POINT",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            nullable=True,
        ),
        sa.Column("cell_id", sa.BigInteger(), nullable=True),
        sa.Column("h3_10", sa.BigInteger(), nullable=True),
        sa.Column("batch_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "closed_on >= received_on", name=op.f("ck_complaint_closed_after_received")
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["import_batch.id"], name=op.f("fk_complaint_batch_id")
        ),
        sa.ForeignKeyConstraint(
            ["cell_id"], ["grid_cell.id"], name=op.f("fk_complaint_cell_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["premises_id"],
            ["premises.id"],
            name=op.f("fk_complaint_premises_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_complaint")),
        sa.UniqueConstraint("complaint_number", name=op.f("uq_complaint_complaint_number")),
    )
    op.create_index(op.f("ix_complaint_batch_id"), "complaint", ["batch_id"], unique=False)
    op.create_index(op.f("ix_complaint_cell_id"), "complaint", ["cell_id"], unique=False)
    op.create_index(
        "ix_complaint_geom", "complaint", ["geom"], unique=False, postgresql_using="gist"
    )
    op.create_index(op.f("ix_complaint_premises_id"), "complaint", ["premises_id"], unique=False)
    op.create_index("ix_complaint_received_on", "complaint", ["received_on"], unique=False)
    op.create_index(
        "ix_complaint_waiting",
        "complaint",
        ["licence"],
        unique=False,
        postgresql_where=sa.text("premises_id IS NULL"),
    )
    _relations("complaint")
    op.execute((SQL / "complaints.sql").read_text(encoding="utf-8"))


def _relations(*more: str) -> None:
    """Say of which tables an import remembers what rows were before."""
    op.drop_constraint(op.f("ck_import_change_relation_known"), "import_change", type_="check")
    names = ("division", "division_code", "premises", "inspection", "finding", "hazard", *more)
    listed = ", ".join(f"'{name}'" for name in names)
    op.create_check_constraint(
        op.f("ck_import_change_relation_known"), "import_change", f"relation IN ({listed})"
    )


def downgrade() -> None:
    op.execute((SQL / "complaints_down.sql").read_text(encoding="utf-8"))
    op.execute("DELETE FROM import_change WHERE relation = 'complaint'")
    _relations()
    op.drop_table("complaint")

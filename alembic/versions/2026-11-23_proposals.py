"""Changes of zones and responsibilities as proposals with their history.

Revision ID: proposals
Revises: inspectors
Create Date: 2026-11-23
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision = "proposals"
down_revision = "inspectors"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql"


def upgrade() -> None:
    op.create_table(
        "proposal",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column(
            "made_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("valid", postgresql.DATERANGE(), nullable=False),
        sa.Column("effective", postgresql.DATERANGE(), nullable=True),
        sa.Column("absent_id", sa.BigInteger(), nullable=True),
        sa.Column("registry_version", sa.BigInteger(), nullable=False),
        sa.Column("zones_sha256", sa.Text(), nullable=False),
        sa.Column("code_version", sa.Text(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("parameters", postgresql.JSONB(), nullable=False),
        sa.Column("summary", postgresql.JSONB(), nullable=False),
        sa.CheckConstraint(
            "(effective IS NOT NULL) = (state IN ('accepted', 'undone'))",
            name=op.f("ck_proposal_effective_known"),
        ),
        sa.CheckConstraint(
            "(kind = 'absence') = (absent_id IS NOT NULL)",
            name=op.f("ck_proposal_absence_of_someone"),
        ),
        sa.CheckConstraint(
            "kind IN ('redesign', 'repair', 'absence', 'assignment', 'move')",
            name=op.f("ck_proposal_kind_known"),
        ),
        sa.CheckConstraint(
            "state IN ('open', 'accepted', 'rejected', 'withdrawn', 'superseded', 'undone')",
            name=op.f("ck_proposal_state_known"),
        ),
        sa.CheckConstraint("NOT isempty(valid)", name=op.f("ck_proposal_valid_not_empty")),
        sa.ForeignKeyConstraint(
            ["absent_id"], ["inspector.id"], name=op.f("fk_proposal_absent_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposal")),
    )
    op.create_index(op.f("ix_proposal_absent_id"), "proposal", ["absent_id"], unique=False)
    op.create_index(
        "ix_proposal_open",
        "proposal",
        ["id"],
        unique=False,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "proposal_assignment",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("proposal_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("from_id", sa.BigInteger(), nullable=True),
        sa.Column("to_id", sa.BigInteger(), nullable=True),
        sa.Column("valid", postgresql.DATERANGE(), nullable=False),
        sa.CheckConstraint(
            "role IN ('responsible', 'deputy')", name=op.f("ck_proposal_assignment_role_known")
        ),
        sa.CheckConstraint(
            "NOT isempty(valid)", name=op.f("ck_proposal_assignment_valid_not_empty")
        ),
        sa.CheckConstraint(
            "num_nonnulls(from_id, to_id) > 0", name=op.f("ck_proposal_assignment_someone")
        ),
        sa.ForeignKeyConstraint(
            ["proposal_id"], ["proposal.id"], name=op.f("fk_proposal_assignment_proposal_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposal_assignment")),
    )
    op.create_index(
        "ix_proposal_assignment_proposal_id", "proposal_assignment", ["proposal_id"], unique=False
    )
    op.create_table(
        "proposal_case",
        sa.Column("proposal_id", sa.BigInteger(), nullable=False),
        sa.Column("hazard_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("from_zone_id", sa.BigInteger(), nullable=True),
        sa.Column("to_number", sa.Integer(), nullable=False),
        sa.Column("from_id", sa.BigInteger(), nullable=True),
        sa.Column("to_id", sa.BigInteger(), nullable=True),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["proposal_id"], ["proposal.id"], name=op.f("fk_proposal_case_proposal_id")
        ),
        sa.PrimaryKeyConstraint("proposal_id", "hazard_id", name=op.f("pk_proposal_case")),
    )
    op.create_table(
        "proposal_cell",
        sa.Column("proposal_id", sa.BigInteger(), nullable=False),
        sa.Column("cell_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("valid", postgresql.DATERANGE(), nullable=False),
        sa.Column("from_zone_id", sa.BigInteger(), nullable=True),
        sa.Column("to_number", sa.Integer(), nullable=False),
        sa.Column("premises", sa.Integer(), nullable=False),
        sa.Column("unresolved", sa.Integer(), nullable=False),
        sa.Column("hours", sa.Double(), nullable=False),
        sa.CheckConstraint("NOT isempty(valid)", name=op.f("ck_proposal_cell_valid_not_empty")),
        sa.ForeignKeyConstraint(
            ["proposal_id"], ["proposal.id"], name=op.f("fk_proposal_cell_proposal_id")
        ),
        sa.PrimaryKeyConstraint("proposal_id", "cell_id", "valid", name=op.f("pk_proposal_cell")),
    )
    op.create_index("ix_proposal_cell_cell_id", "proposal_cell", ["cell_id"], unique=False)
    op.create_table(
        "proposal_effect",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("proposal_id", sa.BigInteger(), nullable=False),
        sa.Column("relation", sa.Text(), nullable=False),
        sa.Column("row_id", sa.BigInteger(), nullable=False),
        sa.Column("before", postgresql.JSONB(), nullable=True),
        sa.Column("after", postgresql.JSONB(), nullable=True),
        sa.CheckConstraint(
            "relation IN ('zoning', 'zone', 'zone_cell', 'inspector_assignment')",
            name=op.f("ck_proposal_effect_relation_known"),
        ),
        sa.CheckConstraint(
            "num_nonnulls(before, after) > 0", name=op.f("ck_proposal_effect_something")
        ),
        sa.ForeignKeyConstraint(
            ["proposal_id"], ["proposal.id"], name=op.f("fk_proposal_effect_proposal_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposal_effect")),
    )
    op.create_index(
        "ix_proposal_effect_proposal_id",
        "proposal_effect",
        ["proposal_id", "relation"],
        unique=False,
    )
    op.create_index(
        "ix_proposal_effect_row_id", "proposal_effect", ["relation", "row_id"], unique=False
    )
    op.create_table(
        "proposal_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("proposal_id", sa.BigInteger(), nullable=False),
        sa.Column("from_state", sa.Text(), nullable=True),
        sa.Column("to_state", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("effective_on", sa.Date(), nullable=True),
        sa.Column("forced", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "happened_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["proposal_id"], ["proposal.id"], name=op.f("fk_proposal_event_proposal_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposal_event")),
    )
    op.create_index(
        "ix_proposal_event_proposal_id", "proposal_event", ["proposal_id", "id"], unique=False
    )
    op.create_table(
        "proposal_zone",
        sa.Column("proposal_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("zone_id", sa.BigInteger(), nullable=True),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("emptied", sa.Boolean(), nullable=False),
        sa.Column("concerned", sa.Boolean(), nullable=False),
        sa.Column("cells_before", sa.Integer(), nullable=False),
        sa.Column("cells_after", sa.Integer(), nullable=False),
        sa.Column("premises_before", sa.Integer(), nullable=False),
        sa.Column("premises_after", sa.Integer(), nullable=False),
        sa.Column("hours_before", sa.Double(), nullable=False),
        sa.Column("hours_after", sa.Double(), nullable=False),
        sa.Column("responsible_before_id", sa.BigInteger(), nullable=True),
        sa.Column("responsible_after_id", sa.BigInteger(), nullable=True),
        sa.Column("acting_before_id", sa.BigInteger(), nullable=True),
        sa.Column("acting_after_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "geom_before",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            nullable=True,
        ),
        sa.Column(
            "geom_after",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
                name="geometry",
            ),
            nullable=True,
        ),
        sa.ForeignKeyConstraint(
            ["proposal_id"], ["proposal.id"], name=op.f("fk_proposal_zone_proposal_id")
        ),
        sa.PrimaryKeyConstraint("proposal_id", "number", name=op.f("pk_proposal_zone")),
    )
    op.execute((SQL / "proposals.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute((SQL / "proposals_down.sql").read_text(encoding="utf-8"))
    op.drop_table("proposal_zone")
    op.drop_table("proposal_event")
    op.drop_table("proposal_effect")
    op.drop_table("proposal_cell")
    op.drop_table("proposal_case")
    op.drop_table("proposal_assignment")
    op.drop_table("proposal")

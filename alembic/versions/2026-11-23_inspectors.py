"""What inspectors can do, when they are there, and what they may not inspect.

Revision ID: inspectors
Revises: analysis_results
Create Date: 2026-11-23
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision = "inspectors"
down_revision = "analysis_results"
branch_labels = None
depends_on = None

SQL = Path(__file__).parents[1] / "sql"

# what answers and maps depend on, so that they are made anew when it changes
VERSIONED = ("cell_workload", "division_language", "inspector_skill")


def upgrade() -> None:
    op.create_table(
        "inspector_leave",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("inspector_id", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("valid", postgresql.DATERANGE(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        postgresql.ExcludeConstraint(
            (sa.column("inspector_id"), "="),
            (sa.column("valid"), "&&"),
            using="gist",
            name="ex_inspector_leave_same",
        ),
        sa.CheckConstraint(
            "reason IN ('leave', 'sick', 'training', 'secondment', 'other')",
            name=op.f("ck_inspector_leave_reason_known"),
        ),
        sa.CheckConstraint("NOT isempty(valid)", name=op.f("ck_inspector_leave_valid_not_empty")),
        sa.CheckConstraint("NOT upper_inf(valid)", name=op.f("ck_inspector_leave_leave_ends")),
        sa.ForeignKeyConstraint(
            ["inspector_id"], ["inspector.id"], name=op.f("fk_inspector_leave_inspector_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inspector_leave")),
    )
    op.create_index(
        op.f("ix_inspector_leave_inspector_id"), "inspector_leave", ["inspector_id"], unique=False
    )
    op.create_table(
        "inspector_skill",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("inspector_id", sa.BigInteger(), nullable=False),
        sa.Column("skill", sa.Text(), nullable=False),
        sa.Column("certificate_number", sa.Text(), nullable=True),
        sa.Column("valid", postgresql.DATERANGE(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        postgresql.ExcludeConstraint(
            (sa.column("inspector_id"), "="),
            (sa.column("skill"), "="),
            (sa.column("valid"), "&&"),
            using="gist",
            name="ex_inspector_skill_same",
        ),
        sa.CheckConstraint(
            "skill IN ('production', 'circulation', 'catering', 'special_food')",
            name=op.f("ck_inspector_skill_skill_known"),
        ),
        sa.CheckConstraint("NOT isempty(valid)", name=op.f("ck_inspector_skill_valid_not_empty")),
        sa.ForeignKeyConstraint(
            ["inspector_id"], ["inspector.id"], name=op.f("fk_inspector_skill_inspector_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inspector_skill")),
    )
    op.create_index(
        op.f("ix_inspector_skill_inspector_id"), "inspector_skill", ["inspector_id"], unique=False
    )
    op.create_table(
        "inspector_team",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("lead_id", sa.BigInteger(), nullable=False),
        sa.Column("assistant_id", sa.BigInteger(), nullable=False),
        sa.Column("valid", postgresql.DATERANGE(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=True),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        postgresql.ExcludeConstraint(
            (sa.column("assistant_id"), "="),
            (sa.column("valid"), "&&"),
            using="gist",
            name="ex_inspector_team_assistant",
        ),
        postgresql.ExcludeConstraint(
            (sa.column("lead_id"), "="),
            (sa.column("valid"), "&&"),
            using="gist",
            name="ex_inspector_team_lead",
        ),
        sa.CheckConstraint("NOT isempty(valid)", name=op.f("ck_inspector_team_valid_not_empty")),
        sa.CheckConstraint("lead_id <> assistant_id", name=op.f("ck_inspector_team_two_people")),
        sa.ForeignKeyConstraint(
            ["assistant_id"], ["inspector.id"], name=op.f("fk_inspector_team_assistant_id")
        ),
        sa.ForeignKeyConstraint(
            ["lead_id"], ["inspector.id"], name=op.f("fk_inspector_team_lead_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inspector_team")),
    )
    op.create_index(
        op.f("ix_inspector_team_assistant_id"), "inspector_team", ["assistant_id"], unique=False
    )
    op.create_index(op.f("ix_inspector_team_lead_id"), "inspector_team", ["lead_id"], unique=False)
    op.create_table(
        "cell_workload",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("cell_id", sa.BigInteger(), nullable=False),
        sa.Column("hours", sa.Double(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column(
            "set_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("undone_by", sa.Text(), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "hours >= 0 AND hours < 'Infinity'", name=op.f("ck_cell_workload_hours_not_negative")
        ),
        sa.CheckConstraint("reason <> ''", name=op.f("ck_cell_workload_reason_given")),
        sa.CheckConstraint(
            "(undone_at IS NULL) = (undone_by IS NULL)",
            name=op.f("ck_cell_workload_undone_by_somebody"),
        ),
        sa.ForeignKeyConstraint(
            ["cell_id"], ["grid_cell.id"], name=op.f("fk_cell_workload_cell_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cell_workload")),
    )
    op.create_index(
        "ix_cell_workload_cell_id", "cell_workload", ["cell_id", "valid_from", "id"], unique=False
    )
    op.create_table(
        "division_language",
        sa.Column("division_id", sa.BigInteger(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "language ~ '^[a-z]{2,3}$'", name=op.f("ck_division_language_language_code")
        ),
        sa.ForeignKeyConstraint(
            ["division_id"],
            ["division.id"],
            name=op.f("fk_division_language_division_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("division_id", "language", name=op.f("pk_division_language")),
    )
    op.create_table(
        "inspector_recusal",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("inspector_id", sa.BigInteger(), nullable=False),
        sa.Column("premises_id", sa.BigInteger(), nullable=True),
        sa.Column("owner_credit_code", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("valid", postgresql.DATERANGE(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        postgresql.ExcludeConstraint(
            (sa.column("inspector_id"), "="),
            (sa.column("premises_id"), "="),
            (sa.column("valid"), "&&"),
            using="gist",
            where=sa.text("premises_id IS NOT NULL"),
            name="ex_inspector_recusal_premises",
        ),
        postgresql.ExcludeConstraint(
            (sa.column("inspector_id"), "="),
            (sa.column("owner_credit_code"), "="),
            (sa.column("valid"), "&&"),
            using="gist",
            where=sa.text("owner_credit_code IS NOT NULL"),
            name="ex_inspector_recusal_owner",
        ),
        sa.CheckConstraint("NOT isempty(valid)", name=op.f("ck_inspector_recusal_valid_not_empty")),
        sa.CheckConstraint(
            "num_nonnulls(premises_id, owner_credit_code) = 1",
            name=op.f("ck_inspector_recusal_premises_or_owner"),
        ),
        sa.ForeignKeyConstraint(
            ["inspector_id"], ["inspector.id"], name=op.f("fk_inspector_recusal_inspector_id")
        ),
        sa.ForeignKeyConstraint(
            ["premises_id"], ["premises.id"], name=op.f("fk_inspector_recusal_premises_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inspector_recusal")),
    )
    op.create_index(
        op.f("ix_inspector_recusal_inspector_id"),
        "inspector_recusal",
        ["inspector_id"],
        unique=False,
    )
    op.create_index(
        "ix_inspector_recusal_owner_credit_code",
        "inspector_recusal",
        ["owner_credit_code"],
        unique=False,
    )
    op.create_index(
        op.f("ix_inspector_recusal_premises_id"), "inspector_recusal", ["premises_id"], unique=False
    )
    op.add_column(
        "inspector",
        sa.Column(
            "languages", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
    )
    op.add_column(
        "inspector",
        sa.Column(
            "home",
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
    )
    op.add_column("inspector", sa.Column("left_on", sa.Date(), nullable=True))
    op.drop_constraint("ck_inspector_capacity_positive", "inspector")
    op.create_check_constraint(
        op.f("ck_inspector_capacity_not_negative"),
        "inspector",
        "capacity_hours >= 0 AND capacity_hours < 'Infinity'",
    )
    op.drop_constraint("ck_analysis_run_kind_known", "analysis_run")
    op.create_check_constraint(
        op.f("ck_analysis_run_kind_known"),
        "analysis_run",
        "kind IN ('coverage', 'hotspots', 'coverage_months', 'emerging', 'scan', 'risk',"
        " 'workload')",
    )
    for table in VERSIONED:
        op.execute(
            f"CREATE TRIGGER {table}_version"
            f" AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION registry_changed()"
        )
    op.execute((SQL / "workload_views.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    op.execute((SQL / "workload_views_down.sql").read_text(encoding="utf-8"))
    op.execute("DELETE FROM analysis_run AS r WHERE r.kind = 'workload'")
    op.drop_constraint("ck_analysis_run_kind_known", "analysis_run")
    op.create_check_constraint(
        op.f("ck_analysis_run_kind_known"),
        "analysis_run",
        "kind IN ('coverage', 'hotspots', 'coverage_months', 'emerging', 'scan', 'risk')",
    )
    op.drop_constraint("ck_inspector_capacity_not_negative", "inspector")
    op.create_check_constraint(
        op.f("ck_inspector_capacity_positive"), "inspector", "capacity_hours > 0"
    )
    op.drop_column("inspector", "left_on")
    op.drop_column("inspector", "home")
    op.drop_column("inspector", "languages")
    op.drop_table("division_language")
    op.drop_table("inspector_recusal")
    op.drop_table("cell_workload")
    op.drop_table("inspector_team")
    op.drop_table("inspector_skill")
    op.drop_table("inspector_leave")

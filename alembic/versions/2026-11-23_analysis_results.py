"""Results of analyses over months, of premises and of clusters.

Revision ID: analysis_results
Revises: rollup
Create Date: 2026-11-23
"""

import sqlalchemy as sa
from alembic import op

revision = "analysis_results"
down_revision = "rollup"
branch_labels = None
depends_on = None

KINDS = ("coverage", "hotspots")
MORE_KINDS = ("coverage_months", "emerging", "scan", "risk")
UNITS = ("h3", "cell", "zone", "division", "area")
MORE_UNITS = ("premises", "category", "cluster")


def _check(table: str, column: str, allowed: tuple[str, ...], *, name: str) -> None:
    op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
    listed = ", ".join(f"'{value}'" for value in allowed)
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, f"{column} IN ({listed})")


def upgrade() -> None:
    _check("analysis_run", "kind", (*KINDS, *MORE_KINDS), name="kind_known")
    _check("cell_metric", "unit", (*UNITS, *MORE_UNITS), name="unit_known")
    op.create_table(
        "cell_series",
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("unit_id", sa.BigInteger(), nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("period_end", sa.Date(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.CheckConstraint(
            "unit IN ('h3', 'cell', 'zone', 'division', 'area', 'premises', 'category')",
            name=op.f("ck_cell_series_unit_known"),
        ),
        sa.CheckConstraint(
            "value <> 'NaN'::double precision", name=op.f("ck_cell_series_value_not_nan")
        ),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["analysis_run.id"],
            name=op.f("fk_cell_series_run_id_analysis_run"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "run_id", "unit", "unit_id", "metric", "period_end", name=op.f("pk_cell_series")
        ),
    )


def downgrade() -> None:
    op.drop_table("cell_series")
    op.execute("DELETE FROM cell_metric WHERE unit IN ('premises', 'category', 'cluster')")
    op.execute(
        "DELETE FROM analysis_run WHERE kind IN ('coverage_months', 'emerging', 'scan', 'risk')"
    )
    _check("cell_metric", "unit", UNITS, name="unit_known")
    _check("analysis_run", "kind", KINDS, name="kind_known")

"""The register: divisions, grid, zones, inspectors, premises, inspections, hazards, analyses.

Revision ID: register
Revises:
Create Date: 2026-11-22
"""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision = "register"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "analysis_run",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("parameters", postgresql.JSONB(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("registry_version", sa.BigInteger(), nullable=False),
        sa.Column("code_version", sa.Text(), nullable=False),
        sa.Column("summary", postgresql.JSONB(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "finished_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('coverage', 'hotspots')", name=op.f("ck_analysis_run_kind_known")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_analysis_run")),
    )
    op.create_index(
        "ix_analysis_run_kind_as_of", "analysis_run", ["kind", "as_of", "id"], unique=False
    )
    op.create_table(
        "grid",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("side_m", sa.Double(), nullable=True),
        sa.Column("resolution", sa.SmallInteger(), nullable=True),
        sa.Column("valid", postgresql.DATERANGE(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        postgresql.ExcludeConstraint(
            (sa.column("valid"), "&&"), using="gist", name="ex_grid_valid"
        ),
        sa.CheckConstraint(
            "(kind = 'h3') = (resolution IS NOT NULL)", name=op.f("ck_grid_h3_has_resolution")
        ),
        sa.CheckConstraint(
            "(kind = 'square') = (side_m IS NOT NULL)", name=op.f("ck_grid_square_has_side")
        ),
        sa.CheckConstraint("kind IN ('square', 'h3', 'polygon')", name=op.f("ck_grid_kind_known")),
        sa.CheckConstraint("NOT isempty(valid)", name=op.f("ck_grid_valid_not_empty")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grid")),
    )
    op.create_table(
        "h3_cell",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("resolution", sa.SmallInteger(), nullable=False),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
            ),
            nullable=False,
        ),
        sa.Column(
            "geom_3857",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=3857,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
            ),
            sa.Computed("st_transform(geom, 3857)", persisted=True),
            nullable=True,
        ),
        sa.CheckConstraint("resolution BETWEEN 0 AND 15", name=op.f("ck_h3_cell_resolution_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_h3_cell")),
    )
    op.create_index(
        "ix_h3_cell_geom_3857",
        "h3_cell",
        ["geom_3857"],
        unique=False,
        postgresql_using="gist",
        postgresql_where=None,
    )
    op.create_table(
        "hazard_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("hazard_id", sa.BigInteger(), nullable=False),
        sa.Column("happened_on", sa.Date(), nullable=False),
        sa.Column("from_state", sa.Text(), nullable=True),
        sa.Column("to_state", sa.Text(), nullable=True),
        sa.Column("inspection_id", sa.BigInteger(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hazard_event")),
    )
    op.create_index("ix_hazard_event_hazard_id", "hazard_event", ["hazard_id", "id"], unique=False)
    op.create_table(
        "import_batch",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("mapping", sa.Text(), nullable=False),
        sa.Column("content_sha256", sa.Text(), nullable=False),
        sa.Column("files", postgresql.JSONB(), nullable=False),
        sa.Column("datum", sa.Text(), nullable=True),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("counts", postgresql.JSONB(), nullable=False),
        sa.Column("imported_by", sa.Text(), nullable=False),
        sa.Column(
            "imported_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("mode IN ('reject', 'refuse')", name=op.f("ck_import_batch_mode_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_batch")),
    )
    op.create_index(
        "uq_import_batch_content_sha256",
        "import_batch",
        ["content_sha256"],
        unique=True,
        postgresql_where=sa.text("undone_at IS NULL"),
    )
    op.create_table(
        "inspector",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("staff_number", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("capacity_hours", sa.Double(), nullable=False),
        sa.Column("synthetic", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint("capacity_hours > 0", name=op.f("ck_inspector_capacity_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inspector")),
        sa.UniqueConstraint("staff_number", name=op.f("uq_inspector_staff_number")),
    )
    op.create_table(
        "registry_version",
        sa.Column("id", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id", name=op.f("ck_registry_version_single_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registry_version")),
    )
    op.create_table(
        "zoning",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("parameters", postgresql.JSONB(), nullable=False),
        sa.Column("summary", postgresql.JSONB(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zoning")),
    )
    op.create_table(
        "cell_metric",
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("unit_id", sa.BigInteger(), nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.CheckConstraint(
            "unit IN ('h3', 'cell', 'zone', 'division', 'area')",
            name=op.f("ck_cell_metric_unit_known"),
        ),
        sa.CheckConstraint(
            "value <> 'NaN'::double precision", name=op.f("ck_cell_metric_value_not_nan")
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["analysis_run.id"], name=op.f("fk_cell_metric_run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "unit", "unit_id", "metric", name=op.f("pk_cell_metric")),
    )
    op.create_table(
        "division",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("parent_id", sa.BigInteger(), nullable=True),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("external", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
            ),
            nullable=True,
        ),
        sa.Column(
            "geom_3857",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=3857,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
            ),
            sa.Computed("st_transform(geom, 3857)", persisted=True),
            nullable=True,
        ),
        sa.Column("batch_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "level IN ('county', 'township', 'village', 'neighbourhood')",
            name=op.f("ck_division_level_known"),
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["import_batch.id"], name=op.f("fk_division_batch_id")
        ),
        sa.ForeignKeyConstraint(["parent_id"], ["division.id"], name=op.f("fk_division_parent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_division")),
    )
    op.create_index(op.f("ix_division_batch_id"), "division", ["batch_id"], unique=False)
    op.create_index(
        "ix_division_geom",
        "division",
        ["geom"],
        unique=False,
        postgresql_using="gist",
        postgresql_where=None,
    )
    op.create_index(
        "ix_division_geom_3857",
        "division",
        ["geom_3857"],
        unique=False,
        postgresql_using="gist",
        postgresql_where=None,
    )
    op.create_index(op.f("ix_division_parent_id"), "division", ["parent_id"], unique=False)
    op.create_table(
        "zone",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("zoning_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("workload_hours", sa.Double(), nullable=False),
        sa.CheckConstraint("workload_hours >= 0", name=op.f("ck_zone_workload_not_negative")),
        sa.ForeignKeyConstraint(["zoning_id"], ["zoning.id"], name=op.f("fk_zone_zoning_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zone")),
        sa.UniqueConstraint("zoning_id", "code", name=op.f("uq_zone_zoning_id_code")),
    )
    op.create_table(
        "division_code",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("division_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("valid", postgresql.DATERANGE(), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("code"), "="),
            (sa.column("valid"), "&&"),
            using="gist",
            name="ex_division_code_code",
        ),
        postgresql.ExcludeConstraint(
            (sa.column("division_id"), "="),
            (sa.column("valid"), "&&"),
            using="gist",
            name="ex_division_code_division_id",
        ),
        sa.CheckConstraint("NOT isempty(valid)", name=op.f("ck_division_code_valid_not_empty")),
        sa.ForeignKeyConstraint(
            ["division_id"], ["division.id"], name=op.f("fk_division_code_division_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_division_code")),
    )
    op.create_index("ix_division_code_code", "division_code", ["code"], unique=False)
    op.create_index(
        op.f("ix_division_code_division_id"), "division_code", ["division_id"], unique=False
    )
    op.create_table(
        "grid_cell",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("grid_id", sa.BigInteger(), nullable=False),
        sa.Column("division_id", sa.BigInteger(), nullable=True),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("h3", sa.BigInteger(), nullable=True),
        sa.Column("grade", sa.SmallInteger(), nullable=True),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
            ),
            nullable=False,
        ),
        sa.Column(
            "geom_3857",
            Geometry(
                geometry_type="MULTIPOLYGON",
                srid=3857,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
            ),
            sa.Computed("st_transform(geom, 3857)", persisted=True),
            nullable=True,
        ),
        sa.Column(
            "area_m2",
            sa.Double(),
            sa.Computed("st_area(geom::geography)", persisted=True),
            nullable=True,
        ),
        sa.Column("valid", postgresql.DATERANGE(), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("code"), "="),
            (sa.column("valid"), "&&"),
            using="gist",
            name="ex_grid_cell_code",
        ),
        sa.CheckConstraint("NOT isempty(valid)", name=op.f("ck_grid_cell_valid_not_empty")),
        sa.ForeignKeyConstraint(
            ["division_id"], ["division.id"], name=op.f("fk_grid_cell_division_id")
        ),
        sa.ForeignKeyConstraint(["grid_id"], ["grid.id"], name=op.f("fk_grid_cell_grid_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grid_cell")),
    )
    op.create_index(op.f("ix_grid_cell_division_id"), "grid_cell", ["division_id"], unique=False)
    op.create_index(
        "ix_grid_cell_geom_3857",
        "grid_cell",
        ["geom_3857"],
        unique=False,
        postgresql_using="gist",
        postgresql_where=None,
    )
    op.create_index(
        "ix_grid_cell_geom_current",
        "grid_cell",
        ["geom"],
        unique=False,
        postgresql_using="gist",
        postgresql_where=sa.text("upper_inf(valid)"),
    )
    op.create_index(op.f("ix_grid_cell_grid_id"), "grid_cell", ["grid_id"], unique=False)
    op.create_table(
        "inspector_assignment",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("zone_id", sa.BigInteger(), nullable=False),
        sa.Column("inspector_id", sa.BigInteger(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("valid", postgresql.DATERANGE(), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("zone_id"), "="),
            (sa.column("inspector_id"), "="),
            (sa.column("valid"), "&&"),
            using="gist",
            name="ex_inspector_assignment_same",
        ),
        postgresql.ExcludeConstraint(
            (sa.column("zone_id"), "="),
            (sa.column("valid"), "&&"),
            where=sa.text("role = 'responsible'"),
            using="gist",
            name="ex_inspector_assignment_responsible",
        ),
        sa.CheckConstraint(
            "role IN ('responsible', 'deputy')", name=op.f("ck_inspector_assignment_role_known")
        ),
        sa.CheckConstraint(
            "NOT isempty(valid)", name=op.f("ck_inspector_assignment_valid_not_empty")
        ),
        sa.ForeignKeyConstraint(
            ["inspector_id"], ["inspector.id"], name=op.f("fk_inspector_assignment_inspector_id")
        ),
        sa.ForeignKeyConstraint(
            ["zone_id"], ["zone.id"], name=op.f("fk_inspector_assignment_zone_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inspector_assignment")),
    )
    op.create_index(
        op.f("ix_inspector_assignment_inspector_id"),
        "inspector_assignment",
        ["inspector_id"],
        unique=False,
    )
    op.create_index(
        "ix_inspector_assignment_zone_id",
        "inspector_assignment",
        ["zone_id"],
        unique=False,
        postgresql_include=["inspector_id", "role", "valid"],
    )
    op.create_table(
        "premises",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("licence", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("trade_name", sa.Text(), nullable=True),
        sa.Column("credit_code", sa.Text(), nullable=True),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("risk_class", sa.Text(), nullable=True),
        sa.Column("credit_class", sa.Text(), nullable=True),
        sa.Column("responsibility_tier", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("division_code", sa.Text(), nullable=True),
        sa.Column("original_x", sa.Double(), nullable=True),
        sa.Column("original_y", sa.Double(), nullable=True),
        sa.Column("datum", sa.Text(), nullable=True),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("external", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("opened_on", sa.Date(), nullable=True),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column(
            "geom",
            Geometry(
                geometry_type="POINT",
                srid=4326,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
            ),
            nullable=True,
        ),
        sa.Column(
            "geom_3857",
            Geometry(
                geometry_type="POINT",
                srid=3857,
                dimension=2,
                spatial_index=False,
                from_text="ST_GeomFromEWKT",
            ),
            sa.Computed("st_transform(geom, 3857)", persisted=True),
            nullable=True,
        ),
        sa.Column("cell_id", sa.BigInteger(), nullable=True),
        sa.Column("division_id", sa.BigInteger(), nullable=True),
        sa.Column("h3_6", sa.BigInteger(), nullable=True),
        sa.Column("h3_7", sa.BigInteger(), nullable=True),
        sa.Column("h3_8", sa.BigInteger(), nullable=True),
        sa.Column("h3_9", sa.BigInteger(), nullable=True),
        sa.Column("h3_10", sa.BigInteger(), nullable=True),
        sa.Column("batch_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(location = 'none') = (geom IS NULL)", name=op.f("ck_premises_location_has_point")
        ),
        sa.CheckConstraint(
            "location IN ('exact', 'approximate', 'none')", name=op.f("ck_premises_location_known")
        ),
        sa.CheckConstraint("closed_on >= opened_on", name=op.f("ck_premises_closed_after_opened")),
        sa.CheckConstraint(
            "geom IS NULL OR (st_x(geom) BETWEEN -180 AND 180 AND st_y(geom) BETWEEN -90 AND 90)",
            name=op.f("ck_premises_geom_on_earth"),
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["import_batch.id"], name=op.f("fk_premises_batch_id")
        ),
        sa.ForeignKeyConstraint(["cell_id"], ["grid_cell.id"], name=op.f("fk_premises_cell_id")),
        sa.ForeignKeyConstraint(
            ["division_id"], ["division.id"], name=op.f("fk_premises_division_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_premises")),
        sa.UniqueConstraint("licence", name=op.f("uq_premises_licence")),
    )
    op.create_index(op.f("ix_premises_batch_id"), "premises", ["batch_id"], unique=False)
    op.create_index(
        "ix_premises_cell_id",
        "premises",
        ["cell_id"],
        unique=False,
        postgresql_include=["risk_class"],
    )
    op.create_index(op.f("ix_premises_division_id"), "premises", ["division_id"], unique=False)
    op.create_index(
        "ix_premises_geom",
        "premises",
        ["geom"],
        unique=False,
        postgresql_using="gist",
        postgresql_where=None,
    )
    op.create_index("ix_premises_h3_8", "premises", ["h3_8"], unique=False)
    op.create_index(
        "ix_premises_h3_missing",
        "premises",
        ["id"],
        unique=False,
        postgresql_where=sa.text("geom IS NOT NULL AND h3_10 IS NULL"),
    )
    op.create_table(
        "zone_cell",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("zone_id", sa.BigInteger(), nullable=False),
        sa.Column("cell_id", sa.BigInteger(), nullable=False),
        sa.Column("valid", postgresql.DATERANGE(), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("cell_id"), "="),
            (sa.column("valid"), "&&"),
            using="gist",
            name="ex_zone_cell_cell_id",
        ),
        sa.CheckConstraint("NOT isempty(valid)", name=op.f("ck_zone_cell_valid_not_empty")),
        sa.ForeignKeyConstraint(["cell_id"], ["grid_cell.id"], name=op.f("fk_zone_cell_cell_id")),
        sa.ForeignKeyConstraint(["zone_id"], ["zone.id"], name=op.f("fk_zone_cell_zone_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zone_cell")),
    )
    op.create_index(
        "ix_zone_cell_cell_id",
        "zone_cell",
        ["cell_id"],
        unique=False,
        postgresql_include=["zone_id", "valid"],
    )
    op.create_index(
        "ix_zone_cell_zone_id",
        "zone_cell",
        ["zone_id"],
        unique=False,
        postgresql_include=["cell_id", "valid"],
    )
    op.create_table(
        "inspection",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("inspection_number", sa.Text(collation="C"), nullable=False),
        sa.Column("premises_id", sa.BigInteger(), nullable=False),
        sa.Column("inspected_on", sa.Date(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("channel", sa.Text(), server_default=sa.text("'on_site'"), nullable=False),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("batch_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "channel IN ('on_site', 'online')", name=op.f("ck_inspection_channel_known")
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["import_batch.id"], name=op.f("fk_inspection_batch_id")
        ),
        sa.ForeignKeyConstraint(
            ["premises_id"], ["premises.id"], name=op.f("fk_inspection_premises_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inspection")),
        sa.UniqueConstraint("inspection_number", name=op.f("uq_inspection_inspection_number")),
    )
    op.create_index(op.f("ix_inspection_batch_id"), "inspection", ["batch_id"], unique=False)
    op.create_index("ix_inspection_inspected_on", "inspection", ["inspected_on"], unique=False)
    op.create_index(
        "ix_inspection_premises_id",
        "inspection",
        ["premises_id", "inspected_on"],
        unique=False,
        postgresql_include=["channel"],
    )
    op.create_table(
        "finding",
        sa.Column("inspection_id", sa.BigInteger(), nullable=False),
        sa.Column("item", sa.Text(collation="C"), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("times", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "severity IN ('critical', 'serious', 'minor', 'unclassified')",
            name=op.f("ck_finding_severity_known"),
        ),
        sa.CheckConstraint("times > 0", name=op.f("ck_finding_times_positive")),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["import_batch.id"], name=op.f("fk_finding_batch_id")
        ),
        sa.ForeignKeyConstraint(
            ["inspection_id"], ["inspection.id"], name=op.f("fk_finding_inspection_id")
        ),
        sa.PrimaryKeyConstraint("inspection_id", "item", name=op.f("pk_finding")),
    )
    op.create_index(op.f("ix_finding_batch_id"), "finding", ["batch_id"], unique=False)
    op.create_table(
        "hazard",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("premises_id", sa.BigInteger(), nullable=False),
        sa.Column("item", sa.Text(collation="C"), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'reported'"), nullable=False),
        sa.Column("first_inspection_id", sa.BigInteger(), nullable=False),
        sa.Column("last_inspection_id", sa.BigInteger(), nullable=False),
        sa.Column("resolving_inspection_id", sa.BigInteger(), nullable=True),
        sa.Column("found_on", sa.Date(), nullable=False),
        sa.Column("last_seen_on", sa.Date(), nullable=False),
        sa.Column("resolved_on", sa.Date(), nullable=True),
        sa.Column("times_seen", sa.Integer(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "(resolved_on IS NULL)"
            " = (state NOT IN ('verified', 'closed', 'rejected', 'duplicate'))",
            name=op.f("ck_hazard_resolved_has_end_state"),
        ),
        sa.CheckConstraint(
            "severity IN ('critical', 'serious', 'minor', 'unclassified')",
            name=op.f("ck_hazard_severity_known"),
        ),
        sa.CheckConstraint(
            "last_seen_on >= found_on AND resolved_on >= last_seen_on",
            name=op.f("ck_hazard_dates_in_order"),
        ),
        sa.CheckConstraint("times_seen > 0", name=op.f("ck_hazard_times_seen_positive")),
        sa.ForeignKeyConstraint(
            ["first_inspection_id"], ["inspection.id"], name=op.f("fk_hazard_first_inspection_id")
        ),
        sa.ForeignKeyConstraint(
            ["last_inspection_id"], ["inspection.id"], name=op.f("fk_hazard_last_inspection_id")
        ),
        sa.ForeignKeyConstraint(
            ["premises_id"], ["premises.id"], name=op.f("fk_hazard_premises_id")
        ),
        sa.ForeignKeyConstraint(
            ["resolving_inspection_id"],
            ["inspection.id"],
            name=op.f("fk_hazard_resolving_inspection_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hazard")),
        sa.UniqueConstraint(
            "first_inspection_id", "item", name=op.f("uq_hazard_first_inspection_id_item")
        ),
    )
    op.create_index(
        op.f("ix_hazard_last_inspection_id"), "hazard", ["last_inspection_id"], unique=False
    )
    op.create_index(
        "ix_hazard_open",
        "hazard",
        ["found_on"],
        unique=False,
        postgresql_where=sa.text("resolved_on IS NULL"),
    )
    op.create_index("ix_hazard_premises_id", "hazard", ["premises_id", "item"], unique=False)
    op.create_index(
        op.f("ix_hazard_resolving_inspection_id"),
        "hazard",
        ["resolving_inspection_id"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_table("hazard")
    op.drop_table("finding")
    op.drop_table("inspection")
    op.drop_table("zone_cell")
    op.drop_table("premises")
    op.drop_table("inspector_assignment")
    op.drop_table("grid_cell")
    op.drop_table("division_code")
    op.drop_table("zone")
    op.drop_table("division")
    op.drop_table("cell_metric")
    op.drop_table("zoning")
    op.drop_table("registry_version")
    op.drop_table("inspector")
    op.drop_table("import_batch")
    op.drop_table("hazard_event")
    op.drop_table("h3_cell")
    op.drop_table("grid")
    op.drop_table("analysis_run")

"""Tables of the register: divisions, grid, zones, inspectors, premises, inspections, hazards.

Tables of the dispatcher's work, of draws, of day plans and of roll-ups have modules of their own.

Coordinates are WGS84 longitude and latitude (EPSG:4326), which stands for CGCS2000 (EPSG:4490)
too; the pair that an office handed in is kept beside it with its datum. ``geom_3857`` is generated
by the database for tiles, so it is right whoever writes. Validity is a half-open ``daterange``;
"current" means that it has no upper end.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Computed,
    Double,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    Text,
    UniqueConstraint,
    func,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column

from gis_supervision.storage.columns import (
    Record,
    geom_3857_column,
    geom_column,
    gist_index,
    identity,
    never_twice,
    now,
    reference,
    valid_not_empty,
)

H3_RESOLUTIONS = (6, 7, 8, 9, 10)
"""Resolutions whose cell is stored with every premises."""


class Division(Record):
    """An administrative area: county, township, village, or the neighbourhoods of a city."""

    __tablename__ = "division"
    __table_args__ = (
        CheckConstraint(
            "level IN ('county', 'township', 'village', 'neighbourhood')", name="level_known"
        ),
        gist_index("ix_division_geom", "geom"),
        gist_index("ix_division_geom_3857", "geom_3857"),
    )
    id: Mapped[int] = identity()
    parent_id: Mapped[int | None] = reference("division", nullable=True)
    level: Mapped[str]
    kind: Mapped[str | None]
    name: Mapped[str]
    external: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    geom: Mapped[Any] = geom_column("MULTIPOLYGON", nullable=True)
    geom_3857: Mapped[Any] = geom_3857_column("MULTIPOLYGON")
    batch_id: Mapped[int | None] = reference("import_batch", nullable=True)


class DivisionCode(Record):
    """Which code a division had when: codes have gaps, change, and pass to a successor."""

    __tablename__ = "division_code"
    __table_args__ = (
        never_twice("ex_division_code_code", "code"),
        never_twice("ex_division_code_division_id", "division_id"),
        valid_not_empty(),
        Index("ix_division_code_code", "code"),
    )
    id: Mapped[int] = identity()
    division_id: Mapped[int] = reference("division")
    code: Mapped[str]
    valid: Mapped[Range[date]]


class Grid(Record):
    """How the area is cut into cells. At any instant one grid is in force."""

    __tablename__ = "grid"
    __table_args__ = (
        CheckConstraint("kind IN ('square', 'h3', 'polygon')", name="kind_known"),
        CheckConstraint("(kind = 'square') = (side_m IS NOT NULL)", name="square_has_side"),
        CheckConstraint("(kind = 'h3') = (resolution IS NOT NULL)", name="h3_has_resolution"),
        ExcludeConstraint(("valid", "&&"), name="ex_grid_valid", using="gist"),
        valid_not_empty(),
    )
    id: Mapped[int] = identity()
    name: Mapped[str]
    kind: Mapped[str]
    side_m: Mapped[float | None]
    resolution: Mapped[int | None] = mapped_column(SmallInteger)
    valid: Mapped[Range[date]]
    created_at: Mapped[datetime] = now()


class GridCell(Record):
    """The smallest unit of supervision: a closed polygon in one division."""

    __tablename__ = "grid_cell"
    __table_args__ = (
        # by a hash: an index of numbers is several times faster than one of texts that begin alike
        ExcludeConstraint(
            (func.hashtextextended(literal_column("code"), literal_column("0")), "="),
            ("valid", "&&"),
            name="ex_grid_cell_code",
            using="gist",
        ),
        Index("ix_grid_cell_code", "code"),
        valid_not_empty(),
        gist_index("ix_grid_cell_geom_current", "geom", "upper_inf(valid)"),
        gist_index("ix_grid_cell_geom_3857", "geom_3857"),
    )
    id: Mapped[int] = identity()
    grid_id: Mapped[int] = reference("grid")
    division_id: Mapped[int | None] = reference("division", nullable=True)
    code: Mapped[str]
    h3: Mapped[int | None] = mapped_column(BigInteger)
    grade: Mapped[int | None] = mapped_column(SmallInteger)
    geom: Mapped[Any] = geom_column("MULTIPOLYGON")
    geom_3857: Mapped[Any] = geom_3857_column("MULTIPOLYGON")
    area_m2: Mapped[float] = mapped_column(
        Double, Computed("st_area(geom::geography)", persisted=True), nullable=True
    )
    valid: Mapped[Range[date]]


class GridCellSuccession(Record):
    """Which cell took the place of which: one for each part of a split, each cell of a merger."""

    __tablename__ = "grid_cell_succession"
    __table_args__ = (CheckConstraint("predecessor_id <> successor_id", name="not_itself"),)
    predecessor_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("grid_cell.id", ondelete="CASCADE"), primary_key=True
    )
    successor_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("grid_cell.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    changed_on: Mapped[date]


class Zoning(Record):
    """One design that divides the grid into zones, with the parameters it was made with."""

    __tablename__ = "zoning"
    id: Mapped[int] = identity()
    parameters: Mapped[dict[str, Any]]
    summary: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = now()


class Zone(Record):
    """Cells that one responsible inspector looks after."""

    __tablename__ = "zone"
    __table_args__ = (
        UniqueConstraint("zoning_id", "code"),
        CheckConstraint("workload_hours >= 0", name="workload_not_negative"),
    )
    id: Mapped[int] = identity()
    zoning_id: Mapped[int] = reference("zoning", index=False)
    code: Mapped[str]
    name: Mapped[str]
    workload_hours: Mapped[float]


class ZoneCell(Record):
    """Which zone a cell belonged to when."""

    __tablename__ = "zone_cell"
    __table_args__ = (
        never_twice("ex_zone_cell_cell_id", "cell_id"),
        valid_not_empty(),
        Index("ix_zone_cell_zone_id", "zone_id", postgresql_include=["cell_id", "valid"]),
        Index("ix_zone_cell_cell_id", "cell_id", postgresql_include=["zone_id", "valid"]),
    )
    id: Mapped[int] = identity()
    zone_id: Mapped[int] = reference("zone", index=False)
    cell_id: Mapped[int] = reference("grid_cell", index=False)
    valid: Mapped[Range[date]]


class Inspector(Record):
    """A person with inspection credentials.

    Skills, leave, recusals and teams are in `gis_supervision.storage.dispatch_tables`. ``home`` is
    where a day's route may begin; it is personal and never leaves through a layer or an export.
    ``left_on`` is the first day on which the person works here no longer. ``recorded_at`` is empty
    for who was registered before it was kept.
    """

    __tablename__ = "inspector"
    __table_args__ = (
        UniqueConstraint("staff_number"),
        CheckConstraint(
            "capacity_hours >= 0 AND capacity_hours < 'Infinity'", name="capacity_not_negative"
        ),
    )
    id: Mapped[int] = identity()
    staff_number: Mapped[str]
    name: Mapped[str]
    capacity_hours: Mapped[float]
    languages: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    home: Mapped[Any] = geom_column("POINT", nullable=True)
    left_on: Mapped[date | None]
    synthetic: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    recorded_by: Mapped[str | None]
    recorded_at: Mapped[datetime | None] = mapped_column(server_default=func.now())


class InspectorAssignment(Record):
    """Who was responsible for a zone when, and who stood in as deputy."""

    __tablename__ = "inspector_assignment"
    __table_args__ = (
        CheckConstraint("role IN ('responsible', 'deputy')", name="role_known"),
        never_twice("ex_inspector_assignment_responsible", "zone_id", where="role = 'responsible'"),
        never_twice("ex_inspector_assignment_same", "zone_id", "inspector_id"),
        valid_not_empty(),
        Index(
            "ix_inspector_assignment_zone_id",
            "zone_id",
            postgresql_include=["inspector_id", "role", "valid"],
        ),
    )
    id: Mapped[int] = identity()
    zone_id: Mapped[int] = reference("zone", index=False)
    inspector_id: Mapped[int] = reference("inspector")
    role: Mapped[str]
    valid: Mapped[Range[date]]


class ImportBatch(Record):
    """One import: who, when, which files under which mapping, and what became of the rows."""

    __tablename__ = "import_batch"
    __table_args__ = (
        CheckConstraint("mode IN ('reject', 'refuse')", name="mode_known"),
        Index(
            "uq_import_batch_content_sha256",
            "content_sha256",
            unique=True,
            postgresql_where=text("undone_at IS NULL"),
        ),
    )
    id: Mapped[int] = identity()
    mapping: Mapped[str]
    content_sha256: Mapped[str]
    files: Mapped[dict[str, Any]]
    datum: Mapped[str | None]
    mode: Mapped[str]
    counts: Mapped[dict[str, Any]]
    imported_by: Mapped[str]
    imported_at: Mapped[datetime] = now()
    undone_at: Mapped[datetime | None]


class ImportChange(Record):
    """What a batch changed and did not make: the row as it was before (NULL: a code it added)."""

    __tablename__ = "import_change"
    __table_args__ = (
        CheckConstraint(
            "relation IN ('division', 'division_code', 'premises', 'inspection', 'finding',"
            " 'hazard', 'complaint')",
            name="relation_known",
        ),
        Index("ix_import_change_batch_id", "batch_id", "relation"),
        Index("ix_import_change_row_id", "relation", "row_id"),
    )
    id: Mapped[int] = identity()
    batch_id: Mapped[int] = reference("import_batch", index=False)
    relation: Mapped[str]
    row_id: Mapped[int] = mapped_column(BigInteger)
    before: Mapped[dict[str, Any] | None]


class Premises(Record):
    """A food producer, shop or restaurant under supervision.

    ``risk_class``, ``credit_class`` and ``responsibility_tier`` are three different things that
    an office may all write A to D; none is ever derived from another.

    ``described_on`` and ``described_by`` are day and number of the inspection whose row the
    attributes are from, ``located_on`` and ``located_by`` of the one whose row the location is
    from; empty where they are from a row without an inspection. They make the register the same
    in whatever order its files came.
    """

    __tablename__ = "premises"
    __table_args__ = (
        UniqueConstraint("licence"),
        CheckConstraint("location IN ('exact', 'approximate', 'none')", name="location_known"),
        CheckConstraint("(location = 'none') = (geom IS NULL)", name="location_has_point"),
        CheckConstraint(
            "geom IS NULL OR (st_x(geom) BETWEEN -180 AND 180 AND st_y(geom) BETWEEN -90 AND 90)",
            name="geom_on_earth",
        ),
        CheckConstraint("closed_on >= opened_on", name="closed_after_opened"),
        gist_index("ix_premises_geom", "geom"),
        Index("ix_premises_h3_8", "h3_8"),
        Index("ix_premises_cell_id", "cell_id", postgresql_include=["risk_class"]),
        Index(
            "ix_premises_h3_missing",
            "id",
            postgresql_where=text("geom IS NOT NULL AND h3_10 IS NULL"),
        ),
    )
    id: Mapped[int] = identity()
    licence: Mapped[str]
    name: Mapped[str]
    trade_name: Mapped[str | None]
    credit_code: Mapped[str | None]
    category: Mapped[str | None]
    risk_class: Mapped[str | None]
    credit_class: Mapped[str | None]
    responsibility_tier: Mapped[str | None]
    address: Mapped[str | None]
    division_code: Mapped[str | None]
    original_x: Mapped[float | None]
    original_y: Mapped[float | None]
    datum: Mapped[str | None]
    location: Mapped[str]
    external: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    opened_on: Mapped[date | None]
    closed_on: Mapped[date | None]
    geom: Mapped[Any] = geom_column("POINT", nullable=True)
    geom_3857: Mapped[Any] = geom_3857_column("POINT")
    cell_id: Mapped[int | None] = reference("grid_cell", nullable=True, index=False)
    division_id: Mapped[int | None] = reference("division", nullable=True)
    h3_6: Mapped[int | None] = mapped_column(BigInteger)
    h3_7: Mapped[int | None] = mapped_column(BigInteger)
    h3_8: Mapped[int | None] = mapped_column(BigInteger)
    h3_9: Mapped[int | None] = mapped_column(BigInteger)
    h3_10: Mapped[int | None] = mapped_column(BigInteger)
    batch_id: Mapped[int | None] = reference("import_batch", nullable=True)
    described_on: Mapped[date | None]
    described_by: Mapped[str | None] = mapped_column(Text(collation="C"))
    located_on: Mapped[date | None]
    located_by: Mapped[str | None] = mapped_column(Text(collation="C"))


class PremisesGeocode(Record):
    """The division whose middle is the approximate location of a premises, and how it was found.

    It counts while ``location`` is "approximate"; when the row goes, the point goes with it.
    """

    __tablename__ = "premises_geocode"
    __table_args__ = (CheckConstraint("matched_by IN ('code', 'name')", name="matched_by_known"),)
    premises_id: Mapped[int] = mapped_column(
        BigInteger,
        ForeignKey("premises.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    )
    division_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("division.id", ondelete="CASCADE"), index=True
    )
    matched_by: Mapped[str]
    matched: Mapped[str]
    geocoded_at: Mapped[datetime] = now()


class Inspection(Record):
    """One visit or online check of a premises.

    Inspections of one premises are ordered by date, then by ``inspection_rank(inspection_number)``
    in the database: decimal numbers by value, then all others as text. It is the order of
    `gis_supervision.domain.inspections.inspection_order`.
    """

    __tablename__ = "inspection"
    __table_args__ = (
        UniqueConstraint("inspection_number"),
        CheckConstraint("channel IN ('on_site', 'online')", name="channel_known"),
        Index(
            "ix_inspection_premises_id",
            "premises_id",
            "inspected_on",
            postgresql_include=["channel"],
        ),
        Index("ix_inspection_inspected_on", "inspected_on"),
    )
    id: Mapped[int] = identity()
    inspection_number: Mapped[str] = mapped_column(Text(collation="C"))
    premises_id: Mapped[int] = reference("premises", index=False)
    inspected_on: Mapped[date]
    kind: Mapped[str | None]
    channel: Mapped[str] = mapped_column(Text, server_default=text("'on_site'"))
    result: Mapped[str | None]
    batch_id: Mapped[int | None] = reference("import_batch", nullable=True)


class Finding(Record):
    """An item that an inspection recorded as violated. Hazards are derived from findings."""

    __tablename__ = "finding"
    __table_args__ = (
        CheckConstraint(
            "severity IN ('critical', 'serious', 'minor', 'unclassified')", name="severity_known"
        ),
        CheckConstraint("times > 0", name="times_positive"),
    )
    inspection_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("inspection.id"), primary_key=True
    )
    item: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    severity: Mapped[str]
    times: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    batch_id: Mapped[int | None] = reference("import_batch", nullable=True)


class Hazard(Record):
    """A hazard from the inspection that first records its item until one that no longer does.

    ``state`` is that of the case (see `gis_supervision.domain.inspections`); every change of it is
    written to `HazardEvent` by a trigger, whoever makes it.
    """

    __tablename__ = "hazard"
    __table_args__ = (
        # checked when a statement ends: hazards may trade their first inspections in it
        UniqueConstraint("first_inspection_id", "item", deferrable=True, initially="IMMEDIATE"),
        CheckConstraint(
            "severity IN ('critical', 'serious', 'minor', 'unclassified')", name="severity_known"
        ),
        CheckConstraint("times_seen > 0", name="times_seen_positive"),
        CheckConstraint(
            "last_seen_on >= found_on AND resolved_on >= last_seen_on", name="dates_in_order"
        ),
        CheckConstraint(
            "(resolved_on IS NULL)"
            " = (state NOT IN ('verified', 'closed', 'rejected', 'duplicate'))",
            name="resolved_has_end_state",
        ),
        Index("ix_hazard_premises_id", "premises_id", "item"),
        Index("ix_hazard_open", "found_on", postgresql_where=text("resolved_on IS NULL")),
    )
    id: Mapped[int] = identity()
    premises_id: Mapped[int] = reference("premises", index=False)
    item: Mapped[str] = mapped_column(Text(collation="C"))
    severity: Mapped[str]
    state: Mapped[str] = mapped_column(Text, server_default=text("'reported'"))
    first_inspection_id: Mapped[int] = reference("inspection", index=False)
    last_inspection_id: Mapped[int] = reference("inspection")
    resolving_inspection_id: Mapped[int | None] = reference("inspection", nullable=True)
    found_on: Mapped[date]
    last_seen_on: Mapped[date]
    resolved_on: Mapped[date | None]
    times_seen: Mapped[int]
    due_on: Mapped[date | None]


class HazardEvent(Record):
    """The append-only history of a hazard's states; the database refuses updates and deletes.

    ``hazard_id`` is no foreign key on purpose: the history outlives a hazard that was withdrawn
    (``to_state`` NULL), as when a correction of the register shows that it never was.
    """

    __tablename__ = "hazard_event"
    __table_args__ = (Index("ix_hazard_event_hazard_id", "hazard_id", "id"),)
    id: Mapped[int] = identity()
    hazard_id: Mapped[int] = mapped_column(BigInteger)
    happened_on: Mapped[date]
    from_state: Mapped[str | None]
    to_state: Mapped[str | None]
    inspection_id: Mapped[int | None] = mapped_column(BigInteger)
    actor: Mapped[str]
    recorded_at: Mapped[datetime] = now()


class Complaint(Record):
    """A complaint or report from the public.

    Who made it is not kept here on purpose. The database finds the premises by its licence, also
    when it is registered later, and the cell: that of the point, else that of the premises.
    """

    __tablename__ = "complaint"
    __table_args__ = (
        UniqueConstraint("complaint_number"),
        CheckConstraint("closed_on >= received_on", name="closed_after_received"),
        gist_index("ix_complaint_geom", "geom"),
        Index("ix_complaint_received_on", "received_on"),
        Index("ix_complaint_waiting", "licence", postgresql_where=text("premises_id IS NULL")),
    )
    id: Mapped[int] = identity()
    complaint_number: Mapped[str] = mapped_column(Text(collation="C"))
    received_on: Mapped[date]
    closed_on: Mapped[date | None]
    kind: Mapped[str | None]
    licence: Mapped[str | None]
    premises_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("premises.id", ondelete="SET NULL"), index=True
    )
    original_x: Mapped[float | None]
    original_y: Mapped[float | None]
    datum: Mapped[str | None]
    geom: Mapped[Any] = geom_column("POINT", nullable=True)
    cell_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("grid_cell.id", ondelete="SET NULL"), index=True
    )
    h3_10: Mapped[int | None] = mapped_column(BigInteger)
    batch_id: Mapped[int | None] = reference("import_batch", nullable=True)


class RegistryVersion(Record):
    """A counter that every change of premises, inspections, hazards, grid or zones raises."""

    __tablename__ = "registry_version"
    __table_args__ = (CheckConstraint("id", name="single_row"),)
    id: Mapped[bool] = mapped_column(Boolean, primary_key=True, server_default=text("true"))
    version: Mapped[int] = mapped_column(BigInteger)


class AnalysisRun(Record):
    """One analysis with all that is needed to repeat it.

    ``published_at`` is empty for a run that was only made to look at some day: reports that name
    no day speak of the one published last.
    """

    __tablename__ = "analysis_run"
    __table_args__ = (
        CheckConstraint(
            "kind IN ('coverage', 'hotspots', 'coverage_months', 'emerging', 'scan', 'risk',"
            " 'workload')",
            name="kind_known",
        ),
        Index("ix_analysis_run_kind_as_of", "kind", "as_of", "id"),
    )
    id: Mapped[int] = identity()
    kind: Mapped[str]
    as_of: Mapped[date]
    parameters: Mapped[dict[str, Any]]
    seed: Mapped[int] = mapped_column(BigInteger)
    registry_version: Mapped[int] = mapped_column(BigInteger)
    code_version: Mapped[str]
    summary: Mapped[dict[str, Any]]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime] = now()
    published_at: Mapped[datetime | None]


class H3Cell(Record):
    """The outline of an H3 cell that a run speaks of; ``id`` is the H3 index."""

    __tablename__ = "h3_cell"
    __table_args__ = (
        CheckConstraint("resolution BETWEEN 0 AND 15", name="resolution_known"),
        gist_index("ix_h3_cell_geom_3857", "geom_3857"),
    )
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    resolution: Mapped[int] = mapped_column(SmallInteger)
    geom: Mapped[Any] = geom_column("MULTIPOLYGON")
    geom_3857: Mapped[Any] = geom_3857_column("MULTIPOLYGON")


class CellMetric(Record):
    """One number of one unit in one run. NULL is "no data", never zero."""

    __tablename__ = "cell_metric"
    __table_args__ = (
        CheckConstraint(
            "unit IN ('h3', 'cell', 'zone', 'division', 'area', 'premises', 'category', 'cluster')",
            name="unit_known",
        ),
        CheckConstraint("value <> 'NaN'::double precision", name="value_not_nan"),
    )
    run_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("analysis_run.id", ondelete="CASCADE"), primary_key=True
    )
    unit: Mapped[str] = mapped_column(Text, primary_key=True)
    unit_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    metric: Mapped[str] = mapped_column(Text, primary_key=True)
    value: Mapped[float | None]


class CellSeries(Record):
    """One number of one unit at the end of one period of a run. NULL is "no data", never zero."""

    __tablename__ = "cell_series"
    __table_args__ = (
        CheckConstraint(
            "unit IN ('h3', 'cell', 'zone', 'division', 'area', 'premises', 'category')",
            name="unit_known",
        ),
        CheckConstraint("value <> 'NaN'::double precision", name="value_not_nan"),
    )
    run_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("analysis_run.id", ondelete="CASCADE"), primary_key=True
    )
    unit: Mapped[str] = mapped_column(Text, primary_key=True)
    unit_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    metric: Mapped[str] = mapped_column(Text, primary_key=True)
    period_end: Mapped[date] = mapped_column(primary_key=True)
    value: Mapped[float | None]

"""Every table of the database: the modules that define one, and what they define together."""

from __future__ import annotations

from gis_supervision.storage import (
    columns,
    coverage_tables,
    dispatch_tables,
    draw_tables,
    proposal_tables,
    rollup_tables,
    route_tables,
    tables,
)

MODULES = (
    tables,
    rollup_tables,
    coverage_tables,
    dispatch_tables,
    proposal_tables,
    draw_tables,
    route_tables,
)

METADATA = columns.Record.metadata

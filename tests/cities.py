"""A small city with zones in force, for everything that changes them."""

from datetime import date
from pathlib import Path

import factories
import numpy as np
from sqlalchemy import text

from gis_supervision.domain.rules import load_rule_pack

DAY = date(2024, 1, 1)
"""First day of the city's zones."""

RULES = Path(__file__).parents[1] / "gis_supervision/demo/chicago/rules.toml"


def rules():
    return load_rule_pack(RULES)


def small(session, *, side=4, per_zone=2, seed=0):
    """Squares in blocks: zones Z01 and on, inspectors P1 and on; codes of cells are row-column.

    In each cell are one to three premises; some have an unresolved hazard.
    """
    grid = factories.grid(session)
    rng = np.random.default_rng(seed)
    blocks = side // per_zone
    zones = [factories.zone(session, code=f"Z{n:02d}") for n in range(1, blocks * blocks + 1)]
    for number, zone in enumerate(zones, 1):
        person = factories.inspector(session, staff_number=f"P{number}", name=f"Person {number}")
        factories.assignment(session, zone, person, valid=factories.Range(DAY, None))
    for row in range(side):
        for column in range(side):
            lng, lat = 84 + 0.01 * column, 44 - 0.01 * row
            cell = factories.grid_cell(
                session, grid, code=f"{row}-{column}", geom=factories.square(lng=lng, lat=lat)
            )
            zone = zones[(row // per_zone) * blocks + column // per_zone]
            factories.zone_cell(session, zone, cell, valid=factories.Range(DAY, None))
            for number in range(int(rng.integers(1, 4))):
                premises = factories.premises(
                    session,
                    licence=f"L{row}-{column}-{number}",
                    lng=lng + 0.005,
                    lat=lat + 0.005,
                    risk_class="High",
                )
                if rng.random() < 0.5:
                    visit = factories.inspection(session, premises)
                    factories.hazard(session, visit, due_on=date(2024, 3, 1 + row))
    session.flush()


def cells_on(session, day):
    """Zone by cell, both by code."""
    rows = session.execute(
        text(
            "SELECT g.code AS cell, z.code AS zone FROM zone_cell m"
            " JOIN grid_cell g ON g.id = m.cell_id JOIN zone z ON z.id = m.zone_id"
            " WHERE m.valid @> CAST(:day AS date)"
        ),
        {"day": day},
    )
    return {row.cell: row.zone for row in rows}


def state(session):
    """Every row of zones and responsibilities, ids included."""
    return {
        name: session.execute(text(f"SELECT * FROM {name} ORDER BY id")).all()
        for name in ("zoning", "zone", "zone_cell", "inspector_assignment")
    }

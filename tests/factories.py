"""One factory per table: a valid row with as little as the test must say."""

from datetime import date
from itertools import count

from sqlalchemy.dialects.postgresql import Range

from gis_supervision.storage.dispatch_tables import (
    CellWorkload,
    InspectorLeave,
    InspectorRecusal,
    InspectorSkill,
    InspectorTeam,
)
from gis_supervision.storage.tables import (
    Complaint,
    Division,
    DivisionCode,
    Finding,
    Grid,
    GridCell,
    Hazard,
    Inspection,
    Inspector,
    InspectorAssignment,
    Premises,
    Zone,
    ZoneCell,
    Zoning,
)

_numbers = count(1)
ALWAYS = Range(date(2000, 1, 1), None)


def square(lng=84.0, lat=44.0, side=0.01):
    """WKT of a square with its lower left corner at a point."""
    right, top = lng + side, lat + side
    return (
        f"SRID=4326;MULTIPOLYGON((({lng} {lat},{right} {lat},{right} {top},{lng} {top},"
        f"{lng} {lat})))"
    )


def add(session, row):
    session.add(row)
    session.flush()
    return row


def division(session, *, code="654202", **values):
    defaults = {"level": "county", "name": "Wusu", "geom": square(side=1.0)}
    row = add(session, Division(**defaults | values))
    add(session, DivisionCode(division_id=row.id, code=code, valid=ALWAYS))
    return row


def grid(session, **values):
    defaults = {"name": "grid", "kind": "square", "side_m": 1000.0, "valid": ALWAYS}
    return add(session, Grid(**defaults | values))


def grid_cell(session, in_grid, **values):
    defaults = {
        "grid_id": in_grid.id,
        "code": f"C{next(_numbers):06d}",
        "geom": square(),
        "valid": ALWAYS,
    }
    return add(session, GridCell(**defaults | values))


def zone(session, **values):
    zoning = add(session, Zoning(parameters={}, summary={}))
    number = next(_numbers)
    defaults = {
        "zoning_id": zoning.id,
        "code": f"Z{number}",
        "name": f"Zone {number}",
        "workload_hours": 1000.0,
    }
    return add(session, Zone(**defaults | values))


def zone_cell(session, in_zone, cell, **values):
    defaults = {"zone_id": in_zone.id, "cell_id": cell.id, "valid": ALWAYS}
    return add(session, ZoneCell(**defaults | values))


def inspector(session, **values):
    number = next(_numbers)
    defaults = {"staff_number": f"S{number}", "name": f"Person {number}", "capacity_hours": 1600.0}
    return add(session, Inspector(**defaults | values))


def assignment(session, of_zone, person, **values):
    defaults = {
        "zone_id": of_zone.id,
        "inspector_id": person.id,
        "role": "responsible",
        "valid": ALWAYS,
    }
    return add(session, InspectorAssignment(**defaults | values))


def premises(session, *, lng=84.005, lat=44.005, **values):
    defaults = {
        "licence": f"L{next(_numbers)}",
        "name": "Premises",
        "location": "none" if lng is None else "exact",
        "geom": None if lng is None else f"SRID=4326;POINT({lng} {lat})",
    }
    return add(session, Premises(**defaults | values))


def inspection(session, of_premises, **values):
    defaults = {
        "inspection_number": str(next(_numbers)),
        "premises_id": of_premises.id,
        "inspected_on": date(2024, 1, 1),
    }
    return add(session, Inspection(**defaults | values))


def finding(session, of_inspection, item="1", **values):
    defaults = {"inspection_id": of_inspection.id, "item": item, "severity": "critical"}
    return add(session, Finding(**defaults | values))


def hazard(session, first, **values):
    defaults = {
        "premises_id": first.premises_id,
        "item": "1",
        "severity": "critical",
        "first_inspection_id": first.id,
        "last_inspection_id": first.id,
        "found_on": first.inspected_on,
        "last_seen_on": first.inspected_on,
        "times_seen": 1,
    }
    return add(session, Hazard(**defaults | values))


def complaint(session, **values):
    defaults = {"complaint_number": f"K{next(_numbers)}", "received_on": date(2024, 1, 1)}
    return add(session, Complaint(**defaults | values))


def skill(session, person, name="catering", **values):
    defaults = {"inspector_id": person.id, "skill": name, "valid": ALWAYS}
    return add(session, InspectorSkill(**defaults | values))


def leave(session, person, first, last, **values):
    """Days from the first to the day before the last."""
    defaults = {
        "inspector_id": person.id,
        "reason": "leave",
        "valid": Range(first, last),
        "recorded_by": "test",
    }
    return add(session, InspectorLeave(**defaults | values))


def recusal(session, person, of_premises=None, **values):
    defaults = {
        "inspector_id": person.id,
        "premises_id": None if of_premises is None else of_premises.id,
        "reason": "relative",
        "valid": ALWAYS,
        "recorded_by": "test",
    }
    return add(session, InspectorRecusal(**defaults | values))


def team(session, lead, assistant, **values):
    defaults = {"lead_id": lead.id, "assistant_id": assistant.id, "valid": ALWAYS}
    return add(session, InspectorTeam(**defaults | values))


def cell_workload(session, cell, hours, **values):
    defaults = {
        "cell_id": cell.id,
        "hours": hours,
        "reason": "counted",
        "set_by": "test",
        "valid_from": date(2000, 1, 1),
    }
    return add(session, CellWorkload(**defaults | values))

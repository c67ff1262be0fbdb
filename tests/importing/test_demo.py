"""The real data: totals against an independent count over the raw files."""

import csv
import gzip
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from sqlalchemy import text

from gis_supervision import demo
from gis_supervision.importing import batches
from gis_supervision.storage import migration

DATA = Path(demo.__file__).parent / "chicago"
SHARED = Path(__file__).parents[2].parent / "shared" / "data"

TOTALS = """
    SELECT
        (SELECT count(*) FROM premises),
        (SELECT count(*) FROM premises WHERE location = 'exact'),
        (SELECT count(*) FROM inspection),
        (SELECT count(*) FROM finding),
        (SELECT count(*) FROM hazard)
"""


def read(name: str) -> list[dict[str, str]]:
    with gzip.open(DATA / name, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def severity(item: int) -> str:
    for name, low, high in (("critical", 1, 14), ("serious", 15, 29), ("minor", 30, 44)):
        if low <= item <= high:
            return name
    return "unclassified"


@pytest.fixture(scope="module")
def counted():
    """Premises, located, inspections, findings, hazards and unresolved ones, counted by hand."""
    items = defaultdict(set)
    findings = read("violations.csv.gz")
    for row in findings:
        items[row["Inspection_ID"]].add(int(row["violation_no"]))
    visits = defaultdict(list)
    inspections = read("inspections.csv.gz")
    for row in inspections:
        visits[row["License"]].append((row["Inspection_Date"], int(row["Inspection_ID"]), row))
    located = hazards = 0
    unresolved = Counter()
    for rows in visits.values():
        rows.sort(key=lambda visit: visit[:2])
        located += any(row["Latitude"] and row["Longitude"] for *_, row in rows)
        living = set()
        for *_, row in rows:
            now = items[row["Inspection_ID"]]
            hazards += len(now - living)
            living = now
        unresolved.update(map(severity, living))
    totals = (len(visits), located, len(inspections), len(findings), hazards)
    return totals, dict(unresolved)


def check(engine, counted):
    totals, unresolved = counted
    with engine.connect() as connection:
        assert tuple(connection.execute(text(TOTALS)).one()) == totals
        rows = connection.execute(
            text("SELECT severity, count(*) FROM hazard WHERE resolved_on IS NULL GROUP BY 1")
        )
        assert {row[0]: row[1] for row in rows} == unresolved


def test_the_demonstration_is_what_the_raw_files_say(register, counted):
    told = batches.run(register.engine, DATA / "neighbourhoods.toml", actor="tester")
    assert told.counts["divisions"]["new"] == 98
    assert len([note for note in told.notes if "repaired" in str(note)]) == 4
    assert register.rows("SELECT count(*) FROM division WHERE NOT st_isvalid(geom)") == [(0,)]
    report = batches.run(register.engine, DATA / "inspections.toml", actor="tester")
    assert report.rejected == 0
    check(register.engine, counted)
    assert counted[0][:3] == (12_367, 12_329, 27_600)
    # every located premises in a neighbourhood knows it, and none without a point does
    assert register.rows("""
        SELECT count(*) FROM premises AS p
        WHERE p.division_id IS DISTINCT FROM division_at(p.geom)
    """) == [(0,)]
    # loading in bulk leaves every index and constraint in its place
    assert migration.drift(register.engine.url) == []
    assert register.rows("SELECT count(*) FROM pg_constraint WHERE NOT convalidated") == [(0,)]


def test_the_same_inspections_in_two_halves_newest_first(register, counted):
    """Older inspections that arrive later change nothing in the result."""
    rows = sorted(read("inspections.csv.gz"), key=lambda row: row["Inspection_Date"])
    later = {row["Inspection_ID"] for row in rows[9000:]}
    for part in (True, False):
        files = {}
        for name in ("inspections", "violations"):
            lines = [r for r in read(f"{name}.csv.gz") if (r["Inspection_ID"] in later) is part]
            path = register.directory / f"{name}_{part}.csv"
            with path.open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, list(lines[0]))
                writer.writeheader()
                writer.writerows(lines)
            files[name] = path
        batches.run(register.engine, DATA / "inspections.toml", files=files, actor="tester")
    check(register.engine, counted)


CHICAGO_2024 = """
name = "chicago-2024"
datum = "WGS84"

[sources.inspections]
file = "inspections.csv.gz"
skip = [{ column = "Results", values = ["No Entry", "Not Ready"] }]

[sources.inspections.premises]
licence = { column = "License", null = ["0"], fallback = { columns = ["DBA_Name", "Address"] } }
name = { column = "DBA_Name", fallback = "AKA_Name" }
trade_name = "AKA_Name"
category = "Facility_Type"
risk_class = { column = "Risk", pattern = '\\((\\w+)\\)' }
address = "Address"
division_code = "community_name"
lat = "Latitude"
lng = "Longitude"

[sources.inspections.inspection]
inspection_number = "Inspection_ID"
inspected_on = "Inspection_Date"
kind = "Inspection_Type"
result = "Results"

[sources.inspections.finding]
items_from = "^(criticalFound)$"
severity = { constant = "critical" }
"""
AREAS = """
name = "community-areas"
[sources.areas]
file = "community_areas.geojson"
[sources.areas.division]
code = "community_name"
name = "community_name"
level = { constant = "neighbourhood" }
geometry = true
"""


@pytest.mark.skipif(not SHARED.is_dir(), reason="the second set of data is not here")
def test_a_set_of_another_shape_loads_by_a_mapping_alone(register):
    source = SHARED / "chicago_food_2024" / "inspections.csv.gz"
    areas = SHARED / "chicago_boundaries" / "community_areas.geojson"
    assert register.run(register.write("a.toml", AREAS), files=[areas]).rejected == 0
    report = register.run(register.write("m.toml", CHICAGO_2024), files=[source])
    assert report.rejections == ()
    with gzip.open(source, "rt", encoding="utf-8", newline="") as file:
        rows = [r for r in csv.DictReader(file) if r["Results"] not in {"No Entry", "Not Ready"}]
    keys = {
        r["License"] if r["License"] != "0" else f"{r['DBA_Name'].strip()} {r['Address'].strip()}"
        for r in rows
    }
    counts = register.counts()
    assert (counts["inspection"], counts["premises"]) == (len(rows), len(keys))
    assert counts["finding"] == sum(r["criticalFound"] == "1" for r in rows)
    assert report.counts["rows"]["skipped"] == 46

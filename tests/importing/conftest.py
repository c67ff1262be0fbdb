"""A register of one's own, and small files to import into it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from gis_supervision.importing import batches
from gis_supervision.storage import database
from gis_supervision.storage.cluster import Endpoint

MAPPING = """
name = "town"

[sources.visits]
file = "visits.csv"
null = ["", "N/A"]

[sources.visits.premises]
licence = "Licence"
name = "Name"
risk_class = { column = "Risk", values = { "1" = "High", "2" = "Low" } }
lat = { column = "Lat", null = ["-9999"] }
lng = { column = "Lng", null = ["-9999"] }

[sources.visits.inspection]
inspection_number = "Visit"
inspected_on = { column = "Day", formats = ["%m/%d/%Y"] }

[sources.findings]
file = "findings.csv"

[sources.findings.finding]
inspection_number = "Visit"
item = "Item"
severity_rules = [{ items = "1-14", severity = "critical" }]
"""
VISITS = """Licence,Name,Risk,Lat,Lng,Visit,Day
L1,One,1,44.4,84.6,1,01/05/2024
L2,Two,2,44.5,84.7,2,01/06/2024
L1,One,1,-9999,-9999,3,02/05/2024
L3,Three,N/A,-9999,-9999,4,02/06/2024
"""
FINDINGS = "Visit,Item\n1,7\n1,40\n3,7\n2,40\n"

TABLES = ("premises", "inspection", "finding", "hazard", "division", "division_code")
# what people see of the register, without the numbers that rows happen to get
FACTS = (
    """
    SELECT p.licence, p.name, p.risk_class, p.location, p.original_x, p.original_y, p.datum,
        p.geom::text, p.h3_8, p.described_on, p.described_by, p.located_on, p.located_by
    FROM premises AS p ORDER BY 1
    """,
    """
    SELECT i.inspection_number, i.inspected_on, p.licence, f.item, f.severity, f.times
    FROM inspection AS i
    JOIN premises AS p ON i.premises_id = p.id
    LEFT JOIN finding AS f ON i.id = f.inspection_id
    ORDER BY 1, 4
    """,
    """
    SELECT p.licence, h.item, h.severity, h.state, h.found_on, h.last_seen_on, h.resolved_on,
        h.times_seen, f.inspection_number, l.inspection_number, r.inspection_number
    FROM hazard AS h
    JOIN premises AS p ON h.premises_id = p.id
    JOIN inspection AS f ON h.first_inspection_id = f.id
    JOIN inspection AS l ON h.last_inspection_id = l.id
    LEFT JOIN inspection AS r ON h.resolving_inspection_id = r.id
    ORDER BY 1, 2, f.inspected_on, 9
    """,
)


@dataclass
class Register:
    """A register, and a directory with a mapping and its files."""

    engine: Engine
    directory: Path
    mapping_text: str = MAPPING
    visits: str = VISITS
    findings: str = FINDINGS

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.directory / name
        if isinstance(content, str):
            path.write_text(content, encoding="utf-8", newline="")
        else:
            path.write_bytes(content)
        return path

    def town(self, visits: str = VISITS, findings: str = FINDINGS) -> Path:
        self.write("visits.csv", visits)
        self.write("findings.csv", findings)
        return self.write("town.toml", MAPPING)

    def run(self, mapping: Path, **options: Any) -> batches.ImportReport:
        return batches.run(self.engine, mapping, actor="tester", **options)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    def counts(self) -> dict[str, int]:
        return {name: self.rows(f"SELECT count(*) FROM {name}")[0][0] for name in TABLES}

    def version(self) -> int:
        return self.rows("SELECT version FROM registry_version")[0][0]

    def content(self) -> dict[str, list[tuple[Any, ...]]]:
        """Everything that an undo has to bring back."""
        return {
            name: self.rows(f"SELECT t::text FROM {name} AS t ORDER BY t::text") for name in TABLES
        }

    def facts(self) -> list[list[tuple[Any, ...]]]:
        """What people see, without the numbers that rows happen to get."""
        return [self.rows(query) for query in FACTS]


@pytest.fixture
def register(fresh_database: Callable[[], Endpoint], tmp_path: Path) -> Iterator[Register]:
    engine = database.engine(fresh_database().url)
    yield Register(engine, tmp_path)
    engine.dispose()

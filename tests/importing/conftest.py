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


@pytest.fixture
def register(fresh_database: Callable[[], Endpoint], tmp_path: Path) -> Iterator[Register]:
    engine = database.engine(fresh_database().url)
    yield Register(engine, tmp_path)
    engine.dispose()

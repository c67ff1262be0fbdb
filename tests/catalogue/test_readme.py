"""The layer and the map that the README shows do what it says."""

import re
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from gis_supervision import catalogue
from gis_supervision.rendering import map_report
from gis_supervision.storage import database

README = Path(__file__).parents[2] / "README.md"


@pytest.fixture
def directory(tmp_path):
    blocks = re.findall(
        r"```toml\n# ((?:layers|maps)/\w+\.toml)\n(.*?)```", README.read_text(), re.DOTALL
    )
    assert [name for name, _ in blocks] == ["layers/overdue_cells.toml", "maps/overdue.toml"]
    for name, text in blocks:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def test_the_example_has_no_mistakes_and_builds_a_map(directory, migrated):
    reader = database.reader_engine(migrated.reader_url)
    try:
        assert catalogue.check(directory, engine=reader) == []
        with Session(reader) as session:
            page = map_report.build(session, catalogue.load(directory), "overdue", language="en")
    finally:
        reader.dispose()
    assert "Overdue cells" in page

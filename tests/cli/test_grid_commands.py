"""Commands for grid, divisions and exports, as one office uses them one after the other."""

import json

import geopandas
import polars as pl
import pytest
import shapely
from typer.testing import CliRunner

from gis_supervision.cli import divisions, exports, grid, imports
from gis_supervision.cli.shapes import read_shapes
from gis_supervision.domain.datums import from_wgs84
from gis_supervision.errors import InvalidInputError, NotFoundError
from gis_supervision.settings import ENV_PREFIX

AREAS = """
name = "areas"
[sources.d]
file = "areas.geojson"
[sources.d.division]
code = "code"
name = "name"
level = "level"
geometry = true
"""
PREMISES = """
name = "premises"
[sources.p]
file = "premises.csv"
[sources.p.premises]
licence = "licence"
name = "name"
division_code = "code"
lng = "lng"
lat = "lat"
"""
TABLE = """licence,name,code,lng,lat
001,=A,654202001001,84.002,44.005
002,B,654202001001,84.008,44.005
003,C,654202001001,,
004,D,,83,43
"""
MERIDIAN = shapely.LineString([(84.005, 43.9), (84.005, 44.1)])


@pytest.fixture
def run(fresh_database, tmp_path, monkeypatch):
    """Run a command of an app against a database of its own; the answer is its JSON."""
    endpoint = fresh_database()
    monkeypatch.setenv(f"{ENV_PREFIX}DATABASE_URL", endpoint.url)
    monkeypatch.setenv(f"{ENV_PREFIX}READER_DATABASE_URL", endpoint.reader_url)
    monkeypatch.setenv(f"{ENV_PREFIX}HOME", str(tmp_path))
    monkeypatch.setenv(f"{ENV_PREFIX}LANGUAGE", "en")
    monkeypatch.chdir(tmp_path)

    def command(app, *arguments, code=0, as_json=True):
        words = [str(argument) for argument in arguments]
        done = CliRunner().invoke(app, [*words, *(["--json"] if as_json else [])])
        assert done.exit_code == code, (done.output, done.exception)
        return json.loads(done.stdout) if as_json else done.stdout

    geopandas.GeoDataFrame(
        {
            "code": ["654202", "654202001001"],
            "name": ["乌苏市", "塔城路社区居委会"],
            "level": ["county", "village"],
        },
        geometry=[shapely.box(83.9, 43.9, 84.1, 44.1), shapely.box(84, 44, 84.01, 44.01)],
        crs="EPSG:4326",
    ).to_file("areas.geojson")
    (tmp_path / "areas.toml").write_text(AREAS, encoding="utf-8")
    (tmp_path / "premises.toml").write_text(PREMISES, encoding="utf-8")
    (tmp_path / "premises.csv").write_text(TABLE, encoding="utf-8")
    for mapping in ("areas.toml", "premises.toml"):
        assert command(imports.app, "run", mapping)["status"] == "imported"
    return command


def test_a_grid_from_a_file_is_checked_cut_and_joined_again(run, tmp_path):
    # in GCJ-02, as a map service draws it
    cell = shapely.transform(
        shapely.box(84, 44, 84.01, 44.01),
        lambda x, y: from_wgs84(x, y, "gcj02"),
        interleaved=False,
    )
    frame = geopandas.GeoDataFrame(
        {"no": ["654202001001001", "X"]}, geometry=[cell, cell], crs=4326
    )
    frame.to_file(tmp_path / "twice.geojson")
    done = run(
        grid.app, "load", "twice.geojson", "--code", "no", "--datum", "gcj02",
        "--report", "faults.csv", code=6,
    )  # fmt: skip
    assert (done["refused"], done["built"]) == (["overlap"], None)
    assert pl.read_csv("faults.csv")["Cells"].to_list() == ["654202001001001, X"]
    frame.iloc[:1].to_file(tmp_path / "cells.gpkg")
    done = run(
        grid.app, "load", "cells.gpkg", "--code", "no", "--datum", "gcj02",
        "--valid-from", "2024-01-01",
    )  # fmt: skip
    assert done["built"]["premises_inside"] == 2
    geopandas.GeoDataFrame(geometry=[MERIDIAN], crs="EPSG:4326").to_file(tmp_path / "line.geojson")
    day = ("--changed-on", "2024-02-01")
    parts = run(grid.app, "split", "654202001001001", "line.geojson", *day)["begun"]
    assert parts == ["654202001001002", "654202001001003"]
    again = run(grid.app, "merge", *parts, "--changed-on", "2024-03-01")
    assert again["premises"] == {"654202001001004": 2}
    (period,) = run(grid.app, "history", "654202001001001")
    assert period["successors"] == parts
    found = run(grid.app, "check")
    assert (found["in_cell"], found["reasons"]["outside"]) == (2, 1)
    rows = run(grid.app, "premises", "--reason", "outside", "--reason", "not_located")
    assert [(row["reason"], row["licence"]) for row in rows] == [
        ("outside", "004"),
        ("not_located", "003"),
    ]
    run(grid.app, "premises", "--out", "look.xlsx", as_json=False)
    assert "Outside all cells" in run(grid.app, "premises", as_json=False)
    assert "In a cell" in run(grid.app, "check", as_json=False)
    assert (tmp_path / "look.xlsx").stat().st_size


def test_a_lattice_stays_within_the_division_that_is_named(run):
    built = run(grid.app, "build", "--side-m", "500", "--within", "654202001001")
    assert (built["premises_inside"], built["premises_outside"]) == (2, 1)
    assert "Cells" in run(grid.app, "build", "--resolution", "8", as_json=False)


def test_codes_change_areas_are_marked_and_premises_located(run):
    changed = run(divisions.app, "succeed", "654202", "654209", "--on", "2025-01-01")
    assert changed[1] == {"code": "654202001001", "successor": "654209001001"}
    shown = run(divisions.app, "show", "654202", "--as-of", "2025-06-01")
    assert (shown["code"], len(shown["codes"])) == ("654209", 2)
    assert [row["code"] for row in run(divisions.app, "list")] == ["654209", "654209001001"]
    assert run(divisions.app, "external", "654209001001")["marked"] == ["654209001001"]
    assert run(divisions.app, "external") == {"marked": [], "suggested": []}
    assert run(divisions.app, "geocode", "--dry-run")["by_code"] == 1
    assert run(divisions.app, "geocode")["by_code"] == 1
    assert run(grid.app, "check")["reasons"]["approximate"] == 1
    assert run(divisions.app, "geocode", "--undo") == {"cleared": 1}
    for words in (("list",), ("show", "654209"), ("external",), ("geocode",)):
        assert run(divisions.app, *words, as_json=False)


def test_exports_hold_what_was_asked_for_and_come_back(run, tmp_path):
    done = run(
        exports.app, "register", "premises", "out.csv", "--filter", "division_code=none",
        "--language", "zh_CN",
    )  # fmt: skip
    assert done["rows"] == 1
    done = run(exports.app, "register", "premises", "out.xlsx", "--mapping", "back.toml")
    assert done["rows"] == 4
    again = run(imports.app, "run", "back.toml", "--dry-run")
    assert again["counts"]["premises"] == {
        "new": 0,
        "changed": 0,
        "unchanged": 4,
        "withdrawn": 0,
    }
    assert run(exports.app, "layer", "premises", "layer.gpkg")["rows"] == 4
    assert geopandas.read_file(tmp_path / "layer.gpkg")["Licence"].tolist() == [
        "001",
        "002",
        "003",
        "004",
    ]
    listed = run(exports.app, "list")
    assert "risk_class" in listed["layers"]["premises"]
    assert "rows in" in run(exports.app, "layer", "divisions", "d.parquet", as_json=False)


def test_files_of_shapes_that_cannot_be_read_are_told(tmp_path):
    with pytest.raises(NotFoundError, match="no file"):
        read_shapes(tmp_path / "nothing.gpkg")
    (tmp_path / "text.geojson").write_text("no shapes")
    with pytest.raises(InvalidInputError, match=r"text\.geojson"):
        read_shapes(tmp_path / "text.geojson")

"""Registers of other shapes, by mapping files alone."""

import csv
from pathlib import Path

import geopandas
import openpyxl
import pytest
import shapely

from gis_supervision.importing import batches, codes, diagnosis, mapping, rejections, suggestions
from gis_supervision.language import translator

SHARED = Path(__file__).parents[2].parent / "shared" / "data"

FLAT = """
name = "flat"
[sources.rows]
file = "flat.csv"
null = ["", "N/A"]
[sources.rows.premises]
licence = "CAMIS"
name = "DBA"
lat = { column = "Latitude", null = ["0"] }
lng = { column = "Longitude", null = ["0"] }
[sources.rows.inspection]
optional = true
inspection_number = { columns = ["CAMIS", "INSPECTION DATE"], separator = "-" }
inspected_on = { column = "INSPECTION DATE", null = ["01/01/1900"], formats = ["%m/%d/%Y"] }
result = "ACTION"
[sources.rows.finding]
item = "VIOLATION CODE"
severity = { column = "FLAG", values = { "Critical" = "critical" }, otherwise = "null" }
"""
FLAT_ROWS = """CAMIS,DBA,Latitude,Longitude,INSPECTION DATE,ACTION,VIOLATION CODE,FLAG
1,One,40.7,-73.9,01/05/2024,Cited,04L,Critical
1,One,40.7,-73.9,01/05/2024,Cited,08A,Not Critical
1,One,40.7,-73.9,03/05/2024,None,,N/A
2,Two,0.000000,0,01/01/1900,N/A,,N/A
"""
SPLIT = """
name = "split"
[sources.rows]
file = "split.csv"
[sources.rows.premises]
licence = "licence"
name = "name"
[sources.rows.inspection]
inspection_number = "id"
inspected_on = "day"
[sources.rows.finding]
item = { column = "violations", split = '\\s*\\|\\s*', pattern = '^(\\d+)\\. ' }
severity_rules = [
  { items = "1-14", severity = "critical" },
  { items = "30-44", severity = "minor" },
]
"""
WIDE = """
name = "wide"
[sources.rows]
file = "wide.csv"
delimiter = ";"
[sources.rows.premises]
licence = "licence"
name = "name"
x = { column = "east", decimal = "," }
y = { column = "north", decimal = "," }
[sources.rows.inspection]
inspection_number = "id"
inspected_on = { column = "day", formats = ["%d.%m.%Y", "excel"] }
channel = { constant = "online" }
[sources.rows.finding]
items_from = '^V_(\\d+)$'
"""


def test_one_row_for_each_violation(register):
    register.write("flat.csv", FLAT_ROWS)
    report = register.run(register.write("m.toml", FLAT))
    assert report.rejections == ()
    assert register.rows("SELECT licence, location FROM premises ORDER BY 1") == [
        ("1", "exact"),
        ("2", "none"),
    ]
    assert register.rows(
        "SELECT i.inspection_number, f.item, f.severity FROM inspection AS i "
        "LEFT JOIN finding AS f ON i.id = f.inspection_id ORDER BY 1, 2"
    ) == [
        ("1-01/05/2024", "04L", "critical"),
        ("1-01/05/2024", "08A", "unclassified"),
        ("1-03/05/2024", None, None),
    ]
    assert register.rows("SELECT count(*) FROM hazard WHERE resolved_on IS NULL") == [(0,)]


def test_cells_with_several_values(register):
    rows = (
        "licence,name,id,day,violations\n"
        '1,One,11,2024-01-05,"32. FLOORS - Comments: a | 2. COLD | 32. AGAIN"\n'
        "1,One,12,2024-02-05,\n"
    )
    register.write("split.csv", rows)
    mapped = register.write("m.toml", SPLIT)
    assert register.run(mapped).rejections == ()
    query = "SELECT item, severity, times FROM finding ORDER BY item"
    assert register.rows(query) == [("2", "critical", 1), ("32", "minor", 2)]
    # a row names all findings of its inspection: one that is gone is withdrawn, and undone again
    before = register.content()
    less = register.write("less.csv", rows.replace(" | 2. COLD", ""))
    report = register.run(mapped, files=[less])
    assert report.counts["findings"] == {"new": 0, "changed": 0, "unchanged": 1, "withdrawn": 1}
    assert register.rows(query) == [("32", "minor", 2)]
    batches.undo(register.engine, report.batch_id, actor="tester")
    assert register.content() == before
    wrong = register.run(mapped, files=[register.write("w.csv", rows.replace("2. COLD", "COLD"))])
    assert [(r.row, r.value, r.reason) for r in wrong.rejections] == [(2, "COLD", "no_match")]


def test_one_column_for_each_item_in_a_projected_datum(register):
    rows = (
        "licence;name;east;north;id;day;V_1;V_2;V_30\n"
        "1;One;1153055,377;1924736,935;11;05.01.2024;1;0;yes\n"
        "1;One;1153055,377;1924736,935;12;45296;;2;no\n"
    )
    register.write("wide.csv", rows)
    text = WIDE.replace('name = "wide"', 'name = "wide"\ndatum = "EPSG:3435"', 1)
    assert register.run(register.write("m.toml", text)).rejections == ()
    assert register.rows("SELECT item, times FROM finding ORDER BY inspection_id, item") == [
        ("1", 1),
        ("30", 1),
        ("2", 2),
    ]
    place = register.rows(
        "SELECT round(st_x(geom)::numeric, 4)::text, round(st_y(geom)::numeric, 4)::text, "
        "original_x, datum FROM premises"
    )
    assert place == [("-87.7128", "41.9493", 1153055.377, "EPSG:3435")]
    assert register.rows("SELECT DISTINCT channel FROM inspection") == [("online",)]
    assert register.rows("SELECT inspected_on::text FROM inspection ORDER BY 1") == [
        ("2024-01-05",),
        ("2024-01-05",),
    ]


def test_the_datum_of_a_file_moves_the_points(register):
    rows = "licence,name,lat,lng\n1,One,44.43,84.68\n"
    text = (
        'name = "d"\ndatum = "gcj02"\n[sources.a]\nfile = "d.csv"\n[sources.a.premises]\n'
        'licence = "licence"\nname = "name"\nlat = "lat"\nlng = "lng"\n'
    )
    register.write("d.csv", rows)
    register.run(register.write("m.toml", text))
    lng, lat, x, y, datum = register.rows(
        "SELECT st_x(geom), st_y(geom), original_x, original_y, datum FROM premises"
    )[0]
    assert (x, y, datum) == (84.68, 44.43, "GCJ-02")
    assert 100 < abs(x - lng) * 79_000 < 600
    assert abs(y - lat) * 111_000 < 600


PREMISES = """
name = "places"
[sources.places]
[sources.places.premises]
licence = "licence"
name = "name"
geometry = true
"""


@pytest.mark.parametrize("suffix", ["geojson", "gpkg", "fgb", "parquet", "shp"])
def test_points_of_geographic_files(register, suffix):
    data = geopandas.GeoDataFrame(
        {"licence": ["001", "002", "003"], "name": ["a", "b", "c"]},
        geometry=[shapely.Point(84.6, 44.4), None, shapely.MultiPoint([(84.7, 44.5)])],
        crs=4326,
    )
    if suffix == "shp":
        data = data[:2]
    path = register.directory / f"places.{suffix}"
    if suffix == "parquet":
        data.to_parquet(path)
    else:
        data.to_file(path, **({"SPATIAL_INDEX": "NO"} if suffix == "fgb" else {}))
    report = register.run(register.write("m.toml", PREMISES), files=[path])
    assert report.rejections == ()
    found = register.rows("SELECT licence, location FROM premises ORDER BY 1")
    assert found == [("001", "exact"), ("002", "none"), ("003", "exact")][: len(data)]


def test_other_shapes_are_told(register):
    data = geopandas.GeoDataFrame(
        {"licence": ["1"], "name": ["a"]}, geometry=[shapely.box(0, 0, 1, 1)], crs=4326
    )
    data.to_file(register.directory / "p.geojson")
    report = register.run(
        register.write("m.toml", PREMISES), files=[register.directory / "p.geojson"]
    )
    assert [(r.row, r.reason) for r in report.rejections] == [(1, "not_a_point")]


def test_codes_are_checked_many_at_once():
    import polars as pl  # noqa: PLC0415 - only here

    given = pl.Series(["91330106673959654P", "91330106673959654Q", None, "9133", "I" * 18, ""])
    assert codes.wrong_credit_codes(given).to_list() == [False, True, False, True, True, True]


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_rejected_rows_can_be_mended_and_loaded_again(register, suffix):
    mapped = register.town(register.visits.replace("44.5", "91").replace("L3", "=1+1"))
    report = register.run(mapped, mode="reject")
    # the finding of the rejected inspection goes with it
    assert report.rejected == 2
    loaded = mapping.load(mapped)
    paths = batches.chosen(loaded, mapped, None)
    target = register.directory / f"wrong.{suffix}"
    written = rejections.write(report, loaded, paths, target, translator("zh_CN"))
    if suffix == "xlsx":
        book = openpyxl.load_workbook(target)
        sheet = book["visits"]
        assert [cell.value for cell in sheet[2]][:3] == ["3", "Lat", "91"]
        sheet["H2"] = "44.5"
        book.save(target)
        files = {"visits": target, "findings": register.directory / "findings.csv"}
    else:
        assert [path.name for path in written] == ["wrong_findings.csv", "wrong_visits.csv"]
        text = written[1].read_text(encoding="utf-8-sig")
        rows = list(csv.reader(text.splitlines()))
        assert rows[1][:3] == ["3", "Lat", "91"]
        rows[1][7] = "44.5"
        with written[1].open("w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file).writerows(rows)
        files = {"visits": written[1], "findings": written[0]}
    assert register.run(mapped, files=files).rejections == ()
    assert register.counts()["premises"] == 3
    assert register.counts()["finding"] == 4


def test_a_suggested_mapping_is_a_mapping(register):
    register.town(register.visits.replace(",Visit,", ",Inspection ID,"))
    text = suggestions.suggest(register.directory / "visits.csv")
    drafted = mapping.parse(text).sources["visits"]
    assert drafted.null == ["", "N/A"]
    assert drafted.premises.lat.null == ["-9999"]
    # a mapping that was only drafted is good enough for a plain file
    rows = (
        "License,DBA Name,Latitude,Longitude,Inspection ID,Inspection Date\n"
        "7,A,41,-87,1,1/31/2024\n"
    )
    path = register.write("plain.csv", rows)
    report = register.run(register.write("plain.toml", suggestions.suggest(path)))
    assert report.counts["inspections"]["new"] == 1


def test_what_a_draft_reads_out_of_values(register):
    rows = (
        "CAMIS,DBA,INSPECTION DATE,VIOLATION CODE,CRITICAL FLAG\n"
        "0041,A,01/01/1900,,\n0042,B,05/31/2023,04L,Critical\n0042,B,05/31/2023,10F,Not Critical\n"
    )
    path = register.write("city.csv", rows)
    report = register.run(register.write("city.toml", suggestions.suggest(path)))
    assert (report.status, report.counts["inspections"]["new"]) == ("imported", 1)
    assert register.rows("SELECT item, severity FROM finding ORDER BY 1") == [
        ("04L", "critical"),
        ("10F", "minor"),
    ]
    path = register.write("hotline.csv", "投诉编号,投诉时间,许可证号\n07,2024-01-05,0042\n")
    report = register.run(register.write("hotline.toml", suggestions.suggest(path)))
    assert report.counts["complaints"]["new"] == 1
    assert register.rows("SELECT complaint_number, licence FROM complaint") == [("07", "0042")]


DIVISIONS = """
name = "wusu"
datum = "CGCS2000"
[sources.counties]
[sources.counties.division]
code = "code"
name = "name"
level = { constant = "county" }
successor_code = "next"
succeeded_on = "until"
[sources.townships]
[sources.townships.division]
code = "code"
name = "name"
level = { constant = "township" }
external = { column = "code", pattern = '^\\d{6}(5)', values = { "5" = "1" }, otherwise = "null" }
"""


def test_divisions_by_code_with_successors_and_external_areas(register):
    files = {
        "counties": register.write(
            "c.csv",
            "code,name,next,until\n654202,乌苏市,,\n654203,沙湾市,,\n"
            "654223,沙湾县,654203,2021-01-22\n654299,旧县,654298,2020-01-01\n",
        ),
        "townships": register.write(
            "t.csv", "code,name\n654202001,新市区街道\n654202501,兵团一二三团\n"
        ),
    }
    mapped = register.write("m.toml", DIVISIONS)
    report = register.run(mapped, files=files)
    assert report.rejections == ()
    assert register.rows(
        "SELECT k.code, d.name, k.valid::text FROM division_code AS k "
        "INNER JOIN division AS d ON k.division_id = d.id WHERE k.code LIKE '6542__' ORDER BY 1"
    ) == [
        ("654202", "乌苏市", "(,)"),
        ("654203", "沙湾市", "[2021-01-22,)"),
        ("654223", "沙湾市", "(,2021-01-22)"),
        ("654298", "旧县", "[2020-01-01,)"),
        ("654299", "旧县", "(,2020-01-01)"),
    ]
    assert register.rows(
        "SELECT d.name, p.name, d.external FROM division AS d "
        "INNER JOIN division AS p ON d.parent_id = p.id ORDER BY d.external"
    ) == [("新市区街道", "乌苏市", False), ("兵团一二三团", "乌苏市", True)]
    batches.undo(register.engine, report.batch_id, actor="tester")
    assert set(register.counts().values()) == {0}
    bad = register.write("b.csv", "code,name\n65420,x\n")
    wrong = register.run(mapped, files={"townships": bad})
    assert [(r.value, r.reason) for r in wrong.rejections] == [("65420", "bad_code")]


COUNTIES = """
name = "counties"
[sources.counties]
[sources.counties.division]
code = "adcode"
name = "name"
level = { constant = "county" }
geometry = true
"""


@pytest.mark.skipif(not SHARED.is_dir(), reason="the outlines of Wusu are not here")
def test_the_datum_of_both_outline_files_is_named():
    folder = SHARED / "china_wusu"
    boundary = diagnosis.boundary_of(folder / "counties_wgs84.geojson")
    mapped = mapping.parse(COUNTIES)
    for name, best, doubtful in (
        ("counties_gcj02.geojson", "GCJ-02", True),
        ("counties_wgs84.geojson", "CGCS2000", False),
    ):
        told = diagnosis.diagnose(mapped, {"counties": folder / name}, boundary)[0]
        assert told.fits[0].datum == best
        assert bool(told.warning) is doubtful

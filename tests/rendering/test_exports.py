from datetime import date

import factories
import geopandas
import openpyxl
import polars as pl
import pytest
import shapely
from sqlalchemy import text

from gis_supervision import catalogue
from gis_supervision.errors import InvalidInputError, NotFoundError
from gis_supervision.importing import batches
from gis_supervision.language import translator
from gis_supervision.rendering import exports, tables
from gis_supervision.storage import database
from gis_supervision.storage.database import session_scope

SUFFIXES = ("csv", "xlsx", "gpkg", "parquet")

PREMISES = """许可证,名称,区划,信用代码,风险,地址,经度,纬度,外部,开业
JY16542020000001,=SUM(A1),654202001001,91654202MA7756HX0A,A,'-1号,84.67623,44.43105,true,2020-01-05
00012,"乌苏, ""小""店",654202001001,,B,+86 路,84.1234567890123,44.4,false,
00013,@店,654202500001,,,,,,,
JY3,'' 引号,654202001001,,C,-,0.30000000000000004,44.0,,2021-02-28
"""
MAPPING = """
name = "first"
datum = "{datum}"
[sources.p]
file = "premises.csv"
[sources.p.premises]
licence = "许可证"
name = "名称"
division_code = "区划"
credit_code = {{ column = "信用代码", null = [""] }}
risk_class = "风险"
address = "地址"
lng = "经度"
lat = "纬度"
external = "外部"
opened_on = "开业"
"""
OTHERS = """
name = "others"
[sources.i]
file = "inspections.csv"
[sources.i.inspection]
inspection_number = "number"
licence = "licence"
inspected_on = "day"
result = "result"
[sources.f]
file = "findings.csv"
[sources.f.finding]
inspection_number = "number"
item = "item"
severity = "severity"
times = "times"
"""
COMPLAINTS = """
name = "complaints"
datum = "gcj02"
[sources.c]
file = "complaints.csv"
[sources.c.complaint]
complaint_number = "number"
received_on = "day"
closed_on = "until"
kind = "kind"
licence = "licence"
lng = "x"
lat = "y"
"""
DIVISIONS = """
name = "areas"
[sources.d]
file = "areas.geojson"
[sources.d.division]
code = "code"
name = "name"
level = "level"
successor_code = "next"
succeeded_on = "until"
geometry = true
"""


@pytest.fixture
def engine(fresh_database):
    engine = database.engine(fresh_database().url)
    yield engine
    engine.dispose()


@pytest.fixture
def register(engine, tmp_path):
    """A register with premises in two datums, inspections, findings and divisions."""
    (tmp_path / "premises.csv").write_text(PREMISES, encoding="utf-8")
    (tmp_path / "p.toml").write_text(MAPPING.format(datum="gcj02"), encoding="utf-8")
    report = batches.run(engine, tmp_path / "p.toml", mode="refuse", actor="test")
    assert report.counts["premises"]["new"] == 4, report
    other = "许可证,名称,区划,信用代码,风险,地址,经度,纬度,外部,开业\nW1,W,,,,,84.2,44.2,,\n"
    (tmp_path / "premises.csv").write_text(other, encoding="utf-8")
    (tmp_path / "p.toml").write_text(MAPPING.format(datum="wgs84"), encoding="utf-8")
    batches.run(engine, tmp_path / "p.toml", mode="refuse", actor="test")
    inspections = "number,licence,day,result\n007,00012,2024-03-01,=通过\n8,JY3,2024-03-02,\n"
    (tmp_path / "inspections.csv").write_text(inspections, encoding="utf-8")
    findings = "number,item,severity,times\n007,01,critical,2\n007,-2,minor,1\n"
    (tmp_path / "findings.csv").write_text(findings, encoding="utf-8")
    (tmp_path / "o.toml").write_text(OTHERS, encoding="utf-8")
    batches.run(engine, tmp_path / "o.toml", mode="refuse", actor="test")
    complaints = "number,day,until,kind,licence,x,y\n01,2024-04-01,2024-04-02,=异物,00012,,\n"
    complaints += "02,2024-04-03,,,X9,84.1,44.1\n"
    (tmp_path / "complaints.csv").write_text(complaints, encoding="utf-8")
    (tmp_path / "c.toml").write_text(COMPLAINTS, encoding="utf-8")
    batches.run(engine, tmp_path / "c.toml", mode="refuse", actor="test")
    areas = geopandas.GeoDataFrame(
        {
            "code": ["654203", "654223"],
            "name": ["沙湾市", "沙湾县"],
            "level": ["county", "county"],
            "next": [None, "654203"],
            "until": [None, "2021-01-20"],
        },
        geometry=[shapely.box(85, 44, 86, 45), None],
        crs="EPSG:4326",
    )
    areas.to_file(tmp_path / "areas.geojson")
    (tmp_path / "d.toml").write_text(DIVISIONS, encoding="utf-8")
    batches.run(engine, tmp_path / "d.toml", mode="refuse", actor="test")
    return engine


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("language", ["zh_CN", "en"])
def test_what_was_exported_and_imported_again_changes_nothing(register, tmp_path, suffix, language):
    translate = translator(language)
    for name in ("premises", "divisions", "inspections", "findings", "complaints"):
        shaped = name in {"premises", "divisions", "complaints"}
        table_suffix = suffix if shaped or suffix != "gpkg" else "parquet"
        path = tmp_path / f"{name}.{table_suffix}"
        with session_scope(register) as session:
            rows = tables.write(exports.register_table(session, name, translate), path)
            mapping = exports.mapping(
                name,
                path.name,
                tables.format_of(path),
                translate,
                datums=exports.datums_of(session, name),
            )
        (tmp_path / "again.toml").write_text(mapping, encoding="utf-8")
        report = batches.run(register, tmp_path / "again.toml", dry_run=True, actor="test")
        assert report.rejected == 0, report.rejections
        counts = report.counts[name]
        assert {"new": counts["new"], "changed": counts["changed"]} == {"new": 0, "changed": 0}, (
            name
        )
        assert counts["unchanged"] == rows > 0


def test_filters_choose_rows(register, tmp_path):
    def licences(**conditions):
        path = tmp_path / "some.csv"
        with session_scope(register) as session:
            table = exports.register_table(session, "premises", translator("en"), conditions)
            tables.write(table, path)
        return pl.read_csv(path, infer_schema=False)["Licence"].to_list()

    assert licences(risk_class=["A", "B"]) == ["00012", "JY16542020000001"]
    assert licences(risk_class=["A", None]) == ["00013", "JY16542020000001", "W1"]
    assert licences(opened_on=["2021-02-28"]) == ["JY3"]
    assert licences(external=["true"]) == ["JY16542020000001"]
    with pytest.raises(InvalidInputError, match="risk"):
        licences(risk=["A"])
    with (
        pytest.raises(NotFoundError, match="premises, divisions"),
        session_scope(register) as session,
    ):
        exports.register_table(session, "people", translator("en"))


def test_titles_speak_the_language_of_the_reader(register, tmp_path):
    for language, title in (("en", "Licence"), ("zh_CN", translator("zh_CN")("Licence"))):
        path = tmp_path / f"{language}.xlsx"
        with session_scope(register) as session:
            tables.write(exports.register_table(session, "premises", translator(language)), path)
        assert openpyxl.load_workbook(path).worksheets[0]["A1"].value == title


def test_every_layer_can_be_exported_in_every_format(session, tmp_path):
    division = factories.division(session)
    cell = factories.grid_cell(session, factories.grid(session), division_id=division.id)
    zone = factories.zone(session)
    factories.zone_cell(session, zone, cell)
    premises = factories.premises(session, licence="0007", risk_class="A")
    factories.premises(session, licence="0008", lng=None)
    factories.hazard(session, factories.inspection(session, premises))
    translate = translator("zh_CN")
    for name, layer in catalogue.load().layers.items():
        values = {"as_of": date(2024, 6, 1)} if "as_of" in layer.parameters else {}
        for suffix in SUFFIXES:
            if suffix == "gpkg" and layer.geometry is None:
                continue
            table = exports.layer_table(session, layer, "zh_CN", translate, values)
            rows = tables.write(table, tmp_path / f"{name}.{suffix}")
            if name == "premises":
                assert rows == 2
    frame = geopandas.read_file(tmp_path / "premises.gpkg")
    assert frame["许可证号"].tolist() == ["0007", "0008"]
    assert frame.geometry.iloc[1] is None


def test_a_filtered_layer_holds_what_its_filter_lets_through(session, tmp_path):
    for number in "AB":
        factories.premises(session, licence=number, risk_class=number)
    layer = catalogue.load().layers["premises"]
    table = exports.layer_table(session, layer, "en", translator("en"), {"risk_class": "B"})
    path = tmp_path / "b.csv"
    assert tables.write(table, path) == 1
    assert pl.read_csv(path)["Licence"].to_list() == ["B"]


def test_a_table_that_is_made_here_has_no_mapping():
    with pytest.raises(InvalidInputError, match="hazards cannot be imported"):
        exports.mapping("hazards", "h.csv", "csv", translator("en"))


def test_the_register_of_the_fixture_has_both_datums(register):
    with session_scope(register) as session:
        assert exports.datums_of(session, "premises") == ["GCJ-02", "WGS84"]
        assert exports.datums_of(session, "inspections") == []
        points = session.scalar(text("SELECT count(*) FROM premises WHERE location = 'exact'"))
    assert points == 4

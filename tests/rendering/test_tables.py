import json
import tracemalloc
import zipfile
from datetime import date

import geopandas
import openpyxl
import polars as pl
import pyarrow.parquet
import pyogrio
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gis_supervision.errors import InvalidInputError
from gis_supervision.rendering import tables
from gis_supervision.rendering.tables import Column, Table

COLUMNS = (
    Column("code", "区划代码"),
    Column("name", "Name"),
    Column("visits", "Visits", "integer"),
    Column("share", "Share", "number"),
    Column("on", "On", "date"),
    Column("open", "Open", "boolean"),
)
ROWS = [
    ("012", "=1+1", 3, 0.1 + 0.2, date(2024, 2, 29), True),
    ("000000000000001", "@x", None, None, None, None),
    ("9" * 18, '饭店, "A"\n二', -7, -1e-9, date(1899, 12, 31), False),
]
POINTS = [(84.67623, 44.43105), None, (0.1 + 0.2, -44.0)]


def wkb(place):
    return None if place is None else shapely.Point(place).wkb


def table(rows=ROWS, columns=COLUMNS, *, geometry="point", places=POINTS, size=2):
    given_rows = [
        (*row, wkb(place)) if geometry else row for row, place in zip(rows, places, strict=False)
    ]
    batches = [given_rows[at : at + size] for at in range(0, len(given_rows), size)]
    return Table("things", "事物", columns, batches, geometry)


def test_csv_is_what_a_spreadsheet_opens_as_text(tmp_path):
    path = tmp_path / "things.csv"
    assert tables.write(table(), path) == 3
    data = path.read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    assert data.decode("utf-8-sig").split("\r\n") == [
        "区划代码,Name,Visits,Share,On,Open,lng,lat",
        "012,'=1+1,3,0.30000000000000004,2024-02-29,true,84.67623,44.43105",
        "000000000000001,'@x,,,,,,",
        '999999999999999999,"饭店, ""A""\n二",-7,-1e-09,1899-12-31,false,0.30000000000000004,-44.0',
        "",
    ]


def test_a_workbook_has_text_cells_and_no_formulas(tmp_path):
    path = tmp_path / "things.xlsx"
    tables.write(table(), path)
    sheet = openpyxl.load_workbook(path)["事物"]
    header, first, second, third = sheet.iter_rows()
    assert [cell.value for cell in header] == [
        *(column.title for column in COLUMNS),
        "lng",
        "lat",
    ]
    assert [cell.value for cell in first][:4] == ["012", "=1+1", 3, 0.1 + 0.2]
    assert first[0].data_type == "s"
    assert (first[1].quotePrefix, first[1].number_format) == (True, "@")
    assert first[4].value.date() == date(2024, 2, 29)
    assert first[5].value is True
    assert [cell.value for cell in second] == ["000000000000001", "@x", *[None] * 6]
    assert third[0].value == "9" * 18
    assert third[4].value == "1899-12-31"
    assert third[6].value == 0.1 + 0.2
    # no cell is a formula, in the file itself
    with zipfile.ZipFile(path) as archive:
        assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")


def test_rows_go_on_in_a_further_sheet(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "SHEET_ROWS", 2)
    path = tmp_path / "things.xlsx"
    assert tables.write(table(), path) == 3
    book = openpyxl.load_workbook(path)
    assert [sheet.max_row for sheet in book] == [3, 2]
    assert book.sheetnames == ["事物", "事物 (2)"]
    assert [cell.value for cell in book["事物 (2)"][1]][:2] == ["区划代码", "Name"]


def test_a_geopackage_holds_types_titles_and_places(tmp_path):
    path = tmp_path / "things.gpkg"
    assert tables.write(table(), path) == 3
    info = pyogrio.read_info(path, layer="things")
    assert (info["crs"], info["geometry_type"]) == ("EPSG:4326", "Point")
    assert list(info["fields"]) == [column.title for column in COLUMNS]
    frame = geopandas.read_file(path)
    assert frame["区划代码"].tolist() == [row[0] for row in ROWS]
    assert frame["Name"].tolist() == [row[1] for row in ROWS]
    assert [None if p is None else (p.x, p.y) for p in frame.geometry] == POINTS


def test_geoparquet_says_what_it_is(tmp_path):
    path = tmp_path / "things.parquet"
    assert tables.write(table(), path) == 3
    about = json.loads(pyarrow.parquet.read_metadata(path).metadata[b"geo"])
    column = about["columns"][about["primary_column"]]
    assert about["version"] == "1.1.0"
    assert (column["encoding"], column["geometry_types"]) == ("WKB", ["Point"])
    assert column["bbox"] == [0.1 + 0.2, -44.0, 84.67623, 44.43105]
    frame = geopandas.read_parquet(path)
    assert frame.crs.to_epsg() in {None, 4326}
    assert frame["Share"].tolist()[0] == 0.1 + 0.2
    assert [None if p is None else (p.x, p.y) for p in frame.geometry] == POINTS
    assert frame["On"].tolist()[0] == date(2024, 2, 29)


def test_areas_are_of_one_type(tmp_path):
    box = shapely.box(84, 44, 85, 45)
    rows = [("1", box.wkb), ("2", shapely.MultiPolygon([box]).wkb), ("3", None)]
    for suffix in ("gpkg", "parquet", "csv", "xlsx"):
        path = tmp_path / f"areas.{suffix}"
        areas = Table("areas", "Areas", COLUMNS[:1], [rows], "polygon")
        assert tables.write(areas, path) == 3
        if suffix in {"gpkg", "parquet"}:
            read = geopandas.read_file if suffix == "gpkg" else geopandas.read_parquet
            kinds = read(path).geometry.geom_type.tolist()
            assert kinds[:2] == ["MultiPolygon"] * 2
        elif suffix == "csv":
            shapes = pl.read_csv(path)["wkt"].to_list()
            assert shapely.from_wkt(shapes[0]).equals(box)


def test_titles_that_are_alike_are_told_apart(tmp_path):
    columns = (Column("a", "Name"), Column("b", "name"), Column("c", "geom"))
    path = tmp_path / "alike.gpkg"
    tables.write(table([("1", "2", "3")], columns), path)
    assert list(pyogrio.read_info(path)["fields"]) == ["Name", "name (2)", "geom (2)"]


@pytest.mark.parametrize("suffix", ["csv", "xlsx", "gpkg", "parquet"])
def test_a_file_appears_only_when_it_is_complete(tmp_path, suffix):
    path = tmp_path / f"things.{suffix}"
    path.write_text("before")

    def broken():
        yield [(*ROWS[0], None)]
        raise ConnectionError

    with pytest.raises(ConnectionError):
        tables.write(Table("things", "Things", COLUMNS, broken(), "point"), path)
    assert path.read_text() == "before"
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_what_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(InvalidInputError, match=r"ends in \.csv"):
        tables.write(table(), tmp_path / "things.doc")
    with pytest.raises(InvalidInputError, match="no geometry"):
        tables.write(table(geometry=None), tmp_path / "things.gpkg")
    with pytest.raises(InvalidInputError, match="no directory"):
        tables.write(table(), tmp_path / "nowhere" / "things.csv")
    with pytest.raises(InvalidInputError, match="row 1, column '区划代码'"):
        tables.write(table([("9" * 40_000, *ROWS[0][1:])]), tmp_path / "things.xlsx")


def test_a_table_without_geometry_is_plain_parquet(tmp_path):
    path = tmp_path / "things.parquet"
    tables.write(table(geometry=None), path)
    assert pl.read_parquet(path)["区划代码"].to_list() == [row[0] for row in ROWS]


@given(st.text())
def test_defusing_can_be_undone_and_leaves_no_formula(value):
    written = tables.defused(value)
    assert not written.startswith(("=", "+", "-", "@", "\t", "\r"))
    # as an import takes it back: the first group where the pattern matches, else the value
    back = pl.Series([written]).str.extract(tables.DEFUSED, 1)[0]
    assert (written if back is None else back) == value


@pytest.mark.parametrize("suffix", ["csv", "xlsx", "gpkg", "parquet"])
def test_memory_does_not_grow_with_the_rows(tmp_path, suffix):
    def peak(batches):
        rows = [(*ROWS[0], wkb(POINTS[0]))] * 500
        path = tmp_path / f"many.{suffix}"
        tracemalloc.start()
        try:
            source = (rows for _ in range(batches))
            assert tables.write(Table("many", "M", COLUMNS, source, "point"), path) == 500 * batches
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(2)  # loads what is loaded once
    assert peak(40) < 2 * peak(8) + 1_000_000


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.text(
                st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from("\n\t=+-@'"),
                max_size=12,
            ),
            st.none() | st.floats(allow_nan=False, allow_infinity=False, width=64),
        ),
        max_size=5,
    )
)
def test_every_format_gives_back_what_was_written(tmp_path_factory, rows):
    directory = tmp_path_factory.mktemp("formats")
    columns = (Column("a", "Text"), Column("b", "Number", "number"))
    texts, numbers = ([row[at] for row in rows] for at in (0, 1))
    for suffix in ("xlsx", "parquet"):
        path = directory / f"t.{suffix}"
        tables.write(Table("t", "T", columns, [rows]), path)
        if suffix == "parquet":
            frame = pl.read_parquet(path)
            assert frame["Text"].to_list() == texts
            assert frame["Number"].to_list() == numbers
        else:
            found = list(openpyxl.load_workbook(path)["T"].iter_rows(min_row=2, values_only=True))
            wanted = [(text or None, number) for text, number in rows]
            while wanted and wanted[-1] == (None, None):
                wanted.pop()
            assert found[: len(wanted)] == wanted

import gzip
import io
import zipfile

import geopandas
import openpyxl
import polars as pl
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from gis_supervision.errors import InvalidInputError
from gis_supervision.importing import files, readers
from gis_supervision.importing.mapping import Source

ROWS = [("0012", "乌苏市\n食品店", "2024-01-05"), ("0013", 'A "b", c', ""), ("0014", "é", "x")]
HEADER = ("code", "name", "day")


def source(**options) -> Source:
    return Source.model_validate(
        {"finding": {"item": {"column": "x"}, "inspection_number": {"column": "x"}}, **options}
    )


def read(path, **options):
    with readers.opened(path, source(**options)) as table:
        frames = list(table.batches)
    return table, pl.concat(frames) if frames else None


def delimited(delimiter=",", rows=ROWS):
    quoted = [[f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in row] for row in rows]
    return "\n".join([delimiter.join(HEADER), *(delimiter.join(row) for row in quoted)]) + "\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_encodings_and_delimiters_are_found(tmp_path, encoding, delimiter):
    rows = [("0012", "乌苏市食品店一二三", "2024-01-05")]
    path = tmp_path / "a.csv"
    path.write_bytes(delimited(delimiter, rows).encode(encoding))
    table, frame = read(path)
    assert table.columns == list(HEADER)
    assert frame.select(HEADER).rows() == rows


def test_western_letters_are_not_taken_for_chinese(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("code,name,day\n1,Café Zürich à l'été,x\n".encode("latin-1"))
    assert read(path)[1]["name"].to_list() == ["Café Zürich à l'été"]


def test_a_wrong_encoding_is_told(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("code,name,day\n1,é,x\n".encode("latin-1"))
    with pytest.raises(InvalidInputError, match=r"a\.csv"):
        read(path, encoding="utf-8")
    with pytest.raises(InvalidInputError, match="no encoding 'utf-9'"):
        read(path, encoding="utf-9")


@pytest.mark.parametrize("pack", ["plain", "gz", "zip"])
def test_rows_are_counted_as_a_spreadsheet_does(tmp_path, pack):
    text = "Report\n" + delimited() + "\n,,\nshort\n0015,last,z\n"
    path = tmp_path / f"a.csv{'' if pack == 'plain' else '.' + pack}"
    if pack == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("inner/a.csv", text)
            archive.writestr("readme.md", "about")
    else:
        path.write_bytes(gzip.compress(text.encode()) if pack == "gz" else text.encode())
    table, frame = read(path, header_row=2)
    assert frame[readers.ROW].to_list() == [3, 4, 5, 9]
    assert frame.select(HEADER).rows() == [*ROWS, ("0015", "last", "z")]
    assert [(row, text) for row, text, _ in table.broken] == [(8, "short")]


def test_a_workbook(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["about"])
    sheet = book.create_sheet("data")
    sheet.append(["code", "name", "day", None])
    sheet.append(["0012", 654202.0, __import__("datetime").datetime(2024, 1, 5)])
    sheet.append([None, None, None])
    sheet.append([1.5, True, None])
    book.save(tmp_path / "a.xlsx")
    table, frame = read(tmp_path / "a.xlsx", layer="data")
    assert table.columns == ["code", "name", "day"]
    assert frame.rows() == [(2, "0012", "654202", "2024-01-05"), (4, "1.5", "true", None)]
    with pytest.raises(InvalidInputError, match="no sheet 'dat'"):
        read(tmp_path / "a.xlsx", layer="dat")


POINTS = geopandas.GeoDataFrame(
    {"code": ["0012", "0013", "0014"], "number": [1, 2, None], "name": ["乌苏", "b", None]},
    geometry=[shapely.Point(84.6, 44.4), None, shapely.Point(84.7, 44.5)],
    crs="EPSG:4490",
)


# shapes that are missing cannot be indexed
OPTIONS = {"shp": {"encoding": "utf-8"}, "fgb": {"SPATIAL_INDEX": "NO"}}


@pytest.mark.parametrize("suffix", ["geojson", "gpkg", "shp", "fgb", "parquet", "shp.zip"])
def test_geographic_files(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    data = POINTS.to_crs(4326) if suffix == "geojson" else POINTS
    if suffix == "parquet":
        data.to_parquet(path)
    elif suffix == "shp.zip":
        data.to_file(tmp_path / "a.shp", encoding="utf-8")
        with zipfile.ZipFile(path, "w") as archive:
            for part in tmp_path.glob("a.*"):
                if part != path:
                    archive.write(part, part.name)
    else:
        data.to_file(path, **OPTIONS.get(suffix, {}))
    table, frame = read(path)
    frame = frame.sort("code")
    assert table.datum == ("EPSG:4326" if suffix == "geojson" else "EPSG:4490")
    assert frame["code"].to_list() == ["0012", "0013", "0014"]
    assert frame["number"].to_list() == ["1", "2", None]
    assert frame["name"].to_list() == ["乌苏", "b", None]
    assert sorted(frame[readers.ROW].to_list()) == [1, 2, 3]
    assert [bytes(one)[:1] if one else None for one in frame[readers.GEOMETRY]] == [
        b"\x01",
        None,
        b"\x01",
    ]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "no header"),
        ("a.csv.gz", b"no gzip", "cannot be read"),
        ("a.csv.gz", gzip.compress(delimited().encode(), mtime=0)[:40], "cannot be read"),
        ("a.zip", b"no zip", "not a zip archive"),
        ("a.xlsx", b"no workbook", "not a workbook"),
        ("a.gpkg", b"no package", "cannot be read"),
        ("a.parquet", b"no parquet", "cannot be read"),
        ("a.docx", b"", "format unknown"),
    ],
)
def test_files_that_are_not_what_they_say(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidInputError, match=message):
        read(tmp_path / name)


CELLS = st.text(
    st.characters(codec="utf-8", exclude_characters="\x00\r", exclude_categories=["Cs"]),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=12), st.sampled_from(files.DELIMITERS))
def test_random_tables_are_read_as_they_were_written(tmp_path_factory, rows, delimiter):
    path = tmp_path_factory.mktemp("random") / "a.csv"
    path.write_bytes(delimited(delimiter, rows).encode())
    _, frame = read(path, encoding="utf-8")
    kept = [(row, *cells) for row, cells in enumerate(rows, start=2) if any(cells)]
    found = [] if frame is None else frame.select(readers.ROW, *HEADER).rows()
    assert found == kept


def test_memory_does_not_hold_the_file(tmp_path):
    text = io.StringIO()
    text.write("code,name,day\n")
    text.writelines(f"{index},{'x' * 90},d\n" for index in range(150_000))
    path = tmp_path / "a.csv"
    path.write_text(text.getvalue())
    with readers.opened(path, source()) as table:
        sizes = [frame.height for frame in table.batches]
    assert sum(sizes) == 150_000
    assert max(sizes) < 60_000

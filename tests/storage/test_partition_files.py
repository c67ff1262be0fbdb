"""Partitions of GeoParquet: what is read, and what is refused, by file, row and column."""

import json
from datetime import date
from pathlib import Path

import geopandas
import numpy as np
import pandas as pd
import partitions_made as made
import pyarrow as pa
import pytest
import shapely

from gis_supervision.errors import ConflictError, InvalidInputError, NotFoundError
from gis_supervision.storage import partition_files, partition_rows
from gis_supervision.storage.partition_files import MANIFEST, ZONES, Manifest, open_dataset

ROWS = made.random_premises(60)


@pytest.fixture(scope="module")
def good():
    return made.table(ROWS)[0]


def read(path, batch_rows=25):
    return [
        premises
        for piece in open_dataset(path).pieces
        for premises in partition_rows.premises(piece, batch_rows, identified=True)
    ]


def refused(path):
    with pytest.raises(InvalidInputError) as caught:
        read(path)
    return str(caught.value)


def set_column(table, name, values):
    return table.set_column(table.schema.get_field_index(name), name, values)


def test_values_come_back_as_they_were_written(tmp_path):
    batches = read(made.write(tmp_path / "set", ROWS, [35, 25]))
    assert [batch.frame.height for batch in batches] == [25, 10, 25]
    frame = [row for batch in batches for row in batch.frame.iter_rows(named=True)]
    lat = np.concatenate([batch.lat for batch in batches])
    for row, found, latitude in zip(ROWS, frame, lat, strict=True):
        for name in ("premises_id", "category", "external", "cell_id"):
            assert found[name] == row[name]
        assert found["located"] == (row["location"] == "exact")
        assert found["opened_on"] == (row["opened_on"] and made.days(row["opened_on"]))
        assert np.isnan(latitude) if row["lat"] is None else latitude == row["lat"]
    assert [int(n) for batch in batches for n in batch.inspections] == [
        len(row["inspections"]) for row in ROWS
    ]
    visits = [one for row in ROWS for one in row["inspections"]]
    assert [int(d) for batch in batches for d in batch.inspected_on] == [
        made.days(one["inspected_on"]) for one in visits
    ]
    channels = [b.channel.names[code] for b in batches for code in b.channel.codes]
    assert channels == [one["channel"] for one in visits]


def test_other_libraries_read_and_write_it(tmp_path):
    first = made.write(tmp_path / "set", ROWS, [60]) / "part-0.parquet"
    frame = geopandas.read_parquet(first).astype({"cell_id": "Int64"})
    assert frame.crs.to_string() == "OGC:CRS84"
    frame.to_crs(4490).to_parquet(tmp_path / "again.parquet")
    native = tmp_path / "native.parquet"
    frame.to_parquet(native, geometry_encoding="geoarrow")
    for path in (tmp_path / "again.parquet", native):
        (once,) = read(first, 100)
        (again,) = read(path, 100)
        np.testing.assert_allclose(again.lat, once.lat, atol=1e-9)
        assert again.frame.equals(once.frame, null_equal=True)
        np.testing.assert_array_equal(again.resolved_on, once.resolved_on)


def test_big_endian_and_three_dimensional_points_are_points(tmp_path, good):
    shapes = [shapely.Point(84.5, 44.5), shapely.Point(84.5, 44.25, 900.0), None]
    wkb = [
        None if s is None else shapely.to_wkb(s, byte_order=0, output_dimension=3) for s in shapes
    ]
    table = set_column(good.slice(0, 3), "geometry", pa.array(wkb, pa.binary()))
    table = set_column(table, "location", pa.array(["exact", "exact", "none"]))
    (found,) = read(made.write_raw(tmp_path / "a.parquet", table))
    np.testing.assert_array_equal(found.lat, [44.5, 44.25, np.nan])


def test_columns_without_any_value_and_sliced_lists_are_good(tmp_path, good):
    table = good.slice(7, 20)
    for name in ("category", "opened_on", "cell_id", "hazards"):
        table = set_column(table, name, pa.nulls(20))
    (found,) = read(made.write_raw(tmp_path / "a.parquet", table))
    assert found.hazards.sum() == 0
    assert found.inspections.tolist() == [len(row["inspections"]) for row in ROWS[7:27]]


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("risk_class", pa.array(range(60)), "column risk_class: int64, expected text"),
        (
            "opened_on",
            pa.array(pd.to_datetime(["2020-01-01"] * 60)),
            r"column opened_on: timestamp\[\w+\], expected date",
        ),
        ("external", pa.array(["no"] * 60), "column external: string, expected boolean"),
        ("cell_id", pa.array([0.5] * 60), "column cell_id: double, expected integer"),
        (
            "inspections",
            pa.array([[1]] * 60),
            "column inspections: list.*, expected a list of insp",
        ),
        (
            "hazards",
            pa.array([[{"found_on": date(2020, 1, 1)}]] * 60),
            r"column hazards\.resolved_on: missing, expected date",
        ),
        ("geometry", pa.array([1.0] * 60), "column geometry: double with encoding 'WKB'"),
    ],
)
def test_a_wrong_type_is_told_with_file_and_column(tmp_path, good, name, values, message):
    path = made.write_raw(tmp_path / "bad.parquet", set_column(good, name, values))
    with pytest.raises(InvalidInputError, match=rf"bad\.parquet: {message}"):
        open_dataset(tmp_path)
    assert path.exists()


@pytest.mark.parametrize("name", [*made.PLAIN, *made.NESTED, "geometry"])
def test_a_missing_column_is_told(tmp_path, good, name):
    made.write_raw(tmp_path / "bad.parquet", good.drop_columns(name))
    assert f"bad.parquet: column {name}: missing, expected" in refused(tmp_path)


def test_all_mistakes_of_all_files_are_told_at_once(tmp_path, good):
    made.write_raw(tmp_path / "a.parquet", good.drop_columns(["location", "hazards"]))
    made.write_raw(tmp_path / "b.parquet", good, geo={})
    (tmp_path / "c.parquet").touch()
    (tmp_path / "d.parquet").write_bytes(b"PAR1 is not enough")
    made.write_raw(tmp_path / "e.parquet", good.slice(0, 0))
    lines = refused(tmp_path).splitlines()
    assert [line.rsplit("/", 1)[1][:9] for line in lines] == [
        f"{letter}.parquet" for letter in "aabcde"
    ]
    assert "expected the metadata `geo` of GeoParquet" in lines[2]
    assert "empty file, expected GeoParquet" in lines[3]
    assert "expected a Parquet file" in lines[4]
    assert "no rows, expected at least one premises" in lines[5]


@pytest.mark.parametrize(
    ("crs", "said"),
    [
        (geopandas.GeoSeries(crs=3857).crs.to_json_dict(), "Pseudo-Mercator"),
        (geopandas.GeoSeries(crs=4214).crs.to_json_dict(), "Beijing 1954"),
        (None, "unknown"),
        ({"type": "nonsense"}, "cannot be read"),
    ],
)
def test_another_coordinate_system_is_refused(tmp_path, good, crs, said):
    column = {"encoding": "WKB", "geometry_types": ["Point"], "crs": crs}
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}
    made.write_raw(tmp_path / "bad.parquet", good, geo)
    message = refused(tmp_path)
    assert "bad.parquet: column geometry: coordinate system" in message
    assert said in message
    assert "EPSG:4326" in message


def test_polygons_are_refused(tmp_path, good):
    squares = pa.array([shapely.to_wkb(shapely.box(84, 44, 85, 45))] * 60)
    path = made.write_raw(tmp_path / "bad.parquet", set_column(good, "geometry", squares))
    assert "row 1: column geometry: no point" in refused(path)
    column = {"encoding": "WKB", "geometry_types": ["Polygon"]}
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}
    assert "Polygon, expected Point" in refused(made.write_raw(path, good, geo))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lat": 91.0}, "column geometry: latitude 91, expected -90 to 90"),
        ({"lng": -180.5}, "column geometry: longitude -180.5, expected -180 to 180"),
        ({"lat": np.inf}, "column geometry: latitude inf"),
        ({"location": "somewhere"}, "column location: 'somewhere', expected one of exact"),
        ({"location": None}, "column location: None, expected one of"),
        ({"lng": None, "lat": None}, "column location: 'exact' without a point"),
        ({"external": None}, "column external: null, expected true or false"),
        ({"cell_id": -4}, "column cell_id: out of range"),
        (
            {"inspections": [{"inspected_on": None, "channel": "online", "kind": None}]},
            "column inspections.inspected_on: null",
        ),
        (
            {"inspections": [{"inspected_on": made.FIRST, "channel": None, "kind": None}]},
            "column inspections.channel: null",
        ),
        ({"hazards": [{"found_on": None, "resolved_on": None}]}, "column hazards.found_on: null"),
    ],
)
def test_a_wrong_value_is_told_with_its_row(tmp_path, change, message):
    rows = [*ROWS]
    rows[41] = rows[41] | {"lng": 84.0, "lat": 44.0, "location": "exact"} | change
    made.write(tmp_path / "set", rows, [10, 50])
    assert f"part-1.parquet: row 32: {message}" in refused(tmp_path / "set")


def test_a_large_row_group_is_read_in_parts(tmp_path, good):
    path = made.write_raw(tmp_path / "one.parquet", good, row_group_size=60)
    assert [batch.frame.height for batch in read(path, 7)] == [7] * 8 + [4]


def test_row_groups_are_read_together_up_to_a_size(tmp_path, good):
    path = made.write_raw(tmp_path / "one.parquet", good, row_group_size=8)
    pieces = open_dataset(path, piece_rows=20).pieces
    assert [piece.groups for piece in pieces] == [(0, 1), (2, 3), (4, 5), (6, 7)]
    assert [piece.first_row for piece in pieces] == [0, 16, 32, 48]
    assert [piece.rows for piece in pieces] == [16, 16, 16, 12]
    ids = [
        n
        for p in pieces
        for b in partition_rows.premises(p, 5, identified=True)
        for n in b.frame["premises_id"]
    ]
    assert ids == list(range(1, 61))


def test_pieces_are_found_from_any_working_directory(tmp_path, good, monkeypatch):
    made.write_raw(tmp_path / "one.parquet", good)
    monkeypatch.chdir(tmp_path)
    (piece,) = open_dataset(Path("one.parquet")).pieces
    monkeypatch.chdir("/")
    assert len(list(partition_rows.premises(piece, 30))) == 2


def test_what_the_manifest_says_must_be_true(tmp_path):
    path = made.write(tmp_path / "set", ROWS, [20, 20, 20])
    files = {f"part-{number}.parquet": 20 for number in range(3)}

    def tell(told):
        (path / MANIFEST).write_text(Manifest(told, 7, made.AS_OF).to_json())

    tell(files)
    assert open_dataset(path).manifest == Manifest(files, 7, made.AS_OF)
    tell({**files, "part-1.parquet": 21, "part-9.parquet": 5})
    lines = refused(path).splitlines()
    assert "part-9.parquet: missing" in lines[0]
    assert "part-1.parquet: 20 rows, expected 21" in lines[1]
    tell({"part-0.parquet": 20, "part-1.parquet": 20})
    assert "part-2.parquet: not named in _dataset.json" in refused(path)
    (path / MANIFEST).write_text("{}")
    assert "expected JSON as `gis-supervision export partitions`" in refused(path)
    (path / MANIFEST).write_text(json.dumps({"format": "other 2"}))
    assert "format 'other 2', expected" in refused(path)


def test_nothing_is_told_apart_from_no_directory(tmp_path):
    with pytest.raises(NotFoundError, match="no partition in it"):
        open_dataset(tmp_path)
    with pytest.raises(NotFoundError, match="no such directory"):
        open_dataset(tmp_path / "gone")
    (tmp_path / MANIFEST).write_text(Manifest({}, 1, None).to_json())
    assert open_dataset(tmp_path).rows == 0


def test_a_file_that_changes_or_goes_meanwhile_is_told(tmp_path, good):
    path = made.write_raw(tmp_path / "one.parquet", good)
    (piece,) = open_dataset(path).pieces
    made.write_raw(path, good.slice(0, 5))
    with pytest.raises(ConflictError, match="5 rows, there were 60 a moment ago"):
        list(partition_rows.premises(piece, 10))
    path.unlink()
    with pytest.raises(NotFoundError, match="every worker sees under this path"):
        list(partition_rows.premises(piece, 10))


def test_zones_are_those_of_the_day(tmp_path):
    def write(rows):
        columns = ("cell_id", "zone_id", "valid_from", "valid_to")
        kinds = (pa.int64(), pa.int64(), pa.date32(), pa.date32())
        table = pa.table(
            {
                name: pa.array([row[at] for row in rows], kind)
                for at, (name, kind) in enumerate(zip(columns, kinds, strict=True))
            }
        )
        pa.parquet.write_table(table, tmp_path / ZONES)

    old, new = (date(2020, 1, 1), date(2024, 1, 1)), (date(2024, 1, 1), None)
    write([(5, 1, *old), (5, 2, *new), (3, 1, None, None), (4, 9, *old)])
    for day, expected in (
        (date(2023, 12, 31), {3: 1, 4: 9, 5: 1}),
        (date(2024, 1, 1), {3: 1, 5: 2}),
    ):
        cells, zones = partition_files.zones(tmp_path, day)
        assert dict(zip(cells.tolist(), zones.tolist(), strict=True)) == expected
    write([(5, 1, *old), (5, 2, date(2022, 1, 1), None)])
    with pytest.raises(InvalidInputError, match="cell 5 has two zones on 2023-01-01"):
        partition_files.zones(tmp_path, date(2023, 1, 1))

"""Wusu from its packed files: codes, outlines, corps areas, a lattice."""

import csv
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import shapely
from sqlalchemy import func, select, text

from gis_supervision import demo
from gis_supervision.cli.shapes import read_shapes
from gis_supervision.domain.grid import assign
from gis_supervision.importing import batches
from gis_supervision.storage import database, divisions, geocodes, grid, placement
from gis_supervision.storage.database import session_scope
from gis_supervision.storage.tables import Division, GridCell, Premises

DATA = Path(demo.__path__[0]) / "wusu"
SHARED = Path(__file__).parents[3] / "shared/data/china_wusu"
DAY = date(2024, 1, 1)


def rows_of(name):
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def engine(fresh_database):
    engine = database.engine(fresh_database().url)
    for mapping in ("divisions.toml", "boundaries.toml"):
        report = batches.run(engine, DATA / mapping, actor="test")
        assert (report.status, report.rejected) == ("imported", 0), report
    yield engine
    engine.dispose()


def test_every_division_of_the_files_is_in_the_register_by_code(engine):
    files = {
        "county": rows_of("divisions_counties.csv"),
        "township": rows_of("divisions_townships.csv"),
        "village": rows_of("divisions_villages_654202.csv"),
    }
    parents = {"county": None, "township": "areaCode", "village": "streetCode"}
    with session_scope(engine) as session:
        known = {division.code: division for division in divisions.on(session, DAY)}
        assert len(known) == sum(map(len, files.values())) == 14 + 120 + 312
        for level, rows in files.items():
            for row in rows:
                found = known[row["code"]]
                assert (found.name, found.level) == (row["name"], level)
                if parents[level]:
                    assert found.parent == row[parents[level]]
        outlined = {code for code, division in known.items() if division.has_outline}
        _, columns = read_shapes(DATA / "counties_wgs84.geojson")
        assert outlined == set(columns["adcode"])
        # the old code of Shawan leads to the city, on every day to the code of the day
        assert divisions.find(session, "654223", as_of=DAY).code == "654203"
        assert divisions.code_on(session, "654223", DAY) == "654203"
        assert divisions.code_on(session, "654223", date(2019, 1, 1)) == "654223"
        assert divisions.code_on(session, "654223101", DAY) == "654203101"
        assert [period.code for period in divisions.history(session, "654203")] == [
            "654223",
            "654203",
        ]


def test_corps_areas_are_kept_marked_and_left_out_of_denominators(engine):
    with session_scope(engine) as session:
        external = {one.code for one in divisions.on(session, DAY) if one.external}
        assert {code for code in external if code[:6] == "654202" and len(code) == 9} == {
            "654202500",
            "654202501",
            "654202502",
            "654202503",
            "654202504",
            "654202505",
            "654202507",
        }
        assert {code for code in external if len(code) == 6} == {"659010"}
        # villages below them go with them: their own names do not tell
        below = [row["code"] for row in rows_of("divisions_villages_654202.csv")]
        assert {code for code in external if len(code) == 12} == {
            code for code in below if code[6] == "5"
        }
        for number, code in enumerate(["654202500400", "654202001001", "654202"]):
            session.add(
                Premises(licence=f"P{number}", name="P", location="none", division_code=code)
            )
        session.flush()
        found = placement.count(session)
        assert (found.premises, found.reasons["external"]) == (3, 1)
        shown = session.execute(
            text("SELECT licence, external FROM map.premises ORDER BY licence")
        ).all()
        assert shown == [("P0", True), ("P1", False), ("P2", False)]


def test_settlements_lie_in_the_county_that_the_gazetteer_says(engine):
    with session_scope(engine) as session:
        places = rows_of("places_geonames.csv")
        for place in places:
            session.add(
                Premises(
                    licence=place["geonameid"],
                    name=place["name"],
                    location="exact",
                    geom=f"SRID=4326;POINT({place['lon']} {place['lat']})",
                )
            )
        session.flush()
        names = {one.id: one.code for one in divisions.on(session, DAY)}
        for premises in session.scalars(select(Premises)):
            place = next(row for row in places if row["geonameid"] == premises.licence)
            assert (names.get(premises.division_id) or "") == place["adcode_by_polygon"]


def test_a_lattice_of_the_county_covers_it_and_holds_its_premises(engine):
    with session_scope(engine) as session:
        generator = np.random.default_rng(7)
        points = generator.uniform([83.4, 43.5], [85.2, 45.3], (2_000, 2))
        session.execute(
            text(
                "INSERT INTO premises (licence, name, location, geom)"
                " SELECT 'P' || p.number, 'P', 'exact', st_setsrid(st_makepoint(p.x, p.y), 4326)"
                " FROM unnest(CAST(:x AS float8[]), CAST(:y AS float8[]))"
                " WITH ORDINALITY AS p (x, y, number)"
            ),
            {"x": points[:, 0].tolist(), "y": points[:, 1].tolist()},
        )
        built = grid.build(session, side_m=5_000, within="654202", valid_from=DAY)
        cells = grid.current(session)
        assert built.cells == cells.ids.size > 500
        assert all(code.startswith("654202-") for code in cells.codes)
        outline = shapely.from_wkb(
            bytes(
                session.scalars(
                    select(func.st_asbinary(Division.geom)).where(
                        Division.id == divisions.find(session, "654202").id
                    )
                ).one()
            )
        )
        together = shapely.union_all(cells.polygons)
        assert shapely.area(together.symmetric_difference(outline)) < 1e-9
        found = assign(points[:, 0], points[:, 1], cells.polygons).cell
        assert built.premises_inside == int((found >= 0).sum()) > 400
        held = dict(
            session.execute(
                select(Premises.licence, GridCell.code).outerjoin(
                    GridCell, Premises.cell_id == GridCell.id
                )
            ).all()
        )
        assert held == {
            f"P{number}": cells.codes[at] if at >= 0 else None
            for number, at in enumerate(found.tolist(), start=1)
        }


def test_premises_with_a_village_code_get_a_point_in_their_county(engine):
    with session_scope(engine) as session:
        for licence, code, address in (
            ("code", "654202001001", None),
            ("name", None, "新疆乌苏市新市区街道某路1号"),
            ("elsewhere", None, "乌鲁木齐市"),
        ):
            session.add(
                Premises(
                    licence=licence,
                    name="P",
                    location="none",
                    division_code=code,
                    address=address,
                )
            )
        session.flush()
        done = geocodes.geocode(session)
        assert (done.by_code, done.by_name, done.unknown) == (1, 1, 1)
        inside = session.execute(
            text(
                "SELECT p.licence, st_contains(d.geom, p.geom), p.location, p.cell_id"
                " FROM premises AS p, division AS d"
                " WHERE d.id = division_coded('654202') AND p.geom IS NOT NULL ORDER BY 1"
            )
        ).all()
        assert inside == [("code", True, "approximate", None), ("name", True, "approximate", None)]
        assert geocodes.geocode(session, coarsest="township").too_coarse == 0
        assert geocodes.clear(session) == 2
        assert geocodes.geocode(session, coarsest="township").too_coarse == 2


@pytest.mark.skipif(not SHARED.is_dir(), reason="the files beside the project are not there")
@pytest.mark.parametrize(
    ("file", "datum"),
    [("counties_wgs84.geojson", "CGCS2000"), ("counties_gcj02.geojson", "GCJ-02")],
)
def test_both_boundary_files_overlap_best_under_their_own_datum(file, datum):
    reference, columns = read_shapes(DATA / "counties_wgs84.geojson")
    wanted = shapely.make_valid(reference[columns["adcode"].index("654202")])
    shares = {}
    for declared in ("CGCS2000", "GCJ-02"):
        shapes, names = read_shapes(SHARED / file, datum=declared)
        shape = shapely.make_valid(shapes[names["adcode"].index("654202")])
        shares[declared] = shape.intersection(wanted).area / shape.union(wanted).area
    assert max(shares, key=shares.__getitem__) == datum

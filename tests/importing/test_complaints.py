"""Complaints: read like everything else, linked to their premises and cell whenever these come."""

import factories
import pytest
from sqlalchemy import text

from gis_supervision.importing import batches

MAPPING = """
name = "hotline"

[sources.complaints]
file = "complaints.csv"

[sources.complaints.complaint]
complaint_number = "No"
received_on = "Received"
closed_on = "Closed"
kind = "About"
licence = "Licence"
lat = "Lat"
lng = "Lng"
"""
COMPLAINTS = """No,Received,Closed,About,Licence,Lat,Lng
0001,2024-01-01,2024-01-09,异物,L1,44.405,84.605
0002,2024-01-02,,卫生,L1,,
0003,2024-01-03,,卫生,L9,,
0004,2024-01-04,,,,44.9,84.9
"""
PLACED = """
    SELECT k.complaint_number, p.licence, c.code
    FROM complaint AS k
    LEFT JOIN premises AS p ON k.premises_id = p.id
    LEFT JOIN grid_cell AS c ON k.cell_id = c.id
    ORDER BY 1
"""


@pytest.fixture
def hotline(register):
    register.run(register.town())
    with register.engine.begin() as connection:
        cells = (
            "INSERT INTO grid (name, kind, side_m, valid)"
            " VALUES ('g', 'square', 1, '[2000-01-01,)');"
            "INSERT INTO grid_cell (grid_id, code, geom, valid)"
            " SELECT id, 'C1', cast(:near AS geometry), '[2000-01-01,)' FROM grid"
        )
        connection.execute(text(cells), {"near": factories.square(lng=84.6, lat=44.4)})
    register.write("hotline.toml", MAPPING)
    register.write("complaints.csv", COMPLAINTS)
    return register


def load(register, content=None, **options):
    if content is not None:
        register.write("complaints.csv", content)
    return register.run(register.directory / "hotline.toml", **options)


def test_complaints_find_their_premises_and_cells(hotline):
    report = load(hotline)
    assert report.counts["complaints"] == {"new": 4, "changed": 0, "unchanged": 0, "withdrawn": 0}
    assert "1 complaints name a licence that is not in the register" in str(report.notes[0])
    assert hotline.rows(PLACED) == [
        ("0001", "L1", "C1"),
        ("0002", "L1", "C1"),
        ("0003", None, None),
        ("0004", None, None),
    ]
    assert load(hotline).status == "unchanged"


def test_a_premises_that_comes_later_gets_its_complaints(hotline):
    load(hotline)
    late = "Licence,Name,Risk,Lat,Lng,Visit,Day\nL9,Nine,1,44.405,84.605,9,03/05/2024\n"
    later = hotline.run(hotline.town(visits=late, findings="Visit,Item\n"))
    assert hotline.rows(PLACED)[2] == ("0003", "L9", "C1")
    batches.undo(hotline.engine, later.batch_id, actor="tester")
    assert hotline.rows(PLACED)[2] == ("0003", None, None)


def test_complaints_follow_cells_that_change(hotline):
    load(hotline)
    with hotline.engine.begin() as connection:
        connection.execute(
            text("UPDATE grid_cell SET valid = daterange(lower(valid), '2024-06-01')")
        )
    assert [cell for _, _, cell in hotline.rows(PLACED)] == [None] * 4


def test_undo_brings_back_what_complaints_were(hotline):
    first = load(hotline)
    before = hotline.rows("SELECT t::text FROM complaint AS t ORDER BY 1")
    second = load(
        hotline,
        "No,Received,Closed,About,Licence,Lat,Lng\n"
        "0001,2024-01-01,2024-01-10,异物,L2,44.9,84.9\n0005,2024-02-01,,,,,\n",
    )
    assert second.counts["complaints"] == {"new": 1, "changed": 1, "unchanged": 0, "withdrawn": 0}
    assert hotline.rows(PLACED)[0] == ("0001", "L2", None)
    with pytest.raises(batches.ConflictError, match=f"batch {second.batch_id} builds on"):
        batches.undo(hotline.engine, first.batch_id, actor="tester")
    batches.undo(hotline.engine, second.batch_id, actor="tester")
    assert hotline.rows("SELECT t::text FROM complaint AS t ORDER BY 1") == before
    counts = batches.undo(hotline.engine, first.batch_id, actor="tester")
    assert counts["complaints"] == 4
    assert hotline.rows("SELECT count(*) FROM complaint") == [(0,)]


def test_wrong_complaints_are_told_with_row_and_column(hotline):
    report = load(
        hotline,
        "No,Received,Closed,About,Licence,Lat,Lng\n"
        "1,2024-13-01,,,,,\n2,2024-01-02,2024-01-01,,,,\n3,2024-01-02,,,,44.4,\n"
        "4,2024-01-02,,,,,\n4,2024-01-03,,,,,\n",
        dry_run=True,
    )
    assert [(one.row, one.column, one.reason) for one in report.rejections] == [
        (2, "Received", "not_a_date"),
        (3, "Closed", "before_opening"),
        (4, "Lng, Lat", "half_a_pair"),
        (6, "No", "duplicate"),
    ]


@pytest.mark.parametrize("given", ["opened_on", "closed_on"])
def test_a_premises_cannot_close_before_it_opens(register, given):
    """Neither in one row, nor against the day that the register has."""
    mapping = (
        'name = "days"\n[sources.days]\nfile = "days.csv"\n[sources.days.premises]\n'
        'licence = "licence"\nname = "name"\n'
    )
    both = register.write("both.toml", mapping + 'opened_on = "o"\nclosed_on = "c"\n')
    one = register.write("one.toml", mapping + f'{given} = "d"\n')
    register.write("days.csv", "licence,name,o,c\nA,A,2024-02-01,2024-03-01\n")
    register.run(both)
    wrong = "2024-04-01" if given == "opened_on" else "2024-01-01"
    register.write("days.csv", f"licence,name,d\nA,A,{wrong}\n")
    report = register.run(one)
    assert (report.status, report.rejections[0].reason) == ("refused", "before_opening")
    register.write("days.csv", "licence,name,o,c\nB,B,2024-02-01,2024-01-01\n")
    report = register.run(both)
    assert [(r.row, r.column, r.value, r.expected) for r in report.rejections] == [
        (2, "c", "2024-01-01", ">= 2024-02-01")
    ]

import gzip
import re
import threading

import pytest

from gis_supervision.errors import ConflictError, InvalidInputError, NotFoundError
from gis_supervision.importing import batches
from gis_supervision.importing.reports import SET_REASONS
from gis_supervision.importing.values import REASONS
from gis_supervision.language import translator
from gis_supervision.storage.statements import named


def test_an_import_brings_everything_that_the_files_hold(register):
    report = register.run(register.town())
    assert report.status == "imported"
    assert report.counts["premises"]["new"] == 3
    assert register.counts() == {
        "premises": 3,
        "inspection": 4,
        "finding": 4,
        "hazard": 3,
        "division": 0,
        "division_code": 0,
    }
    places = register.rows(
        "SELECT licence, location, risk_class, st_y(geom), h3_8 IS NULL FROM premises ORDER BY 1"
    )
    # the last row of L1 has no pair: its place is that of the last row that has one
    assert places == [
        ("L1", "exact", "High", 44.4, False),
        ("L2", "exact", "Low", 44.5, False),
        ("L3", "none", None, None, True),
    ]
    hazards = register.rows(
        "SELECT item, severity, state, times_seen, resolved_on IS NULL FROM hazard ORDER BY id"
    )
    assert hazards == [
        ("40", "unclassified", "verified", 1, False),
        ("7", "critical", "reported", 2, True),
        ("40", "unclassified", "reported", 1, True),
    ]


def test_the_same_files_again_are_no_batch(register):
    mapping = register.town()
    first = register.run(mapping)
    version, content = register.version(), register.content()
    again = register.run(mapping)
    assert (again.status, again.batch_id, again.earlier_batch_id) == (
        "unchanged",
        None,
        first.batch_id,
    )
    assert (register.version(), register.content()) == (version, content)
    assert str(again.notes[0]).startswith("the same content was imported as batch 1 on ")
    assert again.to_dict()["notes"] == [str(again.notes[0])]
    assert again.notes[0].translated(translator("zh_CN")).startswith("相同内容已由 tester 于 ")


def test_the_same_rows_in_another_file_change_nothing(register):
    mapping = register.town()
    register.run(mapping)
    version, content = register.version(), register.content()
    lines = register.visits.splitlines()
    other = register.write("other.csv", "\n".join([lines[0], *reversed(lines[1:])]) + "\n\n")
    packed = register.write("findings.csv.gz", gzip.compress(register.findings.encode("utf-8-sig")))
    report = register.run(mapping, files=[other, packed])
    assert report.status == "imported"
    for kind in ("premises", "inspections", "findings", "hazards"):
        assert report.counts[kind]["new"] == report.counts[kind]["changed"] == 0
    assert (register.version(), register.content()) == (version, content)


BROKEN = """Licence,Name,Risk,Lat,Lng,Visit,Day
L1,One,1,91,84.6,1,01/05/2024
L2,Two,3,44.5,84.7,2,2024-01-06
L3,Three,1,44.4,,3,13/05/2024
L4,Four,1,north,84.6,4,02/06/2024
,Five,1,44.4,84.6,5,02/06/2024
L6,Six,1,44.4,84.6,6
L7,"Se
ven",1,44.4,84.6,7,02/07/2024
L8,Eight,1,44.4,181,8,02/07/2024
"""


def test_a_broken_file_is_told_row_by_row_and_nothing_is_loaded(register):
    before = register.content()
    report = register.run(register.town(BROKEN, "Visit,Item\n7,7\n99,7\n4,8\n"))
    assert report.status == "refused"
    assert report.batch_id is None
    told = {(r.file, r.row, r.column, r.value, r.reason) for r in report.rejections}
    assert told == {
        ("visits.csv", 2, "Lat", "91", "out_of_range"),
        ("visits.csv", 3, "Risk", "3", "unknown_value"),
        ("visits.csv", 3, "Day", "2024-01-06", "not_a_date"),
        ("visits.csv", 4, "Day", "13/05/2024", "not_a_date"),
        ("visits.csv", 4, "Lng, Lat", ", 44.4", "half_a_pair"),
        ("visits.csv", 5, "Lat", "north", "not_a_number"),
        ("visits.csv", 6, "Licence", "", "missing"),
        ("visits.csv", 7, None, "L6,Six,1,44.4,84.6,6", "broken_row"),
        ("visits.csv", 9, "Lng", "181", "out_of_range"),
        ("findings.csv", 3, "Visit", "99", "no_parent"),
        ("findings.csv", 4, "Visit", "4", "no_parent"),
    }
    assert report.rejected == 9
    assert register.content() == before
    assert register.rows("SELECT count(*) FROM import_batch") == [(0,)]


def test_wrong_rows_can_be_left_out(register):
    report = register.run(register.town(BROKEN, "Visit,Item\n7,7\n99,7\n4,8\n"), mode="reject")
    assert report.status == "imported"
    assert register.rows("SELECT licence, name FROM premises") == [("L7", "Se\nven")]
    assert register.counts()["hazard"] == 1


def test_mended_rows_complete_what_was_left_out(register):
    mapping = register.town(findings="Visit,Item\n1,7\n9,7\n")
    assert register.run(mapping, mode="reject").rejected == 1
    late = "Licence,Name,Risk,Lat,Lng,Visit,Day\nL9,Nine,1,44,84,9,03/01/2024\n"
    register.run(mapping, files={"visits": register.write("late.csv", late)})
    # the very files that were not complete before are taken again
    report = register.run(mapping)
    assert (report.status, report.rejected) == ("imported", 0)
    assert report.counts["findings"] == {"new": 1, "changed": 0, "unchanged": 1, "withdrawn": 0}


@pytest.mark.parametrize("mode", ["refuse", "reject"])
def test_a_missing_column_refuses_the_file_and_is_named(register, mode):
    report = register.run(register.town(register.visits.replace("Lat", "Latt", 1)), mode=mode)
    assert report.status == "refused"
    wrong = report.rejections[0]
    assert (wrong.file, wrong.row, wrong.column, wrong.reason) == (
        "visits.csv",
        1,
        "Lat",
        "missing_column",
    )
    assert "Latt" in wrong.expected
    assert register.counts()["premises"] == 0


def test_a_dry_run_counts_and_writes_nothing(register):
    mapping = register.town()
    before = register.content()
    report = register.run(mapping, dry_run=True)
    assert (report.status, report.batch_id) == ("dry_run", None)
    assert report.counts["premises"]["new"] == 3
    assert register.content() == before
    register.run(mapping)
    other = register.visits.replace("Two", "Zwei") + "L4,Four,1,44,84,5,03/01/2024\n,,,,,6,x\n"
    told = register.run(mapping, files=[register.write("o.csv", other)], dry_run=True).counts
    assert told["premises"] == {"new": 1, "changed": 1, "unchanged": 2, "withdrawn": 0}
    assert told["inspections"] == {"new": 1, "changed": 0, "unchanged": 4, "withdrawn": 0}
    assert told["rows"]["rejected"] == 1


def test_undo_brings_back_exactly_what_was_there(register):
    mapping = register.town()
    register.run(mapping)
    before = register.content()
    visits = (
        "Licence,Name,Risk,Lat,Lng,Visit,Day\n"
        "L1,Renamed,2,45.1,84.1,7,06/05/2024\n"
        "L9,Nine,2,45,84,8,06/05/2024\n"
        "L2,Two,2,44.5,84.7,0,12/31/2023\n"
        "L3,Three,N/A,-9999,-9999,4,02/07/2024\n"
    )
    files = {
        "visits": register.write("more.csv", visits),
        "findings": register.write("more_findings.csv", "Visit,Item\n0,40\n7,9\n1,40\n1,40\n"),
    }
    report = register.run(mapping, files=files)
    assert report.counts["premises"] == {"new": 1, "changed": 1, "unchanged": 2, "withdrawn": 0}
    assert report.counts["inspections"] == {"new": 3, "changed": 1, "unchanged": 0, "withdrawn": 0}
    assert register.content() != before
    batches.undo(register.engine, report.batch_id, actor="tester")
    assert register.content() == before
    with pytest.raises(ConflictError, match="undone"):
        batches.undo(register.engine, report.batch_id, actor="tester")
    # and it can be imported again
    assert register.run(mapping, files=files).counts["premises"]["new"] == 1


def test_a_batch_that_others_build_on_cannot_be_undone(register):
    mapping = register.town()
    first = register.run(mapping)
    late = register.visits.splitlines()[0] + "\nL1,One,1,44.4,84.6,9,03/01/2024\n"
    second = register.run(mapping, files=[register.write("late.csv", late)])
    with pytest.raises(ConflictError, match=f"batch {second.batch_id} builds on"):
        batches.undo(register.engine, first.batch_id, actor="tester")
    batches.undo(register.engine, second.batch_id, actor="tester")
    batches.undo(register.engine, first.batch_id, actor="tester")
    assert set(register.counts().values()) == {0}


def test_undo_of_an_unknown_batch_is_told(register):
    with pytest.raises(NotFoundError, match="77"):
        batches.undo(register.engine, 77, actor="tester")


def test_an_older_inspection_does_not_overwrite_the_premises(register):
    mapping = register.town()
    register.run(mapping)
    old = register.visits.splitlines()[0] + "\nL1,Old name,2,40,80,0,01/01/2020\n"
    report = register.run(mapping, files=[register.write("old.csv", old)])
    assert report.counts["premises"]["changed"] == 0
    assert register.rows("SELECT name, st_y(geom) FROM premises WHERE licence = 'L1'") == [
        ("One", 44.4)
    ]


def test_duplicates_with_other_values_are_told(register):
    visits = register.visits + "L2,Two,2,44.5,84.7,3,02/05/2024\n"
    report = register.run(register.town(visits))
    assert [(r.row, r.reason, r.expected) for r in report.rejections] == [(6, "duplicate", "row 4")]


def test_sources_that_give_other_fields_complete_each_other(register):
    mapping = register.write(
        "two.toml",
        """
        name = "two"
        [sources.list.premises]
        licence = "licence"
        name = "name"
        address = "address"
        [sources.visits.premises]
        licence = "licence"
        name = "name"
        risk_class = "risk"
        [sources.visits.inspection]
        inspection_number = "visit"
        inspected_on = "day"
        """,
    )
    files = {
        "list": register.write("l.csv", "licence,name,address\nL1,One,Road 1\nL2,Two,Road 2\n"),
        "visits": register.write(
            "v.csv", "licence,name,risk,visit,day\nL1,Uno,A,1,2024-01-01\nL1,Eins,B,2,2024-02-01\n"
        ),
    }
    report = register.run(mapping, files=files)
    assert report.counts["rows"]["repeated"] == 2
    rows = register.rows("SELECT licence, name, address, risk_class FROM premises ORDER BY 1")
    assert rows == [("L1", "Eins", "Road 1", "B"), ("L2", "Two", "Road 2", None)]


def test_two_imports_at_once_are_both_whole(register):
    mapping = register.town()
    other = register.write("o.csv", register.visits.replace("L1", "M1").replace("L2", "M2"))
    results = []
    threads = [
        threading.Thread(target=lambda f=files: results.append(register.run(mapping, files=f)))
        for files in (
            None,
            {"visits": other, "findings": register.directory / "findings.csv"},
            None,
        )
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 3
    assert sorted(r.status for r in results).count("unchanged") == 1
    # both write inspections 1 to 4: whoever came last says whose they are
    assert register.counts()["inspection"] == 4


def test_a_file_that_changes_while_it_is_read_leaves_nothing(register):
    mapping = register.town()

    def meddle(step, _rows):
        if step == "check":
            register.write("visits.csv", register.visits + "L9,Nine,1,44,84,9,03/01/2024\n")

    with pytest.raises(ConflictError, match=r"visits\.csv changed while it was read"):
        register.run(mapping, progress=meddle)
    assert set(register.counts().values()) == {0}


def test_files_are_named_by_source_or_in_order(register):
    mapping = register.town()
    with pytest.raises(InvalidInputError, match="no source visit "):
        register.run(mapping, files={"visit": register.directory / "visits.csv"})
    with pytest.raises(InvalidInputError, match="3 files for 2 sources"):
        register.run(mapping, files=[mapping, mapping, mapping])
    with pytest.raises(NotFoundError, match=r"nowhere\.csv"):
        register.run(mapping, files=[register.directory / "nowhere.csv"])


def test_every_reason_is_explained():
    statements = named("staging").values()
    written = {
        word
        for text in statements
        for word in re.findall(r"'(duplicate|no_parent|before_opening)'", text)
    }
    assert written == SET_REASONS
    assert written < set(REASONS)


def test_an_inspection_that_was_another_premises_takes_its_findings_along(register):
    """Both premises have a hazard of the same item, which trade their first inspections."""
    visits = (
        "Licence,Name,Risk,Lat,Lng,Visit,Day\n"
        "L1,One,1,44.4,84.6,1,01/05/2024\nL1,One,1,44.4,84.6,2,01/06/2024\n"
        "L2,Two,2,44.5,84.7,3,01/07/2024\n"
    )
    findings = "Visit,Item\n1,7\n2,7\n3,7\n"
    register.run(register.town(visits, findings))
    before = register.facts()
    moved = visits.replace("L1,One,1,44.4,84.6,1", "L2,Two,2,44.5,84.7,1")
    report = register.run(register.town(moved, findings))
    assert report.counts["inspections"]["changed"] == 1
    assert register.rows(
        "SELECT p.licence, i.inspection_number, h.times_seen FROM hazard AS h"
        " JOIN premises AS p ON h.premises_id = p.id"
        " JOIN inspection AS i ON h.first_inspection_id = i.id ORDER BY 1"
    ) == [("L1", "2", 1), ("L2", "1", 2)]
    batches.undo(register.engine, report.batch_id, actor="tester")
    assert register.facts() == before


def test_what_was_expected_is_told_in_the_language_of_the_reader(register):
    chinese = translator("zh_CN")
    later = register.visits + "L1,Uno,1,44.4,84.6,1,01/07/2024\n"
    cases = [
        (
            register.visits.replace("Lat", "Latt", 1),
            "(did you mean 'Latt'?)",
            "（是否指 'Latt'？）",
        ),
        (register.visits.replace(",44", ",944", 1), "-90 to 90", "-90 至 90"),
        (register.visits.replace(",84.6,1,", ",84.6,9,", 1), "inspection", "检查记录"),
        (later, "row 2", "第 2 行"),
    ]
    for visits, in_english, in_chinese in cases:
        report = register.run(register.town(visits))
        told = {r.expected: r.expected_in(chinese) for r in report.rejections}
        assert told[in_english] == in_chinese
        words = [one["expected"] for one in report.to_dict(chinese)["rejections"]]
        assert in_chinese in words
        assert in_english in [one["expected"] for one in report.to_dict()["rejections"]]

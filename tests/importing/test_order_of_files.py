"""The register does not depend on how its rows are cut into files, nor on their order."""

import csv
import io
import itertools
from datetime import date, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gis_supervision.importing import batches

MAPPING = """
name = "visits"
[sources.visits.premises]
licence = "licence"
name = "name"
risk_class = "risk"
lat = { column = "lat", null = [""] }
lng = { column = "lng", null = [""] }
[sources.visits.inspection]
inspection_number = "visit"
inspected_on = "day"
[sources.visits.finding]
item = { column = "items", null = [""], split = ";" }
"""
NUMBERS = st.one_of(
    st.integers(0, 200).map(str),
    st.tuples(st.integers(0, 12), st.integers(1, 4)).map(lambda pair: str(pair[0]).zfill(pair[1])),
    st.text("0129aB-", min_size=1, max_size=3),
)
DAYS = st.integers(0, 3).map(lambda days: (date(2024, 1, 1) + timedelta(days=days)).isoformat())
PLACES = st.one_of(
    st.just(("", "")), st.tuples(st.sampled_from(["44.4", "44.5"]), st.sampled_from(["84", "85"]))
)
ROWS = st.lists(
    st.tuples(
        st.sampled_from(["L1", "L2"]),
        st.sampled_from(["One", "Two", "Three"]),
        st.sampled_from(["A", "B", ""]),
        PLACES,
        NUMBERS,
        DAYS,
        st.sets(st.sampled_from(["7", "40"])),
    ),
    min_size=2,
    max_size=9,
    unique_by=lambda row: row[4],
)


def table(rows) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["licence", "name", "risk", "lat", "lng", "visit", "day", "items"])
    for licence, name, risk, (lat, lng), number, day, items in rows:
        writer.writerow([licence, name, risk, lat, lng, number, day, ";".join(sorted(items))])
    return out.getvalue()


def register_after(register, mapping, files):
    """Import the files one by one, look, and undo them all."""
    empty = register.content()
    made = []
    for rows in files:
        report = register.run(mapping, files=[register.write("visits.csv", table(rows))])
        assert (report.status, report.rejected) == ("imported", 0)
        made.append(report.batch_id)
    facts = register.facts()
    for batch in reversed(made):
        batches.undo(register.engine, batch, actor="tester")
    assert register.content() == empty
    return facts


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(ROWS, st.data())
def test_files_in_any_order_and_split_give_the_same_register(register, rows, data):
    mapping = register.write("visits.toml", MAPPING)
    whole = register_after(register, mapping, [rows])
    shuffled = data.draw(st.permutations(rows))
    cuts = data.draw(st.sets(st.integers(1, len(rows) - 1), max_size=3))
    edges = [0, *sorted(cuts), len(rows)]
    files = [shuffled[a:b] for a, b in itertools.pairwise(edges)]
    assert register_after(register, mapping, files) == whole


def test_an_older_place_does_not_stand_in_for_a_newer_one(register):
    """The last inspection has no pair: of the others, the later one's counts, whoever came last."""
    rows = [
        ("L1", "One", "A", ("44.5", "84"), "2", "2024-02-01", ()),
        ("L1", "One", "A", ("", ""), "3", "2024-03-01", ()),
        ("L1", "One", "A", ("44.4", "84"), "1", "2024-01-01", ()),
    ]
    mapping = register.write("visits.toml", MAPPING)
    whole = register_after(register, mapping, [rows])
    assert whole[0][0][5] == 44.5
    for first, second, third in ((0, 1, 2), (1, 2, 0), (2, 1, 0)):
        assert register_after(
            register, mapping, [[rows[first]], [rows[second]], [rows[third]]]
        ) == (whole)

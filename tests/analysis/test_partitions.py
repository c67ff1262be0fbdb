"""Counts of partitions: those of the register, whatever the partitions and their order."""

import itertools
import json
from collections import Counter
from dataclasses import asdict
from datetime import date
from pathlib import Path

import factories
import numpy as np
import partitions_made as made
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from gis_supervision.analysis import dataset as analysing
from gis_supervision.analysis import partitions, run
from gis_supervision.analysis.coverage import Status
from gis_supervision.analysis.partitions import Question, count, count_piece, merged
from gis_supervision.domain import h3_index
from gis_supervision.domain.rules import load_rule_pack
from gis_supervision.errors import ConflictError, InvalidInputError
from gis_supervision.storage import partition_export, partition_rows
from gis_supervision.storage.coverage_tables import Category, PremisesCoverage
from gis_supervision.storage.partition_files import MANIFEST, Manifest, open_dataset
from gis_supervision.storage.tables import CellMetric

DEMO = Path(__file__).parents[2] / "gis_supervision/demo"
ROWS = made.random_premises(400, seed=5)


@pytest.fixture(scope="module", params=["chicago", "wusu"])
def rules(request):
    return load_rule_pack(DEMO / request.param / "rules.toml")


@pytest.fixture(scope="module")
def asked(rules):
    cells = np.arange(2, 9)
    return Question(made.AS_OF, rules, 8, 9, cells, cells % 3 + 100)


@pytest.fixture(scope="module")
def whole(asked, tmp_path_factory):
    path = made.write(tmp_path_factory.mktemp("whole") / "set", ROWS, [len(ROWS)])
    (piece,) = open_dataset(path).pieces
    (premises,) = partition_rows.premises(piece, len(ROWS))
    return count(premises, asked)


def plain(counts):
    """Counts as something to compare."""
    tables = {
        (what, unit): {name: array.tolist() for name, array in asdict(one).items()}
        for what in ("coverage", "checklists")
        for unit, one in getattr(counts, what).items()
    }
    # NaN is not equal to itself
    return json.dumps(
        [[*key, value] for key, value in tables.items()]
        + [
            counts.rows,
            counts.categories,
            counts.statuses.tolist(),
            counts.cells.tolist(),
            counts.premises.tolist(),
            counts.hazards.tolist(),
        ]
    )


def expected_status(row, rules, day):
    """Coverage of one premises by the words of the design."""
    if row["external"]:
        return Status.EXTERNAL
    if row["closed_on"] and row["closed_on"] <= day:
        return Status.CLOSED
    if row["opened_on"] and row["opened_on"] > day:
        return Status.NOT_OPEN
    interval = rules.required_interval_days(
        row[rules.class_column], row["credit_class"], row["category"]
    )
    if interval is None:
        return Status.NO_RULE
    visits = [
        one["inspected_on"]
        for one in row["inspections"]
        if one["inspected_on"] <= day and one["channel"] in rules.counted_channels()
    ]
    if not visits:
        return Status.NEVER
    return Status.OVERDUE if (day - max(visits)).days > interval else Status.IN_TIME


def test_counts_are_those_of_plain_loops(whole, asked, rules):
    statuses = [expected_status(row, rules, made.AS_OF) for row in ROWS]
    assert whole.rows == len(ROWS)
    assert dict(enumerate(whole.statuses)) == {s: Counter(statuses)[s] for s in Status}
    out = (Status.EXTERNAL, Status.CLOSED, Status.NOT_OPEN)
    scope = [(row, s) for row, s in zip(ROWS, statuses, strict=True) if s not in out]
    zones = dict(zip(asked.zone_cells.tolist(), asked.zone_ids.tolist(), strict=True))
    numbers = {name: at for at, name in enumerate(whole.categories, start=1)}
    units = {
        "area": lambda _: 0,
        "cell": lambda row: row["cell_id"],
        "zone": lambda row: zones.get(row["cell_id"]),
        "division": lambda row: row["division_id"],
        "category": lambda row: numbers.get(row["category"], 0),
        "h3": lambda row: (
            int(h3_index.cells_of([row["lat"]], [row["lng"]], 8)[0])
            if row["location"] == "exact"
            else None
        ),
    }
    assert set(whole.coverage) == set(units)
    for unit, of in units.items():
        overdue = Counter(of(row) for row, s in scope if s == Status.OVERDUE)
        premises = Counter(of(row) for row, _ in scope)
        located = Counter(of(row) for row, _ in scope if row["location"] != "exact")
        found = whole.coverage[unit]
        assert found.units.tolist() == sorted(key for key in premises if key is not None)
        assert found.premises.tolist() == [premises[key] for key in found.units.tolist()]
        assert found.overdue.tolist() == [overdue[key] for key in found.units.tolist()]
        assert found.not_located.tolist() == [located[key] for key in found.units.tolist()]
    hazards, premises = Counter(), Counter()
    for row, _ in scope:
        if row["location"] == "exact":
            cell = int(h3_index.cells_of([row["lat"]], [row["lng"]], 9)[0])
            premises[cell] += 1
            hazards[cell] += sum(
                one["found_on"] <= made.AS_OF
                and not (one["resolved_on"] and one["resolved_on"] <= made.AS_OF)
                for one in row["hazards"]
            )
    assert dict(zip(whole.cells.tolist(), whole.premises.tolist(), strict=True)) == premises
    assert dict(zip(whole.cells.tolist(), whole.hazards.tolist(), strict=True)) == {
        cell: hazards[cell] for cell in premises
    }


@settings(max_examples=8, deadline=None)
@given(
    cuts=st.lists(st.integers(1, len(ROWS) - 1), max_size=9, unique=True),
    order=st.randoms(use_true_random=False),
    batch_rows=st.integers(20, 500),
)
def test_partitions_add_up_in_whatever_order(
    tmp_path_factory, whole, asked, cuts, order, batch_rows
):
    ends = [0, *sorted(cuts), len(ROWS)]
    sizes = [b - a for a, b in itertools.pairwise(ends)]
    path = made.write(tmp_path_factory.mktemp("cut") / "set", ROWS, sizes)
    parts = [
        count_piece(piece, asked, batch_rows=batch_rows) for piece in open_dataset(path).pieces
    ]
    order.shuffle(parts)
    half = len(parts) // 2
    tree = merged([merged(parts[:half]), merged(parts[half:])]) if half else merged(parts)
    assert plain(merged(parts)) == plain(tree) == plain(whole)


def test_hotspots_of_partitions_are_the_same_to_the_last_digit(tmp_path, rules):
    shuffled = [*ROWS]
    np.random.default_rng(3).shuffle(shuffled)
    one, other = (
        analysing.analyse(
            open_dataset(path), rules, made.AS_OF, resolution=9, minimum_premises=2, permutations=99
        )
        for path in (
            made.write(tmp_path / "one", ROWS, [400]),
            made.write(tmp_path / "many", shuffled, [1, 99, 250, 50]),
        )
    )
    assert one.coverage.summary == other.coverage.summary
    for a, b in zip(
        (*one.coverage.metrics, *one.hotspots.metrics),
        (*other.coverage.metrics, *other.hotspots.metrics),
        strict=True,
    ):
        assert a[0] == b[0]
        assert a[1].equals(b[1], null_equal=True)
    assert one.hotspots.summary["cells_with_data"] > 10


@pytest.fixture
def town(session):
    """Premises of several classes, categories and zones, with inspections and hazards."""
    factories.division(session)
    cell = factories.grid_cell(session, factories.grid(session), geom=factories.square(side=0.02))
    factories.zone_cell(session, factories.zone(session), cell)
    for place in range(12):
        lng, lat = 84.001 + 0.006 * place, 44.001
        of = {f"h3_{r}": int(h3_index.cells_of([lat], [lng], r)[0]) for r in range(6, 11)}
        for number in range(6):
            premises = factories.premises(
                session,
                lng=lng,
                lat=lat,
                risk_class=("High", "Low", "A", None)[number % 4],
                responsibility_tier=("A", "C", None)[number % 3],
                category=("餐饮", "Grocery Store", None)[number % 3],
                closed_on=date(2024, 3, 1) if number == place == 5 else None,
                **of,
            )
            channel = ("on_site", "online")[place % 2]
            visit = factories.inspection(
                session, premises, inspected_on=date(2024, 1 + place % 6, 1), channel=channel
            )
            for item in range(place // 2):
                factories.hazard(session, visit, item=str(item))
    factories.premises(session, lng=None, risk_class="Medium", division_code="654202")
    factories.premises(session, lng=84.3, external=True)


def stored(session, of):
    """All that is kept of a run."""
    metrics = session.execute(
        select(CellMetric.unit, CellMetric.unit_id, CellMetric.metric, CellMetric.value).where(
            CellMetric.run_id == of.id
        )
    ).all()
    premises = session.execute(
        select(*(c for c in PremisesCoverage.__table__.c if c.name != "run_id")).where(
            PremisesCoverage.run_id == of.id
        )
    ).all()
    return of.summary, of.parameters, sorted(metrics), sorted(premises, key=str)


@pytest.mark.usefixtures("town")
@pytest.mark.parametrize("permutations", [0, 99])
def test_a_stored_analysis_of_partitions_is_that_of_the_register(
    session, rules, tmp_path, permutations
):
    partition_export.write(session, tmp_path / "set", partition_rows=7)
    dataset = open_dataset(tmp_path / "set")
    chosen = {"resolution": 9, "minimum_premises": 2, "permutations": permutations}
    analysis = analysing.analyse(dataset, rules, made.AS_OF, **chosen)
    # numbers of categories in the register are others than those of a dataset
    for name in ("茶馆", "餐饮"):
        session.add(Category(name=name))
        session.flush()
    runs = analysing.store(session, dataset, analysis, publish=False)
    kept = [stored(session, one) for one in runs]
    assert len(kept[0][3]) == 74
    again = analysing.store(session, dataset, analysis, publish=True)
    assert [one.id for one in again] == [one.id for one in runs]
    session.execute(text("DELETE FROM analysis_run"))
    direct = (
        run.coverage(session, rules, made.AS_OF),
        run.hotspots(session, made.AS_OF, **chosen),
    )
    assert [one.reused for one in direct] == [False, False]
    for ours, theirs in zip(kept, (stored(session, one) for one in direct), strict=True):
        assert ours == theirs


@pytest.mark.usefixtures("town")
def test_only_partitions_of_the_register_as_it_is_are_stored(session, rules, tmp_path):
    partition_export.write(session, tmp_path / "set")
    dataset = open_dataset(tmp_path / "set")
    analysis = analysing.analyse(dataset, rules, made.AS_OF)
    coarse = analysing.analyse(dataset, rules, made.AS_OF, resolution=3)
    with pytest.raises(InvalidInputError, match="resolution 3: expected one of 6, 7"):
        analysing.store(session, dataset, coarse, publish=False)
    factories.premises(session)
    with pytest.raises(ConflictError, match="shows the register as of"):
        analysing.store(session, dataset, analysis, publish=False)
    foreign = open_dataset(made.write(tmp_path / "foreign", ROWS, [400]))
    with pytest.raises(ConflictError, match="comes from no register"):
        analysing.store(session, foreign, analysis, publish=False)


def test_a_dataset_without_partitions_has_an_empty_analysis(tmp_path, rules):
    (tmp_path / MANIFEST).write_text(Manifest({}, 1, None).to_json())
    analysis = analysing.analyse(open_dataset(tmp_path), rules, made.AS_OF)
    assert analysis.coverage.summary == {"left_out": {}}
    assert analysis.hotspots.summary["cells"] == 0
    with pytest.raises(InvalidInputError, match="minimum_premises 0"):
        analysing.analyse(open_dataset(tmp_path), rules, made.AS_OF, minimum_premises=0)


def test_tables_are_written_whole_or_not_at_all(tmp_path, rules):
    dataset = open_dataset(made.write(tmp_path / "set", ROWS, [400]))
    analysis = analysing.analyse(dataset, rules, made.AS_OF, minimum_premises=2)
    place = tmp_path / "out"
    analysing.write_tables(analysis, place)
    coverage = pl.read_parquet(place / "coverage.parquet")
    assert set(coverage["unit"]) == set(partitions.UNITS) - {"zone"}
    named = coverage.filter(pl.col("unit") == "category")
    assert named["name"].to_list() == [None, "Grocery Store", "Restaurant", "餐饮"]
    (area,) = coverage.filter(pl.col("unit") == "area").iter_rows(named=True)
    told = json.loads((place / "analysis.json").read_text())
    assert told["coverage"]["premises"] == area["premises"]
    assert told["premises"] == 400
    hotspots = pl.read_parquet(place / "hotspots.parquet")
    assert hotspots["premises"].sum() == told["hotspots"]["premises"]
    assert hotspots["z"].is_nan().sum() == 0
    with pytest.raises(ConflictError, match="is there already"):
        analysing.write_tables(analysis, place)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "set"]

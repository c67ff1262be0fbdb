"""Runs of emerging hot spots and of the scan, on a register whose answer is known."""

from datetime import date

import esda
import factories
import numpy as np
import pytest
from libpysal.graph import Graph
from sqlalchemy import insert, select, text

from gis_supervision.analysis import patterns
from gis_supervision.analysis.emerging import CATEGORIES, NO_DATA, classify, mann_kendall
from gis_supervision.analysis.rates import empirical_bayes
from gis_supervision.analysis.scan import indirect_expected, spatial_scan
from gis_supervision.domain import h3_index
from gis_supervision.errors import InvalidInputError
from gis_supervision.storage.tables import AnalysisRun, CellMetric, CellSeries, Hazard, Inspection

DAY = date(2024, 6, 30)
MONTHS = [date(2024, month, 15) for month in range(1, 7)]
SIDE = 7
UNSEEN = SIDE * SIDE - SIDE


@pytest.fixture
def town(session):
    """A lattice of 49 places with four premises each; every premises is inspected every month.

    Hazards are found twice as often in the south-west corner, and from April on in the
    north-east one. One place has premises that nobody ever sees.
    """
    rng = np.random.default_rng(5)
    factories.division(session)
    visits, hazards = [], []
    for place in range(SIDE * SIDE):
        east, north = divmod(place, SIDE)
        lng, lat = 84.02 + 0.03 * east, 44.02 + 0.024 * north
        of = {f"h3_{r}": int(h3_index.cells_of([lat], [lng], r)[0]) for r in range(6, 11)}
        corner = east < 3 and north < 3
        for number in range(4):
            premises = factories.premises(
                session, lng=lng, lat=lat, risk_class=("High", "Low")[number % 2], **of
            )
            for day in MONTHS if place != UNSEEN else ():
                visits.append(
                    {
                        "inspection_number": f"{premises.id}-{day}",
                        "premises_id": premises.id,
                        "inspected_on": day,
                    }
                )
                late = east > 3 and north > 3 and day >= date(2024, 4, 1)
                hazards += [
                    {
                        "premises_id": premises.id,
                        "day": day,
                        "item": str(item),
                        "severity": "critical" if corner else "minor",
                    }
                    for item in range(rng.binomial(3, 0.85 if corner or late else 0.2))
                ]
    session.execute(insert(Inspection), visits)
    numbers = dict(
        session.execute(text("SELECT (premises_id, inspected_on)::text, id FROM inspection")).all()
    )
    found = []
    for hazard in hazards:
        day = hazard.pop("day")
        first = numbers[f"({hazard['premises_id']},{day})"]
        found.append(
            hazard
            | {
                "first_inspection_id": first,
                "last_inspection_id": first,
                "found_on": day,
                "last_seen_on": day,
                "times_seen": 1,
            }
        )
    session.execute(insert(Hazard), found)
    factories.premises(session, lng=None)


def read(session, table, run, unit):
    rows = session.execute(select(table).where(table.run_id == run.id, table.unit == unit))
    found = {}
    for (row,) in rows:
        key = (row.unit_id, row.period_end) if table is CellSeries else row.unit_id
        found.setdefault(key, {})[row.metric] = row.value
    return found


def emerging(session, **options):
    return patterns.emerging(
        session, DAY, **{"step_months": 1, "steps": 6, "minimum_inspections": 4} | options
    )


@pytest.mark.usefixtures("town")
def test_every_step_equals_esda_on_rates_counted_by_plain_sql(session):
    run = emerging(session)
    series = read(session, CellSeries, run, "h3")
    cells = np.array(sorted({cell for cell, _ in series}))
    steps = sorted({end for _, end in series})
    assert [str(end) for end in steps][:2] == ["2024-01-31", "2024-02-29"]
    assert len(series) == cells.size * 6
    counted = session.execute(
        text(
            "SELECT p.h3_7, date_trunc('month', i.inspected_on)::date, count(DISTINCT i.id),"
            " count(h.id) FROM inspection AS i JOIN premises AS p ON i.premises_id = p.id"
            " LEFT JOIN hazard AS h ON h.first_inspection_id = i.id GROUP BY 1, 2"
        )
    ).all()
    for cell, month, inspections, hazards in counted:
        row = series[cell, steps[month.month - 1]]
        assert (row["inspections"], row["hazards"]) == (inspections, hazards)
    graph = Graph.from_sparse(h3_index.neighbours(cells))
    z = np.array([[series[cell, end]["z"] for end in steps] for cell in cells], dtype=float)
    bins = np.array([[series[cell, end]["bin"] for end in steps] for cell in cells], dtype=float)
    for step, end in enumerate(steps):
        rows = [series[cell, end] for cell in cells]
        hazards = np.array([row["hazards"] for row in rows])
        inspections = np.array([row["inspections"] for row in rows])
        shrunk = empirical_bayes(hazards, inspections, minimum=4)
        stored = np.array([row["shrunk_rate"] for row in rows], dtype=float)
        np.testing.assert_allclose(stored, shrunk)
        known = ~np.isnan(shrunk)
        part = Graph.from_sparse(h3_index.neighbours(cells[known]))
        peer = esda.G_Local(
            shrunk[known], part, transform="B", star=True, permutations=0, island_weight=0
        )
        has = ~np.isnan(z[known, step])
        np.testing.assert_allclose(z[known, step][has], np.asarray(peer.Zs)[has], atol=1e-10)
    assert graph.n == cells.size
    metrics = read(session, CellMetric, run, "h3")
    names = [
        NO_DATA if metrics[cell]["category"] is None else CATEGORIES[int(metrics[cell]["category"])]
        for cell in cells
    ]
    assert names == classify(z, bins).tolist()
    trend = mann_kendall(z)
    stored = np.array([metrics[cell]["trend_z"] for cell in cells], dtype=float)
    np.testing.assert_allclose(stored, trend.z)
    assert {"persistent hot spot", NO_DATA} <= set(names)
    assert run.summary["inspections"] == 48 * 4 * 6
    assert sum(run.summary["categories"].values()) == run.summary["cells"] == cells.size


@pytest.mark.usefixtures("town")
def test_the_views_name_what_was_stored(session):
    run = emerging(session)
    shown = dict(
        session.execute(
            text("SELECT h3, category FROM map.emerging WHERE as_of = :day"), {"day": DAY}
        ).all()
    )
    for cell, values in read(session, CellMetric, run, "h3").items():
        code = values["category"]
        assert shown[cell] == (None if code is None else CATEGORIES[int(code)])
    steps = session.scalar(text("SELECT count(*) FROM map.hotspot_step WHERE z IS NOT NULL"))
    assert steps == sum(
        row["z"] is not None for row in read(session, CellSeries, run, "h3").values()
    )


def test_the_views_know_every_category(session):
    session.add(
        AnalysisRun(
            kind="emerging",
            as_of=DAY,
            parameters={"resolution": 7, "first": "2024-01-01", "step_months": 1, "steps": 6},
            seed=0,
            registry_version=1,
            code_version="x",
            summary={},
            started_at=DAY,
        )
    )
    session.flush()
    cells = h3_index.cells_of(44 + np.arange(17) * 0.1, np.full(17, 84.0), 7)
    patterns.keep_outlines(session, cells.tolist(), 7)
    run_id = session.scalar(select(AnalysisRun.id))
    for place, cell in enumerate(cells.tolist()):
        session.add(
            CellMetric(run_id=run_id, unit="h3", unit_id=cell, metric="category", value=place)
        )
    session.flush()
    shown = dict(session.execute(text("SELECT h3, category FROM map.emerging")).all())
    assert [shown[cell] for cell in cells.tolist()] == list(CATEGORIES)


@pytest.mark.usefixtures("town")
def test_too_few_inspections_are_no_data_and_an_unseen_place_is_kept(session):
    run = emerging(session, minimum_inspections=1000)
    metrics = read(session, CellMetric, run, "h3")
    assert all(values["category"] is None for values in metrics.values())
    assert run.summary["cells_with_data"] == 0
    unseen = [values for values in metrics.values() if values["inspections"] == 0]
    assert len(unseen) >= 1
    assert unseen[0]["hazards"] == 0


@pytest.mark.usefixtures("town")
def test_the_scan_finds_the_corner_and_equals_the_function_on_plain_counts(session):
    run = patterns.scan(session, DAY, resolution=7, months=6, seed=3)
    cells = read(session, CellMetric, run, "h3")
    clusters = read(session, CellMetric, run, "cluster")
    counted = session.execute(
        text(
            "SELECT p.h3_7, p.risk_class, count(DISTINCT p.id), count(DISTINCT h.premises_id)"
            " FROM premises AS p JOIN inspection AS i ON i.premises_id = p.id"
            " LEFT JOIN hazard AS h ON h.premises_id = p.id AND h.severity = 'critical'"
            " GROUP BY 1, 2"
        )
    ).all()
    ids = sorted({row[0] for row in counted})
    size, cases = np.zeros((len(ids), 2)), np.zeros((len(ids), 2))
    for cell, risk, inspected, ill in counted:
        at = ids.index(cell), ("High", "Low").index(risk)
        size[at], cases[at] = inspected, ill
    lat, lng = h3_index.centroids(ids)
    expected = spatial_scan(
        cases.sum(axis=1),
        size.sum(axis=1),
        lng,
        lat,
        metric="great_circle",
        expected=indirect_expected(cases, size),
        seed=3,
    )
    assert len(clusters) == len(expected) > 0
    for rank, cluster in enumerate(expected, start=1):
        row = clusters[rank]
        assert row["cases"] == cluster.cases
        assert row["expected"] == cluster.expected
        assert (row["llr"], row["p"]) == (cluster.llr, cluster.p)
        assert row["radius_m"] == cluster.radius
        members = {cell for cell, values in cells.items() if values["cluster"] == rank}
        assert members == {ids[member] for member in cluster.members}
    first = {cell for cell, values in cells.items() if values["cluster"] == 1}
    corner = set(
        session.scalars(
            text(
                "SELECT DISTINCT p.h3_7 FROM premises AS p JOIN hazard AS h ON h.premises_id = p.id"
                " WHERE h.severity = 'critical'"
            )
        )
    )
    assert first == corner
    assert clusters[1]["p"] == 0.001
    assert clusters[1]["relative_risk"] is None, "there is no case outside"
    assert run.summary["cases"] == cases.sum()
    outline = session.execute(
        text(
            "SELECT c.cells, c.cases, c.p, st_geometrytype(c.geom), st_srid(c.geom),"
            " (SELECT count(*) FROM map.cluster_cell AS m"
            "  WHERE m.cluster = 1 AND st_covers(st_buffer(c.geom, 1e-9), m.geom))"
            " FROM map.cluster AS c WHERE c.cluster = 1"
        )
    ).one()
    assert tuple(outline) == (
        len(corner),
        clusters[1]["cases"],
        0.001,
        "ST_MultiPolygon",
        4326,
        len(corner),
    )


@pytest.mark.usefixtures("town")
def test_an_unseen_place_has_no_population_but_is_drawn(session):
    run = patterns.scan(session, DAY, resolution=7, months=6)
    unseen = [
        values
        for values in read(session, CellMetric, run, "h3").values()
        if values["inspected"] == 0
    ]
    assert len(unseen) >= 1
    assert unseen[0]["premises"] > 0
    assert unseen[0]["shrunk_risk"] is unseen[0]["cluster"] is None
    assert run.summary["cells"] == run.summary["cells_with_data"] + len(unseen)


@pytest.mark.usefixtures("town")
def test_a_hazard_seen_before_the_period_is_no_case_of_it(session):
    run = patterns.scan(session, date(2023, 12, 31), resolution=7)
    assert (run.summary["inspected"], run.summary["cases"], run.summary["clusters"]) == (0, 0, 0)


@pytest.mark.usefixtures("town")
def test_runs_repeat_to_the_last_digit_and_are_reused(session):
    for make, table in (
        (lambda: emerging(session), CellSeries),
        (lambda: patterns.scan(session, DAY, resolution=7, months=6, seed=8), CellMetric),
    ):
        first = make()
        assert make().reused
        before = [read(session, t, first, u) for t, u in ((table, "h3"), (CellMetric, "cluster"))]
        session.execute(text("UPDATE analysis_run SET code_version = 'older'"))
        again = make()
        assert not again.reused
        after = [read(session, t, again, u) for t, u in ((table, "h3"), (CellMetric, "cluster"))]
        assert before == after
        assert again.parameters == first.parameters
    row = session.scalars(select(AnalysisRun).where(AnalysisRun.kind == "scan")).first()
    assert row.seed == 8
    assert row.parameters["first"] == "2024-01-01"
    assert row.registry_version > 0


def test_an_empty_register_has_empty_runs(session):
    assert emerging(session).summary["cells"] == 0
    run = patterns.scan(session, DAY)
    assert (run.summary["cells"], run.summary["clusters"]) == (0, 0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda s: patterns.emerging(s, DAY, resolution=3), "resolution 3"),
        (lambda s: patterns.emerging(s, DAY, steps=0), "steps 0"),
        (lambda s: patterns.emerging(s, DAY, minimum_inspections=0), "minimum_inspections 0"),
        (lambda s: patterns.scan(s, DAY, resolution=12), "resolution 12"),
        (lambda s: patterns.scan(s, DAY, months=0), "months 0"),
        (lambda s: patterns.scan(s, DAY, severities=["grave"]), "severities grave"),
        (lambda s: patterns.scan(s, DAY, severities=[]), "severities none"),
        (lambda s: patterns.scan(s, DAY, minimum_premises=0), "minimum_premises 0"),
        (lambda s: patterns.scan(s, DAY, max_share=2), "max_share"),
    ],
)
def test_what_cannot_be_computed_is_refused(session, make, message):
    with pytest.raises(InvalidInputError, match=message):
        make(session)

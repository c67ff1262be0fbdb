"""The order of risk of a register whose risky premises are known."""

from datetime import date, timedelta

import factories
import numpy as np
import pytest
from sqlalchemy import func, insert, select, text

from gis_supervision.analysis import days, risk_order
from gis_supervision.analysis.risk import Candidate
from gis_supervision.analysis.risk_reasons import REASONS, by_reason, reason_of
from gis_supervision.errors import InvalidInputError, NotFoundError
from gis_supervision.storage import risk_history, risk_places
from gis_supervision.storage.tables import AnalysisRun, CellMetric, Finding, Inspection, Premises

FIRST = date(2023, 1, 2)
DAY = date(2024, 6, 30)
RISKY = 40


@pytest.fixture
def town(session):
    """120 premises at 24 places, each inspected eleven times; the first 40 are the risky ones."""
    rng = np.random.default_rng(11)
    division = factories.division(session)
    cell = factories.grid_cell(session, factories.grid(session), geom=factories.square(side=0.2))
    made = session.scalars(
        insert(Premises).returning(Premises.id, sort_by_parameter_order=True),
        [
            {
                "licence": f"R{number:03d}",
                "name": f"Premises {chr(97 + number // 26)}{chr(97 + number % 26)}",
                "location": "none" if number == 119 else "exact",
                "geom": None
                if number == 119
                else f"SRID=4326;POINT({84.01 + 0.007 * (number % 24)} 44.1)",
                "category": ("Restaurant", "Shop")[number % 2],
                "risk_class": "High",
                "division_id": division.id,
                "cell_id": cell.id,
                "opened_on": date(2020, 1, 1),
            }
            for number in range(120)
        ],
    ).all()
    visits = [
        {
            "inspection_number": f"{place}-{visit}",
            "premises_id": premises,
            "inspected_on": FIRST + timedelta(days=visit * 49 + place % 49),
            "result": "Pass",
        }
        for place, premises in enumerate(made)
        for visit in range(11)
    ]
    ids = session.scalars(
        insert(Inspection).returning(Inspection.id, sort_by_parameter_order=True), visits
    ).all()
    findings = []
    for place in range(120):
        for visit in range(11):
            of = ids[place * 11 + visit]
            if rng.random() < (0.5 if place < RISKY else 0.08):
                findings.append({"inspection_id": of, "item": "1", "severity": "critical"})
            findings.append({"inspection_id": of, "item": "30", "severity": "minor"})
    session.execute(insert(Finding), findings)
    return made


def metrics(session, run, unit="premises"):
    found = {}
    for unit_id, metric, value in session.execute(
        select(CellMetric.unit_id, CellMetric.metric, CellMetric.value).where(
            CellMetric.run_id == run.id, CellMetric.unit == unit
        )
    ):
        found.setdefault(unit_id, {})[metric] = value
    return found


def test_the_risky_premises_come_first_and_their_history_is_why(session, town):
    run = risk_order.rank(session, DAY)
    found = metrics(session, run)
    assert set(found) == set(town)
    assert sorted(one["place"] for one in found.values()) == list(range(1, 121))
    first = {of for of, one in found.items() if one["place"] <= RISKY}
    assert len(first & set(town[:RISKY])) > 0.8 * RISKY
    for place in risk_places.first(session, run.id, 10):
        assert next(iter(place.reasons)) == "history"
        odds = run.summary["intercept"] + sum(place.reasons.values())
        assert place.probability == pytest.approx(1 / (1 + np.exp(-odds)), abs=1e-9)
    judged = run.summary["judged"]
    assert judged["end"] == str(DAY)
    assert judged["auc"]["value"] > 0.7
    assert (run.summary["premises"], run.summary["not_located"]) == (120, 1)


def test_cells_have_the_mean_of_their_premises(session, town):
    run = risk_order.rank(session, DAY)
    found, cells = metrics(session, run), metrics(session, run, "h3")
    assert sum(cell["premises"] for cell in cells.values()) == 119
    assert sum(cell["top"] for cell in cells.values()) == 12
    with_data = [cell for cell in cells.values() if cell["probability"] is not None]
    assert all(cell["premises"] >= 5 for cell in with_data)
    assert any(cell["probability"] is None for cell in cells.values()) == any(
        cell["premises"] < 5 for cell in cells.values()
    )
    mean = sum(cell["probability"] * cell["premises"] for cell in with_data)
    located = [one["probability"] for of, one in found.items() if of != town[119]]
    if len(with_data) == len(cells):
        assert mean == pytest.approx(sum(located))


def test_a_run_is_reused_while_it_is_true_and_repeated_to_the_last_digit(session, town):
    run = risk_order.rank(session, DAY)
    again = risk_order.rank(session, DAY)
    assert (again.id, again.reused) == (run.id, True)
    assert run.parameters == {
        "model": "logistic 0.01",
        "inspectors": "division",
        "period_days": 60,
        "resolution": 8,
        "minimum_premises": 5,
    }
    before = metrics(session, run)
    factories.inspection(session, session.get(Premises, town[0]), inspected_on=date(2024, 7, 1))
    later = risk_order.rank(session, DAY)
    assert (later.id == run.id, later.reused) == (False, False)
    # what was found after the day is not in it
    assert metrics(session, later) == before
    assert {**later.summary} == {**run.summary}


def test_what_happens_on_the_day_counts_and_later_does_not(session, town):
    premises = session.get(Premises, town[100])
    before = metrics(session, risk_order.rank(session, DAY))[premises.id]
    for number in range(3):
        visit = factories.inspection(session, premises, inspected_on=DAY - timedelta(days=number))
        factories.finding(session, visit)
    after = metrics(session, risk_order.rank(session, DAY))[premises.id]
    assert after["place"] < before["place"]
    assert after["history"] > before["history"]


def test_premises_that_are_not_in_scope_are_not_ranked(session, town):
    for number, values in enumerate(
        [{"external": True}, {"closed_on": date(2024, 1, 1)}, {"opened_on": date(2025, 1, 1)}]
    ):
        for name, value in values.items():
            setattr(session.get(Premises, town[number]), name, value)
    session.flush()
    ranked = metrics(session, risk_order.rank(session, DAY))
    assert set(ranked) == set(town[3:])


@pytest.mark.usefixtures("town")
def test_findings_count_as_the_visit_recorded_them(session):
    """A case that was closed or renamed later changes nothing of what a visit found."""
    records = risk_history.read(session, DAY)
    recorded = dict(
        session.execute(select(Finding.severity, func.count()).group_by(Finding.severity)).all()
    )
    assert records.visits["critical"].sum() == recorded["critical"]
    assert records.visits["minor"].sum() == recorded["minor"]
    assert records.visits.height == 120 * 11
    early = risk_history.read(session, FIRST)
    assert early.visits["day"].n_unique() == 1


@pytest.mark.usefixtures("town")
def test_complaints_are_used_where_there_are_any(session):
    factories.complaint(session, licence="R005", received_on=DAY)
    factories.complaint(session, licence="R005", received_on=DAY + timedelta(days=1))
    known = risk_order.known(session, DAY)
    assert known.history.complaints["place"].to_list() == [5]
    assert risk_order.rank(session, DAY).summary["complaints"] == 1


@pytest.mark.usefixtures("town")
def test_the_order_of_the_register_is_judged_on_later_days(session):
    start, end = risk_order.last_period(DAY)
    assert (end - start).days == 59
    judged = risk_order.evaluate(session, start, end, candidates=(Candidate(),))
    fair = judged.orders["fair"]
    made = [
        FIRST + timedelta(days=visit * 49 + place % 49)
        for place in range(120)
        for visit in range(11)
    ]
    assert fair.visits == sum(start <= day <= end for day in made)
    assert fair.days_earlier.value > judged.random.value
    assert judged.p < 0.05
    assert {share.name for share in judged.districts} == {"Wusu", ""}
    with pytest.raises(InvalidInputError, match="expected a last day after the first"):
        risk_order.evaluate(session, end, start)
    with pytest.raises(InvalidInputError, match="no visit with a known result"):
        risk_order.evaluate(session, date(2030, 1, 1), date(2030, 2, 1))


def test_too_short_a_past_is_told_and_leaves_no_run(session):
    factories.inspection(session, factories.premises(session))
    with pytest.raises(InvalidInputError, match="expected at least 20 of each"):
        risk_order.rank(session, DAY)
    assert risk_order.rank_if_known(session, DAY) is None
    with pytest.raises(InvalidInputError, match="whose order has reasons"):
        risk_order.rank(session, DAY, candidate=Candidate("boosting", 10))
    assert session.scalar(select(func.count()).select_from(AnalysisRun)) == 0


@pytest.mark.usefixtures("town")
def test_a_place_is_explained_by_licence(session):
    with pytest.raises(NotFoundError, match="no order of risk"):
        risk_places.of_licence(session, "R000", DAY)
    run = risk_order.rank(session, DAY)
    place = risk_places.of_licence(session, "R000", DAY)
    assert (place.licence, place.ranked) == ("R000", 120)
    assert set(place.reasons) == set(REASONS)
    assert list(place.reasons.values()) == sorted(place.reasons.values(), reverse=True)
    assert place in risk_places.first(session, run.id, 120)
    with pytest.raises(NotFoundError, match="licence X"):
        risk_places.of_licence(session, "X", DAY)


@pytest.mark.usefixtures("town")
def test_the_views_show_the_order(session):
    run = risk_order.rank(session, DAY)
    rows = session.execute(
        text("SELECT * FROM map.risk WHERE as_of = :day ORDER BY place"), {"day": DAY}
    ).all()
    assert [row.place for row in rows] == list(range(1, 121))
    places = risk_places.first(session, run.id, 120)
    for row, place in zip(rows, places, strict=True):
        raised = [reason for reason, odds in place.reasons.items() if odds > 0]
        assert (row.licence, row.reason_1) == (place.licence, raised[0] if raised else None)
        lowest = min(place.reasons, key=lambda reason: (place.reasons[reason], reason))
        assert row.lowered_by == (lowest if place.reasons[lowest] < 0 else None)
    about = session.execute(
        text("SELECT * FROM map.risk_run WHERE as_of = :day"), {"day": DAY}
    ).one()
    assert (about.visits, about.premises, about.model) == (1320, 120, "logistic 0.01")
    assert about.judged_to == DAY
    cells = session.execute(text("SELECT sum(premises) FROM map.risk_cell")).scalar_one()
    assert cells == 119


@pytest.mark.usefixtures("town")
def test_layers_of_a_day_have_the_order_made(session):
    assert days.views(["SELECT 1 FROM map.risk AS r"]) == {"risk"}
    days.MAKERS["risk"](session, None, DAY)
    assert session.scalar(select(func.count()).select_from(AnalysisRun)) == 1
    assert session.scalars(select(AnalysisRun.published_at)).one() is None


def test_every_reason_has_features_and_held_ones_have_none():
    names = ("own_critical", "last_minor", "gap", "first", "chain_size", "age_old", "season_sine")
    sums = by_reason(names, np.arange(7.0)[None, :])
    assert {reason: value[0] for reason, value in sums.items() if value[0]} == {
        "last_visit": 1.0,
        "time": 5.0,
        "chain": 4.0,
        "licence": 5.0,
    }
    assert reason_of("complaints_near_recent") == "surroundings"
    assert reason_of("complaints_year") == "calls"
    assert reason_of("near_9_critical") == "neighbours"

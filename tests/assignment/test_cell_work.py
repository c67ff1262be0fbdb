"""Work in the cells of a register, kept for maps."""

from datetime import date, timedelta
from pathlib import Path

import factories
import numpy as np
import pytest
from sqlalchemy import text

from gis_supervision.assignment import cell_work, design
from gis_supervision.domain.rules import load_rule_pack
from gis_supervision.errors import NotFoundError
from gis_supervision.storage import grid, workload

DAY = date(2024, 6, 30)
RULES = load_rule_pack(Path(__file__).parents[2] / "gis_supervision/demo/wusu/rules.toml")


@pytest.fixture
def area(session):
    """Four squares with catering in the first two, a zone on each side, two inspectors."""
    of = factories.grid(session)
    cells = [
        factories.grid_cell(session, of, code=f"C{n}", geom=factories.square(lng=84 + 0.01 * n))
        for n in range(4)
    ]
    for lng, category in ((84.005, "catering"), (84.015, "catering"), (84.025, "production")):
        factories.premises(session, lng=lng, risk_class="D", category=category)
    factories.premises(session, lng=None, risk_class="D")
    zones = [factories.zone(session, code=code) for code in ("Z1", "Z2")]
    for place, cell in enumerate(cells):
        factories.zone_cell(session, zones[place // 2], cell)
    return cells, zones


def test_a_run_is_kept_until_something_changes_and_follows_what_is_set(session, area):  # noqa: ARG001 - there
    first = cell_work.stored(session, RULES, DAY)
    assert cell_work.stored(session, RULES, DAY).reused
    assert first.summary["hours"] == pytest.approx(3 * (2 + 0.5) * 2 + 3 * (4 + 0.5))
    assert first.summary["premises_without_cell"] == 1
    assert first.summary["skills"]["production"] == pytest.approx(13.5)
    workload.set_cell(session, "C3", 40.0, reason="新市场", by="调度员", valid_from=DAY)
    again = cell_work.stored(session, RULES, DAY)
    assert not again.reused
    assert again.summary["hours"] == pytest.approx(first.summary["hours"] + 40)
    assert (again.summary["cells"], again.summary["cells_set"]) == (4, 1)
    before = cell_work.stored(session, RULES, DAY - timedelta(1))
    assert before.summary["cells_set"] == 0, "it counts from its day on"
    rows = {row.code: row for row in workload.by_cell(session, DAY)}
    assert list(rows) == ["C3", "C2", "C0", "C1"]
    assert (rows["C3"].hours, rows["C3"].set_hours, rows["C3"].any_skill) == (40.0, 40.0, 40.0)
    assert rows["C0"].by_skill == pytest.approx({"catering": 7.5})
    assert [row.zone for row in workload.by_cell(session, DAY, "Z1")] == ["Z1", "Z1"]
    of_zones = workload.by_zone(session, DAY)
    assert [(row.code, row.cells, row.hours) for row in of_zones] == [
        ("Z1", 2, pytest.approx(15.0)),
        ("Z2", 2, pytest.approx(53.5)),
    ]
    assert of_zones[1].to_dict()["set_hours"] == 40.0
    with pytest.raises(NotFoundError, match="Z9"):
        workload.by_zone(session, DAY, "Z9")


def test_without_a_grid_there_is_no_work_and_no_error(session):
    run = cell_work.stored(session, RULES, DAY)
    assert (run.summary["cells"], run.summary["hours"]) == (0, 0.0)
    assert workload.by_zone(session, DAY) == []


def test_zones_are_designed_with_the_hours_that_were_set(session, area):  # noqa: ARG001 - there
    later = DAY + timedelta(30)
    workload.set_cell(session, "C3", 60.0, reason="新市场", by="调度员", valid_from=later)
    cells = grid.current(session)
    now = cell_work.measured(session, RULES, cells, DAY)
    then = cell_work.measured(session, RULES, cells, DAY, set_on=later)
    assert np.isnan(now.set_hours).all()
    assert then.hours.sum() == pytest.approx(now.hours.sum() + 60.0)
    made = design.design(
        session, RULES, as_of=DAY, valid_from=later, zone_count=2, tolerance=1.0, replace=True
    )
    assert made.zoning.loads.sum() == pytest.approx(then.hours.sum())


def load(session, day=DAY):
    rows = session.execute(text("SELECT * FROM map.zone_load_on(:day)"), {"day": day})
    return {row.zone_id: row for row in rows}


def test_load_is_that_of_all_zones_of_a_person_and_skills_are_those_of_the_day(session, area):
    _, (first, second) = area
    one = factories.inspector(session, capacity_hours=30.0)
    for zone in (first, second):
        factories.assignment(session, zone, one)
    factories.skill(session, one, "catering", valid="[2024-01-01,2024-07-01)")
    cell_work.stored(session, RULES, DAY)
    rows = load(session)
    assert rows[first.id].inspector_hours == pytest.approx(28.5)
    assert [row.capacity_part for row in rows.values()] == [15.0, 15.0], "counted once in sums"
    assert rows[second.id].hours == pytest.approx(13.5)
    assert rows[first.id].lacks_catering is None
    assert rows[second.id].lacks_production == pytest.approx(13.5)
    assert rows[second.id].lacks_catering is None, "the zone has none"
    end = DAY + timedelta(1)
    cell_work.stored(session, RULES, end)
    assert load(session, end)[first.id].lacks_catering == pytest.approx(15.0), "it has expired"


def test_a_zone_without_anybody_is_there_too(session, area):
    _, (first, _) = area
    cell_work.stored(session, RULES, DAY)
    row = load(session)[first.id]
    assert (row.hours, row.capacity_hours, row.lacks_catering) == (pytest.approx(15.0), None, None)


PERSONAL = [("inspector", "home"), ("inspector_leave", None)]
WHO_FOR_WHICH = {"inspector_id", "premises_id", "owner_credit_code", "valid"}


def test_of_recusals_one_view_reads_who_is_recused_from_what_and_nothing_more(session):
    """Else it would tell the recused as who answers; neither reason nor author is read by any."""
    read = session.execute(
        text(
            "SELECT DISTINCT coalesce(v.relname, f.proname), a.attname FROM pg_depend AS d"
            " LEFT JOIN pg_rewrite AS r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid"
            " LEFT JOIN pg_class AS v ON v.oid = r.ev_class"
            " LEFT JOIN pg_proc AS f ON d.classid = 'pg_proc'::regclass AND f.oid = d.objid"
            " INNER JOIN pg_attribute AS a"
            " ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid AND a.attnum > 0"
            " WHERE d.refobjid = 'inspector_recusal'::regclass"
            " AND (v.relname IS NOT NULL OR f.proname IS NOT NULL)"
        )
    ).all()
    assert {tuple(row) for row in read} == {("covered_premises", one) for one in WHO_FOR_WHICH}


@pytest.mark.parametrize(("table", "column"), PERSONAL)
def test_nothing_that_layers_read_depends_on_what_is_personal(session, table, column):
    """Views and functions of schema map: PostgreSQL knows the columns each of them reads."""
    readers = session.execute(
        text(
            "SELECT DISTINCT coalesce(v.relname, f.proname) FROM pg_depend AS d"
            " LEFT JOIN pg_rewrite AS r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid"
            " LEFT JOIN pg_class AS v ON v.oid = r.ev_class"
            " LEFT JOIN pg_proc AS f ON d.classid = 'pg_proc'::regclass AND f.oid = d.objid"
            " LEFT JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid"
            " WHERE d.refobjid = CAST(:table AS regclass)"
            " AND (v.relname IS NOT NULL OR f.proname IS NOT NULL)"
            " AND (CAST(:column AS text) IS NULL OR a.attname = :column)"
        ),
        {"table": table, "column": column},
    ).scalars()
    assert list(readers) == []
    known = session.execute(
        text(
            "SELECT count(*) FROM pg_depend WHERE refobjid = 'inspector'::regclass"
            " AND classid IN ('pg_rewrite'::regclass, 'pg_proc'::regclass)"
        )
    ).scalar()
    assert known > 0, "the catalogue is asked the right way"

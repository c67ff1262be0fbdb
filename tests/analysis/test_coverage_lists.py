"""What coverage says of single premises: next visits, gaps, left out; from register to lists."""

from datetime import date, timedelta
from pathlib import Path

import factories
import icalendar
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from gis_supervision.analysis import run
from gis_supervision.analysis.coverage import due_in_days, status
from gis_supervision.domain.inspectors import SKILLS
from gis_supervision.domain.rule_history import RuleHistory, load_rule_history
from gis_supervision.domain.rules import load_rule_pack
from gis_supervision.errors import InvalidInputError, NotFoundError
from gis_supervision.rendering import visit_calendar
from gis_supervision.storage import coverage_lists
from gis_supervision.storage.tables import CellMetric, GridCell, Inspector

DEMO = Path(__file__).parents[2] / "gis_supervision/demo"
DAY = date(2025, 6, 30)


@pytest.fixture(scope="module")
def wusu():
    return load_rule_pack(DEMO / "wusu/rules.toml")


@pytest.fixture
def town(session):
    """Two cells: the first has a zone with an inspector, the second has none."""
    factories.division(session)
    grid = factories.grid(session)
    first = factories.grid_cell(session, grid, code="C1")
    factories.grid_cell(session, grid, code="C2", geom=factories.square(lng=84.01))
    zone = factories.zone(session, code="Z1")
    factories.zone_cell(session, zone, first)
    factories.assignment(session, zone, factories.inspector(session, staff_number="S-1"))
    made = {}

    def shop(licence, visited=None, *, kind=None, channel="on_site", **values):
        made[licence] = factories.premises(session, licence=licence, **values)
        if visited:
            factories.inspection(
                session, made[licence], inspected_on=visited, kind=kind, channel=channel
            )

    shop("in-time", date(2025, 3, 1), risk_class="A", address="1 Road")
    shop("online", date(2025, 3, 1), risk_class="A", channel="online")
    shop("flying", date(2025, 3, 1), risk_class="A", kind="飞行检查")
    shop("overdue", date(2023, 1, 1), risk_class="D", lng=84.015)
    shop("new", risk_class="C", opened_on=date(2025, 6, 1))
    shop("unknown", risk_class="C", lng=None)
    shop("external", risk_class="C", external=True)
    shop("closed", risk_class="C", closed_on=date(2025, 1, 1))
    shop("future", risk_class="C", opened_on=date(2025, 8, 1))
    shop("unclassified")
    shop("far", date(2025, 6, 1), risk_class="A", lng=85.5)
    return made


@pytest.mark.usefixtures("town")
def test_the_calendar_has_the_last_day_in_time_of_visit_and_checklist(session, wusu):
    visits = {
        one.licence: one
        for one in coverage_lists.next_visits(session, run.coverage(session, wusu, DAY))
    }
    assert set(visits) == {
        "in-time",
        "online",
        "flying",
        "overdue",
        "new",
        "unknown",
        "unclassified",
        "far",
    }
    assert visits["in-time"].due_on == date(2025, 3, 1) + timedelta(days=365)
    assert visits["in-time"].checklist_due_on == date(2025, 3, 1) + timedelta(days=730)
    assert visits["overdue"].due_on == date(2023, 1, 1) + timedelta(days=121)
    assert visits["new"].due_on == date(2025, 6, 1) + timedelta(days=182)
    assert visits["unknown"].due_on == DAY, "never visited and opened nobody knows when: at once"
    assert visits["unclassified"].due_on is None
    # neither an online check nor a flying inspection looks at all items
    assert visits["online"].checklist_due_on == visits["flying"].checklist_due_on == DAY
    assert (visits["in-time"].zone, visits["in-time"].staff_number) == ("Z1", "S-1")
    assert visits["overdue"].zone is None


@pytest.mark.usefixtures("town")
def test_a_calendar_of_a_zone_an_inspector_and_some_days(session, wusu):
    made = run.coverage(session, wusu, DAY)
    assert [
        one.licence for one in coverage_lists.next_visits(session, made, until=DAY, most=1)
    ] == ["overdue"]
    of_zone = coverage_lists.next_visits(session, made, zone="Z1")
    assert of_zone == coverage_lists.next_visits(session, made, inspector="S-1")
    assert {one.zone for one in of_zone} == {"Z1"}
    everything = coverage_lists.next_visits(session, made)
    assert coverage_lists.by_zone(everything, DAY) == [("Z1", 0, 5), (None, 1, 2)]
    with pytest.raises(NotFoundError, match="Z9"):
        coverage_lists.next_visits(session, made, zone="Z9")
    with pytest.raises(NotFoundError, match="S-9"):
        coverage_lists.next_visits(session, made, inspector="S-9")


@pytest.mark.usefixtures("town")
def test_everybody_left_out_is_listed_once_with_the_reason(session, wusu):
    made = run.coverage(session, wusu, DAY)
    reasons = {one.licence: one.reason for one in coverage_lists.left_out(session, made)}
    assert reasons == {
        "external": "external",
        "future": "not_open",
        "closed": "closed",
        "unclassified": "no_rule",
        "unknown": "not_located",
        "far": "outside",
    }
    (only,) = coverage_lists.left_out(session, made, "closed")
    assert only.licence == "closed"
    with pytest.raises(InvalidInputError, match="moved"):
        coverage_lists.left_out(session, made, "moved")


@pytest.mark.usefixtures("town")
def test_gaps_are_cells_without_an_inspector_and_premises_never_visited(session, wusu):
    made = run.coverage(session, wusu, DAY)
    (cell,) = coverage_lists.unattended_cells(session, made)
    assert (cell.code, cell.reason, cell.premises) == ("C2", "no_zone", 1)
    never = coverage_lists.next_visits(session, made, never=True)
    assert {one.licence for one in never} == {"new", "unknown"}


def test_a_zone_whose_inspector_left_is_a_gap(session, wusu):
    cell = factories.grid_cell(session, factories.grid(session))
    factories.zone_cell(session, factories.zone(session, code="Z5"), cell)
    factories.premises(session, risk_class="A")
    (gap,) = coverage_lists.unattended_cells(session, run.coverage(session, wusu, DAY))
    assert (gap.zone, gap.reason) == ("Z5", "no_inspector")


@pytest.mark.usefixtures("town")
def test_full_checklists_are_counted_beside_the_visits(session, wusu):
    made = run.coverage(session, wusu, DAY)
    stored = {
        row.metric: row.value
        for row in session.query(CellMetric).filter_by(run_id=made.id, unit="area")
    }
    assert (stored["due"], stored["in_time"], stored["never"]) == (7, 4, 2)
    assert stored["checklist_due"] == 8
    assert (stored["checklist_in_time"], stored["checklist_overdue"]) == (2, 1)
    assert stored["checklist_never"] == 5


@pytest.mark.usefixtures("town")
def test_a_pack_that_goes_by_credit_reads_the_credit_class(session, wusu):
    factories.premises(session, licence="credit", credit_class="A")
    by_credit = wusu.model_copy(
        update={"visits": wusu.visits.model_copy(update={"scheme": "credit", "credit": {}})}
    )
    made = run.coverage(session, by_credit, DAY)
    assert (made.summary["due"], made.summary["no_rule"]) == (1, 8)


@pytest.mark.usefixtures("town")
def test_a_calendar_file_has_an_event_for_each_premises(session, wusu):
    made = run.coverage(session, wusu, DAY)
    visits = coverage_lists.next_visits(session, made)
    content = visit_calendar.write(visits, DAY, name="S-1", language="en")
    assert content == visit_calendar.write(visits, DAY, name="S-1", language="en")
    events = icalendar.Calendar.from_ical(content).walk("VEVENT")
    assert len(events) == len(visits)
    assert len({str(event["uid"]) for event in events}) == len(visits)
    by_day = {str(event["summary"]): event.decoded("dtstart") for event in events}
    assert all(day >= DAY for day in by_day.values())
    assert sum(name.startswith("Overdue") for name in by_day) == 1


def test_the_version_in_force_on_the_day_is_the_one_that_counts(session, tmp_path):
    factories.premises(session, risk_class="A")
    plain = (DEMO / "wusu/rules.toml").read_text(encoding="utf-8")
    (tmp_path / "old.toml").write_text(
        plain.replace(
            "valid_from = 2022-03-15", "valid_from = 2016-01-01\nvalid_to = 2022-03-14"
        ).replace('version = "2025.1"', 'version = "2016.1"')
    )
    (tmp_path / "new.toml").write_text(plain)
    history = load_rule_history(tmp_path)
    assert [pack.version for pack in history.packs] == ["2016.1", "2025.1"]
    past = run.coverage(session, history, date(2020, 1, 1), publish=False)
    assert past.parameters["rules"] == "wusu@2016.1"
    assert past.parameters["rules_in_force"]
    assert run.coverage(session, history, DAY).parameters["rules"] == "wusu@2025.1"
    early = run.coverage(session, history, date(2010, 1, 1), publish=False)
    assert (early.parameters["rules"], early.parameters["rules_in_force"]) == ("wusu@2016.1", False)


def test_packs_of_two_names_are_no_history(wusu, tmp_path):
    with pytest.raises(InvalidInputError, match="chicago, wusu"):
        RuleHistory((wusu, load_rule_pack(DEMO / "chicago/rules.toml")))
    with pytest.raises(NotFoundError):
        load_rule_history(tmp_path)


@given(
    st.one_of(st.none(), st.integers(0, 2000)),
    st.one_of(st.none(), st.floats(1, 1000)),
    st.one_of(st.none(), st.integers(0, 4000)),
)
def test_the_due_day_is_the_last_one_in_time(visited, interval, opened):
    nan = float("nan")
    args = [[nan if one is None else one] for one in (visited, interval)]
    (left,) = due_in_days(*args, days_since_opening=[nan if opened is None else opened])
    if interval is None:
        assert np.isnan(left)
    elif visited is not None:
        in_time, overdue = (
            status([visited + max(later, -visited)], [interval])[0] for later in (left, left + 1)
        )
        assert overdue == 1 or visited + left + 1 < 0
        assert in_time == 0 or left < -visited
    else:
        assert left == (0 if opened is None else int(interval) - opened)


def test_who_is_recused_visits_nothing_there_another_does(session, town, wusu):
    zone = factories.zone(session, code="Z2")
    cell = session.scalars(select(GridCell).where(GridCell.code == "C2")).one()
    factories.zone_cell(session, zone, cell)
    other = factories.inspector(session, staff_number="S-2", name="李娜")
    factories.assignment(session, zone, other)
    for skill in SKILLS:
        factories.skill(session, other, skill)
    person = session.scalars(select(Inspector).where(Inspector.staff_number == "S-1")).one()
    shop = town["in-time"]
    shop.credit_code = "91654202MA77ABCD1X"
    made = run.coverage(session, wusu, DAY)
    before = {one.licence: one.staff_number for one in coverage_lists.next_visits(session, made)}
    factories.recusal(session, person, shop)
    factories.recusal(session, person, owner_credit_code=shop.credit_code)
    visits = coverage_lists.next_visits(session, made, rules=wusu)
    after = {one.licence: one.staff_number for one in visits}
    assert before.pop("in-time") == "S-1"
    assert after.pop("in-time") == "S-2"
    assert before == after, "all else stays, and nothing is told twice"
    assert len(visits) == len(after) + 1
    mine = {
        number: {
            one.licence
            for one in coverage_lists.next_visits(session, made, inspector=number, rules=wusu)
        }
        for number in ("S-1", "S-2")
    }
    assert "in-time" in mine["S-2"] - mine["S-1"]
    # away as well, nobody is left
    factories.leave(session, other, DAY, DAY + timedelta(days=1))
    (left,) = [
        one
        for one in coverage_lists.next_visits(session, made, rules=wusu)
        if one.licence == "in-time"
    ]
    assert (left.inspector, left.staff_number, left.zone) == (None, None, "Z1")

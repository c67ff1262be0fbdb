from datetime import date, timedelta

import factories
import polars as pl
import pytest

from gis_supervision.errors import ConflictError, InvalidInputError, NotFoundError
from gis_supervision.storage import workload

DAY = date(2024, 6, 30)


@pytest.fixture
def cells(session):
    grid = factories.grid(session)
    return [
        factories.grid_cell(
            session, grid, code=f"65420200100100{n}", geom=factories.square(lng=84 + 0.01 * n)
        )
        for n in range(3)
    ]


def put(session, cell, hours, day=DAY, **values):
    asked = {"reason": "大市场", "by": "调度员"} | values
    return workload.set_cell(session, cell.code, hours, valid_from=day, **asked)


def test_premises_hazards_and_complaints_are_counted_by_cell_and_class(session, cells):
    first = factories.premises(session, lng=84.005, risk_class="D", category="catering")
    factories.premises(session, lng=84.005, risk_class="D", category="catering")
    factories.premises(session, lng=84.015, risk_class="A", closed_on=DAY)
    factories.premises(session, lng=84.015, external=True)
    seen = factories.inspection(session, first, inspected_on=date(2024, 1, 1))
    factories.hazard(session, seen)
    for received in (DAY, DAY - timedelta(364), DAY - timedelta(366), DAY + timedelta(1)):
        factories.complaint(session, licence=first.licence, received_on=received)
    factories.complaint(session, received_on=DAY, geom="SRID=4326;POINT(84.025 44.005)")
    rows = workload.work(session, DAY, 365).sort("cell_id").to_dicts()
    assert [tuple(row.values()) for row in rows] == [
        (cells[0].id, "D", None, "catering", 2, 1, 2),
        (cells[2].id, None, None, None, 0, 0, 1),
    ]
    assert workload.work(session, DAY - timedelta(3000))["complaints"].sum() == 0


def test_the_empty_register_asks_for_nothing(session):
    assert workload.work(session, DAY).is_empty()
    assert workload.work(session, DAY).schema["complaints"] == pl.Int64
    assert workload.set_hours(session, DAY) == {}
    assert workload.log(session, DAY) == []


def test_hours_count_from_their_day_until_the_next_and_undoing_brings_the_former_back(
    session, cells
):
    cell = cells[0]
    put(session, cell, 12.5)
    put(session, cell, 20.0, DAY + timedelta(10), by="王芳")
    put(session, cell, None, DAY + timedelta(20))
    count = [
        workload.set_hours(session, DAY + timedelta(n)).get(cell.id) for n in (-1, 0, 9, 10, 19, 20)
    ]
    assert count == [None, 12.5, 12.5, 20.0, 20.0, None]
    undone = workload.undo(session, cell.code, by="李娜")
    assert (undone.hours, undone.undone_by) == (None, "李娜")
    assert workload.set_hours(session, DAY + timedelta(20)) == {cell.id: 20.0}
    assert workload.undo(session, cell.code, by="李娜").set_by == "王芳"
    assert workload.set_hours(session, DAY + timedelta(20)) == {cell.id: 12.5}
    assert workload.undo(session, cell.code, by="李娜").hours == 12.5
    with pytest.raises(ConflictError, match="nothing"):
        workload.undo(session, cell.code, by="李娜")
    kept = workload.log(session, DAY, cell.code)
    assert [(one.hours, one.set_by, one.undone_by) for one in kept] == [
        (None, "调度员", "李娜"),
        (20.0, "王芳", "李娜"),
        (12.5, "调度员", "李娜"),
    ]


def test_of_two_for_the_same_day_the_later_counts_and_one_can_be_undone_by_its_number(
    session, cells
):
    first = put(session, cells[1], 1.0)
    second = put(session, cells[1], 2.0)
    other = put(session, cells[2], 3.0)
    assert workload.set_hours(session, DAY) == {cells[1].id: 2.0, cells[2].id: 3.0}
    assert [one.in_force for one in workload.log(session, DAY, cells[1].code)] == [True, False]
    workload.undo(session, cells[1].code, by="x", setting=first)
    assert workload.set_hours(session, DAY)[cells[1].id] == 2.0
    with pytest.raises(ConflictError):
        workload.undo(session, cells[1].code, by="x", setting=first)
    with pytest.raises(NotFoundError, match=f"no setting {other}"):
        workload.undo(session, cells[1].code, by="x", setting=other)
    assert second > first


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ({"hours": -1.0}, "from 0"),
        ({"hours": float("nan")}, "from 0"),
        ({"hours": float("inf")}, "from 0"),
        ({"reason": " "}, "reason"),
        ({"by": ""}, "who"),
    ],
)
def test_what_is_no_setting_is_refused(session, cells, values, match):
    asked = {"hours": 1.0, "reason": "x", "by": "x"} | values
    with pytest.raises(InvalidInputError, match=match):
        put(session, cells[0], **asked)
    with pytest.raises(InvalidInputError, match="who"):
        workload.undo(session, cells[0].code, by=" ")


def test_a_cell_that_is_not_there_is_told_with_the_nearest(session, cells):
    with pytest.raises(NotFoundError, match=f"did you mean '{cells[0].code[:-1]}"):
        workload.set_cell(session, "65420200100109", 1.0, reason="x", by="x", valid_from=DAY)


def test_hours_of_a_cell_that_is_no_more_are_told(session, cells):
    put(session, cells[0], 5.0)
    session.execute(type(cells[0]).__table__.update().values(valid="[2000-01-01,2024-07-01)"))
    (one,) = workload.log(session, DAY)
    assert one.ended

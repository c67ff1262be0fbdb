from datetime import date

import factories
import pytest
from sqlalchemy import text

from gis_supervision.errors import ConflictError, InvalidInputError, NotFoundError
from gis_supervision.storage import analyses, divisions, workload

BEFORE, CHANGE, AFTER = date(2020, 12, 31), date(2021, 1, 1), date(2021, 6, 1)


@pytest.fixture
def shawan(session):
    county = factories.division(session, code="654223", name="沙湾")
    town = factories.division(
        session, code="654223101", name="三道河子镇", level="township", geom=None
    )
    town.parent_id = county.id
    session.flush()
    return county


def test_a_code_of_any_time_leads_to_the_code_of_the_day(session, shawan):
    changed = divisions.succeed(session, "654223", "654203", succeeded_on=CHANGE)
    assert changed == [("654223", "654203"), ("654223101", "654203101")]
    for day, code in ((BEFORE, "654223"), (CHANGE, "654203"), (AFTER, "654203")):
        for asked in ("654223", "654203"):
            found = divisions.find(session, asked, as_of=day)
            assert (found.id, found.code) == (shawan.id, code)
            assert divisions.code_on(session, asked, day) == (
                None if (asked, day) == ("654203", BEFORE) else code
            )
    assert divisions.code_on(session, "654223101", AFTER) == "654203101"
    # a village that the register does not know follows its county
    assert divisions.code_on(session, "654223101007", AFTER) == "654203101007"
    assert divisions.code_on(session, "110101", AFTER) == "110101"
    periods = divisions.history(session, "654203")
    assert [(p.code, p.valid_to, p.successor) for p in periods] == [
        ("654223", CHANGE, "654203"),
        ("654203", None, None),
    ]
    assert [one.code for one in divisions.on(session, BEFORE)] == ["654223", "654223101"]
    assert divisions.on(session, AFTER, level="township")[0].parent == "654203"


def test_a_change_may_leave_the_codes_below_alone(session, shawan):
    assert shawan.name == "沙湾"
    divisions.succeed(session, "654223", "654203", succeeded_on=CHANGE, below=False)
    assert [one.code for one in divisions.on(session, AFTER)] == ["654203", "654223101"]


def test_premises_with_the_old_code_stay_in_their_division(session, shawan):
    premises = factories.premises(session, lng=None, division_code="654223")
    divisions.succeed(session, "654223", "654203", succeeded_on=CHANGE)
    session.refresh(premises)
    assert (premises.division_id, premises.division_code) == (shawan.id, "654223")


@pytest.mark.parametrize(
    ("code", "successor", "day", "error", "message"),
    [
        ("654223", "654223", CHANGE, InvalidInputError, "another code of 6 digits"),
        ("654223", "654203101", CHANGE, InvalidInputError, "another code of 6 digits"),
        ("654223", "65420", CHANGE, InvalidInputError, "division code '65420'"),
        ("654299", "654203", CHANGE, NotFoundError, "'654299' is not in force"),
        ("654223", "654202", CHANGE, ConflictError, "654202: another division"),
        ("654223", "654203", date(2000, 1, 1), ConflictError, "begins on 2000-01-01"),
    ],
)
@pytest.mark.usefixtures("shawan")
def test_what_cannot_succeed_is_refused(session, code, successor, day, error, message):
    factories.division(session, code="654202", name="乌苏")
    with pytest.raises(error, match=message):
        divisions.succeed(session, code, successor, succeeded_on=day)


def test_an_unknown_code_is_told(session):
    with pytest.raises(NotFoundError, match="'1' is not in the register"):
        divisions.find(session, "1")


def test_a_mark_reaches_everything_below_and_every_denominator(session, shawan):
    area = factories.division(
        session, code="654223500", name="兵团一二一团", level="township", geom=None
    )
    area.parent_id = shawan.id
    village = factories.division(
        session, code="654223500001", level="village", name="一连", geom=None
    )
    village.parent_id = area.id
    session.flush()
    cell = factories.grid_cell(session, factories.grid(session), division_id=village.id)
    inside = factories.premises(session, licence="inside", h3_8=1)
    other = factories.premises(session, licence="other", lng=84.5, lat=44.5, h3_8=1)
    assert [one.code for one in divisions.suggest_external(session)] == ["654223500"]
    assert _counted(session) == {inside.id, other.id}
    assert workload.work(session, AFTER)["premises"].sum() == 1
    assert divisions.mark_external(session, ["654223500"]) == ["兵团一二一团"]
    assert divisions.suggest_external(session) == []
    marked = {one.code for one in divisions.on(session, AFTER) if one.external}
    assert marked == {"654223500", "654223500001"}
    assert _counted(session) == {other.id}
    assert workload.work(session, AFTER)["premises"].sum() == 0
    assert analyses.unresolved_by_h3(session, AFTER, 8)["premises"].sum() == 1
    assert analyses.visits(session, AFTER, ["on_site"])["external"].sum() == 1
    # kept where they are
    session.refresh(inside)
    assert inside.cell_id == cell.id
    divisions.mark_external(session, ["654223500"], external=False)
    assert _counted(session) == {inside.id, other.id}


def _counted(session):
    shown = session.execute(text("SELECT premises_id, external FROM map.premises")).all()
    return {number for number, external in shown if not external}

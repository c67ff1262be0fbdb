from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gis_supervision.domain.divisions import (
    CodePeriod,
    DivisionCode,
    Level,
    TownshipKind,
    UnitGridCode,
    current_code,
    likely_external,
)
from gis_supervision.errors import ConflictError, InvalidInputError

SHARED = Path(__file__).parents[3] / "shared" / "data" / "china_wusu"
COUNTY = st.from_regex(r"[1-9][0-9]{5}", fullmatch=True)
THREE = st.integers(1, 999).map("{:03d}".format)
VILLAGE = st.builds(lambda *parts: "".join(parts), COUNTY, THREE, THREE)

RENAMED = (
    CodePeriod("654223", None, date(2021, 1, 1), "654203"),
    CodePeriod("654203", date(2021, 1, 1)),
)


@settings(deadline=None)
@given(VILLAGE)
def test_codes_begin_with_their_parents(code):
    village = DivisionCode(code)
    township, county = village.parent, village.parent.parent
    assert [part.level for part in (village, township, county)] == [
        Level.VILLAGE,
        Level.TOWNSHIP,
        Level.COUNTY,
    ]
    assert county.parent is None
    assert str(county) == village.county == code[:6]
    assert county.contains(village)
    assert not village.contains(county)


@settings(deadline=None)
@given(VILLAGE, st.integers(1, 999))
def test_unit_grid_codes_there_and_back(village, serial):
    cell = UnitGridCode.of(village, serial)
    again = UnitGridCode(str(cell))
    assert len(cell.code) == 15
    assert (again.village.code, again.serial) == (village, serial)
    assert DivisionCode(village).contains(cell)


@settings(deadline=None)
@given(st.text())
def test_any_text_is_a_code_or_an_error(text):
    for kind in (DivisionCode, UnitGridCode):
        try:
            code = kind(text)
        except InvalidInputError:
            continue
        assert str(code) == text
        assert text.isascii()
        assert text.isdigit()


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("65420", "6 .county., 9"),
        ("6542021", "6 .county., 9"),
        ("65420２", "digits"),
        (654202, "expected text"),
        ("654202000", "write the parent as '654202'"),
        ("654202100000", "write the parent as '654202100'"),
        ("004202", "not 00"),
    ],
)
def test_wrong_division_codes_say_what_is_expected(code, words):
    with pytest.raises(InvalidInputError, match=words):
        DivisionCode(code)


def test_wrong_unit_grid_codes_say_what_is_expected():
    with pytest.raises(InvalidInputError, match="15 digits"):
        UnitGridCode("654202100001")
    with pytest.raises(InvalidInputError, match="serial of 001"):
        UnitGridCode("654202100001000")
    with pytest.raises(InvalidInputError, match="expected 1 to 999"):
        UnitGridCode.of("654202100001", 1000)
    with pytest.raises(InvalidInputError, match="expected 12 digits"):
        UnitGridCode.of("654202100", 1)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("654202", None),
        ("654202001", TownshipKind.STREET),
        ("654202109", TownshipKind.TOWN),
        ("654202206001", TownshipKind.TOWNSHIP),
        ("654202403", TownshipKind.ENTERPRISE_AREA),
        ("654202507", TownshipKind.ENTERPRISE_AREA),
        ("654202600", TownshipKind.OTHER),
    ],
)
def test_kind_of_township(code, kind):
    assert DivisionCode(code).township_kind is kind


def test_corps_areas_are_likely_external():
    assert likely_external("654202500", "兵团一二三团生活区")
    assert likely_external("654003508", "一三一团")
    assert not likely_external("654202403", "乌苏监狱")
    assert not likely_external("654003510", "天北新区")
    assert not likely_external("654202001", "新市区街道")
    assert not likely_external("659010500", "兵团一二五团")


def test_an_old_code_leads_to_its_successor():
    assert current_code("654223", RENAMED, date(2024, 5, 1)) == "654203"
    assert current_code("654223", RENAMED, date(2020, 12, 31)) == "654223"
    assert current_code("654223", RENAMED, date(2021, 1, 1)) == "654203"
    assert current_code("654223100001", RENAMED, date(2024, 5, 1)) == "654203100001"
    assert current_code("654202", RENAMED, date(2024, 5, 1)) == "654202"
    assert current_code("654203", RENAMED, date(2020, 1, 1)) is None


def test_a_code_that_ended_without_successor_and_a_circle():
    ended = (CodePeriod("654299", None, date(2010, 1, 1)),)
    assert current_code("654299", ended, date(2024, 1, 1)) is None
    circle = (
        CodePeriod("654298", None, date(2010, 1, 1), "654299"),
        CodePeriod("654299", None, date(2011, 1, 1), "654298"),
    )
    with pytest.raises(ConflictError, match="circle"):
        current_code("654298", circle, date(2024, 1, 1))


def test_periods_are_checked():
    with pytest.raises(InvalidInputError, match="not after"):
        CodePeriod("654223", date(2021, 1, 1), date(2021, 1, 1))
    with pytest.raises(InvalidInputError, match="succeeds itself"):
        CodePeriod("654223", None, date(2021, 1, 1), "654223")
    with pytest.raises(InvalidInputError, match="needs the day"):
        CodePeriod("654223", None, None, "654203")


@pytest.mark.skipif(not SHARED.is_dir(), reason="the published code tables are not here")
def test_published_codes_are_all_valid():
    codes = [
        code
        for name in ("counties", "townships", "villages_654202")
        for code in pl.read_csv(SHARED / f"divisions_{name}.csv", infer_schema=False)["code"]
    ]
    parsed = {code: DivisionCode(code) for code in codes}
    assert len(codes) > 400
    villages = [code for code in parsed.values() if code.level is Level.VILLAGE]
    assert all(code.parent.code in parsed for code in villages)
    townships = pl.read_csv(SHARED / "divisions_townships.csv", infer_schema=False)
    external = townships.filter(
        pl.struct("code", "name").map_elements(
            lambda row: likely_external(row["code"], row["name"]), return_dtype=pl.Boolean
        )
        & pl.col("code").str.starts_with("654202")
    )
    assert [code[6:] for code in external["code"]] == [
        "500",
        "501",
        "502",
        "503",
        "504",
        "505",
        "507",
    ]

"""Rule packs: the shipped ones, the arithmetic of visits, and what a broken file is told."""

import math
import tomllib
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gis_supervision
from gis_supervision.domain.rules import (
    DAYS_PER_MONTH,
    RulePack,
    load_rule_pack,
    pack_in_force,
)
from gis_supervision.errors import ConflictError, InvalidInputError, NotFoundError

DEMO = Path(gis_supervision.__file__).parent / "demo"
CHICAGO = DEMO / "chicago" / "rules.toml"
WUSU = DEMO / "wusu" / "rules.toml"

PLAIN = """
name = "plain"
version = "1"
valid_from = 2020-01-01
title = { en = "Plain", zh_CN = "简" }
articles.law = { title = { en = "Law", zh_CN = "法" }, clause = "art. 1", read = true }
visits.scheme = "food_risk"
visits.classes.X = { visits = 2, months = 12, at_least = 1, at_most = 4, source = "law" }
visits.classes.Y = { visits = 1, months = 24, source = "law" }
visits.classes.none = { visits = 0, months = 12, source = "law" }
visits.credit.good = { factor = 0.25, source = "law" }
visits.credit.bad = { factor = 3, source = "law" }
visits.category.kitchen = { factor = 1.5, source = "unverified" }
channels.on_site = { counts = true, source = "law" }
channels.online = { counts = false, source = "law" }
workload.visit = { hours = 2, source = "unverified" }
workload.category.kitchen = { hours = 3, source = "unverified" }
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "rules.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def plain(tmp_path: Path) -> RulePack:
    return load_rule_pack(write(tmp_path, PLAIN))


def variant(**changes: object) -> RulePack:
    return RulePack.model_validate(tomllib.loads(PLAIN) | changes)


def test_chicago_visits_are_two_a_year_one_a_year_and_one_in_two_years():
    pack = load_rule_pack(CHICAGO)
    assert pack.class_intervals_months() == {"High": 6, "Medium": 12, "Low": 24}
    assert pack.required_visits_per_year("High") == 2
    assert pack.required_interval_days("Medium") == 365.25
    assert pack.required_interval_days("All") is None
    assert pack.required_interval_days(None) is None
    assert pack.counted_channels() == ("on_site",)


def test_wusu_has_every_class_clock_and_link_of_the_regulations():
    pack = load_rule_pack(WUSU)
    per_year = {name: pack.required_visits_per_year(name) for name in "ABCD"}
    assert per_year == {"A": 1, "B": 1, "C": 2, "D": 3}
    assert {name: pack.required_visits_per_year(name, "D") for name in "BCD"} == {
        "B": 2,
        "C": 3,
        "D": 4,
    }  # the worst credit class reaches the upper end of each range and not more
    assert {name: (clock.amount, clock.unit) for name, clock in pack.clocks.items()} == {
        "inspection_result_public": (20, "working_days"),
        "no_repeat_after_superior": (3, "months"),
        "penalty_public": (20, "working_days"),
        "penalty_withdrawn": (3, "working_days"),
        "penalty_expires_minor": (3, "months"),
        "penalty_expires": (3, "years"),
        "complaint_accepted": (7, "working_days"),
        "mediation_ends": (45, "working_days"),
        "informant_told": (5, "working_days"),
        "penalty_decision": (90, "calendar_days"),
        "seizure": (30, "calendar_days"),
        "retest_request": (7, "working_days"),
        "limitation": (2, "years"),
        "limitation_harm": (5, "years"),
    }
    assert pack.clocks["seizure"].extension == 45
    assert len(pack.links) == 7
    assert set(pack.hazard_deadlines) == {"critical", "serious", "minor", "unclassified"}
    assert pack.draw_ratios() == {"A": 0.01, "B": 0.02, "C": 0.10, "D": 0.30}
    assert pack.draw_ratios("bayannur_2022") == {"A": 0.02, "B": 0.05, "C": 1, "D": 1}
    assert pack.counted_channels() == ("on_site", "online")
    assert pack.risk_score is not None
    assert [pack.risk_score.risk_class(score) for score in (0, 30, 30.5, 45, 60, 61)] == [
        "A",
        "A",
        "B",
        "B",
        "C",
        "D",
    ]


def test_values_say_whether_they_were_read():
    pack = load_rule_pack(WUSU)
    unverified = pack.unverified()
    assert "risk_score.source" in unverified
    assert "hazard_deadlines.critical.source" in unverified
    assert "clocks.inspection_result_public.source" not in unverified
    assert pack.citation("order49_39").endswith("(SAMR Order 49) art. 39")
    assert pack.citation("order49_39", "zh_CN").startswith("食品生产经营监督检查管理办法")
    assert pack.citation("unverified", "zh_CN") == "未经核实的数值"
    with pytest.raises(NotFoundError, match=r"order49_93.*did you mean 'order49_39'"):
        pack.citation("order49_93")


@pytest.mark.parametrize(
    ("classes", "per_year"),
    [
        (("X", None, None), 2),
        (("X", "good", None), 1),  # 2 * 0.25 is below at_least
        (("X", "bad", None), 4),  # 2 * 3 is above at_most
        (("X", None, "kitchen"), 3),
        (("X", "unheard of", "unheard of"), 2),
        (("Y", None, None), 0.5),
        (("Y", "bad", "kitchen"), 2.25),
        (("none", "bad", None), None),
        (("unheard of", None, None), None),
        ((None, "bad", "kitchen"), None),
    ],
)
def test_visits_are_adjusted_and_bounded(plain, classes, per_year):
    assert plain.required_visits_per_year(*classes) == per_year
    days = plain.required_interval_days(*classes)
    assert days is None if per_year is None else math.isclose(days, 365.25 / per_year)


def test_cap_and_minimum_of_the_pack():
    visits = tomllib.loads(PLAIN)["visits"]
    bounds = {
        "minimum": {"visits_per_year": 1, "source": "law"},
        "cap": {"visits_per_year": 2.5, "source": "law"},
        "unclassified": {"visits": 1, "months": 6, "source": "law"},
    }
    pack = variant(visits=visits | bounds)
    assert pack.required_visits_per_year("Y") == 1
    assert pack.required_visits_per_year("X", "bad") == 2.5
    assert pack.required_visits_per_year(None) == 2
    assert pack.required_visits_per_year("unheard of") == 2


names = st.none() | st.sampled_from(["X", "Y", "none", "other"])
credits_ = st.none() | st.sampled_from(["good", "bad", "other"])
categories = st.none() | st.sampled_from(["kitchen", "other"])


@settings(deadline=None)
@given(st.lists(st.tuples(names, credits_, categories), max_size=30))
def test_many_premises_at_once_are_the_same_as_one_by_one(rows):
    pack = variant()
    columns = [list(column) for column in zip(*rows, strict=True)] or [[], [], []]
    together = pack.required_intervals_days(*columns)
    assert together.shape == (len(rows),)
    for days, row in zip(together, rows, strict=True):
        alone = pack.required_interval_days(*row)
        assert math.isnan(days) if alone is None else days == alone


def test_columns_of_different_length_are_refused(plain):
    with pytest.raises(InvalidInputError, match="2 risk classes, 1 credit classes"):
        plain.required_intervals_days(["X", "Y"], ["good"])


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("channels.online", "channels.onlin", r"channels\.onlin: .*did you mean 'online'"),
        ("visits.scheme", "visits.schem", r"visits\.schem: unknown key \(did you mean 'scheme'"),
        ("visits.scheme", "visits.schem", r"visits\.scheme: missing"),
        ("workload.visit =", "workload.visti =", r"workload\.visti: unknown .*'visit'"),
        ("months = 24,", "month = 24,", r"visits\.classes\.Y\.month: unknown .*'months'"),
        ("visits = 2,", 'visits = "2",', r"visits\.classes\.X\.visits: .*number.*found '2'"),
        ("visits = 2,", "visits = 5,", r"visits\.classes\.X: expected at_least <= visits"),
        ("visits = 2,", "visits = nan,", r"visits\.classes\.X\.visits: .*finite"),
        ("months = 24,", "months = 0,", r"visits\.classes\.Y\.months: .*greater than 0"),
        ('art. 1"', 'art. 1", claus = "x"', r"articles\.law\.claus: unknown .*'clause'"),
        ("= 2020-01-01", '= "2020-01-01"', r"valid_from: .*date"),
        ('"food_risk"', '"food_rsik"', r"visits\.scheme: .*did you mean 'food_risk'"),
        ('24, source = "law"', '24, source = "lew"', r"classes\.Y\.source: 'lew' .*'law'"),
        ('version = "1"', 'version = "1"\nvalid_to = 2019-01-01', r"valid_from <= valid_to"),
        ('name = "plain"', 'name = "plain', r"not valid TOML.*line 2"),
    ],
)
def test_mistakes_are_told_by_file_key_and_near_name(tmp_path, old, new, message):
    path = write(tmp_path, PLAIN.replace(old, new, 1))
    with pytest.raises(InvalidInputError, match=message) as raised:
        load_rule_pack(path)
    assert all(line.startswith(f"{path}: ") for line in str(raised.value).splitlines())


def test_all_mistakes_are_told_at_once(tmp_path):
    broken = PLAIN.replace("months = 24", "months = -1").replace("hours = 3", "hours = 'x'")
    with pytest.raises(InvalidInputError) as raised:
        load_rule_pack(write(tmp_path, broken))
    assert len(str(raised.value).splitlines()) == 2


def test_a_wrong_set_in_force_is_told():
    sets = {"a_set": {"title": {"en": "A", "zh_CN": "甲"}, "source": "law", "ratios": {"A": 1}}}
    assert variant(draws={"in_force": "a_set", "sets": sets}).draw_ratios() == {"A": 1}
    with pytest.raises(ValueError, match=r"in_force names no set.*did you mean 'a_set'"):
        variant(draws={"in_force": "a_sets", "sets": sets})
    sets["a_set"]["ratios"] = {"A": 1.01}
    with pytest.raises(ValueError, match="less than or equal to 1"):
        variant(draws={"in_force": "a_set", "sets": sets})


def test_missing_sets_are_named(plain):
    with pytest.raises(NotFoundError, match="no \\[draws\\]"):
        plain.draw_ratios()
    with pytest.raises(NotFoundError, match="did you mean 'henan_2021'"):
        load_rule_pack(WUSU).draw_ratios("henan_2012")


def test_unreadable_files_are_told(tmp_path):
    with pytest.raises(NotFoundError, match="absent"):
        load_rule_pack(tmp_path / "absent.toml")
    path = tmp_path / "gb.toml"
    path.write_bytes("title = '规则'".encode("gb18030"))
    with pytest.raises(InvalidInputError, match="expected UTF-8"):
        load_rule_pack(path)
    with pytest.raises(InvalidInputError, match="cannot be read"):
        load_rule_pack(tmp_path)


def test_a_byte_order_mark_is_no_mistake(tmp_path, plain):
    path = tmp_path / "bom.toml"
    path.write_text(PLAIN, encoding="utf-8-sig")
    assert load_rule_pack(path) == plain


def test_the_digest_depends_on_values_alone(tmp_path, plain):
    commented = "# a comment\n" + PLAIN.replace(" = ", "   =   ")
    assert load_rule_pack(write(tmp_path, commented)).sha256 == plain.sha256
    assert variant(version="2").sha256 != plain.sha256
    assert plain.reference == "plain@1"


def test_the_version_in_force_is_the_one_that_began_last():
    first = variant()
    second = variant(version="2", valid_from=date(2024, 1, 1), valid_to=date(2024, 12, 31))
    packs = [second, first]
    assert pack_in_force(packs, "plain", date(2023, 12, 31)) is first
    assert pack_in_force(packs, "plain", date(2024, 1, 1)) is second
    assert pack_in_force(packs, "plain", date(2024, 12, 31)) is second
    assert pack_in_force(packs, "plain", date(2025, 1, 1)) is first
    with pytest.raises(NotFoundError, match="1 from 2020-01-01"):
        pack_in_force(packs, "plain", date(2019, 12, 31))
    with pytest.raises(NotFoundError, match="have: none"):
        pack_in_force(packs, "other", date(2024, 1, 1))
    with pytest.raises(ConflictError, match="1, 3 all begin on 2020-01-01"):
        pack_in_force([first, variant(version="3")], "plain", date(2021, 1, 1))


def test_hours_of_a_visit_depend_on_the_category(plain):
    assert plain.workload.visit_hours() == 2
    assert plain.workload.visit_hours("kitchen") == 3
    assert plain.workload.visit_hours("other") == 2
    assert math.isclose(DAYS_PER_MONTH * 12, 365.25)

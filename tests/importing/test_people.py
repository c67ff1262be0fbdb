"""Files about inspectors: real CSV and workbooks, every mistake told, all or nothing."""

from datetime import date

import factories
import openpyxl
import pytest

from gis_supervision.domain.datums import from_wgs84
from gis_supervision.domain.inspectors import Period, Skill
from gis_supervision.domain.premises import check_character
from gis_supervision.errors import InvalidInputError, NotFoundError
from gis_supervision.importing import people, people_load
from gis_supervision.storage import inspectors, recusals

DAY = date(2024, 6, 30)
OWNER = "91654202MA77ABCD1"
OWNER += check_character(OWNER)

SHEETS = {
    "人员": [
        ["工号", "姓名", "年可用工时", "语言", "住址纬度", "住址经度"],
        ["007", "阿依古丽·买买提", 1500, "汉语、维吾尔语", 44.43, 84.68],
        ["008", "王芳", 1600.5, "zh", None, None],
        [9, "李娜", 0, None, None, None],
    ],
    "资格": [
        ["工号", "资格类别", "证书编号", "有效期起", "有效期止"],
        ["007", "餐饮服务", "0012", date(2022, 1, 1), date(2024, 12, 31)],
        ["007", "餐饮服务", "0013", date(2025, 1, 1), None],
        ["008", "特殊食品", None, None, "2026年3月5日"],
    ],
    "请假": [
        ["工号", "离岗首日", "离岗末日", "离岗事由"],
        ["008", "2024/7/1", "2024-07-14", "培训"],
    ],
    "回避": [
        ["工号", "回避主体许可证号", "回避经营者统一社会信用代码", "回避理由"],
        ["007", "JY001", None, "亲属经营"],
        ["008", None, OWNER, "曾任职"],
    ],
    "组队": [
        ["组长工号", "组员工号", "组队起"],
        ["007", "008", date(2024, 1, 1)],
    ],
    "空": [],
}


def workbook(path, sheets):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def table(path, text, encoding="utf-8-sig"):
    path.write_text(text, encoding=encoding)
    return path


@pytest.fixture
def register(session):
    factories.premises(session, licence="JY001")
    factories.premises(session, licence="JY002", credit_code=OWNER)
    return session


def load(session, *paths, **values):
    return people_load.load(session, list(paths), by="人事科", **values)


def by_number(session):
    return {one.staff_number: one for one in inspectors.on(session, DAY, date(2024, 12, 31))}


def test_a_workbook_of_an_office_is_loaded_once_and_again_without_a_change(register, tmp_path):
    path = workbook(tmp_path / "检查人员.xlsx", SHEETS)
    first = load(register, path)
    assert first.wrong == ()
    assert {kind: told["new"] for kind, told in first.counts.items()} == {
        "inspectors": 3,
        "skills": 3,
        "leave": 1,
        "recusals": 2,
        "teams": 1,
    }
    found = by_number(register)
    one, other = found["007"], found["008"]
    assert (one.name, one.capacity_hours, one.lat, one.lng) == (
        "阿依古丽·买买提",
        1500.0,
        44.43,
        84.68,
    )
    assert one.languages == {"zh", "ug"}
    assert [(c.skill, c.number, c.valid) for c in one.certificates] == [
        (Skill.CATERING, "0012", Period(date(2022, 1, 1), date(2025, 1, 1))),
        (Skill.CATERING, "0013", Period(date(2025, 1, 1), None)),
    ]
    assert other.certificates[0].valid == Period(None, date(2026, 3, 6)), "the last day belongs"
    assert other.leave == (Period(date(2024, 7, 1), date(2024, 7, 15)),)
    assert len(other.recused_premises) == 1
    assert other.recused_owners == {OWNER}
    assert (one.team.role, other.team.role) == ("A", "B")
    assert found["9"].capacity_hours == 0
    (told,) = inspectors.absences(register, DAY, None)
    assert (told.reason, told.recorded_by) == ("training", "人事科")
    again = load(register, path)
    assert again.loaded
    assert all(told["new"] == told["changed"] == 0 for told in again.counts.values())
    assert by_number(register) == found


def test_a_changed_row_is_brought_up_to_date(register, tmp_path):
    load(register, workbook(tmp_path / "a.xlsx", SHEETS))
    text = "staff_number,name,capacity_hours\n008,王芳芳,1400\n007,阿依古丽·买买提,1500\n"
    done = load(register, table(tmp_path / "b.csv", text))
    assert done.counts == {"inspectors": {"new": 0, "changed": 2, "unchanged": 0}}
    assert by_number(register)["008"].name == "王芳芳"
    assert by_number(register)["008"].certificates, "what the file does not speak of stays"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_encodings_and_leading_zeros(register, tmp_path, encoding):
    text = "工号,姓名,年可用工时,语言\n0001,古丽娜尔,1600,维吾尔语；汉语\n"
    assert load(register, table(tmp_path / "人.csv", text, encoding)).loaded
    assert by_number(register)["0001"].name == "古丽娜尔"


def test_homes_from_a_map_service_are_shifted_back(register, tmp_path):
    lng, lat = (float(value[0]) for value in from_wgs84([84.68], [44.43], "gcj02"))
    text = f"工号,姓名,年可用工时,住址纬度,住址经度\n1,古丽,1600,{lat},{lng}\n"
    assert load(register, table(tmp_path / "a.csv", text), datum="gcj02").loaded
    assert by_number(register)["1"].lat == pytest.approx(44.43, abs=2e-6)
    again = load(register, tmp_path / "a.csv", datum="gcj02")
    assert again.counts["inspectors"]["unchanged"] == 1


WRONG = """工号,姓名,年可用工时,语言,住址纬度,住址经度,离职日期
001,王芳,很多,,,,
002,,1600,,,,
003,李娜,1600,火星语,,,
004,赵敏,1600,,95,84,
005,周静,1600,,44.4,,
006,吴丽,1600,,,,2024-13-01
007,郑红,-5,,,,
"""


def test_every_wrong_value_is_told_and_nothing_is_written(register, tmp_path):
    done = load(register, table(tmp_path / "人员.csv", WRONG))
    assert not done.loaded
    told = [(one.row, one.column, one.value) for one in done.wrong]
    assert told == [
        (2, "年可用工时", "很多"),
        (3, "姓名", ""),
        (4, "语言", "火星语"),
        (5, "住址纬度", "95"),
        (6, "住址经度", ""),
        (7, "离职日期", "2024-13-01"),
        (8, "年可用工时", "-5"),
    ]
    assert all(one.file == "人员.csv" and one.expected for one in done.wrong)
    assert "hours a year" in str(done.wrong[0])
    assert by_number(register) == {}


def changed(**rows):
    return SHEETS | {name: [SHEETS[name][0], *more] for name, more in rows.items()}


@pytest.mark.parametrize(
    ("sheets", "place", "words"),
    [
        (changed(人员=[["1", "甲", 1], ["1", "乙", 1]]), ("人员", 3, "工号"), "row 2"),
        (changed(资格=[["404", "餐饮"]]), ("资格", 2, "工号"), "staff number"),
        (changed(资格=[["007", "烹饪"]]), ("资格", 2, "资格类别"), "餐饮"),
        (
            changed(资格=[["007", "餐饮", "1", "2024-01-01"], ["007", "餐饮", "2", "2025-01-01"]]),
            ("资格", 3, "资格类别"),
            "overlap row 2",
        ),
        (
            changed(资格=[["007", "餐饮", "1", "2024-05-01", "2024-04-01"]]),
            ("资格", 2, "有效期止"),
            "not before",
        ),
        (changed(请假=[["007", "2024-05-01", ""]]), ("请假", 2, "离岗末日"), "a value"),
        (
            changed(
                请假=[["007", "2024-05-01", "2024-05-09"], ["007", "2024-05-09", "2024-05-10"]]
            ),
            ("请假", 3, "离岗首日"),
            "end it first",
        ),
        (
            changed(请假=[["007", "2024-05-01", "2024-05-09", "钓鱼"]]),
            ("请假", 2, "离岗事由"),
            "病假",
        ),
        (
            changed(回避=[["007", "JY404", None, "亲属"]]),
            ("回避", 2, "回避主体许可证号"),
            "no premises",
        ),
        (
            changed(回避=[["007", None, "123", "亲属"]]),
            ("回避", 2, "回避经营者统一社会信用代码"),
            "18",
        ),
        (
            changed(回避=[["007", "JY001", OWNER, "亲属"]]),
            ("回避", 2, "回避主体许可证号"),
            "either",
        ),
        (changed(组队=[["007", "007", "2024-01-01"]]), ("组队", 2, "组员工号"), "somebody other"),
        (
            changed(组队=[["007", "008", "2024-01-01"], ["008", "9", "2025-01-01"]]),
            ("组队", 3, "组长工号"),
            "in a team",
        ),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(register, tmp_path, sheets, place, words):
    done = load(register, workbook(tmp_path / "a.xlsx", sheets))
    assert not done.loaded
    told = [
        one
        for one in done.wrong
        if (one.file, one.row, one.column) == (f"a.xlsx [{place[0]}]", *place[1:])
    ]
    assert len(told) == 1, done.wrong
    assert words in str(told[0].expected)
    assert by_number(register) == {}
    assert recusals.since(register, DAY) == []


def test_columns_that_no_table_has_are_told(register, tmp_path):
    with pytest.raises(InvalidInputError, match="capacity_hours"):
        load(register, table(tmp_path / "a.csv", "a,b\n1,2\n"))
    done = load(register, table(tmp_path / "b.csv", "工号,年可用工时,岗位\n1,2,3\n"))
    assert [(one.row, one.column) for one in done.wrong] == [(1, "name"), (1, "岗位")]
    done = load(register, table(tmp_path / "f.csv", "工号,姓名\n1,2\n"))
    assert [(one.row, one.column) for one in done.wrong] == [(1, "capacity_hours")]
    done = load(register, table(tmp_path / "g.csv", "工号,姓名,资格类别\n1,2,餐饮\n"))
    assert next((one.row, one.column) for one in done.wrong) == (1, "姓名")
    with pytest.raises(NotFoundError, match="no file"):
        load(register, tmp_path / "none.csv")
    with pytest.raises(InvalidInputError, match="not a workbook"):
        load(register, table(tmp_path / "c.xlsx", "x"))
    with pytest.raises(InvalidInputError, match="no sheet"):
        load(register, workbook(tmp_path / "d.xlsx", {"空": []}))
    with pytest.raises(InvalidInputError, match="CSV file or a workbook"):
        load(register, table(tmp_path / "e.geojson", "{}"))


def test_rows_that_are_none_are_told(register, tmp_path):
    text = "staff_number,name,capacity_hours\n1,An,1600,9,9\n\n2,Bo,1600\n"
    done = load(register, table(tmp_path / "a.csv", text))
    assert [one.row for one in done.wrong] == [2]
    assert people.LAYOUTS.keys() == people.REQUIRED.keys()

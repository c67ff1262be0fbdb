"""Files about inspectors: five tables with fixed columns, read and checked row by row.

A CSV file holds one table; a workbook holds one in each sheet. Which table it is, is told by the
columns, whose names may be English or Chinese (`LAYOUTS`). Numbers of staff, certificates and
licences are text: leading zeros stay.
"""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

import openpyxl
import xlsxwriter

from gis_supervision.domain.inspectors import (
    SKILLS,
    YEAR_HOURS,
    Period,
    Skill,
    language_code,
)
from gis_supervision.domain.premises import CreditCode
from gis_supervision.errors import InvalidInputError
from gis_supervision.importing import files, readers
from gis_supervision.importing.mapping import Source
from gis_supervision.messages import Message, Parts, Translate, english, joined, told
from gis_supervision.storage.inspectors import LEAVE_REASONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LAYOUTS: Final[dict[str, dict[str, str]]] = {
    "inspectors": {
        "staff_number": "工号",
        "name": "姓名",
        "capacity_hours": "年可用工时",
        "languages": "语言",
        "home_lat": "住址纬度",
        "home_lng": "住址经度",
        "left_on": "离职日期",
    },
    "skills": {
        "staff_number": "工号",
        "skill": "资格类别",
        "certificate_number": "证书编号",
        "valid_from": "有效期起",
        "valid_to": "有效期止",
    },
    "leave": {
        "staff_number": "工号",
        "first_day": "离岗首日",
        "last_day": "离岗末日",
        "reason": "离岗事由",
    },
    "recusals": {
        "staff_number": "工号",
        "licence": "回避主体许可证号",
        "owner": "回避经营者统一社会信用代码",
        "reason": "回避理由",
        "valid_from": "回避起",
        "valid_to": "回避止",
    },
    "teams": {
        "lead": "组长工号",
        "assistant": "组员工号",
        "valid_from": "组队起",
        "valid_to": "组队止",
    },
}
"""Columns of each table in English and Chinese."""

REQUIRED: Final[dict[str, tuple[str, ...]]] = {
    "inspectors": ("staff_number", "name", "capacity_hours"),
    "skills": ("staff_number", "skill"),
    "leave": ("staff_number", "first_day", "last_day"),
    "recusals": ("staff_number", "reason"),
    "teams": ("lead", "assistant", "valid_from"),
}
"""Columns of each table without which a row says nothing."""

_TELLING: Final = {
    "inspectors": {"name", "capacity_hours"},
    "skills": {"skill"},
    "leave": {"first_day", "last_day"},
    "recusals": {"licence", "owner"},
    "teams": {"lead", "assistant"},
}
SKILL_WORDS: Final = {
    "生产": Skill.PRODUCTION,
    "食品生产": Skill.PRODUCTION,
    "流通": Skill.CIRCULATION,
    "食品流通": Skill.CIRCULATION,
    "销售": Skill.CIRCULATION,
    "食品销售": Skill.CIRCULATION,
    "餐饮": Skill.CATERING,
    "餐饮服务": Skill.CATERING,
    "特殊食品": Skill.SPECIAL_FOOD,
    "保健食品": Skill.SPECIAL_FOOD,
    **{skill.value: skill for skill in SKILLS},
}
LEAVE_WORDS: Final = {
    "请假": "leave",
    "休假": "leave",
    "年休假": "leave",
    "病假": "sick",
    "培训": "training",
    "借调": "secondment",
    "其他": "other",
    **{reason: reason for reason in LEAVE_REASONS},
}
_DATE: Final = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?|(\d{4})(\d{2})(\d{2})")
_DEGREES: Final = {"home_lat": 90.0, "home_lng": 180.0}


@dataclass(frozen=True)
class Wrong:
    """One wrong value: where it stands, what it is, and what was expected."""

    file: str
    row: int
    column: str
    value: str
    expected: Message | Parts

    @property
    def message(self) -> Message:
        """Everything in one line."""
        return Message(
            "%(file)s, row %(row)s, %(column)s: %(value)r: %(expected)s",
            file=self.file,
            row=self.row,
            column=self.column,
            value=self.value,
            expected=self.expected,
        )

    def __str__(self) -> str:
        """Tell it in one line, in English."""
        return str(self.message)

    def to_dict(self, translate: Translate = english) -> dict[str, Any]:
        """Return it as JSON takes it, what was expected in a language."""
        return {**vars(self), "expected": told(self.expected, translate)}


@dataclass(frozen=True)
class Row:
    """A row whose every value is right; ``columns`` are the names in the file."""

    file: str
    row: int
    values: dict[str, Any]
    columns: dict[str, str]

    def wrong(self, name: str, expected: Message | Parts) -> Wrong:
        """Tell that a value does not fit the other rows or the register."""
        value = self.values.get(name)
        return Wrong(self.file, self.row, self.columns.get(name, name), str(value or ""), expected)


@dataclass
class Tables:
    """Rows of each table in the order of the files, and what is wrong."""

    rows: dict[str, list[Row]] = field(default_factory=lambda: {name: [] for name in LAYOUTS})
    wrong: list[Wrong] = field(default_factory=list)


def read(paths: list[Path]) -> Tables:
    """Read files about inspectors and check every value by itself.

    Parameters
    ----------
    paths
        CSV files or workbooks.

    Returns
    -------
    Tables

    Raises
    ------
    InvalidInputError
        A file cannot be read at all.
    NotFoundError
        A file is not there.
    """
    tables = Tables()
    for path in paths:
        files.sha256(path)  # tells a file that is not there
        for sheet in _sheets(path):
            _read_table(path, sheet, tables)
    return tables


def write_template(path: Path, *, chinese: bool = True) -> None:
    """Write an empty workbook with one sheet for each table and its columns.

    Cells are formatted as text, so that a staff number keeps its zeros.

    Raises
    ------
    InvalidInputError
        There is no such directory.
    """
    if not path.parent.is_dir():
        raise InvalidInputError(
            "%(path)s: there is no directory %(parent)s", path=path, parent=path.parent
        )
    with xlsxwriter.Workbook(path) as book:
        text = book.add_format({"num_format": "@"})
        bold = book.add_format({"bold": True, "num_format": "@"})
        for kind, layout in LAYOUTS.items():
            sheet = book.add_worksheet(kind)
            sheet.set_column(0, len(layout) - 1, 22, text)
            for place, (name, title) in enumerate(layout.items()):
                sheet.write_string(0, place, title if chinese else name, bold)
            sheet.freeze_panes(1, 0)


def _sheets(path: Path) -> list[str | None]:
    if files.format_of(path) == "csv":
        return [None]
    if files.format_of(path) != "xlsx":
        raise InvalidInputError(
            "%(file)s: expected a CSV file or a workbook (.xlsx)", file=path.name
        )
    try:
        book = openpyxl.load_workbook(path, read_only=True)
    except (zipfile.BadZipFile, KeyError, OSError, ValueError) as error:
        raise InvalidInputError(
            "%(file)s is not a workbook: %(error)s", file=path.name, error=error
        ) from None
    try:
        filled = [
            sheet.title
            for sheet in book.worksheets
            if any(any(cells) for cells in sheet.iter_rows(max_row=1, values_only=True))
        ]
    finally:
        book.close()
    if not filled:
        raise InvalidInputError(
            "%(file)s: no sheet has column names in its first row", file=path.name
        )
    return list(filled)


def _read_table(path: Path, sheet: str | None, tables: Tables) -> None:
    where = path.name if sheet is None else f"{path.name} [{sheet}]"
    # a mapping is not needed: the columns are fixed
    source = Source.model_construct(layer=sheet)
    with readers.opened(path, source) as table:
        kind, columns = _layout(where, table.columns)
        tables.wrong.extend(
            Wrong(
                where,
                table.header_row,
                name,
                "",
                Message("a column of this name for %(kind)s", kind=kind),
            )
            for name in REQUIRED[kind]
            if name not in columns
        )
        unknown = [name for name in table.columns if name not in columns.values()]
        tables.wrong.extend(
            Wrong(where, table.header_row, name, "", _expected_columns(kind))
            for name in unknown
            if not re.fullmatch(r"column_\d+", name)
        )
        if any(name not in columns for name in REQUIRED[kind]):
            return
        for batch in table.batches:
            for cells in batch.iter_rows(named=True):
                _read_row(where, kind, columns, cells, tables)
        tables.wrong.extend(
            Wrong(where, number, "", text[:200], joined([expected]))
            for number, text, expected in table.broken
        )


def _layout(where: str, names: list[str]) -> tuple[str, dict[str, str]]:
    """Tell which table the columns make, and what each field's column is called."""
    best: tuple[str, dict[str, str]] | None = None
    highest = (False, 0)
    for kind, layout in LAYOUTS.items():
        found = {
            name: given
            for name, chinese in layout.items()
            for given in names
            if given.strip().lower() in {name, chinese}
        }
        rank = (found.keys() >= set(REQUIRED[kind]), len(found))
        if found.keys() & _TELLING[kind] and rank > highest:
            best, highest = (kind, found), rank
    if best is None:
        telling = joined(
            (joined((f"{kind}: ", _expected_columns(kind)), "") for kind in LAYOUTS), "; "
        )
        raise InvalidInputError(
            "%(where)s, row 1: no table has these columns; expected %(telling)s",
            where=where,
            telling=telling,
        )
    return best


def _expected_columns(kind: str) -> Message:
    columns = (f"{name} ({chinese})" for name, chinese in LAYOUTS[kind].items())
    return Message("one of %(words)s", words=", ".join(columns))


def _read_row(
    where: str, kind: str, columns: dict[str, str], cells: dict[str, Any], tables: Tables
) -> None:
    number = int(cells[readers.ROW])
    values: dict[str, Any] = {}
    before = len(tables.wrong)
    for name, column in columns.items():
        text = (cells[column] or "").strip("\ufeff\u00a0\u3000 \t\r\n")
        if not text and name in REQUIRED[kind]:
            tables.wrong.append(Wrong(where, number, column, "", Message("a value")))
        elif text:
            try:
                parse = _PARSERS.get(f"{kind}.{name}") or _PARSERS.get(name, _text)
                values[name] = parse(text)
            except ValueError as error:
                tables.wrong.append(Wrong(where, number, column, text[:200], joined([error])))
    row = Row(where, number, values, columns)
    if len(tables.wrong) == before:
        tables.wrong.extend(_contradictions(kind, row))
    if len(tables.wrong) == before:
        tables.rows[kind].append(row)


def _contradictions(kind: str, row: Row) -> Iterator[Wrong]:
    """Tell values of one row that do not fit each other."""
    has = row.values
    if kind == "inspectors" and ("home_lat" in has) != ("home_lng" in has):
        missing = "home_lng" if "home_lat" in has else "home_lat"
        yield row.wrong(missing, Message("both coordinates of the home, or neither"))
    if kind == "recusals" and ("licence" in has) == ("owner" in has):
        yield row.wrong("licence", Message("either a licence or an owner's credit code"))
    if kind == "teams" and has["lead"] == has["assistant"]:
        yield row.wrong("assistant", Message("somebody other than the lead"))
    for first, last in (("valid_from", "valid_to"), ("first_day", "last_day")):
        if first in has and last in has and has[last] < has[first]:
            yield row.wrong(last, Message("a day not before %(has)s", has=has[first]))


def period_of(row: Row, first: str = "valid_from", last: str = "valid_to") -> Period:
    """Return the days of a row: in files the last day belongs to them."""
    end = row.values.get(last)
    return Period(row.values.get(first), None if end is None else end + timedelta(days=1))


def _text(text: str) -> str:
    if any(ord(character) < 32 for character in text):  # noqa: PLR2004 - the first printable
        raise ValueError(Message("text without control characters"))
    return text


def _day(text: str) -> date:
    match = _DATE.fullmatch(text)
    parts = [] if match is None else [int(part) for part in match.groups() if part]
    try:
        year, month, day = parts
        return date(year, month, day)
    except ValueError:
        raise ValueError(Message("a day such as 2025-03-31, 2025/3/31 or 2025年3月31日")) from None


def _hours(text: str) -> float:
    try:
        hours = float(text.replace(",", ""))
    except ValueError:
        hours = -1.0
    if not 0 <= hours <= YEAR_HOURS:
        raise ValueError(Message("hours a year, from 0 to %(year_hours).0f", year_hours=YEAR_HOURS))
    return hours


def _degrees(most: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            degrees = float(text)
        except ValueError:
            degrees = float("nan")
        if not -most <= degrees <= most:
            raise ValueError(
                Message("decimal degrees from %(least).0f to %(most).0f", least=-most, most=most)
            )
        return degrees

    return parse


def _chosen(words: dict[str, Any]) -> Callable[[str], Any]:
    def parse(text: str) -> Any:
        if text.lower() not in words:
            raise ValueError(Message("one of %(words)s", words=", ".join(words)))
        return words[text.lower()]

    return parse


def _languages(text: str) -> tuple[str, ...]:
    try:
        return tuple(
            sorted({language_code(one) for one in re.split(r"[,;，；、/ ]+", text) if one})
        )
    except InvalidInputError as error:
        raise ValueError(joined([error])) from None


def owner_code(text: str) -> str:
    """Return an owner's credit code as the register writes it; see `CreditCode.parse`."""
    return str(CreditCode.parse(text))


def _owner(text: str) -> str:
    try:
        return owner_code(text)
    except InvalidInputError as error:
        raise ValueError(joined([error])) from None


_PARSERS: Final[dict[str, Callable[[str], Any]]] = {
    "capacity_hours": _hours,
    "languages": _languages,
    "home_lat": _degrees(_DEGREES["home_lat"]),
    "home_lng": _degrees(_DEGREES["home_lng"]),
    "skill": _chosen(SKILL_WORDS),
    "leave.reason": _chosen(LEAVE_WORDS),
    "owner": _owner,
    **dict.fromkeys(("left_on", "valid_from", "valid_to", "first_day", "last_day"), _day),
}

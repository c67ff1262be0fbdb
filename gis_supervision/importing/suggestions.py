"""First drafts of mapping files, by the names and the values of a file's columns."""

import re
from collections.abc import Callable, Sequence
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Final

import polars as pl

from gis_supervision.importing import readers
from gis_supervision.importing.fields import RecordName
from gis_supervision.importing.mapping import ISO_FORMATS, FindingRecord, Source
from gis_supervision.importing.readers import GEOMETRY

# names as offices write them; compared without case, spaces and signs
NAMES: Final[dict[RecordName, dict[str, str]]] = {
    "premises": {
        "licence": r"licen[cs]e(no|number|nbr|num|id)?|permit(no|number|id)?|camis|businessid|"
        r"facilityid|establishmentid|fhrsid|recordid|许可证(编)?号|营业执照号?|登记证号",
        "name": r"(dba|business|facility|establishment|premise|restaurant|program)?name|dba|"
        r"doingbusinessas(name)?|单位名称|企业名称|经营者名称|店名|名称",
        "trade_name": r"aka(name)?|tradename|招牌名?|商号",
        "credit_code": r"(unified)?(social)?creditcode|uscc|统一社会信用代码|信用代码",
        "category": r"facilitytype|businesstype|category|cuisine(description)?|type|"
        r"经营项目|主体业态|业态|类别",
        "risk_class": r"risk(level|class|category)?|风险等级|风险分级",
        "credit_class": r"creditclass|creditrating|信用等级|信用分类",
        "responsibility_tier": r"tier|包保等级|包保级别",
        "address": r"(street|site|full|business|facility|inspection)?address(line1)?|"
        r"经营场所|地址|住所",
        "division_code": r"divisioncode|adcode|行政区划(代)?码|区划代码",
        "lat": r"lat|latitude|y|纬度|businesslatitude",
        "lng": r"lng|lon|long|longitude|x|经度|businesslongitude",
        "opened_on": r"opened(on)?|licensestartdate|成立日期|发证日期",
        "closed_on": r"closed(on)?|注销日期",
    },
    "inspection": {
        "inspection_number": r"inspection(id|no|number|serial(num|number|no)?)|serialnumber|"
        r"visitid|检查编号|检查单号",
        "inspected_on": r"inspectiondate|activitydate|dateofinspection|inspected(on)?|"
        r"inspdate|检查日期|检查时间",
        "kind": r"inspectiontype|(inspection)?purpose|servicedescription|检查类型|检查方式",
        "result": r"results?|inspectionresult|grade|action|outcome|检查结果|检查结论",
    },
    "finding": {
        "item": r"violation(s|code|no|number|id|item)?|item(no)?|问题(编号|项)?|检查项",
        "severity": r"severity|criticalflag|violationcategory|严重程度",
        "times": r"n|count|times|points",
    },
    "complaint": {
        "complaint_number": r"complaint(id|no|number)|servicerequest(id|no|number)|"
        r"(投诉|举报|投诉举报|工单)(单)?(编)?号",
        "received_on": r"receiv(ed)?(date|on)|date(received|created)|creat(ed|ion)date|"
        r"(投诉|举报|登记|收到)(日期|时间)",
        "closed_on": r"clos(ed|ing)date|complet(ed|ion)date|dateclosed|(办结|结案)(日期|时间)",
        "kind": r"nature|complainttype|typeofservicerequest|(投诉|举报|问题)(类型|类别)",
        "licence": r"licen[cs]e(number|no|id)?|许可证(编)?号|营业执照号?",
        "lat": r"lat|latitude|纬度",
        "lng": r"lng|lon|long|longitude|经度",
    },
}
DATE_FORMATS: Final = (
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%d.%m.%Y",
    "%d-%m-%Y",
    "%Y年%m月%d日",
    "%Y.%m.%d",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %I:%M:%S %p",
    "%d %b %Y",
    "%b %d, %Y",
)
NO_DAYS: Final = (date(1900, 1, 1), date(1899, 12, 30), date(1, 1, 1), date(9999, 12, 31))
"""Days that stand for "none" where a column must have one."""

SEVERITIES: Final = (
    (r"not critical|non-?critical|minor|low|general|一般|轻微", "minor"),
    (r"critical|imminent|high|重大|极其严重", "critical"),
    (r"serious|major|priority|严重|较重", "serious"),
)
"""What offices call severities, the first that fits; others have to be looked at."""

NULLS: Final = ("N/A", "NA", "NULL", "null", "None", "-", "--", "无", "不详")
NO_COORDINATE: Final = ("0", "-9999", "-999", "-1")

_SAMPLE_BATCHES: Final = 1


def suggest(path: Path) -> str:
    """Draft a mapping for a file.

    Parameters
    ----------
    path
        Any file that can be imported.

    Returns
    -------
    str
        TOML, to be looked through: columns that were not recognised stand in a comment.

    Raises
    ------
    InvalidInputError
        The file cannot be read.
    """
    # any records do: only the columns are looked at
    bare = Source(finding=FindingRecord.model_validate({"item": "x", "inspection_number": "x"}))
    with readers.opened(path, bare) as table:
        frames = list(islice(table.batches, _SAMPLE_BATCHES))
        columns, datum = table.columns, table.datum
    rows = pl.concat(frames) if frames else pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
    shape = _shape(rows)
    stem = re.sub(r"\W+", "-", path.name.split(".")[0]).strip("-") or "source"
    source = re.sub(r"[^a-z0-9_]", "_", stem.lower())
    source = source if source[0].isalpha() else f"source_{source}"
    lines = [f"name = {_quoted(stem)}", f"datum = {_quoted(datum or 'WGS84')}", ""]
    lines += [f"[sources.{source}]", f"file = {_quoted(path.name)}"]
    nulls = [mark for mark in NULLS if _anywhere(rows, columns, mark)]
    lines += [f"null = [{', '.join(map(_quoted, ['', *nulls]))}]"]
    used: set[str] = set()
    complaint = _complaint(columns)
    if shape == "area":
        body = _division(source, columns, used)
    elif complaint:
        used.update(complaint)
        fields = {field: _column(rows, name, field) for name, field in complaint.items()}
        body = _section(source, "complaint", fields)
    else:
        body = _records(source, rows, columns, used, has_points=shape == "point")
    rest = [column for column in columns if column not in used]
    if rest:
        lines += [f"# not used: {', '.join(_quoted(column) for column in rest)}"]
    return "\n".join([*lines, *body]) + "\n"


def _records(
    source: str, rows: pl.DataFrame, columns: Sequence[str], used: set[str], *, has_points: bool
) -> list[str]:
    found: dict[RecordName, dict[str, str]] = {}
    for record in ("premises", "inspection", "finding"):
        names = NAMES[record]
        for field, pattern in names.items():
            column = _named(columns, pattern, used)
            if column is not None:
                used.add(column)
                found.setdefault(record, {})[field] = _column(rows, column, field)
    premises, inspection, finding = (
        found.get(record, {}) for record in ("premises", "inspection", "finding")
    )
    licence = premises.get("licence", '"?"')
    lines: list[str] = []
    is_premises = ("licence" in premises and "name" in premises) or not (inspection or finding)
    if is_premises:
        lines += _premises(source, premises, has_points=has_points)
    if "inspected_on" in inspection:
        lines += _inspection(source, inspection, licence, alone=not is_premises)
    if "item" in finding:
        if "inspected_on" not in inspection:
            finding["inspection_number"] = inspection.get("inspection_number", '"?"')
        lines += _section(source, "finding", finding)
    return lines


def _complaint(columns: Sequence[str]) -> dict[str, str]:
    """Tell which columns fill which fields of complaints; empty if the file has none."""
    used: set[str] = set()
    found: dict[str, str] = {}
    for field, pattern in NAMES["complaint"].items():
        column = _named(columns, pattern, used)
        if column is not None:
            used.add(column)
            found[column] = field
    if not {"complaint_number", "received_on"} <= set(found.values()):
        return {}
    if not {"lat", "lng"} <= set(found.values()):
        found = {column: field for column, field in found.items() if field not in {"lat", "lng"}}
    return found


def _inspection(source: str, fields: dict[str, str], licence: str, *, alone: bool) -> list[str]:
    if "inspection_number" not in fields:
        fields = {"inspection_number": _joined([licence, fields["inspected_on"]]), **fields}
    if alone:
        fields["licence"] = licence
    if "null = [" in fields["inspected_on"]:
        fields["optional"] = "true # a row without a day has no inspection"
    return _section(source, "inspection", fields)


def _premises(source: str, fields: dict[str, str], *, has_points: bool) -> list[str]:
    chosen = {"licence": '"?"', "name": '"?"', **fields}
    if ("lat" in chosen) != ("lng" in chosen):
        chosen = {name: text for name, text in chosen.items() if name not in {"lat", "lng"}}
    if has_points and "lat" not in chosen:
        chosen["geometry"] = "true"
    return _section(source, "premises", chosen)


def _division(source: str, columns: Sequence[str], used: set[str]) -> list[str]:
    code = _named(columns, r"(ad|area|division|geo)?code|adcode|.*num(ber)?|.*id|代码", used)
    name = _named(columns, r".*name|名称", used)
    used.update(column for column in (code, name) if column is not None)
    fields = {
        "code": _quoted(code or name or "?"),
        "name": _quoted(name or code or "?"),
        "level": '{ constant = "neighbourhood" } # or county, township, village',
        "geometry": "true",
    }
    return _section(source, "division", fields)


def _section(source: str, record: str, fields: dict[str, str]) -> list[str]:
    return ["", f"[sources.{source}.{record}]", *(f"{name} = {v}" for name, v in fields.items())]


def _named(columns: Sequence[str], pattern: str, used: set[str]) -> str | None:
    # in the order of the pattern: its first names are the likeliest
    for part in _alternatives(pattern):
        for column in columns:
            plain = re.sub(r"[\W_]+", "", column).lower()
            if column not in used and re.fullmatch(part, plain):
                return column
    return None


def _alternatives(pattern: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for index, sign in enumerate(pattern):
        depth += (sign == "(") - (sign == ")")
        if sign == "|" and depth == 0:
            parts.append(pattern[start:index])
            start = index + 1
    return [*parts, pattern[start:]]


def _column(rows: pl.DataFrame, column: str, field: str) -> str:
    values = rows.get_column(column).drop_nulls().str.strip_chars()
    values = values.filter(values != "")
    special: dict[str, Callable[[str, pl.Series], str | None]] = {
        "lat": _coordinate,
        "lng": _coordinate,
        "inspected_on": _day,
        "opened_on": _day,
        "closed_on": _day,
        "received_on": _day,
        "item": _items,
        "severity": _severity,
    }
    made = special[field](column, values) if field in special else None
    return made or _quoted(column)


def _coordinate(column: str, values: pl.Series) -> str | None:
    numbers = values.cast(pl.Float64, strict=False)
    marks = [mark for mark in NO_COORDINATE if (numbers == float(mark)).any()]
    if marks:
        return f"{{ column = {_quoted(column)}, null = [{', '.join(map(_quoted, marks))}] }}"
    return None


def _day(column: str, values: pl.Series) -> str | None:
    def share(how: str) -> int:
        if any(sign in how for sign in ("%H", "%I")):
            return values.str.to_datetime(how, strict=False).count()
        return values.str.to_date(how, strict=False).count()

    if not values.len():
        return None
    iso = max(ISO_FORMATS, key=share)
    known = share(iso) == values.len()
    best = iso if known else max(DATE_FORMATS, key=share)
    if not share(best):
        return None
    days = values.str.to_datetime(best, strict=False).dt.date()
    marks = values.filter(days.is_in(NO_DAYS)).unique(maintain_order=True).to_list()
    parts = [f"column = {_quoted(column)}"]
    if marks:
        parts.append(f"null = [{', '.join(map(_quoted, marks))}]")
    if not known:
        parts.append(f"formats = [{_quoted(best)}]")
    return f"{{ {', '.join(parts)} }}" if len(parts) > 1 else None


def _items(column: str, values: pl.Series) -> str | None:
    numbered = values.str.contains(r"^\d+\.\s").sum()
    if 2 * numbered > values.len():
        return f"{{ column = {_quoted(column)}, split = '\\s*\\|\\s*', pattern = '^(\\d+)\\.' }}"
    return None


def _severity(column: str, values: pl.Series) -> str | None:
    known = values.unique(maintain_order=True).head(12).to_list()
    named = {
        value: next(
            (severity for words, severity in SEVERITIES if re.search(words, value.lower())),
            "unclassified",
        )
        for value in known
    }
    pairs = ", ".join(f"{_quoted(value)} = {_quoted(named[value])}" for value in known)
    return f"{{ column = {_quoted(column)}, values = {{ {pairs} }} }}"


def _joined(columns: Sequence[str]) -> str:
    names = [re.sub(r'^\{ column = ("[^"]*").*', r"\1", column) for column in columns]
    return f'{{ columns = [{", ".join(names)}], separator = "-" }}'


def _anywhere(rows: pl.DataFrame, columns: Sequence[str], mark: str) -> bool:
    return any((rows.get_column(column) == mark).any() for column in columns)


def _shape(rows: pl.DataFrame) -> str | None:
    if GEOMETRY not in rows.columns:
        return None
    kinds = rows.get_column(GEOMETRY).drop_nulls().bin.slice(1, 1).unique().to_list()
    return "point" if kinds and set(kinds) <= {b"\x01", b"\x04"} else "area"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    escaped = re.sub(r"[\x00-\x1f\x7f]", lambda sign: f"\\u{ord(sign[0]):04x}", escaped)
    return f'"{escaped}"'

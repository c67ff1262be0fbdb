r"""Mapping files: how the columns of a source become records of the register.

A mapping is a TOML file. It names the source files and, for each, which column fills which field
of which record::

    name = "city-2024"
    datum = "wgs84"

    [sources.visits]
    file = "visits.csv"
    null = ["", "N/A"]

    [sources.visits.premises]
    licence = "Licence No."
    name = { column = "Name", fallback = { column = "Owner" } }
    lat = { column = "Lat", null = ["-9999", "0"] }
    lng = { column = "Lon", null = ["-9999", "0"] }
    risk_class = { column = "Risk", values = { "1" = "High", "2" = "Low" } }

    [sources.visits.inspection]
    inspection_number = "Visit"
    inspected_on = { column = "Day", formats = ["%m/%d/%Y"] }

    [sources.visits.finding]
    item = { column = "Notes", split = '\|', pattern = '^(\d+)\.' }
    severity_rules = [{ items = "1-14", severity = "critical" }]

One source may carry several kinds of records in each row, and several sources may be linked by
their keys. Mistakes are all told at once, each with its key and the nearest right name.
"""

import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from gis_supervision.domain.datums import Datum
from gis_supervision.domain.rule_errors import describe_errors
from gis_supervision.errors import InvalidInputError, NotFoundError
from gis_supervision.importing.fields import FIELDS, RECORDS, RecordName
from gis_supervision.messages import Message, joined

ISO_FORMATS = ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y/%m/%d", "%Y%m%d")
"""Date formats that are understood without being named: year, month, day, in this order."""


def _regular_expression(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(Message("not a regular expression: %(error)s", error=error)) from None
    return text


def _column(value: object) -> object:
    return {"column": value} if isinstance(value, str) else value


def _known_datum(name: str) -> str:
    try:
        return Datum.parse(name).name
    except NotFoundError as error:
        raise ValueError(joined([error])) from None


DatumName = Annotated[str, AfterValidator(_known_datum)]
Pattern = Annotated[str, AfterValidator(_regular_expression)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Column(_Strict):
    """Where the value of one field comes from.

    A plain string stands for ``{ column = "..." }``. Steps are taken in the order of the
    attributes below.
    """

    column: str | None = None
    """Name of the source column."""
    columns: Annotated[list[str], Field(min_length=1)] | None = None
    """Names of columns that are joined by `separator`; empty ones are left out."""
    separator: str = " "
    constant: str | int | float | bool | date | None = None
    """The same value in every row."""
    null: list[str] = []
    """Values that mean "none" in this column, besides those of the source."""
    split: Pattern | None = None
    """Where a cell with several values is divided (``finding.item`` only)."""
    pattern: Pattern | None = None
    """What to take from the value: the first group, or the whole match."""
    decimal: Literal[".", ","] = "."
    """Sign before the fraction of numbers."""
    formats: list[str] = []
    """Formats of dates as in strftime; ``excel`` is a day number of a spreadsheet."""
    values: dict[str, str] = {}
    """What to write for a value."""
    otherwise: Literal["reject", "keep", "null"] = "reject"
    """What becomes of a value that `values` or `pattern` does not know."""
    fallback: "Annotated[Column, BeforeValidator(_column)] | None" = None
    """Where to look when there is no value."""

    @model_validator(mode="after")
    def _one_origin(self) -> "Column":
        given = [self.column, self.columns, self.constant]
        if sum(origin is not None for origin in given) != 1:
            raise ValueError(Message("expected exactly one of column, columns and constant"))
        return self

    def names(self) -> list[str]:
        """Return the source columns that are read, those of fallbacks included."""
        own = [self.column] if self.column is not None else list(self.columns or [])
        return own + (self.fallback.names() if self.fallback is not None else [])


Source_ = Annotated[Column, BeforeValidator(_column)]


class SeverityRule(_Strict):
    """Severity of the items that a rule covers; the first rule that does decides."""

    items: str | None = None
    """Numbers and ranges such as ``"1-14, 70"``."""
    pattern: Pattern | None = None
    severity: Literal["critical", "serious", "minor", "unclassified"]

    @model_validator(mode="after")
    def _readable(self) -> "SeverityRule":
        if (self.items is None) == (self.pattern is None):
            raise ValueError(Message("expected exactly one of items and pattern"))
        self.ranges()
        return self

    def ranges(self) -> list[tuple[int, int]]:
        """Return the numbers that are covered, as closed ranges."""
        found = []
        for part in (self.items or "").split(","):
            text = part.strip()
            match = re.fullmatch(r"(\d+)(?:\s*-\s*(\d+))?", text)
            if match is not None:
                found.append((int(match[1]), int(match[2] or match[1])))
            elif self.items is not None:
                raise ValueError(Message("not a number or range such as 1-14: %(text)r", text=text))
        return found


class DivisionRecord(_Strict):
    """Columns of administrative areas."""

    code: Source_
    name: Source_
    level: Source_
    kind: Source_ | None = None
    parent_code: Source_ | None = None
    external: Source_ | None = None
    valid_from: Source_ | None = None
    successor_code: Source_ | None = None
    succeeded_on: Source_ | None = None
    geometry: bool = False
    """Whether the shapes of the file are the outlines."""


class Located(_Strict):
    """Columns of a point: a pair of coordinates, or the shapes of the file."""

    lat: Source_ | None = None
    lng: Source_ | None = None
    x: Source_ | None = None
    y: Source_ | None = None
    geometry: bool = False
    """Whether the points of the file are the locations."""

    @model_validator(mode="after")
    def _one_pair(self) -> Self:
        if (self.lat is None) != (self.lng is None):
            raise ValueError(Message("lat and lng go together"))
        if (self.x is None) != (self.y is None):
            raise ValueError(Message("x and y go together"))
        if sum([self.lat is not None, self.x is not None, self.geometry]) > 1:
            raise ValueError(Message("expected one of lat and lng, x and y, geometry"))
        return self


class PremisesRecord(Located):
    """Columns of premises."""

    licence: Source_
    name: Source_
    trade_name: Source_ | None = None
    credit_code: Source_ | None = None
    category: Source_ | None = None
    risk_class: Source_ | None = None
    credit_class: Source_ | None = None
    responsibility_tier: Source_ | None = None
    address: Source_ | None = None
    division_code: Source_ | None = None
    external: Source_ | None = None
    opened_on: Source_ | None = None
    closed_on: Source_ | None = None
    duplicates: Literal["last", "reject"] | None = None
    """What becomes of rows with the same key and other values. Left out: the last one counts where
    the source also has inspections (ordered by them), else the later row is rejected."""


class InspectionRecord(_Strict):
    """Columns of inspections."""

    inspection_number: Source_
    licence: Source_ | None = None
    """Left out where the same source has the premises."""
    inspected_on: Source_
    kind: Source_ | None = None
    channel: Source_ | None = None
    result: Source_ | None = None
    optional: bool = False
    """Whether a row without number or day merely has no inspection."""


class FindingRecord(_Strict):
    """Columns of findings."""

    inspection_number: Source_ | None = None
    """Left out where the same source has the inspection."""
    item: Source_ | None = None
    items_from: Pattern | None = None
    """Instead of `item`: names of columns that stand for one item each (the first group, or the
    whole name); a cell says how often it was found, or yes or no."""
    severity: Source_ | None = None
    severity_rules: list[SeverityRule] = []
    times: Source_ | None = None
    optional: bool | None = None
    """Whether a row without item merely has no finding. Left out: yes where the same source has
    the inspection, or where cells are divided."""
    complete: bool = False
    """Whether the source names every finding of the inspections in it, so that others go."""

    @model_validator(mode="after")
    def _one_origin(self) -> "FindingRecord":
        if (self.item is None) == (self.items_from is None):
            raise ValueError(Message("expected exactly one of item and items_from"))
        if self.severity is not None and self.severity_rules:
            raise ValueError(Message("expected at most one of severity and severity_rules"))
        return self


class ComplaintRecord(Located):
    """Columns of complaints and reports from the public; who made them is never read."""

    complaint_number: Source_
    received_on: Source_
    closed_on: Source_ | None = None
    kind: Source_ | None = None
    licence: Source_ | None = None
    """Of the premises that is complained of; it need not be in the register."""


class RowFilter(_Strict):
    """Rows by the values of a column; ``""`` stands for none."""

    column: str
    values: Annotated[list[str], Field(min_length=1)]


class Source(_Strict):
    """One file, or one sheet or layer of it."""

    file: str | None = None
    """Path, relative to the mapping; can be given with the command instead."""
    format: (
        Literal["csv", "xlsx", "geojson", "gpkg", "shapefile", "flatgeobuf", "geoparquet"] | None
    ) = None
    """Left out: told by the file's name."""
    layer: str | None = None
    """Sheet of a workbook, layer of a GeoPackage, member of a zip archive. Left out: the first."""
    encoding: str | None = None
    """Left out: UTF-8, else GB18030, else Latin-1, by what the file holds."""
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    """Left out: the one of comma, semicolon, tab and bar that the header has most of."""
    header_row: Annotated[int, Field(ge=1)] = 1
    """Row that holds the column names, as a spreadsheet counts."""
    null: list[str] = [""]
    """Values that mean "none" in every column."""
    datum: DatumName | None = None
    """Datum of this source's coordinates, where it is another than the mapping's."""
    skip: list[RowFilter] = []
    """Rows to leave out: those where a column has one of the values."""
    keep: list[RowFilter] = []
    """Rows to leave in: those where each column has one of the values."""
    division: DivisionRecord | None = None
    premises: PremisesRecord | None = None
    inspection: InspectionRecord | None = None
    finding: FindingRecord | None = None
    complaint: ComplaintRecord | None = None

    @model_validator(mode="after")
    def _linked(self) -> "Source":
        if not self.records():
            raise ValueError(
                Message("expected at least one of %(records)s", records=", ".join(RECORDS))
            )
        for name, alone in (("divisions", self.division), ("complaints", self.complaint)):
            if alone is not None and len(self.records()) > 1:
                raise ValueError(Message("%(name)s need a source of their own", name=name))
        if self.inspection is not None and self.inspection.licence is None and not self.premises:
            raise ValueError(Message("inspection.licence is needed: the source has no premises"))
        if self.finding is not None and not self.finding.inspection_number and not self.inspection:
            raise ValueError(
                Message("finding.inspection_number is needed: the source has no inspection")
            )
        for record, name, column in self.columns():
            if column.split is not None and (record, name) != ("finding", "item"):
                raise ValueError(
                    Message(
                        "%(record)s.%(name)s.split: only finding.item can be divided",
                        record=record,
                        name=name,
                    )
                )
        return self

    def located(self) -> Literal["premises", "complaint"] | None:
        """Return the kind of record whose points a row may hold."""
        if self.premises is not None:
            return "premises"
        return None if self.complaint is None else "complaint"

    def records(self) -> list[RecordName]:
        """Return the kinds of records that a row holds, parents first."""
        return [name for name in RECORDS if getattr(self, name) is not None]

    def columns(self) -> list[tuple[RecordName, str, Column]]:
        """Return record, field and origin of every field that is filled."""
        found: list[tuple[RecordName, str, Column]] = []
        for record in self.records():
            model = getattr(self, record)
            for name in FIELDS[record]:
                column = getattr(model, name, None)
                if isinstance(column, Column):
                    found.append((record, name, column))
        return found


class Mapping(_Strict):
    """How the files of one origin become records."""

    name: Annotated[str, Field(pattern=r"^[\w.-]+$")]
    title: str | None = None
    datum: DatumName | None = None
    """``WGS84``, ``CGCS2000``, ``GCJ-02``, ``BD-09`` or ``EPSG:n``. Left out: WGS84, or what a
    geographic file says of itself."""
    sources: Annotated[dict[Name, Source], Field(min_length=1)]


Column.model_rebuild()


def parse(text: str, *, origin: str = "mapping") -> Mapping:
    """Read the text of a mapping file.

    Parameters
    ----------
    text
        TOML.
    origin
        Name of the file, for messages.

    Returns
    -------
    Mapping

    Raises
    ------
    InvalidInputError
        The text is no TOML, or not a mapping; all mistakes are named.
    """
    try:
        data: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInputError(
            "%(origin)s: not TOML: %(error)s", origin=origin, error=error
        ) from None
    try:
        return Mapping.model_validate(data)
    except ValidationError as error:
        mistakes = joined(joined(("  ", line), "") for line in describe_errors(error, Mapping))
        raise InvalidInputError(
            "%(origin)s is not a mapping:\n%(mistakes)s", origin=origin, mistakes=mistakes
        ) from None


def load(path: Path) -> Mapping:
    """Read a mapping file.

    Parameters
    ----------
    path
        The TOML file.

    Returns
    -------
    Mapping

    Raises
    ------
    NotFoundError
        There is no such file.
    InvalidInputError
        It is not a mapping; all mistakes are named.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise NotFoundError("no mapping file %(path)s", path=path) from None
    except UnicodeDecodeError:
        raise InvalidInputError("%(path)s: a mapping file is UTF-8", path=path) from None
    return parse(text, origin=path.name)

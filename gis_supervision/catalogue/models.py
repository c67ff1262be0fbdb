"""What a layer file and a map file may say: strict models, nothing unknown passes.

A layer is one short SELECT from schema ``map`` with everything that people need to read its
result: titles, units, what a missing value means, classes and colours, filters. A map report is a
list of layers with filters and lists. Both are read from TOML by `gis_supervision.catalogue.load`.
"""

from __future__ import annotations

from datetime import date  # noqa: TC003 - pydantic reads the annotations
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from gis_supervision.language import Language  # noqa: TC001 - pydantic reads the annotations

NAME_PATTERN = r"^[a-z][a-z0-9_]{0,62}$"

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
Color = Annotated[str, StringConstraints(pattern=r"^#[0-9a-f]{6}$", to_lower=True)]
Scalar = bool | int | float | str
Type = Literal["text", "integer", "number", "date", "boolean"]
Audience = Literal["supervisor", "dispatcher", "planner", "inspector", "public"]

COUNTABLE: tuple[Type, ...] = ("integer", "number", "date")
"""Types whose values have an order that ranges and breaks can use."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Text(_Strict):
    """One text in both languages."""

    en: Annotated[str, Field(min_length=1)]
    zh_CN: Annotated[str, Field(min_length=1)]  # noqa: N815 - the name of the language

    def to(self, language: Language) -> str:
        """Return the text in a language."""
        return self.zh_CN if language == "zh_CN" else self.en


class Value(_Strict):
    """One code of a coded attribute, with its meaning, colour and the pattern drawn on it."""

    value: Scalar
    title: Text
    color: Color | None = None
    pattern: Literal["lines", "cross", "dots"] | None = None


class Attribute(_Strict):
    """One column that leaves the database with the layer."""

    title: Text
    type: Type
    null: Text | Literal["never"]
    unit: Text | None = None
    format: Literal["plain", "percent"] = "plain"
    decimals: Annotated[int, Field(ge=0, le=9)] = 0
    values: tuple[Value, ...] = ()

    def value_title(self, value: object, language: Language) -> str | None:
        """Return the meaning of a code, None where it is not declared."""
        return next(
            (known.title.to(language) for known in self.values if known.value == value), None
        )


Known = Annotated[str, StringConstraints(pattern=r"^map\.[a-z_0-9]+\.[a-z_0-9]+$")]
"""A column of a view of schema ``map``."""


class Parameter(_Strict):
    """A value that the layer's SELECT takes, as ``:name``.

    ``known`` is the column that has every value there is: what is not there is answered as not
    found.
    """

    title: Text
    type: Literal["date", "integer", "number", "text"]
    default: Scalar | date | None = None
    optional: bool = False
    minimum: float | None = None
    maximum: float | None = None
    known: Known | None = None


class Filter(_Strict):
    """A choice that readers have: some of an attribute's values, or a range of them.

    ``known`` as that of a parameter.
    """

    type: Literal["choice", "range"]
    attribute: Name
    title: Text | None = None
    breaks: tuple[float | date, ...] = ()
    default: tuple[Scalar, ...] | str | None = None
    known: Known | None = None


class Look(_Strict):
    """How one class is drawn."""

    title: Text
    color: Color
    hatch: bool = False


class Special(Look):
    """A class that is drawn apart, for features that have all of these values."""

    where: Annotated[dict[Name, Scalar], Field(min_length=1)]


class Style(_Strict):
    """Classes of one attribute: its declared values, or fixed breaks with one colour more.

    A value belongs to the first class whose upper break it lies below: breaks 10 and 20 make
    "under 10", "10 to under 20" and "20 or more".
    """

    attribute: Name
    title: Text | None = None
    breaks: tuple[float | date, ...] = ()
    colors: tuple[Color, ...] = ()
    no_data: Look | None = None
    special: tuple[Special, ...] = ()


class Geometry(_Strict):
    """The geometry column; coordinates are degrees of WGS84, which stands for CGCS2000 too."""

    column: Name
    type: Literal["point", "line", "polygon"]
    srid: Literal[4326] = 4326


class Group(_Strict):
    """Features that belong to one thing at one place, such as the hazards of a premises."""

    by: Name
    title: Name
    attributes: tuple[Name, ...] = ()


class Time(_Strict):
    """What turns a layer into one of steps, through which a map's slider leads.

    A thing named by ``of`` has one row for each day of ``attribute`` (the end of a step) that it
    is known for, and the same place in all of them.
    """

    attribute: Name
    of: Name


class Note(_Strict):
    """A remark that the legend shows when a feature has all of these values."""

    text: Text
    where: dict[Name, Scalar] = Field(default_factory=dict)


class Layer(_Strict):
    """One layer; its name is that of its file.

    The legend states the attributes of ``stated``: numbers summed up, days from the first to the
    last, texts where all are the same.
    """

    name: Name
    title: Text
    description: Text
    audience: Annotated[tuple[Audience, ...], Field(min_length=1)]
    query: Annotated[str, Field(min_length=1)]
    key: Name
    geometry: Geometry | None = None
    parameters: dict[Name, Parameter] = Field(default_factory=dict)
    attributes: Annotated[dict[Name, Attribute], Field(min_length=1)]
    styles: tuple[Style, ...] = ()
    filters: dict[Name, Filter] = Field(default_factory=dict)
    group: Group | None = None
    time: Time | None = None
    stated: tuple[Name, ...] = ()
    label: tuple[Name, ...] = ()
    age: Name | None = None
    empty: Text | None = None
    notes: tuple[Note, ...] = ()

    def filter_title(self, name: str) -> Text:
        """Return the title of a filter: its own, else that of its attribute."""
        chosen = self.filters[name]
        return chosen.title or self.attributes[chosen.attribute].title


class MapLayer(_Strict):
    """One layer in a map, drawn above those before it.

    Of the layers with the same ``switch`` one is shown at a time.
    """

    layer: Name
    title: Text | None = None
    visible: bool = True
    switch: Name | None = None
    draw: Literal["classes", "outline", "ground"] = "classes"
    label: bool = False
    legend: bool = True
    attributes: tuple[Name, ...] | None = None


class MapList(_Strict):
    """A table beside the map; a row leads to its feature."""

    title: Text
    layer: Name
    columns: Annotated[tuple[Name, ...], Field(min_length=1)]
    where: dict[Name, Scalar] = Field(default_factory=dict)
    order_by: tuple[Annotated[str, StringConstraints(pattern=r"^-?[a-z][a-z0-9_]*$")], ...] = ()
    limit: Annotated[int, Field(ge=1, le=10_000)] | None = None


class Share(_Strict):
    """One sum as a share of another, in percent."""

    title: Text
    part: Name
    whole: Name


class Totals(_Strict):
    """The figures at the head of a map: features by class, or sums of attributes."""

    layer: Name
    by: Name | None = None
    sum: tuple[Name, ...] = ()
    shares: tuple[Share, ...] = ()


class Map(_Strict):
    """One map report; its name is that of its file."""

    name: Name
    title: Text
    description: Text
    audience: Annotated[tuple[Audience, ...], Field(min_length=1)]
    layers: Annotated[tuple[MapLayer, ...], Field(min_length=1)]
    totals: Totals | None = None
    filters: tuple[Name, ...] = ()
    lists: tuple[MapList, ...] = ()
    notes: tuple[Text, ...] = ()

    def uses(self) -> tuple[str, ...]:
        """Return the names of all layers that the map draws, lists or sums up, each once."""
        listed = [*(part.layer for part in self.layers), *(table.layer for table in self.lists)]
        return tuple(dict.fromkeys([*listed, *([self.totals.layer] if self.totals else [])]))


class Catalogue(_Strict):
    """All layers and maps that were read."""

    layers: dict[str, Layer]
    maps: dict[str, Map]

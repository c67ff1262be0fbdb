"""The fields of the register that a source column can fill, with what each of them accepts."""

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["text", "number", "integer", "date", "flag", "choice", "geometry"]
RecordName = Literal["division", "premises", "inspection", "finding", "complaint"]

RECORDS: Final[tuple[RecordName, ...]] = (
    "division",
    "premises",
    "inspection",
    "finding",
    "complaint",
)
"""Kinds of records, parents first."""


@dataclass(frozen=True)
class Field:
    """What one field accepts.

    Attributes
    ----------
    kind
        Type of the value.
    required
        Whether every record needs a value.
    longest
        Most characters of a text.
    choices
        The values of a choice.
    low, high
        Smallest and largest number.
    """

    kind: Kind = "text"
    required: bool = False
    longest: int = 500
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None


_KEY: Final = Field(required=True, longest=120)
_CLASS: Final = Field(longest=60)
_PAIR: Final = {
    "lat": Field("number", low=-90, high=90),
    "lng": Field("number", low=-180, high=180),
    "x": Field("number"),
    "y": Field("number"),
}

FIELDS: Final[dict[RecordName, dict[str, Field]]] = {
    "division": {
        "code": _KEY,
        "name": Field(required=True, longest=200),
        "level": Field(
            "choice", required=True, choices=("county", "township", "village", "neighbourhood")
        ),
        "kind": Field(longest=60),
        "parent_code": Field(longest=120),
        "external": Field("flag"),
        "valid_from": Field("date"),
        "successor_code": Field(longest=120),
        "succeeded_on": Field("date"),
        "geometry": Field("geometry"),
    },
    "premises": {
        "licence": _KEY,
        "name": Field(required=True, longest=300),
        "trade_name": Field(longest=300),
        "credit_code": Field(longest=18),
        "category": Field(longest=200),
        "risk_class": _CLASS,
        "credit_class": _CLASS,
        "responsibility_tier": _CLASS,
        "address": Field(longest=500),
        "division_code": Field(longest=120),
        **_PAIR,
        "external": Field("flag"),
        "opened_on": Field("date"),
        "closed_on": Field("date"),
    },
    "inspection": {
        "inspection_number": _KEY,
        "licence": _KEY,
        "inspected_on": Field("date", required=True),
        "kind": Field(longest=200),
        "channel": Field("choice", choices=("on_site", "online")),
        "result": Field(longest=200),
    },
    "finding": {
        "inspection_number": _KEY,
        "item": Field(required=True, longest=60),
        "severity": Field("choice", choices=("critical", "serious", "minor", "unclassified")),
        "times": Field("integer", low=1, high=100_000),
    },
    "complaint": {
        "complaint_number": _KEY,
        "received_on": Field("date", required=True),
        "closed_on": Field("date"),
        "kind": Field(longest=200),
        "licence": Field(longest=120),
        **_PAIR,
    },
}
"""Fields of each kind of record. ``x`` and ``y`` are easting and northing of a projected datum."""

KEYS: Final[dict[RecordName, tuple[str, ...]]] = {
    "division": ("code",),
    "premises": ("licence",),
    "inspection": ("inspection_number",),
    "finding": ("inspection_number", "item"),
    "complaint": ("complaint_number",),
}
"""What makes a record the same record."""

"""What an office knows of its premises: visits with what they found, and complaints.

Pure tables; `gis_supervision.storage.risk_history` reads those of a register. Days are days since
1970-01-01. Hazards are those that a visit itself recorded, so nothing that was learnt later about a
hazard is in a row of an earlier day.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, TypeAlias

import polars as pl

ROUTINE, FOLLOW_UP, COMPLAINT, OTHER = "routine", "follow_up", "complaint", "other"

PURPOSES: tuple[tuple[str, str], ...] = (
    (FOLLOW_UP, r"re-?\s?inspection|follow.?up|复查|复检|回访"),
    (COMPLAINT, r"complain|suspected|poisoning|\bsfp\b|投诉|举报"),
    (OTHER, r"licen[cs]|consultation|task force|recent|non-?inspection|not ready|no entry"),
    (OTHER, r"tag removal|out of business|special event|liquor|sample|许可|抽样|培训"),
)
"""What the kind of a visit says about its purpose; the first pattern that is found decides."""

FAILED = r"^fail|not? pass|不合格|不通过|未通过"
"""Results that are a failure."""

Columns: TypeAlias = dict[Any, Any]
"""Names and types of columns, as polars takes them."""

VISITS: Columns = {
    "place": pl.Int64,
    "day": pl.Int64,
    "purpose": pl.String,
    "critical": pl.Int64,
    "serious": pl.Int64,
    "minor": pl.Int64,
    "failed": pl.Boolean,
    "group": pl.String,
}
COMPLAINTS: Columns = {"place": pl.Int64, "day": pl.Int64, "lat": pl.Float64, "lng": pl.Float64}
PLACES: Columns = {
    "lat": pl.Float64,
    "lng": pl.Float64,
    "category": pl.String,
    "risk_class": pl.String,
    "name": pl.String,
    "opened": pl.Int64,
}


@dataclass(frozen=True)
class History:
    """Everything that a risk order is made of.

    Attributes
    ----------
    places
        One row per premises: ``lat``, ``lng`` (decimal degrees, null where not located),
        ``category``, ``risk_class``, ``name``, ``opened`` (day of the licence); null is unknown.
    visits
        One row per visit in the order of the register: ``place`` (row of ``places``), ``day``,
        ``purpose`` (`purpose_of`), numbers of ``critical``, ``serious`` and ``minor`` hazards
        (null where the result is not known), ``failed``, ``group`` (of the inspector, or null).
    complaints
        ``place`` (null where it names no premises), ``day``, ``lat``, ``lng`` (null: no point).
    by_area
        Whether ``group`` is the area of the premises, which stands for inspectors that are not
        recorded. Hazards of neighbours then count only above those of the wider surroundings.
    """

    places: pl.DataFrame
    visits: pl.DataFrame
    complaints: pl.DataFrame
    by_area: bool = False

    def without_groups(self) -> History:
        """Return the same as it would be known if no inspector was recorded."""
        nobody = pl.lit(None, dtype=pl.String).alias("group")
        return History(self.places, self.visits.with_columns(nobody), self.complaints)

    def until(self, day: int) -> History:
        """Return what was known before a day."""
        return History(
            self.places,
            self.visits.filter(pl.col("day") < day),
            self.complaints.filter(pl.col("day") < day),
            self.by_area,
        )


def purpose_of(kind: str | None) -> str:
    """Tell the purpose of a visit from its kind as the office writes it; unknown is routine.

    Parameters
    ----------
    kind
        Such as ``"Canvass Re-Inspection"`` or ``"投诉举报检查"``.

    Returns
    -------
    str
        ``"routine"``, ``"follow_up"``, ``"complaint"`` or ``"other"``.
    """
    for purpose, pattern in PURPOSES:
        if kind and re.search(pattern, kind, re.IGNORECASE):
            return purpose
    return ROUTINE


def purposes(kinds: pl.Series) -> pl.Series:
    """Tell the purposes of many visits."""
    known = {kind: purpose_of(kind) for kind in kinds.unique()}
    return pl.Series("purpose", [known[kind] for kind in kinds], dtype=pl.String)


def failures(results: pl.Series) -> pl.Series:
    """Tell which results are failures; an unknown result stays null."""
    return results.str.to_lowercase().str.contains(FAILED).alias("failed")

"""What an import did, or would do."""

from dataclasses import dataclass, field
from typing import Any, Final, Literal

from gis_supervision.library_texts import recognised
from gis_supervision.messages import Message, Translate, english, told

KEPT_REJECTIONS: Final = 10_000
"""Rejected values that a report holds; the count is always that of all."""


SET_REASONS: Final = frozenset({"duplicate", "no_parent", "before_opening"})
"""Reasons that only show when all rows are seen together."""


_EXPECTED: Final = (
    Message("row %(row)s", row=""),
    Message("%(low)s to %(high)s", low="", high=""),
    Message("%(count)s cells, found %(found)s", count="", found=""),
    Message("(did you mean %(name)s?)", name=""),
    Message("premises"),
    Message("inspection"),
)
"""What is expected in words; anything else is a code, a format or a list of values."""


@dataclass(frozen=True)
class Rejection:
    """One wrong value.

    Attributes
    ----------
    file
        Name of the file.
    row
        As a spreadsheet counts it; features of geographic files count from 1.
    column
        Name in the file, None where the whole row is meant.
    value
        What stands there.
    reason
        Key of `gis_supervision.importing.values.REASONS`.
    expected
        What was expected.
    """

    source: str
    file: str
    row: int
    column: str | None
    value: str | None
    reason: str
    expected: str

    def expected_in(self, translate: Translate) -> str:
        """Return what was expected in a language; it is kept in English."""
        return str(told(recognised(self.expected, _EXPECTED), translate))


@dataclass(frozen=True)
class ImportReport:
    """What an import did, or would do.

    Attributes
    ----------
    status
        ``imported``; ``unchanged`` (the same content is in the register already); ``refused``
        (rows were rejected and the mode does not allow it: nothing was written); ``dry_run``.
    batch_id
        Number of the batch; None where nothing was written. With ``unchanged`` it is that of the
        earlier batch in `earlier_batch_id`.
    counts
        ``rows`` (read, skipped, rejected, repeated) and, for each kind of record, new, changed,
        unchanged and withdrawn.
    rejections
        Wrong values by file and row, at most `KEPT_REJECTIONS`.
    notes
        What was mended or is worth knowing.
    """

    status: Literal["imported", "unchanged", "refused", "dry_run"]
    mapping: str
    files: dict[str, str]
    batch_id: int | None
    earlier_batch_id: int | None = None
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    rejections: tuple[Rejection, ...] = ()
    notes: tuple[Message, ...] = ()

    @property
    def rejected(self) -> int:
        """Number of rows that were rejected."""
        return self.counts.get("rows", {}).get("rejected", 0)

    def to_dict(self, translate: Translate = english) -> dict[str, Any]:
        """Return the report as JSON takes it, notes and what was expected in a language."""
        return {
            **vars(self),
            "rejections": [
                {**vars(one), "expected": one.expected_in(translate)} for one in self.rejections
            ],
            "notes": [note.translated(translate) for note in self.notes],
        }

"""Why an inspector was chosen for a zone, or was not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from gis_supervision.domain.inspectors import REFUSALS, Refusal
from gis_supervision.language import gettext_noop

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gis_supervision.language import Translator

Pattern = tuple[str, str]

CHOSEN_BEST: Final[Pattern] = (
    "chosen_best",
    gettext_noop("Chosen: the least cost of the %(count)d who may have this zone."),
)
CHOSEN_OVERALL: Final[Pattern] = (
    "chosen_overall",
    gettext_noop(
        "Chosen: the total of all zones is least so; %(count)d of less cost here serve other zones."
    ),
)
NOBODY_ALLOWED: Final[Pattern] = (
    "nobody_allowed",
    gettext_noop("Nobody: each of the %(count)d inspectors is excluded from this zone."),
)
NOBODY_LEFT: Final[Pattern] = (
    "nobody_left",
    gettext_noop(
        "Nobody: too few inspectors; the %(count)d who may have this zone serve other zones."
    ),
)
DEARER: Final[Pattern] = (
    "dearer",
    gettext_noop("Not chosen: the total of all zones would rise by %(extra).3f."),
)
SERVES_ELSEWHERE: Final[Pattern] = (
    "serves_elsewhere",
    gettext_noop("Not chosen: serves %(zone)s; the total would rise by %(extra).3f otherwise."),
)
WOULD_LEAVE_A_ZONE: Final[Pattern] = (
    "would_leave_a_zone",
    gettext_noop("Not chosen: serves %(zone)s; one zone more would have nobody otherwise."),
)
SUBSTITUTES: Final[Pattern] = (
    "substitutes",
    gettext_noop("Recused from premises here (number: %(count)d), which others take: %(named)s."),
)
RECUSED_HERE: Final = gettext_noop(
    "Excluded: recused from premises in this zone (number: %(count)d)."
)
EXCLUDED: Final = gettext_noop("Excluded: %(why)s.")


@dataclass(frozen=True)
class Reason:
    """A code, an English text with named placeholders to be translated, and their values.

    ``parts`` are texts to be translated themselves, joined as the placeholder ``why``; ``more``
    is said after it.
    """

    code: str
    message: str
    values: Mapping[str, object] = field(default_factory=dict)
    parts: tuple[str, ...] = ()
    more: Reason | None = None

    @classmethod
    def excluded(cls, reasons: Sequence[Refusal], premises: int) -> Reason:
        """Make the reason for a hard exclusion."""
        first = reasons[0]
        if first is Refusal.RECUSED:
            return cls(first.value, RECUSED_HERE, {"count": premises})
        return cls(first.value, EXCLUDED, parts=tuple(REFUSALS[one] for one in reasons))

    def text(self, translate: Translator) -> str:
        """Return the reason in a language."""
        values = dict(self.values)
        if self.parts:
            values["why"] = "; ".join(translate(part) for part in self.parts)
        told = translate(self.message, **values)
        return told if self.more is None else f"{told} {self.more.text(translate)}"

    def __str__(self) -> str:
        """Return the English text."""
        values = dict(self.values) | ({"why": "; ".join(self.parts)} if self.parts else {})
        return self.message % values + ("" if self.more is None else f" {self.more}")

    def to_dict(self) -> dict[str, Any]:
        """Return code and English text as JSON takes them."""
        return {"reason": self.code, "why": str(self)}

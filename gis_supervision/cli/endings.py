"""What was ended of an inspector before its time, as a table."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from gis_supervision.cli.terminal import print_table
from gis_supervision.domain.inspectors import SKILL_NAMES, Skill
from gis_supervision.language import gettext_noop

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gis_supervision.domain.inspectors import Period
    from gis_supervision.language import Translator
    from gis_supervision.storage.endings import Ending

ENDED = {
    "certificate": gettext_noop("certificate"),
    "leave": gettext_noop("leave"),
    "recusal": gettext_noop("recusal"),
    "team": gettext_noop("team"),
}
"""What people call what can be ended."""


def print_endings(ended: Sequence[Ending], _: Translator, *, personal: bool) -> None:
    """Print who ended what and when; the reason of leave only where ``personal``."""
    if ended:
        print_table(
            _("Ended before its time"),
            (_("What"), _("Of what"), _("Days"), _("Over from"), _("Ended by"), _("When")),
            [
                (
                    _(ENDED[e.what]),
                    _target(e, _, personal=personal),
                    days_of(e.period),
                    e.ended_on,
                    e.ended_by,
                    f"{e.ended_at:%Y-%m-%d %H:%M}",
                )
                for e in ended
            ],
        )


def days_of(period: Period) -> str:
    """Return first and last day as people read them."""
    last = "" if period.end is None else str(period.end - timedelta(days=1))
    return f"{period.first or ''} – {last}"


def _target(ending: Ending, _: Translator, *, personal: bool) -> str:
    if ending.what == "certificate":
        return _(SKILL_NAMES[Skill(ending.target)])
    if ending.what != "leave":
        return ending.target
    told = [ending.target] if personal else []
    if ending.proposal is not None:
        told.append(_("proposal %(number)d", number=ending.proposal))
    return ", ".join(told)

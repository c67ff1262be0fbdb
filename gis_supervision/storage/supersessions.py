"""Why a proposal ended by another one: its history keeps it in English, readers have a language."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from gis_supervision.library_texts import recognised
from gis_supervision.messages import Message, Parts, joined

if TYPE_CHECKING:
    from collections.abc import Sequence

NAMED: Final = 5
"""Most changes that are named one by one."""

_BY = Message(
    "by proposal %(proposal)s, which %(actor)s accepted and which changes %(changed)s",
    proposal="",
    actor="",
    changed="",
)
_CELLS = Message("cells %(codes)s", codes="")
_MORE_CELLS = Message("cells %(codes)s and %(count)s more", codes="", count="")
_ZONES = Message("zones %(codes)s", codes="")
_MORE_ZONES = Message("zones %(codes)s and %(count)s more", codes="", count="")
_ABSENCE = Message("the absence of %(staff_number)s", staff_number="")
_CHANGED = (_MORE_CELLS, _CELLS, _MORE_ZONES, _ZONES, _ABSENCE)
_NEXT = re.compile(r" and (?=cells |zones |the absence of )")


def reason(
    proposal: int,
    actor: str,
    *,
    cells: Sequence[str] = (),
    zones: Sequence[str] = (),
    absent: str | None = None,
) -> Message:
    """Say which proposal made another one impossible.

    Parameters
    ----------
    proposal, actor
        The one that was accepted, and by whom.
    cells, zones, absent
        What both change: codes of cells and zones, the staff number of whose absence it is.

    Returns
    -------
    Message
        Its English is what the history keeps.
    """
    parts = []
    for few, many, codes in ((_CELLS, _MORE_CELLS, cells), (_ZONES, _MORE_ZONES, zones)):
        named, left = ", ".join(codes[:NAMED]), len(codes) - NAMED
        if left > 0:
            parts.append(many.filled(codes=named, count=left))
        elif codes:
            parts.append(few.filled(codes=named))
    if absent is not None:
        parts.append(_ABSENCE.filled(staff_number=absent))
    return _BY.filled(proposal=proposal, actor=actor, changed=joined(parts, " and "))


def kept(text: str | None) -> Message | str | None:
    """Return a reason that the history keeps as a message where it is one of `reason`."""
    found = None if text is None else recognised(text, (_BY,))
    if not isinstance(found, Message):
        return found
    parts = [recognised(part, _CHANGED) for part in _NEXT.split(str(found.values["changed"]))]
    changed: Parts = joined(parts, " and ")
    return found.filled(**{**found.values, "changed": changed})

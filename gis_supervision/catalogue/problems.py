"""Mistakes in the catalogue, and hints at what was meant."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from gis_supervision.errors import SupervisionError
from gis_supervision.messages import Message, Parts, english, joined

if TYPE_CHECKING:
    from collections.abc import Collection

    from gis_supervision.messages import Translate

Told: TypeAlias = Message | Parts | SupervisionError
"""What is wrong: it can be told in every language."""


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake in the catalogue.

    Attributes
    ----------
    file
        The file it stands in.
    key
        Path of the key in the file, parts joined by dots; empty for the file as a whole.
    message
        What is wrong, and what was expected.
    text
        The same in English, by which mistakes are put in order.
    """

    file: str
    key: str
    message: Told = field(compare=False)
    text: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", str(self.message))

    @property
    def told(self) -> Parts:
        """Everything in one line."""
        return joined([part for part in (self.file, self.key, self.message) if part], ": ")

    def __str__(self) -> str:
        return str(self.told)

    def to_dict(self, translate: Translate = english) -> dict[str, str]:
        """Return the mistake as JSON takes it, what is wrong in a language."""
        return {
            "file": self.file,
            "key": self.key,
            "message": self.message.translated(translate),
        }


def nearest(name: str, known: Collection[str]) -> Message:
    """Return a hint at the nearest right name, or at all of them where none is near.

    Parameters
    ----------
    name
        The wrong one.
    known
        The right ones.

    Returns
    -------
    Message
        Such as ``did you mean 'severity'?``.
    """
    close = difflib.get_close_matches(str(name), list(known), n=1, cutoff=0.6)
    if close:
        return Message("did you mean %(name)r?", name=close[0])
    if not known:
        return Message("there is none")
    return Message("expected one of %(names)s", names=", ".join(sorted(known)))

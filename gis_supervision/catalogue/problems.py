"""Mistakes in the catalogue, and hints at what was meant."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gis_supervision.messages import Message

if TYPE_CHECKING:
    from collections.abc import Collection


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
    """

    file: str
    key: str
    message: str

    def __str__(self) -> str:
        return (
            f"{self.file}: {self.key}: {self.message}"
            if self.key
            else f"{self.file}: {self.message}"
        )

    def to_dict(self) -> dict[str, str]:
        """Return the mistake as JSON takes it."""
        return {"file": self.file, "key": self.key, "message": self.message}


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

"""Who does something: the name that everything which is recorded carries."""

from __future__ import annotations

from typing import Final

from gis_supervision.errors import InvalidInputError

MOST: Final = 200
"""Most characters of a name."""


def checked_actor(by: str | None) -> str:
    """Return the name of who does something, without spaces around it.

    Parameters
    ----------
    by
        The name as it was given.

    Raises
    ------
    InvalidInputError
        When it is missing, blank or without any letter or digit, is longer than `MOST`, or has
        characters that cannot be printed.
    """
    name = (by or "").strip()
    if not any(character.isalnum() for character in name):
        raise InvalidInputError("by: expected the name of who does it")
    if not name.isprintable():
        raise InvalidInputError("by: expected a name without line breaks or control characters")
    if len(name) > MOST:
        raise InvalidInputError("by: expected a name of at most %(most)s characters", most=MOST)
    return name

"""Finding the division that an address names."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LEVELS: Final = ("county", "township", "neighbourhood", "village")
"""Levels from the coarsest to the finest."""

_COMMITTEE: Final = re.compile(r"(?:居民委员会|村民委员会|居委会|村委会)$")
_PLACE: Final = re.compile(r".(?:社区|村|队|连|场)$")
"""What is left of a committee's name must still be the name of a place, not of a road."""


@dataclass(frozen=True)
class NamedPlace:
    """A division: its key, its name, its level and the key of the division above it."""

    key: int
    name: str
    level: str
    parent: int | None


@dataclass(frozen=True)
class Match:
    """What an address names.

    ``key`` is None where nothing is named, or several places that exclude each other
    (``ambiguous``); ``name`` is the text that was found.
    """

    key: int | None
    name: str | None = None
    ambiguous: bool = False


class Gazetteer:
    """Names of divisions, ready to be looked for in addresses.

    Parameters
    ----------
    places
        The divisions. Those of unknown level are left out.
    """

    def __init__(self, places: Iterable[NamedPlace]) -> None:
        self._places = {place.key: place for place in places if place.level in LEVELS}
        self._named: dict[str, list[int]] = {}
        for place in self._places.values():
            for name in _variants(place.name):
                self._named.setdefault(name, []).append(place.key)
        self._starts: dict[str, list[str]] = {}
        for name in sorted(self._named, key=lambda name: (-len(name), name)):
            self._starts.setdefault(name[0], []).append(name)

    def find(self, address: str) -> Match:
        """Find the finest division that an address names.

        A place counts only where the address names no other place above it: the village of a name
        in one county is not meant by an address in another. Where several places of the finest
        level remain, those count of which the address names most places above; if there are still
        several, the place above all of them counts if the address names it.

        Parameters
        ----------
        address
            As it was written; width and case of letters do not matter.

        Returns
        -------
        Match
        """
        names = list(dict.fromkeys(self._occurrences(_normal(address))))
        found = {key: name for name in names for key in self._named[name]}
        consistent = [key for key in found if self._fits(key, names)]
        if not consistent:
            return Match(None, None, ambiguous=bool(found))
        finest = max(self._rank(key) for key in consistent)
        best = [key for key in consistent if self._rank(key) == finest]
        support = {key: sum(above in found for above in self._above(key)) for key in best}
        most = max(support.values())
        best = [key for key in best if support[key] == most]
        if len(best) > 1:
            shared = next((key for key in self._shared(best) if key in found), None)
            if shared is None:
                return Match(None, None, ambiguous=True)
            return Match(shared, found[shared])
        return Match(best[0], found[best[0]])

    def _occurrences(self, text: str) -> Iterator[str]:
        """Yield the names in a text from left to right, the longest at each place."""
        at = 0
        while at < len(text):
            name = next(
                (name for name in self._starts.get(text[at], ()) if _at(text, at, name)), ""
            )
            if name:
                yield name
            at += max(len(name), 1)

    def _fits(self, key: int, names: list[str]) -> bool:
        family = {key, *self._above(key)}
        rank = self._rank(key)
        return all(
            any(other in family for other in self._named[name])
            or all(self._rank(other) >= rank for other in self._named[name])
            for name in names
        )

    def _above(self, key: int) -> list[int]:
        found: list[int] = []
        parent = self._places[key].parent
        while parent is not None and parent in self._places and parent not in found:
            found.append(parent)
            parent = self._places[parent].parent
        return found

    def _shared(self, keys: list[int]) -> list[int]:
        others = [set(self._above(key)) for key in keys[1:]]
        return [key for key in self._above(keys[0]) if all(key in other for other in others)]

    def _rank(self, key: int) -> int:
        return LEVELS.index(self._places[key].level)


def _normal(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _variants(name: str) -> set[str]:
    full = _normal(name)
    short = _COMMITTEE.sub("", full)
    found = {full} if len(full) > 1 else set()
    if short != full and _PLACE.search(short):
        found.add(short)
    return found


def _at(text: str, at: int, name: str) -> bool:
    """Tell whether a name stands at a place, in letters with spaces as a word of its own."""
    end = at + len(name)
    if not text.startswith(name, at):
        return False
    before = text[at - 1] if at else " "
    after = text[end] if end < len(text) else " "
    return not (_joins(before, name[0]) or _joins(name[-1], after))


def _joins(one: str, other: str) -> bool:
    return all(
        sign.isalnum() and not unicodedata.name(sign, "").startswith("CJK") for sign in (one, other)
    )

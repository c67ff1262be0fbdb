"""The versions of an office's rule pack, and which of them is in force on a day.

An office keeps one file while its rules stand as they are, and a directory with one file for each
version once they change: a report of a past day is then made under the rules of that day.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gis_supervision.domain.rules import RulePack, load_rule_pack, pack_in_force
from gis_supervision.errors import InvalidInputError, NotFoundError
from gis_supervision.messages import Message

if TYPE_CHECKING:
    from datetime import date


@dataclass(frozen=True)
class RuleHistory:
    """All versions of one rule pack; at least one."""

    packs: tuple[RulePack, ...]

    def __post_init__(self) -> None:
        names = sorted({pack.name for pack in self.packs})
        if len(names) != 1:
            raise InvalidInputError(
                "rule packs: expected versions of one pack, got %(names)s",
                names=", ".join(names) or Message("none"),
            )

    def on(self, day: date) -> RulePack:
        """Return the version in force on a day; where none is, the one that comes closest.

        Before the first version that is the first, after the end of one the one that ended last
        before the day; `in_force` tells whether it is more than the best guess.

        Raises
        ------
        ConflictError
            When two versions begin on the same day.
        """
        try:
            return pack_in_force(self.packs, self.packs[0].name, day)
        except NotFoundError:
            begun = [pack for pack in self.packs if pack.valid_from <= day]
            if begun:
                return max(begun, key=lambda pack: pack.valid_to or pack.valid_from)
            return min(self.packs, key=lambda pack: pack.valid_from)

    def in_force(self, day: date) -> bool:
        """Tell whether a version is in force on a day."""
        pack = self.on(day)
        return pack.valid_from <= day and (pack.valid_to is None or day <= pack.valid_to)


def history_of(rules: RulePack | RuleHistory) -> RuleHistory:
    """Return a history, of one version where a single pack is given."""
    return rules if isinstance(rules, RuleHistory) else RuleHistory((rules,))


def load_rule_history(path: Path | str) -> RuleHistory:
    """Read one rule pack, or all versions in a directory.

    Parameters
    ----------
    path
        A TOML file, or a directory whose ``*.toml`` are versions of one pack.

    Returns
    -------
    RuleHistory
        Versions in the order in which they begin.

    Raises
    ------
    NotFoundError
        When there is no such file, or no file in the directory.
    InvalidInputError
        When a file is wrong, or the files are of different packs.
    """
    place = Path(path)
    if not place.is_dir():
        return RuleHistory((load_rule_pack(place),))
    files = sorted(place.glob("*.toml"))
    if not files:
        raise NotFoundError(
            "%(place)s: expected rule packs (*.toml) in this directory", place=place
        )
    packs = sorted(map(load_rule_pack, files), key=lambda pack: (pack.valid_from, pack.version))
    return RuleHistory(tuple(packs))

"""Division codes, unit-grid codes, and the history of codes.

A division code has 6 digits for a county (GB/T 2260), 9 for a township, 12 for a village; each
begins with the code of its parent. A unit-grid code (单元网格) has 15: the village and a serial
of three digits that runs west to east, then north to south. Codes are text: a leading zero
counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from gis_supervision.errors import ConflictError, InvalidInputError
from gis_supervision.messages import joined

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

UNIT_GRID_DIGITS: Final = 15
MAX_SERIAL: Final = 999
_CORPS_CITIES: Final = "6590"
_DIGITS: Final = re.compile(r"[0-9]+", re.ASCII)


class Level(StrEnum):
    """Levels of the administrative hierarchy."""

    COUNTY = "county"
    TOWNSHIP = "township"
    VILLAGE = "village"


class TownshipKind(StrEnum):
    """Kind of a township-level division, read from digits 7 to 9 of its code."""

    STREET = "street"
    TOWN = "town"
    TOWNSHIP = "township"
    ENTERPRISE_AREA = "enterprise_area"
    OTHER = "other"


_LEVEL_OF_LENGTH: Final = {6: Level.COUNTY, 9: Level.TOWNSHIP, 12: Level.VILLAGE}
_KIND_RANGES: Final = (
    (1, 99, TownshipKind.STREET),
    (100, 199, TownshipKind.TOWN),
    (200, 399, TownshipKind.TOWNSHIP),
    (400, 599, TownshipKind.ENTERPRISE_AREA),
)


@dataclass(frozen=True, order=True)
class DivisionCode:
    """A checked division code."""

    code: str

    def __post_init__(self) -> None:
        if (
            not isinstance(self.code, str)
            or not _DIGITS.fullmatch(self.code)
            or len(self.code) not in _LEVEL_OF_LENGTH
        ):
            raise InvalidInputError(
                "division code %(code)r: expected text of 6 (county), 9 (township) or 12 (village) "
                "digits",
                code=self.code,
            )
        if self.code[:2] == "00":
            raise InvalidInputError(
                "division code %(code)r: expected a province in digits 1 and 2, not 00",
                code=self.code,
            )
        for end in range(9, len(self.code) + 1, 3):
            if self.code[end - 3 : end] == "000":
                raise InvalidInputError(
                    "division code %(code)r: digits %(first)s to %(last)s are 000; write the "
                    "parent as %(parent)r",
                    code=self.code,
                    first=end - 2,
                    last=end,
                    parent=self.code[: end - 3],
                )

    def __str__(self) -> str:
        return self.code

    @property
    def level(self) -> Level:
        """County, township or village."""
        return _LEVEL_OF_LENGTH[len(self.code)]

    @property
    def parent(self) -> DivisionCode | None:
        """The division one level up; None for a county."""
        return None if self.level is Level.COUNTY else DivisionCode(self.code[:-3])

    @property
    def county(self) -> str:
        """The six digits of the county."""
        return self.code[:6]

    @property
    def township_kind(self) -> TownshipKind | None:
        """Kind by digits 7 to 9; None for a county.

        001-099 street, 100-199 town, 200-399 township, 400-599 area run by an enterprise (a
        pasture, a prison, a corps area).
        """
        if self.level is Level.COUNTY:
            return None
        number = int(self.code[6:9])
        for low, high, kind in _KIND_RANGES:
            if low <= number <= high:
                return kind
        return TownshipKind.OTHER

    @property
    def corps_number(self) -> bool:
        """Whether digits 7 to 9 are 500 to 599, which corps (兵团) areas carry in Xinjiang.

        Such an area may belong to another administration. Elsewhere the same numbers mark other
        areas run by enterprises, so this is a reason to look, see `likely_external`.
        """
        return len(self.code) > len(self.county) and self.code[6] == "5"

    def contains(self, other: DivisionCode | UnitGridCode | str) -> bool:
        """Tell whether a code is this one or lies below it."""
        return str(other).startswith(self.code)


@dataclass(frozen=True, order=True)
class UnitGridCode:
    """A checked unit-grid code: a village and a serial."""

    code: str

    def __post_init__(self) -> None:
        if (
            not isinstance(self.code, str)
            or len(self.code) != UNIT_GRID_DIGITS
            or not _DIGITS.fullmatch(self.code)
        ):
            raise InvalidInputError(
                "unit-grid code %(code)r: expected text of %(unit_grid_digits)s digits: county 6, "
                "township 3, village 3, serial 3",
                code=self.code,
                unit_grid_digits=UNIT_GRID_DIGITS,
            )
        DivisionCode(self.code[:12])
        if self.serial == 0:
            raise InvalidInputError(
                "unit-grid code %(code)r: expected a serial of 001 to %(max_serial)s",
                code=self.code,
                max_serial=MAX_SERIAL,
            )

    @classmethod
    def of(cls, village: DivisionCode | str, serial: int) -> UnitGridCode:
        """Compose the code of the ``serial``-th cell of a village.

        Raises
        ------
        InvalidInputError
            Where the division is not a village or the serial does not fit three digits.
        """
        division = village if isinstance(village, DivisionCode) else DivisionCode(village)
        if division.level is not Level.VILLAGE:
            raise InvalidInputError(
                "division code %(code)r: a unit-grid code begins with a village, expected 12 "
                "digits",
                code=division.code,
            )
        if not 1 <= serial <= MAX_SERIAL:
            raise InvalidInputError(
                "serial %(serial)s in village %(code)s: expected 1 to %(max_serial)s",
                serial=serial,
                code=division.code,
                max_serial=MAX_SERIAL,
            )
        return cls(f"{division.code}{serial:03d}")

    def __str__(self) -> str:
        return self.code

    @property
    def village(self) -> DivisionCode:
        """The village that the cell lies in."""
        return DivisionCode(self.code[:12])

    @property
    def serial(self) -> int:
        """1 to 999, west to east, then north to south."""
        return int(self.code[12:])


@dataclass(frozen=True)
class CodePeriod:
    """A code and the days on which it was valid.

    ``valid_to`` is the first day on which it is no longer valid; None while it is. ``successor``
    is the code that took its place.
    """

    code: str
    valid_from: date | None = None
    valid_to: date | None = None
    successor: str | None = None

    def __post_init__(self) -> None:
        DivisionCode(self.code)
        if self.valid_from and self.valid_to and self.valid_to <= self.valid_from:
            raise InvalidInputError(
                "division code %(code)s: valid to %(valid_to)s, which is not after %(valid_from)s",
                code=self.code,
                valid_to=self.valid_to,
                valid_from=self.valid_from,
            )
        if self.successor is not None:
            DivisionCode(self.successor)
            if self.successor == self.code:
                raise InvalidInputError("division code %(code)s succeeds itself", code=self.code)
            if self.valid_to is None:
                raise InvalidInputError(
                    "division code %(code)s: a successor (%(successor)s) needs the day on which "
                    "the code ended",
                    code=self.code,
                    successor=self.successor,
                )

    def valid_on(self, day: date) -> bool:
        """Tell whether the code was valid on a day."""
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_to is None or day < self.valid_to
        )


def current_code(code: str, history: Iterable[CodePeriod], on: date) -> str | None:
    """Follow successors until a code that is valid on a day.

    Parameters
    ----------
    code : str
        A code of any time, for example 654223.
    history : iterable of CodePeriod
        All known periods.
    on : date
        The day asked about.

    Returns
    -------
    str or None
        The code valid on that day (654203), or None where the history ends without one. A code
        that the history does not know is its own answer. A code below a renamed division
        follows it: its first digits change.

    Raises
    ------
    ConflictError
        Where the successors run in a circle.
    """
    periods: dict[str, list[CodePeriod]] = {}
    for period in history:
        periods.setdefault(period.code, []).append(period)
    seen = [DivisionCode(code).code]
    while True:
        now = seen[-1]
        known = next((now[:end] for end in (12, 9, 6) if now[:end] in periods), None)
        if known is None:
            return now
        own = periods[known]
        if any(period.valid_on(on) for period in own):
            return now
        ended = [period for period in own if period.valid_to is not None and period.valid_to <= on]
        last = max(ended, key=_end_of, default=None)
        if last is None or last.successor is None:
            return None
        following = last.successor + now[len(known) :]
        if following in seen:
            raise ConflictError(
                "successors run in a circle: %(seen)s", seen=joined([*seen, following], " to ")
            )
        seen.append(following)


def likely_external(code: DivisionCode | str, name: str) -> bool:
    """Tell whether a township or village probably belongs to another administration.

    Corps (兵团) areas inside a county carry the numbers 500-599 and name the corps, a division
    (师) or a regiment (团). They stay on the map, marked external, and out of denominators. The
    cities that the corps itself runs (codes 6590) are not external to themselves.
    """
    division = code if isinstance(code, DivisionCode) else DivisionCode(code)
    if division.code.startswith(_CORPS_CITIES):
        return False
    return division.corps_number and any(mark in name for mark in ("兵团", "师", "团"))


def _end_of(period: CodePeriod) -> date:
    if period.valid_to is None:
        raise ValueError(period)
    return period.valid_to

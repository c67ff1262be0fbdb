"""Premises: registration codes with check characters, the three classes, locations.

Three different things are written A to D: the food-risk class (A is the lowest risk), the credit
class of the enterprise, and the tier of the official responsible for the premises. They are three
types here, members of different types are never equal, and none is derived from another.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Final, Self

from gis_supervision.errors import InvalidInputError

_CODE_LENGTH: Final = 18
_CODE_CHARACTERS: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CODE_WEIGHTS: Final = tuple(pow(3, place, 31) for place in range(_CODE_LENGTH - 1))
_ORGANISATION_LENGTH: Final = 9
_ORGANISATION_WEIGHTS: Final = (3, 7, 9, 10, 5, 8, 4, 2)
_LICENCE_LENGTH: Final = 15
_DIGITS: Final = frozenset("0123456789")


class LetterClass(Enum):
    """Base of the classes written A to D."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a class as "A", "a" or "A级".

        Raises
        ------
        InvalidInputError
            For anything else.
        """
        plain = _plain(text).removesuffix("级").removesuffix("类")
        for member in cls:
            if member.value == plain:
                return member
        expected = ", ".join(str(member.value) for member in cls)
        raise InvalidInputError(
            "%(name)s %(text)r: expected one of %(expected)s",
            name=cls.__name__,
            text=text,
            expected=expected,
        )

    def __str__(self) -> str:
        return str(self.value)


class FoodRiskClass(LetterClass):
    """Food-safety risk; A is the lowest."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"


class CreditClass(LetterClass):
    """Credit-risk class of the enterprise; A is the best."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"


class ResponsibilityTier(LetterClass):
    """Tier of the official in charge (包保): A city leaders, down to D village cadres."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"


class Location(StrEnum):
    """What is known about the place of a premises."""

    EXACT = "exact"
    APPROXIMATE = "approximate"  # the middle of its division: never used as exact
    NONE = "none"


class Placement(StrEnum):
    """Why a premises has the cell it has, or none."""

    INSIDE = "inside"
    BORDER = "border"  # on the edge between cells, given to the first of them
    OUTSIDE = "outside"  # coordinates beyond every cell
    APPROXIMATE = "approximate"  # located by its division only
    NONE = "none"  # no coordinates


@dataclass(frozen=True)
class CreditCode:
    """A unified social credit code (GB 32100-2015) whose check character is right."""

    code: str

    def __post_init__(self) -> None:
        if len(self.code) != _CODE_LENGTH:
            raise InvalidInputError(
                "unified social credit code %(code)r: %(count)s characters, expected "
                "%(code_length)s",
                code=self.code,
                count=len(self.code),
                code_length=_CODE_LENGTH,
            )
        for place, character in enumerate(self.code, start=1):
            if character not in _CODE_CHARACTERS:
                raise InvalidInputError(
                    "unified social credit code %(code)r: %(character)r in place %(place)s, "
                    "expected a digit or a capital letter other than I, O, S, V, Z",
                    code=self.code,
                    character=character,
                    place=place,
                )
        if not _DIGITS.issuperset(self.code[2:8]):
            raise InvalidInputError(
                "unified social credit code %(code)r: expected the digits of a division in places "
                "3 to 8, got %(digits)r",
                code=self.code,
                digits=self.code[2:8],
            )
        expected = check_character(self.code[:-1])
        if self.code[-1] != expected:
            raise InvalidInputError(
                "unified social credit code %(code)r: check character %(character)r, expected "
                "%(expected)r",
                code=self.code,
                character=self.code[-1],
                expected=expected,
            )

    @classmethod
    def parse(cls, text: str) -> CreditCode:
        """Read a code; spaces, hyphens, small letters and full-width characters are mended.

        Raises
        ------
        InvalidInputError
            For a wrong length, character, division or check character.
        """
        return cls(_plain(text).replace("-", ""))

    def __str__(self) -> str:
        return self.code

    @property
    def division(self) -> str:
        """The six digits of the division where the code was given."""
        return self.code[2:8]

    @property
    def organisation_code(self) -> str:
        """The organisation code (GB 11714) inside, nine characters."""
        return self.code[8:17]

    @property
    def organisation_code_valid(self) -> bool:
        """Whether the organisation code's own check character is right."""
        return organisation_code_valid(self.organisation_code)


def check_character(first: str) -> str:
    """Return the check character for the first 17 characters of a unified social credit code.

    GB 32100-2015: the sum of the characters' values times 3**i mod 31 is completed to a multiple
    of 31.
    """
    total = sum(
        _CODE_CHARACTERS.index(character) * weight
        for character, weight in zip(first, _CODE_WEIGHTS, strict=True)
    )
    return _CODE_CHARACTERS[-total % 31]


def organisation_code_valid(code: str) -> bool:
    """Tell whether an organisation code of nine characters ends in its check character.

    GB 11714: weighted sum modulo 11; 10 is written X. A hyphen before the last is allowed.
    """
    plain = _plain(code).replace("-", "")
    base, check = plain[:-1], plain[-1:]
    if len(plain) != _ORGANISATION_LENGTH or not all(c.isascii() and c.isalnum() for c in base):
        return False
    values = (int(character, 36) for character in base)
    total = sum(v * weight for v, weight in zip(values, _ORGANISATION_WEIGHTS, strict=True))
    return check == "0123456789X"[-total % 11]


def licence_number_valid(number: str) -> bool:
    """Tell whether an old business-licence number of 15 digits ends in its check digit.

    ISO 7064, MOD 11,10, as the numbers given out before unified codes (GS 15-2006).
    """
    plain = _plain(number)
    if len(plain) != _LICENCE_LENGTH or not _DIGITS.issuperset(plain):
        return False
    product = 10
    for digit in plain[:-1]:
        product = ((product + int(digit)) % 10 or 10) * 2 % 11
    return (product + int(plain[-1])) % 10 == 1


def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", str(text)).split()).upper()

"""Rules of a day outside: working hours, opening hours, how many go, how fast."""

from __future__ import annotations

import itertools
import re
from typing import Annotated, Final, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, Strict, field_validator, model_validator

from gis_supervision.domain.rule_values import UNVERIFIED, Positive, Source, StrictModel
from gis_supervision.errors import InvalidInputError
from gis_supervision.messages import Message, joined

_SPAN: Final = re.compile(r"(\d{1,2}):(\d{2})\s*[-–~至]\s*(\d{1,2}):(\d{2})")
_DAY_S: Final = 86_400
_PARTS: Final = 2

Span = tuple[int, int]


def spans(text: str) -> tuple[Span, ...]:
    """Read hours such as ``09:00-12:00 14:00-18:00``.

    Returns
    -------
    tuple
        Begin and end in seconds from midnight, in order.

    Raises
    ------
    InvalidInputError
        When it is something else, or hours overlap or end before they begin.
    """
    parts = re.split(r"[\s,;，；、]+", text.strip())
    found = []
    for part in parts:
        match = _SPAN.fullmatch(part)
        if match is None:
            raise InvalidInputError("hours: expected such as 09:00-12:00, got %(part)r", part=part)
        begin, end = (int(match[at]) * 3600 + int(match[at + 1]) * 60 for at in (1, 3))
        if not 0 <= begin < end <= _DAY_S or any(int(match[at]) > 59 for at in (2, 4)):  # noqa: PLR2004 - minutes of an hour
            raise InvalidInputError(
                "hours: expected a time before another, got %(part)r", part=part
            )
        found.append((begin, end))
    found.sort()
    for one, after in itertools.pairwise(found):
        if after[0] < one[1]:
            raise InvalidInputError("hours: %(text)r overlap", text=text)
    return tuple(found)


class DayHours(StrictModel):
    """Hours of a day; two are before and after a break."""

    hours: Annotated[tuple[str, ...], Strict(strict=False), Field(min_length=1)]
    source: Source

    @field_validator("hours")
    @classmethod
    def _readable(cls, hours: tuple[str, ...]) -> tuple[str, ...]:
        try:
            spans(" ".join(hours))
        except InvalidInputError as error:
            raise ValueError(joined([error])) from None
        return hours

    @property
    def spans(self) -> tuple[Span, ...]:
        """Begin and end in seconds from midnight."""
        return spans(" ".join(self.hours))


class Detour(StrictModel):
    """How much longer a way is than the straight line."""

    factor: Annotated[float, Field(ge=1, allow_inf_nan=False)]
    source: Source


class Speed(StrictModel):
    """How fast inspectors travel, doors and lights included."""

    km_per_hour: Positive
    source: Source


class People(StrictModel):
    """How many inspectors a visit needs."""

    count: Annotated[int, Field(ge=1, le=2)]
    source: Source


class DayRules(StrictModel):
    """A day outside.

    ``work`` is one span, or two with the lunch break between them. ``open`` are the hours of
    premises of which nothing else is known. ``timezone`` is that of all times of day.
    """

    work: DayHours = DayHours(hours=("09:00-12:00", "13:00-18:00"), source=UNVERIFIED)
    open: DayHours = DayHours(hours=("09:00-18:00",), source=UNVERIFIED)
    people: People = People(count=2, source=UNVERIFIED)
    follow_up: People = People(count=1, source=UNVERIFIED)
    detour: Detour = Detour(factor=1.3, source=UNVERIFIED)
    speed: Speed = Speed(km_per_hour=30.0, source=UNVERIFIED)
    timezone: str = "Asia/Shanghai"

    @model_validator(mode="after")
    def _workable(self) -> Self:
        if len(self.work.spans) > _PARTS:
            raise ValueError(Message("work: expected one span, or two with a break between them"))
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(
                Message("timezone: %(timezone)r is not known", timezone=self.timezone)
            ) from None
        return self

    @property
    def pause(self) -> Span | None:
        """The break, in seconds from midnight."""
        work = self.work.spans
        return (work[0][1], work[1][0]) if len(work) == _PARTS else None

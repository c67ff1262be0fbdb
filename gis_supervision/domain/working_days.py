"""Working days from a dated local table, and the deadlines of clocks.

A table names the years it covers, its holidays with their make-up days (weekend days on which
offices work), and holidays that only some divisions have. A day outside these years is an error:
nothing is ever counted by weekdays alone.
"""

import calendar
import tomllib
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, Strict, ValidationError, model_validator

from gis_supervision.domain.rule_errors import describe_errors
from gis_supervision.domain.rule_values import (
    UNVERIFIED,
    Clock,
    Deadline,
    Name,
    Source,
    StrictModel,
    Title,
)
from gis_supervision.errors import InvalidInputError, NotFoundError
from gis_supervision.messages import Message

SATURDAY = 5
_DAY = timedelta(days=1)


class Holiday(StrictModel):
    """Days off from `first` to `last`, inclusive, and the weekend days worked for them.

    `region` is the beginning of the codes of the divisions that have it; empty means all.
    """

    title: Title
    first: date
    last: date | None = None
    make_up_days: Annotated[tuple[date, ...], Strict(strict=False)] = ()
    region: Annotated[str, Field(pattern=r"^[0-9]*$")] = ""
    source: Source

    @model_validator(mode="after")
    def _plausible(self) -> Self:
        if self.last is not None and self.last < self.first:
            raise ValueError(
                Message(
                    "expected first <= last, found %(first)s and %(last)s",
                    first=self.first,
                    last=self.last,
                )
            )
        for day in self.make_up_days:
            if day.weekday() < SATURDAY:
                raise ValueError(Message("make-up day %(day)s is no Saturday or Sunday", day=day))
        return self

    def days(self) -> Iterator[date]:
        """Iterate over the days off."""
        day = self.first
        while day <= (self.last or self.first):
            yield day
            day += _DAY


class HolidayTable(StrictModel):
    """The file: holidays of consecutive years."""

    name: Name
    version: Annotated[str, Field(min_length=1)]
    years: Annotated[tuple[int, ...], Strict(strict=False), Field(min_length=1)]
    holidays: Annotated[tuple[Holiday, ...], Strict(strict=False)] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if list(self.years) != list(range(self.years[0], self.years[0] + len(self.years))):
            raise ValueError(Message("years: expected consecutive years in rising order"))
        for holiday in self.holidays:
            for day in (*holiday.days(), *holiday.make_up_days):
                if day.year not in self.years:
                    raise ValueError(
                        Message(
                            "%(en)s: %(day)s lies outside the years", en=holiday.title.en, day=day
                        )
                    )
        return self


@dataclass(frozen=True)
class WorkingCalendar:
    """The working days of one division.

    Attributes
    ----------
    name, version : str
        Of the table.
    division : str
        Code of the division, empty for the days common to all.
    first, last : date
        First and last day that the table covers.
    days : tuple[date, ...]
        All working days, ascending.
    unverified : frozenset[date]
        Days that are off, or worked, by an unverified entry.
    """

    name: str
    version: str
    division: str
    first: date
    last: date
    days: tuple[date, ...] = field(repr=False)
    unverified: frozenset[date] = field(default=frozenset(), repr=False)

    def is_working_day(self, day: date) -> bool:
        """Tell whether offices work on a day.

        Raises
        ------
        InvalidInputError
            When the day lies outside the table.
        """
        day = self._covered(day)
        index = bisect_left(self.days, day)
        return index < len(self.days) and self.days[index] == day

    def add(self, start: date, count: int) -> date:
        """Give the working day that is `count` working days after `start`.

        The day of the event does not count: one working day after a Friday is the next Monday that
        is worked, and so it is after the Saturday or Sunday between. A negative `count` goes back.
        A `count` of 0 gives `start` itself where it is worked, else the next working day.

        Raises
        ------
        InvalidInputError
            When `start` or the result lies outside the table.
        """
        start = self._covered(start)
        if count > 0:
            index = bisect_right(self.days, start) + count - 1
        else:
            index = bisect_left(self.days, start) + count
        if not 0 <= index < len(self.days):
            raise InvalidInputError(
                "%(count)s working days from %(start)s lie outside %(table)s",
                count=count,
                start=start,
                table=self._table(),
            )
        return self.days[index]

    def count(self, start: date, end: date) -> int:
        """Count the working days after `start` up to and including `end`.

        Negative where `end` is before `start`; ``count(start, add(start, n)) == n`` for n > 0.

        Raises
        ------
        InvalidInputError
            When a day lies outside the table.
        """
        start, end = self._covered(start), self._covered(end)
        return bisect_right(self.days, end) - bisect_right(self.days, start)

    def _covered(self, day: date) -> date:
        if isinstance(day, datetime):
            raise InvalidInputError(
                "expected a date without a time, got %(day)s", day=day.isoformat()
            )
        if not self.first <= day <= self.last:
            raise InvalidInputError("%(day)s lies outside %(table)s", day=day, table=self._table())
        return day

    def _table(self) -> Message:
        return Message(
            "the table of working days %(name)r (%(first)s to %(last)s); add the missing "
            "year to it",
            name=self.name,
            first=self.first,
            last=self.last,
        )


def working_calendar(table: HolidayTable, division: str = "") -> WorkingCalendar:
    """Compute the working days of a division.

    Parameters
    ----------
    table : HolidayTable
        Holidays and make-up days.
    division : str
        Division code of any length; regional holidays apply where it begins with their region.

    Raises
    ------
    InvalidInputError
        When one entry makes a day off that another makes worked.
    """
    applying = [holiday for holiday in table.holidays if division.startswith(holiday.region)]
    off = {day for holiday in applying for day in holiday.days()}
    worked = {day for holiday in applying for day in holiday.make_up_days}
    if off & worked:
        days = ", ".join(str(day) for day in sorted(off & worked))
        raise InvalidInputError(
            "table of working days %(name)r: both off and made up for: %(days)s",
            name=table.name,
            days=days,
        )
    first, last = date(table.years[0], 1, 1), date(table.years[-1], 12, 31)
    every = (first + timedelta(days=n) for n in range((last - first).days + 1))
    working = tuple(d for d in every if d in worked or (d.weekday() < SATURDAY and d not in off))
    unverified = frozenset(
        day
        for holiday in applying
        if holiday.source == UNVERIFIED
        for day in (*holiday.days(), *holiday.make_up_days)
    )
    return WorkingCalendar(
        table.name, table.version, division, first, last, working, unverified=unverified
    )


def load_working_calendar(path: Path | str, division: str = "") -> WorkingCalendar:
    """Read a table of holidays and compute the working days of a division.

    Raises
    ------
    NotFoundError
        When there is no such file.
    InvalidInputError
        When the file is not UTF-8 TOML or breaks the model: one line for each mistake.
    """
    path = Path(path)
    try:
        table = HolidayTable.model_validate(tomllib.loads(path.read_bytes().decode("utf-8-sig")))
    except FileNotFoundError as error:
        raise NotFoundError("%(path)s: no such table of working days", path=path) from error
    except OSError as error:
        raise InvalidInputError(
            "%(path)s: cannot be read: %(reason)s", path=path, reason=error.strerror
        ) from error
    except UnicodeDecodeError as error:
        raise InvalidInputError(
            "%(path)s: expected UTF-8 text (%(error)s)", path=path, error=error
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise InvalidInputError(
            "%(path)s: not valid TOML: %(error)s", path=path, error=error
        ) from error
    except ValidationError as error:
        lines = describe_errors(error, HolidayTable)
        raise InvalidInputError.told(
            *(Message("%(file)s: %(mistake)s", file=path, mistake=line) for line in lines)
        ) from error
    return working_calendar(table, division)


def add_months(start: date, months: int) -> date:
    """Give the same day of a later (or, negative, earlier) month, or that month's last day.

    Raises
    ------
    InvalidInputError
        When the result lies outside the years 1 to 9999.
    """
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    if not date.min.year <= year <= date.max.year:
        raise InvalidInputError(
            "%(months)s months from %(start)s is no date", months=months, start=start
        )
    month += 1
    return date(year, month, min(start.day, calendar.monthrange(year, month)[1]))


def deadline_day(
    clock: Clock | Deadline,
    start: date,
    working: WorkingCalendar | None = None,
    *,
    extended: bool = False,
) -> date:
    """Give the last day on which what a clock demands is still in time.

    Parameters
    ----------
    clock : Clock or Deadline
        Of a rule pack. The day of the event itself does not count.
    start : date
        Day of the event.
    working : WorkingCalendar, optional
        Needed for working days only.
    extended : bool
        Add the extension of the clock.

    Raises
    ------
    InvalidInputError
        When the clock counts hours (see `deadline_instant`), has no extension but one is asked
        for, counts working days without a calendar, or leaves the calendar's table.
    """
    amount = clock.amount
    if extended:
        extension = clock.extension if isinstance(clock, Clock) else None
        if extension is None:
            raise InvalidInputError("this clock has no extension")
        amount += extension
    if clock.unit == "working_days":
        if working is None:
            raise InvalidInputError("a clock of working days needs a table of working days")
        return working.add(start, amount)
    if clock.unit == "hours":
        raise InvalidInputError("a clock of hours has no last day; ask for its instant")
    if clock.unit == "calendar_days":
        return start + timedelta(days=amount)
    return add_months(start, amount * (12 if clock.unit == "years" else 1))


def deadline_instant(
    clock: Clock | Deadline,
    start: datetime,
    working: WorkingCalendar | None = None,
    *,
    extended: bool = False,
) -> datetime:
    """Give the instant from which on it is too late, in the time zone of `start`.

    For clocks of days, months and years that is the end of the last day (midnight); for hours it
    is counted from the event itself.

    Raises
    ------
    InvalidInputError
        When `start` has no time zone, and as `deadline_day` does.
    """
    if start.tzinfo is None:
        raise InvalidInputError(
            "expected a time with its zone, got %(start)s", start=start.isoformat()
        )
    if clock.unit == "hours":
        amount = clock.amount
        if extended:
            if not isinstance(clock, Clock) or clock.extension is None:
                raise InvalidInputError("this clock has no extension")
            amount += clock.extension
        return start + timedelta(hours=amount)
    day = deadline_day(clock, start.date(), working, extended=extended)
    return datetime.combine(day + _DAY, time(), tzinfo=start.tzinfo)

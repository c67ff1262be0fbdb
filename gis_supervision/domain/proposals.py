"""Proposals: what may become of one, and from which day on.

Every change of zones or responsibilities is a proposal first. Nothing here reads a clock or a
database.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from gis_supervision import messages
from gis_supervision.errors import ConflictError, InvalidInputError
from gis_supervision.messages import Message

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date


class Kind(StrEnum):
    """What a proposal changes."""

    REDESIGN = "redesign"
    REPAIR = "repair"
    ABSENCE = "absence"
    ASSIGNMENT = "assignment"
    MOVE = "move"
    RETURN = "return"


class State(StrEnum):
    """What became of a proposal."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"
    UNDONE = "undone"


STATE_WORDS: Final = {
    State.OPEN: Message("open"),
    State.ACCEPTED: Message("accepted"),
    State.REJECTED: Message("rejected"),
    State.WITHDRAWN: Message("withdrawn"),
    State.SUPERSEDED: Message("superseded"),
    State.UNDONE: Message("undone"),
}
"""What people call the states."""


class Cover(StrEnum):
    """How an absence is covered: the cells are shared for the time, or zones get deputies."""

    SHARE = "share"
    DEPUTIES = "deputies"


TRANSITIONS: Final[dict[State, frozenset[State]]] = {
    State.OPEN: frozenset({State.ACCEPTED, State.REJECTED, State.WITHDRAWN, State.SUPERSEDED}),
    State.ACCEPTED: frozenset({State.UNDONE}),
    State.REJECTED: frozenset(),
    State.WITHDRAWN: frozenset(),
    State.SUPERSEDED: frozenset(),
    State.UNDONE: frozenset(),
}
"""Allowed changes of state; every other is a conflict."""


@dataclass(frozen=True, order=True)
class Period:
    """Days from ``first`` to the day before ``until``; None has no end."""

    first: date
    until: date | None = None

    def __contains__(self, day: date) -> bool:
        """Tell whether a day lies in it."""
        return self.first <= day and (self.until is None or day < self.until)

    def common(self, other: Period) -> Period | None:
        """Return the days that two have in common, None where there is none."""
        ends = [end for end in (self.until, other.until) if end is not None]
        first, until = max(self.first, other.first), min(ends, default=None)
        return None if until is not None and until <= first else Period(first, until)


def joined(periods: Iterable[Period]) -> list[Period]:
    """Return the same days in as few periods as there can be, in order."""
    result: list[Period] = []
    for period in sorted(periods, key=lambda one: one.first):
        if result and (result[-1].until is None or period.first <= result[-1].until):
            last = result[-1]
            ends = (last.until, period.until)
            until = None if None in ends else max(end for end in ends if end is not None)
            result[-1] = Period(last.first, until)
        else:
            result.append(period)
    return result


def without(period: Period, taken: Iterable[Period]) -> list[Period]:
    """Return the days of a period that are in none of the others, in order."""
    result, first = [], period.first
    for other in joined(taken):
        common = period.common(other)
        if common is None:
            continue
        if first < common.first:
            result.append(Period(first, common.first))
        if common.until is None or common.until == period.until:
            return result
        first = common.until
    return [*result, Period(first, period.until)]


def segments(period: Period, days: Iterable[date]) -> list[Period]:
    """Cut a period at days."""
    cuts = sorted({day for day in days if day in period and day > period.first})
    starts = [period.first, *cuts]
    return [
        Period(first, until) for first, until in zip(starts, [*cuts, period.until], strict=True)
    ]


def check_transition(number: int, state: State, to: State) -> None:
    """Refuse a change of state that is not allowed.

    Raises
    ------
    ConflictError
        Naming the proposal, its state and what is expected.
    """
    if to not in TRANSITIONS[state]:
        expected = [STATE_WORDS[one] for one, after in TRANSITIONS.items() if to in after]
        raise ConflictError(
            "proposal %(number)s is %(state)s: only one that is %(expected)s can be %(to)s",
            number=number,
            state=STATE_WORDS[state],
            expected=messages.joined(expected, " or "),
            to=STATE_WORDS[to],
        )


def checked_reason(action: Message, reason: str | None) -> str:
    """Return a reason without spaces around it.

    Raises
    ------
    InvalidInputError
        When there is none.
    """
    if not (reason or "").strip():
        raise InvalidInputError("to %(action)s: expected a reason", action=action)
    return (reason or "").strip()


def effective_period(
    proposed: Period,
    *,
    today: date,
    effective_on: date | None = None,
    movable: bool = True,
    forced: bool = False,
    reason: str | None = None,
) -> Period:
    """Return the days for which a proposal is accepted.

    Parameters
    ----------
    proposed
        Days that it was made for.
    today
        The day of the decision.
    effective_on
        First day; left out: that of the proposal, or today where that is past.
    movable
        Whether it may begin earlier than proposed; an absence and a return from one may not.
    forced, reason
        A day before today is taken only when it is forced, with a reason.

    Raises
    ------
    InvalidInputError
        The day lies before today and is not forced, or a reason is missing, or before the leave.
    ConflictError
        The time of the proposal is over on that day.
    """
    day = max(proposed.first, today) if effective_on is None else effective_on
    if day < today:
        if not forced:
            raise InvalidInputError(
                "effective on %(day)s: expected %(today)s or later (an earlier day must be forced, "
                "with a reason)",
                day=day,
                today=today,
            )
        checked_reason(Message("accept a proposal from an earlier day on"), reason)
    if day < proposed.first and not movable:
        raise InvalidInputError(
            "effective on %(day)s: the proposal is for the days from %(first)s on, expected that"
            " day or a later one",
            day=day,
            first=proposed.first,
        )
    if proposed.until is not None and day >= proposed.until:
        raise ConflictError(
            "effective on %(day)s: the time of the proposal ended on that day", day=day
        )
    return Period(day, proposed.until)

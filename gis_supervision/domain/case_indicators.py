"""Indicators of casework: on time, closed, done again. Each is a share with its counts."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from gis_supervision.domain.inspections import DISMISSED_STATES, RESOLVED_STATES, CaseState


@dataclass(frozen=True)
class CaseTimes:
    """When a case reached what the indicators ask for; None where it has not.

    Attributes
    ----------
    state : CaseState
        State at the time of the count.
    dispatched, dispatch_due, handled, handling_due : datetime or None
        First dispatch and first submitted rectification, and their deadlines.
    verify_failed_times : int
        How often verification failed.
    """

    state: CaseState
    dispatched: datetime | None = None
    dispatch_due: datetime | None = None
    handled: datetime | None = None
    handling_due: datetime | None = None
    verify_failed_times: int = 0


@dataclass(frozen=True)
class Rate:
    """A share with what it was counted from.

    Attributes
    ----------
    part, whole : int
        Cases that are so, and cases that could be.
    """

    part: int
    whole: int

    @property
    def share(self) -> float | None:
        """``part / whole``; None where there is nothing to count."""
        return self.part / self.whole if self.whole else None


def on_time_dispatch(cases: Iterable[CaseTimes], *, as_of: datetime) -> Rate:
    """Count cases dispatched by their deadline, of those that were dispatched or fell due."""
    return _on_time(((case.dispatched, case.dispatch_due) for case in cases), as_of)


def on_time_handling(cases: Iterable[CaseTimes], *, as_of: datetime) -> Rate:
    """Count cases handled by their deadline, of those that were handled or fell due."""
    return _on_time(((case.handled, case.handling_due) for case in cases), as_of)


def _on_time(times: Iterable[tuple[datetime | None, datetime | None]], as_of: datetime) -> Rate:
    """Leave out what has no deadline, and what is neither done nor due yet."""
    part = whole = 0
    for done, due in times:
        is_done = done is not None and done <= as_of
        if due is None or not (is_done or due < as_of):
            continue
        whole += 1
        part += is_done and done is not None and done <= due
    return Rate(part, whole)


def closing_rate(cases: Iterable[CaseTimes]) -> Rate:
    """Count closed cases, of all that are neither rejected nor duplicate."""
    states = [case.state for case in cases if case.state not in DISMISSED_STATES]
    return Rate(sum(state is CaseState.CLOSED for state in states), len(states))


def rework_rate(cases: Iterable[CaseTimes]) -> Rate:
    """Count cases that failed verification at least once, of those that were verified or failed."""
    judged = [case for case in cases if case.verify_failed_times or case.state in RESOLVED_STATES]
    return Rate(sum(case.verify_failed_times > 0 for case in judged), len(judged))

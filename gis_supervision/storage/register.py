"""The register as a whole: its totals and its dates."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, or_, select

from gis_supervision.domain.inspections import SEVERITIES
from gis_supervision.storage import analyses
from gis_supervision.storage.tables import GridCell, Hazard, Inspection, Premises, ZoneCell

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy.orm import Session


ENDED_DAYS = 366
"""A register without an inspection for so long is one of the past."""


@dataclass(frozen=True)
class Totals:
    """Everything in the register as of a day; nothing is left out for want of coordinates."""

    premises: int
    located: int
    inspections: int
    hazards: int
    unresolved: dict[str, int]
    cells: int
    zones: int
    as_of: date

    def to_dict(self) -> dict[str, Any]:
        """Return the totals as JSON takes them."""
        return {**asdict(self), "as_of": self.as_of.isoformat()}


def default_as_of(session: Session) -> date:
    """Return the day that reports speak of when none is given.

    Returns
    -------
    date
        The day of the analysis published last, else `current_day`.
    """
    return analyses.latest_as_of(session) or current_day(session)


def current_day(session: Session) -> date:
    """Return the day that a new analysis speaks of.

    Returns
    -------
    date
        Today; or the day of the last inspection, where a register ends more than a year ago.
    """
    today: date = session.scalars(select(func.current_date())).one()
    last = last_inspection(session)
    return last if last is not None and (today - last).days > ENDED_DAYS else today


def later_inspections(session: Session, as_of: date) -> int:
    """Count the inspections after a day, which a report of that day leaves out."""
    return (
        session.scalar(
            select(func.count()).select_from(Inspection).where(Inspection.inspected_on > as_of)
        )
        or 0
    )


def first_inspection(session: Session) -> date | None:
    """Return the day of the first inspection in the register, None when there is none."""
    return session.scalars(select(func.min(Inspection.inspected_on))).one()


def last_inspection(session: Session) -> date | None:
    """Return the day of the last inspection in the register, None when there is none."""
    return session.scalars(select(func.max(Inspection.inspected_on))).one()


def totals(session: Session, as_of: date | None = None) -> Totals:
    """Count the register.

    Parameters
    ----------
    session
        An open session.
    as_of
        Inspections and hazards count that were made and found by this day, and a hazard is
        unresolved that was not resolved by then. Left out: `default_as_of`.

    Returns
    -------
    Totals
        ``located`` counts premises with an exact point.
    """
    day = default_as_of(session) if as_of is None else as_of
    premises, located = session.execute(
        select(func.count(), func.count().filter(Premises.location == "exact")).select_from(
            Premises
        )
    ).one()
    unresolved = {severity.value: 0 for severity in SEVERITIES}
    hazards = 0
    rows = session.execute(
        select(
            Hazard.severity,
            func.count(),
            func.count().filter(or_(Hazard.resolved_on.is_(None), Hazard.resolved_on > day)),
        )
        .where(Hazard.found_on <= day)
        .group_by(Hazard.severity)
    )
    for severity, found, still_open in rows:
        hazards += found
        unresolved[severity] = still_open
    cells = session.scalar(
        select(func.count()).select_from(GridCell).where(GridCell.valid.op("@>")(day))
    )
    zones = session.scalar(
        select(func.count(ZoneCell.zone_id.distinct())).where(ZoneCell.valid.op("@>")(day))
    )
    inspections = session.scalar(
        select(func.count()).select_from(Inspection).where(Inspection.inspected_on <= day)
    )
    return Totals(
        premises=premises,
        located=located,
        inspections=inspections or 0,
        hazards=hazards,
        unresolved=unresolved,
        cells=cells or 0,
        zones=zones or 0,
        as_of=day,
    )

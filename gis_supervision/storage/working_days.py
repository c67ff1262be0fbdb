"""Working days of the place that a register speaks of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gis_supervision.domain.working_days import load_working_calendar
from gis_supervision.storage import divisions

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from sqlalchemy.orm import Session

    from gis_supervision.domain.working_days import WorkingCalendar


def of_register(session: Session, path: Path | None, day: date) -> WorkingCalendar | None:
    """Read the working days of the divisions under supervision, regional holidays included.

    Parameters
    ----------
    session
        An open session.
    path
        The table; None: there is none.
    day
        Of the divisions' codes.

    Returns
    -------
    WorkingCalendar or None
        None without a table.

    Raises
    ------
    NotFoundError
        When there is no such file.
    InvalidInputError
        When the table is wrong.
    """
    return (
        None if path is None else load_working_calendar(path, divisions.common_code(session, day))
    )

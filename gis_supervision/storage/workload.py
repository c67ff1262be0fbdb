"""Work in the cells: what makes it, and the hours that dispatchers set by hand."""

from __future__ import annotations

import difflib
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
from sqlalchemy import exists, func, select, text

from gis_supervision.domain.actors import checked_actor
from gis_supervision.domain.inspectors import SKILLS, checked_year_hours
from gis_supervision.errors import ConflictError, InvalidInputError, NotFoundError
from gis_supervision.messages import Message
from gis_supervision.storage import frames
from gis_supervision.storage.dispatch_tables import CellWorkload
from gis_supervision.storage.tables import GridCell

if TYPE_CHECKING:
    from datetime import date, datetime

    from sqlalchemy.orm import Session

WORK = """
    SELECT
        p.cell_id, p.risk_class, p.credit_class, p.category,
        count(*), coalesce(sum(h.unresolved), 0)::bigint, coalesce(sum(k.complaints), 0)::bigint
    FROM premises AS p
    LEFT JOIN (
        SELECT hazard.premises_id, count(*) AS unresolved
        FROM hazard
        WHERE
            hazard.found_on <= %(as_of)s
            AND (hazard.resolved_on IS NULL OR hazard.resolved_on > %(as_of)s)
        GROUP BY hazard.premises_id
    ) AS h ON p.id = h.premises_id
    LEFT JOIN (
        SELECT complaint.premises_id, count(*) AS complaints
        FROM complaint
        WHERE complaint.received_on > %(complaints_after)s AND complaint.received_on <= %(as_of)s
        GROUP BY complaint.premises_id
    ) AS k ON p.id = k.premises_id
    WHERE
        p.cell_id IS NOT NULL
        AND NOT p.external
        AND NOT EXISTS (SELECT 1 FROM external_division AS e WHERE e.division_id = p.division_id)
        AND (p.opened_on IS NULL OR p.opened_on <= %(as_of)s)
        AND (p.closed_on IS NULL OR p.closed_on > %(as_of)s)
    GROUP BY p.cell_id, p.risk_class, p.credit_class, p.category
    UNION ALL
    SELECT c.cell_id, NULL, NULL, NULL, 0, 0, count(*)
    FROM complaint AS c
    WHERE
        c.premises_id IS NULL
        AND c.cell_id IS NOT NULL
        AND c.received_on > %(complaints_after)s
        AND c.received_on <= %(as_of)s
    GROUP BY c.cell_id
"""

IN_FORCE = """
    SELECT DISTINCT ON (w.cell_id) w.cell_id, w.hours
    FROM cell_workload AS w
    WHERE w.valid_from <= :day AND w.undone_at IS NULL
    ORDER BY w.cell_id, w.valid_from DESC, w.id DESC
"""


COLUMNS = (
    "hours",
    "rule_hours",
    "visits",
    "travel",
    "hazards",
    "complaints",
    "production",
    "circulation",
    "catering",
    "special_food",
    "any_skill",
)
"""Hours that views and reports have of a cell or a zone."""

BY_CELL = """
    SELECT
        c.id, c.code, z.code AS zone, 1 AS cells, w.set_hours, {columns}
    FROM map.workload AS w
    INNER JOIN grid_cell AS c ON w.cell_id = c.id
    LEFT JOIN zone_cell AS m ON c.id = m.cell_id AND m.valid @> CAST(:day AS date)
    LEFT JOIN zone AS z ON m.zone_id = z.id
    WHERE w.as_of = :as_of AND (CAST(:zone AS text) IS NULL OR z.code = :zone)
    ORDER BY w.hours DESC, c.code
"""

BY_ZONE = """
    SELECT
        z.id, z.code, z.code AS zone, count(*) AS cells, sum(w.set_hours) AS set_hours, {columns}
    FROM zone AS z
    INNER JOIN zone_cell AS m ON z.id = m.zone_id AND m.valid @> CAST(:day AS date)
    LEFT JOIN map.workload AS w ON m.cell_id = w.cell_id AND w.as_of = :as_of
    WHERE CAST(:zone AS text) IS NULL OR z.code = :zone
    GROUP BY z.id, z.code
    ORDER BY z.code
"""


@dataclass(frozen=True)
class Hours:
    """Yearly hours of a cell or a zone with their parts, and by skill.

    ``rule_hours`` are ``visits``, ``travel``, ``hazards`` and ``complaints`` together; ``hours``
    are what counts: those set by hand (``set_hours``, None where none are) and those of the rules
    elsewhere; they are divided by skill.
    """

    id: int
    code: str
    zone: str | None
    cells: int
    set_hours: float | None
    hours: float
    rule_hours: float
    visits: float
    travel: float
    hazards: float
    complaints: float
    production: float
    circulation: float
    catering: float
    special_food: float
    any_skill: float

    @property
    def by_skill(self) -> dict[str, float]:
        """Hours that ask for a skill, those without any work left out."""
        hours = {skill.value: float(getattr(self, skill.value)) for skill in SKILLS}
        return {skill: value for skill, value in hours.items() if value > 0}

    def to_dict(self) -> dict[str, Any]:
        """Return the hours as JSON takes them."""
        told = {
            name: round(value, 4) if isinstance(value, float) else value
            for name, value in asdict(self).items()
        }
        del told["id"]
        return told


@dataclass(frozen=True)
class Setting:
    """Hours that somebody set for a cell; ``hours`` is None where the rules count again.

    ``in_force`` tells whether it counts on the day it was asked for, ``ended`` whether the cell is
    no more, so that nothing depends on it.
    """

    id: int
    cell: str
    hours: float | None
    reason: str
    valid_from: date
    set_by: str
    set_at: datetime
    undone_by: str | None
    undone_at: datetime | None
    in_force: bool
    ended: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the setting as JSON takes it."""
        return {
            **asdict(self),
            "valid_from": self.valid_from.isoformat(),
            "set_at": self.set_at.isoformat(),
            "undone_at": None if self.undone_at is None else self.undone_at.isoformat(),
        }


def work(session: Session, as_of: date, complaint_days: float = 365.25) -> pl.DataFrame:
    """Read what makes work in the cells on a day.

    Parameters
    ----------
    session
        An open session.
    as_of
        The day: premises open on it, hazards unresolved on it.
    complaint_days
        Complaints of so many days up to it are counted.

    Returns
    -------
    polars.DataFrame
        One row per cell and class: ``cell_id``, ``risk_class``, ``credit_class``, ``category``,
        ``premises``, ``unresolved``, ``complaints``. Complaints about no registered premises
        stand in a row without premises.
    """
    return frames.read(
        session,
        WORK,
        {
            "cell_id": pl.Int64,
            "risk_class": pl.String,
            "credit_class": pl.String,
            "category": pl.String,
            "premises": pl.Int64,
            "unresolved": pl.Int64,
            "complaints": pl.Int64,
        },
        {"as_of": as_of, "complaints_after": as_of - timedelta(days=round(complaint_days))},
    )


def by_cell(session: Session, as_of: date, zone: str | None = None) -> list[Hours]:
    """Read the hours of cells from the run of a day, most first.

    Parameters
    ----------
    session
        An open session.
    as_of
        Day of a run (`gis_supervision.assignment.cell_work.stored`); zones are those of the day.
    zone
        Only cells of the zone with this code.
    """
    columns = ", ".join(f"w.{name}" for name in COLUMNS)
    return _hours(session, BY_CELL.format(columns=columns), as_of, as_of, zone)


def by_zone(
    session: Session, as_of: date, zone: str | None = None, *, day: date | None = None
) -> list[Hours]:
    """Read the hours of zones from the run of a day, by code; see `by_cell`.

    ``day`` is the day whose zones are meant; left out: that of the run.
    """
    columns = ", ".join(f"coalesce(sum(w.{name}), 0) AS {name}" for name in COLUMNS)
    return _hours(session, BY_ZONE.format(columns=columns), as_of, day or as_of, zone)


def _hours(session: Session, query: str, as_of: date, day: date, zone: str | None) -> list[Hours]:
    rows = session.execute(text(query), {"as_of": as_of, "day": day, "zone": zone}).mappings().all()
    if zone is not None and not rows:
        raise NotFoundError("no zone has code %(zone)r on %(day)s", zone=zone, day=day)
    return [Hours(**row) for row in rows]


def set_hours(session: Session, day: date) -> dict[int, float]:
    """Return the hours by cell id that dispatchers set and that count on a day."""
    rows = session.execute(text(IN_FORCE), {"day": day})
    return {cell: hours for cell, hours in rows if hours is not None}


def set_cell(
    session: Session, code: str, hours: float | None, *, reason: str, by: str, valid_from: date
) -> int:
    """Set the yearly hours of a cell from a day on.

    Parameters
    ----------
    session
        An open session; the caller commits.
    code
        Code of a cell of the grid in force.
    hours
        Hours a year; None lets the rules count again.
    reason, by
        Why, and who says so.
    valid_from
        First day on which they count.

    Returns
    -------
    int
        Id of the setting.

    Raises
    ------
    InvalidInputError
        When hours are negative, no number or more than a year has, or reason or name are empty.
    NotFoundError
        When there is no such cell now; the message has the nearest code.
    """
    if hours is not None:
        checked_year_hours("hours", hours)
    actor = checked_actor(by)
    if not reason.strip():
        raise InvalidInputError("hours of a cell: expected a reason")
    row = CellWorkload(
        cell_id=_cell(session, code),
        hours=hours,
        reason=reason.strip(),
        valid_from=valid_from,
        set_by=actor,
    )
    session.add(row)
    session.flush()
    return row.id


def undo(session: Session, code: str, *, by: str, setting: int | None = None) -> Setting:
    """Take back what was set for a cell last, or one setting by its id; it stays in the log.

    Raises
    ------
    InvalidInputError
        When nobody says who undoes it.
    NotFoundError
        When there is no such cell or setting.
    ConflictError
        When nothing is left to undo, or that setting is undone already.
    """
    actor = checked_actor(by)
    wanted = select(CellWorkload).where(CellWorkload.cell_id == _cell(session, code))
    if setting is not None:
        wanted = wanted.where(CellWorkload.id == setting)
    rows = session.scalars(wanted.order_by(CellWorkload.id.desc()).with_for_update()).all()
    if setting is not None and not rows:
        raise NotFoundError(
            "cell %(code)s: there is no setting %(setting)s", code=code, setting=setting
        )
    row = next((one for one in rows if one.undone_at is None), None)
    if row is None:
        raise ConflictError("cell %(code)s: nothing that was set is left to undo", code=code)
    now = session.scalars(select(func.clock_timestamp())).one()
    row.undone_by, row.undone_at = actor, now
    session.flush()
    return next(one for one in log(session, row.valid_from, code) if one.id == row.id)


def log(session: Session, day: date, code: str | None = None) -> list[Setting]:
    """List everything that was set, newest first, of one cell or of all.

    Parameters
    ----------
    session
        An open session.
    day
        Day that ``in_force`` speaks of.
    code
        Code of a cell, past ones as well; left out: all cells.

    Raises
    ------
    NotFoundError
        There never was a cell with that code.
    """
    if code is not None and not session.scalar(select(exists().where(GridCell.code == code))):
        raise NotFoundError("there never was a cell with code %(code)r", code=code)
    statement = (
        select(
            CellWorkload,
            GridCell.code,
            func.upper_inf(GridCell.valid).label("exists"),
            CellWorkload.id.in_(select(text("s.id")).select_from(text(f"({_IDS_IN_FORCE}) AS s"))),
        )
        .join(GridCell, CellWorkload.cell_id == GridCell.id)
        .order_by(CellWorkload.id.desc())
    )
    if code is not None:
        statement = statement.where(GridCell.code == code)
    return [
        Setting(
            id=row.id,
            cell=cell,
            hours=row.hours,
            reason=row.reason,
            valid_from=row.valid_from,
            set_by=row.set_by,
            set_at=row.set_at,
            undone_by=row.undone_by,
            undone_at=row.undone_at,
            in_force=counts,
            ended=not exists,
        )
        for row, cell, exists, counts in session.execute(statement, {"day": day})
    ]


_IDS_IN_FORCE = IN_FORCE.replace("w.cell_id, w.hours", "w.cell_id, w.id", 1)


def _cell(session: Session, code: str) -> int:
    found = session.scalars(
        select(GridCell.id).where(GridCell.code == code, func.upper_inf(GridCell.valid))
    ).first()
    if found is not None:
        return found
    known = session.scalars(select(GridCell.code).where(func.upper_inf(GridCell.valid))).all()
    near = difflib.get_close_matches(code, known, n=1)
    hint = Message(" (did you mean %(near)r?)", near=near[0]) if near else ""
    raise NotFoundError(
        "no cell of the grid in force has code %(code)r%(hint)s", code=code, hint=hint
    )

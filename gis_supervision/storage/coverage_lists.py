"""Lists behind coverage: next visits, gaps, premises left out, months."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import text

from gis_supervision.errors import InvalidInputError, NotFoundError
from gis_supervision.storage import substitutes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from sqlalchemy.orm import Session

    from gis_supervision.domain.rules import RulePack
    from gis_supervision.storage.analyses import Run

REASONS: Final = (
    "external",
    "not_open",
    "closed",
    "no_rule",
    "not_located",
    "approximate",
    "outside",
)
"""Why a premises is in no total, or in that of no cell.

``external``, ``not_open`` and ``closed``: it is out of scope on the day. ``no_rule``: the rules
demand no visit of it. ``not_located``, ``approximate`` and ``outside``: it counts in its division
and in the whole area, but in no cell and no zone: it has no point, only that of its division, or
one that no cell covers.
"""

UNITS: Final = ("area", "division", "zone", "cell", "category")
"""Units that have a series."""

_NAMES = {
    "area": "NULL::text",
    "division": "(SELECT d.name FROM division AS d WHERE d.id = m.unit_id)",
    "zone": "(SELECT z.code FROM zone AS z WHERE z.id = m.unit_id)",
    "cell": "(SELECT c.code FROM grid_cell AS c WHERE c.id = m.unit_id)",
    "category": "(SELECT k.name FROM category AS k WHERE k.id = m.unit_id)",
}

_COUNTS = {
    name: name
    for name in ("premises", "due", "in_time", "overdue", "no_rule", "not_located", "outside")
} | {"never_inspected": "never"}


@dataclass(frozen=True)
class NextVisit:
    """When a premises is to be visited next at the latest; a date before the report is overdue."""

    licence: str
    name: str
    category: str | None
    risk_class: str | None
    address: str | None
    division: str | None
    zone: str | None
    inspector: str | None
    staff_number: str | None
    status: str
    visited_on: date | None
    due_on: date | None
    checklist_due_on: date | None

    @property
    def first_on(self) -> date:
        """The earlier of the two dates."""
        return min(day for day in (self.due_on, self.checklist_due_on) if day is not None)

    def to_dict(self) -> dict[str, Any]:
        """Return the row as JSON takes it."""
        return asdict(self)


@dataclass(frozen=True)
class LeftOut:
    """A premises that is in no total, or in that of no cell, and why."""

    reason: str
    licence: str
    name: str
    category: str | None
    risk_class: str | None
    address: str | None
    division: str | None

    def to_dict(self) -> dict[str, Any]:
        """Return the row as JSON takes it."""
        return asdict(self)


@dataclass(frozen=True)
class UnattendedCell:
    """A cell with premises and no responsible inspector; ``reason`` tells what is lacking."""

    code: str
    division: str | None
    zone: str | None
    reason: str
    premises: int

    def to_dict(self) -> dict[str, Any]:
        """Return the row as JSON takes it."""
        return asdict(self)


@dataclass(frozen=True)
class Month:
    """Coverage of a unit at the end of a month."""

    period_end: date
    unit: str | None
    premises: int
    due: int
    in_time: int
    overdue: int
    never_inspected: int
    no_rule: int
    not_located: int
    outside: int
    share_on_time: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return the row as JSON takes it."""
        return asdict(self)


def days_after(day: date, days: int) -> date:
    """Return the day so many days later.

    Raises
    ------
    InvalidInputError
        When the calendar does not go so far.
    """
    try:
        return day + timedelta(days=days)
    except OverflowError as error:
        raise InvalidInputError(
            "days %(days)s: the calendar does not go so far", days=days
        ) from error


def next_visits(
    session: Session,
    run: Run,
    *,
    until: date | None = None,
    zone: str | None = None,
    inspector: str | None = None,
    never: bool = False,
    most: int | None = None,
    rules: RulePack | None = None,
) -> list[NextVisit]:
    """List the premises whose next visit or full checklist is due, the most urgent first.

    Parameters
    ----------
    session
        An open session.
    run
        Of coverage, as of the day of the report.
    until
        Last date of what is due; left out: all.
    zone
        Code of a zone in force on the day; left out: all, premises in no zone too.
    inspector
        Staff number of who is responsible on the day; left out: all.
    never
        Only premises that were never visited.
    most
        Largest number to list.
    rules
        Rule pack that tells which certificates premises ask for, so that who takes those from which
        the inspector of the zone is recused is named; left out: nobody is.

    Returns
    -------
    list of NextVisit

    Raises
    ------
    NotFoundError
        No zone or no inspector has that name on the day.
    """
    if zone is not None and not _known(session, "zone_membership", "code", zone, run.as_of):
        raise NotFoundError("no zone %(zone)r is in force on %(as_of)s", zone=zone, as_of=run.as_of)
    if inspector is not None and not _known(
        session, "zone_inspector", "staff_number", inspector, run.as_of
    ):
        raise NotFoundError(
            "inspector %(inspector)r has no zone on %(as_of)s", inspector=inspector, as_of=run.as_of
        )
    taken = {} if rules is None else substitutes.taken_on(session, run.as_of, rules)
    taking = {number: who for number, who in taken.items() if who is not None}
    rows = session.execute(
        text("""
            SELECT
                v.licence, v.name, v.category, v.risk_class, v.address, v.division, v.zone,
                coalesce(v.inspector, o.name) AS inspector,
                coalesce(v.staff_number, o.staff_number) AS staff_number,
                v.status, v.visited_on, v.due_on, v.checklist_due_on
            FROM covered_premises AS v
            LEFT JOIN unnest(
                CAST(:taken AS bigint[]), CAST(:numbers AS text[]), CAST(:names AS text[])
            ) AS o (premises_id, staff_number, name) ON v.premises_id = o.premises_id
            WHERE
                v.run_id = :run
                AND least(v.due_on, v.checklist_due_on) <= coalesce(:until, 'infinity'::date)
                AND (CAST(:zone AS text) IS NULL OR v.zone = :zone)
                AND (
                    CAST(:inspector AS text) IS NULL
                    OR coalesce(v.staff_number, o.staff_number) = :inspector
                )
                AND (NOT :never OR v.status = 'never')
            ORDER BY least(v.due_on, v.checklist_due_on), v.licence
            LIMIT :most
        """),
        {
            "run": run.id,
            "until": until,
            "zone": zone,
            "inspector": inspector,
            "never": never,
            "most": most,
            "taken": list(taking),
            "numbers": [who.staff_number for who in taking.values()],
            "names": [who.name for who in taking.values()],
        },
    )
    return [NextVisit(**row) for row in rows.mappings()]


def left_out(session: Session, run: Run, *reasons: str) -> list[LeftOut]:
    """List the premises that are left out, with the reason, by reason and licence.

    Parameters
    ----------
    session
        An open session.
    run
        Of coverage, as of the day of the report.
    *reasons
        Of `REASONS`; left out: all.

    Raises
    ------
    InvalidInputError
        A reason is not known.
    """
    for reason in reasons:
        if reason not in REASONS:
            raise InvalidInputError(
                "reason %(reason)r: expected one of %(reasons)s",
                reason=reason,
                reasons=", ".join(REASONS),
            )
    rows = session.execute(
        text("""
            SELECT
                v.left_out AS reason, v.licence, v.name, v.category, v.risk_class, v.address,
                v.division
            FROM covered_premises AS v
            WHERE v.run_id = :run AND v.left_out = ANY(:wanted)
            ORDER BY array_position(:wanted, v.left_out), v.licence
        """),
        {"run": run.id, "wanted": list(reasons or REASONS)},
    )
    return [LeftOut(**row) for row in rows.mappings()]


def unattended_cells(session: Session, run: Run) -> list[UnattendedCell]:
    """List the cells with premises for which nobody is responsible, those with most first."""
    rows = session.execute(
        text("""
            SELECT g.code, g.division, g.zone, g.reason, g.premises
            FROM uncovered_cell AS g
            WHERE g.run_id = :run
            ORDER BY g.premises DESC, g.code
        """),
        {"run": run.id},
    )
    return [UnattendedCell(**row) for row in rows.mappings()]


def months(session: Session, run: Run, unit: str = "area") -> list[Month]:
    """List coverage at the end of every month, by name of the unit and month.

    Parameters
    ----------
    session
        An open session.
    run
        Of coverage over months.
    unit
        One of `UNITS`.

    Raises
    ------
    InvalidInputError
        There is no series of such a unit.
    """
    if unit not in UNITS:
        raise InvalidInputError(
            "unit %(unit)r: expected one of %(units)s", unit=unit, units=", ".join(UNITS)
        )
    counts = ", ".join(
        f"coalesce(max(s.value) FILTER (WHERE s.metric = '{metric}'), 0)::integer AS {name}"
        for name, metric in _COUNTS.items()
    )
    rows = session.execute(
        text(f"""
            SELECT
                m.*, {_NAMES[unit]} AS name,
                m.in_time / nullif(m.due, 0)::double precision AS share_on_time
            FROM (
                SELECT s.unit_id, s.period_end, {counts}
                FROM cell_series AS s
                WHERE s.run_id = :run AND s.unit = :unit
                GROUP BY s.unit_id, s.period_end
            ) AS m
            ORDER BY name NULLS FIRST, m.unit_id, m.period_end
        """),  # noqa: S608 - constants
        {"run": run.id, "unit": unit},
    )
    return [
        Month(unit=row["name"], **{key: row[key] for key in row if key not in {"name", "unit_id"}})
        for row in rows.mappings()
    ]


def by_zone(visits: Sequence[NextVisit], as_of: date) -> list[tuple[str | None, int, int]]:
    """Count visits by zone: those overdue, and those still in time."""
    counted: dict[str | None, list[int]] = {}
    for visit in visits:
        counted.setdefault(visit.zone, [0, 0])[visit.first_on >= as_of] += 1
    return [
        (zone, late, open_) for zone, (late, open_) in sorted(counted.items(), key=_named_first)
    ]


def _named_first(item: tuple[str | None, Any]) -> tuple[bool, str]:
    return item[0] is None, item[0] or ""


def _known(session: Session, view: str, column: str, value: str, as_of: date) -> bool:
    found = session.scalar(
        text(
            f"SELECT EXISTS (SELECT 1 FROM map.{view} AS v"  # noqa: S608 - constants
            f" WHERE v.{column} = :value AND v.valid @> CAST(:as_of AS date))"
        ),
        {"value": value, "as_of": as_of},
    )
    return bool(found)

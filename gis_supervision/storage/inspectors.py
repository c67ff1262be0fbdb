"""Inspectors: who they are, what they can do, when they are there, what they stay away from.

Periods are half-open as everywhere in the register: ``end`` is the first day that is out.
"""

from __future__ import annotations

import difflib
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, or_, select, text
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.dialects.postgresql import insert as upsert

from gis_supervision.domain import inspectors as domain
from gis_supervision.domain.actors import checked_actor
from gis_supervision.domain.inspectors import Certificate, Period, Skill, Team
from gis_supervision.errors import ConflictError, InvalidInputError, NotFoundError
from gis_supervision.messages import Message
from gis_supervision.storage import endings, recusals
from gis_supervision.storage.dispatch_tables import (
    DivisionLanguage,
    InspectorLeave,
    InspectorSkill,
    InspectorTeam,
)
from gis_supervision.storage.tables import Inspector

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date, datetime

    from sqlalchemy.orm import Session

LEAVE_REASONS = ("leave", "sick", "training", "secondment", "other")


@dataclass(frozen=True)
class NewInspector:
    """An inspector to be stored; ``synthetic`` marks one that was made up for a demonstration.

    ``lat`` and ``lng`` are the home in decimal degrees (WGS84), both or neither.
    """

    staff_number: str
    name: str
    capacity_hours: float
    synthetic: bool = False
    languages: tuple[str, ...] = ()
    lat: float | None = None
    lng: float | None = None
    left_on: date | None = None


@dataclass(frozen=True)
class Absence:
    """One leave of an inspector; the reason is a code, and for dispatchers alone."""

    id: int
    inspector_id: int
    staff_number: str
    name: str
    reason: str
    period: Period
    recorded_by: str


@dataclass(frozen=True)
class Expiry:
    """A certificate that ends soon, or that has ended and was not renewed."""

    staff_number: str
    name: str
    skill: Skill
    number: str | None
    last_day: date
    days_left: int


def register(
    session: Session, people: Sequence[NewInspector], *, by: str | None = None
) -> list[int]:
    """Register inspectors, or bring those of the same staff number up to date.

    Parameters
    ----------
    session
        An open session; the caller commits.
    people
        Everything that is kept of a person beside skills, leave, recusals and teams.
    by
        Who does it; kept, with the time, of those who are new or changed.

    Returns
    -------
    list of int
        Their ids, in the given order.

    Raises
    ------
    InvalidInputError
        When a staff number is given twice, or half a pair of coordinates, or hours a year that no
        year has.
    """
    if not people:
        return []
    numbers = [person.staff_number for person in people]
    if len(set(numbers)) < len(numbers):
        twice = sorted({number for number in numbers if numbers.count(number) > 1})
        raise InvalidInputError("staff number %(twice)s: given twice", twice=", ".join(twice))
    for person in people:
        if (person.lat is None) != (person.lng is None):
            raise InvalidInputError(
                "inspector %(staff_number)s: half a pair of coordinates",
                staff_number=person.staff_number,
            )
        domain.checked_year_hours(
            f"inspector {person.staff_number}: capacity_hours", person.capacity_hours
        )
    statement = upsert(Inspector)
    now = session.scalars(select(func.clock_timestamp())).one()
    kept = ("name", "capacity_hours", "synthetic", "languages", "home", "left_on")
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["staff_number"],
            set_={name: statement.excluded[name] for name in (*kept, "recorded_by", "recorded_at")},
            where=or_(
                *(
                    getattr(Inspector, name).is_distinct_from(statement.excluded[name])
                    for name in kept
                )
            ),
        ),
        [
            {
                "staff_number": person.staff_number,
                "name": person.name,
                "capacity_hours": person.capacity_hours,
                "synthetic": person.synthetic,
                "languages": sorted(set(person.languages)),
                "home": (
                    None
                    if person.lat is None
                    else f"SRID=4326;POINT({person.lng!r} {person.lat!r})"
                ),
                "left_on": person.left_on,
                "recorded_by": None if by is None else checked_actor(by),
                "recorded_at": now,
            }
            for person in people
        ],
    )
    ids = ids_of(session, numbers)
    return [ids[number] for number in numbers]


def recorded(session: Session, inspector_id: int) -> tuple[str | None, datetime | None]:
    """Return who registered or changed an inspector last (None: the software itself), and when.

    The time is None where that was before it was kept.
    """
    row = session.get_one(Inspector, inspector_id, populate_existing=True)
    return row.recorded_by, row.recorded_at


def of(session: Session, ids: Sequence[int]) -> list[NewInspector]:
    """Return what `register` keeps of some inspectors, as it is now."""
    rows = session.execute(
        select(
            Inspector,
            func.st_y(Inspector.home).label("lat"),
            func.st_x(Inspector.home).label("lng"),
        )
        .where(Inspector.id.in_(list(ids)))
        .order_by(Inspector.staff_number.collate("C"))
        .execution_options(populate_existing=True)
    )
    return [
        NewInspector(
            staff_number=row.staff_number,
            name=row.name,
            capacity_hours=row.capacity_hours,
            synthetic=row.synthetic,
            languages=tuple(row.languages),
            lat=lat,
            lng=lng,
            left_on=row.left_on,
        )
        for row, lat, lng in rows
    ]


def certificates_of(session: Session, inspector_id: int) -> list[Certificate]:
    """Return all certificates of an inspector, by skill and first day."""
    rows = session.scalars(
        select(InspectorSkill)
        .where(InspectorSkill.inspector_id == inspector_id)
        .order_by(InspectorSkill.skill, func.lower(InspectorSkill.valid))
    )
    return [Certificate(Skill(r.skill), _period(r.valid), r.certificate_number) for r in rows]


def ids_of(session: Session, staff_numbers: Iterable[str]) -> dict[str, int]:
    """Return the ids of the inspectors with these staff numbers; unknown ones are left out."""
    rows = session.execute(
        select(Inspector.staff_number, Inspector.id).where(
            Inspector.staff_number.in_(list(staff_numbers))
        )
    )
    return {number: found for number, found in rows}  # noqa: C416 - rows, not pairs


def held(session: Session, staff_number: str) -> list[int]:
    """Return the id of whoever has a staff number, if anybody has.

    Nobody else registers or changes that inspector until the transaction ends.
    """
    # who is new has no row yet that could be locked
    key = func.hashtextextended(f"gis_supervision.inspector.{staff_number}", 0)
    session.execute(select(func.pg_advisory_xact_lock(key)))
    who = select(Inspector.id).where(Inspector.staff_number == staff_number).with_for_update()
    return list(session.scalars(who))


def find(session: Session, staff_number: str) -> int:
    """Return the id of an inspector.

    Raises
    ------
    NotFoundError
        When nobody has that staff number; the message has the nearest one.
    """
    found = ids_of(session, [staff_number])
    if staff_number in found:
        return found[staff_number]
    known = session.scalars(select(Inspector.staff_number)).all()
    near = difflib.get_close_matches(staff_number, known, n=1)
    hint = Message(" (did you mean %(near)r?)", near=near[0]) if near else ""
    raise NotFoundError(
        "no inspector has staff number %(staff_number)r%(hint)s",
        staff_number=staff_number,
        hint=hint,
    )


def on(
    session: Session, day: date, end: date | None = None, *, ids: Sequence[int] | None = None
) -> list[domain.Inspector]:
    """Read the inspectors with everything that assignments depend on.

    Parameters
    ----------
    session
        An open session.
    day, end
        The day, or the period from ``day`` to the day before ``end``: leave that touches it,
        recusals that hold on some day of it, the team of its first day. All certificates are
        given; `domain.inspectors.Inspector.skills` tells those that hold on a day.
    ids
        Only these inspectors; left out: everybody who has not left by ``day``.

    Returns
    -------
    list of domain.inspectors.Inspector
        By staff number.
    """
    who = select(
        Inspector.id,
        Inspector.staff_number,
        Inspector.name,
        Inspector.capacity_hours,
        Inspector.languages,
        func.st_y(Inspector.home).label("lat"),
        func.st_x(Inspector.home).label("lng"),
        Inspector.left_on,
        Inspector.synthetic,
    ).order_by(Inspector.staff_number.collate("C"))
    if ids is None:
        who = who.where(or_(Inspector.left_on.is_(None), Inspector.left_on > day))
    else:
        who = who.where(Inspector.id.in_(list(ids)))
    people = session.execute(who).mappings().all()
    span = func.daterange(day, end, "[)") if end is not None else func.daterange(day, day, "[]")
    certificates: defaultdict[int, list[Certificate]] = defaultdict(list)
    for row in session.execute(
        select(InspectorSkill).order_by(InspectorSkill.skill, func.lower(InspectorSkill.valid))
    ).scalars():
        certificates[row.inspector_id].append(
            Certificate(Skill(row.skill), _period(row.valid), row.certificate_number)
        )
    leave: defaultdict[int, list[Period]] = defaultdict(list)
    for away in session.execute(
        select(InspectorLeave)
        .where(InspectorLeave.valid.op("&&")(span))
        .order_by(func.lower(InspectorLeave.valid))
    ).scalars():
        leave[away.inspector_id].append(_period(away.valid))
    premises, owners = recusals.targets(session, day, end)
    teams: dict[int, Team] = {}
    for team in session.execute(
        select(InspectorTeam).where(InspectorTeam.valid.op("@>")(day))
    ).scalars():
        teams[team.lead_id] = Team("A", team.assistant_id)
        teams[team.assistant_id] = Team("B", team.lead_id)
    return [
        domain.Inspector(
            id=person["id"],
            staff_number=person["staff_number"],
            name=person["name"],
            capacity_hours=person["capacity_hours"],
            certificates=tuple(certificates[person["id"]]),
            leave=tuple(leave[person["id"]]),
            languages=frozenset(person["languages"]),
            lat=person["lat"],
            lng=person["lng"],
            recused_premises=frozenset(premises[person["id"]]),
            recused_owners=frozenset(owners[person["id"]]),
            team=teams.get(person["id"]),
            left_on=person["left_on"],
            synthetic=person["synthetic"],
        )
        for person in people
    ]


def certify(
    session: Session,
    inspector_id: int,
    skill: Skill,
    valid: Period,
    *,
    number: str | None = None,
    by: str | None = None,
) -> None:
    """Give an inspector a certificate; from its first day on it takes the place of older ones.

    Raises
    ------
    InvalidInputError
        When the certificate holds on no day.
    ConflictError
        When one that begins later overlaps it.
    """
    valid.required(Message("certificate"))
    old = session.scalars(
        select(InspectorSkill).where(
            InspectorSkill.inspector_id == inspector_id,
            InspectorSkill.skill == skill.value,
            InspectorSkill.valid.op("&&")(func.daterange(valid.first, valid.end)),
        )
    ).all()
    for row in old:
        begins = row.valid.lower
        if begins == valid.first:
            session.delete(row)
        elif valid.first is not None and (begins is None or begins < valid.first):
            row.valid = Range(begins, valid.first)
        else:
            raise ConflictError(
                "there is a later certificate from %(begins)s on: withdraw it first, or end this "
                "one before it",
                begins=begins,
            )
    session.flush()
    session.add(
        InspectorSkill(
            inspector_id=inspector_id,
            skill=skill.value,
            certificate_number=number,
            valid=Range(valid.first, valid.end),
            recorded_by=by and checked_actor(by),
        )
    )
    session.flush()


def withdraw_certificate(
    session: Session, inspector_id: int, skill: Skill, day: date, *, by: str
) -> int:
    """End an inspector's certificates of a skill on a day; returns how many were ended.

    Who ended them is kept (`gis_supervision.storage.endings`).
    """
    rows = session.scalars(
        select(InspectorSkill).where(
            InspectorSkill.inspector_id == inspector_id,
            InspectorSkill.skill == skill.value,
            InspectorSkill.valid.op("&&")(func.daterange(day, None)),
        )
    ).all()
    for row in rows:
        endings.record(session, "certificate", inspector_id, row.skill, row.valid, day, by=by)
        if row.valid.lower is not None and row.valid.lower >= day:
            session.delete(row)
        else:
            row.valid = Range(row.valid.lower, day)
    session.flush()
    return len(rows)


def expiring(session: Session, day: date, within_days: int) -> list[Expiry]:
    """List certificates whose last day is less than ``within_days`` days after a day.

    One that was renewed is left out; one that has ended and was not renewed stays in the list, with
    ``days_left`` below zero, while the inspector works here.
    """
    rows = session.execute(
        text(
            "SELECT i.staff_number, i.name, s.skill, s.certificate_number AS number,"
            " upper(s.valid) - 1 AS last_day, upper(s.valid) - 1 - CAST(:day AS date) AS days_left"
            " FROM inspector_skill AS s INNER JOIN inspector AS i ON s.inspector_id = i.id"
            " WHERE upper(s.valid) <= CAST(:day AS date) + CAST(:within AS integer)"
            " AND (i.left_on IS NULL OR i.left_on > CAST(:day AS date))"
            " AND NOT EXISTS (SELECT 1 FROM inspector_skill AS o WHERE o.inspector_id = i.id"
            " AND o.skill = s.skill AND (o.valid >> s.valid OR upper_inf(o.valid)))"
            ' ORDER BY upper(s.valid), i.staff_number COLLATE "C", s.skill'
        ),
        {"day": day, "within": within_days + 1},
    ).mappings()
    return [Expiry(**{**row, "skill": Skill(row["skill"])}) for row in rows]


def take_leave(session: Session, inspector_id: int, period: Period, *, reason: str, by: str) -> int:
    """Record days on which an inspector is not there.

    Returns
    -------
    int
        Id of the leave.

    Raises
    ------
    InvalidInputError
        When the reason is not known, or the leave has no beginning, end or day.
    ConflictError
        When another leave of the inspector touches it.
    """
    if reason not in LEAVE_REASONS:
        raise InvalidInputError(
            "reason %(reason)r: expected one of %(leave_reasons)s",
            reason=reason,
            leave_reasons=", ".join(LEAVE_REASONS),
        )
    if period.first is None or period.end is None:
        raise InvalidInputError("leave: expected a first and a last day")
    period.required(Message("leave"))
    other = session.scalars(
        select(InspectorLeave).where(
            InspectorLeave.inspector_id == inspector_id,
            InspectorLeave.valid.op("&&")(func.daterange(period.first, period.end)),
        )
    ).first()
    if other is not None:
        raise ConflictError(
            "there is a leave from %(lower)s to before %(upper)s already: end it first",
            lower=other.valid.lower,
            upper=other.valid.upper,
        )
    row = InspectorLeave(
        inspector_id=inspector_id,
        reason=reason,
        valid=Range(period.first, period.end),
        recorded_by=checked_actor(by),
    )
    session.add(row)
    session.flush()
    return row.id


def end_leave(session: Session, inspector_id: int, day: date, *, by: str) -> Absence | None:
    """End the leave that holds on a day, or the next one after it: back from that day on.

    Leave that goes on without a day between is one; what has not begun by that day is taken away.
    Who ended it is kept (`gis_supervision.storage.endings`). Returns the leave as it was, None
    without one.
    """
    known = [one for one in absences(session, day, None) if one.inspector_id == inspector_id]
    if not known:
        return None
    first = known[0]
    end = first.period.end
    for one in known:
        if end is None or one.period.first is None or one.period.first > end:
            break
        end = one.period.end
        row = session.get_one(InspectorLeave, one.id)
        endings.record(session, "leave", inspector_id, row.reason, row.valid, day, by=by)
        if one.period.first >= day:
            session.delete(row)
        else:
            row.valid = Range(one.period.first, day)
    session.flush()
    return replace(first, period=Period(first.period.first, end))


def absences(session: Session, day: date, end: date | None) -> list[Absence]:
    """List the leave that touches a period (``end`` None: everything from ``day`` on)."""
    rows = session.execute(
        select(InspectorLeave, Inspector.staff_number, Inspector.name)
        .join(Inspector, InspectorLeave.inspector_id == Inspector.id)
        .where(InspectorLeave.valid.op("&&")(func.daterange(day, end)))
        .order_by(func.lower(InspectorLeave.valid), Inspector.staff_number.collate("C"))
    )
    return [
        Absence(
            row.id, row.inspector_id, number, name, row.reason, _period(row.valid), row.recorded_by
        )
        for row, number, name in rows
    ]


def _period(valid: Range[date]) -> Period:
    return Period(valid.lower, valid.upper)


def speak(session: Session, division_id: int, languages: Iterable[str]) -> None:
    """Say in which languages businesses of a division are spoken to; none: as in the one above."""
    session.execute(delete(DivisionLanguage).where(DivisionLanguage.division_id == division_id))
    rows = [{"division_id": division_id, "language": code} for code in sorted(set(languages))]
    if rows:
        session.execute(insert(DivisionLanguage), rows)

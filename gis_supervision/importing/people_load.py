"""From checked rows about inspectors to the register: all or nothing, and the same only once."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from gis_supervision.domain.datums import to_wgs84
from gis_supervision.domain.inspectors import Certificate
from gis_supervision.errors import SupervisionError
from gis_supervision.importing import people
from gis_supervision.importing.people import Row, Tables, Wrong, period_of
from gis_supervision.messages import Message, Translate, english, joined
from gis_supervision.storage import inspectors, recusals, teams
from gis_supervision.storage.inspectors import NewInspector

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy.orm import Session

OUTCOMES = ("new", "changed", "unchanged")


@dataclass(frozen=True)
class Loading:
    """What became of files about inspectors.

    Attributes
    ----------
    loaded
        False where a row was wrong: then nothing was written.
    counts
        Rows that were new, changed and unchanged, by table.
    wrong
        Every wrong value.
    """

    loaded: bool
    counts: dict[str, dict[str, int]]
    wrong: tuple[Wrong, ...]

    def to_dict(self, translate: Translate = english) -> dict[str, Any]:
        """Return everything as JSON takes it, what was expected in a language."""
        return {
            "status": "loaded" if self.loaded else "refused",
            "counts": self.counts,
            "wrong": [one.to_dict(translate) for one in self.wrong],
        }


def load(
    session: Session,
    paths: list[Path],
    *,
    by: str,
    datum: str = "CGCS2000",
    synthetic: bool = False,
) -> Loading:
    """Load files about inspectors; one wrong row and nothing is written.

    Parameters
    ----------
    session
        An open session; the caller commits.
    paths
        CSV files or workbooks, see `gis_supervision.importing.people`.
    by
        Who loads them; kept with everything that is new or changed.
    datum
        Datum of the homes' coordinates.
    synthetic
        Whether the people are made up.

    Returns
    -------
    Loading
        Inspectors are brought up to date by staff number. Certificates, leave, recusals and teams
        are added to what is there; what contradicts it is a wrong row.
    """
    tables = people.read(paths)
    if tables.wrong:
        return Loading(loaded=False, counts={}, wrong=tuple(tables.wrong))
    counts = {kind: Counter[str]() for kind, rows in tables.rows.items() if rows}
    with session.begin_nested() as attempt:
        _inspectors(session, tables, counts, datum, by=by, synthetic=synthetic)
        tables.wrong.extend(_overlaps(tables))
        ids = _known(session, tables)
        writers: dict[str, Callable[[Row], bool]] = {
            "skills": lambda row: _skill(session, row, ids, by),
            "leave": lambda row: _leave(session, row, ids, by),
            "recusals": lambda row: _recusal(session, row, ids, by),
            "teams": lambda row: teams.team_up(
                session,
                ids[row.values["lead"]],
                ids[row.values["assistant"]],
                period_of(row),
                by=by,
            ),
        }
        for kind, write in writers.items():
            for row in tables.rows[kind]:
                if any(row.values[name] not in ids for name in _STAFF[kind]):
                    continue
                try:
                    counts[kind]["new" if write(row) else "unchanged"] += 1
                except SupervisionError as error:
                    tables.wrong.append(row.wrong(_BLAMED[kind], joined([error])))
        if tables.wrong:
            attempt.rollback()
    if tables.wrong:
        session.expire_all()
        return Loading(loaded=False, counts={}, wrong=tuple(tables.wrong))
    return Loading(
        loaded=True,
        counts={kind: {name: told[name] for name in OUTCOMES} for kind, told in counts.items()},
        wrong=(),
    )


_STAFF = {
    "skills": ("staff_number",),
    "leave": ("staff_number",),
    "recusals": ("staff_number",),
    "teams": ("lead", "assistant"),
}
_BLAMED = {"skills": "skill", "leave": "first_day", "recusals": "licence", "teams": "lead"}


def _inspectors(
    session: Session,
    tables: Tables,
    counts: dict[str, Counter[str]],
    datum: str,
    *,
    by: str,
    synthetic: bool,
) -> None:
    """Register the people of the file; one staff number stands in one row."""
    seen: dict[str, int] = {}
    new: list[NewInspector] = []
    for row in tables.rows["inspectors"]:
        has = row.values
        number = has["staff_number"]
        if number in seen:
            tables.wrong.append(
                row.wrong(
                    "staff_number",
                    Message("a number that is not in row %(seen)s already", seen=seen[number]),
                )
            )
            continue
        seen[number] = row.row
        lat = lng = None
        if "home_lat" in has:
            try:
                x, y = to_wgs84([has["home_lng"]], [has["home_lat"]], datum)
            except SupervisionError as error:
                tables.wrong.append(row.wrong("home_lng", joined([error])))
                continue
            # a tenth of a metre is enough, and the same whatever the last bits of a shift are
            lng, lat = round(float(x[0]), 6), round(float(y[0]), 6)
        new.append(
            NewInspector(
                staff_number=number,
                name=has["name"],
                capacity_hours=has["capacity_hours"],
                synthetic=synthetic,
                languages=has.get("languages", ()),
                lat=lat,
                lng=lng,
                left_on=has.get("left_on"),
            )
        )
    if not new:
        return
    numbers = [one.staff_number for one in new]
    before = {
        person.staff_number: person
        for person in inspectors.of(session, list(inspectors.ids_of(session, numbers).values()))
    }
    for one in new:
        kept = before.get(one.staff_number)
        outcome = "new" if kept is None else "unchanged" if kept == one else "changed"
        counts["inspectors"][outcome] += 1
    inspectors.register(session, new, by=by)


def _overlaps(tables: Tables) -> list[Wrong]:
    """Tell certificates of one skill and person that overlap within the files."""
    wrong = []
    before: dict[tuple[str, str], list[Row]] = {}
    for row in tables.rows["skills"]:
        others = before.setdefault((row.values["staff_number"], row.values["skill"]), [])
        mine = period_of(row)
        for other in others:
            theirs = period_of(other)
            starts = (mine.first or date.min, theirs.first or date.min)
            ends = (mine.end or date.max, theirs.end or date.max)
            if max(starts) < min(ends) and row.values != other.values:
                wrong.append(
                    row.wrong(
                        "skill", Message("days that do not overlap row %(row)s", row=other.row)
                    )
                )
        others.append(row)
    return wrong


def _known(session: Session, tables: Tables) -> dict[str, int]:
    """Ids by staff number of everybody the other tables name; tell those who are nobody."""
    named = {
        row.values[name]
        for kind, names in _STAFF.items()
        for row in tables.rows[kind]
        for name in names
    }
    ids = inspectors.ids_of(session, named)
    for kind, names in _STAFF.items():
        for row in tables.rows[kind]:
            tables.wrong.extend(
                row.wrong(
                    name, Message("the staff number of an inspector of the files or the register")
                )
                for name in names
                if row.values[name] not in ids
            )
    return ids


def _skill(session: Session, row: Row, ids: dict[str, int], by: str) -> bool:
    has = row.values
    valid = period_of(row).required(Message("certificate"))
    wanted = Certificate(has["skill"], valid, has.get("certificate_number"))
    person = ids[has["staff_number"]]
    if wanted in inspectors.certificates_of(session, person):
        return False
    inspectors.certify(session, person, wanted.skill, valid, number=wanted.number, by=by)
    return True


def _leave(session: Session, row: Row, ids: dict[str, int], by: str) -> bool:
    person = ids[row.values["staff_number"]]
    period = period_of(row, "first_day", "last_day")
    reason = row.values.get("reason", "leave")
    if period.first is None:
        raise AssertionError  # the column is required
    for one in inspectors.absences(session, period.first, period.end):
        if (one.inspector_id, one.period, one.reason) == (person, period, reason):
            return False
    inspectors.take_leave(session, person, period, reason=reason, by=by)
    return True


def _recusal(session: Session, row: Row, ids: dict[str, int], by: str) -> bool:
    has = row.values
    premises = None
    if "licence" in has:
        premises = recusals.premises_with(session, has["licence"])
    return recusals.add(
        session,
        ids[has["staff_number"]],
        premises_id=premises,
        owner=has.get("owner"),
        reason=has["reason"],
        by=by,
        valid=period_of(row),
    )

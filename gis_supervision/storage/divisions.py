"""Divisions by code: which code was valid when, what succeeded it, whose administration it is."""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.dialects.postgresql import Range

from gis_supervision.domain.divisions import CodePeriod, current_code, likely_external
from gis_supervision.domain.divisions import DivisionCode as CheckedCode
from gis_supervision.errors import ConflictError, InvalidInputError, NotFoundError
from gis_supervision.storage.tables import Division, DivisionCode

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from sqlalchemy.orm import Session


@dataclass(frozen=True)
class DivisionOn:
    """A division with its code on a day.

    ``external`` tells whether it belongs to another administration, by itself or by a division
    above it. ``code`` is None on a day on which it had none.
    """

    id: int
    code: str | None
    name: str
    level: str
    kind: str | None
    parent: str | None
    external: bool
    has_outline: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the division as JSON takes it."""
        return asdict(self)


@dataclass(frozen=True)
class Suggestion:
    """A division that probably belongs to another administration."""

    code: str
    name: str
    level: str

    def to_dict(self) -> dict[str, Any]:
        """Return the suggestion as JSON takes it."""
        return asdict(self)


_ON = """
    SELECT
        d.id, k.code, d.name, d.level, d.kind, up.code AS parent,
        d.id IN (SELECT e.division_id FROM external_division AS e) AS external,
        d.geom IS NOT NULL AS has_outline
    FROM division AS d
    LEFT JOIN division_code AS k ON d.id = k.division_id AND k.valid @> CAST(:day AS date)
    LEFT JOIN division_code AS up ON d.parent_id = up.division_id AND up.valid @> CAST(:day AS date)
"""


def find(session: Session, code: str, *, as_of: date | None = None) -> DivisionOn:
    """Return the division that a code of any time names, with its code as of a day.

    Parameters
    ----------
    session
        An open session.
    code
        A code that is or was valid, for example 654223. Where it named several divisions in the
        course of time, the one that has it on the day counts, else the last.
    as_of
        The day; left out: today.

    Returns
    -------
    DivisionOn
        Its ``code`` is the one of the day: 654203 for 654223 after the change.

    Raises
    ------
    NotFoundError
        The register knows no such code.
    """
    day = as_of or _today(session)
    number = session.scalars(
        select(DivisionCode.division_id)
        .where(DivisionCode.code == code)
        .order_by(DivisionCode.valid.op("@>")(day).desc(), DivisionCode.valid.desc())
    ).first()
    if number is None:
        raise NotFoundError("division %(code)r is not in the register", code=code)
    row = session.execute(text(f"{_ON} WHERE d.id = :id"), {"day": day, "id": number})
    return DivisionOn(**row.mappings().one())


def code_on(session: Session, code: str, day: date) -> str | None:
    """Follow a code to the one that is valid on a day.

    A code below a renamed division follows it: its first digits change, unless the register knows
    a code of its own for it.

    Parameters
    ----------
    session
        An open session.
    code
        A division code of any time: 6, 9 or 12 digits.
    day
        The day.

    Returns
    -------
    str or None
        None where the history ends without a code that is valid on the day.

    Raises
    ------
    InvalidInputError
        It is no division code.
    """
    CheckedCode(code)
    known = [code[:end] for end in (12, 9, 6) if end <= len(code)]
    divisions = select(DivisionCode.division_id).where(DivisionCode.code.in_(known))
    rows = session.scalars(
        select(DivisionCode).where(DivisionCode.division_id.in_(divisions))
    ).all()
    return current_code(code, _periods(rows), day)


def history(session: Session, code: str) -> list[CodePeriod]:
    """List the codes that the division of a code has had, the oldest first.

    Raises
    ------
    NotFoundError
        The register knows no such code.
    """
    number = find(session, code).id
    rows = session.scalars(
        select(DivisionCode).filter_by(division_id=number).order_by(DivisionCode.valid)
    ).all()
    return _periods(rows)


def on(session: Session, day: date | None = None, *, level: str | None = None) -> list[DivisionOn]:
    """List the divisions that have a code on a day, by code."""
    rows = session.execute(
        text(
            f"{_ON} WHERE k.code IS NOT NULL AND (CAST(:level AS text) IS NULL OR d.level = :level)"
            " ORDER BY k.code"
        ),
        {"day": day or _today(session), "level": level},
    )
    return [DivisionOn(**row) for row in rows.mappings()]


def succeed(
    session: Session, code: str, successor: str, *, succeeded_on: date, below: bool = True
) -> list[tuple[str, str]]:
    """Give a division a new code from a day on, as when county 654223 became city 654203.

    Premises keep the code that was written for them; both lead to the same division.

    Parameters
    ----------
    session
        An open session; the caller commits.
    code
        The code that ends. It must be valid on the day before.
    successor
        The new code, of the same length.
    succeeded_on
        First day of the new code.
    below
        Whether the codes of the divisions below change their first digits too.

    Returns
    -------
    list of (code, successor)
        Every code that changed.

    Raises
    ------
    InvalidInputError
        A code is none, they are equal, or of different levels.
    NotFoundError
        The register knows no such code that is in force.
    ConflictError
        Another division has the new code on that day or later.
    """
    old, new = CheckedCode(code), CheckedCode(successor)
    if old.level is not new.level or old == new:
        raise InvalidInputError(
            "division code %(code)s: expected another code of %(count)s digits as successor, got "
            "%(successor)r",
            code=code,
            count=len(code),
            successor=successor,
        )
    known = DivisionCode.code == code
    if below:
        known = DivisionCode.code.startswith(code)
    rows = session.scalars(
        select(DivisionCode)
        .where(known, func.upper_inf(DivisionCode.valid))
        .order_by(DivisionCode.code)
    ).all()
    if code not in {row.code for row in rows}:
        raise NotFoundError("division code %(code)r is not in force in the register", code=code)
    changed = [(row.code, successor + row.code[len(code) :]) for row in rows]
    for row in rows:
        if row.valid.lower is not None and row.valid.lower >= succeeded_on:
            raise ConflictError(
                "division code %(code)s begins on %(lower)s: expected a later day than that, not "
                "%(succeeded_on)s",
                code=row.code,
                lower=row.valid.lower,
                succeeded_on=succeeded_on,
            )
    taken = session.scalars(
        select(DivisionCode.code).where(
            DivisionCode.code.in_([after for _, after in changed]),
            DivisionCode.valid.op("&&")(func.daterange(succeeded_on, None)),
        )
    ).all()
    if taken:
        raise ConflictError(
            "division code %(taken)s: another division has it on or after %(succeeded_on)s",
            taken=", ".join(sorted(taken)),
            succeeded_on=succeeded_on,
        )
    session.execute(
        update(DivisionCode)
        .where(DivisionCode.id.in_([row.id for row in rows]))
        .values(valid=func.daterange(func.lower(DivisionCode.valid), succeeded_on)),
        execution_options={"synchronize_session": False},
    )
    session.execute(
        insert(DivisionCode),
        [
            {
                "division_id": row.division_id,
                "code": after,
                "valid": Range(succeeded_on, None),
            }
            for row, (_, after) in zip(rows, changed, strict=True)
        ],
    )
    session.expire_all()
    return changed


def mark_external(session: Session, codes: Sequence[str], *, external: bool = True) -> list[str]:
    """Mark divisions as belonging to another administration, or take the mark away.

    They and all below them stay on the map, and their premises are left out of denominators.

    Parameters
    ----------
    session
        An open session; the caller commits.
    codes
        Codes of any time.
    external
        The mark.

    Returns
    -------
    list of str
        Names of the divisions, in the given order.

    Raises
    ------
    NotFoundError
        The register does not know one of the codes.
    """
    divisions = [find(session, code) for code in codes]
    session.execute(
        update(Division)
        .where(Division.id.in_([division.id for division in divisions]))
        .values(external=external),
        execution_options={"synchronize_session": False},
    )
    session.expire_all()
    return [division.name for division in divisions]


def suggest_external(session: Session) -> list[Suggestion]:
    """List divisions that are not marked and look like those of another administration.

    See `gis_supervision.domain.divisions.likely_external`.
    """
    found = []
    for division in on(session):
        if division.external or division.code is None:
            continue
        try:
            likely = likely_external(division.code, division.name)
        except InvalidInputError:
            continue  # a code that is not one of the official hierarchy
        if likely:
            found.append(Suggestion(division.code, division.name, division.level))
    return found


def common_code(session: Session, day: date) -> str:
    """Return what the codes of all divisions under supervision begin with on a day.

    Returns
    -------
    str
        Such as ``654202`` for those of one county; empty where there is nothing in common.
    """
    codes = [
        one.code
        for one in on(session, day)
        if not one.external and one.code is not None and one.code.isdigit()
    ]
    same = itertools.takewhile(lambda digits: len(set(digits)) == 1, zip(*codes, strict=False))
    return "".join(digits[0] for digits in same)


def _periods(rows: Sequence[DivisionCode]) -> list[CodePeriod]:
    """Return codes with successors: the code that the same division had next."""
    periods = []
    for row in rows:
        following = next(
            (
                other.code
                for other in rows
                if other.division_id == row.division_id
                and row.valid.upper is not None
                and other.valid.lower == row.valid.upper
                and other.code != row.code
            ),
            None,
        )
        periods.append(CodePeriod(row.code, row.valid.lower, row.valid.upper, following))
    return periods


def _today(session: Session) -> date:
    return session.scalars(select(func.current_date())).one()

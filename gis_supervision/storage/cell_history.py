"""Splitting and merging cells of the grid in force, and which cell became which."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely
from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import Range

from gis_supervision.domain.cell_parts import divided
from gis_supervision.domain.divisions import MAX_SERIAL, UnitGridCode
from gis_supervision.domain.grid import serials
from gis_supervision.errors import ConflictError, InvalidInputError, NotFoundError
from gis_supervision.messages import Message
from gis_supervision.storage.grid import changing, ewkb
from gis_supervision.storage.tables import (
    GridCell,
    GridCellSuccession,
    Premises,
    Zone,
    ZoneCell,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from shapely.geometry.base import BaseGeometry
    from sqlalchemy.orm import Session

_NUMBERED: Final = re.compile(r"(?P<stem>.*-)(?P<number>[0-9]+)", re.DOTALL)


@dataclass(frozen=True)
class Change:
    """What a split or a merger did.

    ``premises`` counts those in the new cells, by code.
    """

    changed_on: date
    ended: tuple[str, ...]
    begun: tuple[str, ...]
    premises: dict[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Return the change as JSON takes it."""
        return {**asdict(self), "changed_on": self.changed_on.isoformat()}


@dataclass(frozen=True)
class CellPeriod:
    """One cell that carried a code: its days, what it came from, what it became."""

    code: str
    valid_from: date | None
    valid_to: date | None
    division: str | None
    area_m2: float
    predecessors: tuple[str, ...]
    successors: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the period as JSON takes it."""
        return {
            **asdict(self),
            "valid_from": self.valid_from and self.valid_from.isoformat(),
            "valid_to": self.valid_to and self.valid_to.isoformat(),
        }


def split(
    session: Session,
    code: str,
    shapes: Sequence[BaseGeometry],
    *,
    changed_on: date | None = None,
    codes: Sequence[str] | None = None,
) -> Change:
    """Divide a cell of the grid in force.

    The cell ends on the day and its parts begin; they are in the zones that the cell was in from
    that day on, and its premises get the part that they lie in.

    Parameters
    ----------
    session
        An open session; the caller commits.
    code
        Code of the cell.
    shapes
        Lines that cut it, or its parts as polygons; see
        `gis_supervision.domain.cell_parts.divided`.
    changed_on
        First day of the parts; left out: today. A cell that began on that very day is replaced
        as if it had never been.
    codes
        Codes of the parts, west to east, then north to south. Left out: the next serials.

    Returns
    -------
    Change

    Raises
    ------
    NotFoundError
        No cell in force has the code.
    ConflictError
        The cell begins after the day, or no code is left.
    InvalidInputError
        The shapes do not divide the cell, or the number of codes is not that of its parts.
    """
    day = _day(session, changed_on)
    (cell,) = _cells(session, [code], day)
    parts = divided(_polygon(session, cell), shapes)
    return _replace(session, [cell], parts, day, codes, _memberships(session, [cell], day)[cell.id])


def merge(
    session: Session,
    codes: Sequence[str],
    *,
    changed_on: date | None = None,
    code: str | None = None,
    zone: str | None = None,
    apart: bool = False,
) -> Change:
    """Make one cell of several.

    Parameters
    ----------
    session
        An open session; the caller commits.
    codes
        Codes of at least two cells of one division.
    changed_on
        First day of the new cell; left out: today.
    code
        Its code; left out: the next serial.
    zone
        Code of the zone that it belongs to, where the cells are in several.
    apart
        Whether the cells may lie apart from each other.

    Returns
    -------
    Change

    Raises
    ------
    NotFoundError
        A cell or the zone is not there.
    ConflictError
        The cells lie in several divisions, or in several zones and none is named.
    InvalidInputError
        They are fewer than two, or lie apart.
    """
    if len(set(codes)) < 2:  # noqa: PLR2004 - a merger has two
        raise InvalidInputError("to merge cells: expected the codes of at least two")
    day = _day(session, changed_on)
    cells = _cells(session, sorted(set(codes)), day)
    divisions = {cell.division_id for cell in cells}
    if len(divisions) > 1:
        raise ConflictError(
            "cells %(cells)s lie in %(count)s divisions: a cell has one",
            cells=", ".join(cell.code for cell in cells),
            count=len(divisions),
        )
    whole = shapely.union_all([_polygon(session, cell) for cell in cells])
    if whole.geom_type != "Polygon" and not apart:
        raise InvalidInputError(
            "cells %(cells)s lie apart: together they have %(parts)s parts",
            cells=", ".join(cell.code for cell in cells),
            parts=shapely.get_num_geometries(whole),
        )
    parts = np.empty(1, dtype=np.object_)
    parts[0] = whole
    memberships = _common(session, cells, _memberships(session, cells, day), zone)
    return _replace(session, cells, parts, day, None if code is None else [code], memberships)


def history(session: Session, code: str) -> list[CellPeriod]:
    """List the cells that have carried a code, the oldest first, with their kin.

    Raises
    ------
    NotFoundError
        No cell ever had the code.
    """
    rows = session.execute(
        text("""
            SELECT
                c.code, lower(c.valid) AS valid_from, upper(c.valid) AS valid_to,
                d.name AS division, c.area_m2,
                ARRAY(
                    SELECT p.code FROM grid_cell_succession AS s
                    JOIN grid_cell AS p ON s.predecessor_id = p.id
                    WHERE s.successor_id = c.id ORDER BY p.code
                ) AS predecessors,
                ARRAY(
                    SELECT n.code FROM grid_cell_succession AS s
                    JOIN grid_cell AS n ON s.successor_id = n.id
                    WHERE s.predecessor_id = c.id ORDER BY n.code
                ) AS successors
            FROM grid_cell AS c
            LEFT JOIN division AS d ON c.division_id = d.id
            WHERE c.code = :code
            ORDER BY c.valid
        """),
        {"code": code},
    ).mappings()
    found = [
        CellPeriod(
            **row
            | {
                "predecessors": tuple(row["predecessors"]),
                "successors": tuple(row["successors"]),
            }
        )
        for row in map(dict, rows)
    ]
    if not found:
        raise NotFoundError("no cell ever had the code %(code)r", code=code)
    return found


_Membership = tuple[int, "date", "date | None"]


def _day(session: Session, day: date | None) -> date:
    return day or session.scalars(select(func.current_date())).one()


def _cells(session: Session, codes: Sequence[str], day: date) -> list[GridCell]:
    found = {
        cell.code: cell
        for cell in session.scalars(
            select(GridCell)
            .where(GridCell.code.in_(codes), func.upper_inf(GridCell.valid))
            .with_for_update()
        )
    }
    missing = [code for code in codes if code not in found]
    if missing:
        raise NotFoundError(
            "no cell in force has the code %(missing)s", missing=", ".join(map(repr, missing))
        )
    for cell in found.values():
        if cell.valid.lower is not None and cell.valid.lower > day:
            raise ConflictError(
                "cell %(code)s begins on %(lower)s: expected that day or a later one, not %(day)s",
                code=cell.code,
                lower=cell.valid.lower,
                day=day,
            )
    return [found[code] for code in codes]


def _polygon(session: Session, cell: GridCell) -> BaseGeometry:
    data = session.scalars(select(func.st_asbinary(GridCell.geom)).filter_by(id=cell.id)).one()
    polygon = shapely.from_wkb(bytes(data))
    parts = shapely.get_parts(polygon)
    return parts[0] if len(parts) == 1 else polygon


def _memberships(
    session: Session, cells: Sequence[GridCell], day: date
) -> dict[int, frozenset[_Membership]]:
    """Read the zones of cells from a day on."""
    found: dict[int, set[_Membership]] = {cell.id: set() for cell in cells}
    rows = session.scalars(
        select(ZoneCell).where(
            ZoneCell.cell_id.in_(found), ZoneCell.valid.op("&&")(func.daterange(day, None))
        )
    )
    for row in rows:
        first = day if row.valid.lower is None else max(day, row.valid.lower)
        found[row.cell_id].add((row.zone_id, first, row.valid.upper))
    return {cell: frozenset(members) for cell, members in found.items()}


def _common(
    session: Session,
    cells: Sequence[GridCell],
    memberships: dict[int, frozenset[_Membership]],
    zone: str | None,
) -> frozenset[_Membership]:
    different = set(memberships.values())
    every = frozenset[_Membership]().union(*different)
    names = dict(
        session.execute(
            select(Zone.id, Zone.code).where(Zone.id.in_([member[0] for member in every]))
        ).all()
    )
    if zone is not None:
        of_zone = [
            frozenset(member for member in members if names[member[0]] == zone)
            for members in different
        ]
        longest = max(of_zone, key=len)
        if not longest:
            raise NotFoundError(
                "zone %(zone)r: expected one that the cells are in (%(values)s)",
                zone=zone,
                values=", ".join(sorted(set(names.values()))) or Message("none"),
            )
        return longest
    if len(different) > 1:
        raise ConflictError(
            "cells %(cells)s are in different zones (%(values)s): say which one the new cell "
            "belongs to",
            cells=", ".join(cell.code for cell in cells),
            values=", ".join(sorted(set(names.values()))),
        )
    return every


def _replace(
    session: Session,
    old: Sequence[GridCell],
    parts: np.ndarray[Any, np.dtype[np.object_]],
    day: date,
    codes: Sequence[str] | None,
    memberships: frozenset[_Membership],
) -> Change:
    if codes is not None and len(codes) != len(parts):
        raise InvalidInputError(
            "expected %(count)s codes, one for each part, got %(codes_count)s",
            count=len(parts),
            codes_count=len(codes),
        )
    if codes is not None and len(set(codes)) < len(codes):
        raise InvalidInputError("a code is given to two parts")
    parts = parts[np.argsort(serials(parts))]
    named = list(codes) if codes is not None else _next_codes(session, old[0].code, len(parts))
    ended = tuple(cell.code for cell in old)
    ids = [cell.id for cell in old]
    before = [cell.id for cell in old if cell.valid.lower is None or cell.valid.lower < day]
    grades = {cell.grade for cell in old}
    place = {
        "grid_id": old[0].grid_id,
        "division_id": old[0].division_id,
        "grade": grades.pop() if len(grades) == 1 else None,
        "valid": Range(day, None),
    }
    touched = list(ids)
    with changing(session, touched):
        session.execute(
            delete(ZoneCell).where(ZoneCell.cell_id.in_(ids), func.lower(ZoneCell.valid) >= day)
        )
        session.execute(
            update(ZoneCell)
            .where(ZoneCell.cell_id.in_(ids), ZoneCell.valid.op("@>")(day))
            .values(valid=func.daterange(func.lower(ZoneCell.valid), day))
        )
        session.execute(
            update(GridCell)
            .where(GridCell.id.in_(before))
            .values(valid=func.daterange(func.lower(GridCell.valid), day)),
            execution_options={"synchronize_session": False},
        )
        kin = set(before) | _without_a_day(session, set(ids) - set(before))
        new = session.scalars(
            insert(GridCell).returning(GridCell.id, sort_by_parameter_order=True),
            [
                {**place, "code": code, "geom": shape}
                for code, shape in zip(named, ewkb(parts), strict=True)
            ],
        ).all()
        touched.extend(new)
        if kin:
            session.execute(
                insert(GridCellSuccession),
                [
                    {"predecessor_id": one, "successor_id": other, "changed_on": day}
                    for one in sorted(kin)
                    for other in new
                ],
            )
        if memberships:
            session.execute(
                insert(ZoneCell),
                [
                    {"zone_id": zone, "cell_id": cell, "valid": Range(first, last)}
                    for cell in new
                    for zone, first, last in sorted(memberships, key=lambda member: member[1])
                ],
            )
    session.expire_all()
    counted = Counter(dict.fromkeys(named, 0))
    counted.update(
        dict(
            session.execute(
                select(GridCell.code, func.count())
                .join(Premises, Premises.cell_id == GridCell.id)
                .where(GridCell.id.in_(new))
                .group_by(GridCell.code)
            ).all()
        )
    )
    return Change(day, ended, tuple(named), dict(counted))


def _without_a_day(session: Session, ids: set[int]) -> set[int]:
    """Take cells away that never had a day; return the cells that they came from."""
    if not ids:
        return set()
    kin = set(
        session.scalars(
            select(GridCellSuccession.predecessor_id).where(
                GridCellSuccession.successor_id.in_(ids)
            )
        )
    )
    session.execute(update(Premises).where(Premises.cell_id.in_(ids)).values(cell_id=None))
    session.execute(
        delete(GridCell).where(GridCell.id.in_(ids)),
        execution_options={"synchronize_session": False},
    )
    return kin


def _next_codes(session: Session, code: str, count: int) -> list[str]:
    """Return codes of the same kind that no cell ever had."""
    try:
        village = UnitGridCode(code).village.code
    except InvalidInputError:
        return _next_numbered(session, code, count)
    serials_used = {int(used[12:]) for used in _used(session, village, r"[0-9]{3}")}
    free = [number for number in range(1, MAX_SERIAL + 1) if number not in serials_used]
    highest = max(serials_used, default=0)
    after = [number for number in free if number > highest]
    chosen = after[:count] if len(after) >= count else free[:count]
    if len(chosen) < count:
        raise ConflictError(
            "village %(village)s: %(count)s of %(max_serial)s serials were never used, %(needed)s "
            "are needed: name the codes",
            village=village,
            count=len(free),
            max_serial=MAX_SERIAL,
            needed=count,
        )
    return [UnitGridCode.of(village, number).code for number in chosen]


def _next_numbered(session: Session, code: str, count: int) -> list[str]:
    match = _NUMBERED.fullmatch(code)
    stem, width = (match["stem"], len(match["number"])) if match else (f"{code}-", 1)
    used = [int(known[len(stem) :]) for known in _used(session, stem, "[0-9]+")]
    highest = max(used, default=0)
    return [f"{stem}{number:0{width}d}" for number in range(highest + 1, highest + count + 1)]


def _used(session: Session, stem: str, rest: str) -> Sequence[str]:
    return session.scalars(
        select(GridCell.code)
        .where(
            GridCell.code.startswith(stem, autoescape=True),
            func.substr(GridCell.code, len(stem) + 1).op("~")(f"^{rest}$"),
        )
        .distinct()
    ).all()

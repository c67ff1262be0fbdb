"""Putting supplied polygons in force as the grid, after a report on what is wrong with them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import polars as pl
import shapely
from sqlalchemy import func, select

from gis_supervision.domain.divisions import (
    MAX_SERIAL,
    DivisionCode,
    Level,
    UnitGridCode,
)
from gis_supervision.domain.grid import serials
from gis_supervision.domain.topology import TopologyReport, areas_m2, check_topology
from gis_supervision.errors import InvalidInputError, NotFoundError
from gis_supervision.messages import Message
from gis_supervision.storage.grid import Built, ewkb, start
from gis_supervision.storage.tables import Division, Grid
from gis_supervision.storage.tables import DivisionCode as Code

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import date

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry
    from sqlalchemy.orm import Session

    Polygons = NDArray[np.object_]

FaultKind = Literal["repair", "missing", "overlap", "gap", "sliver", "outside"]
FAULTS: Final[tuple[FaultKind, ...]] = ("overlap", "gap", "sliver", "outside")
"""Faults that may be accepted. A repair is only noted; a cell without area never passes."""


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with supplied polygons.

    Attributes
    ----------
    kind
        ``repair`` (a ring was mended), ``missing`` (nothing with an area was left), ``overlap``,
        ``gap``, ``sliver``, ``outside`` (ground claimed outside the boundary).
    cells
        Which polygons: by code, else by row number from 1.
    area_m2
        Size of the fault, None for a repair.
    lng, lat
        A point in it, decimal degrees of WGS84; None where there is none.
    note
        What was found, in English.
    """

    kind: FaultKind
    cells: tuple[str, ...]
    area_m2: float | None
    lng: float | None
    lat: float | None
    note: str

    def to_dict(self) -> dict[str, Any]:
        """Return the fault as JSON takes it."""
        return asdict(self)


@dataclass(frozen=True)
class Supply:
    """What became of supplied polygons.

    ``built`` is None where nothing was put in force: a dry run, or faults that were not accepted.
    """

    polygons: int
    faults: tuple[Fault, ...]
    refused: tuple[FaultKind, ...]
    built: Built | None

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON takes it."""
        return {
            "polygons": self.polygons,
            "faults": [fault.to_dict() for fault in self.faults],
            "refused": list(self.refused),
            "built": None if self.built is None else self.built.to_dict(),
        }


def supply(
    session: Session,
    polygons: Sequence[BaseGeometry | None],
    *,
    codes: Sequence[str | None] | None = None,
    divisions: Sequence[str | None] | None = None,
    within: str | None = None,
    accept: Collection[FaultKind] = (),
    valid_from: date | None = None,
    name: str = "polygons",
    dry_run: bool = False,
) -> Supply:
    """Check polygons and put them in force as the grid; the grid before ends on that day.

    Parameters
    ----------
    session
        An open session; the caller commits.
    polygons
        The cells, WGS84 longitude and latitude. Invalid rings are repaired, each with a note.
    codes
        Their codes, kept as they are. A cell without one gets the next serial of its division,
        west to east, then north to south: a unit-grid code of 15 digits in a village, else
        ``DIVISION-P-00001``.
    divisions
        Division codes of the cells. Left out: the division in the code (its village, township or
        county), else the smallest division that holds a point inside the cell.
    within
        Code of the division that the cells should fill. Left out: only enclosed holes are gaps.
    accept
        Faults that are accepted as they are. Where cells overlap, premises belong to the one
        whose code comes first.
    valid_from
        First day; left out: today.
    name
        Name of the grid.
    dry_run
        Report only.

    Returns
    -------
    Supply
        ``refused`` names the kinds of faults that stood against it.

    Raises
    ------
    InvalidInputError
        There are no polygons, the lists differ in length, a code is given twice or is wrong, or
        an extent is not in degrees.
    NotFoundError
        A division code is not in the register.
    ConflictError
        See `gis_supervision.storage.grid.start`.
    """
    given = _checked_codes(polygons, codes, divisions)
    boundary = None if within is None else _outline(session, within)
    report = check_topology(list(polygons), boundary=boundary)
    labels = [code or str(row) for row, code in enumerate(given, start=1)]
    faults = _faults(report, labels)
    refused = tuple(
        kind
        for kind in ("missing", *FAULTS)
        if kind not in accept and any(fault.kind == kind for fault in faults)
    )
    if refused or dry_run:
        return Supply(len(polygons), faults, refused, None)
    ids, names = _divisions_of(session, report.polygons, given, divisions)
    built = start(
        session,
        Grid(name=name, kind="polygon"),
        pl.DataFrame(
            {
                "division_id": ids,
                "code": _completed(report.polygons, given, names),
                "geom": ewkb(report.polygons),
            },
            schema={"division_id": pl.Int64, "code": pl.String, "geom": pl.String},
        ),
        valid_from=valid_from,
        notes=[f"{', '.join(fault.cells)}: {fault.note}" for fault in faults],
    )
    return Supply(len(polygons), faults, (), built)


def _checked_codes(
    polygons: Sequence[BaseGeometry | None],
    codes: Sequence[str | None] | None,
    divisions: Sequence[str | None] | None,
) -> list[str | None]:
    if not len(polygons):
        raise InvalidInputError("grid: expected at least one polygon")
    for what, values in ((Message("codes"), codes), (Message("divisions"), divisions)):
        if values is not None and len(values) != len(polygons):
            raise InvalidInputError(
                "grid: %(count)s polygons but %(values_count)s %(what)s: expected one for each",
                count=len(polygons),
                values_count=len(values),
                what=what,
            )
    given = [code.strip() or None if code else None for code in codes or [None] * len(polygons)]
    rows: dict[str, int] = {}
    for row, code in enumerate(given, start=1):
        if code is None:
            continue
        if code in rows:
            raise InvalidInputError(
                "grid: row %(row)s: code %(code)r stands in row %(rows)s already",
                row=row,
                code=code,
                rows=rows[code],
            )
        rows[code] = row
        if code.isdigit():
            try:
                UnitGridCode(code)
            except InvalidInputError as error:
                raise InvalidInputError(
                    "grid: row %(row)s: %(error)s", row=row, error=error
                ) from None
    return given


def _faults(report: TopologyReport, labels: Sequence[str]) -> tuple[Fault, ...]:
    found: list[Fault] = []
    for repair in report.repairs:
        mended = report.polygons[repair.index]
        kind: FaultKind = "repair" if mended is not None else "missing"
        found.append(Fault(kind, (labels[repair.index],), None, *_point(mended), repair.note))
    found.extend(
        Fault(
            "overlap",
            (labels[overlap.first], labels[overlap.second]),
            overlap.area_m2,
            *_point(overlap.polygon),
            f"overlap by {overlap.area_m2:.1f} m2",
        )
        for overlap in report.overlaps
    )
    found.extend(
        Fault(
            "gap",
            (),
            gap.area_m2,
            *_point(gap.polygon),
            f"no cell covers {gap.area_m2:.1f} m2",
        )
        for gap in report.gaps
    )
    found.extend(
        Fault(
            "sliver",
            (labels[sliver.index],),
            sliver.area_m2,
            *_point(report.polygons[sliver.index]),
            f"{sliver.area_m2:.1f} m2, compactness {sliver.compactness:.3f}",
        )
        for sliver in report.slivers
    )
    if report.outside_m2:
        note = f"{report.outside_m2:.1f} m2 lie outside the boundary"
        found.append(Fault("outside", (), report.outside_m2, None, None, note))
    return tuple(found)


def _point(geometry: BaseGeometry | None) -> tuple[float | None, float | None]:
    if geometry is None or geometry.is_empty:
        return None, None
    point = shapely.point_on_surface(geometry)
    return float(point.x), float(point.y)


def _outline(session: Session, code: str) -> BaseGeometry:
    data = session.scalars(
        select(func.st_asbinary(Division.geom)).where(Division.id == func.division_coded(code))
    ).first()
    if data is None:
        raise NotFoundError(
            "division %(code)r: expected one of the register with an outline", code=code
        )
    return shapely.from_wkb(bytes(data))


def _divisions_of(
    session: Session,
    polygons: Polygons,
    codes: Sequence[str | None],
    given: Sequence[str | None] | None,
) -> tuple[list[int | None], list[str]]:
    """Find id and current code of the division of every cell."""
    known = {
        code: (number, code)
        for code, number in session.execute(
            select(Code.code, Code.division_id).order_by(
                func.upper_inf(Code.valid), Code.valid, Code.code
            )
        ).all()
    }
    now = {
        number: code
        for code, number in session.execute(
            select(Code.code, Code.division_id).where(func.upper_inf(Code.valid))
        ).all()
    }
    by_place = _places(session, polygons)
    ids: list[int | None] = []
    names: list[str] = []
    for row, code in enumerate(codes):
        wanted = given[row] if given is not None else None
        if wanted and wanted not in known:
            raise NotFoundError(
                "grid: row %(row)s: division %(wanted)r is not in the register",
                row=row + 1,
                wanted=wanted,
            )
        in_code = [code[:end] for end in (12, 9, 6)] if code and code.isdigit() else []
        first = next((name for name in [wanted, *in_code] if name and name in known), None)
        number = known[first][0] if first else by_place[row]
        ids.append(number)
        names.append("" if number is None else now.get(number, first or ""))
    return ids, names


def _places(session: Session, polygons: Polygons) -> list[int | None]:
    """Return the smallest division that holds a point inside each polygon."""
    rows = session.execute(
        select(Division.id, func.st_asbinary(Division.geom)).where(Division.geom.is_not(None))
    ).all()
    if not rows:
        return [None] * len(polygons)
    outlines = shapely.from_wkb(np.array([bytes(row[1]) for row in rows], dtype=object))
    order = np.argsort(areas_m2(outlines), kind="stable")
    points = shapely.point_on_surface(polygons)
    point, at = shapely.STRtree(outlines[order]).query(points, predicate="intersects")
    smallest = np.full(len(polygons), len(rows))
    np.minimum.at(smallest, point, at)
    return [None if at == len(rows) else rows[order[at]][0] for at in smallest.tolist()]


def _completed(polygons: Polygons, codes: Sequence[str | None], divisions: list[str]) -> list[str]:
    """Give codes to the cells that have none."""
    bare = np.flatnonzero([code is None for code in codes])
    complete = [code or "" for code in codes]
    taken = {code for code in codes if code}
    owners = np.array(divisions, dtype=object)
    for division in sorted(set(owners[bare].tolist())):
        mine = bare[owners[bare] == division]
        numbers = serials(polygons[mine])
        for row, code in zip(
            mine[np.argsort(numbers)], _free(division, taken, mine.size), strict=True
        ):
            complete[int(row)] = code
    return complete


def _free(division: str, taken: set[str], count: int) -> list[str]:
    """Return the lowest codes of a division that are not taken."""
    if _is_village(division):
        numbered = (UnitGridCode.of(division, n).code for n in range(1, MAX_SERIAL + 1))
        found = [code for code in numbered if code not in taken][:count]
        if len(found) == count:
            return found
    stem = f"{division}-P-" if division else "P-"
    candidates = (f"{stem}{number:05d}" for number in range(1, count + len(taken) + 1))
    return [code for code in candidates if code not in taken][:count]


def _is_village(code: str) -> bool:
    try:
        return DivisionCode(code).level is Level.VILLAGE
    except InvalidInputError:
        return False

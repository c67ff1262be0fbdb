"""Parts of the ground that are planned by themselves: a division, zones, or the whole office."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select, text

from gis_supervision.domain.rule_errors import near_name
from gis_supervision.errors import NotFoundError
from gis_supervision.storage import divisions
from gis_supervision.storage.tables import Zone, ZoneCell

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from sqlalchemy.orm import Session

WHOLE = ""
"""The unit of a plan of the whole office."""

WITHIN = """
    WITH RECURSIVE below AS (
        SELECT division_coded(CAST(:division AS text)) AS division_id
        UNION
        SELECT d.id FROM division AS d INNER JOIN below AS b ON d.parent_id = b.division_id
    )
    SELECT p.licence, m.zone_id
    FROM premises AS p
    LEFT JOIN zone_cell AS m ON p.cell_id = m.cell_id AND m.valid @> CAST(:day AS date)
    WHERE
        (
            CAST(:division AS text) IS NULL
            OR p.division_id IN (SELECT b.division_id FROM below AS b)
        )
        AND (CAST(:zones AS bigint[]) IS NULL OR m.zone_id = ANY(CAST(:zones AS bigint[])))
"""


@dataclass(frozen=True)
class PlanUnit:
    """What a plan is for.

    Attributes
    ----------
    name
        The code of its division and those of its zones; `WHOLE` for everything.
    licences
        All premises in it; None for everything.
    zones
        Ids of the zones that it touches.
    """

    name: str = WHOLE
    licences: frozenset[str] | None = None
    zones: frozenset[int] = frozenset()

    def __contains__(self, licence: str) -> bool:
        return self.licences is None or licence in self.licences


def gives_way(held: str, new: str) -> bool:
    """Tell whether a new plan takes the place of one in force: same unit, or it is of everything.

    A plan of a part stands beside that of the whole office, and takes nobody and nothing from it.
    """
    return new in (held, WHOLE)


def find(session: Session, day: date, division: str | None, zones: Sequence[str]) -> PlanUnit:
    """Find a part of the ground.

    Parameters
    ----------
    session
        An open session.
    day
        On which divisions and zones are looked up.
    division
        Code; those below it are in it. None: all.
    zones
        Codes; empty: all. Given together, what is in both counts.

    Raises
    ------
    NotFoundError
        When there is no such division, or no such zone on the day.
    """
    if division is None and not zones:
        return PlanUnit()
    if division is not None:
        divisions.find(session, division, as_of=day)
    ids = _zones(session, day, zones) if zones else None
    rows = session.execute(text(WITHIN), {"division": division, "day": day, "zones": ids}).all()
    touched = {zone for _, zone in rows if zone is not None} if ids is None else set(ids)
    return PlanUnit(
        " ".join([*([division] if division else []), *sorted(set(zones))]),
        frozenset(licence for licence, _ in rows),
        frozenset(touched),
    )


def _zones(session: Session, day: date, codes: Sequence[str]) -> list[int]:
    """Return the ids of zones that have ground on a day."""
    rows = session.execute(
        select(Zone.code, Zone.id)
        .join(ZoneCell, ZoneCell.zone_id == Zone.id)
        .where(ZoneCell.valid.op("@>")(day))
        .distinct()
    ).all()
    known = {code: found for code, found in rows}  # noqa: C416 - rows, not pairs
    for code in codes:
        if code not in known:
            raise NotFoundError(
                "there is no zone %(zone)r on %(as_of)s%(near)s",
                zone=code,
                as_of=day,
                near=near_name(code, known),
            )
    return sorted(known[code] for code in set(codes))

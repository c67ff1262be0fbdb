"""Premises that inspectors have to stay away from, and what decides who takes them."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date
from typing import TYPE_CHECKING

from sqlalchemy import text

from gis_supervision.domain.substitutes import Kept, Place, substitute
from gis_supervision.storage import inspectors

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy.orm import Session

    from gis_supervision.domain.inspectors import Inspector
    from gis_supervision.domain.rules import RulePack

_KEPT = text(
    """
    SELECT
        p.id, p.licence, p.name, p.credit_code, p.category, p.cell_id,
        st_y(p.geom) AS lat, st_x(p.geom) AS lng
    FROM premises AS p
    WHERE p.id = any(:ids) AND p.geom IS NOT NULL
    ORDER BY p.licence COLLATE "C"
    """
)
_AREAS = text(
    """
    SELECT
        m.zone_id, lower(m.valid) AS first, upper(m.valid) AS until, count(*) AS cells,
        sum(round(st_y(st_centroid(g.geom)) * 1e9)::bigint)::bigint AS lat,
        sum(round(st_x(st_centroid(g.geom)) * 1e9)::bigint)::bigint AS lng
    FROM zone_cell AS m INNER JOIN grid_cell AS g ON m.cell_id = g.id
    WHERE m.valid && daterange(:first, :last, '[]')
    GROUP BY m.zone_id, m.valid
    """
)
_RESPONSIBLE = text(
    """
    SELECT a.inspector_id, a.zone_id, lower(a.valid) AS first, upper(a.valid) AS until
    FROM inspector_assignment AS a
    WHERE a.role = 'responsible' AND a.valid && daterange(:first, :last, '[]')
    """
)
_DEGREE = 10**9
"""What `_AREAS` counts in: whole numbers add up to the same in any order (1e-9° is 0.1 mm)."""

_RECUSED = text(
    """
    SELECT p.id, z.code AS zone, a.inspector_id,
        ARRAY(
            SELECT d.inspector_id FROM inspector_assignment AS d
            WHERE
                d.zone_id = a.zone_id AND d.role = 'deputy' AND d.valid @> CAST(:day AS date)
        ) AS deputies
    FROM inspector_recusal AS r
    INNER JOIN premises AS p ON r.premises_id = p.id OR r.owner_credit_code = p.credit_code
    INNER JOIN zone_cell AS m ON p.cell_id = m.cell_id AND m.valid @> CAST(:day AS date)
    INNER JOIN zone AS z ON m.zone_id = z.id
    INNER JOIN inspector_assignment AS a
        ON m.zone_id = a.zone_id AND r.inspector_id = a.inspector_id
        AND a.role = 'responsible' AND a.valid @> CAST(:day AS date)
    WHERE r.valid @> CAST(:day AS date)
    """
)
_CHANGES = text(
    """
    SELECT DISTINCT d.day FROM (
        SELECT unnest(ARRAY[lower(a.valid), upper(a.valid)]) AS day FROM inspector_assignment AS a
        UNION ALL
        SELECT unnest(ARRAY[lower(l.valid), upper(l.valid)]) FROM inspector_leave AS l
        UNION ALL
        SELECT unnest(ARRAY[lower(s.valid), upper(s.valid)]) FROM inspector_skill AS s
        UNION ALL
        SELECT unnest(ARRAY[lower(r.valid), upper(r.valid)]) FROM inspector_recusal AS r
        UNION ALL
        SELECT unnest(ARRAY[lower(z.valid), upper(z.valid)])
        FROM (SELECT DISTINCT m.valid FROM zone_cell AS m) AS z
        UNION ALL
        SELECT i.left_on FROM inspector AS i
    ) AS d
    WHERE d.day IS NOT NULL
    """
)


def kept(
    session: Session, ids: Iterable[int], rules: RulePack
) -> dict[int, tuple[Kept, int | None]]:
    """Return premises that somebody has to stay away from, each with the id of its cell now.

    Those that are not located are left out.
    """
    return {
        row.id: (
            Kept(
                id=row.id,
                licence=row.licence,
                name=row.name,
                owner=row.credit_code,
                skill=rules.skill_for(row.category),
                lat=row.lat,
                lng=row.lng,
            ),
            row.cell_id,
        )
        for row in session.execute(_KEPT, {"ids": sorted(ids)})
    }


def middles(session: Session, day: date) -> dict[int, list[Place]]:
    """Return the middles of the zones that everybody is responsible for on a day, by id."""
    return middles_over(session, [day])[day]


def middles_over(session: Session, days: Iterable[date]) -> dict[date, dict[int, list[Place]]]:
    """Return for each of some days what `middles` returns.

    It reads zones and responsibilities once, however many days there are, and goes through their
    changes in the order of time.
    """
    wanted = sorted(set(days))
    if not wanted:
        return {}
    asked = {"first": wanted[0], "last": wanted[-1]}
    steps = [
        step
        for statement in (_AREAS, _RESPONSIBLE)
        for row in session.execute(statement, asked)
        for step in ((row.first or date.min, 1, row), (row.until, -1, row))
        if step[0] is not None
    ]
    # what ends on a day goes before what begins on it
    steps.sort(key=lambda step: step[:2], reverse=True)
    areas: defaultdict[int, Counter[str]] = defaultdict(Counter)
    held: set[tuple[int, int]] = set()
    found: dict[date, dict[int, list[Place]]] = {}
    now: dict[int, list[Place]] = {}
    for day in wanted:
        changed = False
        while steps and steps[-1][0] <= day:
            _, sign, row = steps.pop()
            changed = True
            if "cells" in row._fields:
                for name in ("cells", "lat", "lng"):
                    areas[row.zone_id][name] += sign * getattr(row, name)
            elif sign > 0:
                held.add((row.inspector_id, row.zone_id))
            else:
                held.discard((row.inspector_id, row.zone_id))
        if changed:
            now = _middles(held, areas)
        found[day] = now
    return found


def _middles(
    held: set[tuple[int, int]], areas: Mapping[int, Counter[str]]
) -> dict[int, list[Place]]:
    found: dict[int, list[Place]] = {}
    for person, zone in sorted(held):
        area = areas.get(zone)
        if area is not None and area["cells"]:
            all_of_it = area["cells"] * _DEGREE
            place = area["lat"] / all_of_it, area["lng"] / all_of_it
            found.setdefault(person, []).append(place)
    return found


def taken_on(session: Session, day: date, rules: RulePack) -> dict[int, Inspector | None]:
    """Return who takes the premises whose zone's inspector is recused on a day, by premises id."""
    rows = {row.id: row for row in session.execute(_RECUSED, {"day": day})}
    if not rows:
        return {}
    known, places = inspectors.on(session, day), middles(session, day)
    found = kept(session, rows, rules)
    return {
        number: None
        if number not in found
        else substitute(day, found[number][0], known, places, row.deputies)
        for number, row in rows.items()
    }


def changes(session: Session) -> list[date]:
    """Return the days on which it may change who takes a premises."""
    return list(session.scalars(_CHANGES))

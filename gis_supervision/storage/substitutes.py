"""Premises that inspectors have to stay away from, and what decides who takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from gis_supervision.domain.substitutes import Kept, Place, substitute
from gis_supervision.storage import inspectors

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

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
_MIDDLES = text(
    """
    SELECT a.inspector_id, avg(st_y(c.middle)) AS lat, avg(st_x(c.middle)) AS lng
    FROM inspector_assignment AS a
    INNER JOIN zone_cell AS m ON a.zone_id = m.zone_id AND m.valid @> CAST(:day AS date)
    INNER JOIN (
        SELECT g.id, st_centroid(g.geom) AS middle FROM grid_cell AS g
    ) AS c ON m.cell_id = c.id
    WHERE a.role = 'responsible' AND a.valid @> CAST(:day AS date)
    GROUP BY a.inspector_id, a.zone_id
    ORDER BY a.inspector_id, a.zone_id
    """
)
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
    found: dict[int, list[Place]] = {}
    for row in session.execute(_MIDDLES, {"day": day}):
        found.setdefault(row.inspector_id, []).append((row.lat, row.lng))
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

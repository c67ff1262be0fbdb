"""What stands against accepting or undoing a proposal, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from gis_supervision.messages import Message
from gis_supervision.storage import supersessions

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from gis_supervision.domain.proposals import Period

_CELLS = text(
    """
    SELECT g.code, f.code AS zone, lower(c.days) AS first,
        (
            SELECT string_agg(z.code || ' from ' || lower(m.valid * c.days), ', ' ORDER BY m.valid)
            FROM zone_cell AS m INNER JOIN zone AS z ON m.zone_id = z.id
            WHERE m.cell_id = c.cell_id AND m.valid && c.days
        ) AS now
    FROM proposal_cells_in(:id, daterange(:first, :until)) AS c
    INNER JOIN grid_cell AS g ON c.cell_id = g.id
    LEFT JOIN zone AS f ON c.from_zone_id = f.id
    WHERE
        CASE
            WHEN c.from_zone_id IS NULL
                THEN EXISTS (
                    SELECT FROM zone_cell AS m WHERE m.cell_id = c.cell_id AND m.valid && c.days
                )
            ELSE datemultirange(c.days) IS DISTINCT FROM (
                SELECT range_agg(m.valid * c.days) FROM zone_cell AS m
                WHERE
                    m.cell_id = c.cell_id AND m.zone_id = c.from_zone_id AND m.valid && c.days
            )
        END
    ORDER BY g.code, c.days
    """
)
_TARGETS = text(
    """
    SELECT DISTINCT z.code
    FROM proposal_cells_in(:id, daterange(:first, :until)) AS c
    INNER JOIN proposal_zone AS z ON z.proposal_id = :id AND z.zone_id = c.to_zone_id
    INNER JOIN proposal AS p ON z.proposal_id = p.id
    WHERE p.kind <> 'return' AND NOT EXISTS (
        SELECT FROM zone_cell AS m WHERE m.zone_id = c.to_zone_id AND m.valid && c.days
    )
    ORDER BY z.code
    """
)
_RESPONSIBLE = text(
    """
    SELECT z.code, w.name AS was, i.name AS now
    FROM proposal_zone AS z
    INNER JOIN proposal AS p ON z.proposal_id = p.id
    LEFT JOIN inspector_assignment AS a
        ON a.zone_id = z.zone_id AND a.role = 'responsible'
        AND a.valid @> greatest(CAST(:first AS date), CAST(p.summary ->> 'shown_on' AS date))
    LEFT JOIN inspector AS i ON a.inspector_id = i.id
    LEFT JOIN inspector AS w ON z.responsible_before_id = w.id
    WHERE
        z.proposal_id = :id AND z.concerned AND z.zone_id IS NOT NULL
        AND a.inspector_id IS DISTINCT FROM z.responsible_before_id
    ORDER BY z.code
    """
)
_PEOPLE = text(
    """
    SELECT z.code, c.role, f.name AS was,
        (
            SELECT string_agg(i.name, ', ' ORDER BY a.valid)
            FROM inspector_assignment AS a INNER JOIN inspector AS i ON a.inspector_id = i.id
            WHERE a.zone_id = c.zone_id AND a.role = c.role AND a.valid && c.days
        ) AS now
    FROM proposal_assignments_in(:id, daterange(:first, :until)) AS c
    INNER JOIN zone AS z ON c.zone_id = z.id
    LEFT JOIN inspector AS f ON c.from_id = f.id
    WHERE
        CASE
            WHEN c.from_id IS NOT NULL
                THEN datemultirange(c.days) IS DISTINCT FROM (
                    SELECT range_agg(a.valid * c.days) FROM inspector_assignment AS a
                    WHERE
                        a.zone_id = c.zone_id AND a.role = c.role
                        AND a.inspector_id = c.from_id AND a.valid && c.days
                )
            ELSE EXISTS (
                SELECT FROM inspector_assignment AS a
                WHERE
                    a.zone_id = c.zone_id AND a.valid && c.days
                    AND (a.inspector_id = c.to_id OR c.role = 'responsible' AND a.role = c.role)
            )
        END
    ORDER BY z.code, c.role
    """
)
_ON_LEAVE = text(
    """
    SELECT i.staff_number, i.name, lower(l.valid) AS first, upper(l.valid) AS until
    FROM (
        SELECT a.inspector_id, c.days * a.valid AS days
        FROM (
            SELECT DISTINCT to_zone_id, days
            FROM proposal_cells_in(:id, daterange(:first, :until))
        ) AS c
        INNER JOIN inspector_assignment AS a
            ON c.to_zone_id = a.zone_id AND a.role = 'responsible' AND a.valid && c.days
        UNION
        SELECT to_id, days FROM proposal_assignments_in(:id, daterange(:first, :until))
        WHERE to_id IS NOT NULL
    ) AS taking
    INNER JOIN inspector_leave AS l
        ON taking.inspector_id = l.inspector_id AND taking.days && l.valid
    INNER JOIN inspector AS i ON taking.inspector_id = i.id
    GROUP BY i.staff_number, i.name, l.valid
    ORDER BY i.staff_number
    """
)
_LEFT = text(
    """
    SELECT z.code, string_agg(DISTINCT g.code, ', ') AS cells
    FROM proposal_zone AS z
    INNER JOIN zone_cell AS m ON z.zone_id = m.zone_id
    INNER JOIN grid_cell AS g ON m.cell_id = g.id
    WHERE
        z.proposal_id = :id AND z.emptied
        AND m.valid && ANY(
            SELECT DISTINCT c.days
            FROM proposal_cells_in(:id, daterange(:first, :until)) AS c
            WHERE c.from_zone_id = z.zone_id
        )
    GROUP BY z.code
    ORDER BY z.code
    """
)
_UNCOVERED = text(
    """
    SELECT z.code
    FROM proposal AS p
    INNER JOIN inspector_assignment AS a
        ON p.absent_id = a.inspector_id AND a.role = 'responsible'
        AND a.valid && daterange(:first, :until)
    INNER JOIN zone_cell AS m
        ON a.zone_id = m.zone_id AND m.valid && (a.valid * daterange(:first, :until))
    INNER JOIN zone AS z ON a.zone_id = z.id
    LEFT JOIN proposal_zone AS c
        ON p.id = c.proposal_id AND a.zone_id = c.zone_id AND c.concerned
    WHERE p.id = :id AND (p.parameters ->> 'cover' = 'share' OR c.zone_id IS NULL)
    GROUP BY z.code
    ORDER BY z.code
    """
)
_OVERTAKEN_CELLS = text(
    """
    SELECT o.id, g.code
    FROM proposal_cells_in(:id, daterange(:first, :until)) AS c
    INNER JOIN proposal_cell AS p ON c.cell_id = p.cell_id AND c.days && p.valid
    INNER JOIN proposal AS o ON p.proposal_id = o.id AND o.state = 'open'
    INNER JOIN grid_cell AS g ON c.cell_id = g.id
    GROUP BY o.id, g.code
    ORDER BY o.id, g.code
    """
)
_OVERTAKEN_PEOPLE = text(
    """
    SELECT o.id, z.code
    FROM proposal_assignments_in(:id, daterange(:first, :until)) AS c
    INNER JOIN proposal_zone AS z ON c.zone_id = z.zone_id
    INNER JOIN proposal_assignment AS p
        ON z.proposal_id = p.proposal_id AND z.number = p.number AND c.days && p.valid
    INNER JOIN proposal AS o ON p.proposal_id = o.id AND o.state = 'open'
    WHERE
        c.role = 'responsible' AND p.role = 'responsible'
        OR c.role = p.role AND (c.from_id = p.from_id OR c.to_id = p.to_id)
    GROUP BY o.id, z.code
    ORDER BY o.id, z.code
    """
)
_OVERTAKEN_ABSENCES = text(
    """
    SELECT o.id, i.staff_number AS code
    FROM proposal AS p
    INNER JOIN proposal AS o
        ON p.absent_id = o.absent_id AND o.id <> p.id AND o.state = 'open'
        AND o.valid && daterange(:first, :until)
    INNER JOIN inspector AS i ON p.absent_id = i.id
    WHERE p.id = :id
    ORDER BY o.id
    """
)
_BUILT_ON = text(
    """
    WITH mine AS (
        SELECT * FROM proposal_effect WHERE proposal_id = :id
    ),

    missing AS (
        SELECT e.relation, e.row_id FROM mine AS e
        LEFT JOIN zone_cell AS m ON e.row_id = m.id
        WHERE e.relation = 'zone_cell' AND e.after IS NOT NULL
            AND to_jsonb(m) IS DISTINCT FROM e.after
        UNION ALL
        SELECT e.relation, e.row_id FROM mine AS e
        LEFT JOIN inspector_assignment AS m ON e.row_id = m.id
        WHERE e.relation = 'inspector_assignment' AND e.after IS NOT NULL
            AND to_jsonb(m) IS DISTINCT FROM e.after
        UNION ALL
        SELECT e.relation, e.row_id FROM mine AS e
        LEFT JOIN inspector_leave AS m ON e.row_id = m.id
        WHERE e.relation = 'inspector_leave' AND e.after IS NOT NULL
            AND to_jsonb(m) IS DISTINCT FROM e.after
        UNION ALL
        SELECT 'zone_cell', m.id FROM mine AS e
        INNER JOIN zone_cell AS m ON e.row_id = m.zone_id
        WHERE e.relation = 'zone' AND e.before IS NULL AND NOT EXISTS (
            SELECT FROM mine AS o WHERE o.relation = 'zone_cell' AND o.row_id = m.id
        )
        UNION ALL
        SELECT 'inspector_assignment', m.id FROM mine AS e
        INNER JOIN inspector_assignment AS m ON e.row_id = m.zone_id
        WHERE e.relation = 'zone' AND e.before IS NULL AND NOT EXISTS (
            SELECT FROM mine AS o WHERE o.relation = 'inspector_assignment' AND o.row_id = m.id
        )
        UNION ALL
        -- what another one put in the place of a row that would come back
        SELECT 'zone_cell', m.id FROM mine AS e
        INNER JOIN zone_cell AS m
            ON m.cell_id = (e.before ->> 'cell_id')::bigint
            AND m.valid && (e.before ->> 'valid')::daterange
        WHERE e.relation = 'zone_cell' AND e.after IS NULL AND NOT EXISTS (
            SELECT FROM mine AS o
            WHERE o.relation = 'zone_cell' AND o.row_id = m.id AND o.after IS NOT NULL
        )
        UNION ALL
        SELECT 'inspector_assignment', m.id FROM mine AS e
        INNER JOIN inspector_assignment AS m
            ON m.zone_id = (e.before ->> 'zone_id')::bigint
            AND m.valid && (e.before ->> 'valid')::daterange
            AND (
                m.inspector_id = (e.before ->> 'inspector_id')::bigint
                OR m.role = 'responsible' AND e.before ->> 'role' = 'responsible'
            )
        WHERE e.relation = 'inspector_assignment' AND e.after IS NULL AND NOT EXISTS (
            SELECT FROM mine AS o
            WHERE
                o.relation = 'inspector_assignment' AND o.row_id = m.id AND o.after IS NOT NULL
        )
    ),

    hours AS (
        SELECT o.proposal_id FROM mine AS e
        INNER JOIN proposal_effect AS o
            ON o.relation = 'zone' AND e.row_id = o.row_id AND o.id > e.id
        INNER JOIN proposal AS p ON o.proposal_id = p.id AND p.state = 'accepted'
        WHERE e.relation = 'zone' AND o.proposal_id <> :id
    )

    SELECT
        (SELECT count(*) FROM missing) AS missing,
        ARRAY(
            SELECT DISTINCT e.proposal_id FROM missing AS m
            INNER JOIN proposal_effect AS e ON m.relation = e.relation AND m.row_id = e.row_id
            INNER JOIN proposal AS p ON e.proposal_id = p.id AND p.state = 'accepted'
            WHERE e.proposal_id <> :id
            UNION
            SELECT h.proposal_id FROM hours AS h
            ORDER BY 1
        ) AS proposals,
        (
            SELECT string_agg(DISTINCT c.code, ', ') FROM (
                SELECT g.code FROM missing AS m
                INNER JOIN mine AS e ON m.relation = e.relation AND m.row_id = e.row_id
                INNER JOIN grid_cell AS g
                    ON g.id = (coalesce(e.after, e.before) ->> 'cell_id')::bigint
                ORDER BY g.code LIMIT 5
            ) AS c
        ) AS cells
    """
)


def base_changes(session: Session, number: int, period: Period) -> list[Message]:
    """Say what changed since a proposal was made, in the cells and zones that it concerns."""
    values = {"id": number, "first": period.first, "until": period.until}
    said = [
        Message(
            "cell %(code)s is not in zone %(zone)s any more but in %(now)s",
            code=row.code,
            zone=row.zone,
            now=row.now or Message("none"),
        )
        if row.zone is not None
        else Message("cell %(code)s was in no zone and is in %(now)s", code=row.code, now=row.now)
        for row in session.execute(_CELLS, values)
    ]
    said += [
        Message("zone %(code)s has no cells any more", code=row.code)
        for row in session.execute(_TARGETS, values)
    ]
    said += [
        Message(
            "the %(role)s of zone %(code)s was %(was)s and is %(now)s",
            role=row.role,
            code=row.code,
            was=row.was or Message("nobody"),
            now=row.now or Message("nobody"),
        )
        for row in session.execute(_PEOPLE, values)
    ]
    said += [
        Message(
            "the responsible of zone %(code)s was %(was)s and is %(now)s",
            code=row.code,
            was=row.was or Message("nobody"),
            now=row.now or Message("nobody"),
        )
        for row in session.execute(_RESPONSIBLE, values)
    ]
    return list(dict.fromkeys(said))


def on_leave(session: Session, number: int, period: Period) -> list[Message]:
    """Say who of those that would take over is on leave meanwhile."""
    values = {"id": number, "first": period.first, "until": period.until}
    return [
        Message(
            "%(staff_number)s %(name)s would take over and is on leave from %(first)s until "
            "%(until)s",
            staff_number=row.staff_number,
            name=row.name,
            first=row.first,
            until=row.until,
        )
        for row in session.execute(_ON_LEAVE, values)
    ]


def left_in_emptied(session: Session, number: int, period: Period) -> list[Message]:
    """Say which zones that the proposal empties got other cells meanwhile."""
    values = {"id": number, "first": period.first, "until": period.until}
    return [
        Message(
            "zone %(code)s has cells that it did not have: %(cells)s",
            code=row.code,
            cells=row.cells,
        )
        for row in session.execute(_LEFT, values)
    ]


def uncovered(session: Session, number: int, period: Period) -> list[Message]:
    """Say which zones the absent inspector got meanwhile, which the proposal does not cover."""
    values = {"id": number, "first": period.first, "until": period.until}
    return [
        Message("zone %(code)s of the absent inspector would not be covered", code=row.code)
        for row in session.execute(_UNCOVERED, values)
    ]


def overtaken(session: Session, number: int, period: Period, actor: str) -> dict[int, Message]:
    """Return the open proposals that change the same as one that was accepted, and why they end."""
    values = {"id": number, "first": period.first, "until": period.until}
    cells: dict[int, list[str]] = {}
    people: dict[int, list[str]] = {}
    for row in session.execute(_OVERTAKEN_CELLS, values):
        cells.setdefault(row.id, []).append(row.code)
    for row in session.execute(_OVERTAKEN_PEOPLE, values):
        people.setdefault(row.id, []).append(row.code)
    away = {row.id: row.code for row in session.execute(_OVERTAKEN_ABSENCES, values)}
    found = {}
    for other in sorted({*cells, *people, *away} - {number}):
        found[other] = supersessions.reason(
            number,
            actor,
            cells=cells.get(other, []),
            zones=people.get(other, []),
            absent=away.get(other),
        )
    return found


def built_on(session: Session, number: int) -> Message | None:
    """Say what builds on an accepted proposal, None where nothing does."""
    row = session.execute(_BUILT_ON, {"id": number}).one()
    if row.proposals:
        return Message(
            "proposal %(proposals)s builds on it and must be undone first",
            proposals=", ".join(map(str, row.proposals)),
        )
    if row.missing:
        cells = Message(" (cells %(cells)s)", cells=row.cells) if row.cells else ""
        return Message(
            "zones or leave were changed since without a proposal%(cells)s, or by a new grid",
            cells=cells,
        )
    return None

CREATE OR REPLACE VIEW covered_premises AS
SELECT
    r.id AS run_id,
    r.as_of,
    p.id AS premises_id,
    p.licence,
    p.name,
    p.category,
    p.risk_class,
    p.credit_class,
    p.address,
    d.name AS division,
    p.location,
    p.cell_id,
    v.status,
    CASE
        WHEN v.status IN ('external', 'not_open', 'closed', 'no_rule') THEN v.status
        WHEN p.location = 'none' THEN 'not_located'
        WHEN p.location = 'approximate' THEN 'approximate'
        WHEN p.cell_id IS NULL THEN 'outside'
    END AS left_out,
    v.visited_on,
    v.due_on,
    v.checklist_due_on,
    least(v.due_on, v.checklist_due_on) - r.as_of AS days_left,
    CASE
        WHEN least(v.due_on, v.checklist_due_on) < r.as_of THEN 'overdue'
        WHEN least(v.due_on, v.checklist_due_on) <= r.as_of + 30 THEN 'month'
        WHEN least(v.due_on, v.checklist_due_on) <= r.as_of + 90 THEN 'quarter'
        WHEN least(v.due_on, v.checklist_due_on) IS NOT NULL THEN 'later'
    END AS urgency,
    m.zone_id,
    z.code AS zone,
    i.staff_number,
    i.name AS inspector,
    p.geom
FROM analysis_run AS r
INNER JOIN premises_coverage AS v ON r.id = v.run_id
INNER JOIN premises AS p ON v.premises_id = p.id
LEFT JOIN division AS d ON p.division_id = d.id
LEFT JOIN zone_cell AS m ON p.cell_id = m.cell_id AND m.valid @> r.as_of
LEFT JOIN zone AS z ON m.zone_id = z.id
LEFT JOIN inspector_assignment AS a
    ON m.zone_id = a.zone_id AND a.role = 'responsible' AND a.valid @> r.as_of
LEFT JOIN inspector AS i ON a.inspector_id = i.id
WHERE r.kind = 'coverage';

DROP VIEW map.drawn_premises;
DROP VIEW draw_visit;
DROP TRIGGER draw_substitution_checked ON draw_substitution;
DROP FUNCTION draw_substitution_checked;

CREATE VIEW map.drawn_premises AS
SELECT
    d.draw_id,
    k.licence,
    coalesce(m.name, k.licence) AS name,
    m.category,
    m.risk_class,
    m.address,
    m.cell_id,
    coalesce(m.location, 'none') AS location,
    k.kind,
    k.stratum,
    k.place,
    CASE p.inspectors WHEN 'names' THEN a.name WHEN 'numbers' THEN a.staff_number END AS lead,
    CASE p.inspectors WHEN 'names' THEN b.name WHEN 'numbers' THEN b.staff_number END AS assistant,
    v.inspected_on,
    v.result,
    m.geom,
    m.geom_3857
FROM map.draw AS d
INNER JOIN draw_plan AS p ON d.draw_id = p.id
INNER JOIN draw_pick AS k ON d.draw_id = k.plan_id
LEFT JOIN premises AS m ON k.licence = m.licence
LEFT JOIN inspector AS a ON k.lead_id = a.id
LEFT JOIN inspector AS b ON k.assistant_id = b.id
LEFT JOIN LATERAL (
    -- the first visit since the day of the plan is the one that it asked for
    SELECT
        i.inspected_on,
        i.result
    FROM inspection AS i
    WHERE i.premises_id = m.id AND i.inspected_on >= p.planned_on AND k.kind = 'drawn'
    ORDER BY i.inspected_on, i.id
    LIMIT 1
) AS v ON true;

GRANT SELECT ON map.drawn_premises TO gis_supervision_reader;

-- Coverage over months, of categories and of single premises; gaps.

-- Coverage of every unit (cell, zone, division, area, category) at the end of each month; metrics as
-- columns. Zeros are not stored, so a missing metric of a unit that has premises is zero.
CREATE VIEW map.coverage_month AS
SELECT
    v.as_of,
    v.period_end,
    v.unit,
    v.unit_id,
    v.premises,
    v.due,
    v.in_time,
    v.overdue,
    v.never_inspected,
    v.no_rule,
    v.not_located,
    v.outside,
    v.in_time / nullif(v.due, 0) AS share_on_time
FROM (
    SELECT
        r.as_of,
        s.period_end,
        s.unit,
        s.unit_id,
        coalesce(max(s.value) FILTER (WHERE s.metric = 'premises'), 0) AS premises,
        coalesce(max(s.value) FILTER (WHERE s.metric = 'due'), 0) AS due,
        coalesce(max(s.value) FILTER (WHERE s.metric = 'in_time'), 0) AS in_time,
        coalesce(max(s.value) FILTER (WHERE s.metric = 'overdue'), 0) AS overdue,
        coalesce(max(s.value) FILTER (WHERE s.metric = 'never'), 0) AS never_inspected,
        coalesce(max(s.value) FILTER (WHERE s.metric = 'no_rule'), 0) AS no_rule,
        coalesce(max(s.value) FILTER (WHERE s.metric = 'not_located'), 0) AS not_located,
        coalesce(max(s.value) FILTER (WHERE s.metric = 'outside'), 0) AS outside
    FROM map.analysis AS r
    INNER JOIN cell_series AS s ON r.run_id = s.run_id
    WHERE r.kind = 'coverage_months'
    GROUP BY r.as_of, s.period_end, s.unit, s.unit_id
) AS v;

-- The category behind a unit of kind category; 0 is that of premises without one and is not here.
CREATE VIEW map.category AS
SELECT
    c.id AS category_id,
    c.name
FROM category AS c;

-- Outlines of the H3 cells that runs and the roll-up speak of.
CREATE VIEW map.h3_cell AS
SELECT
    c.id AS h3,
    c.resolution,
    c.geom,
    c.geom_3857
FROM h3_cell AS c;

-- What each coverage run says of each premises, when its next visit is due, and who is responsible then.
CREATE VIEW covered_premises AS
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

CREATE VIEW map.premises_coverage AS
SELECT v.*
FROM map.analysis AS r
INNER JOIN covered_premises AS v ON r.run_id = v.run_id
WHERE r.kind = 'coverage';

-- Cells that hold premises in scope and for which nobody is responsible on the day of the run.
CREATE VIEW uncovered_cell AS
SELECT
    r.id AS run_id,
    r.as_of,
    c.id AS cell_id,
    c.code,
    d.name AS division,
    z.code AS zone,
    CASE WHEN m.zone_id IS NULL THEN 'no_zone' ELSE 'no_inspector' END AS reason,
    v.value::integer AS premises,
    c.geom
FROM analysis_run AS r
INNER JOIN cell_metric AS v ON r.id = v.run_id AND v.unit = 'cell' AND v.metric = 'premises'
INNER JOIN grid_cell AS c ON v.unit_id = c.id
LEFT JOIN division AS d ON c.division_id = d.id
LEFT JOIN zone_cell AS m ON c.id = m.cell_id AND m.valid @> r.as_of
LEFT JOIN zone AS z ON m.zone_id = z.id
WHERE
    r.kind = 'coverage'
    AND NOT EXISTS (
        SELECT 1
        FROM inspector_assignment AS a
        WHERE a.zone_id = m.zone_id AND a.role = 'responsible' AND a.valid @> r.as_of
    );

CREATE VIEW map.unattended_cell AS
SELECT v.*
FROM map.analysis AS r
INNER JOIN uncovered_cell AS v ON r.run_id = v.run_id
WHERE r.kind = 'coverage';

GRANT SELECT ON
map.coverage_month, map.category, map.h3_cell, map.premises_coverage, map.unattended_cell
TO gis_supervision_reader;

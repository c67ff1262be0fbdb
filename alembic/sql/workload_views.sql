-- Work in cells and zones, and the people who do it, for layers. Homes, leave and recusals are personal:
-- no view here reads them.

-- Yearly hours of every cell as of the day of a run; metrics as columns.
CREATE VIEW map.workload AS
SELECT
    r.as_of,
    m.unit_id AS cell_id,
    max(m.value) FILTER (WHERE m.metric = 'hours') AS hours,
    max(m.value) FILTER (WHERE m.metric = 'rule_hours') AS rule_hours,
    max(m.value) FILTER (WHERE m.metric = 'set_hours') AS set_hours,
    max(m.value) FILTER (WHERE m.metric = 'visits') AS visits,
    max(m.value) FILTER (WHERE m.metric = 'travel') AS travel,
    max(m.value) FILTER (WHERE m.metric = 'hazards') AS hazards,
    max(m.value) FILTER (WHERE m.metric = 'complaints') AS complaints,
    max(m.value) FILTER (WHERE m.metric = 'skill_production') AS production,
    max(m.value) FILTER (WHERE m.metric = 'skill_circulation') AS circulation,
    max(m.value) FILTER (WHERE m.metric = 'skill_catering') AS catering,
    max(m.value) FILTER (WHERE m.metric = 'skill_special_food') AS special_food,
    max(m.value) FILTER (WHERE m.metric = 'skill_any') AS any_skill
FROM map.analysis AS r
INNER JOIN cell_metric AS m ON r.run_id = m.run_id
WHERE r.kind = 'workload' AND m.unit = 'cell'
GROUP BY r.as_of, m.unit_id;

-- Why the hours of a cell are not those of the rules, on a day.
CREATE FUNCTION map.set_hours_on(day date) RETURNS TABLE (
    cell_id bigint,
    hours double precision,
    reason text,
    set_by text,
    valid_from date
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
BEGIN ATOMIC
SELECT
    w.cell_id,
    w.hours,
    w.reason,
    w.set_by,
    w.valid_from
FROM (
    SELECT DISTINCT ON (s.cell_id) s.*
    FROM cell_workload AS s
    WHERE s.valid_from <= set_hours_on.day AND s.undone_at IS NULL
    ORDER BY s.cell_id, s.valid_from DESC, s.id DESC
) AS w
WHERE w.hours IS NOT NULL;
END;

-- The load of each zone's responsible inspector on a day, over all zones of that inspector, and the hours
-- of the zone that ask for a certificate that the inspector does not hold on that day.
CREATE FUNCTION map.zone_load_on(day date) RETURNS TABLE (
    zone_id bigint,
    hours double precision,
    visits double precision,
    travel double precision,
    hazards double precision,
    complaints double precision,
    production double precision,
    circulation double precision,
    catering double precision,
    special_food double precision,
    capacity_hours double precision,
    capacity_part double precision,
    inspector_hours double precision,
    lacks_production double precision,
    lacks_circulation double precision,
    lacks_catering double precision,
    lacks_special_food double precision,
    synthetic boolean
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
BEGIN ATOMIC
WITH load AS (
    SELECT
        m.zone_id,
        sum(w.hours) AS hours,
        sum(w.visits) AS visits,
        sum(w.travel) AS travel,
        sum(w.hazards) AS hazards,
        sum(w.complaints) AS complaints,
        sum(w.production) AS production,
        sum(w.circulation) AS circulation,
        sum(w.catering) AS catering,
        sum(w.special_food) AS special_food
    FROM map.workload AS w
    INNER JOIN zone_cell AS m ON w.cell_id = m.cell_id AND m.valid @> zone_load_on.day
    WHERE w.as_of = zone_load_on.day
    GROUP BY m.zone_id
),

held AS (
    SELECT
        s.inspector_id,
        array_agg(s.skill) AS skills
    FROM inspector_skill AS s
    WHERE s.valid @> zone_load_on.day
    GROUP BY s.inspector_id
),

person AS (
    SELECT
        a.zone_id,
        i.id,
        i.capacity_hours,
        i.capacity_hours / count(*) OVER (PARTITION BY i.id) AS capacity_part,
        i.synthetic,
        coalesce(h.skills, '{}') AS skills,
        sum(l.hours) OVER (PARTITION BY i.id) AS inspector_hours
    FROM inspector_assignment AS a
    INNER JOIN inspector AS i ON a.inspector_id = i.id
    INNER JOIN load AS l ON a.zone_id = l.zone_id
    LEFT JOIN held AS h ON i.id = h.inspector_id
    WHERE a.role = 'responsible' AND a.valid @> zone_load_on.day
)

SELECT
    l.zone_id,
    l.hours,
    l.visits,
    l.travel,
    l.hazards,
    l.complaints,
    l.production,
    l.circulation,
    l.catering,
    l.special_food,
    p.capacity_hours,
    p.capacity_part,
    p.inspector_hours,
    nullif(CASE WHEN NOT 'production' = any(p.skills) THEN l.production END, 0),
    nullif(CASE WHEN NOT 'circulation' = any(p.skills) THEN l.circulation END, 0),
    nullif(CASE WHEN NOT 'catering' = any(p.skills) THEN l.catering END, 0),
    nullif(CASE WHEN NOT 'special_food' = any(p.skills) THEN l.special_food END, 0),
    p.synthetic
FROM load AS l
LEFT JOIN person AS p ON l.zone_id = p.zone_id;
END;

GRANT SELECT ON map.workload TO gis_supervision_reader;
REVOKE EXECUTE ON FUNCTION map.set_hours_on FROM public;
GRANT EXECUTE ON FUNCTION map.set_hours_on TO gis_supervision_reader;
REVOKE EXECUTE ON FUNCTION map.zone_load_on FROM public;
GRANT EXECUTE ON FUNCTION map.zone_load_on TO gis_supervision_reader;

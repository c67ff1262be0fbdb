-- Everything that a layer may read. The reader's login sees this schema and nothing else.

CREATE SCHEMA map;

CREATE VIEW map.division AS
SELECT
    d.id AS division_id,
    k.code,
    k.valid,
    d.level,
    d.name,
    d.external,
    d.geom,
    d.geom_3857
FROM division AS d
LEFT JOIN division_code AS k ON d.id = k.division_id;

CREATE VIEW map.grid_cell AS
SELECT
    c.id AS cell_id,
    c.code,
    c.valid,
    d.name AS division,
    c.area_m2,
    c.geom,
    c.geom_3857
FROM grid_cell AS c
LEFT JOIN division AS d ON c.division_id = d.id;

-- Which zone a cell belongs to, and since when until when.
CREATE VIEW map.zone_membership AS
SELECT
    m.cell_id,
    m.valid,
    z.id AS zone_id,
    z.code,
    z.name
FROM zone_cell AS m
INNER JOIN zone AS z ON m.zone_id = z.id;

-- Who answers for a zone, and since when until when.
CREATE VIEW map.zone_inspector AS
SELECT
    a.zone_id,
    a.valid,
    a.role,
    i.staff_number,
    i.name AS inspector
FROM inspector_assignment AS a
INNER JOIN inspector AS i ON a.inspector_id = i.id;

-- A zone with its outline and its people on a day. A function, since the outline depends on the day.
CREATE FUNCTION map.zone_on(day date) RETURNS TABLE (
    zone_id bigint,
    code text,
    name text,
    inspector text,
    deputies text,
    workload_hours double precision,
    cells bigint,
    premises bigint,
    geom geometry
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
BEGIN ATOMIC
SELECT
    z.id,
    z.code,
    z.name,
    (
        SELECT i.name
        FROM inspector_assignment AS a
        INNER JOIN inspector AS i ON a.inspector_id = i.id
        WHERE a.zone_id = z.id AND a.role = 'responsible' AND a.valid @> day
    ),
    (
        SELECT string_agg(i.name, ', ' ORDER BY i.staff_number)
        FROM inspector_assignment AS a
        INNER JOIN inspector AS i ON a.inspector_id = i.id
        WHERE a.zone_id = z.id AND a.role = 'deputy' AND a.valid @> day
    ),
    z.workload_hours,
    count(*),
    sum((
        SELECT count(*)
        FROM premises AS p
        WHERE
            p.cell_id = c.id
            AND NOT p.external
            AND (p.opened_on IS NULL OR p.opened_on <= day)
            AND (p.closed_on IS NULL OR p.closed_on > day)
    ))::bigint,
    -- Gaps between divisions that were digitised one by one are closed up to about 20 m.
    st_multi(
        st_buffer(st_buffer(st_union(c.geom), 0.0001, 'join=mitre'), -0.0001, 'join=mitre')
    )
FROM zone AS z
INNER JOIN zone_cell AS m ON z.id = m.zone_id
INNER JOIN grid_cell AS c ON m.cell_id = c.id
WHERE m.valid @> day
GROUP BY z.id;
END;

CREATE VIEW map.premises AS
SELECT
    p.id AS premises_id,
    p.licence,
    p.name,
    p.trade_name,
    p.category,
    p.risk_class,
    p.credit_class,
    p.responsibility_tier,
    p.address,
    p.location,
    p.external,
    p.opened_on,
    p.closed_on,
    p.cell_id,
    d.name AS division,
    p.geom,
    p.geom_3857
FROM premises AS p
LEFT JOIN division AS d ON p.division_id = d.id;

CREATE VIEW map.hazard AS
SELECT
    h.id AS hazard_id,
    h.item,
    h.severity,
    h.state,
    h.found_on,
    h.last_seen_on,
    h.resolved_on,
    h.times_seen,
    h.due_on,
    h.premises_id,
    p.licence,
    p.name,
    p.address,
    p.location,
    p.cell_id,
    d.name AS division,
    p.geom,
    p.geom_3857
FROM hazard AS h
INNER JOIN premises AS p ON h.premises_id = p.id
LEFT JOIN division AS d ON p.division_id = d.id;

-- The run of each kind that speaks for a day (and resolution): the one published last, else the newest.
CREATE VIEW map.analysis AS
SELECT DISTINCT ON (r.kind, r.as_of, r.parameters ->> 'resolution')
    r.id AS run_id,
    r.kind,
    r.as_of,
    (r.parameters ->> 'resolution')::integer AS resolution,
    r.parameters,
    r.summary,
    r.finished_at,
    r.published_at
FROM analysis_run AS r
ORDER BY
    r.kind,
    r.as_of,
    r.parameters ->> 'resolution',
    r.published_at DESC NULLS LAST,
    r.id DESC;

-- Coverage of every unit (cell, zone, division, area); metrics as columns.
CREATE VIEW map.coverage AS
SELECT
    r.as_of,
    m.unit,
    m.unit_id,
    max(m.value) FILTER (WHERE m.metric = 'premises') AS premises,
    max(m.value) FILTER (WHERE m.metric = 'due') AS due,
    max(m.value) FILTER (WHERE m.metric = 'in_time') AS in_time,
    max(m.value) FILTER (WHERE m.metric = 'overdue') AS overdue,
    max(m.value) FILTER (WHERE m.metric = 'never') AS never_inspected,
    max(m.value) FILTER (WHERE m.metric = 'no_rule') AS no_rule,
    max(m.value) FILTER (WHERE m.metric = 'not_located') AS not_located,
    max(m.value) FILTER (WHERE m.metric = 'outside') AS outside,
    max(m.value) FILTER (WHERE m.metric = 'share_on_time') AS share_on_time
FROM map.analysis AS r
INNER JOIN cell_metric AS m ON r.run_id = m.run_id
WHERE r.kind = 'coverage'
GROUP BY r.as_of, m.unit, m.unit_id;

-- Hotspots of unresolved hazards per premises in H3 cells.
CREATE VIEW map.hotspot AS
SELECT
    r.as_of,
    r.resolution,
    m.unit_id AS h3,
    max(m.value) FILTER (WHERE m.metric = 'premises') AS premises,
    max(m.value) FILTER (WHERE m.metric = 'hazards') AS hazards,
    max(m.value) FILTER (WHERE m.metric = 'rate') AS rate,
    max(m.value) FILTER (WHERE m.metric = 'shrunk_rate') AS shrunk_rate,
    max(m.value) FILTER (WHERE m.metric = 'z') AS z,
    max(m.value) FILTER (WHERE m.metric = 'p') AS p,
    max(m.value) FILTER (WHERE m.metric = 'bin') AS bin,
    c.geom,
    c.geom_3857
FROM map.analysis AS r
INNER JOIN cell_metric AS m ON r.run_id = m.run_id
INNER JOIN h3_cell AS c ON m.unit_id = c.id
WHERE r.kind = 'hotspots'
GROUP BY r.as_of, r.resolution, m.unit_id, c.geom, c.geom_3857;

GRANT USAGE ON SCHEMA map TO gis_supervision_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA map TO gis_supervision_reader;
REVOKE EXECUTE ON FUNCTION map.zone_on FROM public;
GRANT EXECUTE ON FUNCTION map.zone_on TO gis_supervision_reader;

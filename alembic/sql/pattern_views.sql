-- The run of emerging hot spots and of the scan that speaks for a day: the one published last.
CREATE VIEW map.pattern_run AS
SELECT DISTINCT ON (a.kind, a.as_of)
    a.run_id,
    a.kind,
    a.as_of,
    a.resolution,
    (a.parameters ->> 'first')::date AS first_day,
    (a.parameters ->> 'step_months')::integer AS step_months,
    (a.parameters ->> 'steps')::integer AS steps,
    (
        SELECT string_agg(s.name, ', ' ORDER BY s.place)
        FROM jsonb_array_elements_text(a.parameters -> 'severities') WITH ORDINALITY AS s (name, place)
    ) AS severities
FROM map.analysis AS a
WHERE a.kind IN ('emerging', 'scan')
ORDER BY a.kind, a.as_of, a.published_at DESC NULLS LAST, a.run_id DESC;

-- Emerging hot spots of newly found hazards per inspection: how each H3 cell has come and gone.
CREATE VIEW map.emerging AS
SELECT
    r.as_of,
    r.first_day,
    r.step_months,
    r.steps AS steps_in_all,
    m.h3,
    (ARRAY[
        'new hot spot',
        'consecutive hot spot',
        'intensifying hot spot',
        'persistent hot spot',
        'diminishing hot spot',
        'sporadic hot spot',
        'oscillating hot spot',
        'historical hot spot',
        'new cold spot',
        'consecutive cold spot',
        'intensifying cold spot',
        'persistent cold spot',
        'diminishing cold spot',
        'sporadic cold spot',
        'oscillating cold spot',
        'historical cold spot',
        'no pattern detected'
    ])[m.category::integer + 1] AS category,
    m.trend_z,
    m.trend_p,
    m.steps::integer AS steps,
    m.hot::integer AS hot,
    m.cold::integer AS cold,
    m.inspections::integer AS inspections,
    m.hazards::integer AS hazards,
    c.geom,
    c.geom_3857
FROM map.pattern_run AS r
CROSS JOIN LATERAL (
    SELECT
        v.unit_id AS h3,
        max(v.value) FILTER (WHERE v.metric = 'category') AS category,
        max(v.value) FILTER (WHERE v.metric = 'trend_z') AS trend_z,
        max(v.value) FILTER (WHERE v.metric = 'trend_p') AS trend_p,
        max(v.value) FILTER (WHERE v.metric = 'steps') AS steps,
        max(v.value) FILTER (WHERE v.metric = 'hot') AS hot,
        max(v.value) FILTER (WHERE v.metric = 'cold') AS cold,
        max(v.value) FILTER (WHERE v.metric = 'inspections') AS inspections,
        max(v.value) FILTER (WHERE v.metric = 'hazards') AS hazards
    FROM cell_metric AS v
    WHERE v.run_id = r.run_id AND v.unit = 'h3'
    GROUP BY v.unit_id
) AS m
INNER JOIN h3_cell AS c ON m.h3 = c.id
WHERE r.kind = 'emerging';

-- The steps behind them: Gi* of each H3 cell in each step.
CREATE VIEW map.hotspot_step AS
SELECT
    r.as_of,
    r.first_day,
    r.step_months,
    m.period_end,
    m.h3,
    m.inspections::integer AS inspections,
    m.hazards::integer AS hazards,
    m.shrunk_rate,
    m.z,
    m.p,
    m.bin::integer AS bin,
    c.geom,
    c.geom_3857
FROM map.pattern_run AS r
CROSS JOIN LATERAL (
    SELECT
        v.unit_id AS h3,
        v.period_end,
        max(v.value) FILTER (WHERE v.metric = 'inspections') AS inspections,
        max(v.value) FILTER (WHERE v.metric = 'hazards') AS hazards,
        max(v.value) FILTER (WHERE v.metric = 'shrunk_rate') AS shrunk_rate,
        max(v.value) FILTER (WHERE v.metric = 'z') AS z,
        max(v.value) FILTER (WHERE v.metric = 'p') AS p,
        max(v.value) FILTER (WHERE v.metric = 'bin') AS bin
    FROM cell_series AS v
    WHERE v.run_id = r.run_id AND v.unit = 'h3'
    GROUP BY v.unit_id, v.period_end
) AS m
INNER JOIN h3_cell AS c ON m.h3 = c.id
WHERE r.kind = 'emerging';

-- H3 cells of the spatial scan, with the cluster that each belongs to.
CREATE VIEW map.cluster_cell AS
SELECT
    r.run_id,
    r.as_of,
    r.first_day,
    r.severities,
    m.h3,
    m.premises::integer AS premises,
    m.inspected::integer AS inspected,
    m.cases::integer AS cases,
    m.expected,
    m.shrunk_risk,
    m.cluster::integer AS cluster,
    p.value AS cluster_p,
    c.geom,
    c.geom_3857
FROM map.pattern_run AS r
CROSS JOIN LATERAL (
    SELECT
        v.unit_id AS h3,
        max(v.value) FILTER (WHERE v.metric = 'premises') AS premises,
        max(v.value) FILTER (WHERE v.metric = 'inspected') AS inspected,
        max(v.value) FILTER (WHERE v.metric = 'cases') AS cases,
        max(v.value) FILTER (WHERE v.metric = 'expected') AS expected,
        max(v.value) FILTER (WHERE v.metric = 'shrunk_risk') AS shrunk_risk,
        max(v.value) FILTER (WHERE v.metric = 'cluster') AS cluster
    FROM cell_metric AS v
    WHERE v.run_id = r.run_id AND v.unit = 'h3'
    GROUP BY v.unit_id
) AS m
INNER JOIN h3_cell AS c ON m.h3 = c.id
LEFT JOIN cell_metric AS p
    ON
        r.run_id = p.run_id
        AND p.unit = 'cluster'
        AND m.cluster = p.unit_id
        AND p.metric = 'p'
WHERE r.kind = 'scan';

-- The clusters themselves, with the outline of their cells.
CREATE VIEW map.cluster AS
SELECT
    r.as_of,
    r.first_day,
    r.severities,
    m.cluster::integer AS cluster,
    m.cells::integer AS cells,
    m.inspected::integer AS inspected,
    m.cases::integer AS cases,
    m.expected,
    m.relative_risk,
    m.llr,
    m.p,
    m.radius_m / 1000 AS radius_km,
    g.geom,
    st_transform(g.geom, 3857) AS geom_3857
FROM map.pattern_run AS r
CROSS JOIN LATERAL (
    SELECT
        v.unit_id AS cluster,
        max(v.value) FILTER (WHERE v.metric = 'cells') AS cells,
        max(v.value) FILTER (WHERE v.metric = 'inspected') AS inspected,
        max(v.value) FILTER (WHERE v.metric = 'cases') AS cases,
        max(v.value) FILTER (WHERE v.metric = 'expected') AS expected,
        max(v.value) FILTER (WHERE v.metric = 'relative_risk') AS relative_risk,
        max(v.value) FILTER (WHERE v.metric = 'llr') AS llr,
        max(v.value) FILTER (WHERE v.metric = 'p') AS p,
        max(v.value) FILTER (WHERE v.metric = 'radius_m') AS radius_m
    FROM cell_metric AS v
    WHERE v.run_id = r.run_id AND v.unit = 'cluster'
    GROUP BY v.unit_id
) AS m
INNER JOIN LATERAL (
    SELECT st_multi(st_union(c.geom)) AS geom
    FROM cell_metric AS v
    INNER JOIN h3_cell AS c ON v.unit_id = c.id
    WHERE v.run_id = r.run_id AND v.unit = 'h3' AND v.metric = 'cluster' AND v.value = m.cluster
) AS g ON true
WHERE r.kind = 'scan';

GRANT SELECT ON map.pattern_run, map.emerging, map.hotspot_step, map.cluster_cell, map.cluster
TO gis_supervision_reader;

-- The order of risk that speaks for a day: the run published last, what it rests on and how good it was.
CREATE VIEW map.risk_run AS
SELECT DISTINCT ON (a.as_of)
    a.run_id,
    a.as_of,
    a.resolution,
    a.summary ->> 'model' AS model,
    (a.summary ->> 'premises')::integer AS premises,
    (a.summary ->> 'not_located')::integer AS not_located,
    (a.summary ->> 'first_visit')::date AS first_visit,
    (a.summary ->> 'last_visit')::date AS last_visit,
    (a.summary ->> 'visits')::integer AS visits,
    (a.summary ->> 'critical')::integer AS critical,
    (a.summary ->> 'complaints')::integer AS complaints,
    (a.summary #>> '{judged,start}')::date AS judged_from,
    (a.summary #>> '{judged,end}')::date AS judged_to,
    (a.summary #>> '{judged,visits}')::integer AS judged_visits,
    (a.summary #>> '{judged,critical}')::integer AS judged_critical,
    (a.summary #>> '{judged,days_earlier,value}')::double precision AS days_earlier,
    (a.summary #>> '{judged,days_earlier,low}')::double precision AS days_earlier_low,
    (a.summary #>> '{judged,days_earlier,high}')::double precision AS days_earlier_high,
    (a.summary #>> '{judged,found_in_first_half,value}')::double precision AS first_half,
    (a.summary #>> '{judged,auc,value}')::double precision AS auc
FROM map.analysis AS a
WHERE a.kind = 'risk'
ORDER BY a.as_of, a.published_at DESC NULLS LAST, a.run_id DESC;

-- Premises by the probability of a critical hazard at their next visit, with the reasons for their place:
-- what raises it most, and what lowers it most, against the average visit.
CREATE VIEW map.risk AS
SELECT
    r.as_of,
    m.premises_id,
    m.place::integer AS place,
    r.premises AS ranked,
    m.probability,
    m.raised_by[1] AS reason_1,
    m.raised_by[2] AS reason_2,
    m.raised_by[3] AS reason_3,
    m.lowered_by[1] AS lowered_by,
    p.licence,
    p.name,
    p.address,
    p.category,
    p.risk_class,
    p.location,
    p.cell_id,
    d.name AS division,
    p.geom,
    p.geom_3857
FROM map.risk_run AS r
CROSS JOIN LATERAL (
    SELECT
        v.unit_id AS premises_id,
        max(v.value) FILTER (WHERE v.metric = 'place') AS place,
        max(v.value) FILTER (WHERE v.metric = 'probability') AS probability,
        array_agg(v.metric ORDER BY v.value DESC) FILTER (
            WHERE v.metric NOT IN ('place', 'probability') AND v.value > 0
        ) AS raised_by,
        array_agg(v.metric ORDER BY v.value) FILTER (
            WHERE v.metric NOT IN ('place', 'probability') AND v.value < 0
        ) AS lowered_by
    FROM cell_metric AS v
    WHERE v.run_id = r.run_id AND v.unit = 'premises'
    GROUP BY v.unit_id
) AS m
INNER JOIN premises AS p ON m.premises_id = p.id
LEFT JOIN division AS d ON p.division_id = d.id;

-- Mean probability of the premises in an H3 cell.
CREATE VIEW map.risk_cell AS
SELECT
    r.as_of,
    m.h3,
    m.premises::integer AS premises,
    m.top::integer AS top,
    m.probability,
    c.geom,
    c.geom_3857
FROM map.risk_run AS r
CROSS JOIN LATERAL (
    SELECT
        v.unit_id AS h3,
        max(v.value) FILTER (WHERE v.metric = 'premises') AS premises,
        max(v.value) FILTER (WHERE v.metric = 'top') AS top,
        max(v.value) FILTER (WHERE v.metric = 'probability') AS probability
    FROM cell_metric AS v
    WHERE v.run_id = r.run_id AND v.unit = 'h3'
    GROUP BY v.unit_id
) AS m
INNER JOIN h3_cell AS c ON m.h3 = c.id;

GRANT SELECT ON map.risk_run, map.risk, map.risk_cell TO gis_supervision_reader;

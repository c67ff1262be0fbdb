-- Staged inspections and findings into the register.

-- name: compare_inspections
CREATE TEMPORARY TABLE known_inspection ON COMMIT DROP AS
SELECT
    s.seq,
    i.id,
    i.premises_id AS old_premises_id,
    p.id AS premises_id,
    (
        p.id IS DISTINCT FROM i.premises_id
        OR s.inspected_on <> i.inspected_on
        OR 'kind' = any(:given) AND s.kind IS DISTINCT FROM i.kind
        OR 'channel' = any(:given) AND coalesce(s.channel, 'on_site') <> i.channel
        OR 'result' = any(:given) AND s.result IS DISTINCT FROM i.result
    ) AS changed
FROM staged_inspection AS s
INNER JOIN inspection AS i ON s.inspection_number = i.inspection_number
LEFT JOIN premises AS p ON s.licence = p.licence;

-- name: count_inspections
SELECT
    (SELECT count(*) FROM staged_inspection AS s) - count(*) AS new,
    count(*) FILTER (WHERE k.changed) AS changed,
    count(*) FILTER (WHERE NOT k.changed) AS unchanged
FROM known_inspection AS k;

-- name: insert_inspections
INSERT INTO inspection (inspection_number, premises_id, inspected_on, kind, channel, result, batch_id)
SELECT
    s.inspection_number,
    p.id,
    s.inspected_on,
    s.kind,
    coalesce(s.channel, 'on_site'),
    s.result,
    :batch
FROM staged_inspection AS s
INNER JOIN premises AS p ON s.licence = p.licence
LEFT JOIN known_inspection AS k ON s.seq = k.seq
WHERE k.seq IS NULL
ORDER BY s.seq;

-- name: remember_inspections
INSERT INTO import_change (batch_id, relation, row_id, before)
SELECT
    :batch,
    'inspection',
    i.id,
    to_jsonb(i)
FROM known_inspection AS k
INNER JOIN inspection AS i ON k.id = i.id
WHERE k.changed;

-- name: update_inspections
UPDATE inspection AS i
SET
    premises_id = k.premises_id,
    inspected_on = s.inspected_on,
    kind = CASE WHEN 'kind' = any(:given) THEN s.kind ELSE i.kind END,
    channel = CASE WHEN 'channel' = any(:given) THEN coalesce(s.channel, 'on_site') ELSE i.channel END,
    result = CASE WHEN 'result' = any(:given) THEN s.result ELSE i.result END
FROM known_inspection AS k
INNER JOIN staged_inspection AS s ON k.seq = s.seq
WHERE i.id = k.id AND k.changed;

-- name: touch_inspections
INSERT INTO touched_premises (id)
SELECT p.id
FROM staged_inspection AS s
INNER JOIN premises AS p ON s.licence = p.licence
LEFT JOIN known_inspection AS k ON s.seq = k.seq
WHERE k.seq IS NULL OR k.changed
UNION
SELECT k.old_premises_id FROM known_inspection AS k WHERE k.changed
ON CONFLICT DO NOTHING;

-- name: compare_findings
-- The same item twice in one inspection is one finding, seen more often; the worst severity counts.
CREATE TEMPORARY TABLE merged_finding ON COMMIT DROP AS
SELECT
    m.inspection_number,
    m.item,
    m.severity,
    m.times,
    i.id AS inspection_id,
    f.inspection_id IS NOT NULL AS known,
    f.inspection_id IS NOT NULL
    AND (f.severity IS DISTINCT FROM m.severity OR f.times IS DISTINCT FROM m.times) AS changed
FROM (
    SELECT
        s.inspection_number,
        s.item,
        (array_agg(s.severity ORDER BY array_position(:severities, s.severity)))[1] AS severity,
        sum(s.times)::integer AS times
    FROM staged_finding AS s
    GROUP BY s.inspection_number, s.item
) AS m
LEFT JOIN inspection AS i ON m.inspection_number = i.inspection_number
LEFT JOIN finding AS f ON i.id = f.inspection_id AND m.item = f.item;

-- name: compare_withdrawn
-- Findings that a source which names all of an inspection's no longer has.
CREATE TEMPORARY TABLE withdrawn_finding ON COMMIT DROP AS
SELECT
    f.inspection_id,
    f.item
FROM (
    SELECT s.inspection_number FROM staged_inspection AS s WHERE s.source = any(:complete)
    UNION
    SELECT s.inspection_number FROM staged_finding AS s WHERE s.source = any(:complete)
) AS o
INNER JOIN inspection AS i ON o.inspection_number = i.inspection_number
INNER JOIN finding AS f ON i.id = f.inspection_id
LEFT JOIN merged_finding AS m ON f.inspection_id = m.inspection_id AND f.item = m.item
WHERE m.item IS NULL;

-- name: count_findings
SELECT
    count(*) FILTER (WHERE NOT m.known) AS new,
    count(*) FILTER (WHERE m.changed) AS changed,
    count(*) FILTER (WHERE m.known AND NOT m.changed) AS unchanged,
    (SELECT count(*) FROM withdrawn_finding AS w) AS withdrawn
FROM merged_finding AS m;

-- name: insert_findings
INSERT INTO finding (inspection_id, item, severity, times, batch_id)
SELECT
    i.id,
    m.item,
    m.severity,
    m.times,
    :batch
FROM merged_finding AS m
INNER JOIN inspection AS i ON m.inspection_number = i.inspection_number
WHERE NOT m.known;

-- name: remember_findings
INSERT INTO import_change (batch_id, relation, row_id, before)
SELECT
    :batch,
    'finding',
    f.inspection_id,
    to_jsonb(f)
FROM finding AS f
INNER JOIN merged_finding AS m ON f.inspection_id = m.inspection_id AND f.item = m.item
WHERE m.changed
UNION ALL
SELECT
    :batch,
    'finding',
    f.inspection_id,
    to_jsonb(f)
FROM finding AS f
INNER JOIN withdrawn_finding AS w ON f.inspection_id = w.inspection_id AND f.item = w.item;

-- name: update_findings
UPDATE finding AS f
SET severity = m.severity, times = m.times
FROM merged_finding AS m
WHERE m.changed AND f.inspection_id = m.inspection_id AND f.item = m.item;

-- name: delete_findings
DELETE FROM finding AS f USING withdrawn_finding AS w
WHERE f.inspection_id = w.inspection_id AND f.item = w.item;

-- name: touch_findings
INSERT INTO touched_premises (id)
SELECT i.premises_id
FROM merged_finding AS m
INNER JOIN inspection AS i ON m.inspection_number = i.inspection_number
WHERE NOT m.known OR m.changed
UNION
SELECT i.premises_id
FROM withdrawn_finding AS w
INNER JOIN inspection AS i ON w.inspection_id = i.id
ON CONFLICT DO NOTHING;

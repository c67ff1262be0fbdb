-- Batches of imports, and their undoing.

-- name: lock
SELECT pg_advisory_xact_lock(hashtextextended('gis_supervision.import', 0));

-- name: same
SELECT b.id, b.imported_at, b.imported_by, coalesce((b.counts -> 'rows' ->> 'rejected')::bigint, 0) AS rejected
FROM import_batch AS b
WHERE b.content_sha256 = :sha256 AND b.undone_at IS NULL;

-- name: insert
INSERT INTO import_batch (mapping, content_sha256, files, datum, mode, counts, imported_by)
VALUES (:mapping, :sha256, cast(:files AS jsonb), :datum, :mode, '{}', :actor)
RETURNING id;

-- name: finish
UPDATE import_batch AS b SET counts = cast(:counts AS jsonb) WHERE b.id = :batch;

-- name: later
-- Later batches, not undone, that changed or built on what this one made or changed.
SELECT DISTINCT o.batch_id
FROM (
    SELECT later.batch_id
    FROM import_change AS later
    INNER JOIN import_change AS here
        ON later.relation = here.relation AND later.row_id = here.row_id
        AND (later.relation <> 'finding' OR later.before ->> 'item' = here.before ->> 'item')
    WHERE here.batch_id = :batch AND later.batch_id > :batch AND here.relation <> 'hazard'
    UNION ALL
    SELECT later.batch_id
    FROM import_change AS later
    INNER JOIN premises AS p ON later.row_id = p.id AND later.relation = 'premises'
    WHERE p.batch_id = :batch
    UNION ALL
    SELECT later.batch_id
    FROM import_change AS later
    INNER JOIN inspection AS i ON later.row_id = i.id AND later.relation = 'inspection'
    WHERE i.batch_id = :batch
    UNION ALL
    SELECT later.batch_id
    FROM import_change AS later
    INNER JOIN finding AS f
        ON later.row_id = f.inspection_id AND later.relation = 'finding' AND later.before ->> 'item' = f.item
    WHERE f.batch_id = :batch
    UNION ALL
    SELECT later.batch_id
    FROM import_change AS later
    INNER JOIN division AS d ON later.row_id = d.id AND later.relation = 'division'
    WHERE d.batch_id = :batch
    UNION ALL
    SELECT later.batch_id
    FROM import_change AS later
    INNER JOIN complaint AS c ON later.row_id = c.id AND later.relation = 'complaint'
    WHERE c.batch_id = :batch
    UNION ALL
    SELECT i.batch_id
    FROM inspection AS i
    INNER JOIN premises AS p ON i.premises_id = p.id
    WHERE p.batch_id = :batch
    UNION ALL
    SELECT f.batch_id
    FROM finding AS f
    INNER JOIN inspection AS i ON f.inspection_id = i.id
    WHERE i.batch_id = :batch
    UNION ALL
    SELECT c.batch_id
    FROM division AS c
    INNER JOIN division AS d ON c.parent_id = d.id
    WHERE d.batch_id = :batch
) AS o
INNER JOIN import_batch AS b ON o.batch_id = b.id
WHERE o.batch_id > :batch AND b.undone_at IS NULL
ORDER BY o.batch_id;

-- name: touch
INSERT INTO touched_premises (id)
SELECT i.premises_id FROM inspection AS i WHERE i.batch_id = :batch
UNION
SELECT i.premises_id
FROM finding AS f
INNER JOIN inspection AS i ON f.inspection_id = i.id
WHERE f.batch_id = :batch
UNION
SELECT i.premises_id
FROM import_change AS c
INNER JOIN inspection AS i ON c.row_id = i.id
WHERE c.batch_id = :batch AND c.relation IN ('inspection', 'finding')
UNION
SELECT (c.before ->> 'premises_id')::bigint
FROM import_change AS c
WHERE c.batch_id = :batch AND c.relation = 'inspection'
ON CONFLICT DO NOTHING;

-- name: restore_findings
DELETE FROM finding AS f
WHERE f.batch_id = :batch;

DELETE FROM finding AS f
USING import_change AS c
WHERE c.batch_id = :batch AND c.relation = 'finding' AND f.inspection_id = c.row_id AND f.item = c.before ->> 'item';

INSERT INTO finding (inspection_id, item, severity, times, batch_id)
SELECT r.inspection_id, r.item, r.severity, r.times, r.batch_id
FROM import_change AS c
CROSS JOIN LATERAL jsonb_populate_record(NULL::finding, c.before) AS r
WHERE c.batch_id = :batch AND c.relation = 'finding';

-- name: restore_inspections
UPDATE inspection AS i
SET
    premises_id = r.premises_id,
    inspected_on = r.inspected_on,
    kind = r.kind,
    channel = r.channel,
    result = r.result
FROM import_change AS c
CROSS JOIN LATERAL jsonb_populate_record(NULL::inspection, c.before) AS r
WHERE c.batch_id = :batch AND c.relation = 'inspection' AND i.id = c.row_id;

-- name: delete_inspections
DELETE FROM inspection AS i WHERE i.batch_id = :batch;

-- name: restore_premises
UPDATE premises AS p
SET
    licence = r.licence,
    name = r.name,
    trade_name = r.trade_name,
    credit_code = r.credit_code,
    category = r.category,
    risk_class = r.risk_class,
    credit_class = r.credit_class,
    responsibility_tier = r.responsibility_tier,
    address = r.address,
    division_code = r.division_code,
    original_x = r.original_x,
    original_y = r.original_y,
    datum = r.datum,
    location = r.location,
    external = r.external,
    opened_on = r.opened_on,
    closed_on = r.closed_on,
    geom = r.geom,
    h3_6 = r.h3_6,
    h3_7 = r.h3_7,
    h3_8 = r.h3_8,
    h3_9 = r.h3_9,
    h3_10 = r.h3_10,
    described_on = r.described_on,
    described_by = r.described_by,
    located_on = r.located_on,
    located_by = r.located_by
FROM import_change AS c
CROSS JOIN LATERAL jsonb_populate_record(NULL::premises, c.before) AS r
WHERE c.batch_id = :batch AND c.relation = 'premises' AND p.id = c.row_id;

-- name: place_restored
WITH placed AS (
    SELECT
        p.id,
        CASE WHEN p.location = 'exact' THEN c.id END AS cell_id,
        CASE
            WHEN p.location = 'exact'
                THEN coalesce(c.division_id, division_at(p.geom), division_coded(p.division_code))
            ELSE coalesce(division_coded(p.division_code), division_at(p.geom))
        END AS division_id
    FROM import_change AS k
    INNER JOIN premises AS p ON k.row_id = p.id
    LEFT JOIN grid_cell AS c ON c.id = cell_at(p.geom)
    WHERE k.batch_id = :batch AND k.relation = 'premises'
)

UPDATE premises AS p
SET cell_id = o.cell_id, division_id = o.division_id
FROM placed AS o
WHERE p.id = o.id AND (p.cell_id, p.division_id) IS DISTINCT FROM (o.cell_id, o.division_id);

-- name: delete_premises
DELETE FROM premises AS p WHERE p.batch_id = :batch;

-- name: restore_hazards
-- Hazards that the batch withdrew come back with their number, state and deadline.
UPDATE hazard AS h
SET
    id = r.id,
    state = r.state,
    due_on = r.due_on,
    resolved_on = r.resolved_on,
    resolving_inspection_id = r.resolving_inspection_id
FROM import_change AS c
CROSS JOIN LATERAL jsonb_populate_record(NULL::hazard, c.before) AS r
WHERE
    c.batch_id = :batch AND c.relation = 'hazard'
    AND h.first_inspection_id = r.first_inspection_id AND h.item = r.item;

-- name: restore_complaints
DELETE FROM complaint AS c WHERE c.batch_id = :batch;

UPDATE complaint AS c
SET
    received_on = r.received_on,
    closed_on = r.closed_on,
    kind = r.kind,
    licence = r.licence,
    original_x = r.original_x,
    original_y = r.original_y,
    datum = r.datum,
    geom = r.geom,
    h3_10 = r.h3_10
FROM import_change AS k
CROSS JOIN LATERAL jsonb_populate_record(NULL::complaint, k.before) AS r
WHERE k.batch_id = :batch AND k.relation = 'complaint' AND c.id = k.row_id;

-- name: counts
SELECT
    (SELECT count(*) FROM complaint AS c WHERE c.batch_id = :batch) AS complaints,
    (SELECT count(*) FROM premises AS p WHERE p.batch_id = :batch) AS premises,
    (SELECT count(*) FROM inspection AS i WHERE i.batch_id = :batch) AS inspections,
    (SELECT count(*) FROM finding AS f WHERE f.batch_id = :batch) AS findings,
    (SELECT count(*) FROM division AS d WHERE d.batch_id = :batch) AS divisions,
    (SELECT count(*) FROM import_change AS c WHERE c.batch_id = :batch AND c.before IS NOT NULL AND c.relation <> 'hazard')
        AS changes;

-- name: restore_divisions
DELETE FROM division_code AS k
USING import_change AS c
WHERE c.batch_id = :batch AND c.relation = 'division_code' AND c.before IS NULL AND k.id = c.row_id;

UPDATE division_code AS k
SET code = r.code, valid = r.valid
FROM import_change AS c
CROSS JOIN LATERAL jsonb_populate_record(NULL::division_code, c.before) AS r
WHERE c.batch_id = :batch AND c.relation = 'division_code' AND c.before IS NOT NULL AND k.id = c.row_id;

UPDATE division AS d
SET
    parent_id = r.parent_id,
    level = r.level,
    kind = r.kind,
    name = r.name,
    external = r.external,
    geom = r.geom
FROM import_change AS c
CROSS JOIN LATERAL jsonb_populate_record(NULL::division, c.before) AS r
WHERE c.batch_id = :batch AND c.relation = 'division' AND d.id = c.row_id;

-- name: cells_of_divisions
SELECT count(*)
FROM grid_cell AS g
INNER JOIN division AS d ON g.division_id = d.id
WHERE d.batch_id = :batch;

-- name: delete_divisions
UPDATE premises AS p SET division_id = NULL
FROM division AS d
WHERE p.division_id = d.id AND d.batch_id = :batch;

UPDATE division AS d SET parent_id = NULL WHERE d.batch_id = :batch;

DELETE FROM division AS d WHERE d.batch_id = :batch;

-- name: undone
UPDATE import_batch AS b SET undone_at = now() WHERE b.id = :batch;

-- name: find
SELECT b.id, b.mapping, b.files, b.datum, b.mode, b.counts, b.imported_by, b.imported_at, b.undone_at
FROM import_batch AS b
WHERE b.id = :batch;

-- name: list
SELECT b.id, b.mapping, b.files, b.datum, b.mode, b.counts, b.imported_by, b.imported_at, b.undone_at
FROM import_batch AS b
ORDER BY b.id DESC
LIMIT :most;

-- Staged complaints into the register.

-- name: compare
CREATE TEMPORARY TABLE known_complaint ON COMMIT DROP AS
SELECT
    s.seq,
    c.id,
    (
        s.received_on <> c.received_on
        OR 'closed_on' = any(:given) AND s.closed_on IS DISTINCT FROM c.closed_on
        OR 'kind' = any(:given) AND s.kind IS DISTINCT FROM c.kind
        OR 'licence' = any(:given) AND s.licence IS DISTINCT FROM c.licence
        OR :located AND (
            (s.original_x, s.original_y) IS DISTINCT FROM (c.original_x, c.original_y)
            OR s.lat IS NOT NULL AND s.datum IS DISTINCT FROM c.datum
        )
    ) AS changed
FROM staged_complaint AS s
INNER JOIN complaint AS c ON s.complaint_number = c.complaint_number;

-- name: count
SELECT
    (SELECT count(*) FROM staged_complaint AS s) - count(*) AS new,
    count(*) FILTER (WHERE k.changed) AS changed,
    count(*) FILTER (WHERE NOT k.changed) AS unchanged
FROM known_complaint AS k;

-- name: insert
INSERT INTO complaint (
    complaint_number, received_on, closed_on, kind, licence, original_x, original_y, datum, geom, h3_10, batch_id
)
SELECT
    s.complaint_number,
    s.received_on,
    s.closed_on,
    s.kind,
    s.licence,
    s.original_x,
    s.original_y,
    CASE WHEN s.lat IS NOT NULL THEN s.datum END,
    st_setsrid(st_point(s.lng, s.lat), 4326),
    s.h3_10,
    :batch
FROM staged_complaint AS s
LEFT JOIN known_complaint AS k ON s.seq = k.seq
WHERE k.seq IS NULL
ORDER BY s.seq;

-- name: remember
INSERT INTO import_change (batch_id, relation, row_id, before)
SELECT
    :batch,
    'complaint',
    c.id,
    to_jsonb(c)
FROM known_complaint AS k
INNER JOIN complaint AS c ON k.id = c.id
WHERE k.changed;

-- name: update
UPDATE complaint AS c
SET
    received_on = s.received_on,
    closed_on = CASE WHEN 'closed_on' = any(:given) THEN s.closed_on ELSE c.closed_on END,
    kind = CASE WHEN 'kind' = any(:given) THEN s.kind ELSE c.kind END,
    licence = CASE WHEN 'licence' = any(:given) THEN s.licence ELSE c.licence END,
    original_x = CASE WHEN :located THEN s.original_x ELSE c.original_x END,
    original_y = CASE WHEN :located THEN s.original_y ELSE c.original_y END,
    datum = CASE WHEN NOT :located THEN c.datum WHEN s.lat IS NOT NULL THEN s.datum END,
    geom = CASE WHEN :located THEN st_setsrid(st_point(s.lng, s.lat), 4326) ELSE c.geom END,
    h3_10 = CASE WHEN :located THEN s.h3_10 ELSE c.h3_10 END
FROM known_complaint AS k
INNER JOIN staged_complaint AS s ON k.seq = s.seq
WHERE c.id = k.id AND k.changed;

-- name: count_unlinked
-- Complaints of this batch that name a licence which is not in the register (yet).
SELECT count(*) FROM staged_complaint AS s
LEFT JOIN premises AS p ON s.licence = p.licence
WHERE s.licence IS NOT NULL AND p.id IS NULL;

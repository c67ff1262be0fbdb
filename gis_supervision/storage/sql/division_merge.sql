-- Staged divisions into the register: the area, and the codes it had when.

-- name: compare
CREATE TEMPORARY TABLE known_division ON COMMIT DROP AS
SELECT
    o.seq,
    o.id,
    o.parent_code,
    (
        (d.name, d.level) IS DISTINCT FROM (o.name, o.level)
        OR 'kind' = any(:given) AND d.kind IS DISTINCT FROM o.kind
        OR 'external' = any(:given) AND d.external IS DISTINCT FROM coalesce(o.external, false)
        OR o.geom IS NOT NULL AND (d.geom IS NULL OR st_asewkb(d.geom) <> st_asewkb(o.geom::geometry))
        OR d.parent_id IS DISTINCT FROM coalesce(division_coded(o.parent_code), d.parent_id)
        OR (
            o.successor_code IS NOT NULL
            AND division_coded(o.successor_code) IS DISTINCT FROM o.id
        )
    ) AS changed
FROM (
    SELECT
        s.seq,
        s.name,
        s.level,
        s.kind,
        s.external,
        s.geom,
        s.successor_code,
        coalesce(
            s.parent_code,
            CASE s.level WHEN 'township' THEN left(s.code, 6) WHEN 'village' THEN left(s.code, 9) END
        ) AS parent_code,
        division_coded(s.code) AS id
    FROM staged_division AS s
) AS o
LEFT JOIN division AS d ON o.id = d.id;

-- name: count
SELECT
    count(*) FILTER (WHERE k.id IS NULL) AS new,
    count(*) FILTER (WHERE k.id IS NOT NULL AND k.changed) AS changed,
    count(*) FILTER (WHERE k.id IS NOT NULL AND NOT k.changed) AS unchanged
FROM known_division AS k;

-- name: new
-- A row whose successor is in the same files, or in the register, is an older code of that division.
CREATE TEMPORARY TABLE new_division ON COMMIT DROP AS
SELECT
    k.seq,
    k.parent_code,
    s.code,
    s.successor_code,
    s.valid_from,
    s.succeeded_on,
    cast(NULL AS bigint) AS id,
    s.successor_code IS NOT NULL AND (
        division_coded(s.successor_code) IS NOT NULL
        OR s.successor_code IN (SELECT o.code FROM staged_division AS o)
    ) AS older
FROM known_division AS k
INNER JOIN staged_division AS s ON k.seq = s.seq
WHERE k.id IS NULL;

UPDATE new_division AS n
SET id = nextval(pg_get_serial_sequence('division', 'id'))
WHERE NOT n.older;

UPDATE new_division AS n
SET id = coalesce((SELECT o.id FROM new_division AS o WHERE o.code = n.successor_code), division_coded(n.successor_code))
WHERE n.older;

-- name: insert
INSERT INTO division (id, level, kind, name, external, geom, batch_id)
SELECT
    n.id,
    s.level,
    s.kind,
    s.name,
    coalesce(s.external, false),
    s.geom::geometry,
    :batch
FROM new_division AS n
INNER JOIN staged_division AS s ON n.seq = s.seq
WHERE NOT n.older
ORDER BY n.seq;

-- name: insert_codes
WITH wanted AS (
    SELECT
        n.id,
        n.code,
        coalesce(n.valid_from, p.succeeded_on) AS since,
        n.succeeded_on AS until
    FROM new_division AS n
    LEFT JOIN new_division AS p ON n.code = p.successor_code AND p.older
    UNION ALL
    -- the successor of a code that no row of its own speaks of
    SELECT n.id, n.successor_code, n.succeeded_on, NULL
    FROM new_division AS n
    WHERE n.successor_code IS NOT NULL AND NOT n.older
),

inserted AS (
    INSERT INTO division_code (division_id, code, valid)
    SELECT w.id, w.code, daterange(w.since, w.until)
    FROM wanted AS w
    ORDER BY w.id, w.code
    RETURNING id
)

INSERT INTO import_change (batch_id, relation, row_id)
SELECT :batch, 'division_code', i.id FROM inserted AS i;

-- name: shorten_codes
-- A division that is already there and gets an older code: its present code began when that one ended.
WITH shortened AS (
    SELECT c.id, to_jsonb(c) AS before, n.succeeded_on
    FROM new_division AS n
    INNER JOIN division_code AS c ON n.id = c.division_id AND n.successor_code = c.code
    WHERE n.older AND n.succeeded_on IS NOT NULL AND lower_inf(c.valid)
),

remembered AS (
    INSERT INTO import_change (batch_id, relation, row_id, before)
    SELECT :batch, 'division_code', s.id, s.before FROM shortened AS s
    RETURNING row_id
)

UPDATE division_code AS c
SET valid = daterange(s.succeeded_on, upper(c.valid))
FROM shortened AS s
INNER JOIN remembered AS r ON s.id = r.row_id
WHERE c.id = s.id;

-- name: remember
INSERT INTO import_change (batch_id, relation, row_id, before)
SELECT
    :batch,
    'division',
    d.id,
    to_jsonb(d) - 'geom_3857' || jsonb_build_object('geom', d.geom::text)
FROM known_division AS k
INNER JOIN division AS d ON k.id = d.id
WHERE k.changed;

-- name: succeed_codes
-- A code that has ended: the division goes on under the successor.
WITH ended AS (
    SELECT c.id, c.division_id, to_jsonb(c) AS before, s.successor_code, s.succeeded_on
    FROM known_division AS k
    INNER JOIN staged_division AS s ON k.seq = s.seq
    INNER JOIN division_code AS c ON k.id = c.division_id AND s.code = c.code
    WHERE k.changed AND s.succeeded_on IS NOT NULL AND upper_inf(c.valid)
),

remembered AS (
    INSERT INTO import_change (batch_id, relation, row_id, before)
    SELECT :batch, 'division_code', e.id, e.before FROM ended AS e
    RETURNING row_id
),

closed AS (
    UPDATE division_code AS c
    SET valid = daterange(lower(c.valid), e.succeeded_on)
    FROM ended AS e
    INNER JOIN remembered AS r ON e.id = r.row_id
    WHERE c.id = e.id
    RETURNING c.id
)

SELECT e.division_id, e.successor_code, e.succeeded_on
FROM ended AS e
INNER JOIN closed AS c ON e.id = c.id;

-- name: insert_successor
WITH inserted AS (
    INSERT INTO division_code (division_id, code, valid)
    SELECT :division, :code, daterange(:since, NULL)
    WHERE NOT EXISTS (SELECT c.id FROM division_code AS c WHERE c.code = :code AND upper_inf(c.valid))
    RETURNING id
)

INSERT INTO import_change (batch_id, relation, row_id)
SELECT :batch, 'division_code', i.id FROM inserted AS i;

-- name: update
UPDATE division AS d
SET
    name = s.name,
    level = s.level,
    kind = CASE WHEN 'kind' = any(:given) THEN s.kind ELSE d.kind END,
    external = CASE WHEN 'external' = any(:given) THEN coalesce(s.external, false) ELSE d.external END,
    geom = coalesce(s.geom::geometry, d.geom)
FROM known_division AS k
INNER JOIN staged_division AS s ON k.seq = s.seq
WHERE d.id = k.id AND k.changed;

-- name: adopt
UPDATE division AS d
SET parent_id = o.parent_id
FROM (
    SELECT
        coalesce(k.id, n.id) AS id,
        division_coded(k.parent_code) AS parent_id
    FROM known_division AS k
    LEFT JOIN new_division AS n ON k.seq = n.seq
    WHERE n.seq IS NULL OR NOT n.older
) AS o
WHERE d.id = o.id AND o.parent_id IS NOT NULL AND d.parent_id IS DISTINCT FROM o.parent_id;

-- What a table carries besides its rows, so that it can be taken off for a large load and put back.

-- name: constraints
SELECT
    c.conname AS name,
    pg_get_constraintdef(c.oid) AS definition
FROM pg_constraint AS c
WHERE c.conrelid = to_regclass(:relation) AND c.contype IN ('f', 'u')
ORDER BY c.contype DESC, c.conname;

-- name: indexes
-- A partial index is for the exception: most rows do not enter it.
SELECT
    i.indexrelid::regclass::text AS name,
    pg_get_indexdef(i.indexrelid) AS definition
FROM pg_index AS i
LEFT JOIN pg_constraint AS c ON i.indexrelid = c.conindid AND c.contype IN ('p', 'u', 'x')
WHERE i.indrelid = to_regclass(:relation) AND i.indpred IS NULL AND c.oid IS NULL
ORDER BY i.indexrelid;

-- name: rolled_up
SELECT
    exists(
        SELECT 1
        FROM pg_trigger AS t
        WHERE t.tgrelid = to_regclass(:relation) AND t.tgname = 'rollup_inserted'
    ) AS counted;

-- Hazards follow from inspections and their findings; people move only the state of their cases.

-- name: episodes
-- A hazard lives from the inspection that first records its item until the next one that does not.
CREATE TEMPORARY TABLE episode ON COMMIT DROP AS
WITH ordered AS (
    SELECT
        i.id,
        i.premises_id,
        i.inspected_on,
        row_number() OVER turn AS place,
        lead(i.id) OVER turn AS next_id,
        lead(i.inspected_on) OVER turn AS next_on
    FROM inspection AS i
    WHERE
        (:everything OR i.premises_id IN (SELECT t.id FROM touched_premises AS t))
        AND (cast(:excluded AS bigint) IS NULL OR i.batch_id IS DISTINCT FROM :excluded)
    WINDOW turn AS (
        PARTITION BY i.premises_id
        ORDER BY i.inspected_on, inspection_rank(i.inspection_number)
    )
),

seen AS (
    SELECT
        o.*,
        f.item,
        f.severity,
        o.place - row_number() OVER (PARTITION BY o.premises_id, f.item ORDER BY o.place) AS island
    FROM ordered AS o
    INNER JOIN finding AS f ON o.id = f.inspection_id
)

SELECT
    s.premises_id,
    s.item,
    (array_agg(s.severity ORDER BY s.place DESC))[1] AS severity,
    (array_agg(s.id ORDER BY s.place))[1] AS first_inspection_id,
    (array_agg(s.id ORDER BY s.place DESC))[1] AS last_inspection_id,
    (array_agg(s.next_id ORDER BY s.place DESC))[1] AS resolving_inspection_id,
    min(s.inspected_on) AS found_on,
    max(s.inspected_on) AS last_seen_on,
    (array_agg(s.next_on ORDER BY s.place DESC))[1] AS resolved_on,
    count(*)::integer AS times_seen,
    array_agg(s.id) AS inspection_ids,
    cast(NULL AS bigint) AS hazard_id
FROM seen AS s
GROUP BY s.premises_id, s.item, s.island;

-- name: match
-- The hazard of an episode is the one that began with it, else one that shares its first or its last
-- inspection, else one of the same time. A hazard goes on in one episode only.
ANALYZE episode;

WITH candidate AS (
    SELECT
        e.first_inspection_id,
        e.item,
        e.found_on,
        h.id,
        h.found_on AS old_found_on,
        CASE
            WHEN h.first_inspection_id = e.first_inspection_id THEN 1
            WHEN h.first_inspection_id = any(e.inspection_ids) THEN 2
            WHEN h.last_inspection_id = any(e.inspection_ids) THEN 3
            ELSE 4
        END AS distance
    FROM episode AS e
    INNER JOIN hazard AS h ON e.premises_id = h.premises_id AND e.item = h.item
    WHERE
        (e.found_on <= h.last_seen_on AND e.last_seen_on >= h.found_on)
        OR h.first_inspection_id = any(e.inspection_ids)
        OR h.last_inspection_id = any(e.inspection_ids)
),

chosen AS (
    SELECT DISTINCT ON (c.id) c.*
    FROM candidate AS c
    ORDER BY c.id, c.distance, c.found_on, c.first_inspection_id
),

paired AS (
    SELECT DISTINCT ON (c.first_inspection_id, c.item) c.*
    FROM chosen AS c
    ORDER BY c.first_inspection_id, c.item, c.distance, c.old_found_on, c.id
)

UPDATE episode AS e
SET hazard_id = p.id
FROM paired AS p
WHERE e.first_inspection_id = p.first_inspection_id AND e.item = p.item;

-- name: withdrawn
CREATE TEMPORARY TABLE withdrawn_hazard ON COMMIT DROP AS
SELECT h.id
FROM hazard AS h
LEFT JOIN episode AS e ON h.id = e.hazard_id
WHERE
    e.hazard_id IS NULL
    AND (:everything OR h.premises_id IN (SELECT t.id FROM touched_premises AS t));

-- name: remember
INSERT INTO import_change (batch_id, relation, row_id, before)
SELECT
    :batch,
    'hazard',
    h.id,
    to_jsonb(h)
FROM hazard AS h
INNER JOIN withdrawn_hazard AS w ON h.id = w.id;

-- name: delete
DELETE FROM hazard AS h USING withdrawn_hazard AS w WHERE h.id = w.id;

-- name: compare
-- The state goes with the facts: resolved is at least verified; open again is what it was before, since
-- people may have moved the case. What people have settled themselves (verified, closed, rejected,
-- duplicate) stays, unless a later inspection still finds it.
CREATE TEMPORARY TABLE changed_hazard ON COMMIT DROP AS
WITH held AS (
    SELECT
        e.*,
        h.state AS old_state,
        h.resolved_on AS old_resolved_on,
        h.resolving_inspection_id AS old_resolving_inspection_id,
        h.resolving_inspection_id IS NULL AND (
            h.state IN ('rejected', 'duplicate')
            OR (
                h.state IN ('verified', 'closed')
                AND e.last_seen_on <= h.resolved_on
                AND coalesce(h.resolved_on <= e.resolved_on, true)
            )
        ) AS settled
    FROM episode AS e
    INNER JOIN hazard AS h ON e.hazard_id = h.id
),

wanted AS (
    SELECT
        d.*,
        CASE WHEN NOT d.settled THEN d.resolving_inspection_id END AS new_resolving_inspection_id,
        CASE
            WHEN d.settled THEN greatest(d.old_resolved_on, d.last_seen_on)
            ELSE d.resolved_on
        END AS new_resolved_on,
        CASE
            WHEN d.settled THEN d.old_state
            WHEN d.resolved_on IS NOT NULL AND d.old_state = 'closed' THEN 'closed'
            WHEN d.resolved_on IS NOT NULL THEN 'verified'
            WHEN d.old_state NOT IN ('verified', 'closed') THEN d.old_state
            WHEN d.old_resolving_inspection_id IS NULL THEN 'verify_failed'
            ELSE coalesce(
                (
                    SELECT v.from_state
                    FROM hazard_event AS v
                    WHERE v.hazard_id = d.hazard_id AND v.to_state = 'verified'
                    ORDER BY v.id DESC
                    LIMIT 1
                ),
                'reported'
            )
        END AS new_state
    FROM held AS d
)

SELECT w.*
FROM wanted AS w
INNER JOIN hazard AS h ON w.hazard_id = h.id
WHERE
    (
        h.premises_id, h.severity, h.first_inspection_id, h.last_inspection_id, h.resolving_inspection_id,
        h.found_on, h.last_seen_on, h.resolved_on, h.times_seen, h.state
    ) IS DISTINCT FROM (
        w.premises_id, w.severity, w.first_inspection_id, w.last_inspection_id, w.new_resolving_inspection_id,
        w.found_on, w.last_seen_on, w.new_resolved_on, w.times_seen, w.new_state
    );

-- name: count
SELECT
    count(*) FILTER (WHERE e.hazard_id IS NULL) AS new,
    (SELECT count(*) FROM changed_hazard AS c) AS changed,
    (SELECT count(*) FROM withdrawn_hazard AS w) AS withdrawn
FROM episode AS e;

-- name: update
UPDATE hazard AS h
SET
    premises_id = c.premises_id,
    severity = c.severity,
    first_inspection_id = c.first_inspection_id,
    last_inspection_id = c.last_inspection_id,
    resolving_inspection_id = c.new_resolving_inspection_id,
    found_on = c.found_on,
    last_seen_on = c.last_seen_on,
    resolved_on = c.new_resolved_on,
    times_seen = c.times_seen,
    state = c.new_state
FROM changed_hazard AS c
WHERE h.id = c.hazard_id;

-- name: insert
INSERT INTO hazard (
    premises_id, item, severity, state, first_inspection_id, last_inspection_id, resolving_inspection_id,
    found_on, last_seen_on, resolved_on, times_seen
)
SELECT
    e.premises_id,
    e.item,
    e.severity,
    CASE WHEN e.resolved_on IS NULL THEN 'reported' ELSE 'verified' END,
    e.first_inspection_id,
    e.last_inspection_id,
    e.resolving_inspection_id,
    e.found_on,
    e.last_seen_on,
    e.resolved_on,
    e.times_seen
FROM episode AS e
WHERE e.hazard_id IS NULL
ORDER BY e.found_on, e.first_inspection_id, e.item;

-- name: drop
DROP TABLE episode, withdrawn_hazard, changed_hazard;

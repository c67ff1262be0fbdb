-- Staged premises into the register. `given` names the fields that the mapping fills; others are kept.

-- name: compare
-- Attributes are those of the last inspection that has them, the location that of the last that has one: an
-- older one does not overwrite them. Rows without an inspection say what holds now. Rows of a later
-- inspection that says the same are no change, and are noted all the same ("confirmed").
CREATE TEMPORARY TABLE known_premises ON COMMIT DROP AS
SELECT
    s.seq,
    p.id,
    v.described,
    v.located,
    (
        v.described
        AND s.described_on IS NOT NULL
        AND (p.described_on, p.described_by) IS DISTINCT FROM (s.described_on, s.described_by)
    )
    OR (
        v.located
        AND s.located_on IS NOT NULL
        AND (p.located_on, p.located_by) IS DISTINCT FROM (s.located_on, s.located_by)
    ) AS confirmed,
    (
        v.described AND (
            ('name' = any(:given) AND p.name IS DISTINCT FROM s.name)
            OR ('trade_name' = any(:given) AND p.trade_name IS DISTINCT FROM s.trade_name)
            OR ('credit_code' = any(:given) AND p.credit_code IS DISTINCT FROM s.credit_code)
            OR ('category' = any(:given) AND p.category IS DISTINCT FROM s.category)
            OR ('risk_class' = any(:given) AND p.risk_class IS DISTINCT FROM s.risk_class)
            OR ('credit_class' = any(:given) AND p.credit_class IS DISTINCT FROM s.credit_class)
            OR (
                'responsibility_tier' = any(:given)
                AND p.responsibility_tier IS DISTINCT FROM s.responsibility_tier
            )
            OR ('address' = any(:given) AND p.address IS DISTINCT FROM s.address)
            OR ('division_code' = any(:given) AND p.division_code IS DISTINCT FROM s.division_code)
            OR ('external' = any(:given) AND p.external IS DISTINCT FROM coalesce(s.external, false))
            OR ('opened_on' = any(:given) AND p.opened_on IS DISTINCT FROM s.opened_on)
            OR ('closed_on' = any(:given) AND p.closed_on IS DISTINCT FROM s.closed_on)
        )
    )
    OR (
        v.located AND (
            p.location <> 'exact'
            OR p.original_x IS DISTINCT FROM s.original_x
            OR p.original_y IS DISTINCT FROM s.original_y
            OR p.datum IS DISTINCT FROM s.datum
        )
    ) AS changed
FROM staged_premises AS s
INNER JOIN premises AS p ON s.licence = p.licence
CROSS JOIN LATERAL (
    SELECT
        (
            coalesce(
                (s.described_on, inspection_rank(s.described_by))
                >= (p.described_on, inspection_rank(p.described_by)),
                true
            )
        ) AS described,
        (
            s.lat IS NOT NULL
            AND (
                p.location <> 'exact'
                OR coalesce(
                    (s.located_on, inspection_rank(s.located_by)) >= (p.located_on, inspection_rank(p.located_by)),
                    true
                )
            )
        ) AS located
) AS v;

-- name: count
SELECT
    (SELECT count(*) FROM staged_premises AS s) - count(*) AS new,
    count(*) FILTER (WHERE k.changed) AS changed,
    count(*) FILTER (WHERE NOT k.changed) AS unchanged,
    count(*) FILTER (WHERE k.confirmed AND NOT k.changed) AS confirmed
FROM known_premises AS k;

-- name: place
-- Where the new premises lie, if that was not told when they were staged. Outlines are the outer side (OFFSET 0 keeps them
-- there): each is prepared once for all its points.
CREATE TEMPORARY TABLE staged_point ON COMMIT DROP AS
SELECT
    s.seq,
    st_setsrid(st_makepoint(s.lng, s.lat), 4326) AS geom
FROM staged_premises AS s
LEFT JOIN known_premises AS k ON s.seq = k.seq
WHERE k.seq IS NULL AND s.lat IS NOT NULL;

CREATE INDEX staged_point_geom ON staged_point USING gist (geom);

ANALYZE staged_point;

CREATE TEMPORARY TABLE staged_cell ON COMMIT DROP AS
SELECT DISTINCT ON (i.seq)
    i.seq,
    c.id AS cell_id,
    c.division_id
FROM grid_cell AS c
CROSS JOIN LATERAL (
    SELECT s.seq
    FROM staged_point AS s
    WHERE st_covers(c.geom, s.geom)
    OFFSET 0 -- noqa: AM09
) AS i
WHERE upper_inf(c.valid)
ORDER BY i.seq, c.code;

ANALYZE staged_cell;

CREATE TEMPORARY TABLE staged_area ON COMMIT DROP AS
SELECT DISTINCT ON (i.seq)
    i.seq,
    d.id AS division_id
FROM division AS d
CROSS JOIN LATERAL (
    SELECT s.seq
    FROM staged_point AS s
    WHERE st_covers(d.geom, s.geom)
    OFFSET 0 -- noqa: AM09
) AS i
ORDER BY i.seq, st_area(d.geom), d.id;

ANALYZE staged_area;

UPDATE staged_premises AS s
SET
    cell_id = c.cell_id,
    division_id = coalesce(c.division_id, a.division_id)
FROM staged_point AS p
LEFT JOIN staged_cell AS c ON p.seq = c.seq
LEFT JOIN staged_area AS a ON p.seq = a.seq
WHERE s.seq = p.seq;

-- name: insert
INSERT INTO premises (
    licence, name, trade_name, credit_code, category, risk_class, credit_class, responsibility_tier,
    address, division_code, external, opened_on, closed_on, original_x, original_y, datum, location, geom,
    h3_6, h3_7, h3_8, h3_9, h3_10, cell_id, division_id, batch_id,
    described_on, described_by, located_on, located_by
)
SELECT
    s.licence,
    s.name,
    s.trade_name,
    s.credit_code,
    s.category,
    s.risk_class,
    s.credit_class,
    s.responsibility_tier,
    s.address,
    s.division_code,
    coalesce(s.external, false),
    s.opened_on,
    s.closed_on,
    s.original_x,
    s.original_y,
    CASE WHEN s.lat IS NOT NULL THEN s.datum END,
    CASE WHEN s.lat IS NOT NULL THEN 'exact' ELSE 'none' END,
    st_setsrid(st_makepoint(s.lng, s.lat), 4326),
    s.h3_6,
    s.h3_7,
    s.h3_8,
    s.h3_9,
    s.h3_10,
    s.cell_id,
    coalesce(s.division_id, o.division_id),
    :batch,
    s.described_on,
    s.described_by,
    CASE WHEN s.lat IS NOT NULL THEN s.located_on END,
    CASE WHEN s.lat IS NOT NULL THEN s.located_by END
FROM staged_premises AS s
LEFT JOIN known_premises AS k ON s.seq = k.seq
LEFT JOIN (
    SELECT DISTINCT ON (d.code)
        d.code,
        d.division_id
    FROM division_code AS d
    ORDER BY d.code, upper_inf(d.valid) DESC, d.valid DESC
) AS o ON s.division_code = o.code
WHERE k.seq IS NULL;

-- name: remember
INSERT INTO import_change (batch_id, relation, row_id, before)
SELECT
    :batch,
    'premises',
    p.id,
    to_jsonb(p) - 'geom_3857' || jsonb_build_object('geom', p.geom::text)
FROM known_premises AS k
INNER JOIN premises AS p ON k.id = p.id
WHERE k.changed OR k.confirmed;

-- name: update
UPDATE premises AS p
SET
    name = CASE WHEN k.described AND 'name' = any(:given) THEN s.name ELSE p.name END,
    trade_name = CASE WHEN k.described AND 'trade_name' = any(:given) THEN s.trade_name ELSE p.trade_name END,
    credit_code = CASE
        WHEN k.described AND 'credit_code' = any(:given) THEN s.credit_code ELSE p.credit_code
    END,
    category = CASE WHEN k.described AND 'category' = any(:given) THEN s.category ELSE p.category END,
    risk_class = CASE WHEN k.described AND 'risk_class' = any(:given) THEN s.risk_class ELSE p.risk_class END,
    credit_class = CASE
        WHEN k.described AND 'credit_class' = any(:given) THEN s.credit_class ELSE p.credit_class
    END,
    responsibility_tier = CASE
        WHEN k.described AND 'responsibility_tier' = any(:given) THEN s.responsibility_tier
        ELSE p.responsibility_tier
    END,
    address = CASE WHEN k.described AND 'address' = any(:given) THEN s.address ELSE p.address END,
    division_code = CASE
        WHEN k.described AND 'division_code' = any(:given) THEN s.division_code ELSE p.division_code
    END,
    external = CASE
        WHEN k.described AND 'external' = any(:given) THEN coalesce(s.external, false) ELSE p.external
    END,
    opened_on = CASE WHEN k.described AND 'opened_on' = any(:given) THEN s.opened_on ELSE p.opened_on END,
    closed_on = CASE WHEN k.described AND 'closed_on' = any(:given) THEN s.closed_on ELSE p.closed_on END,
    original_x = CASE WHEN k.located THEN s.original_x ELSE p.original_x END,
    original_y = CASE WHEN k.located THEN s.original_y ELSE p.original_y END,
    datum = CASE WHEN k.located THEN s.datum ELSE p.datum END,
    location = CASE WHEN k.located THEN 'exact' ELSE p.location END,
    geom = CASE WHEN k.located THEN st_setsrid(st_makepoint(s.lng, s.lat), 4326) ELSE p.geom END,
    h3_6 = CASE WHEN k.located THEN s.h3_6 ELSE p.h3_6 END,
    h3_7 = CASE WHEN k.located THEN s.h3_7 ELSE p.h3_7 END,
    h3_8 = CASE WHEN k.located THEN s.h3_8 ELSE p.h3_8 END,
    h3_9 = CASE WHEN k.located THEN s.h3_9 ELSE p.h3_9 END,
    h3_10 = CASE WHEN k.located THEN s.h3_10 ELSE p.h3_10 END,
    described_on = CASE WHEN k.described THEN coalesce(s.described_on, p.described_on) ELSE p.described_on END,
    described_by = CASE WHEN k.described THEN coalesce(s.described_by, p.described_by) ELSE p.described_by END,
    located_on = CASE WHEN k.located THEN coalesce(s.located_on, p.located_on) ELSE p.located_on END,
    located_by = CASE WHEN k.located THEN coalesce(s.located_by, p.located_by) ELSE p.located_by END
FROM known_premises AS k
INNER JOIN staged_premises AS s ON k.seq = s.seq
WHERE p.id = k.id AND (k.changed OR k.confirmed);

-- name: drop_geocodes
-- A location of its own takes the place of that of the division.
DELETE FROM premises_geocode AS g
USING known_premises AS k
WHERE g.premises_id = k.id AND k.changed AND k.located;

-- name: place_changed
WITH placed AS (
    SELECT
        p.id,
        CASE WHEN p.location = 'exact' THEN c.id END AS cell_id,
        CASE
            WHEN p.location = 'exact'
                THEN coalesce(c.division_id, division_at(p.geom), division_coded(p.division_code))
            ELSE coalesce(division_coded(p.division_code), division_at(p.geom))
        END AS division_id
    FROM known_premises AS k
    INNER JOIN premises AS p ON k.id = p.id
    LEFT JOIN grid_cell AS c ON c.id = cell_at(p.geom)
    WHERE k.changed
)

UPDATE premises AS p
SET cell_id = o.cell_id, division_id = o.division_id
FROM placed AS o
WHERE p.id = o.id AND (p.cell_id, p.division_id) IS DISTINCT FROM (o.cell_id, o.division_id);

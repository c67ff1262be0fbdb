-- The history of cells, geocodes of divisions, areas of other administrations, and placing premises in bulk.

-- Divisions of another administration, those below them included.
CREATE VIEW external_division AS
WITH RECURSIVE below AS (
    SELECT d.id AS division_id
    FROM division AS d
    WHERE d.external
    UNION
    SELECT d.id
    FROM division AS d
    INNER JOIN below AS b ON d.parent_id = b.division_id
)

SELECT division_id FROM below;

CREATE OR REPLACE FUNCTION premises_place() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    -- An approximate point stands for a whole division: it never names a cell.
    IF new.location = 'exact' THEN
        new.cell_id := cell_at(new.geom);
        new.division_id := coalesce(
            (SELECT c.division_id FROM grid_cell AS c WHERE c.id = new.cell_id),
            division_at(new.geom),
            division_coded(new.division_code)
        );
    ELSE
        new.cell_id := NULL;
        new.division_id := coalesce(
            division_coded(new.division_code),
            (
                SELECT g.division_id
                FROM premises_geocode AS g
                WHERE g.premises_id = new.id AND new.location = 'approximate'
            ),
            division_at(new.geom)
        );
    END IF;
    -- H3 cells are computed outside the database: those of another point are removed, and
    -- ix_premises_h3_missing finds the premises that wait for new ones.
    IF new.location <> 'exact'
        OR (
            tg_op = 'UPDATE'
            AND old.h3_10 IS NOT DISTINCT FROM new.h3_10
            AND NOT coalesce(old.geom = new.geom, false)
        )
    THEN
        new.h3_6 := NULL;
        new.h3_7 := NULL;
        new.h3_8 := NULL;
        new.h3_9 := NULL;
        new.h3_10 := NULL;
    END IF;
    RETURN new;
END;
$$;

CREATE FUNCTION premises_place_some(cells bigint []) RETURNS bigint
LANGUAGE plpgsql AS $$
-- Places the premises that are in the given cells, or lie in them; returns how many moved.
DECLARE
    moved bigint;
BEGIN
    WITH touched AS (
        SELECT p.id FROM premises AS p WHERE p.cell_id = any(cells)
        UNION
        SELECT p.id
        FROM grid_cell AS c
        INNER JOIN premises AS p ON p.geom && c.geom
        WHERE c.id = any(cells) AND p.location = 'exact'
    ),

    placed AS (
        SELECT
            p.id,
            h.cell_id,
            coalesce(h.division_id, division_at(p.geom), division_coded(p.division_code)) AS division_id
        FROM touched AS t
        INNER JOIN premises AS p ON t.id = p.id
        LEFT JOIN LATERAL (
            SELECT
                c.id AS cell_id,
                c.division_id
            FROM grid_cell AS c
            WHERE upper_inf(c.valid) AND st_covers(c.geom, p.geom)
            ORDER BY c.code
            LIMIT 1
        ) AS h ON true
        WHERE p.location = 'exact'
    )

    UPDATE premises AS p
    SET cell_id = placed.cell_id, division_id = placed.division_id
    FROM placed
    WHERE
        p.id = placed.id
        AND (p.cell_id, p.division_id) IS DISTINCT FROM (placed.cell_id, placed.division_id);
    GET DIAGNOSTICS moved = ROW_COUNT;
    RETURN moved;
END;
$$;

CREATE FUNCTION premises_place_every() RETURNS bigint
LANGUAGE plpgsql
-- Statistics that were taken while a file was being read say that there are no premises; nested loops over
-- all of them would then take minutes. Where an outline meets its points there is no other way than one.
SET enable_nestloop = off SET jit = off
AS $$
-- Places all premises; returns how many moved. Outlines are the outer side of each join (OFFSET 0 keeps
-- them there): an outline is prepared once for all points in it.
DECLARE
    moved bigint;
BEGIN
    WITH held AS MATERIALIZED (
        SELECT DISTINCT ON (i.id)
            i.id,
            c.id AS cell_id,
            c.division_id
        FROM grid_cell AS c
        CROSS JOIN LATERAL (
            SELECT p.id
            FROM premises AS p
            WHERE p.location = 'exact' AND st_covers(c.geom, p.geom)
            OFFSET 0
        ) AS i
        WHERE upper_inf(c.valid)
        ORDER BY i.id, c.code
    ),

    within AS MATERIALIZED (
        SELECT DISTINCT ON (i.id)
            i.id,
            d.id AS division_id
        FROM division AS d
        CROSS JOIN LATERAL (
            SELECT p.id
            FROM premises AS p
            WHERE st_covers(d.geom, p.geom)
            OFFSET 0
        ) AS i
        ORDER BY i.id, st_area(d.geom), d.id
    ),

    coded AS MATERIALIZED (
        SELECT DISTINCT ON (k.code)
            k.code,
            k.division_id
        FROM division_code AS k
        ORDER BY k.code, upper_inf(k.valid) DESC, k.valid DESC
    ),

    placed AS (
        SELECT
            p.id,
            h.cell_id,
            CASE
                WHEN p.location = 'exact' THEN coalesce(h.division_id, w.division_id, k.division_id)
                WHEN p.location = 'approximate' THEN coalesce(k.division_id, g.division_id, w.division_id)
                ELSE k.division_id
            END AS division_id
        FROM premises AS p
        LEFT JOIN held AS h ON p.id = h.id
        LEFT JOIN within AS w ON p.id = w.id
        LEFT JOIN coded AS k ON p.division_code = k.code
        LEFT JOIN premises_geocode AS g ON p.id = g.premises_id
    )

    UPDATE premises AS p
    SET cell_id = placed.cell_id, division_id = placed.division_id
    FROM placed
    WHERE
        p.id = placed.id
        AND (p.cell_id, p.division_id) IS DISTINCT FROM (placed.cell_id, placed.division_id);
    GET DIAGNOSTICS moved = ROW_COUNT;
    RETURN moved;
END;
$$;

CREATE OR REPLACE FUNCTION premises_place_all(cells bigint [] DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql AS $$
-- Places the premises of the given cells, or all of them, at once; returns how many moved.
DECLARE
    before text := coalesce(current_setting('gis_supervision.placing', true), '');
    moved bigint;
BEGIN
    PERFORM set_config('gis_supervision.placing', 'bulk', true);
    -- for many cells it is quicker to place all premises than to look for those concerned
    IF cells IS NULL OR cardinality(cells) > 500 THEN
        moved := premises_place_every();
    ELSE
        moved := premises_place_some(cells);
    END IF;
    PERFORM set_config('gis_supervision.placing', before, true);
    RETURN moved;
END;
$$;

-- Several changes of cells in a row set gis_supervision.cells to 'deferred' for their transaction and call
-- premises_place_all() once, at the end.
CREATE OR REPLACE FUNCTION grid_cell_changed() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('gis_supervision.cells', true) IS DISTINCT FROM 'deferred' THEN
        PERFORM premises_place_all(coalesce((SELECT array_agg(c.id) FROM changed AS c), '{}'));
    END IF;
    RETURN NULL;
END;
$$;

-- The point of a geocode goes when its geocode goes, whoever takes it away.
CREATE FUNCTION premises_geocode_gone() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE premises AS p
    SET location = 'none', geom = NULL
    FROM gone AS g
    WHERE p.id = g.premises_id AND p.location = 'approximate';
    RETURN NULL;
END;
$$;

CREATE TRIGGER premises_geocode_deleted
AFTER DELETE ON premises_geocode REFERENCING OLD TABLE AS gone
FOR EACH STATEMENT EXECUTE FUNCTION premises_geocode_gone();

-- Readers see whether a premises counts as one of another administration: by itself or by its division.
CREATE OR REPLACE VIEW map.premises AS
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
    p.external OR e.division_id IS NOT NULL AS external,
    p.opened_on,
    p.closed_on,
    p.cell_id,
    d.name AS division,
    p.geom,
    p.geom_3857
FROM premises AS p
LEFT JOIN division AS d ON p.division_id = d.id
LEFT JOIN external_division AS e ON p.division_id = e.division_id;

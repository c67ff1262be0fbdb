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
    p.external,
    p.opened_on,
    p.closed_on,
    p.cell_id,
    d.name AS division,
    p.geom,
    p.geom_3857
FROM premises AS p
LEFT JOIN division AS d ON p.division_id = d.id;

DROP VIEW external_division;

DROP TRIGGER premises_geocode_deleted ON premises_geocode;

DROP FUNCTION premises_geocode_gone();

CREATE OR REPLACE FUNCTION grid_cell_changed() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM premises_place_all(coalesce((SELECT array_agg(c.id) FROM changed AS c), '{}'));
    RETURN NULL;
END;
$$;

DROP FUNCTION premises_place_some(bigint []);

DROP FUNCTION premises_place_every();

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
        new.division_id := coalesce(division_coded(new.division_code), division_at(new.geom));
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

CREATE OR REPLACE FUNCTION premises_place_all(cells bigint [] DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql AS $$
-- Places the premises of the given cells, or all of them, at once; returns how many moved.
DECLARE
    moved bigint;
BEGIN
    PERFORM set_config('gis_supervision.placing', 'bulk', true);
    WITH touched AS (
        SELECT p.id FROM premises AS p WHERE cells IS NULL
        UNION
        SELECT p.id FROM premises AS p WHERE p.cell_id = any(cells)
        UNION
        SELECT p.id
        FROM grid_cell AS c
        INNER JOIN premises AS p ON p.geom && c.geom
        WHERE c.id = any(cells)
    ),

    held AS (
        SELECT DISTINCT ON (p.id)
            p.id,
            c.id AS cell_id,
            c.division_id
        FROM premises AS p
        INNER JOIN grid_cell AS c ON st_covers(c.geom, p.geom)
        WHERE upper_inf(c.valid) AND p.location = 'exact' AND p.id IN (SELECT t.id FROM touched AS t)
        ORDER BY p.id, c.code
    ),

    placed AS (
        SELECT
            p.id,
            h.cell_id,
            CASE
                WHEN p.location = 'exact'
                    THEN coalesce(h.division_id, division_at(p.geom), division_coded(p.division_code))
                ELSE coalesce(division_coded(p.division_code), division_at(p.geom))
            END AS division_id
        FROM premises AS p
        INNER JOIN touched AS t ON p.id = t.id
        LEFT JOIN held AS h ON p.id = h.id
    )

    UPDATE premises AS p
    SET cell_id = placed.cell_id, division_id = placed.division_id
    FROM placed
    WHERE
        p.id = placed.id
        AND (p.cell_id, p.division_id) IS DISTINCT FROM (placed.cell_id, placed.division_id);
    GET DIAGNOSTICS moved = ROW_COUNT;
    PERFORM set_config('gis_supervision.placing', '', true);
    RETURN moved;
END;
$$;

-- Links that are right whoever writes: the cell and the division of a premises, the history of a hazard,
-- the version of the register.

CREATE FUNCTION cell_at(point geometry) RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
-- A point on a common border belongs to the cell with the lowest code.
SELECT c.id
FROM grid_cell AS c
WHERE upper_inf(c.valid) AND st_covers(c.geom, point)
ORDER BY c.code
LIMIT 1;
END;

CREATE FUNCTION division_at(point geometry) RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
-- Divisions nest: the smallest one that holds the point is its own.
SELECT d.id
FROM division AS d
WHERE st_covers(d.geom, point)
ORDER BY st_area(d.geom), d.id
LIMIT 1;
END;

CREATE FUNCTION division_coded(wanted text) RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
SELECT k.division_id
FROM division_code AS k
WHERE k.code = wanted
ORDER BY upper_inf(k.valid) DESC, k.valid DESC
LIMIT 1;
END;

CREATE FUNCTION premises_place() RETURNS trigger
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

-- A bulk load sets gis_supervision.placing to 'bulk' for its transaction and calls premises_place_all().
CREATE TRIGGER premises_place
BEFORE INSERT OR UPDATE OF geom, location, division_code, cell_id, division_id ON premises
FOR EACH ROW
WHEN (current_setting('gis_supervision.placing', true) IS DISTINCT FROM 'bulk')
EXECUTE FUNCTION premises_place();

CREATE FUNCTION premises_place_all(cells bigint [] DEFAULT NULL) RETURNS bigint
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

CREATE FUNCTION grid_cell_changed() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM premises_place_all(coalesce((SELECT array_agg(c.id) FROM changed AS c), '{}'));
    RETURN NULL;
END;
$$;

CREATE TRIGGER grid_cell_inserted
AFTER INSERT ON grid_cell
REFERENCING NEW TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION grid_cell_changed();

CREATE TRIGGER grid_cell_updated
AFTER UPDATE ON grid_cell
REFERENCING NEW TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION grid_cell_changed();

CREATE FUNCTION division_changed() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM premises_place_all();
    RETURN NULL;
END;
$$;

CREATE TRIGGER division_changed
AFTER INSERT OR UPDATE OR DELETE ON division
FOR EACH STATEMENT EXECUTE FUNCTION division_changed();

CREATE TRIGGER division_code_changed
AFTER INSERT OR UPDATE OR DELETE ON division_code
FOR EACH STATEMENT EXECUTE FUNCTION division_changed();

-- The history of a hazard. The date of a change is the day that the evidence is from; the actor is the
-- setting gis_supervision.actor of the transaction, else the login.

CREATE FUNCTION hazard_history() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    who text := coalesce(nullif(current_setting('gis_supervision.actor', true), ''), session_user);
BEGIN
    IF tg_op = 'INSERT' THEN
        INSERT INTO hazard_event (hazard_id, happened_on, from_state, to_state, inspection_id, actor)
        SELECT n.id, n.found_on, NULL, 'reported', n.first_inspection_id, who FROM new_row AS n;
        INSERT INTO hazard_event (hazard_id, happened_on, from_state, to_state, inspection_id, actor)
        SELECT
            n.id,
            coalesce(n.resolved_on, current_date),
            'reported',
            n.state,
            n.resolving_inspection_id,
            who
        FROM new_row AS n
        WHERE n.state <> 'reported';
    ELSIF tg_op = 'UPDATE' THEN
        INSERT INTO hazard_event (hazard_id, happened_on, from_state, to_state, inspection_id, actor)
        SELECT
            n.id,
            coalesce(n.resolved_on, current_date),
            o.state,
            n.state,
            n.resolving_inspection_id,
            who
        FROM new_row AS n
        INNER JOIN old_row AS o ON n.id = o.id
        WHERE n.state <> o.state;
    ELSE
        INSERT INTO hazard_event (hazard_id, happened_on, from_state, to_state, inspection_id, actor)
        SELECT o.id, current_date, o.state, NULL, o.first_inspection_id, who FROM old_row AS o;
    END IF;
    RETURN NULL;
END;
$$;

CREATE TRIGGER hazard_inserted
AFTER INSERT ON hazard REFERENCING NEW TABLE AS new_row
FOR EACH STATEMENT EXECUTE FUNCTION hazard_history();

CREATE TRIGGER hazard_updated
AFTER UPDATE ON hazard REFERENCING OLD TABLE AS old_row NEW TABLE AS new_row
FOR EACH STATEMENT EXECUTE FUNCTION hazard_history();

CREATE TRIGGER hazard_deleted
AFTER DELETE ON hazard REFERENCING OLD TABLE AS old_row
FOR EACH STATEMENT EXECUTE FUNCTION hazard_history();

CREATE FUNCTION history_is_append_only() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the history in % is append-only', tg_table_name
    USING ERRCODE = 'integrity_constraint_violation';
END;
$$;

CREATE TRIGGER hazard_event_append_only
BEFORE UPDATE OR DELETE OR TRUNCATE ON hazard_event
FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only();

-- The version of the register: a run that was made at the current version is still true.

INSERT INTO registry_version (version) VALUES (0);

CREATE FUNCTION registry_changed() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE registry_version SET version = version + 1;
    RETURN NULL;
END;
$$;

CREATE TRIGGER premises_version
AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON premises
FOR EACH STATEMENT EXECUTE FUNCTION registry_changed();

CREATE TRIGGER inspection_version
AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON inspection
FOR EACH STATEMENT EXECUTE FUNCTION registry_changed();

CREATE TRIGGER hazard_version
AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON hazard
FOR EACH STATEMENT EXECUTE FUNCTION registry_changed();

CREATE TRIGGER division_version
AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON division
FOR EACH STATEMENT EXECUTE FUNCTION registry_changed();

CREATE TRIGGER grid_cell_version
AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON grid_cell
FOR EACH STATEMENT EXECUTE FUNCTION registry_changed();

CREATE TRIGGER inspector_version
AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON inspector
FOR EACH STATEMENT EXECUTE FUNCTION registry_changed();

CREATE TRIGGER inspector_assignment_version
AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON inspector_assignment
FOR EACH STATEMENT EXECUTE FUNCTION registry_changed();

CREATE TRIGGER zone_cell_version
AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON zone_cell
FOR EACH STATEMENT EXECUTE FUNCTION registry_changed();

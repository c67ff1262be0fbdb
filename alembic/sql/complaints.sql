-- Complaints: their premises, by its licence, and their cell, whoever writes.

CREATE FUNCTION complaint_place() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    new.premises_id := (SELECT p.id FROM premises AS p WHERE p.licence = new.licence);
    -- without a point of its own a complaint lies where its premises does
    new.cell_id := CASE
        WHEN new.geom IS NOT NULL THEN cell_at(new.geom)
        ELSE (SELECT p.cell_id FROM premises AS p WHERE p.id = new.premises_id)
    END;
    RETURN new;
END;
$$;

CREATE TRIGGER complaint_place
BEFORE INSERT OR UPDATE ON complaint
FOR EACH ROW EXECUTE FUNCTION complaint_place();

-- An update that changes nothing places a complaint again. Planned anew each time (EXECUTE), by the number
-- of rows that changed: a plan for one of them takes minutes for all.
CREATE FUNCTION complaint_follow_premises() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM complaint) THEN
        RETURN NULL;
    END IF;
    EXECUTE '
        WITH moved AS MATERIALIZED (
            SELECT n.id, n.licence
            FROM new_row AS n
            INNER JOIN old_row AS o ON n.id = o.id
            WHERE (n.licence, n.cell_id) IS DISTINCT FROM (o.licence, o.cell_id)
        ),

        concerned AS MATERIALIZED (
            SELECT c.id FROM complaint AS c INNER JOIN moved AS m ON c.premises_id = m.id
            UNION
            SELECT c.id
            FROM complaint AS c
            INNER JOIN moved AS m ON c.licence = m.licence
            WHERE c.premises_id IS NULL
        )

        UPDATE complaint AS c SET licence = c.licence
        FROM concerned AS f
        WHERE c.id = f.id';
    RETURN NULL;
END;
$$;

-- New premises may be many: only complaints that wait for one are looked at.
CREATE FUNCTION complaint_find_premises() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE complaint AS c SET licence = c.licence
    FROM premises AS p
    WHERE c.premises_id IS NULL AND c.licence = p.licence;
    RETURN NULL;
END;
$$;

CREATE TRIGGER premises_complaints_inserted
AFTER INSERT ON premises
FOR EACH STATEMENT EXECUTE FUNCTION complaint_find_premises();

CREATE TRIGGER premises_complaints_updated
AFTER UPDATE ON premises REFERENCING OLD TABLE AS old_row NEW TABLE AS new_row
FOR EACH STATEMENT EXECUTE FUNCTION complaint_follow_premises();

CREATE FUNCTION complaint_follow_cells() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE complaint AS c SET licence = c.licence
    FROM changed AS k
    WHERE c.cell_id = k.id OR c.geom && k.geom;
    RETURN NULL;
END;
$$;

-- Named so that they fire after premises are placed: triggers of one event go by name.
CREATE TRIGGER grid_cell_inserted_complaints
AFTER INSERT ON grid_cell REFERENCING NEW TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION complaint_follow_cells();

CREATE TRIGGER grid_cell_updated_complaints
AFTER UPDATE ON grid_cell REFERENCING NEW TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION complaint_follow_cells();

CREATE TRIGGER complaint_version
AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON complaint
FOR EACH STATEMENT EXECUTE FUNCTION registry_changed();

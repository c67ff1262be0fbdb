-- What every writing statement does to the roll-up.

-- What statements changed in one cell at resolution 8: differences of counts, the latest visit that came
-- and the latest one that went.
CREATE TYPE h3_rollup_change AS (
    h3 bigint,
    in_scope boolean,
    premises bigint,
    inspections bigint,
    critical bigint,
    serious bigint,
    minor bigint,
    unclassified bigint,
    visit_came_on date,
    visit_went_on date
);

CREATE FUNCTION h3_rollup_apply(changes h3_rollup_change []) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO h3_rollup AS u
    SELECT
        r.resolution,
        h3_parent(c.h3, r.resolution),
        c.in_scope,
        sum(c.premises),
        sum(c.inspections),
        sum(c.critical),
        sum(c.serious),
        sum(c.minor),
        sum(c.unclassified),
        max(c.visit_came_on)
    FROM unnest(changes) AS c
    CROSS JOIN generate_series(0, 8) AS r (resolution)
    GROUP BY r.resolution, h3_parent(c.h3, r.resolution), c.in_scope
    ORDER BY r.resolution, h3_parent(c.h3, r.resolution), c.in_scope
    ON CONFLICT (resolution, h3, in_scope) DO UPDATE
    SET
        premises = u.premises + excluded.premises,
        inspections = u.inspections + excluded.inspections,
        critical = u.critical + excluded.critical,
        serious = u.serious + excluded.serious,
        minor = u.minor + excluded.minor,
        unclassified = u.unclassified + excluded.unclassified,
        last_visit_on = greatest(u.last_visit_on, excluded.last_visit_on);
    IF EXISTS (SELECT FROM unnest(changes) AS c WHERE c.premises < 0 OR c.visit_went_on IS NOT NULL) THEN
        PERFORM h3_rollup_shrink(changes);
    END IF;
END;
$$;

CREATE FUNCTION h3_rollup_shrink(changes h3_rollup_change []) RETURNS void
LANGUAGE plpgsql AS $$
-- Mends what subtraction does not give: rows of nothing, and last visits that may have been taken away.
BEGIN
    DELETE FROM h3_rollup AS u
    USING unnest(changes) AS c, generate_series(0, 8) AS r (resolution)
    WHERE
        u.resolution = r.resolution AND u.h3 = h3_parent(c.h3, r.resolution) AND u.in_scope = c.in_scope
        AND u.premises = 0 AND u.inspections = 0
        AND u.critical = 0 AND u.serious = 0 AND u.minor = 0 AND u.unclassified = 0;
    UPDATE h3_rollup AS u
    SET
        last_visit_on = (
            SELECT max(i.inspected_on)
            FROM premises AS p
            INNER JOIN inspection AS i ON p.id = i.premises_id
            LEFT JOIN external_division AS e ON p.division_id = e.division_id
            WHERE
                (p.h3_8 = u.h3 OR (u.h3 = 0 AND p.h3_8 IS NULL))
                AND (NOT p.external AND p.closed_on IS NULL AND e.division_id IS NULL) = u.in_scope
        )
    FROM unnest(changes) AS c
    WHERE
        u.resolution = 8 AND u.h3 = c.h3 AND u.in_scope = c.in_scope
        AND c.visit_went_on >= u.last_visit_on;
    FOR coarser IN REVERSE 7..0 LOOP
        UPDATE h3_rollup AS u
        SET
            last_visit_on = (
                SELECT max(f.last_visit_on)
                FROM h3_rollup AS f
                WHERE
                    f.resolution = coarser + 1 AND f.in_scope = u.in_scope
                    -- the children are the indexes from digit 0 to digit 6
                    AND f.h3 BETWEEN h3_child(u.h3, coarser, 0) AND h3_child(u.h3, coarser, 6)
            )
        FROM unnest(changes) AS c
        WHERE
            u.resolution = coarser AND u.h3 = h3_parent(c.h3, coarser) AND u.in_scope = c.in_scope
            AND c.visit_went_on >= u.last_visit_on;
    END LOOP;
END;
$$;

CREATE FUNCTION h3_child(cell bigint, resolution integer, digit integer) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN cell = 0 THEN 0
    ELSE cell + (1::bigint << 52) - ((7 - digit)::bigint << (3 * (14 - resolution)))
END;

CREATE FUNCTION h3_rollup_premises() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    changes h3_rollup_change [];
BEGIN
    PERFORM h3_rollup_lock();
    -- New premises have no inspections yet, removed ones none any more: the keys see to that.
    IF tg_op = 'INSERT' THEN
        SELECT array_agg((g.h3, g.in_scope, g.premises, 0, 0, 0, 0, 0, NULL, NULL)::h3_rollup_change)
        INTO changes
        FROM (
            SELECT
                coalesce(n.h3_8, 0) AS h3,
                NOT n.external AND n.closed_on IS NULL AND e.division_id IS NULL AS in_scope,
                count(*) AS premises
            FROM new_row AS n
            LEFT JOIN external_division AS e ON n.division_id = e.division_id
            GROUP BY 1, 2
        ) AS g;
    ELSIF tg_op = 'DELETE' THEN
        SELECT array_agg((g.h3, g.in_scope, -g.premises, 0, 0, 0, 0, 0, NULL, NULL)::h3_rollup_change)
        INTO changes
        FROM (
            SELECT
                coalesce(o.h3_8, 0) AS h3,
                NOT o.external AND o.closed_on IS NULL AND e.division_id IS NULL AS in_scope,
                count(*) AS premises
            FROM old_row AS o
            LEFT JOIN external_division AS e ON o.division_id = e.division_id
            GROUP BY 1, 2
        ) AS g;
    ELSE
        -- Most updates move nothing: that is found out first, and nothing is looked up for the others.
        WITH moved AS MATERIALIZED (
            SELECT
                o.id,
                coalesce(o.h3_8, 0) AS left_h3,
                NOT o.external AND o.closed_on IS NULL AND eo.division_id IS NULL AS left_scope,
                coalesce(n.h3_8, 0) AS h3,
                NOT n.external AND n.closed_on IS NULL AND en.division_id IS NULL AS in_scope
            FROM old_row AS o
            INNER JOIN new_row AS n ON o.id = n.id
            LEFT JOIN external_division AS eo ON o.division_id = eo.division_id
            LEFT JOIN external_division AS en ON n.division_id = en.division_id
            WHERE
                (o.h3_8, o.external, o.closed_on, o.division_id)
                IS DISTINCT FROM (n.h3_8, n.external, n.closed_on, n.division_id)
        ),

        carried AS (
            SELECT
                m.left_h3,
                m.left_scope,
                m.h3,
                m.in_scope,
                i.inspections,
                i.last_visit_on,
                h.critical,
                h.serious,
                h.minor,
                h.unclassified
            FROM moved AS m
            CROSS JOIN LATERAL (
                SELECT
                    count(*) AS inspections,
                    max(v.inspected_on) AS last_visit_on
                FROM inspection AS v
                WHERE v.premises_id = m.id
            ) AS i
            CROSS JOIN LATERAL (
                -- not in the condition: the index of all unresolved hazards is the wrong one here
                SELECT
                    count(*) FILTER (WHERE z.resolved_on IS NULL AND z.severity = 'critical') AS critical,
                    count(*) FILTER (WHERE z.resolved_on IS NULL AND z.severity = 'serious') AS serious,
                    count(*) FILTER (WHERE z.resolved_on IS NULL AND z.severity = 'minor') AS minor,
                    count(*) FILTER (WHERE z.resolved_on IS NULL AND z.severity = 'unclassified') AS unclassified
                FROM hazard AS z
                WHERE z.premises_id = m.id
            ) AS h
            WHERE (m.left_h3, m.left_scope) <> (m.h3, m.in_scope)
        ),

        sides AS (
            SELECT
                c.left_h3 AS h3, c.left_scope AS in_scope, -1 AS sign, c.inspections, c.critical, c.serious, c.minor,
                c.unclassified, NULL::date AS came_on, c.last_visit_on AS went_on
            FROM carried AS c
            UNION ALL
            SELECT
                c.h3, c.in_scope, 1, c.inspections, c.critical, c.serious, c.minor, c.unclassified,
                c.last_visit_on, NULL
            FROM carried AS c
        ),

        summed AS (
            SELECT
                s.h3,
                s.in_scope,
                sum(s.sign) AS premises,
                sum(s.sign * s.inspections) AS inspections,
                sum(s.sign * s.critical) AS critical,
                sum(s.sign * s.serious) AS serious,
                sum(s.sign * s.minor) AS minor,
                sum(s.sign * s.unclassified) AS unclassified,
                max(s.came_on) AS came_on,
                max(s.went_on) AS went_on
            FROM sides AS s
            GROUP BY s.h3, s.in_scope
        )

        SELECT array_agg((g.*)::h3_rollup_change) INTO changes FROM summed AS g;
    END IF;
    IF changes IS NOT NULL THEN
        PERFORM h3_rollup_apply(changes);
    END IF;
    RETURN NULL;
END;
$$;

CREATE FUNCTION h3_rollup_inspection() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    changes h3_rollup_change [];
BEGIN
    PERFORM h3_rollup_lock();
    IF tg_op = 'INSERT' THEN
        SELECT array_agg((g.h3, g.in_scope, 0, g.inspections, 0, 0, 0, 0, g.came_on, NULL)::h3_rollup_change)
        INTO changes
        FROM (
            SELECT s.h3, s.in_scope, sum(n.inspections) AS inspections, max(n.came_on) AS came_on
            FROM (
                SELECT r.premises_id, count(*) AS inspections, max(r.inspected_on) AS came_on
                FROM new_row AS r
                GROUP BY r.premises_id
            ) AS n
            INNER JOIN premises_scope AS s ON n.premises_id = s.premises_id
            GROUP BY s.h3, s.in_scope
        ) AS g;
    ELSIF tg_op = 'DELETE' THEN
        IF EXISTS (SELECT FROM old_row AS o LEFT JOIN premises AS p ON o.premises_id = p.id WHERE p.id IS NULL) THEN
            -- their premises went in the same statement
            PERFORM h3_rollup_rebuild();
            RETURN NULL;
        END IF;
        SELECT array_agg((g.h3, g.in_scope, 0, -g.inspections, 0, 0, 0, 0, NULL, g.went_on)::h3_rollup_change)
        INTO changes
        FROM (
            SELECT s.h3, s.in_scope, count(*) AS inspections, max(o.inspected_on) AS went_on
            FROM old_row AS o
            INNER JOIN premises_scope AS s ON o.premises_id = s.premises_id
            GROUP BY s.h3, s.in_scope
        ) AS g;
    ELSE
        SELECT array_agg((g.h3, g.in_scope, 0, g.inspections, 0, 0, 0, 0, g.came_on, g.went_on)::h3_rollup_change)
        INTO changes
        FROM (
            SELECT
                s.h3,
                s.in_scope,
                sum(b.sign) AS inspections,
                max(b.inspected_on) FILTER (WHERE b.sign = 1) AS came_on,
                max(b.inspected_on) FILTER (WHERE b.sign = -1) AS went_on
            FROM (
                SELECT o.premises_id, o.inspected_on, -1 AS sign FROM old_row AS o
                UNION ALL
                SELECT n.premises_id, n.inspected_on, 1 FROM new_row AS n
            ) AS b
            INNER JOIN premises_scope AS s ON b.premises_id = s.premises_id
            GROUP BY s.h3, s.in_scope
        ) AS g;
    END IF;
    IF changes IS NOT NULL THEN
        PERFORM h3_rollup_apply(changes);
    END IF;
    RETURN NULL;
END;
$$;

CREATE FUNCTION h3_rollup_hazard() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    changes h3_rollup_change [];
BEGIN
    PERFORM h3_rollup_lock();
    IF tg_op = 'INSERT' THEN
        SELECT array_agg(h3_rollup_hazards(g.h3, g.in_scope, g.severity, g.hazards))
        INTO changes
        FROM (
            SELECT s.h3, s.in_scope, n.severity, count(*) AS hazards
            FROM new_row AS n
            INNER JOIN premises_scope AS s ON n.premises_id = s.premises_id
            WHERE n.resolved_on IS NULL
            GROUP BY s.h3, s.in_scope, n.severity
        ) AS g;
    ELSIF tg_op = 'DELETE' THEN
        IF EXISTS (SELECT FROM old_row AS o LEFT JOIN premises AS p ON o.premises_id = p.id WHERE p.id IS NULL) THEN
            -- their premises went in the same statement
            PERFORM h3_rollup_rebuild();
            RETURN NULL;
        END IF;
        SELECT array_agg(h3_rollup_hazards(g.h3, g.in_scope, g.severity, -g.hazards))
        INTO changes
        FROM (
            SELECT s.h3, s.in_scope, o.severity, count(*) AS hazards
            FROM old_row AS o
            INNER JOIN premises_scope AS s ON o.premises_id = s.premises_id
            WHERE o.resolved_on IS NULL
            GROUP BY s.h3, s.in_scope, o.severity
        ) AS g;
    ELSE
        SELECT array_agg(h3_rollup_hazards(g.h3, g.in_scope, g.severity, g.hazards))
        INTO changes
        FROM (
            SELECT s.h3, s.in_scope, b.severity, sum(b.sign) AS hazards
            FROM (
                SELECT o.premises_id, o.severity, -1 AS sign FROM old_row AS o WHERE o.resolved_on IS NULL
                UNION ALL
                SELECT n.premises_id, n.severity, 1 FROM new_row AS n WHERE n.resolved_on IS NULL
            ) AS b
            INNER JOIN premises_scope AS s ON b.premises_id = s.premises_id
            GROUP BY s.h3, s.in_scope, b.severity
            HAVING sum(b.sign) <> 0
        ) AS g;
    END IF;
    IF changes IS NOT NULL THEN
        PERFORM h3_rollup_apply(changes);
    END IF;
    RETURN NULL;
END;
$$;

CREATE FUNCTION h3_rollup_hazards(
    h3 bigint, in_scope boolean, severity text, hazards bigint
) RETURNS h3_rollup_change
LANGUAGE sql IMMUTABLE
RETURN (
    h3,
    in_scope,
    0,
    0,
    CASE WHEN severity = 'critical' THEN hazards ELSE 0 END,
    CASE WHEN severity = 'serious' THEN hazards ELSE 0 END,
    CASE WHEN severity = 'minor' THEN hazards ELSE 0 END,
    CASE WHEN severity = 'unclassified' THEN hazards ELSE 0 END,
    NULL,
    NULL
)::h3_rollup_change;

-- Divisions that change sides take all their premises along, those of divisions below them included.
CREATE FUNCTION h3_rollup_division() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT
        FROM old_row AS o
        INNER JOIN new_row AS n ON o.id = n.id
        WHERE (o.external, o.parent_id) IS DISTINCT FROM (n.external, n.parent_id)
    ) THEN
        PERFORM h3_rollup_rebuild();
    END IF;
    RETURN NULL;
END;
$$;

CREATE FUNCTION h3_rollup_truncated() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM h3_rollup_rebuild();
    RETURN NULL;
END;
$$;

-- Triggers of one event fire in the order of their names: these come after those that place premises and
-- raise the version of the register.

CREATE TRIGGER rollup_inserted
AFTER INSERT ON premises REFERENCING NEW TABLE AS new_row
FOR EACH STATEMENT EXECUTE FUNCTION h3_rollup_premises();

CREATE TRIGGER rollup_updated
AFTER UPDATE ON premises REFERENCING OLD TABLE AS old_row NEW TABLE AS new_row
FOR EACH STATEMENT EXECUTE FUNCTION h3_rollup_premises();

CREATE TRIGGER rollup_deleted
AFTER DELETE ON premises REFERENCING OLD TABLE AS old_row
FOR EACH STATEMENT EXECUTE FUNCTION h3_rollup_premises();

CREATE TRIGGER rollup_truncated
AFTER TRUNCATE ON premises
FOR EACH STATEMENT EXECUTE FUNCTION h3_rollup_truncated();

CREATE TRIGGER rollup_inserted
AFTER INSERT ON inspection REFERENCING NEW TABLE AS new_row
FOR EACH STATEMENT EXECUTE FUNCTION h3_rollup_inspection();

CREATE TRIGGER rollup_updated
AFTER UPDATE ON inspection REFERENCING OLD TABLE AS old_row NEW TABLE AS new_row
FOR EACH STATEMENT EXECUTE FUNCTION h3_rollup_inspection();

CREATE TRIGGER rollup_deleted
AFTER DELETE ON inspection REFERENCING OLD TABLE AS old_row
FOR EACH STATEMENT EXECUTE FUNCTION h3_rollup_inspection();

CREATE TRIGGER rollup_truncated
AFTER TRUNCATE ON inspection
FOR EACH STATEMENT EXECUTE FUNCTION h3_rollup_truncated();

CREATE TRIGGER rollup_inserted
AFTER INSERT ON hazard REFERENCING NEW TABLE AS new_row
FOR EACH STATEMENT EXECUTE FUNCTION h3_rollup_hazard();

CREATE TRIGGER rollup_updated
AFTER UPDATE ON hazard REFERENCING OLD TABLE AS old_row NEW TABLE AS new_row
FOR EACH STATEMENT EXECUTE FUNCTION h3_rollup_hazard();

CREATE TRIGGER rollup_deleted
AFTER DELETE ON hazard REFERENCING OLD TABLE AS old_row
FOR EACH STATEMENT EXECUTE FUNCTION h3_rollup_hazard();

CREATE TRIGGER rollup_truncated
AFTER TRUNCATE ON hazard
FOR EACH STATEMENT EXECUTE FUNCTION h3_rollup_truncated();

CREATE TRIGGER rollup_updated
AFTER UPDATE ON division REFERENCING OLD TABLE AS old_row NEW TABLE AS new_row
FOR EACH STATEMENT EXECUTE FUNCTION h3_rollup_division();

-- The cells that have an outline, for layers; those without a cell (h3 = 0) have none.
CREATE VIEW map.rollup AS
SELECT
    u.resolution,
    u.h3,
    u.in_scope,
    u.premises,
    u.inspections,
    u.critical,
    u.serious,
    u.minor,
    u.unclassified,
    u.last_visit_on,
    c.geom,
    c.geom_3857
FROM h3_rollup AS u
LEFT JOIN h3_cell AS c ON u.h3 = c.id;

GRANT SELECT ON map.rollup TO gis_supervision_reader;

SELECT h3_rollup_rebuild();

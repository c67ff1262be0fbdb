-- The roll-up of the register per H3 cell, kept current by whoever writes.
--
-- Every premises is counted in one row of each resolution, that of its cell (0: it has none) and of
-- whether it is in scope; its inspections and its unresolved hazards are counted there with it. The cell
-- at resolution 8 is that of the point, coarser ones are its parents, so that every level has the same
-- totals. Each statement that writes adds what it changed at resolution 8 and rolls that up.

CREATE FUNCTION h3_parent(cell bigint, coarser integer) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
-- Mode and base cell stay; the resolution is in bits 52 to 55, digits that are not used are 7.
RETURN CASE
    WHEN cell = 0 THEN 0
    ELSE (cell & ~(15::bigint << 52)) | (coarser::bigint << 52) | ((1::bigint << (3 * (15 - coarser))) - 1)
END;

-- Premises in scope are those of this administration that are not closed.
CREATE VIEW premises_scope AS
SELECT
    p.id AS premises_id,
    coalesce(p.h3_8, 0) AS h3,
    NOT p.external AND p.closed_on IS NULL AND e.division_id IS NULL AS in_scope
FROM premises AS p
LEFT JOIN external_division AS e ON p.division_id = e.division_id;

-- What the roll-up is by definition, from the register alone.
CREATE VIEW h3_rollup_expected AS
WITH visited AS (
    SELECT
        i.premises_id,
        count(*) AS inspections,
        max(i.inspected_on) AS last_visit_on
    FROM inspection AS i
    GROUP BY i.premises_id
),

endangered AS (
    SELECT
        h.premises_id,
        count(*) FILTER (WHERE h.severity = 'critical') AS critical,
        count(*) FILTER (WHERE h.severity = 'serious') AS serious,
        count(*) FILTER (WHERE h.severity = 'minor') AS minor,
        count(*) FILTER (WHERE h.severity = 'unclassified') AS unclassified
    FROM hazard AS h
    WHERE h.resolved_on IS NULL
    GROUP BY h.premises_id
),

finest AS (
    SELECT
        s.h3,
        s.in_scope,
        count(*) AS premises,
        coalesce(sum(v.inspections), 0) AS inspections,
        coalesce(sum(n.critical), 0) AS critical,
        coalesce(sum(n.serious), 0) AS serious,
        coalesce(sum(n.minor), 0) AS minor,
        coalesce(sum(n.unclassified), 0) AS unclassified,
        max(v.last_visit_on) AS last_visit_on
    FROM premises_scope AS s
    LEFT JOIN visited AS v ON s.premises_id = v.premises_id
    LEFT JOIN endangered AS n ON s.premises_id = n.premises_id
    GROUP BY s.h3, s.in_scope
)

SELECT
    r.resolution::smallint AS resolution,
    h3_parent(f.h3, r.resolution) AS h3,
    f.in_scope,
    sum(f.premises)::bigint AS premises,
    sum(f.inspections)::bigint AS inspections,
    sum(f.critical)::bigint AS critical,
    sum(f.serious)::bigint AS serious,
    sum(f.minor)::bigint AS minor,
    sum(f.unclassified)::bigint AS unclassified,
    max(f.last_visit_on) AS last_visit_on
FROM finest AS f
CROSS JOIN generate_series(0, 8) AS r (resolution)
GROUP BY r.resolution, h3_parent(f.h3, r.resolution), f.in_scope;

CREATE FUNCTION h3_rollup_rebuild() RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    written bigint;
BEGIN
    PERFORM h3_rollup_lock();
    DELETE FROM h3_rollup;
    INSERT INTO h3_rollup
    SELECT e.* FROM h3_rollup_expected AS e ORDER BY e.resolution, e.h3, e.in_scope;
    GET DIAGNOSTICS written = ROW_COUNT;
    RETURN written;
END;
$$;

CREATE FUNCTION h3_rollup_lock() RETURNS void
LANGUAGE plpgsql AS $$
-- Writers take turns, as they do for the version of the register, which every writing statement has raised
-- before: what is read after this was committed, or written by this transaction, and nothing else comes in
-- between.
BEGIN
    PERFORM v.version FROM registry_version AS v FOR UPDATE;
END;
$$;

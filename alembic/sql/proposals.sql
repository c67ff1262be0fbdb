-- What a proposal changes if it is in effect for some days. A change that begins with the proposal begins
-- with those days, even where they begin earlier.

CREATE FUNCTION proposal_days(changed daterange, proposed daterange, effective daterange) RETURNS daterange
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
SELECT
    effective * CASE
        WHEN lower(changed) = lower(proposed)
            THEN daterange(least(lower(changed), lower(effective)), upper(changed))
        ELSE changed
    END;
END;

CREATE FUNCTION proposal_cells_in(proposal bigint, effective daterange) RETURNS TABLE (
    cell_id bigint,
    from_zone_id bigint,
    to_zone_id bigint,
    days daterange
)
LANGUAGE sql STABLE
BEGIN ATOMIC
SELECT
    c.cell_id,
    c.from_zone_id,
    z.zone_id,
    d.days
FROM proposal_cell AS c
INNER JOIN proposal AS p ON c.proposal_id = p.id
INNER JOIN proposal_zone AS z ON c.proposal_id = z.proposal_id AND c.to_number = z.number
CROSS JOIN LATERAL (SELECT proposal_days(c.valid, p.valid, proposal_cells_in.effective) AS days) AS d
WHERE c.proposal_id = proposal_cells_in.proposal AND NOT isempty(d.days);
END;

CREATE FUNCTION proposal_assignments_in(proposal bigint, effective daterange) RETURNS TABLE (
    zone_id bigint,
    role text,
    from_id bigint,
    to_id bigint,
    days daterange
)
LANGUAGE sql STABLE
BEGIN ATOMIC
SELECT
    z.zone_id,
    a.role,
    a.from_id,
    a.to_id,
    d.days
FROM proposal_assignment AS a
INNER JOIN proposal AS p ON a.proposal_id = p.id
INNER JOIN proposal_zone AS z ON a.proposal_id = z.proposal_id AND a.number = z.number
CROSS JOIN LATERAL (SELECT proposal_days(a.valid, p.valid, proposal_assignments_in.effective) AS days) AS d
WHERE a.proposal_id = proposal_assignments_in.proposal AND NOT isempty(d.days);
END;

-- The rows of zone_cell that have to go, and those that have to come: the validity of each cell in each zone
-- in as few ranges as there can be.
CREATE FUNCTION proposal_zone_cell_changes(proposal bigint, effective daterange) RETURNS TABLE (
    row_id bigint,
    zone_id bigint,
    cell_id bigint,
    valid daterange
)
LANGUAGE sql STABLE
BEGIN ATOMIC
WITH changed AS (
    SELECT * FROM proposal_cells_in(proposal_zone_cell_changes.proposal, proposal_zone_cell_changes.effective)
),

taken AS (
    SELECT
        c.cell_id,
        range_agg(c.days) AS days
    FROM changed AS c
    GROUP BY c.cell_id
),

held AS (
    SELECT m.*
    FROM zone_cell AS m
    INNER JOIN taken AS t ON m.cell_id = t.cell_id
),

kept AS (
    SELECT
        h.zone_id,
        h.cell_id,
        unnest(datemultirange(h.valid) - t.days) AS valid
    FROM held AS h
    INNER JOIN taken AS t ON h.cell_id = t.cell_id
    UNION ALL
    SELECT
        c.to_zone_id,
        c.cell_id,
        c.days
    FROM changed AS c
),

wanted AS (
    SELECT
        k.zone_id,
        k.cell_id,
        unnest(range_agg(k.valid)) AS valid
    FROM kept AS k
    GROUP BY k.zone_id, k.cell_id
)

SELECT
    h.id,
    coalesce(h.zone_id, w.zone_id),
    coalesce(h.cell_id, w.cell_id),
    coalesce(h.valid, w.valid)
FROM held AS h
FULL JOIN wanted AS w ON h.zone_id = w.zone_id AND h.cell_id = w.cell_id AND h.valid = w.valid
WHERE h.id IS NULL OR w.cell_id IS NULL;
END;

-- The same for inspector_assignment: a responsible takes the place of another, a deputy comes or goes.
CREATE FUNCTION proposal_inspector_changes(proposal bigint, effective daterange) RETURNS TABLE (
    row_id bigint,
    zone_id bigint,
    inspector_id bigint,
    role text,
    valid daterange
)
LANGUAGE sql STABLE
BEGIN ATOMIC
WITH changed AS (
    SELECT *
    FROM proposal_assignments_in(proposal_inspector_changes.proposal, proposal_inspector_changes.effective)
),

held AS (
    SELECT a.*
    FROM inspector_assignment AS a
    WHERE a.zone_id IN (SELECT c.zone_id FROM changed AS c)
),

kept AS (
    SELECT
        h.zone_id,
        h.inspector_id,
        h.role,
        unnest(
            datemultirange(h.valid) - coalesce(
                (
                    SELECT range_agg(c.days)
                    FROM changed AS c
                    WHERE c.zone_id = h.zone_id AND c.role = h.role AND c.from_id = h.inspector_id
                ), '{}'::datemultirange
            )
        ) AS valid
    FROM held AS h
    UNION ALL
    SELECT
        c.zone_id,
        c.to_id,
        c.role,
        c.days
    FROM changed AS c
    WHERE c.to_id IS NOT NULL
),

wanted AS (
    SELECT
        k.zone_id,
        k.inspector_id,
        k.role,
        unnest(range_agg(k.valid)) AS valid
    FROM kept AS k
    GROUP BY k.zone_id, k.inspector_id, k.role
)

SELECT
    h.id,
    coalesce(h.zone_id, w.zone_id),
    coalesce(h.inspector_id, w.inspector_id),
    coalesce(h.role, w.role),
    coalesce(h.valid, w.valid)
FROM held AS h
FULL JOIN wanted AS w
    ON h.zone_id = w.zone_id AND h.inspector_id = w.inspector_id AND h.role = w.role AND h.valid = w.valid
WHERE h.id IS NULL OR w.zone_id IS NULL;
END;

CREATE TRIGGER proposal_event_append_only
BEFORE UPDATE OR DELETE OR TRUNCATE ON proposal_event
FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only();

-- For layers: a proposal with its zones before and after, the cells it moves, the hazards it carries along.

CREATE VIEW map.proposal AS
SELECT
    p.id AS proposal_id,
    p.kind,
    p.state,
    p.made_by,
    p.made_at,
    lower(p.valid) AS first,
    upper(p.valid) - 1 AS last,
    lower(p.effective) AS effective_on,
    p.summary
FROM proposal AS p;

CREATE VIEW map.proposal_zone AS
SELECT
    z.proposal_id,
    z.number,
    z.code,
    z.name,
    z.concerned,
    z.cells_before,
    z.cells_after,
    z.premises_before,
    z.premises_after,
    z.hours_before,
    z.hours_after,
    z.hours_before / nullif(avg(nullif(z.hours_before, 0)) OVER (PARTITION BY z.proposal_id), 0) AS share_before,
    z.hours_after / nullif(avg(nullif(z.hours_after, 0)) OVER (PARTITION BY z.proposal_id), 0) AS share_after,
    b.name AS acting_before,
    a.name AS acting_after,
    z.geom_before,
    z.geom_after
FROM proposal_zone AS z
LEFT JOIN inspector AS b ON z.acting_before_id = b.id
LEFT JOIN inspector AS a ON z.acting_after_id = a.id;

CREATE VIEW map.proposal_cell AS
SELECT
    c.proposal_id,
    c.cell_id,
    g.code,
    f.code AS from_zone,
    t.code AS to_zone,
    lower(c.valid) AS first,
    upper(c.valid) - 1 AS last,
    c.premises,
    c.unresolved,
    c.hours,
    g.geom
FROM proposal_cell AS c
INNER JOIN grid_cell AS g ON c.cell_id = g.id
INNER JOIN proposal_zone AS t ON c.proposal_id = t.proposal_id AND c.to_number = t.number
LEFT JOIN proposal_zone AS f ON c.proposal_id = f.proposal_id AND c.from_zone_id = f.zone_id;

CREATE VIEW map.proposal_case AS
SELECT
    c.proposal_id,
    c.hazard_id,
    h.item,
    c.severity,
    c.due_on,
    h.found_on,
    p.licence,
    p.name,
    p.address,
    p.location,
    f.code AS from_zone,
    t.code AS to_zone,
    i.name AS from_inspector,
    j.name AS to_inspector,
    p.geom
FROM proposal_case AS c
INNER JOIN hazard AS h ON c.hazard_id = h.id
INNER JOIN premises AS p ON h.premises_id = p.id
INNER JOIN proposal_zone AS t ON c.proposal_id = t.proposal_id AND c.to_number = t.number
LEFT JOIN proposal_zone AS f ON c.proposal_id = f.proposal_id AND c.from_zone_id = f.zone_id
LEFT JOIN inspector AS i ON c.from_id = i.id
LEFT JOIN inspector AS j ON c.to_id = j.id;

GRANT SELECT ON map.proposal, map.proposal_zone, map.proposal_cell, map.proposal_case TO gis_supervision_reader;

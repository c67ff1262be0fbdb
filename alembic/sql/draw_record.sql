-- Draws only grow, and every step is checked by the database: digests, order, times.

CREATE TRIGGER draw_plan_append_only
BEFORE UPDATE OR DELETE OR TRUNCATE ON draw_plan
FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only();

CREATE TRIGGER draw_commitment_append_only
BEFORE UPDATE OR DELETE OR TRUNCATE ON draw_commitment
FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only();

CREATE TRIGGER draw_result_append_only
BEFORE UPDATE OR DELETE OR TRUNCATE ON draw_result
FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only();

CREATE TRIGGER draw_pick_append_only
BEFORE UPDATE OR DELETE OR TRUNCATE ON draw_pick
FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only();

CREATE TRIGGER draw_publication_append_only
BEFORE UPDATE OR DELETE OR TRUNCATE ON draw_publication
FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only();

CREATE FUNCTION draw_commitment_checked() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    content jsonb := new.content::jsonb;
BEGIN
    IF new.list_sha256 <> encode(sha256(new.list_data), 'hex')
        OR new.list_sha256 IS DISTINCT FROM content ->> 'list_sha256'
        OR new.sha256 <> encode(sha256(convert_to(new.content, 'UTF8')), 'hex')
    THEN
        RAISE EXCEPTION 'the digests of the commitment are not those of what is stored'
        USING ERRCODE = 'check_violation';
    END IF;
    IF new.published_at IS DISTINCT FROM (content ->> 'published_at')::timestamptz
        OR new.seed_known_from IS DISTINCT FROM (content ->> 'seed_known_from')::timestamptz
        OR new.published_at NOT BETWEEN clock_timestamp() - interval '5 minutes' AND clock_timestamp()
    THEN
        RAISE EXCEPTION 'a commitment is dated when it is made, not %', new.published_at
        USING ERRCODE = 'check_violation';
    END IF;
    IF new.seed_known_from <= clock_timestamp() THEN
        RAISE EXCEPTION 'the seed is known since %, which is too late for a commitment', new.seed_known_from
        USING ERRCODE = 'check_violation';
    END IF;
    RETURN new;
END;
$$;

CREATE TRIGGER draw_commitment_checked
BEFORE INSERT ON draw_commitment
FOR EACH ROW EXECUTE FUNCTION draw_commitment_checked();

CREATE FUNCTION draw_result_checked() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    before draw_commitment;
    transcript jsonb := convert_from(new.transcript, 'UTF8')::jsonb;
BEGIN
    SELECT c.* INTO before FROM draw_commitment AS c WHERE c.plan_id = new.plan_id;
    IF before.list_sha256 <> encode(sha256(before.list_data), 'hex')
        OR new.transcript_sha256 <> encode(sha256(new.transcript), 'hex')
        OR before.sha256 IS DISTINCT FROM transcript ->> 'commitment_sha256'
        OR new.seed IS DISTINCT FROM transcript ->> 'seed'
    THEN
        RAISE EXCEPTION 'the result is not that of the commitment and its list'
        USING ERRCODE = 'check_violation';
    END IF;
    IF clock_timestamp() < before.seed_known_from THEN
        RAISE EXCEPTION 'the seed cannot be known before %', before.seed_known_from
        USING ERRCODE = 'check_violation';
    END IF;
    RETURN new;
END;
$$;

CREATE TRIGGER draw_result_checked
BEFORE INSERT ON draw_result
FOR EACH ROW EXECUTE FUNCTION draw_result_checked();

-- What layers may show of draws: what has been published, and of inspectors what the office chose.

CREATE VIEW map.draw AS
SELECT
    p.id AS draw_id,
    p.name,
    p.planned_on,
    r.drawn_at,
    u.published_at
FROM draw_publication AS u
INNER JOIN draw_result AS r ON u.plan_id = r.plan_id
INNER JOIN draw_plan AS p ON u.plan_id = p.id;

CREATE VIEW map.drawn_premises AS
SELECT
    d.draw_id,
    k.licence,
    coalesce(m.name, k.licence) AS name,
    m.category,
    m.risk_class,
    m.address,
    m.cell_id,
    coalesce(m.location, 'none') AS location,
    k.kind,
    k.stratum,
    k.place,
    CASE p.inspectors WHEN 'names' THEN a.name WHEN 'numbers' THEN a.staff_number END AS lead,
    CASE p.inspectors WHEN 'names' THEN b.name WHEN 'numbers' THEN b.staff_number END AS assistant,
    v.inspected_on,
    v.result,
    m.geom,
    m.geom_3857
FROM map.draw AS d
INNER JOIN draw_plan AS p ON d.draw_id = p.id
INNER JOIN draw_pick AS k ON d.draw_id = k.plan_id
LEFT JOIN premises AS m ON k.licence = m.licence
LEFT JOIN inspector AS a ON k.lead_id = a.id
LEFT JOIN inspector AS b ON k.assistant_id = b.id
LEFT JOIN LATERAL (
    -- the first visit since the day of the plan is the one that it asked for
    SELECT
        i.inspected_on,
        i.result
    FROM inspection AS i
    WHERE i.premises_id = m.id AND i.inspected_on >= p.planned_on AND k.kind = 'drawn'
    ORDER BY i.inspected_on, i.id
    LIMIT 1
) AS v ON true;

GRANT SELECT ON map.draw, map.drawn_premises TO gis_supervision_reader;

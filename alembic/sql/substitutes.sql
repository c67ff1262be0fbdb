CREATE TRIGGER draw_substitution_append_only
BEFORE UPDATE OR DELETE OR TRUNCATE ON draw_substitution
FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only();

CREATE FUNCTION draw_substitution_checked() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    content jsonb := new.content::jsonb;
    latest draw_substitution;
    next_reserve text;
    drawn_sha256 text;
    standing text;
BEGIN
    SELECT s.* INTO latest
    FROM draw_substitution AS s WHERE s.plan_id = new.plan_id ORDER BY s.number DESC LIMIT 1;
    SELECT convert_from(r.transcript, 'UTF8')::jsonb ->> 'transcript_sha256' INTO drawn_sha256
    FROM draw_result AS r WHERE r.plan_id = new.plan_id;
    IF new.sha256 <> encode(sha256(convert_to(new.content, 'UTF8')), 'hex')
        OR new.number <> coalesce(latest.number, 0) + 1
        OR content ->> 'number' IS DISTINCT FROM new.number::text
        OR content ->> 'replaced' IS DISTINCT FROM new.replaced
        OR content ->> 'premises' IS DISTINCT FROM new.licence
        OR content ->> 'reason' IS DISTINCT FROM new.reason
        OR content ->> 'day' IS DISTINCT FROM to_char(new.day, 'YYYY-MM-DD')
        OR content ->> 'previous' IS DISTINCT FROM coalesce(latest.sha256, drawn_sha256)
    THEN
        RAISE EXCEPTION 'the substitution is not the one that its record tells of'
        USING ERRCODE = 'check_violation';
    END IF;
    SELECT k.stratum INTO standing
    FROM draw_pick AS k
    WHERE
        k.plan_id = new.plan_id AND k.licence = new.replaced
        AND (
            k.kind = 'drawn' OR EXISTS (
                SELECT 1 FROM draw_substitution AS s
                WHERE s.plan_id = new.plan_id AND s.licence = new.replaced
            )
        );
    SELECT k.licence INTO next_reserve
    FROM draw_pick AS k
    WHERE
        k.plan_id = new.plan_id AND k.kind = 'reserve' AND k.stratum = standing
        AND NOT EXISTS (
            SELECT 1 FROM draw_substitution AS s
            WHERE s.plan_id = new.plan_id AND s.licence = k.licence
        )
    ORDER BY k.place LIMIT 1;
    IF next_reserve IS DISTINCT FROM new.licence THEN
        RAISE EXCEPTION 'the next reserve for % is %, not %', new.replaced, next_reserve, new.licence
        USING ERRCODE = 'check_violation';
    END IF;
    RETURN new;
END;
$$;

CREATE TRIGGER draw_substitution_checked
BEFORE INSERT ON draw_substitution
FOR EACH ROW EXECUTE FUNCTION draw_substitution_checked();

-- What was drawn as it stands by now: a premises that gave way is replaced, a reserve that stands
-- for it is a substitute and has its pair from then on.

CREATE VIEW draw_visit AS
SELECT
    k.plan_id,
    k.licence,
    k.stratum,
    k.place,
    k.ticket,
    k.kind AS picked,
    CASE
        WHEN g.licence IS NOT NULL THEN 'replaced'
        WHEN s.licence IS NOT NULL THEN 'substitute'
        ELSE k.kind
    END AS kind,
    coalesce(s.lead_id, k.lead_id) AS lead_id,
    coalesce(s.assistant_id, k.assistant_id) AS assistant_id,
    coalesce(s.without_pair, k.without_pair) AS without_pair,
    s.replaced AS stands_for,
    g.licence AS replaced_by,
    g.reason AS replaced_because,
    s.day AS stands_from
FROM draw_pick AS k
LEFT JOIN draw_substitution AS s ON k.plan_id = s.plan_id AND k.licence = s.licence
LEFT JOIN draw_substitution AS g ON k.plan_id = g.plan_id AND k.licence = g.replaced;

DROP VIEW map.drawn_premises;

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
    k.stands_for,
    k.replaced_because,
    v.inspected_on,
    v.result,
    m.geom,
    m.geom_3857
FROM map.draw AS d
INNER JOIN draw_plan AS p ON d.draw_id = p.id
INNER JOIN draw_visit AS k ON d.draw_id = k.plan_id
LEFT JOIN premises AS m ON k.licence = m.licence
LEFT JOIN inspector AS a ON k.lead_id = a.id
LEFT JOIN inspector AS b ON k.assistant_id = b.id
LEFT JOIN LATERAL (
    -- the first visit by its channel since the day of the plan, or since the day on which it stands
    -- in for another, is the one that the draw asked for
    SELECT
        i.inspected_on,
        i.result
    FROM inspection AS i
    WHERE
        i.premises_id = m.id
        AND i.inspected_on >= coalesce(k.stands_from, p.planned_on)
        AND (p.channel IS NULL OR i.channel = p.channel)
        AND k.kind <> 'reserve'
    ORDER BY i.inspected_on, i.id
    LIMIT 1
) AS v ON true;

GRANT SELECT ON map.drawn_premises TO gis_supervision_reader;

CREATE OR REPLACE VIEW covered_premises AS
SELECT
    r.id AS run_id,
    r.as_of,
    p.id AS premises_id,
    p.licence,
    p.name,
    p.category,
    p.risk_class,
    p.credit_class,
    p.address,
    d.name AS division,
    p.location,
    p.cell_id,
    v.status,
    CASE
        WHEN v.status IN ('external', 'not_open', 'closed', 'no_rule') THEN v.status
        WHEN p.location = 'none' THEN 'not_located'
        WHEN p.location = 'approximate' THEN 'approximate'
        WHEN p.cell_id IS NULL THEN 'outside'
    END AS left_out,
    v.visited_on,
    v.due_on,
    v.checklist_due_on,
    least(v.due_on, v.checklist_due_on) - r.as_of AS days_left,
    CASE
        WHEN least(v.due_on, v.checklist_due_on) < r.as_of THEN 'overdue'
        WHEN least(v.due_on, v.checklist_due_on) <= r.as_of + 30 THEN 'month'
        WHEN least(v.due_on, v.checklist_due_on) <= r.as_of + 90 THEN 'quarter'
        WHEN least(v.due_on, v.checklist_due_on) IS NOT NULL THEN 'later'
    END AS urgency,
    m.zone_id,
    z.code AS zone,
    i.staff_number,
    i.name AS inspector,
    p.geom
FROM analysis_run AS r
INNER JOIN premises_coverage AS v ON r.id = v.run_id
INNER JOIN premises AS p ON v.premises_id = p.id
LEFT JOIN division AS d ON p.division_id = d.id
LEFT JOIN zone_cell AS m ON p.cell_id = m.cell_id AND m.valid @> r.as_of
LEFT JOIN zone AS z ON m.zone_id = z.id
LEFT JOIN inspector_assignment AS a
    ON m.zone_id = a.zone_id AND a.role = 'responsible' AND a.valid @> r.as_of
LEFT JOIN (
    SELECT
        q.inspector_id,
        q.premises_id,
        range_agg(q.valid) AS days
    FROM (
        SELECT
            s.inspector_id,
            s.premises_id,
            s.valid
        FROM inspector_recusal AS s
        WHERE s.premises_id IS NOT NULL
        UNION ALL
        SELECT
            s.inspector_id,
            o.id,
            s.valid
        FROM inspector_recusal AS s
        INNER JOIN premises AS o ON s.owner_credit_code = o.credit_code
    ) AS q
    GROUP BY q.inspector_id, q.premises_id
) AS k ON a.inspector_id = k.inspector_id AND p.id = k.premises_id AND k.days @> r.as_of
-- who is recused from a premises does not answer for it
LEFT JOIN inspector AS i ON a.inspector_id = i.id AND k.premises_id IS NULL
WHERE r.kind = 'coverage';

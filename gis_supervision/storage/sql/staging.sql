-- Rows of an import on their way into the register. The tables live as long as the transaction.

-- name: create
-- Sets are joined and sorted in memory where they can be; a small sample tells how large they are.
SET LOCAL work_mem = '128MB';
SET LOCAL default_statistics_target = 10;

CREATE TEMPORARY TABLE staged_division (
    seq bigint GENERATED ALWAYS AS IDENTITY,
    source text,
    "row" bigint,
    code text,
    name text,
    level text,
    kind text,
    parent_code text,
    external boolean,
    valid_from date,
    successor_code text,
    succeeded_on date,
    geom text
) ON COMMIT DROP;

CREATE TEMPORARY TABLE staged_premises (
    seq bigint GENERATED ALWAYS AS IDENTITY,
    source text,
    "row" bigint,
    licence text,
    name text,
    trade_name text,
    credit_code text,
    category text,
    risk_class text,
    credit_class text,
    responsibility_tier text,
    address text,
    division_code text,
    external boolean,
    opened_on date,
    closed_on date,
    original_x double precision,
    original_y double precision,
    datum text,
    lat double precision,
    lng double precision,
    h3_6 bigint,
    h3_7 bigint,
    h3_8 bigint,
    h3_9 bigint,
    h3_10 bigint,
    described_on date,
    described_by text COLLATE "C",
    located_on date,
    located_by text COLLATE "C",
    cell_id bigint,
    division_id bigint
) ON COMMIT DROP;

CREATE TEMPORARY TABLE staged_inspection (
    seq bigint GENERATED ALWAYS AS IDENTITY,
    source text,
    "row" bigint,
    inspection_number text COLLATE "C",
    licence text,
    inspected_on date,
    kind text,
    channel text,
    result text
) ON COMMIT DROP;

CREATE TEMPORARY TABLE staged_finding (
    seq bigint GENERATED ALWAYS AS IDENTITY,
    source text,
    "row" bigint,
    inspection_number text COLLATE "C",
    item text COLLATE "C",
    severity text,
    times bigint
) ON COMMIT DROP;

CREATE TEMPORARY TABLE staged_complaint (
    seq bigint GENERATED ALWAYS AS IDENTITY,
    source text,
    "row" bigint,
    complaint_number text COLLATE "C",
    received_on date,
    closed_on date,
    kind text,
    licence text,
    original_x double precision,
    original_y double precision,
    datum text,
    lat double precision,
    lng double precision,
    h3_10 bigint
) ON COMMIT DROP;

CREATE TEMPORARY TABLE staged_rejection (
    seq bigint GENERATED ALWAYS AS IDENTITY,
    source text,
    "row" bigint,
    "column" text,
    value text,
    reason text,
    expected text
) ON COMMIT DROP;

CREATE TEMPORARY TABLE touched_premises (id bigint PRIMARY KEY) ON COMMIT DROP;

-- name: analyze
ANALYZE staged_division;
ANALYZE staged_premises;
ANALYZE staged_inspection;
ANALYZE staged_finding;
ANALYZE staged_complaint;

-- name: repeated
-- Asked for once: nothing adds rows after it.
CREATE TEMPORARY TABLE repeated_licence ON COMMIT DROP AS
SELECT s.licence FROM staged_premises AS s GROUP BY s.licence HAVING count(*) > 1;

ANALYZE repeated_licence;

-- name: reject_repeated_divisions
INSERT INTO staged_rejection (source, "row", "column", value, reason, expected)
SELECT r.source, r."row", 'code', r.code, 'duplicate', 'row ' || r.first_row
FROM (
    SELECT
        s.*,
        row_number() OVER same AS place,
        first_value(s."row") OVER same AS first_row
    FROM staged_division AS s
    WINDOW same AS (PARTITION BY s.code ORDER BY s.seq)
) AS r
WHERE r.place > 1;

-- name: reject_repeated_premises
-- Two rows with one key and other values: the later one is rejected where the mapping says so.
INSERT INTO staged_rejection (source, "row", "column", value, reason, expected)
SELECT r.source, r."row", 'licence', r.licence, 'duplicate', 'row ' || r.first_row
FROM (
    SELECT
        v.seq,
        v.source,
        v."row",
        v.licence,
        v.content,
        first_value(v.content) OVER same AS first_content,
        first_value(v."row") OVER same AS first_row
    FROM (
        SELECT
            s.*,
            row(
                s.name, s.trade_name, s.credit_code, s.category, s.risk_class, s.credit_class,
                s.responsibility_tier, s.address, s.division_code, s.external, s.opened_on, s.closed_on,
                s.original_x, s.original_y, s.datum
            )::text AS content
        FROM staged_premises AS s
        WHERE
            s.source = any(:strict)
            AND s.licence IN (SELECT d.licence FROM repeated_licence AS d)
    ) AS v
    WINDOW same AS (PARTITION BY v.licence ORDER BY v.seq)
) AS r
WHERE r.content <> r.first_content;

-- name: reject_repeated_inspections
INSERT INTO staged_rejection (source, "row", "column", value, reason, expected)
SELECT r.source, r."row", 'inspection_number', r.inspection_number, 'duplicate', 'row ' || r.first_row
FROM (
    SELECT
        v.source,
        v."row",
        v.inspection_number,
        v.content,
        first_value(v.content) OVER same AS first_content,
        first_value(v."row") OVER same AS first_row
    FROM (
        SELECT
            s.*,
            CASE
                WHEN s.source = any(:strict)
                    THEN row(s.licence, s.inspected_on, s.kind, s.channel, s.result)::text
                ELSE row(s.licence, s.inspected_on)::text
            END AS content
        FROM staged_inspection AS s
        WHERE s.inspection_number IN (
            SELECT d.inspection_number FROM staged_inspection AS d GROUP BY d.inspection_number HAVING count(*) > 1
        )
    ) AS v
    WINDOW same AS (PARTITION BY v.inspection_number ORDER BY v.seq)
) AS r
WHERE r.content <> r.first_content;

-- name: reject_repeated_complaints
INSERT INTO staged_rejection (source, "row", "column", value, reason, expected)
SELECT r.source, r."row", 'complaint_number', r.complaint_number, 'duplicate', 'row ' || r.first_row
FROM (
    SELECT
        s.*,
        row(s.received_on, s.closed_on, s.kind, s.licence, s.original_x, s.original_y)::text AS content,
        first_value(
            row(s.received_on, s.closed_on, s.kind, s.licence, s.original_x, s.original_y)::text
        ) OVER same AS first_content,
        first_value(s."row") OVER same AS first_row
    FROM staged_complaint AS s
    WINDOW same AS (PARTITION BY s.complaint_number ORDER BY s.seq)
) AS r
WHERE r.content <> r.first_content;

-- name: reject_closed_premises
-- Closed before it opened; a day that the mapping does not fill is the register's.
INSERT INTO staged_rejection (source, "row", "column", value, reason, expected)
SELECT
    d.source,
    d."row",
    CASE WHEN 'closed_on' = any(:given) THEN 'closed_on' ELSE 'opened_on' END,
    CASE WHEN 'closed_on' = any(:given) THEN d.closed_on ELSE d.opened_on END::text,
    'before_opening',
    CASE WHEN 'closed_on' = any(:given) THEN '>= ' || d.opened_on ELSE '<= ' || d.closed_on END
FROM (
    SELECT
        s.source,
        s."row",
        CASE WHEN 'opened_on' = any(:given) THEN s.opened_on ELSE p.opened_on END AS opened_on,
        CASE WHEN 'closed_on' = any(:given) THEN s.closed_on ELSE p.closed_on END AS closed_on
    FROM staged_premises AS s
    LEFT JOIN premises AS p ON s.licence = p.licence
) AS d
WHERE d.closed_on < d.opened_on;

-- name: reject_ended_complaints
INSERT INTO staged_rejection (source, "row", "column", value, reason, expected)
SELECT s.source, s."row", 'closed_on', s.closed_on::text, 'before_opening', '>= ' || s.received_on
FROM staged_complaint AS s
WHERE s.closed_on < s.received_on;

-- name: reject_orphaned_inspections
INSERT INTO staged_rejection (source, "row", "column", value, reason, expected)
SELECT s.source, s."row", 'licence', s.licence, 'no_parent', 'premises'
FROM staged_inspection AS s
LEFT JOIN (SELECT DISTINCT o.licence FROM staged_premises AS o) AS o ON s.licence = o.licence
LEFT JOIN premises AS p ON s.licence = p.licence
WHERE o.licence IS NULL AND p.id IS NULL;

-- name: reject_orphaned_findings
INSERT INTO staged_rejection (source, "row", "column", value, reason, expected)
SELECT DISTINCT s.source, s."row", 'inspection_number', s.inspection_number, 'no_parent', 'inspection'
FROM staged_finding AS s
LEFT JOIN (SELECT DISTINCT o.inspection_number FROM staged_inspection AS o) AS o
    ON s.inspection_number = o.inspection_number
LEFT JOIN inspection AS i ON s.inspection_number = i.inspection_number
WHERE o.inspection_number IS NULL AND i.id IS NULL;

-- name: drop_rejected
-- A row is taken whole or not at all, whatever records it holds.
DELETE FROM staged_division AS s USING staged_rejection AS r
WHERE s.source = r.source AND s."row" = r."row" AND r.seq > :since;

DELETE FROM staged_premises AS s USING staged_rejection AS r
WHERE s.source = r.source AND s."row" = r."row" AND r.seq > :since;

DELETE FROM staged_inspection AS s USING staged_rejection AS r
WHERE s.source = r.source AND s."row" = r."row" AND r.seq > :since;

DELETE FROM staged_finding AS s USING staged_rejection AS r
WHERE s.source = r.source AND s."row" = r."row" AND r.seq > :since;

DELETE FROM staged_complaint AS s USING staged_rejection AS r
WHERE s.source = r.source AND s."row" = r."row" AND r.seq > :since;

-- name: last_rejection
SELECT coalesce(max(r.seq), 0) FROM staged_rejection AS r;

-- name: rejected_rows
SELECT count(DISTINCT (r.source, r."row")) FROM staged_rejection AS r;

-- name: rejections
SELECT r.source, r."row", r."column", r.value, r.reason, r.expected
FROM staged_rejection AS r
ORDER BY r.source, r."row", r.seq
LIMIT :most;

-- name: keep_last_premises
-- One row for each premises: the last inspection's; its location: the last that is given.
CREATE TEMPORARY TABLE repeated_premises ON COMMIT DROP AS
SELECT
    s.seq,
    s.licence,
    s.lat IS NOT NULL AS located,
    row_number() OVER (
        PARTITION BY s.licence
        ORDER BY s.described_on DESC NULLS LAST, inspection_rank(s.described_by) DESC NULLS LAST, s.seq DESC
    ) AS place
FROM staged_premises AS s
WHERE s.licence IN (SELECT d.licence FROM repeated_licence AS d);

UPDATE staged_premises AS s
SET
    original_x = o.original_x,
    original_y = o.original_y,
    datum = o.datum,
    lat = o.lat,
    lng = o.lng,
    h3_6 = o.h3_6,
    h3_7 = o.h3_7,
    h3_8 = o.h3_8,
    h3_9 = o.h3_9,
    h3_10 = o.h3_10,
    cell_id = o.cell_id,
    division_id = o.division_id,
    located_on = o.located_on,
    located_by = o.located_by
FROM repeated_premises AS k
INNER JOIN (
    SELECT DISTINCT ON (r.licence) r.licence, r.seq
    FROM repeated_premises AS r
    WHERE r.located
    ORDER BY r.licence, r.place
) AS l ON k.licence = l.licence
INNER JOIN staged_premises AS o ON l.seq = o.seq
WHERE s.seq = k.seq AND k.place = 1 AND NOT k.located;

-- name: complete_premises
-- Sources that give other fields complete each other: each field is the last row's whose source gives it.
UPDATE staged_premises AS s
SET
    name = o.name,
    trade_name = o.trade_name,
    credit_code = o.credit_code,
    category = o.category,
    risk_class = o.risk_class,
    credit_class = o.credit_class,
    responsibility_tier = o.responsibility_tier,
    address = o.address,
    division_code = o.division_code,
    external = o.external,
    opened_on = o.opened_on,
    closed_on = o.closed_on
FROM repeated_premises AS k
INNER JOIN (
    SELECT
        r.licence,
        (array_agg(s.name ORDER BY r.place) FILTER (WHERE g.fields ? 'name'))[1] AS name,
        (array_agg(s.trade_name ORDER BY r.place) FILTER (WHERE g.fields ? 'trade_name'))[1] AS trade_name,
        (array_agg(s.credit_code ORDER BY r.place) FILTER (WHERE g.fields ? 'credit_code'))[1] AS credit_code,
        (array_agg(s.category ORDER BY r.place) FILTER (WHERE g.fields ? 'category'))[1] AS category,
        (array_agg(s.risk_class ORDER BY r.place) FILTER (WHERE g.fields ? 'risk_class'))[1] AS risk_class,
        (array_agg(s.credit_class ORDER BY r.place) FILTER (WHERE g.fields ? 'credit_class'))[1] AS credit_class,
        (
            array_agg(s.responsibility_tier ORDER BY r.place) FILTER (WHERE g.fields ? 'responsibility_tier')
        )[1] AS responsibility_tier,
        (array_agg(s.address ORDER BY r.place) FILTER (WHERE g.fields ? 'address'))[1] AS address,
        (array_agg(s.division_code ORDER BY r.place) FILTER (WHERE g.fields ? 'division_code'))[1] AS division_code,
        (array_agg(s.external ORDER BY r.place) FILTER (WHERE g.fields ? 'external'))[1] AS external,
        (array_agg(s.opened_on ORDER BY r.place) FILTER (WHERE g.fields ? 'opened_on'))[1] AS opened_on,
        (array_agg(s.closed_on ORDER BY r.place) FILTER (WHERE g.fields ? 'closed_on'))[1] AS closed_on
    FROM repeated_premises AS r
    INNER JOIN staged_premises AS s ON r.seq = s.seq
    INNER JOIN jsonb_each(cast(:given AS jsonb)) AS g (source, fields) ON s.source = g.source
    GROUP BY r.licence
) AS o ON k.licence = o.licence
WHERE s.seq = k.seq AND k.place = 1;

-- name: drop_repeated_premises
DELETE FROM staged_premises AS s USING repeated_premises AS r
WHERE s.seq = r.seq AND r.place > 1;

-- name: keep_last_inspections
DELETE FROM staged_inspection AS s
USING (
    SELECT d.inspection_number, max(d.seq) AS seq
    FROM staged_inspection AS d
    GROUP BY d.inspection_number
    HAVING count(*) > 1
) AS l
WHERE s.inspection_number = l.inspection_number AND s.seq < l.seq;

-- name: keep_last_complaints
DELETE FROM staged_complaint AS s
USING (
    SELECT d.complaint_number, max(d.seq) AS seq
    FROM staged_complaint AS d
    GROUP BY d.complaint_number
    HAVING count(*) > 1
) AS l
WHERE s.complaint_number = l.complaint_number AND s.seq < l.seq;

-- name: repeated_rows
SELECT
    coalesce(
        (
            SELECT sum(r.rows - 1)
            FROM (
                SELECT count(*) AS rows
                FROM staged_premises AS s
                WHERE s.licence IN (SELECT d.licence FROM repeated_licence AS d)
                GROUP BY s.licence
            ) AS r
        ), 0
    )::bigint AS premises,
    coalesce(
        (
            SELECT sum(r.rows - 1)
            FROM (
                SELECT count(*) AS rows
                FROM staged_inspection AS s
                GROUP BY s.inspection_number
                HAVING count(*) > 1
            ) AS r
        ), 0
    )::bigint AS inspections,
    (SELECT count(*) - count(DISTINCT s.complaint_number) FROM staged_complaint AS s) AS complaints;

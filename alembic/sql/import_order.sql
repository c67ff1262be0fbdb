-- The order of inspections, and which inspection the attributes and the location of a premises are from.

CREATE FUNCTION inspection_rank(number text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
-- Orders the inspections of one day, in collation "C": decimal numbers by value (by length without leading
-- zeros, by digit, then as they are written), and after them all others as text.
RETURN CASE
    WHEN number ~ '^[0-9]+$'
        THEN '0' || lpad(length(ltrim(number, '0'))::text, 10, '0') || ltrim(number, '0') || ' ' || number
    ELSE '1' || number
END;

WITH latest AS (
    SELECT DISTINCT ON (i.premises_id)
        i.premises_id,
        i.inspected_on,
        i.inspection_number
    FROM inspection AS i
    ORDER BY i.premises_id, i.inspected_on DESC, inspection_rank(i.inspection_number) DESC
)

UPDATE premises AS p
SET
    described_on = l.inspected_on,
    described_by = l.inspection_number,
    located_on = CASE WHEN p.location = 'exact' THEN l.inspected_on END,
    located_by = CASE WHEN p.location = 'exact' THEN l.inspection_number END
FROM latest AS l
WHERE p.id = l.premises_id;

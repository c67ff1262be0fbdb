-- People and their open work by zone, for layers.

CREATE VIEW map.inspector AS
SELECT
    i.id AS inspector_id,
    i.staff_number,
    i.name,
    i.synthetic
FROM inspector AS i;

-- Unresolved hazards of each zone on a day. A function, since both depend on the day.
CREATE FUNCTION map.zone_hazards_on(day date) RETURNS TABLE (
    zone_id bigint,
    unresolved bigint,
    critical bigint,
    oldest_found_on date
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public
BEGIN ATOMIC
SELECT
    m.zone_id,
    count(*),
    count(*) FILTER (WHERE h.severity = 'critical'),
    min(h.found_on)
FROM hazard AS h
INNER JOIN premises AS p ON h.premises_id = p.id
INNER JOIN zone_cell AS m ON p.cell_id = m.cell_id AND m.valid @> zone_hazards_on.day
WHERE
    h.found_on <= zone_hazards_on.day
    AND (h.resolved_on IS NULL OR h.resolved_on > zone_hazards_on.day)
    AND NOT p.external
    AND (p.opened_on IS NULL OR p.opened_on <= zone_hazards_on.day)
    AND (p.closed_on IS NULL OR p.closed_on > zone_hazards_on.day)
GROUP BY m.zone_id;
END;

GRANT SELECT ON map.inspector TO gis_supervision_reader;
REVOKE EXECUTE ON FUNCTION map.zone_hazards_on FROM public;
GRANT EXECUTE ON FUNCTION map.zone_hazards_on TO gis_supervision_reader;

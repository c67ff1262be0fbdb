DROP FUNCTION map.zone_hazards_on;
DROP VIEW map.inspector;

DROP FUNCTION map.zone_load_on;
DROP FUNCTION map.set_hours_on;
DROP VIEW map.workload;

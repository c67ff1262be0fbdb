DROP VIEW map.unattended_cell;
DROP VIEW map.premises_coverage;
DROP VIEW map.category;
DROP VIEW map.coverage_month;

DROP VIEW map.unattended_cell;
DROP VIEW uncovered_cell;
DROP VIEW map.premises_coverage;
DROP VIEW covered_premises;
DROP VIEW map.h3_cell;
DROP VIEW map.category;
DROP VIEW map.coverage_month;

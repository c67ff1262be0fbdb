DROP VIEW map.risk_cell;
DROP VIEW map.risk;
DROP VIEW map.risk_run;

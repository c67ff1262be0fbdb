DROP VIEW map.cluster;
DROP VIEW map.cluster_cell;
DROP VIEW map.hotspot_step;
DROP VIEW map.emerging;
DROP VIEW map.pattern_run;

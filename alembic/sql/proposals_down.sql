DROP FUNCTION proposal_inspector_changes;
DROP FUNCTION proposal_zone_cell_changes;
DROP FUNCTION proposal_assignments_in;
DROP FUNCTION proposal_cells_in;
DROP FUNCTION proposal_days;

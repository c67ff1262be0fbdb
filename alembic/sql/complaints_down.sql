DROP FUNCTION complaint_follow_cells CASCADE;
DROP FUNCTION complaint_follow_premises CASCADE;
DROP FUNCTION complaint_find_premises CASCADE;
DROP FUNCTION complaint_place CASCADE;

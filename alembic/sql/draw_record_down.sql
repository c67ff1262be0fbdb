DROP VIEW map.drawn_premises;
DROP VIEW map.draw;
DROP TRIGGER draw_result_checked ON draw_result;
DROP TRIGGER draw_commitment_checked ON draw_commitment;
DROP FUNCTION draw_result_checked;
DROP FUNCTION draw_commitment_checked;

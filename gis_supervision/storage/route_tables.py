"""Tables: day plans, stops and travel times."""

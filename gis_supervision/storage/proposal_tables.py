"""Tables: proposals, what they change and what became of them."""

"""Tables: the roll-up of the register per H3 cell."""

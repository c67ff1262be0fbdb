"""Files to checked rows to the register."""

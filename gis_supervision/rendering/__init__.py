"""Map reports and tables."""

"""Zones, inspectors and days."""

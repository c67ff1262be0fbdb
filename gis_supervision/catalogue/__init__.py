"""Layers and maps as files."""

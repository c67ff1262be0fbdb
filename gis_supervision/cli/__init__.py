"""The command ``gis-supervision``."""

from gis_supervision.cli.entry import main

__all__ = ["main"]

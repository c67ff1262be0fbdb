"""Grid-based GIS supervision of food safety and market regulation."""

from importlib.metadata import version

__version__ = version("gis-supervision")

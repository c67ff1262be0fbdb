"""``python -m gis_supervision`` is the command ``gis-supervision``."""

from gis_supervision.cli import main

main()

"""Commands for map reports."""

from pathlib import Path
from typing import Annotated

import typer

from gis_supervision import catalogue as catalogue_of
from gis_supervision.cli.connection import connected
from gis_supervision.cli.terminal import AsJson, print_json, print_table, progress
from gis_supervision.language import gettext_noop
from gis_supervision.rendering import map_report

app = typer.Typer(no_args_is_help=True, help=gettext_noop("Map reports: list and build."))

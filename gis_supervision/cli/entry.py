"""The commands together, their language, and what an error becomes."""

import importlib
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from gis_supervision import __version__
from gis_supervision import settings as configuration
from gis_supervision.errors import (
    NO_SUCH_DAY,
    OUT_OF_CALENDAR,
    ConflictError,
    InvalidInputError,
    NotFoundError,
    SupervisionError,
    UnavailableError,
)
from gis_supervision.language import Translator, gettext_noop, translator

EXIT_CODES: dict[type[SupervisionError], int] = {
    InvalidInputError: 2,
    NotFoundError: 3,
    ConflictError: 4,
    UnavailableError: 5,
}
"""Exit code of each kind of error; 1 is any other."""

COMMANDS = {
    "demo": "demonstration",
    "status": "status",
    "import": "imports",
    "export": "exports",
    "divisions": "divisions",
    "grid": "grid",
    "analyse": "analyses",
    "patterns": "patterns",
    "coverage": "coverage",
    "explain": "explanations",
    "risk": "risk",
    "zones": "zones",
    "days": "days",
    "workload": "workload",
    "proposals": "proposals",
    "draw": "draws",
    "inspectors": "inspectors",
    "map": "maps",
    "catalogue": "catalogue",
    "serve": "serving",
    "db": "db",
}
"""Each command and the module of this package that has it; a group's app has a help text."""


class _Commands(TyperGroup):
    """Commands whose modules are loaded when they are asked for: most need only a few packages."""

    def list_commands(self, ctx: Any) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"gis_supervision.cli.{COMMANDS[cmd_name]}")
        grouped = isinstance(module.app.info.help, str)
        make = typer.main.get_group if grouped else typer.main.get_command
        command = make(module.app)
        command.name = cmd_name
        translate_help(command, translator(configuration.load().language))
        return command


app = typer.Typer(
    name="gis-supervision",
    cls=_Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help=gettext_noop("Grid-based supervision of food safety and market regulation."),
)


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[
        bool, typer.Option("--version", help=gettext_noop("Print the version."))
    ] = False,
) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit


def main() -> None:
    """Run the command line; an error that a user can mend becomes one message and an exit code."""
    try:
        command = typer.main.get_command(app)
        translate_help(command, translator(configuration.load().language))
        command.main(prog_name="gis-supervision")
    except SupervisionError as error:
        typer.echo(f"gis-supervision: {error.translated(_spoken())}", err=True)
        sys.exit(exit_code(error))
    except OverflowError as error:
        if str(error) != OUT_OF_CALENDAR:
            raise
        typer.echo(f"gis-supervision: {NO_SUCH_DAY.translated(_spoken())}", err=True)
        sys.exit(EXIT_CODES[InvalidInputError])


def _spoken() -> Translator:
    """Return the language of the settings, that of the variable alone where others are wrong."""
    try:
        return translator(configuration.load().language)
    except SupervisionError:
        return translator(configuration.spoken())


def exit_code(error: SupervisionError) -> int:
    """Return the exit code of an error."""
    return next((code for kind, code in EXIT_CODES.items() if isinstance(error, kind)), 1)


def translate_help(command: Any, translate: Translator) -> None:
    """Put the help of a command, and of the commands below it, into a language."""
    for described in (command, *command.params):
        text = getattr(described, "help", None)
        if text:
            described.help = translate(text)
    for below in getattr(command, "commands", {}).values():
        translate_help(below, translate)

"""The commands together, their language, and what an error becomes."""

import importlib
import sys
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

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
from gis_supervision.library_texts import recognised
from gis_supervision.messages import Message, told

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


_ABORTED = Message("ended early")

HEADINGS = {
    "ARGUMENTS_PANEL_TITLE": gettext_noop("Arguments"),
    "OPTIONS_PANEL_TITLE": gettext_noop("Options"),
    "COMMANDS_PANEL_TITLE": gettext_noop("Commands"),
    "REQUIRED_LONG_STRING": gettext_noop("[required]"),
    "DEFAULT_STRING": gettext_noop("[default: {}]"),
}
"""Words of help that Typer keeps in `typer.rich_utils`."""


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
        translate = translator(configuration.load().language)
        if "--help" in sys.argv or len(sys.argv) <= 2:  # noqa: PLR2004 - a group alone shows its help
            translate_headings(translate)
        command = typer.main.get_command(app)
        translate_help(command, translate)
        # without this, Typer would print its errors in English and end the program itself
        result = command.main(prog_name="gis-supervision", standalone_mode=False)
    except SupervisionError as error:
        _end(error.translated(_spoken()), exit_code(error))
    except TyperException as error:
        _tell_usage(error, _spoken())
        sys.exit(error.exit_code)
    except typer.Abort:
        _end(_ABORTED.translated(_spoken()), 1)
    except OverflowError as error:
        if str(error) != OUT_OF_CALENDAR:
            raise
        _end(NO_SUCH_DAY.translated(_spoken()), EXIT_CODES[InvalidInputError])
    # what ends a command early leaves its exit code as the result
    sys.exit(result if isinstance(result, int) else 0)


def _end(text: str, code: int) -> NoReturn:
    typer.echo(f"gis-supervision: {text}", err=True)
    sys.exit(code)


def _tell_usage(error: TyperException, _: Translator) -> None:
    """Say what is wrong with the arguments, below how the command is used."""
    text = error.format_message()
    if not text:
        return  # the command was called without any, and its help is printed already
    context = getattr(error, "ctx", None)
    if context is not None:
        usage = context.get_usage().removeprefix("Usage: ")
        typer.echo(_("Usage: %(usage)s", usage=usage), err=True)
        help_of = f"{context.command_path} --help"
        typer.echo(_("Try %(command)s for help.", command=help_of), err=True)
    typer.echo(f"gis-supervision: {told(recognised(text), _)}", err=True)


def _spoken() -> Translator:
    """Return the language of the settings, that of the variable alone where others are wrong."""
    try:
        return translator(configuration.load().language)
    except SupervisionError:
        return translator(configuration.spoken())


def exit_code(error: SupervisionError) -> int:
    """Return the exit code of an error."""
    return next((code for kind, code in EXIT_CODES.items() if isinstance(error, kind)), 1)


def translate_headings(translate: Translator) -> None:
    """Put the words that stand around help texts into a language."""
    # only for help: it takes a tenth of a second to load
    from typer import rich_utils  # noqa: PLC0415 - see above

    for name, text in HEADINGS.items():
        if hasattr(rich_utils, name):
            setattr(rich_utils, name, translate(text))


def translate_help(command: Any, translate: Translator) -> None:
    """Put the help of a command, and of the commands below it, into a language."""
    _ = gettext_noop("Show this message and exit.")  # what Typer says of --help
    help_option = command.get_help_option(typer.Context(command))
    for described in (command, *command.params, *([help_option] if help_option else [])):
        text = getattr(described, "help", None)
        if text:
            described.help = translate(text)
    for below in getattr(command, "commands", {}).values():
        translate_help(below, translate)

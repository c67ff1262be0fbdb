"""What commands print: text for people, JSON for programs, progress on standard error."""

from __future__ import annotations

import getpass
import json
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from gis_supervision.domain.actors import checked_actor
from gis_supervision.language import gettext_noop

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


AsOf = Annotated[
    datetime | None,
    typer.Option(
        formats=["%Y-%m-%d"],
        help=gettext_noop("Day of the report; left out: that of the newest analysis."),
    ),
]


class Advance(Protocol):
    """Tells the progress of a command."""

    def __call__(self, step: str, detail: str | None = None) -> None:
        """Begin a step, or tell how far the running one is."""


SEVERITIES = {
    "critical": gettext_noop("critical"),
    "serious": gettext_noop("serious"),
    "minor": gettext_noop("minor"),
    "unclassified": gettext_noop("unclassified"),
}
"""What people call the severities of hazards."""

AsJson = Annotated[bool, typer.Option("--json", help=gettext_noop("Print JSON for programs."))]


def actor(by: str | None) -> str:
    """Return who does it: the given name, or the account's where none was given.

    Raises
    ------
    InvalidInputError
        When a name was given that is empty or blank.
    """
    return checked_actor(getpass.getuser() if by is None else by)


def print_json(data: Mapping[str, Any] | Sequence[Any]) -> None:
    """Print data as JSON on standard output; dates and paths become text."""
    typer.echo(json.dumps(data, ensure_ascii=False, indent=2, default=str))


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table on standard output; numbers stand to the right."""
    table = Table(title=title, title_justify="left")
    for index, column in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[index], int | float) for row in rows)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*("" if value is None else _text(value) for value in row))
    Console().print(table)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.2f}"
    return str(value)


@contextmanager
def progress() -> Iterator[Advance]:
    """Show the progress of long steps on standard error.

    Yields
    ------
    callable
        ``advance(step, detail)``: a new step ends the one before; the detail tells how far it is.
        Where standard error is no terminal, every step is one line.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        begun: list[str] = []

        def line(step: str, detail: str | None = None) -> None:
            del detail
            if step not in begun[-1:]:
                begun.append(step)
                typer.echo(f"- {step}", err=True)

        yield line
        return
    bar = Progress(
        SpinnerColumn(finished_text="✓"),
        TextColumn("{task.description}"),
        TextColumn("[dim]{task.fields[detail]}"),
        TimeElapsedColumn(),
        console=console,
    )
    with bar:

        def advance(step: str, detail: str | None = None) -> None:
            if not bar.tasks or bar.tasks[-1].description != step:
                finish()
                bar.add_task(step, total=None, detail="")
            bar.update(bar.tasks[-1].id, detail=detail or "")

        def finish() -> None:
            for task in bar.tasks:
                bar.update(task.id, total=1, completed=1, detail="")

        yield advance
        finish()

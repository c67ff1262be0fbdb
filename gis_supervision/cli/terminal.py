"""What commands print: text for people, JSON for programs, progress on standard error."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from gis_supervision.language import gettext_noop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    Advance = Callable[[str, float | None], None]

AsJson = Annotated[bool, typer.Option("--json", help=gettext_noop("Print JSON for programs."))]


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
        ``advance(description, share)``: a new description begins a new step; the share is 0 to 1,
        or None where it is not known. Where standard error is no terminal, every step is one line.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        seen: list[str] = []

        def line(description: str, share: float | None) -> None:
            del share
            if description not in seen[-1:]:
                seen.append(description)
                typer.echo(f"- {description}", err=True)

        yield line
        return
    bar = Progress(
        SpinnerColumn(finished_text="✓"),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        console=console,
    )
    with bar:
        current: list[str] = []

        def advance(description: str, share: float | None) -> None:
            if description not in current[-1:]:
                for task in bar.tasks:
                    bar.update(task.id, total=1, completed=1)
                current.append(description)
                bar.add_task(description, total=None)
            task = bar.tasks[-1]
            if share is not None:
                bar.update(task.id, total=1, completed=share)

        yield advance
        for task in bar.tasks:
            bar.update(task.id, total=1, completed=1)

"""Commands for the workload: show it, set the hours of a cell, undo that."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from gis_supervision.assignment import cell_work
from gis_supervision.cli.connection import connected
from gis_supervision.cli.terminal import AsJson, actor, print_json, print_table
from gis_supervision.language import gettext_noop
from gis_supervision.storage import register
from gis_supervision.storage import workload as storage
from gis_supervision.storage.database import session_scope

if TYPE_CHECKING:
    from gis_supervision.storage.workload import Setting

app = typer.Typer(
    no_args_is_help=True, help=gettext_noop("Workload: hours a year of cells and zones.")
)

Cell = Annotated[str, typer.Argument(help=gettext_noop("Code of the cell."))]
Reason = Annotated[str, typer.Option(help=gettext_noop("Why."))]
By = Annotated[
    str | None, typer.Option(help=gettext_noop("Who does it; left out: the account's name."))
]
From = Annotated[
    datetime | None,
    typer.Option(
        "--from",
        formats=["%Y-%m-%d"],
        help=gettext_noop("First day on which it counts; left out: the report's day."),
    ),
]


@app.command(help=gettext_noop("Show the hours of zones, or of cells, with what they are made of."))
def show(
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help=gettext_noop("Day; left out: the report's day.")),
    ] = None,
    zone: Annotated[str | None, typer.Option(help=gettext_noop("Only this zone, by code."))] = None,
    cells: Annotated[
        bool, typer.Option("--cells", help=gettext_noop("List cells, most work first."))
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help=gettext_noop("Rows that are shown."))] = 200,
    as_json: AsJson = False,
) -> None:
    with connected() as connection:
        _ = connection.translate
        with session_scope(connection.engine) as session:
            day = as_of.date() if as_of else register.default_as_of(session)
            run = cell_work.stored(session, connection.rules(), day)
            read = storage.by_cell if cells else storage.by_zone
            rows = read(session, day, zone)
            idle = sum(
                one.ended and one.undone_at is None and one.hours is not None
                for one in storage.log(session, day)
            )
    if as_json:
        shown = [row.to_dict() for row in rows]
        print_json(
            {
                "as_of": day.isoformat(),
                "rules": run.parameters["rules"],
                "totals": run.summary,
                "set_for_cells_that_are_no_more": idle,
                "cells" if cells else "zones": shown,
            }
        )
        return
    print_table(
        _("Workload on %(day)s, hours a year", day=day),
        (
            _("Cell") if cells else _("Zone"),
            _("Zone") if cells else _("Cells"),
            _("Hours a year"),
            _("Visits"),
            _("Travel"),
            _("Hazards"),
            _("Complaints"),
            _("Production"),
            _("Circulation"),
            _("Catering"),
            _("Special food"),
            _("Set by hand"),
        ),
        [
            (
                row.code,
                row.zone if cells else row.cells,
                row.hours,
                row.visits,
                row.travel,
                row.hazards,
                row.complaints,
                row.production,
                row.circulation,
                row.catering,
                row.special_food,
                row.set_hours,
            )
            for row in rows[:limit]
        ],
    )
    if len(rows) > limit:
        typer.echo(_("Further rows: %(count)d (--limit shows them).", count=len(rows) - limit))
    if run.summary["premises_without_cell"]:
        typer.echo(
            _(
                "Premises outside the grid, whose work is in no cell: %(count)d",
                count=run.summary["premises_without_cell"],
            )
        )
    if idle:
        typer.echo(_("Hours set for cells that are no more, without effect: %(count)d", count=idle))


@app.command("set", help=gettext_noop("Set the hours a year of a cell by hand, from a day on."))
def set_cell(
    cell: Cell,
    reason: Reason,
    hours: Annotated[float, typer.Option(min=0, help=gettext_noop("Hours a year."))],
    valid_from: From = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    _record(cell, hours, reason, valid_from, by, as_json=as_json)


@app.command(help=gettext_noop("Let the rules count again for a cell, from a day on."))
def reset(
    cell: Cell,
    reason: Reason,
    valid_from: From = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    _record(cell, None, reason, valid_from, by, as_json=as_json)


@app.command(help=gettext_noop("Take back what was set for a cell last; the log keeps it."))
def undo(
    cell: Cell,
    setting: Annotated[
        int | None,
        typer.Option(help=gettext_noop("Number of the setting in the log; left out: the last.")),
    ] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    with connected() as connection, session_scope(connection.engine) as session:
        _ = connection.translate
        undone = storage.undo(session, cell, by=actor(by), setting=setting)
    if as_json:
        print_json(undone.to_dict())
    else:
        typer.echo(_("Undone: setting %(id)d of cell %(cell)s.", id=undone.id, cell=undone.cell))


@app.command(help=gettext_noop("List what was set by hand: for which cell, by whom, when, why."))
def log(
    cell: Annotated[
        str | None, typer.Argument(help=gettext_noop("Code of a cell; left out: all."))
    ] = None,
    as_json: AsJson = False,
) -> None:
    with connected() as connection, session_scope(connection.engine) as session:
        _ = connection.translate
        rows = storage.log(session, register.default_as_of(session), cell)
    if as_json:
        print_json([row.to_dict() for row in rows])
        return
    print_table(
        _("Hours set by hand"),
        (
            _("No."),
            _("Cell"),
            _("Hours a year"),
            _("First day"),
            _("Reason"),
            _("Set by"),
            _("Undone by"),
            _("State"),
        ),
        [
            (
                str(row.id),
                row.cell,
                _("as the rules") if row.hours is None else row.hours,
                row.valid_from,
                row.reason,
                row.set_by,
                row.undone_by,
                _(_state(row)),
            )
            for row in rows
        ],
    )


def _record(
    cell: str,
    hours: float | None,
    reason: str,
    valid_from: datetime | None,
    by: str | None,
    *,
    as_json: bool,
) -> None:
    with connected() as connection, session_scope(connection.engine) as session:
        _ = connection.translate
        day = valid_from.date() if valid_from else register.default_as_of(session)
        made = storage.set_cell(session, cell, hours, reason=reason, by=actor(by), valid_from=day)
        (row,) = (one for one in storage.log(session, day, cell) if one.id == made)
    if as_json:
        print_json(row.to_dict())
    elif hours is None:
        typer.echo(_("From %(day)s on the rules count for cell %(cell)s.", day=day, cell=cell))
    else:
        typer.echo(
            _(
                "From %(day)s on cell %(cell)s counts %(hours)s hours a year.",
                day=day,
                cell=cell,
                hours=hours,
            )
        )


def _state(row: Setting) -> str:
    if row.undone_at is not None:
        return gettext_noop("undone")
    if row.ended:
        return gettext_noop("the cell is no more")
    return gettext_noop("counts") if row.in_force else gettext_noop("does not count on that day")

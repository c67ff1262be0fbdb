"""Commands for coverage: next visits, gaps, months, premises left out."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy.orm import Session

from gis_supervision.analysis import run
from gis_supervision.cli.connection import Connection, connected
from gis_supervision.cli.terminal import AsJson, AsOf, print_json, print_table, progress
from gis_supervision.errors import UnavailableError
from gis_supervision.language import gettext_noop
from gis_supervision.rendering import visit_calendar
from gis_supervision.storage import analyses, coverage_lists, register
from gis_supervision.storage.analyses import Run
from gis_supervision.storage.database import session_scope

REASONS = {
    "external": gettext_noop("of another administration"),
    "not_open": gettext_noop("not open yet"),
    "closed": gettext_noop("closed"),
    "no_rule": gettext_noop("no rule"),
    "not_located": gettext_noop("without coordinates"),
    "approximate": gettext_noop("approximate place only"),
    "outside": gettext_noop("outside the grid"),
}
"""What people call the reasons of `coverage_lists.REASONS`."""

LACKING = {
    "no_zone": gettext_noop("in no zone"),
    "no_inspector": gettext_noop("zone without an inspector"),
}

app = typer.Typer(
    no_args_is_help=True, help=gettext_noop("Coverage: next visits, gaps, months, left out.")
)

Most = Annotated[
    int, typer.Option(min=1, help=gettext_noop("Largest number of rows; JSON has all."))
]


@contextmanager
def _covered(connection: Connection, as_of: datetime | None) -> Iterator[tuple[Session, Run]]:
    """Open a session in which coverage of the day is that of the register as it is."""
    with session_scope(connection.engine) as session:
        day = as_of.date() if as_of else register.default_as_of(session)
        spoken_of = analyses.latest_as_of(session) == day
        yield session, run.coverage(session, connection.rule_history(), day, publish=spoken_of)


@app.command(help=gettext_noop("List what is due when, the most urgent first."))
def calendar(
    as_of: AsOf = None,
    days: Annotated[
        int | None,
        typer.Option(min=0, help=gettext_noop("Days ahead; left out: everything.")),
    ] = None,
    zone: Annotated[str | None, typer.Option(help=gettext_noop("Code of one zone."))] = None,
    inspector: Annotated[
        str | None, typer.Option(help=gettext_noop("Staff number of one inspector."))
    ] = None,
    ics: Annotated[
        Path | None,
        typer.Option("--ics", help=gettext_noop("Write a calendar file (iCalendar) too.")),
    ] = None,
    most: Most = 50,
    as_json: AsJson = False,
) -> None:
    with connected() as connection:
        _ = connection.translate
        with _covered(connection, as_of) as (session, made):
            day = made.as_of
            visits = coverage_lists.next_visits(
                session,
                made,
                until=None if days is None else coverage_lists.days_after(day, days),
                zone=zone,
                inspector=inspector,
                rules=connection.rules(),
            )
        if ics is not None:
            name = " ".join(part for part in (_("Next visits"), inspector, zone) if part)
            content = visit_calendar.write(
                visits, day, name=name, language=connection.settings.language
            )
            try:
                ics.write_bytes(content)
            except OSError as error:
                raise UnavailableError(
                    "%(ics)s cannot be written: %(reason)s", ics=ics, reason=error.strerror
                ) from error
    if as_json:
        print_json([visit.to_dict() for visit in visits])
        return
    print_table(
        _("Next visits by zone, as of %(day)s", day=day),
        (_("Zone"), _("Overdue"), _("In time")),
        [
            (name or _("in no zone"), late, ahead)
            for name, late, ahead in coverage_lists.by_zone(visits, day)
        ],
    )
    print_table(
        _("Next visits, %(shown)d of %(all)d", shown=min(most, len(visits)), all=len(visits)),
        (
            _("Due"),
            _("Full checklist due"),
            _("Last visit"),
            _("Licence"),
            _("Premises"),
            _("Zone"),
            _("Inspector"),
        ),
        [
            (
                visit.due_on,
                visit.checklist_due_on,
                visit.visited_on or _("never"),
                visit.licence,
                visit.name,
                visit.zone,
                visit.inspector,
            )
            for visit in visits[:most]
        ],
    )
    if ics is not None:
        typer.echo(_("The calendar is in %(file)s.", file=ics))


@app.command(help=gettext_noop("List cells without an inspector, and premises never visited."))
def gaps(as_of: AsOf = None, most: Most = 50, as_json: AsJson = False) -> None:
    with connected() as connection:
        _ = connection.translate
        with _covered(connection, as_of) as (session, made):
            day = made.as_of
            cells = coverage_lists.unattended_cells(session, made)
            never = coverage_lists.next_visits(session, made, never=True, rules=connection.rules())
    if as_json:
        print_json(
            {
                "as_of": day,
                "cells_without_inspector": [cell.to_dict() for cell in cells],
                "premises_never_visited": [visit.to_dict() for visit in never],
            }
        )
        return
    print_table(
        _(
            "Cells with premises and no responsible inspector on %(day)s: %(number)d",
            day=day,
            number=len(cells),
        ),
        (_("Cell"), _("Division"), _("Reason"), _("Zone"), _("Premises")),
        [
            (cell.code, cell.division, _(LACKING[cell.reason]), cell.zone, cell.premises)
            for cell in cells[:most]
        ],
    )
    print_table(
        _("Premises never visited: %(number)d", number=len(never)),
        (_("Licence"), _("Premises"), _("Address"), _("Zone"), _("Inspector")),
        [
            (visit.licence, visit.name, visit.address, visit.zone, visit.inspector)
            for visit in never[:most]
        ],
    )


@app.command(help=gettext_noop("Show coverage at the end of every month."))
def months(
    as_of: AsOf = None,
    number: Annotated[
        int, typer.Option("--months", min=1, help=gettext_noop("Number of months."))
    ] = run.MONTHS,
    unit: Annotated[
        str,
        typer.Option(help=gettext_noop("area, division, zone, cell or category.")),
    ] = "area",
    as_json: AsJson = False,
) -> None:
    with connected() as connection:
        _ = connection.translate
        with progress() as advance, session_scope(connection.engine) as session:
            advance(_("Computing coverage of every month"))
            day = as_of.date() if as_of else register.default_as_of(session)
            made = run.coverage_months(
                session,
                connection.rule_history(),
                day,
                months=number,
                publish=analyses.latest_as_of(session) == day,
            )
            rows = coverage_lists.months(session, made, unit)
    if as_json:
        print_json([row.to_dict() for row in rows])
        return
    named: list[Any] = [] if unit == "area" else [_("Unit")]
    print_table(
        _("Coverage at the end of every month until %(day)s", day=day),
        (*named, _("Month"), _("Due"), _("In time"), _("Overdue"), _("Never inspected"), "%"),
        [
            (
                *([] if unit == "area" else [row.unit or _("not recorded")]),
                row.period_end,
                row.due,
                row.in_time,
                row.overdue,
                row.never_inspected,
                None if row.share_on_time is None else 100 * row.share_on_time,
            )
            for row in rows
        ],
    )


@app.command("left-out", help=gettext_noop("List the premises in no total, with the reason."))
def left_out(
    as_of: AsOf = None,
    reason: Annotated[
        list[str] | None,
        typer.Option(help=gettext_noop("Only this reason; may be given several times.")),
    ] = None,
    most: Most = 50,
    as_json: AsJson = False,
) -> None:
    with connected() as connection:
        _ = connection.translate
        with _covered(connection, as_of) as (session, made):
            day = made.as_of
            rows = coverage_lists.left_out(session, made, *(reason or ()))
    if as_json:
        print_json([row.to_dict() for row in rows])
        return
    print_table(
        _("Premises left out on %(day)s: %(number)d", day=day, number=len(rows)),
        (_("Reason"), _("Licence"), _("Premises"), _("Division"), _("Address")),
        [
            (_(REASONS[row.reason]), row.licence, row.name, row.division, row.address)
            for row in rows[:most]
        ],
    )

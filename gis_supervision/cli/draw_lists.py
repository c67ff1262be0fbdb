"""Commands for the do-not-disturb list, which draws leave out."""

import getpass
from datetime import datetime
from typing import Annotated

import typer

from gis_supervision.cli.connection import connected
from gis_supervision.cli.terminal import AsJson, print_json, print_table
from gis_supervision.language import Translator, gettext_noop
from gis_supervision.storage import do_not_disturb, register
from gis_supervision.storage.database import session_scope
from gis_supervision.storage.do_not_disturb import Entry

app = typer.Typer(
    no_args_is_help=True, help=gettext_noop("The do-not-disturb list, which draws leave out.")
)

Day = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help=gettext_noop("Day; left out: the register's.")),
]
By = Annotated[
    str | None, typer.Option(help=gettext_noop("Who does this; left out: the login name."))
]


@app.command(help=gettext_noop("Leave a premises out of draws for a time."))
def add(
    licence: Annotated[str, typer.Argument(help=gettext_noop("Licence of the premises."))],
    reason: Annotated[str, typer.Option(help=gettext_noop("Why; for the office alone."))],
    first: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help=gettext_noop("First day.")),
    ] = None,
    last: Annotated[
        datetime | None,
        typer.Option("--to", formats=["%Y-%m-%d"], help=gettext_noop("Last day.")),
    ] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    with connected() as connection, session_scope(connection.engine) as session:
        entry = do_not_disturb.add(
            session,
            licence,
            first_day=first.date() if first else register.current_day(session),
            last_day=last.date() if last else None,
            reason=reason,
            by=getpass.getuser() if by is None else by,
        )
    _print(connection.translate, [entry], as_json=as_json)


@app.command("list", help=gettext_noop("List who is left out of draws."))
def list_(
    day: Day = None,
    everything: Annotated[
        bool, typer.Option("--all", help=gettext_noop("Those that ended too."))
    ] = False,
    as_json: AsJson = False,
) -> None:
    with connected() as connection, session_scope(connection.engine) as session:
        on = day.date() if day else register.current_day(session)
        entries = do_not_disturb.on(session, None if everything else on)
    _print(connection.translate, entries, as_json=as_json)


@app.command(help=gettext_noop("Let an entry end with a day."))
def end(
    number: Annotated[int, typer.Argument(help=gettext_noop("Number of the entry."))],
    day: Day = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    with connected() as connection, session_scope(connection.engine) as session:
        last = day.date() if day else register.current_day(session)
        entry = do_not_disturb.end(
            session, number, last, by=getpass.getuser() if by is None else by
        )
    _print(connection.translate, [entry], as_json=as_json)


def _print(_: Translator, entries: list[Entry], *, as_json: bool) -> None:
    if as_json:
        print_json([entry.to_dict() for entry in entries])
        return
    print_table(
        _("Do-not-disturb list"),
        (
            *(_("No."), _("Licence"), _("Premises"), _("First day"), _("Last day")),
            *(_("Reason"), _("Recorded by")),
        ),
        [
            (
                *(str(entry.id), entry.licence, entry.name, entry.first_day, entry.last_day),
                *(entry.reason, entry.recorded_by),
            )
            for entry in entries
        ],
    )

"""Commands for absences and for who was responsible when; they belong to the group of zones."""

from datetime import datetime
from typing import Annotated, Any

import typer

from gis_supervision.assignment import absence as absences
from gis_supervision.assignment import proposing
from gis_supervision.cli.connection import Connection, connected
from gis_supervision.cli.proposals import By, Pinned, WorkOf, first_day, told, work_day
from gis_supervision.cli.terminal import AsJson, print_json, print_table, progress
from gis_supervision.domain.proposals import Cover
from gis_supervision.language import Translator, gettext_noop
from gis_supervision.storage import responsibility
from gis_supervision.storage.database import session_scope
from gis_supervision.storage.responsibility import Holder, Responsibility

app = typer.Typer()

StaffNumber = Annotated[str, typer.Argument(help=gettext_noop("Of the inspector."))]


@app.command(
    help=gettext_noop("Record an inspector's leave and propose who covers the zones for the time.")
)
def absence(
    staff_number: StaffNumber,
    first: Annotated[
        datetime,
        typer.Option("--from", formats=["%Y-%m-%d"], help=gettext_noop("First day of the leave.")),
    ],
    last: Annotated[
        datetime,
        typer.Option(
            "--to",
            formats=["%Y-%m-%d"],
            help=gettext_noop("Last day of the leave; the zones return on the day after."),
        ),
    ],
    by: By,
    cover: Annotated[
        Cover,
        typer.Option(help=gettext_noop("Share the cells among other zones, or name deputies.")),
    ] = Cover.SHARE,
    tolerance: Annotated[
        float,
        typer.Option(min=0, max=1, help=gettext_noop("Largest share off the mean workload.")),
    ] = absences.TOLERANCE,
    reason: Annotated[
        str, typer.Option(help=gettext_noop("leave, sick, training, secondment or other."))
    ] = "leave",
    pin: Pinned = None,
    as_of: WorkOf = None,
    seed: Annotated[int, typer.Option(min=0, help=gettext_noop("Seed of the search."))] = 0,
    as_json: AsJson = False,
) -> None:
    with connected() as connection, progress() as advance:
        _ = connection.translate
        advance(_("Covering the absence"))
        with session_scope(connection.engine) as session:
            number = proposing.absence(
                session,
                connection.rules(),
                by=by,
                staff_number=staff_number,
                first=first.date(),
                last=last.date(),
                as_of=work_day(session, as_of),
                cover=cover,
                tolerance=tolerance,
                seed=seed,
                pinned=pin or (),
                reason=reason,
            )
        told(connection, number, as_json=as_json)


@app.command(
    "return",
    help=gettext_noop(
        "Propose that an inspector is back before the absence ends; without a proposal in force for"
        " it the leave alone ends."
    ),
)
def return_(
    staff_number: StaffNumber,
    day: Annotated[
        datetime,
        typer.Option("--on", formats=["%Y-%m-%d"], help=gettext_noop("First day back.")),
    ],
    by: By,
    as_of: WorkOf = None,
    as_json: AsJson = False,
) -> None:
    with connected() as connection:
        _ = connection.translate
        with session_scope(connection.engine) as session:
            changed = proposing.early_return(
                session,
                connection.rules(),
                by=by,
                staff_number=staff_number,
                day=day.date(),
                as_of=work_day(session, as_of),
            )
        _told(connection, changed, staff_number, as_json=as_json)


@app.command(help=gettext_noop("Let an absence last longer, and propose to cover it as until now."))
def extend(
    staff_number: StaffNumber,
    last: Annotated[
        datetime,
        typer.Option("--to", formats=["%Y-%m-%d"], help=gettext_noop("New last day of the leave.")),
    ],
    by: By,
    on: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help=gettext_noop("A day of the absence; left out: today.")
        ),
    ] = None,
    as_of: WorkOf = None,
    as_json: AsJson = False,
) -> None:
    with connected() as connection, progress() as advance:
        _ = connection.translate
        advance(_("Covering the absence"))
        with session_scope(connection.engine) as session:
            changed = proposing.extension(
                session,
                connection.rules(),
                by=by,
                staff_number=staff_number,
                last=last.date(),
                day=first_day(session, on),
                as_of=work_day(session, as_of),
            )
        _told(connection, changed, staff_number, as_json=as_json)


def _told(
    connection: Connection, changed: proposing.Changed, number: str, *, as_json: bool
) -> None:
    if changed.proposal is not None:
        told(connection, changed.proposal, as_json=as_json)
    elif as_json:
        print_json({"proposal": None, "back_on": changed.first.isoformat()})
    else:
        _ = connection.translate
        typer.echo(
            _(
                "%(number)s is back on %(day)s; no zone was covered meanwhile.",
                number=number,
                day=changed.first,
            )
        )


@app.command(help=gettext_noop("Show who was responsible for a premises on a day, or over time."))
def responsible(
    licence: Annotated[str, typer.Argument(help=gettext_noop("Licence of the premises."))],
    on: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help=gettext_noop("Day; left out: all days.")),
    ] = None,
    as_json: AsJson = False,
) -> None:
    with connected() as connection, session_scope(connection.engine) as session:
        _ = connection.translate
        found = responsibility.of_premises(session, licence, connection.rules())
    chosen = found.periods
    if on is not None:
        had = found.on(on.date())
        chosen = () if had is None else (had,)
    if as_json:
        print_json({**found.to_dict(), "periods": [one.to_dict() for one in chosen]})
        return
    print_table(
        _("Who was responsible for %(licence)s %(name)s", licence=licence, name=found.name),
        (
            *(_("First day"), _("Last day"), _("Cell"), _("Zone"), _("Responsible inspector")),
            *(_("Deputies"), _("Acting")),
        ),
        [_row(one, _) for one in chosen],
    )
    if found.reason is not None:
        typer.echo(_(found.reason))


def _row(one: Responsibility, _: Translator) -> tuple[Any, ...]:
    def named(who: Holder | None) -> str:
        if who is None:
            return _("nobody")
        return f"{who.staff_number} {who.name}" + (f" ({_('on leave')})" if who.on_leave else "")

    days = [None if day is None else str(day) for day in (one.first, one.last)]
    deputies = ", ".join(named(who) for who in one.deputies)
    responsible = named(one.responsible)
    if one.recused is not None:
        responsible = _(
            "%(name)s, for %(recused)s, who is recused",
            name=responsible,
            recused=f"{one.recused.staff_number} {one.recused.name}",
        )
    return (*days, one.cell, one.zone, responsible, deputies, named(one.acting))

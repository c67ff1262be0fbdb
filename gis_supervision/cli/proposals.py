"""Commands for proposals: make, look at, decide."""

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy.orm import Session

from gis_supervision import messages
from gis_supervision.assignment import proposals as makers
from gis_supervision.assignment import proposing
from gis_supervision.cli.connection import Connection, connected
from gis_supervision.cli.terminal import SEVERITIES, AsJson, print_json, print_table, progress
from gis_supervision.domain.proposals import Kind, State
from gis_supervision.errors import InvalidInputError
from gis_supervision.language import Translator, gettext_noop
from gis_supervision.rendering import basemap, map_report
from gis_supervision.storage import proposal_decisions, proposals, register, supersessions
from gis_supervision.storage.database import session_scope
from gis_supervision.storage.proposal_decisions import Decision

app = typer.Typer(
    no_args_is_help=True,
    help=gettext_noop("Proposals to change zones or responsibilities: make, show, decide."),
)

KINDS = {
    "redesign": gettext_noop("all zones anew"),
    "repair": gettext_noop("zones balanced again"),
    "absence": gettext_noop("absence covered"),
    "assignment": gettext_noop("other people responsible"),
    "move": gettext_noop("cells moved"),
    "return": gettext_noop("back early from an absence"),
}
"""What people call the kinds of proposals."""

STATES = {
    "open": gettext_noop("open"),
    "accepted": gettext_noop("accepted"),
    "rejected": gettext_noop("rejected"),
    "withdrawn": gettext_noop("withdrawn"),
    "superseded": gettext_noop("superseded"),
    "undone": gettext_noop("undone"),
}
"""What people call the states of proposals."""

Number = Annotated[int, typer.Argument(help=gettext_noop("Number of the proposal."))]
By = Annotated[str, typer.Option("--by", help=gettext_noop("Who does it."))]
FirstDay = Annotated[
    datetime | None,
    typer.Option("--first", formats=["%Y-%m-%d"], help=gettext_noop("First day; left out: today.")),
]
WorkOf = Annotated[
    datetime | None,
    typer.Option(
        formats=["%Y-%m-%d"],
        help=gettext_noop("Day whose premises and hazards make the work; left out: the report's."),
    ),
]
Pinned = Annotated[
    list[str] | None,
    typer.Option("--pin", help=gettext_noop("Code of a cell that stays in its zone.")),
]
Seed = Annotated[int, typer.Option(min=0, help=gettext_noop("Seed of the search."))]


def first_day(session: Session, given: datetime | None) -> date:
    """Return the first day of a change: the given one, else today."""
    return given.date() if given else proposal_decisions.today(session)


def work_day(session: Session, given: datetime | None) -> date:
    """Return the day whose premises and hazards make the work."""
    return given.date() if given else register.default_as_of(session)


@app.command("list", help=gettext_noop("List the proposals, the newest first."))
def list_(
    state: Annotated[
        State | None, typer.Option(help=gettext_noop("Only those in this state."))
    ] = None,
    kind: Annotated[
        Kind | None, typer.Option(help=gettext_noop("Only those of this kind."))
    ] = None,
    as_json: AsJson = False,
) -> None:
    with connected() as connection, session_scope(connection.engine) as session:
        _ = connection.translate
        rows = proposals.listed(session, state=state, kind=kind)
    if as_json:
        print_json([row.to_dict() for row in rows])
        return
    print_table(
        _("Proposals"),
        (
            *(_("No."), _("Kind"), _("State"), _("Made by"), _("First day"), _("Last day")),
            *(_("Cells moved"), _("Premises moved"), _("Hazards carried along")),
        ),
        [
            (
                *(str(row.id), _(KINDS[row.kind]), _(STATES[row.state]), row.made_by),
                *(row.effective_on or row.first, row.last),
                *(row.summary["cells_moved"], row.summary["premises_moved"]),
                row.summary["hazards"]["total"],
            )
            for row in rows
        ],
    )


@app.command(help=gettext_noop("Show what a proposal changes and what was decided on it."))
def show(number: Number, as_json: AsJson = False) -> None:
    with connected() as connection, session_scope(connection.engine) as session:
        _ = connection.translate
        if as_json:
            print_json(proposals.described(session, number))
            return
        _print(session, number, _)


@app.command(help=gettext_noop("Propose to balance the zones again, with few cells moved."))
def repair(
    by: By,
    tolerance: Annotated[
        float, typer.Option(min=0, max=1, help=gettext_noop("Largest share off the mean workload."))
    ] = makers.REPAIR_TOLERANCE,
    pin: Pinned = None,
    first: FirstDay = None,
    as_of: WorkOf = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    with connected() as connection, progress() as advance:
        _ = connection.translate
        advance(_("Balancing zones"))
        with session_scope(connection.engine) as session:
            number = proposing.repair(
                session,
                connection.rules(),
                by=by,
                first=first_day(session, first),
                as_of=work_day(session, as_of),
                tolerance=tolerance,
                seed=seed,
                pinned=pin or (),
            )
        told(connection, number, as_json=as_json)


@app.command(help=gettext_noop("Propose to move cells to another zone."))
def move(
    cells: Annotated[list[str], typer.Argument(help=gettext_noop("Codes of the cells."))],
    to: Annotated[str, typer.Option(help=gettext_noop("Code of the zone."))],
    by: By,
    first: FirstDay = None,
    as_of: WorkOf = None,
    as_json: AsJson = False,
) -> None:
    with connected() as connection:
        with session_scope(connection.engine) as session:
            number = proposing.move(
                session,
                connection.rules(),
                by=by,
                first=first_day(session, first),
                as_of=work_day(session, as_of),
                cells=cells,
                zone=to,
            )
        told(connection, number, as_json=as_json)


@app.command(help=gettext_noop("Propose other responsible inspectors, by hand or by matching."))
def assign(
    by: By,
    responsible: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="ZONE=STAFF_NUMBER...",
            help=gettext_noop(
                "Who gets which zone; nothing after the sign: nobody. Left out: all zones are"
                " matched to all inspectors."
            ),
        ),
    ] = None,
    first: FirstDay = None,
    as_of: WorkOf = None,
    as_json: AsJson = False,
) -> None:
    wanted = dict(_pair(text) for text in responsible or ())
    with connected() as connection:
        with session_scope(connection.engine) as session:
            number = proposing.assignment(
                session,
                connection.rules(),
                by=by,
                first=first_day(session, first),
                as_of=work_day(session, as_of),
                responsible=wanted,
            )
        told(connection, number, as_json=as_json)


@app.command(help=gettext_noop("Accept a proposal: it is in force from a day on."))
def accept(
    number: Number,
    by: By,
    effective_on: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help=gettext_noop("First day; left out: that of the proposal, or today."),
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help=gettext_noop("Take a day before today (with --reason)."))
    ] = False,
    reason: Annotated[str | None, typer.Option(help=gettext_noop("Why."))] = None,
    as_json: AsJson = False,
) -> None:
    with connected() as connection:
        with session_scope(connection.engine) as session:
            decision = proposal_decisions.accept(
                session,
                number,
                by=by,
                effective_on=effective_on.date() if effective_on else None,
                force=force,
                reason=reason,
            )
        _decided(connection, decision, as_json=as_json)


@app.command(help=gettext_noop("Reject an open proposal."))
def reject(
    number: Number,
    by: By,
    reason: Annotated[str, typer.Option(help=gettext_noop("Why."))],
    as_json: AsJson = False,
) -> None:
    with connected() as connection:
        with session_scope(connection.engine) as session:
            decision = proposal_decisions.reject(session, number, by=by, reason=reason)
        _decided(connection, decision, as_json=as_json)


@app.command(help=gettext_noop("Restore what was in force before a proposal was accepted."))
def undo(
    number: Number,
    by: By,
    reason: Annotated[
        str | None, typer.Option(help=gettext_noop("Why; needed once it is in effect."))
    ] = None,
    as_json: AsJson = False,
) -> None:
    with connected() as connection:
        with session_scope(connection.engine) as session:
            decision = proposal_decisions.undo(session, number, by=by, reason=reason)
        _decided(connection, decision, as_json=as_json)


@app.command(help=gettext_noop("Take an open proposal back, with the leave recorded with it."))
def withdraw(
    number: Number,
    by: By,
    reason: Annotated[str | None, typer.Option(help=gettext_noop("Why."))] = None,
    as_json: AsJson = False,
) -> None:
    with connected() as connection:
        with session_scope(connection.engine) as session:
            decision = proposal_decisions.withdraw(session, number, by=by, reason=reason)
        _decided(connection, decision, as_json=as_json)


@app.command("map", help=gettext_noop("Write the map before and after a proposal as one file."))
def map_(
    number: Number,
    output: Annotated[Path, typer.Option(help=gettext_noop("File to write."))],
    as_json: AsJson = False,
) -> None:
    with connected() as connection:
        _ = connection.translate
        with session_scope(connection.engine) as session:
            proposals.find(session, number)
        map_report.write(
            output,
            connection.reader,
            connection.catalogue(),
            "proposal",
            parameters={"proposal": number},
            language=connection.settings.language,
            basemap=basemap.from_settings(connection.settings),
        )
    if as_json:
        print_json({"proposal": number, "file": output, "bytes": output.stat().st_size})
    else:
        typer.echo(_("The map is in %(file)s: open it in a browser.", file=output))


def told(connection: Connection, number: int, *, as_json: bool) -> None:
    """Print a proposal that was just made."""
    with session_scope(connection.engine) as session:
        if as_json:
            print_json(proposals.find(session, number).to_dict())
            return
        _print(session, number, connection.translate)
    _ = connection.translate
    typer.echo(
        _(
            "To put it in force: gis-supervision proposals accept %(number)d --by NAME",
            number=number,
        )
    )


def _print(session: Session, number: int, _: Translator) -> None:
    found = proposals.find(session, number)
    told_of = found.summary
    before, after, hazards = told_of["before"], told_of["after"], told_of["hazards"]
    print_table(
        _(
            "Proposal %(number)d: %(kind)s, %(state)s",
            number=found.id,
            kind=_(KINDS[found.kind]),
            state=_(STATES[found.state]),
        ),
        (_("What"), _("Value")),
        [
            (_("Made by"), found.made_by),
            (_("Absent"), found.absent),
            (_("First day"), str(found.effective_on or found.first)),
            (_("Last day"), None if found.last is None else str(found.last)),
            (_("Cells moved"), told_of["cells_moved"]),
            (_("Premises moved"), told_of["premises_moved"]),
            (
                _("Largest distance from the mean, %"),
                f"{100 * before['imbalance']:.1f} → {100 * after['imbalance']:.1f}",
            ),
            (_("Disconnected pieces"), f"{before['parts']} → {after['parts']}"),
            (
                _("Mean distance to the middle, m"),
                f"{before['distance_m']:,.0f} → {after['distance_m']:,.0f}",
            ),
            (_("Hazards carried along"), hazards["total"]),
            *((f"  {_(title)}", hazards[severity]) for severity, title in SEVERITIES.items()),
            (_("Overdue among them"), hazards["overdue"]),
            (_("Nearest due day"), hazards["nearest_due_on"]),
        ],
    )
    print_table(
        _("Zones concerned"),
        (_("Zone"), _("Before"), _("After"), _("Hours before"), _("Hours after")),
        [
            (
                row["code"],
                row["acting_before"],
                row["acting_after"],
                row["hours_before"],
                row["hours_after"],
            )
            for row in proposals.zones(session, number)
            if row["concerned"]
        ],
    )
    if taken := told_of.get("substitutes"):
        print_table(
            _("Premises that others take, as the inspector of the zone is recused"),
            (_("Zone"), _("Licence"), _("Premises"), _("Recused"), _("Taken by")),
            [
                (
                    row["zone"],
                    row["licence"],
                    row["premises"],
                    f"{row['recused']} {row['recused_name']}",
                    _("nobody")
                    if row["substitute"] is None
                    else f"{row['substitute']} {row['substitute_name']}",
                )
                for row in taken
            ],
        )
    for note in told_of["notes"]:
        message = note["message"]
        typer.echo(_(message) % note["values"])
    print_table(
        _("Decisions"),
        (_("When"), _("State"), _("By"), _("Effective on"), _("Reason")),
        [
            (
                f"{event.happened_at:%Y-%m-%d %H:%M}",
                _(STATES[event.to_state]),
                event.actor,
                None if event.effective_on is None else str(event.effective_on),
                messages.told(supersessions.kept(event.reason), _),
            )
            for event in proposals.history(session, number)
        ],
    )


def _decided(connection: Connection, decision: Decision, *, as_json: bool) -> None:
    _ = connection.translate
    if as_json:
        print_json(decision.to_dict())
        return
    typer.echo(
        _(
            "Proposal %(number)d is %(state)s.",
            number=decision.proposal,
            state=_(STATES[decision.state]),
        )
    )
    if decision.effective_on is not None:
        typer.echo(_("In force from %(day)s.", day=decision.effective_on))
    if decision.superseded:
        others = ", ".join(map(str, decision.superseded))
        typer.echo(_("Superseded by it: %(numbers)s.", numbers=others))


def _pair(text: str) -> tuple[str, str | None]:
    zone, separator, staff_number = text.partition("=")
    if not separator or not zone:
        raise InvalidInputError("%(text)s: expected ZONE=STAFF_NUMBER", text=text)
    return zone, staff_number or None

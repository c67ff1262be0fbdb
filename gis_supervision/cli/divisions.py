"""Commands for divisions: codes and their history, other administrations, approximate locations."""

from datetime import datetime
from typing import Annotated

import typer

from gis_supervision.cli.connection import connected
from gis_supervision.cli.terminal import AsJson, print_json, print_table, progress
from gis_supervision.domain.inspectors import language_code
from gis_supervision.errors import InvalidInputError
from gis_supervision.language import gettext_noop
from gis_supervision.storage import divisions, geocodes, inspectors
from gis_supervision.storage.database import session_scope

app = typer.Typer(no_args_is_help=True, help=gettext_noop("Divisions and their codes."))

Code = Annotated[str, typer.Argument(help=gettext_noop("Division code of any time."))]
AsOf = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help=gettext_noop("Day; left out: today.")),
]


@app.command("list", help=gettext_noop("List the divisions that have a code on a day."))
def list_(
    level: Annotated[
        str | None, typer.Option(help=gettext_noop("county, township, village or neighbourhood."))
    ] = None,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    with connected() as connection, session_scope(connection.engine) as session:
        _ = connection.translate
        rows = divisions.on(session, as_of.date() if as_of else None, level=level)
    if as_json:
        print_json([row.to_dict() for row in rows])
        return
    print_table(
        _("Divisions"),
        (_("Code"), _("Name"), _("Level"), _("Other administration"), _("Outline")),
        [
            (
                row.code,
                row.name,
                row.level,
                _("yes") if row.external else _("no"),
                _("yes") if row.has_outline else _("no"),
            )
            for row in rows
        ],
    )


@app.command(help=gettext_noop("Show the division of a code, its code on a day, and its history."))
def show(code: Code, as_of: AsOf = None, as_json: AsJson = False) -> None:
    with connected() as connection, session_scope(connection.engine) as session:
        _ = connection.translate
        found = divisions.find(session, code, as_of=as_of.date() if as_of else None)
        periods = divisions.history(session, code)
    if as_json:
        codes = [
            {
                "code": period.code,
                "valid_from": period.valid_from,
                "valid_to": period.valid_to,
                "successor": period.successor,
            }
            for period in periods
        ]
        print_json({**found.to_dict(), "codes": codes})
        return
    print_table(
        f"{found.name} {found.code or ''}",
        (_("Code"), _("Valid from"), _("Valid to"), _("Successor")),
        [(p.code, p.valid_from, p.valid_to, p.successor) for p in periods],
    )


@app.command(help=gettext_noop("Give a division a new code from a day on."))
def succeed(
    code: Code,
    successor: Annotated[str, typer.Argument(help=gettext_noop("The new code."))],
    succeeded_on: Annotated[
        datetime,
        typer.Option("--on", formats=["%Y-%m-%d"], help=gettext_noop("First day of the new code.")),
    ],
    below: Annotated[
        bool,
        typer.Option(
            "--below/--alone",
            help=gettext_noop("Whether the codes of the divisions below change too."),
        ),
    ] = True,
    as_json: AsJson = False,
) -> None:
    with connected() as connection, session_scope(connection.engine) as session:
        _ = connection.translate
        changed = divisions.succeed(
            session, code, successor, succeeded_on=succeeded_on.date(), below=below
        )
    if as_json:
        print_json([{"code": old, "successor": new} for old, new in changed])
        return
    print_table(_("Codes that changed"), (_("Code"), _("Successor")), changed)


@app.command(help=gettext_noop("Say in which languages businesses of a division are spoken to."))
def languages(
    code: Annotated[str, typer.Argument(help=gettext_noop("Division code of any time."))],
    spoken: Annotated[
        list[str] | None,
        typer.Argument(
            help=gettext_noop("Codes such as zh, ug, kk; none: as in the division above.")
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    wanted = sorted({language_code(text) for text in spoken or []})
    with connected() as connection, session_scope(connection.engine) as session:
        _ = connection.translate
        found = divisions.find(session, code)
        inspectors.speak(session, found.id, wanted)
    if as_json:
        print_json({"code": found.code, "name": found.name, "languages": wanted})
    else:
        typer.echo(
            _(
                "%(name)s: %(languages)s",
                name=found.name,
                languages=", ".join(wanted) or _("as in the division above"),
            )
        )


@app.command(help=gettext_noop("Mark divisions of another administration; without codes: suggest."))
def external(
    codes: Annotated[
        list[str] | None, typer.Argument(help=gettext_noop("Division codes of any time."))
    ] = None,
    off: Annotated[bool, typer.Option("--off", help=gettext_noop("Take the mark away."))] = False,
    suggested: Annotated[
        bool, typer.Option("--suggested", help=gettext_noop("Mark all that are suggested."))
    ] = False,
    as_json: AsJson = False,
) -> None:
    if codes and suggested:
        raise InvalidInputError("divisions external: give either codes or --suggested")
    with connected() as connection, session_scope(connection.engine) as session:
        _ = connection.translate
        suggestions = [] if codes else divisions.suggest_external(session)
        chosen = list(codes or [])
        if suggested:
            chosen = [suggestion.code for suggestion in suggestions]
        names = divisions.mark_external(session, chosen, external=not off)
    if as_json:
        print_json(
            {
                "marked": chosen,
                "suggested": [] if suggested else [one.to_dict() for one in suggestions],
            }
        )
        return
    if chosen or suggested:
        print_table(
            _("No longer of another administration") if off else _("Of another administration"),
            (_("Code"), _("Name")),
            list(zip(chosen, names, strict=True)),
        )
        return
    print_table(
        _("Probably of another administration"),
        (_("Code"), _("Name"), _("Level")),
        [(one.code, one.name, one.level) for one in suggestions],
    )


@app.command(
    help=gettext_noop("Give premises without a point the middle of their division, as approximate.")
)
def geocode(
    by_name: Annotated[
        bool,
        typer.Option(
            "--names/--no-names",
            help=gettext_noop("Whether names of divisions are looked for in addresses."),
        ),
    ] = True,
    coarsest: Annotated[
        str,
        typer.Option(help=gettext_noop("Coarsest level whose middle may stand for a premises.")),
    ] = "county",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help=gettext_noop("Count; write nothing."))
    ] = False,
    undo: Annotated[
        bool, typer.Option("--undo", help=gettext_noop("Take approximate locations back."))
    ] = False,
    as_json: AsJson = False,
) -> None:
    with connected() as connection:
        _ = connection.translate
        if undo:
            with session_scope(connection.engine) as session:
                count = geocodes.clear(session)
            if as_json:
                print_json({"cleared": count})
            else:
                typer.echo(_("%(count)d premises have no point again.", count=count))
            return
        with progress() as advance, session_scope(connection.engine) as session:
            advance(_("Looking for divisions"), None)
            done = geocodes.geocode(session, by_name=by_name, coarsest=coarsest, dry_run=dry_run)
    if as_json:
        print_json(done.to_dict())
        return
    print_table(
        _("Premises without a point"),
        (_("What"), _("Number")),
        [
            (_("Looked at"), done.considered),
            (_("Located approximately by division code"), done.by_code),
            (_("Located approximately by name in the address"), done.by_name),
            (_("Address names several divisions"), done.ambiguous),
            (_("Division has no outline that is fine enough"), done.too_coarse),
            (_("No division known"), done.unknown),
        ],
    )

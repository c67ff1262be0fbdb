"""Commands for random draws: double random, one public."""

import getpass
import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from gis_supervision import settings as configuration
from gis_supervision.assignment import draw_record, drawing, substitution
from gis_supervision.cli.connection import connected
from gis_supervision.cli.draw_lists import app as exclude
from gis_supervision.cli.draw_output import print_draw, print_prospect, state, yes
from gis_supervision.cli.terminal import AsJson, print_json, print_table
from gis_supervision.domain import verify_draw
from gis_supervision.domain.draws import METHODS
from gis_supervision.errors import InvalidInputError
from gis_supervision.language import gettext_noop, translator
from gis_supervision.rendering import draw_bundle
from gis_supervision.storage import draws, register
from gis_supervision.storage.database import session_scope

app = typer.Typer(
    no_args_is_help=True, help=gettext_noop("Random draws: double random, one public.")
)
app.add_typer(exclude, name="exclude")

Draw = Annotated[str, typer.Argument(help=gettext_noop("Name or number of the draw."))]
By = Annotated[
    str | None, typer.Option(help=gettext_noop("Who does this; left out: the login name."))
]
Randomness = typer.Option(
    help=gettext_noop("Source of the seed, and how it is written: 'welfare lottery of …'.")
)
KnownFrom = typer.Option(help=gettext_noop("When the source publishes it: 2026-07-01T21:30+08:00."))


@app.command(help=gettext_noop("Plan a draw; with --randomness and --known-from commit to it too."))
def plan(
    name: Annotated[str, typer.Argument(help=gettext_noop("Name of the plan."))],
    day: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help=gettext_noop("First day of the visits.")),
    ] = None,
    division: Annotated[str | None, typer.Option(help=gettext_noop("Code of a division."))] = None,
    zone: Annotated[str | None, typer.Option(help=gettext_noop("Code of a zone."))] = None,
    category: Annotated[
        list[str] | None, typer.Option(help=gettext_noop("Category; may be repeated."))
    ] = None,
    risk_class: Annotated[
        list[str] | None, typer.Option(help=gettext_noop("Food-risk class; may be repeated."))
    ] = None,
    channel: Annotated[
        str | None, typer.Option(help=gettext_noop("Channel of the visits: on_site or online."))
    ] = None,
    ratio: Annotated[
        list[str] | None,
        typer.Option(help=gettext_noop("Share of a credit class, such as none=0.02.")),
    ] = None,
    ratio_set: Annotated[
        str | None, typer.Option(help=gettext_noop("Set of ratios in the rule pack."))
    ] = None,
    reserve: Annotated[
        float, typer.Option(min=0, help=gettext_noop("Reserves for each premises drawn."))
    ] = drawing.RESERVE_RATIO,
    method: Annotated[
        str, typer.Option(help=gettext_noop("ticket, rfc3797 or rivest."))
    ] = "ticket",
    days: Annotated[
        int,
        typer.Option(
            min=1, max=drawing.MOST_DAYS, help=gettext_noop("Days that the visits may take.")
        ),
    ] = drawing.PERIOD_DAYS,
    most: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=drawing.MOST_VISITS,
            help=gettext_noop("Visits of an inspector at most."),
        ),
    ] = None,
    unannounced: Annotated[
        bool,
        typer.Option(
            "--unannounced", help=gettext_noop("Nothing but a digest is public before the result.")
        ),
    ] = False,
    inspectors: Annotated[
        str, typer.Option(help=gettext_noop("Public of inspectors: names, numbers or hidden."))
    ] = "numbers",
    randomness: Annotated[str | None, Randomness] = None,
    known_from: Annotated[str | None, KnownFrom] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help=gettext_noop("Only look what it would draw from."))
    ] = False,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    _one_of("method", method, METHODS)
    _one_of("channel", channel, (None, "on_site", "online"))
    _one_of("inspectors", inspectors, ("names", "numbers", "hidden"))
    if (randomness is None) != (known_from is None):
        raise InvalidInputError("--randomness and --known-from go together")
    with connected() as connection, session_scope(connection.engine) as session:
        rules = connection.rules()
        wish = drawing.Wish(
            name=name,
            day=day.date() if day else register.current_day(session),
            scope=drawing.Scope(division, zone, tuple(category or ()), tuple(risk_class or ())),
            method=method,
            channel=channel,
            ratio_set=ratio_set,
            ratios=_ratios(ratio or []),
            reserve_ratio=reserve,
            period_days=days,
            most_visits=most,
            unannounced=unannounced,
            inspectors=inspectors,
        )
        prospect = drawing.prospect(session, rules, wish)
        told: dict[str, Any] = {"name": name, "state": None}
        if not dry_run:
            record = drawing.plan(session, rules, wish, by=getpass.getuser() if by is None else by)
            if randomness is not None and known_from is not None:
                record = drawing.commit(
                    session,
                    rules,
                    record.plan.id,
                    randomness=randomness,
                    seed_known_from=_moment(known_from),
                    by=getpass.getuser() if by is None else by,
                )
            told = draw_record.office(session, record)
        told["prospect"] = prospect
    if as_json:
        print_json(told)
        return
    print_prospect(connection.translate, told, prospect)


@app.command(help=gettext_noop("Fix list and quotas of a plan, before the seed can be known."))
def commit(
    draw: Draw,
    randomness: Annotated[str, Randomness],
    known_from: Annotated[str, KnownFrom],
    by: By = None,
    as_json: AsJson = False,
) -> None:
    with connected() as connection, session_scope(connection.engine) as session:
        record = drawing.commit(
            session,
            connection.rules(),
            draw,
            randomness=randomness,
            seed_known_from=_moment(known_from),
            by=getpass.getuser() if by is None else by,
        )
        told = draw_record.office(session, record)
    print_draw(connection.translate, told, as_json=as_json)


@app.command(help=gettext_noop("Enter the seed, which carries the draw out."))
def seed(
    draw: Draw,
    value: Annotated[str, typer.Argument(help=gettext_noop("The seed as text."))],
    source_value: Annotated[
        str | None,
        typer.Option(help=gettext_noop("What the source published; left out: the seed.")),
    ] = None,
    listed: Annotated[
        Path | None,
        typer.Option("--list", help=gettext_noop("The published list, to hold against ours.")),
    ] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    with connected() as connection, session_scope(connection.engine) as session:
        record = drawing.enter_seed(
            session,
            draw,
            value,
            source_value=source_value or value,
            by=getpass.getuser() if by is None else by,
            listed=None if listed is None else _read(listed),
        )
        told = draw_record.office(session, record)
    print_draw(connection.translate, told, as_json=as_json)


@app.command(help=gettext_noop("Let the next reserve stand for what cannot be inspected."))
def substitute(
    draw: Draw,
    licence: Annotated[
        str, typer.Argument(help=gettext_noop("Licence of what cannot be inspected."))
    ],
    reason: Annotated[
        str, typer.Option(help=gettext_noop("Why; public with the result: 'closed for good'."))
    ],
    day: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help=gettext_noop("First day of the visit, for leave and recusal; left out: today."),
        ),
    ] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    with connected() as connection, session_scope(connection.engine) as session:
        record = substitution.substitute(
            session,
            draw,
            licence,
            reason=reason,
            by=getpass.getuser() if by is None else by,
            day=day.date() if day else None,
        )
        told = draw_record.office(session, record)
    print_draw(connection.translate, told, as_json=as_json)


@app.command(help=gettext_noop("Show the premises drawn with their pairs of inspectors."))
def result(draw: Draw, as_json: AsJson = False) -> None:
    with connected() as connection, session_scope(connection.engine) as session:
        record = draws.find(session, draw)
        record.drawn()
        told = draw_record.office(session, record)
    print_draw(connection.translate, told, as_json=as_json)


@app.command(
    help=gettext_noop("Make the result public; --output writes what anyone needs to check it.")
)
def publish(
    draw: Draw,
    output: Annotated[
        Path | None, typer.Option(help=gettext_noop("Folder, or a file that ends in .zip."))
    ] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    with connected() as connection, session_scope(connection.engine) as session:
        record = drawing.publish(session, draw, by=getpass.getuser() if by is None else by)
        told = draw_record.public(session, record)
        if output is not None:
            made = substitution.published(session, record)
            told["bundle"] = str(draw_bundle.write(record, output, made))
    print_draw(connection.translate, told, as_json=as_json)


@app.command(help=gettext_noop("Write list, commitment, transcript and verifier of a draw."))
def bundle(
    draw: Draw,
    output: Annotated[
        Path, typer.Option(help=gettext_noop("Folder, or a file that ends in .zip."))
    ],
    as_json: AsJson = False,
) -> None:
    with connected() as connection, session_scope(connection.engine) as session:
        _ = connection.translate
        record = draws.find(session, draw)
        place = draw_bundle.write(record, output, substitution.published(session, record))
        told = {"name": record.plan.name, "bundle": str(place)}
    if as_json:
        print_json(told)
        return
    typer.echo(_("%(place)s: check it with python verify_draw.py", place=place))


@app.command(help=gettext_noop("Check a published draw; needs no database."))
def verify(
    place: Annotated[Path, typer.Argument(help=gettext_noop("Folder, ZIP file or transcript."))],
    listed: Annotated[
        Path | None, typer.Argument(help=gettext_noop("The list, beside a transcript."))
    ] = None,
    commitment: Annotated[
        str | None, typer.Option(help=gettext_noop("SHA-256 as it was published beforehand."))
    ] = None,
    seed_value: Annotated[
        str | None,
        typer.Option("--seed", help=gettext_noop("The seed as its source published it.")),
    ] = None,
    substitutions: Annotated[
        str | None,
        typer.Option(
            help=gettext_noop("SHA-256 of the latest substitution as published; '-' for none.")
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    _ = translator(configuration.load().language)
    try:
        transcript, list_data, commitment_data = verify_draw.published_files(place, listed)
        substitutions_data = verify_draw.published_substitutions(place)
    except verify_draw.DrawError as error:
        raise InvalidInputError.told(error) from error
    problems = verify_draw.findings(
        transcript,
        list_data,
        commitment_data=commitment_data,
        commitment_sha256=commitment,
        seed=seed_value,
        substitutions_data=substitutions_data,
        substitutions_sha256=substitutions,
    )
    if as_json:
        print_json({"verified": not problems, "problems": [str(one) for one in problems]})
    elif problems:
        for problem in problems:
            said = InvalidInputError.told(problem).translated(_)
            typer.echo(_("Wrong: %(problem)s", problem=said))
    else:
        made = json.loads(transcript)
        typer.echo(
            _(
                "Verified: %(plan)s. Commitment %(digest)s, seed %(seed)s.",
                plan=made["commitment"]["plan"],
                digest=made["commitment_sha256"],
                seed=made["seed"],
            )
        )
        records = json.loads(substitutions_data)["substitutions"] if substitutions_data else []
        latest = records[-1]["sha256"] if records else verify_draw.NO_SUBSTITUTION
        typer.echo(
            _("Substitutions: %(count)s, SHA-256 %(digest)s.", count=len(records), digest=latest)
        )
        if None in (commitment, seed_value, substitutions):
            typer.echo(
                _("Compare all three with what the office and the source of the seed published.")
            )
    if problems:
        sys.exit(1)


@app.command("list", help=gettext_noop("List the draws."))
def list_(as_json: AsJson = False) -> None:
    with connected() as connection, session_scope(connection.engine) as session:
        _ = connection.translate
        rows = [
            {
                "id": record.plan.id,
                "name": record.plan.name,
                "as_of": record.plan.planned_on.isoformat(),
                "state": record.state,
                "unannounced": record.plan.unannounced,
                "commitment_sha256": record.commitment and record.commitment.sha256,
            }
            for record in draws.all_of(session)
        ]
    if as_json:
        print_json(rows)
        return
    print_table(
        _("Draws"),
        (_("No."), _("Name"), _("Day"), _("State"), _("Unannounced")),
        [
            (
                str(r["id"]),
                r["name"],
                r["as_of"],
                state(_, r),
                yes(_, r["unannounced"]),
            )
            for r in rows
        ],
    )


@app.command(help=gettext_noop("Show a draw; --public what the public sees."))
def show(
    draw: Draw,
    public: Annotated[
        bool, typer.Option("--public", help=gettext_noop("What the public sees now."))
    ] = False,
    as_json: AsJson = False,
) -> None:
    with connected() as connection, session_scope(connection.engine) as session:
        record = draws.find(session, draw)
        tell = draw_record.public if public else draw_record.office
        told = tell(session, record)
    print_draw(connection.translate, told, as_json=as_json)


def _ratios(given: list[str]) -> dict[str, float]:
    ratios = {}
    for text in given:
        stratum, _, share = text.rpartition("=")
        try:
            ratios[stratum] = float(share)
        except ValueError:
            stratum = ""
        if not stratum or not 0 <= ratios[stratum] <= 1:
            raise InvalidInputError(
                "--ratio %(text)r: expected a class and a share from 0 to 1: none=0.02", text=text
            )
    return ratios


def _one_of(name: str, value: object, allowed: Any) -> None:
    if value not in allowed:
        known = ", ".join(str(one) for one in allowed if one is not None)
        raise InvalidInputError(
            "--%(name)s %(value)r: expected one of %(known)s", name=name, value=value, known=known
        )


def _moment(text: str) -> datetime:
    try:
        return verify_draw.moment(text, "--known-from")
    except verify_draw.DrawError as error:
        raise InvalidInputError(
            "%(error)s; expected such as 2026-07-01T21:30+08:00", error=error
        ) from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInputError(
            "%(path)s: cannot be read: %(reason)s", path=path, reason=error.strerror
        ) from error

"""Commands for zones."""

from datetime import datetime, timedelta
from typing import Annotated

import typer

from gis_supervision.assignment import candidates as matching
from gis_supervision.assignment import design as designing
from gis_supervision.assignment import proposing
from gis_supervision.assignment.matching import PARTS, Matching, Weights
from gis_supervision.cli import responsibility
from gis_supervision.cli.connection import connected
from gis_supervision.cli.proposals import first_day, told
from gis_supervision.cli.terminal import AsJson, print_json, print_table, progress
from gis_supervision.errors import InvalidInputError
from gis_supervision.language import Translator, gettext_noop
from gis_supervision.storage import register, zones
from gis_supervision.storage.database import session_scope

app = typer.Typer(no_args_is_help=True, help=gettext_noop("Zones: design and show them."))
app.registered_commands += responsibility.app.registered_commands

Day = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help=gettext_noop("First day; left out: the report's day.")),
]


@app.command(
    help=gettext_noop(
        "Divide the grid into balanced zones: in force at once where there are none, else a"
        " proposal."
    )
)
def design(
    zone_count: Annotated[
        int | None,
        typer.Option(
            "--zones",
            min=1,
            help=gettext_noop("Number of zones; left out: as many as the work needs inspectors."),
        ),
    ] = None,
    capacity_hours: Annotated[
        float, typer.Option(min=1, help=gettext_noop("Hours an inspector works in a year."))
    ] = 1600.0,
    tolerance: Annotated[
        float,
        typer.Option(min=0, max=1, help=gettext_noop("Largest share off the mean workload.")),
    ] = designing.TOLERANCE,
    valid_from: Day = None,
    seed: Annotated[int, typer.Option(min=0, help=gettext_noop("Seed of the search."))] = 0,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace",
            help=gettext_noop("Take away zones that begin on that day or later."),
        ),
    ] = False,
    propose: Annotated[
        bool,
        typer.Option(
            "--propose", help=gettext_noop("Make a proposal, in no case zones that are in force.")
        ),
    ] = False,
    by: Annotated[
        str | None, typer.Option("--by", help=gettext_noop("Who proposes it; needed to propose."))
    ] = None,
    as_json: AsJson = False,
) -> None:
    with connected() as connection:
        _ = connection.translate
        rules = connection.rules()
        with progress() as advance, session_scope(connection.engine) as session:
            advance(_("Designing zones"))
            as_of = register.default_as_of(session)
            number = None
            if propose or zones.in_force(session):
                if by is None:
                    raise InvalidInputError(
                        "zones are in force: a new design is a proposal, expected who makes it"
                        " (--by NAME)"
                    )
                number = proposing.redesign(
                    session,
                    rules,
                    by=by,
                    first=first_day(session, valid_from),
                    as_of=as_of,
                    zone_count=zone_count,
                    capacity_hours=capacity_hours,
                    tolerance=tolerance,
                    seed=seed,
                )
        if number is not None:
            told(connection, number, as_json=as_json)
            return
        with session_scope(connection.engine) as session:
            made = designing.design(
                session,
                rules,
                as_of=as_of,
                valid_from=valid_from.date() if valid_from else as_of,
                zone_count=zone_count,
                capacity_hours=capacity_hours,
                tolerance=tolerance,
                seed=seed,
                replace=replace,
            )
    if as_json:
        print_json(made.to_dict())
        return
    print_table(
        _("Zones from %(day)s", day=made.valid_from),
        (_("What"), _("Value")),
        [
            (_("Zones"), len(made.zone_ids)),
            (_("Premises outside the grid"), made.premises_without_cell),
            (_("Hours a year"), float(made.zoning.loads.sum())),
            (_("Largest distance from the mean, %"), 100 * made.zoning.imbalance),
            (_("Disconnected pieces"), made.zoning.parts),
            (_("Mean distance to the middle, m"), made.zoning.distance),
        ],
    )
    for note in made.zoning.notes:
        typer.echo(note)


@app.command(help=gettext_noop("List the zones with inspector and workload."))
def show(
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help=gettext_noop("Day; left out: the report's day.")),
    ] = None,
    as_json: AsJson = False,
) -> None:
    with connected() as connection, session_scope(connection.engine) as session:
        _ = connection.translate
        day = as_of.date() if as_of else register.default_as_of(session)
        rows = zones.on(session, day)
    if as_json:
        print_json([row.to_dict() for row in rows])
        return
    print_table(
        _("Zones on %(day)s", day=day),
        (_("Zone"), _("Inspector"), _("Deputies"), _("Cells"), _("Premises"), _("Hours a year")),
        [
            (row.code, row.inspector, row.deputies, row.cells, row.premises, row.workload_hours)
            for row in rows
        ],
    )


@app.command(
    help=gettext_noop("Match zones to inspectors, with reasons; nothing is put in force by it.")
)
def match(
    valid_from: Day = None,
    to: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help=gettext_noop("Last day that leave is looked at for; left out: a year."),
        ),
    ] = None,
    deputies: Annotated[
        bool, typer.Option("--deputies", help=gettext_noop("Give every zone a deputy too."))
    ] = False,
    least_skilled: Annotated[
        float,
        typer.Option(
            min=0,
            max=1,
            help=gettext_noop("Share of a zone's hours that certificates must cover."),
        ),
    ] = 0.0,
    weight: Annotated[
        list[str] | None,
        typer.Option(help=gettext_noop("How much a part counts, such as distance=2.")),
    ] = None,
    zone: Annotated[
        str | None, typer.Option(help=gettext_noop("Show all candidates of this zone."))
    ] = None,
    count: Annotated[
        int | None,
        typer.Option(
            "--candidates", min=0, help=gettext_noop("Candidates in JSON; left out: all.")
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    weights = matching_weights(weight or [])
    with connected() as connection:
        _ = connection.translate
        rules = connection.rules()
        with progress() as advance, session_scope(connection.engine) as session:
            advance(_("Matching zones to inspectors"))
            as_of = register.default_as_of(session)
            day = valid_from.date() if valid_from else as_of
            result = matching.proposed(
                session,
                rules,
                as_of=as_of,
                day=day,
                end=None if to is None else to.date() + timedelta(days=1),
                weights=weights,
                deputies=deputies,
                least_skilled=least_skilled,
            )
    if as_json:
        print_json({"valid_from": day.isoformat(), **result.to_dict(count)})
        return
    if zone is not None:
        _print_candidates(result, zone, _)
        return
    print_table(
        _("Matching from %(day)s (not in force)", day=day),
        (_("Zone"), _("Inspector"), _("Deputy"), _("Cost"), _("Why")),
        [
            (
                one.zone,
                None if one.staff_number is None else f"{one.name} ({one.staff_number})",
                one.deputy,
                one.cost,
                one.reason.text(_),
            )
            for one in result.matches
        ],
    )
    typer.echo(
        _(
            "Zones without anybody: %(without)d. Inspectors without a zone: %(free)d.",
            without=len(result.without),
            free=len(result.free),
        )
    )


def matching_weights(texts: list[str]) -> Weights:
    """Read weights such as ``distance=2``.

    Raises
    ------
    InvalidInputError
        When one is not NAME=NUMBER or the name is none of a part of the cost.
    """
    chosen: dict[str, float] = {}
    for text in texts:
        name, _, number = text.partition("=")
        try:
            chosen[name] = float(number)
        except ValueError:
            raise InvalidInputError("--weight %(text)s: expected NAME=NUMBER", text=text) from None
        if name not in PARTS:
            raise InvalidInputError(
                "--weight %(text)s: expected one of %(parts)s", text=text, parts=", ".join(PARTS)
            )
    return Weights(**chosen)


def _print_candidates(result: Matching, zone: str, _: Translator) -> None:
    found = [one.zone_id for one in result.matches if one.zone == zone]
    if not found:
        raise InvalidInputError(
            "--zone %(zone)s: expected one of %(matches)s",
            zone=zone,
            matches=", ".join(one.zone for one in result.matches),
        )
    print_table(
        _("Candidates for %(zone)s, the least cost first", zone=zone),
        (
            _("Inspector"),
            _("Cost"),
            _("Distance"),
            _("Skills"),
            _("Continuity"),
            _("Load"),
            _("Languages"),
            _("Recusal"),
            _("Outcome"),
        ),
        [
            (
                f"{one.name} ({one.staff_number})",
                one.cost,
                *(one.parts[part] for part in PARTS),
                one.reason.text(_),
            )
            for one in result.candidates(found[0])
        ],
    )

"""Commands for days: plan routes, show them, write them into files, load roads."""

from __future__ import annotations

import getpass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from gis_supervision.assignment import day_planning, drawn_stops, routing
from gis_supervision.assignment.route_reasons import REASONS, Reason
from gis_supervision.cli.connection import connected
from gis_supervision.cli.terminal import AsJson, print_json, print_table, progress
from gis_supervision.errors import InvalidInputError
from gis_supervision.importing import road_lines
from gis_supervision.language import gettext_noop, translator
from gis_supervision.rendering import route_files, route_map, tables
from gis_supervision.rendering.basemap import from_settings
from gis_supervision.storage import day_plans, roads
from gis_supervision.storage.database import session_scope
from gis_supervision.storage.day_plans import clock

app = typer.Typer(
    no_args_is_help=True,
    help=gettext_noop("Days: routes of inspectors, with their stops and times."),
)

Day = Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help=gettext_noop("First day."))]
Count = Annotated[int, typer.Option("--days", min=1, help=gettext_noop("Number of days."))]
Inspector = Annotated[
    str | None,
    typer.Option("--inspector", help=gettext_noop("Only the routes of this staff number.")),
]
Version = Annotated[
    int | None,
    typer.Option("--plan-version", help=gettext_noop("Left out: the plan that is in force.")),
]


@app.command(help=gettext_noop("Plan the routes of one or more days and keep the plan."))
def plan(
    first: Day,
    days: Count = 1,
    source: Annotated[
        list[str] | None,
        typer.Option(
            help=gettext_noop(
                "due, hazards, draw or none; several times: all of them. Default: due and hazards."
            )
        ),
    ] = None,
    draw: Annotated[
        list[str] | None,
        typer.Option(
            help=gettext_noop("Name or number of a draw, several times: all of them; source draw.")
        ),
    ] = None,
    stops: Annotated[
        Path | None,
        typer.Option(help=gettext_noop("CSV of further stops: licence, due_on, minutes, hours.")),
    ] = None,
    inspector: Annotated[
        list[str] | None,
        typer.Option(help=gettext_noop("Staff number; several times: all of them. Default: all.")),
    ] = None,
    office: Annotated[
        str | None, typer.Option(help=gettext_noop("Latitude,longitude of the office."))
    ] = None,
    from_office: Annotated[
        bool,
        typer.Option("--from-office", help=gettext_noop("Everybody begins and ends there.")),
    ] = False,
    weekends: Annotated[
        bool, typer.Option("--weekends", help=gettext_noop("Days off, too: weekends and holidays."))
    ] = False,
    division: Annotated[
        str | None,
        typer.Option(help=gettext_noop("Plan this division alone, beside plans of others.")),
    ] = None,
    zone: Annotated[
        list[str] | None,
        typer.Option(help=gettext_noop("Plan this zone; several times: all of them.")),
    ] = None,
    any_zone: Annotated[
        bool, typer.Option("--any-zone", help=gettext_noop("Visit other zones than one's own."))
    ] = False,
    matrix: Annotated[
        str, typer.Option(help=gettext_noop("straight_line, roads, or a CSV file of travel times."))
    ] = "straight_line",
    seed: Annotated[int, typer.Option(min=0, help=gettext_noop("Seed of the search."))] = 0,
    iterations: Annotated[
        int, typer.Option(min=0, help=gettext_noop("Rounds of the search."))
    ] = routing.ITERATIONS,
    max_seconds: Annotated[
        float | None, typer.Option(min=0.1, help=gettext_noop("Time limit of the search."))
    ] = None,
    by: Annotated[
        str | None, typer.Option(help=gettext_noop("Who does it; left out: the account's name."))
    ] = None,
    replace: Annotated[
        bool,
        typer.Option("--replace", help=gettext_noop("Replace the plan of these days.")),
    ] = False,
    as_json: AsJson = False,
) -> None:
    own = matrix not in {"straight_line", "roads"}
    with connected() as connection:
        _ = connection.translate
        with progress() as advance, session_scope(connection.engine) as session:
            advance(_("Planning routes"))
            request = day_planning.Request(
                first=first.date(),
                days=days,
                sources=_sources(source, draw),
                draws=tuple(draw or ()),
                wanted=() if stops is None else day_planning.stops_of_file(session, stops),
                only=tuple(inspector or ()),
                office=None if office is None else _point(office),
                from_office=from_office,
                weekends=weekends,
                any_zone=any_zone,
                division=division,
                zones=tuple(zone or ()),
                matrix="file" if own else matrix,
                matrix_file=Path(matrix) if own else None,
                seed=seed,
                iterations=iterations,
                max_seconds=max_seconds,
            )
            made = day_planning.plan(
                session,
                connection.rules(),
                request,
                calendar=connection.calendar(session, first.date()),
                by=getpass.getuser() if by is None else by,
                replace_plan=replace,
            )
    if as_json:
        print_json(made.to_dict())
        return
    found = made.routes
    print_table(
        _("Plan %(number)d, from %(day)s", number=made.plan_id, day=made.days[0]),
        (_("What"), _("Value")),
        [
            (_("Number of days"), len(made.days)),
            (_("Routes"), len(found.routes)),
            (_("Stops"), sum(len(route.visits) for route in found.routes)),
            (_("Left out"), len(made.left_out)),
            (_("Travel, hours"), round(found.travel_s / 3600, 1)),
        ],
    )
    for reason in Reason:
        count = sum(one is reason for one in made.left_out.values())
        if count:
            typer.echo(f"{count} × {_(REASONS[reason])}")
    for name, count in made.notes.items():
        typer.echo(_(day_planning.NOTES[name]).format(count))


@app.command("list", help=gettext_noop("List the plans: who made them, how many stops."))
def list_(
    history: Annotated[
        bool, typer.Option("--history", help=gettext_noop("Replaced plans too."))
    ] = False,
    as_json: AsJson = False,
) -> None:
    with connected() as connection, session_scope(connection.engine) as session:
        _ = connection.translate
        found = day_plans.listed(session, history=history)
    if as_json:
        print_json([one.to_dict() for one in found])
        return
    print_table(
        _("Plans"),
        (
            *(_("Day"), _("Version"), _("In force"), _("Part")),
            *(_("Routes"), _("Stops"), _("Made by")),
        ),
        [
            (
                *(one.day, one.version, _("yes") if one.in_force else _("no")),
                one.unit or _("whole office"),
                *(one.routes, one.stops, one.made_by),
            )
            for one in found
        ],
    )


@app.command(help=gettext_noop("Show the routes of a day, and what is left out."))
def show(
    first: Day,
    inspector: Inspector = None,
    version: Version = None,
    as_json: AsJson = False,
) -> None:
    with connected() as connection, session_scope(connection.engine) as session:
        _ = connection.translate
        found = day_plans.routes(session, first.date(), staff_number=inspector, version=version)
        plans = day_plans.ids(session, first.date(), version) if inspector is None else []
        out = [one for plan_id in plans for one in day_plans.left_out(session, plan_id)]
    if as_json:
        print_json(
            {
                "routes": [route.to_dict() for route in found],
                "left_out": [
                    {"licence": one.licence, "reason": one.reason, "due_on": one.due_on}
                    for one in out
                ],
            }
        )
        return
    if not found:
        typer.echo(_("There are no routes on %(day)s.", day=first.date()))
    for route in found:
        print_table(
            f"{route.day} {route.people} {clock(route.leaves_s)}-{clock(route.returns_s)}",
            (
                *(_("Arrival"), _("Start"), _("End"), _("Licence"), _("Name"), _("Purpose")),
                _("Leads the visit"),
            ),
            [
                (
                    clock(stop.arrival_s),
                    clock(stop.start_s),
                    clock(stop.departure_s),
                    stop.licence,
                    stop.name,
                    _(route_files.PURPOSES[stop.purpose]),
                    stop.lead_name,
                )
                for stop in route.stops
            ],
        )
    if out:
        print_table(
            _("Left out"),
            (_("Licence"), _("Name"), _("Due on"), _("Reason")),
            [(one.licence, one.name, one.due_on, _(REASONS[Reason(one.reason)])) for one in out],
        )


@app.command(help=gettext_noop("Write routes into a file: .html, .csv, .xlsx, .gpx or .ics."))
def export(
    first: Day,
    file: Annotated[
        Path, typer.Argument(help=gettext_noop("Its name ends in .html, .csv, .xlsx, .gpx or .ics"))
    ],
    days: Count = 1,
    inspector: Inspector = None,
    version: Version = None,
    as_json: AsJson = False,
) -> None:
    with connected() as connection:
        language = connection.settings.language
        translate = _ = translator(language)
        timezone = connection.rules().days.timezone
        with session_scope(connection.engine) as session:
            last = day_planning.dates(first.date(), days, weekends=True)[-1]
            found = day_plans.routes(
                session, first.date(), last, staff_number=inspector, version=version
            )
            kind = file.suffix.lower()
            if kind == ".html":
                content: Any = route_map.build(
                    session,
                    [route.id for route in found],
                    language=language,
                    basemap=from_settings(connection.settings),
                )
            elif kind == ".gpx":
                content = route_files.gpx(found, translate, timezone)
            elif kind == ".ics":
                made_at = day_plans.made_at(session, [route.plan_id for route in found])
                content = route_files.calendar(found, translate, timezone, made_at=made_at)
            elif kind in {".csv", ".xlsx"}:
                tables.write(route_files.table(found, translate), file)
                content = None
            else:
                raise InvalidInputError(
                    "%(file)s: expected a name that ends in .html, .csv, .xlsx, .gpx or .ics",
                    file=file.name,
                )
        if content is not None:
            if not file.parent.is_dir():
                raise InvalidInputError(
                    "%(file)s: there is no directory %(parent)s", file=file, parent=file.parent
                )
            try:
                file.write_bytes(content if isinstance(content, bytes) else content.encode())
                file.chmod(0o600)
            except OSError as error:
                raise InvalidInputError(
                    "%(file)s cannot be written: %(reason)s", file=file, reason=error.strerror
                ) from None
        stops = sum(len(route.stops) for route in found)
    if as_json:
        print_json({"file": str(file), "routes": len(found), "stops": stops})
        return
    typer.echo(
        _(
            "%(stops)d stops of %(routes)d routes in %(file)s",
            stops=stops,
            routes=len(found),
            file=file,
        )
    )


@app.command("roads", help=gettext_noop("Load a road network from a file of lines."))
def load_roads(
    file: Annotated[
        Path,
        typer.Argument(help=gettext_noop("GeoPackage, GeoJSON or Shapefile of lines.")),
    ],
    speed: Annotated[
        str | None,
        typer.Option("--speed", help=gettext_noop("Column of the speed in km/h.")),
    ] = None,
    one_way: Annotated[
        str | None,
        typer.Option("--one-way", help=gettext_noop("Column of the direction: yes, no or -1.")),
    ] = None,
    default_speed: Annotated[
        float | None,
        typer.Option(
            min=1, help=gettext_noop("km/h where the file has none; left out: of the rules.")
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    with connected() as connection:
        _ = connection.translate
        usual = default_speed or connection.rules().days.speed.km_per_hour
        with progress() as advance, session_scope(connection.engine) as session:
            advance(_("Loading roads"))
            roads.require(session)
            lines = road_lines.read(file, speed=speed, one_way=one_way, default_speed=usual)
            made = roads.load(session, lines.lines, lines.km_per_hour, lines.one_way)
    if as_json:
        print_json(made.to_dict())
        return
    print_table(
        _("Roads"),
        (_("What"), _("Value")),
        [
            (_("Pieces of road"), made.edges),
            (_("Nodes"), made.nodes),
            (_("Length, km"), made.kilometres),
            (_("One way"), made.one_way),
            (_("Parts that are not connected"), made.parts),
            (_("Share of the largest part, %"), 100 * made.largest),
        ],
    )


def _sources(given: list[str] | None, draws: list[str] | None) -> tuple[str, ...]:
    if not given and not draws:
        return day_planning.SOURCES
    named = [] if given == ["none"] else given or []
    return tuple(dict.fromkeys([*named, *([drawn_stops.SOURCE] if draws else [])]))


def _point(text: str) -> tuple[float, float]:
    try:
        lat, lng = (float(part) for part in text.split(","))
    except ValueError:
        raise InvalidInputError(
            "office: expected LATITUDE,LONGITUDE, got %(text)r", text=text
        ) from None
    if not (-90 <= lat <= 90 and -180 <= lng <= 180):  # noqa: PLR2004 - degrees
        raise InvalidInputError("office: %(text)r is not on the earth (latitude first)", text=text)
    return lat, lng

"""Commands for map reports."""

from pathlib import Path
from typing import Annotated

import typer

from gis_supervision.analysis import days
from gis_supervision.assignment import cell_work
from gis_supervision.catalogue import find_map
from gis_supervision.cli.connection import connected
from gis_supervision.cli.terminal import AsJson, AsOf, print_json, print_table, progress
from gis_supervision.errors import InvalidInputError
from gis_supervision.language import Language, gettext_noop
from gis_supervision.rendering import basemap, map_report
from gis_supervision.storage import register
from gis_supervision.storage.database import session_scope

app = typer.Typer(no_args_is_help=True, help=gettext_noop("Map reports: list and build them."))


@app.command("list", help=gettext_noop("List the map reports."))
def list_maps(as_json: AsJson = False) -> None:
    with connected() as connection:
        _ = connection.translate
        maps = connection.catalogue().maps.values()
    rows = [
        (each.name, each.title.to(_.language), each.description.to(_.language)) for each in maps
    ]
    if as_json:
        print_json(
            [{"name": name, "title": title, "description": text} for name, title, text in rows]
        )
    else:
        print_table(_("Map reports"), (_("Name"), _("Title"), _("What it shows")), rows)


@app.command(help=gettext_noop("Build a map report as one file that opens with no network."))
def build(
    name: Annotated[str, typer.Argument(help=gettext_noop("Name of the map."))],
    output: Annotated[Path, typer.Option(help=gettext_noop("File to write."))],
    as_of: AsOf = None,
    where: Annotated[
        list[str] | None,
        typer.Option(help=gettext_noop("Filter as NAME=VALUE, such as severity=critical.")),
    ] = None,
    language: Annotated[
        Language | None, typer.Option(help=gettext_noop("Language that the file opens in."))
    ] = None,
    as_json: AsJson = False,
) -> None:
    parameters = dict(_pair(text) for text in where or ())
    with connected() as connection:
        _ = connection.translate
        with progress() as advance:
            shown = connection.catalogue()
            queries = [shown.layers[layer].query for layer in find_map(shown, name).uses()]
            if as_of is not None:
                parameters["as_of"] = as_of.date().isoformat()
                advance(_("Computing what the map shows"))
                with session_scope(connection.engine) as session:
                    days.analyse(session, connection.rule_history(), as_of.date(), queries)
            if cell_work.shown_by(queries):
                with session_scope(connection.engine) as session:
                    # hours that were set since the last analysis are shown
                    day = as_of.date() if as_of is not None else register.default_as_of(session)
                    cell_work.stored(session, connection.rules(), day)
            advance(_("Drawing the map %(name)s", name=name))
            map_report.write(
                output,
                connection.reader,
                connection.catalogue(),
                name,
                parameters=parameters,
                language=language or connection.settings.language,
                basemap=basemap.from_settings(connection.settings),
            )
    if as_json:
        print_json({"map": name, "file": output, "bytes": output.stat().st_size})
    else:
        typer.echo(_("The map is in %(file)s: open it in a browser.", file=output))


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise InvalidInputError("--where %(text)s: expected NAME=VALUE", text=text)
    return name, value

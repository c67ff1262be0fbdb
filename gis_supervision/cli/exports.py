"""Commands for exports: layers and tables of the register as files."""

from pathlib import Path
from typing import Annotated

import typer

from gis_supervision import catalogue as catalogue_of
from gis_supervision.catalogue import query
from gis_supervision.cli.connection import connected
from gis_supervision.cli.partitions import export
from gis_supervision.cli.terminal import AsJson, print_json, progress
from gis_supervision.errors import InvalidInputError
from gis_supervision.language import gettext_noop, translator
from gis_supervision.rendering import exports, tables
from gis_supervision.storage.database import session_scope
from gis_supervision.storage.exports import NOUNS
from gis_supervision.storage.partition_export import PARTITION_ROWS

app = typer.Typer(no_args_is_help=True, help=gettext_noop("Export layers and the register."))

File = Annotated[
    Path,
    typer.Argument(
        help=gettext_noop("File to write; its name ends in .csv, .xlsx, .gpkg or .parquet.")
    ),
]
Filters = Annotated[
    list[str] | None,
    typer.Option(
        "--filter",
        help=gettext_noop("NAME=VALUE, several values with commas, none for no value; repeatable."),
    ),
]
Language = Annotated[
    str | None, typer.Option(help=gettext_noop("Language of the titles; left out: the settings'."))
]


@app.command(help=gettext_noop("Export a layer of the catalogue."))
def layer(
    name: Annotated[str, typer.Argument(help=gettext_noop("Name of the layer."))],
    file: File,
    filters: Filters = None,
    bbox: Annotated[
        str | None, typer.Option(help=gettext_noop("West, south, east, north in degrees."))
    ] = None,
    language: Language = None,
    as_json: AsJson = False,
) -> None:
    values = {key: ",".join(wanted) for key, wanted in _named(filters).items()}
    tables.format_of(file)
    with connected() as connection:
        translate = translator(language or connection.settings.language)
        places = [connection.settings.catalogue_path] if connection.settings.catalogue_path else []
        found = query.find_layer(catalogue_of.load(*places), name)
        with progress() as advance, session_scope(connection.reader) as session:
            advance(connection.translate("Writing %(file)s", file=file), None)
            table = exports.layer_table(
                session, found, translate.language, translate, values, bbox=bbox
            )
            rows = tables.write(table, file)
        _ = connection.translate
    if as_json:
        print_json({"layer": name, "file": str(file), "rows": rows})
        return
    typer.echo(_("%(rows)d rows in %(file)s", rows=rows, file=file))


@app.command(help=gettext_noop("Export a table of the register."))
def register(
    name: Annotated[
        str,
        typer.Argument(
            help=gettext_noop(
                "premises, divisions, cells, inspections, findings, complaints or hazards."
            )
        ),
    ],
    file: File,
    filters: Filters = None,
    mapping: Annotated[
        Path | None,
        typer.Option(
            help=gettext_noop("Write the mapping here under which the file can be imported again.")
        ),
    ] = None,
    language: Language = None,
    as_json: AsJson = False,
) -> None:
    chosen = tables.format_of(file)
    conditions = {
        key: [None if value == "none" else value for value in wanted]
        for key, wanted in _named(filters).items()
    }
    with connected() as connection:
        translate = translator(language or connection.settings.language)
        with progress() as advance, session_scope(connection.engine) as session:
            advance(connection.translate("Writing %(file)s", file=file), None)
            table = exports.register_table(session, name, translate, conditions)
            datums = exports.datums_of(session, name) if mapping is not None else []
            text = (
                exports.mapping(name, str(file.resolve()), chosen, translate, datums=datums)
                if mapping is not None
                else None
            )
            rows = tables.write(table, file)
        _ = connection.translate
    if mapping is not None and text is not None:
        mapping.write_text(text, encoding="utf-8")
    if as_json:
        print_json({"table": name, "file": str(file), "rows": rows})
        return
    typer.echo(_("%(rows)d rows in %(file)s", rows=rows, file=file))


@app.command(help=gettext_noop("Export the register as partitions for `analyse --input`."))
def partitions(
    directory: Annotated[
        Path, typer.Argument(help=gettext_noop("Directory to make; it must not be there yet."))
    ],
    rows: Annotated[
        int, typer.Option(min=1, help=gettext_noop("Premises in a partition."))
    ] = PARTITION_ROWS,
    as_json: AsJson = False,
) -> None:
    with connected() as connection:
        _ = connection.translate
        with progress() as advance:
            manifest = export(connection, directory, advance, rows)
    written = sum(manifest.files.values())
    if as_json:
        print_json({"file": str(directory), "rows": written, "partitions": len(manifest.files)})
        return
    typer.echo(_("%(rows)d rows in %(file)s", rows=written, file=directory))


@app.command("list", help=gettext_noop("List what can be exported, with its filters."))
def list_(as_json: AsJson = False) -> None:
    with connected() as connection:
        places = [connection.settings.catalogue_path] if connection.settings.catalogue_path else []
        layers = catalogue_of.load(*places).layers
    found = {
        "layers": {name: [*one.parameters, *one.filters] for name, one in sorted(layers.items())},
        "register": {name: [field.name for field in noun.fields] for name, noun in NOUNS.items()},
    }
    if as_json:
        print_json(found)
        return
    for kind, entries in found.items():
        for name, names in entries.items():
            typer.echo(f"{kind} {name}: {', '.join(names)}")


def _named(filters: list[str] | None) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for item in filters or []:
        name, sign, values = item.partition("=")
        if not sign or not name:
            raise InvalidInputError("--filter %(item)r: expected NAME=VALUE", item=item)
        found.setdefault(name, []).extend(values.split(","))
    return found

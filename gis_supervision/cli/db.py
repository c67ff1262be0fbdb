"""Commands for the database."""

from pathlib import Path
from typing import Annotated, Any

import typer

from gis_supervision import settings as configuration
from gis_supervision.cli.connection import connected
from gis_supervision.cli.terminal import AsJson, print_json, print_table, progress
from gis_supervision.errors import ConflictError
from gis_supervision.language import gettext_noop, translator
from gis_supervision.storage import backup as backups
from gis_supervision.storage import cluster, migration
from gis_supervision.storage import rollup as rollups
from gis_supervision.storage.database import session_scope

app = typer.Typer(no_args_is_help=True, help=gettext_noop("The database: start, stop, back up."))


@app.command(help=gettext_noop("Start the private database."))
def start(as_json: AsJson = False) -> None:
    settings = configuration.load()
    _ = translator(settings.language)
    endpoint = cluster.ensure(settings)
    if as_json:
        print_json({"private": endpoint.private, "running": True})
    elif endpoint.private:
        typer.echo(_("The database runs in %(home)s.", home=settings.home))
    else:
        typer.echo(_("The configured server is used; it answers."))


@app.command(help=gettext_noop("Stop the private database."))
def stop(as_json: AsJson = False) -> None:
    settings = configuration.load()
    _ = translator(settings.language)
    stopped = cluster.stop(settings)
    if as_json:
        print_json({"stopped": stopped})
    else:
        typer.echo(_("The database is stopped.") if stopped else _("The database was not running."))


@app.command(help=gettext_noop("Tell whether the database runs and is migrated."))
def status(as_json: AsJson = False) -> None:
    settings = configuration.load()
    _ = translator(settings.language)
    state = cluster.status(settings)
    running = state.state == "running"
    data: dict[str, Any] = {"private": settings.database_url is None, "running": running}
    if running or settings.database_url is not None:
        endpoint = cluster.ensure(settings)
        data |= {
            "running": True,
            "migration": migration.current(endpoint.url),
            "head": migration.head(),
        }
    if as_json:
        print_json(data)
    elif data["running"]:
        typer.echo(
            _(
                "Running, at migration %(now)s of %(head)s.",
                now=data["migration"],
                head=data["head"],
            )
        )
    else:
        typer.echo(_("Not running. `gis-supervision db start` starts it."))


@app.command(help=gettext_noop("Bring the database to the newest migration."))
def migrate(as_json: AsJson = False) -> None:
    with connected(migrated=False) as connection:
        _ = connection.translate
        with progress() as advance:
            advance(_("Migrating the database"))
            migration.upgrade(connection.endpoint.url)
        if as_json:
            print_json({"migration": migration.current(connection.endpoint.url)})
        else:
            typer.echo(
                _("The database is at the newest migration, %(head)s.", head=migration.head())
            )


@app.command(help=gettext_noop("Write the whole database to a file."))
def backup(
    file: Annotated[Path, typer.Argument(help=gettext_noop("File to write."))],
    as_json: AsJson = False,
) -> None:
    with connected() as connection:
        _ = connection.translate
        with progress() as advance:
            advance(_("Writing the backup"))
            backups.backup(connection.endpoint.url, file, pg_bin=connection.settings.pg_bin)
        if as_json:
            print_json({"file": file, "bytes": file.stat().st_size})
        else:
            typer.echo(_("The backup is in %(file)s.", file=file))


@app.command(help=gettext_noop("Replace the database by a backup."))
def restore(
    file: Annotated[Path, typer.Argument(help=gettext_noop("File that `db backup` wrote."))],
    yes: Annotated[
        bool, typer.Option("--yes", help=gettext_noop("Replace the database without asking."))
    ] = False,
    as_json: AsJson = False,
) -> None:
    settings = configuration.load()
    _ = translator(settings.language)
    if not yes:
        typer.confirm(_("Replace everything in the database by the backup?"), abort=True, err=True)
    endpoint = cluster.ensure(settings)
    with progress() as advance:
        advance(_("Restoring the backup"))
        restored = backups.restore(endpoint.url, file, pg_bin=settings.pg_bin)
    if as_json:
        print_json({"restored": file, "migration": restored.revision})
    else:
        typer.echo(_("The database is that of %(file)s now.", file=file))


@app.command(help=gettext_noop("Compare the roll-up per H3 cell with the whole register."))
def rollup(
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help=gettext_noop("Make it anew first."))
    ] = False,
    as_json: AsJson = False,
) -> None:
    with connected() as connection, session_scope(connection.engine) as session:
        _ = connection.translate
        if rebuild:
            rollups.rebuild(session)
        verdict = rollups.verify(session)
    if as_json:
        print_json(verdict.to_dict())
    else:
        print_table(
            _("Roll-up per H3 cell, resolutions 0 to 8"),
            (_("What"), _("Number")),
            [
                (_("Rows"), verdict.rows),
                (_("Premises"), verdict.premises),
                (_("Premises out of scope"), verdict.out_of_scope),
                (_("Premises without an H3 cell"), verdict.without_cell),
                (_("Inspections"), verdict.inspections),
                (_("Unresolved hazards"), verdict.unresolved),
                (_("Rows that differ from the register"), sum(verdict.different.values())),
            ],
        )
    if not verdict.right:
        raise ConflictError("the roll-up is not that of the register: `db rollup --rebuild`")

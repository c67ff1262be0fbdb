"""Registering inspectors: from files, by an empty workbook to fill in, and one by one."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from gis_supervision.cli.connection import connected
from gis_supervision.cli.terminal import AsJson, actor, print_json, print_table
from gis_supervision.errors import InvalidInputError
from gis_supervision.importing import enrolment, people, people_load
from gis_supervision.language import gettext_noop
from gis_supervision.rendering import tables
from gis_supervision.storage.database import session_scope

REFUSED = 6
"""Exit code when rows were refused."""

By = Annotated[
    str | None, typer.Option(help=gettext_noop("Who does it; left out: the account's name."))
]


def load(
    files: Annotated[list[Path], typer.Argument(help=gettext_noop("CSV files or workbooks."))],
    datum: Annotated[
        str, typer.Option(help=gettext_noop("Datum of the homes' coordinates."))
    ] = "CGCS2000",
    report: Annotated[
        Path | None,
        typer.Option(help=gettext_noop("Write the wrong values here (.csv or .xlsx).")),
    ] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    if report is not None:
        tables.format_of(report)
    with connected() as connection, session_scope(connection.engine) as session:
        _ = connection.translate
        done = people_load.load(session, files, by=actor(by), datum=datum)
    columns = [
        tables.Column(name, _(title))
        for name, title in (
            ("file", gettext_noop("File")),
            ("row", gettext_noop("Row")),
            ("column", gettext_noop("Column")),
            ("value", gettext_noop("Value")),
            ("expected", gettext_noop("Expected")),
        )
    ]
    rows = [(w.file, str(w.row), w.column, w.value, w.expected.translated(_)) for w in done.wrong]
    if report is not None and rows:
        tables.write(tables.Table("wrong_rows", _("Wrong rows"), tuple(columns), [rows]), report)
    if as_json:
        print_json(done.to_dict(_))
    elif rows:
        print_table(
            _("Nothing was loaded: mend these values"), [column.title for column in columns], rows
        )
    else:
        print_table(
            _("Loaded"),
            (_("Table"), _("New"), _("Changed"), _("Unchanged")),
            [
                (kind, told["new"], told["changed"], told["unchanged"])
                for kind, told in done.counts.items()
            ],
        )
    if not done.loaded:
        raise typer.Exit(REFUSED)


def template(
    file: Annotated[Path, typer.Argument(help=gettext_noop("Workbook to write (.xlsx)."))],
    chinese: Annotated[
        bool, typer.Option(help=gettext_noop("Column names in Chinese, else in English."))
    ] = True,
) -> None:
    if file.suffix.lower() != ".xlsx":
        raise InvalidInputError("%(file)s: expected a name that ends in .xlsx", file=file.name)
    people.write_template(file, chinese=chinese)
    typer.echo(str(file))


def register_(
    number: Annotated[str, typer.Argument(help=gettext_noop("Staff number."))],
    name: Annotated[str | None, typer.Option(help=gettext_noop("Name."))] = None,
    capacity_hours: Annotated[
        float | None, typer.Option(min=0, help=gettext_noop("Hours an inspector works in a year."))
    ] = None,
    language: Annotated[
        list[str] | None, typer.Option(help=gettext_noop("Language, such as zh or 维吾尔语."))
    ] = None,
    home: Annotated[
        str | None, typer.Option(help=gettext_noop("Home as LAT,LNG; `none` forgets it."))
    ] = None,
    left_on: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help=gettext_noop("First day on which the person is gone.")
        ),
    ] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    given: dict[str, Any] = {
        name: value
        for name, value in (
            ("name", name),
            ("capacity_hours", capacity_hours),
            ("languages", language),
            ("left_on", left_on and left_on.date()),
        )
        if value is not None
    }
    if home is not None:
        given["lat"], given["lng"] = (None, None) if home == "none" else _point(home)
    with connected() as connection, session_scope(connection.engine) as session:
        _ = connection.translate
        done = enrolment.enrol(session, number, given, by=actor(by))
    if as_json:
        print_json({"staff_number": number, "new": done.new})
    else:
        typer.echo(_("Registered: %(number)s %(name)s", number=number, name=done.inspector.name))


def _point(text: str) -> tuple[float, float]:
    parts = text.split(",")
    try:
        lat, lng = (float(part) for part in parts)
    except ValueError:
        raise InvalidInputError("--home %(text)s: expected LAT,LNG", text=text) from None
    if not (-90 <= lat <= 90 and -180 <= lng <= 180):  # noqa: PLR2004 - the globe
        raise InvalidInputError("--home %(text)s: expected degrees, latitude first", text=text)
    return lat, lng

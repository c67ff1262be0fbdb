"""Commands for the grid."""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Annotated, Final

import typer

from gis_supervision.cli.connection import connected
from gis_supervision.cli.shapes import column, read_shapes
from gis_supervision.cli.terminal import AsJson, print_json, print_table, progress
from gis_supervision.domain.topology import REMARKS
from gis_supervision.errors import InvalidInputError
from gis_supervision.language import Translator, gettext_noop
from gis_supervision.library_texts import recognised
from gis_supervision.messages import told
from gis_supervision.rendering import tables
from gis_supervision.storage import cell_history, grid, placement, supplied_grid
from gis_supervision.storage.database import session_scope

app = typer.Typer(no_args_is_help=True, help=gettext_noop("The grid: cut the area into cells."))

SHOWN: Final = 50
REFUSED: Final = 6
"""Exit code of polygons that were refused because of their faults."""
REASON_TITLES: Final = {
    "border": gettext_noop("On the edge of a cell"),
    "overlap": gettext_noop("In several cells"),
    "outside": gettext_noop("Outside all cells"),
    "approximate": gettext_noop("Located approximately"),
    "not_located": gettext_noop("Without coordinates"),
    "external": gettext_noop("Of another administration"),
}

FirstDay = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help=gettext_noop("First day; left out: today.")),
]


@app.command(help=gettext_noop("Cut the divisions into cells, squares or H3 hexagons."))
def build(
    side_m: Annotated[
        float | None,
        typer.Option(min=1, help=gettext_noop("Side of a square cell in metres.")),
    ] = None,
    resolution: Annotated[
        int | None,
        typer.Option(min=0, max=15, help=gettext_noop("H3 resolution, instead of squares.")),
    ] = None,
    level: Annotated[
        str | None,
        typer.Option(help=gettext_noop("Level of the divisions; left out: the finest there is.")),
    ] = None,
    within: Annotated[
        str | None,
        typer.Option(help=gettext_noop("Code of the division to cut; left out: all there are.")),
    ] = None,
    valid_from: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help=gettext_noop("First day of the grid; left out: today.")
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    if (side_m is None) == (resolution is None):
        raise InvalidInputError("grid build: give either --side-m or --resolution")
    with connected() as connection:
        _ = connection.translate
        with progress() as advance, session_scope(connection.engine) as session:
            advance(_("Cutting the area into cells"))
            built = grid.build(
                session,
                side_m=side_m,
                resolution=resolution,
                level=level,
                within=within,
                valid_from=valid_from.date() if valid_from else None,
            )
    if as_json:
        print_json(built.to_dict())
        return
    _print_built(_, built)
    for note in built.notes:
        typer.echo(_remark(note, _))
    typer.echo(_("Next: `gis-supervision zones design`"))


@app.command(help=gettext_noop("Put polygons of a file in force as the grid, after a report."))
def load(
    file: Annotated[Path, typer.Argument(help=gettext_noop("Polygons in any format of GDAL."))],
    code: Annotated[
        str | None, typer.Option(help=gettext_noop("Column with the codes of the cells."))
    ] = None,
    division: Annotated[
        str | None, typer.Option(help=gettext_noop("Column with their division codes."))
    ] = None,
    layer: Annotated[
        str | None, typer.Option(help=gettext_noop("Layer of the file; left out: the first."))
    ] = None,
    datum: Annotated[
        str | None,
        typer.Option(help=gettext_noop("Datum, such as gcj02; left out: what the file says.")),
    ] = None,
    within: Annotated[
        str | None,
        typer.Option(help=gettext_noop("Code of the division that the cells should fill.")),
    ] = None,
    accept: Annotated[
        list[str] | None,
        typer.Option(help=gettext_noop("Fault to accept: overlap, gap, sliver, outside, or all.")),
    ] = None,
    valid_from: FirstDay = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help=gettext_noop("Report; write nothing."))
    ] = False,
    report: Annotated[
        Path | None, typer.Option(help=gettext_noop("Write the report here (.csv or .xlsx)."))
    ] = None,
    as_json: AsJson = False,
) -> None:
    accepted = _accepted(accept or [])
    polygons, columns = read_shapes(file, layer=layer, datum=datum)
    with connected() as connection:
        _ = connection.translate
        with progress() as advance, session_scope(connection.engine) as session:
            advance(_("Checking the polygons"), None)
            done = supplied_grid.supply(
                session,
                polygons,
                codes=column(columns, code, file),
                divisions=column(columns, division, file),
                within=within,
                accept=accepted,
                valid_from=valid_from.date() if valid_from else None,
                name=file.stem,
                dry_run=dry_run,
            )
    if report is not None:
        tables.write(_fault_table(_, done), report)
    if as_json:
        print_json(done.to_dict())
    else:
        print_table(
            _("%(count)d polygons in %(file)s", count=done.polygons, file=file.name),
            (_("Fault"), _("Cells"), _("Area (m²)"), _("Note")),
            [
                (fault.kind, ", ".join(fault.cells), fault.area_m2, _remark(fault.note, _))
                for fault in done.faults[:SHOWN]
            ],
        )
        if done.built is not None:
            _print_built(_, done.built)
    if done.refused:
        typer.echo(
            _(
                "Nothing was changed: mend %(faults)s, or accept them with --accept.",
                faults=", ".join(done.refused),
            ),
            err=True,
        )
        raise typer.Exit(REFUSED)


@app.command(help=gettext_noop("Divide a cell by the lines or polygons of a file."))
def split(
    code: Annotated[str, typer.Argument(help=gettext_noop("Code of the cell."))],
    file: Annotated[
        Path, typer.Argument(help=gettext_noop("Lines that cut it, or its parts as polygons."))
    ],
    layer: Annotated[
        str | None, typer.Option(help=gettext_noop("Layer of the file; left out: the first."))
    ] = None,
    datum: Annotated[
        str | None,
        typer.Option(help=gettext_noop("Datum, such as gcj02; left out: what the file says.")),
    ] = None,
    codes: Annotated[
        list[str] | None,
        typer.Option("--new-code", help=gettext_noop("Code of a part, in order; repeatable.")),
    ] = None,
    changed_on: FirstDay = None,
    as_json: AsJson = False,
) -> None:
    shapes, _columns = read_shapes(file, layer=layer, datum=datum)
    with connected() as connection, session_scope(connection.engine) as session:
        _ = connection.translate
        change = cell_history.split(
            session,
            code,
            [shape for shape in shapes if shape is not None],
            changed_on=changed_on.date() if changed_on else None,
            codes=codes or None,
        )
    _print_change(_, change, as_json=as_json)


@app.command(help=gettext_noop("Make one cell of several."))
def merge(
    codes: Annotated[list[str], typer.Argument(help=gettext_noop("Codes of the cells."))],
    code: Annotated[
        str | None,
        typer.Option("--new-code", help=gettext_noop("Its code; left out: the next serial.")),
    ] = None,
    zone: Annotated[
        str | None,
        typer.Option(help=gettext_noop("Zone of the new cell, where they are in several.")),
    ] = None,
    apart: Annotated[
        bool, typer.Option("--apart", help=gettext_noop("The cells may lie apart."))
    ] = False,
    changed_on: FirstDay = None,
    as_json: AsJson = False,
) -> None:
    with connected() as connection, session_scope(connection.engine) as session:
        _ = connection.translate
        change = cell_history.merge(
            session,
            codes,
            changed_on=changed_on.date() if changed_on else None,
            code=code,
            zone=zone,
            apart=apart,
        )
    _print_change(_, change, as_json=as_json)


@app.command(help=gettext_noop("Show what a cell came from and what it became."))
def history(
    code: Annotated[str, typer.Argument(help=gettext_noop("Code of the cell."))],
    as_json: AsJson = False,
) -> None:
    with connected() as connection, session_scope(connection.engine) as session:
        _ = connection.translate
        periods = cell_history.history(session, code)
    if as_json:
        print_json([period.to_dict() for period in periods])
        return
    print_table(
        _("Cell %(code)s", code=code),
        (_("Valid from"), _("Valid to"), _("Division"), _("Area (m²)"), _("From"), _("Became")),
        [
            (
                period.valid_from,
                period.valid_to,
                period.division,
                period.area_m2,
                ", ".join(period.predecessors),
                ", ".join(period.successors),
            )
            for period in periods
        ],
    )


@app.command(help=gettext_noop("Count premises in cells, and those that need a look, by reason."))
def check(as_json: AsJson = False) -> None:
    with connected() as connection, session_scope(connection.engine) as session:
        _ = connection.translate
        found = placement.count(session)
    if as_json:
        print_json(found.to_dict())
        return
    rows = [(_("Premises"), found.premises), (_("In a cell"), found.in_cell)]
    rows += [(_(REASON_TITLES[reason]), number) for reason, number in found.reasons.items()]
    print_table(_("Premises in the grid"), (_("What"), _("Number")), rows)


@app.command(help=gettext_noop("List premises that need a look, with the reason."))
def premises(
    reason: Annotated[
        list[str] | None,
        typer.Option(
            help=gettext_noop(
                "border, overlap, outside, approximate, not_located or external; repeatable."
            )
        ),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--out", help=gettext_noop("Write all to a .csv or .xlsx file."))
    ] = None,
    as_json: AsJson = False,
) -> None:
    with connected() as connection, session_scope(connection.engine) as session:
        _ = connection.translate
        rows = placement.listed(session, *(reason or ()))
        if file is not None:
            count = tables.write(_placement_table(_, rows), file)
            typer.echo(_("%(rows)d rows in %(file)s", rows=count, file=file))
            return
        if as_json:
            print_json([row.to_dict() for row in rows])
            return
        shown = list(islice(rows, SHOWN))
        more = next(rows, None) is not None
    print_table(
        _("Premises that need a look"),
        (_("Reason"), _("Licence"), _("Premises"), _("Address"), _("Cells"), _("Division")),
        [
            (
                _(REASON_TITLES[row.reason]),
                row.licence,
                row.name,
                row.address,
                row.cells or row.cell,
                row.division,
            )
            for row in shown
        ],
    )
    if more:
        typer.echo(_("There are more: --out FILE writes all of them."))


def _accepted(names: list[str]) -> list[supplied_grid.FaultKind]:
    if names == ["all"]:
        return list(supplied_grid.FAULTS)
    found = [kind for kind in supplied_grid.FAULTS if kind in names]
    unknown = set(names) - set(found)
    if unknown:
        raise InvalidInputError(
            "--accept %(unknown)s: expected %(faults)s or all",
            unknown=", ".join(sorted(unknown)),
            faults=", ".join(supplied_grid.FAULTS),
        )
    return found


def _remark(note: str, translate: Translator) -> str:
    return str(told(recognised(note, REMARKS), translate))


def _fault_table(_: Translator, done: supplied_grid.Supply) -> tables.Table:
    return tables.Table(
        "faults",
        _("Faults"),
        (
            tables.Column("kind", _("Fault")),
            tables.Column("cells", _("Cells")),
            tables.Column("area_m2", _("Area (m²)"), "number"),
            tables.Column("lng", _("Longitude"), "number"),
            tables.Column("lat", _("Latitude"), "number"),
            tables.Column("note", _("Note")),
        ),
        [
            [
                (
                    fault.kind,
                    ", ".join(fault.cells),
                    fault.area_m2,
                    fault.lng,
                    fault.lat,
                    _remark(fault.note, _),
                )
                for fault in done.faults
            ]
        ],
    )


def _placement_table(_: Translator, rows: Iterator[placement.Listed]) -> tables.Table:
    titles = {
        "reason": _("Reason"),
        "licence": _("Licence"),
        "name": _("Premises"),
        "address": _("Address"),
        "division_code": _("Division code"),
        "division": _("Division"),
        "cell": _("Cell"),
        "cells": _("Cells"),
        "matched": _("Found by"),
        "lng": _("Longitude"),
        "lat": _("Latitude"),
    }
    return tables.Table(
        "premises",
        _("Premises that need a look"),
        tuple(
            tables.Column(name, title, "number" if name in {"lng", "lat"} else "text")
            for name, title in titles.items()
        ),
        (
            [tuple({**row.to_dict(), "reason": _(REASON_TITLES[row.reason])}.values())]
            for row in rows
        ),
    )


def _print_built(_: Translator, built: grid.Built) -> None:
    print_table(
        _("Grid valid from %(day)s", day=built.valid_from),
        (_("What"), _("Number")),
        [
            (_("Cells"), built.cells),
            (_("Premises in a cell"), built.premises_inside),
            (_("Premises outside all cells"), built.premises_outside),
            (_("Premises without coordinates"), built.premises_not_located),
        ],
    )


def _print_change(_: Translator, change: cell_history.Change, *, as_json: bool) -> None:
    if as_json:
        print_json(change.to_dict())
        return
    print_table(
        _("From %(day)s: %(old)s", day=change.changed_on, old=", ".join(change.ended)),
        (_("Cell"), _("Premises")),
        [(code, change.premises[code]) for code in change.begun],
    )

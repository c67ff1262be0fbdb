"""Commands that explain what is shown."""

from typing import Annotated

import typer

from gis_supervision.analysis import explain
from gis_supervision.cli.connection import connected
from gis_supervision.cli.terminal import AsJson, AsOf, print_json, print_table
from gis_supervision.language import Translator, gettext_noop
from gis_supervision.storage import register
from gis_supervision.storage.database import session_scope

app = typer.Typer(no_args_is_help=True, help=gettext_noop("Explain what maps and reports show."))


@app.callback()
def _group() -> None:
    """Keep `cell` a command of its own group."""


@app.command(help=gettext_noop("Show the numbers behind the colour of a cell."))
def cell(
    identifier: Annotated[
        str,
        typer.Argument(
            metavar="ID", help=gettext_noop("H3 index in hexadecimal, or the code of a grid cell.")
        ),
    ],
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    with connected() as connection:
        _ = connection.translate
        with session_scope(connection.engine) as session:
            day = as_of.date() if as_of else register.default_as_of(session)
            found = explain.cell(session, connection.rules(day), identifier, day)
    if as_json:
        print_json(found.to_dict())
        return
    if isinstance(found, explain.HotspotExplanation):
        _print_hotspot(found, _)
    else:
        _print_coverage(found, _)


def _print_hotspot(found: explain.HotspotExplanation, _: Translator) -> None:
    no_data = _("no data")

    def shown(value: float | None) -> object:
        return no_data if value is None else value

    print_table(
        _("Cell %(cell)s on %(day)s", cell=found.cell, day=found.origin.as_of),
        (_("What"), _("Value")),
        [
            (_("Premises in scope"), found.premises),
            (_("Unresolved hazards"), found.hazards),
            (_("Hazards per premises"), shown(found.rate)),
            (_("Rate of all cells with data"), shown(found.overall_rate)),
            (_("Weight of the cell's own rate"), shown(found.weight_of_own_rate)),
            (_("Rate after shrinkage"), shown(found.shrunk_rate)),
            (_("Cells with data"), found.cells_with_data),
            (_("Sum of the rates of the cell and its neighbours"), shown(found.local_sum)),
            (_("Cells in that sum"), found.local_cells),
            (_("Sum to be expected"), shown(found.expected_sum)),
            (_("Gi* (z)"), shown(found.z)),
            (_("p, two-sided"), shown(found.p)),
            (_("Class, -3 to 3"), shown(found.bin)),
            (_("Run"), found.origin.run_id),
        ],
    )
    print_table(
        _("Neighbours"),
        (_("Cell"), _("Premises"), _("Unresolved hazards"), _("Rate after shrinkage")),
        [(one.cell, one.premises, one.hazards, shown(one.shrunk_rate)) for one in found.neighbours],
    )


def _print_coverage(found: explain.CoverageExplanation, _: Translator) -> None:
    labels = {
        "premises": _("Premises in scope"),
        "due": _("Due"),
        "in_time": _("Inspected in time"),
        "overdue": _("Overdue"),
        "never": _("Never inspected"),
        "no_rule": _("No rule"),
        "not_located": _("Not located"),
        "outside": _("Outside the grid"),
        "share_on_time": _("Share in time"),
    }
    responsible = found.responsible or {}
    nobody = _("nobody")
    print_table(
        _("Cell %(cell)s on %(day)s", cell=found.cell, day=found.origin.as_of),
        (_("What"), _("Value")),
        [
            *(
                (label, found.counts[name] if found.counts[name] is not None else _("no data"))
                for name, label in labels.items()
                if name in found.counts
            ),
            (_("Zone"), responsible.get("zone") or _("none")),
            (_("Responsible"), responsible.get("inspector") or nobody),
            (_("Rules"), found.origin.parameters["rules"]),
            (_("Run"), found.origin.run_id),
        ],
    )

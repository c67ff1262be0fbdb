"""Figures of coverage and hotspots, as tables for people."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from gis_supervision.cli.terminal import print_table
from gis_supervision.language import Translator, gettext_noop

LEFT_OUT = {
    "external": gettext_noop("of another administration"),
    "not_open": gettext_noop("not open yet"),
    "closed": gettext_noop("closed"),
}
"""Why premises are in no total of coverage."""


def print_coverage(
    translate: Translator, counted: Mapping[str, Any], day: date, rules: str
) -> None:
    """Print the summary of a coverage run."""
    _ = translate
    print_table(
        _("Coverage as of %(day)s under the rules %(rules)s", day=day, rules=rules),
        (_("What"), _("Number")),
        [
            (_("Premises in scope"), counted.get("premises", 0)),
            (_("Due"), counted.get("due", 0)),
            (_("Inspected in time"), counted.get("in_time", 0)),
            (_("Overdue"), counted.get("overdue", 0)),
            (_("Never inspected"), counted.get("never", 0)),
            (_("No rule"), counted.get("no_rule", 0)),
            (_("Not located"), counted.get("not_located", 0)),
            (_("Outside the grid"), counted.get("outside", 0)),
            *(
                (_("Left out: %(reason)s", reason=_(LEFT_OUT[reason])), number)
                for reason, number in counted.get("left_out", {}).items()
                if reason in LEFT_OUT
            ),
        ],
    )


def print_hotspots(translate: Translator, found: Mapping[str, Any], resolution: int) -> None:
    """Print the summary of a hotspot run."""
    _ = translate
    print_table(
        _("Hotspots of unresolved hazards, H3 resolution %(resolution)d", resolution=resolution),
        (_("What"), _("Number")),
        [
            (_("Cells with premises"), found["cells"]),
            (_("Cells with enough premises"), found["cells_with_data"]),
            (_("Hot spots"), found["hot"]),
            (_("Cold spots"), found["cold"]),
        ],
    )


def print_workload(translate: Translator, asked: Mapping[str, Any]) -> None:
    """Print the summary of a workload run."""
    _ = translate
    print_table(
        _("Workload, hours a year"),
        (_("What"), _("Number")),
        [
            (_("Required visits"), asked["parts"]["visits"]),
            (_("Travel"), asked["parts"]["travel"]),
            (_("Unresolved hazards"), asked["parts"]["hazards"]),
            (_("Complaints"), asked["parts"]["complaints"]),
            (_("Hours that count, those set by hand included"), asked["hours"]),
            (_("Premises outside the grid"), asked["premises_without_cell"]),
        ],
    )

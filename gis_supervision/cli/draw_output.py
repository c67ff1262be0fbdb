"""What commands print of draws."""

from typing import Any

import typer

from gis_supervision.assignment import draw_record
from gis_supervision.cli.terminal import print_json, print_table
from gis_supervision.language import Translator


def print_draw(_: Translator, told: dict[str, Any], *, as_json: bool) -> None:
    """Print a draw with what has been drawn, as tables or as JSON."""
    if as_json:
        print_json(told)
        return
    step = draw_record.STATES[told["state"]]
    known = [
        (_("State"), _(step)),
        (_("Day"), told.get("as_of")),
        (_("Source of the seed"), told.get("randomness")),
        (_("Seed known from"), told.get("seed_known_from")),
        (_("SHA-256 of the list"), told.get("list_sha256")),
        (_("SHA-256 of the commitment"), told.get("commitment_sha256")),
        (_("Quotas"), _numbers(told.get("quotas"))),
        (_("Reserves"), _numbers(told.get("reserves"))),
        (_("Seed"), told.get("seed")),
        (_("SHA-256 of the substitutions"), told.get("substitutions_sha256")),
    ]
    title = _("Draw %(name)s", name=told.get("name", told["id"]))
    print_table(title, (_("What"), _("Value")), [row for row in known if row[1] is not None])
    if "results" in told:
        kinds = {kind: _(text) for kind, text in draw_record.KINDS.items()}
        print_table(
            _("Premises"),
            (_("Credit class"), _("Place"), _("Licence"), _("Premises"), _("Kind"), "A", "B"),
            [
                (
                    *(row["stratum"], row["place"], row["licence"], row["name"]),
                    _kind(_, kinds, row),
                    row.get("lead") or _without(_, row["without_pair"]),
                    row.get("assistant"),
                )
                for row in told["results"]
            ],
        )
    if "bundle" in told:
        typer.echo(_("%(place)s: check it with python verify_draw.py", place=told["bundle"]))


def _kind(_: Translator, kinds: dict[str, str], row: dict[str, Any]) -> str:
    """Say what a premises of a draw is by now, and for whom a substitute stands."""
    kind = kinds[row["kind"]]
    if row["replaced_by"]:
        return f"{kind} → {row['replaced_by']}: {row['replaced_because']}"
    return f"{kind} ← {row['stands_for']}" if row["stands_for"] else kind


def print_prospect(_: Translator, told: dict[str, Any], prospect: dict[str, Any]) -> None:
    """Print what a draw would be from."""
    print_table(
        _("Draw %(name)s", name=told["name"]),
        (_("Credit class"), _("Eligible"), _("Quota"), _("Reserves")),
        [
            (stratum, number, prospect["quotas"][stratum], prospect["reserves"][stratum])
            for stratum, number in prospect["strata"].items()
        ],
    )
    print_table(
        _("%(count)d premises in scope", count=prospect["scope"]),
        (_("Left out because"), _("Premises")),
        [
            (_(draw_record.EXCLUSIONS[reason]), number)
            for reason, number in prospect["excluded"].items()
        ],
    )
    if told.get("commitment_sha256"):
        typer.echo(_("Publish now: commitment %(digest)s", digest=told["commitment_sha256"]))


def _numbers(values: dict[str, int] | None) -> str | None:
    return None if values is None else ", ".join(f"{key} {value}" for key, value in values.items())


def state(_: Translator, told: dict[str, Any]) -> str:
    """Say how far a draw is."""
    step = draw_record.STATES[told["state"]]
    return _(step)


def _without(_: Translator, reason: str | None) -> str | None:
    return None if reason is None else _(draw_record.WITHOUT_PAIR[reason])


def yes(_: Translator, value: object) -> str:
    """Say yes or no."""
    return _("yes") if value else _("no")

"""Commands for imports: files into the register, and out of it again."""

from pathlib import Path
from typing import Annotated, Any

import typer

from gis_supervision import settings as configuration
from gis_supervision.cli.connection import connected
from gis_supervision.cli.terminal import AsJson, print_json, print_table, progress
from gis_supervision.cli.terminal import actor as acting
from gis_supervision.errors import InvalidInputError
from gis_supervision.importing import batches as importing
from gis_supervision.importing import diagnosis, rejections, suggestions
from gis_supervision.importing import mapping as mappings
from gis_supervision.importing.reports import ImportReport
from gis_supervision.importing.values import REASONS
from gis_supervision.language import Translator, gettext_noop, translator
from gis_supervision.storage import batches as records
from gis_supervision.storage import boundaries
from gis_supervision.storage.database import session_scope

app = typer.Typer(no_args_is_help=True, help=gettext_noop("Import files, list and undo imports."))

SHOWN_REJECTIONS = 20
REFUSED = 6
"""Exit code of an import that was refused because of its rows."""

Actor = Annotated[
    str | None,
    typer.Option("--as", help=gettext_noop("Who imports; left out: the name of the account.")),
]


@app.command(help=gettext_noop("Import files under a mapping."))
def run(
    mapping: Annotated[Path, typer.Argument(help=gettext_noop("Mapping file (TOML)."))],
    files: Annotated[
        list[str] | None,
        typer.Argument(
            help=gettext_noop(
                "Files in the order of the mapping's sources, or SOURCE=FILE; "
                "left out: those that the mapping names."
            )
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help=gettext_noop("Check and count; write nothing."))
    ] = False,
    mode: Annotated[
        str,
        typer.Option(
            help=gettext_noop(
                "refuse: one wrong row and nothing is written; reject: leave wrong rows out."
            )
        ),
    ] = "refuse",
    rejected: Annotated[
        Path | None,
        typer.Option(
            "--report",
            help=gettext_noop(
                "Write the rejected rows here (.csv or .xlsx), to be mended and imported again."
            ),
        ),
    ] = None,
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    if mode not in {"refuse", "reject"}:
        raise InvalidInputError("--mode %(mode)s: expected refuse or reject", mode=mode)
    with connected() as connection:
        _ = connection.translate
        with progress() as advance:
            report = importing.run(
                connection.engine,
                mapping,
                files=named_files(files or []),
                mode="reject" if mode == "reject" else "refuse",
                dry_run=dry_run,
                actor=acting(actor),
                progress=lambda step, rows: advance(
                    step_title(step, _), f"{rows:,}" if rows else None
                ),
            )
        if rejected is not None:
            loaded = mappings.load(mapping)
            paths = importing.chosen(loaded, mapping, named_files(files or []))
            for path in rejections.write(report, loaded, paths, rejected, _):
                typer.echo(_("Rejected rows: %(path)s", path=path), err=True)
    if as_json:
        print_json(report.to_dict(_))
    else:
        show(report, _)
    if report.status == "refused":
        raise typer.Exit(REFUSED)


def step_title(step: str, translate: Translator) -> str:
    """Say what a step of an import is called.

    Parameters
    ----------
    step
        As `gis_supervision.importing.batches.Progress` is told.
    translate
        Texts in the reader's language.

    Returns
    -------
    str
    """
    _ = translate
    if step in importing.STEPS:
        return _(importing.STEPS[step])
    return _("read %(file)s", file=step.removeprefix("read "))


def named_files(given: list[str]) -> dict[str, Path] | list[Path] | None:
    """Read the files of a command line.

    Parameters
    ----------
    given
        ``SOURCE=FILE`` each, or files each.

    Returns
    -------
    dict or list or None
        By source, or in order; None where none is given.

    Raises
    ------
    InvalidInputError
        Some name a source and some do not.
    """
    if not given:
        return None
    pairs = [one.partition("=") for one in given]
    named = [
        bool(sign) and not Path(one).exists()
        for one, (_, sign, _) in zip(given, pairs, strict=True)
    ]
    if all(named):
        return {name: Path(path) for name, _, path in pairs}
    if any(named):
        raise InvalidInputError("name the source of every file (SOURCE=FILE), or of none")
    return [Path(one) for one in given]


def show(report: ImportReport, translate: Translator) -> None:
    """Print a report for people."""
    _ = translate
    for note in report.notes:
        typer.echo(note.translated(_))
    if report.counts:
        columns = ("new", "changed", "unchanged", "withdrawn")
        rows: list[tuple[object, ...]] = [
            (_(kind), *(counts[name] for name in columns))
            for kind, counts in report.counts.items()
            if kind != "rows"
        ]
        print_table(
            _("Import of %(name)s", name=report.mapping),
            (_("What"), _("New"), _("Changed"), _("Unchanged"), _("Withdrawn")),
            rows,
        )
        counted = report.counts["rows"]
        typer.echo(
            _(
                "%(read)d rows read, %(skipped)d left out by the mapping, %(rejected)d rejected",
                **counted,
            )
        )
    if report.rejections:
        print_table(
            _("Rejected values"),
            (_("File"), _("Row"), _("Column"), _("Value"), _("Reason"), _("Expected")),
            [
                (r.file, r.row, r.column, r.value, _(REASONS[r.reason]), r.expected_in(_))
                for r in report.rejections[:SHOWN_REJECTIONS]
            ],
        )
    outcome = {
        "imported": _("Imported as batch %(id)d.", id=report.batch_id or 0),
        "unchanged": _("Nothing to do."),
        "refused": _("Refused: nothing was written. Mend the rows, or use --mode reject."),
        "dry_run": _("Dry run: nothing was written."),
    }
    typer.echo(outcome[report.status])


@app.command(help=gettext_noop("List the last imports, newest first."))
def batches(
    most: Annotated[
        int, typer.Option("--most", min=1, help=gettext_noop("Largest number to list."))
    ] = 20,
    as_json: AsJson = False,
) -> None:
    with connected() as connection, session_scope(connection.engine) as session:
        _ = connection.translate
        rows = records.newest(session, most)
    if as_json:
        print_json([vars(row) for row in rows])
        return
    print_table(
        _("Imports"),
        (_("Batch"), _("When"), _("Who"), _("Mapping"), _("Files"), _("New"), _("Undone")),
        [
            (
                row.id,
                f"{row.imported_at:%Y-%m-%d %H:%M}",
                row.imported_by,
                row.mapping,
                ", ".join(one["file"] for one in row.files.values()),
                _new(row.counts),
                None if row.undone_at is None else f"{row.undone_at:%Y-%m-%d %H:%M}",
            )
            for row in rows
        ],
    )


def _new(counts: dict[str, Any]) -> int:
    return sum(one.get("new", 0) for kind, one in counts.items() if kind != "rows")


@app.command(help=gettext_noop("Put the register back to what it was before an import."))
def undo(
    batch: Annotated[int, typer.Argument(help=gettext_noop("Number of the batch."))],
    actor: Actor = None,
    as_json: AsJson = False,
) -> None:
    with connected() as connection:
        _ = connection.translate
        counts = importing.undo(connection.engine, batch, actor=acting(actor))
    if as_json:
        print_json({"batch": batch, **counts})
        return
    names = {**importing.STEPS, "changes": gettext_noop("changes taken back")}
    print_table(
        _("Batch %(id)d is undone", id=batch),
        (_("What"), _("Number")),
        [(_(names[kind]), number) for kind, number in counts.items()],
    )


@app.command(help=gettext_noop("Draft a mapping file for a file."))
def suggest(
    file: Annotated[Path, typer.Argument(help=gettext_noop("Any file that can be imported."))],
    output: Annotated[
        Path | None,
        typer.Option("--output", help=gettext_noop("Write it here; left out: print it.")),
    ] = None,
) -> None:
    text = suggestions.suggest(file)
    if output is None:
        typer.echo(text, nl=False)
        return
    if output.exists():
        raise InvalidInputError("%(output)s is there already; name another file", output=output)
    output.write_text(text, encoding="utf-8")


@app.command(help=gettext_noop("Tell which datum files are in, by a boundary."))
def diagnose(
    mapping: Annotated[Path, typer.Argument(help=gettext_noop("Mapping file (TOML)."))],
    files: Annotated[
        list[str] | None,
        typer.Argument(help=gettext_noop("Files, as for import run.")),
    ] = None,
    boundary: Annotated[
        Path | None,
        typer.Option(
            help=gettext_noop("Geographic file with the boundary; left out: the register's.")
        ),
    ] = None,
    division: Annotated[
        str | None,
        typer.Option(help=gettext_noop("Code of the division that is the boundary.")),
    ] = None,
    as_json: AsJson = False,
) -> None:
    loaded = mappings.load(mapping)
    paths = importing.chosen(loaded, mapping, named_files(files or []))
    _ = translator(configuration.load().language)
    if boundary is not None:
        outlines = diagnosis.boundary_of(boundary)
    else:
        with connected() as connection, session_scope(connection.engine) as session:
            outlines = boundaries.outlines(session, division)
    found = diagnosis.diagnose(loaded, paths, outlines)
    if as_json:
        print_json([one.to_dict(_) for one in found])
        return
    for one in found:
        print_table(
            _("%(source)s, declared as %(datum)s", source=one.source, datum=one.declared),
            (_("Datum"), _("Inside, %"), _("Distance, m"), _("Shift, m")),
            [
                (
                    fit.datum,
                    None if fit.share_inside is None else round(100 * fit.share_inside, 2),
                    round(fit.distance_m, 1),
                    None if fit.shift_m is None else round(fit.shift_m, 1),
                )
                for fit in one.fits
            ],
        )
        if one.warning:
            typer.echo(one.warning.translated(_))
        elif not one.decisive:
            typer.echo(_("The boundary does not tell the datums apart."))

"""Imports: files under a mapping, checked row by row, into the register as one batch.

Everything happens in one transaction: an import that is refused, killed or interrupted leaves
nothing behind.
"""

import hashlib
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final, Literal

import polars as pl
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from gis_supervision.errors import ConflictError, InvalidInputError
from gis_supervision.importing import checks, files, readers
from gis_supervision.importing import mapping as mappings
from gis_supervision.importing.fields import RECORDS, RecordName
from gis_supervision.importing.locations import DEFAULT_DATUM
from gis_supervision.importing.mapping import Source
from gis_supervision.importing.reports import (
    KEPT_REJECTIONS,
    SET_REASONS,
    ImportReport,
    Rejection,
)
from gis_supervision.importing.wrong_rows import broken_rows, missing_columns
from gis_supervision.language import gettext_noop
from gis_supervision.messages import Message
from gis_supervision.storage import batches, hazards, outlines, staging
from gis_supervision.storage.database import session_scope

Mode = Literal["refuse", "reject"]
Progress = Callable[[str, int], None]
"""Called with the name of a step (see `STEPS`) and the number of rows that it has dealt with."""

STEPS: Final = {
    "check": gettext_noop("check rows against each other"),
    "divisions": gettext_noop("divisions"),
    "premises": gettext_noop("premises"),
    "inspections": gettext_noop("inspections"),
    "findings": gettext_noop("findings"),
    "complaints": gettext_noop("complaints"),
    "hazards": gettext_noop("hazards"),
}
"""What the steps of an import are called; before them comes ``read FILE`` for each file."""


@dataclass
class _Tally:
    read: int = 0
    skipped: int = 0
    repeated: int = 0
    notes: list[Message] = field(default_factory=list)


def run(
    engine: Engine,
    mapping_path: Path,
    *,
    files: Mapping[str, Path] | Sequence[Path] | None = None,
    mode: Mode = "refuse",
    dry_run: bool = False,
    actor: str,
    progress: Progress | None = None,
) -> ImportReport:
    """Import files under a mapping.

    Parameters
    ----------
    engine
        Of the register.
    mapping_path
        The mapping file.
    files
        Files by name of the source, or in the order of the mapping's sources. Only these sources
        are then read. Left out: all sources, from the paths that the mapping names.
    mode
        ``refuse``: one wrong row and nothing is written. ``reject``: rows that are right are
        written, the others reported.
    dry_run
        Count and check, and write nothing.
    actor
        Who imports.
    progress
        Called now and then; see `Progress`.

    Returns
    -------
    ImportReport

    Raises
    ------
    InvalidInputError
        The mapping or a file cannot be read.
    NotFoundError
        A file is not there.
    ConflictError
        A file changed while it was read.
    UnavailableError
        The database cannot do it, as when its disk is full. The register is as it was.
    """
    mapping = mappings.load(mapping_path)
    sources = chosen(mapping, mapping_path, files)
    tell = progress or (lambda _step, _rows: None)
    digests = {name: hash_of(path) for name, path in sources.items()}
    sha256 = _content(mapping_path, digests)
    with session_scope(engine) as session:
        batches.lock(session)
        session.execute(
            text("SELECT set_config('gis_supervision.actor', :actor, true)"), {"actor": actor}
        )
        earlier = batches.same(session, sha256)
        if earlier is not None and earlier.rejected == 0:
            return ImportReport(
                status="unchanged",
                mapping=mapping.name,
                files={name: path.name for name, path in sources.items()},
                batch_id=None,
                earlier_batch_id=earlier.id,
                notes=(_told(earlier),),
            )
        if earlier is not None:
            # rows that were rejected for want of a parent may have one now
            sha256 = hashlib.sha256(f"{sha256} after {earlier.id}".encode()).hexdigest()
        work = _Import(session, mapping, sources, tell, writes=not dry_run)
        work.stage()
        for name, path in sources.items():
            if hash_of(path) != digests[name]:
                raise ConflictError(
                    "%(file)s changed while it was read; import it again", file=path.name
                )
        rejected = staging.rejected_rows(session)
        if rejected and (mode == "refuse" or work.incomplete) and not dry_run:
            report = work.report("refused", None, work.compare())
            session.rollback()
            return report
        if dry_run:
            report = work.report("dry_run", None, work.compare())
            session.rollback()
            return report
        batch_id = batches.insert(
            session,
            mapping=mapping.name,
            sha256=sha256,
            files={
                name: {"file": path.name, "sha256": digests[name], "bytes": path.stat().st_size}
                for name, path in sources.items()
            },
            datum=mapping.datum,
            mode=mode,
            actor=actor,
        )
        counts = work.merge(batch_id)
        report = work.report("imported", batch_id, counts)
        batches.finish(session, batch_id, report.counts)
    return report


hash_of = files.sha256


def _told(earlier: batches.Same) -> Message:
    return Message(
        "the same content was imported as batch %(id)d on %(day)s by %(actor)s",
        id=earlier.id,
        day=f"{earlier.imported_at:%Y-%m-%d}",
        actor=earlier.imported_by,
    )


def undo(engine: Engine, batch_id: int, *, actor: str) -> dict[str, int]:
    """Put the register back to what it was before a batch.

    Parameters
    ----------
    engine
        Of the register.
    batch_id
        Number of the batch.
    actor
        Who undoes it.

    Returns
    -------
    dict
        Number of records removed by kind, and of changes reverted.

    Raises
    ------
    NotFoundError
        There is no such batch.
    ConflictError
        Later batches build on it; undo them first.
    """
    with session_scope(engine) as session:
        return batches.undo(session, batch_id, actor=actor)


def chosen(
    mapping: mappings.Mapping,
    mapping_path: Path,
    given: Mapping[str, Path] | Sequence[Path] | None,
) -> dict[str, Path]:
    """Tell which file each source is read from.

    Raises
    ------
    InvalidInputError
        A source is not in the mapping, has no file, or there are more files than sources.
    """
    names = list(mapping.sources)
    if given:
        if not isinstance(given, Mapping):
            if len(given) > len(names):
                raise InvalidInputError(
                    "%(count)s files for %(names_count)s sources (%(names)s)",
                    count=len(given),
                    names_count=len(names),
                    names=", ".join(names),
                )
            given = dict(zip(names, given, strict=False))
        unknown = [name for name in given if name not in names]
        if unknown:
            raise InvalidInputError(
                "no source %(unknown)s in %(name)s; it has %(names)s",
                unknown=", ".join(unknown),
                name=mapping_path.name,
                names=", ".join(names),
            )
        return {name: Path(given[name]) for name in names if name in given}
    lacking = [name for name, source in mapping.sources.items() if source.file is None]
    if lacking:
        raise InvalidInputError(
            "%(name)s names no file for %(lacking)s: give it as %(first)s=FILE",
            name=mapping_path.name,
            lacking=", ".join(lacking),
            first=lacking[0],
        )
    return {
        name: mapping_path.parent / source.file
        for name, source in mapping.sources.items()
        if source.file is not None
    }


def _content(mapping_path: Path, digests: dict[str, str]) -> str:
    digest = hashlib.sha256(mapping_path.read_bytes())
    for name, value in digests.items():
        digest.update(f"\n{name} {value}".encode())
    return digest.hexdigest()


class _Import:
    """One import under way."""

    def __init__(
        self,
        session: Session,
        mapping: mappings.Mapping,
        sources: dict[str, Path],
        tell: Progress,
        *,
        writes: bool,
    ) -> None:
        self.session = session
        self.mapping = mapping
        self.paths = sources
        self.tell = tell
        self.tally = _Tally()
        self.incomplete = False
        """Whether a source lacks columns, so that none of it could be read."""
        kinds = {record for source in self.sources.values() for record in source.records()}
        self.outlines: outlines.Outlines | None = None
        """Where premises are placed while they are read; not known if divisions are read too."""
        if writes and "premises" in kinds and "division" not in kinds:
            self.outlines = outlines.in_force(session)

    @property
    def sources(self) -> dict[str, Source]:
        return {name: self.mapping.sources[name] for name in self.paths}

    def stage(self) -> None:
        """Read, check and stage every source, then check the rows against each other."""
        staging.create(self.session)
        for name, source in self.sources.items():
            self._stage_source(name, source)
        if self.incomplete:
            return
        self.tell("check", self.tally.read)
        staging.check(
            self.session,
            strict_premises=[n for n, s in self.sources.items() if _strict_premises(s)],
            strict_inspections=[n for n, s in self.sources.items() if s.finding is None],
            premises_fields=self._given()["premises"],
        )
        given = {
            name: [one for record, one, _ in source.columns() if record == "premises"]
            for name, source in self.sources.items()
            if source.premises is not None
        }
        self.tally.repeated = sum(staging.keep_last(self.session, given).values())

    def _stage_source(self, name: str, source: Source) -> None:
        path = self.paths[name]
        with readers.opened(path, source, name) as table:
            lacking = missing_columns(name, source, table)
            if lacking.height:
                self.incomplete = True
                staging.stage(self.session, "rejection", lacking)
                return
            datum = source.datum or self.mapping.datum or table.datum or DEFAULT_DATUM
            checker = checks.Checker(name, source, datum)
            told = 0
            # the server takes some rows while the next ones are read and checked
            with ThreadPoolExecutor(1) as behind, closing(_ahead(table.batches)) as parts:
                under_way: list[Future[None]] = []
                for rows in parts:
                    checked = checker.check(rows)
                    broken = broken_rows(name, table.broken[told:])
                    self._count(checked, path)
                    self.tally.read += broken.height
                    told = len(table.broken)
                    for one in under_way:
                        one.result()
                    under_way = [behind.submit(self._stage_rows, checked, broken)]
                    self.tell(f"read {path.name}", self.tally.read)
                for one in under_way:
                    one.result()
            broken = broken_rows(name, table.broken[told:])
            self.tally.read += broken.height
            staging.stage(self.session, "rejection", broken)

    def _stage_rows(self, checked: checks.Checked, broken: pl.DataFrame) -> None:
        for record, frame in checked.records.items():
            placed = frame
            if record == "premises" and self.outlines is not None and "lat" in frame.columns:
                cells, divisions = self.outlines.place(frame["lng"], frame["lat"])
                placed = frame.with_columns(
                    pl.Series("cell_id", cells).replace(0, None),
                    pl.Series("division_id", divisions).replace(0, None),
                )
            staging.stage(self.session, record, placed)
        staging.stage(self.session, "rejection", checked.rejections)
        staging.stage(self.session, "rejection", broken)

    def _count(self, checked: checks.Checked, path: Path) -> None:
        self.tally.read += checked.read
        self.tally.skipped += checked.skipped
        room = KEPT_REJECTIONS - len(self.tally.notes)
        self.tally.notes += [
            Message("%(file)s row %(row)d: %(note)s", file=path.name, row=row, note=note)
            for row, note in checked.notes[:room]
        ]

    def compare(self) -> dict[str, staging.Merged]:
        """Count what a merge would do."""
        return self._merge(None)

    def merge(self, batch_id: int) -> dict[str, staging.Merged]:
        """Write the records, and derive the hazards that follow."""
        return self._merge(batch_id)

    def _merge(self, batch_id: int | None) -> dict[str, staging.Merged]:
        if self.incomplete:
            return {}
        given = self._given()
        done: dict[str, staging.Merged] = {}
        kinds = {record for source in self.sources.values() for record in source.records()}
        if "division" in kinds:
            self.tell("divisions", 0)
            done["divisions"] = staging.merge_divisions(
                self.session, given["division"], batch_id=batch_id
            )
        if "premises" in kinds:
            self.tell("premises", 0)
            done["premises"] = staging.merge_premises(
                self.session,
                given["premises"],
                batch_id=batch_id,
                placed=self.outlines is not None,
            )
        if "inspection" in kinds:
            self.tell("inspections", 0)
            done["inspections"] = staging.merge_inspections(
                self.session, given["inspection"], batch_id=batch_id
            )
        if "finding" in kinds:
            self.tell("findings", 0)
            complete = [n for n, s in self.sources.items() if _complete(s)]
            done["findings"] = staging.merge_findings(self.session, complete, batch_id=batch_id)
        if "complaint" in kinds:
            self.tell("complaints", 0)
            done["complaints"] = self._merge_complaints(given["complaint"], batch_id)
        if batch_id is not None and {"inspection", "finding"} & kinds:
            self.tell("hazards", 0)
            derived = hazards.derive_touched(self.session, batch_id=batch_id)
            done["hazards"] = staging.Merged(
                new=derived.new, changed=derived.changed, withdrawn=derived.withdrawn
            )
        return done

    def _merge_complaints(self, given: list[str], batch_id: int | None) -> staging.Merged:
        waiting = staging.unlinked_complaints(self.session)
        if waiting:
            note = Message(
                "%(count)d complaints name a licence that is not in the register; they are linked"
                " when it is",
                count=waiting,
            )
            self.tally.notes.append(note)
        located = any(
            {"lat", "x"} & set(one.complaint.model_fields_set) or one.complaint.geometry
            for one in self.sources.values()
            if one.complaint is not None
        )
        return staging.merge_complaints(self.session, given, located=located, batch_id=batch_id)

    def _given(self) -> dict[RecordName, list[str]]:
        found: dict[RecordName, list[str]] = {record: [] for record in RECORDS}
        for source in self.sources.values():
            for record, name, _ in source.columns():
                if name not in found[record]:
                    found[record].append(name)
        return found

    def _column(self, source: str, field_name: str | None) -> str | None:
        """Name the columns that a key of the register comes from."""
        for _, name, column in self.mapping.sources[source].columns():
            if name == field_name:
                return ", ".join(column.names()) or name
        return field_name

    def report(
        self,
        status: Literal["imported", "refused", "dry_run"],
        batch_id: int | None,
        merged: dict[str, staging.Merged],
    ) -> ImportReport:
        """Tell what was done, or would be."""
        rows = {
            "read": self.tally.read,
            "skipped": self.tally.skipped,
            "rejected": staging.rejected_rows(self.session),
            "repeated": self.tally.repeated,
        }
        rejections = tuple(
            Rejection(
                source,
                self.paths[source].name,
                row,
                self._column(source, column) if reason in SET_REASONS else column,
                value,
                reason,
                expected or "",
            )
            for source, row, column, value, reason, expected in staging.rejections(
                self.session, KEPT_REJECTIONS
            )
        )
        return ImportReport(
            status=status,
            mapping=self.mapping.name,
            files={name: path.name for name, path in self.paths.items()},
            batch_id=batch_id,
            counts={"rows": rows, **{name: asdict(one) for name, one in merged.items()}},
            rejections=rejections,
            notes=tuple(self.tally.notes),
        )


def _ahead(parts: Iterable[pl.DataFrame]) -> Generator[pl.DataFrame]:
    """Read the next part while the one before is worked on."""
    left = iter(parts)
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(next, left, None)
        while (part := coming.result()) is not None:
            coming = reader.submit(next, left, None)
            yield part


def _strict_premises(source: Source) -> bool:
    if source.premises is None:
        return False
    if source.premises.duplicates is not None:
        return source.premises.duplicates == "reject"
    return source.inspection is None


def _complete(source: Source) -> bool:
    """Whether a row, or the source, names all findings of its inspection."""
    finding = source.finding
    if finding is None:
        return False
    if finding.complete or finding.items_from is not None:
        return True
    divided = finding.item is not None and finding.item.split is not None
    return divided and source.inspection is not None

"""Batches of imports: their record, and how to undo one."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from gis_supervision.errors import ConflictError, NotFoundError
from gis_supervision.storage import hazards
from gis_supervision.storage.staging import place_in_bulk
from gis_supervision.storage.statements import named


@dataclass(frozen=True)
class Batch:
    """One import as the register remembers it."""

    id: int
    mapping: str
    files: dict[str, Any]
    datum: str | None
    mode: str
    counts: dict[str, Any]
    imported_by: str
    imported_at: datetime
    undone_at: datetime | None


@dataclass(frozen=True)
class Same:
    """An earlier batch with the same content."""

    id: int
    imported_at: datetime
    imported_by: str
    rejected: int


def lock(session: Session) -> None:
    """Wait until no other import is under way; held until the transaction ends."""
    session.execute(text(named("batches")["lock"]))


def same(session: Session, sha256: str) -> Same | None:
    """Find the batch with a content, if it has not been undone."""
    row = session.execute(text(named("batches")["same"]), {"sha256": sha256}).mappings().first()
    return None if row is None else Same(**row)


def insert(
    session: Session,
    *,
    mapping: str,
    sha256: str,
    files: dict[str, Any],
    datum: str | None,
    mode: str,
    actor: str,
) -> int:
    """Open a batch.

    Returns
    -------
    int
        Its number.
    """
    values = {
        "mapping": mapping,
        "sha256": sha256,
        "files": json.dumps(files, ensure_ascii=False),
        "datum": datum,
        "mode": mode,
        "actor": actor,
    }
    return int(session.execute(text(named("batches")["insert"]), values).scalar_one())


def finish(session: Session, batch_id: int, counts: dict[str, Any]) -> None:
    """Write down what became of the rows of a batch."""
    session.execute(
        text(named("batches")["finish"]), {"batch": batch_id, "counts": json.dumps(counts)}
    )


def find(session: Session, batch_id: int) -> Batch:
    """Return a batch.

    Raises
    ------
    NotFoundError
        There is none with this number.
    """
    row = session.execute(text(named("batches")["find"]), {"batch": batch_id}).mappings().first()
    if row is None:
        raise NotFoundError("no import batch %(batch_id)s", batch_id=batch_id)
    return Batch(**row)


def newest(session: Session, most: int = 50) -> list[Batch]:
    """List the last batches, newest first."""
    rows = session.execute(text(named("batches")["list"]), {"most": most}).mappings()
    return [Batch(**row) for row in rows]


def undo(session: Session, batch_id: int, *, actor: str) -> dict[str, int]:
    """Put the register back to what it was before a batch.

    Records that the batch made are removed, those that it changed get their former values back,
    and hazards follow. States that people have given to other hazards since then are kept.

    Parameters
    ----------
    session
        An open session; the caller commits.
    batch_id
        Its number.
    actor
        Who undoes it, for the history of hazards.

    Returns
    -------
    dict
        Number of premises, inspections, findings and divisions removed, and of changes reverted.

    Raises
    ------
    NotFoundError
        There is no such batch.
    ConflictError
        It has been undone already, or later batches or grid cells build on it.
    """
    lock(session)
    batch = find(session, batch_id)
    if batch.undone_at is not None:
        raise ConflictError(
            "batch %(batch_id)s was undone on %(undone_at)s",
            batch_id=batch_id,
            undone_at=f"{batch.undone_at:%Y-%m-%d %H:%M}",
        )
    sql = named("batches")
    values = {"batch": batch_id}
    later = session.execute(text(sql["later"]), values).scalars().all()
    if later:
        raise ConflictError(
            "batch %(later)s builds on batch %(batch_id)s: undo the newest first",
            later=", ".join(map(str, later)),
            batch_id=batch_id,
        )
    if session.execute(text(sql["cells_of_divisions"]), values).scalar_one():
        raise ConflictError(
            "grid cells lie in divisions of batch %(batch_id)s: it can be undone when they are "
            "gone",
            batch_id=batch_id,
        )
    counts = dict(session.execute(text(sql["counts"]), values).mappings().one())
    session.execute(
        text("SELECT set_config('gis_supervision.actor', :actor, true)"), {"actor": actor}
    )
    session.execute(
        text("CREATE TEMPORARY TABLE touched_premises (id bigint PRIMARY KEY) ON COMMIT DROP")
    )
    session.execute(text(sql["touch"]), values)
    session.execute(text(sql["restore_findings"]), values)
    session.execute(text(sql["restore_inspections"]), values)
    hazards.derive_touched(session, excluded_batch_id=batch_id)
    session.execute(text(sql["restore_hazards"]), values)
    session.execute(text(sql["delete_inspections"]), values)
    place_in_bulk(session, on=True)
    session.execute(text(sql["restore_premises"]), values)
    session.execute(text(sql["delete_premises"]), values)
    if counts["divisions"] or counts["changes"]:
        session.execute(text(sql["restore_divisions"]), values)
        place_in_bulk(session, on=True)
        session.execute(text(sql["delete_divisions"]), values)
        place_in_bulk(session, on=True)
    session.execute(text(sql["place_restored"]), values)
    place_in_bulk(session, on=False)
    session.execute(text(sql["restore_complaints"]), values)
    session.execute(text(sql["undone"]), values)
    return counts


def importers(session: Session) -> set[str]:
    """Return who made the imports that stand in the register."""
    return set(
        session.scalars(
            text("SELECT DISTINCT imported_by FROM import_batch WHERE undone_at IS NULL")
        )
    )

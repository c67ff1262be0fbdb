"""Rows of an import on their way into the register: staged, checked as a set, merged."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis_supervision.domain.inspections import SEVERITIES
from gis_supervision.storage import bulk, frames
from gis_supervision.storage.statements import named

STAGES = ("division", "premises", "inspection", "finding", "complaint", "rejection")


@dataclass(frozen=True)
class Merged:
    """What became of the records of one kind."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    withdrawn: int = 0

    @property
    def touched(self) -> int:
        """Number of records that differ from before."""
        return self.new + self.changed + self.withdrawn


def create(session: Session) -> None:
    """Make the staging tables; they go with the transaction."""
    session.execute(text(named("staging")["create"]))


def stage(session: Session, name: str, frame: pl.DataFrame) -> None:
    """Add rows to a staging table.

    Parameters
    ----------
    session
        An open session, after `create`.
    name
        One of `STAGES`.
    frame
        Columns by name.
    """
    if frame.height:
        frames.write(session, f"staged_{name}", frame)


def check(
    session: Session,
    *,
    strict_premises: Sequence[str],
    strict_inspections: Sequence[str],
    premises_fields: Sequence[str],
) -> None:
    """Reject rows that contradict each other, or whose parent is missing.

    Parameters
    ----------
    session
        An open session with everything staged.
    strict_premises, strict_inspections
        Sources in which rows with one key may not differ.
    premises_fields
        Fields of premises that the sources fill.
    """
    sql = named("staging")
    session.execute(text(sql["analyze"]))
    session.execute(text(sql["repeated"]))
    _reject(session, sql["reject_repeated_divisions"], {})
    _reject(session, sql["reject_repeated_premises"], {"strict": list(strict_premises)})
    _reject(session, sql["reject_repeated_inspections"], {"strict": list(strict_inspections)})
    if {"opened_on", "closed_on"} & set(premises_fields):
        _reject(session, sql["reject_closed_premises"], {"given": list(premises_fields)})
    _reject(session, sql["reject_repeated_complaints"], {})
    _reject(session, sql["reject_ended_complaints"], {})
    _reject(session, sql["reject_orphaned_inspections"], {})
    _reject(session, sql["reject_orphaned_findings"], {})


def _reject(session: Session, statement: str, values: dict[str, Any]) -> None:
    sql = named("staging")
    since = session.execute(text(sql["last_rejection"])).scalar_one()
    session.execute(text(statement), values)
    if session.execute(text(sql["last_rejection"])).scalar_one() > since:
        session.execute(text(sql["drop_rejected"]), {"since": since})


def rejected_rows(session: Session) -> int:
    """Count the rows that have been rejected."""
    return int(session.execute(text(named("staging")["rejected_rows"])).scalar_one())


def rejections(
    session: Session, most: int
) -> list[tuple[str, int, str | None, str | None, str, str | None]]:
    """List rejected values, by source and row.

    Parameters
    ----------
    session
        An open session.
    most
        Largest number to list.

    Returns
    -------
    list of tuple
        Source, row, column, value, reason, what was expected.
    """
    rows = session.execute(text(named("staging")["rejections"]), {"most": most})
    return [(r[0], r[1], r[2], r[3], r[4], r[5]) for r in rows]


def keep_last(session: Session, given: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Leave one row for each premises and inspection.

    Parameters
    ----------
    session
        An open session, after `check`.
    given
        Fields of premises that each source gives; sources that give others complete each other.

    Returns
    -------
    dict
        Number of rows that merely repeat another one's key, by kind of record.
    """
    sql = named("staging")
    counts = dict(session.execute(text(sql["repeated_rows"])).mappings().one())
    if counts["premises"]:
        session.execute(text(sql["keep_last_premises"]))
        if len({frozenset(fields) for fields in given.values()}) > 1:
            session.execute(
                text(sql["complete_premises"]),
                {"given": json.dumps({source: list(fields) for source, fields in given.items()})},
            )
        session.execute(text(sql["drop_repeated_premises"]))
    if counts["inspections"]:
        session.execute(text(sql["keep_last_inspections"]))
    if counts["complaints"]:
        session.execute(text(sql["keep_last_complaints"]))
    return counts


def place_in_bulk(session: Session, *, on: bool) -> None:
    """Say whether premises that are written from here on are placed afterwards, all at once."""
    session.execute(
        text("SELECT set_config('gis_supervision.placing', :how, true)"),
        {"how": "bulk" if on else ""},
    )


def merge_premises(
    session: Session, given: Sequence[str], *, batch_id: int | None, placed: bool
) -> Merged:
    """Bring the staged premises into the register.

    Parameters
    ----------
    session
        An open session.
    given
        Fields that the mapping fills; others keep their values.
    batch_id
        The batch; None compares and writes nothing.
    placed
        Whether cell and division were staged with the points.

    Returns
    -------
    Merged
    """
    sql = named("premises_merge")
    values = {"given": list(given), "batch": batch_id}
    session.execute(text(sql["compare"]), values)
    counted = dict(session.execute(text(sql["count"])).mappings().one())
    confirmed = counted.pop("confirmed")
    counts = Merged(**counted)
    if batch_id is None:
        return counts
    if counts.touched or confirmed:
        place_in_bulk(session, on=True)
        if counts.new:
            if not placed:
                session.execute(text(sql["place"]))
            with bulk.load(session, "premises", counts.new):
                session.execute(text(sql["insert"]), values)
        if counts.changed or confirmed:
            session.execute(text(sql["remember"]), values)
            session.execute(text(sql["update"]), values)
        if counts.changed:
            session.execute(text(sql["drop_geocodes"]))
            session.execute(text(sql["place_changed"]))
        place_in_bulk(session, on=False)
    return counts


def merge_inspections(session: Session, given: Sequence[str], *, batch_id: int | None) -> Merged:
    """Bring the staged inspections into the register; see `merge_premises`."""
    sql = named("inspection_merge")
    values = {"given": list(given), "batch": batch_id}
    session.execute(text(sql["compare_inspections"]), values)
    counts = Merged(**session.execute(text(sql["count_inspections"])).mappings().one())
    if batch_id is None or not counts.touched:
        return counts
    if counts.new:
        with bulk.load(session, "inspection", counts.new):
            session.execute(text(sql["insert_inspections"]), values)
    if counts.changed:
        session.execute(text(sql["remember_inspections"]), values)
        session.execute(text(sql["update_inspections"]), values)
    session.execute(text(sql["touch_inspections"]))
    return counts


def merge_findings(session: Session, complete: Sequence[str], *, batch_id: int | None) -> Merged:
    """Bring the staged findings into the register.

    Parameters
    ----------
    session
        An open session.
    complete
        Sources that name every finding of their inspections: others are withdrawn.
    batch_id
        The batch; None compares and writes nothing.

    Returns
    -------
    Merged
    """
    sql = named("inspection_merge")
    session.execute(text(sql["compare_findings"]), {"severities": [str(one) for one in SEVERITIES]})
    session.execute(text(sql["compare_withdrawn"]), {"complete": list(complete)})
    counts = Merged(**session.execute(text(sql["count_findings"])).mappings().one())
    if batch_id is None or not counts.touched:
        return counts
    values = {"batch": batch_id}
    if counts.new:
        with bulk.load(session, "finding", counts.new):
            session.execute(text(sql["insert_findings"]), values)
    if counts.changed or counts.withdrawn:
        session.execute(text(sql["remember_findings"]), values)
        session.execute(text(sql["update_findings"]))
        session.execute(text(sql["delete_findings"]))
    session.execute(text(sql["touch_findings"]))
    return counts


def merge_complaints(
    session: Session, given: Sequence[str], *, located: bool, batch_id: int | None
) -> Merged:
    """Bring the staged complaints into the register; see `merge_premises`.

    Parameters
    ----------
    session
        An open session.
    given
        Fields that the mapping fills; others keep their values.
    located
        Whether the mapping fills the point.
    batch_id
        The batch; None compares and writes nothing.

    Returns
    -------
    Merged
    """
    sql = named("complaint_merge")
    values = {"given": list(given), "located": located, "batch": batch_id}
    session.execute(text(sql["compare"]), values)
    counts = Merged(**session.execute(text(sql["count"])).mappings().one())
    if batch_id is None or not counts.touched:
        return counts
    if counts.new:
        session.execute(text(sql["insert"]), values)
    if counts.changed:
        session.execute(text(sql["remember"]), values)
        session.execute(text(sql["update"]), values)
    return counts


def unlinked_complaints(session: Session) -> int:
    """Count staged complaints that name a licence which the register does not have."""
    return int(session.execute(text(named("complaint_merge")["count_unlinked"])).scalar_one())


def merge_divisions(session: Session, given: Sequence[str], *, batch_id: int | None) -> Merged:
    """Bring the staged divisions into the register; see `merge_premises`."""
    sql = named("division_merge")
    values = {"given": list(given), "batch": batch_id}
    session.execute(text(sql["compare"]), values)
    counts = Merged(**session.execute(text(sql["count"])).mappings().one())
    if batch_id is None or not counts.touched:
        return counts
    session.execute(text(sql["new"]))
    if counts.new:
        session.execute(text(sql["shorten_codes"]), values)
        session.execute(text(sql["insert"]), values)
        session.execute(text(sql["insert_codes"]), values)
    if counts.changed:
        session.execute(text(sql["remember"]), values)
        for division, code, since in session.execute(text(sql["succeed_codes"]), values).all():
            successor = {"division": division, "code": code, "since": since, "batch": batch_id}
            session.execute(text(sql["insert_successor"]), successor)
        session.execute(text(sql["update"]), values)
    session.execute(text(sql["adopt"]))
    return counts

"""Draws as they are kept: plan, commitment, seed with result, publication. Nothing is changed."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select, text

from gis_supervision.errors import ConflictError, NotFoundError
from gis_supervision.messages import Message
from gis_supervision.storage.draw_tables import (
    DrawCommitment,
    DrawPick,
    DrawPlan,
    DrawPublication,
    DrawResult,
    DrawSubstitution,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

PICKS = """
    SELECT
        k.licence, coalesce(m.name, '') AS name, m.address, k.kind, k.stratum, k.place, k.ticket,
        k.stands_for, k.replaced_by, k.replaced_because,
        a.staff_number AS lead_number, a.name AS lead_name,
        b.staff_number AS assistant_number, b.name AS assistant_name,
        k.without_pair, v.inspected_on, v.result
    FROM draw_visit AS k
    INNER JOIN draw_plan AS p ON k.plan_id = p.id
    LEFT JOIN premises AS m ON k.licence = m.licence
    LEFT JOIN inspector AS a ON k.lead_id = a.id
    LEFT JOIN inspector AS b ON k.assistant_id = b.id
    LEFT JOIN LATERAL (
        SELECT i.inspected_on, i.result
        FROM inspection AS i
        WHERE
            i.premises_id = m.id
            AND i.inspected_on >= coalesce(k.stands_from, p.planned_on)
            AND (p.channel IS NULL OR i.channel = p.channel)
            AND k.kind <> 'reserve'
        ORDER BY i.inspected_on, i.id
        LIMIT 1
    ) AS v ON true
    WHERE k.plan_id = :plan
    ORDER BY k.picked, k.stratum COLLATE "C", k.place
"""


@dataclass(frozen=True)
class Record:
    """A draw with the steps it has taken; those to come are None."""

    plan: DrawPlan
    commitment: DrawCommitment | None
    result: DrawResult | None
    publication: DrawPublication | None

    @property
    def state(self) -> str:
        """How far it is: planned, committed, drawn or published."""
        if self.publication is not None:
            return "published"
        if self.result is not None:
            return "drawn"
        return "planned" if self.commitment is None else "committed"

    def committed(self) -> DrawCommitment:
        """Return the commitment.

        Raises
        ------
        ConflictError
            When there is none yet.
        """
        if self.commitment is None:
            raise ConflictError("draw %(name)r has no commitment yet", name=self.plan.name)
        return self.commitment

    def drawn(self) -> DrawResult:
        """Return the result.

        Raises
        ------
        ConflictError
            When there is none yet.
        """
        if self.result is None:
            raise ConflictError("draw %(name)r has not been carried out yet", name=self.plan.name)
        return self.result


@dataclass(frozen=True)
class Pick:
    """One of the premises drawn or of the reserves, for the office.

    ``kind`` is drawn, replaced, substitute or reserve: what it is by now.
    """

    licence: str
    name: str
    address: str | None
    kind: str
    stratum: str
    place: int
    ticket: str
    stands_for: str | None
    replaced_by: str | None
    replaced_because: str | None
    lead_number: str | None
    lead_name: str | None
    assistant_number: str | None
    assistant_name: str | None
    without_pair: str | None
    inspected_on: Any
    result: str | None


def add_plan(session: Session, plan: DrawPlan) -> Record:
    """Keep a plan.

    Raises
    ------
    ConflictError
        When another has its name.
    """
    taken = select(DrawPlan.id).where(DrawPlan.name == plan.name)
    if session.scalars(taken).first() is not None:
        raise ConflictError(
            "there is a draw %(name)r already: a plan is never changed", name=plan.name
        )
    session.add(plan)
    session.flush()
    return Record(plan, None, None, None)


def find(session: Session, name: str | int, *, lock: bool = False) -> Record:
    """Return a draw by its name or number.

    Parameters
    ----------
    session
        An open session.
    name
        The number; or, as text, the name, and the number where no draw has that name.
    lock
        Wait until nobody else takes a step of this draw; held until the transaction ends.

    Raises
    ------
    NotFoundError
        When there is none; the message has the nearest name.
    """
    queries = [select(DrawPlan).where(DrawPlan.name == name)] if isinstance(name, str) else []
    if _numeric(name):
        queries.append(select(DrawPlan).where(DrawPlan.id == int(name)))
    plan = None
    for query in queries:
        plan = plan or session.scalars(query.with_for_update() if lock else query).first()
    if plan is None:
        known = session.scalars(select(DrawPlan.name)).all()
        near = difflib.get_close_matches(str(name), known, n=1)
        hint = Message(" (did you mean %(near)r?)", near=near[0]) if near else ""
        raise NotFoundError("there is no draw %(name)r%(hint)s", name=str(name), hint=hint)
    return _record(session, plan)


def all_of(session: Session) -> list[Record]:
    """Return every draw, the newest first."""
    plans = session.scalars(select(DrawPlan).order_by(DrawPlan.id.desc())).all()
    return [_record(session, plan) for plan in plans]


def add_commitment(session: Session, commitment: DrawCommitment) -> None:
    """Keep a commitment; the database checks its digests and times."""
    session.add(commitment)
    session.flush()


def add_result(session: Session, result: DrawResult, picks: Sequence[dict[str, Any]]) -> None:
    """Keep a result with its picks; the database checks that it belongs to the commitment."""
    session.add(result)
    session.flush()
    if picks:
        session.execute(insert(DrawPick), [{"plan_id": result.plan_id, **pick} for pick in picks])


def add_publication(session: Session, plan_id: int, by: str) -> None:
    """Keep that a result became public."""
    publication = DrawPublication(plan_id=plan_id, published_by=by, published_at=clock(session))
    session.add(publication)
    session.flush()


def add_substitution(session: Session, substitution: DrawSubstitution) -> None:
    """Keep a substitution; the database checks that it is the next reserve's turn."""
    session.add(substitution)
    session.flush()


def substitutions(session: Session, plan_id: int) -> list[DrawSubstitution]:
    """Return the substitutions of a draw in their order."""
    found = select(DrawSubstitution).where(DrawSubstitution.plan_id == plan_id)
    return list(session.scalars(found.order_by(DrawSubstitution.number)))


def picks(session: Session, plan_id: int) -> list[Pick]:
    """Return the premises drawn and the reserves, with their pairs and what visits found."""
    rows = session.execute(text(PICKS), {"plan": plan_id})
    return [Pick(**row) for row in rows.mappings()]


def clock(session: Session) -> datetime:
    """Return the time of the database's clock."""
    now: datetime = session.scalars(select(func.clock_timestamp())).one()
    return now


def _numeric(name: str | int) -> bool:
    return str(name).isascii() and str(name).isdigit() and len(str(name)) < len("9" * 18)


def _record(session: Session, plan: DrawPlan) -> Record:
    return Record(
        plan,
        session.get(DrawCommitment, plan.id),
        session.get(DrawResult, plan.id),
        session.get(DrawPublication, plan.id),
    )

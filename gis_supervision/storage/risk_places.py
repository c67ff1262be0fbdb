"""Places of premises in a stored order of risk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select, text

from gis_supervision.errors import NotFoundError
from gis_supervision.storage.explanations import newest_run
from gis_supervision.storage.tables import AnalysisRun

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from sqlalchemy import Row
    from sqlalchemy.orm import Session

_PLACES = """
    SELECT
        p.id, p.licence, p.name, p.address, m.value::integer AS place,
        (
            SELECT jsonb_object_agg(v.metric, v.value)
            FROM cell_metric AS v
            WHERE v.run_id = m.run_id AND v.unit = 'premises' AND v.unit_id = m.unit_id
        ) AS metrics,
        (r.summary ->> 'premises')::integer AS ranked
    FROM cell_metric AS m
    INNER JOIN analysis_run AS r ON m.run_id = r.id
    INNER JOIN premises AS p ON m.unit_id = p.id
    WHERE m.run_id = :run AND m.unit = 'premises' AND m.metric = 'place' AND {condition}
    ORDER BY m.value
"""


@dataclass(frozen=True)
class Place:
    """A premises in an order of risk.

    Attributes
    ----------
    licence, name, address
        Of the premises.
    place, ranked
        From 1, and of how many.
    probability
        Of a critical hazard at the next visit.
    reasons
        Added log odds by reason, those that raise it most first.
    """

    licence: str
    name: str
    address: str | None
    place: int
    ranked: int
    probability: float
    reasons: dict[str, float]


def first(session: Session, run_id: int, limit: int) -> list[Place]:
    """Return the first premises of an order.

    Parameters
    ----------
    session
        An open session.
    run_id
        A run of kind ``risk``.
    limit
        How many.
    """
    statement = text(_PLACES.format(condition="m.value <= :limit"))
    return _places(session.execute(statement, {"run": run_id, "limit": limit}).all())


def of_licence(session: Session, licence: str, day: date) -> Place:
    """Return the place of one premises in the order that reports show of a day.

    Raises
    ------
    NotFoundError
        There is no order of that day, or the premises is not in it.
    """
    run = newest_run(session, "risk", day)
    if run is None:
        raise NotFoundError("no order of risk as of %(day)s: make it with `risk rank`", day=day)
    statement = text(_PLACES.format(condition="p.licence = :licence"))
    found = _places(session.execute(statement, {"run": run.id, "licence": licence}).all())
    if not found:
        raise NotFoundError(
            "licence %(licence)s: not in the order of risk as of %(day)s, which has the premises "
            "in scope on that day",
            licence=licence,
            day=day,
        )
    return found[0]


def latest_as_of(session: Session) -> date | None:
    """Return the latest day that a published order is of, None where there is none."""
    return session.scalars(
        select(func.max(AnalysisRun.as_of)).where(
            AnalysisRun.kind == "risk", AnalysisRun.published_at.is_not(None)
        )
    ).first()


def _places(rows: Sequence[Row[tuple[object, ...]]]) -> list[Place]:
    made = []
    for row in rows:
        metrics = dict(row.metrics)
        place, probability = metrics.pop("place"), metrics.pop("probability")
        reasons = dict(sorted(metrics.items(), key=lambda item: (-item[1], item[0])))
        made.append(
            Place(row.licence, row.name, row.address, int(place), row.ranked, probability, reasons)
        )
    return made

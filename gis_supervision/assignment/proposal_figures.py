"""What a proposal would change in figures, and its way into the register."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import shapely
from sqlalchemy.dialects.postgresql import Range

from gis_supervision.assignment.areas import FREE, checked_area
from gis_supervision.assignment.contiguity import pieces
from gis_supervision.assignment.zone_quality import distance_to_medoids
from gis_supervision.domain.actors import checked_actor
from gis_supervision.domain.inspections import SEVERITIES
from gis_supervision.domain.proposals import Kind
from gis_supervision.domain.substitutes import Place, Substitution, substitute
from gis_supervision.storage import grid, inspectors, proposals, substitutes
from gis_supervision.storage.proposal_tables import Proposal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from numpy.typing import NDArray
    from sqlalchemy.orm import Session

    from gis_supervision.assignment.drafts import Basis, Draft
    from gis_supervision.storage.zone_periods import Person

_CLOSING = 0.0001
"""Gaps between cells that an outline closes, in degrees; as in ``map.zone_on``."""


@dataclass(frozen=True)
class Hands:
    """Who has a zone: the responsible, who acts (another one during an absence), the deputies."""

    responsible: dict[int, int]
    acting: dict[int, int]
    deputies: dict[int, list[int]]


def propose(session: Session, of: Basis, draft: Draft, *, by: str) -> int:
    """Store a draft as an open proposal.

    Parameters
    ----------
    session
        An open session; the caller commits.
    of
        The state that the draft was made from.
    draft
        The draft.
    by
        Who makes it.

    Returns
    -------
    int
        Number of the proposal.

    Raises
    ------
    InvalidInputError
        When ``by`` is empty.
    """
    before, after = hands(of, draft)
    cases = carried(session, of, draft, before, after)
    zones = zone_rows(of, draft, before, after)
    index = {cell: place for place, cell in enumerate(of.ground.cells.ids.tolist())}
    places = np.array([index[cell] for cell in draft.cells["cell_id"]], dtype=np.int64)
    figures = summary(of, draft, zones, cases)
    taken = substitutions(session, of, draft, after)
    figures["substitutes"] = [one.to_dict() for one in taken]
    row = Proposal(
        kind=draft.kind,
        made_by=checked_actor(by),
        as_of=of.as_of,
        valid=Range(draft.period.first, draft.period.until),
        absent_id=draft.absent_id,
        zones_sha256=of.timeline.sha256,
        seed=draft.seed,
        parameters=draft.parameters,
        summary=figures,
    )
    cells = draft.cells.select(
        "cell_id",
        pl.format(
            "[{},{})",
            pl.col("first").cast(pl.String),
            pl.col("until").cast(pl.String).fill_null(""),
        ).alias("valid"),
        "from_zone_id",
        "to_number",
        pl.Series("premises", of.premises[places]),
        pl.Series("unresolved", of.unresolved[places]),
        pl.Series("hours", of.hours[places]),
    )
    handovers = [
        {
            "number": one.number,
            "role": one.role,
            "from_id": one.from_id,
            "to_id": one.to_id,
            "valid": Range(one.period.first, one.period.until),
        }
        for one in draft.handovers
    ]
    return proposals.save(
        session, row, zones=zones, cells=cells, handovers=handovers, cases=cases.drop("cell_id")
    )


def hands(of: Basis, draft: Draft) -> tuple[Hands, Hands]:
    """Return who has the zones before and after, by number, on the day that is shown."""
    day, timeline = draft.shown_on, of.timeline
    responsible = {
        of.numbers[zone]: who
        for zone, who in timeline.responsible(day).items()
        if zone in of.numbers
    }
    deputies = {
        of.numbers[zone]: list(ids)
        for zone, ids in timeline.held(day, "deputy").items()
        if zone in of.numbers
    }
    # changes for good are told without those who are on leave for some days
    temporary = draft.kind in {Kind.ABSENCE, Kind.RETURN}
    away = timeline.away(day) if temporary else set()
    absent = set() if draft.absent_id is None else {draft.absent_id}
    there, gone = away - absent, away | absent
    if draft.kind is Kind.RETURN:
        there, gone = gone, there
    before = Hands(responsible, _acting(responsible, deputies, there), deputies)
    changed, standing_in = (
        dict(responsible),
        {number: list(ids) for number, ids in deputies.items()},
    )
    for one in draft.handovers:
        if day not in one.period:
            continue
        if one.role == "deputy":
            standing = standing_in.setdefault(one.number, [])
            if one.from_id in standing:
                standing.remove(one.from_id)
            if one.to_id is not None:
                standing.append(one.to_id)
        elif one.to_id is None:
            changed.pop(one.number, None)
        else:
            changed[one.number] = one.to_id
    return before, Hands(changed, _acting(changed, standing_in, gone), standing_in)


def _acting(
    responsible: dict[int, int], deputies: dict[int, list[int]], away: Iterable[int | None]
) -> dict[int, int]:
    gone = set(away)
    found = {}
    for number, who in responsible.items():
        there = [one for one in (who, *deputies.get(number, ())) if one not in gone]
        if there:
            found[number] = there[0]
    return found


def carried(session: Session, of: Basis, draft: Draft, before: Hands, after: Hands) -> pl.DataFrame:
    """Return the unresolved hazards that change hands, with those who had and get them.

    One changes hands when another person acts for its cell; where nobody is known on either side,
    when its cell gets another zone.
    """
    rows = proposals.cases_on(session, of.as_of)
    ids = of.ground.cells.ids.tolist()
    zone_ids = {number: zone.id for number, zone in enumerate(draft.zones)}
    cells = pl.DataFrame(
        {
            "cell_id": ids,
            "from_number": draft.before.astype(np.int64),
            "to_number": draft.after.astype(np.int64),
        }
    ).with_columns(
        pl.col("from_number")
        .replace_strict(zone_ids, default=None, return_dtype=pl.Int64)
        .alias("from_zone_id"),
        pl.col("from_number")
        .replace_strict(before.acting, default=None, return_dtype=pl.Int64)
        .alias("from_id"),
        pl.col("to_number")
        .replace_strict(after.acting, default=None, return_dtype=pl.Int64)
        .alias("to_id"),
    )
    nobody = pl.col("from_id").is_null() & pl.col("to_id").is_null()
    changes = pl.col("from_id").ne_missing(pl.col("to_id")) | (
        nobody & (pl.col("from_number") != pl.col("to_number"))
    )
    concerned = cells.filter(changes & (pl.col("to_number") != FREE)).drop("from_number")
    return rows.join(concerned, on="cell_id").sort("hazard_id")


def substitutions(session: Session, of: Basis, draft: Draft, after: Hands) -> list[Substitution]:
    """Tell who takes the premises that those who would act for the changed zones are recused from.

    It is the rule by which `gis_supervision.storage.responsibility` answers on that day.
    """
    day = draft.shown_on
    known = {one.id: one for one in inspectors.on(session, day)}
    ids = set().union(*(one.recused_premises for one in known.values()))
    kept = substitutes.kept(session, ids, of.pack)
    if not kept:
        return []
    middle = shapely.get_coordinates(shapely.centroid(of.ground.cells.polygons))
    middles: dict[int, list[Place]] = {}
    for number, who in after.responsible.items():
        inside = draft.after == number
        if inside.any():
            lng, lat = middle[inside].mean(axis=0).tolist()
            middles.setdefault(who, []).append((lat, lng))
    moved = draft.before != draft.after
    concerned = {*draft.after[moved].tolist(), *(one.number for one in draft.handovers)}
    numbers = dict(zip(of.ground.cells.ids.tolist(), draft.after.tolist(), strict=True))
    found = []
    for premises, cell in kept.values():
        number = FREE if cell is None else numbers.get(cell, FREE)
        acts = known.get(after.acting.get(number, 0))
        if number in concerned and acts and acts.recused_from(premises.id, premises.owner):
            takes = substitute(
                day, premises, known.values(), middles, after.deputies.get(number, [])
            )
            found.append(Substitution.of(draft.zones[number].code, premises, acts, takes))
    return found


def zone_rows(of: Basis, draft: Draft, before: Hands, after: Hands) -> list[dict[str, Any]]:
    """Return the zones of a proposal with their figures and outlines."""
    count = len(draft.zones)
    sums = {
        (side, name): _sums(labels, weights, count)
        for side, labels in (("before", draft.before), ("after", draft.after))
        for name, weights in (
            ("cells", np.ones(labels.size)),
            ("premises", of.premises.astype(np.float64)),
            ("hours", of.hours),
        )
    }
    moved = (draft.before != draft.after).nonzero()[0]
    touched = {*draft.before[moved].tolist(), *draft.after[moved].tolist()}
    touched |= {one.number for one in draft.handovers}
    outlines = _outlines(of, (draft.before, draft.after), count)
    return [
        {
            "number": number,
            "zone_id": zone.id,
            "code": zone.code,
            "name": zone.name,
            "emptied": zone.emptied,
            "concerned": number in touched,
            **{
                f"{name}_{side}": (float if name == "hours" else int)(values[number])
                for (side, name), values in sums.items()
            },
            "responsible_before_id": before.responsible.get(number),
            "responsible_after_id": after.responsible.get(number),
            "acting_before_id": before.acting.get(number),
            "acting_after_id": after.acting.get(number),
            "geom_before": outlines[0][number],
            "geom_after": outlines[1][number],
        }
        for number, zone in enumerate(draft.zones)
    ]


def summary(
    of: Basis, draft: Draft, zones: list[dict[str, Any]], cases: pl.DataFrame
) -> dict[str, Any]:
    """Return the figures of a proposal as JSON takes them."""
    moved = draft.before != draft.after
    emptied = [number for number, zone in enumerate(draft.zones) if zone.emptied]
    others = ~np.isin(draft.before, emptied) & (draft.before != FREE)
    people = of.timeline.people
    hours = _hours_by_person(zones)
    return {
        "shown_on": draft.shown_on.isoformat(),
        "cells": int(moved.size),
        "cells_moved": int(moved.sum()),
        "cells_of_other_zones_unmoved": _share(int((others & ~moved).sum()), int(others.sum())),
        "premises_moved": int(of.premises[moved].sum()),
        "hours_moved": round(float(of.hours[moved].sum()), 1),
        "before": _quality(of, draft.before),
        "after": _quality(of, draft.after),
        "zones": [
            {
                "zone": zone["code"],
                "hours_before": round(zone["hours_before"], 1),
                "hours_after": round(zone["hours_after"], 1),
                "cells_before": zone["cells_before"],
                "cells_after": zone["cells_after"],
                "acting_before": _name(people, zone["acting_before_id"]),
                "acting_after": _name(people, zone["acting_after_id"]),
            }
            for zone in zones
            if zone["concerned"]
        ],
        "people": [
            {
                "staff_number": people[who].staff_number,
                "name": people[who].name,
                "hours_before": round(before, 1),
                "hours_after": round(after, 1),
                "gains": round(after - before, 1),
            }
            for who, (before, after) in sorted(
                hours.items(), key=lambda item: people[item[0]].staff_number
            )
            if round(before, 6) != round(after, 6)
        ],
        "hazards": _hazards(cases, draft.period.first),
        "notes": [
            {"code": note.code, "message": note.message, "values": note.values, "text": str(note)}
            for note in draft.notes
        ],
    }


def _hazards(cases: pl.DataFrame, first: date) -> dict[str, Any]:
    counted = Counter(cases["severity"].to_list())
    due = cases["due_on"].drop_nulls()
    ahead = due.filter(due >= first)
    nearest = ahead.min() if ahead.len() else None
    earliest = due.min() if due.len() else None
    return {
        "total": cases.height,
        **{str(severity): counted.get(str(severity), 0) for severity in SEVERITIES},
        "with_clock": due.len(),
        "overdue": due.len() - ahead.len(),
        "earliest_due_on": None if earliest is None else str(earliest),
        "nearest_due_on": None if nearest is None else str(nearest),
    }


def _hours_by_person(zones: list[dict[str, Any]]) -> dict[int, tuple[float, float]]:
    """Return hours before and after of everyone who acts for a zone."""
    before: Counter[int] = Counter()
    after: Counter[int] = Counter()
    for zone in zones:
        for side, found in (("before", before), ("after", after)):
            who = zone[f"acting_{side}_id"]
            if who is not None:
                found[who] += zone[f"hours_{side}"]
    return {who: (before[who], after[who]) for who in {*before, *after}}


def _quality(of: Basis, labels: NDArray[np.int32]) -> dict[str, Any]:
    """Return imbalance, disconnected pieces and distance of the zones that have cells."""
    inside = labels != FREE
    used, place_of = np.unique(labels[inside], return_inverse=True)
    if used.size == 0:
        return {"zones": 0, "imbalance": 0.0, "parts": 0, "distance_m": 0.0}
    places = np.flatnonzero(inside)
    land = of.ground
    own: NDArray[np.int32] = place_of.astype(np.int32)
    area = checked_area(
        land.borders[places][:, places],
        of.hours[places],
        land.x[places],
        land.y[places],
        land.area[places],
        land.outline[places],
    )
    loads = np.bincount(own, area.weights, used.size)
    mean = float(loads.mean())
    return {
        "zones": int(used.size),
        "imbalance": round(float(np.abs(loads / mean - 1.0).max()), 4) if mean > 0 else 0.0,
        "parts": pieces(area.adjacency, own)[0] - int(used.size),
        "distance_m": round(distance_to_medoids(area, own, int(used.size)), 1),
    }


def _outlines(of: Basis, labels: Sequence[NDArray[np.int32]], count: int) -> list[list[str | None]]:
    """Return the outline of each zone as EWKB by labels, with gaps up to about 20 m closed."""
    known: dict[bytes, str | None] = {b"": None}
    found: list[list[str | None]] = []
    for each in labels:
        shapes = []
        for number in range(count):
            places = np.flatnonzero(each == number)
            key = places.tobytes()
            if key not in known:
                whole = shapely.union_all(of.ground.cells.polygons[places])
                closed = whole.buffer(_CLOSING, join_style="mitre")
                closed = closed.buffer(-_CLOSING, join_style="mitre")
                known[key] = grid.ewkb(np.array([closed], dtype=object))[0]
            shapes.append(known[key])
        found.append(shapes)
    return found


def _sums(
    labels: NDArray[np.int32], weights: NDArray[np.float64], count: int
) -> NDArray[np.float64]:
    inside = labels != FREE
    return np.bincount(labels[inside], weights[inside], count).astype(np.float64)


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 5) if whole else None


def _name(people: dict[int, Person], who: int | None) -> str | None:
    return None if who is None else people[who].name

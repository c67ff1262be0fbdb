"""Making proposals: all zones anew, repaired, single cells moved, other people responsible."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from scipy.optimize import linear_sum_assignment

from gis_supervision.assignment import new_zones
from gis_supervision.assignment.areas import FREE
from gis_supervision.assignment.districting import Zoning, balanced_zones
from gis_supervision.assignment.drafts import (
    Draft,
    DraftZone,
    Handover,
    cell_changes,
    zones_in_force,
)
from gis_supervision.assignment.zone_plan import Reason
from gis_supervision.domain.inspectors import checked_year_hours
from gis_supervision.domain.proposals import Kind, without
from gis_supervision.errors import ConflictError, InvalidInputError
from gis_supervision.language import gettext_noop
from gis_supervision.messages import joined
from gis_supervision.storage import grid
from gis_supervision.storage.later_changes import later_changes

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray
    from sqlalchemy.orm import Session

    from gis_supervision.assignment.drafts import Basis

CANDIDATES = 3
"""Candidates for each zone that a proposal by matching keeps, with their reasons."""

REPAIR_TOLERANCE = 0.03
"""Largest share off the mean that a repair aims at: less costs many changes."""


def repair(
    session: Session,
    of: Basis,
    *,
    tolerance: float = REPAIR_TOLERANCE,
    seed: int = 0,
    pinned: Sequence[str] = (),
) -> Draft:
    """Balance the zones again with as few cells moved as that takes.

    Parameters
    ----------
    session
        An open session.
    of
        The state in force.
    tolerance, seed
        As `balanced_zones` takes them.
    pinned
        Codes of cells that stay in their zone.

    Raises
    ------
    NotFoundError
        A pinned cell does not exist.
    """
    used = np.unique(of.last[of.last != FREE])
    labels = np.full(of.last.size, FREE, dtype=np.int32)
    labels[of.last != FREE] = np.searchsorted(used, of.last[of.last != FREE])
    fixed = np.zeros(of.last.size, dtype=bool)
    fixed[of.places(pinned)] = True
    made = _balanced(of, used.size, tolerance, seed, current=labels, pinned=fixed)
    parameters = {"tolerance": tolerance, "pinned": sorted(pinned)}
    return _for_good(
        session, of, Kind.REPAIR, used[made.labels], parameters, seed=seed, notes=made.reasons
    )


def redesign(
    session: Session,
    of: Basis,
    *,
    zone_count: int | None = None,
    capacity_hours: float = 1600.0,
    tolerance: float = 0.01,
    seed: int = 0,
) -> Draft:
    """Divide the grid into zones anew.

    A new zone goes on as the zone in force that shares most hours with it, with its inspector:
    altogether as many hours as possible stay with the one who knows them. Zones beyond those in
    force go to inspectors who would have none, as `gis_supervision.assignment.matching` chooses.

    Parameters
    ----------
    session, of, tolerance, seed
        As `repair` takes them.
    zone_count
        Number of zones; left out: as many as the work needs inspectors.
    capacity_hours
        Hours that one inspector works in a year; used when ``zone_count`` is left out.
    """
    capacity = checked_year_hours("capacity_hours", capacity_hours, least=1)
    number = zone_count or max(1, math.ceil(float(of.hours.sum()) / capacity))
    made = _balanced(of, number, tolerance, seed)
    old = len(of.held)
    common = np.zeros((number, old))
    known = of.last != FREE
    # a cell without work counts a little, so that zones without any are told apart
    np.add.at(common, (made.labels[known], of.last[known]), of.hours[known] + 1e-6)
    new, kept = linear_sum_assignment(-common)
    goes_on = {
        int(label): int(zone) for label, zone in zip(new, kept, strict=True) if common[label, zone]
    }
    emptied = set(range(old)) - set(goes_on.values())
    added = [label for label in range(number) if label not in goes_on]
    codes = _free_codes({zone.code for zone in of.held}, len(added))
    zones = zones_in_force(of, emptied) + [DraftZone(None, code, code) for code in codes]
    of_label = goes_on | {label: old + place for place, label in enumerate(added)}
    target = np.array([of_label[label] for label in range(number)], dtype=np.int32)[made.labels]
    ended = [
        Handover(of.numbers[one.zone_id], one.role, one.inspector_id, None, one.period)
        for one in of.timeline.holdings
        if one.zone_id in of.numbers and of.numbers[one.zone_id] in emptied
    ]
    numbers = {old + place: code for place, code in enumerate(codes)}
    emptied_ids = {of.held[number].id for number in emptied}
    keep = {
        who
        for zone, who in of.timeline.responsible(of.timeline.period.first).items()
        if zone not in emptied_ids
    }
    found = new_zones.matching(session, of, target, numbers, keep) if numbers else None
    chosen = [] if found is None else found.matches
    begun = [
        Handover(match.zone_id, "responsible", None, match.inspector_id, of.timeline.period)
        for match in chosen
        if match.inspector_id is not None
    ]
    nobody = gettext_noop("Zone %(zone)s is new: nobody is responsible for it yet.")
    somebody = gettext_noop(
        "Zone %(zone)s is new: %(staff_number)s %(name)s is responsible for it, the choice of the"
        " matching."
    )
    zone_ends = gettext_noop("Zone %(zone)s ends: %(name)s has it no more.")
    notes = [*made.reasons]
    notes += [
        Reason("new_zone", nobody, {"zone": match.zone})
        if match.staff_number is None
        else Reason(
            "new_zone_given",
            somebody,
            {
                "zone": match.zone,
                "staff_number": match.staff_number,
                "name": match.name or "",
            },
        )
        for match in chosen
    ]
    notes += [
        Reason("zone_ends", zone_ends, {"zone": of.held[one.number].code, "name": name})
        for one in ended
        if one.role == "responsible" and (name := of.timeline.people[one.from_id or 0].name)
    ]
    parameters: dict[str, Any] = {"zones": number, "tolerance": tolerance}
    if found is not None:
        parameters["matching"] = found.to_dict(CANDIDATES)
    return _for_good(
        session,
        of,
        Kind.REDESIGN,
        target,
        parameters,
        seed=seed,
        zones=zones,
        handovers=[*ended, *begun],
        notes=notes,
    )


def move(session: Session, of: Basis, cells: Sequence[str], zone: str) -> Draft:
    """Move cells that a dispatcher names to a zone.

    Parameters
    ----------
    session, of
        As `repair` takes them.
    cells
        Codes of the cells.
    zone
        Code of the zone.

    Raises
    ------
    NotFoundError
        A cell or the zone does not exist.
    InvalidInputError
        No cell is named.
    ConflictError
        All of them are in the zone already, or an accepted proposal moves some of them on a later
        day; the message says which, when, and what to do.
    """
    if not cells:
        raise InvalidInputError("to move cells: expected the codes of at least one")
    places = of.places(cells)
    later = later_changes(session, of.ground.cells.ids[places].tolist(), of.timeline.period.first)
    if later:
        raise ConflictError(
            "cells cannot move to zone %(zone)s on %(first)s: %(later)s",
            zone=zone,
            first=of.timeline.period.first,
            later=joined((one.message() for one in later), "; "),
        )
    target = of.last.copy()
    target[places] = of.number(zone)
    if (target == of.last).all():
        raise ConflictError("all of the cells are in zone %(zone)s already", zone=zone)
    parameters = {"cells": sorted(set(cells)), "zone": zone}
    return _for_good(session, of, Kind.MOVE, target, parameters)


def assignment(
    session: Session,
    of: Basis,
    responsible: Mapping[str, str | None],
    *,
    matching: Mapping[str, Any] | None = None,
) -> Draft:
    """Make other people responsible for zones.

    Parameters
    ----------
    session, of
        As `repair` takes them.
    responsible
        Staff number by code of the zone; None for nobody.
    matching
        How they were found, kept with the proposal; left out: by hand.

    Raises
    ------
    NotFoundError
        A zone or an inspector does not exist.
    ConflictError
        Nothing would change.
    """
    handovers: list[Handover] = []
    notes: list[Reason] = []
    for code, staff_number in sorted(responsible.items()):
        number = of.number(code)
        to = None if staff_number is None else of.person(staff_number)
        handovers += _taken_over(of, number, None if to is None else to.id)
        if to is None:
            nobody = gettext_noop("Zone %(zone)s would have nobody responsible.")
            notes.append(Reason("nobody", nobody, {"zone": code}))
    if not handovers:
        raise ConflictError("the named inspectors are responsible for these zones already")
    if of.timeline.leaves:
        away = sorted(
            of.timeline.people[one].staff_number
            for one in {each.to_id for each in handovers}
            if one is not None and one in of.timeline.leaves
        )
        on_leave = gettext_noop("%(staff_number)s has leave recorded in that time.")
        notes += [Reason("on_leave", on_leave, {"staff_number": number}) for number in away]
    parameters: dict[str, Any] = {"responsible": dict(sorted(responsible.items()))}
    if matching is not None:
        parameters["matching"] = dict(matching)
    return _for_good(
        session, of, Kind.ASSIGNMENT, of.last, parameters, handovers=handovers, notes=notes
    )


def _taken_over(of: Basis, number: int, to: int | None) -> list[Handover]:
    """Return the handovers that make someone responsible for a zone for good."""
    zone = of.held[number].id
    held = [one for one in of.timeline.holdings if one.zone_id == zone]
    responsible = [one for one in held if one.role == "responsible"]
    result = [
        Handover(number, "responsible", one.inspector_id, to, one.period)
        for one in responsible
        if one.inspector_id != to
    ]
    if to is None:
        return result
    result += [
        Handover(number, "responsible", None, to, gap)
        for gap in without(of.timeline.period, [one.period for one in responsible])
    ]
    # nobody is deputy of a zone of one's own
    ended = [
        Handover(number, "deputy", to, None, one.period)
        for one in held
        if one.role == "deputy" and one.inspector_id == to
    ]
    return sorted([*result, *ended], key=lambda one: (one.role, one.period.first))


def _balanced(
    of: Basis,
    zones: int,
    tolerance: float,
    seed: int,
    current: NDArray[np.int32] | None = None,
    pinned: NDArray[np.bool_] | None = None,
) -> Zoning:
    land = of.ground
    return balanced_zones(
        land.borders,
        of.hours,
        land.x,
        land.y,
        zones,
        tolerance=tolerance,
        seed=seed,
        current=current,
        pinned=pinned,
        cell_area=land.area,
        cell_perimeter=land.outline,
    )


def _for_good(
    session: Session,
    of: Basis,
    kind: Kind,
    target: NDArray[np.int32],
    parameters: dict[str, Any],
    *,
    seed: int = 0,
    zones: Sequence[DraftZone] | None = None,
    handovers: Sequence[Handover] = (),
    notes: Sequence[Reason] = (),
) -> Draft:
    """Return a draft that moves cells for good.

    Cells that are elsewhere for a time, by an absence that was accepted, stay there until it ends.
    """
    all_zones = tuple(zones_in_force(of) if zones is None else zones)
    emptied = {zone.id for zone in all_zones if zone.emptied}
    notes = list(notes)
    moved = _moved(session, of, target, emptied)
    away = of.timeline.members.filter(pl.col("until").is_not_null())
    if away.height and kind is not Kind.ASSIGNMENT:
        elsewhere = gettext_noop(
            "Cells that are in another zone for a time, or will be: %(cells)d. They stay there"
            " until that ends."
        )
        notes.append(Reason("elsewhere", elsewhere, {"cells": away["cell_id"].n_unique()}))
    return Draft(
        kind=kind,
        period=of.timeline.period,
        seed=seed,
        parameters={"as_of": of.as_of.isoformat(), "rules": of.rules, **parameters},
        zones=all_zones,
        before=of.last,
        after=target.astype(np.int32),
        cells=moved,
        handovers=tuple(handovers),
        shown_on=of.timeline.period.first,
        notes=tuple(notes),
    )


def _moved(
    session: Session, of: Basis, target: NDArray[np.int32], emptied: Collection[int | None]
) -> pl.DataFrame:
    """Return the changes that bring cells to their new zones."""
    ids = of.ground.cells.ids
    zone_ids = [zone.id for zone in of.held]
    wanted = pl.DataFrame(
        {
            "cell_id": ids,
            "last": [None if number == FREE else zone_ids[number] for number in of.last.tolist()],
            "to_number": target.astype(np.int64),
            "moves": target != of.last,
        },
        schema_overrides={"last": pl.Int64},
    )
    changes = (
        of.timeline.members.join(wanted, on="cell_id")
        .filter(
            (pl.col("moves") & (pl.col("zone_id") == pl.col("last")))
            | pl.col("zone_id").is_in([zone for zone in emptied if zone is not None])
        )
        .select("cell_id", pl.col("zone_id").alias("from_zone_id"), "to_number", "first", "until")
    )
    without_zone = wanted.filter(pl.col("last").is_null() & (pl.col("to_number") != FREE))
    begins = grid.begins(session, without_zone["cell_id"].to_list())
    first = of.timeline.period.first
    new = cell_changes(
        {
            "cell_id": row["cell_id"],
            "from_zone_id": None,
            "to_number": row["to_number"],
            "first": max(first, begins[row["cell_id"]] or first),
            "until": None,
        }
        for row in without_zone.iter_rows(named=True)
    )
    return pl.concat([changes, new]).sort("cell_id", "first")


def _free_codes(taken: set[str], count: int) -> list[str]:
    width = max([2, *(len(code) - 1 for code in taken if code[1:].isdigit())])
    free = (f"Z{number:0{width}d}" for number in range(1, len(taken) + count + 1))
    return [code for code in free if code not in taken][:count]

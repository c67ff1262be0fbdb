"""Designing zones: from the work in the cells to zones with one responsible inspector each."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gis_supervision.assignment import ground
from gis_supervision.assignment.cell_work import measured
from gis_supervision.assignment.districting import Zoning, balanced_zones
from gis_supervision.domain.inspectors import checked_year_hours
from gis_supervision.errors import ConflictError
from gis_supervision.storage import grid, inspectors, zones
from gis_supervision.storage.zones import NewZone

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from numpy.typing import NDArray
    from sqlalchemy.orm import Session

    from gis_supervision.assignment.workload import Workload
    from gis_supervision.domain.rules import RulePack
    from gis_supervision.storage.inspectors import NewInspector

TOLERANCE = 0.01
"""Largest share that a zone's workload may lie off the mean."""


@dataclass(frozen=True)
class Design:
    """Zones that were designed and stored.

    Attributes
    ----------
    zone_ids
        Ids of the zones, in the order of their codes.
    codes
        Their codes, numbered from north to south.
    zoning
        Labels, loads and quality; ``labels`` follow the order of the cells' codes.
    work
        Hours a year of each cell.
    valid_from
        First day.
    premises_without_cell
        Premises whose work is in no zone, since they lie in no cell.
    """

    zone_ids: tuple[int, ...]
    codes: tuple[str, ...]
    zoning: Zoning
    work: Workload
    valid_from: date
    premises_without_cell: int

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON takes them."""
        return {
            "zones": len(self.zone_ids),
            "cells": int(self.zoning.labels.size),
            "premises_without_cell": self.premises_without_cell,
            "hours": round(float(self.zoning.loads.sum()), 1),
            "imbalance": round(self.zoning.imbalance, 4),
            "parts": self.zoning.parts,
            "distance_m": round(self.zoning.distance, 1),
            "polsby_popper": round(self.zoning.polsby_popper, 3),
            "notes": list(self.zoning.notes),
            "valid_from": self.valid_from.isoformat(),
        }


def design(
    session: Session,
    rules: RulePack,
    *,
    as_of: date,
    valid_from: date,
    zone_count: int | None = None,
    capacity_hours: float = 1600.0,
    tolerance: float = TOLERANCE,
    seed: int = 0,
    replace: bool = False,
) -> Design:
    """Divide the grid into balanced contiguous zones and put them in force.

    Parameters
    ----------
    session
        An open session; the caller commits.
    rules
        Rule pack with required visits and hours of work.
    as_of
        Day whose premises, unresolved hazards and complaints make the work.
    valid_from
        First day of the zones; hours that were set for cells count as of it.
    zone_count
        Number of zones; left out: as many as the work needs inspectors.
    capacity_hours
        Hours that one inspector works in a year; used when ``zone_count`` is left out.
    tolerance, seed
        As `balanced_zones` takes them.
    replace
        Whether zones that begin on that day or later may be taken away; see `start_zoning`.

    Returns
    -------
    Design

    Raises
    ------
    ConflictError
        When there is no grid.
    InvalidInputError
        When there cannot be so many zones.
    """
    cells = grid.current(session)
    if cells.ids.size == 0:
        raise ConflictError("there is no grid: run `gis-supervision grid build` first")
    work = measured(session, rules, cells, as_of, set_on=max(as_of, valid_from))
    capacity = checked_year_hours("capacity_hours", capacity_hours, least=1)
    number = zone_count or max(1, math.ceil(float(work.hours.sum()) / capacity))
    land = ground.measured(cells)
    zoning = balanced_zones(
        land.borders,
        work.hours,
        land.x,
        land.y,
        number,
        tolerance=tolerance,
        seed=seed,
        cell_area=land.area,
        cell_perimeter=land.outline,
    )
    order = np.argsort(-_means(zoning.labels, land.y, number), kind="stable")
    width = max(2, len(str(number)))
    codes = tuple(f"Z{place:0{width}d}" for place in range(1, number + 1))
    parameters = {
        "as_of": as_of.isoformat(),
        "rules": rules.reference,
        "zones": number,
        "tolerance": tolerance,
        "seed": seed,
    }
    new = [
        NewZone(
            code=code,
            name=code,
            workload_hours=float(zoning.loads[label]),
            cells=tuple(cells.ids[zoning.labels == label].tolist()),
        )
        for code, label in zip(codes, order.tolist(), strict=True)
    ]
    left_out = zones.without_cell(session, as_of)
    result = Design((), codes, zoning, work, valid_from, left_out)
    ids = zones.start_zoning(
        session,
        new,
        valid_from=valid_from,
        parameters=parameters,
        summary=result.to_dict(),
        replace=replace,
    )
    return Design(tuple(ids), codes, zoning, work, valid_from, left_out)


def assign_in_order(session: Session, made: Design, people: Sequence[NewInspector]) -> None:
    """Make one inspector responsible for each zone, in the order of codes and of the list.

    Raises
    ------
    ConflictError
        When there are fewer inspectors than zones.
    """
    if len(people) < len(made.zone_ids):
        raise ConflictError(
            "%(count)s zones need as many inspectors, there are %(people_count)s",
            count=len(made.zone_ids),
            people_count=len(people),
        )
    ids = inspectors.register(session, people[: len(made.zone_ids)])
    zones.assign(session, made.zone_ids, ids, valid_from=made.valid_from)


def _means(
    labels: NDArray[np.int32], values: NDArray[np.float64], number: int
) -> NDArray[np.float64]:
    size = np.bincount(labels, minlength=number)
    return np.asarray(np.bincount(labels, values, number) / np.maximum(size, 1))

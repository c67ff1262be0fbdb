"""Workload: how many hours a year the cells of the grid ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gis_supervision.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from gis_supervision.domain.rules import RulePack


@dataclass(frozen=True)
class Workload:
    """Hours a year by cell; each array has shape (cells,).

    Attributes
    ----------
    visits
        Required visits, the visit itself.
    travel
        The way to them.
    hazards
        Following up hazards that are unresolved now.
    """

    visits: NDArray[np.float64]
    travel: NDArray[np.float64]
    hazards: NDArray[np.float64]

    @property
    def hours(self) -> NDArray[np.float64]:
        """All of it, shape (cells,)."""
        return self.visits + self.travel + self.hazards


def workload(
    rules: RulePack,
    cells: int,
    cell: ArrayLike,
    classes: Sequence[tuple[str | None, str | None, str | None]],
    premises: ArrayLike,
    unresolved: ArrayLike,
) -> Workload:
    """Sum the yearly hours of each cell under a rule pack.

    Parameters
    ----------
    rules
        Required visits by class, and hours of work.
    cells
        Number of cells.
    cell
        Shape (n,), index of the cell of each group of premises, 0 to ``cells - 1``.
    classes
        n groups: risk class, credit class and category.
    premises, unresolved
        Shape (n,), premises of the group and their unresolved hazards.

    Returns
    -------
    Workload

    Raises
    ------
    InvalidInputError
        When lengths differ or a cell is out of range.
    """
    where = np.asarray(cell, dtype=np.int64)
    number = np.asarray(premises, dtype=np.float64)
    hazards = np.asarray(unresolved, dtype=np.float64)
    if not where.shape == number.shape == hazards.shape == (len(classes),):
        raise InvalidInputError("workload: expected one entry per group in every array")
    if where.size and not (where.min() >= 0 and where.max() < cells):
        raise InvalidInputError(f"workload: expected cells from 0 to {cells - 1}")
    per_year: dict[tuple[str | None, str | None, str | None], tuple[float, float]] = {}
    for group in set(classes):
        visits = rules.required_visits_per_year(*group) or 0.0
        per_year[group] = (visits, visits * rules.workload.visit_hours(group[2]))
    visits_each = np.array([per_year[group][0] for group in classes], dtype=np.float64)
    hours_each = np.array([per_year[group][1] for group in classes], dtype=np.float64)
    work = rules.workload

    def total(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.bincount(where, values, cells).astype(np.float64)

    return Workload(
        visits=total(hours_each * number),
        travel=total(visits_each * number * (work.travel.hours if work.travel else 0.0)),
        hazards=total(hazards * (work.open_hazard.hours if work.open_hazard else 0.0)),
    )

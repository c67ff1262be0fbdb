"""Workload: how many hours a year the cells of the grid ask for, of what, and of which skill."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gis_supervision.domain.inspectors import SKILLS
from gis_supervision.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from gis_supervision.domain.rules import RulePack

MONTHS_PER_YEAR = 12.0
PARTS = ("visits", "travel", "hazards", "complaints")
"""What the hours under the rules are made of."""

NO_SKILL = len(SKILLS)
"""Column of `Workload.by_skill` for work that anybody may do."""


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
    complaints
        Complaints at their yearly rate.
    rule_hours_by_skill
        Shape (cells, skills + 1), the hours under the rules by skill in the order of
        `gis_supervision.domain.inspectors.SKILLS`; last, what anybody may do.
    set_hours
        Hours that a dispatcher set in the place of those of the rules, NaN where none did.
    """

    visits: NDArray[np.float64]
    travel: NDArray[np.float64]
    hazards: NDArray[np.float64]
    complaints: NDArray[np.float64]
    rule_hours_by_skill: NDArray[np.float64]
    set_hours: NDArray[np.float64]

    @property
    def rule_hours(self) -> NDArray[np.float64]:
        """All that the rules ask for, shape (cells,)."""
        return self.visits + self.travel + self.hazards + self.complaints

    @property
    def hours(self) -> NDArray[np.float64]:
        """Hours that count: those set by a dispatcher, else those of the rules."""
        return np.where(np.isnan(self.set_hours), self.rule_hours, self.set_hours)

    @property
    def by_skill(self) -> NDArray[np.float64]:
        """Hours that count by skill, shape (cells, skills + 1).

        Hours that were set are divided as those of the rules are; where the rules ask for none,
        anybody may do them.
        """
        rules = self.rule_hours
        some = rules > 0
        factor = np.where(some, self.hours / np.where(some, rules, 1.0), 0.0)
        divided = self.rule_hours_by_skill * factor[:, None]
        divided[~some, NO_SKILL] = self.hours[~some]
        return divided


def workload(
    rules: RulePack,
    cells: int,
    cell: ArrayLike,
    classes: Sequence[tuple[str | None, str | None, str | None]],
    premises: ArrayLike,
    unresolved: ArrayLike,
    complaints: ArrayLike | None = None,
    set_hours: ArrayLike | None = None,
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
    complaints
        Shape (n,), complaints of the period that the pack counts; left out: none.
    set_hours
        Shape (cells,), hours set by hand, NaN where none are; left out: none.

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
    told = np.zeros(where.size) if complaints is None else np.asarray(complaints, dtype=np.float64)
    given = np.full(cells, np.nan) if set_hours is None else np.asarray(set_hours, dtype=np.float64)
    if not where.shape == number.shape == hazards.shape == told.shape == (len(classes),):
        raise InvalidInputError("workload: expected one entry per group in every array")
    if given.shape != (cells,):
        raise InvalidInputError(
            "workload: expected %(cells)s set hours, got %(size)s", cells=cells, size=given.size
        )
    if where.size and not (where.min() >= 0 and where.max() < cells):
        raise InvalidInputError("workload: expected cells from 0 to %(last)s", last=cells - 1)
    work = rules.workload
    per_year: dict[tuple[str | None, str | None, str | None], tuple[float, float, int]] = {}
    for group in set(classes):
        visits = rules.required_visits_per_year(*group) or 0.0
        skill = rules.skill_for(group[2])
        place = NO_SKILL if skill is None else SKILLS.index(skill)
        per_year[group] = (visits, visits * work.visit_hours(group[2]), place)
    each = np.array([per_year[group] for group in classes], dtype=np.float64).reshape(-1, 3)
    per_complaint = (
        work.complaint.hours * MONTHS_PER_YEAR / work.complaint_months if work.complaint else 0.0
    )
    parts = {
        "visits": each[:, 1] * number,
        "travel": each[:, 0] * number * (work.travel.hours if work.travel else 0.0),
        "hazards": hazards * (work.open_hazard.hours if work.open_hazard else 0.0),
        "complaints": told * per_complaint,
    }
    # a complaint about nothing in the register says nothing of a skill
    column = np.where((number > 0) | (hazards > 0), each[:, 2], NO_SKILL).astype(np.int64)
    width = NO_SKILL + 1
    by_skill = np.bincount(where * width + column, sum(parts.values()), cells * width)
    return Workload(
        **{
            name: np.bincount(where, values, cells).astype(np.float64)
            for name, values in parts.items()
        },
        rule_hours_by_skill=by_skill.reshape(cells, width).astype(np.float64),
        set_hours=given,
    )

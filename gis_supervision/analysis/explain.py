"""The numbers behind the colour of one cell."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gis_supervision.analysis import run as runs
from gis_supervision.analysis.rates import marshall_prior
from gis_supervision.domain import h3_index
from gis_supervision.errors import InvalidInputError, NotFoundError
from gis_supervision.storage import explanations

if TYPE_CHECKING:
    from datetime import date

    import polars as pl
    from sqlalchemy.orm import Session

    from gis_supervision.domain.rules import RulePack
    from gis_supervision.storage.analyses import Run

H3_DIGITS = 15
"""Hexadecimal digits of an H3 index, as it is usually written."""


@dataclass(frozen=True)
class Origin:
    """The run that numbers are from: with it they can be made again."""

    run_id: int
    kind: str
    as_of: date
    parameters: dict[str, Any]
    seed: int
    code_version: str


@dataclass(frozen=True)
class Neighbour:
    """A cell beside the explained one; None is "no data"."""

    cell: str
    premises: int
    hazards: int
    shrunk_rate: float | None


@dataclass(frozen=True)
class HotspotExplanation:
    """How an H3 cell got its Gi* and its class.

    Attributes
    ----------
    cell, resolution
        H3 index in hexadecimal digits, and its resolution.
    premises, hazards
        Located premises in scope, and their unresolved hazards, at the end of the day.
    rate, shrunk_rate
        Hazards per premises; the same shrunk towards `overall_rate` (Marshall 1991). None where
        there are fewer premises than the run's minimum: no data.
    overall_rate, rate_variance
        Of all cells with premises: what rates are shrunk towards, and how much true rates differ.
    weight_of_own_rate
        ``rate_variance / (rate_variance + overall_rate / premises)``: what is left of the own rate.
    cells_with_data, mean, standard_deviation
        Of the shrunk rates of all cells with data.
    neighbours
        Cells beside it that have premises; those without data take no part.
    local_sum, local_cells, expected_sum
        Sum of shrunk rates of the cell and its neighbours with data, their number, and the sum
        that the mean would give.
    z, p, bin
        As stored: Gi* (Ord and Getis 1995), two-sided p, class -3 to 3 after the false discovery
        rate is controlled.
    origin
        The run.
    """

    cell: str
    resolution: int
    premises: int
    hazards: int
    rate: float | None
    shrunk_rate: float | None
    overall_rate: float | None
    rate_variance: float | None
    weight_of_own_rate: float | None
    cells_with_data: int
    mean: float | None
    standard_deviation: float | None
    neighbours: tuple[Neighbour, ...]
    local_sum: float | None
    local_cells: int
    expected_sum: float | None
    z: float | None
    p: float | None
    bin: int | None
    origin: Origin

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return asdict(self)


@dataclass(frozen=True)
class CoverageExplanation:
    """How a grid cell got its coverage: the counts, and who is responsible.

    ``counts`` has the metrics of `gis_supervision.analysis.coverage.Coverage`; it is empty where no
    premises in scope is in the cell.
    """

    cell: str
    counts: dict[str, float | None]
    responsible: dict[str, Any] | None
    origin: Origin

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return asdict(self)


def cell(
    session: Session, rules: RulePack, identifier: str, as_of: date
) -> HotspotExplanation | CoverageExplanation:
    """Explain a cell as of a day, from the run that reports show of it.

    Parameters
    ----------
    session
        An open session; the caller commits. A run that is missing is made, not published.
    rules
        Rule pack of the coverage.
    identifier
        H3 index in 15 hexadecimal digits, or the code of a cell of the grid.
    as_of
        Day of the report.

    Returns
    -------
    HotspotExplanation or CoverageExplanation

    Raises
    ------
    InvalidInputError
        The identifier is empty, or an H3 cell has a resolution that premises are not indexed at.
    NotFoundError
        No premises is in the H3 cell on that day, or no cell of the grid has the code.
    """
    name = identifier.strip()
    if not name:
        raise InvalidInputError("cell: expected an H3 index or the code of a grid cell, got ''")
    code = explanations.grid_cell(session, name, as_of)
    if code is not None:
        return _coverage(session, rules, name, code, as_of)
    index = _h3(name)
    if index is None:
        raise NotFoundError(
            "cell %(name)r: no cell of the grid has this code, and it is no H3 index (expected "
            "%(h3_digits)s hexadecimal digits)",
            name=name,
            h3_digits=H3_DIGITS,
        )
    return _hotspot(session, index, as_of)


def _h3(name: str) -> int | None:
    if len(name) != H3_DIGITS:
        return None
    try:
        index = int(name, 16)
    except ValueError:
        return None
    return index if bool(h3_index.valid([index])[0]) else None


def _hotspot(session: Session, index: int, as_of: date) -> HotspotExplanation:
    resolution = int(h3_index.resolutions([index])[0])
    found = explanations.newest_run(session, "hotspots", as_of, resolution=resolution)
    if found is None:
        found = runs.hotspots(session, as_of, resolution=resolution, publish=False)
    table = explanations.metrics(session, found.id, "h3")
    ids = table["unit_id"].to_numpy() if table.height else np.empty(0, dtype=np.int64)
    place = int(np.searchsorted(ids, index))
    if place == ids.size or ids[place] != index:
        raise NotFoundError(
            "cell %(index)x: no located premises in scope is in it on %(as_of)s; no data",
            index=index,
            as_of=as_of,
        )
    premises, hazards, shrunk, rate = (
        table[name].cast(float).fill_null(np.nan).to_numpy()
        for name in ("premises", "hazards", "shrunk_rate", "rate")
    )
    known = np.isfinite(shrunk)
    overall, variance = marshall_prior(hazards, premises)
    row = h3_index.neighbours(ids)[[place]]
    beside = np.sort(row.indices)
    local = np.append(beside, place)
    taking_part = local[known[local]]
    data = bool(known[place])
    mean = float(shrunk[known].mean()) if known.any() else math.nan
    own_part = variance / (variance + overall / premises[place]) if data and overall > 0 else np.nan
    return HotspotExplanation(
        cell=f"{index:x}",
        resolution=resolution,
        premises=int(premises[place]),
        hazards=int(hazards[place]),
        rate=_number(rate[place]),
        shrunk_rate=_number(shrunk[place]),
        overall_rate=_number(overall),
        rate_variance=_number(variance),
        weight_of_own_rate=_number(own_part),
        cells_with_data=int(known.sum()),
        mean=_number(mean),
        standard_deviation=_number(shrunk[known].std() if known.any() else math.nan),
        neighbours=tuple(
            Neighbour(f"{int(ids[at]):x}", int(premises[at]), int(hazards[at]), _number(shrunk[at]))
            for at in beside
        ),
        local_sum=_number(shrunk[taking_part].sum() if data else math.nan),
        local_cells=int(taking_part.size) if data else 0,
        expected_sum=_number(mean * taking_part.size if data else math.nan),
        z=_stored(table, place, "z"),
        p=_stored(table, place, "p"),
        bin=_class(_stored(table, place, "bin")),
        origin=_origin(session, found),
    )


def _coverage(
    session: Session, rules: RulePack, name: str, cell_id: int, as_of: date
) -> CoverageExplanation:
    found = runs.coverage(session, rules, as_of, publish=False)
    table = explanations.metrics(session, found.id, "cell", cell_id)
    counts = table.drop("unit_id").row(0, named=True) if table.height else {}
    return CoverageExplanation(
        cell=name,
        counts=counts,
        responsible=explanations.responsible(session, cell_id, as_of),
        origin=_origin(session, found),
    )


def _origin(session: Session, found: Run) -> Origin:
    seed, version = explanations.seed_and_version(session, found.id)
    return Origin(found.id, found.kind, found.as_of, found.parameters, seed, version)


def _stored(table: pl.DataFrame, place: int, metric: str) -> float | None:
    value: float | None = table[metric][place]
    return value


def _class(value: float | None) -> int | None:
    return None if value is None else int(value)


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None

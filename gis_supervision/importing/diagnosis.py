"""Which datum a file is in: its points or outlines against a boundary, under each candidate."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import shapely
from shapely.geometry.base import BaseGeometry

from gis_supervision.domain import datum_fit
from gis_supervision.domain.datums import CANDIDATES, Datum
from gis_supervision.errors import InvalidInputError
from gis_supervision.importing import locations, readers
from gis_supervision.importing.locations import DEFAULT_DATUM
from gis_supervision.importing.mapping import DivisionRecord, Mapping, Source
from gis_supervision.importing.readers import GEOMETRY
from gis_supervision.importing.values import text_of
from gis_supervision.messages import Message, Translate, english


@dataclass(frozen=True)
class Fit:
    """How a file fits the boundary under one datum.

    Attributes
    ----------
    datum
        The datum tried.
    share_inside
        Share of the points inside the boundary; None for outlines.
    distance_m
        Points: median distance of those outside. Outlines: median distance between the borders.
    shift_m
        Outlines: length of the common translation left between them; None for points.
    """

    datum: str
    share_inside: float | None
    distance_m: float
    shift_m: float | None


@dataclass(frozen=True)
class Diagnosis:
    """Fits of a source, best first.

    Attributes
    ----------
    source
        Name of the source.
    declared
        Datum of the mapping, else that of the file, else WGS84.
    decisive
        Whether the best is better by more than chance.
    warning
        Why the declared datum is doubtful; None where it is not.
    """

    source: str
    declared: str
    fits: tuple[Fit, ...]
    decisive: bool
    warning: Message | None

    def to_dict(self, translate: Translate = english) -> dict[str, Any]:
        """Return the diagnosis as JSON takes it; the warning in a language, or empty."""
        warning = "" if self.warning is None else self.warning.translated(translate)
        return {**vars(self), "fits": [asdict(fit) for fit in self.fits], "warning": warning}


def diagnose(
    mapping: Mapping, paths: dict[str, Path], boundary: Sequence[BaseGeometry]
) -> list[Diagnosis]:
    """Tell in which datum the sources of a mapping are.

    Parameters
    ----------
    mapping, paths
        The mapping, and the file of each source.
    boundary
        Outlines in WGS84 that the points should lie in, or that the outlines should match.

    Returns
    -------
    list of Diagnosis
        One for each source with points or outlines.

    Raises
    ------
    InvalidInputError
        No source has any.
    """
    found = []
    for name, path in paths.items():
        source = mapping.sources[name]
        with readers.opened(path, source, name) as table:
            declared = source.datum or mapping.datum or table.datum or DEFAULT_DATUM
            frames = list(table.batches)
        rows = pl.concat(frames) if frames else pl.DataFrame()
        if source.division is not None and source.division.geometry and GEOMETRY in rows.columns:
            found.append(_of_outlines(name, declared, _areas(rows), boundary))
        elif source.premises is not None:
            x, y = _pairs(source, rows)
            if np.isfinite(x).any():
                found.append(_of_points(name, declared, x, y, boundary))
    if not found:
        raise InvalidInputError("%(name)s has no source with points or outlines", name=mapping.name)
    return found


def boundary_of(path: Path) -> list[Any]:
    """Read the outlines of a geographic file, as WGS84 or in the datum that it declares."""
    anything = DivisionRecord.model_validate({"code": "x", "name": "x", "level": "x"})
    with readers.opened(path, Source(division=anything)) as table:
        datum = table.datum or DEFAULT_DATUM
        frames = [frame for frame in table.batches if GEOMETRY in frame.columns]
    if not frames:
        raise InvalidInputError("%(file)s has no outlines", file=path.name)
    read = locations.outlines(pl.concat(frames).get_column(GEOMETRY), datum)
    return [shapely.from_wkb(one) for one in read.wkb if one is not None]


def _areas(rows: pl.DataFrame) -> list[Any]:
    # as they stand in the file: no datum is applied
    read = locations.outlines(rows.get_column(GEOMETRY), DEFAULT_DATUM)
    return [shapely.from_wkb(one) for one in read.wkb if one is not None]


def _pairs(source: Source, rows: pl.DataFrame) -> tuple[Any, Any]:
    premises = source.premises
    if premises is None or not rows.height:
        return np.array([np.nan]), np.array([np.nan])
    if premises.geometry:
        x, y, _ = locations.points(rows.get_column(GEOMETRY))
    elif premises.lng is not None and premises.lat is not None:
        texts = [
            text_of(column, source.null, numeric=True)[0].cast(pl.Float64, strict=False).alias(name)
            for name, column in (("x", premises.lng), ("y", premises.lat))
        ]
        x, y = rows.select(texts).get_columns()
    else:
        return np.array([np.nan]), np.array([np.nan])
    return x.cast(pl.Float64).to_numpy(), y.cast(pl.Float64).to_numpy()


def _of_points(
    name: str, declared: str, x: Any, y: Any, boundary: Sequence[BaseGeometry]
) -> Diagnosis:
    area = shapely.union_all(list(boundary))
    told = datum_fit.diagnose(x, y, area, candidates=_candidates(declared))
    fits = tuple(Fit(fit.datum.name, fit.share_inside, fit.outside_m, None) for fit in told.fits)
    warning = None
    if told.warning(declared):
        own = next(fit for fit in told.fits if _equal(fit.datum, Datum.parse(declared)))
        warning = Message(
            "declared %(declared)s, but %(better)s fits better: %(inside)s of the points lie inside"
            " the boundary, against %(own)s",
            declared=str(Datum.parse(declared)),
            better=str(told.fits[0].datum),
            inside=f"{told.fits[0].share_inside:.2%}",
            own=f"{own.share_inside:.2%}",
        )
    return Diagnosis(name, declared, fits, told.decisive, warning)


def _of_outlines(
    name: str, declared: str, areas: Sequence[Any], boundary: Sequence[BaseGeometry]
) -> Diagnosis:
    told = datum_fit.compare_outlines(
        areas, list(boundary), candidates=_candidates(declared), second_datum=DEFAULT_DATUM
    )
    fits = tuple(Fit(fit.first.name, None, fit.gap_m, fit.shift_m) for fit in told)
    named = Datum.parse(declared)
    own = next(fit for fit in told if _equal(fit.first, named))
    best = told[0]
    doubtful = not _equal(best.first, named) and best.shift_m < own.shift_m / 2
    warning = None
    if doubtful:
        warning = Message(
            "declared %(declared)s, but %(better)s fits better: %(shift)s m common shift, against"
            " %(own)s m",
            declared=str(named),
            better=str(best.first),
            shift=f"{best.shift_m:.0f}",
            own=f"{own.shift_m:.0f}",
        )
    return Diagnosis(name, declared, fits, doubtful or _equal(best.first, named), warning)


def _candidates(declared: str) -> list[Datum]:
    named = Datum.parse(declared)
    return [*CANDIDATES, *([] if any(_equal(one, named) for one in CANDIDATES) else [named])]


def _equal(one: Datum, other: Datum) -> bool:
    # WGS84 and CGCS2000 are the same here
    return one == other or (one.kind is other.kind and one.kind.name == "GEOGRAPHIC")

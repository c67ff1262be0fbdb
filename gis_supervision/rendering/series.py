"""Layers of steps as compact JSON: each thing and its place once, its values step by step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gis_supervision.rendering import packing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from gis_supervision.catalogue.models import Layer
    from gis_supervision.storage.layers import Rows


@dataclass(frozen=True)
class Series:
    """Rows of a layer of steps, by thing and step.

    Attributes
    ----------
    count
        Number of things.
    fixed
        Attributes that stay as they are for every thing: one value for each.
    varying
        The others: one value for each step and thing, all things of the first step first. None
        stands for a missing value and for a missing row.
    present
        Whether there is a row, in the same order; None if there always is.
    days
        Last day of each step.
    geometries
        WKB for each thing, None where it has no place; empty for a layer without geometry.
    """

    count: int
    fixed: dict[str, list[Any]]
    varying: dict[str, list[Any]]
    present: list[int] | None
    days: list[date]
    geometries: list[bytes | None]


def arrange(layer: Layer, found: Rows, names: Sequence[str]) -> Series:
    """Put the rows of a layer of steps in order.

    Parameters
    ----------
    layer
        A layer with ``time``.
    found
        Its rows; the place of a thing stands in one of them at least.
    names
        Attributes that are wanted, beside that of the days.

    Returns
    -------
    Series
        Things in the order in which they come first.
    """
    if layer.time is None:
        raise ValueError(f"{layer.name} has no time")
    days = found.columns[layer.time.attribute]
    things = found.columns[layer.time.of]
    places = {thing: place for place, thing in enumerate(dict.fromkeys(things))}
    steps = {day: step for step, day in enumerate(sorted(set(days)))}
    size = len(places) * len(steps)
    thing_of = np.array([places[thing] for thing in things], dtype=np.int64)
    at = np.array([steps[day] for day in days], dtype=np.int64) * len(places) + thing_of
    _, first_rows = np.unique(thing_of, return_index=True)
    present = np.zeros(size, dtype=np.int64)
    present[at] = 1
    fixed, varying = {}, {}
    for name in names:
        if name == layer.time.attribute:
            continue
        values = np.empty(len(at), dtype=object)
        values[:] = found.columns[name]
        if name == layer.time.of or bool((values == values[first_rows][thing_of]).all()):
            fixed[name] = values[first_rows].tolist()
        else:
            whole = np.full(size, None, dtype=object)
            whole[at] = values
            varying[name] = whole.tolist()
    geometries: list[bytes | None] = [None] * len(places) if found.geometries else []
    for thing, shape in zip(thing_of.tolist(), found.geometries, strict=False):
        if shape is not None:
            geometries[thing] = shape
    return Series(
        count=len(places),
        fixed=fixed,
        varying=varying,
        present=None if present.all() else present.tolist(),
        days=list(steps),
        geometries=geometries,
    )


def packed(layer: Layer, series: Series) -> dict[str, Any]:
    """Return what the page needs of a layer of steps beside what it needs of any layer.

    Returns
    -------
    dict
        ``columns`` and ``series`` as `packing.column` makes them, ``days`` since 1970-01-01, and
        ``present`` with the lengths of alternating runs of missing and present rows.
    """
    return {
        "count": series.count,
        "time": None if layer.time is None else layer.time.attribute,
        "days": [packing.days(day) for day in series.days],
        "present": None if series.present is None else _runs(series.present),
        "columns": {
            name: packing.column(values, layer.attributes[name])
            for name, values in series.fixed.items()
        },
        "series": {
            name: packing.column(values, layer.attributes[name])
            for name, values in series.varying.items()
        },
    }


def last(layer: Layer, found: Rows) -> list[int]:
    """Return the rows of the last step, all rows of a layer without steps."""
    count = len(next(iter(found.columns.values())))
    if layer.time is None or count == 0:
        return list(range(count))
    days = found.columns[layer.time.attribute]
    newest = max(days)
    return [row for row, day in enumerate(days) if day == newest]


def _runs(bits: Sequence[int]) -> list[int]:
    """Lengths of runs of equal bits, the first of zeros (perhaps none)."""
    array = np.array([0, *bits])
    ends = np.append(np.flatnonzero(np.diff(array)), len(bits))
    lengths: list[int] = np.diff(ends, prepend=0).tolist()
    return lengths

"""Which datum a file is in: points or outlines against a boundary known in WGS84."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely
from scipy.stats import binomtest

from gis_supervision.domain.datums import CANDIDATES, CGCS2000, Datum, to_wgs84
from gis_supervision.domain.polygons import METRES_PER_DEGREE, as_polygons
from gis_supervision.errors import InvalidInputError
from gis_supervision.messages import Message

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from shapely.geometry.base import BaseGeometry

    Floats = npt.NDArray[np.float64]
    Polygons = npt.NDArray[np.object_]

SIGNIFICANT: Final = 0.01
"""A verdict on points is decisive where chance gives it with a lower probability than this."""

_SAMPLES: Final = 2000
_SHIFT_STEPS: Final = 10


@dataclass(frozen=True)
class PointFit:
    """How points fit a boundary under one datum.

    ``share_inside`` counts all points with coordinates. ``outside_m`` is the median distance of
    those outside to the boundary (0 where all are inside). ``problem`` says why the datum is
    impossible; then no point counts as inside.
    """

    datum: Datum
    points: int
    inside: int
    share_inside: float
    outside_m: float
    problem: str = ""


@dataclass(frozen=True)
class PointDiagnosis:
    """Fits of all candidates, best first, and whether the first is decisively the best.

    ``p`` is the probability of such a lead over the second if both fitted equally well (sign
    test on the points that are inside under only one of them). A boundary tells datums apart
    only by the points near it, so many files leave the question open.
    """

    fits: tuple[PointFit, ...]
    p: float

    @property
    def best(self) -> Datum:
        """The datum that fits best."""
        return self.fits[0].datum

    @property
    def decisive(self) -> bool:
        """Whether the lead of the best is more than chance."""
        return self.p < SIGNIFICANT

    def warning(self, declared: Datum | str) -> str:
        """Return why the declared datum is doubtful; "" where it is not."""
        named = Datum.parse(declared)
        own = next((fit for fit in self.fits if _same(fit.datum, named)), None)
        if own is None or not self.decisive or _same(self.best, named):
            return ""
        top = self.fits[0]
        return (
            f"declared {named}, but {top.datum} fits better: {top.share_inside:.2%} of "
            f"{top.points} points inside the boundary against {own.share_inside:.2%}"
        )


@dataclass(frozen=True)
class OutlineFit:
    """How two sets of outlines agree when each is read in one datum.

    ``gap_m`` is the median distance between their borders; ``shift_m`` the length of the common
    translation that is left between them, to ``east_m`` and ``north_m``.
    """

    first: Datum
    second: Datum
    gap_m: float
    shift_m: float
    east_m: float
    north_m: float


def diagnose(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    boundary: BaseGeometry,
    *,
    candidates: Sequence[Datum | str] = CANDIDATES,
) -> PointDiagnosis:
    """Tell under which datum points fit a boundary.

    Parameters
    ----------
    x, y : array_like of float, shape (n,)
        Coordinates in an unknown datum; NaN are left out.
    boundary : Polygon or MultiPolygon
        Where the points should lie, WGS84.
    candidates : sequence of Datum or str
        The datums to try, the most likely first; add the declared one.

    Returns
    -------
    PointDiagnosis
        Ranked by the share inside, then by the distance of the points outside, then as given.

    Raises
    ------
    InvalidInputError
        Where no point has coordinates, or there is no candidate.
    """
    xs, ys = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    known = np.isfinite(xs) & np.isfinite(ys)
    if not known.any():
        raise InvalidInputError("no point has coordinates: nothing to tell a datum by")
    datums = _distinct(candidates)
    area = as_polygons([boundary], Message("boundary"))[0]
    shapely.prepare(area)
    fits, inside = [], {}
    for datum in datums:
        fit, inside[datum] = _point_fit(xs[known], ys[known], area, datum)
        fits.append(fit)
    fits.sort(key=lambda fit: (-fit.inside, fit.outside_m))
    if len(fits) == 1:
        return PointDiagnosis(tuple(fits), 1.0)
    first, second = inside[fits[0].datum], inside[fits[1].datum]
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    differing = only_first + only_second
    p = float(binomtest(only_first, differing).pvalue) if differing else 1.0
    return PointDiagnosis(tuple(fits), p)


def compare_outlines(
    first: Sequence[BaseGeometry],
    second: Sequence[BaseGeometry],
    *,
    candidates: Sequence[Datum | str] = CANDIDATES,
    second_datum: Datum | str | None = None,
) -> tuple[OutlineFit, ...]:
    """Compare two sets of outlines of the same areas under each pair of datums.

    Both borders are sampled evenly and each sample is matched to the nearest point of the other
    border. Their common translation is found by iterated least squares along the normals (as in
    point-to-line registration, Chen and Medioni 1992), weighted against outliers (Huber 1964).
    The files may be of different years and generalisation: details differ, but their errors
    have no common direction, a datum has.

    Parameters
    ----------
    first, second : sequence of Polygon or MultiPolygon
        Coordinates in degrees of an unknown datum.
    candidates : sequence of Datum or str
        Datums to try, the most likely first: two files in one shifted datum differ no more than
        two in the official one, and then the earlier candidate is named.
    second_datum : Datum or str, optional
        The datum of the second set, if it is known.

    Returns
    -------
    tuple of OutlineFit
        Best first: the smallest remaining translation, then the smallest gap.

    Raises
    ------
    InvalidInputError
        For something that is no polygon, or coordinates that are not degrees.
    """
    datums = _distinct(candidates)
    seconds = datums if second_datum is None else (Datum.parse(second_datum),)
    ones, others = (
        as_polygons(first, Message("first outline")),
        as_polygons(second, Message("second outline")),
    )
    extent = shapely.total_bounds(others)
    scale = np.array([np.cos(np.radians((extent[1] + extent[3]) / 2)), 1.0]) * METRES_PER_DEGREE
    one_lines = {datum: _border(ones, datum, scale) for datum in datums}
    other_lines = {datum: _border(others, datum, scale) for datum in seconds}
    fits = []
    for one in datums:
        for other in seconds:
            gap_m, (east, north) = _agreement(one_lines[one], other_lines[other])
            length = float(np.hypot(east, north))
            fits.append(OutlineFit(one, other, gap_m, length, float(east), float(north)))
    best = min(fit.shift_m for fit in fits)
    tie = best + max(1.0, best / 10)
    order = sorted(
        enumerate(fits),
        key=lambda item: (
            (0, 0.0, item[0]) if item[1].shift_m <= tie else (1, item[1].shift_m, item[0])
        ),
    )
    return tuple(fit for _, fit in order)


def _point_fit(
    x: Floats, y: Floats, area: BaseGeometry, datum: Datum
) -> tuple[PointFit, npt.NDArray[np.bool_]]:
    try:
        lng, lat = to_wgs84(x, y, datum)
    except InvalidInputError as error:
        nowhere = np.zeros(x.size, dtype=np.bool_)
        return PointFit(datum, x.size, 0, 0.0, float("inf"), str(error)), nowhere
    inside = np.asarray(shapely.intersects_xy(area, lng, lat))
    outside_m = 0.0
    if not inside.all():
        middle = (area.bounds[1] + area.bounds[3]) / 2
        scale = np.array([np.cos(np.radians(middle)), 1.0]) * METRES_PER_DEGREE
        plane = shapely.transform(area, lambda points: points * scale)
        shapely.prepare(plane)
        away = shapely.points(np.column_stack((lng, lat))[~inside] * scale)
        outside_m = float(np.median(shapely.distance(plane, away)))
    count = int(inside.sum())
    return PointFit(datum, x.size, count, count / x.size, outside_m), inside


def _border(polygons: Polygons, datum: Datum, scale: Floats) -> Polygons:
    """Return the borders in metres on a plane, read in one datum, as single segments."""
    rings = shapely.get_rings(shapely.get_parts(polygons))
    points, ring = shapely.get_coordinates(rings, return_index=True)
    plane = np.column_stack(to_wgs84(points[:, 0], points[:, 1], datum)) * scale
    inner = ring[1:] == ring[:-1]
    lines = shapely.linestrings(np.stack((plane[:-1][inner], plane[1:][inner]), axis=1))
    return np.asarray(lines)


def _agreement(one: Polygons, other: Polygons) -> tuple[float, Floats]:
    """Return the median gap of two borders, and the translation from the first to the second."""
    samples = _samples(one)
    trees = shapely.STRtree(other), shapely.STRtree(one)
    back = _samples(other)
    gap = np.concatenate((_reach(samples, trees[0], other)[1], _reach(back, trees[1], one)[1]))
    shift = np.zeros(2)
    for _ in range(_SHIFT_STEPS):
        to_other, distance = _reach(samples + shift, trees[0], other)
        to_one, back_distance = _reach(back - shift, trees[1], one)
        vectors = np.concatenate((to_other, -to_one))
        lengths = np.concatenate((distance, back_distance))
        near = lengths > 1e-6  # noqa: PLR2004 - metres; a point on the border has no normal
        if not near.any():
            break
        normals = vectors[near] / lengths[near, np.newaxis]
        limit = max(float(np.median(lengths)), 1e-3)
        weight = np.minimum(1.0, limit / lengths[near])
        # points that lie on the border already hold the translation where it is
        step = np.linalg.lstsq(
            (normals * weight[:, np.newaxis]).T @ normals + np.eye(2) * 1e-9,
            (vectors[near] * weight[:, np.newaxis]).sum(axis=0),
            rcond=None,
        )[0]
        shift = shift + step
        if np.hypot(*step) < 1e-3:  # noqa: PLR2004 - a millimetre
            break
    return float(np.median(gap)), shift


def _reach(points: Floats, tree: shapely.STRtree, lines: Polygons) -> tuple[Floats, Floats]:
    """Return vectors and distances from points to the nearest places on lines."""
    places = shapely.points(points)
    nearest = lines[tree.nearest(places)]
    feet = shapely.line_interpolate_point(nearest, shapely.line_locate_point(nearest, places))
    vectors = shapely.get_coordinates(feet) - points
    return vectors, np.hypot(vectors[:, 0], vectors[:, 1])


def _samples(lines: Polygons) -> Floats:
    """Return points spread evenly over lines."""
    lengths = shapely.length(lines)
    ends = np.cumsum(lengths)
    at = (np.arange(_SAMPLES) + 0.5) / _SAMPLES * ends[-1]
    line = np.minimum(np.searchsorted(ends, at), lines.size - 1)
    within = at - (ends[line] - lengths[line])
    return np.asarray(shapely.get_coordinates(shapely.line_interpolate_point(lines[line], within)))


def _distinct(candidates: Sequence[Datum | str]) -> tuple[Datum, ...]:
    datums = tuple(dict.fromkeys(Datum.parse(candidate) for candidate in candidates))
    if not datums:
        raise InvalidInputError("expected at least one candidate datum")
    return datums


def _same(one: Datum, other: Datum) -> bool:
    """Tell whether two datums give the same coordinates (CGCS2000 counts as WGS84)."""
    return one == other or one.kind == other.kind == CGCS2000.kind

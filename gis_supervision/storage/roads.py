"""The road network: loaded from a file of lines, travelled by pgRouting.

pgRouting is an extension of the database that an office may leave out; then travel times come from
straight lines or from a matrix of its own.
"""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl
import shapely
from psycopg2.errors import FeatureNotSupported, InsufficientPrivilege, UndefinedFile
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from gis_supervision.errors import InvalidInputError, UnavailableError
from gis_supervision.storage import frames
from gis_supervision.storage.route_tables import RoadEdge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from sqlalchemy.orm import Session

NEAR_M: Final = 2000.0
"""A place farther from every road is not reached."""
_SAME: Final = 6
"""Ends of lines that agree to so many decimals of a degree (about 0.1 m) are one node."""

EDGES: Final = (
    "SELECT id, source, target, cost_s AS cost, reverse_cost_s AS reverse_cost FROM road_edge"
)


@dataclass(frozen=True)
class Roads:
    """A road network as it was loaded.

    Attributes
    ----------
    edges, nodes, kilometres
        Size.
    one_way
        Edges that are driven in one direction only.
    parts
        Pieces that are not connected, whatever the direction.
    largest
        Share of the length that the largest piece has.
    """

    edges: int
    nodes: int
    kilometres: float
    one_way: int
    parts: int
    largest: float

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON takes them."""
        return asdict(self)


def require(session: Session, extension: str = "pgrouting") -> None:
    """Make sure that an extension is in the database.

    Parameters
    ----------
    session
        An open session.
    extension
        Name of the extension, a plain word.

    Raises
    ------
    UnavailableError
        It is not installed, or the login may not create it.
    """
    if session.scalar(text("SELECT 1 FROM pg_extension WHERE extname = :n"), {"n": extension}):
        return
    major = (session.scalar(text("SHOW server_version_num")) or "150000")[:2]
    try:
        with session.begin_nested():
            session.execute(text(f"CREATE EXTENSION {extension}"))
    except DBAPIError as error:
        if isinstance(error.orig, InsufficientPrivilege):
            raise UnavailableError(
                "this login may not create the extension %(extension)s: as the database's "
                "superuser, run CREATE EXTENSION %(extension)s",
                extension=extension,
            ) from None
        if isinstance(error.orig, (UndefinedFile, FeatureNotSupported)):
            raise UnavailableError(
                "%(extension)s is not installed on the database server: install the package "
                "postgresql-%(major)s-%(extension)s (Debian, Ubuntu) or %(extension)s_%(major)s "
                "(dnf)",
                extension=extension,
                major=major,
            ) from None
        raise


def load(
    session: Session,
    lines: Sequence[Any],
    km_per_hour: NDArray[np.float64],
    one_way: NDArray[np.int64],
) -> Roads:
    """Put a road network in the place of the one that is there.

    Parameters
    ----------
    session
        An open session; the caller commits.
    lines
        Line strings in degrees (WGS84, longitude first). Lines meet where their ends do, and where
        a corner of one is a corner of another.
    km_per_hour
        Speed of each.
    one_way
        1: only in the direction of the line, -1: only against it, 0: both.

    Returns
    -------
    Roads

    Raises
    ------
    InvalidInputError
        There is no line with a length.
    """
    pieces, owners = _pieces(lines)
    if not pieces:
        raise InvalidInputError("roads: expected lines with a length, found none")
    ends = np.round([[piece.coords[0], piece.coords[-1]] for piece in pieces], _SAME)
    _, node = np.unique(ends.reshape(-1, 2), axis=0, return_inverse=True)
    source, target = node.reshape(-1, 2).T
    count = int(node.max()) + 1
    joined = coo_array((np.ones(source.size), (source, target)), shape=(count, count))
    parts, part_of = connected_components(joined, directed=False)
    length = _lengths(pieces)
    cost = length / (km_per_hour[owners] / 3.6)
    direction = one_way[owners]
    part = part_of[source]
    frame = pl.DataFrame(
        {
            "id": np.arange(1, len(pieces) + 1),
            "source": source + 1,
            "target": target + 1,
            "part": part,
            "length_m": length,
            "cost_s": np.where(direction < 0, -1.0, cost),
            "reverse_cost_s": np.where(direction > 0, -1.0, cost),
            "geom": [f"SRID=4326;{shapely.to_wkt(p, rounding_precision=_SAME)}" for p in pieces],
        }
    )
    session.execute(text("TRUNCATE road_edge"))
    frames.write(session, RoadEdge.__tablename__, frame)
    session.execute(text("ANALYZE road_edge"))
    by_part = np.bincount(part, weights=length)
    return Roads(
        edges=len(pieces),
        nodes=count,
        kilometres=float(length.sum() / 1000),
        one_way=int((direction != 0).sum()),
        parts=int(parts),
        largest=float(by_part.max() / length.sum()),
    )


def _pieces(lines: Sequence[Any]) -> tuple[list[Any], NDArray[np.int64]]:
    """Cut lines at corners that they share."""
    corners = [np.round(shapely.get_coordinates(line), _SAME) for line in lines]
    everything = np.concatenate(corners) if corners else np.zeros((0, 2))
    distinct, place = np.unique(everything, axis=0, return_inverse=True)
    place = place.reshape(-1)
    # a corner is a node if it is an end, or more than one corner lies there
    node = np.bincount(place, minlength=len(distinct)) > 1
    offset, pieces, owners = 0, [], []
    for number, own in enumerate(corners):
        at = place[offset : offset + len(own)]
        offset += len(own)
        cuts = [0, *(i for i in range(1, len(own) - 1) if node[at[i]]), len(own) - 1]
        for first, last in itertools.pairwise(cuts):
            part = own[first : last + 1]
            if len(part) > 1 and (part != part[0]).any():
                pieces.append(shapely.LineString(part))
                owners.append(number)
    return pieces, np.array(owners, np.int64)


def _lengths(pieces: Sequence[Any]) -> NDArray[np.float64]:
    """Return lengths on the sphere in metres."""
    coordinates, owner = shapely.get_coordinates(pieces, return_index=True)
    lng, lat = np.radians(coordinates).T
    half = (
        np.sin(np.diff(lat) / 2) ** 2
        + np.cos(lat[:-1]) * np.cos(lat[1:]) * np.sin(np.diff(lng) / 2) ** 2
    )
    step = 2 * 6_371_008.8 * np.arcsin(np.sqrt(half))
    inside = owner[:-1] == owner[1:]
    lengths: NDArray[np.float64] = np.bincount(
        owner[:-1][inside], weights=step[inside], minlength=len(pieces)
    ).astype(np.float64)
    return lengths


def times(
    session: Session, lat: Sequence[float], lng: Sequence[float], *, km_per_hour: float
) -> tuple[NDArray[np.float64], int]:
    """Return travel times by road between places.

    Parameters
    ----------
    session
        An open session.
    lat, lng
        Places in degrees.
    km_per_hour
        Speed between a place and the road next to it.

    Returns
    -------
    seconds : ndarray
        Rounded up; minus one where there is no way.
    far : int
        Places farther than `NEAR_M` from every road.

    Raises
    ------
    UnavailableError
        pgRouting is not installed, or no road network is loaded.
    """
    require(session)
    if not session.scalar(text("SELECT EXISTS (SELECT 1 FROM road_edge)")):
        raise UnavailableError(
            "no road network is loaded: gis-supervision days roads FILE loads one"
        )
    count = len(lat)
    snapped = session.execute(
        text(
            "SELECT w.n, e.id, ST_LineLocatePoint(e.geom, w.at) AS fraction,"
            " ST_Distance(CAST(ST_ClosestPoint(e.geom, w.at) AS geography),"
            " CAST(w.at AS geography)) AS metres"
            " FROM (SELECT n, ST_SetSRID(ST_MakePoint(x, y), 4326) AS at"
            " FROM unnest(CAST(:lng AS float8[]), CAST(:lat AS float8[])) WITH ORDINALITY"
            " AS t (x, y, n)) AS w"
            " CROSS JOIN LATERAL (SELECT r.id, r.geom FROM road_edge AS r"
            " ORDER BY r.geom <-> w.at, r.id LIMIT 1) AS e ORDER BY w.n"
        ),
        {"lng": [float(x) for x in lng], "lat": [float(y) for y in lat]},
    ).all()
    access = np.array([row.metres for row in snapped]) / (km_per_hour / 3.6)
    near = np.array([row.metres <= NEAR_M for row in snapped])
    result = np.full((count, count), -1.0)
    # a place at a node is a little way from it: points must lie inside an edge
    points = {
        (row.id, round(min(max(row.fraction, 1e-6), 1 - 1e-6), 9)): number
        for number, row in enumerate(snapped, start=1)
        if near[number - 1]
    }
    point_of = np.array(
        [points.get((r.id, round(min(max(r.fraction, 1e-6), 1 - 1e-6), 9)), 0) for r in snapped]
    )
    if points:
        values = ", ".join(
            f"({number}::bigint, {edge}::bigint, {fraction:.9f}::float8)"
            for (edge, fraction), number in points.items()
        )
        rows = session.execute(
            text(
                "SELECT start_vid, end_vid, agg_cost FROM pgr_withPointsCostMatrix("
                "CAST(:edges AS text), CAST(:points AS text), CAST(:vids AS bigint[]),"
                " directed => true)"
            ),
            {
                "edges": EDGES,
                "points": f"SELECT * FROM (VALUES {values}) AS p (pid, edge_id, fraction)",  # noqa: S608 - numbers of our own
                "vids": [-number for number in points.values()],
            },
        ).all()
        between = np.full((count + 1, count + 1), np.inf)
        np.fill_diagonal(between, 0.0)
        for start, end, cost in rows:
            between[-start, -end] = cost
        there = point_of > 0
        pairs = np.ix_(point_of[there], point_of[there])
        total = between[pairs] + access[there][:, None] + access[there][None]
        result[np.ix_(there, there)] = np.where(np.isfinite(total), np.ceil(total - 1e-6), -1.0)
    np.fill_diagonal(result, 0.0)
    return result, int((~near).sum())

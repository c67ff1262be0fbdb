"""Travel times between places: a straight line with a factor, or an office's own matrix."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from gis_supervision.domain.rule_errors import near_name
from gis_supervision.errors import InvalidInputError, NotFoundError
from gis_supervision.messages import Message

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

EARTH_M: Final = 6_371_008.8
"""Mean radius of the earth in metres (IUGG)."""
OFFICE: Final = "office"
"""What the office is called in a matrix."""
_SHOWN: Final = 200

Times = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Place:
    """A place in degrees (WGS84); its key is a licence, a staff number or `OFFICE`."""

    key: str
    lat: float
    lng: float


@dataclass(frozen=True)
class Sent:
    """A file that was sent: its name, which messages tell, and its bytes."""

    name: str
    content: bytes

    def read_bytes(self) -> bytes:
        """Return the bytes."""
        return self.content

    def __str__(self) -> str:
        return self.name


def metres(lat: npt.ArrayLike, lng: npt.ArrayLike) -> Times:
    """Return great-circle distances between all places, in metres.

    Parameters
    ----------
    lat, lng
        Decimal degrees.
    """
    north, east = np.radians(np.asarray(lat, float)), np.radians(np.asarray(lng, float))
    half = (
        np.sin((north[:, None] - north[None]) / 2) ** 2
        + np.cos(north[:, None])
        * np.cos(north[None])
        * np.sin((east[:, None] - east[None]) / 2) ** 2
    )
    distances: Times = 2 * EARTH_M * np.arcsin(np.sqrt(np.clip(half, 0, 1)))
    return distances


def straight_line(places: Sequence[Place], *, detour: float, km_per_hour: float) -> Times:
    """Return travel times by the straight line on the sphere times a factor.

    Parameters
    ----------
    places
        From where and to where.
    detour
        How much longer a way is than the straight line.
    km_per_hour
        Speed.

    Returns
    -------
    ndarray
        Seconds, rounded up.
    """
    far = metres([place.lat for place in places], [place.lng for place in places])
    times: Times = np.ceil(far * detour / (km_per_hour / 3.6))
    return times


def own_matrix(
    path: Path | Sent,
    places: Sequence[Place],
    *,
    km_per_hour: float,
    known: Callable[[Collection[str]], Collection[str]],
) -> tuple[Times, int]:
    """Read an office's own travel times.

    The file is CSV with the columns ``from``, ``to`` (licences, staff numbers or ``office``) and
    ``minutes`` or ``metres``. A way that stands in one direction only holds for both.

    Parameters
    ----------
    path
        The file.
    places
        Between which times are wanted.
    km_per_hour
        Speed, for metres.
    known
        Tells which keys the register has; rows with others are wrong.

    Returns
    -------
    seconds : ndarray
        Minus one where the file has no way.
    missing : int
        Number of pairs without a way.

    Raises
    ------
    NotFoundError
        There is no such file.
    InvalidInputError
        A column is missing, or rows are wrong: every one is named.
    """
    names, rows = read_rows(path)
    columns = [name for name in ("minutes", "metres") if name in names]
    if len(columns) != 1 or not {"from", "to"} <= set(names):
        raise InvalidInputError(
            "%(path)s: expected the columns from, to, and either minutes or metres; found "
            "%(fieldnames)s",
            path=path,
            fieldnames=", ".join(names) or Message("none"),
        )
    (column,) = columns
    scale = 60.0 if column == "minutes" else 3.6 / km_per_hour
    keys = {(row[end] or "").strip() for _, row in rows for end in ("from", "to")} - {""}
    there = {*known(keys), OFFICE}
    index: dict[str, list[int]] = {}
    for at, place in enumerate(places):
        index.setdefault(place.key, []).append(at)
    times = np.full((len(places), len(places)), -1.0)
    np.fill_diagonal(times, 0.0)
    seen: dict[tuple[str, str], int] = {}
    wrong: list[Message] = []
    for number, row in rows:
        try:
            pair, seconds = _row(row, column, scale, there, seen)
        except InvalidInputError as error:
            wrong.append(
                Message("%(file)s: row %(row)s: %(error)s", file=path, row=number, error=error)
            )
            continue
        seen[pair] = number
        times[np.ix_(index.get(pair[0], []), index.get(pair[1], []))] = seconds
    wrong_rows(wrong)
    times = np.where(times < 0, times.T, times)
    for same in index.values():
        times[np.ix_(same, same)] = 0.0
    return times, int((times < 0).sum()) // 2


def read_rows(path: Path | Sent) -> tuple[list[str], list[tuple[int, dict[str, Any]]]]:
    """Read a CSV file in UTF-8: its columns, and its rows with their numbers.

    Raises
    ------
    NotFoundError
        There is no such file.
    InvalidInputError
        It cannot be read, or is not CSV in UTF-8.
    """
    try:
        reader = csv.DictReader(_text(path).splitlines())
        names = list(reader.fieldnames or ())
        return names, list(enumerate(reader, start=2))
    except csv.Error as error:
        raise InvalidInputError(
            "%(path)s: cannot be read as CSV (%(error)s)", path=path, error=error
        ) from None


def _text(path: Path | Sent) -> str:
    """Read a text file in UTF-8, with or without a byte order mark."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise NotFoundError("%(path)s: no such file", path=path) from None
    except OSError as error:
        raise InvalidInputError(
            "%(path)s: cannot be read: %(reason)s", path=path, reason=error.strerror
        ) from None
    except UnicodeDecodeError as error:
        raise InvalidInputError(
            "%(path)s: expected UTF-8 text (%(error)s)", path=path, error=error
        ) from None


def wrong_rows(wrong: Sequence[Message]) -> None:
    """Refuse a file with wrong rows; the first are named.

    Raises
    ------
    InvalidInputError
        When there are any.
    """
    if wrong:
        shown: list[object] = list(wrong[:_SHOWN])
        if len(wrong) > _SHOWN:
            shown.append(Message("and %(count)s further rows", count=len(wrong) - _SHOWN))
        raise InvalidInputError.told(*shown)


def _row(
    row: dict[str, Any],
    column: str,
    scale: float,
    there: Collection[str],
    seen: dict[tuple[str, str], int],
) -> tuple[tuple[str, str], float]:
    ends = []
    for name in ("from", "to"):
        key = (row[name] or "").strip()
        if not key:
            raise InvalidInputError(
                "%(name)s: expected a licence or a staff number, got nothing", name=name
            )
        if key not in there:
            raise InvalidInputError(
                "%(name)s: %(key)r is neither a licence nor a staff number%(hint)s",
                name=name,
                key=key,
                hint=near_name(key, there),
            )
        ends.append(key)
    pair = (ends[0], ends[1])
    if pair in seen:
        raise InvalidInputError(
            "%(start)s to %(end)s stands in row %(seen)s already",
            start=pair[0],
            end=pair[1],
            seen=seen[pair],
        )
    raw = (row[column] or "").strip()
    try:
        value = float(raw)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise InvalidInputError(
            "%(column)s: expected a number not below 0, got %(raw)r", column=column, raw=raw
        )
    return pair, float(math.ceil(value * scale))

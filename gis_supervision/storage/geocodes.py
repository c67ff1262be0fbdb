"""Approximate locations: premises without a point get the middle of their division."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import polars as pl
from sqlalchemy import func, select, text

from gis_supervision.domain.place_names import Gazetteer, Match, NamedPlace
from gis_supervision.errors import InvalidInputError
from gis_supervision.storage import frames
from gis_supervision.storage.tables import Division, DivisionCode, PremisesGeocode

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

COARSEST_FIRST = ("county", "township", "village", "neighbourhood")
_BATCH = 10_000


@dataclass(frozen=True)
class Geocoded:
    """What geocoding did; the figures add up to ``considered``.

    Attributes
    ----------
    considered
        Premises without a point.
    by_code, by_name
        Those that got an approximate location.
    ambiguous
        Their address names several divisions.
    too_coarse
        Their division has no outline, and none above it that is fine enough.
    unknown
        Neither code nor address names a division of the register.
    """

    considered: int
    by_code: int
    by_name: int
    ambiguous: int
    too_coarse: int
    unknown: int

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON takes them."""
        return asdict(self)


def geocode(
    session: Session, *, by_name: bool = True, coarsest: str = "county", dry_run: bool = False
) -> Geocoded:
    """Give premises without a point a point in their division.

    The point is one on the surface of the division's outline (PostGIS ST_PointOnSurface), so it
    lies inside whatever the shape. It is marked approximate: such premises have no cell and no H3
    cell, and count as not located wherever a place matters. A point that an import brings later
    replaces it; `clear` takes it back.

    Parameters
    ----------
    session
        An open session; the caller commits.
    by_name
        Whether to look for names of divisions in the addresses of premises whose code is missing
        or unknown.
    coarsest
        Where a division has no outline, the nearest above it counts, up to this level.
    dry_run
        Count only.

    Returns
    -------
    Geocoded

    Raises
    ------
    InvalidInputError
        The level is not known.
    """
    if coarsest not in COARSEST_FIRST:
        raise InvalidInputError(
            "level %(coarsest)r: expected one of %(coarsest_first)s",
            coarsest=coarsest,
            coarsest_first=", ".join(COARSEST_FIRST),
        )
    divisions = {division.id: division for division in _divisions(session)}
    outlined = {key: _outlined(divisions, key, coarsest) for key in divisions}
    session.execute(text("DROP TABLE IF EXISTS geocode_found"))
    session.execute(
        text(
            "CREATE TEMPORARY TABLE geocode_found"
            " (premises_id bigint, division_id bigint, matched_by text, matched text)"
            " ON COMMIT DROP"
        )
    )
    tally = _Tally()
    _match(session, divisions, outlined, tally, by_name=by_name)
    if not dry_run:
        _apply(session)
    session.execute(text("DROP TABLE geocode_found"))
    return Geocoded(**vars(tally))


def clear(session: Session) -> int:
    """Take approximate locations back.

    Parameters
    ----------
    session
        An open session; the caller commits.

    Returns
    -------
    int
        Premises that have no point again.
    """
    count = session.scalar(
        text(
            "SELECT count(*) FROM premises_geocode AS g JOIN premises AS p ON g.premises_id = p.id"
            " WHERE p.location = 'approximate'"
        )
    )
    # the point goes with the row, by trigger
    session.execute(text(f"DELETE FROM {PremisesGeocode.__tablename__}"))  # noqa: S608 - our own table
    session.expire_all()
    return count or 0


@dataclass(frozen=True)
class _Division:
    id: int
    parent: int | None
    level: str
    name: str
    has_outline: bool
    codes: tuple[str, ...]


@dataclass
class _Tally:
    considered: int = 0
    by_code: int = 0
    by_name: int = 0
    ambiguous: int = 0
    too_coarse: int = 0
    unknown: int = 0


def _divisions(session: Session) -> list[_Division]:
    codes: dict[int, list[str]] = {}
    for number, code in session.execute(
        select(DivisionCode.division_id, DivisionCode.code).order_by(
            func.upper_inf(DivisionCode.valid), DivisionCode.valid
        )
    ).all():
        codes.setdefault(number, []).append(code)
    owner = {code: number for number, own in codes.items() for code in own}
    found = []
    for number, parent, level, name, has_outline in session.execute(
        select(
            Division.id,
            Division.parent_id,
            Division.level,
            Division.name,
            Division.geom.is_not(None),
        )
    ).all():
        own = tuple(codes.get(number, ()))
        above = parent
        if above is None:
            above = next((owner[up] for code in own for up in _prefixes(code) if up in owner), None)
        found.append(_Division(number, above, level, name, bool(has_outline), own))
    return found


def _prefixes(code: str) -> list[str]:
    """Return the codes above a code, the nearest first."""
    return [code[:end] for end in (12, 9, 6) if end < len(code)] if code.isdigit() else []


def _outlined(divisions: dict[int, _Division], key: int, coarsest: str) -> int | None:
    """Return the division itself or the nearest above it that has an outline."""
    seen: set[int] = set()
    here: int | None = key
    while here is not None and here in divisions and here not in seen:
        division = divisions[here]
        if COARSEST_FIRST.index(division.level) < COARSEST_FIRST.index(coarsest):
            return None
        if division.has_outline:
            return here
        seen.add(here)
        here = division.parent
    return None


def _match(
    session: Session,
    divisions: dict[int, _Division],
    outlined: dict[int, int | None],
    tally: _Tally,
    *,
    by_name: bool,
) -> None:
    coded = {code: division.id for division in divisions.values() for code in division.codes}
    gazetteer = Gazetteer(
        NamedPlace(division.id, division.name, division.level, division.parent)
        for division in (divisions.values() if by_name else ())
    )
    after = 0
    while True:
        rows = session.execute(
            text(
                "SELECT p.id, p.division_code, p.address FROM premises AS p"
                " WHERE p.location = 'none' AND p.id > :after ORDER BY p.id LIMIT :most"
            ),
            {"after": after, "most": _BATCH},
        ).all()
        if not rows:
            return
        after = rows[-1][0]
        found: list[tuple[int, int, str, str]] = []
        for number, code, address in rows:
            tally.considered += 1
            named = _coded(code, coded) if code else None
            match = (
                Match(coded[named], named) if named is not None else gazetteer.find(address or "")
            )
            how = "name" if named is None else "code"
            if match.key is None or match.name is None:
                tally.ambiguous += match.ambiguous
                tally.unknown += not match.ambiguous
            elif (place := outlined[match.key]) is None:
                tally.too_coarse += 1
            else:
                tally.by_code += how == "code"
                tally.by_name += how == "name"
                found.append((number, place, how, match.name))
        _keep(session, found)


def _coded(code: str, coded: dict[str, int]) -> str | None:
    return next((known for known in (code, *_prefixes(code)) if known in coded), None)


def _keep(session: Session, found: list[tuple[int, int, str, str]]) -> None:
    schema = {
        "premises_id": pl.Int64,
        "division_id": pl.Int64,
        "matched_by": pl.String,
        "matched": pl.String,
    }
    frames.write(session, "geocode_found", pl.DataFrame(found, schema=schema, orient="row"))


def _apply(session: Session) -> None:
    session.execute(
        text("""
            INSERT INTO premises_geocode (premises_id, division_id, matched_by, matched)
            SELECT f.premises_id, f.division_id, f.matched_by, f.matched FROM geocode_found AS f
            ON CONFLICT (premises_id) DO UPDATE SET
                division_id = excluded.division_id, matched_by = excluded.matched_by,
                matched = excluded.matched, geocoded_at = now()
        """)
    )
    session.execute(
        text("""
            WITH middle AS MATERIALIZED (
                SELECT d.id, ST_PointOnSurface(d.geom) AS geom
                FROM division AS d
                WHERE d.id IN (SELECT f.division_id FROM geocode_found AS f)
            )
            UPDATE premises AS p
            SET location = 'approximate', geom = m.geom
            FROM geocode_found AS f
            JOIN middle AS m ON f.division_id = m.id
            WHERE p.id = f.premises_id AND p.location = 'none'
        """)
    )
    session.expire_all()

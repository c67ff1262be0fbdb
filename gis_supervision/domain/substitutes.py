"""Who takes a premises that the inspector of its zone has to stay away from.

One rule for every place that tells of it, so that the matching, a proposal and the answer to "who
is responsible" name the same person for the same day: a deputy of the zone first, then whoever is
responsible for the zone that lies nearest, then anybody else, each only with the certificate that
the premises asks for, there on that day and not recused from it. Of two whose zones are as near, to
the millimetre, it is the one with the lower staff number.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from gis_supervision.domain.distances import distances_m

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import date

    from gis_supervision.domain.inspectors import Inspector, Skill

Place = tuple[float, float]
"""Latitude and longitude in decimal degrees."""


@dataclass(frozen=True)
class Kept:
    """A premises that somebody has to stay away from.

    Attributes
    ----------
    id, licence, name
        Which premises.
    owner
        Credit code of its owner.
    skill
        What its inspection asks for.
    lat, lng
        Where it is, decimal degrees.
    """

    id: int
    licence: str
    name: str
    owner: str | None
    skill: Skill | None
    lat: float
    lng: float


@dataclass(frozen=True)
class Substitution:
    """Somebody is recused from a premises of a zone, and somebody else takes it, or nobody can."""

    zone: str
    licence: str
    premises: str
    recused: str
    recused_name: str
    substitute: str | None
    substitute_name: str | None

    def to_dict(self) -> dict[str, str | None]:
        """Return it as JSON takes it."""
        return asdict(self)

    @property
    def named(self) -> str:
        """The premises and who takes it, in any language."""
        return f"{self.licence} → {self.substitute or '—'} {self.substitute_name or ''}".rstrip()

    @classmethod
    def of(
        cls, zone: str, premises: Kept, recused: Inspector, found: Inspector | None
    ) -> Substitution:
        """Tell who takes a premises of a zone."""
        return cls(
            zone=zone,
            licence=premises.licence,
            premises=premises.name,
            recused=recused.staff_number,
            recused_name=recused.name,
            substitute=None if found is None else found.staff_number,
            substitute_name=None if found is None else found.name,
        )


def substitute(
    day: date,
    premises: Kept,
    people: Iterable[Inspector],
    middles: Mapping[int, Sequence[Place]],
    deputies: Collection[int] = (),
) -> Inspector | None:
    """Return who takes a premises that another one is recused from.

    Parameters
    ----------
    day
        The day meant.
    premises
        The premises.
    people
        Everybody who works here, with certificates, leave and recusals of that day.
    middles
        Middles of the zones that each inspector is responsible for, by id.
    deputies
        Ids of the deputies of its zone.

    Returns
    -------
    Inspector or None
        None where nobody may.
    """
    away_m = _away_m(premises, middles)
    nearest_first = sorted(
        people,
        key=lambda one: (
            one.id not in deputies,
            away_m.get(one.id, np.inf),
            one.staff_number,
            one.id,
        ),
    )
    return next(
        (
            one
            for one in nearest_first
            if not one.refusals(
                day, skill=premises.skill, premises_id=premises.id, owner=premises.owner
            )
        ),
        None,
    )


def _away_m(premises: Kept, middles: Mapping[int, Sequence[Place]]) -> dict[int, float]:
    """Return each inspector's distance to the nearest middle in metres, to the millimetre.

    What differs by less is a matter of the order of sums, and no reason to choose somebody.
    """
    who = [number for number, places in middles.items() for _ in places]
    if not who:
        return {}
    lat, lng = np.array([place for places in middles.values() for place in places], dtype=float).T
    here = np.array([premises.lat]), np.array([premises.lng])
    found: dict[int, float] = {}
    for number, away_m in zip(who, distances_m(*here, lat, lng).ravel(), strict=True):
        found[number] = min(found.get(number, np.inf), round(float(away_m), 3))
    return found

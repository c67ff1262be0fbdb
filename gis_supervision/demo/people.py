"""The made-up inspectors of the demonstration: every one is marked synthetic."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING

from gis_supervision.domain.inspectors import SKILLS, Period, Skill
from gis_supervision.storage import inspectors, recusals, responsibilities, teams
from gis_supervision.storage.inspectors import NewInspector

if TYPE_CHECKING:
    from datetime import date

    from sqlalchemy.orm import Session

SEED = 20141230
SPARE = 2
"""Inspectors without a zone."""

HOURS = (1600.0, 1600.0, 1600.0, 1400.0, 1700.0)
LACKING_EVERY = {Skill.CATERING: 13, Skill.CIRCULATION: 6, Skill.PRODUCTION: 4}
SOON_EVERY = 12
YEARS = timedelta(days=4 * 365)


def made_up(number: int) -> list[NewInspector]:
    """Make inspectors up, the last `SPARE` of them without a zone."""
    return [
        NewInspector(
            f"DEMO-{place:03d}",
            f"Inspector {place:02d}",
            HOURS[place % len(HOURS)],
            synthetic=True,
            languages=("en", "es") if place % 3 == 0 else ("en",),
        )
        for place in range(1, number + SPARE + 1)
    ]


def furnish(session: Session, as_of: date, first: date, *, by: str) -> None:
    """Give made-up inspectors homes, certificates, leave, recusals and teams.

    Some certificates have expired or end soon after ``as_of``, some people are on leave then, and
    some are recused from a premises outside their own zone; the seed is fixed.

    Parameters
    ----------
    session
        An open session; the caller commits.
    as_of
        Day that reports speak of.
    first
        First day of zones.
    by
        Who records it.
    """
    chance = random.Random(SEED)  # noqa: S311 - made-up people, no secret
    cells = responsibilities.cells_on(session, as_of)
    places = list(zip(cells["lat"], cells["lng"], strict=True))
    found = inspectors.on(session, as_of)
    homes = []
    for person, kept in zip(found, inspectors.of(session, [p.id for p in found]), strict=True):
        lat, lng = chance.choice(places)
        homes.append(NewInspector(**{**vars(kept), "lat": round(lat, 4), "lng": round(lng, 4)}))
        for skill in SKILLS:
            every = LACKING_EVERY.get(skill, 2)
            if chance.randrange(every) == 0:
                continue
            # now and then one that has expired, or ends soon
            soon = chance.randrange(SOON_EVERY) == 0
            left = chance.choice((-20, 30, 75)) if soon else chance.randrange(120, 1200)
            end = as_of + timedelta(days=left)
            inspectors.certify(
                session,
                person.id,
                skill,
                Period(min(first, end - YEARS), end),
                number=f"DEMO-{person.staff_number[-3:]}-{SKILLS.index(skill) + 1}",
                by=by,
            )
    inspectors.register(session, homes)
    away = ((-3, 14, "leave"), (20, 30, "training"), (45, 90, "other"))
    for person, (begin, days, reason) in zip(found[2::7], away, strict=False):
        start = as_of + timedelta(days=begin)
        inspectors.take_leave(
            session, person.id, Period(start, start + timedelta(days=days)), reason=reason, by=by
        )
    shops = recusals.some_premises(session, 3)
    for person, shop in zip(found[4::6], shops, strict=False):
        recusals.add(
            session,
            person.id,
            premises_id=shop,
            reason="made up: a relative works there",
            by=by,
            valid=Period(first, None),
        )
    for lead, assistant in zip(found[::2], found[1::2], strict=False):
        teams.team_up(session, lead.id, assistant.id, Period(first, None), by=by)

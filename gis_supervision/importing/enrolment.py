"""Registering one inspector: what is given is changed, the rest stays as it was."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from gis_supervision.domain.inspectors import language_code
from gis_supervision.errors import InvalidInputError
from gis_supervision.storage import inspectors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session


@dataclass(frozen=True)
class Enrolment:
    """An inspector as registered, and whether nobody had that staff number before."""

    inspector: inspectors.NewInspector
    new: bool


CAPACITY_HOURS = 1600.0
"""Hours a year of an inspector of whom nothing else is said."""


def enrol(session: Session, staff_number: str, given: Mapping[str, Any], *, by: str) -> Enrolment:
    """Register an inspector, or change what is given of one.

    Of two who change one inspector at the same moment, the second changes what the first has made.

    Parameters
    ----------
    session
        An open session; the caller commits.
    staff_number
        Of the inspector.
    given
        Fields of `gis_supervision.storage.inspectors.NewInspector` by name; ``languages`` as codes
        or by their Chinese names. What is left out stays as it is.
    by
        Who does it.

    Returns
    -------
    Enrolment

    Raises
    ------
    InvalidInputError
        When somebody new has no name, or a value is not what it should be.
    """
    number = staff_number.strip()
    if not number or not number.isprintable():
        raise InvalidInputError("staff number: expected letters and digits")
    found = inspectors.of(session, inspectors.held(session, number))
    kept = found[0] if found else inspectors.NewInspector(number, "", CAPACITY_HOURS)
    changes = dict(given)
    if "languages" in changes:
        changes["languages"] = tuple(sorted({language_code(one) for one in changes["languages"]}))
    one = replace(kept, **changes)
    one = replace(one, name=one.name.strip())
    if not one.name:
        raise InvalidInputError("inspector %(number)s: expected a name", number=number)
    if not one.name.isprintable():
        raise InvalidInputError(
            "inspector %(number)s: expected a name without line breaks or control characters",
            number=number,
        )
    for value, most in ((one.lat, 90), (one.lng, 180)):
        if value is not None and not abs(value) <= most:
            raise InvalidInputError(
                "inspector %(number)s: home %(lat)s, %(lng)s: expected degrees, latitude first",
                number=number,
                lat=one.lat,
                lng=one.lng,
            )
    inspectors.register(session, [one], by=by)
    return Enrolment(one, new=not found)

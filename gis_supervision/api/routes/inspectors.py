"""Inspectors: certificates, recusals, teams, who is there; never homes nor reasons of leave."""

from datetime import date, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict
from sqlalchemy.orm import Session

from gis_supervision.api.dependencies import By, CurrentResources, Text, asked, same_origin
from gis_supervision.domain.inspectors import Period, Skill
from gis_supervision.importing.people import owner_code
from gis_supervision.storage import inspectors, recusals, register
from gis_supervision.storage.database import session_scope

router = APIRouter(tags=["inspectors"])

AsOf = Annotated[date | None, Query(description="day; left out: the report's day")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Certificate(_Body):
    """A certificate from its first to its last day; no last day: it does not expire."""

    skill: Skill
    number: str | None = None
    first_day: date
    last_day: date | None = None
    by: By


class Leave(_Body):
    """Days on which an inspector is not there; ``by``: who records it."""

    first_day: date
    last_day: date
    reason: Literal["leave", "sick", "training", "secondment", "other"] = "leave"
    by: By


class Return(_Body):
    """The first day on which an inspector is back."""

    day: date
    by: By


class Recusal(_Body):
    """A premises by licence, or an owner by credit code, to stay away from."""

    licence: str | None = None
    owner: str | None = None
    reason: Text
    first_day: date
    last_day: date | None = None
    by: By


class Team(_Body):
    """Two who go together: A leads, B assists."""

    lead: Text
    assistant: Text
    first_day: date
    last_day: date | None = None
    by: By


@router.get("/inspectors")
def inspectors_of_day(
    request: Request, shared: CurrentResources, as_of: AsOf = None
) -> list[dict[str, Any]]:
    """List the inspectors of a day with their certificates, and whether they are there."""
    asked(request, known=("as_of",))
    with session_scope(shared.engine) as session:
        day = as_of or register.default_as_of(session)
        return [_told(one, day) for one in inspectors.on(session, day)]


@router.get("/inspectors/expiring")
def expiring(
    request: Request,
    shared: CurrentResources,
    within: Annotated[int, Query(ge=0, le=3660, description="days")] = 90,
    as_of: AsOf = None,
) -> list[dict[str, Any]]:
    """List certificates that end within some days, or have ended and were not renewed."""
    asked(request, known=("within", "as_of"))
    with session_scope(shared.engine) as session:
        day = as_of or register.default_as_of(session)
        return [
            {
                "staff_number": one.staff_number,
                "name": one.name,
                "skill": one.skill.value,
                "number": one.number,
                "last_day": one.last_day.isoformat(),
                "days_left": one.days_left,
            }
            for one in inspectors.expiring(session, day, within)
        ]


@router.get("/inspectors/{number}")
def inspector(
    number: str, request: Request, shared: CurrentResources, as_of: AsOf = None
) -> dict[str, Any]:
    """Tell of one inspector."""
    asked(request, known=("as_of",))
    with session_scope(shared.engine) as session:
        day = as_of or register.default_as_of(session)
        return _one(session, number, day)


@router.post(
    "/inspectors/{number}/certificates", dependencies=[Depends(same_origin)], status_code=201
)
def certify(number: str, body: Certificate, shared: CurrentResources) -> dict[str, Any]:
    """Give a certificate; from its first day on it takes the place of older ones."""
    with session_scope(shared.engine) as session:
        person = inspectors.find(session, number)
        inspectors.certify(
            session, person, body.skill, _period(body), number=body.number, by=body.by
        )
        return _one(session, number, body.first_day)


@router.post("/inspectors/{number}/leave", dependencies=[Depends(same_origin)], status_code=201)
def take_leave(number: str, body: Leave, shared: CurrentResources) -> dict[str, Any]:
    """Record days on which an inspector is not there."""
    with session_scope(shared.engine) as session:
        person = inspectors.find(session, number)
        inspectors.take_leave(session, person, _period(body), reason=body.reason, by=body.by)
        return _one(session, number, body.first_day)


@router.post("/inspectors/{number}/leave/end", dependencies=[Depends(same_origin)])
def end_leave(number: str, body: Return, shared: CurrentResources) -> dict[str, Any]:
    """End the leave of a day, or the next after it."""
    with session_scope(shared.engine) as session:
        ended = inspectors.end_leave(session, inspectors.find(session, number), body.day)
        return {"ended": ended is not None, **_one(session, number, body.day)}


@router.post("/inspectors/{number}/recusals", dependencies=[Depends(same_origin)], status_code=201)
def recuse(number: str, body: Recusal, shared: CurrentResources) -> dict[str, Any]:
    """Keep an inspector away from a premises, or from all of an owner."""
    with session_scope(shared.engine) as session:
        new = recusals.add(
            session,
            inspectors.find(session, number),
            premises_id=(
                None if body.licence is None else recusals.premises_with(session, body.licence)
            ),
            owner=None if body.owner is None else owner_code(body.owner),
            reason=body.reason,
            by=body.by,
            valid=_period(body),
        )
        return {"new": new, **_one(session, number, body.first_day)}


@router.post("/teams", dependencies=[Depends(same_origin)], status_code=201)
def team_up(body: Team, shared: CurrentResources) -> dict[str, Any]:
    """Let two inspectors go together."""
    with session_scope(shared.engine) as session:
        lead, assistant = (inspectors.find(session, n) for n in (body.lead, body.assistant))
        return {"new": inspectors.team_up(session, lead, assistant, _period(body), by=body.by)}


def _one(session: Session, number: str, day: date) -> dict[str, Any]:
    (found,) = inspectors.on(session, day, ids=[inspectors.find(session, number)])
    return _told(found, day)


def _told(one: Any, day: date) -> dict[str, Any]:
    return {**one.to_dict(), "available": one.available(day), "as_of": day.isoformat()}


def _period(body: Any) -> Period:
    last = body.last_day
    return Period(body.first_day, None if last is None else last + timedelta(days=1))

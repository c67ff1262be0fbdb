"""Inspectors: certificates, recusals, teams, who is there; never homes nor reasons of leave."""

from datetime import date, timedelta
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import AfterValidator, Base64Bytes, BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from gis_supervision.api.dependencies import By, CurrentResources, Text, asked, same_origin
from gis_supervision.api.errors import language_of, problem
from gis_supervision.api.routes.proposals import proposal_links
from gis_supervision.assignment import proposing
from gis_supervision.domain.inspectors import YEAR_HOURS, Period, Skill
from gis_supervision.errors import InvalidInputError, NotFoundError
from gis_supervision.importing import enrolment, people_load
from gis_supervision.importing.people import owner_code
from gis_supervision.language import translator
from gis_supervision.messages import Message, joined
from gis_supervision.storage import (
    absences,
    endings,
    inspectors,
    proposal_decisions,
    proposals,
    recusals,
    register,
    teams,
)
from gis_supervision.storage.database import session_scope

router = APIRouter(tags=["inspectors"])

MOST_BYTES = 20_000_000
"""Most bytes of a file that is uploaded."""

NAME_BYTES = 255
"""Most bytes of a file's name that file systems take; a Chinese character has three."""

AsOf = Annotated[date | None, Query(description="day; left out: the report's day")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Home(_Body):
    """Where somebody lives, decimal degrees (WGS84); never told again."""

    lat: Annotated[float, Field(ge=-90, le=90)]
    lng: Annotated[float, Field(ge=-180, le=180)]


class Enrolment(_Body):
    """Somebody to register or to change; what is left out stays, ``home`` null forgets it."""

    staff_number: Text
    name: Text | None = None
    capacity_hours: Annotated[float, Field(ge=0, le=YEAR_HOURS)] | None = None
    languages: tuple[Text, ...] | None = None
    home: Home | None = None
    left_on: date | None = None
    by: By


def _checked_name(name: str) -> str:
    if name in {".", ".."} or len(name.encode()) > NAME_BYTES:
        raise ValueError(
            Message("expected the name of a file, of at most %(most)s bytes", most=NAME_BYTES)
        )
    return name


class File(_Body):
    """A CSV file or a workbook: its name and its bytes in Base64."""

    name: Annotated[str, Field(pattern=r"^[^/\\\x00-\x1f]{1,200}$"), AfterValidator(_checked_name)]
    content: Annotated[Base64Bytes, Field(max_length=MOST_BYTES)]


class Files(_Body):
    """Files about inspectors as `gis-supervision inspectors load` takes them."""

    files: Annotated[tuple[File, ...], Field(min_length=1, max_length=20)]
    datum: Text = "CGCS2000"
    by: By


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
    """The first day on which an inspector is back; ``as_of``: day whose work is counted."""

    day: date
    as_of: date | None = None
    by: By


class Extension(_Body):
    """The new last day of an absence; ``day`` is one of its days, left out: today."""

    last_day: date
    day: date | None = None
    as_of: date | None = None
    by: By


class End(_Body):
    """The first day on which something holds no longer."""

    day: date
    by: By


class CertificateEnd(End):
    """Which certificates end, and when."""

    skill: Skill


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


@router.post("/inspectors", dependencies=[Depends(same_origin)], status_code=201)
def enrol(body: Enrolment, response: Response, shared: CurrentResources) -> dict[str, Any]:
    """Register an inspector (201), or change what is given of one (200)."""
    values = body.model_dump(exclude_unset=True, exclude={"staff_number", "by", "home"})
    given = {
        name: value for name, value in values.items() if value is not None or name == "left_on"
    }
    if "home" in body.model_fields_set:
        home = body.home
        given["lat"], given["lng"] = (None, None) if home is None else (home.lat, home.lng)
    with session_scope(shared.engine) as session:
        done = enrolment.enrol(session, body.staff_number, given, by=body.by)
        told = _one(session, body.staff_number, register.default_as_of(session))
    if not done.new:
        response.status_code = HTTPStatus.OK
    return {"new": done.new, **told}


@router.post("/inspectors/files", dependencies=[Depends(same_origin)], response_model=None)
def load(body: Files, request: Request, shared: CurrentResources) -> dict[str, Any] | Response:
    """Load files about inspectors, all rows or none; 422 tells file, row and field of each mistake.

    They are what the command ``gis-supervision inspectors load`` takes.
    """
    names = [one.name for one in body.files]
    if len(set(names)) < len(names):
        raise InvalidInputError("files: expected names that differ")
    with TemporaryDirectory() as directory, session_scope(shared.engine) as session:
        paths = [Path(directory) / name for name in names]
        for path, one in zip(paths, body.files, strict=True):
            path.write_bytes(one.content)
        done = people_load.load(session, paths, by=body.by, datum=body.datum)
    if done.loaded:
        return done.to_dict()
    translate = translator(language_of(request))
    return problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        joined((one.message for one in done.wrong[:5]), "; "),
        request,
        errors=[one.to_dict(translate) for one in done.wrong],
    )


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
def end_leave(number: str, body: End, shared: CurrentResources) -> dict[str, Any]:
    """End the leave of a day, or the next after it.

    ``covered_by`` has accepted proposals by which others still have the zones: a return ends them.
    """
    with session_scope(shared.engine) as session:
        person = inspectors.find(session, number)
        ended = inspectors.end_leave(session, person, body.day, by=body.by)
        covered = [
            one.proposal
            for one in absences.covered(session, body.day)
            if one.inspector_id == person
        ]
        return {
            "ended": ended is not None,
            "covered_by": covered,
            **_one(session, number, body.day),
        }


@router.post("/inspectors/{number}/return", dependencies=[Depends(same_origin)])
def early_return(
    number: str, body: Return, request: Request, shared: CurrentResources
) -> dict[str, Any]:
    """Propose that an inspector is back before the absence ends.

    Without an accepted absence the leave alone ends, at once, and ``proposal`` is null.
    """
    with session_scope(shared.engine) as session:
        changed = proposing.early_return(
            session,
            shared.rules,
            by=body.by,
            staff_number=number,
            day=body.day,
            as_of=body.as_of or register.default_as_of(session),
        )
        return _changed(session, changed, request)


@router.post("/inspectors/{number}/extension", dependencies=[Depends(same_origin)])
def extension(
    number: str, body: Extension, request: Request, shared: CurrentResources
) -> dict[str, Any]:
    """Let an absence last longer, and propose to cover it as until now.

    Without an accepted absence the leave alone goes on, and ``proposal`` is null.
    """
    with session_scope(shared.engine) as session:
        changed = proposing.extension(
            session,
            shared.rules,
            by=body.by,
            staff_number=number,
            last=body.last_day,
            day=body.day or proposal_decisions.today(session),
            as_of=body.as_of or register.default_as_of(session),
        )
        return _changed(session, changed, request)


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


@router.post("/inspectors/{number}/certificates/end", dependencies=[Depends(same_origin)])
def end_certificates(number: str, body: CertificateEnd, shared: CurrentResources) -> dict[str, Any]:
    """End the certificates of a skill; 404 where none holds on that day or later."""
    with session_scope(shared.engine) as session:
        person = inspectors.find(session, number)
        if not inspectors.withdraw_certificate(session, person, body.skill, body.day, by=body.by):
            raise NotFoundError(
                "%(number)s: no certificate for %(chosen)s on %(end)s",
                number=number,
                chosen=body.skill,
                end=body.day,
            )
        return _one(session, number, body.day)


@router.get("/inspectors/{number}/recusals")
def recusals_of(
    number: str, request: Request, shared: CurrentResources, as_of: AsOf = None
) -> list[dict[str, Any]]:
    """List what an inspector stays away from on a day or later."""
    asked(request, known=("as_of",))
    with session_scope(shared.engine) as session:
        person = inspectors.find(session, number)
        day = as_of or register.default_as_of(session)
        return [
            {
                "id": one.id,
                "licence": one.licence,
                "owner": one.owner,
                "reason": one.reason,
                **one.period.to_dict(),
                "recorded_by": one.recorded_by,
            }
            for one in recusals.since(session, day)
            if one.inspector_id == person
        ]


@router.post("/inspectors/{number}/recusals/{recusal}/end", dependencies=[Depends(same_origin)])
def end_recusal(number: str, recusal: int, body: End, shared: CurrentResources) -> dict[str, Any]:
    """End a recusal; 404 where the inspector has none of that number then."""
    with session_scope(shared.engine) as session:
        person = inspectors.find(session, number)
        known = {r.id for r in recusals.since(session, body.day) if r.inspector_id == person}
        if recusal not in known:
            raise NotFoundError(
                "no recusal %(recusal_id)s holds on %(day)s or later",
                recusal_id=recusal,
                day=body.day,
            )
        recusals.end(session, recusal, body.day, by=body.by)
        return _one(session, number, body.day)


@router.post("/inspectors/{number}/team/end", dependencies=[Depends(same_origin)])
def end_team(number: str, body: End, shared: CurrentResources) -> dict[str, Any]:
    """End the teams that an inspector is in; 404 where there is none on that day or later."""
    with session_scope(shared.engine) as session:
        person = inspectors.find(session, number)
        if not teams.disband(session, person, body.day, by=body.by):
            raise NotFoundError(
                "%(lead)s: in no team on %(end)s or later", lead=number, end=body.day
            )
        return _one(session, number, body.day)


@router.post("/teams", dependencies=[Depends(same_origin)], status_code=201)
def team_up(body: Team, shared: CurrentResources) -> dict[str, Any]:
    """Let two inspectors go together."""
    with session_scope(shared.engine) as session:
        lead, assistant = (inspectors.find(session, n) for n in (body.lead, body.assistant))
        return {"new": teams.team_up(session, lead, assistant, _period(body), by=body.by)}


def _one(session: Session, number: str, day: date) -> dict[str, Any]:
    person = inspectors.find(session, number)
    (found,) = inspectors.on(session, day, ids=[person])
    by, at = inspectors.recorded(session, person)
    return {
        **_told(found, day),
        "recorded_by": by,
        "recorded_at": at and at.isoformat(),
        "endings": [one.to_dict() for one in endings.of(session, person)],
    }


def _changed(session: Session, changed: proposing.Changed, request: Request) -> dict[str, Any]:
    number = changed.proposal
    return {
        "back_on": changed.first.isoformat(),
        "proposal": (
            None
            if number is None
            else {
                **proposals.find(session, number).to_dict(),
                "links": proposal_links(request, number),
            }
        ),
    }


def _told(one: Any, day: date) -> dict[str, Any]:
    return {**one.to_dict(), "available": one.available(day), "as_of": day.isoformat()}


def _period(body: Any) -> Period:
    last = body.last_day
    return Period(body.first_day, None if last is None else last + timedelta(days=1))

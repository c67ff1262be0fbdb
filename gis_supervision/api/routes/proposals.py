"""Proposals over HTTP: make, look at, decide."""

from datetime import date
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from gis_supervision.api.dependencies import By, CurrentResources, Text, asked, same_origin
from gis_supervision.assignment import absence as absences
from gis_supervision.assignment import proposals as makers
from gis_supervision.assignment import proposing
from gis_supervision.domain.inspectors import YEAR_HOURS
from gis_supervision.domain.proposals import Cover, Kind, State
from gis_supervision.storage import proposal_decisions, proposals, register, responsibility
from gis_supervision.storage.database import session_scope

router = APIRouter(tags=["proposals"])

Share = Annotated[float, Field(ge=0, le=1)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Wish(_Strict):
    by: By
    first: date | None = None
    as_of: date | None = None


class Redesign(_Wish):
    """All zones anew."""

    kind: Literal["redesign"]
    zone_count: Annotated[int | None, Field(ge=1)] = None
    capacity_hours: Annotated[float, Field(ge=1, le=YEAR_HOURS)] = 1600.0
    tolerance: Share = 0.01
    seed: Seed = 0


class Repair(_Wish):
    """Zones balanced again with few cells moved; ``pinned`` cells stay where they are."""

    kind: Literal["repair"]
    tolerance: Share = makers.REPAIR_TOLERANCE
    seed: Seed = 0
    pinned: tuple[Text, ...] = ()


class Move(_Wish):
    """Cells moved to a zone."""

    kind: Literal["move"]
    cells: Annotated[tuple[Text, ...], Field(min_length=1)]
    zone: Text


class Assignment(_Wish):
    """Staff numbers by zone, null for nobody; left out: by matching zones to inspectors."""

    kind: Literal["assignment"]
    responsible: Annotated[dict[str, str | None] | None, Field(min_length=1)] = None


class Absence(_Strict):
    """An inspector's leave from the first to the last day."""

    kind: Literal["absence"]
    by: By
    staff_number: Text
    first: date
    last: date
    as_of: date | None = None
    cover: Cover = Cover.SHARE
    tolerance: Share = absences.TOLERANCE
    seed: Seed = 0
    pinned: tuple[Text, ...] = ()
    reason: Literal["leave", "sick", "training", "secondment", "other"] = "leave"


class Acceptance(_Strict):
    """Who accepts, from which day on; a day before today needs ``force`` and a reason."""

    by: By
    effective_on: date | None = None
    force: bool = False
    reason: str | None = None


class Rejection(_Strict):
    """Who rejects, and why."""

    by: By
    reason: Text


class Undoing(_Strict):
    """Who undoes or withdraws, and why."""

    by: By
    reason: str | None = None


Wish = Annotated[Redesign | Repair | Move | Assignment | Absence, Field(discriminator="kind")]


@router.get("/proposals")
def list_proposals(
    request: Request,
    shared: CurrentResources,
    state: State | None = None,
    kind: Kind | None = None,
) -> dict[str, Any]:
    """List the proposals, the newest first."""
    asked(request, known=("state", "kind"))
    with session_scope(shared.engine) as session:
        rows = proposals.listed(session, state=state, kind=kind)
    return {
        "proposals": [{**row.to_dict(), "links": proposal_links(request, row.id)} for row in rows]
    }


@router.get("/proposals/{number}", name="proposal")
def show_proposal(number: int, request: Request, shared: CurrentResources) -> dict[str, Any]:
    """Return a proposal with zones before and after, cells, people, hazards and its history."""
    asked(request)
    with session_scope(shared.engine) as session:
        return {
            **proposals.described(session, number),
            "links": proposal_links(request, number),
        }


@router.post("/proposals", status_code=HTTPStatus.CREATED, dependencies=[Depends(same_origin)])
def make_proposal(wish: Wish, request: Request, shared: CurrentResources) -> dict[str, Any]:
    """Make a proposal of one of the kinds; it changes nothing until it is accepted.

    Left out, ``first`` is today, and ``as_of``, the day whose premises and hazards make the work,
    that of the reports.
    """
    values = wish.model_dump(exclude={"kind"})
    make = getattr(proposing, wish.kind)
    with session_scope(shared.engine) as session:
        values["first"] = wish.first or proposal_decisions.today(session)
        values["as_of"] = wish.as_of or register.default_as_of(session)
        number = make(session, shared.rules, **values)
        made = proposals.find(session, number).to_dict()
    return {**made, "links": proposal_links(request, number)}


@router.post("/proposals/{number}/accept", dependencies=[Depends(same_origin)])
def accept(number: int, body: Acceptance, shared: CurrentResources) -> dict[str, Any]:
    """Accept a proposal; 409 where what it was made from has changed."""
    with session_scope(shared.engine) as session:
        return proposal_decisions.accept(session, number, **body.model_dump()).to_dict()


@router.post("/proposals/{number}/reject", dependencies=[Depends(same_origin)])
def reject(number: int, body: Rejection, shared: CurrentResources) -> dict[str, Any]:
    """Reject an open proposal."""
    with session_scope(shared.engine) as session:
        return proposal_decisions.reject(session, number, **body.model_dump()).to_dict()


@router.post("/proposals/{number}/withdraw", dependencies=[Depends(same_origin)])
def withdraw(number: int, body: Undoing, shared: CurrentResources) -> dict[str, Any]:
    """Take an open proposal back."""
    with session_scope(shared.engine) as session:
        return proposal_decisions.withdraw(session, number, **body.model_dump()).to_dict()


@router.post("/proposals/{number}/undo", dependencies=[Depends(same_origin)])
def undo(number: int, body: Undoing, shared: CurrentResources) -> dict[str, Any]:
    """Restore what was in force before; 409 where something later builds on the proposal."""
    with session_scope(shared.engine) as session:
        return proposal_decisions.undo(session, number, **body.model_dump()).to_dict()


@router.get("/premises/{licence:path}/responsible")
def responsible(
    licence: str, request: Request, shared: CurrentResources, on: date | None = None
) -> dict[str, Any]:
    """Tell who was responsible for a premises on a day, or without one over time."""
    asked(request, known=("on",))
    with session_scope(shared.engine) as session:
        found = responsibility.of_premises(session, licence, shared.rules)
    if on is None:
        return found.to_dict()
    had = found.on(on)
    return {
        **found.to_dict(),
        "on": on.isoformat(),
        "periods": [] if had is None else [had.to_dict()],
    }


def proposal_links(request: Request, number: int) -> list[dict[str, str]]:
    """Return where a proposal and its map are."""
    page = request.url_for("map_page", name="proposal").include_query_params(proposal=number)
    return [
        {
            "rel": "self",
            "type": "application/json",
            "href": str(request.url_for("proposal", number=number)),
        },
        {"rel": "map", "type": "text/html", "href": str(page)},
    ]

"""Draws over HTTP: steps for the office, records and files for everybody.

Answers to GET hold what is public by then; only the answer to a step tells the office more.
"""

from datetime import date, datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field

from gis_supervision.api.dependencies import (
    By,
    CurrentResources,
    RequestLanguage,
    asked,
    same_origin,
)
from gis_supervision.assignment import draw_record, drawing, substitution
from gis_supervision.console import draw_pages
from gis_supervision.domain.verify_draw import (
    COMMITMENT_FILE,
    LIST_FILE,
    SUBSTITUTIONS_FILE,
    TRANSCRIPT_FILE,
)
from gis_supervision.errors import NotFoundError
from gis_supervision.rendering import draw_bundle
from gis_supervision.storage import do_not_disturb, draws, register
from gis_supervision.storage.database import session_scope
from gis_supervision.storage.draws import Record

router = APIRouter(tags=["draws"])
BUNDLE_FILE = "draw.zip"

Text = Annotated[str, Field(min_length=1)]
Changing = [Depends(same_origin)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Scope(_Strict):
    """Premises that are drawn from."""

    division: str | None = None
    zone: str | None = None
    categories: tuple[Text, ...] = ()
    risk_classes: tuple[Text, ...] = ()


class Source(_Strict):
    """Where the seed will come from, how it is written, and when it is known."""

    by: By
    randomness: Text
    seed_known_from: datetime


class Plan(_Strict):
    """A plan, as `gis_supervision.assignment.drawing.Wish` describes it."""

    by: By
    name: Text
    day: date | None = None
    scope: Scope = Scope()
    method: Literal["ticket", "rfc3797", "rivest"] = "ticket"
    channel: Literal["on_site", "online"] | None = None
    ratio_set: str | None = None
    ratios: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)
    reserve_ratio: Annotated[float, Field(ge=0, le=100)] = drawing.RESERVE_RATIO
    period_days: Annotated[int, Field(ge=1, le=drawing.MOST_DAYS)] = drawing.PERIOD_DAYS
    most_visits: Annotated[int | None, Field(ge=0, le=drawing.MOST_VISITS)] = None
    unannounced: bool = False
    inspectors: Literal["names", "numbers", "hidden"] = "numbers"


class Seed(_Strict):
    """The seed, and what its source published, word for word."""

    by: By
    seed: Text
    source_value: Text


class Replaced(_Strict):
    """What cannot be inspected, why, and from which day on its substitute is visited."""

    by: By
    licence: Text
    reason: Text
    day: date | None = None


class Actor(_Strict):
    """Who does it."""

    by: By


class Quiet(_Strict):
    """Days on which a premises is left out of draws, both inclusive."""

    by: By
    licence: Text
    reason: Text
    first_day: date | None = None
    last_day: date | None = None


class End(_Strict):
    """The last day of an entry."""

    by: By
    last_day: date


@router.get("/draws")
def all_draws(request: Request, shared: CurrentResources) -> dict[str, Any]:
    """List the draws that are public, the newest first."""
    asked(request)
    with session_scope(shared.engine) as session:
        shown = [one for one in draws.all_of(session) if draw_record.is_public(one)]
        told = [_shown(request, one, draw_record.public(session, one)) for one in shown]
    for one in told:
        one.pop("results", None)
    return {"draws": told}


@router.get("/draws/{number}")
def draw(number: int, request: Request, shared: CurrentResources) -> dict[str, Any]:
    """Tell what is public of a draw by now."""
    asked(request)
    with session_scope(shared.engine) as session:
        record = draws.find(session, number)
        return _shown(request, record, draw_record.public(session, record))


@router.get("/draws/{number}/files/{name}", name="draw_file")
def file(
    number: int,
    name: Literal[
        "list.txt", "commitment.json", "transcript.json", "substitutions.json", "draw.zip"
    ],
    shared: CurrentResources,
) -> Response:
    """Return a file of a draw, once it is public; ``draw.zip`` holds all and the verifier."""
    with session_scope(shared.engine) as session:
        record = draws.find(session, number)
        substitutions = substitution.published(session, record) if record.publication else None
        if name not in _files(record, substituted=substitutions is not None):
            raise NotFoundError(
                "%(name)s of draw %(number)s is not public, or not yet", name=name, number=number
            )
        content = _content(record, name, substitutions)
    kinds = {LIST_FILE: "text/plain; charset=utf-8", BUNDLE_FILE: "application/zip"}
    return Response(
        content,
        media_type=kinds.get(name, "application/json"),
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@router.get("/draw-results", include_in_schema=False)
def results(request: Request, shared: CurrentResources, language: RequestLanguage) -> HTMLResponse:
    """Show the public draws as a page."""
    told = all_draws_told(shared)
    asked(request, known=("language",))
    return HTMLResponse(
        draw_pages.index(told, language, request.url_for, timezone=shared.rules.days.timezone)
    )


@router.get("/draw-results/{number}", include_in_schema=False, name="draw_page")
def result(
    number: int, request: Request, shared: CurrentResources, language: RequestLanguage
) -> HTMLResponse:
    """Show what is public of a draw as a page, with how to check it."""
    asked(request, known=("language",))
    with session_scope(shared.engine) as session:
        record = draws.find(session, number)
        told = draw_record.public(session, record)
        names = _files(record, substituted=bool(told.get("substitutions_sha256")))
    return HTMLResponse(
        draw_pages.one(told, names, language, request.url_for, timezone=shared.rules.days.timezone)
    )


@router.post("/draws", status_code=HTTPStatus.CREATED, dependencies=Changing)
def plan(wish: Plan, shared: CurrentResources) -> dict[str, Any]:
    """Plan a draw."""
    with session_scope(shared.engine) as session:
        values = wish.model_dump(exclude={"by", "day", "scope"})
        asked_for = drawing.Wish(
            day=wish.day or register.current_day(session),
            scope=drawing.Scope(**wish.scope.model_dump()),
            **values,
        )
        prospect = drawing.prospect(session, shared.rules, asked_for)
        record = drawing.plan(session, shared.rules, asked_for, by=wish.by)
        return draw_record.office(session, record) | {"prospect": prospect}


@router.post("/draws/{number}/commitment", status_code=HTTPStatus.CREATED, dependencies=Changing)
def commit(number: int, source: Source, shared: CurrentResources) -> dict[str, Any]:
    """Fix list and quotas of a plan; public from now on."""
    with session_scope(shared.engine) as session:
        record = drawing.commit(
            session,
            shared.rules,
            number,
            randomness=source.randomness,
            seed_known_from=source.seed_known_from,
            by=source.by,
        )
        return draw_record.office(session, record)


@router.post("/draws/{number}/seed", status_code=HTTPStatus.CREATED, dependencies=Changing)
def seed(number: int, given: Seed, shared: CurrentResources) -> dict[str, Any]:
    """Enter the seed, which carries the draw out; of two at once one is refused."""
    with session_scope(shared.engine) as session:
        record = drawing.enter_seed(
            session, number, given.seed, source_value=given.source_value, by=given.by
        )
        return draw_record.office(session, record)


@router.post("/draws/{number}/publication", status_code=HTTPStatus.CREATED, dependencies=Changing)
def publish(number: int, actor: Actor, shared: CurrentResources) -> dict[str, Any]:
    """Make the result public."""
    with session_scope(shared.engine) as session:
        record = drawing.publish(session, number, by=actor.by)
        return draw_record.public(session, record)


@router.post("/draws/{number}/substitutions", status_code=HTTPStatus.CREATED, dependencies=Changing)
def substitute(number: int, given: Replaced, shared: CurrentResources) -> dict[str, Any]:
    """Let the next reserve stand for what cannot be inspected; nobody chooses which."""
    with session_scope(shared.engine) as session:
        record = substitution.substitute(
            session, number, given.licence, reason=given.reason, by=given.by, day=given.day
        )
        return draw_record.office(session, record)


@router.post("/do-not-disturb", status_code=HTTPStatus.CREATED, dependencies=Changing)
def leave_out(entry: Quiet, shared: CurrentResources) -> dict[str, Any]:
    """Leave a premises out of draws for a time."""
    with session_scope(shared.engine) as session:
        return do_not_disturb.add(
            session,
            entry.licence,
            first_day=entry.first_day or register.current_day(session),
            last_day=entry.last_day,
            reason=entry.reason,
            by=entry.by,
        ).to_dict()


@router.post("/do-not-disturb/{number}/end", dependencies=Changing)
def end(number: int, given: End, shared: CurrentResources) -> dict[str, Any]:
    """Let an entry of the do-not-disturb list end with a day."""
    with session_scope(shared.engine) as session:
        return do_not_disturb.end(session, number, given.last_day, by=given.by).to_dict()


def all_draws_told(shared: CurrentResources) -> list[dict[str, Any]]:
    """Tell what is public of every draw."""
    with session_scope(shared.engine) as session:
        return [
            draw_record.public(session, one)
            for one in draws.all_of(session)
            if draw_record.is_public(one)
        ]


def _files(record: Record, *, substituted: bool) -> tuple[str, ...]:
    """Name the files that are public by now."""
    if not draw_record.is_disclosed(record):
        return ()
    if record.publication is None:
        return (LIST_FILE, COMMITMENT_FILE)
    also = (SUBSTITUTIONS_FILE,) if substituted else ()
    return (LIST_FILE, COMMITMENT_FILE, TRANSCRIPT_FILE, *also, BUNDLE_FILE)


def _content(record: Record, name: str, substitutions: bytes | None) -> bytes:
    if name == BUNDLE_FILE:
        return draw_bundle.zipped(record, substitutions)
    if name == SUBSTITUTIONS_FILE and substitutions is not None:
        return substitutions
    if name == TRANSCRIPT_FILE:
        return record.drawn().transcript
    kept = record.committed()
    return kept.list_data if name == LIST_FILE else kept.content.encode()


def _shown(request: Request, record: Record, told: dict[str, Any]) -> dict[str, Any]:
    return told | {"links": _links(request, record, told)}


def _links(request: Request, record: Record, told: dict[str, Any]) -> list[dict[str, str]]:
    number = record.plan.id
    substituted = bool(told.get("substitutions_sha256"))
    files = [
        {"rel": "item", "href": str(request.url_for("draw_file", number=number, name=name))}
        for name in _files(record, substituted=substituted)
    ]
    page = {"rel": "alternate", "type": "text/html"}
    return [page | {"href": str(request.url_for("draw_page", number=number))}, *files]

"""Errors over HTTP: one table from exceptions to statuses, answers as RFC 9457 problem details.

What a problem's ``detail`` says is in the language of the request; ``title`` is the English phrase
of the status, which stays the same for each.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING

from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException

from gis_supervision.console import pages
from gis_supervision.domain.rule_errors import mistake_of
from gis_supervision.errors import (
    NO_SUCH_DAY,
    OUT_OF_CALENDAR,
    ConflictError,
    InvalidInputError,
    NotFoundError,
    SupervisionError,
    UnavailableError,
)
from gis_supervision.language import LANGUAGES, SOURCE_LANGUAGE, gettext_noop, translator
from gis_supervision.messages import Message, joined, told

if TYPE_CHECKING:
    from fastapi import FastAPI, Request, Response

    from gis_supervision.language import Language

STATUSES: dict[type[SupervisionError], HTTPStatus] = {
    InvalidInputError: HTTPStatus.UNPROCESSABLE_ENTITY,
    NotFoundError: HTTPStatus.NOT_FOUND,
    ConflictError: HTTPStatus.CONFLICT,
    UnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
}

PHRASES = (gettext_noop("Not Found"), gettext_noop("Method Not Allowed"))
"""What the framework answers by itself."""

_log = logging.getLogger(__name__)


def problem(status: HTTPStatus, detail: object, request: Request, **more: object) -> Response:
    """Answer with problem details, or with a page where a browser asks for one.

    Parameters
    ----------
    status
        The HTTP status.
    detail
        What is wrong, and what was expected: a text, or what is translated into the language of
        the request.
    request
        The request; its path is the problem's instance.
    **more
        Further members, such as ``errors``.

    Returns
    -------
    Response
        With media type ``application/problem+json`` (RFC 9457), or ``text/html``.
    """
    language = language_of(request)
    translate = translator(language)
    headers = {"Content-Language": translate.tag, "Vary": "Accept"}
    if "text/html" in request.headers.get("accept", ""):
        page = pages.error(
            int(status), str(told(detail, translate)), request.url.path, language, request.url_for
        )
        return HTMLResponse(page, status_code=int(status), headers=headers)
    return JSONResponse(
        {
            "type": "about:blank",
            "title": status.phrase,
            "status": int(status),
            "detail": told(detail, translate),
            "instance": request.url.path,
            **more,
        },
        status_code=int(status),
        media_type="application/problem+json",
        headers=headers,
    )


def language_of(request: Request) -> Language:
    """Find the language of a request's answer: the one it names, else that of the settings."""
    shared = getattr(request.app.state, "shared", None)
    named = request.query_params.get("language")
    chosen = SOURCE_LANGUAGE if shared is None else shared.settings.language
    return next((known for known in LANGUAGES if known == named), chosen)


def _unforeseen(request: Request, error: Exception) -> Response:
    _log.error("a request failed", exc_info=error)
    return problem(
        HTTPStatus.INTERNAL_SERVER_ERROR, Message("this is a mistake of the software"), request
    )


def _too_far(request: Request, error: Exception) -> Response:
    if str(error) != OUT_OF_CALENDAR:
        return _unforeseen(request, error)
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, NO_SUCH_DAY, request)


def install(app: FastAPI) -> None:
    """Let an application answer every error with problem details."""

    @app.exception_handler(UnavailableError)
    @app.exception_handler(OperationalError)
    def unavailable(request: Request, error: Exception) -> Response:
        _log.error("something needed is missing", exc_info=error)
        try:
            recovered = request.app.state.shared.recover()
        except SupervisionError as reason:
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, reason, request)
        detail: object = Message("the database did not answer")
        if recovered:
            detail = Message("the database did not answer; it was started again: ask again")
        elif isinstance(error, UnavailableError):
            detail = error
        answer = problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, request)
        answer.headers["Retry-After"] = "1"
        return answer

    app.add_exception_handler(Exception, _unforeseen)
    app.add_exception_handler(OverflowError, _too_far)

    @app.exception_handler(SupervisionError)
    def known(request: Request, error: SupervisionError) -> Response:
        status = next(
            (status for kind, status in STATUSES.items() if isinstance(error, kind)),
            HTTPStatus.INTERNAL_SERVER_ERROR,
        )
        return problem(status, error, request)

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> Response:
        translate = translator(language_of(request))
        errors = [
            {
                "parameter": ".".join(map(str, mistake["loc"][1:])),
                "expected": mistake_of(mistake).translated(translate),
            }
            for mistake in error.errors()
        ]
        detail = joined(
            (
                Message("%(key)s: %(mistake)s", key=one["parameter"], mistake=one["expected"])
                for one in errors
            ),
            "; ",
        )
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, request, errors=errors)

    @app.exception_handler(HTTPException)
    def refused(request: Request, error: HTTPException) -> Response:
        detail: object = error.detail
        if isinstance(detail, str):
            detail = translator(language_of(request))(detail)
        return problem(HTTPStatus(error.status_code), detail, request)

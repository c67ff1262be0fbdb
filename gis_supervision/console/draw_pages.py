"""Public pages of draws: what was fixed beforehand, what was drawn, and how to check it."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import jinja2

from gis_supervision.assignment import draw_record
from gis_supervision.console.pages import LANGUAGE_NAMES
from gis_supervision.language import LANGUAGES, install, translator

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gis_supervision.language import Language


def index(
    draws: Sequence[dict[str, Any]],
    language: Language,
    url_for: Callable[..., object],
    *,
    timezone: str,
) -> str:
    """Draw the list of public draws.

    Parameters
    ----------
    draws
        As `gis_supervision.assignment.draw_record.public` tells them.
    language
        Language of the page.
    url_for
        Gives the address of a route by name and path parameters.
    timezone
        Of the times that are shown, such as Asia/Shanghai.

    Returns
    -------
    str
        HTML that needs nothing from elsewhere; values are escaped.
    """
    return _drawn("draws.html", language, timezone, draws=draws, url_for=url_for)


def one(
    draw: dict[str, Any],
    files: Sequence[str],
    language: Language,
    url_for: Callable[..., object],
    *,
    timezone: str,
) -> str:
    """Draw the page of one draw, which prints well.

    Parameters
    ----------
    draw
        As `gis_supervision.assignment.draw_record.public` tells it.
    files
        Names of its files that are public.
    language, url_for, timezone
        As in `index`.

    Returns
    -------
    str
    """
    rows = draw.get("results", ())
    return _drawn(
        "draw.html",
        language,
        timezone,
        draw=draw,
        files=files,
        url_for=url_for,
        drawn=_in_turn([row for row in rows if row["kind"] != "reserve"]),
        reserves=[row for row in rows if row["kind"] == "reserve"],
    )


def _in_turn(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put each substitute behind what it stands for."""
    named = {row["licence"]: row for row in rows}
    found: list[dict[str, Any]] = []
    for row in rows:
        if row["stands_for"] is not None:
            continue
        here: dict[str, Any] | None = row
        while here is not None:
            found.append(here)
            here = named.get(here["replaced_by"]) if here["replaced_by"] else None
    return found


def _drawn(template: str, language: Language, timezone: str, **values: Any) -> str:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("gis_supervision.console"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["moment"] = partial(_moment, zone=ZoneInfo(timezone))
    translate = translator(language)
    install(environment, translate)
    other = next(known for known in LANGUAGES if known != language)
    words = {
        **draw_record.STATES,
        **draw_record.KINDS,
        **draw_record.EXCLUSIONS,
        **draw_record.WITHOUT_PAIR,
    }
    return environment.get_template(template).render(
        language=language,
        other=other,
        other_name=LANGUAGE_NAMES[other],
        words={word: translate(text) for word, text in words.items()},
        **values,
    )


def _moment(text: str, zone: ZoneInfo) -> str:
    """Write a time in ISO 8601 for people: local, to the second, with its distance from UTC."""
    local = datetime.fromisoformat(text).astimezone(zone)
    return f"{local:%Y-%m-%d %H:%M:%S} (UTC{local.isoformat()[-6:]})"

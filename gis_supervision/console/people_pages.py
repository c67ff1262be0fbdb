"""Pages of people: the inspectors of a day, and who was responsible for a premises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jinja2

from gis_supervision.console.pages import LANGUAGE_NAMES
from gis_supervision.domain.inspectors import SKILL_NAMES
from gis_supervision.language import LANGUAGES, install, translator

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date

    from gis_supervision.domain.inspectors import Inspector
    from gis_supervision.language import Language
    from gis_supervision.storage.inspectors import Expiry
    from gis_supervision.storage.responsibility import PremisesHistory, Responsibility


def inspectors(
    people: Sequence[Inspector],
    zones: Mapping[int, Sequence[str]],
    expiring: Sequence[Expiry],
    day: date,
    language: Language,
    url_for: Callable[..., object],
) -> str:
    """Draw the inspectors of a day; neither homes nor the reasons of leave are told.

    Parameters
    ----------
    people
        Everybody who works here on the day.
    zones
        Codes of the zones that somebody is responsible for, by id.
    expiring
        Certificates that end soon or have ended.
    day
        The day.
    language
        Language of the page.
    url_for
        Gives the address of a route by name and path parameters.

    Returns
    -------
    str
        HTML that needs nothing from elsewhere; values are escaped.
    """
    return _drawn(
        "inspectors.html",
        language,
        people=people,
        zones=zones,
        expiring=expiring,
        day=day,
        numbers={one.id: one.staff_number for one in people},
        url_for=url_for,
    )


def responsible(
    licence: str,
    day: date | None,
    found: PremisesHistory | None,
    periods: Sequence[Responsibility],
    language: Language,
    url_for: Callable[..., object],
) -> str:
    """Draw the question who was responsible for a premises, with its answer.

    Parameters
    ----------
    licence, day
        What was asked for; an empty licence asks nothing yet.
    found
        The premises, None where nothing was asked.
    periods
        Who had it, on the day or over time.
    language, url_for
        As in `inspectors`.

    Returns
    -------
    str
    """
    return _drawn(
        "responsible.html",
        language,
        licence=licence,
        day=day,
        found=found,
        periods=periods,
        url_for=url_for,
    )


def _drawn(template: str, language: Language, **values: Any) -> str:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("gis_supervision.console"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    translate = translator(language)
    install(environment, translate)
    other = next(known for known in LANGUAGES if known != language)
    return environment.get_template(template).render(
        language=language,
        other=other,
        other_name=LANGUAGE_NAMES[other],
        skills={skill: translate(name) for skill, name in SKILL_NAMES.items()},
        **values,
    )

"""Pages for people, drawn from templates; their links are given by the service that has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jinja2

from gis_supervision.language import LANGUAGES, gettext_noop, install, translator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gis_supervision.catalogue import Map
    from gis_supervision.language import Language
    from gis_supervision.storage.register import Totals

LANGUAGE_NAMES = {"zh_CN": "中文", "en": "English"}
HEADINGS = {
    404: gettext_noop("Not found"),
    409: gettext_noop("Not possible now"),
    422: gettext_noop("The request is not as expected"),
    500: gettext_noop("A mistake of the software"),
    503: gettext_noop("Not available at present"),
}
"""What stands above an error, by its HTTP status."""


def index(
    totals: Totals, maps: Iterable[Map], language: Language, url_for: Callable[..., object]
) -> str:
    """Draw the first page: the figures of the register and the way to every map.

    Parameters
    ----------
    totals
        The register as of a day.
    maps
        The map reports.
    language
        Language of the page.
    url_for
        Gives the address of a route by name and path parameters.

    Returns
    -------
    str
        HTML that needs nothing from elsewhere; values are escaped.
    """
    return _drawn("index.html", language, totals=totals, maps=list(maps), url_for=url_for)


def error(
    status: int, detail: str, path: str, language: Language, url_for: Callable[..., object]
) -> str:
    """Draw the page that tells a person what was wrong with a request.

    Parameters
    ----------
    status
        The HTTP status.
    detail
        What is wrong, in that language.
    path
        Path of the request.
    language, url_for
        As in `index`.

    Returns
    -------
    str
    """
    heading = translator(language)(HEADINGS.get(status, gettext_noop("This cannot be done")))
    return _drawn(
        "error.html",
        language,
        heading=heading,
        status=status,
        detail=detail,
        path=path,
        url_for=url_for,
    )


def _drawn(template: str, language: Language, **values: object) -> str:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("gis_supervision.console"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    install(environment, translator(language))
    other = next(known for known in LANGUAGES if known != language)
    return environment.get_template(template).render(
        language=language, other=other, other_name=LANGUAGE_NAMES[other], **values
    )

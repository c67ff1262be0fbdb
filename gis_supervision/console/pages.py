"""Pages for people, drawn from templates; their links are given by the service that has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jinja2

from gis_supervision.language import LANGUAGES, install, translator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gis_supervision.catalogue import Map
    from gis_supervision.language import Language
    from gis_supervision.storage.register import Totals

LANGUAGE_NAMES = {"zh_CN": "中文", "en": "English"}


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
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("gis_supervision.console"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    install(environment, translator(language))
    other = next(known for known in LANGUAGES if known != language)
    return environment.get_template("index.html").render(
        totals=totals,
        maps=list(maps),
        language=language,
        other=other,
        other_name=LANGUAGE_NAMES[other],
        url_for=url_for,
    )

"""Routes as a map report: one file for those who go, never a layer of the catalogue.

The map is made of layers like any other, but they are built here and read with the owner's login:
no file of the catalogue and no address of the service shows a visit before it takes place.
"""

from __future__ import annotations

import colorsys
from typing import TYPE_CHECKING, Any, Final

from gis_supervision.catalogue.models import Catalogue, Layer, Map
from gis_supervision.errors import NotFoundError
from gis_supervision.language import gettext_noop, translator
from gis_supervision.rendering import map_report
from gis_supervision.rendering.route_files import PURPOSES
from gis_supervision.storage import day_plans

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from gis_supervision.rendering.basemap import Basemap
    from gis_supervision.storage.day_plans import Shown

COLORS: Final = (
    "#1f6f8b", "#c0503a", "#3d8b4f", "#7a4fa3", "#d08c1d", "#2a4f9e", "#a33b6b", "#5f6b2e",
    "#0f9d9d", "#8a5a2b", "#6c7a89", "#e06c9f",
)  # fmt: skip
"""Colours of the first routes; `color` gives those of the others."""
_GOLDEN: Final = 0.618034
_SHADES: Final = (0.38, 0.52, 0.30)
"""Lightness of further colours, in turn."""

_NEVER: Final = "never"


def build(
    session: Session,
    route_ids: Sequence[int],
    *,
    language: str = "zh_CN",
    basemap: Basemap | None = None,
) -> str:
    """Build the map of routes.

    Parameters
    ----------
    session
        A session of the owner.
    route_ids
        The routes.
    language
        Language that the file opens in.
    basemap
        Tiles below; left out: none.

    Returns
    -------
    str
        HTML that opens with no network.

    Raises
    ------
    NotFoundError
        There is no route.
    """
    if not route_ids:
        raise NotFoundError("there is no route to draw")
    with day_plans.shown(session, route_ids) as routes:
        return map_report.build(
            session, _catalogue(routes), "routes", language=language, basemap=basemap
        )


def _catalogue(routes: Sequence[Shown]) -> Catalogue:
    first, last = min(one.at for one in routes), max(one.at for one in routes)
    days = f"{first}" if first == last else f"{first} – {last}"
    named = [
        {
            "value": route.title,
            "title": {"en": route.title, "zh_CN": route.title},
            "color": color(at),
        }
        for at, route in enumerate(routes)
    ]
    route: dict[str, Any] = _attribute(gettext_noop("Route"), values=named)
    times = {
        name: _attribute(title)
        for name, title in (
            ("leaves", gettext_noop("Leaves")),
            ("returns", gettext_noop("Returns")),
        )
    }
    lines = _layer(
        "day_routes",
        gettext_noop("Routes"),
        day_plans.SHOWN_ROUTES,
        "line",
        {
            "route_id": _attribute(gettext_noop("Number"), "integer"),
            "route": route,
            "stops": _attribute(gettext_noop("Stops"), "integer"),
            "travel_minutes": _attribute(gettext_noop("Travel, minutes"), "integer"),
            **times,
        },
        "route_id",
    )
    stops = _layer(
        "day_stops",
        gettext_noop("Stops"),
        day_plans.SHOWN_STOPS,
        "point",
        {
            "stop_id": _attribute(gettext_noop("Number"), "text"),
            "route": route,
            "position": _attribute(gettext_noop("Stop"), "integer"),
            "name": _attribute(gettext_noop("Name")),
            "licence": _attribute(gettext_noop("Licence")),
            "address": _attribute(gettext_noop("Address"), null=gettext_noop("not known")),
            "arrives": _attribute(gettext_noop("Arrival")),
            "starts": _attribute(gettext_noop("Start")),
            "ends": _attribute(gettext_noop("End")),
            "purpose": _attribute(
                gettext_noop("Purpose"),
                values=[{"value": key, "title": _text(title)} for key, title in PURPOSES.items()],
            ),
            "due_on": _attribute(gettext_noop("Due on"), "date", null=gettext_noop("none")),
        },
        "stop_id",
    )
    report = Map.model_validate(
        {
            "name": "routes",
            "title": {
                language: f"{title} {days}"
                for language, title in _text(gettext_noop("Routes of the day")).items()
            },
            "description": _text(
                gettext_noop(
                    "Stops in order, with straight legs between them. Visits are not announced:"
                    " for the inspectors of these routes alone."
                )
            ),
            "audience": ["inspector", "dispatcher"],
            "layers": [{"layer": "day_routes"}, {"layer": "day_stops", "legend": False}],
            "totals": {"layer": "day_routes", "sum": ["stops", "travel_minutes"]},
            "filters": ["route"],
            "lists": [
                {
                    "title": _text(gettext_noop("Stops")),
                    "layer": "day_stops",
                    "columns": ["route", "position", "starts", "name", "address"],
                    "order_by": ["route", "position"],
                    "limit": 2000,
                }
            ],
        }
    )
    return Catalogue(layers={"day_routes": lines, "day_stops": stops}, maps={"routes": report})


def color(number: int) -> str:
    """Return the colour of a route: the first by hand, the others by the golden angle."""
    if number < len(COLORS):
        return COLORS[number]
    further = number - len(COLORS)
    shade = _SHADES[further % len(_SHADES)]
    rgb = colorsys.hls_to_rgb(further * _GOLDEN % 1.0, shade, 0.6)
    return "#" + "".join(f"{round(255 * part):02x}" for part in rgb)


def _layer(
    name: str, title: str, query: str, kind: str, attributes: dict[str, Any], key: str
) -> Layer:
    return Layer.model_validate(
        {
            "name": name,
            "title": _text(title),
            "description": _text(title),
            "audience": ["inspector", "dispatcher"],
            "query": query,
            "key": key,
            "geometry": {"column": "geom", "type": kind},
            "attributes": attributes,
            "styles": [{"attribute": "route"}],
            "filters": {"route": {"type": "choice", "attribute": "route"}},
        }
    )


def _attribute(
    title: str,
    kind: str = "text",
    *,
    values: Sequence[dict[str, Any]] = (),
    null: str | None = None,
) -> dict[str, Any]:
    return {
        "title": _text(title),
        "type": kind,
        "null": _NEVER if null is None else _text(null),
        "values": list(values),
    }


def _text(english: str) -> dict[str, str]:
    return {"en": english, "zh_CN": translator("zh_CN")(english)}

"""Map reports: what there is, and each as one page that carries everything along."""

import hashlib
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request, Response

from gis_supervision import catalogue
from gis_supervision.api.dependencies import CurrentResources, RequestLanguage, asked
from gis_supervision.rendering import map_report
from gis_supervision.storage.database import session_scope

router = APIRouter(tags=["maps"])


@router.get("/maps")
def maps(request: Request, shared: CurrentResources, language: RequestLanguage) -> dict[str, Any]:
    """List the map reports."""
    asked(request, known=("language",))
    return {
        "maps": [
            {
                "name": each.name,
                "title": each.title.to(language),
                "description": each.description.to(language),
                "audience": list(each.audience),
                "layers": [part.layer for part in each.layers],
                "parameters": list(_parameters(shared.catalogue, each)),
                "links": [
                    {
                        "rel": "item",
                        "type": "text/html",
                        "href": str(request.url_for("map_page", name=each.name)),
                    }
                ],
            }
            for each in shared.catalogue.maps.values()
        ]
    }


@router.get("/maps/{name}", name="map_page")
def map_page(
    name: str, request: Request, shared: CurrentResources, language: RequestLanguage
) -> Response:
    """Return a map report as of a day, under the filters of its layers, as one HTML page."""
    report = catalogue.find_map(shared.catalogue, name)
    values = asked(request, known=("language",), also=_parameters(shared.catalogue, report))
    shared.analyse_for(
        values.get("as_of"), [shared.catalogue.layers[layer] for layer in report.uses()]
    )
    key = (name, language, tuple(sorted(values.items())), shared.version())
    tag = f'"{hashlib.sha256(repr(key).encode()).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)

    def build() -> str:
        with session_scope(shared.reader) as session:
            return map_report.build(
                session,
                shared.catalogue,
                name,
                parameters=values,
                language=language,
                basemap=shared.basemap,
            )

    return Response(shared.memory.get(key, build), media_type="text/html", headers=headers)


def _parameters(of: catalogue.Catalogue, report: catalogue.Map) -> tuple[str, ...]:
    """Return the parameters and filters that the layers of a map take."""
    names = dict.fromkeys(
        name
        for part in report.layers
        for name in (*of.layers[part.layer].parameters, *of.layers[part.layer].filters)
    )
    return tuple(names)

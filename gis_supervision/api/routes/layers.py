"""Layers: what there is, and their features as GeoJSON."""

import json
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from gis_supervision import catalogue
from gis_supervision.api.dependencies import CurrentResources, RequestLanguage, asked
from gis_supervision.storage.database import session_scope

router = APIRouter(tags=["layers"])

GEOJSON = "application/geo+json"


@router.get("/layers")
def layers(request: Request, shared: CurrentResources, language: RequestLanguage) -> dict[str, Any]:
    """Describe every layer with its totals; what has no coordinates is counted too."""
    asked(request, known=("language",))

    def describe() -> list[dict[str, Any]]:
        with session_scope(shared.reader) as session:
            return [
                catalogue.describe(layer, language, session=session)
                for layer in shared.catalogue.layers.values()
            ]

    described = shared.memory.get(("layers", language, shared.version()), describe)
    return {
        "layers": [
            {**layer, "links": [_link(request, "items", layer["name"])]} for layer in described
        ]
    }


@router.get("/layers/{name}/items")
def items(
    name: str,
    request: Request,
    shared: CurrentResources,
    bbox: Annotated[str | None, Query(description="west,south,east,north in degrees")] = None,
    limit: Annotated[int, Query(ge=1, le=10_000, description="features on a page")] = 1000,
    after: Annotated[str | None, Query(description="key of the last feature before")] = None,
) -> Response:
    """Return one page of a layer's features.

    Every parameter and filter that ``/layers`` names for the layer may be given in the query. The
    answer is a GeoJSON FeatureCollection; as long as there is more, its ``links`` have one with
    ``rel`` = ``next``. Features that have no coordinates have ``geometry`` = null.
    """
    layer = catalogue.find_layer(shared.catalogue, name)
    values = asked(
        request,
        known=("bbox", "limit", "after"),
        also=(*layer.parameters, *layer.filters),
    )
    shared.analyse_for(values.get("as_of"), [layer])
    with session_scope(shared.reader) as session:
        page = catalogue.fetch(session, layer, values, bbox=bbox, limit=limit, after=after)
    links = [{"rel": "self", "type": GEOJSON, "href": str(request.url)}]
    if page.more:
        query = {**request.query_params, "limit": limit, "after": page.last}
        following = request.url.replace(query=urlencode(query))
        links.append({"rel": "next", "type": GEOJSON, "href": str(following)})
    body = catalogue.feature_collection(page, f'"links":{json.dumps(links)}')
    return Response(body, media_type=GEOJSON)


def _link(request: Request, rel: str, name: str) -> dict[str, str]:
    return {"rel": rel, "type": GEOJSON, "href": str(request.url_for("items", name=name))}

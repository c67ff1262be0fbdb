"""Who should have which zone, with reasons."""

from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from gis_supervision.api.dependencies import CurrentResources, asked
from gis_supervision.assignment import candidates
from gis_supervision.assignment.matching import PARTS, Weights
from gis_supervision.storage import register
from gis_supervision.storage.database import session_scope

router = APIRouter(tags=["matching"])

Weight = Annotated[float, Query(ge=0, allow_inf_nan=False)]


@router.get("/matching")
def matching(
    request: Request,
    shared: CurrentResources,
    valid_from: Annotated[date | None, Query(description="first day of the zones meant")] = None,
    to: Annotated[date | None, Query(description="last day that leave is looked at for")] = None,
    least_skilled: Annotated[float, Query(ge=0, le=1)] = 0.0,
    distance: Weight = Weights.distance,
    skills: Weight = Weights.skills,
    continuity: Weight = Weights.continuity,
    load: Weight = Weights.load,
    languages: Weight = Weights.languages,
    recusal: Weight = Weights.recusal,
    limit: Annotated[int, Query(ge=0, le=1000, description="candidates of each zone")] = 5,
    *,
    deputies: bool = False,
) -> dict[str, Any]:
    """Match zones to inspectors at the least cost; nothing is put in force by it."""
    asked(request, known=("valid_from", "to", "deputies", "least_skilled", "limit", *PARTS))
    with session_scope(shared.engine) as session:
        as_of = register.default_as_of(session)
        day = valid_from or as_of
        result = candidates.proposed(
            session,
            shared.rules,
            as_of=as_of,
            day=day,
            end=None if to is None else to + timedelta(days=1),
            weights=Weights(distance, skills, continuity, load, languages, recusal),
            deputies=deputies,
            least_skilled=least_skilled,
        )
    return {"valid_from": day.isoformat(), **result.to_dict(limit)}

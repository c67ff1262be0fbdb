"""What is told of a draw: everything to the office, and to the public what is public by now."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gis_supervision.domain import verify_draw
from gis_supervision.errors import NotFoundError
from gis_supervision.language import gettext_noop
from gis_supervision.storage import draws

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from gis_supervision.storage.draws import Pick, Record

EXCLUSIONS = {
    "external": gettext_noop("of another administration"),
    "not_open": gettext_noop("not open yet"),
    "closed": gettext_noop("closed"),
    "inspected_within": gettext_noop("inspected lately"),
    "do_not_disturb": gettext_noop("on the do-not-disturb list"),
}
"""What people are told of why a premises is left out of a draw."""

WITHOUT_PAIR = {
    verify_draw.FEWER_THAN_TWO: gettext_noop("fewer than two inspectors may go there"),
    verify_draw.NO_SKILLED: gettext_noop("no inspector has the skill"),
    verify_draw.NO_CAPACITY: gettext_noop("no inspector has time left"),
}
"""What people are told of why no pair of inspectors was drawn."""

STATES = {
    "planned": gettext_noop("planned"),
    "committed": gettext_noop("committed"),
    "drawn": gettext_noop("drawn"),
    "published": gettext_noop("published"),
}
KINDS = {
    "drawn": gettext_noop("drawn"),
    "replaced": gettext_noop("replaced"),
    "substitute": gettext_noop("substitute"),
    "reserve": gettext_noop("reserve"),
}


def is_public(record: Record) -> bool:
    """Tell whether anything of a draw is public: from the commitment on."""
    return record.commitment is not None


def is_disclosed(record: Record) -> bool:
    """Tell whether list, quotas and scope are public.

    They are from the commitment on; those of an unannounced draw when its result is published.
    """
    return record.commitment is not None and (
        not record.plan.unannounced or record.publication is not None
    )


def public(session: Session, record: Record) -> dict[str, Any]:
    """Tell what everybody may know now.

    Parameters
    ----------
    session
        An open session.
    record
        The draw.

    Returns
    -------
    dict
        Of an unannounced draw before its publication: the digest of the commitment, the source of
        the seed and when it is known, and nothing that tells who may be visited. Premises drawn,
        reserves and seed come with the publication.

    Raises
    ------
    NotFoundError
        When nothing of it is public.
    """
    kept = record.commitment
    if kept is None:
        raise NotFoundError("there is no public draw %(id)s", id=record.plan.id)
    content = json.loads(kept.content)
    told: dict[str, Any] = {
        "id": record.plan.id,
        "state": record.state,
        "unannounced": record.plan.unannounced,
        "algorithm": content["algorithm"],
        "randomness": content["randomness"],
        "published_at": content["published_at"],
        "seed_known_from": content["seed_known_from"],
        "commitment_sha256": kept.sha256,
    }
    if not is_disclosed(record):
        return told | {"state": "committed"}
    told |= {
        "name": record.plan.name,
        "as_of": content["as_of"],
        "scope": record.plan.scope,
        "channel": record.plan.channel,
        "rules": content["rules"],
        "ratios": {name: record.plan.ratios.get(name) for name in content["quotas"]},
        "quotas": content["quotas"],
        "reserves": content["reserves"],
        "counts": kept.counts,
        "list_sha256": kept.list_sha256,
    }
    if record.publication is None or record.result is None:
        return told
    return told | {
        "seed": record.result.seed,
        "source_value": record.result.source_value,
        "drawn_at": record.result.drawn_at.isoformat(),
        "transcript_sha256": record.result.transcript_sha256,
        "result_published_at": record.publication.published_at.isoformat(),
        "substitutions_sha256": _latest(session, record),
        "results": [
            _told(pick, record.plan.inspectors) for pick in draws.picks(session, record.plan.id)
        ],
    }


def office(session: Session, record: Record) -> dict[str, Any]:
    """Tell everything, for those who plan and visit."""
    told: dict[str, Any] = {
        "id": record.plan.id,
        "name": record.plan.name,
        "state": record.state,
        "as_of": record.plan.planned_on.isoformat(),
        "unannounced": record.plan.unannounced,
        "method": record.plan.method,
        "channel": record.plan.channel,
        "scope": record.plan.scope,
        "ratios": record.plan.ratios,
        "inspectors": record.plan.inspectors,
        "rules": record.plan.rules,
        "planned_by": record.plan.created_by,
        "planned_at": record.plan.created_at.isoformat(),
    }
    if record.commitment is not None:
        content = json.loads(record.commitment.content)
        told |= {
            key: content[key]
            for key in (
                *("quotas", "reserves", "randomness", "published_at", "seed_known_from"),
                *("algorithm", "list_sha256"),
            )
        }
        told |= {
            "counts": record.commitment.counts,
            "commitment_sha256": record.commitment.sha256,
            "committed_by": record.commitment.committed_by,
        }
    if record.result is not None:
        told |= {
            "seed": record.result.seed,
            "source_value": record.result.source_value,
            "drawn_at": record.result.drawn_at.isoformat(),
            "entered_by": record.result.entered_by,
            "transcript_sha256": record.result.transcript_sha256,
            "substitutions_sha256": _latest(session, record),
            "results": [_told(pick, "names") for pick in draws.picks(session, record.plan.id)],
        }
    if record.publication is not None:
        told |= {
            "result_published_at": record.publication.published_at.isoformat(),
            "published_by": record.publication.published_by,
        }
    return told


def _latest(session: Session, record: Record) -> str | None:
    """Return the digest of the latest substitution, which those before it depend on."""
    made = draws.substitutions(session, record.plan.id)
    return made[-1].sha256 if made else None


def _told(pick: Pick, inspectors: str) -> dict[str, Any]:
    told: dict[str, Any] = {
        "licence": pick.licence,
        "name": pick.name,
        "address": pick.address,
        "kind": pick.kind,
        "stratum": pick.stratum,
        "place": pick.place,
        "ticket": pick.ticket,
        "stands_for": pick.stands_for,
        "replaced_by": pick.replaced_by,
        "replaced_because": pick.replaced_because,
        "without_pair": pick.without_pair,
        "inspected_on": None if pick.inspected_on is None else pick.inspected_on.isoformat(),
        "result": pick.result,
    }
    if inspectors == "names":
        told["lead"], told["assistant"] = (
            _person(pick.lead_name, pick.lead_number),
            _person(pick.assistant_name, pick.assistant_number),
        )
    elif inspectors == "numbers":
        told["lead"], told["assistant"] = pick.lead_number, pick.assistant_number
    return told


def _person(name: str | None, number: str | None) -> str | None:
    return None if name is None else f"{name} ({number})"

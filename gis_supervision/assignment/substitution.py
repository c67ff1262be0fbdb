"""Substitutes: the next reserve of a draw stands for what cannot be inspected, with its own pair.

The order of the reserves was drawn with the premises, so that nobody chooses who comes next; the
record only grows, and the stand-alone verifier replays it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gis_supervision.domain import verify_draw
from gis_supervision.domain.actors import checked_actor
from gis_supervision.domain.rule_errors import near_name
from gis_supervision.domain.verify_draw import DrawError
from gis_supervision.errors import ConflictError, InvalidInputError, NotFoundError
from gis_supervision.storage import draw_candidates, draws, inspectors, register
from gis_supervision.storage.draw_tables import DrawSubstitution

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from sqlalchemy.orm import Session

    from gis_supervision.domain.verify_draw import DrawList
    from gis_supervision.storage.draws import Pick, Record


def substitute(
    session: Session,
    name: str | int,
    licence: str,
    *,
    reason: str,
    by: str,
    day: date | None = None,
) -> Record:
    """Let the next reserve of its stratum stand for one of the premises of a draw.

    Parameters
    ----------
    session
        An open session; the caller commits.
    name
        Name or number of the draw.
    licence
        Of what cannot be inspected: one of the premises drawn, or a substitute.
    reason
        Why, such as "closed for good"; it becomes public with the result.
    by
        Who says so.
    day
        The first on which the substitute is visited: leave, recusal and certificates of its pair
        hold as on that day. Left out: today, or the draw's first day where that is later.

    Raises
    ------
    NotFoundError
        When there is no such draw, or it did not draw the licence.
    ConflictError
        When the draw has not been carried out, another stands for the premises already, or no
        reserve is left.
    InvalidInputError
        When reason or name say nothing, or the licence is that of a reserve.
    """
    by = checked_actor(by)
    reason = " ".join(reason.split())
    if not reason:
        raise InvalidInputError("reason: expected why the premises cannot be inspected")
    record = draws.find(session, name, lock=True)
    kept, result = record.committed(), record.drawn()
    picks = draws.picks(session, record.plan.id)
    reserve = _next(record, picks, licence)
    visited_on = day or max(register.current_day(session), record.plan.planned_on)
    if visited_on < record.plan.planned_on:
        raise InvalidInputError(
            "day: expected %(first)s or later, the first day of the draw's visits",
            first=record.plan.planned_on,
        )
    before = draws.substitutions(session, record.plan.id)
    parsed = verify_draw.parse_list(kept.list_data)
    try:
        made = verify_draw.next_substitution(
            json.loads(result.transcript),
            parsed,
            [told(one) for one in before],
            replaced=licence,
            reason=reason,
            day=visited_on.isoformat(),
            recorded_at=draws.clock(session).isoformat(),
            unavailable=_unavailable(session, parsed, kept.aliases, reserve.licence, visited_on),
        )
    except DrawError as error:
        raise InvalidInputError.told(error) from error
    lead, assistant = made["pair"] or (None, None)
    content = {key: value for key, value in made.items() if key != "sha256"}
    draws.add_substitution(
        session,
        DrawSubstitution(
            plan_id=record.plan.id,
            number=made["number"],
            replaced=licence,
            licence=made["premises"],
            reason=reason,
            day=visited_on,
            content=verify_draw.canonical_json(content).decode(),
            sha256=made["sha256"],
            lead_id=kept.aliases[lead] if lead else None,
            assistant_id=kept.aliases[assistant] if assistant else None,
            without_pair=made["without_pair"],
            entered_by=by,
        ),
    )
    return record


def told(kept: DrawSubstitution) -> dict[str, Any]:
    """Return a substitution as its record tells of it, digest included."""
    return {**json.loads(kept.content), "sha256": kept.sha256}


def published(session: Session, record: Record) -> bytes | None:
    """Return the file of substitutions; None where there are none."""
    records = [told(one) for one in draws.substitutions(session, record.plan.id)]
    if not records:
        return None
    return verify_draw.substitutions_json(json.loads(record.drawn().transcript), records)


def _next(record: Record, picks: Sequence[Pick], licence: str) -> Pick:
    """Return the reserve whose turn it is."""
    named = {pick.licence: pick for pick in picks}
    given = named.get(licence)
    if given is None:
        raise NotFoundError(
            "draw %(draw)r did not draw %(licence)r%(near)s",
            draw=record.plan.name,
            licence=licence,
            near=near_name(licence, named),
        )
    if given.replaced_by is not None:
        raise ConflictError(
            "%(substitute)r stands for %(licence)r already",
            substitute=given.replaced_by,
            licence=licence,
        )
    if given.kind == "reserve":
        raise InvalidInputError(
            "%(licence)r is a reserve, and not to be inspected as yet", licence=licence
        )
    left = [one for one in picks if one.kind == "reserve" and one.stratum == given.stratum]
    if not left:
        raise ConflictError(
            "no reserve of class %(stratum)r is left in draw %(draw)r",
            stratum=given.stratum,
            draw=record.plan.name,
        )
    return min(left, key=lambda one: one.place)


def _unavailable(
    session: Session, parsed: DrawList, aliases: dict[str, int], licence: str, day: date
) -> list[str]:
    """Name the inspectors of a list who cannot go to a premises on a day."""
    ids = [aliases[name] for name in parsed.inspectors]
    people = {one.id: one for one in inspectors.on(session, day, ids=ids)}
    premises_id = draw_candidates.premises_id(session, licence)
    needed = parsed.skills[licence]
    found = []
    for name, (_, skills) in parsed.inspectors.items():
        person = people.get(aliases[name])
        if (
            person is None
            or not person.available(day)
            or person.recused_from(premises_id)
            or not needed & skills <= {skill.value for skill in person.skills(day)}
        ):
            found.append(name)
    return sorted(found)

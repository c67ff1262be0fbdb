"""Random draws of premises and inspectors, step by step: plan, commitment, seed, publication.

"Double random, one public": what is drawn from, how many, by which method, and where the seed will
come from is fixed and published before the seed can be known; anyone can repeat the rest.
"""

from __future__ import annotations

import json
import secrets
import unicodedata
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from gis_supervision.domain import draw_transcript
from gis_supervision.domain.actors import checked_actor
from gis_supervision.domain.draw_transcript import Commitment
from gis_supervision.domain.draws import (
    METHODS,
    DrawInspector,
    DrawPremises,
    canonical_list,
    exclusion_reason,
    list_sha256,
    quotas_by_ratio,
    reserves_by_ratio,
)
from gis_supervision.domain.rule_values import DrawExclusions
from gis_supervision.domain.verify_draw import DrawError, check_text
from gis_supervision.errors import NO_SUCH_DAY, ConflictError, InvalidInputError
from gis_supervision.messages import Message
from gis_supervision.storage import draw_candidates, draws, inspectors
from gis_supervision.storage.draw_tables import DrawCommitment, DrawPlan, DrawResult

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    import polars as pl
    from sqlalchemy.orm import Session

    from gis_supervision.domain.inspectors import Inspector
    from gis_supervision.domain.rules import RulePack
    from gis_supervision.storage.draws import Record

NO_CREDIT_CLASS = "none"
"""Stratum of the premises whose credit class is not known."""

ABSENT = "absent"
"""What the list says of inspectors who are not there: why is nobody's business."""

DAYS_PER_YEAR = 365.25
RESERVE_RATIO = 0.1
PERIOD_DAYS = 30
MOST_DAYS = 3660
MOST_VISITS = 100_000


@dataclass(frozen=True)
class Scope:
    """Which premises a draw is from; empty for no restriction."""

    division: str | None = None
    zone: str | None = None
    categories: tuple[str, ...] = ()
    risk_classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Wish:
    """What an office asks of a draw.

    Attributes
    ----------
    name
        Of the plan; every draw has its own.
    day
        The day that list, skills, leave and recusals speak of, the first of the visits.
    scope
        Premises that are drawn from, or left out with a reason.
    method
        One of `gis_supervision.domain.draws.METHODS`.
    channel
        Of the visits. "Inspected in the last months" then speaks of visits by this channel; left
        out, of all that count under the rule pack.
    ratio_set
        Set of ratios in the rule pack; left out, the one in force.
    ratios
        Share by stratum, in addition to the set or in its place.
    reserve_ratio
        Reserves for each premises drawn.
    period_days
        Days that the visits may take, at most `MOST_DAYS`: they bound what an inspector can do.
    most_visits
        Visits of one inspector at most, in the place of what the capacity in hours allows.
    unannounced
        Nothing but a digest becomes public before the office publishes the result.
    inspectors
        What becomes public of inspectors: "names", "numbers", or "hidden".
    """

    name: str
    day: date
    scope: Scope = field(default_factory=Scope)
    method: str = "ticket"
    channel: str | None = None
    ratio_set: str | None = None
    ratios: Mapping[str, float] = field(default_factory=dict)
    reserve_ratio: float = RESERVE_RATIO
    period_days: int = PERIOD_DAYS
    most_visits: int | None = None
    unannounced: bool = False
    inspectors: str = "numbers"


@dataclass(frozen=True)
class Eligibility:
    """Every premises of a scope, either eligible or excluded with its reason."""

    premises: tuple[DrawPremises, ...]
    excluded: dict[str, str]
    ids: dict[int, str]

    @property
    def counts(self) -> dict[str, Any]:
        """Numbers by stratum and by reason; together they are those of the scope."""
        strata: dict[str, int] = {}
        reasons: dict[str, int] = {}
        for one in self.premises:
            strata[one.stratum] = strata.get(one.stratum, 0) + 1
        for reason in self.excluded.values():
            reasons[reason] = reasons.get(reason, 0) + 1
        return {
            "scope": len(self.premises) + len(self.excluded),
            "eligible": len(self.premises),
            "strata": dict(sorted(strata.items())),
            "excluded": dict(sorted(reasons.items())),
        }


def plan(session: Session, rules: RulePack, wish: Wish, *, by: str) -> Record:
    """Keep a plan, after a look at what it would be drawn from.

    Parameters
    ----------
    session
        An open session; the caller commits.
    rules
        Ratios by credit class, exclusions, skills by category.
    wish
        What the office asks for.
    by
        Who plans.

    Raises
    ------
    InvalidInputError
        When a stratum has no ratio or a ratio no stratum, nothing is eligible, or a value is not as
        it should be.
    ConflictError
        When another draw has the name.
    """
    by = checked_actor(by)
    try:
        check_text(wish.name, "name of the plan")
    except DrawError as error:
        raise InvalidInputError.told(error) from error
    if wish.method not in METHODS:
        raise InvalidInputError(
            "method %(method)r: expected one of %(methods)s",
            method=wish.method,
            methods=", ".join(METHODS),
        )
    for what, number, least, most in (
        (Message("days of the visits"), wish.period_days, 1, MOST_DAYS),
        (Message("visits of an inspector"), wish.most_visits or 0, 0, MOST_VISITS),
    ):
        if not least <= number <= most:
            raise InvalidInputError(
                "%(what)s: expected %(least)s to %(most)s, got %(number)s",
                what=what,
                least=least,
                most=most,
                number=number,
            )
    _end(wish)
    ratios = _ratios(rules, wish)
    prospect(session, rules, wish)
    return draws.add_plan(
        session,
        DrawPlan(
            name=wish.name,
            planned_on=wish.day,
            method=wish.method,
            channel=wish.channel,
            scope=asdict(wish.scope),
            ratios=ratios,
            reserve_ratio=wish.reserve_ratio,
            period_days=wish.period_days,
            most_visits=wish.most_visits,
            unannounced=wish.unannounced,
            inspectors=wish.inspectors,
            rules=rules.reference,
            rules_sha256=rules.sha256,
            created_by=by,
        ),
    )


def prospect(session: Session, rules: RulePack, wish: Wish) -> dict[str, Any]:
    """Tell what a draw would be from: numbers by stratum and reason, quotas, reserves.

    Raises
    ------
    InvalidInputError
        As `plan`.
    """
    found = eligibility(session, rules, wish)
    listed = canonical_list(found.premises, found.excluded)
    quotas = quotas_by_ratio(listed, _ratios(rules, wish))
    absent = sorted({unicodedata.normalize("NFC", one) for one in wish.ratios} - set(quotas))
    if absent:
        raise InvalidInputError(
            "ratio of %(absent)s: no eligible premises is of that class; there are %(strata)s",
            absent=", ".join(absent),
            strata=", ".join(f"{name} ({n})" for name, n in found.counts["strata"].items()),
        )
    reserves = reserves_by_ratio(listed, quotas, wish.reserve_ratio)
    return {**found.counts, "quotas": quotas, "reserves": reserves}


def eligibility(session: Session, rules: RulePack, wish: Wish) -> Eligibility:
    """Sort every premises of the scope: eligible, or excluded with the reason."""
    channels = [wish.channel] if wish.channel else list(rules.counted_channels())
    frame = draw_candidates.read(session, wish.day, channels, **asdict(wish.scope))
    if frame.is_empty():
        raise InvalidInputError(
            "draw %(name)r: no premises of the register is in its scope", name=wish.name
        )
    limits = rules.draws.exclusions if rules.draws is not None else DrawExclusions()
    return _sorted(frame, rules, limits, wish.day)


def commit(
    session: Session,
    rules: RulePack,
    name: str | int,
    *,
    randomness: str,
    seed_known_from: datetime,
    by: str,
) -> Record:
    """Make list and quotas of a plan and commit to them, before the seed can be known.

    Parameters
    ----------
    session
        An open session; the caller commits, and the commitment is public from then on.
    rules
        The rule pack that the plan was made under.
    name
        Name or number of the plan.
    randomness
        Where the seed will come from, and how it is written as text.
    seed_known_from
        When the source will publish it, with time zone.
    by
        Who commits.

    Raises
    ------
    ConflictError
        When there is a commitment already, or the rules have changed since the plan.
    InvalidInputError
        When the seed could be known already, or the list cannot be written.
    """
    record = draws.find(session, name, lock=True)
    wish = _wish(record.plan)
    if record.commitment is not None:
        raise ConflictError(
            "draw %(name)r has a commitment already: a new one is a new plan", name=wish.name
        )
    if record.plan.rules_sha256 != rules.sha256:
        raise ConflictError(
            "draw %(name)r was planned under other rules (%(rules)s): plan it anew",
            name=wish.name,
            rules=record.plan.rules,
        )
    by = checked_actor(by)
    found = eligibility(session, rules, wish)
    people, aliases = _inspectors(session, rules, wish, found.ids)
    listed = canonical_list(found.premises, found.excluded, people)
    quotas = quotas_by_ratio(listed, wish.ratios)
    now = draws.clock(session)
    if seed_known_from.tzinfo is not None and seed_known_from <= now:
        raise InvalidInputError(
            "the seed is known since %(seed_known_from)s; a commitment comes before it",
            seed_known_from=seed_known_from.isoformat(),
        )
    commitment = draw_transcript.commit(
        listed,
        quotas,
        plan=wish.name,
        as_of=wish.day,
        rules=rules.reference,
        randomness=randomness,
        published_at=now,
        seed_known_from=seed_known_from,
        reserves=reserves_by_ratio(listed, quotas, wish.reserve_ratio),
        algorithm=METHODS[wish.method],
        both_skilled=rules.both_skilled,
    )
    draws.add_commitment(
        session,
        DrawCommitment(
            plan_id=record.plan.id,
            list_data=listed,
            list_sha256=commitment.list_sha256,
            content=commitment.to_json().decode(),
            sha256=commitment.sha256,
            published_at=commitment.published_at,
            seed_known_from=commitment.seed_known_from,
            counts={
                **found.counts,
                "inspectors": sum(not one.absence for one in people),
                "absent": sum(bool(one.absence) for one in people),
            },
            aliases=aliases,
            committed_by=by,
        ),
    )
    return draws.find(session, record.plan.id)


def enter_seed(
    session: Session,
    name: str | int,
    seed: str,
    *,
    source_value: str,
    by: str,
    listed: bytes | None = None,
) -> Record:
    """Enter the seed and carry the draw out. Of two who do so at once, one is refused.

    Parameters
    ----------
    session
        An open session; the caller commits.
    name
        Name or number of the draw.
    seed
        As the commitment says that it is written.
    source_value
        What the source published, word for word.
    by
        Who enters it.
    listed
        The list as it was published, to hold against the one that is kept.

    Raises
    ------
    ConflictError
        When there is no commitment, the seed has been entered, or the list has changed.
    InvalidInputError
        When it is too early, or the seed is not as the method takes it.
    """
    record = draws.find(session, name, lock=True)
    kept = record.committed()
    if record.result is not None:
        raise ConflictError(
            "the seed of draw %(name)r was entered by %(entered_by)s at %(entered_at)s: there is "
            "one draw for each commitment",
            name=record.plan.name,
            entered_by=record.result.entered_by,
            entered_at=record.result.entered_at.isoformat(),
        )
    by = checked_actor(by)
    if not source_value.strip():
        raise InvalidInputError("source_value: expected what the source of the seed published")
    now = draws.clock(session)
    if now < kept.seed_known_from:
        raise InvalidInputError(
            "the seed cannot be known before %(seed_known_from)s",
            seed_known_from=kept.seed_known_from.isoformat(),
        )
    if listed is not None and list_sha256(listed) != kept.list_sha256:
        raise ConflictError("the list that was given is not the one that was committed to")
    commitment = Commitment.read(kept.content.encode())
    transcript = draw_transcript.draw(commitment, seed, kept.list_data, drawn_at=now)
    result = DrawResult(
        plan_id=record.plan.id,
        seed=seed,
        source_value=source_value,
        drawn_at=now,
        transcript=transcript,
        transcript_sha256=list_sha256(transcript),
        entered_by=by,
    )
    draws.add_result(session, result, _picks(json.loads(transcript), kept.aliases))
    return draws.find(session, record.plan.id)


def publish(session: Session, name: str | int, *, by: str) -> Record:
    """Make the result of a draw public.

    Raises
    ------
    ConflictError
        When it has not been carried out, or is public already.
    """
    record = draws.find(session, name, lock=True)
    record.drawn()
    if record.publication is not None:
        raise ConflictError(
            "draw %(name)r was published at %(published_at)s",
            name=record.plan.name,
            published_at=record.publication.published_at.isoformat(),
        )
    by = checked_actor(by)
    draws.add_publication(session, record.plan.id, by)
    return draws.find(session, record.plan.id)


def _sorted(frame: pl.DataFrame, rules: RulePack, limits: DrawExclusions, day: date) -> Eligibility:
    skills: dict[str | None, tuple[str, ...]] = {}
    for category in frame["category"].unique():
        skill = rules.skill_for(category)
        skills[category] = () if skill is None else (skill.value,)
    eligible: list[DrawPremises] = []
    excluded: dict[str, str] = {}
    ids: dict[int, str] = {}
    for row in frame.iter_rows(named=True):
        ids[row["premises_id"]] = row["licence"]
        reason = exclusion_reason(
            limits,
            as_of=day,
            last_inspected=row["last_visit"],
            is_on_do_not_disturb_list=row["listed"],
            is_external=row["external"],
            opened_on=row["opened_on"],
            closed_on=row["closed_on"],
        )
        if reason is None:
            stratum = row["credit_class"] or NO_CREDIT_CLASS
            eligible.append(DrawPremises(row["licence"], stratum, skills[row["category"]]))
        else:
            excluded[row["licence"]] = reason
    return Eligibility(tuple(eligible), excluded, ids)


def _ratios(rules: RulePack, wish: Wish) -> dict[str, float]:
    named = {} if rules.draws is None else rules.draw_ratios(wish.ratio_set)
    if rules.draws is None and wish.ratio_set is not None:
        rules.draw_ratios(wish.ratio_set)  # says what is missing
    return {**named, **wish.ratios}


def _wish(kept: DrawPlan) -> Wish:
    scope: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in kept.scope.items()
    }
    return Wish(
        name=kept.name,
        day=kept.planned_on,
        scope=Scope(**scope),
        method=kept.method,
        channel=kept.channel,
        ratios=kept.ratios,
        reserve_ratio=kept.reserve_ratio,
        period_days=kept.period_days,
        most_visits=kept.most_visits,
        unannounced=kept.unannounced,
        inspectors=kept.inspectors,
    )


def _inspectors(
    session: Session, rules: RulePack, wish: Wish, licences: Mapping[int, str]
) -> tuple[list[DrawInspector], dict[str, int]]:
    """Put the inspectors of a day into the list; identifiers with the inspector behind each."""
    end = _end(wish)
    visit_hours = rules.workload.visit_hours()
    if rules.workload.travel is not None:
        visit_hours += rules.workload.travel.hours
    people, aliases = [], {}
    for person in inspectors.on(session, wish.day, end):
        name = person.staff_number
        while wish.inspectors == "hidden" and (name in aliases or name == person.staff_number):
            name = f"I-{secrets.token_hex(4)}"
        aliases[name] = person.id
        people.append(
            DrawInspector(
                name,
                [skill.value for skill in person.skills(wish.day)],
                _most_visits(person, wish, end, visit_hours),
                "" if person.available(wish.day) else ABSENT,
                [licences[one] for one in person.recused_premises if one in licences],
            )
        )
    return people, aliases


def _end(wish: Wish) -> date:
    try:
        return wish.day + timedelta(days=wish.period_days)
    except OverflowError as error:
        raise InvalidInputError.told(NO_SUCH_DAY) from error


def _most_visits(person: Inspector, wish: Wish, end: date, visit_hours: float) -> int | None:
    if wish.most_visits is not None or visit_hours == 0:
        return wish.most_visits
    hours = person.capacity_hours * person.availability(wish.day, end)
    return int(hours * wish.period_days / DAYS_PER_YEAR / visit_hours)


def _picks(transcript: Mapping[str, Any], aliases: Mapping[str, int]) -> list[dict[str, Any]]:
    pairs, without = transcript["pairs"], transcript["without_pair"]
    rows = []
    for kind, key in (("drawn", "selected"), ("reserve", "reserves")):
        for stratum, picked in transcript[key].items():
            for place, pick in enumerate(picked, start=1):
                pair = pairs.get(pick["premises"], (None, None)) if kind == "drawn" else (None,) * 2
                rows.append(
                    {
                        "licence": pick["premises"],
                        "kind": kind,
                        "stratum": stratum,
                        "place": place,
                        "ticket": str(pick.get("ticket", pick.get("number"))),
                        "lead_id": aliases.get(pair[0]) if pair[0] else None,
                        "assistant_id": aliases.get(pair[1]) if pair[1] else None,
                        "without_pair": without.get(pick["premises"]) if kind == "drawn" else None,
                    }
                )
    return rows

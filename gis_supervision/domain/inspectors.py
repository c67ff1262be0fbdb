"""Inspectors: what they can do, when they are there, and who may inspect what on which day.

Days of a period are half-open as in the register: ``first`` belongs to it, ``end`` does not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from gis_supervision.errors import InvalidInputError
from gis_supervision.language import gettext_noop

if TYPE_CHECKING:
    from datetime import date

    from gis_supervision.messages import Message


class Skill(StrEnum):
    """What a certificate lets an inspector inspect."""

    PRODUCTION = "production"
    CIRCULATION = "circulation"
    CATERING = "catering"
    SPECIAL_FOOD = "special_food"


SKILLS: Final = tuple(Skill)

SKILL_NAMES: Final = {
    Skill.PRODUCTION: gettext_noop("food production"),
    Skill.CIRCULATION: gettext_noop("food circulation"),
    Skill.CATERING: gettext_noop("catering"),
    Skill.SPECIAL_FOOD: gettext_noop("special food"),
}
"""What people call the skills."""


YEAR_HOURS: Final = 8784
"""Hours of a leap year: nobody works, and no cell takes, more in a year."""


def checked_year_hours(what: str, hours: float, least: float = 0) -> float:
    """Return hours a year.

    Raises
    ------
    InvalidInputError
        When they are no number, less than ``least`` or more than a year has; ``what`` says of what.
    """
    if not least <= hours <= YEAR_HOURS:
        raise InvalidInputError(
            "%(what)s %(hours)g: expected hours a year from %(least)g to %(year_hours)s",
            what=what,
            hours=hours,
            least=least,
            year_hours=YEAR_HOURS,
        )
    return hours


LANGUAGES: Final = {
    "汉语": "zh",
    "中文": "zh",
    "普通话": "zh",
    "国家通用语言": "zh",
    "维吾尔语": "ug",
    "维语": "ug",
    "哈萨克语": "kk",
    "哈语": "kk",
    "蒙古语": "mn",
    "蒙语": "mn",
    "藏语": "bo",
    "柯尔克孜语": "ky",
    "英语": "en",
}
"""Codes (ISO 639) of the languages as offices write them."""


def language_code(text: str) -> str:
    """Return the code of a language that is written as a code or by its Chinese name.

    Raises
    ------
    InvalidInputError
        When it is neither.
    """
    plain = text.strip().lower()
    code = LANGUAGES.get(plain, plain)
    if not re.fullmatch(r"[a-z]{2,3}", code):
        raise InvalidInputError(
            "language %(text)r: expected a code such as zh, ug, kk, or one of %(languages)s",
            text=text,
            languages=", ".join(LANGUAGES),
        )
    return code


class Refusal(StrEnum):
    """Why an inspector may not do an inspection; the hardest to mend first."""

    RECUSED = "recused"
    LEFT = "left"
    SKILL_MISSING = "skill_missing"
    CERTIFICATE_EXPIRED = "certificate_expired"
    CERTIFICATE_NOT_YET_VALID = "certificate_not_yet_valid"
    ON_LEAVE = "on_leave"
    NO_CAPACITY = "no_capacity"


REFUSALS: Final = {
    Refusal.RECUSED: gettext_noop("recused from the premises or its owner"),
    Refusal.LEFT: gettext_noop("works here no longer"),
    Refusal.SKILL_MISSING: gettext_noop("has no certificate for this kind of premises"),
    Refusal.CERTIFICATE_EXPIRED: gettext_noop("the certificate has expired"),
    Refusal.CERTIFICATE_NOT_YET_VALID: gettext_noop("the certificate is not valid yet"),
    Refusal.ON_LEAVE: gettext_noop("not there on that day"),
    Refusal.NO_CAPACITY: gettext_noop("has no hours left"),
}
"""What people are told for each reason."""


@dataclass(frozen=True)
class Period:
    """Days from ``first`` to the day before ``end``; None is without a beginning or an end."""

    first: date | None = None
    end: date | None = None

    def __contains__(self, day: date) -> bool:
        return (self.first is None or self.first <= day) and (self.end is None or day < self.end)

    def required(self, what: Message) -> Period:
        """Return the period, refusing one without a day.

        Raises
        ------
        InvalidInputError
            When it ends before it begins, or at once; ``what`` says what of.
        """
        if self.first is not None and self.end is not None and self.end <= self.first:
            raise InvalidInputError(
                "%(what)s from %(first)s to before %(end)s: expected at least one day",
                what=what,
                first=self.first,
                end=self.end,
            )
        return self

    def overlap_days(self, first: date, end: date) -> int:
        """Count the days of this period from ``first`` to the day before ``end``."""
        begin = first if self.first is None else max(first, self.first)
        stop = end if self.end is None else min(end, self.end)
        return max((stop - begin).days, 0)

    def to_dict(self) -> dict[str, str | None]:
        """Return first and last day (inclusive) as JSON takes them."""
        return {
            "first": None if self.first is None else self.first.isoformat(),
            "end": None if self.end is None else self.end.isoformat(),
        }


@dataclass(frozen=True)
class Certificate:
    """A skill with the days on which it holds."""

    skill: Skill
    valid: Period
    number: str | None = None


@dataclass(frozen=True)
class Team:
    """The two who go together, as one of them sees it: A leads, B assists."""

    role: str
    colleague_id: int


@dataclass(frozen=True)
class Inspector:
    """An inspector with everything that assignments depend on, as of a day or a period.

    Attributes
    ----------
    id, staff_number, name
        Who it is.
    capacity_hours
        Hours of inspection work in a year.
    certificates
        All of them, also those that have expired or are not valid yet.
    leave
        Days on which the inspector is not there, those that touch the period.
    languages
        ISO 639 codes, such as "zh", "ug", "kk".
    lat, lng
        Home in decimal degrees (WGS84), None where it is not known. Personal: it must not leave
        through a layer, an export or a printed reason.
    recused_premises
        Ids of premises that the inspector must not inspect on some day of the period, those of
        recused owners among them.
    recused_owners
        Credit codes of owners, for premises that are not in the register yet.
    team
        Of the first day of the period, None without one.
    left_on
        First day on which the person works here no longer.
    synthetic
        Whether the person was made up for a demonstration.
    """

    id: int
    staff_number: str
    name: str
    capacity_hours: float
    certificates: tuple[Certificate, ...] = ()
    leave: tuple[Period, ...] = ()
    languages: frozenset[str] = frozenset()
    lat: float | None = None
    lng: float | None = None
    recused_premises: frozenset[int] = frozenset()
    recused_owners: frozenset[str] = frozenset()
    team: Team | None = None
    left_on: date | None = None
    synthetic: bool = False

    def skills(self, day: date) -> frozenset[Skill]:
        """Return the skills whose certificates hold on a day."""
        return frozenset(c.skill for c in self.certificates if day in c.valid)

    def available(self, day: date) -> bool:
        """Tell whether the inspector is there on a day: neither on leave nor gone."""
        return not self._left(day) and not any(day in period for period in self.leave)

    def availability(self, first: date, end: date) -> float:
        """Return the share of the days from ``first`` to the day before ``end`` without leave.

        Raises
        ------
        InvalidInputError
            When the period has no day.
        """
        days = (end - first).days
        if days <= 0:
            raise InvalidInputError(
                "period from %(first)s to %(end)s: expected at least one day", first=first, end=end
            )
        stop = end if self.left_on is None else min(end, self.left_on)
        present = max((stop - first).days, 0)
        away = sum(period.overlap_days(first, stop) for period in self.leave) if present else 0
        return max(present - away, 0) / days

    def recused_from(self, premises_id: int | None, owner: str | None = None) -> bool:
        """Tell whether a premises, or its owner's credit code, is one to stay away from."""
        return premises_id in self.recused_premises or (
            owner is not None and owner in self.recused_owners
        )

    def refusals(
        self,
        day: date,
        *,
        skill: Skill | None = None,
        premises_id: int | None = None,
        owner: str | None = None,
        hours: float = 0.0,
        hours_left: float | None = None,
    ) -> tuple[Refusal, ...]:
        """List every reason why this inspector may not do an inspection.

        Parameters
        ----------
        day
            Day of the inspection.
        skill
            What the premises asks for (`gis_supervision.domain.rules.RulePack.skill_for`); None
            where anybody may go.
        premises_id, owner
            The premises and the credit code of its owner.
        hours
            Length of the visit in hours.
        hours_left
            Hours that the inspector has left; left out: the yearly capacity.

        Returns
        -------
        tuple of Refusal
            Empty where nothing stands against it.
        """
        found = []
        if self.recused_from(premises_id, owner):
            found.append(Refusal.RECUSED)
        if self._left(day):
            found.append(Refusal.LEFT)
        if skill is not None and skill not in self.skills(day):
            found.append(self._without(skill, day))
        if not self._left(day) and not self.available(day):
            found.append(Refusal.ON_LEAVE)
        left = self.capacity_hours if hours_left is None else hours_left
        if left <= 0 or hours > left:
            found.append(Refusal.NO_CAPACITY)
        return tuple(found)

    def to_dict(self, *, personal: bool = False) -> dict[str, Any]:
        """Return the inspector as JSON takes it; home and leave only where ``personal``."""
        told: dict[str, Any] = {
            "staff_number": self.staff_number,
            "name": self.name,
            "capacity_hours": self.capacity_hours,
            "languages": sorted(self.languages),
            "certificates": [
                {"skill": c.skill.value, "number": c.number, **c.valid.to_dict()}
                for c in self.certificates
            ],
            "role": None if self.team is None else self.team.role,
            "left_on": None if self.left_on is None else self.left_on.isoformat(),
            "synthetic": self.synthetic,
        }
        if personal:
            told["home"] = None if self.lat is None else {"lat": self.lat, "lng": self.lng}
            told["leave"] = [period.to_dict() for period in self.leave]
        return told

    def _left(self, day: date) -> bool:
        return self.left_on is not None and self.left_on <= day

    def _without(self, skill: Skill, day: date) -> Refusal:
        """Tell why a skill is not there on a day."""
        own = [c.valid for c in self.certificates if c.skill is skill]
        if any(period.end is not None and period.end <= day for period in own):
            return Refusal.CERTIFICATE_EXPIRED
        return Refusal.CERTIFICATE_NOT_YET_VALID if own else Refusal.SKILL_MISSING


def pair_refusals(
    lead: Inspector,
    assistant: Inspector,
    day: date,
    *,
    skill: Skill | None = None,
    both_skilled: bool = False,
    premises_id: int | None = None,
    owner: str | None = None,
) -> tuple[tuple[str, Refusal], ...]:
    """List why two inspectors may not do an inspection together, each with the role it concerns.

    Parameters
    ----------
    lead, assistant
        Roles A and B.
    day
        Day of the inspection.
    skill
        What the premises asks for; the lead needs it.
    both_skilled
        Whether the assistant needs it too (`SkillRules.both` of the rule pack).
    premises_id, owner
        The premises and the credit code of its owner: neither of the two may be recused.

    Returns
    -------
    tuple
        Pairs of role ("A", "B") and reason; empty where nothing stands against it.

    Raises
    ------
    InvalidInputError
        When the two are one person.
    """
    if lead.id == assistant.id:
        raise InvalidInputError(
            "inspector %(staff_number)s: expected two different people",
            staff_number=lead.staff_number,
        )
    second = skill if both_skilled else None
    return tuple(
        (role, reason)
        for role, person, needed in (("A", lead, skill), ("B", assistant, second))
        for reason in person.refusals(day, skill=needed, premises_id=premises_id, owner=owner)
    )

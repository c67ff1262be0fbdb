"""Dated, versioned rule packs: every configurable value of the field, with its article.

A rule pack is one TOML file. Each value names its ``source``: the key of an entry in
``[articles]``, or ``"unverified"`` for a value that nobody has read in a text yet. Records keep
`RulePack.reference`, so that a decision can be read again under the rules it was taken under.
"""

import hashlib
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Final, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, Strict, ValidationError, model_validator

from gis_supervision.domain.day_rules import DayRules
from gis_supervision.domain.inspectors import Skill
from gis_supervision.domain.rule_errors import describe_errors, near_name
from gis_supervision.domain.rule_values import (
    UNVERIFIED,
    Article,
    Channel,
    ChannelRule,
    Clock,
    Deadline,
    DrawRules,
    FullChecklist,
    LinkName,
    Name,
    Priority,
    ScoreRules,
    SeverityName,
    SkillRules,
    StrictModel,
    Title,
    VisitRules,
    WorkloadRules,
)
from gis_supervision.errors import ConflictError, InvalidInputError, NotFoundError
from gis_supervision.messages import Message, joined

DAYS_PER_MONTH = 365.25 / 12
"""Mean length of a month of the Gregorian calendar (with a leap year in four), in days."""

_CLASS_COLUMNS: Final[dict[str, Literal["risk_class", "credit_class", "responsibility_tier"]]] = {
    "food_risk": "risk_class",
    "credit": "credit_class",
    "responsibility_tier": "responsibility_tier",
}


class RulePack(StrictModel):
    """The rules of one authority from `valid_from` to `valid_to` (inclusive, or open)."""

    name: Name
    version: Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]*$")]
    valid_from: date
    valid_to: date | None = None
    title: Title
    articles: dict[Name, Article] = Field(default_factory=dict)
    visits: VisitRules
    full_checklist: FullChecklist | None = None
    channels: Annotated[dict[Channel, ChannelRule], Field(min_length=1)]
    draws: DrawRules | None = None
    clocks: dict[Name, Clock] = Field(default_factory=dict)
    links: dict[LinkName, Clock] = Field(default_factory=dict)
    hazard_deadlines: dict[SeverityName, Deadline] = Field(default_factory=dict)
    workload: WorkloadRules
    skills: SkillRules | None = None
    days: DayRules = DayRules()
    priorities: Annotated[tuple[Priority, ...], Strict(strict=False)] = ()
    risk_score: ScoreRules | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.valid_to is not None and self.valid_to < self.valid_from:
            raise ValueError(Message("expected valid_from <= valid_to"))
        problems = [
            Message(
                "%(key)s: %(source)r is neither %(unverified)r nor a key of [articles]%(hint)s",
                key=key,
                source=source,
                unverified=UNVERIFIED,
                hint=near_name(source, [*self.articles, UNVERIFIED]),
            )
            for key, source in _sources(self)
            if source != UNVERIFIED and source not in self.articles
        ]
        if problems:
            raise ValueError(joined(problems, "; "))
        return self

    @property
    def reference(self) -> str:
        """What a record keeps of the rules it was decided under: ``name@version``."""
        return f"{self.name}@{self.version}"

    @property
    def sha256(self) -> str:
        """Digest of all values, the same for files that differ in layout or comments alone."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    def citation(self, source: str, language: Literal["en", "zh_CN"] = "en") -> str:
        """Text of a ``source`` for people: title and clause, or that it is unverified.

        Raises
        ------
        NotFoundError
            When the pack has no such article.
        """
        if source == UNVERIFIED:
            return {"en": "unverified value", "zh_CN": "未经核实的数值"}[language]
        article = self.articles.get(source)
        if article is None:
            raise NotFoundError(
                "%(reference)s: no article %(source)r%(hint)s",
                reference=self.reference,
                source=source,
                hint=near_name(source, self.articles),
            )
        title = article.title.en if language == "en" else article.title.zh_CN
        return f"{title} {article.clause}".strip()

    def unverified(self) -> list[str]:
        """Keys of all values whose source is not verified, such as ``clocks.decision.source``."""
        return [key for key, source in _sources(self) if source == UNVERIFIED]

    def counted_channels(self) -> tuple[Channel, ...]:
        """Channels whose visits count towards the required ones."""
        return tuple(channel for channel, rule in self.channels.items() if rule.counts)

    @property
    def class_column(self) -> Literal["risk_class", "credit_class", "responsibility_tier"]:
        """The field of a premises whose values are the keys of ``visits.classes``."""
        return _CLASS_COLUMNS[self.visits.scheme]

    def checklist_interval_days(self) -> float | None:
        """Longest time between two full checklists, in days; None where none is demanded."""
        rule = self.full_checklist
        if rule is None or rule.visits == 0:
            return None
        return rule.months / rule.visits * DAYS_PER_MONTH

    def required_visits_per_year(
        self,
        risk_class: str | None,
        credit_class: str | None = None,
        category: str | None = None,
    ) -> float | None:
        """Compute the required visits to a premises, per year.

        The class gives the number of visits; the factors of credit class and category are
        multiplied on it; then the bounds of the class, the cap and the minimum are applied in this
        order (a statutory minimum outweighs a cap). A class, credit class or category that the pack
        does not name changes nothing, except that an unknown risk class is taken as
        ``visits.unclassified``.

        Returns
        -------
        float or None
            Visits per year (12 months); None where the pack demands none of such a premises.
        """
        rules = self.visits
        base = rules.unclassified if risk_class is None else rules.classes.get(risk_class)
        base = rules.unclassified if base is None else base
        if base is None or base.visits == 0:
            return None
        visits = base.visits
        if credit_class in rules.credit:
            visits *= rules.credit[credit_class].factor
        if category in rules.category:
            visits *= rules.category[category].factor
        if base.at_least is not None:
            visits = max(visits, base.at_least)
        if base.at_most is not None:
            visits = min(visits, base.at_most)
        per_year = visits * 12 / base.months
        if rules.cap is not None:
            per_year = min(per_year, rules.cap.visits_per_year)
        if rules.minimum is not None:
            per_year = max(per_year, rules.minimum.visits_per_year)
        return per_year if per_year > 0 else None

    def required_interval_months(
        self,
        risk_class: str | None,
        credit_class: str | None = None,
        category: str | None = None,
    ) -> float | None:
        """Longest time between two visits, in months (see `required_visits_per_year`)."""
        per_year = self.required_visits_per_year(risk_class, credit_class, category)
        return None if per_year is None else 12 / per_year

    def required_interval_days(
        self,
        risk_class: str | None,
        credit_class: str | None = None,
        category: str | None = None,
    ) -> float | None:
        """Longest time between two visits, in days: months of `DAYS_PER_MONTH` days."""
        months = self.required_interval_months(risk_class, credit_class, category)
        return None if months is None else months * DAYS_PER_MONTH

    def required_intervals_days(
        self,
        risk_classes: Sequence[str | None],
        credit_classes: Sequence[str | None] | None = None,
        categories: Sequence[str | None] | None = None,
    ) -> NDArray[np.float64]:
        """`required_interval_days` of many premises; NaN where none is required.

        Raises
        ------
        InvalidInputError
            When the sequences differ in length.
        """
        size = len(risk_classes)
        credit = [None] * size if credit_classes is None else credit_classes
        category = [None] * size if categories is None else categories
        if not size == len(credit) == len(category):
            raise InvalidInputError(
                "expected sequences of equal length, got %(size)s risk classes, %(count)s credit "
                "classes, %(category_count)s categories",
                size=size,
                count=len(credit),
                category_count=len(category),
            )
        known: dict[tuple[str | None, str | None, str | None], float] = {}
        result = np.empty(size)
        for index, key in enumerate(zip(risk_classes, credit, category, strict=True)):
            if key not in known:
                days = self.required_interval_days(*key)
                known[key] = np.nan if days is None else days
            result[index] = known[key]
        return result

    def class_intervals_months(self) -> dict[str, float]:
        """Months between two visits for each risk class, without adjustments.

        Classes that need no visit are left out.
        """
        months = {name: self.required_interval_months(name) for name in self.visits.classes}
        return {name: value for name, value in months.items() if value is not None}

    def class_intervals_days(self) -> dict[str, float]:
        """Days between two visits for each risk class, without adjustments."""
        return {name: m * DAYS_PER_MONTH for name, m in self.class_intervals_months().items()}

    def skill_for(self, category: str | None) -> Skill | None:
        """Skill that the inspection of a premises of a category asks for, None for no one's."""
        if self.skills is None:
            return None
        rule = self.skills.category.get(category) if category is not None else None
        rule = self.skills.default if rule is None else rule
        return None if rule is None else rule.skill

    @property
    def both_skilled(self) -> bool:
        """Whether both inspectors of a pair need the skill, or only the one who leads."""
        both = None if self.skills is None else self.skills.both
        return both is not None and both.applies

    def draw_ratios(self, set_name: str | None = None) -> dict[str, float]:
        """Share drawn of each credit class, of the set in force or of the one named.

        Raises
        ------
        NotFoundError
            When the pack has no draw rules or no such set.
        """
        if self.draws is None:
            raise NotFoundError("%(reference)s: the pack has no [draws]", reference=self.reference)
        name = self.draws.in_force if set_name is None else set_name
        if name not in self.draws.sets:
            raise NotFoundError(
                "%(reference)s: no draw ratios %(name)r%(hint)s",
                reference=self.reference,
                name=name,
                hint=near_name(name, self.draws.sets),
            )
        return dict(self.draws.sets[name].ratios)


def _sources(value: object, key: str = "") -> Iterable[tuple[str, str]]:
    """All ``source`` values below `value` with their dotted keys."""
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            below = getattr(value, name)
            dotted = f"{key}.{name}" if key else name
            if name == "source":
                yield dotted, below
            else:
                yield from _sources(below, dotted)
    elif isinstance(value, Mapping):
        for name, below in value.items():
            yield from _sources(below, f"{key}.{name}")
    elif isinstance(value, tuple):
        for index, below in enumerate(value):
            yield from _sources(below, f"{key}.{index}")


def load_rule_pack(path: Path | str) -> RulePack:
    """Read and check one rule pack.

    Raises
    ------
    NotFoundError
        When there is no such file.
    InvalidInputError
        When the file is not UTF-8 TOML or breaks the model. The message has one line for each
        mistake: file, key, what was expected, and the nearest right name of an unknown key.
    """
    path = Path(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise NotFoundError("%(path)s: no such rule pack", path=path) from error
    except UnicodeDecodeError as error:
        raise InvalidInputError(
            "%(path)s: expected UTF-8 text (%(error)s)", path=path, error=error
        ) from error
    except OSError as error:
        raise InvalidInputError(
            "%(path)s: cannot be read: %(reason)s", path=path, reason=error.strerror
        ) from error
    try:
        return RulePack.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise InvalidInputError(
            "%(path)s: not valid TOML: %(error)s", path=path, error=error
        ) from error
    except ValidationError as error:
        lines = describe_errors(error, RulePack)
        raise InvalidInputError.told(
            *(Message("%(file)s: %(mistake)s", file=path, mistake=line) for line in lines)
        ) from error


def pack_in_force(packs: Iterable[RulePack], name: str, on: date) -> RulePack:
    """Find the version of pack `name` that is in force on a day.

    Where several versions have begun, the one that began last is in force, as a newer law replaces
    an older one.

    Raises
    ------
    NotFoundError
        When no version covers the day.
    ConflictError
        When two versions begin on the same day.
    """
    named = [pack for pack in packs if pack.name == name]
    begun = [
        pack
        for pack in named
        if pack.valid_from <= on and (pack.valid_to is None or on <= pack.valid_to)
    ]
    if not begun:
        known = sorted((pack.version, pack.valid_from) for pack in named)
        have = joined(
            [
                Message("%(version)s from %(day)s", version=version, day=first)
                for version, first in known
            ],
            ", ",
        )
        raise NotFoundError(
            "no version of rule pack %(name)r is in force on %(on)s (have: %(have)s)",
            name=name,
            on=on,
            have=have if known else Message("none"),
        )
    latest = max(pack.valid_from for pack in begun)
    current = [pack for pack in begun if pack.valid_from == latest]
    if len(current) > 1:
        versions = ", ".join(sorted(pack.version for pack in current))
        raise ConflictError(
            "rule pack %(name)r: %(versions)s all begin on %(latest)s",
            name=name,
            versions=versions,
            latest=latest,
        )
    return current[0]

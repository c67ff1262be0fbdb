"""Single values of a rule pack: strict models, each with the source of its numbers."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, Strict, model_validator

from gis_supervision.domain.inspectors import Skill
from gis_supervision.domain.rule_errors import near_name
from gis_supervision.messages import Message

UNVERIFIED = "unverified"
"""The ``source`` of a value that was not read in any text."""

Unit = Literal["working_days", "calendar_days", "months", "years", "hours"]
Channel = Literal["on_site", "online"]
SeverityName = Literal["critical", "serious", "minor", "unclassified"]
LinkName = Literal[
    "collect", "file", "dispatch", "handle", "feed_back", "verify_and_close", "evaluate"
]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Source = Annotated[str, Field(min_length=1)]


class StrictModel(BaseModel):
    """Refuses unknown keys and values of another type; cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Title(StrictModel):
    """A text in the two languages of the product."""

    en: Annotated[str, Field(min_length=1)]
    zh_CN: Annotated[str, Field(min_length=1)]  # noqa: N815 - the name of the locale


class Article(StrictModel):
    """A text that values are taken from, down to the article or clause."""

    title: Title
    clause: str = ""
    read: bool
    """True when the clause itself was read; False when it is known from a secondary source."""


class VisitRequirement(StrictModel):
    """Visits in an interval: ``visits = 2``, ``months = 12`` means two visits a year.

    `at_least` and `at_most` bound what adjustments can make of it, in visits per the same interval.
    """

    visits: NotNegative
    months: Positive
    at_least: NotNegative | None = None
    at_most: NotNegative | None = None
    source: Source

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        low = self.visits if self.at_least is None else self.at_least
        high = self.visits if self.at_most is None else self.at_most
        if not low <= self.visits <= high:
            raise ValueError(Message("expected at_least <= visits <= at_most"))
        return self


class FullChecklist(VisitRequirement):
    """How often all items are to be checked, and which inspections check them all.

    An inspection counts that came by one of `channels` and whose kind is not among
    `kinds_left_out`, such as unannounced ones, which may look at some items only.
    """

    channels: Annotated[tuple[Channel, ...], Strict(strict=False), Field(min_length=1)] = (
        "on_site",
    )
    kinds_left_out: Annotated[tuple[str, ...], Strict(strict=False)] = ()


class Adjustment(StrictModel):
    """A factor on the number of required visits."""

    factor: NotNegative
    source: Source


class Bound(StrictModel):
    """A bound on the visits to one premises, per year."""

    visits_per_year: NotNegative
    source: Source


class VisitRules(StrictModel):
    """How often a premises is to be visited.

    `scheme` says which of the three A-D (or other) classifications the keys of `classes` mean:
    they are different fields of a premises and never stand for each other.
    """

    scheme: Literal["food_risk", "credit", "responsibility_tier"]
    classes: Annotated[dict[str, VisitRequirement], Field(min_length=1)]
    unclassified: VisitRequirement | None = None
    credit: dict[str, Adjustment] = Field(default_factory=dict)
    category: dict[str, Adjustment] = Field(default_factory=dict)
    minimum: Bound | None = None
    cap: Bound | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if (
            self.minimum is not None
            and self.cap is not None
            and self.minimum.visits_per_year > self.cap.visits_per_year
        ):
            raise ValueError(Message("expected minimum.visits_per_year <= cap.visits_per_year"))
        return self


class ChannelRule(StrictModel):
    """Whether a visit by this channel counts as one of the required visits."""

    counts: bool
    source: Source


class DrawRatios(StrictModel):
    """One published set: share of the premises of each credit class that is drawn."""

    title: Title
    source: Source
    ratios: Annotated[dict[str, Share], Field(min_length=1)]


class MonthsExclusion(StrictModel):
    """Premises inspected in the last `months` months are left out of a draw."""

    months: Annotated[int, Field(gt=0)]
    source: Source


class FlagExclusion(StrictModel):
    """Whether premises on a list are left out of a draw."""

    applies: bool
    source: Source


class DrawExclusions(StrictModel):
    """Who is left out of a draw, always with the reason."""

    inspected_within: MonthsExclusion | None = None
    do_not_disturb: FlagExclusion | None = None


class DrawRules(StrictModel):
    """Ratios by credit class (alternatives, one of them `in_force`) and exclusions."""

    in_force: Name
    sets: Annotated[dict[Name, DrawRatios], Field(min_length=1)]
    exclusions: DrawExclusions = DrawExclusions()

    @model_validator(mode="after")
    def _in_force_exists(self) -> Self:
        if self.in_force not in self.sets:
            raise ValueError(
                Message(
                    "in_force names no set of [draws.sets]: %(in_force)r%(hint)s",
                    in_force=self.in_force,
                    hint=near_name(self.in_force, self.sets),
                )
            )
        return self


class Clock(StrictModel):
    """A time limit: `amount` of `unit` after the event `starts`.

    `extension` is what it may be prolonged by, in the same unit.
    """

    title: Title
    amount: Annotated[int, Field(ge=0)]
    unit: Unit
    starts: Name
    extension: Annotated[int, Field(ge=0)] | None = None
    source: Source


class Deadline(StrictModel):
    """A default number of days to rectify a hazard; each notice may set its own."""

    amount: Annotated[int, Field(ge=0)]
    unit: Unit
    source: Source


class FlagRule(StrictModel):
    """Whether something is asked for."""

    applies: bool
    source: Source


class SkillRule(StrictModel):
    """The skill that an inspection asks for."""

    skill: Annotated[Skill, Strict(strict=False)]
    source: Source


class SkillRules(StrictModel):
    """Which certificate the inspection of a premises asks for, by category.

    `default` is for categories that are not named; without it anybody may inspect those. `both`
    tells whether the second inspector needs the certificate too.
    """

    category: dict[str, SkillRule] = Field(default_factory=dict)
    default: SkillRule | None = None
    both: FlagRule | None = None


class Hours(StrictModel):
    """An amount of work in hours."""

    hours: NotNegative
    source: Source


class Months(StrictModel):
    """A length of time in months."""

    months: Positive
    source: Source


class WorkloadRules(StrictModel):
    """Hours of work: one visit (by category), the way to it, an open hazard, a complaint.

    `complaint_period` is how far back complaints are counted for their yearly rate.
    """

    visit: Hours
    category: dict[str, Hours] = Field(default_factory=dict)
    travel: Hours | None = None
    open_hazard: Hours | None = None
    complaint: Hours | None = None
    complaint_period: Months | None = None

    @property
    def complaint_months(self) -> float:
        """Months whose complaints are counted; a year where the pack does not say."""
        return 12.0 if self.complaint_period is None else self.complaint_period.months

    def visit_hours(self, category: str | None = None) -> float:
        """Hours of one visit to a premises of `category` (the default where none is given)."""
        rule = self.visit if category is None else self.category.get(category, self.visit)
        return rule.hours


class Priority(StrictModel):
    """Premises that come first, by category, by risk class, or by both."""

    category: Name | None = None
    risk_class: str | None = None
    source: Source

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if self.category is None and self.risk_class is None:
            raise ValueError(Message("expected a category, a risk_class or both"))
        return self


class ScoreRules(StrictModel):
    """Risk class by risk score: each of `classes` but the last ends at its cut-off, inclusive."""

    classes: Annotated[tuple[str, ...], Strict(strict=False), Field(min_length=1)]
    cut_offs: Annotated[tuple[float, ...], Strict(strict=False)]
    source: Source

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if len(self.cut_offs) != len(self.classes) - 1:
            raise ValueError(Message("expected one cut-off fewer than classes"))
        if list(self.cut_offs) != sorted(set(self.cut_offs)):
            raise ValueError(Message("expected cut_offs in rising order"))
        return self

    def risk_class(self, score: float) -> str:
        """Give the class of a score (the higher the score, the higher the risk)."""
        return self.classes[sum(score > cut_off for cut_off in self.cut_offs)]

"""Features of a premises on a day, from what an office knew before that day and nothing later.

A premises' own history and that of its chain and neighbourhood are counted as *surplus*: hazards
found less those that the same inspectors (the same group, where groups are recorded) had found per
visit elsewhere until then. So a premises is not taken for risky because strict inspectors work
there. Every number of a day is made of visits and complaints of earlier days; what happens later
changes none of its digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from gis_supervision.analysis.risk_history import COMPLAINT, FOLLOW_UP, OTHER, ROUTINE
from gis_supervision.analysis.timelines import Timeline, timeline
from gis_supervision.domain import h3_index
from gis_supervision.language import gettext_noop

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gis_supervision.analysis.arrays import Floats, Mask
    from gis_supervision.analysis.risk_history import History
    from gis_supervision.analysis.timelines import Whole

YEAR_DAYS = 365.25
WINDOW_DAYS = 730
"""How far back inspectors' rates and neighbours' hazards go."""
LEAST_VISITS = 30
"""Visits before a rate of an inspector group is taken for its own; fewer lean to that of all."""
OWN_VISITS, CHAIN_VISITS, NEIGHBOUR_VISITS = 2.0, 10.0, 20.0
"""Visits without surplus that are added to each average, so that few visits tell little."""
LONGEST_GAP_YEARS = 2.0
OLDEST_YEARS = 12.0
NEIGHBOUR_RESOLUTIONS = (9, 8, 7)
COMPLAINT_RESOLUTION = 8
LEAST_OF_A_KIND = 100
"""Visits before a category or risk class becomes a feature of its own."""

HELD = ("season_sine", "season_cosine", "trend")
"""Features that fitting takes out and ranking holds constant: when the visits were made."""

TITLES = {
    "first": gettext_noop("never inspected before"),
    "visits": gettext_noop("number of earlier inspections"),
    "gap": gettext_noop("time since the last inspection"),
    "last_critical": gettext_noop("critical hazard at the last inspection"),
    "last_serious": gettext_noop("serious hazard at the last inspection"),
    "last_minor": gettext_noop("minor hazards at the last inspection"),
    "last_failed": gettext_noop("last inspection failed"),
    "own_critical": gettext_noop("own history of critical hazards"),
    "own_serious": gettext_noop("own history of serious hazards"),
    "own_minor": gettext_noop("own history of minor hazards"),
    "own_failed": gettext_noop("own history of failed inspections"),
    "chain_size": gettext_noop("inspections of premises of the same name"),
    "chain_critical": gettext_noop("critical hazards at premises of the same name"),
    "chain_serious": gettext_noop("serious hazards at premises of the same name"),
    "age_unknown": gettext_noop("age of the licence unknown"),
    "age": gettext_noop("age of the licence"),
    "age_new": gettext_noop("licence younger than a year"),
    "age_old": gettext_noop("licence older than four years"),
    "complaints_year": gettext_noop("complaints about the premises, one year"),
    "complaints_longer": gettext_noop("complaints about the premises, three years"),
    "follow_ups_year": gettext_noop("re-inspections, one year"),
    "follow_ups_longer": gettext_noop("re-inspections, three years"),
    "other_visits": gettext_noop("visits for other reasons, one year"),
    "complaints_near_recent": gettext_noop("complaints nearby, three months"),
    "complaints_near": gettext_noop("complaints nearby, one year"),
    "near_9_critical": gettext_noop("critical hazards at neighbours, about 400 m"),
    "near_9_serious": gettext_noop("serious hazards at neighbours, about 400 m"),
    "near_9_visits": gettext_noop("inspections of neighbours, about 400 m"),
    "near_8_critical": gettext_noop("critical hazards at neighbours, about 1 km"),
    "near_8_serious": gettext_noop("serious hazards at neighbours, about 1 km"),
    "near_8_visits": gettext_noop("inspections of neighbours, about 1 km"),
    "near_7_critical": gettext_noop("critical hazards at neighbours, about 3 km"),
    "near_7_serious": gettext_noop("serious hazards at neighbours, about 3 km"),
    "near_7_visits": gettext_noop("inspections of neighbours, about 3 km"),
    "season_sine": gettext_noop("season"),
    "season_cosine": gettext_noop("season"),
    "trend": gettext_noop("year"),
    "category": gettext_noop("category"),
    "risk_class": gettext_noop("food-risk class"),
}
"""What people call the features; a category or class is ``category=...``."""


@dataclass(frozen=True)
class Features:
    """Numbers of premises on days, shape (questions, names), none missing."""

    names: tuple[str, ...]
    values: Floats


@dataclass(frozen=True)
class Kinds:
    """Categories and risk classes that are features of their own, as written in lower case."""

    categories: tuple[str, ...]
    risk_classes: tuple[str, ...]


def kinds(history: History, day: int) -> Kinds:
    """Return the categories and classes with enough visits before a day."""
    seen = history.visits.filter((pl.col("day") < day) & (pl.col("purpose") == ROUTINE))
    described = history.places[seen["place"].to_numpy()]

    def frequent(column: str) -> tuple[str, ...]:
        counted = (
            described.select(pl.col(column).str.to_lowercase().alias("kind"))
            .drop_nulls()
            .group_by("kind")
            .len()
            .filter(pl.col("len") >= LEAST_OF_A_KIND)
        )
        return tuple(sorted(counted["kind"].to_list()))

    return Kinds(frequent("category"), frequent("risk_class"))


@dataclass(frozen=True)
class Ledger:
    """A history made ready for questions: `features` asks it."""

    history: History
    visits: pl.DataFrame
    own: Timeline
    chain: Timeline
    chains: Whole
    cells: dict[int, Cells]
    follow_ups: Timeline
    others: Timeline
    complaint_visits: Timeline
    complaints: Timeline
    complaint_cells: Timeline
    complaint_cell: Whole


@dataclass(frozen=True)
class Cells:
    """Visits of the places in H3 cells of one resolution, and which cells are neighbours."""

    timeline: Timeline
    of_place: Whole
    start: Whole
    neighbours: Whole


def ledger(history: History) -> Ledger:
    """Make a history ready for questions.

    Parameters
    ----------
    history
        What is known; more than is asked about does no harm.

    Returns
    -------
    Ledger
    """
    known = pl.col("critical").is_not_null()
    routine = history.visits.filter((pl.col("purpose") == ROUTINE) & known)
    place, day = routine["place"].to_numpy(), routine["day"].to_numpy()
    found = _found(routine)
    surplus = _surplus(found, day, routine["group"])
    each = np.ones(day.size)
    own = timeline(place, day, np.column_stack([each, surplus]))

    chains = _codes(_chain_names(history.places["name"]))
    chained = np.column_stack([each, surplus[:, :2]])
    cells = {
        resolution: _cells(history.places, resolution, place, day, chained)
        for resolution in NEIGHBOUR_RESOLUTIONS
    }

    def visits_for(purpose: str) -> Timeline:
        of = history.visits.filter(pl.col("purpose") == purpose)
        return timeline(of["place"].to_numpy(), of["day"].to_numpy(), np.ones((of.height, 1)))

    named = history.complaints.filter(pl.col("place").is_not_null())
    complaint_cell, complaint_cells = _complaint_cells(history)
    return Ledger(
        history,
        routine,
        own,
        timeline(chains[place], day, chained),
        chains,
        cells,
        visits_for(FOLLOW_UP),
        visits_for(OTHER),
        visits_for(COMPLAINT),
        timeline(named["place"].to_numpy(), named["day"].to_numpy(), np.ones((named.height, 1))),
        complaint_cells,
        complaint_cell,
    )


def features(book: Ledger, places: Whole, days: Whole, of_a_kind: Kinds) -> Features:
    """Describe premises as they were known before days.

    Parameters
    ----------
    book
        From `ledger`.
    places
        Row of the premises in the history.
    days
        Days since 1970-01-01; a visit or complaint of the day itself does not count.
    of_a_kind
        From `kinds`, of a day not later than the one that is ranked.

    Returns
    -------
    Features
        In the order of the arguments.
    """
    columns = (
        _history_columns(book, places, days)
        | _chain_columns(book, places, days)
        | _licence_columns(book, places, days)
        | _neighbour_columns(book, places, days)
        | _call_columns(book, places, days)
        | _kind_columns(book, places, of_a_kind)
        | {
            "season_sine": np.sin(2 * np.pi * days / YEAR_DAYS),
            "season_cosine": np.cos(2 * np.pi * days / YEAR_DAYS),
            "trend": days / YEAR_DAYS,
        }
    )
    values = np.column_stack([np.asarray(column, dtype=np.float64) for column in columns.values()])
    return Features(tuple(columns), values)


def _found(visits: pl.DataFrame) -> Floats:
    """Whether critical and serious hazards were found, how many minor ones, whether it failed."""
    return visits.select(
        (pl.col("critical") > 0).cast(pl.Float64),
        (pl.col("serious") > 0).cast(pl.Float64),
        pl.col("minor").cast(pl.Float64),
        pl.col("failed").fill_null(value=False).cast(pl.Float64),
    ).to_numpy()


def _surplus(found: Floats, days: Whole, groups: pl.Series) -> Floats:
    """Take from what visits found what their inspectors found per visit before the day."""
    counted = np.column_stack([np.ones(days.size), found])
    everyone = np.zeros(days.size, dtype=np.int64)
    group = _codes(groups)
    since = days - WINDOW_DAYS
    of_all = timeline(everyone, days, counted).sums(everyone, days, since)
    of_group = timeline(group, days, counted).sums(group, days, since)
    mean = of_all[:, 1:] / np.maximum(of_all[:, :1], 1.0)
    expected = (of_group[:, 1:] + LEAST_VISITS * mean) / (of_group[:, :1] + LEAST_VISITS)
    # a register's first visits have nothing to be compared with
    return np.where(of_all[:, :1] >= LEAST_VISITS, found - expected, 0.0)


def _codes(names: pl.Series) -> Whole:
    """Give equal texts the same number, from 0; -1 where there is none."""
    codes = names.rank("dense").cast(pl.Int64).fill_null(0).to_numpy() - 1
    return np.asarray(codes, dtype=np.int64)


def _chain_names(names: pl.Series) -> pl.Series:
    """Take the first two words of a name without numbers and signs: what branches share."""
    words = names.str.to_lowercase().str.replace_all(r"[^\p{L}\s]", "").str.split(" ")
    shared = words.list.eval(pl.element().filter(pl.element() != "")).list.head(2).list.join(" ")
    return shared.replace("", None)


def _cells(
    places: pl.DataFrame, resolution: int, place: Whole, day: Whole, values: Floats
) -> Cells:
    unique, of_place = _cells_of(places, resolution)
    around = h3_index.neighbours(unique)
    return Cells(
        timeline(of_place[place], day, values),
        of_place,
        np.asarray(around.indptr, dtype=np.int64),
        np.asarray(around.indices, dtype=np.int64),
    )


def _cells_of(places: pl.DataFrame, resolution: int) -> tuple[Whole, Whole]:
    """Return the cells that hold places, and the cell of each place, -1 where not located."""
    lat, lng = (places[name].fill_null(np.nan).to_numpy() for name in ("lat", "lng"))
    located = ~(np.isnan(lat) | np.isnan(lng))
    of_place = np.full(places.height, -1, dtype=np.int64)
    unique, of_place[located] = np.unique(
        h3_index.cells_of(lat[located], lng[located], resolution), return_inverse=True
    )
    return unique, of_place


def _complaint_cells(history: History) -> tuple[Whole, Timeline]:
    """Return the cell of each place, and the complaints of each cell."""
    unique, of_place = _cells_of(history.places, COMPLAINT_RESOLUTION)
    placed = history.complaints.filter(pl.col("lat").is_not_null() & pl.col("lng").is_not_null())
    cells = h3_index.cells_of(
        placed["lat"].to_numpy(), placed["lng"].to_numpy(), COMPLAINT_RESOLUTION
    )
    at = np.searchsorted(unique, cells)
    hit = (
        (at < unique.size) & (unique[np.minimum(at, max(unique.size - 1, 0))] == cells)
        if (unique.size)
        else np.zeros(cells.size, dtype=bool)
    )
    owners = np.where(hit, at, -1).astype(np.int64)
    return of_place, timeline(owners, placed["day"].to_numpy(), np.ones((placed.height, 1)))


def _history_columns(book: Ledger, places: Whole, days: Whole) -> dict[str, Floats | Mask]:
    sums = book.own.sums(places, days)
    last = book.own.last(places, days)
    seen = last >= 0
    visit = book.visits[np.maximum(last, 0)] if book.visits.height else None
    columns: dict[str, Floats | Mask] = {"first": ~seen, "visits": np.log1p(sums[:, 0])}
    if visit is None:
        found, gap = np.zeros((places.size, 4)), np.full(places.size, LONGEST_GAP_YEARS)
    else:
        found = _found(visit) * seen[:, None]
        years = (days - visit["day"].to_numpy()) / YEAR_DAYS
        gap = np.where(seen, np.minimum(years, LONGEST_GAP_YEARS), LONGEST_GAP_YEARS)
    columns["gap"] = gap
    names = ("critical", "serious", "minor", "failed")
    for place, name in enumerate(names):
        columns[f"last_{name}"] = np.minimum(found[:, place], 10.0)
    for place, name in enumerate(names, start=1):
        columns[f"own_{name}"] = sums[:, place] / (sums[:, 0] + OWN_VISITS)
    return columns


def _chain_columns(book: Ledger, places: Whole, days: Whole) -> dict[str, Floats]:
    others = book.chain.sums(book.chains[places], days) - _own_part(book, places, days)
    others = np.where((book.chains[places] >= 0)[:, None], others, 0.0)
    return {
        "chain_size": np.log1p(others[:, 0]),
        "chain_critical": others[:, 1] / (others[:, 0] + CHAIN_VISITS),
        "chain_serious": others[:, 2] / (others[:, 0] + CHAIN_VISITS),
    }


def _own_part(book: Ledger, places: Whole, days: Whole, since: Whole | None = None) -> Floats:
    return book.own.sums(places, days, since)[:, :3]


def _licence_columns(book: Ledger, places: Whole, days: Whole) -> dict[str, Floats | Mask]:
    opened = book.history.places["opened"].cast(pl.Float64).fill_null(np.nan).to_numpy()[places]
    with np.errstate(invalid="ignore"):
        years = (days - opened) / YEAR_DAYS
        unknown = ~(years >= 0)
        age = np.where(unknown, 5.0, np.minimum(years, OLDEST_YEARS))
    return {
        "age_unknown": unknown,
        "age": age,
        "age_new": ~unknown & (age < 1.0),
        "age_old": age > 4.0,  # noqa: PLR2004 - the year that the published evaluation found to matter
    }


def _neighbour_columns(book: Ledger, places: Whole, days: Whole) -> dict[str, Floats]:
    columns = {}
    since = days - WINDOW_DAYS
    own = _own_part(book, places, days, since)
    for resolution, cells in book.cells.items():
        cell = cells.of_place[places]
        located = cell >= 0
        around = cells.timeline.sums(cell, days, since) - np.where(located[:, None], own, 0.0)
        of = np.where(located, cell, 0)
        if cells.start.size > 1:
            number = np.where(located, cells.start[of + 1] - cells.start[of], 0)
            asker = np.repeat(np.arange(places.size), number)
            # the place of each neighbour: the start of its cell's list and a count from 0
            count = np.arange(asker.size) - np.repeat(np.cumsum(number) - number, number)
            neighbour = cells.neighbours[cells.start[of][asker] + count]
            sums = cells.timeline.sums(neighbour, days[asker], since[asker])
            for value in range(sums.shape[1]):
                around[:, value] += np.bincount(asker, sums[:, value], minlength=places.size)
        base = around[:, 0] + NEIGHBOUR_VISITS
        columns[f"near_{resolution}_critical"] = around[:, 1] / base
        columns[f"near_{resolution}_serious"] = around[:, 2] / base
        columns[f"near_{resolution}_visits"] = np.log1p(np.maximum(around[:, 0], 0.0))
    if book.history.by_area:
        # whoever inspects a whole area raises or lowers all of it: only what is particular to the
        # nearest neighbours is theirs
        widest = NEIGHBOUR_RESOLUTIONS[-1]
        for name in ("critical", "serious"):
            wide = columns[f"near_{widest}_{name}"]
            for resolution in NEIGHBOUR_RESOLUTIONS:
                columns[f"near_{resolution}_{name}"] = columns[f"near_{resolution}_{name}"] - wide
    return columns


def _call_columns(book: Ledger, places: Whole, days: Whole) -> dict[str, Floats]:
    def number(line: Timeline, owners: Whole, window: int) -> Floats:
        return line.sums(owners, days, days - window)[:, 0]

    def told(window: int) -> Floats:
        # an office may keep a complaint, the visit that it led to, or both
        visits = number(book.complaint_visits, places, window)
        return np.maximum(number(book.complaints, places, window), visits)

    cell = book.complaint_cell[places]
    return {
        "complaints_year": np.minimum(told(365), 3.0),
        "complaints_longer": np.minimum(told(1095), 3.0),
        "follow_ups_year": np.minimum(number(book.follow_ups, places, 365), 3.0),
        "follow_ups_longer": np.minimum(number(book.follow_ups, places, 1095), 3.0),
        "other_visits": np.minimum(number(book.others, places, 365), 3.0),
        "complaints_near_recent": np.log1p(number(book.complaint_cells, cell, 90)),
        "complaints_near": np.log1p(number(book.complaint_cells, cell, 365)),
    }


def _kind_columns(book: Ledger, places: Whole, of_a_kind: Kinds) -> dict[str, Mask]:
    described = book.history.places[places]
    columns = {}
    for column, values in (
        ("category", of_a_kind.categories),
        ("risk_class", of_a_kind.risk_classes),
    ):
        kind = described[column].str.to_lowercase().fill_null("")
        for value in values:
            columns[f"{column}={value}"] = (kind == value).to_numpy()
    return columns


def title_key(name: str) -> tuple[str, str]:
    """Return the text (to be translated) of a feature, and its value where it has one.

    Parameters
    ----------
    name
        Such as ``"gap"`` or ``"category=bakery"``.

    Returns
    -------
    tuple
        Text and value, which is empty for a number.
    """
    stem, _, value = name.partition("=")
    return TITLES[stem], value


def stacked(parts: Sequence[Features]) -> Features:
    """Put features of the same names below each other."""
    return Features(parts[0].names, np.vstack([part.values for part in parts]))

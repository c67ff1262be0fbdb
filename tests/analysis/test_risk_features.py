import numpy as np
import polars as pl
import pytest

from gis_supervision.analysis import risk_history
from gis_supervision.analysis.risk_features import (
    TITLES,
    Kinds,
    features,
    kinds,
    ledger,
    title_key,
)
from gis_supervision.analysis.risk_history import History, failures, purpose_of, purposes
from gis_supervision.domain import h3_index

NONE = Kinds((), ())


def places(**columns):
    number = len(next(iter(columns.values())))
    empty = dict.fromkeys(risk_history.PLACES, [None] * number)
    return pl.DataFrame(empty | columns, schema=risk_history.PLACES)


def visits(*rows):
    """Rows of place, day, purpose, critical, serious, minor, failed, group."""
    return pl.DataFrame(list(rows), schema=risk_history.VISITS, orient="row")


def complaints(*rows):
    return pl.DataFrame(list(rows), schema=risk_history.COMPLAINTS, orient="row")


def routine(place, day, critical=0, serious=0, minor=0, *, failed=False, group=None):
    return (place, day, "routine", critical, serious, minor, failed, group)


def described(history, place, day, of_a_kind=NONE):
    made = features(ledger(history), np.array([place]), np.array([day]), of_a_kind)
    return dict(zip(made.names, made.values[0].tolist(), strict=True))


def town(seed=0, number=40, count=600, days=1500):
    """A town with every kind of fact, by chance."""
    generator = np.random.default_rng(seed)
    made = visits(
        *(
            (
                int(generator.integers(0, number)),
                int(day),
                str(generator.choice(["routine", "routine", "follow_up", "other", "complaint"])),
                int(generator.integers(0, 2)),
                int(generator.integers(0, 3)),
                int(generator.integers(0, 6)),
                bool(generator.integers(0, 2)),
                str(generator.choice(["a", "b"])),
            )
            for day in np.sort(generator.integers(0, days, count))
        )
    )
    located = [84 + 0.02 * x for x in generator.random(number)]
    return History(
        places(
            lat=[44.0] * number,
            lng=[None, *located[1:]],
            category=[["shop", "cafe", None][place % 3] for place in range(number)],
            name=[f"Name {place % 7}" for place in range(number)],
            opened=[None if place % 4 else 100 for place in range(number)],
        ),
        made,
        complaints(
            *(
                (int(place) if place % 2 else None, int(day), 44.0, float(84 + 0.02 * x))
                for place, day, x in zip(
                    generator.integers(0, number, 200),
                    np.sort(generator.integers(0, days, 200)),
                    generator.random(200),
                    strict=True,
                )
            )
        ),
    )


def test_the_history_of_a_premises_by_hand():
    """30 visits elsewhere find 0.5 critical hazards each; then two visits of the premises."""
    elsewhere = [routine(1, day, critical=day % 2) for day in range(30)]
    history = History(
        places(name=["Red Door 1", "Elsewhere"], opened=[900, None]),
        visits(
            *elsewhere,
            routine(0, 1000, critical=2, minor=3, failed=True),
            routine(0, 1100, serious=1, minor=1),
        ),
        complaints(),
    )
    early = described(history, 0, 1000)
    assert (early["first"], early["visits"], early["own_critical"]) == (1, 0, 0)
    assert (early["gap"], early["last_failed"], early["age_unknown"]) == (2, 0, 0)
    assert early["age"] == pytest.approx(100 / 365.25)
    assert early["age_new"] == 1
    late = described(history, 0, 1200)
    # of the first visit no visit is within two years before, so nothing can be compared
    assert late["visits"] == pytest.approx(np.log1p(2))
    assert (late["last_critical"], late["last_serious"], late["last_minor"]) == (0, 1, 1)
    assert late["gap"] == pytest.approx(100 / 365.25)
    assert late["own_critical"] == 0
    near = History(
        history.places,
        visits(*elsewhere, routine(0, 100, critical=2), routine(0, 200)),
        complaints(),
    )
    # before day 100: 15 of 30; before day 200: 16 of 31; averages lean on two visits without
    surplus = (1 - 15 / 30) + (0 - 16 / 31)
    assert described(near, 0, 201)["own_critical"] == pytest.approx(surplus / 4, abs=1e-6)
    assert described(near, 0, 200)["own_critical"] == pytest.approx(0.5 / 3, abs=1e-6)


def test_a_surplus_is_against_what_the_same_inspectors_find():
    """A strict group finds something everywhere, a lenient one nowhere."""
    history = History(
        places(lat=[44.0] * 4, lng=[84.0, 85.0, 84.5, 84.7]),
        visits(
            *(routine(2, day, critical=1, group="strict") for day in range(400)),
            *(routine(3, day, critical=0, group="lenient") for day in range(400)),
            routine(0, 500, critical=1, group="strict"),
            routine(1, 500, critical=1, group="lenient"),
        ),
        complaints(),
    )
    of_strict, of_lenient = (described(history, place, 600)["own_critical"] for place in (0, 1))
    assert 0 < of_strict < 0.02
    assert of_lenient > 0.3
    unknown = history.without_groups()
    assert described(unknown, 0, 600)["own_critical"] == described(unknown, 1, 600)["own_critical"]


def test_chains_are_the_others_of_the_same_name():
    history = History(
        places(name=["Red Door #12", "RED DOOR", "Blue Door", None, None]),
        visits(
            *(routine(2, day, critical=day % 2) for day in range(100)),
            routine(0, 150, critical=1),
            routine(1, 160, critical=1),
            routine(3, 160, critical=1),
        ),
        complaints(),
    )
    first = described(history, 0, 200)
    assert first["chain_size"] == pytest.approx(np.log1p(1))
    assert first["chain_critical"] == pytest.approx((1 - 51 / 101) / 11, abs=1e-6)
    assert described(history, 4, 200)["chain_size"] == 0


def test_neighbours_are_within_the_ring_and_not_oneself():
    lat, lng = 44.0, 84.0
    home = h3_index.cells_of([lat], [lng], 9)
    every = h3_index.neighbours(np.sort(np.r_[home, h3_index.cells_of([44.003], [84.0], 9)]))
    assert every.nnz == 2  # the second place is in the next cell
    history = History(
        places(lat=[lat, 44.003, 44.3, None], lng=[lng, 84.0, 84.0, None]),
        visits(
            *(routine(2, day, critical=day % 2) for day in range(100)),
            routine(0, 120, critical=1),
            routine(1, 130, critical=1),
            routine(3, 130, critical=1),
        ),
        complaints(),
    )
    found = described(history, 0, 200)
    assert found["near_9_visits"] == pytest.approx(np.log1p(1))
    assert found["near_9_critical"] == pytest.approx((1 - 51 / 101) / 21, abs=1e-6)
    assert described(history, 3, 200)["near_9_visits"] == 0
    assert described(history, 0, 130)["near_9_visits"] == 0


def test_complaints_and_visits_for_other_reasons():
    history = History(
        places(lat=[44.0, 44.0], lng=[84.0, 86.0]),
        visits(
            (0, 900, "follow_up", None, None, None, None, None),
            (0, 950, "other", None, None, None, None, None),
            (0, 100, "other", None, None, None, None, None),
        ),
        complaints(
            (0, 500, None, None),
            (None, 990, 44.0, 84.0),
            (0, 999, 44.0, 84.0),
            (0, 1000, 44.0, 84.0),
        ),
    )
    found = described(history, 0, 1000)
    assert (found["complaints_year"], found["complaints_longer"]) == (1, 2)
    assert (found["follow_ups_year"], found["other_visits"]) == (1, 1)
    assert found["complaints_near"] == pytest.approx(np.log1p(2))
    assert described(history, 1, 1000)["complaints_near"] == 0


def test_the_future_changes_no_digit():
    """Of everything from the day on, nothing reaches the features of that day."""
    history = town()
    generator = np.random.default_rng(2)
    for day in (200, 750, 1400):
        of = np.arange(history.places.height)
        when = np.full(of.size, day)
        known = kinds(history, day)
        before = features(ledger(history.until(day)), of, when, known)
        whole = features(ledger(history), of, when, known)
        assert (before.values == whole.values).all()
        later = pl.col("day") >= day
        changed = History(
            history.places,
            history.visits.with_columns(
                pl.when(later).then(pl.lit(9)).otherwise(pl.col("critical")).alias("critical"),
                pl.when(later)
                .then(pl.lit(str(generator.random())))
                .otherwise(pl.col("group"))
                .alias("group"),
            ),
            pl.concat([history.complaints, complaints((3, day, 44.0, 84.01))] * 2),
        )
        doubled = features(ledger(changed), of, when, known)
        first = [*range(len(before.names))]
        skipped = [before.names.index(name) for name in before.names if "complaints" in name]
        same = [place for place in first if place not in skipped]
        assert (doubled.values[:, same] == before.values[:, same]).all()
        once = History(
            history.places,
            changed.visits,
            pl.concat([history.complaints, complaints((3, day, 44.0, 84.01))]),
        )
        assert (features(ledger(once), of, when, known).values == before.values).all()


def test_the_past_does_change_them():
    history = town()
    of, when = np.arange(40), np.full(40, 750)
    shifted = features(ledger(history.until(600)), of, when, NONE)
    assert (features(ledger(history), of, when, NONE).values != shifted.values).any(axis=1).all()


def test_no_feature_is_missing_or_endless():
    made = features(ledger(town()), np.arange(40), np.full(40, 750), NONE)
    assert np.isfinite(made.values).all()
    bare = History(places(name=[None, None]), visits(), complaints())
    empty = features(ledger(bare), np.array([0, 1]), np.array([10, 10]), NONE)
    assert np.isfinite(empty.values).all()


def test_only_frequent_kinds_are_features():
    history = History(
        places(category=["Bakery", "Stall", None], risk_class=["High", "high", "Low"]),
        visits(*(routine(0, day) for day in range(100)), routine(1, 5), routine(1, 200)),
        complaints(),
    )
    known = kinds(history, 150)
    assert (known.categories, known.risk_classes) == (("bakery",), ("high",))
    found = described(history, 1, 300, known)
    assert (found["category=bakery"], found["risk_class=high"]) == (0, 1)


def test_every_feature_has_a_title():
    names = features(ledger(town()), np.array([0]), np.array([750]), Kinds(("shop",), ("b",))).names
    assert {title_key(name)[0] for name in names} <= set(TITLES.values())
    assert title_key("category=shop") == ("category", "shop")


@pytest.mark.parametrize(
    ("kind", "purpose"),
    [
        ("Canvass", "routine"),
        ("日常检查", "routine"),
        (None, "routine"),
        ("Canvass Re-Inspection", "follow_up"),
        ("复查", "follow_up"),
        ("Complaint Re-Inspection", "follow_up"),
        ("Short Form Complaint", "complaint"),
        ("投诉举报检查", "complaint"),
        ("License-Task Force", "other"),
    ],
)
def test_purposes_are_told_by_the_kind(kind, purpose):
    assert purpose_of(kind) == purpose
    assert purposes(pl.Series([kind], dtype=pl.String)).to_list() == [purpose]


def test_failures_are_told_by_the_result():
    results = ["Fail", "Pass", "Pass w/ Conditions", "不合格", "合格", "Not passed", None]
    told = [True, False, False, True, False, True, None]
    assert failures(pl.Series(results)).to_list() == told

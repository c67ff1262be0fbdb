"""Draws: published vectors, uniformity, pairs of inspectors, and that no change goes unseen."""

import ast
import itertools
import json
import subprocess
import sys
import time
import unicodedata
import zipfile
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from gis_supervision.domain import verify_draw
from gis_supervision.domain.draw_transcript import Commitment, commit, draw
from gis_supervision.domain.draws import (
    DrawInspector,
    DrawPremises,
    canonical_list,
    exclusion_reason,
    list_sha256,
    quotas_by_ratio,
    reserves_by_ratio,
    rfc3797,
    rfc3797_key,
    rivest_sha256,
)
from gis_supervision.domain.rule_values import DrawExclusions
from gis_supervision.errors import ConflictError, InvalidInputError

PUBLISHED = datetime(2025, 7, 1, 9, tzinfo=UTC)
KNOWN = PUBLISHED + timedelta(days=1)
DRAWN = KNOWN + timedelta(hours=1)
SEED = "3.7.12.19.28.33+9"

PREMISES = [
    *(DrawPremises(f"650{n:04}", "A", ["catering"]) for n in range(12)),
    *(DrawPremises(f"651{n:04}", "D", ["production"]) for n in range(5)),
    DrawPremises("烤馕店 №1", "未评级"),
]
EXCLUDED = {"6529999": "inspected_within", "6529998": "do_not_disturb"}
INSPECTORS = [
    DrawInspector("j1", ["catering", "production"], 3, "", ["6500001", "not in the draw"]),
    DrawInspector("j2", ["catering"]),
    DrawInspector("j3", ["catering"], 4),
    DrawInspector("j4", ["production"], None, "", ["6510000"]),
    DrawInspector("j5", ["catering"], None, "leave"),
]
LIST = canonical_list(PREMISES, EXCLUDED, INSPECTORS)
QUOTAS = {"A": 5, "D": 2, "未评级": 1}
RESERVES = {"A": 2, "D": 1, "未评级": 0}


def committed(list_data=LIST, quotas=None, **changes):
    given_ = {
        "plan": "2025 第三季度",
        "as_of": date(2025, 7, 1),
        "rules": "wusu@2025.1",
        "randomness": "the welfare lottery of 2025-07-02: red balls rising, dots, plus, blue ball",
        "published_at": PUBLISHED,
        "seed_known_from": KNOWN,
        "reserves": None if quotas is not None else RESERVES,
    } | changes
    return commit(list_data, QUOTAS if quotas is None else quotas, **given_)


TRANSCRIPT = draw(committed(), SEED, LIST, drawn_at=DRAWN)


# ---- published vectors ----

RFC_KEY = "9319./2.5.8.10.12./9.18.26.34.41.45./"


def test_rfc3797_gives_the_fully_worked_example_of_section_6():
    assert rfc3797_key([9319, [2, 5, 12, 8, 10], {9, 18, 26, 34, 41, 45}]) == RFC_KEY
    published = [17, 7, 2, 16, 25, 23, 8, 24, 19, 13, 22, 5, 18, 9, 1, 4]
    assert rfc3797(RFC_KEY, 25, 16) == published
    assert rfc3797(RFC_KEY, 25, 10) == published[:10]


def test_rfc3797_key_of_text():
    assert rfc3797_key(["Big, lottery 7!", 0]) == "BIGLOTTERY7/0./"


@pytest.mark.parametrize(
    ("seed", "total", "expected"),
    [
        ("abc123", 1000, [455, 764, 629]),
        ("0", 1000, [905, 573, 160]),
        ("0", 2, [1, 1, 2]),
        ("1", 1000, [97, 89, 163]),
        ("0000000000", 1000, [978, 359, 132]),
        ("999999999999999999999999", 1000, [544, 800, 654]),
        ("abcde", 1000, [247, 427, 157]),
        ("3546311556112163624615351222", 876, [740, 180, 264, 789, 238]),
        ("snowman: \u2603", 1000, [634, 56, 46]),
        ("\U0001f600", 1000, [596, 415, 303, 11, 141]),
    ],
)
def test_rivest_gives_the_published_test_cases(seed, total, expected):
    # these are run "allowing duplicates"
    assert rivest_sha256(seed, total, len(expected), with_replacement=True) == expected
    assert rivest_sha256(seed, total, len(expected)) == expected


def test_rivest_gives_the_published_sample_transcript():
    # 47 of 876 without replacement; the 32nd number, 611, is a rejected duplicate
    published = (
        "740 180 264 789 238 448 272 611 761 208 596 88 160 113 766 427 184 816 653 411 "
        "779 331 339 487 594 235 65 527 821 490 461 251 471 414 174 567 300 134 144 357 "
        "786 792 218 550 787 537 197"
    )
    seed = "3546311556112163624615351222"
    assert rivest_sha256(seed, 876, 47) == [int(number) for number in published.split()]
    repeating = rivest_sha256(seed, 876, 47, with_replacement=True)
    assert repeating[31] == repeating[7] == 611


@settings(deadline=None)
@given(st.text(max_size=20), st.integers(1, 60), st.data())
def test_samples_without_replacement_are_distinct_and_grow_by_appending(seed, total, data):
    count = data.draw(st.integers(0, total))
    sample = rivest_sha256(seed, total, total, with_replacement=False)
    assert sorted(sample) == list(range(1, total + 1))
    assert rivest_sha256(seed, total, count) == sample[:count]
    picks = rfc3797("1./2./", total, total)
    assert sorted(picks) == list(range(1, total + 1))
    assert rfc3797("1./2./", total, count) == picks[:count]


@pytest.mark.parametrize(
    "question",
    [
        lambda: rfc3797(RFC_KEY, 5, 6),
        lambda: rfc3797(RFC_KEY, 70_000, 6),
        lambda: rfc3797(RFC_KEY, 5, -1),
        lambda: rfc3797("红/", 5, 1),
        lambda: rivest_sha256("0", 2, 3, with_replacement=False),
        lambda: rivest_sha256("0", 0, 1),
        lambda: rivest_sha256("0", 3, -1),
        lambda: rivest_sha256("\ud800", 3, 1),
    ],
)
def test_impossible_samples_are_refused(question):
    with pytest.raises(InvalidInputError):
        question()


# ---- the list ----


def test_the_list_is_sorted_normal_and_the_same_for_any_order_of_entries():
    assert (
        canonical_list(reversed(PREMISES), dict(reversed(EXCLUDED.items())), reversed(INSPECTORS))
        == LIST
    )
    lines = LIST.decode().splitlines()
    assert lines == sorted(lines)
    assert "premises\t烤馕店 №1\t未评级\t" in lines
    assert "inspector\tj5\t-\tcatering\tleave" in lines
    assert "recusal\tj1\t6500001" in lines
    assert not any("not in the draw" in line for line in lines)
    assert list_sha256(LIST) == sha256(LIST).hexdigest()


def test_identifiers_are_normalised():
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    assert canonical_list([DrawPremises(decomposed, "A")]) == canonical_list(
        [DrawPremises(composed, "A")]
    )
    with pytest.raises(InvalidInputError, match=r"not sorted, or one stands twice|stand twice"):
        canonical_list([DrawPremises(decomposed, "A"), DrawPremises(composed, "A")])


@pytest.mark.parametrize(
    ("premises", "excluded", "inspectors", "message"),
    [
        ([DrawPremises("1", "A"), DrawPremises("1", "B")], {}, [], "'1' stand twice"),
        ([DrawPremises("1", "A"), DrawPremises("1", "A")], {}, [], "stands twice"),
        ([DrawPremises("1", "A")], {"1": "listed"}, [], "stand twice"),
        (
            [DrawPremises("1", "A")],
            {},
            [DrawInspector("j"), DrawInspector("j", ["x"])],
            "stands twice",
        ),
        ([DrawPremises("1\x1f2", "A")], {}, [], "separator"),
        ([DrawPremises("1\t2", "A")], {}, [], "separator"),
        ([DrawPremises("1", "A\nB")], {}, [], "separator"),
        ([DrawPremises("1\r", "A")], {}, [], "white space"),
        ([DrawPremises("1\x002", "A")], {}, [], "forbidden character"),
        ([DrawPremises("1\u200b2", "A")], {}, [], "forbidden character"),
        ([DrawPremises("1\u20282", "A")], {}, [], "forbidden character"),
        ([DrawPremises("1\ud800", "A")], {}, [], "not encodable"),
        ([DrawPremises(" 1", "A")], {}, [], "white space"),
        ([DrawPremises("", "A")], {}, [], "empty"),
        ([DrawPremises("1", "")], {}, [], "empty"),
        ([DrawPremises("1", "A", ["a,b"])], {}, [], "comma"),
        ([DrawPremises("1", "A", [""])], {}, [], "is empty"),
        ([DrawPremises("1", "A")], {}, [DrawInspector("j", capacity=-1)], "negative"),
        ([DrawPremises("1", "A")], {"2": ""}, [], "reason is empty"),
        ([], {"2": "listed"}, [], "at least one"),
    ],
)
def test_what_a_list_refuses(premises, excluded, inspectors, message):
    with pytest.raises(InvalidInputError, match=message):
        canonical_list(premises, excluded, inspectors)


# ---- quotas and exclusions ----


def test_quotas_are_rounded_up_exactly():
    entries = [DrawPremises(f"{stratum}{n}", stratum) for stratum in "ABCD" for n in range(30)]
    data = canonical_list([*entries, DrawPremises("x", "none")])
    ratios = {"A": 0.01, "B": 0.1, "C": 1, "D": 0.0, "none": 0.3, "no such premises": 0.5}
    assert quotas_by_ratio(data, ratios) == {"A": 1, "B": 3, "C": 30, "D": 0, "none": 1}
    # 0.1 * 30 is 3.0000000000000004 in binary
    del ratios["none"]
    with pytest.raises(InvalidInputError, match=r"'none' \(1 premises\) has no ratio"):
        quotas_by_ratio(data, ratios)
    with pytest.raises(InvalidInputError, match=r"'A' is 1\.5"):
        quotas_by_ratio(data, ratios | {"A": 1.5})
    with pytest.raises(InvalidInputError, match="'A' is nan"):
        quotas_by_ratio(data, ratios | {"A": float("nan")})


@settings(deadline=None)
@given(st.integers(1, 200), st.integers(0, 1000))
def test_a_quota_is_the_least_number_that_reaches_the_ratio(number, thousandths):
    data = canonical_list(DrawPremises(f"{n}", "A") for n in range(number))
    quota = quotas_by_ratio(data, {"A": thousandths / 1000})["A"]
    assert quota * 1000 >= thousandths * number > (quota - 1) * 1000


@pytest.mark.parametrize(
    ("last", "listed", "reason"),
    [
        (None, False, None),
        (date(2025, 2, 28), False, "inspected_within"),  # three months before 31 May
        (date(2025, 2, 27), False, None),
        (date(2025, 5, 31), True, "inspected_within"),
        (date(2025, 6, 1), False, None),
        (None, True, "do_not_disturb"),
    ],
)
def test_exclusions_have_reasons(last, listed, reason):
    rules = DrawExclusions.model_validate(
        {
            "inspected_within": {"months": 3, "source": "law"},
            "do_not_disturb": {"applies": True, "source": "law"},
        }
    )
    answer = {
        "as_of": date(2025, 5, 31),
        "last_inspected": last,
        "is_on_do_not_disturb_list": listed,
    }
    assert exclusion_reason(rules, **answer) == reason
    assert exclusion_reason(DrawExclusions(), **answer) is None
    for more, other in (
        ({"is_external": True}, "external"),
        ({"opened_on": date(2025, 6, 1)}, "not_open"),
        ({"opened_on": date(2025, 5, 31), "closed_on": date(2025, 5, 31)}, "closed"),
        ({"opened_on": date(2025, 5, 31), "closed_on": date(2025, 6, 1)}, reason),
    ):
        assert exclusion_reason(rules, **answer, **more) == other


# ---- premises ----


def test_a_ticket_is_the_digest_of_seed_stage_and_identifier():
    by_hand = sha256("种子\x1fpremises\x1f650".encode()).hexdigest()
    assert verify_draw.ticket("种子", "premises", "650") == by_hand


names = st.lists(st.integers(0, 10_000).map(str), min_size=2, max_size=40, unique=True)


@settings(deadline=None)
@given(names, st.text("0123456789.", min_size=1), st.data())
def test_removing_an_entry_leaves_the_order_of_the_others(entries, seed, data):
    gone = data.draw(st.sampled_from(entries))
    order = [name for _, name in verify_draw.by_ticket(seed, "premises", entries)]
    rest = [name for name in entries if name != gone]
    left = [name for _, name in verify_draw.by_ticket(seed, "premises", rest)]
    assert left == [name for name in order if name != gone]


@pytest.mark.parametrize("algorithm", verify_draw.ALGORITHMS)
def test_every_entry_is_drawn_equally_often(algorithm):
    strata = {"A": [f"65{n:03}" for n in range(20)]}
    seeds, quota = 4000, 5
    drawn = Counter(
        name
        for seed in range(seeds)
        for _, name in verify_draw.select_premises(
            f"{seed}", strata, {"A": quota}, algorithm=algorithm
        )[0]["A"]
    )
    assert sum(drawn.values()) == seeds * quota
    counts = [drawn[name] for name in strata["A"]]
    # draws without replacement vary less than chi-square supposes: scaled by (n - 1) / (n - k)
    scaled = chisquare(counts).statistic * 19 / 15
    assert scaled < 43.8  # 99.9 % of chi-square with 19 degrees of freedom


def test_every_pair_of_inspectors_is_drawn_equally_often():
    data = canonical_list([DrawPremises("p", "A")], {}, [DrawInspector(f"j{n}") for n in range(5)])
    parsed = verify_draw.parse_list(data)
    drawn = Counter(
        verify_draw.assign_pairs(f"{seed}", ["p"], parsed)[0]["p"] for seed in range(4000)
    )
    assert set(drawn) == set(itertools.permutations([f"j{n}" for n in range(5)], 2))
    assert chisquare(list(drawn.values())).pvalue > 0.001


# ---- pairs ----


@st.composite
def drawings(draw_):
    """A small list with every kind of restriction, and premises in an arbitrary order."""
    skill_sets = st.sets(st.sampled_from(["a", "b"]), max_size=2)
    premises = [f"p{n}" for n in range(draw_(st.integers(1, 4)))]
    inspectors = [
        DrawInspector(
            f"j{n}",
            draw_(skill_sets),
            draw_(st.none() | st.integers(0, 3)),
            draw_(st.sampled_from(["", "", "", "leave"])),
            draw_(st.sets(st.sampled_from(premises), max_size=2)),
        )
        for n in range(draw_(st.integers(0, 5)))
    ]
    entries = [DrawPremises(name, "A", draw_(skill_sets)) for name in premises]
    order = draw_(st.permutations(premises))
    return verify_draw.parse_list(canonical_list(entries, {}, inspectors)), order


def possible_pairs(parsed, premises):
    able = [name for name in parsed.inspectors if (name, premises) not in parsed.recusals]
    needed = parsed.skills[premises]
    return [
        {one, two}
        for one, two in itertools.combinations(able, 2)
        if needed <= parsed.inspectors[one][1] or needed <= parsed.inspectors[two][1]
    ]


def can_serve(parsed, fixed):
    """Try everything: can all these premises get a pair that contains what is fixed for them?"""

    def go(rest, load):
        if not rest:
            return True
        for pair in possible_pairs(parsed, rest[0]):
            new = load + Counter(pair)
            within = all(
                parsed.inspectors[name][0] is None or new[name] <= parsed.inspectors[name][0]
                for name in pair
            )
            if fixed[rest[0]] <= pair and within and go(rest[1:], new):
                return True
        return False

    return go(list(fixed), Counter())


def by_brute_force(seed, order, parsed):
    """The rule as it is written, by trying everything."""
    served = {}
    for premises in order:
        if can_serve(parsed, served | {premises: set()}):
            served[premises] = set()
    for premises in list(served):
        for _, name in verify_draw.by_ticket(seed, f"pair/{premises}", parsed.inspectors):
            trial = served | {premises: served[premises] | {name}}
            if len(served[premises]) < 2 and can_serve(parsed, trial):
                served = trial
    return served


@settings(max_examples=150, deadline=None)
@given(drawings(), st.integers(0, 1000).map(str))
def test_both_of_a_pair_are_skilled_where_the_rules_ask_for_it(drawing, seed):
    parsed, order = drawing
    pairs, without = verify_draw.assign_pairs(seed, order, parsed, both_skilled=True)
    for premises, pair in pairs.items():
        assert all(parsed.skills[premises] <= parsed.inspectors[name][1] for name in pair)
        assert not {(name, premises) for name in pair} & parsed.recusals
    able = {
        premises: {
            name
            for name, (capacity, skills) in parsed.inspectors.items()
            if parsed.skills[premises] <= skills
            and (name, premises) not in parsed.recusals
            and capacity != 0
        }
        for premises in order
    }
    if all(capacity is None for capacity, _ in parsed.inspectors.values()):
        assert pairs.keys() == {name for name in order if len(able[name]) >= 2}
    load = Counter(itertools.chain.from_iterable(pairs.values()))
    for name, (capacity, _) in parsed.inspectors.items():
        assert capacity is None or load[name] <= capacity
    assert pairs.keys() | without.keys() == set(order)


@settings(max_examples=150, deadline=None)
@given(drawings(), st.integers(0, 1000).map(str))
def test_pairs_follow_the_written_rule(drawing, seed):
    parsed, order = drawing
    pairs, without = verify_draw.assign_pairs(seed, order, parsed)
    assert {name: set(pair) for name, pair in pairs.items()} == by_brute_force(seed, order, parsed)
    assert pairs.keys() | without.keys() == set(order)
    assert not pairs.keys() & without.keys()
    for premises, (lead, second) in pairs.items():
        assert lead != second
        assert parsed.skills[premises] <= parsed.inspectors[lead][1]
        assert not {(lead, premises), (second, premises)} & parsed.recusals
    for premises, reason in without.items():
        able = [name for name in parsed.inspectors if (name, premises) not in parsed.recusals]
        if reason == verify_draw.FEWER_THAN_TWO:
            assert len(able) < 2
        else:
            possible = possible_pairs(parsed, premises)
            assert bool(possible) is (reason == verify_draw.NO_CAPACITY)


def test_premises_without_a_pair_have_a_reason():
    data = canonical_list(
        [
            DrawPremises("1", "A", ["special"]),
            DrawPremises("2", "A"),
            DrawPremises("3", "A"),
            DrawPremises("4", "A"),
        ],
        {},
        [DrawInspector("j1", capacity=1, recused_from=["4"]), DrawInspector("j2")],
    )
    pairs, without = verify_draw.assign_pairs(SEED, "1234", verify_draw.parse_list(data))
    assert {name: set(pair) for name, pair in pairs.items()} == {"2": {"j1", "j2"}}
    assert without == {
        "1": "no_skilled_inspector",
        "3": "no_capacity_left",
        "4": "fewer_than_two_inspectors",
    }


# ---- commitment, transcript, verifier ----


def test_the_transcript_is_verified():
    assert verify_draw.verify(TRANSCRIPT, LIST) == []
    assert (
        verify_draw.verify(TRANSCRIPT, LIST, commitment_sha256=committed().sha256, seed=SEED) == []
    )
    transcript = json.loads(TRANSCRIPT)
    assert {name: len(picks) for name, picks in transcript["selected"].items()} == QUOTAS
    assert len(transcript["pairs"]) + len(transcript["without_pair"]) == 8
    assert committed().sha256 == sha256(committed().to_json()).hexdigest()


def test_every_changed_byte_of_the_list_is_found():
    for place in range(len(LIST)):
        for change in (1, 0x20):
            changed = bytearray(LIST)
            changed[place] ^= change
            assert verify_draw.verify(TRANSCRIPT, bytes(changed)), place
    assert verify_draw.verify(TRANSCRIPT, LIST + b"\n")
    assert verify_draw.verify(TRANSCRIPT, LIST[:-1])


def test_every_changed_byte_of_the_transcript_is_found():
    for place in range(len(TRANSCRIPT)):
        changed = bytearray(TRANSCRIPT)
        changed[place] ^= 1
        assert verify_draw.verify(bytes(changed), LIST), place
    for place in range(0, len(TRANSCRIPT), 7):
        assert verify_draw.verify(TRANSCRIPT[:place] + TRANSCRIPT[place + 1 :], LIST), place
    assert verify_draw.verify(TRANSCRIPT + b" ", LIST)


def rewritten(change):
    transcript = json.loads(TRANSCRIPT)
    change(transcript)
    body = {key: value for key, value in transcript.items() if key != "transcript_sha256"}
    if "transcript_sha256" in transcript:
        transcript["transcript_sha256"] = verify_draw.digest(body)
    return verify_draw.canonical_json(transcript)


def swap_first_two(transcript):
    picks = transcript["selected"]["A"]
    picks[0], picks[1] = picks[1], picks[0]


def swap_a_pair(transcript):
    next(iter(transcript["pairs"].values())).reverse()


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.update(seed=SEED + "0"),
        lambda t: t["commitment"]["quotas"].update(A=4),
        lambda t: t["commitment"]["quotas"].update(A=True),
        lambda t: t["commitment"]["quotas"].update(A=99),
        lambda t: t["commitment"]["quotas"].pop("A"),
        lambda t: t["commitment"].update(plan="another"),
        lambda t: t["commitment"].update(list_sha256="0" * 64),
        lambda t: t["commitment"].update(published_at=DRAWN.isoformat()),
        lambda t: t["commitment"].update(published_at="yesterday"),
        lambda t: t["commitment"].update(published_at="2025-07-01T09:00:00"),
        lambda t: t["commitment"].update(algorithm="ticket-sha256/2"),
        lambda t: t["commitment"].update(more="keys"),
        lambda t: t.update(drawn_at=PUBLISHED.isoformat()),
        lambda t: t["commitment"].update(algorithm="rfc3797/1"),
        lambda t: t["commitment"].update(both_skilled=1),
        lambda t: t["commitment"].update(both_skilled=True),
        lambda t: t["commitment"].update(as_of="2025-07-32"),
        lambda t: t["commitment"]["reserves"].update(A=1),
        lambda t: t["commitment"]["reserves"].update(A=8),
        lambda t: t["commitment"]["reserves"].pop("A"),
        lambda t: t["commitment"].update(reserves=[]),
        lambda t: t["reserves"]["A"].reverse(),
        lambda t: t["selected"]["A"].pop(),
        lambda t: t["selected"]["A"][0].update(premises="6500000"),
        lambda t: t["selected"]["A"][0].update(ticket="0" * 64),
        swap_first_two,
        swap_a_pair,
        lambda t: t["pairs"].popitem(),
        lambda t: t["without_pair"].update({"6500000": "no_capacity_left"}),
        lambda t: t.pop("transcript_sha256"),
        lambda t: t.update(note="added"),
        lambda t: t.update(seed=None),
        lambda t: t.update(commitment=[]),
    ],
)
def test_changes_are_found_even_when_the_digest_is_made_to_fit(change):
    assert verify_draw.verify(rewritten(change), LIST)


def test_a_draw_made_anew_is_found_by_what_was_published_before():
    more = draw(committed(quotas=QUOTAS | {"A": 6}, reserves=RESERVES), SEED, LIST, drawn_at=DRAWN)
    assert verify_draw.verify(more, LIST) == []
    assert verify_draw.verify(more, LIST, commitment_sha256=committed().sha256) == [
        "the commitment is not the one that was published"
    ]
    other = draw(committed(), "another seed", LIST, drawn_at=DRAWN)
    assert verify_draw.verify(other, LIST) == []
    assert verify_draw.verify(other, LIST, seed=SEED) == [
        "the seed is not the one that its source has published"
    ]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"null",
        b"\xff",
        b"{",
        b"[" * 100_000,
        b'{"seed": NaN}',
        b'{"seed": "\\ud800"}',
        TRANSCRIPT.replace(b"{\n", b'{\n "seed": "x",\n', 1),  # a key that stands twice
    ],
)
def test_nonsense_is_no_transcript(data):
    assert verify_draw.verify(data, LIST)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "line feed"),
        (b"\n", "line 1"),
        (b"premises\t1\tA\t\n\n", "not sorted"),
        (b"premises\t1\tA\n", "number of fields"),
        (b"shop\t1\tA\t\n", "another kind"),
        (b"premises\t2\tA\t\npremises\t1\tA\t\n", "line 2: lines are not sorted"),
        (b"premises\t1\tA\tb,a\n", "skills 'b,a' are not sorted"),
        (b"inspector\tj\t01\t\t\n", "capacity '01'"),
        (b"inspector\tj\t-1\t\t\n", "capacity '-1'"),
        (b"recusal\tj\t1\n", "unknown inspector 'j'"),
        (b"inspector\tj\t-\t\t\nrecusal\tj\t1\n", "unknown premises '1'"),
        ("premises\tcafe\u0301\tA\t\n".encode(), "normal form C"),
        (b"premises\t1\tA\t\r\n", "white space"),
    ],
)
def test_broken_lists_are_told_by_line(data, message):
    with pytest.raises(verify_draw.DrawError, match=message):
        verify_draw.parse_list(data)


def test_what_cannot_be_committed_to():
    with pytest.raises(InvalidInputError, match="before the seed could be known"):
        committed(published_at=KNOWN)
    with pytest.raises(InvalidInputError, match="no time zone"):
        committed(published_at=datetime(2025, 7, 1))  # noqa: DTZ001 - the point
    with pytest.raises(InvalidInputError, match=r"quotas are for \['A'\]"):
        committed(quotas={"A": 1})
    with pytest.raises(InvalidInputError, match="quota of 'D' is 6, expected 0 to 5"):
        committed(quotas=QUOTAS | {"D": 6})
    with pytest.raises(InvalidInputError, match="randomness is empty"):
        committed(randomness="")


def test_what_cannot_be_drawn():
    changed = canonical_list(PREMISES[1:], EXCLUDED, INSPECTORS)
    with pytest.raises(ConflictError, match="has changed since it was committed to"):
        draw(committed(), SEED, changed, drawn_at=DRAWN)
    with pytest.raises(InvalidInputError, match="drawn before the seed"):
        draw(committed(), SEED, LIST, drawn_at=PUBLISHED)
    for seed in ("", " 1", "1\x1f2", unicodedata.normalize("NFD", "café")):
        with pytest.raises(InvalidInputError, match="seed"):
            draw(committed(), seed, LIST, drawn_at=DRAWN)


def test_the_verifier_runs_alone_on_the_standard_library(bundle):
    good = alone(bundle, "transcript.json", "list.txt", "--seed", SEED)
    assert (good.returncode, good.stderr) == (0, "")
    assert good.stdout.startswith("VERIFIED 核验无误: 2025 第三季度: 8 premises drawn")
    (bundle / "other.txt").write_bytes(LIST.replace(b"6500003", b"6500099"))
    bad = alone(bundle, "transcript.json", "other.txt")
    assert bad.returncode == 1
    assert bad.stdout.startswith("WRONG 有误: the list is not the one")
    assert alone(bundle, "absent.json", "list.txt").returncode == 2


def test_many_premises_with_scarce_inspectors_are_served_in_reasonable_time():
    premises = [DrawPremises(f"{n}", "A", ["a"] if n % 3 else ["b"]) for n in range(300)]
    inspectors = [
        DrawInspector(f"j{n}", ["a", "b"] if n % 4 == 0 else ["a"], 15) for n in range(38)
    ]
    parsed = verify_draw.parse_list(canonical_list(premises, {}, inspectors))
    pairs, without = verify_draw.assign_pairs(SEED, [p.id for p in premises], parsed)
    assert len(pairs) == 38 * 15 // 2
    assert set(without.values()) == {"no_capacity_left"}
    load = Counter(itertools.chain.from_iterable(pairs.values()))
    assert max(load.values()) == 15


# ---- the whole of a draw ----


@pytest.mark.parametrize(
    ("algorithm", "seed"),
    [
        ("rfc3797/1", RFC_KEY),
        ("rivest-sha256/1", "种子 \U0001f600"),
        ("ticket-sha256/1", "雪 \u2603"),
    ],
)
def test_each_method_gives_what_its_description_says(algorithm, seed):
    commitment = committed(algorithm=algorithm)
    data = draw(commitment, seed, LIST, drawn_at=DRAWN)
    assert verify_draw.verify(data, LIST, commitment_data=commitment.to_json(), seed=seed) == []
    transcript = json.loads(data)
    for place, (stratum, names) in enumerate(
        sorted(verify_draw.parse_list(LIST).strata.items()), start=1
    ):
        count = QUOTAS[stratum] + RESERVES[stratum]
        if algorithm == "rfc3797/1":
            by_hand = rfc3797(f"{seed}{place}./", len(names), count)
        elif algorithm == "rivest-sha256/1":
            by_hand = rivest_sha256(f"{seed}/{stratum}", len(names), count)
        else:
            tickets = [sha256(f"{seed}\x1fpremises\x1f{n}".encode()).hexdigest() for n in names]
            by_hand = [tickets.index(lowest) + 1 for lowest in sorted(tickets)[:count]]
        found = transcript["selected"][stratum] + transcript["reserves"][stratum]
        assert [pick["premises"] for pick in found] == [names[number - 1] for number in by_hand]
        assert len(transcript["selected"][stratum]) == QUOTAS[stratum]
        if algorithm != "ticket-sha256/1":
            assert [pick["number"] for pick in found] == by_hand


def test_a_key_of_rfc3797_is_ascii_and_its_strata_are_bounded():
    with pytest.raises(InvalidInputError, match="ASCII"):
        draw(committed(algorithm="rfc3797/1"), "种子/", LIST, drawn_at=DRAWN)
    data = canonical_list(DrawPremises(f"{n}", "A") for n in range(65_536))
    with pytest.raises(InvalidInputError, match="65536 entries, RFC 3797 takes 65535"):
        committed(data, {"A": 1}, algorithm="rfc3797/1")


def test_a_commitment_is_read_back():
    assert Commitment.read(committed().to_json()) == committed()
    for data in (b"{}", b"[]", b"\xff", committed().to_json().replace(b"ticket-sha256/1", b"x")):
        with pytest.raises(InvalidInputError, match="no commitment"):
            Commitment.read(data)


def test_reserves_are_rounded_up_and_never_more_than_are_left():
    assert reserves_by_ratio(LIST, QUOTAS, 0.2) == {"A": 1, "D": 1, "未评级": 0}
    assert reserves_by_ratio(LIST, QUOTAS, 0.3) == {"A": 2, "D": 1, "未评级": 0}
    assert reserves_by_ratio(LIST, QUOTAS, 9) == {"A": 7, "D": 3, "未评级": 0}
    assert reserves_by_ratio(LIST, QUOTAS, 0) == dict.fromkeys(QUOTAS, 0)
    assert reserves_by_ratio(LIST, {"A": 0, "D": 0, "未评级": 0}, 0.5) == dict.fromkeys(QUOTAS, 0)
    for ratio in (-0.1, float("nan"), float("inf")):
        with pytest.raises(InvalidInputError, match="ratio of reserves"):
            reserves_by_ratio(LIST, QUOTAS, ratio)


def test_removing_a_premises_of_a_whole_draw_moves_only_those_behind_it():
    before = json.loads(TRANSCRIPT)
    order = [p["premises"] for kind in ("selected", "reserves") for p in before[kind]["A"]]
    for gone in order:
        data = canonical_list([p for p in PREMISES if p.id != gone], EXCLUDED, INSPECTORS)
        after = json.loads(draw(committed(data, reserves=RESERVES), SEED, data, drawn_at=DRAWN))
        now = [p["premises"] for kind in ("selected", "reserves") for p in after[kind]["A"]]
        assert now[:-1] == [name for name in order if name != gone]
        assert after["selected"]["D"] == before["selected"]["D"]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle")
    (folder / "verify_draw.py").write_bytes(Path(verify_draw.__file__).read_bytes())
    for name, data in PUBLISHED_FILES.items():
        (folder / name).write_bytes(data)
    return folder


PUBLISHED_FILES = {
    "list.txt": LIST,
    "commitment.json": committed().to_json(),
    "transcript.json": TRANSCRIPT,
}


def alone(folder, *arguments):
    """The verifier as anyone runs it: isolated, and without site-packages."""
    command = [sys.executable, "-I", "-S", "-X", "utf8", "verify_draw.py", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False, encoding="utf-8")


def test_a_bundle_is_verified_where_it_lies_and_as_a_zip_file(bundle, tmp_path):
    assert alone(bundle).returncode == 0
    with zipfile.ZipFile(tmp_path / "draw.zip", "w") as file:
        for name, data in PUBLISHED_FILES.items():
            file.writestr(name, data)
    good = alone(bundle, str(tmp_path / "draw.zip"), "--commitment", committed().sha256)
    assert (good.returncode, good.stderr) == (0, "")
    with zipfile.ZipFile(tmp_path / "part.zip", "w") as file:
        file.writestr("list.txt", LIST)
    assert alone(bundle, str(tmp_path / "part.zip")).returncode == 2
    assert alone(bundle, str(tmp_path)).returncode == 2


def test_a_damaged_zip_file_is_told_as_such(bundle, tmp_path):
    place = tmp_path / "draw.zip"
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in (PUBLISHED_FILES | {"substitutions.json": LIST}).items():
            file.writestr(name, data[:60])
    whole = place.read_bytes()
    told = {}
    for at in range(len(whole)):
        for change in (0x06, 0x80, 0xFF):
            place.write_bytes(whole[:at] + bytes([whole[at] ^ change]) + whole[at + 1 :])
            for read in (verify_draw.published_files, verify_draw.published_substitutions):
                try:
                    read(place)
                except verify_draw.DrawError as error:
                    told[type(error.__cause__).__name__] = str(error)
    assert {"BadZipFile", "error", "EOFError"} <= set(told)  # the second is that of zlib
    assert not any(one.endswith(": ") for one in told.values())
    middle = whole.index(b"list.txt") + len("list.txt")
    place.write_bytes(whole[:middle] + b"\xff" * 9 + whole[middle + 9 :])
    damaged = alone(bundle, str(place))
    assert damaged.returncode == 2
    assert "Traceback" not in damaged.stderr


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_the_verifier_alone_finds_any_changed_byte_of_what_was_published(bundle, data):
    name = data.draw(st.sampled_from(sorted(PUBLISHED_FILES)))
    content = bytearray(PUBLISHED_FILES[name])
    place = data.draw(st.integers(0, len(content) - 1))
    how = data.draw(st.sampled_from(["change", "remove", "insert"]))
    if how == "change":
        content[place] ^= data.draw(st.integers(1, 255))
    elif how == "remove":
        del content[place]
    else:
        content.insert(place, data.draw(st.integers(0, 255)))
    changed = PUBLISHED_FILES | {name: bytes(content)}
    assert (
        changed == PUBLISHED_FILES  # a byte put beside its like
        or verify_draw.verify(
            changed["transcript.json"],
            changed["list.txt"],
            commitment_data=changed["commitment.json"],
        )
    )
    (bundle / name).write_bytes(content)
    told = alone(bundle)
    (bundle / name).write_bytes(PUBLISHED_FILES[name])
    assert (told.returncode == 0) is (changed == PUBLISHED_FILES), told.stdout
    assert told.stderr == ""


def test_the_verifier_needs_the_standard_library_alone_and_an_old_python():
    tree = ast.parse(Path(verify_draw.__file__).read_text(encoding="utf-8"), feature_version=(3, 9))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported <= sys.stdlib_module_names


def test_a_draw_of_a_large_register_takes_seconds():
    premises = [
        DrawPremises(f"JY{n:07}", "ABCD"[n % 4], ["catering" if n % 3 else "production"])
        for n in range(100_000)
    ]
    inspectors = [
        DrawInspector(
            f"j{n}",
            ["catering", "production"] if n % 2 else ["catering"],
            120,
            "",
            [f"JY{other:07}" for other in range(n, 100_000, 5_000)],
        )
        for n in range(40)
    ]
    data = canonical_list(premises, {}, inspectors)
    ratios = {"A": 0.01, "B": 0.02, "C": 0.05, "D": 0.1}
    commitment = committed(data, quotas_by_ratio(data, ratios))
    begun = time.process_time()
    transcript = draw(commitment, SEED, data, drawn_at=DRAWN)
    taken = time.process_time() - begun
    found = json.loads(transcript)
    assert len(found["pairs"]) == 40 * 120 // 2
    assert set(found["without_pair"].values()) == {"no_capacity_left"}
    assert verify_draw.verify(transcript, data) == []
    assert taken < 10  # about 1.5 s on a machine that does nothing else

"""Draws on the register: eligibility, order of steps, secrecy; nothing can be rewritten."""

import ast
import json
import threading
import time
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import factories
import pytest
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import DBAPIError

from gis_supervision.assignment import draw_record, drawing
from gis_supervision.assignment.drawing import Scope, Wish
from gis_supervision.domain import verify_draw
from gis_supervision.domain.rules import load_rule_pack
from gis_supervision.errors import ConflictError, InvalidInputError, NotFoundError
from gis_supervision.language import translator
from gis_supervision.rendering import draw_bundle
from gis_supervision.storage import database, do_not_disturb, draws
from gis_supervision.storage.tables import Premises

DAY = date(2025, 7, 1)
RULES = load_rule_pack(Path(__file__).parents[2] / "gis_supervision/demo/wusu/rules.toml")
RATIOS = {"none": 0.2, "A": 0.2}


@pytest.fixture
def register(session):
    """Forty open premises and one for each reason to leave it out."""
    factories.division(session)
    for number in range(30):
        factories.premises(session, licence=f"A{number:02}", credit_class="A", category="catering")
    for number in range(10):
        factories.premises(session, licence=f"N{number:02}", category="production")
    factories.premises(session, licence="X-external", external=True)
    factories.premises(session, licence="X-later", opened_on=date(2025, 7, 2))
    factories.premises(session, licence="X-closed", closed_on=DAY)
    lately = factories.premises(session, licence="X-lately", credit_class="A")
    factories.inspection(session, lately, inspected_on=date(2025, 4, 1))
    factories.premises(session, licence="X-quiet")
    do_not_disturb.add(
        session, "X-quiet", first_day=DAY, last_day=None, reason="model enterprise", by="Ann"
    )
    return session


@pytest.fixture
def people(register):
    """Six inspectors: five there, one on leave; two are recused from premises or owner."""
    team = [factories.inspector(register, staff_number=f"S{n}", name=f"王{n}") for n in range(6)]
    for person in team:
        factories.skill(register, person, "catering")
    for person in team[:3]:
        factories.skill(register, person, "production")
    # a certificate that has expired gives nothing
    factories.skill(register, team[3], "production", valid=Range(date(2020, 1, 1), DAY))
    factories.leave(register, team[5], date(2025, 6, 1), date(2025, 8, 1))
    return team


def wish(**changes):
    return Wish(**{"name": "2025 第三季度", "day": DAY, "ratios": RATIOS} | changes)


def committed(session, rules=RULES, wait_s=0.3, **changes):
    record = drawing.plan(session, rules, wish(**changes), by="Ann")
    return drawing.commit(
        session,
        rules,
        record.plan.id,
        randomness="lottery of 2025-07-02",
        seed_known_from=draws.clock(session) + timedelta(seconds=wait_s),
        by="Ann",
    )


def known(session, record):
    """Wait for the moment in which the seed is known."""
    left = record.commitment.seed_known_from - draws.clock(session)
    time.sleep(max(left.total_seconds(), 0) + 0.01)  # the database holds its own clock against it


def drawn(session, seed="3.7.12", **changes):
    record = committed(session, **changes)
    known(session, record)
    return drawing.enter_seed(session, record.plan.id, seed, source_value="3 7 12", by="Bo")


def test_every_premises_of_the_scope_is_eligible_or_left_out_with_its_reason(register):
    found = drawing.eligibility(register, RULES, wish())
    assert {one.id for one in found.premises} == {f"A{n:02}" for n in range(30)} | {
        f"N{n:02}" for n in range(10)
    }
    assert found.excluded == {
        "X-external": "external",
        "X-later": "not_open",
        "X-closed": "closed",
        "X-lately": "inspected_within",
        "X-quiet": "do_not_disturb",
    }
    counts = found.counts
    total = register.execute(text("SELECT count(*) FROM premises")).scalar()
    assert counts["scope"] == counts["eligible"] + sum(counts["excluded"].values()) == total
    assert counts["strata"] == {"A": 30, "none": 10}
    assert {one.skills for one in found.premises} == {("catering",), ("production",)}


def test_a_scope_counts_only_what_is_in_it(register):
    def count(**scope):
        return drawing.eligibility(register, RULES, wish(scope=Scope(**scope))).counts["scope"]

    assert count(categories=("production",)) == 10
    assert count(division="654202") == 45
    with pytest.raises(NotFoundError, match="999999"):
        count(division="999999")
    with pytest.raises(NotFoundError, match="zone 'Z9'"):
        count(zone="Z9")
    with pytest.raises(InvalidInputError, match="no premises"):
        count(categories=("bakery",))
    cell = factories.grid_cell(register, factories.grid(register))
    zone = factories.zone(register, code="Z9")
    factories.zone_cell(register, zone, cell)
    assert count(zone="Z9") == 45
    with pytest.raises(InvalidInputError, match="no premises"):
        count(zone="Z9", risk_classes=("D",))


def test_visits_by_another_channel_do_not_keep_a_premises_out(register):
    assert "X-lately" in drawing.eligibility(register, RULES, wish(channel="on_site")).excluded
    assert "X-lately" not in drawing.eligibility(register, RULES, wish(channel="online")).excluded


def test_a_class_without_a_ratio_must_be_given_one(register):
    with pytest.raises(InvalidInputError, match=r"'none' \(10 premises\) has no ratio"):
        drawing.plan(register, RULES, wish(ratios={}), by="Ann")
    told = drawing.prospect(register, RULES, wish(ratios={"none": 0.25}))
    assert told["quotas"] == {"A": 1, "none": 3}
    assert told["reserves"] == {"A": 1, "none": 1}
    with pytest.raises(NotFoundError, match="bayannur"):
        drawing.prospect(register, RULES, wish(ratio_set="bayannur"))
    assert drawing.prospect(register, RULES, wish(ratio_set="bayannur_2022"))["quotas"] == {
        "A": 6,
        "none": 2,
    }


def test_a_ratio_for_a_class_that_does_not_occur_is_refused_with_those_that_do(register):
    for make in (drawing.prospect, lambda *a: drawing.plan(*a, by="Ann")):
        with pytest.raises(
            InvalidInputError, match=r"ratio of E:.*there are A \(30\), none \(10\)"
        ):
            make(register, RULES, wish(ratios=RATIOS | {"E": 0.5}))
    with pytest.raises(InvalidInputError, match="ratio of A"):
        drawing.prospect(register, RULES, wish(scope=Scope(categories=("production",))))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"period_days": 3661}, "days of the visits: expected 1 to 3660, got 3661"),
        ({"period_days": 0}, "days of the visits: expected 1 to 3660, got 0"),
        ({"most_visits": 100_001}, "visits of an inspector: expected 0 to 100000, got 100001"),
        ({"most_visits": -1}, "visits of an inspector: expected 0"),
        ({"day": date(9999, 12, 15)}, "9999-12-31"),
    ],
)
def test_a_plan_that_could_never_be_committed_is_not_kept(register, values, message):
    with pytest.raises(InvalidInputError, match=message):
        drawing.plan(register, RULES, wish(**values), by="Ann")
    assert draws.all_of(register) == []


@pytest.mark.parametrize("blank", ["", "  ", "\t"])
def test_nobody_is_no_name(register, blank):
    with pytest.raises(InvalidInputError, match="by: expected"):
        drawing.plan(register, RULES, wish(), by=blank)
    entry = do_not_disturb.on(register, DAY)[0]
    with pytest.raises(InvalidInputError, match="by: expected"):
        do_not_disturb.end(register, entry.id, DAY, by=blank)


def test_a_draw_from_plan_to_publication(people, session, tmp_path):
    factories.recusal(session, people[0], owner_credit_code="OWNER")
    factories.recusal(session, people[1], session.get_one(Premises, _id(session, "N01")))
    record = drawn(session)
    told = draw_record.office(session, record)
    assert told["state"] == "drawn"
    assert told["quotas"] == {"A": 6, "none": 2}
    main = [row for row in told["results"] if row["kind"] == "drawn"]
    assert Counter(row["stratum"] for row in main) == told["quotas"]
    assert all(row["lead"] and row["assistant"] for row in main)
    assert not any("S5" in row["lead"] + row["assistant"] for row in main)
    skilled = {"S0", "S1", "S2"}
    for row in main:
        if row["licence"].startswith("N"):
            assert row["lead"].split("(")[1][:-1] in skilled
    listed = verify_draw.parse_list(record.commitment.list_data)
    assert listed.absent == {"S5": "absent"}
    assert ("S1", "N01") in listed.recusals
    place = draw_bundle.write(record, tmp_path / "draw.zip")
    transcript, list_data, commitment = verify_draw.published_files(place)
    assert (
        verify_draw.verify(
            transcript,
            list_data,
            commitment_data=commitment,
            commitment_sha256=record.commitment.sha256,
            seed="3.7.12",
        )
        == []
    )
    published = drawing.publish(session, record.plan.name, by="Ann")
    assert published.state == "published"
    with pytest.raises(ConflictError, match="was published"):
        drawing.publish(session, record.plan.name, by="Ann")


def _id(session, licence):
    return session.execute(
        text("SELECT id FROM premises WHERE licence = :licence"), {"licence": licence}
    ).scalar()


@pytest.mark.usefixtures("people")
def test_the_steps_have_an_order(session):
    record = drawing.plan(session, RULES, wish(), by="Ann")
    name = record.plan.name
    with pytest.raises(ConflictError, match="no commitment yet"):
        drawing.enter_seed(session, name, "1", source_value="1", by="Bo")
    with pytest.raises(ConflictError, match="not been carried out"):
        drawing.publish(session, name, by="Bo")
    with pytest.raises(ConflictError, match="is a draw"):
        drawing.plan(session, RULES, wish(), by="Ann")
    with pytest.raises(InvalidInputError, match="a commitment comes before it"):
        drawing.commit(
            session, RULES, name, randomness="x", seed_known_from=datetime.now(UTC), by="Ann"
        )
    later = datetime.now(UTC) + timedelta(hours=1)
    drawing.commit(session, RULES, name, randomness="x", seed_known_from=later, by="Ann")
    with pytest.raises(ConflictError, match="commitment already"):
        drawing.commit(session, RULES, name, randomness="x", seed_known_from=later, by="Ann")
    with pytest.raises(InvalidInputError, match="cannot be known before"):
        drawing.enter_seed(session, name, "1", source_value="1", by="Bo")
    with pytest.raises(NotFoundError, match="did you mean '2025 第三季度'"):
        draws.find(session, "2025 第三季")


@pytest.mark.usefixtures("people")
def test_a_seed_for_another_list_and_a_second_seed_are_refused(session):
    record = committed(session)
    known(session, record)
    other = record.commitment.list_data.replace(b"A00", b"A0Z")
    with pytest.raises(ConflictError, match="not the one that was committed to"):
        drawing.enter_seed(session, record.plan.id, "1", source_value="1", by="Bo", listed=other)
    drawing.enter_seed(session, record.plan.id, "1", source_value="1", by="Bo")
    with pytest.raises(ConflictError, match="entered by Bo"):
        drawing.enter_seed(session, record.plan.id, "2", source_value="2", by="Cy")


@pytest.mark.parametrize(
    "table",
    [
        "draw_plan",
        "draw_commitment",
        "draw_result",
        "draw_pick",
        "draw_publication",
        "draw_substitution",
    ],
)
@pytest.mark.parametrize(
    "statement", ["UPDATE {} SET plan_id = 0", "DELETE FROM {}", "TRUNCATE {} CASCADE"]
)
def test_no_step_can_be_rewritten(session, table, statement):
    statement = statement.format(table)
    if table == "draw_plan":
        statement = statement.replace("plan_id", "id")
    with pytest.raises(DBAPIError, match="append-only"):
        session.execute(text(statement))


@pytest.mark.usefixtures("people")
def test_the_database_refuses_a_commitment_that_is_dated_back_or_does_not_fit(session):
    record = committed(session, wait_s=3600)
    kept = record.commitment
    columns = {
        "list_data": kept.list_data,
        "list_sha256": kept.list_sha256,
        "content": kept.content,
        "sha256": kept.sha256,
        "published_at": kept.published_at,
        "seed_known_from": kept.seed_known_from,
    }
    old = kept.published_at - timedelta(days=1)
    for changes, message in (
        ({"list_data": kept.list_data + b"x"}, "digests"),
        ({"sha256": "0" * 64}, "digests"),
        ({"content": kept.content + " "}, "digests"),
        ({"published_at": old}, "dated when it is made"),
        ({"seed_known_from": kept.seed_known_from + timedelta(days=1)}, "dated when it is made"),
    ):
        name = f"other {sorted(changes)}"
        other = drawing.plan(session, RULES, wish(name=name), by="Ann")
        with pytest.raises(DBAPIError, match=message), session.begin_nested():
            session.execute(
                text(
                    "INSERT INTO draw_commitment (plan_id, list_data, list_sha256, content, sha256,"
                    " published_at, seed_known_from, counts, aliases, committed_by) VALUES (:plan,"
                    " :list_data, :list_sha256, :content, :sha256, :published_at, :seed_known_from,"
                    " '{}', '{}', 'x')"
                ),
                {"plan": other.plan.id, **columns, **changes},
            )


@pytest.mark.usefixtures("people")
def test_the_database_refuses_a_result_of_another_commitment(session):
    record = drawn(session)
    other = committed(session, name="another")
    known(session, other)
    with (
        pytest.raises(DBAPIError, match="not that of the commitment"),
        session.begin_nested(),
    ):
        session.execute(
            text(
                "INSERT INTO draw_result (plan_id, seed, source_value, drawn_at, transcript,"
                " transcript_sha256, entered_by) SELECT :other, seed, source_value, drawn_at,"
                " transcript, transcript_sha256, entered_by FROM draw_result WHERE plan_id = :plan"
            ),
            {"other": other.plan.id, "plan": record.plan.id},
        )


@pytest.mark.usefixtures("people")
def test_of_an_unannounced_draw_nothing_is_public_but_a_digest(session):
    record = drawing.plan(session, RULES, wish(name="planned", unannounced=True), by="Ann")
    with pytest.raises(NotFoundError):
        draw_record.public(session, record)
    record = drawn(session, name="secret 夜市", unannounced=True)
    told = draw_record.public(session, record)
    assert set(told) == {
        *("id", "state", "unannounced", "algorithm", "randomness", "published_at"),
        *("seed_known_from", "commitment_sha256"),
    }
    assert told["state"] == "committed"
    assert "夜市" not in json.dumps(told, ensure_ascii=False)
    told = draw_record.public(session, drawing.publish(session, record.plan.id, by="Ann"))
    assert told["name"] == "secret 夜市"
    assert len(told["results"]) >= 8


@pytest.mark.usefixtures("people")
def test_of_an_announced_draw_the_list_is_public_and_the_result_later(session):
    record = drawn(session)
    told = draw_record.public(session, record)
    assert told["list_sha256"] == record.commitment.list_sha256
    assert told["quotas"] == {"A": 6, "none": 2}
    assert not {"results", "seed", "source_value"} & set(told)


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("shown", ["names", "numbers", "hidden"])
def test_the_office_chooses_what_is_public_of_inspectors(session, shown):
    record = drawing.publish(session, drawn(session, inspectors=shown).plan.id, by="Ann")
    told = json.dumps(draw_record.public(session, record), ensure_ascii=False)
    files = b"".join(draw_bundle.files(record).values()).decode()
    assert ("王1 (S1)" in told) is (shown == "names")
    assert ('"S1"' in told) is (shown == "numbers")
    assert ("inspector\tS1\t" in files) is (shown != "hidden")
    assert "王" not in files
    assert draw_record.office(session, record)["results"][0]["lead"].startswith("王")
    layer = session.execute(
        text("SELECT lead FROM map.drawn_premises WHERE draw_id = :d AND kind = 'drawn'"),
        {"d": record.plan.id},
    ).scalars()
    beginnings = {"names": "王", "numbers": "S"}
    for lead in layer:
        assert (lead is None) is (shown == "hidden")
        assert (lead or "").startswith(beginnings.get(shown, ""))


@pytest.mark.usefixtures("people")
def test_layers_show_published_draws_alone(session):
    record = drawn(session)
    count = text("SELECT count(*) FROM map.drawn_premises")
    assert session.execute(count).scalar() == 0
    drawing.publish(session, record.plan.id, by="Ann")
    assert session.execute(count).scalar() == len(draws.picks(session, record.plan.id))


def test_recusal_skill_leave_and_capacity_hold_for_many_seeds(people, session):
    for number, person in enumerate(people[:2]):
        premises = session.get_one(Premises, _id(session, f"N0{number}"))
        factories.recusal(session, person, premises)
    record = committed(session, most_visits=5, ratios={"none": 1.0, "A": 0.2})
    listed = verify_draw.parse_list(record.commitment.list_data)
    assert len(listed.recusals) == 2
    names = [name for rows in listed.strata.values() for name in rows][:14]
    for seed in range(200):
        pairs, _ = verify_draw.assign_pairs(f"{seed}", names, listed)
        load = Counter(name for pair in pairs.values() for name in pair)
        assert max(load.values()) <= 5
        for premises, (lead, second) in pairs.items():
            assert lead != second
            assert "S5" not in {lead, second}
            assert listed.skills[premises] <= listed.inspectors[lead][1]
            assert not {(lead, premises), (second, premises)} & listed.recusals


def test_of_two_seeds_at_once_one_wins(fresh_database):
    engine = database.engine(fresh_database().url)
    with database.session_scope(engine) as session:
        for number in range(40):
            factories.premises(session, licence=f"P{number}")
        for _ in range(3):
            factories.inspector(session)
        record = committed(session, ratios={"none": 0.5}, wait_s=0.5)
        plan = record.plan.id
    outcomes = []
    gate = threading.Barrier(4)

    def enter(seed):
        gate.wait()
        try:
            with database.session_scope(engine) as session:
                drawing.enter_seed(session, plan, seed, source_value=seed, by=f"by {seed}")
            outcomes.append(seed)
        except ConflictError as error:
            outcomes.append(str(error))

    with database.session_scope(engine) as session:
        known(session, draws.find(session, plan))
    threads = [threading.Thread(target=enter, args=(f"{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    won = [one for one in outcomes if one.isdigit()]
    assert len(won) == 1
    with database.session_scope(engine) as session:
        assert draws.find(session, plan).result.seed == won[0]
    assert sum(f"entered by by {won[0]}" in one for one in outcomes) == 3
    engine.dispose()


def test_entries_of_the_do_not_disturb_list(register):
    entry = do_not_disturb.on(register, DAY)[0]
    assert (entry.licence, entry.last_day, entry.recorded_by) == ("X-quiet", None, "Ann")
    assert do_not_disturb.on(register, DAY - timedelta(days=1)) == []
    with pytest.raises(ConflictError, match="is on the list"):
        do_not_disturb.add(
            register, "X-quiet", first_day=DAY, last_day=DAY, reason="again", by="Bo"
        )
    with pytest.raises(NotFoundError, match="licence 'nothing'"):
        do_not_disturb.add(register, "nothing", first_day=DAY, last_day=None, reason="x", by="Bo")
    with pytest.raises(InvalidInputError, match="comes before"):
        do_not_disturb.add(
            register, "A00", first_day=DAY, last_day=date(2025, 6, 30), reason="x", by="Bo"
        )
    with pytest.raises(InvalidInputError, match="expected a reason"):
        do_not_disturb.add(register, "A00", first_day=DAY, last_day=None, reason=" ", by="Bo")
    ended = do_not_disturb.end(register, entry.id, date(2025, 7, 10), by="Cy")
    assert (ended.last_day, ended.ended_by) == (date(2025, 7, 10), "Cy")
    assert (
        "X-quiet" not in drawing.eligibility(register, RULES, wish(day=date(2025, 7, 11))).excluded
    )
    with pytest.raises(ConflictError, match="already"):
        do_not_disturb.end(register, entry.id, date(2025, 7, 10), by="Cy")
    with pytest.raises(NotFoundError, match="no entry"):
        do_not_disturb.end(register, 10**9, DAY, by="Cy")


def test_what_the_verifier_says_is_told_in_chinese():
    tree = ast.parse(Path(verify_draw.__file__).read_text(encoding="utf-8"))
    templates = [
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "DrawError"
    ]
    assert len(templates) > 50
    chinese = translator("zh_CN")
    same = {"%(place)s: %(error)s"}
    assert {one for one in templates if chinese(one) == one} <= same
    # what is found has no other source than these
    (findings,) = [node for node in tree.body if getattr(node, "name", "") == "findings"]
    (inner,) = [node for node in tree.body if getattr(node, "name", "") == "_substitution_findings"]
    for node in (*ast.walk(findings), *ast.walk(inner)):
        assert not isinstance(node, ast.JoinedStr)

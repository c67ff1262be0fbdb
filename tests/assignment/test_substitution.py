"""Substitutes of draws: the next reserve's turn, its pair, an append-only and verifiable record."""

import json
import shutil
import subprocess
import sys
import threading
from datetime import date, timedelta
from types import SimpleNamespace

import factories
import pytest
from draws_made import RULES, drawn, picked
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from gis_supervision.assignment import day_planning, draw_record, drawing, substitution
from gis_supervision.domain import verify_draw
from gis_supervision.errors import ConflictError, InvalidInputError, NotFoundError
from gis_supervision.rendering import draw_bundle
from gis_supervision.storage import database, draws, inspectors

DAY = date(2025, 7, 1)


@pytest.fixture
def register(session):
    fill(session)
    return session


def fill(session):
    """Thirty restaurants in two classes, and five inspectors."""
    for number in range(30):
        factories.premises(
            session,
            licence=f"P{number:02}",
            category="catering",
            credit_class="A" if number < 20 else None,
            lng=84 + number / 500,
        )
    for number in range(5):
        person = factories.inspector(session, staff_number=f"S{number}", name=f"王{number}")
        factories.skill(session, person, "catering")


def carried_out(session, **wish):
    values = {"ratios": {"A": 0.2, "none": 0.2}, "reserve_ratio": 0.75} | wish
    return drawn(session, **values)


def replace(session, record, licence, reason="closed for good", **values):
    values = {"by": "Ann", "day": DAY} | values
    return substitution.substitute(session, record.plan.id, licence, reason=reason, **values)


def places(session, record, kind, stratum="A"):
    found = picked(session, record, kind).values()
    return [one.licence for one in sorted(found, key=lambda o: o.place) if one.stratum == stratum]


def problems(session, record, **changes):
    files = draw_bundle.files(record, substitution.published(session, record))
    given = {
        "transcript_data": files["transcript.json"],
        "list_data": files["list.txt"],
        "commitment_data": files["commitment.json"],
        "substitutions_data": files.get("substitutions.json"),
    }
    return verify_draw.verify(**given | changes)


def test_the_next_reserve_of_the_class_stands_for_what_is_closed(register):
    record = carried_out(register)
    gone, *_ = places(register, record, "drawn")
    first, second, third = places(register, record, "reserve")
    replace(register, record, gone)
    told = draw_record.office(register, record)
    rows = {row["licence"]: row for row in told["results"]}
    assert rows[gone]["kind"] == "replaced"
    assert (rows[gone]["replaced_by"], rows[gone]["replaced_because"]) == (first, "closed for good")
    assert (rows[first]["kind"], rows[first]["stands_for"]) == ("substitute", gone)
    assert rows[first]["lead"]
    assert rows[first]["lead"] != rows[first]["assistant"]
    # a substitute that is closed too gives way to the next one
    replace(register, record, first, "not at its address")
    assert places(register, record, "substitute") == [second]
    assert places(register, record, "reserve") == [third]
    assert problems(register, record) == []
    with pytest.raises(ConflictError, match=f"'{first}' stands for '{gone}' already"):
        replace(register, record, gone)
    with pytest.raises(InvalidInputError, match="is a reserve"):
        replace(register, record, third)
    with pytest.raises(NotFoundError, match="did not draw 'X'"):
        replace(register, record, "X")
    replace(register, record, second)
    with pytest.raises(ConflictError, match="no reserve of class 'A' is left"):
        replace(register, record, third)
    assert len(places(register, record, "drawn")) == 3
    assert problems(register, record) == []


@pytest.mark.parametrize("method", ["ticket", "rfc3797", "rivest"])
def test_the_pair_is_drawn_from_those_who_may_go(register, method):
    record = carried_out(register, method=method, most_visits=9)
    gone, *_ = places(register, record, "drawn")
    reserve, *_ = places(register, record, "reserve")
    ids = inspectors.ids_of(register, [f"S{n}" for n in range(5)])
    shop = register.execute(
        text("SELECT id FROM premises WHERE licence = :l"), {"l": reserve}
    ).scalar_one()
    person = {name: SimpleNamespace(id=one) for name, one in ids.items()}
    factories.leave(register, person["S0"], DAY, DAY + timedelta(days=2))
    factories.recusal(register, person["S1"], SimpleNamespace(id=shop))
    register.execute(
        text(
            "UPDATE inspector_skill SET valid = '[2020-01-01,2025-07-01)' WHERE inspector_id = :i"
        ),
        {"i": ids["S2"]},
    )
    replace(register, record, gone)
    (kept,) = draws.substitutions(register, record.plan.id)
    made = substitution.told(kept)
    assert made["unavailable"] == ["S0", "S1", "S2"]
    assert set(made["pair"]) == {"S3", "S4"}
    assert {kept.lead_id, kept.assistant_id} == {ids["S3"], ids["S4"]}
    ranked = verify_draw.by_ticket(record.result.seed, f"pair/{reserve}", ["S3", "S4"])
    assert made["pair"] == [name for _, name in ranked]
    assert problems(register, record) == []


def test_a_substitute_for_whom_nobody_has_time_left_is_without_a_pair(register):
    record = carried_out(register, most_visits=2)
    (pick, *_) = [one for one in picked(register, record).values() if one.lead_number is None]
    replace(register, record, pick.licence)
    (kept,) = draws.substitutions(register, record.plan.id)
    assert kept.without_pair in {verify_draw.NO_CAPACITY, verify_draw.FEWER_THAN_TWO}
    paired = next(one for one in picked(register, record).values() if one.lead_number)
    replace(register, record, paired.licence)  # whose pair is free again
    assert draws.substitutions(register, record.plan.id)[-1].lead_id is not None
    assert problems(register, record) == []


def test_the_days_are_planned_for_the_substitute(register):
    record = carried_out(register)
    gone, *_ = places(register, record, "drawn", "none")
    reserve, *_ = places(register, record, "reserve", "none")
    replace(register, record, gone)
    request = day_planning.Request(first=DAY, days=8, sources=("draw",), iterations=50)
    made = day_planning.plan(register, RULES, request, by="Ann")
    seen = {visit.key for route in made.routes.routes for visit in route.visits}
    assert reserve in seen
    assert gone not in seen | set(made.left_out)


def test_a_visit_of_a_substitute_counts_from_the_day_on_which_it_stands_in(register):
    record = drawing.publish(register, carried_out(register).plan.id, by="Ann")
    gone, *_ = places(register, record, "drawn", "none")
    reserve, *_ = places(register, record, "reserve", "none")
    shop = SimpleNamespace(
        id=register.execute(
            text("SELECT id FROM premises WHERE licence = :l"), {"l": reserve}
        ).scalar_one()
    )
    factories.inspection(register, shop, inspected_on=DAY + timedelta(days=1), result="pass")
    stands_from = DAY + timedelta(days=9)  # a Thursday
    replace(register, record, gone, day=stands_from)

    def found():
        (row,) = register.execute(
            text("SELECT inspected_on FROM map.drawn_premises WHERE licence = :l"), {"l": reserve}
        )
        assert row.inspected_on == picked(register, record, "substitute")[reserve].inspected_on
        return row.inspected_on

    def planned(first):
        request = day_planning.Request(first=first, days=3, sources=("draw",), iterations=50)
        made = day_planning.plan(register, RULES, request, by="Ann")
        return {
            visit.key: made.days[route.day]
            for route in made.routes.routes
            for visit in route.visits
        } | dict.fromkeys(made.left_out)

    assert found() is None
    assert reserve not in planned(DAY)
    assert planned(stands_from - timedelta(days=1))[reserve] >= stands_from
    factories.inspection(register, shop, inspected_on=stands_from, result="pass")
    assert found() == stands_from
    assert reserve not in planned(stands_from + timedelta(days=4))


@pytest.mark.parametrize(
    ("channel", "counted"), [("on_site", {"on_site"}), (None, {"on_site", "online"})]
)
def test_the_visit_that_is_published_is_by_the_channel_of_the_draw(register, channel, counted):
    record = drawing.publish(register, carried_out(register, channel=channel).plan.id, by="Ann")
    licences = places(register, record, "drawn")[:2]
    for licence, by in zip(licences, ("online", "on_site"), strict=True):
        shop = register.execute(
            text("SELECT id FROM premises WHERE licence = :l"), {"l": licence}
        ).scalar_one()
        factories.inspection(register, SimpleNamespace(id=shop), inspected_on=DAY, channel=by)
    shown = register.execute(
        text(
            "SELECT licence FROM map.drawn_premises WHERE draw_id = :d AND inspected_on IS NOT NULL"
        ),
        {"d": record.plan.id},
    )
    told = {key for key, one in picked(register, record).items() if one.inspected_on is not None}
    kinds = dict(zip(licences, ("online", "on_site"), strict=True))
    assert {kinds[one] for one in told} == counted
    assert set(shown.scalars()) == told


def test_what_a_substitution_must_say(register):
    with pytest.raises(NotFoundError):
        replace(register, SimpleNamespace(plan=SimpleNamespace(id=12345)), "P00")
    record = drawing.plan(
        register, RULES, drawing.Wish(name="Q1", day=DAY, ratios={"none": 0.1}), by="Ann"
    )
    with pytest.raises(ConflictError, match="no commitment yet"):
        replace(register, record, "P00")
    record = carried_out(register)
    gone, *_ = places(register, record, "drawn")
    for values, message in (
        ({"reason": "  "}, "reason: expected"),
        ({"by": " "}, "by: expected"),
        ({"day": DAY - timedelta(days=1)}, "day: expected 2025-07-01 or later"),
        ({"reason": "a\u200bb"}, "forbidden character"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            replace(register, record, gone, **values)
    assert draws.substitutions(register, record.plan.id) == []
    replace(register, record, gone, reason=" 已\n注销 ", day=None)
    (kept,) = draws.substitutions(register, record.plan.id)
    assert kept.reason == "已 注销"
    assert kept.day >= DAY


def test_every_change_of_the_record_is_found(register):
    record = carried_out(register)
    gone, other, *_ = places(register, record, "drawn")
    replace(register, record, gone)
    replace(register, record, other, "another administration's")
    data = substitution.published(register, record)
    made = json.loads(data)
    for at in range(0, len(data), 3):
        for change in (1, 32):
            changed = data[:at] + bytes([data[at] ^ change]) + data[at + 1 :]
            assert problems(register, record, substitutions_data=changed), changed[
                at - 20 : at + 20
            ]

    def rewritten(change):
        """Change the records, with digests that fit again."""
        records = json.loads(data)["substitutions"]
        records = change(records)
        last = made["transcript_sha256"]
        for one in records:
            one.pop("sha256", None)
            one["previous"] = last
            last = one["sha256"] = verify_draw.digest(one)
        return verify_draw.canonical_json(made | {"substitutions": records})

    def put(row, /, **values):
        return lambda records: [
            one | (values if at == row else {}) for at, one in enumerate(records)
        ]

    last_reserve = places(register, record, "reserve")[-1]
    lead, second = made["substitutions"][0]["pair"]
    for change in (
        put(0, premises=last_reserve),
        put(1, premises=last_reserve),
        put(0, pair=[second, lead]),
        put(0, pair=None, without_pair=verify_draw.NO_CAPACITY),
        put(0, stratum="none"),
        put(0, unavailable=[lead]),
        put(0, unavailable=["nobody"]),
        put(0, recorded_at="2020-01-01T00:00:00+00:00"),
        put(0, replaced=last_reserve),
        put(1, replaced=gone),
        put(1, number=3),
        put(1, day="soon"),
        put(1, colour="red"),
        lambda records: records[1:],
        lambda records: records[::-1],
        lambda records: [*records, records[0]],
    ):
        assert problems(register, record, substitutions_data=rewritten(change))
    for nonsense in (
        b"",
        b"[]",
        b"{}",
        b'{"substitutions": 3}',
        b'{"substitutions": [1]}',
        b"\xff",
    ):
        assert problems(register, record, substitutions_data=nonsense)
    assert problems(register, record, substitutions_data=rewritten(lambda records: records)) == []


def test_what_was_left_out_or_made_anew_differs_from_the_published_digest(register, tmp_path):
    record = carried_out(register)
    gone, other, *_ = places(register, record, "drawn")
    replace(register, record, gone)
    replace(register, record, other, "another administration's")
    data = substitution.published(register, record)
    published = draw_record.office(register, record)["substitutions_sha256"]
    transcript, made = json.loads(record.result.transcript), json.loads(data)["substitutions"]
    parsed = verify_draw.parse_list(record.commitment.list_data)
    anew = []
    for one in made:
        said = {key: one[key] for key in ("replaced", "day", "recorded_at", "unavailable")}
        anew.append(
            verify_draw.next_substitution(
                transcript, parsed, anew, reason="on the wish of its owner", **said
            )
        )
    place = tmp_path / "draw"
    draw_bundle.write(record, place, data)
    readme = (place / "README.md").read_text(encoding="utf-8")
    assert readme.count(f" --substitutions {published} ") == 2
    verifier = [sys.executable, "-I", "-S", str(place / "verify_draw.py")]

    def status(digest):
        command = [*verifier, "--substitutions", digest]
        return subprocess.run(command, capture_output=True, check=False).returncode

    assert problems(register, record, substitutions_sha256=published) == []
    assert status(published) == 0
    assert status("-") == 1
    for records in (made[:-1], [], None, anew):
        changed = None
        if records is not None:
            changed = verify_draw.substitutions_json(transcript, records)
            (place / "substitutions.json").write_bytes(changed)
        else:
            (place / "substitutions.json").unlink()
        assert problems(register, record, substitutions_data=changed) == []
        last = records[-1]["sha256"] if records else "-"
        assert problems(
            register, record, substitutions_data=changed, substitutions_sha256=published
        ) == [f"the latest substitution has SHA-256 {last}, and {published} was published"]
        assert status(published) == 1
        assert status(last) == 0


def test_the_database_refuses_another_turn(register):
    record = carried_out(register)
    gone, *_ = places(register, record, "drawn")
    _, second, *_ = places(register, record, "reserve")
    replace(register, record, gone)
    (kept,) = draws.substitutions(register, record.plan.id)
    other = places(register, record, "drawn")[0]
    content = json.loads(kept.content) | {"number": 2, "previous": kept.sha256}
    for changes, message in (
        ({"replaced": other, "premises": "P29"}, "the next reserve for"),
        ({"replaced": second, "premises": second}, "the next reserve for"),
        ({"replaced": other, "premises": second, "number": 3}, "not the one that its record"),
        ({"replaced": other, "premises": second, "previous": "0" * 64}, "not the one that its"),
    ):
        told = content | changes
        written = verify_draw.canonical_json(told).decode()
        with pytest.raises(DBAPIError, match=message), register.begin_nested():
            register.execute(
                text(
                    "INSERT INTO draw_substitution (plan_id, number, replaced, licence, reason,"
                    " day, content, sha256, entered_by) VALUES (:plan, 2, :replaced, :premises,"
                    " :reason, :day, :content, encode(sha256(convert_to(:content, 'UTF8')), 'hex'),"
                    " 'x')"
                ),
                told | {"plan": record.plan.id, "content": written},
            )


def test_the_public_sees_it_with_the_result_and_checks_it_alone(register, tmp_path):
    record = carried_out(register, unannounced=True, inspectors="hidden")
    gone, *_ = places(register, record, "drawn")
    replace(register, record, gone, "已注销")
    assert "注销" not in json.dumps(draw_record.public(register, record), ensure_ascii=False)
    record = drawing.publish(register, record.plan.id, by="Ann")
    told = draw_record.public(register, record)
    (kept,) = draws.substitutions(register, record.plan.id)
    assert told["substitutions_sha256"] == kept.sha256
    assert {row["replaced_because"] for row in told["results"]} == {None, "已注销"}
    kinds = register.execute(
        text("SELECT kind, count(*) AS n FROM map.drawn_premises WHERE draw_id = :d GROUP BY kind"),
        {"d": record.plan.id},
    )
    assert {row.kind: row.n for row in kinds}["substitute"] == 1
    data = substitution.published(register, record)
    assert b"S1" not in data
    for place in (tmp_path / "draw", tmp_path / "draw.zip"):
        draw_bundle.write(record, place, data)
        assert verify_draw.published_substitutions(place) == data
    assert (tmp_path / "draw" / "substitutions.json").read_bytes() == data
    command = [sys.executable, "-I", "-S", str(tmp_path / "draw" / "verify_draw.py")]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout
    assert kept.sha256 in said.stdout
    zipped = shutil.move(tmp_path / "draw.zip", tmp_path / "other.zip")
    assert subprocess.run([*command, zipped], capture_output=True, check=False).returncode == 0
    changed = data.replace("已注销".encode(), "已停业".encode())
    (tmp_path / "draw" / "substitutions.json").write_bytes(changed)
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1


def test_of_two_at_once_each_has_a_reserve_of_its_own(fresh_database):
    engine = database.engine(fresh_database().url)
    with database.session_scope(engine) as session:
        fill(session)
        record = carried_out(session)
        gone = places(session, record, "drawn")[:2]
        number = record.plan.id
    gate = threading.Barrier(4)
    outcomes = []

    def enter(licence):
        gate.wait()
        try:
            with database.session_scope(engine) as session:
                substitution.substitute(session, number, licence, reason="x", by="Ann", day=DAY)
            outcomes.append("done")
        except ConflictError:
            outcomes.append("refused")

    threads = [threading.Thread(target=enter, args=(one,)) for one in (*gone, *gone)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["done", "done", "refused", "refused"]
    with database.session_scope(engine) as session:
        record = draws.find(session, number)
        assert len({one.licence for one in draws.substitutions(session, number)}) == 2
        assert problems(session, record) == []
    engine.dispose()

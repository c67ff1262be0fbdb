"""Days from the register to files: plans are kept, replaced, secret, and read back."""

import csv
import io
import re
from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import factories
import gpxpy
import icalendar
import pytest
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.orm import Session

import gis_supervision
from gis_supervision.assignment import day_crews, day_planning
from gis_supervision.assignment.day_planning import Request
from gis_supervision.assignment.route_reasons import Reason
from gis_supervision.assignment.wanted_stops import Wanted
from gis_supervision.domain.rules import load_rule_pack
from gis_supervision.domain.working_days import load_working_calendar
from gis_supervision.errors import ConflictError, InvalidInputError, NotFoundError
from gis_supervision.language import translator
from gis_supervision.rendering import route_files, route_map, tables
from gis_supervision.settings import Settings
from gis_supervision.storage import database, day_plans, working_days

MONDAY = date(2024, 6, 3)
WORKING_DAYS = Path(gis_supervision.__file__).parent / "demo/wusu/working_days.toml"
OFFICE = (44.0, 84.0)


@pytest.fixture(scope="module")
def rules():
    return load_rule_pack(Settings().rule_pack_path)


@pytest.fixture
def register(session):
    """Two zones with an inspector each, eight premises, all never inspected."""
    of = factories.grid(session)
    people, shops = [], []
    for number in range(2):
        cell = factories.grid_cell(session, of, geom=factories.square(lng=84 + 0.01 * number))
        zone = factories.zone(session)
        factories.zone_cell(session, zone, cell)
        person = factories.inspector(
            session,
            staff_number=f"N{number}",
            name=("阿依古丽", "王芳")[number],
            home=f"SRID=4326;POINT({84.001 + 0.01 * number} 44.001)",
        )
        factories.assignment(session, zone, person)
        factories.skill(session, person, "catering")
        factories.skill(session, person, "circulation")
        people.append((person, zone))
        shops += [
            factories.premises(
                session,
                licence=f"S{number}{place}",
                name=f"=饭馆 {number}{place}; 号",
                address="乌苏市，北园春",
                lng=84.002 + 0.01 * number + 0.001 * place,
                lat=44.002,
                risk_class="High",
                cell_id=cell.id,
            )
            for place in range(4)
        ]
    session.flush()
    return people, shops


def plan(session, rules, *, replace_plan=False, **values):
    values = {"first": MONDAY, "iterations": 100, "any_zone": False} | values
    return day_planning.plan(
        session, rules, Request(**values), by="李雷", replace_plan=replace_plan
    )


@pytest.mark.usefixtures("register")
def test_holidays_are_passed_over_and_make_up_days_worked(session, rules):
    wusu = load_working_calendar(WORKING_DAYS, "654202")

    def planned(first, days, **values):
        return day_planning.dates(first, days, calendar=wusu, **values)

    # National Day 2025: off from 1 to 8 October, made up for on 28 September and 11 October
    assert planned(date(2025, 9, 27), 4) == (
        *(date(2025, 9, 28), date(2025, 9, 29), date(2025, 9, 30), date(2025, 10, 9)),
    )
    assert planned(date(2025, 10, 10), 2) == (date(2025, 10, 10), date(2025, 10, 11))
    assert planned(date(2025, 10, 1), 1, weekends=True) == (date(2025, 10, 1),)
    # a day off of the region alone
    assert planned(date(2025, 6, 5), 2) == (date(2025, 6, 5), date(2025, 6, 11))
    beijing = load_working_calendar(WORKING_DAYS, "110101")
    assert day_planning.dates(date(2025, 6, 5), 2, calendar=beijing)[1] == date(2025, 6, 6)
    # beyond the table weekends alone are known
    assert planned(date(2027, 1, 1), 2) == (date(2027, 1, 1), date(2027, 1, 4))

    def notes(first, days, calendar=wusu, **values):
        request = Request(first=first, days=days, iterations=0, **values)
        made = day_planning.plan(
            session, rules, request, by="李雷", calendar=calendar, replace_plan=True
        )
        return {
            key: n for key, n in made.notes.items() if key in {"no_calendar", "unverified_days"}
        }

    assert notes(date(2025, 9, 30), 2) == {}
    assert notes(date(2026, 12, 31), 3) == {"no_calendar": 2}
    assert notes(date(2025, 9, 30), 2, calendar=None) == {"no_calendar": 2}
    assert notes(date(2025, 9, 30), 2, calendar=None, weekends=True) == {}
    assert notes(date(2024, 4, 9), 2)["unverified_days"] > 0
    kept = session.execute(
        text("SELECT parameters ->> 'working_days' FROM day_plan ORDER BY id DESC")
    ).scalars()
    assert next(kept).startswith("xinjiang ")


def test_regional_holidays_are_those_of_the_divisions_under_supervision(session):
    assert working_days.of_register(session, None, MONDAY) is None
    assert working_days.of_register(session, WORKING_DAYS, MONDAY).division == ""
    county = factories.division(session)
    factories.division(session, code="654202001", level="township", parent_id=county.id)
    factories.division(session, code="659001", external=True)
    wusu = working_days.of_register(session, WORKING_DAYS, MONDAY)
    assert wusu.division == "654202"
    assert not wusu.is_working_day(date(2025, 6, 6))
    with pytest.raises(NotFoundError, match="no such table"):
        working_days.of_register(session, WORKING_DAYS.parent / "none.toml", MONDAY)


def served(made):
    return {visit.key: route.crew for route in made.routes.routes for visit in route.visits}


@pytest.mark.usefixtures("register")
def test_inspectors_visit_their_own_zones(session, rules):
    made = plan(session, rules)
    assert served(made) == {f"S{n}{k}": f"N{n}" for n in range(2) for k in range(4)}
    assert not made.left_out
    (first, second) = day_plans.routes(session, MONDAY)
    assert (first.lead, first.starts_at, first.version) == ("N0", "home", 1)
    assert [stop.position for stop in second.stops] == [1, 2, 3, 4]
    assert all(stop.purpose == "due" for stop in first.stops)
    (row,) = session.execute(text("SELECT * FROM day_plan")).mappings()
    assert (row["made_by"], row["matrix"], row["seed"]) == ("李雷", "straight_line", 0)
    assert row["rules"] == rules.reference
    assert row["register_version"] >= 0
    assert row["parameters"]["iterations"] == 100


def test_on_leave_the_deputy_goes_and_without_one_the_reason_is_told(session, rules, register):
    people, _ = register
    factories.leave(session, people[0][0], MONDAY, MONDAY + timedelta(days=1))
    made = plan(session, rules)
    assert {key: reason for key, reason in made.left_out.items() if key.startswith("S0")} == {
        f"S0{k}": Reason.NOT_RESPONSIBLE for k in range(4)
    }
    factories.assignment(session, people[0][1], people[1][0], role="deputy")
    made = plan(session, rules, days=2, replace_plan=True)
    crews = served(made)
    assert sorted(crews) == [f"S{n}{k}" for n in range(2) for k in range(4)]
    away = [route for route in made.routes.routes if route.crew == "N0"]
    assert all(route.day == 1 for route in away)


def test_recusals_skills_teams_and_follow_ups(session, rules, register):
    people, shops = register
    factories.recusal(session, people[0][0], shops[0])
    session.execute(
        text("DELETE FROM inspector_skill WHERE inspector_id = :id AND skill = 'catering'"),
        {"id": people[1][0].id},
    )
    made = plan(session, rules)
    assert made.left_out == {"S00": Reason.RECUSED} | {
        f"S1{k}": Reason.NOT_RESPONSIBLE for k in range(4)
    }
    two = rules.days.model_copy(
        update={"people": rules.days.people.model_copy(update={"count": 2})}
    )
    of_two = rules.model_copy(update={"days": two})
    assert set(plan(session, of_two, replace_plan=True).left_out.values()) == {Reason.NO_TEAM}
    factories.team(session, people[0][0], people[1][0])
    made = plan(session, of_two, replace_plan=True)
    assert set(served(made).values()) == {"N0+N1"}
    assert made.left_out["S00"] is Reason.RECUSED
    (route,) = day_plans.routes(session, MONDAY)
    assert (route.lead, route.assistant) == ("N0", "N1")
    assert day_plans.routes(session, MONDAY, staff_number="N1") == [route]


def test_hazards_are_followed_up_alone_and_deadlines_choose_the_day(session, rules, register):
    _, shops = register
    for number, shop in enumerate(shops):
        visit = factories.inspection(session, shop, inspected_on=date(2024, 5, 20))
        if number < 2:
            due = MONDAY + timedelta(days=2 * number)
            factories.hazard(session, visit, due_on=due)
    two = rules.days.model_copy(
        update={"people": rules.days.people.model_copy(update={"count": 2})}
    )
    made = plan(session, rules.model_copy(update={"days": two}), days=3)
    assert not made.left_out
    days = {visit.key: route.day for route in made.routes.routes for visit in route.visits}
    assert days["S00"] == 0
    assert days["S01"] <= 2
    assert set(days) == {"S00", "S01"}
    assert {stop.purpose for r in day_plans.routes(session, MONDAY) for stop in r.stops} == {
        "hazard"
    }


@pytest.mark.usefixtures("register")
def test_premises_without_a_point_are_left_out_and_counted(session, rules):
    factories.premises(session, licence="NOWHERE", lng=None, risk_class="High")
    made = plan(session, rules)
    assert made.left_out == {"NOWHERE": Reason.NOT_LOCATED}
    (route, *_) = day_plans.routes(session, MONDAY)
    (out,) = day_plans.left_out(session, route.plan_id)
    assert (out.licence, out.reason, out.purpose) == ("NOWHERE", "not_located", "due")


@pytest.mark.usefixtures("register")
def test_a_file_names_stops_with_their_own_hours(session, rules, tmp_path):
    file = tmp_path / "stops.csv"
    file.write_text(
        "licence,due_on,minutes,people,hours\r\n"
        "S00,2024-06-03,30,1,14:00-15:00\r\nS01,,45,,closed\r\n",
        encoding="utf-8-sig",
    )
    wanted = day_planning.stops_of_file(session, file)
    assert wanted[0] == Wanted("S00", MONDAY, 30.0, 1, ((14 * 3600, 15 * 3600),))
    made = plan(session, rules, sources=(), wanted=wanted)
    assert made.left_out == {"S01": Reason.CLOSED}
    ((stop,),) = [route.stops for route in day_plans.routes(session, MONDAY)]
    assert (stop.licence, stop.purpose) == ("S00", "file")
    assert 14 * 3600 <= stop.start_s <= stop.departure_s - 1800 <= 15 * 3600


@pytest.mark.usefixtures("register")
def test_every_wrong_row_of_a_file_is_told(session, tmp_path):
    file = tmp_path / "stops.csv"
    rows = [
        "S00,x,,,",
        "S99,,,,",
        "S01,,0,,",
        "S02,,,3,",
        "S03,,,,12:00-9:00",
        "S10,,,,",
        "S10,,,,",
    ]
    file.write_text("licence,due_on,minutes,people,hours\n" + "\n".join(rows), encoding="utf-8")
    with pytest.raises(InvalidInputError) as error:
        day_planning.stops_of_file(session, file)
    lines = str(error.value).splitlines()
    assert [line.split(": ")[1] for line in lines] == [f"row {n}" for n in (2, 3, 4, 5, 6, 8)]
    file.write_text("licence\nN0\n", encoding="utf-8")
    with pytest.raises(InvalidInputError, match="'N0' is not in the register"):
        day_planning.stops_of_file(session, file)
    file.write_text("licence,colour\n", encoding="utf-8")
    with pytest.raises(InvalidInputError, match="colour"):
        day_planning.stops_of_file(session, file)
    with pytest.raises(NotFoundError):
        day_planning.stops_of_file(session, tmp_path / "none.csv")


@pytest.mark.usefixtures("register")
def test_an_own_matrix_is_used_and_its_wrong_rows_are_told(session, rules, tmp_path):
    file = tmp_path / "matrix.csv"
    pairs = [("N0", f"S0{k}") for k in range(3)] + [("S00", "S01"), ("S01", "S02"), ("S00", "S02")]
    lines = [f"{a},{b},7" for a, b in pairs]
    file.write_text("from,to,minutes\n" + "\n".join(lines), encoding="utf-8")
    made = plan(session, rules, matrix="file", matrix_file=file, only=("N0",))
    (route,) = made.routes.routes
    assert {visit.key for visit in route.visits} == {"S00", "S01", "S02"}
    assert {visit.travel_s for visit in route.visits} == {420}
    assert made.left_out["S03"] is Reason.UNREACHABLE
    assert made.notes["no_way"] > 0
    file.write_text("from,to,minutes\nN0,S99,1\nN0,S00,-1\nN0,S01,1\nN0,S01,2\n,S01,1\n")
    with pytest.raises(InvalidInputError) as error:
        plan(session, rules, matrix="file", matrix_file=file, replace_plan=True)
    rows = [line.split(": ")[1] for line in str(error.value).splitlines()]
    assert rows == ["row 2", "row 3", "row 5", "row 6"]


@pytest.mark.usefixtures("register")
def test_files_that_cannot_be_read_are_told(session, rules, tmp_path):
    wide = tmp_path / "wide.csv"
    wide.write_text("licence,from,to,minutes\n" + "x" * 200_000 + ",N0,S00,1\n", encoding="utf-8")
    for file, said in ((wide, "cannot be read as CSV"), (tmp_path, "cannot be read: Is a dir")):
        with pytest.raises(InvalidInputError, match=said):
            day_planning.stops_of_file(session, file)
        with pytest.raises(InvalidInputError, match=said):
            plan(session, rules, matrix="file", matrix_file=file)


@pytest.mark.usefixtures("register")
def test_a_newer_plan_replaces_one_and_history_stays(session, rules):
    first = plan(session, rules, days=2)
    with pytest.raises(ConflictError, match=f"plan {first.plan_id} .* is in force"):
        plan(session, rules)
    second = plan(session, rules, replace_plan=True)
    told = [
        (one.id, one.day, one.version, one.in_force)
        for one in day_plans.listed(session, history=True)
    ]
    tuesday = MONDAY + timedelta(days=1)
    assert told == [
        (first.plan_id, MONDAY, 1, False),
        (second.plan_id, MONDAY, 2, True),
        (first.plan_id, tuesday, 1, True),
    ]
    old = day_plans.routes(session, MONDAY, version=1)
    assert {route.plan_id for route in old} == {first.plan_id}
    with pytest.raises(NotFoundError):
        day_plans.routes(session, date(2024, 7, 1))


@pytest.mark.usefixtures("register")
def test_weekends_are_passed_over(session, rules):
    friday = date(2024, 6, 7)
    assert plan(session, rules, first=friday, days=2).days == (friday, date(2024, 6, 10))
    assert day_planning.dates(friday, 2, weekends=True)[1] == date(2024, 6, 8)
    with pytest.raises(InvalidInputError):
        day_planning.dates(friday, 0)


@pytest.mark.usefixtures("register")
def test_what_is_asked_for_wrongly_is_refused(session, rules):
    for values in ({"sources": ("x",)}, {"matrix": "x"}, {"only": ("N9",)}):
        with pytest.raises(InvalidInputError):
            plan(session, rules, **values)


@pytest.mark.usefixtures("register")
@pytest.mark.usefixtures("register")
def test_the_reader_sees_nothing_of_plans(migrated):
    engine = database.reader_engine(migrated.reader_url)
    names = ("day_plan", "day_plan_day", "day_route", "day_stop", "day_left_out")
    with Session(engine) as session:
        for name in names:
            assert not session.scalar(
                text("SELECT has_table_privilege(:name, 'SELECT')"), {"name": f"public.{name}"}
            )
        views = session.scalars(
            text(
                "SELECT pg_get_viewdef(c.oid) FROM pg_class AS c"
                " INNER JOIN pg_namespace AS n ON c.relnamespace = n.oid"
                " WHERE n.nspname = 'map' AND c.relkind IN ('v', 'm')"
            )
        ).all()
    engine.dispose()
    assert views
    assert not [view for view in views if any(f" {name} " in view for name in names)]


@pytest.mark.usefixtures("register")
@pytest.mark.usefixtures("register")
def test_gpx_is_read_back(session, rules):
    plan(session, rules)
    routes = day_plans.routes(session, MONDAY)
    parsed = gpxpy.parse(route_files.gpx(routes, translator("zh_CN"), "Asia/Shanghai"))
    assert [len(route.points) for route in parsed.routes] == [4, 4]
    point, stop = parsed.routes[0].points[0], routes[0].stops[0]
    assert (point.latitude, point.longitude) == (stop.lat, stop.lng)
    assert point.name == f"1. {stop.name}"
    local = point.time.astimezone(ZoneInfo("Asia/Shanghai"))
    assert local == route_files.moment(MONDAY, stop.arrival_s, "Asia/Shanghai")
    assert (local.hour, local.minute) == (stop.arrival_s // 3600, stop.arrival_s // 60 % 60)


@pytest.mark.usefixtures("register")
@pytest.mark.usefixtures("register")
@pytest.mark.usefixtures("register")
@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/Chicago"])
def test_icalendar_is_read_back(session, rules, zone):
    plan(session, rules)
    routes = day_plans.routes(session, MONDAY)
    made_at = day_plans.made_at(session, [route.plan_id for route in routes])
    raw = route_files.calendar(routes, translator("zh_CN"), zone, made_at=made_at)
    assert all(len(line) <= 75 for line in raw.split(b"\r\n"))
    calendar = icalendar.Calendar.from_ical(raw)
    assert [str(each["tzid"]) for each in calendar.walk("VTIMEZONE")] == [zone]
    events = calendar.walk("VEVENT")
    stops = [stop for route in routes for stop in route.stops]
    assert len(events) == len(stops)
    for event, stop in zip(events, stops, strict=True):
        start = event.decoded("dtstart")
        assert start.utcoffset() == datetime(2024, 6, 3, 12, tzinfo=ZoneInfo(zone)).utcoffset()
        assert start.hour * 3600 + start.minute * 60 + start.second == stop.start_s
        assert start.date() == MONDAY
        assert str(event["summary"]) == f"{stop.position}. {stop.name}"
        assert str(event["location"]) == "乌苏市，北园春"
        assert (event["geo"].latitude, event["geo"].longitude) == (stop.lat, stop.lng)
        assert stop.licence in str(event["description"])
        assert str(event["class"]) == "PRIVATE"
    plan(session, rules, replace_plan=True, seed=3)
    again = icalendar.Calendar.from_ical(
        route_files.calendar(
            day_plans.routes(session, MONDAY), translator("en"), zone, made_at=made_at
        )
    )
    assert {str(e["uid"]) for e in again.walk("VEVENT")} == {str(e["uid"]) for e in events}
    assert {int(e["sequence"]) for e in again.walk("VEVENT")} == {2}


def test_an_empty_day_is_a_calendar_too():
    calendar = route_files.calendar(
        [], translator("en"), "Asia/Shanghai", made_at=datetime.now(ZoneInfo("UTC"))
    )
    assert not icalendar.Calendar.from_ical(calendar).walk("VEVENT")


@pytest.mark.usefixtures("register")
def test_the_table_has_a_mark_and_defuses_formulas(session, rules, tmp_path):
    plan(session, rules)
    file = tmp_path / "routes.csv"
    assert (
        tables.write(
            route_files.table(day_plans.routes(session, MONDAY), translator("zh_CN")), file
        )
        == 8
    )
    raw = file.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"))))
    assert Counter(row["检查人员"] for row in rows) == {"阿依古丽": 4, "王芳": 4}
    assert all(row["名称"].startswith("'=") for row in rows)


@pytest.mark.usefixtures("register")
def test_the_map_has_lines_and_no_homes(session, rules):
    plan(session, rules)
    routes = day_plans.routes(session, MONDAY)
    page = route_map.build(session, [route.id for route in routes], language="zh_CN")
    assert "当日路线图" in page
    assert '"lines":{"x":' in page
    assert "44001000" not in page
    alone = route_map.build(session, [routes[0].id])
    assert "王芳" not in alone
    assert "S00" in alone
    assert "S10" not in alone
    with pytest.raises(NotFoundError):
        route_map.build(session, [])


def test_routes_of_people_of_one_name_and_of_several_days_are_told_apart(session, rules, register):
    people, _ = register
    for person, _zone in people:
        person.name = "王芳"
    session.flush()
    plan(session, rules, days=2)
    found = day_plans.routes(session, MONDAY, MONDAY + timedelta(days=1))
    ids = [route.id for route in found if route.day == MONDAY]
    with day_plans.shown(session, ids) as routes:
        assert [one.title for one in routes] == ["王芳 (N0)", "王芳 (N1)"]
    assert f"当日路线图 {MONDAY}" in route_map.build(session, ids)
    session.execute(text("UPDATE day_route SET day = day + 1 WHERE id = :id"), {"id": ids[1]})
    with day_plans.shown(session, ids) as routes:
        assert [one.title for one in routes] == ["06-03 王芳", "06-04 王芳"]
    assert f"{MONDAY} – {MONDAY + timedelta(days=1)}" in route_map.build(session, ids)
    colors = [route_map.color(number) for number in range(60)]
    assert len(set(colors)) == 60
    assert all(re.fullmatch("#[0-9a-f]{6}", one) for one in colors)


def test_a_team_of_one_day_and_certificates_that_end(session, rules, register):
    people, _ = register
    tuesday = MONDAY + timedelta(days=1)
    session.execute(
        text("UPDATE inspector_skill SET valid = :valid WHERE inspector_id = :id"),
        {"valid": "[2020-01-01,2024-06-04)", "id": people[0][0].id},
    )
    factories.team(session, people[0][0], people[1][0], valid=Range(tuesday, None))
    units = day_crews.units_on(session, rules, (MONDAY, tuesday), ())
    assert [(unit.key, unit.days, sorted(unit.skills)) for unit in units] == [
        ("N0", (0,), ["catering", "circulation"]),
        ("N0+N1", (1,), ["catering", "circulation"]),
        ("N1", (0,), ["catering", "circulation"]),
    ]

"""The demonstration as a user runs it: the command, the files, the service, kills in between."""

import csv
import gzip
import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

import httpx
import psutil
import pytest

COMMAND = [sys.executable, "-m", "gis_supervision"]
DATA = Path(__file__).parents[2] / "gis_supervision/demo/chicago"
MAPS = (
    *("unresolved_hazards", "coverage", "zone_workload"),
    *("coverage_months", "hotspot_steps", "emerging_hotspots", "clusters", "risk"),
)


@pytest.fixture(scope="module")
def environment(tmp_path_factory, cluster_home):
    """The environment of a user whose home directory is new."""
    kept = {name: value for name, value in os.environ.items() if "GIS_SUPERVISION" not in name}
    return kept | {
        "HOME": str(tmp_path_factory.mktemp("home")),
        "GIS_SUPERVISION_HOME": str(cluster_home()),
        "GIS_SUPERVISION_LANGUAGE": "en",
    }


def run(environment, *arguments, code=0):
    done = subprocess.run(
        [*COMMAND, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == code, done.stderr
    return done


def facts():
    """Count the raw files again, with the standard library alone and none of our code."""
    with gzip.open(DATA / "inspections.csv.gz", "rt", encoding="utf-8", newline="") as file:
        inspections = list(csv.DictReader(file))
    recorded = defaultdict(set)
    with gzip.open(DATA / "violations.csv.gz", "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            recorded[row["Inspection_ID"]].add(int(row["violation_no"]))
    by_licence = defaultdict(list)
    for row in inspections:
        by_licence[row["License"]].append(row)
    found, unresolved = Counter(), Counter()
    for rows in by_licence.values():
        rows.sort(key=lambda row: (row["Inspection_Date"], int(row["Inspection_ID"])))
        open_now = set()
        for row in rows:
            seen = recorded[row["Inspection_ID"]]
            found.update(severity(number) for number in seen - open_now)
            open_now = seen
        unresolved.update(severity(number) for number in open_now)
    return {
        "premises": len(by_licence),
        "located": sum(
            any(row["Latitude"] and row["Longitude"] for row in rows)
            for rows in by_licence.values()
        ),
        "inspections": len(inspections),
        "hazards": sum(found.values()),
        "unresolved": {
            name: unresolved[name] for name in ("critical", "serious", "minor", "unclassified")
        },
        "as_of": max(row["Inspection_Date"] for row in inspections)[:10],
    }


def severity(number):
    for name, last in (("critical", 14), ("serious", 29), ("minor", 44)):
        if 1 <= number <= last:
            return name
    return "unclassified"


@pytest.fixture(scope="module")
def shown(environment):
    return json.loads(run(environment, "demo", "--no-serve", "--json").stdout)


def test_the_totals_are_those_of_the_raw_files(environment, shown):
    expected = facts()
    totals = json.loads(run(environment, "status", "--json").stdout)
    assert list(totals) == [
        "premises",
        "located",
        "inspections",
        "hazards",
        "unresolved",
        "cells",
        "zones",
        "as_of",
    ]
    assert {name: totals[name] for name in expected} == expected
    assert totals["cells"] > 1000
    assert totals["zones"] > 10
    assert {name: shown[name] for name in expected} == expected


def test_every_inspector_is_made_up_and_has_what_a_dispatcher_works_with(environment, shown):
    people = json.loads(run(environment, "inspectors", "list", "--json").stdout)
    assert len(people) == shown["zones"] + 2
    assert all(person["synthetic"] for person in people)
    assert sum(not person["available"] for person in people) == 1, "one is on leave that day"
    assert sum(bool(person["certificates"]) for person in people) > 0.9 * len(people)
    assert {person["role"] for person in people} >= {"A", "B"}
    soon = json.loads(run(environment, "inspectors", "expiring", "--json").stdout)
    assert {one["days_left"] < 0 for one in soon} == {True, False}


def test_a_second_run_reuses_everything(environment, shown):
    again = json.loads(run(environment, "demo", "--no-serve", "--json").stdout)
    assert [step["name"] for step in again["steps"] if not step["reused"]] == []
    assert again["maps"] == shown["maps"]
    assert {name: again[name] for name in facts()} == facts()


def test_the_maps_carry_the_totals(shown):
    page = Path(shown["maps"]["unresolved_hazards"]).read_text(encoding="utf-8")
    total = sum(facts()["unresolved"].values())
    assert f"{total:,}" in page or str(total) in page
    for name in MAPS:
        assert Path(shown["maps"][name]).stat().st_size < 8 * 2**20


class Service:
    """The service as a process of its own."""

    def __init__(self, environment):
        self.process = subprocess.Popen(
            [*COMMAND, "serve", "--port", "0"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.url = None
        for line in self.process.stdout:
            running = re.search(r"Serving on (http://127\.0\.0\.1:\d+)", line)
            if running:
                self.url = running[1]
                break
        assert self.url, "the service did not start"

    def get(self, path):
        answer = httpx.get(self.url + path, timeout=60)
        answer.raise_for_status()
        return answer.headers["content-type"].split(";")[0], answer.text

    def refusal(self, path):
        answer = httpx.get(self.url + path, timeout=60)
        assert answer.headers["content-type"] == "application/problem+json"
        return answer.status_code, answer.json()

    def end(self, with_signal=signal.SIGTERM):
        self.process.send_signal(with_signal)
        self.process.communicate(timeout=60)


@pytest.fixture(scope="module")
def service(environment, shown):  # noqa: ARG001 - the demonstration must be there
    running = Service(environment)
    yield running
    running.end()


def test_the_service_tells_the_same_totals(service):
    expected = facts()
    kind, body = service.get("/health")
    assert (kind, json.loads(body)["status"]) == ("application/json", "ok")
    layers = {layer["name"]: layer for layer in json.loads(service.get("/layers")[1])["layers"]}
    totals = layers["unresolved_hazards"]["totals"]
    assert totals["located"] + totals["not_located"] == sum(expected["unresolved"].values())
    totals = layers["premises"]["totals"]
    assert totals["located"] + totals["not_located"] == expected["premises"]
    assert totals["located"] == expected["located"]
    maps = {each["name"] for each in json.loads(service.get("/maps")[1])["maps"]}
    assert set(MAPS) <= maps
    kind, page = service.get("/maps/coverage?as_of=2013-06-30")
    assert kind == "text/html"
    assert "2013-06-30" in page


@pytest.mark.parametrize("name", ["hotspot_steps", "emerging_hotspots", "clusters", "risk"])
def test_patterns_of_a_past_day_are_found_when_they_are_asked_for(service, name):
    page = service.get(f"/maps/{name}?as_of=2013-06-30&language=en")[1]
    data = json.loads(
        re.search(r'<script type="application/json" id="report-data">(.*?)</script>', page)[1]
    )
    assert data["parameters"]["as_of"]["value"] == "2013-06-30"
    drawn = next(layer for layer in data["layers"] if layer["name"] != "divisions")
    assert drawn["count"] > 100
    assert drawn["empty"] is None


def test_the_service_explains_a_cell_of_a_map(service):
    items = json.loads(service.get("/layers/hazard_hotspots/items?limit=10000")[1])["features"]
    for feature in (max(items, key=lambda one: one["properties"]["z"] or 0), items[0]):
        shown = feature["properties"]
        found = json.loads(service.get(f"/explain/cells/{shown['h3']}")[1])
        assert {name: found[name] for name in ("premises", "hazards", "z", "p", "bin")} == {
            name: shown[name] for name in ("premises", "hazards", "z", "p", "bin")
        }
    refused = httpx.get(service.url + "/explain/cells/nowhere")
    assert (refused.status_code, "nowhere" in refused.text) == (404, True)


def test_items_are_paged_without_loss_or_repetition(service):
    path, identifiers = "/layers/premises/items?limit=5000", []
    while path:
        page = json.loads(service.get(path)[1])
        assert page["type"] == "FeatureCollection"
        identifiers += [feature["id"] for feature in page["features"]]
        following = [link["href"] for link in page.get("links", []) if link["rel"] == "next"]
        path = following[0].removeprefix(service.url) if following else None
    assert len(identifiers) == len(set(identifiers)) == facts()["premises"]


@pytest.mark.parametrize(
    ("path", "code", "word"),
    [
        ("/maps/nothing", 404, "nothing"),
        ("/maps/coverage?as_of=yesterday", 422, "as_of"),
        ("/maps/coverage?as_off=2014-01-01", 422, "as_of"),
        ("/layers/premises/items?bbox=1,2,3", 422, "bbox"),
        ("/layers/premises/items?limit=-1", 422, "limit"),
        ("/layers/premises/items?bbox=-200,0,10,10", 422, "bbox"),
        ("/layers/nothing/items", 404, "nothing"),
        ("/layers/premises/items?zone=%00", 422, "zone"),
        ("/nowhere", 404, "Not Found"),
    ],
)
def test_wrong_parameters_are_explained(service, path, code, word):
    status, problem = service.refusal(path)
    assert status == problem["status"] == code
    assert word in json.dumps(problem)


def test_an_unchanged_map_is_not_sent_again(service):
    first = httpx.get(service.url + "/maps/coverage", timeout=60)
    again = httpx.get(
        service.url + "/maps/coverage", headers={"If-None-Match": first.headers["etag"]}
    )
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")


def test_looking_back_changes_no_report(service):
    assert "2012-05-05" in service.get("/maps/coverage?as_of=2012-05-05")[1]
    assert "2014-12-30" in service.get("/maps/coverage")[1]


def test_a_taken_port_is_told(environment, service):
    port = service.url.rsplit(":", 1)[1]
    done = run(environment, "serve", "--port", port, code=5)
    assert port in done.stderr


def test_a_register_in_use_is_not_mixed_with_the_demonstration(environment, tmp_path):
    files = {
        "premises.csv": "licence,name\n1,Noodle shop\n",
        "mapping.toml": (
            'name = "shops"\ntitle = "Shops"\ndatum = "wgs84"\n[sources.shops]\n'
            'file = "premises.csv"\n[sources.shops.premises]\nlicence = "licence"\nname = "name"\n'
        ),
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    run(environment, "import", "run", str(tmp_path / "mapping.toml"), "--as", "office")
    refused = run(environment, "demo", "--no-serve", code=4)
    assert "office" in refused.stderr
    batches = json.loads(run(environment, "import", "batches", "--json").stdout)
    newest = max(batch["id"] for batch in batches)
    run(environment, "import", "undo", str(newest))
    totals = json.loads(run(environment, "status", "--json").stdout)
    assert {name: totals[name] for name in facts()} == facts()


def test_the_service_brings_a_killed_database_back(service, environment):
    (postmaster,) = postmasters(environment)
    backends = postmaster.children()
    postmaster.kill()
    postmaster.wait()
    # a backend answers until it notices
    assert not psutil.wait_procs(backends, timeout=60)[1]
    status, problem = service.refusal("/layers/premises/items?limit=1")
    assert status == 503
    assert "started again" in problem["detail"]
    assert json.loads(service.get("/layers/premises/items?limit=1")[1])["numberReturned"] == 1


def postmasters(environment):
    home = environment["GIS_SUPERVISION_HOME"]
    return [
        process
        for process in psutil.process_iter(["name", "cmdline"])
        if process.info["name"] == "postgres" and home in " ".join(process.info["cmdline"])
    ]


def test_killing_service_and_database_loses_nothing(environment, shown):  # noqa: ARG001 - needs it
    service = Service(environment)
    (postmaster,) = postmasters(environment)
    service.end(signal.SIGKILL)
    postmaster.kill()
    totals = json.loads(run(environment, "status", "--json").stdout)
    assert {name: totals[name] for name in facts()} == facts()

"""A small register with everything a map can meet, maps built from it, and a real browser."""

import shutil
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta

import factories
import pytest
from playwright.sync_api import sync_playwright
from sqlalchemy import text
from sqlalchemy.orm import Session

from gis_supervision import catalogue
from gis_supervision.analysis import patterns, run
from gis_supervision.assignment import proposing
from gis_supervision.domain import h3_index
from gis_supervision.domain.rules import load_rule_pack
from gis_supervision.rendering import map_report
from gis_supervision.settings import project_dir
from gis_supervision.storage import database, server

AS_OF = date(2024, 6, 30)
DATABASE = "gis_supervision_maps_test"
HOSTILE = '<img src=x onerror="window.hostile=1">阿不都&\'</script><b>饭馆'
SEVERITIES = ("critical", "serious", "minor", "unclassified")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DEMO_RULES = project_dir("layers").parent / "gis_supervision/demo/chicago/rules.toml"


@dataclass(frozen=True)
class Register:
    """The register and the catalogue that the maps are made of."""

    session: Session
    catalogue: catalogue.Catalogue

    def count(self, condition="true"):
        """Unresolved hazards on the day, counted by plain SQL on the tables."""
        return self.session.scalar(
            text(f"""
                SELECT count(*) FROM hazard AS h JOIN premises AS p ON h.premises_id = p.id
                LEFT JOIN zone_cell AS m ON m.cell_id = p.cell_id AND m.valid @> :day
                LEFT JOIN zone AS z ON m.zone_id = z.id
                WHERE h.found_on <= :day AND h.resolved_on IS NULL AND ({condition})
            """),
            {"day": AS_OF},
        )


@pytest.fixture(scope="session")
def register(cluster, template):
    """Nine zones of four cells each, 60 premises, 300 hazards, in a database of their own.

    The transaction stays open for the whole session: in the shared database it would keep all
    other tests waiting for its locks.
    """
    with closing(server.connect(cluster.url)) as connection, connection.cursor() as cursor:
        server.create_database(cursor, DATABASE, template)
    url = server.make_url(cluster.url).set(database=DATABASE)
    own = database.engine(url)
    with Session(own) as session:
        fill(session)
        yield Register(session, catalogue.load())
    own.dispose()


def fill(session):
    factories.division(session, geom=factories.square(84.0, 44.0, 0.12))
    cells = factories.grid(session)
    for row in range(3):
        for column in range(3):
            number = 3 * row + column + 1
            zone = factories.zone(
                session, code=f"Z{number:02d}", workload_hours=900.0 + 300 * number
            )
            person = factories.inspector(session, name=f"检查员{number}", synthetic=number == 1)
            factories.assignment(session, zone, person)
            for part in range(4):
                lng = 84.0 + 0.04 * column + 0.02 * (part % 2)
                lat = 44.0 + 0.04 * row + 0.02 * (part // 2)
                cell = factories.grid_cell(session, cells, geom=factories.square(lng, lat, 0.02))
                factories.zone_cell(session, zone, cell)
    hazards = 0
    for number in range(60):
        # premises 0 to 9 share one place, 57 to 59 have none, the last row of cells has none
        lng = 84.005 if number < 10 else 84.001 + (number * 37 % 118) / 1000
        lat = 44.005 if number < 10 else 44.001 + (number * 53 % 97) / 1000
        lng = None if number >= 57 else lng
        place = factories.premises(
            session,
            lng=lng,
            lat=lat,
            name=HOSTILE if number == 3 else f"饭馆 {number}",
            risk_class=("High", "Medium", "Low", None)[number % 4],
            address=None if number % 5 == 0 else f"{HOSTILE} {number}",
        )
        if lng is not None:
            for resolution in (6, 7, 8, 9, 10):
                cell = h3_index.cells_of([lat], [lng], resolution)[0]
                setattr(place, f"h3_{resolution}", int(cell))
        for item in range(5):
            hazards += 1
            days = (hazards * 7) % 1100 if item else 1100 + number
            visit = factories.inspection(session, place, inspected_on=AS_OF - timedelta(days=days))
            factories.hazard(session, visit, item=str(item), severity=SEVERITIES[hazards % 4])
    session.flush()
    codes = session.scalars(
        text(
            "SELECT g.code FROM zone_cell m JOIN grid_cell g ON m.cell_id = g.id"
            " JOIN zone z ON m.zone_id = z.id WHERE z.code = 'Z01' ORDER BY g.id LIMIT 2"
        )
    ).all()
    proposing.move(
        session,
        load_rule_pack(DEMO_RULES),
        by="调度员",
        first=AS_OF,
        as_of=AS_OF,
        cells=codes,
        zone="Z02",
    )
    run.coverage(session, load_rule_pack(DEMO_RULES), AS_OF)
    run.coverage_months(session, load_rule_pack(DEMO_RULES), AS_OF, months=6)
    run.hotspots(session, AS_OF, minimum_premises=2)
    patterns.emerging(session, AS_OF, resolution=8, step_months=6, steps=5, minimum_inspections=2)
    patterns.scan(session, AS_OF, months=6, minimum_premises=1)


@pytest.fixture(scope="session")
def built(register, tmp_path_factory):
    """Build a map into a file of its own, once for each map, language and parameters."""
    directory = tmp_path_factory.mktemp("maps")
    made = {}

    def build(name, language="en", of=register.catalogue, **parameters):
        key = (name, language, id(of), *sorted(parameters.items()))
        if key not in made:
            made[key] = map_report.write(
                directory / f"{len(made)}.html",
                register.session,
                of,
                name,
                parameters={"as_of": AS_OF, **parameters},
                language=language,
            )
        return made[key]

    return build


@pytest.fixture(scope="session")
def chromium():
    """One headless browser for the whole session."""
    with sync_playwright() as playwright:
        found = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium):
    """Open a file with the network off; any request, console error or exception fails the test."""
    contexts, wrong = [], []

    def open_file(path, **options):
        context = chromium.new_context(viewport={"width": 1280, "height": 800}, **options)
        context.set_offline(True)
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: wrong.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: wrong.append(f"exception: {error}"))
        page.on("request", lambda request: note(request, path))
        page.goto(path.as_uri())
        if options.get("java_script_enabled", True):
            page.wait_for_selector("html[data-ready]", timeout=30_000)
        return page

    def note(request, path):
        if request.url != path.as_uri() and not request.url.startswith("data:"):
            wrong.append(f"request: {request.url}")

    yield open_file
    for context in contexts:
        context.close()
    assert wrong == []

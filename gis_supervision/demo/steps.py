"""The demonstration: real inspections of Chicago from files to map reports, step by step.

Every step leaves what is there already, so that a second run only looks and a killed run goes on
where it stopped: each step is one transaction.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from threading import Thread
from time import perf_counter, sleep
from typing import TYPE_CHECKING, Any

from gis_supervision import __version__
from gis_supervision import catalogue as catalogue_of
from gis_supervision.analysis import patterns, risk_order, run
from gis_supervision.analysis import scan as scanning
from gis_supervision.assignment import cell_work, design, drawing
from gis_supervision.demo import people
from gis_supervision.domain.rule_history import load_rule_history
from gis_supervision.errors import ConflictError, InvalidInputError
from gis_supervision.importing import batches
from gis_supervision.language import translator
from gis_supervision.rendering import basemap, map_report
from gis_supervision.storage import analyses, draws, grid, inspectors, migration, register, zones
from gis_supervision.storage import batches as batches_of
from gis_supervision.storage.database import session_scope

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from sqlalchemy import Engine
    from sqlalchemy.orm import Session

    from gis_supervision.catalogue import Catalogue
    from gis_supervision.domain.rules import RulePack
    from gis_supervision.settings import Settings

DATA = Path(__file__).parent / "chicago"
SIDE_M = 500.0
ACTOR = "demo"
SEED_AFTER_S = (2.0, 20.0, 200.0)
"""How long after a commitment its seed is known: the first for which the list is ready in time."""
MAPS = (
    "unresolved_hazards",
    "coverage",
    "coverage_months",
    "zone_workload",
    "inspector_load",
    "hotspot_steps",
    "emerging_hotspots",
    "clusters",
    "risk",
)


@dataclass(frozen=True)
class Step:
    """One finished step: what it did, how long it took, whether it was done before."""

    name: str
    seconds: float
    reused: bool


@dataclass(frozen=True)
class Demonstration:
    """What the demonstration made."""

    totals: register.Totals
    maps: dict[str, Path]
    steps: tuple[Step, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON takes it."""
        return {
            **self.totals.to_dict(),
            "maps": {name: str(path) for name, path in self.maps.items()},
            "steps": [
                {"name": step.name, "seconds": round(step.seconds, 2), "reused": step.reused}
                for step in self.steps
            ],
        }


def show(
    settings: Settings,
    url: str,
    engine: Engine,
    reader: Engine,
    *,
    advance: Callable[..., None],
) -> Demonstration:
    """Bring the demonstration about.

    Parameters
    ----------
    settings
        Home directory and language.
    url
        Database of the engines, for the migration.
    engine, reader
        The owner's engine and that of the reader of schema ``map``.
    advance
        Told each step, and how far it is, as `gis_supervision.cli.terminal.progress` takes it.

    Returns
    -------
    Demonstration
    """
    _ = translator(settings.language)
    rules = load_rule_history(settings.rule_pack_path).packs[-1]
    steps: list[Step] = []

    def timed(name: str, work: Callable[[], bool]) -> None:
        advance(name)
        begun = perf_counter()
        reused = work()
        steps.append(Step(name, perf_counter() - begun, reused))

    def load(name: str, mapping: str) -> None:
        def tell(part: str, rows: int) -> None:
            advance(name, f"{part} {rows:,}")

        timed(
            name,
            lambda: (
                batches.run(engine, DATA / mapping, actor=ACTOR, progress=tell).batch_id is None
            ),
        )

    # while files are read: on a new machine the kernels of the scan take seconds to compile
    compiling = Thread(target=scanning.prepare, name="compilation", daemon=True)
    compiling.start()
    timed(_("Migrating the database"), lambda: _migrate(url))
    _refuse_a_register_in_use(engine)
    load(_("Loading the neighbourhoods"), "neighbourhoods.toml")
    load(_("Loading inspections and violations"), "inspections.toml")
    with session_scope(engine) as session:
        # The data end in the past, which is the day that reports speak of. Grid and zones are made
        # up; they are taken to be in force from the first inspection, so that any day has them.
        as_of = register.last_inspection(session) or register.current_day(session)
        first = register.first_inspection(session) or as_of
    timed(_("Cutting the city into cells"), lambda: _grid(engine, first))
    timed(_("Designing zones, assigning inspectors"), lambda: _zones(engine, rules, as_of, first))
    compiling.join()
    timed(_("Computing coverage, hotspots and clusters"), lambda: _analyse(engine, rules, as_of))
    timed(_("Ordering premises by risk"), lambda: _risk(engine, as_of))
    timed(_("Drawing premises by lot"), lambda: _lots(engine, rules, as_of))
    maps = {}
    catalogue = catalogue_of.load(*([settings.catalogue_path] if settings.catalogue_path else []))
    with session_scope(engine) as session:
        totals = register.totals(session, as_of)
        made_of = repr(
            (
                __version__,
                analyses.answers_version(session),
                rules.sha256,
                catalogue.model_dump_json(),
                settings.model_dump_json(),
            )
        )
    drawn = hashlib.sha256(made_of.encode()).hexdigest()
    for name in MAPS:
        maps[name] = settings.home / "maps" / f"{name}.html"
        timed(
            _("Drawing the map %(name)s", name=name),
            functools.partial(_draw, settings, reader, catalogue, maps[name], as_of, drawn),
        )
    return Demonstration(totals, maps, tuple(steps))


def _migrate(url: str) -> bool:
    if migration.is_current(url):
        return True
    migration.upgrade(url)
    return False


def _refuse_a_register_in_use(engine: Engine) -> None:
    with session_scope(engine) as session:
        others = batches_of.importers(session) - {ACTOR}
    if others:
        raise ConflictError(
            "this register holds imports of %(others)s, not of the demonstration alone: set "
            "GIS_SUPERVISION_HOME to another directory for the demonstration",
            others=", ".join(sorted(others)),
        )


def _grid(engine: Engine, first: date) -> bool:
    with session_scope(engine) as session:
        if grid.current(session).ids.size:
            return True
        grid.build(session, side_m=SIDE_M, valid_from=first)
    return False


def _zones(engine: Engine, rules: RulePack, as_of: date, first: date) -> bool:
    with session_scope(engine) as session:
        if zones.count(session, as_of):
            return True
        made = design.design(session, rules, as_of=as_of, valid_from=first)
        made_up = people.made_up(len(made.zone_ids))
        design.assign_in_order(session, made, made_up)
        inspectors.register(session, made_up[len(made.zone_ids) :])
        people.furnish(session, as_of, first, by=ACTOR)
    return False


def _lots(engine: Engine, rules: RulePack, as_of: date) -> bool:
    """Make one draw, whose seed is no lottery and says so."""
    with session_scope(engine) as session:
        made = draws.all_of(session)
        if rules.draws is None or any(one.publication for one in made):
            return True
        if not made:
            wish = drawing.Wish("Demonstration", as_of)
            drawing.plan(session, rules, wish, by=ACTOR)
            _commit(session, rules, wish.name)
    with session_scope(engine) as session:
        record = draws.find(session, "Demonstration")
        known = record.committed().seed_known_from
        sleep(max((known - draws.clock(session)).total_seconds(), 0) + 0.01)
        if record.result is None:
            seed = "demonstration"
            drawing.enter_seed(session, record.plan.name, seed, source_value=seed, by=ACTOR)
        drawing.publish(session, record.plan.name, by=ACTOR)
    return False


def _commit(session: Session, rules: RulePack, name: str) -> None:
    """Commit to a draw before its seed is known, also where a machine is slow to make the list."""
    for seconds in SEED_AFTER_S:
        try:
            drawing.commit(
                session,
                rules,
                name,
                randomness="the word demonstration: made up, no lottery",
                seed_known_from=draws.clock(session) + timedelta(seconds=seconds),
                by=ACTOR,
            )
        except InvalidInputError:
            if seconds == SEED_AFTER_S[-1]:
                raise
        else:
            return


def _analyse(engine: Engine, rules: RulePack, as_of: date) -> bool:
    with session_scope(engine) as session:
        runs = (
            run.coverage(session, rules, as_of),
            run.coverage_months(session, rules, as_of),
            run.hotspots(session, as_of),
            patterns.emerging(session, as_of),
            patterns.scan(session, as_of),
            cell_work.stored(session, rules, as_of),
        )
    return all(result.reused for result in runs)


def _risk(engine: Engine, as_of: date) -> bool:
    with session_scope(engine) as session:
        return risk_order.rank(session, as_of).reused


def _draw(
    settings: Settings, reader: Engine, catalogue: Catalogue, path: Path, as_of: date, drawn: str
) -> bool:
    """Draw a map, unless the file is of the same register, day, settings and software."""
    stamp = path.with_suffix(".drawn")
    if path.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == drawn:
        return True
    path.parent.mkdir(parents=True, exist_ok=True)
    map_report.write(
        path,
        reader,
        catalogue,
        path.stem,
        parameters={"as_of": as_of},
        language=settings.language,
        basemap=basemap.from_settings(settings),
    )
    stamp.write_text(drawn, encoding="utf-8")
    return False

"""A whole analysis of a large register: coverage and hotspots, from the register to stored results.

Imports premises as `import_premises.py` makes them, gives each some inspections and every fifth an
unresolved hazard, and measures seconds, memory of the client and of the server for

* coverage by cell, division, category and in total under the county's rules, with the next visit of
  every premises,
* the same counts at the end of each of 24 months,
* hotspots at H3 resolution 8 (analytic), and at resolution 9 with 999 permutations.

Usage: ``python benchmarks/analysis.py [--premises 1000000] [--inspections 5000000]``. A private
cluster of its own is made in a temporary directory and removed afterwards. There is no peer that
does the same from a register to stored results: kernels are measured against theirs in
`hotspots.py`.

Measured at 1,000,000 premises and 5,000,000 inspections on two cores: coverage 4.8 s and 836 MB in
the client, hotspots at resolution 8 3.4 s, at resolution 9 with 999 permutations 13.5 s; the server
took 98 MB at most. Wanted were 60 s and 2 GiB. That was before coverage stored the next
visit of every premises, and without the months.
"""

import argparse
import threading
import time
from contextlib import suppress
from datetime import date
from importlib.resources import files
from typing import TYPE_CHECKING, Self

import psutil
from import_premises import ours, prepared_register
from sqlalchemy import text

from gis_supervision.analysis import run
from gis_supervision.domain.rules import load_rule_pack
from gis_supervision.storage import database
from gis_supervision.storage.database import session_scope

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

AS_OF = date(2025, 6, 30)
RULES = files("gis_supervision") / "demo" / "wusu" / "rules.toml"

INSPECTIONS = """
INSERT INTO inspection (inspection_number, premises_id, inspected_on, channel, result)
SELECT
    'N' || i,
    p.first + (i::bigint * 7919) % p.number,
    date '2022-01-01' + ((i::bigint * 104729) % 1270)::int,
    CASE WHEN i % 4 = 0 THEN 'online' ELSE 'on_site' END,
    'pass'
FROM (SELECT min(id) AS first, count(*) AS number FROM premises) AS p
CROSS JOIN generate_series(1, :rows) AS i
"""
HAZARDS = """
INSERT INTO hazard (
    premises_id, item, severity, first_inspection_id, last_inspection_id, found_on, last_seen_on,
    times_seen
)
SELECT i.premises_id, '1', 'minor', i.id, i.id, i.inspected_on, i.inspected_on, 1
FROM (
    SELECT DISTINCT ON (premises_id) premises_id, id, inspected_on
    FROM inspection
    WHERE premises_id % 5 = 0
    ORDER BY premises_id, inspected_on DESC, id
) AS i
"""


class Peaks:
    """Largest memory of this process, and of the server's processes together, while it runs."""

    def __init__(self, server: int) -> None:
        self.client_mb = self.server_mb = 0.0
        self._server = psutil.Process(server)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        own = psutil.Process()
        while not self._ended.wait(0.05):
            self.client_mb = max(self.client_mb, own.memory_info().rss / 1e6)
            used = 0
            for process in (self._server, *self._server.children()):
                with suppress(psutil.NoSuchProcess):
                    memory = process.memory_info()
                    used += memory.rss - memory.shared
            self.server_mb = max(self.server_mb, used / 1e6)


def fill(engine: "Engine", inspections: int) -> None:
    """Give the premises inspections and hazards."""
    with engine.begin() as connection:
        connection.execute(text(INSPECTIONS), {"rows": inspections})
        connection.execute(text("ANALYZE inspection"))
        connection.execute(text(HAZARDS))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--premises", type=int, default=1_000_000)
    parser.add_argument("--inspections", type=int, default=5_000_000)
    chosen = parser.parse_args()
    with prepared_register(chosen.premises) as (url, pid, file):
        engine = database.engine(url)
        ours(engine, file)
        fill(engine, chosen.inspections)
        print(f"{chosen.premises:,} premises, {chosen.inspections:,} inspections", flush=True)
        rules = load_rule_pack(RULES)
        steps: dict[str, Callable[..., object]] = {
            "coverage": lambda session: run.coverage(session, rules, AS_OF),
            "coverage of 24 months": lambda session: run.coverage_months(session, rules, AS_OF),
            "hotspots, resolution 8": lambda session: run.hotspots(session, AS_OF),
            "hotspots, resolution 9, 999 permutations": lambda session: run.hotspots(
                session, AS_OF, resolution=9, permutations=999
            ),
        }
        total = 0.0
        print("| step | seconds | client, MB | server, MB |\n| --- | --- | --- | --- |")
        for name, step in steps.items():
            with Peaks(pid) as peaks:
                started = time.perf_counter()
                with session_scope(engine) as session:
                    step(session)
                took = time.perf_counter() - started
            total += took
            print(f"| {name} | {took:.1f} | {peaks.client_mb:.0f} | {peaks.server_mb:.0f} |")
        print(f"| together | {total:.1f} | | |")
        engine.dispose()


if __name__ == "__main__":
    main()

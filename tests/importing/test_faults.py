"""Whatever happens in the middle of an import, the register is as before or as after."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import psutil
import pytest
from conftest import new_home
from sqlalchemy import text

from gis_supervision.errors import UnavailableError
from gis_supervision.importing import batches
from gis_supervision.settings import Settings
from gis_supervision.storage import cluster, database, migration
from gis_supervision.storage.statements import named

CLIENT = """
import os, signal, sys
from pathlib import Path
from gis_supervision.importing import batches
from gis_supervision.storage import database

url, mapping, stop = sys.argv[1:]
def progress(step, rows):
    if step == stop:
        os.kill(os.getpid(), signal.SIGKILL)
engine = database.engine(url)
print("ready", flush=True)
batches.run(engine, Path(mapping), actor="tester", progress=progress)
"""
SEED = 20250711
CLIENT_KILLS, SERVER_KILLS = 6, 4


def larger(rows: int) -> tuple[str, str]:
    visits = ["Licence,Name,Risk,Lat,Lng,Visit,Day"]
    findings = ["Visit,Item"]
    for index in range(rows):
        day = f"{1 + index % 12:02d}/{1 + index % 28:02d}/2024"
        visits.append(
            f"B{index % 900},Shop {index % 900},1,44.{index % 900:03d},84.6,V{index},{day}"
        )
        findings.append(f"V{index},{index % 44}")
    return "\n".join(visits), "\n".join(findings)


@contextmanager
def own_cluster(home: Path):
    settings = Settings(home=home)
    endpoint = cluster.ensure(settings)
    try:
        migration.upgrade(endpoint.url)
        yield settings, endpoint.url
    finally:
        cluster.stop(settings)


def test_kill_9_of_the_database_in_the_middle_of_an_import(register):
    with own_cluster(new_home()) as (settings, url):
        register.engine = database.engine(url)
        mapping = register.town()
        register.run(mapping)
        before = register.content()
        visits, findings = larger(3000)
        files = [register.write("v.csv", visits), register.write("f.csv", findings)]
        for step in ("read visits.csv", "premises", "hazards"):
            wanted = step.replace("visits", "v").replace("findings.csv", "f.csv")

            def kill(now, _rows, wanted=wanted):
                if now == wanted:
                    server = psutil.Process(cluster.status(settings).pid)
                    server.kill()
                    server.wait(30)

            with pytest.raises(UnavailableError):
                register.run(mapping, files=files, progress=kill)
            register.engine.dispose()
            assert cluster.ensure(settings).url == url
            assert register.content() == before
        fewer = [
            register.write(name, content)
            for name, content in zip(("v2.csv", "f2.csv"), larger(800), strict=True)
        ]
        kill_at_random_moments(register, settings, mapping, fewer)
        assert register.run(mapping, files=files).counts["inspections"]["new"] == 3000
        register.engine.dispose()


def kill_at_random_moments(register, settings, mapping, files):
    """Kill the server, or the process that serves the import, and look at what is there."""
    before = register.content()
    started = time.monotonic()
    whole = register.run(mapping, files=files)
    lasts_s = time.monotonic() - started
    after = register.facts()
    batches.undo(register.engine, whole.batch_id, actor="tester")
    assert register.content() == before
    chance = np.random.default_rng(SEED)
    for turn in range(SERVER_KILLS):
        number = cluster.status(settings).pid
        if turn % 2:
            number = register.rows("SELECT pg_backend_pid()")[0][0]
        timer = threading.Timer(chance.uniform(0, lasts_s), psutil.Process(number).kill)
        timer.start()
        try:
            register.run(mapping, files=files)
        except UnavailableError:
            pass
        finally:
            timer.join()
        register.engine.dispose()
        cluster.ensure(settings)
        assert_before_or_after(register, before, after)


def assert_before_or_after(register, before, after):
    """See that nothing or everything was imported; undo what was."""
    with register.engine.begin() as connection:
        # until the server has noticed that its client is gone
        connection.execute(text(named("batches")["lock"]))
    made = register.rows("SELECT max(id) FROM import_batch WHERE undone_at IS NULL AND id > 1")
    if made != [(None,)]:
        assert register.facts() == after
        batches.undo(register.engine, made[0][0], actor="tester")
    assert register.content() == before


@pytest.mark.parametrize("step", ["read findings.csv", "premises", "hazards"])
def test_kill_9_of_the_importing_program(register, step):
    mapping = register.town()
    url = register.engine.url.render_as_string(hide_password=False)
    done = subprocess.run(
        [sys.executable, "-c", CLIENT, url, str(mapping), step], check=False, env=os.environ
    )
    assert done.returncode == -signal.SIGKILL
    # the next import waits until the server has noticed, and finds nothing of the first
    assert register.run(mapping).counts["premises"] == {
        "new": 3,
        "changed": 0,
        "unchanged": 0,
        "withdrawn": 0,
    }
    assert register.rows("SELECT count(*) FROM import_batch") == [(1,)]


def test_kill_9_of_the_importing_program_at_random_moments(register):
    register.run(register.town())
    before = register.content()
    visits, findings = larger(800)
    mapping = register.town(visits, findings)
    started = time.monotonic()
    whole = register.run(mapping)
    lasts_s = time.monotonic() - started
    after = register.facts()
    batches.undo(register.engine, whole.batch_id, actor="tester")
    url = register.engine.url.render_as_string(hide_password=False)
    chance = np.random.default_rng(SEED)
    for _ in range(CLIENT_KILLS):
        with subprocess.Popen(
            [sys.executable, "-c", CLIENT, url, str(mapping), "never"],
            stdout=subprocess.PIPE,
            env=os.environ,
        ) as client:
            assert client.stdout.readline() == b"ready\n"
            with suppress(subprocess.TimeoutExpired):
                client.wait(chance.uniform(0, lasts_s))
            client.kill()
        assert_before_or_after(register, before, after)


def test_interrupting_leaves_nothing(register):
    def interrupt(step, _rows):
        if step == "hazards":
            raise KeyboardInterrupt

    before = register.content()
    with pytest.raises(KeyboardInterrupt):
        register.run(register.town(), progress=interrupt)
    assert register.content() == before


@contextmanager
def small_disk(directory: Path, megabytes: int):
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=711", "tmpfs", str(directory)],
        check=False,
        capture_output=True,
    )
    if mounted.returncode:
        pytest.skip("no right to mount a small disk")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(directory)], check=True)


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="needs to mount a disk")
def test_a_full_disk_leaves_the_register_as_it_was(register):
    home = new_home()
    with small_disk(home, 130), own_cluster(home) as (_settings, url):
        register.engine = database.engine(url)
        mapping = register.town()
        register.run(mapping)
        before = register.content()
        visits, findings = larger(150_000)
        files = [register.write("v.csv", visits), register.write("f.csv", findings)]
        with pytest.raises(UnavailableError, match="disk"):
            register.run(mapping, files=files)
        register.engine.dispose()
        assert register.content() == before
        batches.undo(register.engine, 1, actor="tester")
        register.engine.dispose()

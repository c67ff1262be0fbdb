"""A real scheduler and worker processes on this machine, some of them killed."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import partitions_made as made
import pytest
from distributed import LocalCluster

import gis_supervision
from gis_supervision.analysis import cluster
from gis_supervision.analysis import dataset as analysing
from gis_supervision.analysis.partitions import Question
from gis_supervision.domain.rules import load_rule_pack
from gis_supervision.errors import InvalidInputError, UnavailableError
from gis_supervision.storage.partition_files import open_dataset

DEMO = Path(gis_supervision.__file__).parent / "demo"
DASK = [sys.executable, "-m", "dask"]
LOCAL = ["--host", "127.0.0.1", "--no-dashboard", "--dashboard-address", "127.0.0.1:0"]
ALONE = ["--no-nanny", "--nworkers", "1", "--nthreads", "1", "--memory-limit", "1GiB"]
ROWS = made.random_premises(640, seed=8)
SECONDS = 60.0


class Running:
    """A process of Dask; its log tells when it is ready."""

    def __init__(self, arguments, ready, **options):
        self.process = subprocess.Popen(
            [*DASK, *arguments, *LOCAL], stderr=subprocess.PIPE, text=True, **options
        )
        self.ready = ready
        # a full pipe would stop it
        self.rest = threading.Thread(target=self.process.stderr.read)

    def __enter__(self):
        return self

    def wait(self):
        lines = (line for line in self.process.stderr if self.ready in line)
        line = next(lines, None)
        assert line is not None, f"ended with {self.process.wait()}"
        self.rest.start()
        return line.split()[-1]

    def kill(self):
        self.process.kill()
        self.process.wait()

    def __exit__(self, *_):
        self.kill()
        if self.rest.ident:
            self.rest.join()
        self.process.stderr.close()


def worker(address, place, **environment):
    place.mkdir()
    return Running(
        ["worker", address, *ALONE, "--local-directory", str(place)],
        "Registered to:",
        cwd=place,
        env={**os.environ, **environment},
    )


@pytest.fixture(scope="module")
def scheduler():
    with Running(["scheduler", "--port", "0"], "Scheduler at:") as process:
        yield process.wait()


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Many pieces, so that a worker can be killed when only some of them are counted."""
    path = made.write(tmp_path_factory.mktemp("cluster") / "set", ROWS, [10] * 64)
    return open_dataset(path)


@pytest.fixture(scope="module")
def asked():
    rules = load_rule_pack(DEMO / "wusu" / "rules.toml")
    return Question(made.AS_OF, rules, 8, 9, np.arange(2, 9), np.arange(2, 9) % 3)


def plain(counts):
    return {name: str(value) for name, value in vars(counts).items()}


def test_counts_are_the_same_when_a_worker_is_killed_half_way(scheduler, dataset, asked, tmp_path):
    told = []
    with (
        worker(scheduler, tmp_path / "a") as first,
        worker(scheduler, tmp_path / "b") as second,
        ExitStack() as stack,
    ):
        first.wait()
        second.wait()
        client = stack.enter_context(cluster.connected(scheduler, timeout_s=SECONDS))

        def kill(done, of):
            told.append(done)
            if 0 < done < of:
                first.kill()

        counts = cluster.count(client, dataset, asked, timeout_s=SECONDS, advance=kill)
        assert first.process.poll() == -9
        assert second.process.poll() is None
        assert any(0 < done < 64 for done in told)
        assert told[-1] == 64
        assert plain(counts) == plain(analysing.count_here(dataset, asked))

        # a wrong partition is told as in one process, and the cluster can go on
        rows = [*ROWS[:19], ROWS[19] | {"lng": 84.0, "lat": 95.0}]
        bad = open_dataset(made.write(tmp_path / "bad", rows, [10, 10]))
        with pytest.raises(InvalidInputError, match=r"part-1\.parquet: row 10: .* latitude 95"):
            cluster.count(client, bad, asked, timeout_s=SECONDS)

        def kill_the_last(_done, _of):
            second.kill()

        with pytest.raises(UnavailableError, match="no worker for 1 s while partitions"):
            cluster.count(client, dataset, asked, timeout_s=1, advance=kill_the_last)


def test_workers_of_another_version_and_those_that_hang_are_refused(scheduler, tmp_path):
    package = tmp_path / "gis_supervision"
    source = Path(gis_supervision.__file__).parent
    shutil.copytree(
        source, package, ignore=shutil.ignore_patterns("assets", "demo", "locale", "__pycache__")
    )
    kernel = package / "analysis" / "coverage.py"
    kernel.write_text(kernel.read_text() + "\n# changed\n")
    expected = r"tcp://127\.0\.0\.1:\d+: source \w{12}, expected \w{12}"
    with worker(scheduler, tmp_path / "a", PYTHONPATH=str(tmp_path)) as other:
        other.wait()
        with (
            pytest.raises(UnavailableError, match=expected),
            cluster.connected(scheduler, timeout_s=SECONDS),
        ):
            pass
        os.kill(other.process.pid, signal.SIGSTOP)
        with (
            pytest.raises(UnavailableError, match="a worker does not answer, waited 1 s"),
            cluster.connected(scheduler, timeout_s=1),
        ):
            pass


def test_a_worker_that_joins_late_is_asked_for_its_version(dataset, asked):
    other = cluster.environment() | {"numpy": "1.0"}
    with pytest.raises(UnavailableError, match=r"a worker has numpy [\d.]+, expected 1\.0"):
        cluster._count_piece(dataset.pieces[0], asked, other)


def test_no_scheduler_no_answer_and_no_worker_are_told_in_time():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        free = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with (
            pytest.raises(UnavailableError, match=f"scheduler {free}: no answer within 1 s"),
            cluster.connected(free, timeout_s=1),
        ):
            pass
        silent.listen()
        with (
            pytest.raises(UnavailableError, match=f"scheduler {free}: no answer within 1 s"),
            cluster.connected(free, timeout_s=1),
        ):
            pass
    with (
        LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address="127.0.0.1:0") as empty,
        pytest.raises(UnavailableError, match="no worker within 1 s; start one with"),
        cluster.connected(empty.scheduler_address, timeout_s=1),
    ):
        pass


@pytest.mark.parametrize("address", ["", "127.0.0.1:8786", "http://127.0.0.1:8786", "tcp://"])
def test_what_is_no_address_is_refused(address):
    with (
        pytest.raises(InvalidInputError, match="expected an address as tcp://HOST:PORT"),
        cluster.connected(address),
    ):
        pass


@pytest.mark.parametrize(
    ("workers", "memory", "message"),
    [(0, "1GiB", "workers 0: expected at least 1"), (1, "much", "memory limit 'much': expected")],
)
def test_impossible_workers_are_refused(workers, memory, message):
    with (
        pytest.raises(InvalidInputError, match=message),
        cluster.local(workers, memory_limit=memory),
    ):
        pass


def test_workers_of_ones_own_are_limited_in_memory_and_end_with_the_block(dataset, asked):
    with cluster.local(1, memory_limit="700MB", timeout_s=SECONDS) as client:
        (told,) = client.scheduler_info()["workers"].values()
        assert told["memory_limit"] == 700_000_000
        counts = cluster.count(client, dataset, asked, timeout_s=SECONDS)
        (pid,) = client.run(os.getpid).values()
    assert plain(counts) == plain(analysing.count_here(dataset, asked))
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_caller_may_have_an_event_loop(scheduler):
    """Notebooks do."""

    async def asked_in_a_loop():
        with (
            pytest.raises(UnavailableError, match="no worker"),
            cluster.connected(scheduler, timeout_s=1),
        ):
            pass
        return True

    # in a thread: a browser's tests leave a loop of their own in this one
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(lambda: asyncio.run(asked_in_a_loop())).result()

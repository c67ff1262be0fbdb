"""Counting a dataset on many processes: a Dask cluster, or workers of one's own on this machine.

Pieces of the dataset are tasks, and their counts are added up on the workers, some at a time. When
a worker dies, the scheduler gives what was lost to another, and the sums are the same.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import platform
import time
import uuid
import warnings
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final

import dask
from distributed import Client, Future, LocalCluster
from distributed.comm.core import CommClosedError, connect
from distributed.scheduler import KilledWorker
from distributed.security import Security
from distributed.versions import VersionMismatchWarning

from gis_supervision.analysis import partitions
from gis_supervision.errors import InvalidInputError, SupervisionError, UnavailableError
from gis_supervision.messages import Message, Parts, joined

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gis_supervision.analysis.partitions import Counts, Question
    from gis_supervision.storage.partition_files import Dataset, Piece

TIMEOUT_S: Final = 30.0
MEMORY_LIMIT: Final = "1GiB"
_MERGED_AT_ONCE: Final = 16
_POLL_S: Final = 1.0
_PACKAGES: Final = ("gis-supervision", "numpy", "pyarrow", "polars", "polars-h3", "distributed")
_MODULES: Final = (
    *("analysis/partitions.py", "analysis/coverage.py", "analysis/coverage_frames.py"),
    *("domain/h3_index.py", "domain/rules.py", "domain/rule_values.py"),
    *("storage/partition_columns.py", "storage/partition_files.py", "storage/partition_rows.py"),
)
"""What the counts depend on: two versions of these may count otherwise."""


@contextmanager
def connected(scheduler: str, *, timeout_s: float = TIMEOUT_S) -> Iterator[Client]:
    """Connect to a Dask scheduler whose workers have the same version of this package.

    Parameters
    ----------
    scheduler
        Address such as ``tcp://10.0.0.5:8786``.
    timeout_s
        Seconds to wait for the scheduler, and for a first worker.

    Yields
    ------
    Client

    Raises
    ------
    InvalidInputError
        The address is none.
    UnavailableError
        There is no answer, there are no workers, or they have other versions.
    """
    protocol, separator, place = scheduler.partition("://")
    if not separator or protocol not in {"tcp", "tls", "ws", "wss"} or not place:
        raise InvalidInputError(
            "scheduler %(scheduler)r: expected an address as tcp://HOST:PORT", scheduler=scheduler
        )
    try:
        # a client would wait for ever for somebody who listens and says nothing
        _greet(scheduler, timeout_s)
        with warnings.catch_warnings():
            # versions are compared below, those of the workers too
            warnings.simplefilter("ignore", VersionMismatchWarning)
            client = Client(
                scheduler, timeout=timeout_s, set_as_default=False, name="gis-supervision"
            )
    except (OSError, TimeoutError, ValueError, ImportError) as error:
        raise UnavailableError(
            "scheduler %(scheduler)s: no answer within %(timeout_s)g s (%(error)s); expected a "
            "Dask scheduler at this address",
            scheduler=scheduler,
            timeout_s=timeout_s,
            error=_said(error),
        ) from error
    with _closing(client):
        _wait_for_workers(client, scheduler, timeout_s)
        yield client


@contextmanager
def local(
    workers: int, *, memory_limit: str = MEMORY_LIMIT, timeout_s: float = TIMEOUT_S
) -> Iterator[Client]:
    """Start worker processes on this machine, which end with the block.

    Parameters
    ----------
    workers
        Number of processes, at least 1.
    memory_limit
        Memory of each, such as ``1GiB``; a worker that takes more is replaced by a new one.
    timeout_s
        Seconds to wait for a first worker.

    Yields
    ------
    Client

    Raises
    ------
    InvalidInputError
        The number or the memory is none.
    UnavailableError
        No worker starts in time.
    """
    if workers < 1:
        raise InvalidInputError("workers %(workers)s: expected at least 1", workers=workers)
    try:
        limit = dask.utils.parse_bytes(memory_limit)
    except ValueError as error:
        raise InvalidInputError(
            "memory limit %(memory_limit)r: expected a size as 1GiB or 500MB",
            memory_limit=memory_limit,
        ) from error
    with (
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            host="127.0.0.1",
            scheduler_port=0,
            # no pages for people, and for programs on no fixed port
            scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
            worker_dashboard_address=None,
            memory_limit=limit,
            silence_logs=logging.CRITICAL,
        ) as cluster,
        _closing(Client(cluster, timeout=timeout_s, set_as_default=False)) as client,
    ):
        _wait_for_workers(client, "on this machine", timeout_s)
        yield client


def count(
    client: Client,
    dataset: Dataset,
    question: Question,
    *,
    timeout_s: float = TIMEOUT_S,
    advance: Callable[[int, int], None] = lambda _done, _all: None,
) -> Counts:
    """Count a dataset on the workers of a cluster.

    Parameters
    ----------
    client
        Of `connected` or `local`.
    dataset
        Its files must be seen by all workers under the same path.
    question
        What is counted.
    timeout_s
        Seconds that the cluster may be without a worker, or the scheduler without an answer.
    advance
        Is told from time to time how many pieces are counted, and of how many.

    Returns
    -------
    Counts
        The same as without a cluster, to the last digit.

    Raises
    ------
    InvalidInputError, ConflictError, NotFoundError
        A partition is not what was expected.
    UnavailableError
        The cluster is lost, or workers die of the work again and again.
    """
    if not dataset.pieces:
        return partitions.nothing()
    run = uuid.uuid4().hex[:12]
    # as a task of its own, the question is sent once to each worker and outlives any of them
    asked = client.submit(_itself, question, key=f"question-{run}", pure=False)
    level = [
        client.submit(
            _count_piece, piece, asked, environment(), key=f"count-{run}-{number}", pure=False
        )
        for number, piece in enumerate(dataset.pieces)
    ]
    shares, first = [1] * len(level), level
    stage = 0
    while len(level) > 1:
        stage += 1
        groups = [level[at : at + _MERGED_AT_ONCE] for at in range(0, len(level), _MERGED_AT_ONCE)]
        # before further pieces, so that what is added up can be forgotten
        level = [
            client.submit(
                _merged, *group, key=f"merge-{run}-{stage}-{number}", pure=False, priority=stage
            )
            for number, group in enumerate(groups)
        ]
        if stage == 1:
            shares, first = [len(group) for group in groups], level
        del groups
    steps = dict(zip(first, shares, strict=True))
    (final,) = level
    del level, first, asked
    try:
        return _awaited(client, final, steps, timeout_s=timeout_s, advance=advance)
    finally:
        if client.status == "running" and not final.done():
            client.cancel([final, *steps], force=True)


def environment() -> dict[str, str]:
    """Return the versions that counts depend on, of this process."""
    return dict(_environment())


@cache
def _environment() -> tuple[tuple[str, str], ...]:
    source = hashlib.sha256()
    for module in _MODULES:
        source.update((files("gis_supervision") / module).read_bytes())
    return (
        ("python", ".".join(platform.python_version_tuple()[:2])),
        *((name, version(name)) for name in _PACKAGES),
        ("source", source.hexdigest()[:12]),
    )


def _count_piece(piece: Piece, question: Question, expected: Mapping[str, str]) -> Counts:
    # a worker that joins late was not asked before
    problem = _other_versions(expected, environment())
    if problem:
        raise UnavailableError("a worker has %(problem)s", problem=problem)
    return partitions.count_piece(piece, question)


def _greet(scheduler: str, timeout_s: float) -> None:
    """Wait for an answer, in a thread: notebooks have an event loop in the caller's."""

    async def answered() -> None:
        await asyncio.wait_for(_greeted(scheduler, timeout_s), timeout_s)

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, answered()).result()


async def _greeted(scheduler: str, timeout_s: float) -> None:
    """Wait until somebody at the address greets as Dask does."""
    secrets = Security().get_connection_args("client")
    comm = await connect(scheduler, timeout=timeout_s, **secrets)
    await comm.close()


def _itself(question: Question) -> Question:
    return question


def _merged(*parts: Counts) -> Counts:
    return partitions.merged(parts)


def _awaited(
    client: Client,
    final: Future[Counts],
    steps: dict[Future[Counts], int],
    *,
    timeout_s: float,
    advance: Callable[[int, int], None],
) -> Counts:
    """Wait for a result, as long as there is somebody who works on it."""
    ended: SimpleQueue[Future[Counts]] = SimpleQueue()
    for future in {*steps, final}:
        future.add_done_callback(ended.put)
    whole, done = sum(steps.values()), 0
    last_seen = time.monotonic()
    while not final.done():
        with suppress(Empty):
            # what is added up can be forgotten, once nobody holds it here
            done += steps.pop(ended.get(timeout=_POLL_S), 0)
            advance(done, whole)
        if client.status != "running":
            raise UnavailableError("the scheduler was lost while partitions were counted")
        if time.monotonic() - last_seen < _POLL_S or final.done():
            continue
        if _workers(client, timeout_s):
            last_seen = time.monotonic()
        elif time.monotonic() - last_seen > timeout_s:
            raise UnavailableError(
                "no worker for %(timeout_s)g s while partitions were counted; expected at least 1",
                timeout_s=timeout_s,
            )
    if final.status == "finished":
        advance(whole, whole)
    return _outcome(final, timeout_s)


def _outcome(final: Future[Counts], timeout_s: float) -> Counts:
    """Return the result, or say what went wrong."""
    try:
        counts: Counts = final.result(timeout=timeout_s)
    except SupervisionError:
        raise
    except KilledWorker as error:
        raise UnavailableError(
            "%(allowed_failures)s workers died of the same partition, maybe for want of memory; "
            "expected workers with more memory, or smaller row groups",
            allowed_failures=error.allowed_failures + 1,
        ) from error
    except (CancelledError, CommClosedError, TimeoutError) as error:
        raise UnavailableError(
            "the scheduler was lost while partitions were counted (%(error)s)", error=_said(error)
        ) from error
    return counts


def _workers(client: Client, timeout_s: float) -> list[str]:
    """Return the addresses of the workers, as the scheduler tells them now."""
    scheduler: Any = client.scheduler
    try:
        told = client.sync(scheduler.identity, n_workers=-1, callback_timeout=timeout_s)
    except (TimeoutError, OSError, AttributeError) as error:
        raise UnavailableError(
            "the scheduler does not answer any more, waited %(timeout_s)g s (%(error)s)",
            timeout_s=timeout_s,
            error=_said(error),
        ) from error
    return list(told["workers"])


def _wait_for_workers(client: Client, place: str, timeout_s: float) -> None:
    """Wait for a worker, and refuse workers and a scheduler of other versions."""
    try:
        client.wait_for_workers(1, timeout=timeout_s)
    except TimeoutError as error:
        raise UnavailableError(
            "scheduler %(place)s: no worker within %(timeout_s)g s; start one with `dask worker "
            "ADDRESS`",
            place=place,
            timeout_s=timeout_s,
        ) from error
    wanted = environment()
    try:
        told: dict[str, Any] = client.sync(
            client._run,  # noqa: SLF001 - the public way waits for ever for a worker that hangs
            environment,
            on_error="return",
            callback_timeout=timeout_s,
        )
    except TimeoutError as error:
        raise UnavailableError(
            "scheduler %(place)s: a worker does not answer, waited %(timeout_s)g s",
            place=place,
            timeout_s=timeout_s,
        ) from error
    try:
        told["the scheduler"] = client.run_on_scheduler(environment)
    except (ImportError, AttributeError, RuntimeError) as error:
        told["the scheduler"] = error
    problems = []
    for who, answer in told.items():
        if isinstance(answer, BaseException):
            problems.append(
                Message(
                    "%(who)s: cannot load gis_supervision (%(error)s)",
                    who=who,
                    error=_said(answer),
                )
            )
        elif problem := _other_versions(wanted, answer):
            problems.append(Message("%(who)s: %(problem)s", who=who, problem=problem))
    if problems:
        raise UnavailableError.told(*problems)


def _other_versions(wanted: Mapping[str, str], found: Mapping[str, str]) -> Parts | None:
    others = [
        Message(
            "%(name)s %(found)s, expected %(expected)s",
            name=name,
            found=found.get(name) or Message("missing"),
            expected=value,
        )
        for name, value in wanted.items()
        if found.get(name) != value
    ]
    return joined(others, ", ") if others else None


@contextmanager
def _closing(client: Client) -> Iterator[Client]:
    try:
        yield client
    finally:
        with suppress(TimeoutError, CancelledError):
            client.close(timeout=5)


def _said(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__

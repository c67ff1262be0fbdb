"""The server process of the private cluster: found, waited for, cleaned up after."""

import contextlib
import time
from pathlib import Path

import psutil

from gis_supervision.errors import UnavailableError
from gis_supervision.messages import Message
from gis_supervision.storage import server
from gis_supervision.storage.data_directory import SOCKET_NAME, Cluster

START_TIMEOUT_S = 600
"""Longest wait for a start: recovery after a crash replays at most `max_wal_size`."""


def pid_file(cluster: Cluster) -> list[str]:
    """Return the lines of ``postmaster.pid``, none if there is no such file."""
    try:
        return (cluster.data / "postmaster.pid").read_text().splitlines()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return []


def living(cluster: Cluster) -> psutil.Process | None:
    """Return the server of this data directory if it lives.

    The number in ``postmaster.pid`` is not trusted: after a crash it may be another process's.
    """
    lines = pid_file(cluster)
    if not lines or not lines[0].strip().lstrip("-").isdigit():
        return None
    try:
        process = psutil.Process(abs(int(lines[0])))
    except psutil.NoSuchProcess:
        return None
    return process if serves(process, cluster) else None


def serves(process: psutil.Process, cluster: Cluster) -> bool:
    """Tell whether a process is a living PostgreSQL process of this data directory."""
    try:
        if process.status() == psutil.STATUS_ZOMBIE or "post" not in process.name():
            return False
        return Path(process.cwd()).samefile(cluster.data)
    except (psutil.Error, OSError):
        return False


def clear_leftovers(cluster: Cluster) -> None:
    """End the backends that outlived a killed server, and remove its pid file and sockets."""
    orphans = [process for process in psutil.process_iter() if serves(process, cluster)]
    for send in (psutil.Process.terminate, psutil.Process.kill):
        for process in orphans:
            with contextlib.suppress(psutil.NoSuchProcess):
                send(process)
        psutil.wait_procs(orphans, timeout=5)
        orphans = [process for process in orphans if serves(process, cluster)]
    if orphans:
        wait_for(orphans, Message("processes of the last server do not end"), cluster)
    stale = [cluster.data / "postmaster.pid"]
    stale += [cluster.sockets / name for name in (SOCKET_NAME, SOCKET_NAME + ".lock")]
    for path in stale:
        path.unlink(missing_ok=True)


def wait_for(processes: list[psutil.Process], problem: Message, cluster: Cluster) -> None:
    """Wait until processes have ended.

    Raises
    ------
    UnavailableError
        They do not end; the message begins with the problem.
    """
    _, alive = psutil.wait_procs(processes, timeout=120)
    alive = [process for process in alive if serves(process, cluster)]
    if alive:
        numbers = ", ".join(str(process.pid) for process in alive)
        raise UnavailableError(
            "%(problem)s (pid %(numbers)s; log: %(log)s)",
            problem=problem,
            numbers=numbers,
            log=cluster.log,
        )


def wait_until_ready(cluster: Cluster, process: psutil.Process) -> None:
    """Wait until a server that lives answers; it may still be replaying its log."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            server.connect(cluster.url(database="postgres")).close()
        except UnavailableError as error:
            if time.monotonic() > deadline or not serves(process, cluster):
                raise UnavailableError(
                    "%(error)s (log: %(log)s)", error=error, log=cluster.log
                ) from error
            time.sleep(0.1)
        else:
            return


def log_since(cluster: Cluster, offset: int) -> str:
    """Return what the log holds from an offset in bytes on."""
    try:
        with cluster.log.open("rb") as file:
            file.seek(offset)
            return file.read(20_000).decode("utf-8", "replace")
    except OSError:
        return ""

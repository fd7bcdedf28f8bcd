"""How fast the programs are on switchlib: gevent's operations, and gunicorn under a load on loopback."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psutil

from tests.programs.environments import HERE, ROOT, Environment
from tests.programs.suites import Absent

WORKERS = ("gevent", "eventlet")
CONNECTIONS = 100
SECONDS = 5
UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}

Pair = tuple[Environment, Environment]
Row = dict[str, float]


def operations(environment: Environment) -> Row:
    """Nanoseconds of processor time that each of gevent's operations takes."""
    output = subprocess.run(
        [environment.python, str(HERE / "operations.py")],
        env=os.environ | environment.variables,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    costs: Row = json.loads(output)
    return {f"{name}, ns": cost for name, cost in costs.items()}


def load(environment: Environment, worker: str) -> Row:
    """What a load of some seconds on one worker process of gunicorn tells, and its memory after it."""
    with gunicorn(environment, worker) as (url, process):
        told = subprocess.run(
            ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--latency", url],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        (serving,) = process.children()
        memory = serving.memory_info().rss / 2**20
    if "Non-2xx" in told or "Socket errors" in told:
        raise RuntimeError(f"gunicorn -k {worker} on {environment.name} did not serve all:\n{told}")
    rate, latency = re.search(r"Requests/sec:\s*([\d.]+)", told), re.search(r"99%\s+([\d.]+)(us|ms|s)", told)
    if rate is None or latency is None:
        raise RuntimeError(f"wrk said what cannot be read:\n{told}")
    return {
        f"gunicorn -k {worker}, requests/s": float(rate[1]),
        f"gunicorn -k {worker}, 99th percentile, ms": float(latency[1]) * UNITS[latency[2]],
        f"gunicorn -k {worker}, resident, MiB": memory,
    }


@contextmanager
def gunicorn(environment: Environment, worker: str) -> Iterator[tuple[str, psutil.Process]]:
    """gunicorn with one worker process, serving the application on loopback."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"127.0.0.1:{port}"
    command = [environment.python, "-m", "gunicorn", "-k", worker, "-w1", "-b", address, "application"]
    process = psutil.Popen(
        [*command, "--chdir", str(HERE), "--log-level", "error", "--no-control-socket"],
        env=os.environ | environment.variables,
        cwd=ROOT,
    )
    try:
        for _ in range(300):
            if process.poll() is not None:
                raise RuntimeError(f"gunicorn -k {worker} on {environment.name} ended with {process.returncode}")
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield f"http://{address}/", process
    finally:
        process.terminate()
        process.wait(30)


def measure(pair: Pair, rounds: int) -> list[str]:
    """The lines of a table: medians of both, and the median of the ratios of each round, taken in turn."""
    if shutil.which("wrk") is None:
        raise Absent("wrk (Debian: apt-get install wrk)")
    rows: dict[str, list[Row]] = {environment.name: [] for environment in pair}
    for number in range(rounds):
        for environment in pair if number % 2 == 0 else pair[::-1]:
            row = operations(environment)
            for worker in WORKERS:
                row |= load(environment, worker)
            rows[environment.name].append(row)
    lines = [f"{'':<45}{'greenlet':>10}{'switchlib':>11}{'ratio':>8}"]
    for name in rows["greenlet"][0]:
        theirs, ours = ([row[name] for row in rows[which]] for which in ("greenlet", "switchlib"))
        ratio = statistics.median(mine / other for mine, other in zip(ours, theirs, strict=True))
        lines.append(f"{name:<45}{statistics.median(theirs):>10.1f}{statistics.median(ours):>11.1f}{ratio:>8.2f}")
    return lines

"""How fast the programs are on switchlib: gevent's operations,
and gunicorn under a load on loopback.

A round starts gunicorn anew in both environments, warms both up, and loads them in turn, so that
what disturbs the machine meets both alike. The serving processes share one CPU, of which only one
has work at a time; the load comes from another. Processor time for each request is the most
reliable figure on a machine that has other work, too.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field

import psutil

from tests.downstream.environments import HERE, Environment
from tests.downstream.suites import Absent

WORKERS = ("gevent", "eventlet")
CONNECTIONS = 100
LOADS = 4
SECONDS = 2
UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}

Pair = tuple[Environment, Environment]
Row = dict[str, float]
CPUS = sorted(psutil.Process().cpu_affinity())


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


@dataclass
class Served:
    """What loads on one worker process of gunicorn show."""

    url: str
    process: psutil.Process
    rates: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    requests: int = 0
    seconds: float = 0
    """Of processors, for those requests."""

    def warm_up(self) -> None:
        wrk(self.url)

    def load(self) -> None:
        before = self._seconds()
        told = wrk(self.url)
        self.seconds += self._seconds() - before
        rate, requests = (
            re.search(r"Requests/sec:\s*([\d.]+)", told),
            re.search(r"(\d+) requests in", told),
        )
        latency = re.search(r"99%\s+([\d.]+)(us|ms|s)", told)
        if (
            rate is None
            or requests is None
            or latency is None
            or "Non-2xx" in told
            or "Socket errors" in told
        ):
            raise RuntimeError(f"{' '.join(self.process.cmdline())} did not serve all:\n{told}")
        self.rates.append(float(rate[1]))
        self.latencies.append(float(latency[1]) * UNITS[latency[2]])
        self.requests += int(requests[1])

    def _seconds(self) -> float:
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def row(self, worker: str) -> Row:
        figures = {
            "requests/s": statistics.median(self.rates),
            "99th percentile, ms": statistics.median(self.latencies),
            "processor time a request, us": self.seconds / self.requests * 1e6,
            "resident, MiB": self.process.memory_info().rss / 2**20,
        }
        return {f"gunicorn -k {worker}, {name}": figure for name, figure in figures.items()}


def wrk(url: str) -> str:
    """Loads a server for some seconds; returns what there is to tell."""
    command = [
        "taskset",
        "-c",
        str(CPUS[-1]),
        "wrk",
        "-t1",
        f"-c{CONNECTIONS}",
        f"-d{SECONDS}s",
        "--latency",
        url,
    ]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def serve(pair: Pair, worker: str) -> dict[str, Row]:
    """The row of each environment, of which the first is loaded first."""
    with ExitStack() as running:
        served = [
            Served(*running.enter_context(gunicorn(environment, worker))) for environment in pair
        ]
        for each in served:
            each.warm_up()
        for number in range(LOADS):
            for each in served if number % 2 == 0 else served[::-1]:
                each.load()
        return {
            environment.name: each.row(worker)
            for environment, each in zip(pair, served, strict=True)
        }


@contextmanager
def gunicorn(environment: Environment, worker: str) -> Iterator[tuple[str, psutil.Process]]:
    """The address of gunicorn, which serves the application on loopback,
    and its one worker process.
    """
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}/"
    command = [
        environment.python,
        "-W",
        "ignore",
        "-m",
        "gunicorn",
        "-k",
        worker,
        "-w1",
        "-b",
        f"127.0.0.1:{port}",
    ]
    process = psutil.Popen(
        [*command, "--log-level", "error", "--no-control-socket", "application"],
        env=os.environ | environment.variables,
        # Where Python looks first: not a directory with a switchlib that is not the environment's.
        cwd=HERE,
    )
    try:
        for _ in range(300):
            if process.poll() is not None:
                raise RuntimeError(
                    f"gunicorn -k {worker} on {environment.name} ended with {process.returncode}"
                )
            try:
                urllib.request.urlopen(address, timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        (serving,) = process.children()
        library = re.compile(
            rf"{re.escape(str(environment.directory))}/.*/{environment.name}/_\w+\..*so"
        )
        if not any(library.fullmatch(mapped.path) for mapped in serving.memory_maps()):
            raise RuntimeError(
                f"gunicorn -k {worker} runs on another {environment.name} than the environment's"
            )
        serving.cpu_affinity(CPUS[:1])
        yield address, serving
    finally:
        process.terminate()
        process.wait(30)


def measure(pair: Pair, rounds: int) -> list[str]:
    """The lines of a table: medians of both, and the median of the ratios of each round,
    taken in turn.
    """
    if shutil.which("wrk") is None:
        raise Absent("wrk (Debian: apt-get install wrk)")
    rows: dict[str, list[Row]] = {environment.name: [] for environment in pair}
    for number in range(rounds):
        order = pair if number % 2 == 0 else pair[::-1]
        measured = {environment.name: operations(environment) for environment in order}
        for worker in WORKERS:
            for name, row in serve(order, worker).items():
                measured[name] |= row
        for name, row in measured.items():
            rows[name].append(row)
    lines = [f"{'':<54}{'greenlet':>10}{'switchlib':>11}{'ratio':>8}"]
    for name in rows["greenlet"][0]:
        theirs, ours = ([row[name] for row in rows[which]] for which in ("greenlet", "switchlib"))
        ratio = statistics.median(mine / other for mine, other in zip(ours, theirs, strict=True))
        lines.append(
            f"{name:<54}{statistics.median(theirs):>10.1f}{statistics.median(ours):>11.1f}{ratio:>8.2f}"
        )
    return lines

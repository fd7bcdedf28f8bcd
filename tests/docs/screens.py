"""What commands print about the programs of examples/stuck, as README.md and
docs/how-to/debug-a-stuck-service.md show it.

    python -m tests.docs.screens             print the pages with what is printed here
    python -m tests.docs.screens --write     write that into the pages

It needs gevent.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "docs" / "how-to" / "debug-a-stuck-service.md"]
PROGRAMS = ROOT / "examples" / "stuck"
SCREEN = re.compile(r"(<!-- screen (\S+) (.+?) -->\n```text\n)(.*?)(```\n)", re.S)

PATIENCE = 60  # seconds

# What differs from run to run, and between versions of gevent and Python.
VARYING = [
    (r"0x[0-9a-f]+", "ADDRESS"),
    (r"process \d+", "process PID"),
    (r"\(\d+\)$", "(PID)"),
    (r"Thread \d+", "Thread PID"),
    (r"CPython [\d.]+", "CPython VERSION"),
    (r"(site-packages/gevent/[\w/]+\.py\", line) \d+", r"\1 LINE"),
    (r"\b(hub|baseserver)\.py:\d+", r"\1.py:LINE"),
    (r"[\d.]+ ms", "TIME"),
    (r"[\d.]+ (s|min|h) (left|overdue)", "TIME"),
    (r"\d+%", "SHARE"),
    (r", on a CPU", ""),
    (r"[\d,]+ B", "SIZE"),
    (r"\.py:1[4-6] checksum|line 1[4-6], in checksum\n.*", "checksum"),
    (r" +", " "),
]


@contextlib.contextmanager
def running(program: str) -> Iterator[int]:
    """Runs one of the programs for some time; gives its process ID."""
    process = subprocess.Popen(
        [sys.executable, "-m", "switchlib", "run", program],
        cwd=PROGRAMS,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _settle(process.pid)
        yield process.pid
    finally:
        process.kill()
        process.wait()


def _settle(pid: int) -> None:
    """Waits until the number of greenlets has stayed the same for 2 s."""
    before, since, until = "", time.monotonic(), time.monotonic() + PATIENCE
    while time.monotonic() - since < 2:
        time.sleep(0.3)
        done = _run("ps", str(pid))
        found = re.search(r"\d+ greenlets", done.stdout)
        now = found[0] if found else ""
        if now != before or not now:
            before, since = now, time.monotonic()
        if time.monotonic() > until:
            raise TimeoutError(done.stdout + done.stderr)


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "switchlib", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )


def screen(pid: int, command: str) -> str:
    """What a command prints about a process, with the paths of a service in /srv/shop."""
    done = _run(*command.split(), str(pid))
    assert done.returncode == 0, done.stderr
    text = done.stdout.rstrip() + "\n"
    packages = sysconfig.get_path("purelib")
    text = text.replace(packages, "/srv/shop/.venv/lib/python3/site-packages")
    return text.replace(str(PROGRAMS), "/srv/shop")


def refreshed(page: Path) -> str:
    """The page with what is printed here."""
    text = page.read_text()
    for program in dict.fromkeys(match[2] for match in SCREEN.finditer(text)):
        with running(program) as pid:

            def print_here(match: re.Match[str], program: str = program, pid: int = pid) -> str:
                if match[2] != program:
                    return match[0]
                return match[1] + screen(pid, match[3]) + match[5]

            text = SCREEN.sub(print_here, text)
    return text


def constant(text: str) -> str:
    """The text without what varies."""
    for pattern, instead in VARYING:
        text = re.sub(pattern, instead, text, flags=re.M)
    return text


if __name__ == "__main__":
    for page in PAGES:
        if "--write" in sys.argv[1:]:
            page.write_text(refreshed(page))
        else:
            print(refreshed(page), end="")

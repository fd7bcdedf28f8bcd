"""Which Python reads the greenlets of which: every reader version by every target version.

    python -m tests.commands.readers PYTHON ...

Each PYTHON is an executable with switchlib. The target says what it knows of itself, the reader
what it reads with `dump --json`; the two must be equal. Prints a table, and exits with 1 if one
differs.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

TARGET = Path(__file__).resolve().parents[1] / "introspection" / "targets" / "plain.py"


def version(python: str) -> str:
    """Its implementation and version."""
    code = "import platform as p; print(p.python_implementation(), p.python_version())"
    return subprocess.check_output([python, "-c", code], text=True).strip()


def differs(known: list, read: dict) -> str:
    """What the reader has got wrong; "" if nothing."""
    found = {each["id"]: each for thread in read["threads"] for each in thread["greenlets"]}
    if read["notes"] or set(found) != {each["id"] for each in known}:
        return "other greenlets"
    for each in known:
        got = found[each["id"]]
        frames = [
            [frame["filename"], frame["line"], frame["function"].rpartition(".")[2]]
            for frame in got["frames"]
        ]
        expected = [each[key] for key in ("state", "class", "parent", "frames")]
        if [got["state"], got["class"], got["parent"], frames] != expected:
            return f"greenlet {each['id']:#x}: {[got['state'], got['class'], frames]}, {expected}"
    return ""


def main(pythons: list[str]) -> int:
    """Prints the table; returns the exit status."""
    versions = {python: version(python) for python in pythons}
    targets = [python for python in pythons if versions[python].startswith("CPython")]
    print("reader \\ target".ljust(18), *(versions[each].split()[1].ljust(8) for each in targets))
    problems = []
    for reader in pythons:
        cells = []
        for python in targets:
            with subprocess.Popen(
                [python, str(TARGET), "sleep"], stdout=subprocess.PIPE, text=True
            ) as target:
                assert target.stdout is not None
                known = json.loads(target.stdout.readline())
                done = subprocess.run(
                    [reader, "-m", "switchlib", "dump", "--json", str(target.pid)],
                    capture_output=True,
                    text=True,
                    check=False,
                )
                target.kill()
            wrong = differs(known, json.loads(done.stdout)) if done.stdout else done.stderr
            cells.append("wrong" if wrong else "equal")
            if wrong:
                problems.append(f"{versions[reader]} reads {versions[python]}: {wrong}")
        print(versions[reader].ljust(18), *(cell.ljust(8) for cell in cells), flush=True)
    print(*problems, sep="\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

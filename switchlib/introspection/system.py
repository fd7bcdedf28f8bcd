"""What Linux knows of a process and its threads, in /proc."""

from __future__ import annotations

import os
import signal

from .errors import IntrospectionError


def is_stopped(pid: int) -> str | None:
    """SIGSTOP if a signal has stopped a process; None if it runs."""
    return signal.SIGSTOP.name if state(pid, pid) == "T" else None


def running_threads(pid: int) -> set[int]:
    """The ids of a process's threads that are on a CPU, or wait for one."""
    return {tid for tid in threads(pid) if state(pid, tid) == "R"}


def threads(pid: int) -> set[int]:
    """The ids of a process's threads. Raises IntrospectionError if there is no such process."""
    try:
        return {int(name) for name in os.listdir(f"/proc/{pid}/task")}
    except (FileNotFoundError, ProcessLookupError):
        raise IntrospectionError(f"there is no process {pid}") from None


def threads_by_own_ids(pid: int) -> dict[int, int]:
    """The ids of a process's threads by those that they have in the process itself: in a
    container these may differ.
    """
    found = {}
    for tid in threads(pid):
        own = (status(pid, "NSpid", tid) or "").split()
        found[int(own[-1]) if own else tid] = tid
    return found


def state(pid: int, tid: int) -> str:
    """The letter of a thread's state, as in ps; "" if there is none."""
    try:
        with open(f"/proc/{pid}/task/{tid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return ""


def status(pid: int, name: str, tid: int | None = None) -> str | None:
    """A field of the status of a process or a thread; None if it cannot be read."""
    try:
        path = f"/proc/{pid}/task/{tid or pid}/status"
        with open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith(name + ":"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return None


def no_memory(pid: int) -> IntrospectionError:
    """Why a process has no memory to be read."""
    letter = state(pid, pid)
    if letter in ("Z", "X"):
        return IntrospectionError(f"process {pid} has ended, and its parent has not noticed yet")
    if letter:
        return IntrospectionError(f"process {pid} is a part of the kernel")
    return IntrospectionError(f"there is no process {pid}")

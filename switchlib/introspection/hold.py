"""Stops all threads of a process for a while, with ptrace, and lets them run again.

The threads run again whatever happens here: `Hold` lets them go when it ends, and the kernel does
if this process ends.
"""

from __future__ import annotations

import ctypes
import os
import time

from . import permission
from .errors import IntrospectionError
from .system import state, threads

PTRACE_DETACH = 17
PTRACE_SEIZE = 0x4206
PTRACE_INTERRUPT = 0x4207
EVENT_STOP = 128
WALL = 0x40000000

# How long to wait until all threads have stopped, in seconds.
PATIENCE = 2.0


class Hold:
    """A context manager: within, no thread of the process runs.

    One that was stopped by a signal stays stopped afterwards. `seconds` is how long it was held.
    Raises PermissionError if it may not be held, and IntrospectionError if it does not stop.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.seconds = 0.0
        self._since = 0.0
        self._signals: dict[int, int] = {}  # of each thread that was seized: to be delivered
        self._stopped: set[int] = set()
        self._ptrace = ctypes.CDLL(None, use_errno=True).ptrace
        self._ptrace.restype = ctypes.c_long
        self._ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]

    def __enter__(self) -> Hold:
        self._since = time.perf_counter()
        try:
            self._stop_all()
        except BaseException:
            self.release()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        """Lets all threads go. It may be called again."""
        for tid in list(self._signals):
            if tid not in self._stopped:
                self._wait_for(tid, time.monotonic() + 0.1)
            self._call(PTRACE_DETACH, tid, self._signals.pop(tid))
        self._stopped.clear()
        if self._since:
            self.seconds = time.perf_counter() - self._since
            self._since = 0.0

    def _stop_all(self) -> None:
        if self.pid == os.getpid():
            raise IntrospectionError(
                f"process {self.pid} is this one, which cannot hold itself: use --nonblocking, or "
                "switchlib.print_stacks() in it"
            )
        deadline = time.monotonic() + PATIENCE
        while True:  # until there are no new threads
            new = [tid for tid in threads(self.pid) if tid not in self._signals]
            if not new:
                return
            seized = [tid for tid in new if self._seize(tid)]
            for tid in seized:
                self._call(PTRACE_INTERRUPT, tid)
            for tid in seized:
                if not self._wait_for(tid, deadline):
                    raise IntrospectionError(
                        f"thread {tid} of process {self.pid} did not stop in {PATIENCE:.0f} s "
                        f"(it is in state {state(self.pid, tid)}); try --nonblocking"
                    )
            if not seized:
                return

    def _seize(self, tid: int) -> bool:
        """False if the thread has ended meanwhile."""
        error = self._call(PTRACE_SEIZE, tid)
        if error and state(self.pid, tid) in ("Z", "X", ""):
            if tid == self.pid and len(threads(self.pid)) <= 1:
                raise IntrospectionError(f"process {self.pid} has ended")
            return False
        if error:
            raise permission.error(self.pid, error)
        self._signals[tid] = 0
        return True

    def _wait_for(self, tid: int, deadline: float) -> bool:
        pause = 0.00002
        while True:
            try:
                found, status = os.waitpid(tid, WALL | os.WNOHANG)
            except ChildProcessError:  # it has ended
                self._signals.pop(tid, None)
                return True
            if found:
                if not os.WIFSTOPPED(status):
                    self._signals.pop(tid, None)
                    return True
                if status >> 16 == 0:  # stopped on its way to a signal, which it still gets
                    self._signals[tid] = os.WSTOPSIG(status)
                self._stopped.add(tid)
                return True
            if time.monotonic() > deadline:
                return False
            time.sleep(pause)
            pause = min(pause * 2, 0.005)

    def _call(self, request: int, tid: int, data: int = 0) -> int:
        """0, or the number of the error."""
        ctypes.set_errno(0)
        if self._ptrace(request, tid, None, data or None) == -1:
            return ctypes.get_errno()
        return 0

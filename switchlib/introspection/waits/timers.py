"""What is left of the time that a timer of gevent or eventlet was set to."""

from __future__ import annotations

import os
import struct
import time
from typing import TYPE_CHECKING

from ..errors import Unreadable

if TYPE_CHECKING:
    from ..process import Process

# What is not in this range of seconds from now was never a time at which a timer is due.
OVERDUE, LONGEST = -3600.0, 1e9
OVERDUE_IN_LIBUV = -60.0  # whose struct has other integers
CDATA_SIZE = 160  # of libuv's uv_timer_t at least, and more than libev's ev_timer

EVENTLET = "eventlet.hubs.timer.Timer"
LIBUV = "gevent.libuv.watcher.timer"


class Timers:
    """Reads timers."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._referents = process.referents
        self._due: dict[int, int] | None = None  # of eventlet's timers
        # CLOCK_MONOTONIC, by which all of them go.
        self._now = time.monotonic() if has_our_clock(process) else None

    def refresh(self) -> float:
        """Counts from now on. Returns the seconds since it did so last."""
        if self._now is None:
            return 0.0
        before, self._now = self._now, time.monotonic()
        return self._now - before

    def left(self, address: int) -> float | None:
        """The seconds until a timer is due; None if that is not known."""
        if self._now is None:
            return None
        try:
            objects = self._process.objects
            if objects.is_instance(address, EVENTLET):
                due = self._of_eventlet().get(address)
                return objects.real(due) - self._now if due else None
            return self._of_gevent(address, self._now)
        except Unreadable:
            return None

    def _of_eventlet(self) -> dict[int, int]:
        """The times at which eventlet's timers are due, which its hubs know."""
        if self._due is None:
            self._due = {}
            referents = self._referents
            for greenlet in self._process.greenlets:
                if not self._process.names.is_hub(greenlet) or greenlet.outermost is None:
                    continue
                hub = referents.attributes(greenlet.outermost.variables().get("self", 0))
                for name in ("timers", "next_timers"):
                    for each in referents.items(hub.get(name, 0)):
                        due, *timers = referents.items(each, 2)
                        self._due.update(dict.fromkeys(timers, due))
        return self._due

    def _of_gevent(self, address: int, now: float) -> float | None:
        """libev keeps the time as a double in seconds, libuv as an integer in milliseconds. The
        struct lies in the object or where its cdata leads. There is nothing else in it that looks
        like a time between now and what the timer was set to, so that no offset is needed.
        """
        objects, memory = self._process.objects, self._process.memory
        attributes = self._referents.attributes(address)
        longest, overdue = LONGEST, OVERDUE
        if "_watcher" in attributes:
            start = attributes["_watcher"] + objects.table["object.size"] + 8  # cdata's c_data
            data = memory.read(memory.pointer(start), CDATA_SIZE)
            after = objects.value(attributes.get("_after", 0))
            if isinstance(after, (int, float)):
                longest = after + 1
        else:
            data = memory.read(address, objects.class_of(address).basic_size)
        in_milliseconds = objects.is_instance(address, LIBUV)
        if in_milliseconds:
            overdue = OVERDUE_IN_LIBUV
        form = f"<{len(data) // 8}{'Q' if in_milliseconds else 'd'}"
        for number in struct.unpack_from(form, data):
            left = (number / 1000 if in_milliseconds else number) - now
            if overdue < left < longest and number > 1:
                return float(left)
        return None


def has_our_clock(process: Process) -> bool:
    """Whether the process is alive and has the same CLOCK_MONOTONIC."""
    if process.is_core:
        return False
    try:
        return os.readlink(f"/proc/{process.pid}/ns/time") == os.readlink("/proc/self/ns/time")
    except FileNotFoundError:  # the kernel has no namespaces of time
        return os.path.exists(f"/proc/{process.pid}")
    except OSError:
        return False

"""The classes of eventlet that greenlets wait for."""

from __future__ import annotations

from .links import SLEEP, TIMEOUT, WAITER, Kind

WAITERS = ("_waiters",)

KINDS = {
    "eventlet.timeout.Timeout": TIMEOUT,
    "eventlet.queue.Waiter": WAITER,
    "eventlet.semaphore.Semaphore": Kind("semaphore", 3, WAITERS),
    "eventlet.semaphore.CappedSemaphore": Kind("semaphore", 4, ("lower_bound", "upper_bound")),
    "eventlet.lock.Lock": Kind("lock", 3, WAITERS, is_lock=True),
    "eventlet.event.Event": Kind("event", 3, WAITERS),
    "eventlet.queue.LightQueue": Kind("queue", 3, ("getters", "putters")),
    "eventlet.greenthread.GreenThread": Kind("end of greenlet", 4, ("_exit_event",)),
    "eventlet.hubs.hub.FdListener": Kind("file descriptor", 2, ("cb", "greenlet")),
    "eventlet.hubs.timer.Timer": Kind(SLEEP, 1, ("tpl",)),
}

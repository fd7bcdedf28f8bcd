"""The classes of gevent that greenlets wait for, compiled by Cython or in Python."""

from __future__ import annotations

from .links import SLEEP, TIMEOUT, WAITER, Kind

LINKS = ("_links",)
CALLBACK = ("_callback",)

KINDS = {
    "gevent.timeout.Timeout": TIMEOUT,
    "gevent._gevent_c_waiter.Waiter": WAITER,
    "gevent._gevent_c_semaphore.Semaphore": Kind("semaphore", 3),
    "gevent._gevent_cevent.Event": Kind("event", 3),
    "gevent._gevent_cevent.AsyncResult": Kind("result", 3),
    "gevent._gevent_cqueue.SimpleQueue": Kind("queue", 3),
    "gevent._gevent_cqueue.Channel": Kind("channel", 3),
    "gevent._gevent_cgreenlet.Greenlet": Kind("end of greenlet", 3),
    "gevent._waiter.Waiter": WAITER,
    "gevent._semaphore.Semaphore": Kind("semaphore", 3, LINKS),
    "gevent.event.Event": Kind("event", 3, LINKS),
    "gevent.event.AsyncResult": Kind("result", 3, LINKS),
    "gevent.queue.SimpleQueue": Kind("queue", 3, ("getters", "putters")),
    "gevent.queue.Channel": Kind("channel", 3, ("getters", "putters")),
    "gevent.greenlet.Greenlet": Kind("end of greenlet", 3, LINKS),
    "gevent.thread.LockType": Kind("lock", 4, is_lock=True),
    "gevent.lock.RLock": Kind("lock", 4, ("_block",), owner="_owner", is_lock=True),
    "gevent._socket3.socket": Kind("socket", 4, ("_read_event", "_write_event")),
    "gevent.subprocess.Popen": Kind("end of process", 4, ("result",)),
    "gevent.libev.corecext.io": Kind("file descriptor", 2, is_watcher=True),
    "gevent.libev.corecext.timer": Kind(SLEEP, 1, is_watcher=True),
    "gevent.libev.corecext.watcher": Kind("watcher", 1, is_watcher=True),
}
for module in ("gevent.libev.watcher", "gevent.libuv.watcher"):  # those that cffi compiled
    KINDS[f"{module}.io"] = Kind("file descriptor", 2, CALLBACK)
    KINDS[f"{module}.timer"] = Kind(SLEEP, 1, CALLBACK)
    KINDS[f"{module}.watcher"] = Kind("watcher", 1, CALLBACK)

# libuv has one watcher for each file descriptor, which gevent shares among several of its own.
KINDS["gevent.libuv.watcher.io._multiplexwatcher"] = Kind("file descriptor", 2, ("callback",))

PUTTERS = "ItemWaiter"  # the class of those that wait to put something into a queue

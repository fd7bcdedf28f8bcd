"""The classes of the standard library that greenlets wait for where gevent or eventlet has patched
it. They are made of the classes of these.
"""

from __future__ import annotations

from .links import Kind

# The conditions of a queue.Queue, and what is waited for there.
QUEUE_CONDITIONS = {
    "not_empty": "to get",
    "not_full": "to put",
    "all_tasks_done": "until all is done",
}

KINDS = {
    "threading._RLock": Kind("lock", 5, ("_block",), owner="_owner", is_lock=True),
    "threading.Condition": Kind("condition", 6, ("_waiters",)),
    "threading.Event": Kind("event", 7, ("_cond",)),
    "threading.Semaphore": Kind("semaphore", 7, ("_cond",)),
    "threading.Thread": Kind("end of thread", 7, ("_tstate_lock",)),
    "concurrent.futures._base.Future": Kind("future", 7, ("_condition",)),
    "queue.Queue": Kind("queue", 8, tuple(QUEUE_CONDITIONS)),
}

"""A greenlet of gevent that blocks the hub for a second, under gevent's monitor thread."""

import time

import gevent

gevent.config.monitor_thread = True
gevent.config.max_blocking_time = 0.2
gevent.get_hub().start_periodic_monitoring_thread()


def leaf():
    end = time.monotonic() + 1
    while time.monotonic() < end:
        pass


def branch():
    leaf()


def waits():
    gevent.sleep(30)


waiting = gevent.spawn(waits)
gevent.sleep(0)
gevent.spawn(branch).join()
gevent.sleep(0)

"""A greenlet that computes and never switches, so that no other one gets to run."""

import gevent


def heartbeat():
    while True:
        print("alive", flush=True)
        gevent.sleep(1)


def checksum(data):
    total = 0
    for byte in data:
        total = (total * 31 + byte) % 65521
    return total


def report(size):
    gevent.sleep(0.5)
    while True:
        checksum(bytes(size))


beat = gevent.spawn(heartbeat)
beat.name = "heartbeat"
reporter = gevent.spawn(report, 1_000_000)
reporter.name = "report"
gevent.joinall([beat, reporter])

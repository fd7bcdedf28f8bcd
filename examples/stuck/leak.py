"""Each request leaves a greenlet behind that waits for an answer nobody will give."""

import gevent
from gevent.event import Event
from gevent.queue import Queue

answers = {}


def wait_for_answer(number):
    answers[number] = Event()
    answers[number].wait()


def audit(number):
    wait_for_answer(number)


def handle(number):
    gevent.spawn(audit, number)  # nobody joins it, and nobody sets its event


def worker(queue):
    for number in queue:
        handle(number)


requests = Queue()
for number in range(1000):
    requests.put(number)
gevent.spawn(worker, requests)
gevent.sleep(3600)

"""A small shop on greenlets: what docs/how-to/report.md shows. Its time is simulated: nothing waits
for a clock. With the argument `stay` it stops in the middle, in a call that blocks.
"""

import heapq
import itertools
import sys
import time

from switchlib import getcurrent, greenlet

hub = getcurrent()
now = 0.0  # in simulated seconds
waiting = []  # a heap: when, a number, and the greenlet that will be resumed
numbers = itertools.count()


def later(each, seconds):
    heapq.heappush(waiting, (now + seconds, next(numbers), each))


def sleep(seconds):
    later(getcurrent(), seconds)
    hub.switch()


def run_until(end):
    global now
    while waiting and now < end:
        now, _, each = heapq.heappop(waiting)
        each.switch()


def compute(seconds):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


class Order(greenlet):
    """Reads a request, charges a card, and answers."""

    def __init__(self, number):
        super().__init__(parent=hub)
        self.number = number

    def run(self):
        self.read_request()
        self.charge_card(attempts=2)
        self.answer()

    def read_request(self):
        compute(0.00004)
        sleep(0.0004 * (self.number % 5))

    def charge_card(self, attempts):
        for _ in range(attempts):
            compute(0.00008)
            wait_for_bank(self.number)

    def answer(self):
        compute(0.0001 * (1 + self.number % 3))


def wait_for_bank(number):
    sleep(0.004 + 0.003 * (number % 4))


def accept_orders():
    for number in itertools.count():
        later(Order(number), 0)
        sleep(0.0003)


def watch_stock():
    while True:
        compute(0.00005)
        sleep(0.0012)


def make_invoices():
    while True:
        sleep(0.008)
        compute(0.0025)  # too long: all the others wait


for run in (accept_orders, watch_stock, make_invoices):
    later(greenlet(run), 0)
run_until(0.03)
if sys.argv[1:] == ["stay"]:
    print("stays", flush=True)
    time.sleep(600)  # as if the hub were stuck

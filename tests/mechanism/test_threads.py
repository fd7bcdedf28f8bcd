"""csrc/mechanism/thread.c and enter.c: very many threads that use greenlets."""

from __future__ import annotations

import sys

import pytest

pytestmark = [
    pytest.mark.once,
    pytest.mark.native("an emulator's threads take a time of their own"),
    pytest.mark.skipif(sys.maxsize < 2**32, reason="so many threads need addresses"),
]

PRELUDE = """
import os, sys, threading, time
from switchlib import getcurrent, greenlet

threading.stack_size(256 * 1024)

def start(thread):
    try:
        thread.start()
    except RuntimeError as refused:
        print(refused, flush=True)
        os._exit(0)
"""

MANY = (
    PRELUDE
    + """

def processor_time(number, use):
    began, leave, there = time.process_time(), threading.Event(), threading.Semaphore(0)

    def body():
        use()
        there.release()
        leave.wait()

    threads = []
    for _ in range(number):
        threads.append(threading.Thread(target=body))
        start(threads[-1])
        there.acquire()
    leave.set()
    for thread in threads:
        thread.join()
    return time.process_time() - began

number = int(sys.argv[1])
without = processor_time(number, int)
print(processor_time(number, getcurrent) - without)
"""
)


def test_to_use_greenlets_in_one_more_thread_takes_no_longer_the_more_there_are(printed):
    """As a search through all of them in each, 1,500 threads took 3 seconds
    more than 1,500 that use none.
    """
    assert min(float(printed(MANY, "1500")) for _ in range(2)) < 1


TURNS = (
    PRELUDE
    + """
NUMBER, TURNS = 1000, 10
turns = [threading.Lock() for _ in range(NUMBER)]
for turn in turns:
    turn.acquire()
seen = []

def body(index):
    main = getcurrent()

    def other():
        for turn in range(TURNS + 1):
            main.switch(index, turn)

    each = greenlet(other)
    assert each.switch() == (index, 0)
    for turn in range(1, TURNS + 1):
        turns[index].acquire()
        seen.append(each.switch())
        assert getcurrent() is main
        turns[(index + 1) % NUMBER].release()

threads = [threading.Thread(target=body, args=(index,)) for index in range(NUMBER)]
for thread in threads:
    start(thread)
turns[0].release()
for thread in threads:
    thread.join()
assert seen == [(index, turn) for turn in range(1, TURNS + 1) for index in range(NUMBER)]
print("done")
"""
)


@pytest.fixture
def printed(python):
    def run(*arguments: str) -> str:
        output = python("-c", *arguments).stdout.strip()
        if "can't start new thread" in output:
            pytest.skip("so many threads may not be started here")
        return output

    return run


def test_a_thousand_threads_take_turns(printed):
    assert printed(TURNS) == "done"

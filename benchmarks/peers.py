"""What a program could use in place of greenlets, in the cases that it can do."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass
from itertools import repeat
from typing import Any

from cases import Body, Growth

Setup = Callable[[], Body]


@dataclass(frozen=True)
class Peer:
    setup: Setup
    loops: int
    waits: bool


PEERS: dict[str, dict[str, Peer]] = {"generators": {}, "asyncio": {}, "threads": {}}


def peer(
    implementation: str, case: str, loops: int, waits: bool = False
) -> Callable[[Setup], Setup]:
    def register(setup: Setup) -> Setup:
        PEERS[implementation][case] = Peer(setup, loops, waits)
        return setup

    return register


# A generator suspends one frame, and returns to the code that resumed it.


@peer("generators", "switch", loops=200_000)
def generator_switch() -> Body:
    def other() -> Generator[None, None, None]:
        while True:
            yield

    there = other()

    def body(loops: int) -> None:
        for _ in repeat(None, loops // 2):
            next(there)

    return body


@peer("generators", "create", loops=100_000)
def generator_create() -> Body:
    def f() -> Generator[None, None, None]:
        return
        yield

    def body(loops: int) -> None:
        for _ in repeat(None, loops):
            next(f(), None)

    return body


@peer("generators", "memory", loops=50_000)
def generator_memory() -> Body:
    def f() -> Generator[None, None, None]:
        yield

    def body(loops: int) -> float:
        kept: list[Any] = [None] * loops
        with Growth() as growth:
            for index in range(loops):
                kept[index] = f()
                next(kept[index])
            return growth.measure()

    return body


# A task suspends the frames that await each other, and goes back to the event loop.


def in_loop(work: Callable[[int], Any]) -> Body:
    loop = asyncio.new_event_loop()

    def body(loops: int) -> Any:
        return loop.run_until_complete(work(loops))

    return body


@peer("asyncio", "switch", loops=20_000)
def task_switch() -> Body:
    async def turn(times: int) -> None:
        for _ in repeat(None, times):
            await asyncio.sleep(0)

    async def work(loops: int) -> None:
        await asyncio.gather(turn(loops // 2), turn(loops // 2))

    return in_loop(work)


@peer("asyncio", "create", loops=2_000)
def task_create() -> Body:
    async def f() -> None:
        pass

    async def work(loops: int) -> None:
        for _ in repeat(None, loops):
            await asyncio.create_task(f())

    return in_loop(work)


@peer("asyncio", "ring", loops=20_000)
def task_ring() -> Body:
    async def turn(times: int) -> None:
        for _ in repeat(None, times):
            await asyncio.sleep(0)

    async def work(loops: int) -> None:
        await asyncio.gather(*(turn(loops // 1000) for _ in range(1000)))

    return in_loop(work)


@peer("asyncio", "memory", loops=50_000)
def task_memory() -> Body:
    async def f() -> None:
        await asyncio.get_running_loop().create_future()

    async def work(loops: int) -> float:
        kept: list[Any] = [None] * loops
        with Growth() as growth:
            for index in range(loops):
                kept[index] = asyncio.create_task(f())
            await asyncio.sleep(0)
            grown = growth.measure()
        for task in kept:
            task.cancel()
        await asyncio.gather(*kept, return_exceptions=True)
        return grown

    return in_loop(work)


# A thread has a stack of the operating system's, and hands over by locks.


@peer("threads", "switch", loops=10_000, waits=True)
def thread_switch() -> Body:
    def body(loops: int) -> None:
        here, there = threading.Lock(), threading.Lock()
        here.acquire()
        there.acquire()

        def other() -> None:
            for _ in repeat(None, loops // 2):
                there.acquire()
                here.release()

        thread = threading.Thread(target=other)
        thread.start()
        for _ in repeat(None, loops // 2):
            there.release()
            here.acquire()
        thread.join()

    return body


@peer("threads", "create", loops=500, waits=True)
def thread_create() -> Body:
    def f() -> None:
        pass

    def body(loops: int) -> None:
        for _ in repeat(None, loops):
            thread = threading.Thread(target=f)
            thread.start()
            thread.join()

    return body


@peer("threads", "memory", loops=1_000)
def thread_memory() -> Body:
    def body(loops: int) -> float:
        gate = threading.Event()
        threads = [threading.Thread(target=gate.wait) for _ in range(loops)]
        with Growth() as growth:
            for thread in threads:
                thread.start()
            grown = growth.measure()
        gate.set()
        for thread in threads:
            thread.join()
        return grown

    return body

"""What could break a reader. The argument names one of the functions below, which says what."""

import contextlib
import ctypes
import functools
import mmap
import os
import sys
import threading
import time

from switchlib import getcurrent, greenlet

EVIL = "\x1b[2J\x1b]0;title\x07\r\n\tb\u202e\u2028\x9b31m\x00"
kept: list = []


def wait():
    getcurrent().parent.switch()


def suspend(run=wait, kind=greenlet):
    each = kind(run)
    each.switch()
    kept.append(each)
    return each


def renamed(**changes):
    """A function that waits, with another code object."""

    def run():
        wait()

    run.__code__ = run.__code__.replace(**changes)
    return run


def forever(function):
    threading.Thread(target=lambda: [function() for _ in iter(int, 1)], daemon=True).start()


def function_name():
    suspend(renamed(co_name=EVIL))
    suspend(renamed(co_name="\ud800\udfff\ud800"))


def qualified_name():
    if sys.version_info >= (3, 11):
        suspend(renamed(co_qualname=EVIL))
    run = renamed()
    run.__qualname__ = EVIL
    kept.append(greenlet(run))


def long_function_name():
    suspend(renamed(co_name="n" * 10**6))
    suspend(renamed(co_name="\U0001f600" * 10**6))


def file_name():
    suspend(renamed(co_filename=EVIL))
    suspend(renamed(co_filename="/" * 10**6))
    suspend(renamed(co_filename="a/" * 30_000 + "b.py"))
    suspend(renamed(co_filename="b/" + "a/" * 30_000 + "b.py"))


def file_without_end():
    suspend(renamed(co_filename="/dev/zero"))


def file_is_a_pipe():
    path = f"/tmp/switchlib-pipe-{os.getpid()}"
    os.mkfifo(path)
    suspend(renamed(co_filename=path))
    kept.append(path)


def file_is_a_directory():
    suspend(renamed(co_filename="/"))


def line_table():
    for table in (b"", b"\xff" * 1000, b"\xf8" + b"\x7f" * 10**5, bytes(range(256)) * 10):
        name = "co_linetable"
        suspend(renamed(**{name: table}))


def first_line():
    for line in (0, -5, 2**31 - 1):
        with contextlib.suppress(ValueError):  # Python may allow no such line
            suspend(renamed(co_firstlineno=line))


def class_name():
    suspend(kind=type(EVIL.replace("\0", ""), (greenlet,), {}))
    suspend(kind=type("c" * 10**6, (greenlet,), {}))


def class_module():
    for module in (5, None, EVIL, ["a"], b"bytes"):
        suspend(kind=type("C", (greenlet,), {"__module__": module}))


def metaclass():
    class Meta(type):
        __name__ = property(lambda self: 1 / 0)  # type: ignore[assignment]

        def __getattribute__(cls, name):
            if name in ("__qualname__", "__module__"):
                raise ZeroDivisionError
            return super().__getattribute__(name)

    suspend(kind=Meta("C", (greenlet,), {}))


def many_bases():
    kind: type = greenlet
    for i in range(300):
        kind = type(f"C{i}", (kind,), {})
    suspend(kind=kind)
    kept.append(kind(wait))


def attributes():
    each = suspend()
    each.__dict__[EVIL] = EVIL
    each.__dict__.update({str(i): i for i in range(10**5)})
    each.__dict__["name"] = EVIL
    suspend().name = "n" * 10**6
    suspend().name = type("Name", (str,), {})("\x1b[31m")
    suspend().name = 2**100_000
    suspend().name = [[[[]]]]
    suspend().name = b"\x1b[31m"


def dict_replaced():
    class Own(dict):
        pass

    suspend().__dict__ = Own(name="x")
    each = suspend()
    each.__dict__ = {"name": each}


def runs():
    suspend()
    run = wait
    for _ in range(100):
        run = functools.partial(run)
    kept.extend(greenlet(each) for each in (run, print, [].append, int, len, functools.reduce))
    method = wait
    for _ in range(50):
        method = method.__get__(object())
        kept.append(greenlet(method))
    kept.append(greenlet(type("Callable" + EVIL[:5], (), {"__call__": lambda self: None})()))


def deep_recursion():
    sys.setrecursionlimit(10**6)

    def recurse(left):
        if left:
            recurse(left - 1)
        else:
            wait()

    depth = 10**5 if sys.version_info >= (3, 11) else 5_000
    if sys.version_info[:2] == (3, 12):
        depth = 10**4
    suspend(lambda: recurse(depth))


def chain_of_parents():
    each = getcurrent()
    for _ in range(20_000):
        each = greenlet(wait, each)
        kept.append(each)


def many_threads():
    def thread():
        suspend()
        time.sleep(1000)

    threads = [threading.Thread(target=thread, daemon=True) for _ in range(200)]
    for each in threads:
        each.start()


def thread_names():
    def thread():
        suspend()
        time.sleep(1000)

    for name in (EVIL, "t" * 10**6, "\ud800"):
        threading.Thread(target=thread, name=name, daemon=True).start()


def system_name():
    ctypes.CDLL(None).prctl(15, b") R 1 \x1b[2J\n\xff", 0, 0, 0)
    suspend()
    del threading._active[threading.get_ident()]


def threads_come_and_go():
    def thread():
        suspend()
        kept.clear()

    def start():
        each = threading.Thread(target=thread)
        each.start()
        each.join()

    forever(start)


def greenlets_come_and_go():
    def some():
        made = [greenlet(wait) for _ in range(100)]
        for each in made[::2]:
            each.switch()

    forever(some)


def code_comes_and_goes():
    def some():
        names: dict = {"wait": wait}
        now = time.monotonic_ns()
        exec(f"def f{now}():\n" + "\n" * (now % 50) + " wait()", names)
        suspend(names[next(each for each in names if each.startswith("f"))])
        if len(kept) > 20:
            kept.clear()

    forever(some)


def forks():
    def fork():
        pid = os.fork()
        if not pid:
            os._exit(0)
        os.waitpid(pid, 0)

    suspend()
    forever(fork)


def maps_come_and_go():
    def some():
        for each in [mmap.mmap(-1, 1 << 16) for _ in range(100)]:
            each.write(b"x")

    suspend()
    forever(some)


def no_threading():
    suspend()
    sys.modules["threading"] = object()  # type: ignore[assignment]


def modules_are_odd():
    suspend()
    sys.modules[EVIL] = sys.modules[5] = None  # type: ignore[index, assignment]
    threading._active = 7  # type: ignore[attr-defined]


def active_threads_are_odd():
    suspend()
    threading._active = {"a": 1, 2**70: object(), None: None}  # type: ignore[attr-defined]


def generators():
    def generator():
        wait()
        yield

    async def coroutine():
        wait()

    suspend(lambda: list(generator()))
    suspend(lambda: coroutine().send(None))
    suspend(lambda: sorted([3, 1, 2], key=lambda _: wait()))


def traced():
    sys.setprofile(lambda *_: None)
    sys.settrace(lambda *_: None)
    suspend()


def large_address_space():
    area = mmap.mmap(-1, 1 << 38, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000)  # not reserved
    for i in range(0, 1 << 38, 1 << 30):
        area[i] = 1
    kept.append(area)
    suspend()


def many_mappings():
    for _ in range(20_000):
        access = mmap.PROT_READ | (mmap.PROT_WRITE if len(kept) % 2 else mmap.PROT_EXEC)
        area = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, access)
        kept.append(area)
    suspend()


def variables():
    def run():
        evil = EVIL
        large = "x" * 10**7
        itself: list = []
        itself.append(itself)
        number = 2 ** (30 * 10**5)
        mapping = {i: i for i in range(10**6)}
        wait()
        return evil, large, itself, number, mapping

    suspend(run)


if __name__ == "__main__":
    getcurrent()  # so that this thread has used greenlets
    globals()[sys.argv[1]]()
    print("ready", flush=True)
    while True:
        time.sleep(0.01)

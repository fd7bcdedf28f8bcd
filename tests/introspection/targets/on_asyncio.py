"""Tasks of asyncio that run in greenlets of SQLAlchemy, or with the argument "greenback" of that.
Prints as JSON the frames of each, as [name, line], and what it awaits.
"""

import asyncio
import json
import sys

from sqlalchemy.util import await_only, greenlet_spawn

GREENBACK = sys.argv[1:] == ["greenback"]
if GREENBACK:
    import greenback

known: dict = {}


def line_of(function, number):
    """The line of a function's `number`th statement."""
    return function.__code__.co_firstlineno + number


async def last():
    await gate


async def deep(left):
    if left:
        await deep(left - 1)
    else:
        await last()


def inner():
    await_only(deep(1))


def outer():
    inner()


async def in_sqlalchemy():
    await greenlet_spawn(outer)


def future_itself():
    await_only(gate)


async def awaits_a_future():
    await greenlet_spawn(future_itself)


async def awaits_a_task():
    await greenlet_spawn(await_only, tasks["sqlalchemy"])


def nested():
    await_only(in_sqlalchemy())


async def nests():
    await greenlet_spawn(nested)


def synchronous():
    greenback.await_(deep(1))


async def in_greenback():
    await greenback.ensure_portal()
    synchronous()


async def without():
    await gate


async def main():
    global gate, tasks
    gate = asyncio.get_running_loop().create_future()
    in_inner = [["outer", line_of(outer, 1)], ["inner", line_of(inner, 1)]]
    in_deep = [
        ["deep", line_of(deep, 2)],
        ["deep", line_of(deep, 4)],
        ["last", line_of(last, 1)],
    ]
    bridged = [["in_sqlalchemy", line_of(in_sqlalchemy, 1)], *in_inner, *in_deep]
    expected = {
        "sqlalchemy": bridged,
        "future": [
            ["awaits_a_future", line_of(awaits_a_future, 1)],
            ["future_itself", line_of(future_itself, 1)],
        ],
        "task": [["awaits_a_task", line_of(awaits_a_task, 1)]],
        "nests": [["nests", line_of(nests, 1)], ["nested", line_of(nested, 1)], *bridged],
    }
    tasks = {}
    functions = {
        "sqlalchemy": in_sqlalchemy,
        "future": awaits_a_future,
        "task": awaits_a_task,
        "nests": nests,
        "without": without,
    }
    if GREENBACK:
        functions["greenback"] = in_greenback
        expected["greenback"] = [
            ["in_greenback", line_of(in_greenback, 2)],
            ["synchronous", line_of(synchronous, 1)],
            *in_deep,
        ]
    for name, function in functions.items():
        tasks[name] = asyncio.create_task(function(), name=name)
    await asyncio.sleep(0.2)
    for name, frames in expected.items():
        awaits = {"kind": "future", "id": id(gate), "name": None}
        if name == "task":
            awaits = {"kind": "task", "id": id(tasks["sqlalchemy"]), "name": "sqlalchemy"}
        known[name] = {"id": id(tasks[name]), "frames": frames, "awaits": awaits}
    print(json.dumps(known), flush=True)
    await gate


asyncio.run(main())

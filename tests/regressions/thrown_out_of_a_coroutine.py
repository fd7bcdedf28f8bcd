"""An exception thrown out of a coroutine into the greenlet that asked for it. Reported as greenlet
382.
"""

import asyncio
import sys

from switchlib import getcurrent, greenlet


async def answer(question):
    await asyncio.sleep(0)
    if question == "raise":
        raise LookupError(question)
    return question


async def drive(function, *arguments):
    each = greenlet(function)
    asked = each.switch(*arguments)
    while not each.dead:
        try:
            value = await asked
        except BaseException:
            asked = each.throw(*sys.exc_info())
        else:
            asked = each.switch(value)
    return asked


def ask(question):
    return getcurrent().parent.switch(answer(question))


async def everything():
    found = [await drive(ask, "value")]
    try:
        await drive(ask, "raise")
    except LookupError as exception:
        found.append(repr(exception))
    return found


print(asyncio.run(everything()))

# prints: ['value', "LookupError('raise')"]

"""Two of gevent's greenlets that are suspended in `leaf`."""

from gevent import monkey

monkey.patch_all()

import gevent  # noqa: E402


def leaf(number):
    value = 2 * number
    gevent.sleep(0.01)
    after = value + 1
    return after


def branch(number):
    return leaf(number)


def take_turns():
    both = [gevent.spawn(branch, 10), gevent.spawn(branch, 20)]
    gevent.joinall(both)
    return [each.value for each in both]


print(take_turns())

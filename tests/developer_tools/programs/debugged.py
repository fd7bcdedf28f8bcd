"""Two greenlets that are suspended in `leaf`, and return one more than twice their number."""

from greenlet import getcurrent, greenlet

main = getcurrent()


def leaf(number):
    value = 2 * number
    main.switch(value)
    after = value + 1
    return after


def branch(number):
    return leaf(number)


def take_turns():
    first, second = greenlet(branch), greenlet(branch)
    given = [first.switch(10), second.switch(20)]
    given.append(second.switch())
    given.append(first.switch())
    return given


print(take_turns())

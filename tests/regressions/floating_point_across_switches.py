"""On some CPUs a register was not saved: values of floating point, and loops over a switch, went
wrong. Reported as greenlet 422 and 443.
"""

from switchlib import getcurrent, greenlet

main = getcurrent()


def body(number):
    total, step = 0.5, number / 3
    for turn in range(100):
        total += step * turn
        main.switch()
    return total


many = [greenlet(body) for _ in range(10)]
for turn in range(100):
    for number, each in enumerate(many):
        each.switch(number) if turn == 0 else each.switch()
expected = []
for number in range(10):
    total = 0.5
    for turn in range(100):
        total += number / 3 * turn
    expected.append(total)
print([each.switch() for each in many] == expected)

# prints: True

"""A profiler in C follows frames and switches at once. Reported as memray 384 and 699."""

import cProfile

from switchlib import getcurrent, greenlet, settrace

main = getcurrent()


def waiting():
    each = greenlet(lambda: main.switch())
    each.switch()
    return each


pairs = []
settrace(lambda event, pair: pairs.append(pair))
profile = cProfile.Profile()
profile.enable()
many = [waiting() for _ in range(20)]
for each in many:
    each.switch()
profile.disable()
settrace(None)
print(len(pairs))

# prints: 80

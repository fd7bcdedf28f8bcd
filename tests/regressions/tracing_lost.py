"""A signal handler that comes while policy decides starts a greenlet: it was never traced,
profiled or monitored.
"""

import signal
import sys
import time

import switchlib

main = switchlib.getcurrent()


def inner():
    pass


def traced():
    main.switch()
    inner()


def handler(*args):
    global each
    if each is None:
        each = switchlib.greenlet(traced)
        each.switch()


def tracer(frame, event, argument):
    if frame.f_code is inner.__code__:
        events.append(event)
    return tracer


signal.signal(signal.SIGALRM, handler)
dead = switchlib.greenlet(lambda: 0)
dead.switch()
bad = 0
for n in range(100):
    each, events = None, []
    signal.setitimer(signal.ITIMER_REAL, 0.0005 + n * 1e-6)
    began = time.time()
    while each is None and time.time() - began < 1:
        dead.switch(1)
        dead.switch(1)
    sys.settrace(tracer)
    each.switch()
    sys.settrace(None)
    bad += not events
if bad:
    raise SystemExit(f"{bad} of 100 greenlets are never traced")
print("ok")

# prints: ok

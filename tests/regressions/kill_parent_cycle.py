"""A greenlet that the collector found in a cycle is its killer's parent by the time it is killed.
The killer became its parent, too, and to set any parent below them never ended.
"""

import gc
import signal

import switchlib

main = switchlib.getcurrent()
signal.alarm(5)


class Finalised:
    def __del__(self):
        killer.parent = self.victim


def victim_body():
    try:
        main.switch()
    finally:
        try:
            switchlib.greenlet(None).parent = switchlib.getcurrent()
        except ValueError:
            pass


def killer_body():
    gc.collect()
    switchlib.getcurrent()
    gc.collect()
    switchlib.getcurrent()


killer = switchlib.greenlet(killer_body)
victim = switchlib.greenlet(victim_body)
cycle = Finalised()
cycle.victim, victim.cycle = victim, cycle
victim.switch()
del victim, cycle
killer.switch()
print("ok")

# prints: ok

"""A greenlet ends into a parent whose run is looked up by code that switches away; meanwhile it is
killed.
"""
# not on PyPy: nothing is killed before a collection

from switchlib import getcurrent, greenlet

main = getcurrent()


class Heir(greenlet):
    looked = False

    def __getattribute__(self, name):
        if name == "run" and not self.looked:
            self.looked = True
            main.switch()
        return greenlet.__getattribute__(self, name)


dying = greenlet(lambda: "result", Heir(lambda *args: args))
dying.switch()
kept, seen = [dying], []
del dying


def kill():
    kept.clear()
    seen.append("goes on")
    return "done"


killer = greenlet(kill)
print(killer.switch(), *seen, killer.dead)

# prints: done goes on True

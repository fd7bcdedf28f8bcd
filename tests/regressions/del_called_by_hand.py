"""`__del__`, the finaliser of greenlets, is called by hand on running and unstarted ones."""
# not on PyPy: greenlets have no __del__

from switchlib import getcurrent, greenlet

main = getcurrent()


def body():
    main.__del__()
    getcurrent().__del__()
    return 5


each = greenlet(body)
each.__del__()
print(each.switch())

# prints: 5

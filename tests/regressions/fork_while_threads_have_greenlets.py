"""A forked child has greenlets of threads that it has not. Reported as gevent 1631."""

import gc
import os
import threading

from switchlib import error, getcurrent, greenlet


def work():
    here = getcurrent()
    each = greenlet(lambda: here.switch())
    each.switch()
    kept.append(each)
    ready.set()
    over.wait(10)


kept, ready, over = [], threading.Event(), threading.Event()
thread = threading.Thread(target=work)
thread.start()
ready.wait(10)
child = os.fork()
if child == 0:
    try:
        kept[0].throw()
    except error:
        pass
    kept.clear()
    gc.collect()
    os._exit(0 if greenlet(lambda: 5).switch() == 5 else 1)
over.set()
thread.join()
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

# prints: 0

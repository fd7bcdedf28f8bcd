"""Greenlets with names. Prints as JSON the address of each, its name, and what it runs."""

import json
import sys
import time
import warnings

warnings.simplefilter("ignore")

library = sys.argv[1]
known: list = []


def note(greenlet, name, run="wait"):
    known.append([id(greenlet), [name, run]])


def wait():
    pause()


if library == "gevent":
    from gevent import monkey

    monkey.patch_all()
    import threading

    import gevent

    pause = gevent.get_hub().switch
    numbered, named, unnamed = (gevent.spawn(wait) for _ in range(3))
    named.name = "the named one"
    note(named, "the named one")
    note(numbered, numbered.name)
    note(unnamed, "gevent.Greenlet")
    note(gevent.getcurrent(), "main", None)
    note(gevent.get_hub(), "hub", "run" if sys.version_info < (3, 11) else "Hub.run")
    threads: list = []

    def in_thread():
        threads.append(gevent.getcurrent())
        wait()

    threading.Thread(target=in_thread, name="my thread").start()
    gevent.sleep(0.1)
    note(threads[0], "my thread", "in_thread")
    end = gevent.sleep
elif library == "eventlet":
    import eventlet

    pause = eventlet.hubs.get_hub().switch
    note(eventlet.spawn(wait), "eventlet.greenthread.GreenThread")
    note(eventlet.getcurrent(), "main", None)
    hub = eventlet.hubs.get_hub().greenlet
    note(hub, "hub", "run" if sys.version_info < (3, 11) else "BaseHub.run")
    end = eventlet.sleep
else:
    from switchlib import getcurrent, greenlet

    class Worker(greenlet):
        pass

    pause = getcurrent().switch
    named, plain, one = Worker(wait), greenlet(wait), Worker(wait)
    named.name = "a name"
    for each in (named, plain, one):
        each.switch()
    note(named, "a name")
    note(plain, "")
    note(one, "Worker")
    note(getcurrent(), "main", None)
    end = time.sleep

if library != "switchlib":
    end(0.1)
print(json.dumps(known), flush=True)
end(1000)

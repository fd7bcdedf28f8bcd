"""Greenlets of gevent that wait for everything there is to wait for. Prints as JSON what each waits
for. The argument "patched" patches the standard library first.
"""

import sys

PATCHED = sys.argv[1:] == ["patched"]
if PATCHED:
    from gevent import monkey

    monkey.patch_all()

import json
import os
import queue as standard_queue
import threading

import gevent
import gevent.queue
import gevent.select
import gevent.socket
import gevent.subprocess
import gevent.thread
from gevent import event, lock

known: list = []
all_of_them: list = []


def waits(kind, address=None, detail="", holder=None, left=None):
    """Starts the function in a greenlet, and notes what it waits for. Several in lists."""

    def start(function):
        greenlet = gevent.spawn(function)
        note(greenlet, kind, address, detail, holder, left)
        return greenlet

    return start


def note(greenlet, kind, address, detail="", holder=None, left=None):
    several = address if isinstance(address, list) else [address]
    known.append(
        {
            "id": id(greenlet),
            "waits": [
                {
                    "kind": kind[i] if isinstance(kind, list) else kind,
                    "id": None if each is None else id(each),
                    "detail": detail or None,
                    "holder": id(each if holder == "itself" else holder) if holder else None,
                }
                for i, each in enumerate(several)
            ],
            "left": left,
        }
    )
    all_of_them.append(greenlet)


def at(sock):
    host, port = sock.getsockname()
    return f"{host}:{port}"


zero, one = lock.Semaphore(0), lock.BoundedSemaphore(1)
plain_lock, owned = gevent.thread.allocate_lock(), lock.RLock()
happens, result = event.Event(), event.AsyncResult()
empty, full = gevent.queue.Queue(), gevent.queue.Queue(1)
channel = gevent.queue.Channel()
full.put(1)
one.acquire()
near, far = gevent.socket.socketpair()
server = gevent.socket.socket()
server.bind(("127.0.0.1", 0))
server.listen()
client = gevent.socket.create_connection(server.getsockname())
peer, _ = server.accept()
slow, _ = gevent.socket.socketpair()
slow.settimeout(60)
read_end, write_end = os.pipe()


@waits("end of sleep", left=400)
def owner():
    with plain_lock, owned:
        gevent.sleep(400)


gevent.sleep(0)


@waits("semaphore", zero)
def semaphore():
    zero.acquire()


@waits("semaphore", zero, left=70)
def semaphore_for_some_time():
    zero.acquire(timeout=70)


@waits("semaphore", one)
def bounded_semaphore():
    one.acquire()


@waits("lock", plain_lock, holder=owner)
def a_lock():
    with plain_lock:
        pass


@waits("lock", owned, holder=owner)
def a_recursive_lock():
    with owned:
        pass


@waits("event", happens)
def an_event():
    happens.wait()


@waits("event", happens, left=80)
def an_event_for_some_time():
    with gevent.Timeout(80):
        happens.wait(500)


@waits("result", result)
def a_result():
    result.get()


@waits("queue", empty, "to get")
def get():
    empty.get()


@waits("queue", empty, "to get", left=90)
def get_for_some_time():
    empty.get(timeout=90)


@waits("queue", full, "to put")
def put():
    full.put(2)


@waits("channel", channel, "to get")
def channel_get():
    channel.get()


@waits("socket", None, f"{near.fileno()} to read, unix")
def receive():
    near.recv(1)


@waits("socket", None, f"{server.fileno()} to read, tcp {at(server)} listening")
def accept():
    server.accept()


@waits("socket", None, f"{peer.fileno()} to read, tcp {at(peer)} to {at(client)}")
def receive_by_tcp():
    peer.recv(1)


@waits("socket", None, f"{slow.fileno()} to read, unix", left=60)
def receive_for_some_time():
    slow.recv(1)


@waits("file descriptor", None, f"{read_end} to read, {os.readlink(f'/proc/self/fd/{read_end}')}")
def read():
    gevent.socket.wait_read(read_end)


@waits("end of sleep", left=300)
def sleep():
    gevent.sleep(300)


@waits("end of greenlet", owner, holder="itself")
def join():
    owner.join()


@waits("end of greenlet", owner, holder="itself")
def get_value():
    owner.get()


@waits("end of greenlet", [owner, join], holder="itself")
def join_several():
    gevent.joinall([owner, join])


@waits(["event", "result"], [happens, result])
def wait_for_any():
    gevent.wait([happens, result], count=1)


child = gevent.subprocess.Popen(["sleep", "1000"])


@waits("end of process", child, str(child.pid))
def wait_for_a_process():
    child.wait()


# Nothing can be known about this one: it is resumed by whoever has a reference to it.
nothing = gevent.spawn(lambda: gevent.get_hub().switch())
known.append({"id": id(nothing), "waits": [], "left": None})


if PATCHED:
    condition, flag = threading.Condition(), threading.Event()
    standard, recursive = standard_queue.Queue(), threading.RLock()

    def hold_recursive():
        with recursive:
            flag.wait()

    def take_condition():
        with condition:
            condition.wait(50)

    def start_thread(function):
        def run():
            ran.append(gevent.getcurrent())
            function()

        ran: list = []
        thread = threading.Thread(target=run)
        thread.start()
        gevent.sleep(0)
        return ran[0]

    holder = start_thread(hold_recursive)
    note(holder, "event", flag)
    note(start_thread(take_condition), "condition", condition, left=50)
    note(start_thread(standard.get), "queue", standard, "to get")
    note(start_thread(recursive.acquire), "lock", recursive, holder=holder)


def settled():
    gevent.sleep(0.3)
    print(json.dumps(known), flush=True)


settled()
try:
    gevent.sleep(1000)
finally:
    child.kill()

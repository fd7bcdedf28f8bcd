"""Greenlets of eventlet that wait for everything there is to wait for. Prints as JSON what each
waits for.
"""

import warnings

warnings.simplefilter("ignore")  # about the future of eventlet

import eventlet

eventlet.monkey_patch()

import json
import os
import queue as standard_queue
import socket
import threading
import time

import eventlet.green.os
import eventlet.lock
from eventlet import event, queue, semaphore

known: list = []


def waits(kind, address=None, detail="", holder=None, left=None):
    """Starts the function in a greenlet, and notes what it waits for."""

    def start(function):
        greenlet = eventlet.spawn(function)
        note(greenlet, kind, address, detail, holder, left)
        return greenlet

    return start


def note(greenlet, kind, address, detail="", holder=None, left=None):
    one = {
        "kind": kind,
        "id": None if address is None else id(address),
        "detail": detail or None,
        "holder": id(holder) if holder else None,
    }
    known.append({"id": id(greenlet), "waits": [one], "left": left})
    all_of_them.append(greenlet)


def at(sock):
    host, port = sock.getsockname()
    return f"{host}:{port}"


all_of_them: list = []
zero, plain_lock = semaphore.Semaphore(0), eventlet.lock.Lock()
happens, empty, full = event.Event(), queue.Queue(), queue.LightQueue(1)
full.put(1)
recursive, condition, flag = threading.RLock(), threading.Condition(), threading.Event()
standard = standard_queue.Queue()
near, far = socket.socketpair()
server = socket.socket()
server.bind(("127.0.0.1", 0))
server.listen()
client = socket.create_connection(server.getsockname())
peer, _ = server.accept()
peer.settimeout(60)
read_end, write_end = os.pipe()


@waits("end of sleep", left=400)
def owner():
    with plain_lock, recursive:
        eventlet.sleep(400)


eventlet.sleep(0)


@waits("semaphore", zero)
def a_semaphore():
    zero.acquire()


@waits("semaphore", zero, left=70)
def a_semaphore_for_some_time():
    zero.acquire(timeout=70)


@waits("lock", plain_lock, holder=owner)
def a_lock():
    with plain_lock:
        pass


@waits("lock", recursive, holder=owner)
def a_recursive_lock():
    with recursive:
        pass


@waits("event", happens)
def an_event():
    happens.wait()


@waits("event", happens, left=80)
def an_event_for_some_time():
    with eventlet.Timeout(80):
        happens.wait()


@waits("queue", empty, "to get")
def get():
    empty.get()


@waits("queue", empty, "to get", left=90)
def get_for_some_time():
    empty.get(timeout=90)


@waits("queue", full, "to put")
def put():
    full.put(2)


@waits("socket", None, f"{near.fileno()} to read, unix")
def receive():
    near.recv(1)


@waits("socket", None, f"{server.fileno()} to read, tcp {at(server)} listening")
def accept():
    server.accept()


@waits("socket", None, f"{peer.fileno()} to read, tcp {at(peer)} to {at(client)}", left=60)
def receive_for_some_time():
    peer.recv(1)


@waits("file descriptor", None, f"{read_end} to read, {os.readlink(f'/proc/self/fd/{read_end}')}")
def read():
    eventlet.green.os.read(read_end, 1)


@waits("end of sleep", left=300)
def sleep():
    time.sleep(300)


waiter = eventlet.spawn(owner.wait)
note(waiter, "end of greenlet", owner, holder=owner)


def start_thread(function):
    def run():
        ran.append(eventlet.getcurrent())
        function()

    ran: list = []
    threading.Thread(target=run).start()
    eventlet.sleep(0)
    return ran[0]


def take_condition():
    with condition:
        condition.wait()


note(start_thread(take_condition), "condition", condition)
note(start_thread(flag.wait), "event", flag)
note(start_thread(standard.get), "queue", standard, "to get")

eventlet.sleep(0.3)
print(json.dumps(known), flush=True)
eventlet.sleep(1000)

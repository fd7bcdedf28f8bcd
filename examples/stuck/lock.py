"""A server whose handlers wait for a lock that nobody will release."""

import gevent
from gevent.lock import BoundedSemaphore
from gevent.server import StreamServer
from gevent.socket import socket

cache_lock = BoundedSemaphore(1)


def refresh_cache(key):
    cache_lock.acquire()
    if key == "broken":
        raise KeyError(key)  # and the lock is never released
    cache_lock.release()


def handle(sock, address):
    request = sock.recv(100)
    refresh_cache(request.decode())
    sock.sendall(b"done")


server = StreamServer(("127.0.0.1", 0), handle)
server.start()
clients = []
for request in [b"users", b"broken", b"users", b"orders"]:
    client = socket()
    client.connect(server.address)
    client.sendall(request)
    clients.append(client)
    gevent.sleep(0.05)
server.serve_forever()

"""What gevent_files.py alternates with."""

import gevent


def branch(turns, event):
    while turns:
        turns -= 1
        try:
            gevent.sleep(0)
        except ValueError:  # never
            return "wrong"  # never
        turns += 0
    if not event.wait(5):
        return "late"  # never
    return "right"

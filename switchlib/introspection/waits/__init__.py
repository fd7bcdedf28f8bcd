"""What suspended greenlets wait for.

Objects that a greenlet may wait for are found in its innermost frames and on its C stack. That it
does wait is confirmed from the other end: it is found among those that the object will resume.

    wait       what is known of a wait
    links      whom an object will resume
    gevent, eventlet, threads   the classes that are waited for
    timers, sockets   what is left of a time; what a file descriptor is
    holders    who holds a lock that does not know its owner
    find       brings them together
    deadlocks  cycles of waiting
"""

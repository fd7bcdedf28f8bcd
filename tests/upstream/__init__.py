"""greenlet's own tests, over switchlib's shim: see __main__.py."""

VERSION = "3.5.6"  # of greenlet

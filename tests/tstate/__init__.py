"""csrc/tstate/: what of CPython's thread state belongs to a greenlet, on each version."""

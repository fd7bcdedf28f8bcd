"""At every place of the mechanism where code of users may run
(csrc/mechanism/points.h) something hostile is done.

    python -m tests.points [--every N] [--only OPERATION]

The build lists the places by itself. Each operation (world.py) is done again and again, with each
action in turn at the first place that it passes, at the second, and so on, until it passes no
further; in both modes. Nothing may crash or hang, no greenlet or stack may be left, and what comes
of it must be what comes of the same operation and action one after the other, or of the action done
by the greenlet that arrives. --every N does every N-th of these runs.
"""

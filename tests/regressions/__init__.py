"""Programs that once crashed, hung or went wrong, here or on greenlet, a file each. A new one is
one file and nothing else.

Its docstring says what went wrong, and where that was reported: "greenlet 12" is issue 12 of
greenlet, and so on. Lines that follow say where the program does not run, or how;
test_regressions.py lists what they may say. Its last line says what the program prints. Each runs
in a process of its own, in both modes.

Public issues that were looked at and have no program here:

- greenlet 166, 403, 419, 438, 447, 487, gevent 96: register switches of single CPUs and compilers,
  which the stack layer's own tests drive on every CPU we have; see
  floating_point_across_switches.py for a program.
- greenlet 194, gevent 1675, 1678, 916: the layout of the C structure changed under extensions built
  for another. Ours is tested in tests/mechanism/test_mechanism.py and tests/mechanism/test_capi.py.
- greenlet 286: a C++ exception of another extension that is not caught. It ends any process.
- greenlet 460: an assertion of CPython's experimental JIT.
- greenlet 477, 503, 511 (in part), 515: free-threaded builds, which are refused.
- greenlet 426: needless words on stderr, by Cython, as the interpreter ends.
- greenlet 417, gevent 1713, 1751, 2174: no program and no cause was found.
- gevent 1098, 2175, 107: the event loop was destroyed under its watchers, or is at fault itself.
- gevent 2005, 1682, 954, eventlet 371: exceptions, not crashes, of code above greenlets.
- gevent 2149, 981, 1467, eventlet 748: leaks of what is above greenlets.
- eventlet 461, 685: repeats of greenlet 123 and of faulty builds for one system.
"""

"""Looks at the greenlets of another process, or of a core file, without running code in it.

    maps, memory, core  what can be read of a process or a core file
    system, permission  what Linux says about a process
    hold                stops the threads of a process while they are read
    table               the offsets that the C extension publishes: csrc/mechanism/debug_offsets.h
    lines, objects      objects of CPython: strings, dicts, code, frames
    source              lines of source files
    process             threads and greenlets
    reader              reads a process, again and again if wanted, or a core file
    referents           what objects, frames and C stacks refer to
    names, waits        what greenlets are called, and what they wait for
    coroutines, tasks   tasks of asyncio that run in greenlets
    render, top         what `python -m switchlib ps`, `tree`, `dump` and `top` print
    options, cli        their options, and what they do

All of it is plain Python on the standard library. So the reader may be another version of Python
than the process that it looks at. None of it trusts what it reads: that may be damaged.
"""

"""csrc/mechanism/, and switchlib/_pypy.py, which is the mechanism on PyPy."""

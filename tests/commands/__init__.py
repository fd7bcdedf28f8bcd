"""Commands for testing that are a file each: `python -m tests.commands.NAME`.

They are run with -m, from the root of a clone, so that they find the
switchlib and the tests of that clone.
"""

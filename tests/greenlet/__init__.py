"""switchlib/_greenlet.py: what greenlets mean to a program that uses them."""

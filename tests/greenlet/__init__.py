"""switchlib/_greenlet.py: what greenlets mean to those who use them."""

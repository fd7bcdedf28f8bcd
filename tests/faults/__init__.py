"""Faults at the Python level, in every place that they can hit: a file a fault.

actions.py has what they share.
"""

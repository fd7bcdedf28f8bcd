"""Faults at the Python level, in every place that they can hit."""

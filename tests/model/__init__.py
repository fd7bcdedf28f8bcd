"""The order of switches: random programs must do on real stacks what a
model without stacks foretells.

program.py      what a program is, and how it reads as Python
model.py        the model: the meaning of greenlets, as a machine that switches no stacks
real.py         runs a program on switchlib, or on greenlet
chance.py       random programs
__main__.py     `python -m tests.model`: many of them, also on the real greenlet
"""

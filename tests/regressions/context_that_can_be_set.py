"""A greenlet had a context of its own that could not be set. Reported as greenlet 196."""

import contextvars

from switchlib import getcurrent, greenlet

main = getcurrent()

variable = contextvars.ContextVar("variable")
variable.set("outer")
each = greenlet(lambda: variable.set("inner"))
each.gr_context = main.gr_context
each.switch()
print(variable.get())

# prints: inner

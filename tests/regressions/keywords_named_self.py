"""Keywords have the names of the parameters of functions of policy."""

from switchlib import greenlet

print(greenlet(lambda **kwargs: kwargs).switch(self=2, args=3))

# prints: {'self': 2, 'args': 3}

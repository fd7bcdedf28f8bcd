"""A context manager that switches in __exit__ and swallows what was raised. Reported as stackless
115.
"""

from switchlib import getcurrent, greenlet

main = getcurrent()


class Manager:
    def __enter__(self):
        return self

    def __exit__(self, *raised):
        main.switch("leaving")
        return True


def body():
    with Manager():
        raise LookupError
    return "swallowed"


each = greenlet(body)
print(each.switch(), each.switch())

# prints: leaving swallowed

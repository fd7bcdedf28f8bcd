"""The exceptions of greenlets."""


class error(Exception):  # noqa: N801 - greenlet's name
    """A greenlet cannot be switched to: it belongs to another thread, or to one that has ended."""


class GreenletExit(BaseException):
    """Ends the greenlet it is raised in. It does not go on to the parent, which gets the instance as a value."""


for _class in (error, GreenletExit):
    _class.__module__ = "switchlib"  # the name that they pickle by

"""The package `greenlet`, as switchlib gives it to programs that import that name."""

try:
    from ._greenlet import _C_API, GreenletExit, error, getcurrent, gettrace, greenlet, settrace
except ImportError as missing:
    # Another Python inherits PYTHONPATH. It may be an old one,
    # to which this must be no error of syntax.
    if getattr(missing, "name", None) in ("switchlib", "switchlib._shim"):
        import os
        import sys

        directory = os.path.dirname(os.path.dirname(__file__))
        is_shim = os.path.basename(directory) == "shim"
        instead = "take that directory off PYTHONPATH" if is_shim else "reinstall greenlet"
        missing.msg += ": the greenlet in " + directory + " is switchlib's, but " + sys.executable
        missing.msg += " finds no switchlib. Install switchlib for it, or " + instead + "."
        missing.args = (missing.msg,)  # which PyPy prints
    raise
from ._greenlet import CLOCKS_PER_SEC as CLOCKS_PER_SEC
from ._greenlet import GREENLET_USE_CONTEXT_VARS as GREENLET_USE_CONTEXT_VARS
from ._greenlet import GREENLET_USE_GC as GREENLET_USE_GC
from ._greenlet import GREENLET_USE_TRACING as GREENLET_USE_TRACING
from ._greenlet import enable_optional_cleanup as enable_optional_cleanup
from ._greenlet import (
    get_clocks_used_doing_optional_cleanup as get_clocks_used_doing_optional_cleanup,
)

__version__ = "3.5.6"  # the release whose interface and semantics this is

__all__ = [
    "_C_API",
    "GreenletExit",
    "__version__",
    "error",
    "getcurrent",
    "gettrace",
    "greenlet",
    "settrace",
]

"""The package `greenlet`, as switchlib gives it to programs that import that name."""

from ._greenlet import _C_API, GreenletExit, error, getcurrent, gettrace, greenlet, settrace
from ._greenlet import CLOCKS_PER_SEC as CLOCKS_PER_SEC
from ._greenlet import GREENLET_USE_CONTEXT_VARS as GREENLET_USE_CONTEXT_VARS
from ._greenlet import GREENLET_USE_GC as GREENLET_USE_GC
from ._greenlet import GREENLET_USE_TRACING as GREENLET_USE_TRACING
from ._greenlet import enable_optional_cleanup as enable_optional_cleanup
from ._greenlet import get_clocks_used_doing_optional_cleanup as get_clocks_used_doing_optional_cleanup

__version__ = "3.5.6"  # the release whose interface and semantics this is

__all__ = ["_C_API", "GreenletExit", "__version__", "error", "getcurrent", "gettrace", "greenlet", "settrace"]

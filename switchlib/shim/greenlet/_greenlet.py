"""What programs and greenlet's own tests import from greenlet's extension module.

It defines no function: like an extension module's, its attributes go when it goes, and need no collector.
"""

import sys

from switchlib import GreenletExit as GreenletExit
from switchlib import _mechanism
from switchlib import error as error
from switchlib import getcurrent as getcurrent
from switchlib import gettrace as gettrace
from switchlib import greenlet as greenlet
from switchlib import settrace as settrace
from switchlib._legacy import CLOCKS_PER_SEC as CLOCKS_PER_SEC
from switchlib._legacy import enable_optional_cleanup as enable_optional_cleanup
from switchlib._legacy import get_clocks_used_doing_optional_cleanup as get_clocks_used_doing_optional_cleanup
from switchlib._legacy import get_pending_cleanup_count as get_pending_cleanup_count
from switchlib._legacy import get_total_main_greenlets as get_total_main_greenlets
from switchlib._mechanism import set_thread_local as set_thread_local

if sys.version_info < (3, 13):
    from switchlib._legacy import get_tstate_trash_delete_nesting as get_tstate_trash_delete_nesting

GREENLET_USE_CONTEXT_VARS = True
GREENLET_USE_GC = True
GREENLET_USE_STANDARD_THREADING = True
GREENLET_USE_TRACING = True

_C_API = _mechanism.c_api()

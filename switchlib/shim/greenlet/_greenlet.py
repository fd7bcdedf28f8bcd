"""What programs import from greenlet's extension module.

On CPython `csrc/shim/greenlet.c` stands in the place of this.

It defines no function: like an extension module's, its attributes go when it goes,
and need no collector.
"""

from switchlib._shim import *  # noqa: F403
from switchlib._shim import __all__ as __all__

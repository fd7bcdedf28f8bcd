"""What greenlet's own tests need and users do not:
put into the shim's `greenlet._greenlet` while they run.
"""

from __future__ import annotations

import os
from typing import Any

from switchlib import greenlet

from . import _greenlet


class UnswitchableGreenlet(greenlet):
    """A greenlet that can be told to fail where greenlet's C code would: before a switch,
    or in the midst of it.
    """

    force_switch_error = False
    force_slp_switch_error = False

    def switch(self, *args: Any, **kwargs: Any) -> Any:
        if self.force_slp_switch_error:
            os.abort()
        if self.force_switch_error:
            how = "running greenlet" if self else "greenlet for the first time"
            raise SystemError(f"Failed to switch stacks into a {how}.")
        return super().switch(*args, **kwargs)


_greenlet.UnswitchableGreenlet = UnswitchableGreenlet

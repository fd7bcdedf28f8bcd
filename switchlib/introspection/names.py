"""What greenlets are called."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from .errors import Unreadable
from .objects import LONG
from .shown import shown

if TYPE_CHECKING:
    from .objects import Class, Function
    from .process import Frame, Greenlet, Process

PLAIN_CLASSES = ("switchlib.greenlet", "greenlet.greenlet")
GEVENT_GREENLETS = ("gevent._gevent_cgreenlet.Greenlet", "gevent.greenlet.Greenlet")
GEVENT_HUB = "gevent.hub.Hub"
EVENTLET_HUB = "eventlet.hubs.hub.BaseHub"
LONGEST = 60
OWN = ("name", "_run", "_ident")  # the attributes of greenlets that are of interest here

# Whose functions run another one: GreenThread.main, Thread._bootstrap.
WRAPPERS = ("eventlet/greenthread.py", "threading.py")
OUTERMOST = ("run", "main", "_bootstrap")  # the first is that of eventlet's hub


class Names:
    """Finds the names of greenlets."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._objects = process.objects
        self._known: dict[int, str] = {}
        self._of_interest: dict[int, bool] = {}
        self._bases: dict[tuple[int, tuple[str, ...]], Class | None] = {}
        self._attributes: dict[int, dict[str, int]] = {}  # those of OWN, by greenlet
        self._given: dict[int, Function] = {}  # by the address of what was given
        self._others = {0}  # what lies in fields of greenlets, and is no int

    def of(self, greenlet: Greenlet) -> str:
        """The name that a program, gevent or threading has given a greenlet; "" if none has."""
        known = self._known.get(greenlet.address)
        if known is None:
            try:
                known = self._find(greenlet)
            except Unreadable:
                known = ""
            self._known[greenlet.address] = known
        return known

    def is_hub(self, greenlet: Greenlet) -> bool:
        """Whether it is gevent's or eventlet's hub."""
        try:
            if self._base(greenlet.type_address, (GEVENT_HUB,)) is not None:
                return True
            outermost = self._outermost(greenlet)
            if outermost is None or outermost.code.name != "run":
                return False
            hub = outermost.variables().get("self", 0)
            return bool(
                hub
                and self._objects.is_instance(hub, EVENTLET_HUB)
                and self._objects.attribute(hub, "greenlet") == greenlet.address
            )
        except Unreadable:
            return False

    def _base(self, type_address: int, names: tuple[str, ...]) -> Class | None:
        """The type, or the one that it derives from, that has one of these names."""
        key = type_address, names
        if key not in self._bases:
            bases = self._objects.bases(type_address)
            self._bases[key] = next((each for each in bases if each.full_name in names), None)
        return self._bases[key]

    def given(self, greenlet: Greenlet) -> Function | None:
        """The function that gevent, eventlet or threading was given to run in a greenlet, if what
        the greenlet itself runs is theirs.
        """
        try:
            given = 0
            if self._base(greenlet.type_address, GEVENT_GREENLETS) is not None:
                given = self._own(greenlet).get("_run", 0)
            given = given or self._wrapped(greenlet)
            if not given:
                return None
            if given not in self._given:
                bound, name = self._process.referents.method(given)
                target = self._objects.attribute(bound, "_target") if name == "_bootstrap" else 0
                self._given[given] = self._objects.function(target or given)
            return self._given[given]
        except Unreadable:
            return None

    def _own(self, greenlet: Greenlet) -> dict[str, int]:
        """The attributes of a greenlet that are of interest here."""
        known = self._attributes.get(greenlet.address)
        if known is None:
            found = self._objects.attributes(greenlet.address)
            known = {name: found[name] for name in OWN if name in found}
            self._attributes[greenlet.address] = known
        return known

    def _outermost(self, greenlet: Greenlet) -> Frame | None:
        """The outermost frame, if its code has one of the names that are of interest here."""
        if not greenlet.raw_frames:
            return None
        code = greenlet.raw_frames[-1][1]
        known = self._of_interest.get(code)
        if known is None:
            found = greenlet.outermost
            known = found is not None and found.code.name in OUTERMOST
            self._of_interest[code] = known
        return greenlet.outermost if known else None

    def _wrapped(self, greenlet: Greenlet) -> int:
        """The function that the outermost frame runs, if that is a library's; otherwise 0."""
        outermost = self._outermost(greenlet)
        if outermost is None or not outermost.code.filename.endswith(WRAPPERS):
            return 0
        variables = outermost.variables()
        if outermost.code.name == "main":
            return variables.get("function", 0)
        if outermost.code.name == "_bootstrap" and "self" in variables:
            return self._objects.attribute(variables["self"], "_target")
        return 0

    def _find(self, greenlet: Greenlet) -> str:
        objects = self._objects
        own = self._own(greenlet).get("name", 0)
        if objects.is_text(own):
            return shown(objects.text(own), LONGEST)
        if greenlet.is_main:
            return "main"
        if self.is_hub(greenlet):
            return "hub"
        task = self._process.tasks.of(greenlet)
        if task is not None:
            return task.name
        # Where threading is patched, greenlets are threads, too.
        thread = self._process.thread_names.get(greenlet.address, "")
        if thread and not thread.startswith("Dummy-"):
            return shown(thread, LONGEST)
        number = self._minimal_ident(greenlet)
        return f"Greenlet-{number}" if number is not None else ""

    def _minimal_ident(self, greenlet: Greenlet) -> int | None:
        """The number that gevent has given one of its greenlets; None if it has not.

        It is the field of a compiled class, and the only int among the fields.
        """
        class_of, others = self._process.referents.class_of, self._others
        base = self._base(greenlet.type_address, GEVENT_GREENLETS)
        if base is None:
            return None
        fields = self._process.referents.fields(greenlet.address, base.basic_size)
        fields.append(self._own(greenlet).get("_ident", 0))
        numbers = []
        for each in fields:
            if each in others:  # most greenlets have the same objects in many of them
                continue
            own = class_of(each)
            if own is not None and own.flags & LONG:
                numbers.append(each)
            else:
                others.add(each)
        return self._objects.integer(numbers[0]) if len(numbers) == 1 else None


def label(greenlet: Greenlet, otherwise: str = "") -> str:
    """A name for a greenlet: its own, or that of its class, or for one that has neither a name nor
    a class of its own `otherwise`.
    """
    if greenlet.name:
        return greenlet.name
    name = greenlet.class_name
    return otherwise if name in PLAIN_CLASSES else short_class(name)


@lru_cache(maxsize=1024)
def short_class(name: str) -> str:
    """The name of a class without the private modules that it comes from."""
    outside, _, own = name.rpartition("<locals>.")
    if outside:
        return f"{outside.partition('.')[0]}.{own}"
    module, _, own = name.rpartition(".")
    if module in ("", "__main__", "builtins"):
        return own
    first, *others = module.split(".")
    return ".".join([first, *(each for each in others if not each.startswith("_")), own])

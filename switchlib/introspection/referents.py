"""What objects, frames and C stacks refer to, also where nothing describes their layout.

Fields of classes that Cython or C compiled have no names in the process. So the words of an object
are looked at one by one: a word counts if it is the address of an object. What is found so is a
candidate, which the caller confirms in some other way.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from .errors import Unreadable
from .objects import CYTHON_FUNCTION, DICT, LIST, TAGS, TUPLE, Class, Objects

if TYPE_CHECKING:
    from .process import Frame, Greenlet

LOWEST, HIGHEST = 1 << 16, 1 << 47  # addresses of objects lie between
LARGEST = 1 << 12  # of a larger object the first bytes are looked at
MOST_ITEMS = 100_000
MOST_OPERANDS = 64
FRAMES = 8  # the innermost ones, in which objects are looked for
MOST_OF_C_STACK = 1 << 14  # bytes, from the innermost on

# struct dequeobject and struct BLOCK in CPython's Modules/_collectionsmodule.c, 3.10 to 3.15.
DEQUE = struct.Struct("<QQq")  # leftblock, rightblock, leftindex
DEQUE_BLOCK = 64
DEQUE_NAME = "collections.deque"

DESCRIPTORS = ("method_descriptor", "wrapper_descriptor")
FUNCTIONS = ("function", CYTHON_FUNCTION)


class Referents:
    """Finds what things refer to. All answers are addresses."""

    def __init__(self, objects: Objects) -> None:
        self.objects = objects
        self.memory = objects.memory
        self.table = objects.table
        self._type = objects.type_of(self.table["types.code"])  # the type of types
        self._type_offset = self.table["object.ob_type"]
        self._types: dict[int, Class | None] = {}
        self._is_a: dict[tuple[int, tuple[str, ...]], bool] = {}
        self._stack_of_code: dict[int, tuple[int, int]] = {}

    def class_of(self, address: int) -> Class | None:
        """The type of an object; None if there is no object at this address."""
        if address & 7 or not LOWEST <= address < HIGHEST:
            return None
        try:
            kind = self.memory.pointer(address + self._type_offset)
            return self._types[kind] if kind in self._types else self._learn(kind)
        except Unreadable:
            return None

    def _learn(self, kind: int) -> Class | None:
        found = None
        try:
            if kind & 7 == 0 and LOWEST <= kind < HIGHEST:
                metaclass = self.objects.type_of(kind)
                if self._type in (metaclass, self.objects.type_of(metaclass)):
                    found = self.objects.class_at(kind)
        except Unreadable:
            pass
        self._types[kind] = found
        return found

    def is_a(self, address: int, names: tuple[str, ...]) -> bool:
        """Whether there is an object at an address whose type, or one that it derives from by
        first bases, has one of these names.
        """
        own = self.class_of(address)
        if own is None:
            return False
        key = own.address, names
        if key not in self._is_a:
            try:
                bases = self.objects.bases(own.address)
                self._is_a[key] = any(each.full_name in names for each in bases)
            except Unreadable:
                self._is_a[key] = False
        return self._is_a[key]

    def fields(self, address: int, size: int = 0) -> list[int]:
        """The words of an instance, each of which may be a reference. `size` is that of a base
        type in bytes, if only its fields are meant.
        """
        own = self.class_of(address)
        if own is None:
            return []
        start = self.table["object.size"]
        try:
            return self._words(address + start, min(size or own.basic_size, LARGEST) - start)
        except Unreadable:
            return []

    def attributes(self, address: int) -> dict[str, int]:
        """Those that an instance has in its dict and slots, as far as they can be read."""
        try:
            return self.objects.attributes(address) if self.class_of(address) else {}
        except Unreadable:
            return {}

    def items(self, address: int, limit: int = MOST_ITEMS) -> list[int]:
        """What a list, tuple, set or deque contains, or the values of a dict; of another object
        nothing.
        """
        own = self.class_of(address)
        if own is None:
            return []
        objects = self.objects
        try:
            if own.flags & (LIST | TUPLE):
                return objects.items(address, limit)
            if own.flags & DICT:
                return [value for _, value in objects.dict_items(address, limit)]
            if own.address in (self.table["types.set"], self.table["types.frozenset"]):
                return objects.members(address, limit)
            if own.full_name == DEQUE_NAME:
                return self._deque(address, limit)
        except Unreadable:
            pass
        return []

    def is_list_like(self, address: int) -> bool:
        """Whether an object is a list, set or deque."""
        own = self.class_of(address)
        return own is not None and bool(
            own.flags & LIST
            or own.address == self.table["types.set"]
            or own.full_name == DEQUE_NAME
        )

    def method(self, address: int) -> tuple[int, str]:
        """The object that a bound method belongs to, and the method's name; of another object
        0 and "".
        """
        bound = self.bound_to(address)
        try:
            return (bound, self.objects.method_name(address)) if bound else (0, "")
        except Unreadable:
            return 0, ""

    def bound_to(self, address: int) -> int:
        """The object that a bound method belongs to; of another object 0."""
        own, table = self.class_of(address), self.table
        try:
            if own is not None and own.address == table["types.method"]:
                return self.memory.pointer(address + table["method.im_self"])
            if own is not None and own.address == table["types.builtin"]:
                return self.memory.pointer(address + table["builtin.m_self"])
        except Unreadable:
            pass
        return 0

    def name_of(self, address: int) -> str:
        """The name of a function or of a method's descriptor; "" of another object."""
        own, table = self.class_of(address), self.table
        try:
            if own is not None and own.name in DESCRIPTORS:
                return self.objects.text(self.memory.pointer(address + table["descriptor.name"]))
            if own is not None and own.name in FUNCTIONS:
                return self._name(address)
        except Unreadable:
            pass
        return ""

    def _name(self, address: int) -> str:
        return self.objects.function(address).name.rpartition(".")[2]

    def closure(self, address: int) -> list[int]:
        """What a function has captured from outer functions; of another object nothing."""
        own, table, memory = self.class_of(address), self.table, self.memory
        try:
            if own is not None and own.address == table["types.function"]:
                cells = memory.pointer(address + table["function.func_closure"])
                return [
                    memory.pointer(cell + table["cell.ob_ref"])
                    for cell in (self.objects.items(cells) if cells else ())
                ]
        except Unreadable:
            pass
        return []

    def variables(self, frame: Frame) -> list[int]:
        """The values of a frame's variables, as far as they can be read."""
        try:
            return list(frame.variables().values())
        except Unreadable:
            return []

    def operands(self, frame: Frame) -> list[int]:
        """The words of a frame's evaluation stack, the highest first. Those that the interpreter
        has left behind there are among them.
        """
        try:
            start, size = self._stack(frame)
            return self._words(start, 8 * size)[::-1]
        except Unreadable:
            return []

    def _stack(self, frame: Frame) -> tuple[int, int]:
        """Where a frame's evaluation stack begins, and how many values fit in."""
        table, memory, code = self.table, self.memory, frame.code.address
        known = self._stack_of_code.get(code)
        if known is None:
            size = memory.unpack(struct.Struct("<i"), code + table["code.co_stacksize"])[0]
            names = self.objects.variable_count(frame.code)
            known = self._stack_of_code[code] = names, min(max(size, 0), MOST_OPERANDS)
        names, size = known
        return self.objects.variables_at(frame.address) + 8 * names, size

    def c_stack(self, greenlet: Greenlet) -> list[int]:
        """The words of a suspended greenlet's C stack, innermost first."""
        try:
            return [word for part in self._c_stack_parts(greenlet) for word in self._words(*part)]
        except Unreadable:
            return []

    def _c_stack_parts(self, greenlet: Greenlet) -> list[tuple[int, int]]:
        """The address and the size of each part: what was saved in the heap, and the rest."""
        if not greenlet.start:
            return []
        table, memory = self.table, self.memory
        stop = min(greenlet.stop, greenlet.start + MOST_OF_C_STACK)
        saved = min(greenlet.saved, stop - greenlet.start)
        found = []
        if saved:
            state = memory.pointer(greenlet.address + table["greenlet.state"])
            buffer = memory.pointer(state + table["state.slice.buffer"])
            if (
                memory.pointer(state + table["state.slice.capacity"])
                >= table["stack.aligned_bytes"]
            ):
                buffer += (greenlet.start - buffer) % table["stack.line"]
            found.append((buffer, saved))
        return [*found, (greenlet.start + saved, stop - greenlet.start - saved)]

    def source(self, greenlet: Greenlet, number: int) -> list[int] | None:
        """Where an object may be found that a suspended greenlet waits for, the likeliest places
        first: the variables and the evaluation stack of each of the innermost frames, and as the
        last one the C stack. None if there is no source of this number.
        """
        if number == 2 * FRAMES:
            return self.c_stack(greenlet)
        if number > 2 * FRAMES:
            return None
        depth, of_stack = divmod(number, 2)
        frames = greenlet.raw_frames[depth : depth + 1]
        frame = greenlet.frame(frames[0]) if frames else None
        if frame is None:
            return []
        return self.operands(frame) if of_stack else self.variables(frame)

    def words_at(
        self, greenlet: Greenlet, number: int, indices: list[int]
    ) -> list[tuple[int, int]]:
        """Some of the words of a source, each with its index, as far as there are so many."""
        depth, of_stack = divmod(number, 2)
        frames = greenlet.raw_frames[depth : depth + 1]
        try:
            if number == 2 * FRAMES:
                parts = self._c_stack_parts(greenlet)
            elif of_stack and number < 2 * FRAMES:
                frame = greenlet.frame(frames[0]) if frames else None
                if frame is None:
                    return []
                start, size = self._stack(frame)
                return [
                    (each, self.memory.pointer(start + 8 * (size - 1 - each)) & ~TAGS)
                    for each in indices
                    if each < size
                ]
            else:
                words = self.source(greenlet, number) or []
                return [(each, words[each]) for each in indices if each < len(words)]
            found = []
            for each in indices:
                left = each
                for start, size in parts:
                    if left < size // 8:
                        found.append((each, self.memory.pointer(start + 8 * left) & ~TAGS))
                        break
                    left -= size // 8
            return found
        except Unreadable:
            return []

    def _deque(self, address: int, limit: int) -> list[int]:
        memory = self.memory
        left = self.objects.size(address)
        block, _, index = memory.unpack(DEQUE, address + self.table["object.size"] + 8)
        found: list[int] = []
        while left > 0 and len(found) < limit:
            if not 0 <= index < DEQUE_BLOCK:
                raise Unreadable(address, "no deque")
            count = min(left, DEQUE_BLOCK - index)
            found += self._words(block + 8 + 8 * index, 8 * count)
            left -= count
            index = 0
            block = memory.pointer(block + 8 + 8 * DEQUE_BLOCK)
        return found[:limit]

    def _words(self, address: int, size: int) -> list[int]:
        count = max(size, 0) // 8
        words = struct.unpack(f"<{count}Q", self.memory.read(address, 8 * count))
        return [word & ~TAGS for word in words]

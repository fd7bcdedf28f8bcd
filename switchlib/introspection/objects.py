"""Objects of CPython in the memory of another process, by the table of offsets.

An object is its address, an int. What is not as it should be raises Unreadable.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from . import lines
from .errors import Unreadable
from .memory import Memory
from .table import Table

# No container is larger than this: a size that is greater is taken for damage.
LONGEST = 1 << 20
LONGEST_TEXT = 1 << 40
TEXT_LIMIT = 1 << 16

HEAP_TYPE = 1 << 9
MANAGED_DICT = 1 << 4
INLINE_VALUES = 1 << 2
LONG, LIST, TUPLE, BYTES, UNICODE, DICT = (1 << bit for bit in range(24, 30))
TYPE = 1 << 31

FAST_CELL, FAST_FREE = 0x40, 0x80
MEMBER_OBJECT, MEMBER_OBJECT_OR_ERROR = 6, 16

CYTHON_FUNCTION = "cython_function_or_method"

TAGS = 7  # in pointers on an evaluation stack, from 3.14 on; objects lie at multiples of 8
MOST_DIGITS = 1_000  # of an int, each of 30 bits
SIGNED = struct.Struct("<q")
INT = struct.Struct("<i")
DOUBLE = struct.Struct("<d")
PAIR = struct.Struct("<QQ")


@dataclass(frozen=True)
class Function:
    """What is called: a name for people, and where it is defined, as far as that is known."""

    name: str
    filename: str = ""
    line: int = 0


@dataclass(eq=False)
class Code:
    """A code object."""

    address: int
    filename: str
    name: str
    qualname: str  # on 3.10 it is the name
    first_line: int
    start: int  # the address of the first instruction
    size: int  # of the instructions, in bytes
    lines: lines.Lines
    function: Function = field(init=False, repr=False)  # to which it belongs

    def __post_init__(self) -> None:
        self.function = Function(self.qualname, self.filename, self.first_line)


@dataclass(frozen=True)
class Class:
    """A type: its name without the module, the module ("" if not known), and its layout."""

    address: int
    name: str
    module: str
    flags: int
    basic_size: int
    item_size: int
    dict_offset: int
    base: int

    @property
    def full_name(self) -> str:
        return f"{self.module}.{self.name}" if self.module else self.name


class Objects:
    """Reads objects."""

    def __init__(self, memory: Memory, table: Table) -> None:
        self.memory = memory
        self.table = table
        self.python = table.python
        self._codes: dict[int, Code] = {}
        self._classes: dict[int, Class] = {}
        self._interned: dict[int, str] = {}
        self._member_offsets: dict[int, dict[str, int]] = {}
        self._slot_offsets: dict[int, dict[str, int]] = {}  # those of the bases included
        self._functions: dict[int, Function] = {}
        self._builtin_names: dict[int, str] = {}  # by the addresses of their definitions
        self._variables: dict[int, tuple[list[str], bytes]] = {}
        self._unicode = table.record("unicode.length:q", "unicode.state:I")
        self._class = table.record(
            "type.tp_name",
            "type.tp_flags",
            "type.tp_basicsize:q",
            "type.tp_itemsize:q",
            "type.tp_dictoffset:q",
            "type.tp_base",
        )
        self._code = table.record(
            "code.co_filename",
            "code.co_name",
            "code.co_firstlineno:i",
            "code.co_linetable",
        )
        self._dict = table.record("dict.ma_used:q", "dict.ma_keys", "dict.ma_values")
        self._type_offset = table["object.ob_type"]
        self._size_offset = table["var_object.ob_size"]
        if self.python >= (3, 11):
            self._keys = table.record(
                "dict_keys.dk_log2_index_bytes:B",
                "dict_keys.dk_kind:B",
                "dict_keys.dk_nentries:q",
            )

    # Types

    def type_of(self, address: int) -> int:
        """The address of an object's type."""
        return self.memory.pointer(address + self._type_offset)

    def class_of(self, address: int) -> Class:
        """The type of an object."""
        return self.class_at(self.type_of(address))

    def class_at(self, address: int) -> Class:
        """A type by its own address."""
        found = self._classes.get(address)
        if found is None:
            name_at, flags, basic_size, item_size, dict_offset, base = self._class.read(
                self.memory, address
            )
            layout = (flags, basic_size, item_size, dict_offset, base)
            if flags & HEAP_TYPE:
                name = self.text(self.memory.pointer(address + self.table["heap_type.ht_qualname"]))
                # In damaged memory the module's name may be an object of this same type.
                self._classes[address] = Class(address, name, "", *layout)
                module = self._module_of_type(address)
            else:
                module, _, name = self.memory.text(name_at, 200).rpartition(".")
            found = self._classes[address] = Class(address, name, module, *layout)
        return found

    def _module_of_type(self, address: int) -> str:
        try:
            own = self.memory.pointer(address + self.table["type.tp_dict"])
            module = self.dict_by_text(own).get("__module__", 0)
            return self.text(module) if self.is_text(module) else ""
        except Unreadable:
            return ""

    def type_name(self, address: int) -> str:
        """The name of an object's type with its module, such as "gevent._socket3.socket"."""
        return self.class_of(address).full_name

    def bases(self, address: int) -> Iterator[Class]:
        """A type and those that it derives from, by the first base of each."""
        for _ in range(100):
            if not address:
                return
            found = self.class_at(address)
            yield found
            address = found.base

    def is_instance(self, address: int, name: str) -> bool:
        """Whether an object's type, or one that it derives from by first bases, has this name,
        which is given with its module.
        """
        return any(each.full_name == name for each in self.bases(self.type_of(address)))

    # Values

    def size(self, address: int) -> int:
        """The number of items of an object of variable size."""
        number: int = self.memory.unpack(SIGNED, address + self._size_offset)[0]
        return number

    def is_text(self, address: int) -> bool:
        """Whether an object is a str."""
        return address != 0 and bool(self.class_of(address).flags & UNICODE)

    def text(self, address: int) -> str:
        """The value of a str, of which at most 65,536 characters are read."""
        found = self._interned.get(address)
        if found is not None:
            return found
        length, state = self._unicode.read(self.memory, address)
        kind, compact, ascii_only = state >> 2 & 7, state >> 5 & 1, state >> 6 & 1
        if kind not in (1, 2, 4) or not 0 <= length < LONGEST_TEXT:
            raise Unreadable(address, "no str")
        if not compact:
            raise Unreadable(address, "a str of the old kind")
        size = self.table["unicode.ascii_size" if ascii_only else "unicode.compact_size"]
        data = self.memory.read(address + size, min(length, TEXT_LIMIT) * kind)
        encoding = {1: "latin-1", 2: "utf-16-le", 4: "utf-32-le"}[kind]
        try:
            found = data.decode(encoding, "surrogatepass" if kind > 1 else "strict")
        except UnicodeDecodeError:
            raise Unreadable(address, "no str") from None
        if len(found) < 200:
            self._interned[address] = found
        return found

    def data(self, address: int) -> bytes:
        """The value of a bytes."""
        size = self.size(address)
        if not 0 <= size < LONGEST:
            raise Unreadable(address, "no bytes")
        return self.memory.read(address + self.table["bytes.ob_sval"], size)

    def integer(self, address: int) -> int:
        """The value of an int."""
        if self.python >= (3, 12):
            tag = self.memory.pointer(address + self.table["long.lv_tag"])
            count, sign = tag >> 3, 1 - (tag & 3)
        else:
            size = self.size(address)
            count, sign = abs(size), -1 if size < 0 else 1
        if count > MOST_DIGITS:
            raise Unreadable(address, "no int")
        data = self.memory.read(address + self.table["long.ob_digit"], 4 * count)
        number = 0
        for i in range(count):
            number |= int.from_bytes(data[4 * i : 4 * i + 4], "little") << 30 * i
        return sign * number

    def real(self, address: int) -> float:
        """The value of a float."""
        number: float = self.memory.unpack(DOUBLE, address + self.table["float.ob_fval"])[0]
        return number

    def items(self, address: int, limit: int = LONGEST) -> list[int]:
        """The addresses of the items of a tuple or list, of at most `limit` of them."""
        flags = self.class_of(address).flags
        size = self.size(address)
        if not flags & (TUPLE | LIST) or not 0 <= size < LONGEST:
            raise Unreadable(address, "neither a tuple nor a list")
        if flags & TUPLE:
            start = address + self.table["tuple.ob_item"]
        else:
            start = self.memory.pointer(address + self.table["list.ob_item"])
        return self._pointers(start, min(size, limit))

    def members(self, address: int, limit: int = LONGEST) -> list[int]:
        """The addresses of the members of a set or frozenset, of at most `limit` of them."""
        mask = self.memory.pointer(address + self.table["set.mask"])
        used = self.memory.pointer(address + self.table["set.used"])
        size = self.table["set_entry.size"]
        if mask >= LONGEST or used > mask + 1 or not 16 <= size <= 64:
            raise Unreadable(address, "no set")
        start = self.memory.pointer(address + self.table["set.table"])
        data = self.memory.read(start, (mask + 1) * size)
        keys = struct.unpack(f"<{len(data) // 8}Q", data)[
            self.table["set_entry.key"] // 8 :: size // 8
        ]
        found = []
        for key in keys:
            # What was removed is replaced by an object of a type of its own.
            if key and not self.class_of(key).name.startswith("<dummy"):
                found.append(key)
                if len(found) == min(used, limit):
                    break
        return found

    def dict_items(self, address: int, limit: int = LONGEST) -> list[tuple[int, int]]:
        """The addresses of the keys and values of a dict, of at most `limit` of them."""
        used, keys, values = self._dict.read(self.memory, address)
        if not 0 <= used < LONGEST:
            raise Unreadable(address, "no dict")
        found = []
        for key, value in self._entries(keys, values and self._values_at(values)):
            if key and value:
                found.append((key, value))
                if len(found) >= min(used, limit):
                    break
        return found

    def dict_by_text(self, address: int, limit: int = LONGEST) -> dict[str, int]:
        """The same, of those keys that are str."""
        return {
            self.text(key): value
            for key, value in self.dict_items(address, limit)
            if self.is_text(key)
        }

    def _values_at(self, values: int) -> int:
        return values + self.table["dict_values.values"] if self.python >= (3, 11) else values

    def _entries(self, keys: int, values: int) -> Iterator[tuple[int, int]]:
        """The entries of a table of keys, some empty. `values` is where they lie if not there."""
        memory = self.memory
        if self.python >= (3, 11):
            log2_bytes, kind, count = self._keys.read(memory, keys)
            if log2_bytes > 40:
                raise Unreadable(keys, "no keys of a dict")
            index_bytes = 1 << log2_bytes
        else:
            size = memory.pointer(keys + self.table["dict_keys.dk_size"])
            count = memory.pointer(keys + self.table["dict_keys.dk_nentries"])
            width = 1 if size <= 0xFF else 2 if size <= 0xFFFF else 4 if size <= 0xFFFFFFFF else 8
            index_bytes, kind = size * width, 0
        if not 0 <= count < LONGEST:
            raise Unreadable(keys, "no keys of a dict")
        words = 2 if kind else 3  # without, or with the hash before them
        start = keys + self.table["dict_keys.dk_indices"] + index_bytes
        numbers = self._pointers(start, count * words)
        names = numbers[words - 2 :: words]
        if values:
            return iter(list(zip(names, self._pointers(values, count))))
        return iter(list(zip(names, numbers[words - 1 :: words])))

    def _pointers(self, address: int, count: int) -> list[int]:
        return list(struct.unpack(f"<{count}Q", self.memory.read(address, 8 * count)))

    # Attributes

    def attributes(self, address: int) -> dict[str, int]:
        """The addresses of the attributes that an instance has in its dict and its slots."""
        own = self.class_of(address)
        found = self._slots(address, own)
        found.update(self._in_dict(address, own))
        return found

    def attribute(self, address: int, name: str) -> int:
        """The address of one of them; 0 if there is none of this name."""
        return self.attributes(address).get(name, 0)

    def class_attribute(self, type_address: int, name: str) -> int:
        """What a type, or one that it derives from by first bases, has by a name; 0 if nothing."""
        for each in self.bases(type_address):
            own = self.memory.pointer(each.address + self.table["type.tp_dict"])
            found = self.dict_by_text(own).get(name, 0) if own else 0
            if found:
                return found
        return 0

    def _in_dict(self, address: int, own: Class) -> dict[str, int]:
        memory = self.memory
        if own.flags & MANAGED_DICT and self.python >= (3, 11):
            held = memory.pointer(address - 24)
            if self.python == (3, 11):
                values = memory.pointer(address - 32)
            elif self.python == (3, 12):
                values, held = (held + 1, 0) if held & 1 else (0, held)
            else:
                values = address + own.basic_size if own.flags & INLINE_VALUES and not held else 0
                if values and not memory.read(values + 3, 1)[0]:  # they have been given up
                    values = 0
            if values:
                keys = memory.pointer(own.address + self.table["heap_type.ht_cached_keys"])
                entries = self._entries(keys, self._values_at(values))
                return {self.text(key): value for key, value in entries if key and value}
            return self.dict_by_text(held) if held else {}
        offset = own.dict_offset
        if offset < 0:
            size = own.basic_size + abs(self.size(address)) * own.item_size
            offset += (size + 7) // 8 * 8
        if offset <= 0:
            return {}
        held = memory.pointer(address + offset)
        return self.dict_by_text(held) if held else {}

    def _slots(self, address: int, own: Class) -> dict[str, int]:
        """What lies in __slots__, of which it is the bases that know."""
        offsets = self._slot_offsets.get(own.address)
        if offsets is None:
            offsets = self._slot_offsets[own.address] = {}
            for each in self.bases(own.address):
                for name, offset in self._slots_of(each).items():
                    offsets.setdefault(name, offset)
        return {
            name: value
            for name, offset in offsets.items()
            if (value := self.memory.pointer(address + offset))
        }

    def _slots_of(self, own: Class) -> dict[str, int]:
        known = self._member_offsets.get(own.address)
        if known is None:
            known = self._member_offsets[own.address] = {}
            if own.flags & HEAP_TYPE:
                table, memory = self.table, self.memory
                members = memory.pointer(own.address + table["type.tp_dict"])
                for name, value in self.dict_by_text(members).items():
                    if self.type_of(value) == table["types.member_descriptor"]:
                        member = memory.pointer(value + table["member_descriptor.d_member"])
                        kind = memory.unpack(INT, member + table["member_def.type"])[0]
                        if kind in (MEMBER_OBJECT, MEMBER_OBJECT_OR_ERROR):
                            known[name] = memory.pointer(member + table["member_def.offset"])
        return known

    # Code

    def code(self, address: int) -> Code:
        """A code object."""
        found = self._codes.get(address)
        if found is None:
            found = self._codes[address] = self._read_code(address)
        return found

    def _read_code(self, address: int) -> Code:
        table, memory = self.table, self.memory
        if self.type_of(address) != table["types.code"]:
            raise Unreadable(address, "no code object")
        filename, name, first, line_table = self._code.read(memory, address)
        name = self.text(name)
        if self.python >= (3, 11):
            qualname = self.text(memory.pointer(address + table["code.co_qualname"]))
            start = address + table["code.co_code_adaptive"]
            size = 2 * self.size(address)
            decode = lines.decode_311
        else:
            qualname = name
            start, size = 0, self.size(memory.pointer(address + table["code.co_code"]))
            decode = lines.decode_310
        return Code(
            address,
            self.text(filename),
            name,
            qualname,
            first,
            start,
            size,
            decode(self.data(line_table), first),
        )

    def variables(self, frame: int, code: Code) -> dict[str, int]:
        """The addresses of a frame's local variables, also of those from outer functions."""
        table, memory = self.table, self.memory
        names, kinds = self._variables_of(code)
        found = {}
        for name, kind, value in zip(
            names, kinds, self._pointers(self.variables_at(frame), len(names))
        ):
            value &= ~TAGS
            in_cell = value and kind & (FAST_CELL | FAST_FREE)
            if in_cell and self.type_of(value) == table["types.cell"]:
                value = memory.pointer(value + table["cell.ob_ref"])
            if value:
                found[name] = value
        return found

    def variables_at(self, frame: int) -> int:
        """Where a frame's variables lie, and above them its evaluation stack."""
        if self.python >= (3, 11):
            return frame + self.table["frame.localsplus"]
        return frame + self.table["frame_object.f_localsplus"]

    def variable_count(self, code: Code) -> int:
        """How many variables a frame of this code has."""
        return len(self._variables_of(code)[0])

    def _variables_of(self, code: Code) -> tuple[list[str], bytes]:
        """The names of a code's variables, and their kinds."""
        known = self._variables.get(code.address)
        if known is not None:
            return known
        table, memory = self.table, self.memory
        if self.python >= (3, 11):
            names = self.items(memory.pointer(code.address + table["code.co_localsplusnames"]))
            kinds = self.data(memory.pointer(code.address + table["code.co_localspluskinds"]))
        else:
            groups = [
                self.items(memory.pointer(code.address + table[f"code.{each}"]))
                for each in ("co_varnames", "co_cellvars", "co_freevars")
            ]
            names = [each for group in groups for each in group]
            kinds = bytes(len(groups[0])) + bytes([FAST_CELL]) * (len(names) - len(groups[0]))
        found = self._variables[code.address] = [self.text(each) for each in names], kinds
        return found

    def function(self, address: int) -> Function:
        """What a callable is called, and where it is defined."""
        found = self._functions.get(address)
        if found is None:
            found = self._functions[address] = self._read_function(address, 5)
        return found

    def method_name(self, address: int) -> str:
        """The name of a bound method, or of a builtin one, without its class."""
        kind = self.type_of(address)
        if kind == self.table["types.builtin"]:
            return self._builtin_name(address)
        inner = self.memory.pointer(address + self.table["method.im_func"])
        return self.function(inner).name.rpartition(".")[2]

    def _read_function(self, address: int, depth: int) -> Function:
        table, memory = self.table, self.memory
        kind = self.type_of(address)
        if kind == table["types.function"]:
            code = self.code(memory.pointer(address + table["function.func_code"]))
            name = self.text(memory.pointer(address + table["function.func_qualname"]))
            return Function(name, code.filename, code.first_line)
        if kind == table["types.method"] and depth:
            inner = memory.pointer(address + table["method.im_func"])
            found = self._read_function(inner, depth - 1)
            if self.class_of(inner).name == CYTHON_FUNCTION:  # its name lacks the class
                bound = memory.pointer(address + table["method.im_self"])
                found = Function(f"{self.class_of(bound).name}.{found.name}")
            return found
        own = self.class_at(kind)
        if own.name == CYTHON_FUNCTION:  # derives from that of a builtin
            return Function(self._builtin_name(address))
        if kind == table["types.builtin"]:
            name = self._builtin_name(address)
            bound = memory.pointer(address + table["builtin.m_self"])
            if bound and self.type_of(bound) != table["types.module"]:
                name = f"{self.class_of(bound).name}.{name}"
            return Function(name)
        if own.full_name == "functools.partial" and depth:
            inner = memory.pointer(address + table["object.size"])
            found = self._read_function(inner, depth - 1)
            return Function(f"partial({found.name})", found.filename, found.line)
        if own.flags & TYPE:
            return Function(self.class_at(address).full_name)
        return Function(f"{own.full_name} object")

    def _builtin_name(self, address: int) -> str:
        definition = self.memory.pointer(address + self.table["builtin.m_ml"])
        found = self._builtin_names.get(definition)
        if found is None:
            name = self.memory.pointer(definition + self.table["method_def.ml_name"])
            found = self._builtin_names[definition] = self.memory.text(name)
        return found

    # Anything

    def value(self, address: int, depth: int = 3) -> Any:
        """A str, bytes, int, float, bool, None, tuple, list, set or dict, as far as `depth` nested
        containers go. Anything else comes as its text: "<module.Type object>".
        """
        table = self.table
        if not address:
            return None
        if address == table["objects.none"]:
            return None
        kind = self.type_of(address)
        own = self.class_at(kind)
        if kind == table["types.bool"]:
            return self.integer(address) != 0
        if own.flags & UNICODE:
            return self.text(address)
        if own.flags & BYTES:
            return self.data(address)
        if own.flags & LONG:
            return self.integer(address)
        if kind == table["types.float"]:
            return self.real(address)
        if depth > 0:
            if own.flags & TUPLE:
                return tuple(self.value(each, depth - 1) for each in self.items(address))
            if own.flags & LIST:
                return [self.value(each, depth - 1) for each in self.items(address)]
            if own.flags & DICT:
                return {
                    _hashable(self.value(key, depth - 1)): self.value(value, depth - 1)
                    for key, value in self.dict_items(address)
                }
            if kind in (table["types.set"], table["types.frozenset"]):
                return {_hashable(self.value(each, depth - 1)) for each in self.members(address)}
        return f"<{own.full_name} object>"

    def module(self, name: str) -> dict[str, int] | None:
        """The names of a module that was imported; None if it was not."""
        modules = self.memory.pointer(
            self.table["objects.interpreter"] + self.table["interpreter.modules"]
        )
        found = self.dict_by_text(modules).get(name, 0)
        if not found:
            return None
        return self.dict_by_text(self.memory.pointer(found + self.table["module.md_dict"]))


def _hashable(value: Any) -> Any:
    try:
        hash(value)
    except TypeError:
        return repr(value)
    return value

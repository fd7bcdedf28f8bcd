"""Core files: ELF files with the memory of a process that has ended."""

from __future__ import annotations

import bisect
import mmap
import os
import stat
import struct

from .errors import IntrospectionError, Unreadable
from .maps import Mapping
from .memory import Block, Memory

ELF_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
PROGRAM_HEADER = struct.Struct("<IIQQQQQQ")
SECTION_INFO = struct.Struct("<44xI")  # the field sh_info
NOTE = struct.Struct("<III")
CORE = 4
LOAD, NOTES = 1, 4
MANY_SEGMENTS = 0xFFFF
PRSTATUS, PRPSINFO, FILES = 1, 3, 0x46494C45
PRSTATUS_PID, PRPSINFO_PID = 32, 24


class CoreMemory(Memory):
    """Memory from a core file, and what such a file leaves out from the files that were mapped.

    `mappings` are those of files; `thread_ids` the system's numbers of the threads. Raises
    IntrospectionError if the file is no core file of a 64-bit little-endian process, and OSError
    if it cannot be read.
    """

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path
        self.mappings: list[Mapping] = []
        self.thread_ids: list[int] = []
        self.pid = 0  # that the process had
        self._files: dict[str, memoryview | None] = {}
        self._data = self._map(path)
        try:
            self._load()
        except (struct.error, ValueError, IndexError) as error:
            raise IntrospectionError(f"{path} is damaged: {error}") from None
        self._map_starts = [each.start for each in self.mappings]

    def _map(self, path: str) -> memoryview:
        if not stat.S_ISREG(os.stat(path).st_mode):  # one could wait for a pipe for ever
            raise IntrospectionError(f"{path} is not a regular file")
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_size == 0:
                raise IntrospectionError(f"{path} is empty")
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))

    def _load(self) -> None:
        data, path = self._data, self.path
        if bytes(data[:4]) != b"\x7fELF":
            raise IntrospectionError(f"{path} is no ELF file, as core files are")
        if data[4] != 2 or data[5] != 1:
            raise IntrospectionError(f"{path} is not of a 64-bit little-endian process")
        header = ELF_HEADER.unpack_from(data)
        if header[1] != CORE:
            raise IntrospectionError(f"{path} is an ELF file, but no core file")
        at, sections, size, count = header[5], header[6], header[9], header[10]
        if count == MANY_SEGMENTS and sections:
            count = SECTION_INFO.unpack_from(data, sections)[0]
        if size < PROGRAM_HEADER.size or at + count * size > len(data):
            raise ValueError("its headers are missing")
        missing = 0
        for i in range(count):
            kind, _, offset, address, _, file_size, _, _ = PROGRAM_HEADER.unpack_from(
                data, at + i * size
            )
            if kind == NOTES:
                self._load_notes(data[offset : offset + file_size])
            elif kind == LOAD and file_size:
                block = data[offset : offset + file_size]
                missing += file_size - len(block)
                if block:
                    self.add(address, block)
        if missing:
            raise IntrospectionError(
                f"{path} is cut off: {missing:,} bytes are missing, as if by a limit (ulimit -c)"
            )

    def _load_notes(self, data: memoryview) -> None:
        at = 0
        while at + NOTE.size <= len(data):
            name_size, size, kind = NOTE.unpack_from(data, at)
            start = at + NOTE.size + (name_size + 3) // 4 * 4
            note = data[start : start + size]
            if kind == PRSTATUS:
                self.thread_ids.append(struct.unpack_from("<i", note, PRSTATUS_PID)[0])
            elif kind == PRPSINFO:
                self.pid = struct.unpack_from("<i", note, PRPSINFO_PID)[0]
            elif kind == FILES:
                self._load_files(bytes(note))
            at = start + (size + 3) // 4 * 4

    def _load_files(self, note: bytes) -> None:
        count, page = struct.unpack_from("<QQ", note)
        names = note[16 + 24 * count :].split(b"\0")
        for i in range(count):
            start, stop, offset = struct.unpack_from("<QQQ", note, 16 + 24 * i)
            path = os.fsdecode(names[i])
            self.mappings.append(Mapping(start, stop, "", offset * page, path))

    def _fetch(self, address: int) -> Block:
        i = bisect.bisect(self._map_starts, address) - 1
        if i < 0 or address >= self.mappings[i].stop:
            raise Unreadable(address)
        mapping = self.mappings[i]
        if mapping.path not in self._files:
            try:
                self._files[mapping.path] = self._map(mapping.path)
            except (OSError, ValueError, IntrospectionError):
                self._files[mapping.path] = None
        data = self._files[mapping.path]
        if data is None:
            raise Unreadable(address, f"memory of {mapping.path}, which is not here, is needed")
        part = data[mapping.offset : mapping.offset + mapping.stop - mapping.start]
        if address - mapping.start >= len(part):
            raise Unreadable(address)
        return Block(mapping.start, part)

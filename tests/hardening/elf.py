"""Reads what an ELF file of 64 bits says about how it is to be loaded. Standard library only."""

from __future__ import annotations

import pathlib
import struct
from dataclasses import dataclass, field

LOAD, DYNAMIC, INTERP = 1, 2, 3
GNU_STACK, GNU_RELRO = 0x6474E551, 0x6474E552
EXECUTE, WRITE = 1, 2
NEEDED, STRTAB, SYMTAB, RPATH, TEXTREL, FLAGS, RUNPATH, FLAGS_1 = 1, 5, 6, 15, 22, 30, 29, 0x6FFFFFFB
DF_TEXTREL, DF_BIND_NOW, DF_1_NOW, DF_1_PIE = 0x4, 0x8, 0x1, 0x08000000
ENDBR64 = b"\xf3\x0f\x1e\xfa"


@dataclass(frozen=True)
class Segment:
    kind: int
    flags: int
    offset: int
    address: int
    size: int


@dataclass
class Elf:
    path: pathlib.Path
    kind: int = 0  # 2 = at a fixed address, 3 = anywhere
    segments: list[Segment] = field(default_factory=list)
    dynamic: dict[int, list[int]] = field(default_factory=dict)
    undefined: set[str] = field(default_factory=set)  # symbols taken from others
    defined: dict[str, int] = field(default_factory=dict)  # symbols for others, with their address
    data: bytes = b""

    @classmethod
    def read(cls, path: pathlib.Path) -> Elf:
        data = path.read_bytes()
        assert data[:6] == b"\x7fELF\x02\x01", f"{path} is no little-endian ELF file of 64 bits"
        elf = cls(path=path, data=data, kind=struct.unpack_from("<H", data, 16)[0])
        start, entry_size, count = (*struct.unpack_from("<Q", data, 32), *struct.unpack_from("<HH", data, 54))
        for i in range(count):
            kind, flags, offset, address, _, size = struct.unpack_from("<IIQQQQ", data, start + i * entry_size)
            elf.segments.append(Segment(kind, flags, offset, address, size))
        elf.read_dynamic()
        elf.read_symbols()
        return elf

    def segment(self, kind: int) -> Segment | None:
        return next((segment for segment in self.segments if segment.kind == kind), None)

    def offset_of(self, address: int) -> int:
        for segment in self.segments:
            if segment.kind == LOAD and segment.address <= address < segment.address + segment.size:
                return address - segment.address + segment.offset
        raise ValueError(f"{self.path}: nothing is loaded at {address:#x}")

    def read_dynamic(self) -> None:
        place = self.segment(DYNAMIC)
        assert place is not None, f"{self.path} is linked statically"
        for at in range(place.offset, place.offset + place.size, 16):
            tag, value = struct.unpack_from("<QQ", self.data, at)
            if tag == 0:
                break
            self.dynamic.setdefault(tag, []).append(value)

    def text(self, offset: int) -> str:
        at = self.offset_of(self.dynamic[STRTAB][0]) + offset
        return self.data[at : self.data.index(b"\0", at)].decode()

    def read_symbols(self) -> None:
        # The table has no length of its own; linkers put the strings behind it.
        at, end = self.offset_of(self.dynamic[SYMTAB][0]), self.offset_of(self.dynamic[STRTAB][0])
        assert at < end, f"{self.path}: the symbols do not lie before their names"
        for entry in range(at, end - 23, 24):
            name, info, _, section, address, _ = struct.unpack_from("<IBBHQQ", self.data, entry)
            if name == 0 or info & 0xF > 10:
                continue
            if section == 0:
                self.undefined.add(self.text(name))
            else:
                self.defined[self.text(name)] = address

    def flag(self, tag: int, bit: int) -> bool:
        return any(value & bit for value in self.dynamic.get(tag, []))

    def search_paths(self) -> list[str]:
        return [self.text(value) for tag in (RPATH, RUNPATH) for value in self.dynamic.get(tag, [])]

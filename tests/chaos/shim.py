"""The driver's side of faults/shim.c: says which calls of a program fail, and how far its clock is off."""

from __future__ import annotations

import errno
import mmap
import pathlib
import struct

KINDS = {
    "open": 1,
    "read": 2,
    "write": 4,
    "sync": 8,
    "rename": 16,
    "truncate": 32,
    "folder": 64,
    "accept": 128,
    "memory": 256,
    "map": 512,
    "socket": 1024,
}
# What the system gives when a call of that kind fails: the first of each is what a full or broken disk says.
ERRORS = {
    "open": ["EMFILE", "EIO", "ENOSPC"],
    "read": ["EIO"],
    "write": ["ENOSPC", "EIO"],
    "sync": ["EIO"],
    "rename": ["EIO", "ENOSPC"],
    "truncate": ["EIO", "ENOSPC"],
    "folder": ["ENOSPC", "EIO"],
    "accept": ["EMFILE", "ENOMEM"],
    "memory": ["ENOMEM"],
    "map": ["ENOMEM"],
    "socket": ["EMFILE"],
}
EVER = 2**62
# kinds, error, first, last, seen, failed, clock_ms, program; as `struct orders`
LAYOUT = struct.Struct("=Iiqqqqq32s")
AT = {"kinds": 0, "error": 4, "first": 8, "last": 16, "seen": 24, "failed": 32, "clock_ms": 40}


class Shim:
    def __init__(self, library: pathlib.Path, folder: pathlib.Path, program: str = "headrace") -> None:
        self.library, self.path = library, folder / "faults"
        self.path.write_bytes(LAYOUT.pack(0, 0, 0, 0, 0, 0, 0, program.encode()))
        with self.path.open("r+b") as file:
            self.map = mmap.mmap(file.fileno(), LAYOUT.size)

    @property
    def env(self) -> dict[str, str]:
        return {"LD_PRELOAD": str(self.library), "HEADRACE_FAULTS": str(self.path)}

    def _put(self, name: str, value: int) -> None:
        struct.pack_into("=I" if name == "kinds" else "=i" if name == "error" else "=q", self.map, AT[name], value)

    def _get(self, name: str) -> int:
        return int(struct.unpack_from("=q", self.map, AT[name])[0])

    def arm(self, kind: str, error: str, first: int, last: int | None = None) -> None:
        """Calls `first` to `last` (only that one when left out) of this kind fail from now on."""
        self.disarm()
        for name in ("seen", "failed"):
            self._put(name, 0)
        self._put("first", first)
        self._put("last", last or first)
        self._put("error", getattr(errno, error))
        self._put("kinds", KINDS[kind])

    def disarm(self) -> None:
        self._put("kinds", 0)

    @property
    def failed(self) -> int:
        return self._get("failed")

    @property
    def seen(self) -> int:
        return self._get("seen")

    def shift_clock(self, ms: int) -> None:
        self._put("clock_ms", ms)

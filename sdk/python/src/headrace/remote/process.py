"""One engine process: its socket, its words on standard output, its memory, its end."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import os
import signal
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from headrace.engine.protocol import MAX_FRAME
from headrace.remote.engine import RemoteEngine

log = logging.getLogger("headrace.remote")
_LENGTH = struct.Struct("<I")
_MEMORY_EVERY = 0.25
_MOST_LINE = 8 << 10
_LINES_PER_SECOND = 200
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


class HostProcess:
    """Begins with `start()`; `wait()` returns the words for how it ended."""

    def __init__(self, engine: RemoteEngine, name: str) -> None:
        self.engine = engine
        self.name = name
        self._reason = ""
        self._process: asyncio.subprocess.Process | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            ours.setblocking(False)
            self._process = await asyncio.create_subprocess_exec(
                *self.engine.command(),
                cwd=self.engine.project.directory,
                env=self.engine.environment | {"HEADRACE_LINK_FD": str(theirs.fileno())},
                pass_fds=[theirs.fileno()],
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                limit=_MOST_LINE,
                start_new_session=True,
                preexec_fn=_die_with(os.getpid()),
            )
        self._reader, self._writer = await asyncio.open_unix_connection(
            sock=ours, limit=2 * MAX_FRAME
        )
        outputs = (("stdout", self._process.stdout), ("stderr", self._process.stderr))
        self._tasks = [
            asyncio.create_task(self._relay(name, pipe)) for name, pipe in outputs if pipe
        ]
        if self.engine.limits.memory_bytes:
            self._tasks.append(
                asyncio.create_task(self._watch_memory(self.engine.limits.memory_bytes))
            )

    async def send(self, frame: bytes) -> None:
        """Waits while the host does not read. A host that is gone is told by wait()."""
        with contextlib.suppress(ConnectionError):
            self._writer.write(_LENGTH.pack(len(frame)) + frame)
            await self._writer.drain()

    async def frames(self) -> AsyncIterator[bytes]:
        """What the host says, until its link closes."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                (size,) = _LENGTH.unpack(await self._reader.readexactly(_LENGTH.size))
                if size > MAX_FRAME:
                    self.kill(f"a frame of {size} bytes")
                    return
                yield await self._reader.readexactly(size)

    def terminate(self) -> None:
        """Asks it to end what it runs, then itself."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)

    def kill(self, reason: str) -> None:
        self._reason = self._reason or reason
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    async def wait(self) -> str:
        assert self._process is not None
        status = await self._process.wait()
        for task in self._tasks[:2]:  # its last words
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(task, 1)
        for task in self._tasks:
            task.cancel()
        self._writer.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)  # whatever it has left behind
        words = f"exit status {status}" if status >= 0 else f"killed by signal {-status}"
        return self._reason or words

    async def _relay(self, stream: str, pipe: asyncio.StreamReader) -> None:
        second, lines = 0, 0
        while True:
            try:
                line = await pipe.readuntil(b"\n")
            except asyncio.IncompleteReadError as end:
                line = end.partial
            except asyncio.LimitOverrunError as long:
                line = await pipe.read(long.consumed)
            if not line:
                return
            now = int(time.monotonic())
            second, lines = (second, lines + 1) if now == second else (now, 1)
            if lines <= _LINES_PER_SECOND:
                text = line.decode("utf-8", "replace").rstrip()
                log.info(
                    "engine says engine=%s pid=%d stream=%s line=%s",
                    self.name,
                    self.pid,
                    stream,
                    text,
                )

    async def _watch_memory(self, most: int) -> None:
        while True:
            await asyncio.sleep(_MEMORY_EVERY)
            if resident_bytes(self.pid) > most:
                return self.kill(f"memory limit {most >> 20} MiB passed")


def resident_bytes(pid: int) -> int:
    """Of the process and its children; 0 when it is gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGESIZE") + sum(resident_bytes(int(child)) for child in children)


def _die_with(parent: int) -> Callable[[], None]:
    def run() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the line above
            os._exit(127)

    return run

"""What does not fit one frame: parts that arrive and leave as chunks, and their windows."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from headrace.engine.base import Job
from headrace.engine.codec import ProtocolError
from headrace.engine.protocol import Chunk

SPOOL_ABOVE = 1 << 20
"""Media above this size is kept in a file."""


class Inbox:
    """Collects the parts of one job until all are in. Used by the reader's thread alone."""

    def __init__(
        self, values: bytes, values_size: int, parts: int, directory: Callable[[], str]
    ) -> None:
        self.values = values
        self.parts: dict[int, bytes | Path] = {}
        self._open: dict[int, _Part] = {number: _Part(directory) for number in range(1, parts + 1)}
        self._values_size = values_size
        if values_size:
            self._open[0] = _Part(None)

    @property
    def complete(self) -> bool:
        return not self._open

    def add(self, chunk: Chunk) -> None:
        part = self._open.get(chunk.part)
        if part is None:
            raise ProtocolError(f"a chunk of part {chunk.part}, which is not awaited")
        part.write(chunk.data)
        if not chunk.last:
            return
        del self._open[chunk.part]
        content = part.close()
        if chunk.part:
            self.parts[chunk.part] = content
        elif isinstance(content, bytes):
            if len(content) != self._values_size:
                raise ProtocolError(f"values of {len(content)} bytes, not {self._values_size}")
            self.values = content

    def discard(self) -> None:
        """Removes the files of parts that nobody will take."""
        for part in self._open.values():
            self.parts[-1] = part.close()
            _unlink(self.parts[-1])
        self._open.clear()
        for content in self.parts.values():
            _unlink(content)
        self.parts.clear()


def _unlink(content: bytes | Path) -> None:
    if isinstance(content, Path):
        content.unlink(missing_ok=True)


class _Part:
    def __init__(self, directory: Callable[[], str] | None) -> None:
        self._directory = directory
        self._data = bytearray()
        self._file: int | None = None
        self._path = ""

    def write(self, data: bytes) -> None:
        if self._file is None and self._directory and len(self._data) + len(data) > SPOOL_ABOVE:
            self._file, self._path = tempfile.mkstemp(prefix="part-", dir=self._directory())
            _write_all(self._file, self._data)
            self._data.clear()
        if self._file is None:
            self._data += data
        else:
            _write_all(self._file, data)

    def close(self) -> bytes | Path:
        if self._file is None:
            return bytes(self._data)
        os.close(self._file)
        return Path(self._path)


def _write_all(file: int, data: bytes | bytearray) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


class Allowance:
    """Bytes that may be sent for one job before the other side has made room."""

    def __init__(self, window: int) -> None:
        self._window = self._free = window
        self._changed = threading.Condition()

    def release(self, size: int) -> None:
        with self._changed:
            self._free += size
            self._changed.notify_all()

    def wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def try_take(self, size: int) -> bool:
        with self._changed:
            if not self._fits(size):
                return False
            self._free -= size
            return True

    def take(self, size: int, job: Job) -> None:
        """Waits for room; raises Cancelled when the job is no longer wanted."""
        with self._changed:
            self._changed.wait_for(lambda: job.cancelled or self._fits(size))
            job.check_cancelled()
            self._free -= size

    def _fits(self, size: int) -> bool:
        # What is bigger than the whole window goes when nothing else is under way.
        return self._free >= size or self._free >= self._window


class Spool:
    """This process's folder for big media. A killed process's folder is removed by the next one."""

    def __init__(self) -> None:
        self._root = Path(tempfile.gettempdir())
        self._path = ""
        self._making = threading.Lock()
        for old in self._root.glob("headrace-engine-*"):
            self._sweep(old)

    def directory(self) -> str:
        """The folder's path; it is made when it is asked for first."""
        with self._making:
            while not self._path:
                path = tempfile.mkdtemp(prefix=f"headrace-engine-{os.getpid()}-", dir=self._root)
                self._lock = os.open(os.path.join(path, "lock"), os.O_CREAT | os.O_RDWR, 0o600)
                fcntl.flock(self._lock, fcntl.LOCK_EX)
                if os.path.exists(os.path.join(path, "lock")):
                    self._path = path
                else:  # another process swept it before it was locked
                    os.close(self._lock)
            return self._path

    @staticmethod
    def _sweep(folder: Path) -> None:
        """Removes the folder unless a live process holds its lock."""
        if not re.fullmatch(r"headrace-engine-\d+-\w+", folder.name) or folder.is_symlink():
            return
        try:
            if folder.stat().st_uid != os.getuid():
                return
            lock = os.open(folder / "lock", os.O_RDWR | os.O_NOFOLLOW)
        except OSError:
            return
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            pass
        finally:
            os.close(lock)

    def remove(self) -> None:
        if self._path:
            shutil.rmtree(self._path, ignore_errors=True)

"""Where the content of a file goes."""

from __future__ import annotations

import os
from pathlib import Path

import httpx

from headrace.errors import ProtocolViolationError
from headrace.models import File, MediaOutput


def file_id(file: File | MediaOutput | str) -> str:
    if isinstance(file, File):
        return file.id
    return file.file_id if isinstance(file, MediaOutput) else file


class Sink:
    """Where a download goes: memory, or a file that takes its name once it is whole."""

    def __init__(self, to: str | os.PathLike[str] | None) -> None:
        self.received = 0
        self.etag = ""
        self._path = Path(to) if to is not None else None
        self._part = self._path.with_name(self._path.name + ".part") if self._path else None
        self._file = self._part.open("wb") if self._part else None
        self._memory = bytearray()
        self._expected: int | None = None

    def __enter__(self) -> Sink:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
        if self._part is not None:
            self._part.unlink(missing_ok=True)

    def begin(self, response: httpx.Response) -> None:
        """A new answer: the rest of the content, or all of it again."""
        self.etag = response.headers.get("etag", "")
        if response.status_code != 206 and self.received:
            self.received = 0
            self._memory.clear()
            if self._file is not None:
                self._file.seek(0)
                self._file.truncate()
        size = response.headers.get("content-length", "")
        self._expected = self.received + int(size) if size.isdigit() else None

    def write(self, piece: bytes) -> None:
        self.received += len(piece)
        if self._file is not None:
            self._file.write(piece)
        else:
            self._memory += piece

    def finish(self) -> bytes:
        if self._expected is not None and self.received != self._expected:
            raise ProtocolViolationError(
                f"the file has {self.received} bytes instead of {self._expected}"
            )
        if self._file is not None and self._part is not None and self._path is not None:
            self._file.close()
            self._part.replace(self._path)
        return bytes(self._memory)

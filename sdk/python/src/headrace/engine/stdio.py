"""Standard output and error while jobs run: a job's lines go to its log."""

from __future__ import annotations

import io
import sys
from typing import BinaryIO, TextIO

from headrace.engine.base import Job, jobs_here

MAX_LINE = 16 << 10


class JobStream(io.TextIOBase):
    """Stands in for `sys.stdout` or `sys.stderr`. Lines that no job wrote go to the real stream."""

    def __init__(self, name: str, real: TextIO) -> None:
        self._name = name
        self._real = real

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "utf-8"

    @property
    def buffer(self) -> BinaryIO:
        return self._real.buffer

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return False

    def fileno(self) -> int:
        return self._real.fileno()

    def write(self, text: str, /) -> int:
        jobs = jobs_here()
        if not jobs:
            return self._real.write(text)
        for job in jobs:
            self._write(job, text)
        return len(text)

    def flush(self) -> None:
        if not jobs_here():
            self._real.flush()

    def _write(self, job: Job, text: str) -> None:
        text = job.partial_lines.pop(self._name, "") + text
        while True:
            line, newline, rest = text.partition("\n")
            if len(line) > MAX_LINE:
                job.outlet.log(job, self._name, line[:MAX_LINE])
                text = text[MAX_LINE:]
            elif newline:
                job.outlet.log(job, self._name, line.rpartition("\r")[2] or line.rstrip("\r"))
                text = rest
            else:
                break
        if text:
            job.partial_lines[self._name] = text


def flush_lines(job: Job) -> None:
    """Sends what a finished job left without a newline."""
    for name, text in job.partial_lines.items():
        job.outlet.log(job, name, text)
    job.partial_lines.clear()


def install() -> None:
    """Puts the streams in place; real standard output becomes standard error, as the link is apart
    from both and nobody reads the former."""
    real = sys.__stderr__
    if real is None:
        return
    sys.stdout = JobStream("stdout", real)
    sys.stderr = JobStream("stderr", real)
